//! Any bytes as a text log of SetupAPI: lines, entries, sections, what they tell, in every form.
#![no_main]

use diagnosis::setup::{Wanted, diagnose};
use evidence::setup_log::{Header, Lines, Piece, Pieces, Row, is_setup_log, other_log, text};
use libfuzzer_sys::fuzz_target;
use report::{Look, setup_log_html, setup_log_json, setup_log_text};

const PLAIN: Look<'static> = Look { colour: false, source: &|_, _| None };

fuzz_target!(|data: &[u8]| {
    let _ = (is_setup_log(data), other_log(data), Header::read(data));
    for line in Lines::new(data) {
        let Row::Entry(entry) = line.row() else { continue };
        assert!(entry.message.len() <= line.bytes.len());
        let _ = text(entry.message);
    }
    let (mut end, mut number) = (0, 0);
    for piece in Pieces::new(data) {
        let Piece::Section(section) = piece else { continue };
        number += 1;
        assert!(section.number == number && section.offset >= end);
        assert!(section.end > section.offset && section.end <= data.len() as u64);
        end = section.end;
        let first = section.lines(data).next().expect("its first line");
        assert_eq!((first.number, first.offset), (section.line, section.offset));
    }
    for wanted in [Wanted::Usual, Wanted::All] {
        let log = diagnose(data, wanted);
        assert_eq!(log.sections, number);
        for story in &log.stories {
            let spent: u64 = story.stages.iter().map(|stage| stage.millis).sum();
            assert!(story.stages.iter().all(|stage| stage.millis > 0 && stage.millis <= spent));
        }
        let page = setup_log_text("log", &log, wanted == Wanted::All, &PLAIN);
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
        let page = setup_log_html("log", &log);
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()) && !page.contains("<script"));
        let _ = setup_log_json("log", &log, true).expect("a document");
    }
});

//! Any bytes as a text log of SetupAPI: lines, entries, sections.
#![no_main]

use evidence::setup_log::{Header, Lines, Piece, Pieces, Row, is_setup_log, other_log, text};
use libfuzzer_sys::fuzz_target;

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
});

//! Real logs of Windows 7 and 10, held against what is known of them.
//!
//! The files are not part of the project: `BUGCHECK_CORPUS`, or `../shared/corpus` beside the repository.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use evidence::setup_log::{Brace, Header, Piece, Pieces, Row, Section, is_setup_log};
use std::path::{Path, PathBuf};

fn corpus(name: &str) -> Option<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join("setup_logs").join(name);
    let found = std::fs::read(&path);
    if let Err(error) = &found {
        println!("SKIPPED: {}: {error}", path.display());
    }
    let data = found.ok()?;
    assert!(is_setup_log(&data), "{name}");
    Some(data)
}

fn sections(data: &[u8]) -> Vec<Section> {
    let pieces = Pieces::new(data);
    pieces
        .filter_map(|piece| match piece {
            Piece::Section(section) => Some(section),
            _ => None,
        })
        .collect()
}

/// Times at the ends of entries, and sections that have both of theirs.
fn times(data: &[u8]) -> (usize, usize) {
    let sections = sections(data);
    let clocks = sections
        .iter()
        .flat_map(|section| section.lines(data))
        .filter(|line| matches!(line.row(), Row::Entry(entry) if entry.clock.is_some()));
    (clocks.count(), sections.iter().filter(|it| it.begun.is_some() && it.ended.is_some()).count())
}

/// Every section and time stamp that grep finds, no-break spaces having been made blanks:
/// `grep -cE '^[^<>].* [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}.?$'` and `grep -c '^>>>  Section start'`,
/// which are as many as `'^<<<  Section end'`.
#[test]
fn every_time_is_found() {
    for (name, clocks, whole) in [
        ("plaso-setupapi.dev.log", 2467, 194),
        ("plaso-setupapi.setup.log", 502, 16),
        ("win7-no-driver.log", 17, 1),
        ("win7-update-success.log", 54, 1),
    ] {
        let Some(data) = corpus(name) else { continue };
        assert_eq!(times(&data), (clocks, whole), "{name}");
    }
}

/// Groups that are closed under another name than they were opened with, or never.
fn unbalanced(data: &[u8], section: &Section) -> usize {
    let mut open: Vec<Vec<u8>> = Vec::new();
    let mut lost = 0;
    for line in section.lines(data) {
        let Row::Entry(entry) = line.row() else { continue };
        match entry.brace {
            Some(Brace::Open(title)) => open.push(title.to_ascii_lowercase()),
            Some(Brace::Close { title, .. }) => {
                let title = title.to_ascii_lowercase();
                let opened = open.pop().unwrap_or_default();
                lost += usize::from(!opened.starts_with(title.get(..4).unwrap_or(&title)));
            }
            None => {}
        }
    }
    lost + open.len()
}

#[test]
fn a_log_of_windows_10() {
    let Some(data) = corpus("plaso-setupapi.dev.log") else { return };
    let header = Header::read(&data).expect("a header");
    assert_eq!(header.get("OS Version"), Some("10.0.10240"));
    let sections = sections(&data);
    assert_eq!(sections.len(), 194);
    let it = &sections[28];
    assert_eq!((it.number, it.name.as_str()), (29, "Device Install (DiInstallDriver)"));
    assert!(it.instance.ends_with(r"\prnms003.inf"), "{}", it.instance);
    assert_eq!(it.begun.expect("start").to_string(), "2016/10/12 03:36:30.936");
    assert_eq!(it.ended.expect("end").to_string(), "2016/10/12 03:36:30.998");
    assert_eq!((it.success, it.exit.as_str()), (Some(true), "SUCCESS"));
    let boots = Pieces::new(&data).filter(|piece| matches!(piece, Piece::Boot(_))).count();
    let loose = Pieces::new(&data).filter(|piece| matches!(piece, Piece::Loose(_))).count();
    assert_eq!((boots, loose), (12, 0));
    for section in &sections {
        assert_eq!(section.success, Some(true), "{}", section.number);
        assert_eq!(unbalanced(&data, section), 0, "section {}", section.number);
    }
}

#[test]
fn a_log_of_setup() {
    let Some(data) = corpus("plaso-setupapi.setup.log") else { return };
    let sections = sections(&data);
    let last = sections.last().expect("a section");
    assert_eq!(sections.len(), 16);
    assert_eq!(last.begun.expect("start").to_string(), "2015/11/22 17:57:17.502");
    assert_eq!(last.ended.expect("end").to_string(), "2015/11/22 17:57:17.704");
}

#[test]
fn pieces_that_somebody_pasted() {
    let Some(data) = corpus("win7-no-driver.log") else { return };
    let [failed] = &sections(&data)[..] else { panic!("one section") };
    assert_eq!((failed.success, failed.code), (Some(false), Some(0xe000_0203)));
    assert_eq!((failed.millis(), failed.warnings), (Some(430), 6));
    assert_eq!(unbalanced(&data, failed), 0);
    let Some(data) = corpus("win7-update-success.log") else { return };
    let [updated] = &sections(&data)[..] else { panic!("one section") };
    assert_eq!((updated.success, updated.millis()), (Some(true), Some(39_874)));
    assert_eq!(unbalanced(&data, updated), 0);
}

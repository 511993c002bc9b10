//! Real event logs give the processes that the crate's own dump of the events has.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use evtx::EvtxParser;
use processes::records::{Hint, read};
use processes::{Event, What};
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/event_logs");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: ../shared/corpus/event_logs is not there");
    None
}

/// How often `needle` stands in the dump of the events as XML.
fn dumped(data: &[u8]) -> (u64, u64, u64) {
    let mut parser = EvtxParser::from_buffer(data.to_vec()).expect("an event log");
    let (mut records, mut starts, mut ends) = (0, 0, 0);
    for record in parser.records() {
        let Ok(record) = record else { continue };
        records += 1;
        let text: String = record.data.split_whitespace().collect::<Vec<_>>().join(" ");
        let is = |id: &str| text.contains(&format!("<EventID>{id}</EventID>"));
        let sysmon = text.contains("Name=\"Microsoft-Windows-Sysmon\"");
        let security = text.contains("Name=\"Microsoft-Windows-Security-Auditing\"");
        starts += u64::from(sysmon && is("1") || security && is("4688"));
        ends += u64::from(sysmon && is("5") || security && is("4689"));
    }
    (records, starts, ends)
}

#[test]
fn event_logs_have_as_many_processes_as_their_dump() {
    let Some(folder) = folder() else { return };
    for (name, records, starts, ends) in [
        ("ob-sysmon.evtx", 358, 227, 0),
        ("sb-PanacheSysmon01.evtx", 565, 511, 1),
        ("sb-sysmon_13_1.evtx", 25, 19, 2),
        // The crate goes on behind its bad chunks; the first of them comes after 14 records.
        ("ob-sample_with_a_bad_chunk_magic.evtx", 301, 0, 0),
    ] {
        let data = std::fs::read(folder.join(name)).expect("listed");
        let record = read(&data, &Hint::default()).expect("an event log");
        let count = |wanted: fn(&What) -> bool| {
            record.events.iter().filter(|event: &&Event| wanted(&event.what)).count() as u64
        };
        let found = (
            record.read,
            count(|what| matches!(what, What::Start(_))),
            count(|what| matches!(what, What::End(_))),
        );
        assert_eq!(found, dumped(&data), "{name}");
        println!("{name}: {found:?} {:?}", record.notes);
        assert_eq!(found, (records, starts, ends), "{name}");
        for event in &record.events {
            assert!(!event.time.is_none(), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_where_it_is() {
    let Some(folder) = folder() else { return };
    for (name, gaps) in [("ob-sysmon.evtx", 1), ("ob-sample_with_a_bad_chunk_magic.evtx", 3)] {
        let data = std::fs::read(folder.join(name)).expect("listed");
        let record = read(&data, &Hint::default()).expect("an event log");
        let lost: Vec<_> =
            record.events.iter().filter(|event| matches!(event.what, What::Lost(_))).collect();
        println!("{name}: {lost:?}");
        assert_eq!(lost.len(), gaps, "{name}");
        assert!(!record.notes.is_empty(), "{name}");
    }
}

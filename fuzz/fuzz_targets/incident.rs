//! Any bytes as the files of one incident, with a line `~~~~` between them: what is related, on whatever clocks, as
//! text, page and JSON.
#![no_main]

use diagnosis::Nothing;
use diagnosis::incident::{self, Buckets, Evidence, Incident, Settings, universal_by};
use diagnosis::setup::Wanted;
use diagnosis::system_log::{Folder, Source, Watch};
use evidence::crash_dump::Dump;
use evidence::inf::{Inf, Story};
use evidence::process_dump::ProcessDump;
use evidence::setup_log::is_setup_log;
use evidence::system_log::{Format, Reader};
use knowledge::messages::Base;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

const BETWEEN: &[u8] = b"\n~~~~\n";

fn read(name: &str, data: &[u8], before: &[Evidence], settings: &Arc<Settings>) -> Evidence {
    if let Ok(dump) = Dump::parse(data) {
        return incident::of_crash(name, &dump, &diagnosis::crash::diagnose(&dump, &Nothing));
    }
    if let Ok(dump) = ProcessDump::parse(data) {
        return incident::of_process(name, &dump, &diagnosis::process::diagnose(&dump, &Nothing));
    }
    if is_setup_log(data) {
        return incident::of_setup(name, &diagnosis::setup::diagnose(data, Wanted::Incident));
    }
    if evidence::inf::is_one(data)
        && let Ok(inf) = Inf::parse(data)
    {
        return incident::of_inf(name, &inf, &Story::of(&inf, None));
    }
    let format = Format::of(data).unwrap_or(Format::Plain);
    let mut folder = Folder::new(Base::own());
    let moments: Vec<i64> = before.iter().filter_map(Evidence::crashed).collect();
    folder.watch(Watch::new(&moments, Box::new(universal_by(before, settings))));
    let mut reader = Reader::new(format);
    reader.push(data, &mut |record| folder.take(record));
    reader.finish(&mut |record| folder.take(record));
    let source = Source::of(name, format.name(), &reader);
    incident::of_log(&folder.finish(vec![source]), false)
}

fuzz_target!(|data: &[u8]| {
    let settings = Arc::new(Settings::default());
    let mut all: Vec<Evidence> = Vec::new();
    let mut buckets = Buckets::default();
    let mut rest = data;
    for name in ["a/1", "a/2", "a/3", "a/4", "a/5"] {
        let at = rest.windows(BETWEEN.len()).position(|bytes| bytes == BETWEEN);
        let part = &rest[..at.unwrap_or(rest.len())];
        let it = read(name, part, &all, &settings);
        if let Some(row) = &it.crash {
            buckets.add(name, row);
        }
        all.push(it);
        let Some(at) = at else { break };
        rest = &rest[at + BETWEEN.len()..];
    }
    let told = Incident::of(all, 0, Base::own(), &settings);
    // What is related is related by more than one file, and moments are in order.
    for relation in &told.relations {
        let first = &relation.grounds[0].place.file;
        assert!(relation.grounds.iter().any(|ground| ground.place.file != *first));
    }
    assert!(told.timeline.is_sorted_by_key(|moment| moment.micros));
    let look = report::Look { colour: false, source: &|_, _| None };
    let text = report::incident_text(&told, &buckets, true, &look);
    let page = report::incident_html(&told, &buckets);
    for text in [text, page] {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
    assert!(report::incident_json(&told, &buckets, true).is_ok());
});

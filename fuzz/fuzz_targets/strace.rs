//! Any text as output of strace: what is read becomes a ledger whose sum is right, and what was looked for is told.
#![no_main]

#[path = "../shared/ledger.rs"]
mod ledger;

use libfuzzer_sys::fuzz_target;
use libraries::{Content, Files, Unread};

/// A root without files.
struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &str) -> Result<Content, Unread> {
        Err(Unread::Absent)
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn real(&self, _: &str) -> Option<String> {
        None
    }
}

fuzz_target!(|data: &[u8]| {
    ledger::read(data);
    let surveys = libraries::trace(&Nothing, data, "trace.txt").unwrap_or_default();
    let _ = report::libraries_json(&surveys).expect("no input can cause that");
});

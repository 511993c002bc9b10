//! Any text as a log of auditd: what is read becomes a ledger whose sum is right.
#![no_main]

#[path = "../shared/ledger.rs"]
mod ledger;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ledger::read(data));

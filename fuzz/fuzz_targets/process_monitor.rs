//! Any bytes as a log of Process Monitor: what is read becomes a ledger whose sum is right.
#![no_main]

#[path = "../shared/ledger.rs"]
mod ledger;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"PML_") {
        ledger::read(data);
    }
});

//! Any bytes as an event log of Windows.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut records = 0u64;
    if let Ok(read) = evidence::event_log::read(data, &mut |_| records += 1) {
        assert!(records <= read.records);
    }
});

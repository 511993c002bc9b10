//! Any text as a scenario file: it is read, told to be wrong at a place that it has, or made into
//! scenarios.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        bench::fuzz_scenario(text);
    }
});

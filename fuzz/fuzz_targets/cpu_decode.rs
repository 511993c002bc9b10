//! Any bytes as code: decoding ends in an instruction or in a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| cpu::fuzz_decode(data));

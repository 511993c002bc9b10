//! Any bytes as a cache of glibc's loader: entries, and what is found by their names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use libraries::cache::Cache;

fuzz_target!(|data: &[u8]| {
    let Ok(cache) = Cache::read(data) else { return };
    let levels = ["x86-64-v3".to_owned(), "x86-64-v2".to_owned()];
    assert!(cache.entries().len() * 24 <= data.len());
    for entry in cache.entries() {
        if entry.old_bits == 0 && entry.level.is_none() {
            assert!(cache.find(&entry.name, entry.flags, &levels).is_some());
        }
        assert!(cache.named(&entry.name).any(|it| it == entry));
    }
});

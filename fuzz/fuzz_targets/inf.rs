//! Any bytes as an INF: sections, tokens, objections with places that the file has, plans.
#![no_main]

use evidence::inf::{Date, Inf, Story};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = evidence::inf::is_one(data);
    let Ok(inf) = Inf::parse(data) else { return };
    let lines = inf.lines();
    let story = Story::of(&inf, Date::parse("06/01/2025"));
    for it in &story.wrong {
        let line = usize::try_from(it.at.line).unwrap_or(usize::MAX);
        assert!(line >= 1 && (line == 1 || line <= lines.len()), "{it:?}");
        let width = lines.get(line - 1).map_or(0, |line| line.chars().count());
        let column = usize::try_from(it.at.column).unwrap_or(usize::MAX);
        assert!(column >= 1 && column <= width + 1, "{it:?}");
    }
});

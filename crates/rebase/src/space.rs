//! Addresses that are taken.

use std::collections::BTreeMap;

/// Ranges that are taken: first address, and the first one behind. No two touch or overlap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space(BTreeMap<u64, u64>);

impl Space {
    /// Takes a range, of which some may be taken already.
    pub fn take(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        while let Some((from, to)) = self.0.range(..=end).next_back().map(|(a, b)| (*a, *b))
            && to >= start
        {
            self.0.remove(&from);
            start = start.min(from);
            end = end.max(to);
        }
        self.0.insert(start, end);
    }

    /// The highest range that reaches into this one.
    pub fn blocker(&self, start: u64, end: u64) -> Option<(u64, u64)> {
        let (from, to) = self.0.range(..end).next_back()?;
        (*to > start).then_some((*from, *to))
    }

    /// The lowest start of `size` free bytes, a multiple of 64 KiB, at or above `from`, with `gap` on either side;
    /// `None` if they would pass `limit`.
    pub fn above(&self, from: u64, size: u64, gap: u64, limit: u64) -> Option<u64> {
        let mut start = from.checked_next_multiple_of(pe::BASE_GRANULARITY)?;
        loop {
            let end = start.checked_add(size).filter(|end| *end <= limit)?;
            match self.blocker(start.saturating_sub(gap), end.saturating_add(gap)) {
                None => return Some(start),
                Some((_, to)) => {
                    start = to.checked_add(gap)?.checked_next_multiple_of(pe::BASE_GRANULARITY)?;
                }
            }
        }
    }

    /// The highest start of `size` free bytes that end at or below `top`, likewise; `None` if they would begin
    /// below `limit`.
    pub fn below(&self, top: u64, size: u64, gap: u64, limit: u64) -> Option<u64> {
        let mut end = top;
        loop {
            let start = end.checked_sub(size)?;
            let start = start - start % pe::BASE_GRANULARITY;
            if start < limit {
                return None;
            }
            let above = start.saturating_add(size).saturating_add(gap);
            match self.blocker(start.saturating_sub(gap), above) {
                None => return Some(start),
                Some((from, _)) => end = from.checked_sub(gap)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: u64 = pe::BASE_GRANULARITY;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut space = Space::default();
        space.take(UNIT, 2 * UNIT);
        space.take(3 * UNIT, 4 * UNIT);
        space.take(2 * UNIT, 3 * UNIT);
        space.take(9, 9);
        assert_eq!(space.0, BTreeMap::from([(UNIT, 4 * UNIT)]));
    }

    #[test]
    fn room_is_found_around_what_is_taken() {
        let mut space = Space::default();
        space.take(4 * UNIT, 6 * UNIT);
        assert_eq!(space.below(8 * UNIT, UNIT, 0, 0), Some(7 * UNIT));
        assert_eq!(space.below(7 * UNIT, 2 * UNIT, 0, 0), Some(2 * UNIT));
        assert_eq!(space.below(8 * UNIT, UNIT, UNIT, 0), Some(7 * UNIT));
        assert_eq!(space.below(7 * UNIT, UNIT, UNIT, 0), Some(2 * UNIT));
        assert_eq!(space.below(6 * UNIT, 2 * UNIT, 0, 3 * UNIT), None);
        assert_eq!(space.above(3 * UNIT + 1, UNIT, 0, 9 * UNIT), Some(6 * UNIT));
        assert_eq!(space.above(3 * UNIT, UNIT, 1, 9 * UNIT), Some(7 * UNIT));
        assert_eq!(space.above(4 * UNIT, 4 * UNIT, 0, 9 * UNIT), None);
    }
}

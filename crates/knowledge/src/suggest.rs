//! Names that may have been meant.

/// Whether `name` can become `wanted` in at most `limit` changes, in any case: how many, if so. Only the
/// band of the table that can be within the limit is worked out; beyond it stands `limit + 1`.
fn distance(name: &[u8], wanted: &[u8], limit: usize) -> Option<usize> {
    if name.len().abs_diff(wanted.len()) > limit {
        return None;
    }
    let beyond = limit + 1;
    let mut row: Vec<usize> = (0..=wanted.len()).map(|changes| changes.min(beyond)).collect();
    for (index, byte) in name.iter().enumerate() {
        let from = index.saturating_sub(limit);
        let to = (index + limit + 1).min(wanted.len());
        let mut diagonal = row[from];
        row[from] = if from == 0 { (index + 1).min(beyond) } else { beyond };
        let mut least = row[from];
        for column in from..to {
            let change = diagonal + usize::from(!byte.eq_ignore_ascii_case(&wanted[column]));
            diagonal = row[column + 1];
            let here = change.min(diagonal + 1).min(row[column] + 1).min(beyond);
            row[column + 1] = here;
            least = least.min(here);
        }
        if least > limit {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

/// Whether `part` is a part of `name`, in any case.
fn contains(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// The names nearest to `wanted`, at most five, nearest first: those that are spelt alike, then those
/// that have it as a part.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.trim().as_bytes();
    let limit = (wanted.len() / 5).clamp(1, 4);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in names {
        let near = distance(name.as_bytes(), wanted, limit);
        let is_part = || wanted.len() >= 5 && contains(name.as_bytes(), wanted);
        if let Some(far) = near.or_else(|| is_part().then_some(limit + 1)) {
            found.push((far, name));
        }
    }
    found.sort_unstable_by_key(|(far, name)| (*far, name.len(), *name));
    found.dedup_by_key(|(_, name)| *name);
    found.into_iter().take(5).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_up_to_the_limit() {
        let far =
            |name: &str, wanted: &str, limit| distance(name.as_bytes(), wanted.as_bytes(), limit);
        assert_eq!(far("KITTEN", "sitting", 3), Some(3));
        assert_eq!(far("KITTEN", "sitting", 2), None);
        assert_eq!(far("", "abc", 3), Some(3));
        assert_eq!(far("ABCDEFGH", "BCDEFGH", 1), Some(1));
        assert_eq!(far("ABCDEFGH", "abcdefgh", 1), Some(0));
        assert_eq!(far("ABCD", "", 3), None);
    }

    #[test]
    fn near_names_come_first() {
        let names = ["STATUS_PENDING", "STATUS_SUCCESS", "ERROR_IO_PENDING"];
        assert_eq!(nearest("status_pendnig", names.into_iter()), ["STATUS_PENDING"]);
        assert_eq!(nearest("PENDING", names.into_iter()), ["STATUS_PENDING", "ERROR_IO_PENDING"]);
        assert!(nearest("x", names.into_iter()).is_empty());
    }
}

//! Names that may have been meant.

/// Changes that make `name` of `wanted`, in any case, unless they are more than `limit`.
fn distance(name: &[u8], wanted: &[u8], limit: usize) -> Option<usize> {
    if name.len().abs_diff(wanted.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (index, byte) in name.iter().enumerate() {
        let mut diagonal = index;
        let mut left = index.saturating_add(1);
        for (other, pair) in wanted.iter().zip(1..) {
            let above: usize = row.get(pair).copied().unwrap_or(usize::MAX);
            let change = diagonal.saturating_add(usize::from(!byte.eq_ignore_ascii_case(other)));
            let least = change.min(above.saturating_add(1)).min(left.saturating_add(1));
            if let Some(cell) = row.get_mut(pair.wrapping_sub(1)) {
                *cell = left;
            }
            diagonal = above;
            left = least;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().filter(|far| *far <= limit)
}

/// The name nearest to `wanted`, if one is spelt much like it: a quarter of its letters may differ, but no
/// more than three.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (wanted.len() / 4).clamp(1, 3);
    // No name is so long that this would take its time.
    if wanted.len() > 255 {
        return None;
    }
    names
        .into_iter()
        .filter_map(|name| Some((distance(name.as_bytes(), wanted.as_bytes(), limit)?, name)))
        .filter(|(far, _)| *far > 0)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_if_little_differs() {
        let names = ["CopyFiles", "AddReg", "DelReg", "AddService"];
        assert_eq!(nearest("CopyFile", names), Some("CopyFiles"));
        assert_eq!(nearest("adreg", names), Some("AddReg"));
        assert_eq!(nearest("AddServcie", names), Some("AddService"));
        assert_eq!(nearest("Reboot", names), None);
    }

    #[test]
    fn the_distance_is_the_least_number_of_changes() {
        for (one, other, far) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0)] {
            assert_eq!(distance(one.as_bytes(), other.as_bytes(), 9), Some(far));
            assert_eq!(distance(other.as_bytes(), one.as_bytes(), 9), Some(far));
        }
    }
}

//! Names that may have been meant.

/// Changes that make `name` of `wanted`, in any case, unless they are more than `limit`. Two letters that
/// changed places are one change.
fn distance(name: &[u8], wanted: &[u8], limit: usize) -> Option<usize> {
    if name.len().abs_diff(wanted.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (index, byte) in name.iter().enumerate() {
        let mut next = vec![index.saturating_add(1)];
        for (column, other) in wanted.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let differs = usize::from(!byte.eq_ignore_ascii_case(other));
            let mut least = at(&row, column).saturating_add(differs);
            let one_more = at(&row, column.saturating_add(1)).min(at(&next, column));
            least = least.min(one_more.saturating_add(1));
            if let (Some(left), Some(up)) = (column.checked_sub(1), index.checked_sub(1)) {
                let same = |one: Option<&u8>, other: &u8| {
                    one.is_some_and(|one| one.eq_ignore_ascii_case(other))
                };
                if same(name.get(up), other) && same(wanted.get(left), byte) {
                    least = least.min(at(&before, left).saturating_add(1));
                }
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
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
        let rows = [
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("hw", "WH", 1),
            ("abcd", "acbd", 1),
        ];
        for (one, other, far) in rows {
            assert_eq!(distance(one.as_bytes(), other.as_bytes(), 9), Some(far));
            assert_eq!(distance(other.as_bytes(), one.as_bytes(), 9), Some(far));
        }
    }
}

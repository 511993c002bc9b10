//! Kernel routines and variables by how many real drivers import them.
//!
//! Source: `data/imports.tsv`, whose head says what was counted.

use std::sync::OnceLock;

static DATA: &str = include_str!("../data/imports.tsv");

/// One name and how many drivers import it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Place in the list, from 1.
    pub rank: u16,
    /// Name of the export.
    pub name: &'static str,
    /// Of 25 drivers built from public source.
    pub sampled: u16,
    /// Of 839 driver images in a public catalogue.
    pub known: u16,
    /// Of 19 prebuilt images.
    pub prebuilt: u16,
}

fn row(line: &'static str) -> Option<Use> {
    let mut cells = line.split('\t');
    let rank = cells.next()?.parse().ok()?;
    let name = cells.next()?;
    let mut count = || cells.next()?.parse().ok();
    Some(Use { rank, name, sampled: count()?, known: count()?, prebuilt: count()? })
}

/// All names, most used first.
#[must_use]
pub fn all() -> &'static [Use] {
    static TABLE: OnceLock<Vec<Use>> = OnceLock::new();
    TABLE.get_or_init(|| DATA.lines().filter_map(row).filter(|row| row.name != "<none>").collect())
}

/// Place of a name in the list.
#[must_use]
pub fn rank(name: &str) -> Option<u16> {
    all().iter().find(|row| row.name == name).map(|row| row.rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_whole_and_in_order() {
        assert!(all().len() > 690, "{}", all().len());
        assert!(all().is_sorted_by_key(|row| row.rank));
        assert_eq!(rank("IoDeleteDevice"), Some(1));
        assert_eq!(rank("NoSuchRoutine"), None);
    }
}

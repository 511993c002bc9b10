//! Facts about Windows itself: its releases by build, and modules that crash dumps are full of.
//!
//! Sources: the release information pages of Windows 10, 11 and Server; file descriptions in the version
//! resources of Windows' own modules.

use std::sync::OnceLock;

static BUILDS: &str = include_str!("../../../knowledge/windows-builds.tsv");
static MODULES: &str = include_str!("../../../knowledge/windows-modules.tsv");

/// What part a module plays in a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Part of the kernel: where crashes are noticed, hardly ever where they come from.
    Kernel,
    /// A library or port driver that calls others and carries their data: suspect only when nobody else is.
    Carrier,
    /// A driver like any other.
    Driver,
}

/// A module that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleFact {
    /// Its part.
    pub role: Role,
    /// What it is, in a few words.
    pub about: &'static str,
}

/// Name of the Windows release with this build number.
#[must_use]
pub fn release(build: u32) -> Option<&'static str> {
    let mut rows = BUILDS.lines().filter_map(|line| line.split_once('\t'));
    rows.find(|(number, _)| number.parse() == Ok(build)).map(|(_, name)| name)
}

/// What is known of the module with this file name, in any case.
#[must_use]
pub fn module(name: &str) -> Option<ModuleFact> {
    static ROWS: OnceLock<Vec<(&str, ModuleFact)>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| MODULES.lines().filter_map(row).collect());
    let name = name.to_ascii_lowercase();
    let index = rows.binary_search_by_key(&name.as_str(), |row| row.0).ok()?;
    Some(rows[index].1)
}

fn row(line: &'static str) -> Option<(&'static str, ModuleFact)> {
    let mut cells = line.split('\t');
    let (name, role, about) = (cells.next()?, cells.next()?, cells.next()?);
    let role = match role {
        "kernel" => Role::Kernel,
        "carrier" => Role::Carrier,
        "driver" => Role::Driver,
        _ => return None,
    };
    Some((name, ModuleFact { role, about }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_names_are_in_order() {
        let rows: Vec<_> = MODULES.lines().map(|line| row(line).ok_or(line).unwrap()).collect();
        assert!(rows.is_sorted_by(|a, b| a.0 < b.0));
        assert!(rows.iter().all(|row| row.0 == row.0.to_ascii_lowercase()));
        let builds: Vec<u32> =
            BUILDS.lines().map(|line| line.split('\t').next().unwrap().parse().unwrap()).collect();
        assert!(builds.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn modules_and_releases_are_found() {
        assert_eq!(module("HAL.dll").map(|fact| fact.role), Some(Role::Kernel));
        assert_eq!(module("fifo.sys"), None);
        assert_eq!(release(22631), Some("Windows 11, version 23H2"));
        assert_eq!(release(1), None);
    }
}

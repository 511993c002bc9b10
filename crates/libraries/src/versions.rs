//! Versions of symbols: those that a file needs of a library, and the library does not have.
//!
//! Source: glibc 2.40, elf/dl-version.c, `_dl_check_map_versions` and `match_symbol`. musl's loader looks at none.

use crate::loader::Kind;
use crate::world::World;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// For each kind of version, how far distributions go.
static REACHED: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| {
    let text = include_str!("../../../knowledge/library-versions.toml");
    toml::from_str(text).expect("a test holds that it is right")
});

/// A version that a library does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionLack {
    /// The version, the highest one of those missing.
    pub version: String,
    /// Others of the same kind that are missing as well.
    pub more: Vec<String>,
    /// Path of the file that needs it.
    pub by: String,
    /// Number of it.
    pub by_number: usize,
    /// Path of the library that was found.
    pub library: String,
    /// The highest version of that kind that it has; none if it has none.
    pub reaches: Option<String>,
    /// Whether the library has no versions at all: the loader warns, and goes on.
    pub is_unversioned: bool,
}

impl VersionLack {
    /// The first release of each distribution that is known to have it.
    pub fn had_by(&self) -> Vec<&'static str> {
        let mut first: BTreeMap<&str, (&str, &'static str)> = BTreeMap::new();
        let Some(all) = REACHED.get(kind(&self.version)) else { return Vec::new() };
        for (release, version) in all {
            let (family, number) = release.rsplit_once(' ').unwrap_or((release, ""));
            if order(&format!("{}_{version}", kind(&self.version)), &self.version) == Ordering::Less
            {
                continue;
            }
            let slot = first.entry(family).or_insert((number, release));
            if numbers(number) < numbers(slot.0) {
                *slot = (number, release);
            }
        }
        first.into_values().map(|(_, release)| release).collect()
    }
}

impl World<'_> {
    /// What is missing, one entry for each file, library and kind of version.
    pub(crate) fn version_lacks(&self) -> Vec<VersionLack> {
        let mut lacks = Vec::new();
        if self.loader.kind != Kind::Glibc {
            return lacks;
        }
        for (number, object) in self.objects.iter().enumerate() {
            let mut missing: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
            for want in object.elf.wants.iter().filter(|want| !want.is_weak) {
                let Some(of) = self.called(&want.library) else { continue };
                let gives = self.object(of).map(|it| it.elf.gives.as_slice()).unwrap_or_default();
                if !gives.contains(&want.version) {
                    let kind = if gives.is_empty() { "" } else { kind(&want.version) };
                    missing.entry((of, kind)).or_default().push(&want.version);
                }
            }
            for ((of, kind_of), mut versions) in missing {
                let Some(library) = self.object(of) else { continue };
                versions.sort_by(|a, b| order(b, a));
                let mut all = versions.into_iter().map(str::to_owned);
                let reaches = library.elf.gives.iter().filter(|it| kind(it) == kind_of);
                let reaches = reaches.max_by(|a, b| order(a, b)).cloned();
                lacks.push(VersionLack {
                    version: all.next().unwrap_or_default(),
                    more: all.collect(),
                    by: object.path.clone(),
                    by_number: number,
                    library: library.path.clone(),
                    reaches,
                    is_unversioned: library.elf.gives.is_empty(),
                });
            }
        }
        lacks
    }
}

/// What stands before the number: `GLIBC` of `GLIBC_2.38`.
pub fn kind(version: &str) -> &str {
    version.rsplit_once('_').map_or(version, |(kind, _)| kind)
}

/// Which of two versions is lower, number by number.
pub fn order(a: &str, b: &str) -> Ordering {
    kind(a).cmp(kind(b)).then_with(|| numbers(a).cmp(&numbers(b))).then_with(|| a.cmp(b))
}

fn numbers(version: &str) -> Vec<u64> {
    let parts = version.rsplit('_').next().unwrap_or_default().split('.');
    parts.map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_release_of_each_distribution_is_told() {
        let lack = |version: &str| VersionLack {
            version: version.to_owned(),
            more: Vec::new(),
            by: String::new(),
            by_number: 0,
            library: String::new(),
            reaches: None,
            is_unversioned: false,
        };
        let all = ["Debian 13", "Fedora 39", "RHEL 10", "Ubuntu 24.04", "openSUSE Leap 15.6"];
        assert_eq!(lack("GLIBC_2.38").had_by(), all);
        assert!(lack("GLIBC_2.99").had_by().is_empty() && lack("LIBFFI_1").had_by().is_empty());
        assert!(lack("GLIBCXX_3.4.29").had_by().contains(&"RHEL 9"));
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert_eq!(order("GLIBC_2.9", "GLIBC_2.38"), Ordering::Less);
        assert_eq!(order("GLIBC_2.2.5", "GLIBC_2.2"), Ordering::Greater);
        assert_eq!(
            (kind("GLIBCXX_3.4.30"), kind("LIBFFI"), kind("A_B_1")),
            ("GLIBCXX", "LIBFFI", "A_B")
        );
    }
}

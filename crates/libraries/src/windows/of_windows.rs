//! What is known of libraries of Windows and of others: `knowledge/windows-libraries.toml`.

use crate::files::fits;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Where libraries are from that Windows does not have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// Patterns of their names, in lower case.
    pub libraries: Vec<String>,
    /// What to install or to do.
    pub what: String,
    /// The page that says so.
    pub page: String,
}

/// All that is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    pub known: BTreeSet<String>,
    of_windows: BTreeSet<String>,
    from: Vec<From>,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    let text = include_str!("../../../../knowledge/windows-libraries.toml");
    toml::from_str(text).expect("a test holds that it is right")
});

impl Data {
    pub fn get() -> &'static Data {
        &DATA
    }

    /// Whether a Windows has it; names in lower case.
    pub fn is_of_windows(&self, name: &str) -> bool {
        self.known.contains(name) || self.of_windows.contains(name)
    }

    /// Where it is from, if it is not Windows' own.
    pub fn from(&self, name: &str) -> Option<&From> {
        self.from.iter().find(|it| it.libraries.iter().any(|pattern| fits(pattern, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_lower_case_and_told_where_they_are_from() {
        let data = Data::get();
        for name in data
            .known
            .iter()
            .chain(&data.of_windows)
            .chain(data.from.iter().flat_map(|it| &it.libraries))
        {
            assert_eq!(*name, name.to_ascii_lowercase());
        }
        assert!(data.known.is_disjoint(&data.of_windows));
        assert!(data.from("vcruntime140.dll").unwrap().what.contains("2015-2022"));
        assert!(data.from("msvcr120d.dll").unwrap().what.contains("debug"));
        assert!(data.from("msvcp100.dll").unwrap().what.contains("2010"));
        assert!(data.from("mine.dll").is_none() && data.is_of_windows("winmm.dll"));
    }
}

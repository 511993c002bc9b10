//! Frameworks that load plug-ins, as `knowledge/frameworks.toml` describes them.

mod asked;
mod plugins;

pub use plugins::Plugins;
pub(crate) use plugins::survey;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A framework.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// As people call it.
    pub name: String,
    /// It is in use where one of these is loaded.
    pub libraries: Vec<String>,
    /// And something imports one of these, if there are any.
    #[serde(default)]
    pub symbols: Vec<String>,
    /// Where its plug-ins lie.
    pub folders: Vec<String>,
    /// Variables whose folders are taken instead.
    #[serde(default)]
    pub replace: Vec<String>,
    /// Variables whose folders are looked into first.
    #[serde(default)]
    pub before: Vec<String>,
    /// Pattern of the names of plug-ins; none where they are only asked for.
    #[serde(default)]
    pub plugins: Option<String>,
    /// Plug-ins of which one must be there.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Whether a plug-in is looked for as any library is.
    #[serde(default)]
    pub loader: bool,
    /// Where all this is from.
    pub source: String,
    /// What asks for plug-ins.
    #[serde(default)]
    pub ask: Vec<Ask>,
}

/// What asks for plug-ins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Files that do.
    pub files: Vec<String>,
    /// A variable that names such files instead, parted by colons.
    #[serde(default)]
    pub variable: Option<String>,
    /// What begins a comment in them.
    #[serde(default)]
    pub comment: Option<String>,
    /// Where in them.
    #[serde(deserialize_with = "pattern")]
    pub pattern: Regex,
    /// The group that is a list of words.
    #[serde(default)]
    pub words: Option<String>,
    /// The name of the plug-in, groups in braces.
    pub plugin: String,
    /// Values of groups that are no plug-in.
    #[serde(default)]
    pub built_in: BTreeSet<String>,
    /// Whether one of all is enough.
    #[serde(default)]
    pub any: bool,
    /// Whether it is usual not to have it.
    #[serde(default)]
    pub soft: bool,
}

fn pattern<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(from)?;
    RegexBuilder::new(&text).unicode(false).build().map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    framework: Vec<Framework>,
}

static ALL: LazyLock<Vec<Framework>> = LazyLock::new(|| {
    let text = include_str!("../../../../knowledge/frameworks.toml");
    let document: Document = toml::from_str(text).expect("a test holds that it is right");
    document.framework
});

/// Every framework that is known.
pub fn all() -> &'static [Framework] {
    &ALL
}

/// Functions that tell of a framework in use.
pub(crate) fn symbols() -> BTreeSet<String> {
    all().iter().flat_map(|it| it.symbols.iter().cloned()).collect()
}

/// Libraries that frameworks are known by.
pub(crate) fn of_library(name: &str) -> bool {
    all().iter().any(|it| it.libraries.iter().any(|library| library == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_can_be_found_and_filled_in() {
        let words = ["{lib}", "{library}", "{program}", "{home}"];
        let mut names = BTreeSet::new();
        for it in all() {
            assert!(names.insert(&it.name), "{} is there twice", it.name);
            assert!(!it.libraries.is_empty() && !it.source.is_empty(), "{}", it.name);
            assert!(it.loader || !it.folders.is_empty(), "{}: no folders", it.name);
            assert!(it.plugins.is_some() || !it.ask.is_empty(), "{}: no plug-ins", it.name);
            let files = it.ask.iter().flat_map(|ask| &ask.files);
            for path in it.folders.iter().chain(files) {
                let rest = words.iter().find_map(|word| path.strip_prefix(word)).unwrap_or(path);
                assert!(
                    !rest.contains('{') && (rest.is_empty() || rest.starts_with('/')),
                    "{}: {path}",
                    it.name
                );
            }
            for ask in &it.ask {
                let groups: Vec<&str> = ask.pattern.capture_names().flatten().collect();
                let mut rest = ask.plugin.clone();
                for group in &groups {
                    rest = rest.replace(&format!("{{{group}}}"), "");
                }
                assert!(!rest.contains('{') && rest != ask.plugin, "{}: {}", it.name, ask.plugin);
                assert!(ask.words.iter().all(|it| groups.contains(&it.as_str())), "{}", it.name);
            }
        }
    }
}

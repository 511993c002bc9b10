//! Symbol paths: `srv*CACHE*SERVER;cache*FOLDER;FOLDER`.

use std::fmt;
use std::path::{Path, PathBuf};

/// Most elements of a path.
const MOST: usize = 64;

/// Where to look, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SymbolPath {
    pub(crate) elements: Vec<Element>,
}

/// One place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Element {
    Folder(PathBuf),
    Cache(PathBuf),
    /// A store or server, and the folders where copies are kept, nearest first.
    Store {
        caches: Vec<PathBuf>,
        source: Source,
    },
}

/// Where files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Folder(PathBuf),
    /// Address without a slash at its end.
    Server(String),
}

/// A symbol path that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPath {
    element: String,
    problem: &'static str,
}

impl fmt::Display for BadPath {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "symbol path element `{}`: {}", self.element, self.problem)
    }
}

impl std::error::Error for BadPath {}

impl SymbolPath {
    /// Reads a path of elements separated by `;`. `default_cache` is where copies are kept if an
    /// element says `**` or names a server alone.
    ///
    /// # Errors
    /// What is wrong with which element.
    pub fn parse(text: &str, default_cache: &Path) -> Result<SymbolPath, BadPath> {
        let mut elements = Vec::new();
        for element in text.split(';').map(str::trim).filter(|element| !element.is_empty()) {
            let bad = |problem| BadPath { element: element.to_owned(), problem };
            if elements.len() >= MOST {
                return Err(bad("a path has 64 elements at most"));
            }
            elements.push(read(element, default_cache).map_err(bad)?);
        }
        Ok(SymbolPath { elements })
    }

    /// Adds a folder at the end.
    pub fn push_folder(&mut self, folder: PathBuf) {
        self.elements.push(Element::Folder(folder));
    }

    /// Whether there is nowhere to look.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }
}

fn read(element: &str, default_cache: &Path) -> Result<Element, &'static str> {
    let mut parts = element.split('*');
    let kind = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    if rest.is_empty() {
        return Ok(match server(element)? {
            Some(server) => Element::Store {
                caches: vec![default_cache.to_owned()],
                source: Source::Server(server),
            },
            None => Element::Folder(element.into()),
        });
    }
    let folder = |text: &str| match text {
        "" => default_cache.to_owned(),
        text => PathBuf::from(text),
    };
    match kind.to_ascii_lowercase().as_str() {
        "cache" => match rest[..] {
            [one] => Ok(Element::Cache(folder(one))),
            _ => Err("`cache*` takes one folder"),
        },
        // `symsrv*symsrv.dll*...` names the library that does it on Windows.
        "symsrv" if rest.len() > 1 => store(&rest[1..], folder),
        "srv" => store(&rest, folder),
        _ => Err("a `*` belongs behind `srv`, `symsrv` or `cache`"),
    }
}

fn store(parts: &[&str], folder: impl Fn(&str) -> PathBuf) -> Result<Element, &'static str> {
    let Some((last, before)) = parts.split_last() else {
        return Err("a store or server is missing");
    };
    if last.is_empty() {
        return Err("a store or server is missing at its end");
    }
    let mut caches = Vec::new();
    for part in before {
        if server(part)?.is_some() {
            return Err("a server stands at the end; before it are folders where copies are kept");
        }
        caches.push(folder(part));
    }
    let source = match server(last)? {
        Some(server) => {
            if caches.is_empty() {
                caches.push(folder(""));
            }
            Source::Server(server)
        }
        None => Source::Folder((*last).into()),
    };
    Ok(Element::Store { caches, source })
}

/// The address of a server, `None` for a folder.
fn server(text: &str) -> Result<Option<String>, &'static str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err("servers are reached by http and https only");
    }
    if rest.is_empty() || text.contains(char::is_whitespace) {
        return Err("this is no address of a server");
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Element>, String> {
        let path = SymbolPath::parse(text, Path::new("/default"));
        path.map(|path| path.elements).map_err(|error| error.to_string())
    }

    fn store(caches: &[&str], source: Source) -> Element {
        Element::Store { caches: caches.iter().map(PathBuf::from).collect(), source }
    }

    #[test]
    fn every_kind_of_element_is_read() {
        let server = || Source::Server("http://server/symbols".to_owned());
        let text = "build; srv*/sym*http://server/symbols/ ;SRV**http://server/symbols;\
                    cache*/c;symsrv*symsrv.dll*/near*/far;http://server/symbols;srv*/share;";
        let expected = vec![
            Element::Folder("build".into()),
            store(&["/sym"], server()),
            store(&["/default"], server()),
            Element::Cache("/c".into()),
            store(&["/near"], Source::Folder("/far".into())),
            store(&["/default"], server()),
            store(&[], Source::Folder("/share".into())),
        ];
        assert_eq!(parsed(text), Ok(expected));
        assert_eq!(parsed(" ; "), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_said_of_the_element() {
        for (text, said) in [
            ("a;svr*/x*/y", "element `svr*/x*/y`: a `*` belongs behind"),
            ("srv*/x*", "is missing"),
            ("srv*http://a*http://b", "a server stands at the end"),
            ("srv*/x*ftp://a", "http and https only"),
            ("cache*a*b", "one folder"),
            ("srv*/x*https://", "no address"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}

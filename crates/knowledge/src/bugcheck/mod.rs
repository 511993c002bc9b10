//! Bug checks: what a code means, what its parameters are, and what to do.
//!
//! Codes and names come from `nt`; what is known beyond that is one file a code in
//! `knowledge/bugchecks`, parsed when it is first asked for.

mod case;
mod entry;
mod explain;
mod kind;
mod render;
#[cfg(test)]
mod tests;

pub use entry::BugCheck;
pub use explain::{Explained, Parameter, SubCode};
pub use kind::Kind;
pub use render::address;

use std::sync::OnceLock;

/// Code, file name and text of each file in `knowledge/bugchecks`, in rising order of codes.
static SOURCES: &[(u32, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/bugchecks.rs"));

/// Pages of the reference: code and the last part of the address.
static PAGES: &str = include_str!("../../../../knowledge/bugcheck-pages.tsv");

/// Where [`PAGES`] lie.
const REFERENCE: &str = "https://learn.microsoft.com/windows-hardware/drivers/debugger/";

/// Set in the codes of bug checks that small dumps show as 0x1000007E and the like.
const VARIANT: u32 = 0x1000_0000;

/// The entry of a bug check code; those without a file have a name, a page, and nothing else.
///
/// A code such as 0x1000007E, which means the same as 0x7E, leads to the entry of the latter.
#[must_use]
pub fn bugcheck(code: u32) -> Option<&'static BugCheck> {
    written(code).or_else(|| written_base(code)).or_else(|| named(code))
}

/// Every code that has a name, in rising order.
pub fn all() -> impl Iterator<Item = &'static BugCheck> {
    nt::bugcheck::all().iter().filter_map(|&(code, _)| bugcheck(code))
}

fn written_base(code: u32) -> Option<&'static BugCheck> {
    (code & 0xF000_0000 == VARIANT).then(|| written(code & !VARIANT)).flatten()
}

/// The entry that a file describes.
fn written(code: u32) -> Option<&'static BugCheck> {
    static PARSED: OnceLock<Vec<OnceLock<BugCheck>>> = OnceLock::new();
    let index = SOURCES.binary_search_by_key(&code, |source| source.0).ok()?;
    let cells = PARSED.get_or_init(|| SOURCES.iter().map(|_| OnceLock::new()).collect());
    let parse = || {
        let (code, file, text) = SOURCES[index];
        // A test parses every file.
        BugCheck::parse(code, text).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    Some(cells[index].get_or_init(parse))
}

/// The entry of a code of which only the name is known.
fn named(code: u32) -> Option<&'static BugCheck> {
    static NAMED: OnceLock<Vec<OnceLock<BugCheck>>> = OnceLock::new();
    let all = nt::bugcheck::all();
    let index = all.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    let cells = NAMED.get_or_init(|| all.iter().map(|_| OnceLock::new()).collect());
    let (code, name) = all[index];
    Some(cells[index].get_or_init(|| BugCheck::named(code, name, page(code))))
}

/// The page of a code in the public reference.
fn page(code: u32) -> String {
    let code = format!("0x{code:X}\t");
    let row = PAGES.lines().find_map(|line| line.strip_prefix(code.as_str()));
    row.map_or_else(
        || REFERENCE.to_owned() + "bug-check-code-reference2",
        |row| REFERENCE.to_owned() + row,
    )
}

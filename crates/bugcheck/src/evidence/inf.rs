//! INF files.

use super::{Told, Wish};
use crate::catalogs::{Hashed, find};
use crate::failure::{Failure, Outcome};
use crate::infs;
use crate::output::{self, Format};
use ::evidence::inf::{Date, Entry, Inf, Story};
use diagnosis::signed::{CatalogFile, Listed, Packaged};
use signatures::Time;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the kind is called.
pub(super) const NAME: &str = "INF files";

pub(super) fn is_one(bytes: &[u8]) -> bool {
    ::evidence::inf::is_one(bytes)
}

/// Files of a package that are looked for in its catalog.
const MOST_FILES: usize = 1000;

/// Whether a file is one by its name, whatever it holds.
pub(super) fn is_called(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".inf")
}

/// The day, in UTC.
pub(crate) fn today() -> Option<Date> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Date::of_days(since.as_secs() / 86_400))
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let inf = infs::read(Path::new(name), bytes)?;
    let story = Story::of(&inf, today());
    let packages = packages(Path::new(name), &inf, &story, wish);
    let seen = wish.seen(|| diagnosis::incident::of_inf(name, &inf, &story));
    let text = match wish.format {
        Format::Json => report::inf_json(name, &inf, &story, &packages, wish.many)
            .map_err(crate::commands::no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let mut text = match &seen {
                Some(seen) if wish.is_brief() => {
                    let mut text = report::inf_brief(wish.called(name), &story, &seen.brief, &look);
                    if packages.iter().any(Packaged::is_wrong) {
                        text += &report::shortened(&report::packages_text(&packages, &look));
                    }
                    text
                }
                _ => {
                    let text = report::inf_text(name, &inf, &story, &look);
                    text + &report::packages_text(&packages, &look)
                }
            };
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    // Whoever gives a catalog asks whether the INF is in it.
    let asked = wish.catalogs.are_given() && !packages.iter().any(Packaged::has_inf);
    let wrong = !story.wrong.is_empty() || packages.iter().any(Packaged::is_wrong) || asked;
    let outcome = if !wrong { Outcome::Clean } else { Outcome::Findings };
    Ok(Told { text, outcome, seen })
}

/// The package held against each catalog that its INF names, or that was given.
fn packages(path: &Path, inf: &Inf, story: &Story, wish: &Wish<'_>) -> Vec<Packaged> {
    if path.as_os_str() == "-" {
        return Vec::new();
    }
    let version = inf.section("Version");
    let keys = version.map(|section| section.entries.as_slice()).unwrap_or_default();
    let mut named: Vec<String> = Vec::new();
    for entry in keys.iter().filter(|it| names_catalog(it)) {
        let name = entry.text(0).to_owned();
        if !name.is_empty() && !named.iter().any(|it| it.eq_ignore_ascii_case(&name)) {
            named.push(name);
        }
    }
    let date = version.and_then(|it| it.entry("DriverVer")).map(|it| Date::parse(it.text(0)));
    let dated = date
        .flatten()
        .and_then(|it| Time::of_parts([it.year.into(), it.month.into(), it.day.into()], [0; 3]));
    let mut sources: Vec<&str> = story
        .plans
        .iter()
        .flat_map(|plan| &plan.copies)
        .map(|copy| copy.source.as_ref().unwrap_or(&copy.name).as_str())
        .collect();
    sources.sort_unstable();
    sources.dedup();
    let left_out = sources.len().saturating_sub(MOST_FILES);
    sources.truncate(MOST_FILES);
    let own = path.file_name().map(|it| it.to_string_lossy()).unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let catalogs = wish.catalogs.for_inf(path, &named);
    if catalogs.is_empty() {
        return Vec::new();
    }
    // Each is hashed once, however many catalogs there are.
    let inf = Hashed::of(&own, Some(path));
    let files: Vec<Hashed> =
        sources.iter().map(|name| Hashed::of(name, find(folder, name).as_deref())).collect();
    let held = |(name, catalog): (String, Result<Arc<CatalogFile>, String>)| {
        let (inf, files) = match &catalog {
            Ok(catalog) => {
                (inf.listed(catalog), files.iter().map(|it| it.listed(catalog)).collect())
            }
            Err(_) => {
                (Listed { file: own.to_string(), membership: None, unread: None }, Vec::new())
            }
        };
        Packaged { catalog, name, inf, files, left_out, dated }
    };
    let mut all: Vec<Packaged> = catalogs.into_iter().map(held).collect();
    // Of many that were given, those that have to do with the package.
    if wish.catalogs.are_given() && all.iter().any(Packaged::has_any) {
        all.retain(Packaged::has_any);
    } else if all.len() > 1 && wish.catalogs.are_given() {
        let why = format!("neither the INF nor a file of it is in any of {} catalogs", all.len());
        all.truncate(1);
        for it in &mut all {
            (it.name, it.catalog) = ("--catalog".to_owned(), Err(why.clone()));
        }
    }
    all
}

/// `CatalogFile`, and `CatalogFile.ntamd64` and its like.
fn names_catalog(entry: &Entry) -> bool {
    let key = entry.key.as_ref().map(|it| it.value.to_ascii_lowercase()).unwrap_or_default();
    key.strip_prefix("catalogfile").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

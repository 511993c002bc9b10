//! Catalogs, in words: what one lists, who signed it, whether files beside it are what it lists; and a driver package
//! held against its catalog.

use super::page::{Ink, Page};
use super::{Look, signature};
use diagnosis::signed::{CatalogFile, Listed, Membership, Packaged, Signature};
use pe::Machine;
use signatures::catalog::{Attribute, Member};

/// Columns of labels.
const LABEL: usize = 22;
/// Members that are shown, and files beside a catalog.
const MOST: usize = 60;
/// Columns of a file's name.
const NAME: usize = 26;

/// A catalog as a page. `beside` are files that lie beside it.
pub fn catalog_text(name: &str, it: &CatalogFile, beside: &[Listed], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let count = it.list.members.len();
    let what = format!(": catalog of {count} file{}", if count == 1 { "" } else { "s" });
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, &what)]);
    if let Some(made) = it.list.made {
        page.labelled(2, LABEL, "made", &made.to_string());
    }
    if !it.list.identifier.is_empty() {
        let identifier = signatures::value::Hex(&it.list.identifier).to_string();
        page.labelled(2, LABEL, "identifier", &identifier);
    }
    for attribute in it.list.attributes.iter().take(MOST) {
        page.labelled(2, LABEL, &attribute.name, &attribute.value);
    }
    more(&mut page, 2, it.list.attributes.len());
    page.blank();
    page.heading(2, &format!("Files ({count})"));
    for member in it.list.members.iter().take(MOST) {
        self::member(&mut page, member);
    }
    more(&mut page, 4, count);
    if !beside.is_empty() {
        page.blank();
        page.heading(2, "Files beside it");
        files(&mut page, it, beside);
    }
    let signing = it.signing();
    if signing.signatures.is_empty() {
        page.blank();
        page.wrapped(2, 4, &[(Ink::Bad, "Nobody signed it.")]);
    }
    let heading = match it.machine() {
        Machine::Arm64 => "Which Windows loads a driver that it lists, for ARM64",
        Machine::I386 => "Which Windows loads a driver that it lists, for x86",
        _ => "Which Windows loads a driver that it lists, for x64",
    };
    signature::all(&mut page, &signing, heading);
    page.finish()
}

fn more(page: &mut Page<'_>, indent: usize, all: usize) {
    if all > MOST {
        let text = format!("and {} more, which --format json has", all.saturating_sub(MOST));
        page.line(indent, &[(Ink::Faint, &text)]);
    }
}

/// What a member is called: its file's name, else the text of its tag.
fn member_name(it: &Member) -> &str {
    it.attribute("File").unwrap_or("(no name)")
}

fn member(page: &mut Page<'_>, it: &Member) {
    let kind = match it.is_image {
        Some(true) => "image",
        Some(false) => "file",
        None => "",
    };
    let digest = it.digest.as_ref().map_or_else(
        || "no digest that is known".to_owned(),
        |it| format!("{} {}", it.hash.name(), it.text()),
    );
    let pages = if it.has_page_hashes { ", and of its pages" } else { "" };
    let name = format!("{:NAME$} ", member_name(it));
    let kind = format!("{kind:5} ");
    page.line(
        4,
        &[(Ink::Strong, &name), (Ink::Faint, &kind), (Ink::Plain, &digest), (Ink::Plain, pages)],
    );
    let others = it.attributes.iter().filter(|it| !it.name.eq_ignore_ascii_case("File"));
    for attribute in others.take(MOST) {
        page.labelled(6, LABEL, &attribute.name, &attribute_words(attribute));
    }
}

/// The value of an attribute; that of `OSAttr` in words as well (`2:10.0`: platform Windows NT, version 10.0).
fn attribute_words(it: &Attribute) -> String {
    if !it.name.eq_ignore_ascii_case("OSAttr") {
        return it.value.clone();
    }
    let version = |part: &str| part.trim().strip_prefix("2:").map(str::to_owned);
    match it.value.split(',').map(version).collect::<Option<Vec<_>>>() {
        Some(versions) => format!("{} (Windows {})", it.value, versions.join(", ")),
        None => it.value.clone(),
    }
}

fn files(page: &mut Page<'_>, catalog: &CatalogFile, all: &[Listed]) {
    for it in all.iter().take(MOST) {
        let (mark, words) = listed(catalog, it);
        page.marked(4, 12, mark, NAME + 1, &it.file, &words);
    }
    more(page, 4, all.len());
}

/// Whether a file is in a catalog: in a word, and what is to be said besides.
fn listed(catalog: &CatalogFile, it: &Listed) -> ((Ink, &'static str), String) {
    match it.membership {
        Some(Membership::Member(index)) => {
            let member = catalog.list.members.get(index);
            let other = member.and_then(|member| member.attribute("File"));
            let other = other.filter(|name| !name.eq_ignore_ascii_case(&it.file));
            let words = other.map(|name| format!("under the name {name}")).unwrap_or_default();
            ((Ink::Good, "listed"), words)
        }
        Some(Membership::Changed(_)) => {
            let words = "the catalog lists a file of this name with another digest";
            ((Ink::Bad, "CHANGED"), words.to_owned())
        }
        Some(Membership::Absent) => ((Ink::Warn, "not listed"), String::new()),
        None => match &it.unread {
            Some(why) => ((Ink::Warn, "not read"), why.clone()),
            None => ((Ink::Warn, "missing"), "it is not there".to_owned()),
        },
    }
}

/// A driver package and the catalogs that its INF names, to follow the page of the INF.
pub fn packages_text(all: &[Packaged], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    for it in all {
        page.blank();
        let heading = format!("Catalog {}: ", it.name);
        let catalog = match &it.catalog {
            Ok(catalog) => catalog,
            Err(why) => {
                page.wrapped(2, 4, &[(Ink::Strong, &heading), (Ink::Warn, why)]);
                continue;
            }
        };
        let changed = std::iter::once(&it.inf)
            .chain(&it.files)
            .filter(|it| matches!(it.membership, Some(Membership::Changed(_))))
            .count();
        let broken = catalog.signatures.iter().any(Signature::is_damaged);
        let (ink, verdict) = match (catalog.signatures.is_empty(), broken, changed) {
            (true, ..) => (Ink::Bad, "nobody signed it".to_owned()),
            (_, true, _) => (Ink::Bad, "its signature does not hold".to_owned()),
            (.., 0) => (Ink::Good, "its signature holds".to_owned()),
            (.., 1) => (Ink::Bad, "1 file was changed after it was made".to_owned()),
            (.., count) => (Ink::Bad, format!("{count} files were changed after it was made")),
        };
        page.wrapped(2, 4, &[(Ink::Strong, &heading), (ink, &verdict)]);
        files(&mut page, catalog, std::slice::from_ref(&it.inf));
        files(&mut page, catalog, &it.files);
        if it.left_out > 0 {
            let words = format!("{} further files of the INF were not looked at.", it.left_out);
            page.wrapped(4, 6, &[(Ink::Warn, &words)]);
        }
        if changed > 0 {
            let remedy = "put back the files that were signed, or make the catalog anew (inf2cat) and have it signed";
            page.wrapped(4, 6, &[(Ink::Faint, "To mend it: "), (Ink::Plain, remedy)]);
        }
        if let Some(signed) = it.signed_before_dated() {
            let words = format!(
                "DriverVer has a later day than that on which the catalog was signed, {}.",
                signed.day()
            );
            page.wrapped(4, 6, &[(Ink::Warn, &words)]);
        }
        signature::all(
            &mut page,
            &catalog.signing(),
            "Which Windows loads a driver that the catalog lists",
        );
    }
    page.finish()
}

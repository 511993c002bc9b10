//! `bugcheck.explain.1`, of a catalog; and of a driver package the catalogs that its INF names.

use super::signature::{self, SigningDocument};
use super::{document, line};
use diagnosis::signed::{CatalogFile, Listed, Packaged};
use serde::Serialize;
use signatures::catalog::{Attribute, Member};
use signatures::value::Hex;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    version: u8,
    identifier: String,
    made: Option<String>,
    attributes: Vec<AttributeDocument<'a>>,
    members: Vec<MemberDocument<'a>>,
    /// Files that lie beside it.
    beside: Vec<ListedDocument<'a>>,
    signing: SigningDocument<'a>,
}

#[derive(Serialize)]
struct AttributeDocument<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct MemberDocument<'a> {
    /// The attribute `File`.
    file: Option<&'a str>,
    /// `image`, `file`, or null where nothing says what was hashed.
    kind: Option<&'static str>,
    algorithm: Option<&'static str>,
    digest: Option<String>,
    page_hashes: bool,
    attributes: Vec<AttributeDocument<'a>>,
    offset: usize,
}

#[derive(Serialize)]
struct ListedDocument<'a> {
    file: &'a str,
    /// `listed`, `changed`, `absent`, or null where the file is not there or cannot be read.
    membership: Option<&'static str>,
    unread: Option<&'a str>,
}

/// A catalog of a driver package.
#[derive(Serialize)]
pub(super) struct PackagedDocument<'a> {
    catalog: &'a str,
    /// Why it could not be read.
    unread: Option<&'a str>,
    inf: ListedDocument<'a>,
    files: Vec<ListedDocument<'a>>,
    /// Files that were not looked at, since there are so many.
    left_out: usize,
    signed_before_driver_ver: bool,
    signing: Option<SigningDocument<'a>>,
}

/// A catalog, schema `bugcheck.explain.1`; with `in_lines` on one line.
///
/// # Errors
/// None that an input can cause.
pub fn catalog_json(
    file: &str,
    it: &CatalogFile,
    beside: &[Listed],
    in_lines: bool,
) -> serde_json::Result<String> {
    let signing = it.signing();
    let made = Document {
        schema: "bugcheck.explain.1",
        file,
        format: "catalog",
        version: it.list.version,
        identifier: Hex(&it.list.identifier).to_string(),
        made: it.list.made.map(signature::moment),
        attributes: it.list.attributes.iter().map(attribute).collect(),
        members: it.list.members.iter().map(member).collect(),
        beside: beside.iter().map(listed).collect(),
        signing: signature::signing(&signing),
    };
    if in_lines { line(&made) } else { document(&made) }
}

fn attribute(it: &Attribute) -> AttributeDocument<'_> {
    AttributeDocument { name: &it.name, value: &it.value }
}

fn member(it: &Member) -> MemberDocument<'_> {
    MemberDocument {
        file: it.attribute("File"),
        kind: it.is_image.map(|is| if is { "image" } else { "file" }),
        algorithm: it.digest.as_ref().map(|it| it.hash.name()),
        digest: it.digest.as_ref().map(signatures::authenticode::Digest::text),
        page_hashes: it.has_page_hashes,
        attributes: it.attributes.iter().map(attribute).collect(),
        offset: it.offset,
    }
}

fn listed(it: &Listed) -> ListedDocument<'_> {
    ListedDocument {
        file: &it.file,
        membership: it.membership.map(signature::membership),
        unread: it.unread.as_deref(),
    }
}

/// What a catalog of a package tells of it, and what its signatures tell.
pub(super) fn packaged<'a>(
    it: &'a Packaged,
    signing: Option<&'a diagnosis::signed::Signing>,
) -> PackagedDocument<'a> {
    PackagedDocument {
        catalog: &it.name,
        unread: it.catalog.as_ref().err().map(String::as_str),
        inf: listed(&it.inf),
        files: it.files.iter().map(listed).collect(),
        left_out: it.left_out,
        signed_before_driver_ver: it.signed_before_dated().is_some(),
        signing: signing.map(signature::signing),
    }
}

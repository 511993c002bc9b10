//! Any bytes as a catalog: its list, its signatures, whether a file is in it, the page and the document.
#![no_main]

use diagnosis::signed::{CatalogFile, Digests, Listed, Membership};
use libfuzzer_sys::fuzz_target;
use report::Look;
use signatures::Time;
use signatures::catalog::is_catalog;

const LOOK: Look<'static> = Look { colour: false, source: &|_, _| None };
const DRIVER: &[u8] = include_bytes!("../../drivers/clean/ring-user/ring-user.sys");

fuzz_target!(|data: &[u8]| {
    let _ = is_catalog(data);
    let catalog = match CatalogFile::read("a.cat", data, Time::of_seconds(1_800_000_000)) {
        Ok(catalog) => catalog,
        Err(error) => return assert!(error.offset <= data.len(), "{error}"),
    };
    // A member has a tag and a SET at least.
    assert!(catalog.list.members.len() <= data.len() / 4);
    let mut beside = Vec::new();
    for file in [DRIVER, data] {
        let membership = catalog.membership("driver.sys", &Digests::of(file));
        if let Membership::Member(index) | Membership::Changed(index) = membership {
            assert!(index < catalog.list.members.len());
        }
        beside.push(Listed {
            file: "driver.sys".to_owned(),
            membership: Some(membership),
            unread: None,
        });
    }
    let text = report::catalog_text("a.cat", &catalog, &beside, &LOOK);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    report::catalog_json("a.cat", &catalog, &beside, true).expect("a document");
});

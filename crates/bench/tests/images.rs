//! Images beside the driver under test: export drivers, and drivers below and above it.

mod common;

use bench::{Driver, Token, Verdict};
use std::collections::HashSet;

const LIBRARY: &str = "pool-double-free-library";

fn with(mut driver: Driver, with: bench::With) -> Driver {
    driver.with.push(with);
    driver
}

/// pnp-interrupt with a filter in its stack.
fn stack(folder: &str, filter: &str, place: &str) -> Driver {
    with(common::driver("clean", "pnp-interrupt"), common::with(folder, filter, place))
}

fn found(driver: &Driver) -> finding::Finding {
    let mut findings = common::test(driver, &common::usual()).findings;
    assert!(!findings.is_empty(), "{}: nothing found", driver.path);
    findings.remove(0)
}

fn load_token(driver: &Driver) -> Token {
    let with = |with: &bench::With| bench::WithToken {
        hash: bench::image_hash(&with.image),
        role: with.role,
        path: with.path.clone(),
    };
    Token {
        device: String::new(),
        hash: bench::image_hash(&driver.image),
        scenario: "load".to_owned(),
        schedule: schedule::Schedule::default(),
        path: driver.path.clone(),
        with: driver.with.iter().map(with).collect(),
        installed: None,
    }
}

#[test]
fn the_image_at_fault_is_named_with_its_own_lines() {
    let finding = found(&common::driver("buggy", LIBRARY));
    assert!(finding.title.starts_with("ring-library-twice.sys frees"), "{}", finding.title);
    let place = finding.places.last().unwrap();
    let stack: Vec<_> = place.stack.iter().filter(|frame| frame.module != "nt").collect();
    assert_eq!(stack[0].module, "ring-library-twice.sys");
    assert_eq!(stack[0].function.as_deref(), Some("RingDelete"));
    assert_eq!(stack[1].module, "pool-double-free-library.sys");
    assert_eq!(stack[1].function.as_deref(), Some("Unload"));
    assert!(stack.iter().all(|frame| frame.line.is_some()), "{stack:?}");
}

#[test]
fn a_fault_of_a_filter_is_told_of_the_filter() {
    let finding = found(&stack("buggy", "irp-no-stack-location", "below"));
    assert_eq!(finding.rule, "irp-no-stack-location");
    assert!(finding.title.starts_with("irp-no-stack-location.sys passes"), "{}", finding.title);
}

#[test]
fn filters_above_and_below_get_each_device_in_order() {
    for (place, first) in [("below", "filter-completion.sys!AddDevice"), ("above", "AddDevice")] {
        let driver = stack("clean", "filter-completion", place);
        let replayed = bench::replay(&driver, &load_token(&driver)).unwrap();
        let added: Vec<&str> = replayed
            .trace
            .iter()
            .filter_map(|line| line.text.strip_prefix("AddDevice routine ")?.split('(').next())
            .filter(|name| !name.starts_with("returns"))
            .collect();
        let both = HashSet::from(["filter-completion.sys!AddDevice", "AddDevice"]);
        assert_eq!(added.iter().copied().collect::<HashSet<_>>(), both, "{place}");
        assert_eq!(added[0], first, "{place}: {added:?}");
    }
}

#[test]
fn a_clean_filter_and_a_clean_driver_are_clean_together() {
    for place in ["below", "above"] {
        let driver = stack("clean", "filter-completion", place);
        let report = common::test(&driver, &common::steady(3_000, 2));
        assert_eq!(report.verdict, Verdict::Clean, "{place}: {:?}", report.findings);
    }
}

#[test]
fn an_import_that_no_image_satisfies_stops_at_the_call() {
    let mut driver = common::driver("clean", "ring-user");
    driver.with.clear();
    let report = common::test(&driver, &common::usual());
    assert_eq!(report.verdict, Verdict::Unsupported);
    assert!(report.unsupported[0].what.contains("RingCreate (of ring-library.sys)"));
    assert!(report.unsupported[0].place.contains("driver.c"), "{:?}", report.unsupported);
}

#[test]
fn imports_are_satisfied_by_name_and_by_ordinal() {
    let list = bench::imports(&common::driver("clean", "ring-user")).unwrap();
    for name in ["RingCreate", "RingPut", "RingTake", "#4"] {
        let import = list.imports.iter().find(|import| import.name == name).unwrap();
        assert_eq!(import.by.as_deref(), Some("ring-library.sys"), "{name}");
    }
    let other = |import: &bench::Import| import.importer == "ring-library.sys";
    assert!(list.imports.iter().any(other), "those of the export driver are listed too");
}

#[test]
fn an_export_that_is_wanted_and_not_there_is_told_before_anything_runs() {
    let mut driver = common::driver("clean", "ring-user");
    let image = &mut driver.with[0].image;
    let at = image.windows(8).position(|bytes| bytes == b"RingTake").unwrap();
    image[at] = b'S';
    let refused = bench::test(&driver, &common::usual(), &|_| ()).unwrap_err().to_string();
    assert!(refused.contains("imports RingTake from ring-library.sys"), "{refused}");
}

#[test]
fn an_export_driver_that_nobody_wants_is_pointed_out() {
    let driver =
        with(common::driver("clean", "write-slot"), common::with("beside", "ring-library", ""));
    let report = common::test(&driver, &common::steady(200, 1));
    assert!(report.notes.iter().any(|note| note.contains("Nobody imports from ring-library.sys")));
}

#[test]
fn a_token_fits_its_set_of_images() {
    let driver = common::driver("buggy", LIBRARY);
    let token: Token = found(&driver).replay.unwrap().parse().unwrap();
    assert_eq!(token.with.len(), 1);
    let refused = |driver: &Driver, token: &Token, word: &str| {
        let refused = bench::replay(driver, token).err().map(|refused| refused.to_string());
        let refused = refused.unwrap_or_default();
        assert!(common::is_sentence(&refused) && refused.contains(word), "{refused}");
    };
    let mut lacks = driver.clone();
    lacks.with.clear();
    refused(&lacks, &token, "is missing");
    let mut other = driver.clone();
    other.with[0].image.push(0);
    refused(&other, &token, "another build");
    let mut moved = driver.clone();
    moved.with[0].role = bench::Role::Below;
    refused(&moved, &token, "another place");
    let mut more = token.clone();
    more.with.clear();
    refused(&driver, &more, "made without");
}

#[test]
fn runs_with_several_images_are_the_same_each_time() {
    for driver in
        [common::driver("buggy", LIBRARY), stack("buggy", "irp-no-stack-location", "above")]
    {
        let once = common::test(&driver, &common::steady(2_000, 1));
        let again = common::test(&driver, &common::steady(2_000, 2));
        assert_eq!(once.findings, again.findings);
        assert_eq!(once.schedules.distinct, again.schedules.distinct);
        for finding in &once.findings {
            let token = finding.replay.as_deref().unwrap().parse().unwrap();
            let runs = [(); 2].map(|()| bench::replay(&driver, &token).unwrap());
            assert_eq!(runs[0].finding.as_ref(), Some(finding));
            assert_eq!(runs[0].hash, runs[1].hash);
        }
    }
}

//! Has bugcheck explain what was signed, as it is and damaged, and compares with what was asked for and with what
//! osslsigncode finds.

use super::{FORMS, succeed};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is due of a form: its digest, signatures with those nested, page hashes, kind and time of its last stamp.
struct Due {
    name: &'static str,
    algorithm: &'static str,
    signatures: usize,
    pages: bool,
    stamp: Option<&'static str>,
}

#[rustfmt::skip]
const DUE: &[Due] = &[
    Due { name: "sha1.sys", algorithm: "SHA-1", signatures: 1, pages: false, stamp: None },
    Due { name: "sha256.sys", algorithm: "SHA-256", signatures: 1, pages: false, stamp: None },
    Due { name: "sha384.sys", algorithm: "SHA-384", signatures: 1, pages: false, stamp: None },
    Due { name: "sha512.sys", algorithm: "SHA-512", signatures: 1, pages: false, stamp: None },
    Due { name: "pages-sha1.sys", algorithm: "SHA-1", signatures: 1, pages: true, stamp: None },
    Due { name: "pages.sys", algorithm: "SHA-256", signatures: 1, pages: true, stamp: None },
    Due { name: "odd.sys", algorithm: "SHA-256", signatures: 1, pages: true, stamp: None },
    Due { name: "stamped.sys", algorithm: "SHA-256", signatures: 1, pages: false, stamp: Some("RFC 3161") },
    Due { name: "countersigned.sys", algorithm: "SHA-256", signatures: 1, pages: false, stamp: Some("counter-signature") },
    Due { name: "expired.sys", algorithm: "SHA-256", signatures: 1, pages: false, stamp: None },
    Due { name: "dual.sys", algorithm: "SHA-1", signatures: 2, pages: true, stamp: Some("RFC 3161") },
];

/// Checks all forms in `folder` with this bugcheck.
pub fn check(folder: &Path, bugcheck: &Path) -> Result<()> {
    let mut damaged = 0;
    for due in DUE {
        whole(folder, bugcheck, due).with_context(|| due.name)?;
        damaged += broken(folder, bugcheck, due).with_context(|| due.name)?;
    }
    let changed = catalog(folder, bugcheck).context("package.cat")?;
    let images = FORMS.iter().filter(|form| form.name.ends_with(".sys")).count();
    ensure!(images == DUE.len(), "{images} images are made, and {} checked", DUE.len());
    println!(
        "{images} signed images are read as they were signed; {damaged} damaged ones as osslsigncode has it; \
         a catalog is read as it was made, and {changed} changes of it and its files are found"
    );
    Ok(())
}

fn explain(folder: &Path, bugcheck: &Path, name: &str) -> Result<Value> {
    let output = Command::new(bugcheck)
        .current_dir(folder)
        .args(["explain", "--format", "json", name])
        .output()
        .with_context(|| bugcheck.display().to_string())?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Those in the file; the catalog beside lists most of the files as well.
fn signatures(document: &Value) -> Result<Vec<&Value>> {
    let all = document["signing"]["signatures"].as_array().context("no signatures are told")?;
    Ok(all.iter().filter(|it| it["place"] != "catalog").collect())
}

/// As it was signed, everything fits, and osslsigncode says so too.
fn whole(folder: &Path, bugcheck: &Path, due: &Due) -> Result<()> {
    let document = explain(folder, bugcheck, due.name)?;
    let all = signatures(&document)?;
    ensure!(all.len() == due.signatures, "{} signatures are told", all.len());
    for it in &all {
        ensure!(it["intact"] == true, "a signature does not hold: {it}");
        ensure!(it["page_hashes"].is_object() == due.pages, "page hashes: {}", it["page_hashes"]);
        ensure!(it["trust"]["root"] == "Own root", "it rests on {}", it["trust"]);
    }
    let algorithm = &all[0]["digest"]["algorithm"];
    ensure!(algorithm == due.algorithm, "the digest is {algorithm}");
    let stamps = all.last().map(|it| &it["timestamps"]);
    let last = stamps.and_then(Value::as_array).and_then(|all| all.last());
    match (due.stamp, last) {
        (None, None) => {}
        (Some(kind), Some(stamp)) => {
            ensure!(stamp["kind"] == kind && stamp["holds"] == true, "the stamp: {stamp}");
            let is_given = kind == "RFC 3161" && stamp["time"] != "2024-02-03T10:13:20Z";
            ensure!(!is_given, "the stamp tells {}", stamp["time"]);
        }
        (_, stamp) => bail!("stamps: {stamp:?}"),
    }
    let computed = calculated(folder, due.name)?;
    ensure!(same(&all[0]["digest"]["computed"], &computed), "osslsigncode computes {computed}");
    if due.name == "expired.sys" {
        return Ok(());
    }
    let mut verify = Command::new("osslsigncode");
    verify.current_dir(folder).args([
        "verify",
        "-CAfile",
        "root.pem",
        "-TSA-CAfile",
        "root.pem",
        due.name,
    ]);
    succeed(&mut verify)?;
    Ok(())
}

/// With a byte changed here and there in what is signed, both find another digest, and the same.
fn broken(folder: &Path, bugcheck: &Path, due: &Due) -> Result<usize> {
    let whole = fs::read(folder.join(due.name))?;
    let signed = fs::metadata(folder.join("driver.sys"))?.len() as usize;
    let places = [0x50, 0x1ff, signed / 2, signed - 1];
    for at in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        let name = "damaged.sys";
        fs::write(folder.join(name), &bytes)?;
        let document = explain(folder, bugcheck, name)?;
        for it in signatures(&document)? {
            ensure!(it["intact"] == false, "with byte {at:#x} changed it still holds");
        }
        let computed = calculated(folder, name)?;
        let own = &signatures(&document)?[0]["digest"]["computed"];
        ensure!(same(own, &computed), "byte {at:#x}: {own} here, {computed} by osslsigncode");
    }
    Ok(places.len())
}

/// The catalog lists driver and INF, which osslsigncode says as well; a byte changed in it or in one of them is found.
fn catalog(folder: &Path, bugcheck: &Path) -> Result<usize> {
    const NAME: &str = "package.cat";
    let document = explain(folder, bugcheck, NAME)?;
    let members = document["members"].as_array().context("no members are told")?;
    let names: Vec<&Value> = members.iter().map(|it| &it["file"]).collect();
    ensure!(names == ["driver.sys", "driver.inf"], "it lists {names:?}");
    for it in signatures_of_catalog(&document)? {
        ensure!(it["intact"] == true, "its signature does not hold: {it}");
        ensure!(it["timestamps"][0]["holds"] == true, "its stamp: {it}");
    }
    let mut verify = Command::new("osslsigncode");
    verify.current_dir(folder).args(["verify", "-CAfile", "root.pem", "-TSA-CAfile", "root.pem"]);
    succeed(verify.args(["-catalog", NAME, "driver.sys"]))?;
    let mut changed = 0;
    for (name, at) in [("driver.inf", 20), ("driver.sys", 0x250), (NAME, 90)] {
        let path = folder.join(name);
        let whole = fs::read(&path)?;
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes)?;
        let document = explain(folder, bugcheck, NAME);
        fs::write(&path, &whole)?;
        let document = document?;
        let beside = document["beside"].as_array().context("no files beside it")?;
        let is_changed =
            beside.iter().any(|it| it["file"] == name && it["membership"] == "changed");
        let broken = signatures_of_catalog(&document)?.iter().any(|it| it["intact"] == false);
        ensure!(if name == NAME { broken } else { is_changed && !broken }, "{name}, byte {at}");
        changed += 1;
    }
    Ok(changed)
}

fn signatures_of_catalog(document: &Value) -> Result<&Vec<Value>> {
    document["signing"]["signatures"].as_array().context("no signatures are told")
}

fn same(own: &Value, other: &str) -> bool {
    own.as_str().is_some_and(|own| own.eq_ignore_ascii_case(other))
}

/// The digest of an image as osslsigncode computes it.
fn calculated(folder: &Path, name: &str) -> Result<String> {
    let output =
        Command::new("osslsigncode").current_dir(folder).args(["verify", name]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("Calculated message digest"));
    let value =
        line.and_then(|line| line.split(':').nth(1)).context("osslsigncode tells no digest")?;
    // Where it differs, words follow.
    Ok(value.split_whitespace().next().unwrap_or_default().to_owned())
}

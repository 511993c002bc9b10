//! The repository's drivers, and what the tests of the bench share.

#![allow(dead_code, reason = "each test file is a program of its own and uses a part of this")]

use bench::{Driver, Options, Report};
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `drivers/FOLDER/NAME/NAME.sys` with its PDB, where it has one.
pub fn driver(folder: &str, name: &str) -> Driver {
    let path = format!("drivers/{folder}/{name}/{name}.sys");
    let file = root().join(&path);
    let image = std::fs::read(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    let pdb = std::fs::read(file.with_extension("pdb")).ok();
    let source = std::fs::read_to_string(file.with_file_name("driver.c")).unwrap_or_default();
    let with = head(&source, "with").map(|named| {
        let (path, place) = named.split_once(':').unwrap_or((named, "library"));
        let (folder, name) = path.split_once('/').unwrap();
        with(folder, name, place)
    });
    let with = with.collect();
    let installed = head(&source, "installed by").next().map(|named| {
        let (inf, section) = named.split_once(", section ").unwrap();
        installed(&format!("drivers/{folder}/{name}/{inf}"), section)
    });
    Driver { path, image, pdb, device: device(&source), with, installed }
}

/// What section `section` of an INF of ours sets.
pub fn installed(path: &str, section: &str) -> bench::Installed {
    let inf = evidence::inf::Inf::parse(&std::fs::read(root().join(path)).unwrap()).unwrap();
    let plan = evidence::inf::Plan::of(&inf, section, evidence::inf::Architecture::Amd64);
    bench::Installed::of(path, &inf, &plan, None).unwrap()
}

/// What the head of a source says in lines `/* WHAT: .. */`.
fn head<'a>(source: &'a str, what: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = source.lines().take_while(|line| *line != "/*");
    lines.filter_map(move |line| {
        line.strip_prefix("/* ")?.strip_prefix(what)?.strip_prefix(": ")?.strip_suffix(" */")
    })
}

/// An image of ours to be loaded beside a driver: as an export driver, `below` or `above`.
pub fn with(folder: &str, name: &str, place: &str) -> bench::With {
    let Driver { path, image, pdb, .. } = driver(folder, name);
    let role = match place {
        "below" => bench::Role::Below,
        "above" => bench::Role::Above,
        _ => bench::Role::Library,
    };
    bench::With { path, image, pdb, role }
}

/// The device that a driver says it is for.
fn device(source: &str) -> bench::Device {
    head(source, "device").next().map_or_else(bench::Device::default, |name| {
        let model = devices::Model::by_name(name);
        let model = model.unwrap_or_else(|| panic!("no device {name}"));
        bench::Device { name: name.to_owned(), model }
    })
}

/// The rule that a buggy driver breaks: the one it names, or the one it is named after.
pub fn breaks(name: &str, rule: &str) -> bool {
    let source = root().join(format!("drivers/buggy/{name}/driver.c"));
    let source = std::fs::read_to_string(source).unwrap_or_default();
    head(&source, "rule").next().map_or_else(|| named_after(name, rule), |own| own == rule)
}

/// Whether a driver of this name is there to break this rule.
pub fn named_after(name: &str, rule: &str) -> bool {
    name.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// All drivers of `drivers/FOLDER` in order of name; a folder without a built driver is passed over.
pub fn drivers(folder: &str) -> Vec<(String, Driver)> {
    let home = root().join("drivers").join(folder);
    let mut names: Vec<String> = std::fs::read_dir(&home)
        .unwrap_or_else(|error| panic!("{}: {error}", home.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| home.join(format!("{name}/{name}.sys")).is_file())
        .collect();
    names.sort();
    assert!(names.len() >= 10, "{}: only {names:?}", home.display());
    names.into_iter().map(|name| (name.clone(), driver(folder, &name))).collect()
}

/// Clean and buggy ones.
pub fn all() -> Vec<(String, Driver)> {
    let mut all = drivers("clean");
    all.extend(drivers("buggy"));
    all
}

/// As a user does it who asks for nothing, but for the cut by time, which would make outcomes depend
/// on the machine.
pub fn usual() -> Options {
    Options { patience: None, ..Options::default() }
}

/// So many schedules, and no cut by time.
pub fn steady(schedules: u64, workers: usize) -> Options {
    Options { schedules: Some(schedules), workers, ..usual() }
}

/// Tests a driver.
pub fn test(driver: &Driver, options: &Options) -> Report {
    bench::test(driver, options, &|_| ())
        .unwrap_or_else(|refused| panic!("{}: {refused}", driver.path))
}

/// Fails with all problems at once.
pub fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// A sentence: one line, nothing unprintable, not endless.
pub fn is_sentence(text: &str) -> bool {
    !text.is_empty() && text.len() < 600 && !text.contains(char::is_control)
}

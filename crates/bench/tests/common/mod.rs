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
    Driver { path, image, pdb, device: device(&file.with_file_name("driver.c")) }
}

/// The device that a driver says it is for, in the second line of its source.
fn device(source: &Path) -> bench::Device {
    let text = std::fs::read_to_string(source).unwrap_or_default();
    let line = text.lines().nth(1).unwrap_or_default();
    let name = line.strip_prefix("/* device: ").and_then(|line| line.strip_suffix(" */"));
    name.map_or_else(bench::Device::default, |name| {
        let model = devices::Model::by_name(name);
        let model = model.unwrap_or_else(|| panic!("{}: no device {name}", source.display()));
        bench::Device { name: name.to_owned(), model }
    })
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

/// So many schedules, and no cut by time, which would make outcomes depend on the machine.
pub fn steady(schedules: u64, workers: usize) -> Options {
    Options { schedules: Some(schedules), time: None, workers, ..Options::default() }
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

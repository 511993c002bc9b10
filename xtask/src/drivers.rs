//! `cargo xtask drivers`: builds the drivers, or checks that the committed ones are what their
//! sources build to.

use crate::build::{self, Recipe};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One driver: a folder `drivers/<clean|buggy>/<name>` with a `driver.c` in it.
pub struct Driver {
    /// The folder's path below `drivers/`, for example `clean/csq-read`.
    pub path: String,
    /// The last part of `path`; the built files are called after it.
    pub name: String,
    /// Which compiler, and how; the first line of `driver.c` says so.
    pub recipe: Recipe,
    /// Folders of the images that are loaded beside it, from lines such as
    /// `/* with: beside/ring-library */` or `/* with: clean/filter-completion:below */`.
    pub with: Vec<String>,
}

/// The folders that the head of a `driver.c` names in lines `/* with: FOLDER[:PLACE] */`.
fn with(text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| *line != "/*");
    let named = lines.filter_map(|line| line.strip_prefix("/* with: ")?.strip_suffix(" */"));
    named.map(|named| named.split(':').next().unwrap_or(named).to_owned()).collect()
}

impl Driver {
    /// The names of the files that building this driver leaves in its folder.
    pub fn products(&self) -> Vec<String> {
        let endings: &[&str] = if self.recipe.writes_pdb() { &["sys", "pdb"] } else { &["sys"] };
        endings.iter().map(|ending| format!("{}.{ending}", self.name)).collect()
    }
}

/// Runs the chore with the arguments behind `drivers`.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let (mut check, mut list, mut names) = (false, false, Vec::new());
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            "--list" => list = true,
            option if option.starts_with('-') => bail!("drivers has no option {option}"),
            name => names.push(name.trim_end_matches('/')),
        }
    }
    let drivers = select(find(root)?, &names)?;
    if list {
        for driver in &drivers {
            println!("{:<44} {}", driver.path, driver.recipe);
        }
        return Ok(ExitCode::SUCCESS);
    }
    build::require_compilers(&drivers)?;
    if check { check_all(root, &drivers) } else { build_all(root, &drivers) }
}

/// Every driver of the checkout, sorted by path.
fn find(root: &Path) -> Result<Vec<Driver>> {
    let mut drivers = Vec::new();
    for group in ["clean", "buggy", "beside"] {
        let folder = root.join("drivers").join(group);
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let source = folder.join(&name).join("driver.c");
            let Ok(text) = fs::read_to_string(&source) else { continue };
            let recipe = Recipe::parse(text.lines().next().unwrap_or_default())
                .with_context(|| format!("drivers/{group}/{name}/driver.c, line 1"))?;
            drivers.push(Driver {
                path: format!("{group}/{name}"),
                name,
                recipe,
                with: with(&text),
            });
        }
    }
    drivers.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(drivers)
}

fn select(all: Vec<Driver>, names: &[&str]) -> Result<Vec<Driver>> {
    if names.is_empty() {
        return Ok(all);
    }
    let is = |driver: &Driver, name: &str| {
        let name = name.trim_start_matches("drivers/");
        driver.name == name || driver.path == name
    };
    for name in names {
        if !all.iter().any(|driver| is(driver, name)) {
            bail!("no driver is called {name}; `cargo xtask drivers --list` names them");
        }
    }
    Ok(all.into_iter().filter(|driver| names.iter().any(|name| is(driver, name))).collect())
}

fn build_all(root: &Path, drivers: &[Driver]) -> Result<ExitCode> {
    let scratch = Scratch::new()?;
    for driver in drivers {
        let built = build::build(root, driver, &scratch.0)?;
        for product in driver.products() {
            let home = root.join("drivers").join(&driver.path).join(&product);
            fs::write(&home, fs::read(built.join(&product))?)
                .with_context(|| format!("writing {}", home.display()))?;
        }
        println!("built {}", driver.path);
    }
    Ok(ExitCode::SUCCESS)
}

fn check_all(root: &Path, drivers: &[Driver]) -> Result<ExitCode> {
    let scratch = Scratch::new()?;
    let mut different = Vec::new();
    for driver in drivers {
        let built = build::build(root, driver, &scratch.0)?;
        for product in driver.products() {
            let fresh = fs::read(built.join(&product))?;
            let home = format!("drivers/{}/{product}", driver.path);
            match fs::read(root.join(&home)) {
                Ok(committed) if committed == fresh => {}
                Ok(_) => different.push(format!("{home}: differs from what its source builds to")),
                Err(error) => different.push(format!("{home}: {error}")),
            }
        }
    }
    if different.is_empty() {
        println!("{} drivers are what their sources build to", drivers.len());
        return Ok(ExitCode::SUCCESS);
    }
    different.iter().for_each(|line| println!("{line}"));
    Ok(ExitCode::from(1))
}

/// A temporary folder that goes when it is no longer needed.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let name = format!("bugcheck-drivers-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's temporary folder; it does no harm there.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Driver> {
        find(crate::root()).expect("every driver.c says how it is built")
    }

    fn source(driver: &Driver) -> String {
        let path = crate::root().join("drivers").join(&driver.path).join("driver.c");
        fs::read_to_string(path).expect("found a moment ago")
    }

    #[test]
    fn a_buggy_driver_marks_its_one_bug_and_a_clean_one_has_none() {
        let all = all();
        let bugs = |driver: &Driver| source(driver).matches("BUG:").count();
        for driver in all.iter().filter(|driver| !driver.path.starts_with("beside/")) {
            // It may lie in an image beside it.
            let with = driver
                .with
                .iter()
                .filter_map(|with| all.iter().find(|driver| driver.path == *with));
            let bugs = bugs(driver) + with.map(bugs).sum::<usize>();
            assert_eq!(bugs, usize::from(driver.path.starts_with("buggy/")), "{}", driver.path);
        }
    }

    #[test]
    fn a_buggy_driver_says_what_is_wrong_and_when_it_shows() {
        for driver in all().iter().filter(|driver| driver.path.starts_with("buggy/")) {
            let text = source(driver);
            // The comments at the top: build, device where there is one, description.
            let head: String = text.split("*/").take(3).collect();
            assert!(head.contains("Wrong:"), "{}", driver.path);
            assert!(head.contains("Deterministic:") || head.contains("Needs"), "{}", driver.path);
        }
    }

    #[test]
    fn every_driver_is_committed_as_built_and_has_its_row_in_the_readme() {
        let folder = crate::root().join("drivers");
        let readme = fs::read_to_string(folder.join("README.md")).expect("drivers/README.md");
        for driver in all() {
            for product in driver.products() {
                assert!(folder.join(&driver.path).join(&product).is_file(), "{product} is missing");
            }
            let start = format!("| {} |", driver.name);
            let end = format!("| {} |", driver.recipe);
            let row = readme.lines().find(|line| line.starts_with(&start));
            assert!(row.is_some_and(|row| row.ends_with(&end)), "README row of {}", driver.path);
        }
    }

    #[test]
    fn pageable_code_takes_no_spin_lock() {
        // What a compiler inlines into a function in PAGE moves there with it.
        for driver in all() {
            let file = driver.products().swap_remove(0);
            let path = crate::root().join("drivers").join(&driver.path).join(file);
            let image = fs::read(path).expect("committed");
            let found = crate::pageable::services_used(&image);
            let wrong = found.iter().find(|name| name.contains("SpinLock"));
            assert_eq!(wrong, None, "{}: mark the helper RESIDENT_FN", driver.path);
        }
    }

    #[test]
    fn a_driver_is_chosen_by_name_or_path() {
        for name in ["csq-read", "clean/csq-read", "drivers/clean/csq-read"] {
            let chosen = select(all(), &[name]).expect("known");
            assert_eq!(chosen.len(), 1, "{name}");
        }
        assert!(select(all(), &["no-such-driver"]).is_err());
    }
}

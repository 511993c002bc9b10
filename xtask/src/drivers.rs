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
    for group in ["clean", "buggy"] {
        let folder = root.join("drivers").join(group);
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let source = folder.join(&name).join("driver.c");
            let Ok(text) = fs::read_to_string(&source) else { continue };
            let recipe = Recipe::parse(text.lines().next().unwrap_or_default())
                .with_context(|| format!("drivers/{group}/{name}/driver.c, line 1"))?;
            drivers.push(Driver { path: format!("{group}/{name}"), name, recipe });
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
    let scratch = scratch_folder()?;
    for driver in drivers {
        let built = build::build(root, driver, &scratch)?;
        for product in driver.products() {
            let home = root.join("drivers").join(&driver.path).join(&product);
            fs::write(&home, fs::read(built.join(&product))?)
                .with_context(|| format!("writing {}", home.display()))?;
        }
        println!("built {}", driver.path);
    }
    fs::remove_dir_all(&scratch)?;
    Ok(ExitCode::SUCCESS)
}

fn check_all(root: &Path, drivers: &[Driver]) -> Result<ExitCode> {
    let scratch = scratch_folder()?;
    let mut different = Vec::new();
    for driver in drivers {
        let built = build::build(root, driver, &scratch)?;
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
    fs::remove_dir_all(&scratch)?;
    if different.is_empty() {
        println!("{} drivers are what their sources build to", drivers.len());
        return Ok(ExitCode::SUCCESS);
    }
    different.iter().for_each(|line| println!("{line}"));
    Ok(ExitCode::from(1))
}

fn scratch_folder() -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("bugcheck-drivers-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

//! Reads a driver and its symbols from disk.

use crate::failure::Failure;
use bench::{Driver, Role, ScenarioFile, With};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Larger than any driver, and small enough to hold.
const MAX_DRIVER: u64 = 512 << 20;
const MAX_PDB: u64 = 2 << 30;
const MAX_DEVICE: u64 = 1 << 20;
const MAX_SCENARIO: u64 = 1 << 20;

/// A driver as read, and what is to be said about it in the report.
pub(crate) struct Loaded {
    pub(crate) driver: Driver,
    pub(crate) notes: Vec<String>,
}

/// Reads the driver at `path`, and its PDB: `pdb` if given, else the one that lies beside it;
/// `device` is the name of a model or a file that describes one; `with` are loaded beside it.
///
/// # Errors
/// A file that cannot be read, is no driver, or is a driver for another processor.
pub(crate) fn load(
    path: &Path,
    pdb: Option<&Path>,
    device: Option<&str>,
    with: &[Beside],
) -> Result<Loaded, Failure> {
    load_for(path, pdb, device_named(device)?, with)
}

/// The same for a device that is known.
///
/// # Errors
/// As for [`load`].
pub(crate) fn load_for(
    path: &Path,
    pdb: Option<&Path>,
    device: bench::Device,
    with: &[Beside],
) -> Result<Loaded, Failure> {
    let image = read(path, MAX_DRIVER, "give the driver's .sys file")?;
    check(path, &image)?;
    let (pdb, notes) = match pdb {
        Some(pdb) => (Some(read(pdb, MAX_PDB, "give the PDB that the linker wrote")?), Vec::new()),
        None => pdb_beside(path, &image),
    };
    let mut notes = notes;
    let mut beside = Vec::new();
    for Beside { path, role } in with {
        let image = read(path, MAX_DRIVER, "give another image with --with")?;
        check(path, &image)?;
        let (pdb, more) = pdb_beside(path, &image);
        notes.extend(more);
        let path = path.to_string_lossy().into_owned();
        beside.push(With { path, image, pdb, role: *role });
    }
    let path = path.to_string_lossy().into_owned();
    Ok(Loaded { driver: Driver { path, image, pdb, device, with: beside, installed: None }, notes })
}

/// An image that is loaded beside the driver: `FILE` for an export driver, `FILE:below` or
/// `FILE:above` for a driver of the device's stack.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
}

impl FromStr for Beside {
    type Err = String;

    fn from_str(text: &str) -> Result<Beside, String> {
        let (path, role) = match text.rsplit_once(':') {
            Some((path, "below")) => (path, Role::Below),
            Some((path, "above")) => (path, Role::Above),
            Some((path, place)) if path.ends_with(".sys") => {
                return Err(format!(
                    "there is no place `{place}`; a driver stands :below or :above the one under \
                     test, and an export driver has no place ({path})"
                ));
            }
            _ => (text, Role::Library),
        };
        match path {
            "" => Err("a file is missing".to_owned()),
            path => Ok(Beside { path: PathBuf::from(path), role }),
        }
    }
}

/// The device of a name, or the one that a TOML file describes.
pub(crate) fn device_named(name: Option<&str>) -> Result<bench::Device, Failure> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(bench::Device::default());
    };
    let model = if name.ends_with(".toml") {
        let text = read(Path::new(name), MAX_DEVICE, "give a file that describes a device")?;
        let text = String::from_utf8(text)
            .map_err(|_| Failure::Input(format!("{name}: this is no text in UTF-8.")))?;
        devices::Model::described(&text)
            .map_err(|error| Failure::Input(format!("{name}: {error}.")))?
    } else {
        devices::Model::by_name(name).ok_or_else(|| {
            let known: Vec<&str> = devices::MODELS.iter().map(|(known, ..)| *known).collect();
            let known = known.join(", ");
            Failure::Input(format!(
                "no device is called {name}; there are {known}, and files that describe one, whose \
                 names end in .toml."
            ))
        })?
    };
    Ok(bench::Device { name: name.to_owned(), model })
}

/// Reads scenarios.
///
/// # Errors
/// A file that cannot be read or is no scenario, with line and column.
pub(crate) fn scenarios(paths: &[PathBuf]) -> Result<Vec<ScenarioFile>, Failure> {
    paths
        .iter()
        .map(|path| scenario(path, "give a scenario's TOML file", ScenarioFile::check))
        .collect()
}

/// Reads what is to be done before every scenario.
pub(crate) fn preparation(path: Option<&Path>) -> Result<Option<ScenarioFile>, Failure> {
    let advice = "give a TOML file with steps, as scenarios/README.md says";
    path.map(|path| scenario(path, advice, ScenarioFile::check_preparation)).transpose()
}

fn scenario(
    path: &Path,
    advice: &str,
    check: impl Fn(&ScenarioFile) -> Result<(), bench::BadScenario>,
) -> Result<ScenarioFile, Failure> {
    let name = path.display();
    let text = read(path, MAX_SCENARIO, advice)?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::Input(format!("{name}: this is no text in UTF-8.")))?;
    let file = ScenarioFile { path: name.to_string(), text };
    check(&file).map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    Ok(file)
}

/// Whether the bench can run it at all, told before any work is done.
fn check(path: &Path, image: &[u8]) -> Result<(), Failure> {
    let Err(error) = pe::check_driver(image) else { return Ok(()) };
    let sentence = format!("{}: {error}.", path.display());
    // A file that is what it should be, for another processor, is not the user's mistake.
    let other = |image: pe::Image<'_>| image.machine() != pe::Machine::Amd64;
    if pe::Image::parse(image).is_ok_and(other) {
        return Err(Failure::Unsupported(sentence));
    }
    Err(Failure::Input(sentence))
}

/// The PDB that the image asks for, or the one that bears its name.
fn pdb_beside(path: &Path, image: &[u8]) -> (Option<Vec<u8>>, Vec<String>) {
    let wanted =
        pe::Image::parse(image).ok().and_then(|image| symbols::Symbols::wanted_pdb(&image));
    let mut tried: Vec<PathBuf> = wanted.iter().map(|name| path.with_file_name(name)).collect();
    let own = path.with_extension("pdb");
    if !tried.contains(&own) {
        tried.push(own);
    }
    let mut notes = Vec::new();
    for candidate in tried.iter().filter(|candidate| candidate.is_file()) {
        match read(candidate, MAX_PDB, "give another with --pdb") {
            Ok(bytes) => return (Some(bytes), notes),
            Err(failure) => notes.push(failure.to_string()),
        }
    }
    if let Some(name) = wanted
        && notes.is_empty()
    {
        notes.push(format!("{name} is not beside the driver, so functions may lack names and lines; --pdb gives one."));
    }
    (None, notes)
}

fn read(path: &Path, limit: u64, instead: &str) -> Result<Vec<u8>, Failure> {
    let name = path.display();
    let fail = |problem: String| Failure::Input(format!("{name}: {problem}; {instead}."));
    // Opening a folder succeeds; reading it then fails with less to say.
    if path.is_dir() {
        return Err(fail("this is a folder".to_owned()));
    }
    let file = File::open(path).map_err(|error| fail(plain(&error)))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| fail(plain(&error)))?;
    if bytes.len() as u64 > limit {
        return Err(fail(format!("it is larger than {} MiB", limit >> 20)));
    }
    if bytes.is_empty() {
        return Err(fail("it is empty".to_owned()));
    }
    Ok(bytes)
}

/// The cause without the number that Rust appends.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => format!("it cannot be read ({error})"),
    }
}

/// What the bench refuses, with the driver's name.
pub(crate) fn refused(driver: &Driver, refused: &bench::Refused) -> Failure {
    Failure::Input(format!("{}: {refused}", driver.path))
}

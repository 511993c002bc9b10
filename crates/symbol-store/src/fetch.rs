//! Files from a server, and keeping them.

use crate::Key;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Most bytes of one file: the largest PDBs of Windows are below 200 MiB.
const MOST: u64 = 2 << 30;
/// Most bytes of a `file.ptr`.
const MOST_POINTER: u64 = 4096;
/// Time until a server has to answer, and for one file.
const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(300);

/// What a server had.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// The file, which is now at the target.
    Kept,
    /// A pointer to a file that can be read from here.
    Elsewhere(PathBuf),
    /// It has none.
    Nothing,
}

/// Servers that could not be reached, and why: they are not asked again, for each time may take as long.
static UNREACHED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Asks a server for a file in each form that it may have it in, and keeps it at `target`.
///
/// # Errors
/// What stood in the way, where the server may have it.
pub(crate) fn from_server(url: &str, key: &Key, target: &Path) -> Result<Fetched, String> {
    let unreached = || UNREACHED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(why) = unreached().get(url) {
        return Err(why.clone());
    }
    let asked = ask(url, key, target);
    if let Err(Problem::Unreached(why)) = &asked {
        unreached().insert(url.to_owned(), why.clone());
    }
    asked.map_err(|problem| match problem {
        Problem::Unreached(why) | Problem::Other(why) => why,
    })
}

enum Problem {
    /// There was no answer at all.
    Unreached(String),
    Other(String),
}

impl From<String> for Problem {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

fn ask(url: &str, key: &Key, target: &Path) -> Result<Fetched, Problem> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(WHOLE))
        .http_status_as_error(false)
        .user_agent(concat!("bugcheck/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let folder = format!("{url}/{}", escaped(&key.folder()));
    let name = key.file();
    let store = |problem: io::Error| format!("{} cannot be kept: {problem}", target.display());

    if let Some(mut body) = get(&agent, &format!("{folder}/{}", escaped(name)))? {
        keep(target, &mut body).map_err(store)?;
        return Ok(Fetched::Kept);
    }
    let mut packed = name.to_owned();
    packed.pop();
    packed.push('_');
    if let Some(body) = get(&agent, &format!("{folder}/{}", escaped(&packed)))? {
        unpack(body, target)?;
        return Ok(Fetched::Kept);
    }
    if let Some(body) = get(&agent, &format!("{folder}/file.ptr"))? {
        let mut text = String::new();
        body.take(MOST_POINTER)
            .read_to_string(&mut text)
            .map_err(|error| format!("file.ptr cannot be read: {error}"))?;
        let text = text.trim();
        let text = text.strip_prefix("PATH:").unwrap_or(text);
        return match Path::new(text).is_file() {
            true => Ok(Fetched::Elsewhere(text.into())),
            false => Err(format!("it points to `{text}`, which cannot be read from here").into()),
        };
    }
    Ok(Fetched::Nothing)
}

/// A file's content, `None` where the server has none.
fn get(agent: &ureq::Agent, url: &str) -> Result<Option<impl Read + use<>>, Problem> {
    let response = agent.get(url).call().map_err(|error| Problem::Unreached(error.to_string()))?;
    match response.status().as_u16() {
        200 => Ok(Some(response.into_body().into_with_config().limit(MOST).reader())),
        404 | 410 => Ok(None),
        status => Err(format!("it answers {status} to a request for {url}").into()),
    }
}

/// Percent-encodes what a name may hold and an address may not; slashes stay.
fn escaped(path: &str) -> String {
    let mut escaped = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Writes a file whole or not at all: beside its place first, then moved there.
pub(crate) fn keep(target: &Path, content: &mut dyn Read) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{}.part", std::process::id()));
    let written = (|| {
        let mut file = File::create(&unfinished)?;
        if io::copy(&mut content.take(MOST + 1), &mut file)? > MOST {
            return Err(io::Error::other("it is larger than any symbol file"));
        }
        file.flush()?;
        fs::rename(&unfinished, target)
    })();
    if written.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Takes the one file out of a cabinet.
fn unpack(mut body: impl Read, target: &Path) -> Result<(), String> {
    // A cabinet is read back and forth, so it has to lie somewhere first.
    let packed = target.with_extension("cab");
    let text = |error: io::Error| format!("its cabinet cannot be unpacked: {error}");
    let unpacked = keep(&packed, &mut body).and_then(|()| {
        let mut file = File::open(&packed)?;
        file.rewind()?;
        let mut cabinet = cab::Cabinet::new(file)?;
        let first = cabinet.folder_entries().flat_map(|folder| folder.file_entries()).next();
        let name = first.map(|entry| entry.name().to_owned());
        let name = name.ok_or_else(|| io::Error::other("it is empty"))?;
        keep(target, &mut cabinet.read_file(&name)?)
    });
    let _ = fs::remove_file(&packed);
    unpacked.map_err(text)
}

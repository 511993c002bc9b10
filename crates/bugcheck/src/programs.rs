//! Images and symbols of modules: beside the file that is explained, in folders, along a symbol path.

use crate::failure::Failure;
use crate::output;
use diagnosis::{Absent, Program, Programs, Wanted};
use pe::Image;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use symbol_store::{Key, SymbolPath};
use symbols::MapFile;

/// Largest image, PDB or map file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// Files of a folder of images that are remembered, and how deep they may lie.
const MOST_FILES: usize = 200_000;
const DEEPEST: usize = 8;

/// Where to look.
#[derive(Default)]
pub(crate) struct Places {
    /// Folders, with everything below them.
    pub images: Vec<PathBuf>,
    /// A symbol path, as debuggers take it; without one, what `_NT_SYMBOL_PATH` says.
    pub symbols: Option<String>,
    /// Folders, without what lies below them.
    pub beside: Vec<PathBuf>,
}

type Cell = Arc<OnceLock<Result<Arc<Program>, Absent>>>;

/// Images, each read once however many dumps need it.
pub(crate) struct Store {
    /// Files of the folders by name, in lower case.
    files: HashMap<String, Vec<PathBuf>>,
    path: SymbolPath,
    known: Mutex<HashMap<Wanted, Cell>>,
}

impl Store {
    /// # Errors
    /// A folder that cannot be read, a symbol path that is none. One of the environment's is passed over,
    /// for whoever calls may not know of it.
    pub fn new(places: &Places) -> Result<Store, Failure> {
        let mut files = Files::default();
        for folder in &places.images {
            fs::read_dir(folder).map_err(|error| {
                let name = folder.display();
                Failure::Input(format!("{name}: {error}; --images needs a folder."))
            })?;
            files.add(folder, DEEPEST);
        }
        for folder in &places.beside {
            files.add(folder, 0);
        }
        let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
        let cache = home.join(".cache/bugcheck/symbols");
        let path = match &places.symbols {
            Some(text) => SymbolPath::parse(text, &cache)
                .map_err(|error| Failure::Input(format!("--symbols: {error}.")))?,
            None => path_of_environment(&cache),
        };
        Ok(Store { files: files.by_name, path, known: Mutex::default() })
    }

    fn named(&self, name: &str) -> &[PathBuf] {
        self.files.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    fn look_for(&self, wanted: &Wanted) -> Result<Arc<Program>, Absent> {
        let mut unfit = None;
        let key = Key::image(&wanted.name, wanted.timestamp, wanted.size);
        let stored = key.map(|key| self.path.find(&key)).unwrap_or_default();
        for path in self.named(&wanted.name).iter().chain(&stored.found) {
            match self.open(path, wanted) {
                Ok(program) => return Ok(Arc::new(program)),
                Err(why) => unfit = Some(format!("{}: {why}", path.display())),
            }
        }
        if let Some(why) = stored.hindered.first() {
            unfit = Some(unfit.map_or_else(|| why.clone(), |unfit| format!("{unfit}; {why}")));
        }
        Err(unfit.map_or(Absent::NotFound, Absent::Unfit))
    }

    fn open(&self, path: &Path, wanted: &Wanted) -> Result<Program, String> {
        let file = read(path)?;
        let image = Image::parse(&file).map_err(|error| format!("{error}"))?;
        let own = (image.timestamp(), image.size_of_image());
        if own != (wanted.timestamp, wanted.size) {
            return Err(format!(
                "another build: its time stamp is {:#010x} and its size {:#x}, where {:#010x} and {:#x} were \
                 loaded; not used",
                own.0, own.1, wanted.timestamp, wanted.size
            ));
        }
        drop(image);
        let mut program = self.opened(path, file)?;
        if wanted.timestamp == 0 {
            let note = "without a time stamp, only its size says that it is the one";
            program.notes.push(note.to_owned());
        }
        Ok(program)
    }

    /// The image `file`, which was read from `path`, with its symbols.
    ///
    /// # Errors
    /// A file that is no image: a clause.
    pub fn opened(&self, path: &Path, file: Vec<u8>) -> Result<Program, String> {
        let image = Image::parse(&file).map_err(|error| format!("{error}"))?;
        let (pdb, mut notes) = self.pdb_of(Some(path), &image);
        let map = self.map(path);
        drop(image);
        let mut program =
            Program::new(file, pdb, map.as_ref()).map_err(|error| format!("{error}"))?;
        notes.append(&mut program.notes);
        program.notes = notes;
        Ok(program)
    }

    /// The PDB that the image names: beside it, among the files, along the path.
    fn pdb_of(&self, path: Option<&Path>, image: &Image<'_>) -> (Option<Vec<u8>>, Vec<String>) {
        let Some(codeview) = image.codeview().ok().flatten() else { return (None, Vec::new()) };
        let Some(key) = Key::pdb(&codeview.path, codeview.guid, codeview.age) else {
            return (None, Vec::new());
        };
        let beside = path.map(|path| [path.with_file_name(key.file()), path.with_extension("pdb")]);
        let stored = self.path.find(&key);
        let near = beside.iter().flatten().filter(|path| path.is_file());
        let mut notes = Vec::new();
        let mut candidate = None;
        for path in near.chain(self.named(key.file())).chain(&stored.found) {
            match read(path) {
                // A PDB of another build is told by the reader; the first that fits is taken.
                Ok(bytes) if symbols::pdb_is_of(image, &bytes) => return (Some(bytes), Vec::new()),
                Ok(bytes) => candidate = candidate.or(Some(bytes)),
                Err(why) => notes.push(format!("{}: {why}", path.display())),
            }
        }
        if candidate.is_none() {
            notes.push(format!("{} was not found", key.file()));
            notes.extend(stored.hindered.into_iter().take(1));
        }
        (candidate, notes)
    }

    fn map(&self, path: &Path) -> Option<MapFile> {
        let beside = path.with_extension("map");
        let name = beside.file_name()?.to_string_lossy().into_owned();
        let found = [beside].into_iter().filter(|path| path.is_file());
        found
            .chain(self.named(&name).iter().cloned())
            .find_map(|path| MapFile::parse(&String::from_utf8_lossy(&read(&path).ok()?)))
    }
}

impl Programs for Store {
    fn program(&self, wanted: &Wanted) -> Result<Arc<Program>, Absent> {
        if wanted.name.is_empty() {
            return Err(Absent::NotFound);
        }
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(wanted.clone()).or_default())
        };
        // Two threads that want the same image wait for one of them to read it.
        cell.get_or_init(|| self.look_for(wanted)).clone()
    }

    fn pdb(&self, image: &Image<'_>) -> (Option<Vec<u8>>, Vec<String>) {
        self.pdb_of(None, image)
    }
}

fn path_of_environment(cache: &Path) -> SymbolPath {
    const NAME: &str = "_NT_SYMBOL_PATH";
    let Some(value) = std::env::var_os(NAME) else { return SymbolPath::default() };
    let parsed = value.to_str().ok_or_else(|| "it is no UTF-8".to_owned());
    let parsed =
        parsed.and_then(|text| SymbolPath::parse(text, cache).map_err(|error| error.to_string()));
    parsed.unwrap_or_else(|why| {
        output::complain(&format!("{NAME} is passed over: {why}."));
        SymbolPath::default()
    })
}

#[derive(Default)]
struct Files {
    by_name: HashMap<String, Vec<PathBuf>>,
    count: usize,
}

impl Files {
    fn add(&mut self, folder: &Path, deeper: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            if self.count >= MOST_FILES {
                return;
            }
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && deeper > 0 {
                self.add(&path, deeper - 1);
            } else if !kind.is_dir() {
                self.count += 1;
                let name = entry.file_name().to_string_lossy().to_lowercase();
                self.by_name.entry(name).or_default().push(path);
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() || about.len() > MOST_BYTES {
        return Err("no file, or one of more than 1 GiB".to_owned());
    }
    fs::read(path).map_err(|error| error.to_string())
}

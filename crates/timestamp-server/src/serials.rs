//! Serial numbers that never repeat: not over restarts, not over crashes, not over a loss of power.
//!
//! A file holds the first number that was never reserved. A block is reserved - written beside the file, forced to
//! the disk, moved into place, and the folder forced too - before the first number of it is handed out. What ends
//! the process loses the rest of a block, and nothing else.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Numbers that are reserved at a time.
const BLOCK: u64 = 1000;

/// Hands them out.
#[derive(Debug)]
pub struct Serials {
    folder: PathBuf,
    state: Mutex<State>,
    /// Held as long as this lives, so that no second server uses the folder.
    _lock: File,
}

#[derive(Debug)]
struct State {
    next: u64,
    reserved: u64,
}

impl Serials {
    /// Those of a folder, which must exist.
    ///
    /// # Errors
    /// If another server uses it, or its file cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another server uses this folder"),
            TryLockError::Error(error) => error,
        })?;
        let next = match fs::read_to_string(folder.join("serial")) {
            Ok(text) => text.trim().parse().map_err(|_| {
                io::Error::other("its file `serial` holds no number; numbers might repeat")
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 1,
            Err(error) => return Err(error),
        };
        let state = Mutex::new(State { next, reserved: next });
        Ok(Self { folder: folder.to_owned(), state, _lock: lock })
    }

    /// The next one.
    ///
    /// # Errors
    /// If no further block can be reserved; no number is handed out then.
    pub fn next(&self) -> io::Result<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.next == state.reserved {
            let end = state.reserved.checked_add(BLOCK);
            let end = end.ok_or_else(|| io::Error::other("there are no numbers left"))?;
            self.reserve(end)?;
            state.reserved = end;
        }
        let number = state.next;
        state.next += 1;
        Ok(number)
    }

    fn reserve(&self, end: u64) -> io::Result<()> {
        let unfinished = self.folder.join("serial.new");
        let mut file = File::create(&unfinished)?;
        writeln!(file, "{end}")?;
        file.sync_all()?;
        fs::rename(&unfinished, self.folder.join("serial"))?;
        File::open(&self.folder)?.sync_all()
    }
}

//! Where the record of a session is kept.

use bench::live::Sink;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Most bytes of a record, unless told otherwise.
pub const MOST_BYTES: u64 = 1 << 30;

/// A record that is being written.
pub struct Recording {
    path: PathBuf,
    /// Nobody asked for it: it goes unless something is found.
    spare: bool,
    state: Rc<RefCell<State>>,
}

struct State {
    file: BufWriter<File>,
    left: u64,
    /// Why there is no more of it.
    why: Option<String>,
}

impl Recording {
    /// Begins one: at `path`, or else at a place of its own for `stem`. `number` tells the sessions of
    /// one mount apart.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn begin(
        path: Option<&Path>,
        stem: &str,
        number: u32,
        limit: u64,
    ) -> io::Result<Recording> {
        let more = if number > 1 { format!("-{number}") } else { String::new() };
        let place = match path {
            Some(path) if number == 1 => path.to_owned(),
            Some(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(&more);
                PathBuf::from(name)
            }
            None => {
                let name = format!("bugcheck-{stem}-{}{more}.session", std::process::id());
                std::env::temp_dir().join(name)
            }
        };
        let mut options = File::options();
        options.write(true);
        // A place of our own must not be somebody else's link.
        if path.is_some() {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let file = BufWriter::with_capacity(1 << 18, options.open(&place)?);
        let state = State { file, left: limit, why: None };
        Ok(Recording { path: place, spare: path.is_none(), state: Rc::new(RefCell::new(state)) })
    }

    /// What a session writes to.
    pub fn sink(&self) -> Sink {
        let state = self.state.clone();
        Box::new(move |bytes| {
            let state = &mut *state.borrow_mut();
            let Some(left) = state.left.checked_sub(bytes.len() as u64) else {
                state.why = Some("it has reached its limit; --record-limit raises it".to_owned());
                return false;
            };
            state.left = left;
            match state.file.write_all(bytes) {
                Ok(()) => true,
                Err(error) => {
                    state.why = Some(error.to_string());
                    false
                }
            }
        })
    }

    /// Its path; all of it is there.
    ///
    /// # Errors
    /// Why it does not hold the whole session.
    pub fn finished(&self) -> Result<&Path, String> {
        let mut state = self.state.borrow_mut();
        if let Err(error) = state.file.flush() {
            state.why.get_or_insert(error.to_string());
        }
        match &state.why {
            None => Ok(&self.path),
            Some(why) => Err(why.clone()),
        }
    }

    /// Nothing was found: it goes if nobody asked for it.
    pub fn drop_if_spare(&self) {
        if self.spare {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

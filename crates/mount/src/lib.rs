//! A driver's devices as files of this computer, and the far ends of its device's streams: all that a
//! live session of the bench has to do with the host.
//!
//! | file | holds |
//! | --- | --- |
//! | `session` | the session with its clock and its record |
//! | `files` | which files there are, and by which names they are opened |
//! | `server` | what programs do with these files, as calls to the driver |
//! | `errno` | NTSTATUS as errno |
//! | `pipes` | named pipes instead of files, where there is no FUSE |
//! | `fuse/` | FUSE: the protocol, mounting, unmounting |
//! | `far/` | far ends of streams: sockets, pipes, files, simulated logic |
//! | `record` | where the record is kept |
#![warn(missing_docs)]

mod errno;
mod far;
mod files;
mod fuse;
mod pipes;
mod record;
mod server;
mod session;

pub use far::{FarEnd, Place, attached};
pub use files::NamedFile;
pub use record::MOST_BYTES as RECORD_LIMIT;
pub use server::run;

use bench::live::Ended;
use bench::{Refused, Replayed};
use std::fmt;
use std::path::PathBuf;

/// Which time a driver sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// The host's.
    #[default]
    Real,
    /// It jumps to the next timer when all is quiet and somebody waits.
    Virtual,
}

/// What happens once a rule objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFinding {
    /// The session ends, and the folder is unmounted.
    #[default]
    End,
    /// The driver is loaded anew.
    Restart,
}

/// How to mount.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder to mount on.
    pub folder: PathBuf,
    /// Which time.
    pub time: Time,
    /// What a finding leads to.
    pub on_finding: OnFinding,
    /// Rules that are not asked.
    pub without: Vec<&'static str>,
    /// Files beside those that the driver's names make.
    pub files: Vec<NamedFile>,
    /// Far ends of the device's streams; the driver is to be one that [`attached`] gave.
    pub far: Vec<FarEnd>,
    /// Where to keep the record; `None` for a temporary file that goes if nothing is found.
    pub record: Option<PathBuf>,
    /// Most bytes of it.
    pub record_limit: u64,
    /// Named pipes instead of files; without FUSE it is so by itself.
    pub pipes: bool,
    /// Other users may use the files too.
    pub others: bool,
    /// Tell what is in use, at the beginning and at the end.
    pub account: bool,
}

/// Who is told what happens.
pub trait Listener {
    /// The files are there.
    fn mounted(&mut self, folder: &std::path::Path, files: &[String]);
    /// Something that is good to know; a sentence.
    fn note(&mut self, text: &str);
    /// The session is over by itself: `replayed` is it, made again from its record, `record` where that
    /// is. Without the one the other says why.
    fn ended(&mut self, ended: &Ended, replayed: Option<&Replayed>, record: &str);
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rules that objected, in how many sessions.
    pub findings: u32,
    /// Sessions that ended because the bench lacks something.
    pub unsupported: u32,
}

/// Why there is no mount.
#[derive(Debug)]
pub enum Failed {
    /// The driver does not get that far.
    Refused(Refused),
    /// The record cannot be written.
    Record(String),
    /// The folder cannot be mounted on.
    Folder(String),
    /// The host does not do its part.
    Host(String),
    /// A far end cannot be, or cannot go on.
    Far(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Refused(refused) => write!(to, "{refused}"),
            Failed::Record(why) => {
                write!(to, "the record cannot be written: {why}; give another place with --record.")
            }
            Failed::Folder(why) | Failed::Far(why) => write!(to, "{why}."),
            Failed::Host(why) => write!(to, "{why}."),
        }
    }
}

impl std::error::Error for Failed {}

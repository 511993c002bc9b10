//! Libraries that a program and its plug-ins look for: which they get, which they do not, and why.
//!
//! [`program`] follows a program as its loader would; [`trace`] reads what strace saw; [`windows`] does the same for
//! programs of Windows. There is no I/O here: whoever asks gives the files ([`Files`]). Every number of a file is
//! checked before use.

#![forbid(unsafe_code)]

pub mod cache;
mod conf;
pub mod elf;
pub mod elsewhere;
pub mod files;
pub mod frameworks;
pub mod loader;
pub mod packages;
pub mod search;
mod survey;
mod trace;
mod versions;
mod windows;
mod world;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod writer;

pub use elf::{Abi, Class, Elf};
pub use elsewhere::{Elsewhere, Why};
pub use files::{Content, Files, Unread};
pub use frameworks::Plugins;
pub use search::{Outcome, Rule, Try};
pub use survey::{Lack, Level, Library, Maybe, Need, Refusal, Survey, program};
pub use trace::{is_trace, trace};
pub use versions::VersionLack;
pub use windows::{
    From, FunctionLack, Place, Places, Unusable, WindowsLack, WindowsModule, WindowsSurvey,
    is_image, windows,
};

use std::collections::BTreeMap;

/// What is known of a process beside its program.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// Folders of glibc-hwcaps that its processor can use, best first.
    pub levels: Vec<String>,
    /// Its current folder.
    pub folder: String,
    /// Its number, if it runs.
    pub pid: Option<u32>,
    /// Libraries that it has mapped, if it runs.
    pub mapped: Vec<String>,
    /// Whether it runs with more rights than its user (set-user-ID), so that loaders take nothing from the
    /// environment.
    pub is_secure: bool,
}

/// Text of a file that may hold anything.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

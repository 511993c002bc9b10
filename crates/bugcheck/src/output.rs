//! Standard output and standard error.

use crate::failure::Failure;
use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use std::io::{self, ErrorKind, Write};

/// In what form the outcome is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person; coloured on a terminal, unless NO_COLOR is set.
    Text,
    /// One document, `schema` first, field names stable.
    Json,
}

/// Whether standard output wants colours: a terminal does, unless `NO_COLOR` is set.
pub(crate) fn wants_colour() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Writes `text` to standard output.
///
/// # Errors
/// If it cannot be written. A reader that has gone away (`| head`) has what it wanted.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to standard output, as [`print()`] does.
///
/// # Errors
/// Likewise.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    outcome(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Text that goes to standard output piece by piece.
#[derive(Default)]
pub(crate) struct Pieces {
    failed: Option<io::Error>,
}

impl Pieces {
    /// Writes `text`; `false` where nobody reads any more, or nothing can be written.
    pub fn print(&mut self, text: &[u8]) -> bool {
        let written = io::stdout().lock().write_all(text);
        self.failed = self.failed.take().or(written.err());
        self.failed.is_none()
    }

    /// # Errors
    /// As [`print()`].
    pub fn finish(self) -> Result<(), Failure> {
        let flushed = self.failed.map_or_else(|| io::stdout().lock().flush(), Err);
        outcome(flushed)
    }
}

fn outcome(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let sentence = format!("standard output cannot be written: {error}; give it room.");
            Err(Failure::Input(sentence))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error as it is, made harmless.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", report::escape(line));
}

/// Writes one sentence to standard error. Where that is closed, nobody can be told.
pub(crate) fn complain(sentence: &str) {
    let _ = writeln!(io::stderr(), "bugcheck: {}", report::escape(sentence));
}

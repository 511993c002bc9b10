//! Logs of the system.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format as Form};
use crate::progress::Passed;
use ::evidence::system_log::{Format, Reader, is_plain_text, other_form};
use diagnosis::setup::Wanted;
use diagnosis::system_log::{Folder, Source, SystemLog};
use knowledge::messages::{Base, Message};
use std::io::{self, Read};

/// Bytes that are taken at a time.
const PIECE: usize = 4 << 20;
/// Bytes of a text without times in which a message that is known is looked for.
const MOST_PLAIN: usize = 1 << 20;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    Format::of(bytes).is_some()
}

/// Whether a text without times holds a message that is known. Asked for last, of files that nobody else knows.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(MOST_PLAIN)).unwrap_or_default();
    if !is_plain_text(head) {
        return false;
    }
    let known = |line: &[u8]| {
        let message = Message { text: line, ..Message::default() };
        line.len() < 4096 && Base::own().find(&message).is_some()
    };
    head.split(|byte| *byte == b'\n').any(known)
}

/// A log in a form that is not read, and what to do.
pub(super) fn other(bytes: &[u8]) -> Option<&'static str> {
    other_form(bytes)
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let format = Format::of(bytes).unwrap_or(Format::Plain);
    let mut reader = Reader::new(format);
    let mut folder = Folder::new(wish.base);
    let mut passed = Passed::new(Some(bytes.len() as u64));
    for piece in bytes.chunks(PIECE) {
        reader.push(piece, &mut |record| folder.take(record));
        passed.show(piece.len() as u64);
    }
    reader.finish(&mut |record| folder.take(record));
    drop(passed);
    let log = folder.finish(vec![Source::of(name, format.name(), &reader)]);
    told(name, &log, wish)
}

/// A log from a pipe, of which `head` has been read.
pub(super) fn stream(
    name: &str,
    head: &[u8],
    rest: &mut dyn Read,
    wish: &Wish<'_>,
) -> Result<Told, Failure> {
    let format = Format::of(head).unwrap_or(Format::Plain);
    let mut reader = Reader::new(format);
    let mut folder = Folder::new(wish.base);
    let mut passed = Passed::new(None);
    reader.push(head, &mut |record| folder.take(record));
    let mut piece = vec![0; PIECE];
    loop {
        match rest.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => {
                reader.push(&piece[..count], &mut |record| folder.take(record));
                passed.show(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Failure::Input(format!("{name}: it cannot be read: {error}.")));
            }
        }
    }
    reader.finish(&mut |record| folder.take(record));
    drop(passed);
    let log = folder.finish(vec![Source::of(name, format.name(), &reader)]);
    told(name, &log, wish)
}

pub(super) fn told(name: &str, log: &SystemLog, wish: &Wish<'_>) -> Result<Told, Failure> {
    let text = match wish.format {
        Form::Json => {
            report::system_log_json(name, log, wish.many).map_err(crate::commands::no_json)?
        }
        Form::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let full = wish.sections == Wanted::All;
            let mut text = report::system_log_text(log, full, &look);
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    let outcome = if log.is_wrong() { Outcome::Findings } else { Outcome::Clean };
    Ok(Told { text, outcome })
}

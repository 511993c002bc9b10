//! Logs of the system.

use super::packed::{Inside, Packing};
use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format as Form};
use crate::progress::Passed;
use ::evidence::system_log::{Format, Reader, is_plain_text, other_form};
use diagnosis::setup::Wanted;
use diagnosis::system_log::{Folder, Source, SystemLog, Watch};
use knowledge::messages::{Base, Message};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

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
    watch(wish, &mut folder);
    let mut passed = Passed::new(Some(bytes.len() as u64));
    for piece in bytes.chunks(PIECE) {
        reader.push(piece, &mut |record| folder.take(record));
        passed.show(piece.len() as u64);
    }
    reader.finish(&mut |record| folder.take(record));
    drop(passed);
    let log = folder.finish(vec![Source::of(name, format.name(), &reader)]);
    told(name, log, false, wish)
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
    watch(wish, &mut folder);
    let mut passed = Passed::new(None);
    pour(head, rest, &mut reader, &mut folder, &mut passed)
        .map_err(|error| Failure::Input(format!("{name}: it cannot be read: {error}.")))?;
    drop(passed);
    let log = folder.finish(vec![Source::of(name, format.name(), &reader)]);
    told(name, log, false, wish)
}

/// A log that was rotated, `older` the oldest first: read as one, in order of time. What cannot be read of one file
/// is told, and the others are read.
pub(super) fn rotated(older: &[PathBuf], newest: &Path, wish: &Wish<'_>) -> Result<Told, Failure> {
    let mut folder = Folder::new(wish.base);
    watch(wish, &mut folder);
    let mut sources = Vec::new();
    let mut before: Option<Reader> = None;
    let mut passed = Passed::new(None);
    for path in older.iter().map(PathBuf::as_path).chain([newest]) {
        let name = path.display().to_string();
        let fail =
            |error: io::Error| Failure::Input(format!("{name}: it cannot be read: {error}."));
        if before.is_some() {
            folder.next_source();
        }
        let bytes = mapped_file::open(path).map_err(fail)?;
        let packing = Packing::of(&bytes);
        let (head, mut rest): (Vec<u8>, Box<dyn Read + '_>) = match packing {
            Some(packing) => {
                let inside = Inside::of(packing, &bytes).map_err(fail)?;
                (inside.head, inside.rest)
            }
            None => (Vec::new(), Box::new(&bytes[..])),
        };
        let looked_at = if packing.is_some() { &head[..] } else { &bytes[..] };
        let format = Format::of(looked_at).unwrap_or(Format::Plain);
        // A log that tells no year goes on counting.
        let mut reader = match &before {
            Some(before) => before.next_file(format),
            None => Reader::new(format),
        };
        let mut damage = Vec::new();
        if let Err(error) = pour(&head, &mut rest, &mut reader, &mut folder, &mut passed) {
            damage.push(format!("It cannot be read to its end: {error}."));
        }
        let form = match packing {
            Some(packing) => format!("{}, packed by {}", format.name(), packing.name()),
            None => format.name().to_owned(),
        };
        sources.push(Source { damage, ..Source::of(&name, &form, &reader) });
        before = Some(reader);
    }
    drop(passed);
    let log = folder.finish(sources);
    told(&newest.display().to_string(), log, false, wish)
}

/// Reads all of a log.
fn pour(
    head: &[u8],
    rest: &mut dyn Read,
    reader: &mut Reader,
    folder: &mut Folder<'_>,
    passed: &mut Passed,
) -> io::Result<()> {
    reader.push(head, &mut |record| folder.take(record));
    let mut piece = vec![0; PIECE];
    let outcome = loop {
        match rest.read(&mut piece) {
            Ok(0) => break Ok(()),
            Ok(count) => {
                reader.push(&piece[..count], &mut |record| folder.take(record));
                passed.show(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    reader.finish(&mut |record| folder.take(record));
    outcome
}

/// What looks out for the last lines before a crash, if another file is of one.
pub(super) fn watch(wish: &Wish<'_>, folder: &mut Folder<'_>) {
    let Some(together) = wish.together.filter(|it| !it.moments.is_empty()) else { return };
    let universal = diagnosis::incident::universal_by(&together.before, &together.settings);
    folder.watch(Watch::new(&together.moments, Box::new(universal)));
}

/// What is said of a log. `is_events` says that its lines are numbered records.
pub(super) fn told(
    name: &str,
    mut log: SystemLog,
    is_events: bool,
    wish: &Wish<'_>,
) -> Result<Told, Failure> {
    let seen = wish.seen(|| diagnosis::incident::of_log(&log, is_events));
    if wish.is_brief() {
        for source in &mut log.sources {
            source.name = wish.called(&source.name).to_owned();
        }
    }
    let text = match wish.format {
        Form::Json => {
            report::system_log_json(name, &log, wish.many).map_err(crate::commands::no_json)?
        }
        Form::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let full = wish.sections == Wanted::All;
            let mut text = match wish.is_brief() {
                true => report::system_log_brief(&log, &look),
                false => report::system_log_text(&log, full, &look),
            };
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    let outcome = if log.is_wrong() { Outcome::Findings } else { Outcome::Clean };
    Ok(Told { text, outcome, seen })
}

//! Files of one log that was rotated: found by their names, put into order, and known for logs by what they hold.
//!
//! logrotate renames `messages` to `messages.1` and that to `messages.2`, or to `messages-20260101` with
//! `dateext`, and packs what is older; others write `messages.0` or `messages.old`.

use super::packed::{Inside, Packing};
use super::{Item, system_log};
use ::evidence::system_log::{Basis, Format, Reader, Time};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Bytes in which the first time of a file is looked for.
const HEAD: usize = 1 << 16;
/// Endings of what is packed.
const PACKED: &[&str] = &[".gz", ".xz", ".zst", ".bz2"];

/// How old a file is among those of its log, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// Its name has a date.
    Date(String),
    /// Its name has a number: a high one is older.
    Number(std::cmp::Reverse<u32>),
    /// It is called old.
    Old,
    /// It is the one that is written.
    Current,
}

/// Name of the log that a file belongs to, and how old it is.
fn age(name: &str) -> (&str, Age) {
    let name = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if let Some(log) = name.strip_suffix(".old") {
        return (log, Age::Old);
    }
    if let Some((log, end)) = name.rsplit_once('.')
        && is_number(end)
        && end.len() <= 4
    {
        return (log, Age::Number(std::cmp::Reverse(end.parse().unwrap_or(0))));
    }
    // `-20260101`, `-20260101-0300`, `-1767225600`.
    let parts: Vec<&str> = name.rsplitn(3, '-').collect();
    match parts.as_slice() {
        [time, day, log] if is_number(day) && day.len() == 8 && is_number(time) => {
            (log, Age::Date(format!("{day}{time}")))
        }
        [day, .., _] if is_number(day) && matches!(day.len(), 8 | 10) => {
            let log = &name[..name.len() - day.len() - 1];
            (log, Age::Date((*day).to_owned()))
        }
        _ => (name, Age::Current),
    }
}

/// Puts files of one log into one item each, at the place of its first.
pub(super) fn grouped(items: Vec<Item>) -> Vec<Item> {
    let mut logs: HashMap<PathBuf, Vec<(Age, usize)>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let Some(name) = item.path.file_name().and_then(|name| name.to_str()) else { continue };
        if item.barred.is_some() || name == "-" {
            continue;
        }
        let (log, age) = age(name);
        logs.entry(item.path.with_file_name(log)).or_default().push((age, index));
    }
    let mut items: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    for mut members in logs.into_values().filter(|members| members.len() > 1) {
        members.sort();
        // What is called alike need not be a log, or of one form with the others.
        let path =
            |index: usize| items.get(index).and_then(Option::as_ref).map(|it| it.path.clone());
        let mut members: Vec<(usize, PathBuf, Option<Time>)> = members
            .into_iter()
            .filter_map(|(_, index)| {
                let path = path(index)?;
                let first = first_time(&path)?;
                Some((index, path, first))
            })
            .collect();
        if members.len() < 2 {
            continue;
        }
        // Times say more than names, where they say what year it is.
        let dated = |first: &Option<Time>| {
            first.is_some_and(|it| matches!(it.basis, Basis::Universal(_) | Basis::Local))
        };
        if members.iter().all(|(_, _, first)| dated(first)) {
            members.sort_by_key(|(_, _, first)| first.map(|time| time.micros));
        }
        let place = members.iter().map(|(index, ..)| *index).min().unwrap_or(0);
        let named = members.iter().any(|(index, ..)| {
            items.get(*index).and_then(Option::as_ref).is_some_and(|item| item.named)
        });
        for (index, ..) in &members {
            if let Some(item) = items.get_mut(*index) {
                *item = None;
            }
        }
        let mut paths: Vec<PathBuf> = members.into_iter().map(|(_, path, _)| path).collect();
        // The newest stands for all of them.
        let newest = paths.pop().unwrap_or_default();
        if let Some(item) = items.get_mut(place) {
            *item = Some(Item { path: newest, older: paths, named, barred: None });
        }
    }
    items.into_iter().flatten().collect()
}

/// The time of a log's first line that has one; nothing of a file that is no log.
fn first_time(path: &Path) -> Option<Option<Time>> {
    let bytes = mapped_file::open(path).ok()?;
    let head = match Packing::of(&bytes) {
        Some(packing) => Inside::of(packing, &bytes).ok()?.head,
        None => bytes.get(..bytes.len().min(HEAD))?.to_vec(),
    };
    let format = Format::of(&head);
    if format.is_none() && !system_log::is_plain(&head) {
        return None;
    }
    let mut first = None;
    let mut reader = Reader::new(format.unwrap_or(Format::Plain));
    reader.push(&head, &mut |record| first = first.or(record.time));
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_which_is_older() {
        let mut names = [
            "messages",
            "messages.2.gz",
            "messages.10.xz",
            "messages.1",
            "messages-20260101",
            "messages-20251231.zst",
            "messages-20251231-0300.bz2",
            "messages.old",
        ];
        assert!(names.iter().all(|name| age(name).0 == "messages"));
        names.sort_by_key(|name| age(name).1);
        let expected = [
            "messages-20251231.zst",
            "messages-20251231-0300.bz2",
            "messages-20260101",
            "messages.10.xz",
            "messages.2.gz",
            "messages.1",
            "messages.old",
            "messages",
        ];
        assert_eq!(names, expected);
        for (name, log) in
            [("a-b.log", "a-b.log"), ("x-12.log", "x-12.log"), ("kern.log.3", "kern.log")]
        {
            assert_eq!(age(name).0, log);
        }
        assert_eq!(age("022512-24414-01.dmp"), ("022512-24414-01.dmp", Age::Current));
    }
}

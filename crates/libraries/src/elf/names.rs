//! Texts of a file that look like names of libraries: what a call of dlopen may be given.

use super::{Elf, Segment};
use std::collections::BTreeSet;

/// Names of one file.
const MOST: usize = 2000;
/// Longest name that is taken for one.
const LONGEST: usize = 256;

/// Names in what is loaded of the file, without those that it needs, has, or wants versions of.
pub(super) fn of(data: &[u8], segments: &[Segment], it: &Elf) -> Vec<String> {
    let mut known: BTreeSet<&str> = it.needed.iter().map(String::as_str).collect();
    known.extend(it.soname.as_deref());
    known.extend(it.wants.iter().map(|want| want.library.as_str()));
    let mut found = BTreeSet::new();
    for segment in segments {
        let bytes = data.get(segment.file.clone()).unwrap_or_default();
        for at in memchr::memmem::find_iter(bytes, b".so") {
            if found.len() >= MOST {
                break;
            }
            if let Some(name) =
                around(bytes, at).filter(|name| is_name(name) && !known.contains(name))
            {
                found.insert(name.to_owned());
            }
        }
    }
    found.into_iter().collect()
}

/// The text of which the byte at `at` is part: from behind a NUL to a NUL.
fn around(bytes: &[u8], at: usize) -> Option<&str> {
    let before = bytes.get(at.saturating_sub(LONGEST)..at)?;
    let start = at - (before.len() - memchr::memrchr(0, before)? - 1);
    let rest = bytes.get(at..)?;
    let rest = rest.get(..LONGEST.min(rest.len()))?;
    let end = at + memchr::memchr(0, rest)?;
    std::str::from_utf8(bytes.get(start..end)?).ok()
}

/// `libfoo.so`, `libfoo.so.1.2`, or the path of one.
fn is_name(text: &str) -> bool {
    let name = match text.rsplit_once('/') {
        Some((folder, name)) if folder.starts_with('/') => name,
        Some(_) => return false,
        None => text,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-.".contains(&byte);
    let Some((stem, version)) = name.split_once(".so") else { return false };
    let digits = version.is_empty()
        || version.strip_prefix('.').is_some_and(|numbers| {
            numbers
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        });
    text.bytes().all(plain) && stem.len() > 3 && stem.starts_with("lib") && digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_text() {
        for name in ["libm.so.6", "libasound.so", "/usr/lib/libx-1.2+3.so.0.1"] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["lib.so", "m.so.6", "lib%s.so", "libm.so.x", "libm.sound", "a/libm.so", "libm.so."]
        {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(around(b"\0libm.so.6\0", 5), Some("libm.so.6"));
        assert_eq!(around(b"libm.so.6\0", 4), None, "nothing ends what stands before it");
    }
}

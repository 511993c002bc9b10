//! Which package would have a file: apt's lists of the files of all packages, where somebody keeps them
//! (`/var/lib/apt/lists/*_Contents-ARCH`, apt-file(1); form: <https://wiki.debian.org/DebianRepository/Format>,
//! "Contents" indices).

use crate::files::Files;
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::io::Read;

/// Bytes that are unpacked of one list: several times what Debian's largest has.
const MOST: u64 = 8 << 30;
/// Bytes that are looked through at a time.
const PIECE: usize = 1 << 20;
/// Longest line that is taken.
const LONGEST: usize = 1 << 16;

/// The packages that have files of these names, each given with or without folders in front.
pub(super) fn packages(
    files: &dyn Files,
    architecture: &str,
    names: &[String],
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for list in files.list("/var/lib/apt/lists") {
        let end = format!("_Contents-{architecture}");
        let (packed, plain) = (list.ends_with(&format!("{end}.gz")), list.ends_with(&end));
        if !packed && !plain || found.len() == names.len() {
            continue;
        }
        let Ok(content) = files.read(&format!("/var/lib/apt/lists/{list}")) else { continue };
        let bytes: &[u8] = &content;
        match packed {
            true => look(&mut MultiGzDecoder::new(bytes).take(MOST), names, &mut found),
            false => look(&mut &*bytes, names, &mut found),
        }
    }
    found
}

/// Looks through a list piece by piece, at whole lines. What cannot be unpacked ends it.
fn look(from: &mut dyn Read, names: &[String], found: &mut BTreeMap<String, String>) {
    let mut buffer = vec![0; PIECE];
    let mut filled = 0;
    while found.len() < names.len() {
        let Ok(read) = from.read(buffer.get_mut(filled..).unwrap_or_default()) else { return };
        filled += read;
        let whole = buffer.get(..filled).unwrap_or_default();
        // The last line may go on; at the end it does not.
        let end =
            if read == 0 { filled } else { memchr::memrchr(b'\n', whole).map_or(0, |at| at + 1) };
        for name in names {
            if !found.contains_key(name)
                && let Some(package) = whole.get(..end).and_then(|lines| package(lines, name))
            {
                found.insert(name.clone(), package);
            }
        }
        if read == 0 {
            return;
        }
        buffer.copy_within(end..filled, 0);
        filled -= end;
        if filled > LONGEST {
            // No line is that long.
            filled = 0;
        }
    }
}

/// `usr/lib/x/liba.so.1   libs/liba1,contrib/other`: the first package.
fn package(lines: &[u8], name: &str) -> Option<String> {
    let tail = format!("/{name}");
    for at in memchr::memmem::find_iter(lines, tail.as_bytes()) {
        let behind = lines.get(at + tail.len()..).unwrap_or_default();
        if !matches!(behind.first(), Some(b' ' | b'\t')) {
            continue;
        }
        let end = memchr::memchr(b'\n', behind).unwrap_or(behind.len());
        let text = crate::text(behind.get(..end)?);
        let package = text.trim().split(',').next()?.rsplit('/').next()?.to_owned();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !package.is_empty() && package.bytes().all(plain) {
            return Some(package);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_across_pieces() {
        let mut text = String::new();
        for index in 0..40_000 {
            text.push_str(&format!("usr/share/doc/p{index}/copyright       misc/p{index}\n"));
        }
        text.push_str("usr/lib/i386-linux-gnu/liba.so.1.2\tlibs/wrong\n");
        text.push_str("usr/lib/i386-linux-gnu/liba.so.1\t\tlibs/liba1,contrib/libs/other\n");
        text.push_str("usr/lib/i386-linux-gnu/alsa-lib/x.so  libs/liba-plugins");
        let names = ["liba.so.1", "alsa-lib/x.so", "none.so"].map(str::to_owned);
        let mut found = BTreeMap::new();
        look(&mut text.as_bytes(), &names, &mut found);
        let expected = [("alsa-lib/x.so", "liba-plugins"), ("liba.so.1", "liba1")];
        assert!(
            found.iter().map(|(name, it)| (name.as_str(), it.as_str())).eq(expected),
            "{found:?}"
        );
        // A line without an end takes no memory.
        let long = vec![b'x'; 3 * PIECE];
        look(&mut long.as_slice(), &names, &mut BTreeMap::new());
    }
}

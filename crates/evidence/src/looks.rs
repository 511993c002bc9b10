//! What a file looks like that nothing here reads: told by its first bytes, so that whoever sent the wrong
//! one knows which it is.

/// First bytes of well-known kinds, with where each is described.
const MAGIC: &[(&[u8], &str)] = &[
    // APPNOTE.TXT 4.3.7 and 4.3.16.
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    // RFC 1952, 2.3.1.
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    // [MS-CAB] 2.1.
    (b"MSCF", "a cabinet; unpack it first, with cabextract or expand"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive; unpack it first"),
    // [MS-CFB] 2.2: installers, documents of old Office, saved mails.
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "a compound file: an installer (.msi), a mail (.msg) or an old document",
    ),
    (b"regf", "a registry hive"),
    (b"ElfFile\0", "an event log of Windows (.evtx)"),
    (b"\x7fELF", "an ELF file of Linux"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "a document in RTF"),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"BM", "a picture (BMP)"),
    (b"SQLite format 3\0", "a database of SQLite"),
    (b"Microsoft C/C++ MSF 7.00\r\n", "a PDB; it goes beside its driver"),
    (b"REGEDIT4", "an export of the registry (.reg)"),
    (b"Windows Registry Editor Version", "an export of the registry (.reg)"),
];

/// What text begins with, after blanks and without regard to case.
const BEGINNINGS: &[(&str, &str)] = &[
    ("<!doctype html", "a page of the web; save the log itself, or copy its text"),
    ("<html", "a page of the web; save the log itself, or copy its text"),
    ("<?xml", "an XML document"),
    ("windows registry editor version", "an export of the registry (.reg)"),
    ("{", "a JSON document"),
    ("-----begin ", "a certificate or a key in text form (PEM)"),
    ("diff --git", "a patch"),
    ("#!", "a script"),
];

/// Bytes that are looked at.
const MOST: usize = 4096;

/// What `data` looks like, in a few words.
pub fn looks_like(data: &[u8]) -> &'static str {
    let start = data.get(..data.len().min(MOST)).unwrap_or_default();
    if start.is_empty() {
        return "an empty file";
    }
    if start.iter().all(|byte| *byte == 0) {
        return "zeros: it was reserved and never written, or lost when the machine went down";
    }
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        return what;
    }
    let wide = match start {
        [0xff, 0xfe, rest @ ..] => Some(narrow(rest, 0)),
        [0xfe, 0xff, rest @ ..] => Some(narrow(rest, 1)),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(narrow(start, 0)),
        _ => None,
    };
    let text = wide.as_deref().unwrap_or(start);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let low = text.trim_ascii_start().to_ascii_lowercase();
    if let Some((_, what)) = BEGINNINGS.iter().find(|(front, _)| low.starts_with(front.as_bytes()))
    {
        return what;
    }
    // Text of a code page has bytes above 0x7F, and no control characters but these.
    let plain = text
        .iter()
        .all(|byte| *byte >= 0x20 || matches!(byte, b'\t' | b'\r' | b'\n' | 0x0c | 0x1a));
    match (plain, wide.is_some()) {
        (true, true) => "plain text in UTF-16",
        (true, false) => "plain text",
        (false, _) => "binary data",
    }
}

/// The low bytes of UTF-16; what is not ASCII becomes `?`.
fn narrow(data: &[u8], low: usize) -> Vec<u8> {
    let units = data.chunks_exact(2);
    units
        .map(|unit| match (unit.get(low), unit.get(1 - low)) {
            (Some(low), Some(0)) => *low,
            _ => b'?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_first_bytes() {
        for (data, word) in [
            (&b""[..], "empty"),
            (&[0; 64], "zeros"),
            (b"PK\x03\x04", "ZIP"),
            (b"\xef\xbb\xbf <?XML version", "XML"),
            (b"\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R\0e\0g\0i\0s\0t\0r\0y\0 \0E\0d\0i\0t\0o\0r\0 \0V\0e\0r\0s\0i\0o\0n\0 \x005\0", "registry"),
            (b"gr\xfc\xdfe\n", "plain text"),
            (b"\xfe\xff\0h\0i", "UTF-16"),
            (b"\x01\x02", "binary"),
        ] {
            assert!(looks_like(data).contains(word), "{word}: {}", looks_like(data));
        }
    }
}

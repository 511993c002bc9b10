//! Signatures of PDFs (ISO 32000-1, 12.8.1): `/Contents <3082...>` holds one, `/ByteRange [0 a b c]` says that it
//! covers the file around that string.
//!
//! Both are found by their form, not by way of the PDF's objects, which may be compressed; these two may not.

use super::Piece;
use memchr::memmem;
use signatures::Check;
use std::ops::Range;

/// Signatures that are looked for, at most.
const MOST: usize = 200;
/// Bytes of `/ByteRange` and its four numbers, at most.
const MOST_RANGE: usize = 200;

/// What a signature covers: the two parts of the file around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    before: Range<usize>,
    after: Range<usize>,
    /// Bytes of the file.
    file: usize,
}

impl Covered {
    /// The bytes that are covered, of the same file.
    pub fn of(&self, file: &[u8]) -> Vec<u8> {
        let parts = [&self.before, &self.after];
        parts.map(|range| file.get(range.clone()).unwrap_or_default()).concat()
    }

    /// Whether that is all but the signature: `byte-range`.
    pub fn check(&self) -> Check {
        const NAME: &str = "byte-range";
        if self.before.start != 0 {
            let words = format!("its first {} bytes are not covered", self.before.start);
            return Check::failed(
                NAME,
                words,
                "get the file anew: this range was not made by a signer",
            );
        }
        match self.file - self.after.end {
            0 => Check::passed(NAME, "all of the file but the signature itself is covered"),
            more => {
                let words = format!(
                    "all up to byte {} is covered but the signature itself; {more} more were added afterwards",
                    self.after.end
                );
                Check::passed(NAME, words)
            }
        }
    }
}

/// The signatures of a PDF.
///
/// # Errors
/// A clause that says why there is none.
pub(super) fn pieces(file: &[u8]) -> Result<Vec<Piece>, String> {
    let ranges: Vec<Covered> = memmem::find_iter(file, b"/ByteRange")
        .take(MOST)
        .filter_map(|at| range(file, at + b"/ByteRange".len()))
        .collect();
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(next) = file.get(at..).and_then(|rest| memmem::find(rest, b"/Contents")) {
        at += next + b"/Contents".len();
        let rest = &file[at..];
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if rest.get(blanks) != Some(&b'<') || rest.get(blanks + 1) == Some(&b'<') {
            continue;
        }
        let start = at + blanks;
        let digits = &file[start + 1..];
        let Some(length) = memchr::memchr(b'>', digits) else { break };
        let end = start + 1 + length + 1;
        let value =
            |digit: &u8| char::from(*digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let digits: Vec<u8> = digits[..length].iter().filter_map(value).collect();
        let bytes: Vec<u8> =
            digits.chunks(2).map(|two| two[0] << 4 | two.get(1).unwrap_or(&0)).collect();
        if signatures::cms::is_signed_data(&bytes) && all.len() < MOST {
            let around = |it: &&Covered| it.before.end == start && it.after.start == end;
            all.push(Piece { bytes, base: 0, covered: ranges.iter().find(around).cloned() });
        }
        at = end;
    }
    if all.is_empty() {
        return Err("the PDF holds no signature that is CMS".to_owned());
    }
    Ok(all)
}

/// `[a b c d]` at `at`: b bytes from a, and d from c. Nothing where that leads out of the file or back.
fn range(file: &[u8], at: usize) -> Option<Covered> {
    let rest = file.get(at..)?;
    let text = std::str::from_utf8(&rest[..rest.len().min(MOST_RANGE)]).ok().or_else(|| {
        // What follows may be binary.
        let end = rest.iter().take(MOST_RANGE).position(|byte| *byte == b']')?;
        std::str::from_utf8(&rest[..=end]).ok()
    })?;
    let numbers = text.trim_start().strip_prefix('[')?;
    let numbers = &numbers[..numbers.find(']')?];
    let all: Option<Vec<usize>> =
        numbers.split_ascii_whitespace().map(|it| it.parse().ok()).collect();
    let [a, b, c, d] = all?.try_into().ok()?;
    let (before, after) = (a..a.checked_add(b)?, c..c.checked_add(d)?);
    (before.end <= after.start && after.end <= file.len()).then_some(Covered {
        before,
        after,
        file: file.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_in_the_file() {
        let file = b"0123456789/ByteRange [0 4 6 30]~~~~~~~~~~~~~~~~~~~~";
        assert_eq!(range(file, 20).unwrap().after, 6..36);
        for wrong in [
            "[0 4 6]",
            "[0 4 6 99]",
            "[0 8 6 1]",
            "[-1 4 6 1]",
            "[0 4 6 18446744073709551615]",
            "[0 4 6 1",
            "",
        ] {
            assert_eq!(range(wrong.as_bytes(), 0), None, "{wrong}");
        }
    }
}

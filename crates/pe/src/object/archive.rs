//! Libraries ("PE Format", Archive (Library) File Format).

use super::{ObjectFile, member};
use crate::bytes::{array, slice, text, u32_at};
use crate::error::{Error, Place};

/// Bytes of a member's header.
pub(super) const HEADER: u64 = 60;

/// A library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Members in the order of the file, without those that hold indexes and names.
    pub members: Vec<Member>,
    /// Symbols of the first linker member, which all librarians write; `None` without one.
    pub index: Option<Vec<String>>,
    /// Symbols of the second linker member, which Microsoft's and LLVM's write; `None` without one.
    pub second_index: Option<Vec<String>>,
    /// Whether it only names its members, which are files of their own (GNU `ar`, option `T`).
    pub is_thin: bool,
    /// What is wrong; the rest is told all the same.
    pub problems: Vec<Error>,
}

/// A member of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where its header starts in the file.
    pub offset: u64,
    /// Bytes that it holds.
    pub size: u64,
    /// Seconds since 1970, or a hash; 0 where the librarian left it out.
    pub date: u64,
    /// What it holds.
    pub file: Result<ObjectFile, Error>,
    /// Image whose imports it begins or ends, where it is such an object of a GNU import library.
    pub module: Option<String>,
}

pub(super) fn read(data: &[u8], is_thin: bool) -> Result<Archive, Error> {
    let mut archive = Archive {
        members: Vec::new(),
        index: None,
        second_index: None,
        is_thin,
        problems: Vec::new(),
    };
    let mut long_names: &[u8] = &[];
    let mut at = 8u64;
    while at < data.len() as u64 {
        let (raw, date, bytes, size) = match header(data, at, is_thin) {
            Ok(found) => found,
            // Without a size the next member cannot be found.
            Err(error) => {
                archive.problems.push(error);
                break;
            }
        };
        match raw.as_str() {
            "/" if archive.index.is_none() => {
                let index = first_index(bytes, at + HEADER);
                archive.index = keep(index, &mut archive.problems);
            }
            "/" => {
                let index = second_index(bytes, at + HEADER);
                archive.second_index = keep(index, &mut archive.problems);
            }
            "//" => long_names = bytes,
            // 64-bit indexes, indexes of ARM64EC, and hybrid maps tell nothing new.
            "/SYM64/" | "/<ECSYMBOLS>/" | "/<XFGHASHMAP>/" | "/<HYBRIDMAP>/" => {}
            _ => archive.members.push(match is_thin {
                true => named(&raw, long_names, at, date, size),
                false => one(&raw, long_names, at, date, bytes),
            }),
        }
        // Members begin on even offsets.
        at = (at + HEADER + bytes.len() as u64).next_multiple_of(2);
    }
    Ok(archive)
}

fn keep(found: Result<Vec<String>, Error>, problems: &mut Vec<Error>) -> Option<Vec<String>> {
    found.map_err(|error| problems.push(error)).ok()
}

/// A member's name as it stands in the header, its date, its content, its size. Those of a thin archive that
/// are no index have no content here.
fn header(data: &[u8], at: u64, is_thin: bool) -> Result<(String, u64, &[u8], u64), Error> {
    let field = |offset: u64, length: u64, name| -> Result<String, Error> {
        Ok(text(slice(data, Place::new(at + offset, name), length)?).trim().to_owned())
    };
    let name = field(0, 16, "member Name")?;
    let date = field(16, 12, "member Date")?.parse().unwrap_or(0);
    let place = Place::new(at + 48, "member Size");
    let size = field(48, 10, "member Size")?;
    let size: u64 = size.parse().map_err(|_| Error::new(place, "is no number"))?;
    let end = Place::new(at + 58, "End of Header");
    if array::<2>(data, end)? != *b"`\n" {
        return Err(Error::new(end, "is not \"`\\n\""));
    }
    let own = ["/", "//", "/SYM64/"].contains(&name.as_str());
    let held = if is_thin && !own { 0 } else { size };
    let bytes = slice(data, Place::new(at + HEADER, "member content"), held)?;
    Ok((name, date, bytes, size))
}

/// A member of a thin archive.
fn named(raw: &str, long_names: &[u8], offset: u64, date: u64, size: u64) -> Member {
    let problem = "is in a file of its own, which a thin archive only names; give that file";
    let file = Err(Error::new(Place::new(offset + HEADER, "member content"), problem));
    Member { name: name(raw, long_names), offset, size, date, file, module: None }
}

fn name(raw: &str, long_names: &[u8]) -> String {
    let digits = raw.strip_prefix('/').and_then(|digits| digits.parse::<usize>().ok());
    match digits.and_then(|start| long_names.get(start..)) {
        // GNU ends a long name with "/\n", Microsoft's librarian with a NUL.
        Some(rest) => {
            let end = rest.iter().position(|byte| [0, b'\n'].contains(byte));
            let name = text(&rest[..end.unwrap_or(rest.len()).min(4096)]);
            name.strip_suffix('/').map_or_else(|| name.clone(), str::to_owned)
        }
        None => raw.strip_suffix('/').unwrap_or(raw).to_owned(),
    }
}

fn one(raw: &str, long_names: &[u8], offset: u64, date: u64, bytes: &[u8]) -> Member {
    let name = name(raw, long_names);
    let mut file = member(bytes);
    // Offsets of errors are the library's.
    let base = offset + HEADER;
    let shift = |error: &mut Error| error.offset = error.offset.saturating_add(base);
    match &mut file {
        Err(error) => shift(error),
        Ok(ObjectFile::Object(object)) => object.problems.iter_mut().for_each(shift),
        Ok(_) => {}
    }
    let module = match &file {
        Ok(ObjectFile::Object(object)) => imported_from(object, bytes),
        _ => None,
    };
    Member { name, offset, size: bytes.len() as u64, date, file, module }
}

/// The name of an image: GNU's `dlltool` puts it into section `.idata$7` of a library's last member,
/// Microsoft's and LLVM's into `.idata$6` of the first object.
fn imported_from(object: &super::Object, bytes: &[u8]) -> Option<String> {
    object
        .sections
        .iter()
        .filter(|it| [".idata$7", ".idata$6"].contains(&it.name.as_str()))
        .find_map(|it| {
            let place = Place::new(it.offset.into(), "section .idata");
            let name = text(slice(bytes, place, it.size.into()).ok()?);
            let ends = [".dll", ".sys", ".exe", ".drv", ".cpl", ".ocx"];
            let low = name.to_ascii_lowercase();
            ends.iter().any(|end| low.ends_with(end)).then_some(name)
        })
}

/// Big-endian count, as many offsets, as many names.
fn first_index(bytes: &[u8], at: u64) -> Result<Vec<String>, Error> {
    let place = Place::new(0, "Number of Symbols");
    let count = u32::from_be_bytes(array(bytes, place).map_err(|error| moved(error, at))?);
    names(bytes, 4 + u64::from(count) * 4, count, at)
}

/// Little-endian: members, their offsets, symbols, as many 16-bit indexes of members, as many names.
fn second_index(bytes: &[u8], at: u64) -> Result<Vec<String>, Error> {
    let number = |offset, name| u32_at(bytes, offset, name).map_err(|error| moved(error, at));
    let members = number(0, "Number of Members")?;
    let count_at = 4 + u64::from(members) * 4;
    let count = number(count_at, "Number of Symbols")?;
    names(bytes, count_at + 4 + u64::from(count) * 2, count, at)
}

fn names(bytes: &[u8], start: u64, count: u32, at: u64) -> Result<Vec<String>, Error> {
    let place = Place::new(start, "String Table");
    let length = (bytes.len() as u64).saturating_sub(start);
    let table = slice(bytes, place, length).map_err(|error| moved(error, at))?;
    let mut rest = table;
    let mut names = Vec::new();
    for _ in 0..count {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else {
            let problem = format!("holds {} of {count} names", names.len());
            return Err(moved(Error::new(place, problem), at));
        };
        names.push(text(&rest[..end]));
        rest = &rest[end + 1..];
    }
    Ok(names)
}

fn moved(error: Error, by: u64) -> Error {
    Error { offset: error.offset.saturating_add(by), ..error }
}

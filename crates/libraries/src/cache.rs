//! `/etc/ld.so.cache`: where ldconfig found which library.
//!
//! Source: glibc 2.40, sysdeps/generic/dl-cache.h, and elf/cache.c, which writes it.

use crate::text;
use evidence::Error;
use evidence::bytes::slice;
use std::collections::HashMap;

const OLD_MAGIC: &[u8] = b"ld.so-1.7.0\0";
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes of the header and of an entry.
const HEADER: u64 = 48;
const ENTRY: u64 = 24;
const OLD_ENTRY: u64 = 12;
/// Mark of an entry whose `hwcap` is the number of a glibc-hwcaps folder in its low half.
const BY_NAME: u64 = 1 << 62;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
const TAG_GENERATOR: u32 = 0;
const TAG_HWCAPS: u32 = 1;
/// Longest name or path that is taken.
const LONGEST: usize = 4096;

/// A library of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that it is looked for by.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Kind and processor, see [`crate::elf::Abi::cache_flags`].
    pub flags: u32,
    /// The folder of `glibc-hwcaps` that it is from.
    pub level: Option<String>,
    /// Bits of the old kind of such folders, of which nothing is known here but that they are wanted.
    pub old_bits: u64,
}

/// The cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cache {
    entries: Vec<Entry>,
    by_name: HashMap<String, Vec<usize>>,
    /// What wrote it, as ldconfig says.
    pub generator: Option<String>,
    /// Entries that could not be read: the first one's fault, and how many there are.
    pub lost: Option<(Error, usize)>,
}

#[derive(Clone, Copy)]
struct View<'a> {
    data: &'a [u8],
    is_big: bool,
}

impl View<'_> {
    fn u32(self, at: u64, field: &'static str) -> Result<u32, Error> {
        let mut four = [0; 4];
        four.copy_from_slice(slice(self.data, at, 4, field)?);
        Ok(if self.is_big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }

    fn string(self, at: u64, field: &'static str) -> Result<String, Error> {
        let rest = usize::try_from(at).ok().and_then(|at| self.data.get(at..)).unwrap_or_default();
        let rest = rest.get(..LONGEST).unwrap_or(rest);
        let end = memchr::memchr(0, rest);
        let end = end.ok_or_else(|| fault(at, field, "no text ends there"))?;
        Ok(text(rest.get(..end).unwrap_or_default()))
    }
}

impl Cache {
    /// Reads a cache: the new form, or the new one behind the old.
    ///
    /// # Errors
    /// A file that is no cache, of the old form only, or whose header cannot be. An entry that cannot be read is
    /// left out and told.
    pub fn read(data: &[u8]) -> Result<Cache, Error> {
        let start = start(data)?;
        // Offsets count from the new header.
        let data =
            usize::try_from(start).ok().and_then(|start| data.get(start..)).unwrap_or_default();
        let order = slice(data, 28, 1, "flags")?.first().copied().unwrap_or(0) & 3;
        let little = View { data, is_big: false };
        let room = (data.len() as u64).saturating_sub(HEADER) / ENTRY;
        let is_big = match order {
            2 => false,
            3 => true,
            1 => return Err(fault(start + 28, "flags", "it says of itself that it is not valid")),
            // Written by glibc before 2.33, which did not say.
            _ => u64::from(little.u32(20, "nlibs")?) > room,
        };
        let view = View { data, is_big };
        let count = u64::from(view.u32(20, "nlibs")?);
        if count > room {
            let problem = format!("{count} libraries, and the file has room for {room}");
            return Err(fault(start + 20, "nlibs", &problem));
        }
        let mut cache = Cache::default();
        let levels = extensions(view, &mut cache);
        for index in 0..count {
            match entry(view, HEADER + index * ENTRY, &levels) {
                Ok(entry) => {
                    let number = cache.entries.len();
                    cache.by_name.entry(entry.name.clone()).or_default().push(number);
                    cache.entries.push(entry);
                }
                Err(error) => {
                    let first = Error { offset: error.offset.saturating_add(start), ..error };
                    let (first, count) = cache.lost.take().unwrap_or((first, 0));
                    cache.lost = Some((first, count + 1));
                }
            }
        }
        Ok(cache)
    }

    /// The entry that the loader takes: of these flags, from the best folder of `levels`, else from none.
    pub fn find(&self, name: &str, flags: u32, levels: &[String]) -> Option<&Entry> {
        let mut fit: Vec<(usize, &Entry)> = Vec::new();
        for entry in self.named(name).filter(|entry| entry.flags == flags && entry.old_bits == 0) {
            let rank = match &entry.level {
                Some(level) => levels.iter().position(|it| it == level),
                None => Some(levels.len()),
            };
            fit.extend(rank.map(|rank| (rank, entry)));
        }
        // Of several that rank alike the first one stays.
        fit.into_iter().min_by_key(|(rank, _)| *rank).map(|(_, entry)| entry)
    }

    /// Every entry of a name, whatever it is for.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Entry> {
        let numbers = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|number| self.entries.get(*number))
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// Where the new header lies.
fn start(data: &[u8]) -> Result<u64, Error> {
    if data.starts_with(MAGIC) {
        return Ok(0);
    }
    if !data.starts_with(OLD_MAGIC) {
        return Err(fault(0, "magic", "this is no ld.so.cache"));
    }
    let aligned = |is_big| -> Option<u64> {
        let count = View { data, is_big }.u32(12, "nlibs").ok()?;
        let end = u64::from(count).checked_mul(OLD_ENTRY)?.checked_add(16)?;
        let at = end.checked_next_multiple_of(8)?;
        slice(data, at, MAGIC.len() as u64, "magic").is_ok_and(|it| it == MAGIC).then_some(at)
    };
    aligned(false).or_else(|| aligned(true)).ok_or_else(|| {
        fault(12, "nlibs", "only the old form is there, which glibc before 2.2 used")
    })
}

fn entry(view: View<'_>, at: u64, levels: &[String]) -> Result<Entry, Error> {
    let flags = view.u32(at, "flags")?;
    let name = view.string(view.u32(at + 4, "key")?.into(), "key")?;
    let path = view.string(view.u32(at + 8, "value")?.into(), "value")?;
    let halves = [view.u32(at + 16, "hwcap")?, view.u32(at + 20, "hwcap")?].map(u64::from);
    let [low, high] = if view.is_big { [halves[1], halves[0]] } else { halves };
    let bits = high << 32 | low;
    let (level, old_bits) = match bits & BY_NAME {
        0 => (None, bits),
        _ => {
            let level = usize::try_from(low).ok().and_then(|index| levels.get(index));
            let level = level.ok_or_else(|| fault(at + 16, "hwcap", "there is no such folder"))?;
            (Some(level.clone()), 0)
        }
    };
    Ok(Entry { name, path, flags, level, old_bits })
}

/// Names of the glibc-hwcaps folders; also says who wrote the cache.
fn extensions(view: View<'_>, cache: &mut Cache) -> Vec<String> {
    let mut levels = Vec::new();
    let mut read = || -> Result<(), Error> {
        let at = u64::from(view.u32(32, "extension_offset")?);
        if at == 0 {
            return Ok(());
        }
        if view.u32(at, "extension magic")? != EXTENSION_MAGIC {
            return Err(fault(at, "extension magic", "there are no extensions there"));
        }
        let count = view.u32(at + 4, "extension count")?;
        for index in 0..u64::from(count.min(64)) {
            let section = at + 8 + index * 16;
            let offset = u64::from(view.u32(section + 8, "extension offset")?);
            let size = u64::from(view.u32(section + 12, "extension size")?);
            match view.u32(section, "extension tag")? {
                TAG_GENERATOR => {
                    let bytes = slice(view.data, offset, size.min(LONGEST as u64), "generator")?;
                    cache.generator = Some(text(bytes));
                }
                TAG_HWCAPS => {
                    for index in 0..(size / 4).min(1024) {
                        let name = view.u32(offset + index * 4, "glibc-hwcaps")?;
                        levels.push(view.string(name.into(), "glibc-hwcaps")?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    };
    if let Err(error) = read() {
        cache.lost = Some((error, 1));
    }
    levels
}

fn fault(offset: u64, field: &'static str, problem: &str) -> Error {
    Error { offset, field, problem: problem.to_owned() }
}

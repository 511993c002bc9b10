//! Physical memory of a dump: page tables, and what the description has in its pages.

use crate::kernel_data::{KernelData, image_header};
use crate::paging::Tables;
use crate::{Description, Error, Page};
use std::collections::BTreeMap;
use std::io::Write;

const PAGE: usize = 0x1000;

/// A part of a page: `length` bytes of a source, from `from` on, at `at`.
#[derive(Debug, Clone, Copy)]
struct Piece {
    source: usize,
    from: usize,
    at: usize,
    length: usize,
}

/// Memory with its place.
struct Source<'a> {
    address: u64,
    bytes: &'a [u8],
    page: Page,
}

/// What the writer adds to the description's memory.
pub(crate) struct Made {
    pub data: KernelData,
    /// Address and bytes of images' headers.
    headers: Vec<(u64, Vec<u8>)>,
}

impl Made {
    pub fn new(description: &Description) -> Result<Self, Error> {
        let data = KernelData::build(description)?;
        let wide = description.machine.wide();
        let page = PAGE as u64;
        let mut given: Vec<(u64, u64)> = sources(description)
            .filter_map(|source| {
                let last =
                    source.address.checked_add((source.bytes.len() as u64).checked_sub(1)?)?;
                Some((source.address, last))
            })
            .collect();
        given.sort_unstable();
        let free = |base: u64| {
            base.is_multiple_of(page)
                && base != 0
                && !given.iter().any(|(first, last)| *first < base + page && *last >= base)
        };
        let described = description.modules.iter().filter(|module| free(module.base));
        let headers = described.map(|module| (module.base, image_header(module, wide))).collect();
        Ok(Self { data, headers })
    }
}

/// What the description itself has, in the order in which later bytes win.
fn sources(description: &Description) -> impl Iterator<Item = Source<'_>> {
    let objects =
        [&description.prcb, &description.thread, &description.process, &description.stack];
    let objects = objects
        .into_iter()
        .flatten()
        .chain(&description.other_prcbs)
        .map(|object| Source { address: object.address, bytes: &object.bytes, page: Page::Small });
    let memory = description.memory.iter().map(|memory| Source {
        address: memory.address,
        bytes: &memory.bytes,
        page: memory.page,
    });
    memory.chain(objects)
}

/// All pages, by number.
pub(crate) struct Space<'a> {
    sources: Vec<Source<'a>>,
    tables: Tables,
    pieces: BTreeMap<u64, Vec<Piece>>,
}

impl<'a> Space<'a> {
    pub fn new(description: &'a Description, made: &'a Made) -> Result<Self, Error> {
        let mut sources: Vec<Source<'a>> = sources(description).collect();
        // Objects lie wherever the memory around them does.
        let given = description.memory.len();
        for source in sources.iter_mut().skip(given) {
            let address = source.address;
            let around = description.memory.iter().find(|memory| {
                address.checked_sub(memory.address).is_some_and(|at| at < memory.bytes.len() as u64)
            });
            source.page = around.map_or(Page::Small, |memory| memory.page);
        }
        let page = Page::Small;
        let base = description.structures;
        sources.push(Source { address: base, bytes: &made.data.bytes, page });
        let headers = made.headers.iter();
        sources.extend(headers.map(|(address, bytes)| Source { address: *address, bytes, page }));
        let mut tables = Tables::new(description.machine, description.frame_step);
        for source in &sources {
            tables.want(source.address, source.bytes.len() as u64, source.page)?;
        }
        tables.build()?;
        let mut pieces: BTreeMap<u64, Vec<Piece>> = BTreeMap::new();
        for (source, has) in sources.iter().enumerate() {
            let mut from = 0;
            while from < has.bytes.len() {
                let address = has.address + from as u64;
                let at = address as usize % PAGE;
                let length = (PAGE - at).min(has.bytes.len() - from);
                let piece = Piece { source, from, at, length };
                pieces.entry(tables.frame(address, has.page)?).or_default().push(piece);
                from += length;
            }
        }
        Ok(Self { sources, tables, pieces })
    }

    /// Physical address of the root of the page tables.
    pub fn root(&self) -> u64 {
        self.tables.root
    }

    /// Numbers of the pages that there are, from the lowest on.
    pub fn frames(&self) -> impl Iterator<Item = u64> {
        let mut all: Vec<u64> =
            self.pieces.keys().chain(self.tables.tables.keys()).copied().collect();
        all.sort_unstable();
        all.into_iter()
    }

    /// How many pages there are.
    pub fn count(&self) -> u64 {
        (self.pieces.len() + self.tables.tables.len()) as u64
    }

    /// First page and number of pages of each run.
    pub fn runs(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for frame in self.frames() {
            match runs.last_mut() {
                Some((first, count)) if *first + *count == frame => *count += 1,
                _ => runs.push((frame, 1)),
            }
        }
        runs
    }

    /// Writes every page, from the lowest on.
    pub fn write(&self, out: &mut impl Write) -> Result<(), Error> {
        let mut page = [0; PAGE];
        for frame in self.frames() {
            if let Some(table) = self.tables.tables.get(&frame) {
                out.write_all(table)?;
                continue;
            }
            page.fill(0);
            for piece in self.pieces.get(&frame).into_iter().flatten() {
                let bytes = &self.sources[piece.source].bytes[piece.from..][..piece.length];
                page[piece.at..][..piece.length].copy_from_slice(bytes);
            }
            out.write_all(&page)?;
        }
        Ok(())
    }
}

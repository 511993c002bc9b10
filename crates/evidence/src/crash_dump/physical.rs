//! Physical pages of a full, bitmap or range dump.
//!
//! Sources: the layouts that the README of 0vercl0k/kdmp-parser and Volatility's crash layer describe;
//! `SUMMARY_DUMP32` and `SUMMARY_DUMP64` of the WDK for the older form of a bitmap.

use super::{Header, Kind, Lack, note};
use crate::Error;
use crate::bytes::{slice, u32_at, u64_at};

pub(super) const PAGE: u64 = 0x1000;
/// Bytes of the bitmap whose set bits are counted once, at the start.
const CHUNK: u64 = 512;

/// Consecutive pages that stand one after the other in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Page number of the first.
    pub first: u64,
    /// Pages.
    pub count: u64,
    /// Where the first stands in the file.
    pub offset: u64,
}

/// Where physical pages stand in the file.
#[derive(Debug, Clone)]
pub(super) enum Pages<'a> {
    Absent,
    Runs(Vec<Run>),
    /// `before` has the set bits before each chunk of `bits`.
    Bitmap {
        bits: &'a [u8],
        before: Vec<u64>,
        first_page: u64,
    },
}

impl<'a> Pages<'a> {
    pub fn parse(data: &'a [u8], header: &Header<'_>, lacks: &mut Vec<Lack>) -> Self {
        let found = match header.kind {
            Kind::Full => Self::full(data, header, lacks),
            Kind::KernelSummary | Kind::Bitmap | Kind::Active => Self::bitmap(data, header, lacks),
            Kind::Ranges => Self::ranges(data, header, lacks),
            Kind::Triage | Kind::Other(_) => Ok(Self::Absent),
        };
        found.unwrap_or_else(|error| {
            note(lacks, Lack::from(error));
            Self::Absent
        })
    }

    fn full(data: &[u8], header: &Header<'_>, lacks: &mut Vec<Lack>) -> Result<Self, Error> {
        const FIELD: &str = "PhysicalMemoryBlock";
        let (base, first, size) = if header.wide { (0x88, 16, 16) } else { (0x64, 8, 8) };
        let count = u64::from(u32_at(data, base, FIELD)?);
        let room = (700 - first) / size;
        if count > room {
            let problem = format!("{count} runs, more than the {room} that have room");
            return Err(Error::new(base, FIELD, problem));
        }
        let (mut runs, mut offset) = (Vec::new(), header.size());
        for index in 0..count {
            let at = base + first + index * size;
            let (page, pages) = if header.wide {
                (u64_at(data, at, FIELD)?, u64_at(data, at + 8, FIELD)?)
            } else {
                (u32_at(data, at, FIELD)?.into(), u32_at(data, at + 4, FIELD)?.into())
            };
            runs.push(Run { first: page, count: pages, offset });
            let end = pages.checked_mul(PAGE).and_then(|bytes| bytes.checked_add(offset));
            let Some(end) = end else {
                let why = format!("a run of {pages:#x} pages passes the end of numbers");
                note(lacks, Lack { part: FIELD, offset: at, why });
                break;
            };
            offset = end;
        }
        check_end(data, offset, lacks);
        runs.sort_by_key(|run| run.first);
        Ok(Self::Runs(runs))
    }

    fn bitmap(data: &'a [u8], header: &Header<'_>, lacks: &mut Vec<Lack>) -> Result<Self, Error> {
        let base = header.size();
        let mark = slice(data, base, 8, "BitmapDump.Signature")?;
        if mark != b"SDMPDUMP" && mark != b"FDMPDUMP" {
            let problem = "neither SDMP nor FDMP: not a bitmap of pages";
            return Err(Error::new(base, "BitmapDump.Signature", problem));
        }
        let (first_page, pages, start) = if header.kind == Kind::KernelSummary {
            // The older form, with words of four bytes, and a pointer before the bitmap.
            let first = u32_at(data, base + 0xc, "HeaderSize")?;
            let bits = u32_at(data, base + 0x18, "SizeOfBitMap")?;
            (first.into(), bits.into(), base + if header.wide { 0x28 } else { 0x20 })
        } else {
            let first = u64_at(data, base + 0x20, "FirstPage")?;
            (first, u64_at(data, base + 0x30, "Pages")?, base + 0x38)
        };
        let bits = slice(data, start, pages.div_ceil(8), "Bitmap")?;
        let (mut before, mut total) = (Vec::new(), 0);
        for chunk in bits.chunks(CHUNK as usize) {
            before.push(total);
            total += ones(chunk);
        }
        let end = total.checked_mul(PAGE).and_then(|bytes| bytes.checked_add(first_page));
        check_end(data, end.unwrap_or(u64::MAX), lacks);
        Ok(Self::Bitmap { bits, before, first_page })
    }

    fn ranges(data: &[u8], header: &Header<'_>, lacks: &mut Vec<Lack>) -> Result<Self, Error> {
        let base = header.size();
        if slice(data, base + 4, 8, "RdmpHeader.Signature")? != b"RDMPDUMP" {
            return Err(Error::new(base + 4, "RdmpHeader.Signature", "not RDMP"));
        }
        let mut offset = u64_at(data, base + 0x18, "FirstPageOffset")?;
        let end = offset.min(data.len() as u64);
        let (mut runs, mut at) = (Vec::new(), base + 0x30);
        while at + 16 <= end {
            let (first, count) = (u64_at(data, at, "PfnRange")?, u64_at(data, at + 8, "PfnRange")?);
            if count == 0 {
                break;
            }
            runs.push(Run { first, count, offset });
            let next = count.checked_mul(PAGE).and_then(|bytes| bytes.checked_add(offset));
            let Some(next) = next else {
                let why = format!("a range of {count:#x} pages passes the end of numbers");
                note(lacks, Lack { part: "PfnRange", offset: at, why });
                break;
            };
            (offset, at) = (next, at + 16);
        }
        check_end(data, offset, lacks);
        runs.sort_by_key(|run| run.first);
        Ok(Self::Runs(runs))
    }

    /// File offset of a physical page.
    pub fn offset(&self, page: u64) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Runs(runs) => {
                let after = runs.partition_point(|run| run.first <= page);
                let run = runs.get(after.checked_sub(1)?)?;
                let inside = page - run.first;
                let bytes = (inside < run.count).then(|| inside.checked_mul(PAGE))??;
                bytes.checked_add(run.offset)
            }
            Self::Bitmap { bits, before, first_page } => {
                let byte = usize::try_from(page / 8).ok()?;
                let (value, bit) = (*bits.get(byte)?, (page % 8) as u32);
                if value >> bit & 1 == 0 {
                    return None;
                }
                let chunk = byte / CHUNK as usize;
                let inside = ones(bits.get(chunk * CHUNK as usize..byte)?);
                let below = u64::from((value & ((1u8 << bit) - 1)).count_ones());
                let rank = before.get(chunk)?.checked_add(inside)?.checked_add(below)?;
                rank.checked_mul(PAGE)?.checked_add(*first_page)
            }
        }
    }
}

/// Tells of pages that should stand behind the end of the file.
fn check_end(data: &[u8], end: u64, lacks: &mut Vec<Lack>) {
    let offset = data.len() as u64;
    if end > offset {
        let why = format!("its pages end at {end:#x}, the file at {offset:#x}");
        note(lacks, Lack { part: "physical memory", offset, why });
    }
}

fn ones(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(byte.count_ones())).sum()
}

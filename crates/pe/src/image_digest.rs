//! Which bytes of an image its Authenticode digests cover.
//!
//! Source: Microsoft "Windows Authenticode Portable Executable Signature Format" 1.0 (2008), Calculating the PE
//! Image Hash, and Page Hashes. Nothing is hashed here: hashing is the caller's, over these ranges.

use crate::headers::DirectoryIndex;
use crate::image::Image;
use std::iter;
use std::ops::Range;

/// Bytes of a page, and so of the piece of a section that one page hash covers.
pub const PAGE: u32 = 0x1000;

/// What the image digest covers: these ranges of the file, in this order, then `padding` zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRanges {
    /// Byte ranges of the file.
    pub ranges: Vec<Range<usize>>,
    /// Zeros that are hashed behind them: an image is padded to a multiple of 8 before it is signed.
    pub padding: usize,
}

impl DigestRanges {
    /// Bytes that are hashed.
    pub fn bytes(&self) -> usize {
        self.ranges.iter().map(Range::len).fold(self.padding, usize::saturating_add)
    }
}

/// What one page hash covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRanges {
    /// File offset that names it in the table of page hashes.
    pub offset: u32,
    /// Byte ranges of the file.
    pub ranges: Vec<Range<usize>>,
    /// Zeros that are hashed behind them, up to the size of a page.
    pub padding: usize,
}

impl Image<'_> {
    /// The file's ranges that the image digest covers: everything but the checksum, the directory entry of the
    /// certificate table, and that table. What lies behind the table is covered, for nothing may lie there.
    pub fn digest_ranges(&self) -> DigestRanges {
        let size = self.data.len();
        let table = self.certificate_place();
        let mut ranges = Vec::new();
        let mut from = 0;
        let mut skip = self.skipped_fields();
        skip.push(table.clone().unwrap_or(size..size));
        for gap in skip {
            if gap.start > from {
                ranges.push(from..gap.start);
            }
            from = from.max(gap.end);
        }
        if size > from {
            ranges.push(from..size);
        }
        let padding = match table {
            None => size.next_multiple_of(8) - size,
            Some(_) => 0,
        };
        DigestRanges { ranges, padding }
    }

    /// The ranges by the letter of the specification - headers, then each section in order of its place in the
    /// file, then what lies behind the last - where that covers other bytes than [`Image::digest_ranges`]: in an
    /// image with gaps between its sections, or with sections that overlap. `None` where it is the same.
    pub fn digest_ranges_by_section(&self) -> Option<DigestRanges> {
        let size = self.data.len();
        let headers = (self.headers.size_of_headers as usize).min(size);
        let mut ranges = without(0..headers, &self.skipped_fields());
        let mut sections: Vec<Range<usize>> = self
            .sections()
            .iter()
            .filter(|section| section.file_size > 0)
            .map(|section| section.file_offset as usize..end_of(section).min(size))
            .collect();
        sections.sort_by_key(|range| (range.start, range.end));
        let mut summed = headers;
        for range in sections {
            summed = summed.saturating_add(range.len());
            ranges.push(range);
        }
        let table = self.certificate_place();
        let table_size = table.as_ref().map_or(0, Range::len);
        if size > summed.saturating_add(table_size) {
            ranges.push(summed..size - table_size);
        }
        let padding = self.digest_ranges().padding;
        let by_section = DigestRanges { ranges, padding };
        (joined(&by_section.ranges) != joined(&self.digest_ranges().ranges)).then_some(by_section)
    }

    /// What each page hash covers, in order: the headers as the first page, then each section's pages; and the
    /// offset behind the last, which ends the table. `None` where an image has more of them than its file could
    /// hold, as one with sections that overlap may claim.
    pub fn page_ranges(&self) -> Option<(Vec<PageRanges>, u32)> {
        let size = self.data.len();
        let headers = (self.headers.size_of_headers as usize).min(size);
        let most = size / PAGE as usize + self.sections().len() + 1;
        // A header longer than a page is hashed whole, and padded to whole pages.
        let mut pages = vec![PageRanges {
            offset: 0,
            ranges: without(0..headers, &self.skipped_fields()),
            padding: headers.next_multiple_of(PAGE as usize) - headers,
        }];
        let mut last = self.headers.size_of_headers;
        let mut sections: Vec<_> =
            self.sections().iter().filter(|section| section.file_size > 0).collect();
        sections.sort_by_key(|section| section.file_offset);
        for section in sections {
            for from in (0..section.file_size).step_by(PAGE as usize) {
                let length = (section.file_size - from).min(PAGE);
                let offset = section.file_offset.checked_add(from)?;
                let start = offset as usize;
                let range = start..start.saturating_add(length as usize).min(size);
                if pages.len() > most {
                    return None;
                }
                pages.push(PageRanges {
                    offset,
                    ranges: iter::once(range).collect(),
                    padding: (PAGE - length) as usize,
                });
            }
            last = section.file_offset.checked_add(section.file_size)?;
        }
        Some((pages, last))
    }

    /// Where the certificate table lies, cut to the file.
    fn certificate_place(&self) -> Option<Range<usize>> {
        let directory = self.directory(DirectoryIndex::Certificate)?;
        let size = self.data.len();
        let start = (directory.rva as usize).min(size);
        Some(start..(start.saturating_add(directory.size as usize)).min(size))
    }

    /// The fields that no digest covers, in order: CheckSum, and the directory entry of the certificate table
    /// (none where the image has no such entry).
    fn skipped_fields(&self) -> Vec<Range<usize>> {
        let checksum = (self.headers.optional as usize).saturating_add(64);
        let entry = self.headers.directories.get(DirectoryIndex::Certificate as usize);
        let entry = entry.map(|it| it.place.offset as usize..it.place.offset as usize + 8);
        iter::once(checksum..checksum + 4).chain(entry).collect()
    }
}

fn end_of(section: &crate::Section) -> usize {
    (section.file_offset as usize).saturating_add(section.file_size as usize)
}

/// `range` without `gaps`, which are in order.
fn without(range: Range<usize>, gaps: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut from = range.start;
    for gap in gaps {
        let until = gap.start.min(range.end);
        if until > from {
            ranges.push(from..until);
        }
        from = from.max(gap.end);
    }
    if range.end > from {
        ranges.push(from..range.end);
    }
    ranges
}

/// `ranges` with those put together that touch.
fn joined(ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        match all.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => all.push(range.clone()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::Image;
    use crate::writer::{OPTIONAL, SECTION_TABLE, driver, put32, with_certificates};

    const CHECKSUM: usize = OPTIONAL + 64;
    const ENTRY: usize = OPTIONAL + 112 + 4 * 8;

    #[test]
    fn the_checksum_the_entry_and_the_table_are_left_out() {
        let plain = driver();
        let size = plain.len();
        let file = with_certificates(plain, &[b"signature"]);
        let image = Image::parse(&file).unwrap();
        let covered = image.digest_ranges();
        assert_eq!(covered.ranges, [0..CHECKSUM, CHECKSUM + 4..ENTRY, ENTRY + 8..size]);
        assert_eq!((covered.padding, covered.bytes()), (0, size - 12));
        assert_eq!(image.digest_ranges_by_section(), None, "no gaps: one digest");
    }

    #[test]
    fn an_unsigned_image_is_padded_as_it_would_be_for_signing() {
        let mut file = driver();
        file.push(1);
        let covered = Image::parse(&file).unwrap().digest_ranges();
        assert_eq!(covered.ranges.last().unwrap().end, file.len());
        assert_eq!(covered.padding, 7);
    }

    #[test]
    fn what_lies_behind_the_table_is_covered() {
        let mut file = with_certificates(driver(), &[b"signature"]);
        let end = file.len();
        file.extend_from_slice(b"appended");
        let covered = Image::parse(&file).unwrap().digest_ranges();
        assert_eq!(covered.ranges.last(), Some(&(end..end + 8)));
    }

    #[test]
    fn a_gap_makes_the_letter_of_the_specification_differ() {
        let mut file = driver();
        // The first section loses its second half: 0x100 bytes in between belong to none.
        put32(&mut file, SECTION_TABLE + 16, 0x100);
        let image = Image::parse(&file).unwrap();
        let by_section = image.digest_ranges_by_section().unwrap();
        assert!(by_section.ranges.contains(&(0x400..0x500)));
        assert!(!by_section.ranges.contains(&(0x500..0x600)));
    }

    #[test]
    fn pages_are_the_headers_and_then_each_section() {
        let file = driver();
        let (pages, end) = Image::parse(&file).unwrap().page_ranges().unwrap();
        let told: Vec<_> = pages.iter().map(|it| (it.offset, it.padding)).collect();
        let small = 0x1000 - 0x200;
        assert_eq!(
            told,
            [(0, 0xc00), (0x400, small), (0x600, 0xc00), (0xa00, small), (0xc00, small)]
        );
        assert_eq!(end, 0xe00);
        assert_eq!(pages[0].ranges, [0..CHECKSUM, CHECKSUM + 4..ENTRY, ENTRY + 8..0x400]);
    }

    #[test]
    fn sections_that_overlap_claim_no_more_pages_than_the_file_has() {
        let mut file = driver();
        file.resize(0x40_0000, 0);
        for section in 0..4 {
            put32(&mut file, SECTION_TABLE + section * 40 + 16, 0x30_0000);
        }
        assert_eq!(Image::parse(&file).unwrap().page_ranges(), None);
    }
}

//! Page hashes, computed and compared.

use super::indirect::PageHashes;
use super::measure::over;
use pe::Image;

/// What came of comparing page hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageOutcome {
    /// All of them fit: pages.
    Fit(usize),
    /// One does not: file offset of the first that does not, how many do not, of how many.
    Differ {
        /// File offset of the first page that differs.
        first: u32,
        /// Pages that differ.
        wrong: usize,
        /// Pages of the table.
        pages: usize,
    },
    /// The table lists other pages than the image has: a clause that says where.
    OtherPages(String),
}

/// Computes the hash of each page and compares it with the table.
pub fn check_pages(image: &Image<'_>, stated: &PageHashes) -> PageOutcome {
    let Some((pages, end)) = image.page_ranges() else {
        return PageOutcome::OtherPages(
            "the sections overlap, so pages cannot be told apart".to_owned(),
        );
    };
    let mut rows = stated.rows();
    let (mut wrong, mut first, mut count) = (0usize, None, 0usize);
    for page in &pages {
        let Some((offset, hash)) = rows.next() else {
            return PageOutcome::OtherPages(format!(
                "the table ends before page {:#x}",
                page.offset
            ));
        };
        if offset != page.offset {
            let clause =
                format!("the table has {offset:#x} where the page at {:#x} is due", page.offset);
            return PageOutcome::OtherPages(clause);
        }
        count += 1;
        if over(image.data(), &page.ranges, page.padding, stated.hash) != hash {
            wrong += 1;
            first.get_or_insert(offset);
        }
    }
    match rows.next() {
        Some((offset, hash)) if offset == end && hash.iter().all(|byte| *byte == 0) => {}
        Some((offset, _)) => {
            return PageOutcome::OtherPages(format!(
                "the table has {offset:#x} where its end, {end:#x}, is due"
            ));
        }
        None => return PageOutcome::OtherPages(format!("the table has no end, {end:#x}")),
    }
    // Zeros may fill the table up.
    if rows.any(|(offset, hash)| offset != 0 || hash.iter().any(|byte| *byte != 0)) {
        return PageOutcome::OtherPages("the table goes on after its end".to_owned());
    }
    match first {
        None => PageOutcome::Fit(count),
        Some(first) => PageOutcome::Differ { first, wrong, pages: count },
    }
}

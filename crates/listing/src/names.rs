//! What addresses are called.

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A routine.
    Function,
    /// A slot of the import address table; addresses behind it are not its.
    Import,
    /// A variable.
    Data,
    /// A place that the file only tells the start of: a section, an entry of the function table.
    Start,
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its address.
    pub address: u64,
    /// Its name: for [`Kind::Start`] what stands before the bytes from [`Names::origin`].
    pub name: Box<str>,
    /// What it is of.
    pub kind: Kind,
    /// First byte of the section that it lies in: addresses of another are not its.
    section: u64,
}

/// Names by address. A page of addresses leads to its first name, so that a look-up costs few steps however
/// many there are.
#[derive(Clone, Debug, Default)]
pub struct Names {
    entries: Vec<Entry>,
    /// Section starts and ends, in order.
    sections: Vec<(u64, u64)>,
    /// For each page from `first_page` on: index of the first entry at or behind its start.
    pages: Vec<u32>,
    first_page: u64,
}

/// Bytes of a page, as a power of two.
const PAGE_BITS: u32 = 8;
/// Most pages that are kept: 1 GiB of addresses. Beyond, look-ups take more steps.
const MOST_PAGES: u64 = 1 << 22;

impl Names {
    /// Names in sections (first byte, one behind the last). Of several for an address the first kind wins, and
    /// of one kind the first given.
    pub fn new(
        mut sections: Vec<(u64, u64)>,
        named: impl IntoIterator<Item = (u64, Box<str>, Kind)>,
    ) -> Self {
        sections.sort_unstable();
        let of = |address: u64| {
            let after = sections.partition_point(|it| it.0 <= address);
            let found = after.checked_sub(1).map(|index| sections[index]);
            found.filter(|it| address < it.1).map(|it| it.0)
        };
        let named = named.into_iter().filter_map(|(address, name, kind)| {
            Some(Entry { address, name, kind, section: of(address)? })
        });
        let mut entries: Vec<Entry> = named.collect();
        entries.sort_by_key(|it| (it.address, it.kind));
        entries.dedup_by_key(|it| it.address);
        let mut names = Self { entries, sections, pages: Vec::new(), first_page: 0 };
        names.index();
        names
    }

    fn index(&mut self) {
        let Some((first, last)) = self.entries.first().zip(self.entries.last()) else { return };
        self.first_page = first.address >> PAGE_BITS;
        let pages = ((last.address >> PAGE_BITS) - self.first_page).min(MOST_PAGES) + 1;
        let (mut index, mut found) = (0, Vec::new());
        for page in self.first_page..self.first_page + pages {
            while self.entries.get(index).is_some_and(|it| it.address >> PAGE_BITS < page) {
                index += 1;
            }
            found.push(index as u32);
        }
        self.pages = found;
    }

    /// The name at or before `address` that holds for it.
    pub fn at(&self, address: u64) -> Option<&Entry> {
        let page = (address >> PAGE_BITS).checked_sub(self.first_page)?;
        let page = usize::try_from(page).ok()?.min(self.pages.len().checked_sub(1)?);
        let from = self.pages[page] as usize;
        let to = self.pages.get(page + 1).map_or(self.entries.len(), |end| *end as usize);
        let after = from + self.entries[from..to].partition_point(|it| it.address <= address);
        let found = self.entries.get(after.checked_sub(1)?)?;
        let holds = match found.kind {
            Kind::Import => found.address == address,
            _ => self.end(found.section).is_some_and(|end| address < end),
        };
        holds.then_some(found)
    }

    fn end(&self, section: u64) -> Option<u64> {
        let found = self.sections.binary_search_by_key(&section, |it| it.0).ok()?;
        self.sections.get(found).map(|it| it.1)
    }

    /// Names from `address` on, in order.
    pub fn from(&self, address: u64) -> &[Entry] {
        &self.entries[self.entries.partition_point(|it| it.address < address)..]
    }

    /// These, and functions of other names.
    pub(crate) fn with(self, more: Vec<(u64, Box<str>)>) -> Self {
        let own = self.entries.into_iter().map(|it| (it.address, it.name, it.kind));
        let more = more.into_iter().map(|(address, name)| (address, name, Kind::Function));
        Self::new(self.sections, own.chain(more))
    }

    /// The address of the first name that `fits`.
    pub fn find(&self, fits: impl Fn(&Entry) -> bool) -> Option<u64> {
        self.entries.iter().find(|it| fits(it)).map(|it| it.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let named = [
            (0x3010, "Count", Kind::Data),
            (0x1010, "Read", Kind::Function),
            (0x1010, "part", Kind::Start),
            (0x1900, "Write", Kind::Function),
            (0x3100, "nt!KeSetEvent", Kind::Import),
            (0x9000, "nowhere", Kind::Function),
        ];
        Names::new(
            vec![(0x3000, 0x4000), (0x1000, 0x2000)],
            named.map(|(address, name, kind)| (address, name.into(), kind)),
        )
    }

    #[test]
    fn the_nearest_name_of_the_section_holds() {
        let names = names();
        let at = |address| names.at(address).map(|it| &*it.name);
        assert_eq!(at(0x100f), None);
        assert_eq!(at(0x1010), Some("Read"));
        assert_eq!(at(0x18ff), Some("Read"));
        assert_eq!(at(0x1fff), Some("Write"));
        assert_eq!(at(0x2000), None, "behind the section");
        assert_eq!(at(0x3000), None, "a name of another section");
        assert_eq!(at(0x3100), Some("nt!KeSetEvent"));
        assert_eq!(at(0x3104), None, "an import is its slot only");
        assert_eq!(at(0x9000), None, "in no section");
        assert_eq!(at(u64::MAX), None);
    }

    #[test]
    fn every_address_finds_what_a_plain_search_finds() {
        let named: Vec<(u64, Box<str>, Kind)> = (0..500u64)
            .map(|it| (0x1000 + it * it % 7919 * 3, format!("n{it}").into(), Kind::Function))
            .collect();
        let names = Names::new(vec![(0x1000, 0x8000)], named);
        for address in 0xf00..0x8100 {
            let plain = names.entries.iter().rfind(|it| it.address <= address);
            let plain = plain.filter(|_| (0x1000..0x8000).contains(&address));
            assert_eq!(names.at(address), plain, "{address:#x}");
        }
    }
}

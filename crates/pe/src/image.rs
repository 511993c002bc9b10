//! An image: its headers, and reads by relative virtual address.

use crate::bytes::{slice, text};
use crate::error::{Error, Place};
use crate::headers::{Directory, DirectoryIndex, Headers, Machine, Subsystem};
use crate::section::Section;

/// Longest name of an import, an export or a module; MSVC stops decorating names at 4095 characters.
const MAX_NAME: usize = 4096;

/// A PE image whose headers are sound. The tables behind them are checked when they are read.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) headers: Headers,
}

impl<'a> Image<'a> {
    /// Reads the headers of an image for any machine, 32 or 64-bit.
    ///
    /// # Errors
    /// Not a PE image, a header that is cut off, or a section whose content is not in the file.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        Ok(Self { data, headers: Headers::parse(data)? })
    }

    /// The same of a file that may have been cut off: what of its sections is lost is told by
    /// [`Image::lost`], and whatever leads there is an error where it is read.
    ///
    /// # Errors
    /// Not a PE image, or a header that is cut off.
    pub fn parse_cut(data: &'a [u8]) -> Result<Self, Error> {
        Ok(Self { data, headers: Headers::parse_cut(data)? })
    }

    /// What of the sections is not in the file; nothing where [`Image::parse`] made it.
    pub fn lost(&self) -> &[Error] {
        &self.headers.lost
    }

    /// The file.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Processor that the image is for.
    pub fn machine(&self) -> Machine {
        Machine::from_code(self.headers.machine_code)
    }

    /// Whether it is PE32+ (true) or PE32.
    pub fn is_64bit(&self) -> bool {
        self.headers.is_64bit
    }

    /// Environment that it runs in; a driver's is [`Subsystem::Native`].
    pub fn subsystem(&self) -> Subsystem {
        Subsystem::from_code(self.headers.subsystem_code)
    }

    /// `IMAGE_FILE_*` flags of the COFF header.
    pub fn characteristics(&self) -> u16 {
        self.headers.characteristics
    }

    /// `IMAGE_DLLCHARACTERISTICS_*` flags of the optional header.
    pub fn dll_characteristics(&self) -> u16 {
        self.headers.dll_characteristics
    }

    /// Version of the linker: major, minor. Microsoft's 14.x came with Visual Studio 2015 and later.
    pub fn linker_version(&self) -> [u8; 2] {
        self.headers.linker
    }

    /// Oldest Windows that it is for, as the linker was told: major, minor.
    pub fn system_version(&self) -> [u16; 2] {
        self.headers.system
    }

    /// Oldest version of the subsystem that it runs in: major, minor. This one the loader checks.
    pub fn subsystem_version(&self) -> [u16; 2] {
        self.headers.subsystem_version
    }

    /// The Authenticode signature's place in the file: offset and bytes; `None` where the image has none.
    /// A driver without may still be signed, by a catalog.
    pub fn certificates(&self) -> Option<(u32, u32)> {
        // The one directory that holds a file offset and not an RVA.
        self.directory(DirectoryIndex::Certificate).map(|it| (it.rva, it.size))
    }

    /// Address that it was linked for.
    pub fn image_base(&self) -> u64 {
        self.headers.image_base
    }

    /// Bytes that it takes in memory.
    pub fn size_of_image(&self) -> u32 {
        self.headers.size_of_image
    }

    /// Bytes of headers, which are mapped at RVA 0.
    pub fn size_of_headers(&self) -> u32 {
        self.headers.size_of_headers
    }

    /// Alignment of sections in memory, in bytes.
    pub fn section_alignment(&self) -> u32 {
        self.headers.section_alignment
    }

    /// Alignment of sections in the file, in bytes.
    pub fn file_alignment(&self) -> u32 {
        self.headers.file_alignment
    }

    /// RVA of `DriverEntry` or, rather, of the linker's start of it; 0 where there is none.
    pub fn entry_rva(&self) -> u32 {
        self.headers.entry_rva
    }

    /// `TimeDateStamp`: seconds since 1970 or, in a reproducible build, a hash. It and
    /// [`Image::size_of_image`] are the key under which symbol servers keep images.
    pub fn timestamp(&self) -> u32 {
        self.headers.timestamp
    }

    /// `CheckSum` as the header states it; 0 where the linker left it out.
    pub fn checksum(&self) -> u32 {
        self.headers.checksum
    }

    /// Sections, in the order of the section table.
    pub fn sections(&self) -> &[Section] {
        &self.headers.sections
    }

    /// The section that `rva` lies in.
    pub fn section_at(&self, rva: u32) -> Option<&Section> {
        self.sections().iter().find(|s| s.contains(rva))
    }

    /// The section of that name (the first, if there are more).
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections().iter().find(|s| s.name == name)
    }

    /// Content of a section of this image: what the file holds of it, without the zeros that follow in
    /// memory and without the linker's padding.
    pub fn content(&self, section: &Section) -> &'a [u8] {
        let start = section.file_offset as usize;
        let length = section.file_size.min(section.memory_size()) as usize;
        let end = start.checked_add(length).map(|end| end.min(self.data.len()));
        end.and_then(|end| self.data.get(start..end)).unwrap_or_default()
    }

    /// RVA, bytes and name of the tables that directories lead to, those of the file's end left out: what is not
    /// code wherever it lies.
    pub fn directory_ranges(&self) -> Vec<(u32, u32, &'static str)> {
        let named = [
            (DirectoryIndex::Export, "export table"),
            (DirectoryIndex::Import, "import table"),
            (DirectoryIndex::Resource, "resources"),
            (DirectoryIndex::Exception, "function table"),
            (DirectoryIndex::BaseRelocation, "base relocations"),
            (DirectoryIndex::Debug, "debug directory"),
            (DirectoryIndex::Tls, "TLS directory"),
            (DirectoryIndex::LoadConfig, "load configuration"),
            (DirectoryIndex::ImportAddress, "import address table"),
            (DirectoryIndex::DelayImport, "delay import table"),
        ];
        let found = named
            .into_iter()
            .filter_map(|(index, name)| self.directory(index).map(|it| (it.rva, it.size, name)));
        found.collect()
    }

    pub(crate) fn directory(&self, index: DirectoryIndex) -> Option<Directory> {
        self.headers.directory(index)
    }

    /// A directory whose size is the number of bytes to read. A section that is zero in memory can be as
    /// large as it likes, so without this check 100 bytes of file could keep a reader busy for minutes.
    pub(crate) fn table(&self, index: DirectoryIndex) -> Result<Option<Directory>, Error> {
        match self.directory(index) {
            Some(it) if it.size as usize > self.data.len() => {
                let problem = format!("its size {:#x} is more than the file has", it.size);
                Err(Error::new(it.place, problem))
            }
            found => Ok(found),
        }
    }

    /// What the file holds from `rva` on, and how many bytes of the section are zero after it.
    fn run(&self, rva: u32) -> Option<(u64, usize, usize)> {
        if rva < self.headers.size_of_headers {
            let end = self.data.len().min(self.headers.size_of_headers as usize);
            return Some((u64::from(rva), end.saturating_sub(rva as usize), 0));
        }
        // Content beyond the virtual size is still mapped up to the end of the page.
        let section = self.sections().iter().find(|s| {
            rva.checked_sub(s.rva).is_some_and(|o| o < s.memory_size().max(s.file_size))
        })?;
        let offset = rva - section.rva;
        let mut held = section.file_size.saturating_sub(offset);
        if section.is_cut {
            // What is lost is not zero, and so nothing is told of it.
            let end = self.data.len() as u64;
            let there = end.saturating_sub(u64::from(section.file_offset) + u64::from(offset));
            held = held.min(u32::try_from(there).unwrap_or(u32::MAX));
            let at = u64::from(section.file_offset) + u64::from(offset);
            return Some((at, held as usize, 0));
        }
        let size = section.memory_size().max(section.file_size) - offset;
        let at = u64::from(section.file_offset) + u64::from(if held == 0 { 0 } else { offset });
        Some((at, held as usize, (size - held) as usize))
    }

    /// File offset of the byte at `rva`, unless it is in no section or only in memory.
    pub fn file_offset(&self, rva: u32) -> Option<u64> {
        self.run(rva).filter(|(_, held, _)| *held > 0).map(|(at, _, _)| at)
    }

    /// `length` bytes at `rva` that the file holds.
    pub(crate) fn held_at(&self, rva: u32, length: u32, from: Place) -> Result<&'a [u8], Error> {
        let (at, held, _) = self.run(rva).ok_or_else(|| {
            Error::new(from, format!("leads to RVA {rva:#x}, which is in no section"))
        })?;
        if held < length as usize {
            let problem =
                format!("leads to RVA {rva:#x}, where the file has not {length:#x} bytes");
            return Err(Error::new(from, problem));
        }
        slice(self.data, Place { offset: at, ..from }, length.into())
    }

    /// `N` bytes at `rva`, which was read at (or follows from) `from`. Memory that the file does not
    /// hold reads as zero, as it would when loaded.
    pub(crate) fn array_at<const N: usize>(&self, rva: u32, from: Place) -> Result<[u8; N], Error> {
        let outside = || Error::new(from, format!("leads to RVA {rva:#x}, which is in no section"));
        let (at, held, zeros) = self.run(rva).ok_or_else(outside)?;
        if held.checked_add(zeros).is_none_or(|size| size < N) {
            if self.section_at(rva).is_some_and(|section| section.is_cut) {
                let problem = format!("leads to RVA {rva:#x}, which the file was cut off before");
                return Err(Error::new(from, problem));
            }
            let problem = format!("leads to RVA {rva:#x}, where the section ends within {N} bytes");
            return Err(Error::new(from, problem));
        }
        let mut bytes = [0; N];
        let length = held.min(N);
        bytes[..length].copy_from_slice(slice(
            self.data,
            Place { offset: at, ..from },
            length as u64,
        )?);
        Ok(bytes)
    }

    pub(crate) fn u16_at(&self, rva: u32, from: Place) -> Result<u16, Error> {
        self.array_at(rva, from).map(u16::from_le_bytes)
    }

    pub(crate) fn u32_at(&self, rva: u32, from: Place) -> Result<u32, Error> {
        self.array_at(rva, from).map(u32::from_le_bytes)
    }

    pub(crate) fn u64_at(&self, rva: u32, from: Place) -> Result<u64, Error> {
        self.array_at(rva, from).map(u64::from_le_bytes)
    }

    /// The NUL-terminated text at `rva`. `budget` bounds what all names of one table may take together,
    /// since a hostile table can point to the same long name again and again.
    pub(crate) fn name_at(
        &self,
        rva: u32,
        from: Place,
        budget: &mut usize,
    ) -> Result<String, Error> {
        let outside =
            || Error::new(from, format!("leads to a name at RVA {rva:#x}, in no section"));
        let (at, held, zeros) = self.run(rva).ok_or_else(outside)?;
        let window = held.min(MAX_NAME);
        let bytes = slice(self.data, Place { offset: at, ..from }, window as u64)?;
        let end = bytes.iter().position(|b| *b == 0);
        if end.is_none() && (window == MAX_NAME || zeros == 0) {
            return Err(Error::new(
                from,
                format!("leads to a name at RVA {rva:#x} without an end"),
            ));
        }
        let name = text(bytes);
        *budget = budget.checked_sub(name.len()).ok_or_else(|| {
            Error::new(from, "the names of this table take more room than the file has")
        })?;
        Ok(name)
    }

    /// How many bytes of names one table may lead to.
    pub(crate) fn name_budget(&self) -> usize {
        self.data.len().saturating_add(0x1_0000)
    }
}

/// `rva + offset`, or an error at `from`.
pub(crate) fn advance(rva: u32, offset: u32, from: Place) -> Result<u32, Error> {
    rva.checked_add(offset).ok_or_else(|| Error::new(from, "leads past 4 GiB"))
}

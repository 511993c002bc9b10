//! Driver images in guest memory.

use crate::event::Site;
use crate::map;
use crate::rtl::exception::Tables;
use crate::world::World;
use memory::{NO_EXECUTE, NO_WRITE, PAGEABLE, TRACKED};
use std::ops::Range;
use std::rc::Rc;

/// A section of an image, as the loader needs it.
#[derive(Clone, Debug)]
pub struct Section {
    /// Name, for reports.
    pub name: String,
    /// Offset in the image.
    pub rva: u32,
    /// Bytes.
    pub bytes: u32,
    /// May be executed.
    pub code: bool,
    /// May be written.
    pub writable: bool,
    /// May be paged out.
    pub pageable: bool,
    /// Goes away after `DriverEntry`.
    pub discardable: bool,
}

/// One import of an image.
#[derive(Clone, Debug)]
pub struct Import {
    /// `ntoskrnl.exe`.
    pub module: String,
    /// Function or variable; `#17` for an ordinal.
    pub name: String,
    /// Where its address goes.
    pub iat_rva: u32,
    /// Its address, where another image exports it; the kernel's is used otherwise.
    pub address: Option<u64>,
}

/// What an image is loaded for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// The driver under test.
    #[default]
    Driver,
    /// An export driver: others import from it.
    Library,
    /// A driver below the one under test in the device's stack.
    Below,
    /// One above it.
    Above,
}

/// An image laid out and relocated for its base; made by `bench` from what `pe` reads.
#[derive(Clone, Debug)]
pub struct Image {
    /// File name: `fifo.sys`.
    pub name: String,
    /// Where it goes: [`image_base`] of its number.
    pub base: u64,
    /// SizeOfImage bytes.
    pub bytes: Vec<u8>,
    /// Entry point.
    pub entry: u32,
    /// Bytes of headers.
    pub headers: u32,
    /// Sections.
    pub sections: Vec<Section>,
    /// Imports.
    pub imports: Vec<Import>,
    /// Security cookie, where it has one.
    pub cookie: Option<u32>,
    /// Pointers to fill for control flow guard: (check, dispatch).
    pub guard: (Option<u32>, Option<u32>),
    /// What it is loaded for.
    pub role: Role,
    /// Bit `n`: it imports from image `n`.
    pub uses: u32,
    /// Its exports `DllInitialize` and `DllUnload`.
    pub library: (Option<u32>, Option<u32>),
}

/// A loaded image.
#[derive(Clone, Debug)]
pub struct Module {
    /// File name.
    pub name: String,
    /// Base address.
    pub base: u64,
    /// Bytes.
    pub bytes: u64,
    /// Entry point.
    pub entry: u64,
    /// Sections.
    pub sections: Vec<Section>,
    /// Its DRIVER_OBJECT.
    pub driver_object: u64,
    /// Discardable sections are gone.
    pub discarded: bool,
    /// Imports that the bench does not have.
    pub missing: Vec<String>,
    /// What it is loaded for.
    pub role: Role,
    /// Bit `n`: it imports from image `n`.
    pub uses: u32,
    /// Addresses of its `DllInitialize` and `DllUnload`, 0 for none.
    pub library: (u64, u64),
    /// Its function table.
    pub(crate) unwind: Tables,
    /// The image as it was before anything ran.
    pristine: Rc<[u8]>,
}

impl Module {
    /// Whether an address lies in the image.
    pub fn contains(&self, address: u64) -> bool {
        (self.base..self.base + self.bytes).contains(&address)
    }

    /// Whether an address lies in a section that was discarded.
    pub fn is_discarded(&self, address: u64) -> bool {
        self.discarded
            && self
                .sections
                .iter()
                .any(|section| section.discardable && self.range(section).contains(&address))
    }

    /// What unwinding its frames needs: code and tables do not change while it runs.
    pub(crate) fn unwinding(&self) -> pe::unwind::Module<'_> {
        pe::unwind::Module {
            base: self.base,
            functions: &self.unwind.functions,
            memory: &self.pristine,
        }
    }

    /// Addresses of a section, to the end of its last page.
    pub fn range(&self, section: &Section) -> Range<u64> {
        let from = self.base + u64::from(section.rva);
        from..from + u64::from(section.bytes.max(1)).next_multiple_of(0x1000)
    }
}

/// Base of the image of this number.
pub fn image_base(number: usize) -> u64 {
    map::IMAGES + number as u64 * map::IMAGE_STRIDE
}

/// The default value of a security cookie, which the loader replaces
/// (Microsoft's linker; `DEFAULT_SECURITY_COOKIE` on x64).
const DEFAULT_COOKIE: u64 = 0x0000_2b99_2ddf_a232;

impl World {
    /// Maps an image, resolves its imports and protects its sections. Returns its number.
    pub fn load(&mut self, image: Image) -> usize {
        let mut bytes = image.bytes;
        bytes.truncate(map::IMAGE_STRIDE as usize);
        let mut missing = Vec::new();
        for import in &image.imports {
            if let Some(address) = import.address {
                put(&mut bytes, import.iat_rva, address);
                continue;
            }
            let address = self.registry.resolve(&import.module, &import.name);
            if self.registry.is_missing(address) {
                missing.push(import.name.clone());
            }
            put(&mut bytes, import.iat_rva, address);
        }
        if let Some(rva) = image.cookie
            && get(&bytes, rva) == Some(DEFAULT_COOKIE)
        {
            put(&mut bytes, rva, 0x0000_6b5c_91d4_a83e);
        }
        if let Some(rva) = image.guard.0 {
            put(&mut bytes, rva, crate::boot::GUARD_CHECK);
        }
        if let Some(rva) = image.guard.1 {
            put(&mut bytes, rva, crate::boot::GUARD_DISPATCH);
        }
        let size = (bytes.len() as u64).next_multiple_of(0x1000);
        let memory = &mut self.bus.memory;
        memory.map(image.base, size, NO_WRITE | NO_EXECUTE, true);
        memory.poke(image.base, &bytes);
        let at = |rva: Option<u32>| rva.map_or(0, |rva| image.base + u64::from(rva));
        let module = Module {
            name: image.name,
            base: image.base,
            bytes: size,
            entry: image.base + u64::from(image.entry),
            sections: image.sections,
            driver_object: 0,
            discarded: false,
            missing,
            role: image.role,
            uses: image.uses,
            library: (at(image.library.0), at(image.library.1)),
            unwind: Tables::read(&bytes),
            pristine: bytes.into(),
        };
        self.modules.push(module);
        self.protect(self.modules.len() - 1, true);
        self.modules.len() - 1
    }

    /// Sets the flags of an image's pages: all, or but those of sections that were discarded.
    fn protect(&mut self, number: usize, all: bool) {
        let module = &self.modules[number];
        for section in module.sections.iter().filter(|section| all || !section.discardable) {
            let range = module.range(section);
            let mut flags = 0;
            if !section.code {
                flags |= NO_EXECUTE;
            }
            if !section.writable {
                flags |= NO_WRITE;
            } else if !section.code {
                flags |= TRACKED;
            }
            if self.is_pageable(number, section) {
                flags |= PAGEABLE;
            }
            self.bus.memory.set_flags(range.start, range.end - range.start, flags);
        }
        let paged = |section: &&Section| section.code && self.is_pageable(number, section);
        let code: Vec<Range<u64>> =
            module.sections.iter().filter(paged).map(|section| module.range(section)).collect();
        let image = module.base..module.base + module.bytes;
        self.set_pageable_code(image, code.into_iter());
    }

    /// Whether a section of this module may be paged out now.
    fn is_pageable(&self, number: usize, section: &Section) -> bool {
        let start = self.modules[number].range(section).start;
        let mut locked = self.state.locked_sections.iter();
        (section.pageable || self.state.paged_drivers >> number & 1 != 0)
            && !locked.any(|locked| locked.start == start && locked.count > 0)
    }

    /// Brings an image's pages up to date with what may be paged out.
    pub(crate) fn page(&mut self, number: usize) {
        self.protect(number, !self.modules[number].discarded);
    }

    /// Maps an image again that was taken away.
    pub(crate) fn map_again(&mut self, number: usize) {
        let module = &self.modules[number];
        let (base, bytes, image) = (module.base, module.bytes, module.pristine.clone());
        self.bus.memory.set_flags(base, bytes, NO_WRITE | NO_EXECUTE);
        self.bus.memory.poke(base, &image);
        self.state.locked_sections.retain(|locked| usize::from(locked.module) != number);
        self.state.paged_drivers &= !(1 << number);
        self.protect(number, true);
        self.dead_code.retain(|range| !(base..base + bytes).contains(&range.start));
        self.limit_code();
        self.state.images[number].gone = None;
    }

    /// Takes away the sections that only `DriverEntry` needs.
    pub fn discard_init(&mut self, number: usize) {
        let module = &mut self.modules[number];
        module.discarded = true;
        let ranges: Vec<Range<u64>> = module
            .sections
            .iter()
            .filter(|section| section.discardable)
            .map(|section| module.range(section))
            .collect();
        for range in ranges {
            self.take_away(range);
        }
    }

    /// Takes away a whole image.
    pub fn unmap(&mut self, number: usize) {
        let module = &self.modules[number];
        self.take_away(module.base..module.base + module.bytes);
    }

    fn take_away(&mut self, range: Range<u64>) {
        let none = memory::NO_READ | NO_WRITE | NO_EXECUTE;
        self.bus.memory.set_flags(range.start, range.end - range.start, none);
        self.dead_code.push(range);
        self.limit_code();
    }

    /// Number of the image that holds an address.
    pub fn image_at(&self, address: u64) -> Option<usize> {
        self.modules.iter().position(|module| module.contains(address))
    }

    /// Keeps whose call of a service it is that the present moment stands for.
    #[cold]
    pub(crate) fn note_caller(&mut self, caller: u64) {
        let Some(image) = self.image_at(caller) else { return };
        let image = image as u8;
        if self.state.callers.last().map_or(0, |last| last.1) != image {
            self.state.callers.push((self.state.moment, image));
        }
    }

    /// Number of the image that called the service of a moment.
    pub fn image_of(&self, site: Site) -> usize {
        let callers = &self.state.callers;
        let after = callers.partition_point(|caller| caller.0 <= site);
        after.checked_sub(1).map_or(0, |index| usize::from(callers[index].1))
    }

    /// `fifo.sys+0x1234`, or a plain address.
    pub fn describe_address(&self, address: u64) -> String {
        match self.modules.iter().find(|module| module.contains(address)) {
            Some(module) => format!("{}+{:#x}", module.name, address - module.base),
            None => format!("{address:#x}"),
        }
    }
}

fn put(bytes: &mut [u8], rva: u32, value: u64) {
    if let Some(place) = bytes.get_mut(rva as usize..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value.to_le_bytes();
    }
}

fn get(bytes: &[u8], rva: u32) -> Option<u64> {
    bytes.get(rva as usize..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

//! A section header ("PE Format", Section Table).

const CNT_CODE: u32 = 0x0000_0020;
const MEM_DISCARDABLE: u32 = 0x0200_0000;
const MEM_EXECUTE: u32 = 0x2000_0000;
const MEM_WRITE: u32 = 0x8000_0000;

/// One section of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Name; a long one (`/4` and the like) is looked up in the COFF string table.
    pub name: String,
    /// Where it starts in memory, in bytes from the image base.
    pub rva: u32,
    /// Bytes it takes in memory; 0 in some old images, which then mean [`Section::file_size`].
    pub virtual_size: u32,
    /// Where its content starts in the file.
    pub file_offset: u32,
    /// Bytes of content in the file; the rest of the section is zero.
    pub file_size: u32,
    /// `IMAGE_SCN_*` flags.
    pub characteristics: u32,
    /// Whether the file ends before its content does.
    pub is_cut: bool,
}

impl Section {
    /// Bytes it takes in memory, before rounding up to a page.
    pub fn memory_size(&self) -> u32 {
        if self.virtual_size == 0 { self.file_size } else { self.virtual_size }
    }

    /// Whether `rva` lies in it.
    pub fn contains(&self, rva: u32) -> bool {
        rva.checked_sub(self.rva).is_some_and(|offset| offset < self.memory_size())
    }

    /// Whether the processor may run it.
    pub fn is_code(&self) -> bool {
        self.characteristics & (CNT_CODE | MEM_EXECUTE) != 0
    }

    /// Whether it may be both written and run: what memory integrity (HVCI) refuses to load.
    pub fn is_writable_code(&self) -> bool {
        let both = MEM_WRITE | MEM_EXECUTE;
        self.characteristics & both == both
    }

    /// Whether the driver may write to it.
    pub fn is_writable(&self) -> bool {
        self.characteristics & MEM_WRITE != 0
    }

    /// Whether the kernel frees it once `DriverEntry` has returned: section `INIT`, or so flagged.
    pub fn is_discardable(&self) -> bool {
        self.name == "INIT" || self.characteristics & MEM_DISCARDABLE != 0
    }

    /// Whether the kernel may page it out. In a driver that is told by the name: `PAGE`, `PAGEDATA` and
    /// whatever else begins with `PAGE` (documentation of `MmLockPagableCodeSection`).
    pub fn is_pageable(&self) -> bool {
        self.name.starts_with("PAGE")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, characteristics: u32) -> Section {
        let name = name.to_string();
        Section {
            name,
            rva: 0x1000,
            virtual_size: 0,
            file_offset: 0,
            file_size: 16,
            characteristics,
            is_cut: false,
        }
    }

    #[test]
    fn the_name_tells_what_the_kernel_does_with_it() {
        assert!(section("PAGEABLE", 0).is_pageable());
        assert!(!section(".text", 0).is_pageable());
        assert!(section("INIT", 0).is_discardable());
        assert!(section(".reloc", 0x4200_0040).is_discardable());
        assert!(section(".text", 0x6000_0020).is_code());
        assert!(section(".data", 0xC000_0040).is_writable());
    }

    #[test]
    fn no_virtual_size_means_the_size_in_the_file() {
        let it = section(".text", 0);
        assert!(it.contains(0x100f) && !it.contains(0x1010) && !it.contains(0xfff));
    }
}

//! Structures of the kernel that a dump's memory holds and that the writer makes itself.
//!
//! Sources: `KLDR_DATA_TABLE_ENTRY`, `UNLOADED_DRIVERS` and `UNICODE_STRING` as Windows' public symbols give
//! them; the PE specification for headers of images.

use crate::area::{Area, align, utf16};
use crate::error::within;
use crate::{Description, Error, Module};

/// `MI_UNLOADED_DRIVERS`: entries of the ring at `MmUnloadedDrivers`.
const RING: usize = 50;

/// What was made, and where it lies.
pub(crate) struct KernelData {
    /// From [`Description::structures`] on.
    pub bytes: Vec<u8>,
    pub loaded_module_list: u64,
    pub active_process_head: u64,
    pub debugger_data: u64,
    /// The block at `debugger_data`, which also lies in `bytes`.
    pub block: Vec<u8>,
}

struct Builder {
    base: u64,
    bytes: Vec<u8>,
    wide: bool,
}

impl KernelData {
    pub fn build(description: &Description) -> Result<Self, Error> {
        let wide = description.machine.wide();
        let mut builder = Builder { base: description.structures, bytes: Vec::new(), wide };
        let loaded_module_list = builder.modules(&description.modules)?;
        let (unloaded, last) = builder.unloaded(description)?;
        let active_process_head = builder.empty_list();
        let bug_check = builder.bug_check(description);
        let processors = builder.processors(description);
        let offsets = &description.offsets;
        let size = |object: &Option<crate::Object>, what| {
            let bytes = object.as_ref().map_or(0, |object| object.bytes.len() as u64);
            within(what, bytes, u16::MAX.into())
        };
        let values = [
            ("KernBase", description.modules.first().map_or(0, |module| module.base)),
            ("PaeEnabled", u64::from(description.machine == crate::Machine::X86 { pae: true })),
            ("PsLoadedModuleList", loaded_module_list),
            ("PsActiveProcessHead", active_process_head),
            ("KiBugcheckData", bug_check),
            ("KiProcessorBlock", processors),
            ("MmUnloadedDrivers", unloaded),
            ("MmLastUnloadedDriver", last),
            ("MmPageSize", 0x1000),
            ("SizeEProcess", size(&description.process, "SizeEProcess")?),
            ("SizePrcb", size(&description.prcb, "SizePrcb")?),
            ("SizeEThread", size(&description.thread, "SizeEThread")?),
            ("OffsetPrcbCurrentThread", offsets.prcb_current_thread.into()),
            ("OffsetPrcbProcStateContext", offsets.prcb_proc_state_context.into()),
            ("OffsetPrcbContext", offsets.prcb_context.into()),
            ("OffsetPrcbNumber", offsets.prcb_number.into()),
            ("OffsetKThreadApcProcess", offsets.kthread_apc_process.into()),
            ("OffsetKThreadInitialStack", offsets.kthread_initial_stack.into()),
            ("OffsetKThreadKernelStack", offsets.kthread_kernel_stack.into()),
            ("OffsetKThreadTeb", offsets.kthread_teb.into()),
            ("OffsetEprocessDirectoryTableBase", offsets.eprocess_directory_table_base.into()),
        ];
        let block = crate::debugger_data::block(description.build, &values);
        let debugger_data = builder.place(&block);
        let bytes = builder.bytes;
        Ok(Self { bytes, loaded_module_list, active_process_head, debugger_data, block })
    }
}

impl Builder {
    /// The address that the next thing gets.
    fn next(&self) -> u64 {
        self.base.wrapping_add(align(self.bytes.len() as u64, 16))
    }

    fn place(&mut self, bytes: &[u8]) -> u64 {
        let address = self.next();
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        self.bytes.extend_from_slice(bytes);
        address
    }

    fn width(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    /// Text in memory; its address, and its bytes without the NUL.
    fn text(&mut self, text: &str) -> Result<(u64, u16), Error> {
        let mut bytes = utf16(text);
        let length = within("UNICODE_STRING", bytes.len() as u64, 0xfffc)?;
        bytes.extend([0, 0]);
        Ok((self.place(&bytes), length as u16))
    }

    /// `UNICODE_STRING` at `at` of `area`.
    fn string(&self, area: &mut Area, at: usize, (buffer, length): (u64, u16)) {
        area.put16(at, length);
        area.put16(at + 2, length + 2);
        area.pointer(at + self.width(), buffer);
    }

    /// The list at `PsLoadedModuleList`; the address of its head.
    fn modules(&mut self, modules: &[Module]) -> Result<u64, Error> {
        let mut names = Vec::new();
        for module in modules {
            let full = self.text(&module.path)?;
            let short = module.path.rsplit('\\').next().unwrap_or_default();
            let length = utf16(short).len() as u16;
            // The last part of a path is the end of the same text.
            let base = (full.0.wrapping_add(u64::from(full.1 - length)), length);
            names.push((full, base));
        }
        let width = self.width();
        // Links, exception table and its size, a spare word, debug information: then what is told.
        let dll_base = if self.wide { 0x30 } else { 0x18 };
        let size_of_image = dll_base + 2 * width;
        let full_name = size_of_image + width;
        let base_name = full_name + 2 * width;
        // Flags, two counts, a section, then the checksum.
        let flags = base_name + 2 * width;
        let checksum = flags + 8 + width;
        let stride = (checksum + 0x28).next_multiple_of(16);
        let head = self.next();
        let address = |index: usize| {
            // Entry 0 is the head.
            head.wrapping_add(((index % (modules.len() + 1)) * stride) as u64)
        };
        let mut area = Area::new((modules.len() + 1) * stride, self.wide);
        for index in 0..=modules.len() {
            let at = index * stride;
            area.pointer(at, address(index + 1));
            area.pointer(at + width, address(index + modules.len()));
        }
        for (index, (module, (full, base))) in modules.iter().zip(names).enumerate() {
            let at = (index + 1) * stride;
            area.pointer(at + dll_base, module.base);
            area.put32(at + size_of_image, module.size);
            self.string(&mut area, at + full_name, full);
            self.string(&mut area, at + base_name, base);
            area.put16(at + flags + 4, 1);
            area.put32(at + checksum, module.checksum);
            // Windows 10's place of it in 64 bits, Windows XP's in 32: readers should ask the image.
            let stamp = if self.wide { 0x9c } else { checksum + 4 };
            area.put32(at + stamp, module.stamp);
        }
        Ok(self.place(area.bytes()))
    }

    /// The ring of unloaded images; addresses of the pointer to it and of the next entry's number.
    fn unloaded(&mut self, description: &Description) -> Result<(u64, u64), Error> {
        let list = &description.unloaded;
        within("MmUnloadedDrivers", list.len() as u64, RING as u64)?;
        let width = self.width();
        let stride = 4 * width + 8;
        let mut ring = Area::new(RING * stride, self.wide);
        // The oldest is the first.
        for (index, driver) in list.iter().rev().enumerate() {
            let at = index * stride;
            let name = self.text(&driver.name)?;
            self.string(&mut ring, at, name);
            ring.pointer(at + 2 * width, driver.begin);
            ring.pointer(at + 3 * width, driver.end);
            ring.put64(at + 4 * width, driver.time);
        }
        let ring = self.place(ring.bytes());
        let mut variable = Area::new(width, self.wide);
        variable.pointer(0, ring);
        let pointer = self.place(variable.bytes());
        Ok((pointer, self.place(&(list.len() as u32).to_le_bytes())))
    }

    fn empty_list(&mut self) -> u64 {
        let (head, width) = (self.next(), self.width());
        let mut area = Area::new(2 * width, self.wide);
        area.pointer(0, head);
        area.pointer(width, head);
        self.place(area.bytes())
    }

    /// Code and parameters.
    fn bug_check(&mut self, description: &Description) -> u64 {
        let width = self.width();
        let mut area = Area::new(5 * width, self.wide);
        area.pointer(0, description.bug_check.into());
        for (index, value) in description.parameters.into_iter().enumerate() {
            area.pointer((index + 1) * width, value);
        }
        self.place(area.bytes())
    }

    /// Addresses of the processors' blocks.
    fn processors(&mut self, description: &Description) -> u64 {
        let Some(prcb) = &description.prcb else { return 0 };
        let blocks = description.other_prcbs.iter().chain([prcb]);
        let mut area = Area::new((description.other_prcbs.len() + 2) * self.width(), self.wide);
        for (index, block) in blocks.enumerate() {
            area.pointer(index * self.width(), block.address);
        }
        self.place(area.bytes())
    }
}

/// The start of an image, with what debuggers tell images by.
pub(crate) fn image_header(module: &Module, wide: bool) -> Vec<u8> {
    const PE: usize = 0x80;
    const OPTIONAL: usize = PE + 4 + 20;
    let mut area = Area::new(0x200, wide);
    area.put(0, b"MZ");
    area.put32(0x3c, PE as u32);
    area.put(PE, b"PE\0\0");
    area.put16(PE + 4, if wide { 0x8664 } else { 0x14c });
    area.put32(PE + 8, module.stamp);
    area.put16(PE + 20, if wide { 0xf0 } else { 0xe0 });
    area.put16(PE + 22, if wide { 0x22 } else { 0x102 });
    area.put16(OPTIONAL, if wide { 0x20b } else { 0x10b });
    area.pointer(OPTIONAL + if wide { 24 } else { 28 }, module.base);
    area.put32(OPTIONAL + 32, 0x1000);
    area.put32(OPTIONAL + 36, 0x200);
    area.put32(OPTIONAL + 56, module.size);
    area.put32(OPTIONAL + 60, 0x200);
    area.put32(OPTIONAL + 64, module.checksum);
    // A driver's subsystem: native.
    area.put16(OPTIONAL + 68, 1);
    area.into_bytes()
}

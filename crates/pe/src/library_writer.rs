//! Writes small libraries and programs for tests, of both widths. It knows the format by its own offsets and
//! shares nothing with the reader.

/// What to write.
#[derive(Debug)]
pub struct Library {
    /// `Machine`; PE32+ for x86-64, ARM64 and Itanium, else PE32.
    pub machine: u16,
    pub base: u64,
    /// `SizeOfImage`, at least [`SMALLEST`].
    pub size: u32,
    pub characteristics: u16,
    pub dll_characteristics: u16,
    /// Modules that it imports one function of each.
    pub imports: Vec<&'static str>,
    /// Kind and RVA, of pages in ascending order; of kind 4 the number after it is the low half.
    pub relocations: Vec<(u16, u32)>,
    /// Content of the data section from its start on, at most [`DATA_ROOM`] bytes.
    pub data: Vec<u8>,
    /// Bytes of a signature behind everything.
    pub signature: Option<Vec<u8>>,
    /// Names of what it exports, by ordinal from 1 on: few.
    pub exports: Vec<&'static str>,
    /// A module that it is bound to.
    pub bound: Option<&'static str>,
}

pub const DATA: u32 = 0x2000;
pub const DATA_ROOM: usize = 0x800;
pub const SMALLEST: u32 = 0x5000;
const HEADERS: usize = 0x400;
const IN_FILE: [(u32, usize, usize); 3] =
    [(0x1000, 0x400, 0x200), (DATA, 0x600, 0x1000), (0x4000, 0x1600, 0x400)];
/// File offsets: the COFF header, the optional header, imports and what is bound in the data section.
pub const COFF: usize = 0x84;
pub const OPTIONAL: usize = 0x98;
const IMPORTS: usize = 0x600 + DATA_ROOM;
const BOUND: usize = 0x600 + 0xe00;
const EXPORTS: usize = 0x600 + 0xe40;

impl Library {
    /// A DLL without anything.
    pub fn new(machine: u16, base: u64) -> Library {
        Library {
            machine,
            base,
            size: SMALLEST,
            characteristics: 0x2022,
            dll_characteristics: 0,
            imports: Vec::new(),
            relocations: Vec::new(),
            data: Vec::new(),
            signature: None,
            exports: Vec::new(),
            bound: None,
        }
    }

    fn is_wide(&self) -> bool {
        [0x8664, 0xaa64, 0x0200].contains(&self.machine)
    }

    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let wide = self.is_wide();
        let mut f = vec![0; 0x1a00];
        put(&mut f, 0, b"MZ");
        put(&mut f, 0x3c, &0x80u32.to_le_bytes());
        put(&mut f, 0x80, b"PE\0\0");
        put(&mut f, COFF, &self.machine.to_le_bytes());
        put(&mut f, COFF + 2, &3u16.to_le_bytes());
        put(&mut f, COFF + 4, &0x6000_0000u32.to_le_bytes());
        let optional: u16 = if wide { 240 } else { 224 };
        put(&mut f, COFF + 16, &optional.to_le_bytes());
        put(&mut f, COFF + 18, &self.characteristics.to_le_bytes());

        put(&mut f, OPTIONAL, &(if wide { 0x20bu16 } else { 0x10b }).to_le_bytes());
        let base = self.base.to_le_bytes();
        if wide {
            put(&mut f, OPTIONAL + 24, &base)
        } else {
            put(&mut f, OPTIONAL + 28, &base[..4])
        }
        for (at, value) in [(32, 0x1000), (36, 0x200), (56, self.size.max(SMALLEST)), (60, 0x400)] {
            put(&mut f, OPTIONAL + at, &u32::to_le_bytes(value));
        }
        put(&mut f, OPTIONAL + 64, &1u32.to_le_bytes());
        put(&mut f, OPTIONAL + 68, &3u16.to_le_bytes());
        put(&mut f, OPTIONAL + 70, &self.dll_characteristics.to_le_bytes());
        let directories = OPTIONAL + if wide { 112 } else { 96 };
        put(&mut f, directories - 4, &16u32.to_le_bytes());
        let directory = |f: &mut Vec<u8>, index: usize, rva: u32, size: u32| {
            put(f, directories + index * 8, &rva.to_le_bytes());
            put(f, directories + index * 8 + 4, &size.to_le_bytes());
        };

        let table = OPTIONAL + usize::from(optional);
        let flags = [0x6000_0020u32, 0xc000_0040, 0x4200_0040];
        for (index, (rva, at, length)) in IN_FILE.into_iter().enumerate() {
            let at_header = table + index * 40;
            put(&mut f, at_header, [&b".text"[..], b".data", b".reloc"][index]);
            for (field, value) in
                [(8, length as u32), (12, rva), (16, length as u32), (20, at as u32)]
            {
                put(&mut f, at_header + field, &value.to_le_bytes());
            }
            put(&mut f, at_header + 36, &flags[index].to_le_bytes());
        }
        f[HEADERS..HEADERS + 0x200].fill(0xcc);
        put(&mut f, 0x600, &self.data);

        let rva = |at: usize| DATA + (at - 0x600) as u32;
        if !self.imports.is_empty() {
            directory(&mut f, 1, rva(IMPORTS), 20 * (self.imports.len() as u32 + 1));
        }
        for (index, module) in self.imports.iter().enumerate() {
            let (descriptor, own) = (IMPORTS + index * 20, IMPORTS + 0x100 + index * 0x40);
            for (field, value) in [(0, rva(own)), (12, rva(own + 0x20)), (16, rva(own + 0x10))] {
                put(&mut f, descriptor + field, &value.to_le_bytes());
            }
            // By ordinal 1: the highest bit of a slot.
            let slot = if wide { 1 << 63 | 1u64 } else { 1 << 31 | 1 };
            for at in [own, own + 0x10] {
                put(&mut f, at, &slot.to_le_bytes()[..if wide { 8 } else { 4 }]);
            }
            put(&mut f, own + 0x20, module.as_bytes());
        }
        if !self.exports.is_empty() {
            let count = self.exports.len();
            let (addresses, names) = (EXPORTS + 40, EXPORTS + 40 + 4 * count);
            let ordinals = names + 4 * count;
            let mut text = ordinals + 2 * count;
            let (many, start) = (count as u32, |at: usize| rva(at));
            for (field, value) in [
                (16, 1),
                (20, many),
                (24, many),
                (28, start(addresses)),
                (32, start(names)),
                (36, start(ordinals)),
            ] {
                put(&mut f, EXPORTS + field, &u32::to_le_bytes(value));
            }
            for (index, name) in self.exports.iter().enumerate() {
                put(&mut f, addresses + 4 * index, &0x1000u32.to_le_bytes());
                put(&mut f, names + 4 * index, &rva(text).to_le_bytes());
                put(&mut f, ordinals + 2 * index, &(index as u16).to_le_bytes());
                put(&mut f, text, name.as_bytes());
                text += name.len() + 1;
            }
            directory(&mut f, 0, rva(EXPORTS), (text - EXPORTS) as u32);
        }
        if let Some(module) = self.bound {
            directory(&mut f, 11, rva(BOUND), 16);
            put(&mut f, BOUND, &[1, 0, 0, 0, 0x10, 0, 0, 0]);
            put(&mut f, BOUND + 0x10, module.as_bytes());
        }
        let blocks = self.blocks();
        if !blocks.is_empty() {
            directory(&mut f, 5, 0x4000, blocks.len() as u32);
            put(&mut f, 0x1600, &blocks);
        }
        if let Some(signature) = &self.signature {
            let at = f.len() as u32;
            directory(&mut f, 4, at, signature.len() as u32);
            f.extend(signature);
        }
        f
    }

    fn blocks(&self) -> Vec<u8> {
        let mut blocks: Vec<(u32, Vec<u16>)> = Vec::new();
        let mut all = self.relocations.iter();
        while let Some((kind, rva)) = all.next() {
            let page = rva & !0xfff;
            if blocks.last().is_none_or(|(last, _)| *last != page) {
                blocks.push((page, Vec::new()));
            }
            let slots = &mut blocks.last_mut().unwrap().1;
            slots.push(kind << 12 | (rva & 0xfff) as u16);
            if *kind == 4 {
                slots.push(all.next().unwrap().1 as u16);
            }
        }
        let mut bytes = Vec::new();
        for (page, mut slots) in blocks {
            slots.resize(slots.len().next_multiple_of(2), 0);
            bytes.extend(page.to_le_bytes());
            bytes.extend((8 + slots.len() as u32 * 2).to_le_bytes());
            bytes.extend(slots.into_iter().flat_map(u16::to_le_bytes));
        }
        bytes
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

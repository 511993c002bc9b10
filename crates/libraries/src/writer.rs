//! Writes small ELF files for tests, of both classes. It knows the format by its own offsets and shares nothing with
//! the reader.

/// What to write.
#[derive(Clone, Debug)]
pub struct Elf {
    pub is_wide: bool,
    pub machine: u16,
    /// 2 a program, 3 a library.
    pub kind: u16,
    pub interpreter: Option<&'static str>,
    pub needed: Vec<&'static str>,
    pub soname: Option<&'static str>,
    pub rpath: Option<&'static str>,
    pub runpath: Option<&'static str>,
    pub flags_1: u32,
    /// Library, then versions; one that begins with `?` is weak.
    pub wants: Vec<(&'static str, Vec<&'static str>)>,
    pub gives: Vec<&'static str>,
    /// Undefined symbols.
    pub imports: Vec<&'static str>,
    /// Texts behind everything.
    pub texts: Vec<&'static str>,
}

impl Elf {
    /// A library for 64-bit (62) or 32-bit (3) x86.
    pub fn new(is_wide: bool) -> Elf {
        Elf {
            is_wide,
            machine: if is_wide { 62 } else { 3 },
            kind: 3,
            interpreter: None,
            needed: Vec::new(),
            soname: None,
            rpath: None,
            runpath: None,
            flags_1: 0,
            wants: Vec::new(),
            gives: Vec::new(),
            imports: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// A program with glibc's loader.
    pub fn program(is_wide: bool) -> Elf {
        let loader = if is_wide { "/lib64/ld-linux-x86-64.so.2" } else { "/lib/ld-linux.so.2" };
        Elf { interpreter: Some(loader), kind: 2, ..Elf::new(is_wide) }
    }

    pub fn needs(mut self, names: &[&'static str]) -> Elf {
        self.needed = names.to_vec();
        self
    }

    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let base: u64 = 0x40_0000;
        let (header, entry) = if self.is_wide { (64, 56) } else { (52, 32) };
        let mut f: Vec<u8> = vec![0; header + 3 * entry];
        f.resize(f.len().next_multiple_of(16), 0);

        let mut strings = vec![0u8];
        let mut text = |it: &str| {
            let at = strings.len() as u64;
            strings.extend(it.as_bytes());
            strings.push(0);
            at
        };
        let mut dynamic: Vec<(u64, u64)> = Vec::new();
        dynamic.extend(self.needed.iter().map(|it| (1, text(it))));
        dynamic.extend(self.soname.map(|it| (14, text(it))));
        dynamic.extend(self.rpath.map(|it| (15, text(it))));
        dynamic.extend(self.runpath.map(|it| (29, text(it))));
        let wants: Vec<(u64, Vec<(u64, bool)>)> = self
            .wants
            .iter()
            .map(|(library, versions)| {
                let of = text(library);
                let all = versions.iter();
                let all = all.map(|it| (text(it.trim_start_matches('?')), it.starts_with('?')));
                (of, all.collect())
            })
            .collect();
        let gives: Vec<u64> = self.gives.iter().map(|it| text(it)).collect();
        let imports: Vec<u64> = self.imports.iter().map(|it| text(it)).collect();

        let interpreter = f.len();
        let name = self.interpreter.unwrap_or_default();
        f.extend(name.as_bytes());
        f.push(0);
        let place = |f: &mut Vec<u8>, bytes: &[u8]| {
            f.resize(f.len().next_multiple_of(16), 0);
            let at = f.len() as u64;
            f.extend(bytes);
            base + at
        };
        let strings_at = place(&mut f, &strings);
        dynamic.extend([(5, strings_at), (10, strings.len() as u64)]);
        if !wants.is_empty() {
            let at = place(&mut f, &self.version_needs(&wants));
            dynamic.extend([(0x6fff_fffe, at), (0x6fff_ffff, wants.len() as u64)]);
        }
        if !gives.is_empty() {
            let at = place(&mut f, &version_definitions(&gives));
            dynamic.extend([(0x6fff_fffc, at), (0x6fff_fffd, gives.len() as u64)]);
        }
        let size = if self.is_wide { 24 } else { 16 };
        let mut symbols = vec![0; size];
        for name in &imports {
            symbols.extend((*name as u32).to_le_bytes());
            symbols.resize(symbols.len() + size - 4, 0);
        }
        dynamic.push((6, place(&mut f, &symbols)));
        let count = (imports.len() + 1) as u32;
        let hash: Vec<u8> = [1, count, 0].into_iter().flat_map(u32::to_le_bytes).collect();
        dynamic.push((4, place(&mut f, &hash)));
        if self.flags_1 != 0 {
            dynamic.push((0x6fff_fffb, self.flags_1.into()));
        }
        dynamic.push((0, 0));
        let table: Vec<u8> = dynamic
            .iter()
            .flat_map(|(tag, value)| match self.is_wide {
                true => [tag.to_le_bytes(), value.to_le_bytes()].concat(),
                false => [(*tag as u32).to_le_bytes(), (*value as u32).to_le_bytes()].concat(),
            })
            .collect();
        let dynamic_at = place(&mut f, &table);
        let mut texts = vec![0];
        for it in &self.texts {
            texts.extend(it.as_bytes());
            texts.push(0);
        }
        place(&mut f, &texts);

        self.headers(&mut f, header, entry);
        let whole = f.len() as u64;
        let mut segments = vec![(1u32, 0, whole), (2, dynamic_at - base, table.len() as u64)];
        if self.interpreter.is_some() {
            segments.push((3, interpreter as u64, name.len() as u64 + 1));
        }
        f[if self.is_wide { 56 } else { 44 }] = segments.len() as u8;
        for (index, (kind, at, length)) in segments.into_iter().enumerate() {
            let slot = header + index * entry;
            put(&mut f, slot, &kind.to_le_bytes());
            let fields = if self.is_wide { [8, 16, 32, 40] } else { [4, 8, 16, 20] };
            for (field, value) in fields.into_iter().zip([at, base + at, length, length]) {
                let value = value.to_le_bytes();
                put(&mut f, slot + field, &value[..if self.is_wide { 8 } else { 4 }]);
            }
        }
        f
    }

    fn headers(&self, f: &mut [u8], header: usize, entry: usize) {
        put(f, 0, b"\x7fELF");
        put(f, 4, &[if self.is_wide { 2 } else { 1 }, 1, 1]);
        put(f, 16, &self.kind.to_le_bytes());
        put(f, 18, &self.machine.to_le_bytes());
        f[20] = 1;
        let (offset, sizes) = if self.is_wide { (32, 52) } else { (28, 40) };
        f[offset] = header as u8;
        f[sizes] = header as u8;
        f[sizes + 2] = entry as u8;
    }

    fn version_needs(&self, wants: &[(u64, Vec<(u64, bool)>)]) -> Vec<u8> {
        let mut all = Vec::new();
        for (index, (library, versions)) in wants.iter().enumerate() {
            let next = if index + 1 == wants.len() { 0 } else { 16 + 16 * versions.len() as u32 };
            all.extend(1u16.to_le_bytes());
            all.extend((versions.len() as u16).to_le_bytes());
            for field in [*library as u32, 16, next] {
                all.extend(field.to_le_bytes());
            }
            for (index, (name, is_weak)) in versions.iter().enumerate() {
                all.extend(0u32.to_le_bytes());
                all.extend((if *is_weak { 2u16 } else { 0 }).to_le_bytes());
                all.extend((index as u16 + 2).to_le_bytes());
                all.extend((*name as u32).to_le_bytes());
                let next: u32 = if index + 1 == versions.len() { 0 } else { 16 };
                all.extend(next.to_le_bytes());
            }
        }
        all
    }
}

fn version_definitions(gives: &[u64]) -> Vec<u8> {
    let mut all = Vec::new();
    for (index, name) in gives.iter().enumerate() {
        for field in [1, 0, index as u16 + 2, 1] {
            all.extend(u16::to_le_bytes(field));
        }
        let next = if index + 1 == gives.len() { 0 } else { 28 };
        for field in [0, 20, next, *name as u32, 0] {
            all.extend(u32::to_le_bytes(field));
        }
    }
    all
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// A library of a cache: name, path, flags, and the folder of glibc-hwcaps.
pub type Cached<'a> = (&'a str, &'a str, u32, Option<&'a str>);

/// A cache of the new form (version 1.1), low byte first.
pub fn cache(entries: &[Cached<'_>]) -> Vec<u8> {
    let mut levels: Vec<&str> = entries.iter().filter_map(|it| it.3).collect();
    levels.sort();
    levels.dedup();
    let start = 48 + 24 * entries.len();
    let mut strings: Vec<u8> = Vec::new();
    let mut text = |it: &str| {
        let at = (start + strings.len()) as u32;
        strings.extend(it.as_bytes());
        strings.push(0);
        at
    };
    let mut table = Vec::new();
    for (name, path, flags, level) in entries {
        for field in [*flags, text(name), text(path), 0] {
            table.extend(field.to_le_bytes());
        }
        let number = level.and_then(|it| levels.iter().position(|known| *known == it));
        let hwcap: u64 = number.map_or(0, |number| 1 << 62 | number as u64);
        table.extend(hwcap.to_le_bytes());
    }
    let names: Vec<u32> = levels.iter().map(|it| text(it)).collect();
    let end = (start + strings.len()).next_multiple_of(4);
    let mut all = b"glibc-ld.so.cache1.1".to_vec();
    let extension = if names.is_empty() { 0 } else { end as u32 };
    for field in [entries.len() as u32, strings.len() as u32, 2, extension, 0, 0, 0] {
        all.extend(field.to_le_bytes());
    }
    all.extend(table);
    all.extend(strings);
    all.resize(end, 0);
    if !names.is_empty() {
        let list = end as u32 + 8 + 16;
        for field in [0xeaa4_2174, 1, 1, 0, list, 4 * names.len() as u32].into_iter().chain(names) {
            all.extend(u32::to_le_bytes(field));
        }
    }
    all
}

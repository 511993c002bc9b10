//! Map files: what a linker writes about where it put things. Names without lines, for images whose
//! debug information is lost.
//!
//! Three forms are read: that of Microsoft's linker (`/MAP`, which LLVM's linker writes too), that of
//! LLVM's linker (`/lldmap`, `-Map`) and that of GNU ld (`-Map`). None is specified; what is relied on
//! is named beside each reader.

use crate::names::nearest;

/// Which linker wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapForm {
    /// `/MAP` of Microsoft's linker.
    Microsoft,
    /// `/lldmap` of LLVM's.
    Lld,
    /// `-Map` of GNU ld.
    Gnu,
}

/// One name of a map file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapSymbol {
    /// Bytes from the image's base.
    pub rva: u32,
    /// The name, without what a 32-bit calling convention adds.
    pub name: String,
}

/// A map file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapFile {
    /// Which linker wrote it.
    pub form: MapForm,
    /// Address that the image prefers, where the file tells it.
    pub base: Option<u64>,
    /// Link time as in the image's header, where the file tells it: it says whether both belong together.
    pub timestamp: Option<u32>,
    /// By RVA, one name an RVA.
    symbols: Vec<MapSymbol>,
}

impl MapFile {
    /// Reads a map file; `None` where `text` is none of the known forms. Lines that fit no form are
    /// passed over, as maps are full of other things.
    pub fn parse(text: &str) -> Option<MapFile> {
        let mut map = microsoft(text).or_else(|| lld(text)).or_else(|| gnu(text))?;
        // Of several names at one address the first stays: linkers list the defining one first.
        map.symbols.sort_by_key(|symbol| symbol.rva);
        map.symbols.dedup_by_key(|symbol| symbol.rva);
        (!map.symbols.is_empty()).then_some(map)
    }

    /// All names, by RVA.
    pub fn symbols(&self) -> &[MapSymbol] {
        &self.symbols
    }

    /// The nearest name at or before an RVA, and the bytes from there.
    pub fn locate(&self, rva: u32) -> Option<(&str, u32)> {
        let (start, name) = nearest(&self.symbols, rva, |symbol| (symbol.rva, &symbol.name))?;
        Some((name, rva - start))
    }
}

/// `SECTION:OFFSET NAME ADDRESS ...` below a head `Address Publics by Value`, and the same again below
/// `Static symbols`. The address is that of the preferred base, which the head tells.
fn microsoft(text: &str) -> Option<MapFile> {
    let head = text.lines().position(|line| line.contains("Publics by Value"))?;
    let after = |key: &str| {
        let found = text.lines().take(head).find_map(|line| line.trim().strip_prefix(key))?;
        found.split_whitespace().next()
    };
    let base = u64::from_str_radix(after("Preferred load address is")?, 16).ok()?;
    let timestamp = after("Timestamp is").and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let symbols = text.lines().skip(head + 1).filter_map(|line| {
        let mut words = line.split_whitespace();
        let (section, offset) = words.next()?.split_once(':')?;
        // Section 0 holds what has no address.
        if u32::from_str_radix(section, 16).ok()? == 0 || offset.len() != 8 {
            return None;
        }
        let name = words.next()?;
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        symbol(address, base, name)
    });
    let symbols = symbols.collect();
    Some(MapFile { form: MapForm::Microsoft, base: Some(base), timestamp, symbols })
}

/// `RVA SIZE ALIGN` and then, indented by how deep it lies, a section, an object's part of it, or a name.
/// A name has neither size nor alignment.
fn lld(text: &str) -> Option<MapFile> {
    const HEAD: [&str; 6] = ["Address", "Size", "Align", "Out", "In", "Symbol"];
    let mut lines = text.lines();
    lines.by_ref().find(|line| line.split_whitespace().eq(HEAD))?;
    let symbols = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let rva = u64::from_str_radix(words.next()?, 16).ok()?;
        let empty = u64::from_str_radix(words.next()?, 16).ok()? == 0 && words.next()? == "0";
        let name = words.next().filter(|name| empty && !name.starts_with('.'))?;
        // Names are unquoted; a second word would be something else.
        words.next().is_none().then(|| symbol(rva, 0, name)).flatten()
    });
    Some(MapFile { form: MapForm::Lld, base: None, timestamp: None, symbols: symbols.collect() })
}

/// Behind `Linker script and memory map`, a line `0xADDRESS NAME` for each global name, and
/// `.text.NAME 0xADDRESS 0xSIZE OBJECT` for a function with a section of its own. Addresses hold
/// `__image_base__`, which the file assigns.
fn gnu(text: &str) -> Option<MapFile> {
    let mut lines = text.lines();
    lines.by_ref().find(|line| line.trim() == "Linker script and memory map")?;
    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let mut base = None;
    let mut symbols = Vec::new();
    // A long section name stands in a line of its own, its address in the next.
    let mut alone = None;
    for line in lines {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        let pending: Option<&str> = alone.take();
        if let Some(address) = hex(first) {
            let Some(second) = words.next() else { continue };
            match (words.next(), pending) {
                (Some("="), _) if matches!(second, "__image_base__" | "__ImageBase") => {
                    base = words.next().and_then(hex).or(base);
                }
                (None, _) => symbols.push((address, second)),
                (Some(_), Some(section)) if hex(second).is_some_and(|size| size > 0) => {
                    symbols.push((address, section));
                }
                _ => {}
            }
        } else if let Some(name) = first.strip_prefix(".text.").filter(|name| !name.is_empty()) {
            let place = words.next().and_then(hex);
            match (place, words.next().and_then(hex)) {
                (Some(address), Some(size)) if size > 0 => symbols.push((address, name)),
                (None, _) => alone = Some(name),
                _ => {}
            }
        }
    }
    let base = base?;
    let symbols = symbols.into_iter().filter_map(|(address, name)| symbol(address, base, name));
    Some(MapFile {
        form: MapForm::Gnu,
        base: Some(base),
        timestamp: None,
        symbols: symbols.collect(),
    })
}

fn symbol(address: u64, base: u64, name: &str) -> Option<MapSymbol> {
    let rva = u32::try_from(address.checked_sub(base)?).ok()?;
    // The slot of an import, not the import; what linkers make up for themselves.
    let made_up = name.starts_with("__imp_") || name.starts_with("$") || name == "=";
    let name = undecorated(name);
    (rva > 0 && !made_up && !name.is_empty()).then(|| MapSymbol { rva, name: name.to_owned() })
}

/// A C name without what 32-bit calling conventions add: `_Name@8` and `@Name@8` are `Name`.
fn undecorated(name: &str) -> &str {
    let Some((stem, digits)) = name.rsplit_once('@') else { return name };
    let bytes = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let stem = stem.strip_prefix(['_', '@']).filter(|_| bytes);
    stem.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSOFT: &str = " fifo\r\n\r\n Timestamp is 4f3a5b6c (Tue Feb 14 13:00:00 2012)\r\n\r\n \
        Preferred load address is 0000000000010000\r\n\r\n Start         Length     Name                   Class\r\n \
        0001:00000000 00001a2cH .text                   CODE\r\n\r\n  Address         Publics by Value              \
        Rva+Base       Lib:Object\r\n\r\n 0000:00000000       ___safe_se_handler_table   00000000     <absolute>\r\n \
        0001:00000010       _FifoRead@8                00011010 f   read.obj\r\n \
        0001:00000050       __imp__IoDeleteDevice@4    00011050     ntoskrnl:ntoskrnl.exe\r\n\r\n \
        entry point at        0005:0000003e\r\n\r\n Static symbols\r\n\r\n \
        0001:00000030       Helper                     00011030 f   read.obj\r\n";

    const LLD: &str = "Address  Size     Align Out     In      Symbol\n\
        00001000 000004b0  4096 .text\n\
        00001000 00000430    16         d.o:(.text)\n\
        00001030 00000000     0                 CsqRemove\n\
        00001030 00000000     0                 .text\n\
        00001050 00000000     0                 CsqPeekNext\n";

    const GNU: &str = "Memory Configuration\n\nLinker script and memory map\n\n\
        \x20               0x0000000140000000                __image_base__ = 0x140000000\n\
        .text           0x0000000140001000      0x600\n\
        \x20.text          0x0000000140001000      0x430 d.o\n\
        \x20               0x0000000140001430                KeRemoveQueueDpc\n\
        \x20.text.Short    0x0000000140001440       0x20 d.o\n\
        \x20.text.ThisFunctionHasALongName\n\
        \x20               0x0000000140001460       0x20 d.o\n\
        \x20               0x00000001400014a0                . = ALIGN (0x10)\n";

    fn names(text: &str) -> (MapForm, Vec<(u32, String)>) {
        let map = MapFile::parse(text).unwrap();
        let names = map.symbols().iter().map(|symbol| (symbol.rva, symbol.name.clone()));
        (map.form, names.collect())
    }

    fn pairs(list: &[(u32, &str)]) -> Vec<(u32, String)> {
        list.iter().map(|&(rva, name)| (rva, name.to_owned())).collect()
    }

    #[test]
    fn each_linkers_form_is_read() {
        let expected = pairs(&[(0x1010, "FifoRead"), (0x1030, "Helper")]);
        assert_eq!(names(MICROSOFT), (MapForm::Microsoft, expected));
        let expected = pairs(&[(0x1030, "CsqRemove"), (0x1050, "CsqPeekNext")]);
        assert_eq!(names(LLD), (MapForm::Lld, expected));
        let long = (0x1460, "ThisFunctionHasALongName");
        let expected = pairs(&[(0x1430, "KeRemoveQueueDpc"), (0x1440, "Short"), long]);
        assert_eq!(names(GNU), (MapForm::Gnu, expected));
    }

    #[test]
    fn what_ties_it_to_an_image_is_kept() {
        let map = MapFile::parse(MICROSOFT).unwrap();
        assert_eq!((map.base, map.timestamp), (Some(0x10000), Some(0x4f3a_5b6c)));
        assert_eq!(MapFile::parse(GNU).unwrap().base, Some(0x1_4000_0000));
    }

    #[test]
    fn the_nearest_name_before_an_address_counts() {
        let map = MapFile::parse(MICROSOFT).unwrap();
        assert_eq!(map.locate(0x102f), Some(("FifoRead", 0x1f)));
        assert_eq!(map.locate(0x1031), Some(("Helper", 1)));
        assert_eq!(map.locate(0x100f), None);
    }

    #[test]
    fn other_text_is_no_map() {
        for text in
            ["", "hello", "Linker script and memory map", "Address  Size  Align Out In Symbol"]
        {
            assert_eq!(MapFile::parse(text), None, "{text}");
        }
        // The head alone, and numbers beyond any image.
        let wide = GNU.replace("0x0000000140001", "0xfff0000140001");
        assert_eq!(MapFile::parse(&wide), None);
    }

    #[test]
    fn decorations_of_32_bit_code_go() {
        let names = ["_Read@8", "@Fast@4", "_Plain", "?Method@@YAXXZ", "a@b"];
        assert_eq!(names.map(undecorated), ["Read", "Fast", "_Plain", "?Method@@YAXXZ", "a@b"]);
    }
}

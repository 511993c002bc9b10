//! The simulated kernel as an image that a dump can hold: headers and exports, so that a debugger has a
//! name for each routine on the stack. Of code there is none.
//!
//! Source: "PE Format" of the Windows documentation: headers, and the export directory table.

use kernel::map;

/// Bytes below the kernel's code for headers and exports.
const FRONT: u64 = 0x20_0000;
/// Where the image begins.
pub const BASE: u64 = map::KERNEL_CODE - FRONT;
/// Its size: up to the end of the kernel's variables.
pub const SIZE: u32 = (map::KERNEL_DATA + map::KERNEL_DATA_BYTES - BASE) as u32;
/// `TimeDateStamp`: the bench is no build of Windows, so it bears a number that no time is.
pub const STAMP: u32 = 0x0062_6331;

pub const NAME: &str = "ntoskrnl.exe";

const EXPORTS: usize = 0x1000;

/// Headers and export table, to stand at [`BASE`].
pub fn build<'a>(exports: impl Iterator<Item = (&'a str, u64)>) -> Vec<u8> {
    let inside =
        |address: u64| u32::try_from(address.checked_sub(BASE)?).ok().filter(|rva| *rva < SIZE);
    let mut names: Vec<(&str, u32)> =
        exports.filter_map(|(name, address)| Some((name, inside(address)?))).collect();
    // Loaders search the names.
    names.sort_unstable();
    names.dedup_by(|a, b| a.0 == b.0);
    let table = export_table(&names);
    let mut image = headers(table.len());
    image.resize(EXPORTS, 0);
    image.extend(table);
    image
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn headers(exports: usize) -> Vec<u8> {
    const PE: usize = 0x80;
    const OPTIONAL: usize = PE + 24;
    const DIRECTORIES: usize = OPTIONAL + 112;
    const SECTIONS: usize = OPTIONAL + 240;
    let mut bytes = vec![0; 0x400];
    bytes[..2].copy_from_slice(b"MZ");
    put(&mut bytes, 0x3c, PE as u32);
    bytes[PE..PE + 4].copy_from_slice(b"PE\0\0");
    // Machine x64, three sections.
    put(&mut bytes, PE + 4, 0x0003_8664);
    put(&mut bytes, PE + 8, STAMP);
    // SizeOfOptionalHeader; executable, large addresses.
    put(&mut bytes, PE + 20, 0x0022_00f0);
    put(&mut bytes, OPTIONAL, 0x20b);
    bytes[OPTIONAL + 24..OPTIONAL + 32].copy_from_slice(&BASE.to_le_bytes());
    put(&mut bytes, OPTIONAL + 32, 0x1000);
    put(&mut bytes, OPTIONAL + 36, 0x200);
    put(&mut bytes, OPTIONAL + 40, 10);
    put(&mut bytes, OPTIONAL + 48, 10);
    put(&mut bytes, OPTIONAL + 56, SIZE);
    put(&mut bytes, OPTIONAL + 60, 0x400);
    // Subsystem native; sixteen directories.
    put(&mut bytes, OPTIONAL + 68, 1);
    put(&mut bytes, OPTIONAL + 108, 16);
    put(&mut bytes, DIRECTORIES, EXPORTS as u32);
    put(&mut bytes, DIRECTORIES + 4, exports as u32);
    let data = (map::KERNEL_DATA - BASE) as u32;
    let sections: [(&[u8], u32, u32, u32); 3] = [
        (b".edata", EXPORTS as u32, exports as u32, 0x4000_0040),
        (b".text", FRONT as u32, map::KERNEL_CODE_BYTES as u32, 0x6000_0020),
        (b".data", data, map::KERNEL_DATA_BYTES as u32, 0xc000_0040),
    ];
    for (index, (name, rva, size, flags)) in sections.into_iter().enumerate() {
        let at = SECTIONS + 40 * index;
        bytes[at..at + name.len()].copy_from_slice(name);
        put(&mut bytes, at + 8, size);
        put(&mut bytes, at + 12, rva);
        put(&mut bytes, at + 36, flags);
    }
    bytes
}

fn export_table(names: &[(&str, u32)]) -> Vec<u8> {
    const DIRECTORY: usize = 40;
    let count = names.len();
    let rva = |at: usize| (EXPORTS + at) as u32;
    let (addresses, pointers) = (DIRECTORY, DIRECTORY + 4 * count);
    let ordinals = pointers + 4 * count;
    let mut bytes = vec![0; ordinals + 2 * count];
    for (index, (name, address)) in names.iter().enumerate() {
        put(&mut bytes, addresses + 4 * index, *address);
        let text = rva(bytes.len());
        put(&mut bytes, pointers + 4 * index, text);
        let ordinal = (index as u16).to_le_bytes();
        bytes[ordinals + 2 * index..ordinals + 2 * index + 2].copy_from_slice(&ordinal);
        bytes.extend(name.bytes().chain([0]));
    }
    let own_name = rva(bytes.len());
    bytes.extend(NAME.bytes().chain([0]));
    put(&mut bytes, 12, own_name);
    put(&mut bytes, 16, 1);
    put(&mut bytes, 20, count as u32);
    put(&mut bytes, 24, count as u32);
    put(&mut bytes, 28, rva(addresses));
    put(&mut bytes, 32, rva(pointers));
    put(&mut bytes, 36, rva(ordinals));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_at_their_addresses() {
        let wanted = [
            ("KeWaitForSingleObject", map::FIRST_SERVICE + 32),
            ("IoFileObjectType", map::KERNEL_DATA),
        ];
        let outside = [("Elsewhere", 0x1000)];
        let mut image = build(wanted.into_iter().chain(outside));
        image.resize(SIZE as usize, 0);
        pe::file_from_memory(&mut image, &|_| true).expect("headers");
        let image = pe::Image::parse(&image).expect("an image");
        let exports = image.exports().expect("exports");
        let found: Vec<(&str, u64)> = exports
            .iter()
            .map(|export| {
                (export.name.as_deref().unwrap_or_default(), BASE + u64::from(export.rva))
            })
            .collect();
        assert_eq!(found, [wanted[1], wanted[0]]);
        assert_eq!((image.timestamp(), image.size_of_image()), (STAMP, SIZE));
    }
}

//! For a test: which services of the kernel the pageable code of a driver calls.
//!
//! Nothing is decoded. Each four bytes that may be the displacement of a RIP-relative operand are taken
//! for one, and count if they lead to a slot of the import address table, or by a jump through one.

use pe::{Image, ImportTarget};
use std::collections::{BTreeMap, BTreeSet};

/// JMP through a RIP-relative pointer: what linkers put into the code for a call of an import.
const JUMP_THROUGH_SLOT: [u8; 2] = [0xFF, 0x25];

/// Names of the imports that code in sections called `PAGE...` refers to.
pub fn services_used(file: &[u8]) -> BTreeSet<String> {
    let image = Image::parse(file).expect("an image");
    let mut slots = BTreeMap::new();
    for import in image.imports().expect("an import table").into_iter().flat_map(|m| m.entries) {
        if let ImportTarget::Name { name, .. } = import.target {
            slots.insert(import.iat_rva, name);
        }
    }
    let mut used = BTreeSet::new();
    for section in image.sections().iter().filter(|section| section.is_pageable()) {
        for target in targets(section.rva, image.content(section)) {
            let slot = through_jump(&image, target).unwrap_or(target);
            used.extend(slots.get(&slot).cloned());
        }
    }
    used
}

/// Where each four bytes lead, taken for a displacement from their end.
fn targets(rva: u32, code: &[u8]) -> impl Iterator<Item = u32> + '_ {
    code.windows(4).zip(1u32..).map(move |(bytes, next)| {
        let displacement = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        rva.wrapping_add(next + 3).wrapping_add(displacement)
    })
}

/// The slot that a jump at `rva` goes through, if there is such a jump.
fn through_jump(image: &Image<'_>, rva: u32) -> Option<u32> {
    let section = image.section_at(rva).filter(|section| section.is_code())?;
    let code = image.content(section).get((rva - section.rva) as usize..)?;
    let displacement = code.strip_prefix(&JUMP_THROUGH_SLOT)?.get(..4)?;
    targets(rva + 2, displacement).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displacement_counts_from_its_end() {
        let call = [0xFF, 0x15, 0x10, 0, 0, 0];
        assert_eq!(targets(0x1000, &call).nth(2), Some(0x1000 + 6 + 0x10));
    }

    #[test]
    fn what_pageable_code_calls_is_found() {
        let path = crate::root().join("drivers/clean/pnp-interrupt/pnp-interrupt.sys");
        let used = services_used(&std::fs::read(path).expect("committed"));
        assert!(used.contains("MmMapIoSpace") && used.contains("IoConnectInterrupt"), "{used:?}");
        assert!(!used.contains("IoCsqInsertIrp"), "{used:?}");
    }
}

//! Physical addresses. Each region of the address space has its own range of physical memory below
//! 4 GiB, in the same order, so that an address can be turned back and any device reaches it.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service;
use crate::service::Service;

/// Region, its bytes, and where it lies in physical memory.
const REGIONS: [(u64, u64, u64); 6] = [
    (map::KERNEL_DATA, map::KERNEL_DATA_BYTES, 0x0100_0000),
    (map::STACKS & !0xffff, 0x0040_0000, 0x0200_0000),
    (map::USER, 0x0400_0000, 0x0800_0000),
    (map::NONPAGED_POOL, map::POOL_BYTES, 0x1000_0000),
    (map::PAGED_POOL, map::POOL_BYTES, 0x2000_0000),
    (map::IMAGES, 0x4000_0000, 0x4000_0000),
];

/// Physical address of a mapped place.
pub fn of(address: u64) -> Option<u64> {
    REGIONS.iter().find_map(|&(from, bytes, at)| {
        let offset = address.wrapping_sub(from);
        (offset < bytes).then(|| at + offset)
    })
}

/// The place that a physical address means.
pub fn place(physical: u64) -> Option<u64> {
    REGIONS.iter().find_map(|&(from, bytes, at)| {
        let offset = physical.wrapping_sub(at);
        (offset < bytes).then(|| from + offset)
    })
}

/// Physical address of a virtual one, which must be valid; 0 where nothing is mapped.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmgetphysicaladdress>
pub fn MmGetPhysicalAddress(cx: &mut Cx, address: u64) -> Result<u64, Stop> {
    let (bar, offset) = crate::device::place(address);
    if let Some(registers) = cx.bus.card.places().get(usize::from(bar))
        && offset < registers.bar.bytes
    {
        return Ok(registers.address + offset);
    }
    Ok(if cx.bus.memory.is_mapped(address, 1) { of(address).unwrap_or(0) } else { 0 })
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(MmGetPhysicalAddress, quiet)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_turn_back() {
        for address in [map::NONPAGED_POOL + 0x40, map::PAGED_POOL, map::USER, map::IMAGES + 5] {
            let physical = of(address).unwrap();
            assert!(physical < 0xe000_0000, "below the registers: {physical:#x}");
            assert_eq!(place(physical), Some(address));
        }
        assert_eq!(of(0), None);
        assert_eq!(place(0xfebf_0000), None);
    }

    #[test]
    fn regions_do_not_overlap() {
        for (index, one) in REGIONS.iter().enumerate() {
            for two in &REGIONS[..index] {
                assert!(one.2 >= two.2 + two.1 || two.2 >= one.2 + one.1, "{one:x?} {two:x?}");
            }
        }
    }
}

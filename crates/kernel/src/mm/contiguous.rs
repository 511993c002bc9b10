//! Memory in one piece for devices, and memory that is not cached: pages of nonpaged pool, of which
//! physical addresses follow one another.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;

fn allocate(cx: &mut Cx, bytes: u64) -> Result<u64, Stop> {
    let Some(rounded) = bytes.checked_next_multiple_of(0x1000) else { return Ok(0) };
    if rounded == 0 {
        return Ok(0);
    }
    let tag = nt::pool::tag(*b"MmCm");
    match pool::allocate(cx, BlockKind::Pool, false, rounded, tag) {
        Some(at) => {
            cx.bus.memory.fill(at, rounded, pool::UNINITIALISED);
            Ok(at)
        }
        None if cx.over => Err(Stop::Run),
        None => Ok(0),
    }
}

fn release(cx: &mut Cx, address: u64) -> Result<(), Stop> {
    let block = cx.state.block_at_or_below(address).copied();
    let block = block.filter(|block| address < block.address + block.bytes);
    cx.say(Event::Free { address, block, tag: 0 })?;
    pool::free(cx, address);
    Ok(())
}

/// Allocates memory in one piece.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmallocatecontiguousmemory>
pub fn MmAllocateContiguousMemory(cx: &mut Cx, bytes: u64, _highest: u64) -> Result<u64, Stop> {
    allocate(cx, bytes)
}

/// Allocates memory in one piece between two addresses, cached or not.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmallocatecontiguousmemoryspecifycache>
pub fn MmAllocateContiguousMemorySpecifyCache(
    cx: &mut Cx,
    bytes: u64,
    _lowest: u64,
    _highest: u64,
    _boundary: u64,
    _cache: u32,
) -> Result<u64, Stop> {
    allocate(cx, bytes)
}

/// The same with a processor node.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmallocatecontiguousmemoryspecifycachenode>
pub fn MmAllocateContiguousMemorySpecifyCacheNode(
    cx: &mut Cx,
    bytes: u64,
    _lowest: u64,
    _highest: u64,
    _boundary: u64,
    _cache: u32,
    _node: u32,
) -> Result<u64, Stop> {
    allocate(cx, bytes)
}

/// The same with a protection and a processor node.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmallocatecontiguousnodememory>
pub fn MmAllocateContiguousNodeMemory(
    cx: &mut Cx,
    bytes: u64,
    _lowest: u64,
    _highest: u64,
    _boundary: u64,
    _protect: u32,
    _node: u32,
) -> Result<u64, Stop> {
    allocate(cx, bytes)
}

/// Frees memory in one piece.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmfreecontiguousmemory>
pub fn MmFreeContiguousMemory(cx: &mut Cx, address: u64) -> Result<(), Stop> {
    release(cx, address)
}

/// Frees memory in one piece that was allocated cached or not.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmfreecontiguousmemoryspecifycache>
pub fn MmFreeContiguousMemorySpecifyCache(
    cx: &mut Cx,
    address: u64,
    _bytes: u64,
    _cache: u32,
) -> Result<(), Stop> {
    release(cx, address)
}

/// Allocates memory that is not cached.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmallocatenoncachedmemory>
pub fn MmAllocateNonCachedMemory(cx: &mut Cx, bytes: u64) -> Result<u64, Stop> {
    allocate(cx, bytes)
}

/// Frees memory that is not cached.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmfreenoncachedmemory>
pub fn MmFreeNonCachedMemory(cx: &mut Cx, address: u64, _bytes: u64) -> Result<(), Stop> {
    release(cx, address)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(MmAllocateContiguousMemory, quiet),
        service!(MmAllocateContiguousMemorySpecifyCache, quiet, partly "limits of the address are not kept"),
        service!(MmAllocateContiguousMemorySpecifyCacheNode, quiet, partly "limits of the address are not kept"),
        service!(MmAllocateContiguousNodeMemory, quiet, partly "limits of the address are not kept"),
        service!(MmFreeContiguousMemory),
        service!(MmFreeContiguousMemorySpecifyCache),
        service!(MmAllocateNonCachedMemory, quiet),
        service!(MmFreeNonCachedMemory),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::run;

    #[test]
    fn whole_pages_are_given_and_taken_back() {
        run(|cx| {
            let at = MmAllocateContiguousMemory(cx, 100, u64::MAX)?;
            assert_eq!((at & 0xfff, cx.read8(at + 0xfff)?), (0, pool::UNINITIALISED));
            MmFreeContiguousMemory(cx, at)?;
            assert!(pool::find_live(cx, at).is_none());
            assert_eq!(MmAllocateNonCachedMemory(cx, 0)?, 0);
            Ok(())
        });
    }
}

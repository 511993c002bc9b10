//! Pool. Blocks are fenced by bytes that nobody may touch, and a freed block is never handed out
//! again within a run, so an overrun and a late access are caught at the instruction.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::live::Live;
use crate::map;
use crate::rtl::exception::raise;
use crate::service;
use crate::service::Service;
use crate::state::{Block, BlockKind};
use crate::world::{Outcome, World};
use memory::{NO_EXECUTE, PAGEABLE, TRACKED};
use nt::pool as flags;
use nt::status::STATUS_INSUFFICIENT_RESOURCES;

/// Bytes between blocks: an overrun of up to this much is told from a wild access.
const FENCE: u64 = 48;
/// What uninitialised pool holds: as a pointer it is not canonical.
pub const UNINITIALISED: u8 = 0xb5;
/// Bytes mapped at a time.
const CHUNK: u64 = 0x1_0000;

/// Takes `bytes` from pool; `None` ends the run with a limit when pool is used up.
pub fn allocate(
    world: &mut World,
    kind: BlockKind,
    paged: bool,
    bytes: u64,
    tag: u32,
) -> Option<u64> {
    if bytes > map::POOL_BYTES / 2 {
        return None;
    }
    if let Some(address) = again(world, kind, paged, bytes, tag, Live::take) {
        return Some(address);
    }
    let region = usize::from(paged);
    let base = if paged { map::PAGED_POOL } else { map::NONPAGED_POOL };
    let align = if bytes >= 0x1000 { 0x1000 } else { 16 };
    let address = world.state.next[region].next_multiple_of(align);
    let room = if world.live.is_some() { Live::room(bytes) } else { bytes };
    let end = address + room.next_multiple_of(16) + FENCE;
    if end - base > map::POOL_BYTES {
        if let Some(address) = again(world, kind, paged, bytes, tag, Live::take_any) {
            return Some(address);
        }
        let what = format!("more than {} MiB of pool in one run", map::POOL_BYTES >> 20);
        world.end(Outcome::Limit { what });
        return None;
    }
    let flags = NO_EXECUTE | TRACKED | if paged { PAGEABLE } else { 0 };
    if !world.bus.memory.is_mapped(end, 1) {
        let from = world.state.next[region] & !0xfff;
        let bytes = (end - from).next_multiple_of(CHUNK);
        let mut page = from;
        while page < from + bytes {
            if !world.bus.memory.is_mapped(page, 1) {
                world.bus.memory.map(page, 0x1000, flags, false);
            }
            page += 0x1000;
        }
    }
    world.state.next[region] = end;
    world.bus.memory.set_valid(address, bytes, true);
    let block =
        Block { address, bytes, tag, kind, paged, allocated: world.state.moment, freed: None };
    if paged { &mut world.state.paged } else { &mut world.state.pool }.push(block);
    Some(address)
}

type Take = fn(&mut Live, BlockKind, bool, u64) -> Option<u64>;

/// In a run without an end: hands out a block that was freed long ago.
#[inline]
fn again(
    world: &mut World,
    kind: BlockKind,
    paged: bool,
    bytes: u64,
    tag: u32,
    take: Take,
) -> Option<u64> {
    let address = take(world.live.as_mut()?, kind, paged, bytes)?;
    world.forget_block(address, Live::room(bytes));
    world.bus.memory.set_valid(address, bytes, true);
    let pool = if paged { &mut world.state.paged } else { &mut world.state.pool };
    let index = pool.binary_search_by_key(&address, |block| block.address).ok()?;
    let allocated = world.state.moment;
    pool[index] = Block { address, bytes, tag, kind, paged, allocated, freed: None };
    Some(address)
}

/// The live block that starts at `address`.
pub fn find_live(world: &mut World, address: u64) -> Option<&mut Block> {
    let pool = if (map::PAGED_POOL..map::LOCKED_PAGES).contains(&address) {
        &mut world.state.paged
    } else {
        &mut world.state.pool
    };
    let index = pool.binary_search_by_key(&address, |block| block.address).ok()?;
    Some(&mut pool[index]).filter(|block| block.freed.is_none())
}

/// Gives a block back. An address that is no live block is left alone: callers check before.
pub fn free(world: &mut World, address: u64) {
    let now = world.state.moment;
    if let Some(block) = find_live(world, address) {
        block.freed = Some(now);
        let (block, bytes) = (*block, block.bytes);
        if let Some(live) = &mut world.live {
            live.freed(&block);
        }
        world.bus.memory.set_valid(address, bytes, false);
    }
}

fn allocate_for_driver(
    cx: &mut Cx,
    paged: bool,
    bytes: u64,
    tag: u32,
    zero: bool,
) -> Result<u64, Stop> {
    let Some(address) = allocate(cx, BlockKind::Pool, paged, bytes, tag) else {
        return if cx.over { Err(Stop::Run) } else { Ok(0) };
    };
    cx.bus.memory.fill(address, bytes, if zero { 0 } else { UNINITIALISED });
    Ok(address)
}

/// Allocates pool with a tag.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithtag>
pub fn ExAllocatePoolWithTag(cx: &mut Cx, kind: u32, bytes: u64, tag: u32) -> Result<u64, Stop> {
    allocate_for_driver(cx, flags::is_paged(kind), bytes, tag, false)
}

/// Allocates pool without a tag.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool>
pub fn ExAllocatePool(cx: &mut Cx, kind: u32, bytes: u64) -> Result<u64, Stop> {
    allocate_for_driver(cx, flags::is_paged(kind), bytes, nt::pool::tag(*b"None"), false)
}

/// Raises an exception where there is no pool, unless the pool type says otherwise.
fn allocate_with_quota(cx: &mut Cx, kind: u32, bytes: u64, tag: u32) -> Result<u64, Stop> {
    let address = allocate_for_driver(cx, flags::is_paged(kind), bytes, tag, false)?;
    if address == 0 && kind & flags::POOL_QUOTA_FAIL_INSTEAD_OF_RAISE == 0 {
        return raise(cx, STATUS_INSUFFICIENT_RESOURCES, "no pool is left");
    }
    Ok(address)
}

/// Allocates pool and charges a quota, which the bench does not count.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithquotatag>
pub fn ExAllocatePoolWithQuotaTag(
    cx: &mut Cx,
    kind: u32,
    bytes: u64,
    tag: u32,
) -> Result<u64, Stop> {
    allocate_with_quota(cx, kind, bytes, tag)
}

/// Allocates pool and charges a quota, which the bench does not count.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithquota>
pub fn ExAllocatePoolWithQuota(cx: &mut Cx, kind: u32, bytes: u64) -> Result<u64, Stop> {
    allocate_with_quota(cx, kind, bytes, nt::pool::tag(*b"None"))
}

/// Allocates pool by POOL_FLAGS; zeroed unless POOL_FLAG_UNINITIALIZED.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepool2>
pub fn ExAllocatePool2(cx: &mut Cx, pool_flags: u64, bytes: u64, tag: u32) -> Result<u64, Stop> {
    let paged = pool_flags & flags::POOL_FLAG_PAGED != 0;
    let zero = pool_flags & flags::POOL_FLAG_UNINITIALIZED == 0;
    allocate_for_driver(cx, paged, bytes, tag, zero)
}

fn free_for_driver(cx: &mut Cx, address: u64, tag: u32) -> Result<(), Stop> {
    let block = cx
        .state
        .block_at_or_below(address)
        .copied()
        .filter(|block| address < block.address + block.bytes.max(1));
    cx.say(Event::Free { address, block, tag })?;
    free(cx, address);
    if let Some(block) = block.filter(|block| block.address == address) {
        crate::io::irp::end_inside(cx, &block);
    }
    Ok(())
}

/// Frees pool.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepool>
pub fn ExFreePool(cx: &mut Cx, address: u64) -> Result<(), Stop> {
    free_for_driver(cx, address, 0)
}

/// Frees pool of a tag.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag>
pub fn ExFreePoolWithTag(cx: &mut Cx, address: u64, tag: u32) -> Result<(), Stop> {
    free_for_driver(cx, address, tag)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExAllocatePoolWithTag, quiet),
        service!(ExAllocatePool, quiet),
        service!(ExAllocatePoolWithQuotaTag, quiet),
        service!(ExAllocatePoolWithQuota, quiet),
        service!(ExAllocatePool2, quiet),
        service!(ExFreePool),
        service!(ExFreePoolWithTag),
    ]
}

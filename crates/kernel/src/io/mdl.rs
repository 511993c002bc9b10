//! Memory descriptor lists. Locked pages are a view of their own in the kernel half: filled from
//! the buffer when locked, copied back when unlocked, and dead from then on, so that a driver that
//! touches a request's buffer after its end is caught.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::map;
use crate::rtl::exception::raise;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use crate::world::World;
use memory::Access;
use nt::layout::{irp, mdl};
use nt::status::STATUS_ACCESS_VIOLATION;

/// MdlFlags (wdm.h).
const MAPPED: u16 = 0x1;
const LOCKED: u16 = 0x2;
const NONPAGED: u16 = 0x4;
const ALLOCATED: u16 = 0x8;
const PARTIAL: u16 = 0x10;
const WRITE: u16 = 0x80;

/// Bytes of an MDL for a buffer: the header and a page frame number for each page.
fn size(address: u64, bytes: u64) -> u64 {
    mdl::SIZE + 8 * ((address & 0xfff) + bytes).div_ceil(0x1000).max(1)
}

/// Where the bench keeps the view of locked pages: the first page frame number, which is opaque.
const VIEW: u64 = mdl::SIZE;

/// Makes an MDL that describes a buffer.
pub(crate) fn make(world: &mut World, address: u64, bytes: u64) -> Option<u64> {
    let room = size(address, bytes);
    let at = pool::allocate(world, BlockKind::Mdl, false, room, 0)?;
    let memory = &mut world.bus.memory;
    memory.fill(at, room, 0);
    memory.poke16(at + mdl::SIZE_FIELD, room as u16);
    memory.poke16(at + mdl::MDL_FLAGS, ALLOCATED);
    memory.poke64(at + mdl::START_VA, address & !0xfff);
    memory.poke32(at + mdl::BYTE_OFFSET, (address & 0xfff) as u32);
    memory.poke32(at + mdl::BYTE_COUNT, bytes as u32);
    Some(at)
}

/// Locks the buffer of an MDL: makes its view.
pub(crate) fn lock(world: &mut World, at: u64, write: bool) -> Option<()> {
    let memory = &mut world.bus.memory;
    let address = buffer(memory, at);
    let bytes = u64::from(memory.peek32(at + mdl::BYTE_COUNT));
    let flags = memory.peek16(at + mdl::MDL_FLAGS) | LOCKED | if write { WRITE } else { 0 };
    memory.poke16(at + mdl::MDL_FLAGS, flags);
    let view = pool::allocate(world, BlockKind::Buffer, false, bytes, 0)?;
    world.bus.memory.copy(address, view, bytes);
    world.bus.memory.poke64(at + VIEW, view);
    Some(())
}

fn buffer(memory: &mut memory::Memory, at: u64) -> u64 {
    memory.peek64(at + mdl::START_VA) + u64::from(memory.peek32(at + mdl::BYTE_OFFSET))
}

/// What devices see of an MDL: the address and bytes that it describes, and where they lie. `None`
/// for pages that are not locked.
pub(crate) fn for_devices(world: &mut World, at: u64) -> Option<(u64, u64, u64)> {
    let memory = &mut world.bus.memory;
    let (start, flags) = (buffer(memory, at), memory.peek16(at + mdl::MDL_FLAGS));
    let bytes = u64::from(memory.peek32(at + mdl::BYTE_COUNT));
    let view = match flags {
        _ if flags & NONPAGED != 0 => start,
        _ if flags & (LOCKED | PARTIAL) != 0 => memory.peek64(at + VIEW),
        _ => return None,
    };
    Some((start, bytes, view))
}

/// Unlocks: the view goes, and what was written to it is in the buffer.
pub(crate) fn unlock(world: &mut World, at: u64) {
    let memory = &mut world.bus.memory;
    let flags = memory.peek16(at + mdl::MDL_FLAGS);
    if flags & LOCKED == 0 {
        return;
    }
    let (address, view) = (buffer(memory, at), memory.peek64(at + VIEW));
    let bytes = u64::from(memory.peek32(at + mdl::BYTE_COUNT));
    memory.poke16(at + mdl::MDL_FLAGS, flags & !(LOCKED | MAPPED | WRITE));
    if flags & WRITE != 0 {
        world.bus.memory.copy(view, address, bytes);
    }
    pool::free(world, view);
}

/// Makes an MDL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocatemdl>
pub fn IoAllocateMdl(
    cx: &mut Cx,
    address: u64,
    bytes: u32,
    secondary: bool,
    _charge: bool,
    request: u64,
) -> Result<u64, Stop> {
    let Some(at) = make(cx, address, u64::from(bytes)) else {
        return if cx.over { Err(Stop::Run) } else { Ok(0) };
    };
    if request != 0 {
        let place = request + irp::MDL_ADDRESS;
        if secondary {
            let mut last = cx.read64(place)?;
            while last != 0 {
                let next = cx.read64(last + mdl::NEXT)?;
                if next == 0 {
                    break;
                }
                last = next;
            }
            if last != 0 {
                cx.write64(last + mdl::NEXT, at)?;
                return Ok(at);
            }
        }
        cx.write64(place, at)?;
    }
    Ok(at)
}

/// Frees an MDL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iofreemdl>
pub fn IoFreeMdl(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, mdl::SIZE, Access::Write)?;
    pool::free(cx, at);
    Ok(())
}

/// Locks the buffer of an MDL; raises STATUS_ACCESS_VIOLATION where the application has no such
/// memory, or the caller says that the address is the application's and it is not in the user half.
/// `operation`: IoReadAccess 0, IoWriteAccess 1, IoModifyAccess 2.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmprobeandlockpages>
pub fn MmProbeAndLockPages(cx: &mut Cx, at: u64, mode: u8, operation: u32) -> Result<(), Stop> {
    cx.probe(at, mdl::SIZE + 8, Access::Write)?;
    let address = buffer(&mut cx.bus.memory, at);
    let bytes = u64::from(cx.bus.memory.peek32(at + mdl::BYTE_COUNT));
    if address < map::USER_END {
        let user = memory::USER | memory::TRACKED;
        let access = if operation == 0 { Access::Read } else { Access::Write };
        if !cx.in_application() || cx.is_ended(address) {
            // A page of whichever process is the present one.
            cx.probe(address, bytes, access)?;
        } else if let Err(fault) = cx.bus.memory.check_allowing(address, bytes, access, user) {
            let why = format!("the application has no memory at {:#x}", fault.address);
            return raise(cx, STATUS_ACCESS_VIOLATION, &why);
        }
    } else if mode != 0 {
        let why = format!("{address:#x} is not in the user half");
        return raise(cx, STATUS_ACCESS_VIOLATION, &why);
    } else {
        cx.probe(address, bytes, Access::Read)?;
    }
    match lock(cx, at, operation != 0) {
        Some(()) => Ok(()),
        None => Err(Stop::Run),
    }
}

/// Unlocks the buffer of an MDL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmunlockpages>
pub fn MmUnlockPages(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, mdl::SIZE + 8, Access::Write)?;
    unlock(cx, at);
    Ok(())
}

/// Gives a kernel address for locked pages.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmaplockedpagesspecifycache>
pub fn MmMapLockedPagesSpecifyCache(
    cx: &mut Cx,
    at: u64,
    mode: u8,
    _cache: u32,
    _base: u64,
    _bug_check: u32,
    _priority: u32,
) -> Result<u64, Stop> {
    if mode != 0 {
        return cx.unsupported("mapping locked pages into the user half");
    }
    cx.probe(at, mdl::SIZE + 8, Access::Write)?;
    let memory = &mut cx.bus.memory;
    let flags = memory.peek16(at + mdl::MDL_FLAGS);
    if flags & (LOCKED | PARTIAL) == 0 {
        return cx.unsupported("mapping an MDL whose pages are not locked");
    }
    let view = memory.peek64(at + VIEW);
    memory.poke16(at + mdl::MDL_FLAGS, flags | MAPPED);
    memory.poke64(at + mdl::MAPPED_SYSTEM_VA, view);
    Ok(view)
}

/// Gives a kernel address for locked pages.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmaplockedpages>
pub fn MmMapLockedPages(cx: &mut Cx, at: u64, mode: u8) -> Result<u64, Stop> {
    MmMapLockedPagesSpecifyCache(cx, at, mode, 1, 0, 0, 0)
}

/// Takes the kernel address of locked pages back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmunmaplockedpages>
pub fn MmUnmapLockedPages(cx: &mut Cx, _address: u64, at: u64) -> Result<(), Stop> {
    cx.probe(at, mdl::SIZE, Access::Write)?;
    let flags = cx.bus.memory.peek16(at + mdl::MDL_FLAGS);
    cx.bus.memory.poke16(at + mdl::MDL_FLAGS, flags & !MAPPED);
    Ok(())
}

/// Describes a nonpaged buffer: it is its own view.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmbuildmdlfornonpagedpool>
pub fn MmBuildMdlForNonPagedPool(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, mdl::SIZE + 8, Access::Write)?;
    let memory = &mut cx.bus.memory;
    let address = buffer(memory, at);
    let flags = memory.peek16(at + mdl::MDL_FLAGS);
    memory.poke16(at + mdl::MDL_FLAGS, flags | NONPAGED);
    memory.poke64(at + mdl::MAPPED_SYSTEM_VA, address);
    Ok(())
}

/// Describes part of a buffer that another MDL describes.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iobuildpartialmdl>
pub fn IoBuildPartialMdl(
    cx: &mut Cx,
    source: u64,
    target: u64,
    address: u64,
    bytes: u32,
) -> Result<(), Stop> {
    cx.probe(source, mdl::SIZE + 8, Access::Read)?;
    cx.probe(target, mdl::SIZE + 8, Access::Write)?;
    let memory = &mut cx.bus.memory;
    let start = buffer(memory, source);
    let offset = address.wrapping_sub(start);
    let whole = u64::from(memory.peek32(source + mdl::BYTE_COUNT));
    let bytes = if bytes == 0 { whole.saturating_sub(offset) as u32 } else { bytes };
    let from = memory.peek16(source + mdl::MDL_FLAGS);
    let flags = memory.peek16(target + mdl::MDL_FLAGS) & ALLOCATED;
    let view = if from & NONPAGED != 0 { start } else { memory.peek64(source + VIEW) };
    memory.poke64(target + mdl::START_VA, address & !0xfff);
    memory.poke32(target + mdl::BYTE_OFFSET, (address & 0xfff) as u32);
    memory.poke32(target + mdl::BYTE_COUNT, bytes);
    memory.poke64(target + VIEW, view.wrapping_add(offset));
    memory.poke16(target + mdl::MDL_FLAGS, flags | PARTIAL | (from & NONPAGED));
    memory.poke64(target + mdl::MAPPED_SYSTEM_VA, view.wrapping_add(offset));
    Ok(())
}

/// Bytes of an MDL for a buffer.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmsizeofmdl>
pub fn MmSizeOfMdl(_cx: &mut Cx, address: u64, bytes: u64) -> Result<u64, Stop> {
    Ok(size(address, bytes.min(map::POOL_BYTES)))
}

/// Makes caches and memory agree about a buffer before DMA; on x64 they always do.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keflushiobuffers>
pub fn KeFlushIoBuffers(cx: &mut Cx, mdl: u64, _reads: bool, _dma: bool) -> Result<(), Stop> {
    cx.read64(mdl).map(drop)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeFlushIoBuffers, quiet),
        service!(IoAllocateMdl, quiet),
        service!(IoFreeMdl),
        service!(MmProbeAndLockPages),
        service!(MmUnlockPages),
        service!(MmMapLockedPagesSpecifyCache, quiet, partly "kernel mode only"),
        service!(MmMapLockedPages, quiet, partly "kernel mode only"),
        service!(MmUnmapLockedPages, quiet),
        service!(MmBuildMdlForNonPagedPool, quiet),
        service!(IoBuildPartialMdl, quiet),
        service!(MmSizeOfMdl, quiet),
    ]
}

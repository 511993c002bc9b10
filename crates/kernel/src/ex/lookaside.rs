//! Look-aside lists. Allocating and freeing is inlined in drivers; here lists are set up and torn
//! down.
//!
//! The depth is 0, so that every entry comes from pool and goes back to it, as under Driver
//! Verifier: a cached entry would hide that it is used after it was freed. Example: a driver frees
//! an entry to the list, then writes to it; with a depth of 4 the write lands in an entry that
//! waits in the list and nobody notices.

use super::lists::{ExpInterlockedPopEntrySList, InitializeSListHead};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::service;
use crate::service::Service;
use nt::layout::general_lookaside as layout;
use nt::pool::is_paged;
use nt::status::{STATUS_INVALID_PARAMETER_4, STATUS_INVALID_PARAMETER_5, STATUS_SUCCESS};

/// POOL_NX_ALLOCATION (wdm.h): the flag that makes a nonpaged list NonPagedPoolNx.
const NX_ALLOCATION: u32 = 512;
/// NonPagedPoolNx, PagedPool (wdm.h).
const NONPAGED_NX: u32 = 512;
const PAGED: u32 = 1;
/// POOL_RAISE_IF_ALLOCATION_FAILURE (wdm.h).
const RAISE: u32 = 16;
/// EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL and ..._FAIL_NO_RAISE (wdm.h).
const EX_FLAGS: u32 = 3;
/// Bytes of the shortest entry: it must hold a list link (wdm.h: LOOKASIDE_MINIMUM_BLOCK_SIZE).
const SHORTEST: u64 = 16;
/// What the routines call in the absence of the driver's own.
const ALLOCATE: &str = "ExAllocatePoolWithTag";
const FREE: &str = "ExFreePool";

struct List {
    allocate: u64,
    free: u64,
    kind: u32,
    size: u64,
    tag: u32,
}

fn initialize(cx: &mut Cx, at: u64, list: &List) -> Result<(), Stop> {
    let routine = |cx: &Cx, own: u64, name| match own {
        0 => cx.registry.address_of(name).unwrap_or(0),
        own => own,
    };
    let allocate = routine(cx, list.allocate, ALLOCATE);
    let free = routine(cx, list.free, FREE);
    for offset in (0..layout::LIST_ENTRY).step_by(8) {
        cx.write64(at + offset, 0)?;
    }
    InitializeSListHead(cx, at)?;
    cx.state.unguarded.push((at, at + layout::SIZE));
    cx.write16(at + layout::MAXIMUM_DEPTH, 256)?;
    cx.write32(at + layout::TYPE, list.kind)?;
    cx.write32(at + layout::TAG, list.tag)?;
    cx.write32(at + layout::SIZE_FIELD, list.size.max(SHORTEST) as u32)?;
    cx.write64(at + layout::ALLOCATE, allocate)?;
    cx.write64(at + layout::FREE, free)
}

/// Takes all entries out; `extended` free routines are told the list too.
fn flush(cx: &mut Cx, at: u64, extended: bool) -> Result<(), Stop> {
    let free = cx.read64(at + layout::FREE)?;
    loop {
        let entry = ExpInterlockedPopEntrySList(cx, at)?;
        if entry == 0 {
            return Ok(());
        }
        let arguments = [entry, at];
        let count = if extended { 2 } else { 1 };
        cx.call(Routine::Callback, free, &arguments[..count])?;
    }
}

/// Sets up a nonpaged list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializenpagedlookasidelist>
pub fn ExInitializeNPagedLookasideList(
    cx: &mut Cx,
    list: u64,
    allocate: u64,
    free: u64,
    flags: u32,
    size: u64,
    tag: u32,
    _depth: u16,
) -> Result<(), Stop> {
    let kind = if flags & NX_ALLOCATION != 0 { NONPAGED_NX } else { 0 } | flags & RAISE;
    initialize(cx, list, &List { allocate, free, kind, size, tag })
}

/// Sets up a paged list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializepagedlookasidelist>
pub fn ExInitializePagedLookasideList(
    cx: &mut Cx,
    list: u64,
    allocate: u64,
    free: u64,
    flags: u32,
    size: u64,
    tag: u32,
    _depth: u16,
) -> Result<(), Stop> {
    initialize(cx, list, &List { allocate, free, kind: PAGED | flags & RAISE, size, tag })
}

/// Tears down a nonpaged list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exdeletenpagedlookasidelist>
pub fn ExDeleteNPagedLookasideList(cx: &mut Cx, list: u64) -> Result<(), Stop> {
    flush(cx, list, false)
}

/// Tears down a paged list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exdeletepagedlookasidelist>
pub fn ExDeletePagedLookasideList(cx: &mut Cx, list: u64) -> Result<(), Stop> {
    flush(cx, list, false)
}

/// Sets up a list whose routines are told the list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializelookasidelistex>
pub fn ExInitializeLookasideListEx(
    cx: &mut Cx,
    list: u64,
    allocate: u64,
    free: u64,
    kind: u32,
    flags: u32,
    size: u64,
    tag: u32,
    _depth: u16,
) -> Result<u32, Stop> {
    if !is_paged(kind) && !matches!(kind & !RAISE, 0 | NONPAGED_NX) {
        return Ok(STATUS_INVALID_PARAMETER_4);
    }
    if flags & !EX_FLAGS != 0 || flags == EX_FLAGS {
        return Ok(STATUS_INVALID_PARAMETER_5);
    }
    initialize(cx, list, &List { allocate, free, kind, size, tag })?;
    Ok(STATUS_SUCCESS)
}

/// Gives all entries back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exflushlookasidelistex>
pub fn ExFlushLookasideListEx(cx: &mut Cx, list: u64) -> Result<(), Stop> {
    flush(cx, list, true)
}

/// Tears down a list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exdeletelookasidelistex>
pub fn ExDeleteLookasideListEx(cx: &mut Cx, list: u64) -> Result<(), Stop> {
    flush(cx, list, true)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExInitializeNPagedLookasideList, quiet),
        service!(ExInitializePagedLookasideList, quiet),
        service!(ExDeleteNPagedLookasideList),
        service!(ExDeletePagedLookasideList),
        service!(ExInitializeLookasideListEx, quiet),
        service!(ExFlushLookasideListEx),
        service!(ExDeleteLookasideListEx),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ex::lists::ExpInterlockedPushEntrySList;
    use crate::ex::pool::{ExAllocatePoolWithTag, find_live};
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn a_list_calls_pool_and_gives_back_what_it_holds() {
        run(|cx| {
            let list = block(cx, layout::SIZE);
            ExInitializeNPagedLookasideList(cx, list, 0, 0, NX_ALLOCATION, 40, 7, 0)?;
            let allocate = cx.registry.address_of(ALLOCATE);
            assert_eq!(Some(cx.read64(list + layout::ALLOCATE)?), allocate);
            assert_eq!(cx.read32(list + layout::TYPE)?, NONPAGED_NX);
            assert_eq!(cx.read16(list + layout::DEPTH)?, 0, "nothing is cached");
            let entry = ExAllocatePoolWithTag(cx, NONPAGED_NX, 40, 7)?;
            ExpInterlockedPushEntrySList(cx, list, entry)?;
            ExDeleteNPagedLookasideList(cx, list)?;
            assert!(find_live(cx, entry).is_none());
            Ok(())
        });
    }

    #[test]
    fn flags_are_checked() {
        run(|cx| {
            let list = block(cx, layout::SIZE);
            let mut make =
                |kind, flags| ExInitializeLookasideListEx(cx, list, 0, 0, kind, flags, 8, 0, 0);
            assert_eq!(make(NONPAGED_NX, 4)?, STATUS_INVALID_PARAMETER_5);
            assert_eq!(make(6, 0)?, STATUS_INVALID_PARAMETER_4);
            assert_eq!(make(PAGED, 1)?, STATUS_SUCCESS);
            assert_eq!(cx.read32(list + layout::SIZE_FIELD)?, 16);
            Ok(())
        });
    }
}

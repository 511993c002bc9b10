//! Lists and numbers that are changed in one piece: interlocked lists with a spin lock of the
//! driver's, and sequenced lists without.

use crate::cx::{Cx, Stop};
use crate::ke::spin_lock::{acquire, release};
use crate::rtl::exception::raise;
use crate::service;
use crate::service::Service;
use memory::Access;
use nt::irql::DISPATCH_LEVEL;
use nt::layout::slist_header as header;
use nt::status::STATUS_DATATYPE_MISALIGNMENT;

/// KERNEL_SECURITY_CHECK_FAILURE (bug check reference), here for a list whose links disagree.
const SECURITY_CHECK: u32 = 0x139;
/// FAST_FAIL_CORRUPT_LIST_ENTRY (winnt.h).
const CORRUPT_LIST: u64 = 3;
/// Where the links of a LIST_ENTRY lie.
const BLINK: u64 = 8;

/// Does something in the driver's spin lock, with interrupts off on Windows. Nobody else comes
/// between here, so the lock itself is taken only where a driver holds it by another routine.
fn locked<T>(
    cx: &mut Cx,
    lock: u64,
    work: impl FnOnce(&mut Cx) -> Result<T, Stop>,
) -> Result<T, Stop> {
    cx.probe(lock, 8, Access::Write)?;
    if cx.state.locks.iter().any(|held| held.address == lock) {
        let irql = cx.irql().max(DISPATCH_LEVEL);
        let old = acquire(cx, lock, irql, true)?;
        release(cx, lock, Some(old))?;
    }
    work(cx)
}

fn corrupt<T>(cx: &mut Cx, entry: u64) -> Result<T, Stop> {
    cx.note(&format!("the links of the list entry at {entry:#x} disagree"));
    crate::dbg::bugcheck::stop(cx, SECURITY_CHECK, [CORRUPT_LIST, entry, 0, 0])
}

/// Puts `entry` between two neighbours; the neighbours' links must agree.
fn link(cx: &mut Cx, before: u64, entry: u64, after: u64) -> Result<(), Stop> {
    if cx.read64(before)? != after || cx.read64(after + BLINK)? != before {
        return corrupt(cx, before);
    }
    if cx.bus.observing {
        cx.observe_list(entry, Access::Write);
    }
    cx.write64(entry, after)?;
    cx.write64(entry + BLINK, before)?;
    cx.write64(before, entry)?;
    cx.write64(after + BLINK, entry)
}

/// Inserts at the head; returns the entry that was first, 0 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedinsertheadlist>
pub fn ExInterlockedInsertHeadList(
    cx: &mut Cx,
    head: u64,
    entry: u64,
    lock: u64,
) -> Result<u64, Stop> {
    locked(cx, lock, |cx| {
        let first = cx.read64(head)?;
        link(cx, head, entry, first)?;
        Ok(if first == head { 0 } else { first })
    })
}

/// Inserts at the tail; returns the entry that was last, 0 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedinserttaillist>
pub fn ExInterlockedInsertTailList(
    cx: &mut Cx,
    head: u64,
    entry: u64,
    lock: u64,
) -> Result<u64, Stop> {
    locked(cx, lock, |cx| {
        let last = cx.read64(head + BLINK)?;
        link(cx, last, entry, head)?;
        Ok(if last == head { 0 } else { last })
    })
}

/// Removes the first entry; 0 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedremoveheadlist>
pub fn ExInterlockedRemoveHeadList(cx: &mut Cx, head: u64, lock: u64) -> Result<u64, Stop> {
    locked(cx, lock, |cx| {
        let first = cx.read64(head)?;
        if first == head {
            return Ok(0);
        }
        let next = cx.read64(first)?;
        if cx.read64(first + BLINK)? != head || cx.read64(next + BLINK)? != first {
            return corrupt(cx, first);
        }
        cx.write64(head, next)?;
        cx.write64(next + BLINK, head)?;
        Ok(first)
    })
}

/// Pushes onto a singly linked list; returns the entry that was first.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedpushentrylist>
pub fn ExInterlockedPushEntryList(
    cx: &mut Cx,
    head: u64,
    entry: u64,
    lock: u64,
) -> Result<u64, Stop> {
    locked(cx, lock, |cx| {
        let first = cx.read64(head)?;
        cx.write64(entry, first)?;
        cx.write64(head, entry)?;
        Ok(first)
    })
}

/// Pops from a singly linked list; 0 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedpopentrylist>
pub fn ExInterlockedPopEntryList(cx: &mut Cx, head: u64, lock: u64) -> Result<u64, Stop> {
    locked(cx, lock, |cx| {
        let first = cx.read64(head)?;
        if first != 0 {
            let next = cx.read64(first)?;
            cx.write64(head, next)?;
        }
        Ok(first)
    })
}

/// Adds to a 32-bit number; returns it before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedaddulong>
pub fn ExInterlockedAddUlong(cx: &mut Cx, at: u64, by: u32, lock: u64) -> Result<u32, Stop> {
    locked(cx, lock, |cx| {
        let old = cx.read32(at)?;
        cx.write32(at, old.wrapping_add(by))?;
        Ok(old)
    })
}

/// Adds to a 64-bit number; returns it before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedaddlargeinteger>
pub fn ExInterlockedAddLargeInteger(cx: &mut Cx, at: u64, by: u64, lock: u64) -> Result<u64, Stop> {
    locked(cx, lock, |cx| {
        let old = cx.read64(at)?;
        cx.write64(at, old.wrapping_add(by))?;
        Ok(old)
    })
}

/// Refuses an address that the 16-byte exchange of sequenced lists cannot take.
fn aligned(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    if at & 15 == 0 {
        return Ok(());
    }
    let why = format!("a sequenced list's header or entry at {at:#x} is not 16-byte aligned");
    raise(cx, STATUS_DATATYPE_MISALIGNMENT, &why)
}

/// Depth in the low 16 bits, sequence above: one change adds to both.
fn set(cx: &mut Cx, list: u64, counts: u64, depth: u16, first: u64) -> Result<(), Stop> {
    let sequence = (counts >> 16).wrapping_add(1);
    cx.write64(list + header::ALIGNMENT, sequence << 16 | u64::from(depth))?;
    cx.write64(list + header::REGION, first)
}

fn get(cx: &mut Cx, list: u64) -> Result<(u64, u64), Stop> {
    aligned(cx, list)?;
    let counts = cx.read64(list + header::ALIGNMENT)?;
    Ok((counts, cx.read64(list + header::REGION)? & !15))
}

/// Empties a sequenced list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializeslisthead>
pub fn InitializeSListHead(cx: &mut Cx, list: u64) -> Result<(), Stop> {
    aligned(cx, list)?;
    cx.write64(list + header::ALIGNMENT, 0)?;
    cx.write64(list + header::REGION, 0)
}

/// Pops an entry; 0 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedpopentryslist>
pub fn ExpInterlockedPopEntrySList(cx: &mut Cx, list: u64) -> Result<u64, Stop> {
    let (counts, first) = get(cx, list)?;
    if first != 0 {
        let next = cx.read64(first)?;
        set(cx, list, counts, (counts as u16).wrapping_sub(1), next)?;
    }
    Ok(first)
}

/// Pushes an entry; returns the one that was first.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedpushentryslist>
pub fn ExpInterlockedPushEntrySList(cx: &mut Cx, list: u64, entry: u64) -> Result<u64, Stop> {
    aligned(cx, entry)?;
    let (counts, first) = get(cx, list)?;
    cx.write64(entry, first)?;
    set(cx, list, counts, (counts as u16).wrapping_add(1), entry)?;
    Ok(first)
}

/// Takes all entries; returns the first.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedflushslist>
pub fn ExpInterlockedFlushSList(cx: &mut Cx, list: u64) -> Result<u64, Stop> {
    let (counts, first) = get(cx, list)?;
    if first != 0 {
        set(cx, list, counts, 0, 0)?;
    }
    Ok(first)
}

/// Number of entries.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exquerydepthslist>
pub fn ExQueryDepthSList(cx: &mut Cx, list: u64) -> Result<u16, Stop> {
    Ok(get(cx, list)?.0 as u16)
}

/// The first entry, which stays; 0 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/>
pub fn FirstEntrySList(cx: &mut Cx, list: u64) -> Result<u64, Stop> {
    Ok(get(cx, list)?.1)
}

/// Takes the first entry of an interlocked list; the lock counts no more.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedpopentryslist>
pub fn ExInterlockedPopEntrySList(cx: &mut Cx, list: u64, _lock: u64) -> Result<u64, Stop> {
    ExpInterlockedPopEntrySList(cx, list)
}

/// Puts an entry first into an interlocked list; the lock counts no more.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinterlockedpushentryslist>
pub fn ExInterlockedPushEntrySList(
    cx: &mut Cx,
    list: u64,
    entry: u64,
    _lock: u64,
) -> Result<u64, Stop> {
    ExpInterlockedPushEntrySList(cx, list, entry)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExInterlockedInsertHeadList, hands_over),
        service!(ExInterlockedInsertTailList, hands_over),
        service!(ExInterlockedRemoveHeadList),
        service!(ExInterlockedPushEntryList, hands_over),
        service!(ExInterlockedPopEntryList),
        service!(ExInterlockedAddUlong),
        service!(ExInterlockedAddLargeInteger),
        service!(InitializeSListHead, quiet),
        service!(ExpInterlockedPopEntrySList),
        service!(ExInterlockedPopEntrySList),
        service!(ExInterlockedPushEntrySList, hands_over),
        service!(ExpInterlockedPushEntrySList, hands_over),
        service!(ExpInterlockedFlushSList),
        service!(ExQueryDepthSList),
        service!(FirstEntrySList),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, outcome, run};

    #[test]
    fn lists_keep_their_order_at_both_ends() {
        run(|cx| {
            let (head, lock) = (block(cx, 16), block(cx, 8));
            cx.write64(head, head)?;
            cx.write64(head + BLINK, head)?;
            let [a, b, c] = [(); 3].map(|()| block(cx, 16));
            assert_eq!(ExInterlockedInsertTailList(cx, head, a, lock)?, 0);
            assert_eq!(ExInterlockedInsertTailList(cx, head, b, lock)?, a);
            assert_eq!(ExInterlockedInsertHeadList(cx, head, c, lock)?, a);
            for entry in [c, a, b, 0] {
                assert_eq!(ExInterlockedRemoveHeadList(cx, head, lock)?, entry);
            }
            Ok(())
        });
    }

    #[test]
    fn links_that_disagree_end_the_run() {
        let ended = outcome(|cx| {
            let (head, lock) = (block(cx, 16), block(cx, 8));
            cx.write64(head, head)?;
            let entry = block(cx, 16);
            ExInterlockedInsertHeadList(cx, head, entry, lock).map(drop)
        });
        assert!(ended.is_some());
    }

    #[test]
    fn sequenced_lists_are_stacks_with_a_depth() {
        run(|cx| {
            let list = block(cx, 16);
            InitializeSListHead(cx, list)?;
            let [a, b] = [(); 2].map(|()| block(cx, 16));
            assert_eq!(ExpInterlockedPushEntrySList(cx, list, a)?, 0);
            assert_eq!(ExpInterlockedPushEntrySList(cx, list, b)?, a);
            assert_eq!((ExQueryDepthSList(cx, list)?, FirstEntrySList(cx, list)?), (2, b));
            assert_eq!(ExpInterlockedPopEntrySList(cx, list)?, b);
            assert_eq!(ExpInterlockedFlushSList(cx, list)?, a);
            assert_eq!(
                (ExpInterlockedPopEntrySList(cx, list)?, ExQueryDepthSList(cx, list)?),
                (0, 0)
            );
            Ok(())
        });
    }

    #[test]
    fn a_crooked_entry_is_refused() {
        let ended = outcome(|cx| {
            let list = block(cx, 48);
            ExpInterlockedPushEntrySList(cx, list, list + 24).map(drop)
        });
        assert!(ended.is_some());
    }
}

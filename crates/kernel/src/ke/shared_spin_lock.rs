//! Spin locks that several may hold at once to read, or one alone to write: EX_SPIN_LOCK, four bytes.

use super::spin_lock::{DISPATCH, spin};
use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::service;
use crate::service::Service;
use crate::state::{Doing, Lock};
use memory::Access;

/// What the word holds while one is alone inside; else it counts those who share. Only the kernel
/// reads it.
const ALONE: u32 = 0x8000_0000;

fn acquire(cx: &mut Cx, lock: u64, raised: bool, shared: bool) -> Result<u8, Stop> {
    cx.read32(lock)?;
    let old = spin(cx, lock, DISPATCH, raised, shared)?;
    let holders = if shared { cx.bus.memory.peek32(lock) + 1 } else { ALONE };
    cx.bus.memory.poke32(lock, holders);
    Ok(old)
}

fn release(cx: &mut Cx, lock: u64, to: Option<u8>, shared: bool) -> Result<(), Stop> {
    cx.probe(lock, 4, Access::Write)?;
    cx.say(Event::Release { lock, to })?;
    let me = cx.id();
    let locks = &cx.state.locks;
    let of_kind = |held: &Lock| held.address == lock && held.shared == shared;
    let own = locks.iter().rposition(|held| of_kind(held) && held.owner == me);
    let Some(index) = own.or_else(|| locks.iter().rposition(of_kind)) else {
        return cx.unsupported("the release of a spin lock that nobody holds so");
    };
    let owner = cx.state.locks.remove(index).owner;
    let count = &mut cx.state.contexts[usize::from(owner)].locks;
    *count = count.saturating_sub(1);
    let left = if shared { cx.bus.memory.peek32(lock).saturating_sub(1) } else { 0 };
    cx.bus.memory.poke32(lock, left);
    cx.state.wake_all(Doing::Spinning(lock));
    if let Some(irql) = to {
        cx.set_irql(irql);
    }
    Ok(())
}

/// Takes a lock to read and raises the IRQL to DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirespinlockshared>
pub fn ExAcquireSpinLockShared(cx: &mut Cx, lock: u64) -> Result<u8, Stop> {
    acquire(cx, lock, true, true)
}

/// Takes a lock to write and raises the IRQL to DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirespinlockexclusive>
pub fn ExAcquireSpinLockExclusive(cx: &mut Cx, lock: u64) -> Result<u8, Stop> {
    acquire(cx, lock, true, false)
}

/// Gives a lock back that was taken to read, and lowers the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasespinlockshared>
pub fn ExReleaseSpinLockShared(cx: &mut Cx, lock: u64, irql: u8) -> Result<(), Stop> {
    release(cx, lock, Some(irql), true)
}

/// Gives a lock back that was taken to write, and lowers the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasespinlockexclusive>
pub fn ExReleaseSpinLockExclusive(cx: &mut Cx, lock: u64, irql: u8) -> Result<(), Stop> {
    release(cx, lock, Some(irql), false)
}

/// Takes a lock to read at DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirespinlocksharedatdpclevel>
pub fn ExAcquireSpinLockSharedAtDpcLevel(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    acquire(cx, lock, false, true).map(drop)
}

/// Takes a lock to write at DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirespinlockexclusiveatdpclevel>
pub fn ExAcquireSpinLockExclusiveAtDpcLevel(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    acquire(cx, lock, false, false).map(drop)
}

/// Gives a lock back that was taken to read, IRQL unchanged.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasespinlocksharedfromdpclevel>
pub fn ExReleaseSpinLockSharedFromDpcLevel(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    release(cx, lock, None, true)
}

/// Gives a lock back that was taken to write, IRQL unchanged.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasespinlockexclusivefromdpclevel>
pub fn ExReleaseSpinLockExclusiveFromDpcLevel(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    release(cx, lock, None, false)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExAcquireSpinLockShared),
        service!(ExAcquireSpinLockExclusive),
        service!(ExReleaseSpinLockShared, hands_over),
        service!(ExReleaseSpinLockExclusive, hands_over),
        service!(ExAcquireSpinLockSharedAtDpcLevel),
        service!(ExAcquireSpinLockExclusiveAtDpcLevel),
        service!(ExReleaseSpinLockSharedFromDpcLevel, hands_over),
        service!(ExReleaseSpinLockExclusiveFromDpcLevel, hands_over),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, script};
    use crate::world::World;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn readers_share_and_a_writer_is_alone() {
        let at = block(&mut World::new(2, &[]), 4);
        let inside = Rc::new(Cell::new((0, false)));
        let together = Rc::new(Cell::new(false));
        let reader = || {
            let (inside, together) = (inside.clone(), together.clone());
            script(move |cx| {
                let old = ExAcquireSpinLockShared(cx, at)?;
                let (readers, alone) = inside.get();
                assert!(!alone && cx.irql() == DISPATCH);
                inside.set((readers + 1, false));
                together.set(together.get() || readers == 1);
                cx.point()?;
                inside.set((inside.get().0 - 1, false));
                ExReleaseSpinLockShared(cx, at, old)
            })
        };
        let writer = {
            let inside = inside.clone();
            script(move |cx| {
                let old = ExAcquireSpinLockExclusive(cx, at)?;
                assert_eq!(inside.replace((0, true)), (0, false));
                cx.point()?;
                inside.set((0, false));
                ExReleaseSpinLockExclusive(cx, at, old)
            })
        };
        explore(
            2,
            vec![reader(), reader(), writer],
            |world| assert_eq!(block(world, 4), at),
            |world| {
                assert_eq!((&world.outcome, world.bus.memory.peek32(at)), (&None, 0));
                assert!(world.state.locks.is_empty());
            },
        );
        assert!(together.get());
    }
}

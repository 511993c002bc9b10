//! Spin locks: who holds which, and who spins.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::service;
use crate::service::Service;
use crate::state::{Doing, Lock};
use memory::Access;
use nt::layout::klock_queue_handle as handle;

pub(super) const DISPATCH: u8 = 2;

/// Takes a lock at an IRQL of at least `irql`; returns the IRQL before. `raised` says whether the
/// release is expected to lower it again.
pub(crate) fn acquire(cx: &mut Cx, lock: u64, irql: u8, raised: bool) -> Result<u8, Stop> {
    cx.read64(lock)?;
    let old = spin(cx, lock, irql, raised, false)?;
    cx.bus.memory.poke64(lock, 1);
    Ok(old)
}

/// Spins until a lock is free - or, `shared`, held by others who share it - and counts as its holder
/// from then on; the lock's word is the caller's business.
pub(super) fn spin(
    cx: &mut Cx,
    lock: u64,
    irql: u8,
    raised: bool,
    shared: bool,
) -> Result<u8, Stop> {
    cx.say(Event::Acquire { lock, raises: raised })?;
    let old = cx.irql();
    if raised && irql > old {
        cx.set_irql(irql);
    }
    let me = cx.id();
    while cx.state.locks.iter().any(|held| held.address == lock && !(shared && held.shared)) {
        cx.block(Doing::Spinning(lock))?;
    }
    let site = cx.state.moment;
    cx.state.locks.push(Lock { address: lock, owner: me, site, old_irql: old, raised, shared });
    cx.state.me().locks += 1;
    Ok(old)
}

/// Gives a lock back and, with `to`, goes to that IRQL.
pub(crate) fn release(cx: &mut Cx, lock: u64, to: Option<u8>) -> Result<(), Stop> {
    cx.probe(lock, 8, Access::Write)?;
    cx.say(Event::Release { lock, to })?;
    let Some(index) = cx.state.locks.iter().rposition(|held| held.address == lock) else {
        return cx.unsupported("the release of a spin lock that nobody holds");
    };
    let owner = cx.state.locks.remove(index).owner;
    let count = &mut cx.state.contexts[usize::from(owner)].locks;
    *count = count.saturating_sub(1);
    cx.bus.memory.poke64(lock, 0);
    cx.state.wake_all(Doing::Spinning(lock));
    if let Some(irql) = to {
        cx.set_irql(irql);
    }
    Ok(())
}

/// Makes a lock free.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializespinlock>
pub fn KeInitializeSpinLock(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    cx.write64(lock, 0)
}

/// Takes a lock and raises the IRQL to DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquirespinlockraisetodpc>
pub fn KeAcquireSpinLockRaiseToDpc(cx: &mut Cx, lock: u64) -> Result<u8, Stop> {
    acquire(cx, lock, DISPATCH, true)
}

/// The same under the name that older import libraries have for it.
pub fn KfAcquireSpinLock(cx: &mut Cx, lock: u64) -> Result<u8, Stop> {
    KeAcquireSpinLockRaiseToDpc(cx, lock)
}

/// The same as [`KeReleaseSpinLock`], likewise.
pub fn KfReleaseSpinLock(cx: &mut Cx, lock: u64, irql: u8) -> Result<(), Stop> {
    KeReleaseSpinLock(cx, lock, irql)
}

/// Gives a lock back and lowers the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasespinlock>
pub fn KeReleaseSpinLock(cx: &mut Cx, lock: u64, irql: u8) -> Result<(), Stop> {
    release(cx, lock, Some(irql))
}

/// Takes a lock at DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquirespinlockatdpclevel>
pub fn KeAcquireSpinLockAtDpcLevel(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    acquire(cx, lock, DISPATCH, false)?;
    Ok(())
}

/// Gives a lock back, IRQL unchanged.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasespinlockfromdpclevel>
pub fn KeReleaseSpinLockFromDpcLevel(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    release(cx, lock, None)
}

/// Takes a lock at DISPATCH_LEVEL if it is free.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ketrytoacquirespinlockatdpclevel>
pub fn KeTryToAcquireSpinLockAtDpcLevel(cx: &mut Cx, lock: u64) -> Result<bool, Stop> {
    cx.read64(lock)?;
    if cx.state.locks.iter().any(|held| held.address == lock) {
        return Ok(false);
    }
    acquire(cx, lock, DISPATCH, false)?;
    Ok(true)
}

/// Whether a lock is free.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ketestspinlock>
pub fn KeTestSpinLock(cx: &mut Cx, lock: u64) -> Result<bool, Stop> {
    Ok(cx.read64(lock)? == 0)
}

/// Takes a queued lock and raises the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquireinstackqueuedspinlock>
pub fn KeAcquireInStackQueuedSpinLock(cx: &mut Cx, lock: u64, place: u64) -> Result<(), Stop> {
    cx.write64(place + handle::LOCK_QUEUE_LOCK, lock)?;
    let old = acquire(cx, lock, DISPATCH, true)?;
    cx.write8(place + handle::OLD_IRQL, old)
}

/// Gives a queued lock back and lowers the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleaseinstackqueuedspinlock>
pub fn KeReleaseInStackQueuedSpinLock(cx: &mut Cx, place: u64) -> Result<(), Stop> {
    let lock = cx.read64(place + handle::LOCK_QUEUE_LOCK)?;
    let old = cx.read8(place + handle::OLD_IRQL)?;
    release(cx, lock, Some(old))
}

/// Takes a queued lock at DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquireinstackqueuedspinlockatdpclevel>
pub fn KeAcquireInStackQueuedSpinLockAtDpcLevel(
    cx: &mut Cx,
    lock: u64,
    place: u64,
) -> Result<(), Stop> {
    cx.write64(place + handle::LOCK_QUEUE_LOCK, lock)?;
    acquire(cx, lock, DISPATCH, false)?;
    Ok(())
}

/// Gives a queued lock back, IRQL unchanged.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleaseinstackqueuedspinlockfromdpclevel>
pub fn KeReleaseInStackQueuedSpinLockFromDpcLevel(cx: &mut Cx, place: u64) -> Result<(), Stop> {
    let lock = cx.read64(place + handle::LOCK_QUEUE_LOCK)?;
    release(cx, lock, None)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeSpinLock, quiet),
        service!(KeAcquireSpinLockRaiseToDpc),
        service!(KeReleaseSpinLock, hands_over),
        service!(KfAcquireSpinLock),
        service!(KfReleaseSpinLock, hands_over),
        service!(KeAcquireSpinLockAtDpcLevel),
        service!(KeReleaseSpinLockFromDpcLevel, hands_over),
        service!(KeTryToAcquireSpinLockAtDpcLevel),
        service!(KeTestSpinLock),
        service!(KeAcquireInStackQueuedSpinLock),
        service!(KeReleaseInStackQueuedSpinLock, hands_over),
        service!(KeAcquireInStackQueuedSpinLockAtDpcLevel),
        service!(KeReleaseInStackQueuedSpinLockFromDpcLevel, hands_over),
    ]
}

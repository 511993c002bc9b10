//! Fast mutexes and guarded mutexes: one layout, one algorithm, told apart by what keeps APCs away.
//!
//! `Count` is 1 when free; each taker lowers it, and who finds it taken waits for the event that
//! the owner signals. A thread that takes a mutex that it holds waits for ever, as on Windows.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::ke::critical_region::{KeEnterGuardedRegion, KeLeaveGuardedRegion};
use crate::ke::event::{KeInitializeEvent, KeSetEvent};
use crate::ke::wait::wait_for;
use crate::ps::thread::KeGetCurrentThread;
use crate::service;
use crate::service::Service;
use nt::irql::APC_LEVEL;
use nt::layout::fast_mutex as layout;

/// THREAD_NOT_MUTEX_OWNER (bug check reference).
const NOT_OWNER: u32 = 0x11;

fn initialize(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    cx.write32(mutex + layout::COUNT, 1)?;
    cx.write64(mutex + layout::OWNER, 0)?;
    cx.write32(mutex + layout::CONTENTION, 0)?;
    KeInitializeEvent(cx, mutex + layout::EVENT, 1, false)
}

fn take(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    let count = (cx.read32(mutex + layout::COUNT)? as i32).wrapping_sub(1);
    cx.write32(mutex + layout::COUNT, count as u32)?;
    if count != 0 {
        let contention = cx.read32(mutex + layout::CONTENTION)?.wrapping_add(1);
        cx.write32(mutex + layout::CONTENTION, contention)?;
        wait_for(cx, &[mutex + layout::EVENT], true, None)?;
    }
    let thread = KeGetCurrentThread(cx)?;
    cx.write64(mutex + layout::OWNER, thread)
}

fn try_take(cx: &mut Cx, mutex: u64) -> Result<bool, Stop> {
    if cx.read32(mutex + layout::COUNT)? != 1 {
        return Ok(false);
    }
    take(cx, mutex)?;
    Ok(true)
}

fn give(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    let (owner, thread) = (cx.read64(mutex + layout::OWNER)?, KeGetCurrentThread(cx)?);
    if owner != thread || owner == 0 {
        return crate::dbg::bugcheck::stop(cx, NOT_OWNER, [thread, mutex, owner, 0]);
    }
    cx.write64(mutex + layout::OWNER, 0)?;
    let count = (cx.read32(mutex + layout::COUNT)? as i32).wrapping_add(1);
    cx.write32(mutex + layout::COUNT, count as u32)?;
    if count < 1 {
        KeSetEvent(cx, mutex + layout::EVENT, 0, false)?;
    }
    Ok(())
}

fn change_irql(cx: &mut Cx, to: u8) -> Result<u8, Stop> {
    let from = cx.irql();
    cx.say(Event::Irql { from, to, raise: to >= from })?;
    cx.set_irql(to);
    Ok(from)
}

/// Makes a fast mutex; a macro in the headers, a routine in some import libraries.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializefastmutex>
pub fn ExInitializeFastMutex(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    initialize(cx, mutex)
}

/// Takes a fast mutex and raises the IRQL to APC_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirefastmutex>
pub fn ExAcquireFastMutex(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    let old = change_irql(cx, APC_LEVEL.max(cx.irql()))?;
    take(cx, mutex)?;
    cx.write32(mutex + layout::OLD_IRQL, u32::from(old))
}

/// Takes a fast mutex if it is free, and then raises the IRQL to APC_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-extrytoacquirefastmutex>
pub fn ExTryToAcquireFastMutex(cx: &mut Cx, mutex: u64) -> Result<bool, Stop> {
    if !try_take(cx, mutex)? {
        return Ok(false);
    }
    let old = change_irql(cx, APC_LEVEL.max(cx.irql()))?;
    cx.write32(mutex + layout::OLD_IRQL, u32::from(old))?;
    Ok(true)
}

/// Gives a fast mutex back and lowers the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasefastmutex>
pub fn ExReleaseFastMutex(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    let old = cx.read32(mutex + layout::OLD_IRQL)? as u8;
    give(cx, mutex)?;
    change_irql(cx, old)?;
    Ok(())
}

/// Takes a fast mutex where APCs are kept away already.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirefastmutexunsafe>
pub fn ExAcquireFastMutexUnsafe(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    take(cx, mutex)
}

/// Gives a fast mutex back, IRQL unchanged.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasefastmutexunsafe>
pub fn ExReleaseFastMutexUnsafe(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    give(cx, mutex)
}

/// Makes a guarded mutex.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializeguardedmutex>
pub fn KeInitializeGuardedMutex(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    initialize(cx, mutex)
}

/// Enters a guarded region and takes a guarded mutex.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquireguardedmutex>
pub fn KeAcquireGuardedMutex(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    KeEnterGuardedRegion(cx)?;
    take(cx, mutex)
}

/// Takes a guarded mutex if it is free, and then stays in a guarded region.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ketrytoacquireguardedmutex>
pub fn KeTryToAcquireGuardedMutex(cx: &mut Cx, mutex: u64) -> Result<bool, Stop> {
    let taken = try_take(cx, mutex)?;
    if taken {
        KeEnterGuardedRegion(cx)?;
    }
    Ok(taken)
}

/// Gives a guarded mutex back and leaves the guarded region.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleaseguardedmutex>
pub fn KeReleaseGuardedMutex(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    give(cx, mutex)?;
    KeLeaveGuardedRegion(cx)
}

/// Takes a guarded mutex inside a guarded region.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquireguardedmutexunsafe>
pub fn KeAcquireGuardedMutexUnsafe(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    take(cx, mutex)
}

/// Gives a guarded mutex back inside a guarded region.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleaseguardedmutexunsafe>
pub fn KeReleaseGuardedMutexUnsafe(cx: &mut Cx, mutex: u64) -> Result<(), Stop> {
    give(cx, mutex)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExInitializeFastMutex, quiet),
        service!(ExAcquireFastMutex),
        service!(ExTryToAcquireFastMutex),
        service!(ExReleaseFastMutex, hands_over),
        service!(ExAcquireFastMutexUnsafe),
        service!(ExReleaseFastMutexUnsafe, hands_over),
        service!(KeInitializeGuardedMutex, quiet),
        service!(KeAcquireGuardedMutex),
        service!(KeTryToAcquireGuardedMutex),
        service!(KeReleaseGuardedMutex, hands_over),
        service!(KeAcquireGuardedMutexUnsafe),
        service!(KeReleaseGuardedMutexUnsafe, hands_over),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, outcome, run, script};
    use crate::world::World;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn the_irql_goes_up_and_back() {
        run(|cx| {
            let at = block(cx, layout::SIZE);
            ExInitializeFastMutex(cx, at)?;
            ExAcquireFastMutex(cx, at)?;
            assert_eq!((cx.irql(), cx.read32(at + layout::COUNT)?), (APC_LEVEL, 0));
            assert!(!ExTryToAcquireFastMutex(cx, at)?);
            ExReleaseFastMutex(cx, at)?;
            assert_eq!((cx.irql(), cx.read32(at + layout::COUNT)?), (0, 1));
            assert!(KeTryToAcquireGuardedMutex(cx, at)?);
            KeReleaseGuardedMutex(cx, at)?;
            assert_eq!(cx.state.me().critical, 0);
            Ok(())
        });
    }

    #[test]
    fn only_the_owner_gives_it_back() {
        let ended = outcome(|cx| {
            let at = block(cx, layout::SIZE);
            ExInitializeFastMutex(cx, at)?;
            ExReleaseFastMutex(cx, at)
        });
        assert!(ended.is_some());
    }

    #[test]
    fn in_every_interleaving_one_thread_is_inside() {
        let at = block(&mut World::new(2, &[]), layout::SIZE);
        let inside = Rc::new(Cell::new(0));
        let done = Rc::new(Cell::new(0));
        let user = || {
            let (inside, done) = (inside.clone(), done.clone());
            script(move |cx| {
                ExAcquireFastMutex(cx, at)?;
                assert_eq!(inside.replace(1), 0);
                cx.point()?;
                inside.set(0);
                ExReleaseFastMutex(cx, at)?;
                assert_eq!(cx.irql(), 0);
                done.set(done.get() + 1);
                Ok(())
            })
        };
        let runs = explore(
            2,
            vec![user(), user(), user()],
            |world| {
                block(world, layout::SIZE);
                world.bus.memory.poke32(at + layout::COUNT, 1);
                world.bus.memory.poke8(at + layout::EVENT, 1);
            },
            |world| {
                assert_eq!((&world.outcome, world.state.waits.len()), (&None, 0));
                assert_eq!(world.bus.memory.peek32(at + layout::COUNT), 1);
            },
        );
        assert_eq!(done.get(), 3 * runs);
    }
}

//! Mutex objects: dispatcher objects with an owner, taken by waiting.

use super::wait::{object, signal};
use crate::cx::{Cx, Stop};
use crate::rtl::exception::raise;
use crate::service;
use crate::service::Service;
use nt::layout::{dispatcher_header as header, kmutant};
use nt::status::STATUS_MUTANT_NOT_OWNED;

/// Makes a free mutex. The level is ignored, as by Windows.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializemutex>
pub fn KeInitializeMutex(cx: &mut Cx, mutex: u64, _level: u32) -> Result<(), Stop> {
    let size = (kmutant::SIZE / 4) as u32;
    cx.write32(mutex, u32::from(object::MUTANT) | size << 16)?;
    cx.write32(mutex + header::SIGNAL_STATE, 1)?;
    for list in [mutex + header::WAIT_LIST_HEAD, mutex + kmutant::MUTANT_LIST_ENTRY] {
        cx.write64(list, list)?;
        cx.write64(list + 8, list)?;
    }
    cx.write64(mutex + kmutant::OWNER_THREAD, 0)?;
    cx.write8(mutex + kmutant::ABANDONED, 0)?;
    // Owning it keeps kernel APCs away from the thread.
    cx.write8(mutex + kmutant::APC_DISABLE, 1)
}

/// Gives a mutex back; its state before, which is 0 when it is free now. A following wait is not
/// joined to it when `wait` says that there will be one, which the documentation allows.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasemutex>
pub fn KeReleaseMutex(cx: &mut Cx, mutex: u64, _wait: bool) -> Result<i32, Stop> {
    let old = cx.read32(mutex + header::SIGNAL_STATE)? as i32;
    let owner = cx.read64(mutex + kmutant::OWNER_THREAD)?;
    let thread = crate::ps::thread::KeGetCurrentThread(cx)?;
    if owner != thread || owner == 0 {
        let why = format!("KeReleaseMutex by thread {thread:#x}, the owner is {owner:#x}");
        return raise(cx, STATUS_MUTANT_NOT_OWNED, &why);
    }
    let new = old.saturating_add(1);
    cx.write32(mutex + header::SIGNAL_STATE, new as u32)?;
    if new == 1 {
        cx.write64(mutex + kmutant::OWNER_THREAD, 0)?;
        if !cx.state.waits.is_empty() {
            signal(cx, mutex);
        }
    }
    Ok(old)
}

/// A mutex's state: 1 when it is free.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereadstatemutex>
pub fn KeReadStateMutex(cx: &mut Cx, mutex: u64) -> Result<i32, Stop> {
    Ok(cx.read32(mutex + header::SIGNAL_STATE)? as i32)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeMutex, quiet),
        service!(KeReleaseMutex, hands_over),
        service!(KeReadStateMutex),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::wait::wait_for;
    use crate::rtl::test_machine::{block, explore, outcome, run, script};
    use crate::world::{Outcome, World};
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn an_owner_may_take_it_again() {
        run(|cx| {
            let mutex = block(cx, kmutant::SIZE);
            KeInitializeMutex(cx, mutex, 0)?;
            for _ in 0..2 {
                wait_for(cx, &[mutex], true, None)?;
            }
            assert_eq!(KeReadStateMutex(cx, mutex)?, -1);
            assert_eq!(KeReleaseMutex(cx, mutex, false)?, -1);
            assert_eq!(KeReleaseMutex(cx, mutex, false)?, 0);
            assert_eq!(
                (KeReadStateMutex(cx, mutex)?, cx.read64(mutex + kmutant::OWNER_THREAD)?),
                (1, 0)
            );
            Ok(())
        });
    }

    #[test]
    fn only_the_owner_may_give_it_back() {
        let ended = outcome(|cx| {
            let mutex = block(cx, kmutant::SIZE);
            KeInitializeMutex(cx, mutex, 0)?;
            KeReleaseMutex(cx, mutex, false).map(drop)
        });
        assert!(
            matches!(&ended, Some(Outcome::Unsupported { what }) if what.contains("owner")),
            "{ended:?}"
        );
    }

    #[test]
    fn in_every_interleaving_one_thread_is_inside() {
        let mutex = block(&mut World::new(2, &[]), kmutant::SIZE);
        let inside = Rc::new(Cell::new(0));
        let done = Rc::new(Cell::new(0));
        let user = || {
            let (inside, done) = (inside.clone(), done.clone());
            script(move |cx| {
                wait_for(cx, &[mutex], true, None)?;
                inside.set(inside.get() + 1);
                assert_eq!(inside.get(), 1);
                cx.point()?;
                inside.set(inside.get() - 1);
                KeReleaseMutex(cx, mutex, false)?;
                done.set(done.get() + 1);
                Ok(())
            })
        };
        let runs = explore(
            2,
            vec![user(), user(), user()],
            |world| {
                block(world, kmutant::SIZE);
                world.bus.memory.poke8(mutex, object::MUTANT);
                world.bus.memory.poke32(mutex + header::SIGNAL_STATE, 1);
            },
            |world| assert_eq!((&world.outcome, world.state.waits.len()), (&None, 0)),
        );
        assert_eq!(done.get(), 3 * runs);
    }
}

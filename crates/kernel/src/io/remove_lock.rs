//! Remove locks: a count of who uses a device, and a removal that waits for it to fall to zero.

use crate::cx::{Cx, Stop};
use crate::ke::event::{KeInitializeEvent, KeSetEvent};
use crate::ke::wait::wait_for;
use crate::service;
use crate::service::Service;
use nt::layout::io_remove_lock as lock;
use nt::status::{STATUS_DELETE_PENDING, STATUS_SUCCESS};

/// Makes a lock that nobody holds; the device itself counts as one user.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioinitializeremovelock>
pub fn IoInitializeRemoveLockEx(
    cx: &mut Cx,
    at: u64,
    _tag: u32,
    _most_minutes: u32,
    _high_watermark: u32,
    _bytes: u32,
) -> Result<(), Stop> {
    cx.write32(at + lock::COMMON_REMOVED, 0)?;
    cx.write32(at + lock::COMMON_IO_COUNT, 1)?;
    KeInitializeEvent(cx, at + lock::COMMON_REMOVE_EVENT, 1, false)
}

fn add(cx: &mut Cx, at: u64, by: i32) -> Result<i32, Stop> {
    let count = (cx.read32(at + lock::COMMON_IO_COUNT)? as i32).wrapping_add(by);
    cx.write32(at + lock::COMMON_IO_COUNT, count as u32)?;
    Ok(count)
}

/// Says that the device is in use, or that it is being removed.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioacquireremovelock>
pub fn IoAcquireRemoveLockEx(
    cx: &mut Cx,
    at: u64,
    _tag: u64,
    _file: u64,
    _line: u32,
    _bytes: u32,
) -> Result<u32, Stop> {
    add(cx, at, 1)?;
    if cx.read8(at + lock::COMMON_REMOVED)? == 0 {
        return Ok(STATUS_SUCCESS);
    }
    leave(cx, at)?;
    Ok(STATUS_DELETE_PENDING)
}

/// One user less; the last one lets the removal go on.
fn leave(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    if add(cx, at, -1)? == 0 {
        KeSetEvent(cx, at + lock::COMMON_REMOVE_EVENT, 0, false)?;
    }
    Ok(())
}

/// Says that one use of the device is over.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreleaseremovelock>
pub fn IoReleaseRemoveLockEx(cx: &mut Cx, at: u64, _tag: u64, _bytes: u32) -> Result<(), Stop> {
    leave(cx, at)
}

/// Refuses further use, gives the caller's and the device's own share back, and waits for the rest.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreleaseremovelockandwait>
pub fn IoReleaseRemoveLockAndWaitEx(
    cx: &mut Cx,
    at: u64,
    _tag: u64,
    _bytes: u32,
) -> Result<(), Stop> {
    cx.write8(at + lock::COMMON_REMOVED, 1)?;
    add(cx, at, -1)?;
    if add(cx, at, -1)? > 0 {
        wait_for(cx, &[at + lock::COMMON_REMOVE_EVENT], true, None)?;
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoInitializeRemoveLockEx, quiet),
        service!(IoAcquireRemoveLockEx, partly "tags are not checked"),
        service!(IoReleaseRemoveLockEx, hands_over, partly "tags are not checked"),
        service!(IoReleaseRemoveLockAndWaitEx, partly "tags are not checked"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, run, script};
    use crate::world::World;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn a_removal_refuses_later_users() {
        run(|cx| {
            let at = block(cx, lock::SIZE);
            IoInitializeRemoveLockEx(cx, at, 0, 0, 0, lock::SIZE as u32)?;
            assert_eq!(IoAcquireRemoveLockEx(cx, at, 0, 0, 1, 0)?, STATUS_SUCCESS);
            IoReleaseRemoveLockEx(cx, at, 0, 0)?;
            assert_eq!(IoAcquireRemoveLockEx(cx, at, 0, 0, 1, 0)?, STATUS_SUCCESS);
            IoReleaseRemoveLockAndWaitEx(cx, at, 0, 0)?;
            assert_eq!(IoAcquireRemoveLockEx(cx, at, 0, 0, 1, 0)?, STATUS_DELETE_PENDING);
            assert_eq!(cx.read32(at + lock::COMMON_IO_COUNT)?, 0);
            Ok(())
        });
    }

    #[test]
    fn in_every_interleaving_the_removal_waits_for_the_user() {
        let at = block(&mut World::new(2, &[]), lock::SIZE);
        let using = Rc::new(Cell::new(false));
        let (set, look) = (using.clone(), using);
        let refused = Rc::new(Cell::new(0));
        let count = refused.clone();
        let user = script(move |cx| {
            if IoAcquireRemoveLockEx(cx, at, 0, 0, 1, 0)? == STATUS_DELETE_PENDING {
                count.set(count.get() + 1);
                return Ok(());
            }
            set.set(true);
            cx.point()?;
            set.set(false);
            IoReleaseRemoveLockEx(cx, at, 0, 0)
        });
        let remover = script(move |cx| {
            IoAcquireRemoveLockEx(cx, at, 0, 0, 1, 0)?;
            cx.point()?;
            IoReleaseRemoveLockAndWaitEx(cx, at, 0, 0)?;
            assert!(!look.get(), "removed while in use");
            Ok(())
        });
        let runs = explore(
            3,
            vec![user, remover],
            |world| {
                block(world, lock::SIZE);
                world.bus.memory.poke32(at + lock::COMMON_IO_COUNT, 1);
                world.bus.memory.poke8(at + lock::COMMON_REMOVE_EVENT, 1);
            },
            |world| {
                assert_eq!(world.outcome, None);
                assert_eq!(world.bus.memory.peek32(at + lock::COMMON_IO_COUNT), 0);
                assert!(world.state.waits.is_empty(), "nobody waits for ever");
            },
        );
        assert!(runs >= 4 && refused.get() > 0, "{runs} runs, {} refused", refused.get());
    }
}

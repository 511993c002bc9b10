//! Push locks: for one thread alone or for several that share, in a word that only the kernel reads.
//!
//! Bit 0 says that somebody is alone inside, the rest counts those who share. Nobody is remembered, so
//! whoever takes one that it has already waits for ever, as on Windows; and nobody has a turn.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::ke::dpc::wake_key;
use crate::service;
use crate::service::Service;
use crate::state::Doing;

const ALONE: u64 = 1;
const SHARER: u64 = 2;

/// Makes a lock free.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializepushlock>
pub fn ExInitializePushLock(cx: &mut Cx, lock: u64) -> Result<(), Stop> {
    cx.write64(lock, 0)
}

/// Waits while any of these bits are set, then adds to the word.
fn take(cx: &mut Cx, lock: u64, bits: u64, add: u64) -> Result<(), Stop> {
    cx.say(Event::Wait { object: lock, poll: false })?;
    loop {
        let value = cx.read64(lock)?;
        if value & bits == 0 {
            return cx.write64(lock, value + add);
        }
        cx.block(Doing::ForKey(lock))?;
    }
}

/// Takes it alone. Flags say nothing that matters here.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirepushlockexclusive>
pub fn ExAcquirePushLockExclusiveEx(cx: &mut Cx, lock: u64, _flags: u32) -> Result<(), Stop> {
    take(cx, lock, u64::MAX, ALONE)
}

/// Takes it with others.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirepushlockshared>
pub fn ExAcquirePushLockSharedEx(cx: &mut Cx, lock: u64, _flags: u32) -> Result<(), Stop> {
    take(cx, lock, ALONE, SHARER)
}

fn give(cx: &mut Cx, lock: u64, taken: bool, part: u64) -> Result<(), Stop> {
    if !taken {
        return cx.unsupported("giving back a push lock that is not held so");
    }
    let value = cx.read64(lock)? - part;
    cx.write64(lock, value)?;
    if value == 0 {
        wake_key(cx, lock);
    }
    Ok(())
}

/// Gives it back that was taken alone.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasepushlockexclusive>
pub fn ExReleasePushLockExclusiveEx(cx: &mut Cx, lock: u64, _flags: u32) -> Result<(), Stop> {
    let taken = cx.read64(lock)? & ALONE != 0;
    give(cx, lock, taken, ALONE)
}

/// Gives it back that was taken with others.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleasepushlockshared>
pub fn ExReleasePushLockSharedEx(cx: &mut Cx, lock: u64, _flags: u32) -> Result<(), Stop> {
    let taken = cx.read64(lock)? >= SHARER;
    give(cx, lock, taken, SHARER)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExInitializePushLock, quiet),
        service!(ExAcquirePushLockExclusiveEx),
        service!(ExAcquirePushLockSharedEx),
        service!(ExReleasePushLockExclusiveEx, hands_over),
        service!(ExReleasePushLockSharedEx, hands_over),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, outcome, script};
    use crate::world::World;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn one_alone_or_several_together_in_every_interleaving() {
        let at = block(&mut World::new(2, &[]), 8);
        // How many share, and whether one is alone.
        let inside = Rc::new(Cell::new((0, false)));
        let together = Rc::new(Cell::new(false));
        let sharer = || {
            let (inside, together) = (inside.clone(), together.clone());
            script(move |cx| {
                ExAcquirePushLockSharedEx(cx, at, 0)?;
                let (sharers, alone) = inside.get();
                assert!(!alone);
                inside.set((sharers + 1, false));
                together.set(together.get() || sharers == 1);
                cx.point()?;
                inside.set((inside.get().0 - 1, false));
                ExReleasePushLockSharedEx(cx, at, 0)
            })
        };
        let writer = {
            let inside = inside.clone();
            script(move |cx| {
                ExAcquirePushLockExclusiveEx(cx, at, 0)?;
                assert_eq!(inside.replace((0, true)), (0, false));
                cx.point()?;
                inside.set((0, false));
                ExReleasePushLockExclusiveEx(cx, at, 0)
            })
        };
        explore(
            2,
            vec![sharer(), sharer(), writer],
            |world| {
                assert_eq!(block(world, 8), at);
            },
            |world| {
                assert_eq!(world.outcome, None);
                assert_eq!(world.bus.memory.peek64(at), 0);
            },
        );
        assert!(together.get());
    }

    #[test]
    fn what_is_not_held_is_not_given_back() {
        let ended = outcome(|cx| {
            let at = block(cx, 8);
            ExInitializePushLock(cx, at)?;
            ExReleasePushLockSharedEx(cx, at, 0)
        });
        assert!(ended.is_some());
    }
}

//! Executive resources: reader-writer locks with owners.
//!
//! The ERESOURCE holds what Windows keeps there: the exclusive owner or the first shared one, a
//! table of further shared owners from pool, and the numbers of waiters. Who waits is in the
//! contexts: ownership passes to them at the release, oldest first, so that nobody overtakes.

use super::pool;
use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::ke::critical_region::{KeEnterCriticalRegion, KeLeaveCriticalRegion};
use crate::ps::thread::KeGetCurrentThread;
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, Doing};
use crate::world::{SLOTS, World};
use nt::layout::{eresource as layout, owner_entry as entry};
use nt::status::STATUS_SUCCESS;

/// ResourceOwnedExclusive (wdm.h), in `Flag`.
const EXCLUSIVE: u16 = 0x80;
/// The owner's count lies above three flags in the word of `TableSize`.
const ONE: u32 = 1 << 3;
/// RESOURCE_NOT_OWNED (bug check reference).
const NOT_OWNED: u32 = 0xe3;
/// Entries of the first owner table.
const FIRST_TABLE: u32 = 4;

/// How a shared request treats those who wait for exclusive access.
#[derive(Clone, Copy, PartialEq)]
enum Courtesy {
    /// New owners wait behind them, those who have it already do not.
    Usual,
    /// Everybody goes first.
    None,
    /// Everybody waits behind them.
    Full,
}

fn waiting_shared(at: u64) -> Doing {
    Doing::ForKey(at)
}

fn waiting_exclusive(at: u64) -> Doing {
    // No resource lies at an odd address.
    Doing::ForKey(at | 1)
}

/// Makes everybody who waits by this key look again.
pub(crate) fn wake_all(world: &mut World, key: u64) {
    world.state.wake_all(Doing::ForKey(key));
}

/// Places that can hold an owner: the one in the resource, then those of the table, whose first
/// entry holds the table's size instead.
fn places(cx: &mut Cx, at: u64) -> Result<Vec<u64>, Stop> {
    let mut places = vec![at + layout::OWNER_ENTRY];
    let table = cx.read64(at + layout::OWNER_TABLE)?;
    if table != 0 {
        let size = u64::from(cx.bus.memory.peek32(table + entry::TABLE_SIZE));
        places.extend((1..size).map(|index| table + index * entry::SIZE));
    }
    Ok(places)
}

fn place_of(cx: &mut Cx, at: u64, thread: u64) -> Result<Option<u64>, Stop> {
    let places = places(cx, at)?;
    Ok(places.into_iter().find(|&place| cx.bus.memory.peek64(place) == thread))
}

/// Adds an owner's place to the table, which grows where it is full.
fn new_place(cx: &mut Cx, at: u64) -> Result<u64, Stop> {
    if let Some(place) = place_of(cx, at, 0)? {
        return Ok(place);
    }
    let old = cx.read64(at + layout::OWNER_TABLE)?;
    let old_size = if old == 0 { 1 } else { cx.bus.memory.peek32(old + entry::TABLE_SIZE) };
    let size = (old_size * 2).max(FIRST_TABLE);
    let bytes = u64::from(size) * entry::SIZE;
    let Some(table) = pool::allocate(cx, BlockKind::Object, false, bytes, 0) else {
        return cx.limit("no pool for the owners of a resource");
    };
    cx.bus.memory.fill(table, bytes, 0);
    if old != 0 {
        let mut owners = vec![0; (u64::from(old_size) * entry::SIZE) as usize];
        cx.bus.memory.peek(old, &mut owners);
        cx.bus.memory.poke(table, &owners);
        pool::free(cx, old);
    }
    cx.bus.memory.poke32(table + entry::TABLE_SIZE, size);
    cx.write64(at + layout::OWNER_TABLE, table)?;
    Ok(table + u64::from(old_size) * entry::SIZE)
}

/// Makes a thread the owner once more.
fn grant(cx: &mut Cx, at: u64, thread: u64, exclusive: bool) -> Result<(), Stop> {
    let place = match place_of(cx, at, thread)? {
        Some(place) => place,
        None => {
            let owners = cx.read32(at + layout::ACTIVE_ENTRIES)?;
            cx.write32(at + layout::ACTIVE_ENTRIES, owners + 1)?;
            cx.write16(at + layout::ACTIVE_COUNT, 1)?;
            new_place(cx, at)?
        }
    };
    if exclusive {
        let flag = cx.read16(at + layout::FLAG)?;
        cx.write16(at + layout::FLAG, flag | EXCLUSIVE)?;
    }
    let count = cx.bus.memory.peek32(place + entry::TABLE_SIZE);
    cx.bus.memory.poke64(place + entry::OWNER_THREAD, thread);
    cx.bus.memory.poke32(place + entry::TABLE_SIZE, count + ONE);
    Ok(())
}

fn is_exclusive(cx: &mut Cx, at: u64) -> Result<bool, Stop> {
    Ok(cx.read16(at + layout::FLAG)? & EXCLUSIVE != 0)
}

fn wait(cx: &mut Cx, at: u64, number: u64, doing: Doing) -> Result<(), Stop> {
    cx.say(Event::Wait { object: at, poll: false })?;
    let contention = cx.read32(at + layout::CONTENTION_COUNT)?.wrapping_add(1);
    cx.write32(at + layout::CONTENTION_COUNT, contention)?;
    let waiters = cx.read32(at + number)?;
    cx.write32(at + number, waiters + 1)?;
    // Who came first is served first: the moment is the ticket.
    cx.state.me().wake = cx.state.moment;
    cx.block(doing)
}

fn acquire_shared(cx: &mut Cx, at: u64, may_wait: bool, how: Courtesy) -> Result<bool, Stop> {
    let thread = KeGetCurrentThread(cx)?;
    let mine = place_of(cx, at, thread)?.is_some();
    let exclusive = is_exclusive(cx, at)?;
    let contested = cx.read32(at + layout::NUMBER_OF_EXCLUSIVE_WAITERS)? != 0;
    let free = if exclusive {
        mine
    } else {
        match how {
            Courtesy::None => true,
            Courtesy::Usual => mine || !contested,
            Courtesy::Full => !contested,
        }
    };
    if free {
        grant(cx, at, thread, false)?;
    } else if may_wait {
        wait(cx, at, layout::NUMBER_OF_SHARED_WAITERS, waiting_shared(at))?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn acquire_exclusive(cx: &mut Cx, at: u64, may_wait: bool) -> Result<bool, Stop> {
    let thread = KeGetCurrentThread(cx)?;
    let owners = cx.read32(at + layout::ACTIVE_ENTRIES)?;
    let mine = is_exclusive(cx, at)? && place_of(cx, at, thread)?.is_some();
    if owners == 0 || mine {
        grant(cx, at, thread, true)?;
    } else if may_wait {
        wait(cx, at, layout::NUMBER_OF_EXCLUSIVE_WAITERS, waiting_exclusive(at))?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Hands the resource to whoever has waited longest in this way; false when nobody does.
fn serve(cx: &mut Cx, at: u64, exclusive: bool) -> Result<bool, Stop> {
    let (doing, number) = if exclusive {
        (waiting_exclusive(at), layout::NUMBER_OF_EXCLUSIVE_WAITERS)
    } else {
        (waiting_shared(at), layout::NUMBER_OF_SHARED_WAITERS)
    };
    let waiters = (0..usize::from(SLOTS)).filter(|&c| cx.state.contexts[c].doing == doing);
    let Some(next) = waiters.min_by_key(|&c| cx.state.contexts[c].wake) else { return Ok(false) };
    let thread = cx.state.contexts[next].thread;
    cx.state.set_doing(next, Doing::Ready);
    let left = cx.read32(at + number)?;
    cx.write32(at + number, left.saturating_sub(1))?;
    grant(cx, at, thread, exclusive)?;
    Ok(true)
}

fn release(cx: &mut Cx, at: u64, thread: u64) -> Result<(), Stop> {
    let Some(place) = place_of(cx, at, thread)?.filter(|_| thread != 0) else {
        let table = cx.read64(at + layout::OWNER_TABLE)?;
        return crate::dbg::bugcheck::stop(cx, NOT_OWNED, [at, thread, table, 0]);
    };
    let count = cx.bus.memory.peek32(place + entry::TABLE_SIZE).saturating_sub(ONE);
    cx.bus.memory.poke32(place + entry::TABLE_SIZE, count);
    if count >= ONE {
        return Ok(());
    }
    cx.bus.memory.poke64(place + entry::OWNER_THREAD, 0);
    cx.bus.memory.poke32(place + entry::TABLE_SIZE, 0);
    let owners = cx.read32(at + layout::ACTIVE_ENTRIES)?.saturating_sub(1);
    cx.write32(at + layout::ACTIVE_ENTRIES, owners)?;
    if owners != 0 {
        return Ok(());
    }
    let flag = cx.read16(at + layout::FLAG)?;
    cx.write16(at + layout::FLAG, flag & !EXCLUSIVE)?;
    cx.write16(at + layout::ACTIVE_COUNT, 0)?;
    // Readers and writers take turns: after a writer all readers, after readers one writer.
    if flag & EXCLUSIVE == 0 && serve(cx, at, true)? {
        return Ok(());
    }
    let mut readers = false;
    while serve(cx, at, false)? {
        readers = true;
    }
    if !readers {
        serve(cx, at, true)?;
    }
    Ok(())
}

/// Makes a resource that nobody owns.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializeresourcelite>
pub fn ExInitializeResourceLite(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    cx.write_bytes(at, &[0; layout::SIZE as usize])?;
    cx.write64(at, at)?;
    cx.write64(at + 8, at)?;
    Ok(STATUS_SUCCESS)
}

/// Makes a resource unowned again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreinitializeresourcelite>
pub fn ExReinitializeResourceLite(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    ExDeleteResourceLite(cx, at)?;
    ExInitializeResourceLite(cx, at)
}

/// Gives back what a resource took.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exdeleteresourcelite>
pub fn ExDeleteResourceLite(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    let table = cx.read64(at + layout::OWNER_TABLE)?;
    if table != 0 {
        pool::free(cx, table);
        cx.write64(at + layout::OWNER_TABLE, 0)?;
    }
    Ok(STATUS_SUCCESS)
}

/// Takes exclusive access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquireresourceexclusivelite>
pub fn ExAcquireResourceExclusiveLite(cx: &mut Cx, at: u64, wait: bool) -> Result<bool, Stop> {
    acquire_exclusive(cx, at, wait)
}

/// Takes shared access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquireresourcesharedlite>
pub fn ExAcquireResourceSharedLite(cx: &mut Cx, at: u64, wait: bool) -> Result<bool, Stop> {
    acquire_shared(cx, at, wait, Courtesy::Usual)
}

/// Takes shared access before those who wait for exclusive access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquiresharedstarveexclusive>
pub fn ExAcquireSharedStarveExclusive(cx: &mut Cx, at: u64, wait: bool) -> Result<bool, Stop> {
    acquire_shared(cx, at, wait, Courtesy::None)
}

/// Takes shared access behind those who wait for exclusive access, even where the caller has it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquiresharedwaitforexclusive>
pub fn ExAcquireSharedWaitForExclusive(cx: &mut Cx, at: u64, wait: bool) -> Result<bool, Stop> {
    acquire_shared(cx, at, wait, Courtesy::Full)
}

/// Gives the running thread's access back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleaseresourcelite>
pub fn ExReleaseResourceLite(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    let thread = KeGetCurrentThread(cx)?;
    release(cx, at, thread)
}

/// Gives a thread's access back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleaseresourceforthreadlite>
pub fn ExReleaseResourceForThreadLite(cx: &mut Cx, at: u64, thread: u64) -> Result<(), Stop> {
    release(cx, at, thread)
}

/// Makes exclusive access shared, and lets those in who wait for that.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exconvertexclusivetosharedlite>
pub fn ExConvertExclusiveToSharedLite(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    let flag = cx.read16(at + layout::FLAG)?;
    cx.write16(at + layout::FLAG, flag & !EXCLUSIVE)?;
    while serve(cx, at, false)? {}
    Ok(())
}

/// Names another owner for the running thread's access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exsetresourceownerpointer>
pub fn ExSetResourceOwnerPointer(cx: &mut Cx, at: u64, owner: u64) -> Result<(), Stop> {
    let thread = KeGetCurrentThread(cx)?;
    match place_of(cx, at, thread)? {
        Some(place) => cx.bus.memory.poke64(place + entry::OWNER_THREAD, owner),
        None => return crate::dbg::bugcheck::stop(cx, NOT_OWNED, [at, thread, 0, 0]),
    }
    Ok(())
}

/// Whether the running thread has exclusive access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exisresourceacquiredexclusivelite>
pub fn ExIsResourceAcquiredExclusiveLite(cx: &mut Cx, at: u64) -> Result<bool, Stop> {
    Ok(is_exclusive(cx, at)? && ExIsResourceAcquiredSharedLite(cx, at)? != 0)
}

/// How often the running thread has acquired the resource, in either way.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exisresourceacquiredsharedlite>
pub fn ExIsResourceAcquiredSharedLite(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    let thread = KeGetCurrentThread(cx)?;
    let place = place_of(cx, at, thread)?;
    Ok(place.map_or(0, |place| cx.bus.memory.peek32(place + entry::TABLE_SIZE) / ONE))
}

/// How many wait for exclusive access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exgetexclusivewaitercount>
pub fn ExGetExclusiveWaiterCount(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    cx.read32(at + layout::NUMBER_OF_EXCLUSIVE_WAITERS)
}

/// How many wait for shared access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exgetsharedwaitercount>
pub fn ExGetSharedWaiterCount(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    cx.read32(at + layout::NUMBER_OF_SHARED_WAITERS)
}

/// Enters a critical region and takes exclusive access; the thread's Win32 data, of which there is
/// none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-exentercriticalregionandacquireresourceexclusive>
pub fn ExEnterCriticalRegionAndAcquireResourceExclusive(cx: &mut Cx, at: u64) -> Result<u64, Stop> {
    KeEnterCriticalRegion(cx)?;
    acquire_exclusive(cx, at, true)?;
    Ok(0)
}

/// Enters a critical region and takes shared access.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-exentercriticalregionandacquireresourceshared>
pub fn ExEnterCriticalRegionAndAcquireResourceShared(cx: &mut Cx, at: u64) -> Result<u64, Stop> {
    KeEnterCriticalRegion(cx)?;
    acquire_shared(cx, at, true, Courtesy::Usual)?;
    Ok(0)
}

/// Gives access back and leaves the critical region.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleaseresourceandleavecriticalregion>
pub fn ExReleaseResourceAndLeaveCriticalRegion(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    ExReleaseResourceLite(cx, at)?;
    KeLeaveCriticalRegion(cx)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExInitializeResourceLite, quiet),
        service!(ExReinitializeResourceLite),
        service!(ExDeleteResourceLite),
        service!(ExAcquireResourceExclusiveLite),
        service!(ExAcquireResourceSharedLite),
        service!(ExAcquireSharedStarveExclusive),
        service!(ExAcquireSharedWaitForExclusive),
        service!(ExReleaseResourceLite, hands_over),
        service!(ExReleaseResourceForThreadLite, hands_over),
        service!(ExConvertExclusiveToSharedLite, hands_over),
        service!(ExSetResourceOwnerPointer),
        service!(ExIsResourceAcquiredExclusiveLite, quiet),
        service!(ExIsResourceAcquiredSharedLite, quiet),
        service!(ExGetExclusiveWaiterCount),
        service!(ExGetSharedWaiterCount),
        service!(ExEnterCriticalRegionAndAcquireResourceExclusive),
        service!(ExEnterCriticalRegionAndAcquireResourceShared),
        service!(ExReleaseResourceAndLeaveCriticalRegion, hands_over),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, outcome, run, script};
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn access_is_recursive() {
        run(|cx| {
            let at = block(cx, layout::SIZE);
            ExInitializeResourceLite(cx, at)?;
            assert!(ExAcquireResourceExclusiveLite(cx, at, false)?);
            assert!(ExAcquireResourceSharedLite(cx, at, false)?);
            assert!(ExIsResourceAcquiredExclusiveLite(cx, at)?);
            assert_eq!(ExIsResourceAcquiredSharedLite(cx, at)?, 2);
            ExReleaseResourceLite(cx, at)?;
            ExConvertExclusiveToSharedLite(cx, at)?;
            assert!(!ExIsResourceAcquiredExclusiveLite(cx, at)?);
            assert!(
                !ExAcquireResourceExclusiveLite(cx, at, false)?,
                "readers do not become writers"
            );
            ExReleaseResourceLite(cx, at)?;
            assert_eq!(ExIsResourceAcquiredSharedLite(cx, at)?, 0);
            assert!(ExAcquireResourceExclusiveLite(cx, at, false)?);
            Ok(())
        });
    }

    #[test]
    fn many_owners_have_room() {
        run(|cx| {
            let at = block(cx, layout::SIZE);
            ExInitializeResourceLite(cx, at)?;
            for thread in 1..20 {
                grant(cx, at, thread << 8, false)?;
            }
            for thread in 1..20 {
                assert_eq!(cx.read32(at + layout::ACTIVE_ENTRIES)?, 20 - thread);
                ExReleaseResourceForThreadLite(cx, at, u64::from(thread) << 8)?;
            }
            ExDeleteResourceLite(cx, at)?;
            Ok(())
        });
    }

    #[test]
    fn a_release_without_access_ends_the_run() {
        let ended = outcome(|cx| {
            let at = block(cx, layout::SIZE);
            ExInitializeResourceLite(cx, at)?;
            ExReleaseResourceLite(cx, at)
        });
        assert!(ended.is_some());
    }

    #[test]
    fn in_every_interleaving_writers_are_alone() {
        let at = block(&mut World::new(2, &[]), layout::SIZE);
        let readers = Rc::new(Cell::new(0));
        let writers = Rc::new(Cell::new(0));
        let done = Rc::new(Cell::new(0));
        let user = |write: bool| {
            let (readers, writers, done) = (readers.clone(), writers.clone(), done.clone());
            script(move |cx| {
                let mine = if write { &writers } else { &readers };
                let got = if write {
                    ExAcquireResourceExclusiveLite(cx, at, true)?
                } else {
                    ExAcquireResourceSharedLite(cx, at, true)?
                };
                assert!(got);
                mine.set(mine.get() + 1);
                assert!(writers.get() == 0 || writers.get() + readers.get() == 1);
                cx.point()?;
                mine.set(mine.get() - 1);
                ExReleaseResourceLite(cx, at)?;
                done.set(done.get() + 1);
                Ok(())
            })
        };
        let runs = explore(
            2,
            vec![user(true), user(false), user(false), user(true)],
            |world| {
                block(world, layout::SIZE);
            },
            |world| {
                assert_eq!(world.outcome, None);
                assert_eq!(world.bus.memory.peek32(at + layout::ACTIVE_ENTRIES), 0);
                assert_eq!(world.bus.memory.peek32(at + layout::NUMBER_OF_SHARED_WAITERS), 0);
            },
        );
        assert_eq!(done.get(), 4 * runs);
    }
}

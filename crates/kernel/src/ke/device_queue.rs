//! Device queues: entries that wait while a device is busy, in order or by a key.
//!
//! The queue's own spin lock never shows: each routine here is done before anybody else runs. Links
//! and flags lie in guest memory as on Windows, where drivers look at them.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use crate::world::World;
use memory::Access;
use nt::layout::{irp, kdevice_queue as queue, kdevice_queue_entry as entry};

/// KOBJECTS: DeviceQueueObject.
const DEVICE_QUEUE_OBJECT: u32 = 20;

/// Makes an empty queue that is not busy.
pub(crate) fn initialize(world: &mut World, at: u64) {
    let memory = &mut world.bus.memory;
    let list = at + queue::DEVICE_LIST_HEAD;
    memory.poke32(at, DEVICE_QUEUE_OBJECT | (queue::SIZE as u32) << 16);
    memory.poke64(list, list);
    memory.poke64(list + 8, list);
    memory.poke64(at + queue::LOCK, 0);
    memory.poke8(at + queue::BUSY, 0);
}

/// Initialises a queue.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializedevicequeue>
pub fn KeInitializeDeviceQueue(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, queue::SIZE, Access::Write)?;
    initialize(cx, at);
    Ok(())
}

/// The first entry whose key is at least `key` - more than it, with `above` - or the list's head.
fn find(cx: &mut Cx, at: u64, key: u32, above: bool) -> Result<u64, Stop> {
    let list = at + queue::DEVICE_LIST_HEAD;
    let mut place = cx.read64(list)?;
    while place != list {
        let other = cx.read32(place + entry::SORT_KEY)?;
        if other > key || (!above && other == key) {
            break;
        }
        place = cx.read64(place)?;
    }
    Ok(place)
}

/// Queues an entry if the queue is busy; else makes it busy and leaves the entry to the caller.
/// Without a key it comes last.
pub(crate) fn insert(cx: &mut Cx, at: u64, item: u64, key: Option<u32>) -> Result<bool, Stop> {
    cx.probe(at, queue::SIZE, Access::Write)?;
    cx.probe(item, entry::SIZE, Access::Write)?;
    if cx.read8(at + queue::BUSY)? == 0 {
        cx.write8(at + queue::BUSY, 1)?;
        cx.write8(item + entry::INSERTED, 0)?;
        return Ok(false);
    }
    let next = match key {
        None => at + queue::DEVICE_LIST_HEAD,
        Some(key) => {
            cx.write32(item + entry::SORT_KEY, key)?;
            find(cx, at, key, true)?
        }
    };
    let last = cx.read64(next + 8)?;
    for (place, value) in [(item, next), (item + 8, last), (last, item), (next + 8, item)] {
        cx.write64(place, value)?;
    }
    cx.write8(item + entry::INSERTED, 1)?;
    if key.is_none() {
        note_order(cx, item);
    }
    Ok(true)
}

/// A request that waits in a device queue waits in a list. One with a key does so in an order that
/// the driver chose, which is no accident and so not noted.
fn note_order(world: &mut World, item: u64) {
    let packet = item.wrapping_sub(irp::TAIL_OVERLAY_DEVICE_QUEUE_ENTRY);
    let holder = world.state.block_at_or_below(packet);
    if holder.is_some_and(|block| block.kind == BlockKind::Irp && block.address == packet) {
        let now = world.state.moment;
        if let Some(record) = world.state.irp_mut(packet) {
            record.queued = Some(now);
        }
    }
}

fn unlink(cx: &mut Cx, item: u64) -> Result<(), Stop> {
    let (next, last) = (cx.read64(item)?, cx.read64(item + 8)?);
    if cx.read64(next + 8)? != item || cx.read64(last)? != item {
        return cx.unsupported("taking an entry out of a device queue whose links are broken");
    }
    cx.write64(last, next)?;
    cx.write64(next + 8, last)?;
    cx.write8(item + entry::INSERTED, 0)
}

/// Takes the first entry - that for `key`, if there is one - or 0, when the queue is busy no longer.
/// What happens to a queue that is not busy is not documented; nothing happens to it here.
pub(crate) fn remove(cx: &mut Cx, at: u64, key: Option<u32>) -> Result<u64, Stop> {
    cx.probe(at, queue::SIZE, Access::Write)?;
    let list = at + queue::DEVICE_LIST_HEAD;
    let first = cx.read64(list)?;
    if first == list {
        cx.write8(at + queue::BUSY, 0)?;
        return Ok(0);
    }
    let found = match key {
        None => first,
        Some(key) => find(cx, at, key, false)?,
    };
    let found = if found == list { first } else { found };
    unlink(cx, found)?;
    Ok(found)
}

/// Queues an entry behind all others.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinsertdevicequeue>
pub fn KeInsertDeviceQueue(cx: &mut Cx, at: u64, item: u64) -> Result<bool, Stop> {
    insert(cx, at, item, None)
}

/// Queues an entry behind those whose keys are not greater.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinsertbykeydevicequeue>
pub fn KeInsertByKeyDeviceQueue(cx: &mut Cx, at: u64, item: u64, key: u32) -> Result<bool, Stop> {
    insert(cx, at, item, Some(key))
}

/// Takes the first entry.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keremovedevicequeue>
pub fn KeRemoveDeviceQueue(cx: &mut Cx, at: u64) -> Result<u64, Stop> {
    remove(cx, at, None)
}

/// Takes the first entry whose key is not less, or the first of all.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keremovebykeydevicequeue>
pub fn KeRemoveByKeyDeviceQueue(cx: &mut Cx, at: u64, key: u32) -> Result<u64, Stop> {
    remove(cx, at, Some(key))
}

/// Takes this entry, if it is queued.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keremoveentrydevicequeue>
pub fn KeRemoveEntryDeviceQueue(cx: &mut Cx, at: u64, item: u64) -> Result<bool, Stop> {
    cx.probe(at, queue::SIZE, Access::Write)?;
    cx.probe(item, entry::SIZE, Access::Write)?;
    let queued = cx.read8(item + entry::INSERTED)? != 0;
    if queued {
        unlink(cx, item)?;
    }
    Ok(queued)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeDeviceQueue, quiet),
        service!(KeInsertDeviceQueue, hands_over),
        service!(KeInsertByKeyDeviceQueue, hands_over),
        service!(KeRemoveDeviceQueue),
        service!(KeRemoveByKeyDeviceQueue),
        service!(KeRemoveEntryDeviceQueue),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn the_first_entry_makes_it_busy_and_the_others_wait_in_order() {
        run(|cx| {
            let at = block(cx, queue::SIZE);
            let items = [(); 3].map(|()| block(cx, entry::SIZE));
            KeInitializeDeviceQueue(cx, at)?;
            assert!(!KeInsertDeviceQueue(cx, at, items[0])?);
            assert!(KeInsertDeviceQueue(cx, at, items[1])?);
            assert!(KeInsertDeviceQueue(cx, at, items[2])?);
            assert!(KeRemoveEntryDeviceQueue(cx, at, items[1])?);
            assert!(!KeRemoveEntryDeviceQueue(cx, at, items[1])?);
            assert_eq!(KeRemoveDeviceQueue(cx, at)?, items[2]);
            assert_eq!((KeRemoveDeviceQueue(cx, at)?, cx.read8(at + queue::BUSY)?), (0, 0));
            Ok(())
        });
    }

    #[test]
    fn keys_order_it() {
        run(|cx| {
            let at = block(cx, queue::SIZE);
            KeInitializeDeviceQueue(cx, at)?;
            let first = block(cx, entry::SIZE);
            assert!(!KeInsertByKeyDeviceQueue(cx, at, first, 9)?);
            let [five, seven, other, one] = [(); 4].map(|()| block(cx, entry::SIZE));
            for (item, key) in [(five, 5), (seven, 7), (other, 5), (one, 1)] {
                assert!(KeInsertByKeyDeviceQueue(cx, at, item, key)?);
            }
            assert_eq!(KeRemoveByKeyDeviceQueue(cx, at, 6)?, seven);
            assert_eq!(KeRemoveByKeyDeviceQueue(cx, at, 8)?, one, "none is as great");
            assert_eq!(KeRemoveDeviceQueue(cx, at)?, five, "equal keys keep their order");
            assert_eq!(KeRemoveByKeyDeviceQueue(cx, at, 5)?, other);
            Ok(())
        });
    }
}

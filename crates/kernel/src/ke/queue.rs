//! Queues of entries that threads wait for: an entry goes to one of them, and only so many work on
//! entries at a time.
//!
//! A thread counts as busy from the entry it got to the next one it asks for, but not while it waits
//! for something else. The list and the counts lie in guest memory as on Windows.

use super::wait::{object, signal, wait_for};
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use crate::state::QueueThread;
use crate::world::World;
use memory::Access;
use nt::layout::{dispatcher_header as header, kqueue as queue};
use nt::status::{STATUS_ABANDONED, STATUS_TIMEOUT};

/// Makes an empty queue; `maximum` is how many threads may be busy at a time, 0 for as many as there
/// are processors.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-keinitializequeue>
pub fn KeInitializeQueue(cx: &mut Cx, at: u64, maximum: u32) -> Result<(), Stop> {
    cx.write_bytes(at, &[0; queue::SIZE as usize])?;
    let size = (queue::SIZE / 4) as u32;
    cx.write32(at, u32::from(object::QUEUE) | size << 16)?;
    for list in [header::WAIT_LIST_HEAD, queue::ENTRY_LIST_HEAD, queue::THREAD_LIST_HEAD] {
        cx.write64(at + list, at + list)?;
        cx.write64(at + list + 8, at + list)?;
    }
    let maximum = if maximum == 0 { u32::from(cx.processors) } else { maximum };
    cx.write32(at + queue::MAXIMUM_COUNT, maximum)
}

/// Whether another thread may become busy.
pub(super) fn admits(world: &mut World, at: u64) -> bool {
    let memory = &mut world.bus.memory;
    memory.peek32(at + queue::CURRENT_COUNT) < memory.peek32(at + queue::MAXIMUM_COUNT)
}

fn count(world: &mut World, at: u64, change: i32) {
    let place = at + queue::CURRENT_COUNT;
    let count = world.bus.memory.peek32(place).wrapping_add_signed(change);
    world.bus.memory.poke32(place, count);
}

/// Gives the first entry to a thread.
pub(super) fn satisfy(world: &mut World, at: u64, thread: u64) {
    let memory = &mut world.bus.memory;
    let list = at + queue::ENTRY_LIST_HEAD;
    let entry = memory.peek64(list);
    let next = memory.peek64(entry);
    memory.poke64(list, next);
    memory.poke64(next + 8, list);
    let signals = memory.peek32(at + header::SIGNAL_STATE);
    memory.poke32(at + header::SIGNAL_STATE, signals.wrapping_sub(1));
    count(world, at, 1);
    world.state.queue_threads.retain(|known| known.thread != thread);
    world.state.queue_threads.push(QueueThread { thread, queue: at, entry, busy: true });
}

/// A thread waits: if it was busy with an entry, another thread may be.
pub(super) fn leave(world: &mut World, thread: u64) {
    let mut known = world.state.queue_threads.iter_mut();
    if let Some(known) = known.find(|known| known.thread == thread && known.busy) {
        known.busy = false;
        let at = known.queue;
        count(world, at, -1);
        signal(world, at);
    }
}

/// It goes on with its entry.
pub(super) fn come_back(world: &mut World, thread: u64) {
    let mut known = world.state.queue_threads.iter_mut();
    if let Some(known) = known.find(|known| known.thread == thread && !known.busy) {
        known.busy = true;
        let at = known.queue;
        count(world, at, 1);
    }
}

/// A thread ended, and what it was busy with as well.
pub(crate) fn ended(world: &mut World, thread: u64) {
    leave(world, thread);
    world.state.queue_threads.retain(|known| known.thread != thread);
}

fn insert(cx: &mut Cx, at: u64, entry: u64, head: bool) -> Result<i32, Stop> {
    cx.probe(at, queue::SIZE, Access::Write)?;
    cx.probe(entry, 16, Access::Write)?;
    let list = at + queue::ENTRY_LIST_HEAD;
    let (last, next) = match head {
        false => (cx.read64(list + 8)?, list),
        true => (list, cx.read64(list)?),
    };
    for (place, value) in [(entry, next), (entry + 8, last), (last, entry), (next + 8, entry)] {
        cx.write64(place, value)?;
    }
    let signals = cx.read32(at + header::SIGNAL_STATE)? as i32;
    cx.write32(at + header::SIGNAL_STATE, (signals + 1) as u32)?;
    signal(cx, at);
    Ok(signals)
}

/// Queues an entry behind the others, or gives it to a thread that waits; how many were queued.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-keinsertqueue>
pub fn KeInsertQueue(cx: &mut Cx, at: u64, entry: u64) -> Result<i32, Stop> {
    insert(cx, at, entry, false)
}

/// The same before the others.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-keinsertheadqueue>
pub fn KeInsertHeadQueue(cx: &mut Cx, at: u64, entry: u64) -> Result<i32, Stop> {
    insert(cx, at, entry, true)
}

/// Waits for an entry; its address, or a status.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-keremovequeue>
pub fn KeRemoveQueue(cx: &mut Cx, at: u64, _mode: u8, timeout: u64) -> Result<u64, Stop> {
    cx.probe(at, queue::SIZE, Access::Write)?;
    let timeout = if timeout == 0 { None } else { Some(cx.read64(timeout)? as i64) };
    let thread = cx.state.me().thread;
    // It is done with the entry it had, of whichever queue.
    ended(cx, thread);
    if cx.read8(at + header::ABANDONED)? != 0 {
        return Ok(u64::from(STATUS_ABANDONED));
    }
    match wait_for(cx, &[at], false, timeout)? {
        0 => {}
        status => return Ok(u64::from(status)),
    }
    let mut known = cx.state.queue_threads.iter();
    let entry = known.find(|known| known.thread == thread).map(|known| known.entry);
    Ok(entry.unwrap_or(u64::from(STATUS_TIMEOUT)))
}

/// Ends a queue: whoever waits goes on with STATUS_ABANDONED. The first of the entries that are left,
/// linked to one another, or 0.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-kerundownqueue>
pub fn KeRundownQueue(cx: &mut Cx, at: u64) -> Result<u64, Stop> {
    cx.probe(at, queue::SIZE, Access::Write)?;
    let list = at + queue::ENTRY_LIST_HEAD;
    let (first, last) = (cx.read64(list)?, cx.read64(list + 8)?);
    cx.write64(last, first)?;
    cx.write64(first + 8, last)?;
    cx.write64(list, list)?;
    cx.write64(list + 8, list)?;
    cx.write8(at + header::ABANDONED, 1)?;
    cx.write32(at + header::SIGNAL_STATE, 0)?;
    while let Some(index) =
        cx.state.waits.iter().position(|wait| wait.count == 1 && wait.objects[0] == at)
    {
        let wait = cx.state.waits.remove(index);
        super::wait::wake(cx, wait.context, STATUS_ABANDONED);
    }
    Ok(if first == list { 0 } else { first })
}

/// How many entries are queued. Reserved, says the page; that it is the signal state follows from
/// those of the other objects.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-kereadstatequeue>
pub fn KeReadStateQueue(cx: &mut Cx, at: u64) -> Result<i32, Stop> {
    Ok(cx.read32(at + header::SIGNAL_STATE)? as i32)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeQueue, quiet),
        service!(KeInsertQueue, hands_over),
        service!(KeInsertHeadQueue, hands_over),
        service!(KeRemoveQueue),
        service!(KeRundownQueue, hands_over),
        service!(KeReadStateQueue),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, run, script};
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn entries_come_in_order_and_are_counted() {
        run(|cx| {
            let (at, now) = (block(cx, queue::SIZE), block(cx, 8));
            let items = [(); 3].map(|()| block(cx, 16));
            KeInitializeQueue(cx, at, 1)?;
            assert_eq!(KeInsertQueue(cx, at, items[0])?, 0);
            assert_eq!(KeInsertQueue(cx, at, items[1])?, 1);
            assert_eq!(KeInsertHeadQueue(cx, at, items[2])?, 2);
            for item in [items[2], items[0]] {
                assert_eq!(KeRemoveQueue(cx, at, 0, now)?, item);
            }
            assert_eq!(KeReadStateQueue(cx, at)?, 1);
            assert_eq!(KeRundownQueue(cx, at)?, items[1]);
            assert_eq!(cx.read64(items[1])?, items[1]);
            assert_eq!(KeRemoveQueue(cx, at, 0, 0)?, u64::from(STATUS_ABANDONED));
            Ok(())
        });
    }

    #[test]
    fn no_more_threads_are_busy_than_may_be() {
        let mut world = World::new(2, &[]);
        let (at, items) = (block(&mut world, queue::SIZE), [(); 3].map(|()| block(&mut world, 16)));
        let (busy, done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let worker = || {
            let (busy, done) = (busy.clone(), done.clone());
            script(move |cx| {
                while KeRemoveQueue(cx, at, 0, 0)? > u64::from(STATUS_ABANDONED) {
                    assert_eq!(busy.replace(1), 0);
                    cx.point()?;
                    busy.set(0);
                    done.set(done.get() + 1);
                }
                Ok(())
            })
        };
        let boss = script(move |cx| {
            KeInitializeQueue(cx, at, 1)?;
            for item in items {
                cx.point()?;
                KeInsertQueue(cx, at, item)?;
            }
            Ok(())
        });
        let end = script(move |cx| KeRundownQueue(cx, at).map(drop));
        let runs = explore(
            1,
            vec![boss, worker(), worker()],
            |world| {
                let actor = |script| crate::world::Actor {
                    name: "end".to_owned(),
                    script,
                    application: false,
                };
                world.actors.push(actor(end));
                assert_eq!(block(world, queue::SIZE), at);
                assert_eq!([(); 3].map(|()| block(world, 16)), items);
                let lists = [header::WAIT_LIST_HEAD, queue::ENTRY_LIST_HEAD];
                world.bus.memory.poke32(at, u32::from(object::QUEUE));
                world.bus.memory.poke32(at + queue::MAXIMUM_COUNT, 1);
                for list in lists {
                    world.bus.memory.poke64(at + list, at + list);
                    world.bus.memory.poke64(at + list + 8, at + list);
                }
            },
            |world| assert_eq!((&world.outcome, world.state.waits.len()), (&None, 0)),
        );
        assert_eq!(done.get(), 3 * runs);
    }
}

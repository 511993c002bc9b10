//! Waiting for dispatcher objects.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::service;
use crate::service::Service;
use crate::state::{Doing, Timer, WAIT_OBJECTS, Wait};
use crate::world::World;
use memory::Access;
use nt::layout::{dispatcher_header as header, kmutant};
use nt::status;

/// DISPATCHER_HEADER.Type, as in the kernel's KOBJECTS enumeration.
pub mod object {
    /// Event that stays signalled.
    pub const NOTIFICATION_EVENT: u8 = 0;
    /// Event that releases one waiter.
    pub const SYNCHRONIZATION_EVENT: u8 = 1;
    /// Mutex.
    pub const MUTANT: u8 = 2;
    /// Process.
    pub const PROCESS: u8 = 3;
    /// Queue of entries.
    pub const QUEUE: u8 = 4;
    /// Semaphore.
    pub const SEMAPHORE: u8 = 5;
    /// Thread.
    pub const THREAD: u8 = 6;
    /// Timer that stays signalled.
    pub const NOTIFICATION_TIMER: u8 = 8;
    /// Timer that releases one waiter.
    pub const SYNCHRONIZATION_TIMER: u8 = 9;
}

fn is_signalled(world: &mut World, at: u64, thread: u64) -> bool {
    let memory = &mut world.bus.memory;
    let state = memory.peek32(at + header::SIGNAL_STATE) as i32;
    match memory.peek8(at + header::TYPE) & 0x7f {
        object::MUTANT => state > 0 || memory.peek64(at + kmutant::OWNER_THREAD) == thread,
        object::QUEUE => state > 0 && super::queue::admits(world, at),
        _ => state > 0,
    }
}

/// Takes what a satisfied wait takes: a synchronization object's signal, a semaphore's count, a
/// mutex.
pub(crate) fn satisfy(world: &mut World, at: u64, thread: u64) {
    let memory = &mut world.bus.memory;
    let place = at + header::SIGNAL_STATE;
    let state = memory.peek32(place) as i32;
    match memory.peek8(at + header::TYPE) & 0x7f {
        object::SYNCHRONIZATION_EVENT | object::SYNCHRONIZATION_TIMER => memory.poke32(place, 0),
        object::SEMAPHORE => memory.poke32(place, (state - 1) as u32),
        object::MUTANT => {
            memory.poke32(place, (state - 1) as u32);
            memory.poke64(at + kmutant::OWNER_THREAD, thread);
        }
        object::QUEUE => super::queue::satisfy(world, at, thread),
        _ => {}
    }
}

/// Satisfies the wait now if it can be: the status to return.
fn try_now(world: &mut World, objects: &[u64], all: bool, thread: u64) -> Option<u32> {
    if all {
        if objects.iter().all(|&at| is_signalled(world, at, thread)) {
            for &at in objects {
                satisfy(world, at, thread);
            }
            return Some(status::STATUS_SUCCESS);
        }
        return None;
    }
    let index = objects.iter().position(|&at| is_signalled(world, at, thread))?;
    satisfy(world, objects[index], thread);
    Some(index as u32)
}

/// Looks again at those who wait for an object whose signal state changed.
pub fn signal(world: &mut World, changed: u64) {
    let mut index = 0;
    while index < world.state.waits.len() {
        let wait = world.state.waits[index];
        let objects = &wait.objects[..usize::from(wait.count)];
        if objects.contains(&changed) {
            let thread = world.state.contexts[usize::from(wait.context)].thread;
            if let Some(result) = try_now(world, objects, wait.all, thread) {
                world.state.waits.remove(index);
                wake(world, wait.context, result);
                continue;
            }
        }
        index += 1;
    }
}

/// Ends a context's wait with `result`.
pub(crate) fn wake(world: &mut World, context: u8, result: u32) {
    world.state.timers.retain(|timer| timer.object != 0 || timer.context != context);
    world.state.contexts[usize::from(context)].wake = result;
    world.state.set_doing(usize::from(context), Doing::Ready);
}

/// Waits for objects. `timeout` in 100 ns: negative from now, positive since 1601, `None` for ever.
pub fn wait_for(
    cx: &mut Cx,
    objects: &[u64],
    all: bool,
    timeout: Option<i64>,
) -> Result<u32, Stop> {
    for &at in objects {
        cx.probe(at, header::SIZE, Access::Read)?;
    }
    if objects.len() > WAIT_OBJECTS {
        return cx.limit(format!("a wait for more than {WAIT_OBJECTS} objects"));
    }
    let poll = timeout == Some(0);
    let object = objects.first().copied().unwrap_or(0);
    cx.say(Event::Wait { object, poll })?;
    let thread = cx.state.me().thread;
    if !objects.is_empty()
        && let Some(result) = try_now(cx, objects, all, thread)
    {
        return Ok(result);
    }
    if poll {
        return Ok(status::STATUS_TIMEOUT);
    }
    let context = cx.id();
    if let Some(timeout) = timeout {
        let due = super::timer::due(cx, timeout);
        let site = cx.state.moment;
        cx.state.timers.push(Timer { object: 0, context, due, period: 0, dpc: 0, site });
    }
    let mut list = [0; WAIT_OBJECTS];
    list[..objects.len()].copy_from_slice(objects);
    if !objects.is_empty() {
        let count = objects.len() as u8;
        cx.state.waits.push(Wait { context, objects: list, count, all });
    }
    if cx.state.queue_threads.is_empty() {
        cx.block(Doing::Waiting)?;
    } else {
        super::queue::leave(cx, thread);
        cx.block(Doing::Waiting)?;
        super::queue::come_back(cx, thread);
    }
    finish(cx)
}

/// The result of the wait that ended.
pub(crate) fn finish(cx: &mut Cx) -> Result<u32, Stop> {
    Ok(cx.state.me().wake)
}

fn timeout_at(cx: &mut Cx, place: u64) -> Result<Option<i64>, Stop> {
    if place == 0 { Ok(None) } else { Ok(Some(cx.read64(place)? as i64)) }
}

/// Waits for one object.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kewaitforsingleobject>
pub fn KeWaitForSingleObject(
    cx: &mut Cx,
    object: u64,
    _reason: u32,
    _mode: u8,
    _alertable: bool,
    timeout: u64,
) -> Result<u32, Stop> {
    let timeout = timeout_at(cx, timeout)?;
    wait_for(cx, &[object], false, timeout)
}

/// Waits for one or all of several objects.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kewaitformultipleobjects>
pub fn KeWaitForMultipleObjects(
    cx: &mut Cx,
    count: u32,
    objects: u64,
    wait_type: u32,
    _reason: u32,
    _mode: u8,
    _alertable: bool,
    timeout: u64,
    _blocks: u64,
) -> Result<u32, Stop> {
    if count as usize > WAIT_OBJECTS {
        return cx.limit(format!("a wait for {count} objects; {WAIT_OBJECTS} are possible"));
    }
    let mut list = Vec::new();
    for index in 0..u64::from(count) {
        list.push(cx.read64(objects + 8 * index)?);
    }
    let timeout = timeout_at(cx, timeout)?;
    // WAIT_TYPE: WaitAll 0, WaitAny 1.
    wait_for(cx, &list, wait_type == 0, timeout)
}

/// Sleeps.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kedelayexecutionthread>
pub fn KeDelayExecutionThread(
    cx: &mut Cx,
    _mode: u8,
    _alertable: bool,
    interval: u64,
) -> Result<u32, Stop> {
    let interval = cx.read64(interval)? as i64;
    wait_for(cx, &[], false, Some(interval))?;
    Ok(status::STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeWaitForSingleObject),
        service!(KeWaitForMultipleObjects),
        service!(KeDelayExecutionThread),
    ]
}

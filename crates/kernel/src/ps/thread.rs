//! Threads.

use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ex::pool;
use crate::ke::wait::{object, signal};
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, Start, ThreadSettings};
use crate::world::{SLOTS, World};
use nt::layout::{dispatcher_header as header, kthread};
use nt::status;

/// Makes the thread objects of applications and workers: one a slot, at the start of the pool.
pub(crate) fn boot(world: &mut World) {
    for _ in 0..=SLOTS {
        pool::allocate(world, BlockKind::Object, false, kthread::SIZE, 0);
    }
    let idle = world.state.pool[usize::from(SLOTS)].address;
    reset(world, idle);
    world.set_idle_thread(idle);
}

fn reset(world: &mut World, thread: u64) {
    world.bus.memory.poke32(thread + header::TYPE, u32::from(object::THREAD));
    world.bus.memory.poke32(thread + header::SIGNAL_STATE, 0);
}

/// Thread object for the context that is spawned next, if it is none of the driver's own.
pub(crate) fn object(world: &mut World) -> u64 {
    let slot = (!world.state.live).trailing_zeros().min(u32::from(SLOTS) - 1) as usize;
    let thread = world.state.pool[slot].address;
    reset(world, thread);
    thread
}

/// A thread ends: whoever waits for it goes on.
pub(crate) fn ended(cx: &mut Cx) {
    let thread = cx.state.me().thread;
    cx.bus.memory.poke32(thread + header::SIGNAL_STATE, 1);
    if !cx.state.queue_threads.is_empty() {
        crate::ke::queue::ended(cx, thread);
    }
    if !cx.state.waits.is_empty() {
        signal(cx, thread);
    }
    let own = pool::find_live(cx, thread).is_some_and(|block| block.allocated != 0);
    if own && crate::ob::object::is_unheld(cx, thread) {
        pool::free(cx, thread);
    }
}

/// Makes a system thread and a handle to it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-pscreatesystemthread>
pub fn PsCreateSystemThread(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    _attributes: u64,
    _process: u64,
    _client: u64,
    routine: u64,
    argument: u64,
) -> Result<u32, Stop> {
    let thread = pool::allocate(cx, BlockKind::Object, false, kthread::SIZE, 0);
    let Some(thread) = thread else { return Err(Stop::Run) };
    reset(cx, thread);
    if cx.spawn(Start::Thread { routine, argument }, 0, thread).is_none() {
        return Err(Stop::Run);
    }
    let value = crate::ob::open_handle(cx, thread);
    cx.write64(handle, value)?;
    Ok(status::STATUS_SUCCESS)
}

/// The running thread ends itself.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psterminatesystemthread>
pub fn PsTerminateSystemThread(_cx: &mut Cx, _code: u32) -> Result<u32, Stop> {
    Err(Stop::Thread)
}

/// A system thread's whole life.
pub(crate) fn main(cx: &mut Cx, routine: u64, argument: u64) -> Result<(), Stop> {
    cx.moment();
    cx.call(Routine::Thread, routine, &[argument])?;
    Ok(())
}

/// The running thread.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kegetcurrentthread>
pub fn KeGetCurrentThread(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(cx.state.me().thread)
}

/// The same under its other name.
pub fn PsGetCurrentThread(cx: &mut Cx) -> Result<u64, Stop> {
    KeGetCurrentThread(cx)
}

fn identifier(context: usize) -> u64 {
    0x1000 + 4 * context as u64
}

/// Identifier of the running thread.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetcurrentthreadid>
pub fn PsGetCurrentThreadId(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(identifier(usize::from(cx.id())))
}

/// Identifier of a thread that has not ended.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetthreadid>
pub fn PsGetThreadId(cx: &mut Cx, thread: u64) -> Result<u64, Stop> {
    let mut live = cx.state.live();
    match live.find(|&context| thread != 0 && cx.state.contexts[context].thread == thread) {
        Some(context) => Ok(identifier(context)),
        None => cx.unsupported("PsGetThreadId of what is no thread that runs"),
    }
}

/// Base priority of all processes here.
const BASE_PRIORITY: i32 = 8;

/// What drivers may set of a thread.
pub(crate) fn settings<'a>(cx: &'a mut Cx, thread: u64) -> &'a mut ThreadSettings {
    let all = &mut cx.state.thread_settings;
    let index = all.iter().position(|known| known.thread == thread).unwrap_or_else(|| {
        all.push(ThreadSettings { thread, priority: BASE_PRIORITY, base: 0, affinity: 0 });
        all.len() - 1
    });
    &mut all[index]
}

/// A thread's priority.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryprioritythread>
pub fn KeQueryPriorityThread(cx: &mut Cx, thread: u64) -> Result<i32, Stop> {
    Ok(settings(cx, thread).priority)
}

/// Sets a thread's priority, and returns the old one: contexts run in every order here, so it is
/// only remembered.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesetprioritythread>
pub fn KeSetPriorityThread(cx: &mut Cx, thread: u64, priority: i32) -> Result<i32, Stop> {
    Ok(std::mem::replace(&mut settings(cx, thread).priority, priority))
}

/// Sets a thread's priority relative to its process, and returns by how much it was above before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-kesetbaseprioritythread>
pub fn KeSetBasePriorityThread(cx: &mut Cx, thread: u64, by: i32) -> Result<i32, Stop> {
    let settings = settings(cx, thread);
    settings.priority = BASE_PRIORITY.saturating_add(by);
    Ok(std::mem::replace(&mut settings.base, by))
}

/// The thread of an identifier, with a reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-pslookupthreadbythreadid>
pub fn PsLookupThreadByThreadId(cx: &mut Cx, id: u64, place: u64) -> Result<u32, Stop> {
    let mut live = cx.state.live();
    let Some(context) = live.find(|&context| id != 0 && id == identifier(context)) else {
        return Ok(status::STATUS_INVALID_PARAMETER);
    };
    let thread = cx.state.contexts[context].thread;
    if thread == 0 {
        return Ok(status::STATUS_INVALID_PARAMETER);
    }
    crate::ob::object::reference(cx, thread);
    cx.write64(place, thread)?;
    Ok(status::STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(PsCreateSystemThread, hands_over),
        service!(PsTerminateSystemThread),
        service!(KeGetCurrentThread, quiet),
        service!(PsGetCurrentThread, quiet),
        service!(PsGetCurrentThreadId, quiet),
        service!(PsGetThreadId, quiet),
        service!(PsLookupThreadByThreadId),
        service!(KeQueryPriorityThread, quiet),
        service!(KeSetPriorityThread, quiet),
        service!(KeSetBasePriorityThread, quiet),
    ]
}

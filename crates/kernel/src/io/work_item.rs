//! Work items: routines that run in a system worker thread at PASSIVE_LEVEL.

use crate::cx::{Cx, Stop};
use crate::event::{Event, Routine};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, Doing, Start};
use crate::world::World;
use memory::Access;
use nt::layout::{device_object, io_workitem, work_queue_item};

/// Where the bench keeps the device of an IO_WORKITEM, which is opaque to drivers.
const DEVICE: u64 = 0x18;

/// Makes a work item for a device.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocateworkitem>
pub fn IoAllocateWorkItem(cx: &mut Cx, device: u64) -> Result<u64, Stop> {
    cx.probe(device, device_object::SIZE, Access::Read)?;
    let tag = nt::pool::tag(*b"IoWi");
    let item = pool::allocate(cx, BlockKind::Pool, false, io_workitem::SIZE, tag);
    let Some(item) = item else { return Err(Stop::Run) };
    cx.bus.memory.fill(item, io_workitem::SIZE, 0);
    cx.bus.memory.poke64(item + DEVICE, device);
    Ok(item)
}

/// Frees a work item that is not queued.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iofreeworkitem>
pub fn IoFreeWorkItem(cx: &mut Cx, item: u64) -> Result<(), Stop> {
    let block = cx.state.block_at_or_below(item).copied();
    let block = block.filter(|block| item < block.address + block.bytes);
    cx.say(Event::Free { address: item, block, tag: 0 })?;
    pool::free(cx, item);
    Ok(())
}

/// Prepares a work item in memory of the driver's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioinitializeworkitem>
pub fn IoInitializeWorkItem(cx: &mut Cx, device: u64, item: u64) -> Result<(), Stop> {
    cx.probe(item, io_workitem::SIZE, Access::Write)?;
    cx.bus.memory.fill(item, io_workitem::SIZE, 0);
    cx.bus.memory.poke64(item + DEVICE, device);
    Ok(())
}

fn queued(world: &World, wanted: u64) -> bool {
    world.state.contexts.iter().any(|context| {
        matches!(context.start, Start::WorkItem { item, .. } if item == wanted)
            && !context.started
            && context.doing != Doing::Free
    })
}

/// Key of those who wait for work items of devices to end.
pub(crate) const DONE: u64 = 3;

/// Whether a work item that refers to a device is queued or runs.
pub(crate) fn of_devices(world: &World) -> bool {
    world.state.contexts.iter().any(|context| {
        matches!(context.start, Start::WorkItem { device, .. } if device != 0)
            && context.doing != Doing::Free
    })
}

fn queue(
    cx: &mut Cx,
    routine: u64,
    arguments: [u64; 2],
    device: u64,
    item: u64,
) -> Result<(), Stop> {
    if queued(cx, item) {
        return cx.unsupported("queueing a work item that is queued already");
    }
    if device != 0 {
        super::device::reference(cx, device, 1);
    }
    let thread = crate::ps::thread::object(cx);
    match cx.spawn(Start::WorkItem { routine, arguments, device, item }, 0, thread) {
        Some(_) => Ok(()),
        None => Err(Stop::Run),
    }
}

/// Queues a work item; the device lives until its routine has returned.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioqueueworkitem>
pub fn IoQueueWorkItem(
    cx: &mut Cx,
    item: u64,
    routine: u64,
    _queue: u32,
    context: u64,
) -> Result<(), Stop> {
    cx.probe(item, io_workitem::SIZE, Access::Write)?;
    let device = cx.bus.memory.peek64(item + DEVICE);
    queue(cx, routine, [device, context], device, item)
}

/// Queues a work item whose routine also gets the item: `Routine(device, context, item)`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioqueueworkitemex>
pub fn IoQueueWorkItemEx(
    cx: &mut Cx,
    item: u64,
    routine: u64,
    queue_type: u32,
    context: u64,
) -> Result<(), Stop> {
    IoQueueWorkItem(cx, item, routine, queue_type, context)
}

/// Queues a work item without a device: nothing keeps the driver loaded for it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exqueueworkitem>
pub fn ExQueueWorkItem(cx: &mut Cx, item: u64, _queue: u32) -> Result<(), Stop> {
    cx.probe(item, work_queue_item::SIZE, Access::Write)?;
    let routine = cx.bus.memory.peek64(item + work_queue_item::WORKER_ROUTINE);
    let parameter = cx.bus.memory.peek64(item + work_queue_item::PARAMETER);
    queue(cx, routine, [parameter, 0], 0, item)
}

/// Runs a work item: a context's whole life.
pub(crate) fn main(
    cx: &mut Cx,
    routine: u64,
    arguments: [u64; 2],
    device: u64,
    item: u64,
) -> Result<(), Stop> {
    cx.moment();
    cx.call(Routine::WorkItem, routine, &[arguments[0], arguments[1], item])?;
    if device != 0 {
        super::device::reference(cx, device, -1);
        cx.state.me().start = Start::WorkItem { routine, arguments, device: 0, item: 0 };
        crate::ke::dpc::wake_key(cx, DONE);
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoAllocateWorkItem, quiet),
        service!(IoFreeWorkItem),
        service!(IoInitializeWorkItem, quiet),
        service!(IoQueueWorkItem, hands_over),
        service!(IoQueueWorkItemEx, hands_over),
        service!(ExQueueWorkItem, hands_over),
    ]
}

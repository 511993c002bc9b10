//! Deferred procedure calls. One instance of a KDPC is queued at a time; it leaves the queue just
//! before its routine runs, so a request made meanwhile gives another run, possibly at once on
//! another processor.

use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::service;
use crate::service::Service;
use crate::state::{Doing, Start};
use crate::world::World;
use memory::Access;
use nt::layout::kdpc;

/// KOBJECTS: DpcObject.
const DPC_OBJECT: u8 = 19;

/// Initialises a DPC.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializedpc>
pub fn KeInitializeDpc(cx: &mut Cx, dpc: u64, routine: u64, context: u64) -> Result<(), Stop> {
    // Type, importance (medium), processor number.
    cx.write32(dpc, u32::from(DPC_OBJECT) | 1 << 8)?;
    cx.write64(dpc + kdpc::DEFERRED_ROUTINE, routine)?;
    cx.write64(dpc + kdpc::DEFERRED_CONTEXT, context)?;
    cx.write64(dpc + kdpc::DPC_DATA, 0)
}

/// Queues a DPC for any processor; false when it is queued already.
pub(crate) fn queue(world: &mut World, dpc: u64, arguments: [u64; 2]) -> bool {
    if world.bus.memory.peek64(dpc + kdpc::DPC_DATA) != 0 {
        return false;
    }
    world.bus.memory.poke64(dpc + kdpc::DPC_DATA, crate::map::KERNEL_DATA);
    world.bus.memory.poke64(dpc + kdpc::SYSTEM_ARGUMENT1, arguments[0]);
    world.bus.memory.poke64(dpc + kdpc::SYSTEM_ARGUMENT2, arguments[1]);
    world.spawn(Start::Dpc(dpc), 2, 0);
    true
}

/// Queues a DPC.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinsertqueuedpc>
pub fn KeInsertQueueDpc(cx: &mut Cx, dpc: u64, one: u64, two: u64) -> Result<bool, Stop> {
    cx.probe(dpc, kdpc::SIZE, Access::Write)?;
    Ok(queue(cx, dpc, [one, two]))
}

/// Takes a DPC out of the queue.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keremovequeuedpc>
pub fn KeRemoveQueueDpc(cx: &mut Cx, dpc: u64) -> Result<bool, Stop> {
    cx.probe(dpc, kdpc::SIZE, Access::Write)?;
    let Some(context) = queued(cx, dpc) else { return Ok(false) };
    cx.bus.memory.poke64(dpc + kdpc::DPC_DATA, 0);
    cx.finish(context);
    Ok(true)
}

fn queued(world: &World, dpc: u64) -> Option<u8> {
    let index = world.state.contexts.iter().position(|context| {
        context.start == Start::Dpc(dpc) && !context.started && context.doing != Doing::Free
    })?;
    Some(index as u8)
}

/// Waits until every DPC that is queued has run.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keflushqueueddpcs>
pub fn KeFlushQueuedDpcs(cx: &mut Cx) -> Result<(), Stop> {
    loop {
        let busy = cx
            .state
            .contexts
            .iter()
            .any(|c| matches!(c.start, Start::Dpc(_)) && c.doing != Doing::Free);
        if !busy {
            return Ok(());
        }
        cx.block(Doing::ForKey(FLUSH))?;
    }
}

/// Key of those who wait in [`KeFlushQueuedDpcs`].
pub(crate) const FLUSH: u64 = 1;

/// Which processor a DPC prefers: any may run it here, so nothing to do.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesettargetprocessordpc>
pub fn KeSetTargetProcessorDpc(cx: &mut Cx, dpc: u64, _number: u8) -> Result<(), Stop> {
    cx.probe(dpc, kdpc::SIZE, Access::Write)
}

/// The same by group and number.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesettargetprocessordpcex>
pub fn KeSetTargetProcessorDpcEx(cx: &mut Cx, dpc: u64, number: u64) -> Result<u32, Stop> {
    cx.probe(dpc, kdpc::SIZE, Access::Write)?;
    // PROCESSOR_NUMBER: group, number.
    let (group, number) = (cx.read16(number)?, cx.read8(number + 2)?);
    let known = group == 0 && number < cx.processors;
    Ok(if known { nt::status::STATUS_SUCCESS } else { nt::status::STATUS_INVALID_PARAMETER })
}

/// How urgent a DPC is: any order is tried here, so nothing to do.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesetimportancedpc>
pub fn KeSetImportanceDpc(cx: &mut Cx, dpc: u64, _importance: u32) -> Result<(), Stop> {
    cx.probe(dpc, kdpc::SIZE, Access::Write)
}

/// Runs a DPC: a context's whole life.
pub(crate) fn main(cx: &mut Cx, dpc: u64) -> Result<(), Stop> {
    cx.moment();
    cx.probe(dpc, kdpc::SIZE, Access::Write)?;
    let memory = &mut cx.bus.memory;
    let routine = memory.peek64(dpc + kdpc::DEFERRED_ROUTINE);
    let context = memory.peek64(dpc + kdpc::DEFERRED_CONTEXT);
    let one = memory.peek64(dpc + kdpc::SYSTEM_ARGUMENT1);
    let two = memory.peek64(dpc + kdpc::SYSTEM_ARGUMENT2);
    memory.poke64(dpc + kdpc::DPC_DATA, 0);
    cx.call(Routine::Dpc, routine, &[dpc, context, one, two])?;
    Ok(())
}

/// Makes ready everybody who waits for this key.
pub(crate) fn wake_key(world: &mut World, key: u64) {
    world.state.wake_all(Doing::ForKey(key));
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeDpc, quiet),
        service!(KeInsertQueueDpc, hands_over),
        service!(KeRemoveQueueDpc),
        service!(KeFlushQueuedDpcs),
        service!(KeSetTargetProcessorDpc, quiet),
        service!(KeSetTargetProcessorDpcEx, quiet),
        service!(KeSetImportanceDpc, quiet),
    ]
}

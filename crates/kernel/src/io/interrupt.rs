//! Interrupts of the bench's device: its line, which others may share, and its messages.

use crate::cx::{Cx, Stop};
use crate::device::{CARD_IRQL, CARD_VECTOR};
use crate::event::{Event, Routine};
use crate::ex::pool;
use crate::ke::spin_lock::{acquire, release};
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, Doing, Interrupt, Start};
use crate::world::World;
use memory::Access;
use nt::layout::io_connect_interrupt_parameters as parameters;
use nt::layout::io_interrupt_message_info as table;
use nt::layout::io_interrupt_message_info_entry as entry;
use nt::status;

/// IO_CONNECT_INTERRUPT_PARAMETERS.Version (wdm.h).
pub mod version {
    /// CONNECT_FULLY_SPECIFIED
    pub const FULLY_SPECIFIED: u32 = 1;
    /// CONNECT_LINE_BASED
    pub const LINE_BASED: u32 = 2;
    /// CONNECT_MESSAGE_BASED
    pub const MESSAGE_BASED: u32 = 3;
    /// CONNECT_FULLY_SPECIFIED_GROUP
    pub const FULLY_SPECIFIED_GROUP: u32 = 4;
}

/// Key of those who wait for service routines to end.
pub(crate) const DONE: u64 = 4;

/// Bytes of the object that stands for a KINTERRUPT, which is opaque.
const OBJECT_BYTES: u64 = 0x100;
/// Where its own spin lock lies in it.
const OWN_LOCK: u64 = 0x40;

/// The message of the device that connections for any interrupt get: the first one that waits.
fn next(world: &World) -> Option<u8> {
    let wants = world.bus.card.wants();
    (0..32u8).find(|&message| wants >> message & 1 != 0 && listens(world, message))
}

/// Whether somebody is connected to a message, or to the line.
fn listens(world: &World, message: u8) -> bool {
    world.state.interrupts.iter().any(|interrupt| hears(world, interrupt, message))
}

/// A device with a line is heard by all who are connected.
fn hears(world: &World, interrupt: &Interrupt, message: u8) -> bool {
    world.bus.card.messages() == 0 || interrupt.vector == CARD_VECTOR + u32::from(message)
}

/// The device interrupts: that waits for a processor, if anybody is connected.
pub(crate) fn raise(world: &mut World) {
    let Some(message) = next(world) else { return };
    let first = world.state.interrupts.iter().find(|i| hears(world, i, message));
    let Some(first) = first.map(|interrupt| interrupt.object) else { return };
    let waiting = world.state.contexts.iter().any(|context| {
        matches!(context.start, Start::Interrupt(_)) && context.doing != Doing::Free
    });
    if !waiting {
        world.spawn(Start::Interrupt(first), CARD_IRQL, 0);
    }
}

/// So many times in a row nobody claims an interrupt, and nobody else runs: then that goes on for ever.
const STORM: u32 = 1_000;

/// Delivers an interrupt: a context's whole life. Service routines are called in the order in
/// which they were connected until one says it was its device.
pub(crate) fn main(cx: &mut Cx, _first: u64) -> Result<(), Stop> {
    cx.moment();
    let Some(number) = next(cx).filter(|_| cx.bus.card.wants() != 0) else { return Ok(()) };
    let shared = cx.bus.card.shared_line_asserted();
    if !shared || cx.bus.card.own_interrupt().0 {
        cx.bus.card.deliver(number);
    }
    if cx.recorder.is_some() {
        match cx.bus.card.messages() {
            _ if shared => cx.note("another device on the same line interrupts"),
            0 => cx.note("the device interrupts"),
            _ => cx.note(&format!("the device signals message {number}")),
        }
    }
    let mut index = 0;
    let mut asked = 0;
    while let Some(interrupt) = cx.state.interrupts.get(index).copied() {
        index += 1;
        if !hears(cx, &interrupt, number) {
            continue;
        }
        acquire(cx, interrupt.lock, interrupt.irql, true)?;
        let message = u64::from(interrupt.message.unwrap_or(0));
        let args = [interrupt.object, interrupt.context, message];
        let count = if interrupt.message.is_some() { 3 } else { 2 };
        let (asserted, before) = cx.bus.card.own_interrupt();
        let claimed = cx.call(Routine::Interrupt, interrupt.routine, &args[..count])? as u8;
        release(cx, interrupt.lock, None)?;
        asked = interrupt.routine;
        if claimed != 0 {
            cx.state.unclaimed = 0;
            let own = !shared || asserted || cx.bus.card.own_interrupt().1 != before;
            cx.say(Event::Claimed { function: interrupt.routine, own })?;
            return Ok(());
        }
    }
    if shared {
        // The other device's driver was connected later; its routine is called last.
        cx.note("the other device's driver serves it");
        cx.bus.card.release_shared_line();
        return Ok(());
    }
    cx.state.unclaimed += 1;
    if cx.state.unclaimed == STORM && cx.bus.card.wants() != 0 {
        cx.moment();
        cx.say(Event::NoProgress { rip: asked, deliveries: STORM })?;
        return cx.limit("an interrupt comes again and again");
    }
    Ok(())
}

/// Another device on the line interrupts, where the device has a line.
pub fn interrupt_shared_line(cx: &mut Cx) -> Result<(), Stop> {
    cx.moment();
    cx.point()?;
    if cx.bus.card.assert_shared_line() && next(cx).is_none() {
        // Nobody but that device's driver is connected.
        cx.bus.card.release_shared_line();
    }
    Ok(())
}

/// Whether the device's resources name this vector.
fn is_vector(cx: &Cx, vector: u32) -> bool {
    let count = u32::from(cx.bus.card.messages().max(1));
    (CARD_VECTOR..CARD_VECTOR + count).contains(&vector)
}

struct Connection {
    routine: u64,
    context: u64,
    lock: u64,
    irql: u8,
    vector: u32,
    message: Option<u32>,
}

fn connect(cx: &mut Cx, connection: &Connection) -> Result<u64, Stop> {
    let object = pool::allocate(cx, BlockKind::Object, false, OBJECT_BYTES, 0);
    let Some(object) = object else { return Err(Stop::Run) };
    cx.bus.memory.fill(object, OBJECT_BYTES, 0);
    let lock = if connection.lock != 0 { connection.lock } else { object + OWN_LOCK };
    let site = cx.state.moment;
    cx.state.interrupts.push(Interrupt {
        object,
        routine: connection.routine,
        context: connection.context,
        message: connection.message,
        irql: connection.irql,
        lock,
        vector: connection.vector,
        site,
    });
    Ok(object)
}

/// Connects an interrupt service routine.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioconnectinterrupt>
pub fn IoConnectInterrupt(
    cx: &mut Cx,
    result: u64,
    routine: u64,
    context: u64,
    lock: u64,
    vector: u32,
    irql: u8,
    _synchronize: u8,
    _mode: u32,
    _share: bool,
    _affinity: u64,
    _float: bool,
) -> Result<u32, Stop> {
    cx.probe(result, 8, Access::Write)?;
    if !is_vector(cx, vector) {
        return Ok(status::STATUS_INVALID_PARAMETER);
    }
    let connection = Connection { routine, context, lock, irql, vector, message: None };
    let object = connect(cx, &connection)?;
    cx.write64(result, object)?;
    Ok(status::STATUS_SUCCESS)
}

/// Disconnects an interrupt service routine.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodisconnectinterrupt>
pub fn IoDisconnectInterrupt(cx: &mut Cx, object: u64) -> Result<(), Stop> {
    cx.probe(object, OBJECT_BYTES, Access::Write)?;
    cx.state.interrupts.retain(|interrupt| interrupt.object != object);
    // When this returns the service routine runs nowhere any more.
    while cx.state.live().any(|context| {
        let context = &cx.state.contexts[context];
        context.started && matches!(context.start, Start::Interrupt(_))
    }) {
        cx.block(Doing::ForKey(DONE))?;
    }
    pool::free(cx, object);
    Ok(())
}

/// Connects a routine to every message of the device; the table of messages.
fn connect_messages(cx: &mut Cx, routine: u64, context: u64, lock: u64) -> Result<u64, Stop> {
    let count = cx.bus.card.messages().max(1);
    let bytes = table::MESSAGE_INFO + entry::SIZE * u64::from(count) + 0x10;
    let info = pool::allocate(cx, BlockKind::Object, false, bytes, 0);
    let Some(info) = info else { return Err(Stop::Run) };
    cx.bus.memory.fill(info, bytes, 0);
    cx.bus.memory.poke8(info + table::UNIFIED_IRQL, CARD_IRQL);
    cx.bus.memory.poke32(info + table::MESSAGE_COUNT, u32::from(count));
    for message in 0..u32::from(count) {
        let vector = CARD_VECTOR + message;
        let message = Some(message);
        let connection = Connection { routine, context, lock, vector, irql: CARD_IRQL, message };
        let object = connect(cx, &connection)?;
        let at = info + table::MESSAGE_INFO + entry::SIZE * u64::from(vector - CARD_VECTOR);
        cx.bus.memory.poke64(at + entry::INTERRUPT_OBJECT, object);
        cx.bus.memory.poke32(at + entry::VECTOR, vector);
        cx.bus.memory.poke8(at + entry::IRQL, CARD_IRQL);
        // Latched: messages are edges.
        cx.bus.memory.poke32(at + entry::MODE, 1);
    }
    Ok(info)
}

/// The device has no messages: the routine for that case is connected to its line, if there is one.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/using-the-connect-message-based-version-of-ioconnectinterruptex>
fn fall_back(cx: &mut Cx, at: u64, result: u64, context: u64, lock: u64) -> Result<u32, Stop> {
    let routine = cx.read64(at + parameters::MESSAGE_BASED_FALL_BACK_SERVICE_ROUTINE)?;
    if routine == 0 {
        return Ok(status::STATUS_NOT_FOUND);
    }
    let (vector, irql, message) = (CARD_VECTOR, CARD_IRQL, None);
    let object = connect(cx, &Connection { routine, context, lock, irql, vector, message })?;
    cx.write64(result, object)?;
    cx.write32(at + parameters::VERSION, version::LINE_BASED)?;
    Ok(status::STATUS_SUCCESS)
}

/// Connects an interrupt service routine by line, by message, or fully specified.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioconnectinterruptex>
pub fn IoConnectInterruptEx(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    let kind = cx.read32(at + parameters::VERSION)?;
    match kind {
        version::FULLY_SPECIFIED | version::FULLY_SPECIFIED_GROUP => {
            let result = cx.read64(at + parameters::FULLY_SPECIFIED_INTERRUPT_OBJECT)?;
            cx.say(Event::ConnectInterrupt { version: kind, context: result })?;
            let connection = Connection {
                routine: cx.read64(at + parameters::FULLY_SPECIFIED_SERVICE_ROUTINE)?,
                context: cx.read64(at + parameters::FULLY_SPECIFIED_SERVICE_CONTEXT)?,
                lock: cx.read64(at + parameters::FULLY_SPECIFIED_SPIN_LOCK)?,
                vector: cx.read32(at + parameters::FULLY_SPECIFIED_VECTOR)?,
                irql: cx.read8(at + parameters::FULLY_SPECIFIED_IRQL)?,
                message: None,
            };
            if !is_vector(cx, connection.vector) {
                return Ok(status::STATUS_INVALID_PARAMETER);
            }
            let object = connect(cx, &connection)?;
            cx.write64(result, object)?;
        }
        version::LINE_BASED => {
            let result = cx.read64(at + parameters::LINE_BASED_INTERRUPT_OBJECT)?;
            cx.say(Event::ConnectInterrupt { version: kind, context: result })?;
            let connection = Connection {
                routine: cx.read64(at + parameters::LINE_BASED_SERVICE_ROUTINE)?,
                context: cx.read64(at + parameters::LINE_BASED_SERVICE_CONTEXT)?,
                lock: cx.read64(at + parameters::LINE_BASED_SPIN_LOCK)?,
                vector: CARD_VECTOR,
                irql: CARD_IRQL,
                message: None,
            };
            let object = connect(cx, &connection)?;
            cx.write64(result, object)?;
        }
        version::MESSAGE_BASED => {
            let result = cx.read64(at + parameters::MESSAGE_BASED_CONNECTION_CONTEXT)?;
            cx.say(Event::ConnectInterrupt { version: kind, context: result })?;
            let context = cx.read64(at + parameters::MESSAGE_BASED_SERVICE_CONTEXT)?;
            let lock = cx.read64(at + parameters::MESSAGE_BASED_SPIN_LOCK)?;
            if cx.bus.card.messages() == 0 {
                return fall_back(cx, at, result, context, lock);
            }
            let routine = cx.read64(at + parameters::MESSAGE_BASED_MESSAGE_SERVICE_ROUTINE)?;
            let info = connect_messages(cx, routine, context, lock)?;
            cx.write64(result, info)?;
        }
        other => {
            return cx.unsupported(format!(
                "IoConnectInterruptEx with Version {other}: 1, 2, 3 and 4 are known here"
            ));
        }
    }
    Ok(status::STATUS_SUCCESS)
}

/// Disconnects what `IoConnectInterruptEx` connected.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodisconnectinterruptex>
pub fn IoDisconnectInterruptEx(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    let kind = cx.read32(at)?;
    let context = cx.read64(at + 8)?;
    if kind != version::MESSAGE_BASED {
        return IoDisconnectInterrupt(cx, context);
    }
    let count = cx.read32(context + table::MESSAGE_COUNT)?;
    for message in 0..u64::from(count) {
        let at = context + table::MESSAGE_INFO + entry::SIZE * message;
        let object = cx.read64(at + entry::INTERRUPT_OBJECT)?;
        IoDisconnectInterrupt(cx, object)?;
    }
    pool::free(cx, context);
    Ok(())
}

/// Runs a routine with the interrupt's lock held at its IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesynchronizeexecution>
pub fn KeSynchronizeExecution(
    cx: &mut Cx,
    object: u64,
    routine: u64,
    context: u64,
) -> Result<u64, Stop> {
    let Some(interrupt) = find(cx, object)? else {
        return cx.unsupported("KeSynchronizeExecution on an interrupt that is not connected");
    };
    let old = acquire(cx, interrupt.lock, interrupt.irql, true)?;
    let value = cx.call(Routine::Callback, routine, &[context])?;
    release(cx, interrupt.lock, Some(old))?;
    Ok(value)
}

fn find(cx: &mut Cx, object: u64) -> Result<Option<Interrupt>, Stop> {
    cx.probe(object, OBJECT_BYTES, Access::Write)?;
    Ok(cx.state.interrupts.iter().find(|interrupt| interrupt.object == object).copied())
}

/// Takes an interrupt's lock at its IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquireinterruptspinlock>
pub fn KeAcquireInterruptSpinLock(cx: &mut Cx, object: u64) -> Result<u8, Stop> {
    let Some(interrupt) = find(cx, object)? else {
        return cx.unsupported("KeAcquireInterruptSpinLock on an interrupt that is not connected");
    };
    acquire(cx, interrupt.lock, interrupt.irql, true)
}

/// Gives an interrupt's lock back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleaseinterruptspinlock>
pub fn KeReleaseInterruptSpinLock(cx: &mut Cx, object: u64, irql: u8) -> Result<(), Stop> {
    let Some(interrupt) = find(cx, object)? else {
        return cx.unsupported("KeReleaseInterruptSpinLock on an interrupt that is not connected");
    };
    release(cx, interrupt.lock, Some(irql))
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoConnectInterrupt),
        service!(IoDisconnectInterrupt),
        service!(IoConnectInterruptEx),
        service!(IoDisconnectInterruptEx),
        service!(KeSynchronizeExecution, hands_over),
        service!(KeAcquireInterruptSpinLock),
        service!(KeReleaseInterruptSpinLock, hands_over),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::CARD_IRQL;
    use crate::rtl::test_machine::{CODE, block, outcome};
    use crate::world::Outcome;
    use devices::Fault;

    /// A line that is asserted so many times, and a service routine that never says it was its device.
    fn asserted(times: u32) -> Option<Outcome> {
        outcome(move |cx| {
            cx.bus.memory.poke(CODE, b"\x31\xc0\xc3"); // return FALSE
            let (object, lock, site) = (block(cx, 0x100), block(cx, 8), cx.moment());
            cx.state.interrupts.push(Interrupt {
                object,
                routine: CODE,
                context: 0,
                message: None,
                irql: CARD_IRQL,
                lock,
                vector: CARD_VECTOR,
                site,
            });
            cx.bus.card.fault(Fault::Storm(times));
            cx.point()
        })
    }

    #[test]
    fn an_interrupt_that_nobody_claims_ends_the_run_if_it_does_not_end_itself() {
        assert_eq!(asserted(STORM), None);
        assert!(matches!(asserted(STORM + 1), Some(Outcome::Limit { .. })));
    }
}

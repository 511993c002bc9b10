//! Interrupts of the bench's device.

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

/// The device asserts its line: an interrupt waits for a processor, if anybody is connected.
pub(crate) fn raise(world: &mut World) {
    let Some(first) = world.state.interrupts.first().map(|interrupt| interrupt.object) else {
        return;
    };
    let waiting = world.state.contexts.iter().any(|context| {
        matches!(context.start, Start::Interrupt(_)) && context.doing != Doing::Free
    });
    if !waiting {
        world.spawn(Start::Interrupt(first), CARD_IRQL, 0);
    }
}

/// Delivers an interrupt: a context's whole life. Service routines are called in the order in
/// which they were connected until one says it was its device.
pub(crate) fn main(cx: &mut Cx, _first: u64) -> Result<(), Stop> {
    cx.moment();
    if !cx.bus.card.may_interrupt() {
        return Ok(());
    }
    cx.bus.card.finish_operation();
    if cx.recorder.is_some() {
        cx.note("the device interrupts");
    }
    let mut index = 0;
    while let Some(interrupt) = cx.state.interrupts.get(index).copied() {
        index += 1;
        acquire(cx, interrupt.lock, interrupt.irql, true)?;
        let message = u64::from(interrupt.message.unwrap_or(0));
        let args = [interrupt.object, interrupt.context, message];
        let count = if interrupt.message.is_some() { 3 } else { 2 };
        let claimed = cx.call(Routine::Interrupt, interrupt.routine, &args[..count])? as u8;
        release(cx, interrupt.lock, None)?;
        if claimed != 0 {
            break;
        }
    }
    Ok(())
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
    if vector != CARD_VECTOR {
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
            if connection.vector != CARD_VECTOR {
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
            let connection = Connection {
                routine: cx.read64(at + parameters::MESSAGE_BASED_MESSAGE_SERVICE_ROUTINE)?,
                context: cx.read64(at + parameters::MESSAGE_BASED_SERVICE_CONTEXT)?,
                lock: cx.read64(at + parameters::MESSAGE_BASED_SPIN_LOCK)?,
                vector: CARD_VECTOR,
                irql: CARD_IRQL,
                message: Some(0),
            };
            let object = connect(cx, &connection)?;
            let bytes = table::SIZE + 0x40;
            let info = pool::allocate(cx, BlockKind::Object, false, bytes, 0);
            let Some(info) = info else { return Err(Stop::Run) };
            cx.bus.memory.fill(info, bytes, 0);
            cx.bus.memory.poke8(info + table::UNIFIED_IRQL, CARD_IRQL);
            cx.bus.memory.poke32(info + table::MESSAGE_COUNT, 1);
            let entry = info + table::MESSAGE_INFO;
            cx.bus.memory.poke64(
                entry + nt::layout::io_interrupt_message_info_entry::INTERRUPT_OBJECT,
                object,
            );
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
    let object = if kind == version::MESSAGE_BASED {
        cx.read64(
            context
                + table::MESSAGE_INFO
                + nt::layout::io_interrupt_message_info_entry::INTERRUPT_OBJECT,
        )?
    } else {
        context
    };
    IoDisconnectInterrupt(cx, object)?;
    if kind == version::MESSAGE_BASED {
        pool::free(cx, context);
    }
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

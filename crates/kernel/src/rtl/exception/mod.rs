//! Structured exceptions, as on x64 Windows: by the function tables of the images.
//!
//! | file | holds |
//! | --- | --- |
//! | `tables` | the function table of an image |
//! | `frames` | the walk from frame to frame |
//! | `record` | what handlers are shown: EXCEPTION_RECORD, CONTEXT, DISPATCHER_CONTEXT |
//! | `dispatch` | the search for a handler, and the unwinding to it |
//! | `scopes` | `__C_specific_handler`: filters, `__except` and `__finally` |
//! | `raise`, `unwinding` | the services |
//!
//! What a driver may survive: an exception that a service raises, one of the processor's - a division
//! by zero, an invalid instruction -, and an access violation of its own at an address of the user
//! half, below DISPATCH_LEVEL. A bad address of the kernel's half, or a
//! page fault at raised IRQL, is a bug check whatever stands around it.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-exceptions>

mod dispatch;
mod frames;
mod raise;
mod record;
mod scopes;
mod tables;
#[cfg(test)]
mod tests;
mod unwinding;

pub(crate) use raise::raise;
pub(crate) use tables::Tables;

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service::Service;
use dispatch::Target;
use frames::Nested;
use memory::{Access, Fault, TRACKED, USER};
use nt::status::{
    STATUS_ACCESS_VIOLATION, STATUS_ILLEGAL_INSTRUCTION, STATUS_INTEGER_DIVIDE_BY_ZERO,
};
use record::Exception;

/// Exceptions that a context is about to handle.
#[derive(Default)]
pub(crate) struct Exceptions {
    /// How many are being offered to handlers, one inside the other.
    dispatches: u32,
    /// Where the unwind leads that a handler asked for.
    target: Option<Target>,
    /// Calls of driver code by services that driver code called, oldest first: all calls that are
    /// under way but the outermost.
    nested: Vec<Nested>,
    /// What is called next is a filter, a termination handler or a language handler: instruction and
    /// stack pointer of who waits for it, where those are not the present ones.
    handling: Option<Option<(u64, u64)>>,
    /// Depth of the routine that goes on.
    home: u8,
    /// An unwind has come to its end.
    ended: bool,
}

impl Exceptions {
    /// A driver routine is called at this nesting: with its return address at `slot`, from where
    /// `rip` and `rsp` are.
    #[inline]
    pub(crate) fn enter(&mut self, depth: u8, slot: u64, rip: u64, rsp: u64) {
        if depth > 0 {
            let handling = self.handling.take();
            let (rip, rsp) = handling.flatten().unwrap_or((rip, rsp));
            self.nested.push(Nested { slot, rip, rsp, handler: handling.is_some() });
        }
    }

    /// It is over.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.nested.pop();
    }

    /// Of a context that begins, with room that another one had.
    pub(crate) fn in_room(room: Room) -> Exceptions {
        Exceptions { nested: room.0, ..Exceptions::default() }
    }

    /// The context is over: what the next one may use.
    pub(crate) fn room(&mut self) -> Room {
        let mut nested = std::mem::take(&mut self.nested);
        nested.clear();
        Room(nested)
    }
}

/// Room for calls that are under way. Contexts come and go many times in a run.
#[derive(Default)]
pub(crate) struct Room(Vec<Nested>);

/// Whether the innermost routine is the one that goes on after an exception.
pub(crate) fn is_home(cx: &mut Cx) -> bool {
    cx.state.me().depth == cx.exceptions.home
}

/// Tells that the driver goes on, after an unwind.
pub(crate) fn goes_on(cx: &mut Cx) {
    if std::mem::take(&mut cx.exceptions.ended) {
        cx.moment();
        let rip = cx.cpu().rip;
        let place = cx.describe_address(rip);
        cx.note(&format!("the driver goes on at {place}"));
    }
}

/// Offers a refused access to the driver's handlers, if Windows would. `Ok` where it stays a fault,
/// `Err(Stop::Resumed)` where a handler took it.
pub(crate) fn access_violation(
    cx: &mut Cx,
    fault: &Fault,
    by: Option<&'static str>,
) -> Result<(), Stop> {
    if cx.irql() >= nt::irql::DISPATCH_LEVEL
        || fault.address >= map::USER_END
        || by.is_some_and(raises_irql)
    {
        return Ok(());
    }
    // The present process may have anything there; what is sure is that it is not what was meant.
    if cx.is_ended(fault.address) {
        return Ok(());
    }
    // Where the application has memory, Windows would let the access pass: that it is made without
    // probing, or from another process, is for the rules to say.
    let bytes = u64::from(fault.bytes).max(1);
    let allow = USER | TRACKED;
    if cx.bus.memory.check_allowing(fault.address, bytes, fault.access, allow).is_ok() {
        return Ok(());
    }
    let place = frames::place(cx);
    let operation = match fault.access {
        Access::Read => 0,
        Access::Write => 1,
        Access::Execute => 8,
    };
    let exception = Exception {
        code: STATUS_ACCESS_VIOLATION,
        address: cx.cpu().rip,
        parameters: vec![operation, fault.address],
        ..Exception::default()
    };
    if cx.recorder.is_some() {
        cx.note(&format!("exception STATUS_ACCESS_VIOLATION at address {:#x}", fault.address));
    }
    dispatch::dispatch(cx, place, &exception, None)
}

/// Offers an exception of the processor's to the driver's handlers, at any IRQL: a division that
/// cannot be done, an invalid instruction, a general protection fault. `Ok` where none takes it.
/// Windows may call a quotient that does not fit an overflow; here it is told as a division by zero.
pub(crate) fn of_processor(cx: &mut Cx, vector: u8) -> Result<(), Stop> {
    let (code, parameters) = match vector {
        0 => (STATUS_INTEGER_DIVIDE_BY_ZERO, vec![]),
        6 => (STATUS_ILLEGAL_INSTRUCTION, vec![]),
        13 => (STATUS_ACCESS_VIOLATION, vec![0, u64::MAX]),
        _ => return Ok(()),
    };
    let place = frames::place(cx);
    let address = cx.cpu().rip;
    let exception = Exception { code, address, parameters, ..Exception::default() };
    if cx.recorder.is_some() {
        cx.note(&format!("exception {}", nt::status::text(code)));
    }
    dispatch::dispatch(cx, place, &exception, None)
}

/// Services of these families touch the objects that they are given at DISPATCH_LEVEL, under a lock
/// of the kernel's: a bad address there is a bug check.
fn raises_irql(service: &str) -> bool {
    ["Ke", "Kf", "Io", "Ex"].iter().any(|family| service.starts_with(family))
}

pub(crate) fn services() -> Vec<Service> {
    [raise::services(), scopes::services(), unwinding::services()].into_iter().flatten().collect()
}

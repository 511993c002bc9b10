//! Exceptions that services raise, for the driver or on its order.

use super::dispatch::dispatch;
use super::frames;
use super::record::{self, Exception, MOST_PARAMETERS, flags};
use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::service;
use crate::service::Service;
use nt::layout::exception_record as layout;
use nt::status::{STATUS_ACCESS_VIOLATION, STATUS_DATATYPE_MISALIGNMENT};

/// Raises an exception at the call of the service under way. `why` tells what is wrong, for the
/// record. Does not return: either a handler of the driver takes it ([`Stop::Resumed`]), or the run
/// ends.
pub(crate) fn raise<T>(cx: &mut Cx, status: u32, why: &str) -> Result<T, Stop> {
    let place = frames::place(cx);
    let address = place.at.rip;
    let exception =
        Exception { code: status, flags: flags::NONCONTINUABLE, address, ..Exception::default() };
    cx.moment();
    cx.note(&format!("exception {}: {why}", nt::status::text(status)));
    dispatch(cx, place, &exception, None)?;
    unhandled(cx, status, address, why)
}

fn unhandled<T>(cx: &mut Cx, status: u32, address: u64, why: &str) -> Result<T, Stop> {
    cx.moment();
    cx.say(Event::Unhandled { status, address })?;
    let place = cx.describe_address(address);
    cx.unsupported(format!("the exception {} raised at {place}: {why}", nt::status::text(status)))
}

/// Raises an exception.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exraisestatus>
pub fn ExRaiseStatus(cx: &mut Cx, status: u32) -> Result<(), Stop> {
    raise(cx, status, "raised by the driver")
}

/// Raises STATUS_ACCESS_VIOLATION.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-exraiseaccessviolation>
pub fn ExRaiseAccessViolation(cx: &mut Cx) -> Result<(), Stop> {
    ExRaiseStatus(cx, STATUS_ACCESS_VIOLATION)
}

/// Raises STATUS_DATATYPE_MISALIGNMENT.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-exraisedatatypemisalignment>
pub fn ExRaiseDatatypeMisalignment(cx: &mut Cx) -> Result<(), Stop> {
    ExRaiseStatus(cx, STATUS_DATATYPE_MISALIGNMENT)
}

/// Raises an exception; the same as `ExRaiseStatus`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exraisestatus>
pub fn RtlRaiseStatus(cx: &mut Cx, status: u32) -> Result<(), Stop> {
    raise(cx, status, "raised by the driver")
}

/// Raises the exception that a record describes. The address in the record becomes that of the call,
/// and if a filter wants to go on, the call returns.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlraiseexception>
pub fn RtlRaiseException(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, layout::SIZE, memory::Access::Write)?;
    let caller = record::caller(cx);
    let memory = &mut cx.bus.memory;
    let count = memory.peek32(at + layout::NUMBER_PARAMETERS) as usize;
    memory.poke64(at + layout::EXCEPTION_ADDRESS, caller.rip);
    let exception = Exception {
        code: memory.peek32(at + layout::EXCEPTION_CODE),
        flags: memory.peek32(at + layout::EXCEPTION_FLAGS),
        cause: memory.peek64(at + layout::EXCEPTION_RECORD),
        address: caller.rip,
        parameters: (0..count.min(MOST_PARAMETERS) as u64)
            .map(|number| memory.peek64(at + layout::EXCEPTION_INFORMATION + 8 * number))
            .collect(),
    };
    cx.note(&format!("exception {}: raised by the driver", nt::status::text(exception.code)));
    let place = frames::place(cx);
    dispatch(cx, place, &exception, Some(at))?;
    unhandled(cx, exception.code, exception.address, "raised by the driver")
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExRaiseStatus, quiet),
        service!(ExRaiseAccessViolation, quiet),
        service!(ExRaiseDatatypeMisalignment, quiet),
        service!(RtlRaiseStatus, quiet),
        service!(RtlRaiseException, quiet),
    ]
}

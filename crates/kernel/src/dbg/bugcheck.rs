//! Bug checks that the driver itself calls for, and callbacks for bug checks.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::service;
use crate::service::Service;

/// Ends the run as a bug check does.
pub(crate) fn stop<T>(cx: &mut Cx, code: u32, parameters: [u64; 4]) -> Result<T, Stop> {
    let name = nt::bugcheck::name(code).unwrap_or("unknown");
    cx.note(&format!("bug check {code:#x} {name} {parameters:x?}"));
    cx.say(Event::BugCheck { code, parameters })?;
    cx.limit(format!("bug check {code:#x} ({name})"))
}

/// Brings the system down.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-kebugcheck>
pub fn KeBugCheck(cx: &mut Cx, code: u32) -> Result<(), Stop> {
    stop(cx, code, [0; 4])
}

/// Brings the system down with four parameters.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kebugcheckex>
pub fn KeBugCheckEx(
    cx: &mut Cx,
    code: u32,
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
) -> Result<(), Stop> {
    stop(cx, code, [first, second, third, fourth])
}

/// Registers a callback for bug checks; it is never called, as a run ends there.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keregisterbugcheckcallback>
pub fn KeRegisterBugCheckCallback(
    cx: &mut Cx,
    record: u64,
    routine: u64,
    buffer: u64,
    length: u32,
    component: u64,
) -> Result<bool, Stop> {
    use nt::layout::kbugcheck_callback_record as layout;
    if cx.read8(record + layout::STATE)? != 0 {
        return Ok(false);
    }
    cx.write64(record + layout::CALLBACK_ROUTINE, routine)?;
    cx.write64(record + layout::BUFFER, buffer)?;
    cx.write32(record + layout::LENGTH, length)?;
    cx.write64(record + layout::COMPONENT, component)?;
    cx.write8(record + layout::STATE, 1)?;
    Ok(true)
}

/// Takes a callback back; false where it was not registered.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kederegisterbugcheckcallback>
pub fn KeDeregisterBugCheckCallback(cx: &mut Cx, record: u64) -> Result<bool, Stop> {
    let state = record + nt::layout::kbugcheck_callback_record::STATE;
    let registered = cx.read8(state)? == 1;
    cx.write8(state, 0)?;
    Ok(registered)
}

/// Breaks into the debugger: with none attached, an exception that nobody handles.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-dbgbreakpoint>
pub fn DbgBreakPoint(cx: &mut Cx) -> Result<(), Stop> {
    let caller = cx.caller();
    let status = nt::status::STATUS_BREAKPOINT as i32 as u64;
    stop(cx, nt::bugcheck::KMODE_EXCEPTION_NOT_HANDLED, [status, caller, 0, 0])
}

/// The same with a number for the debugger.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-dbgbreakpointwithstatus>
pub fn DbgBreakPointWithStatus(cx: &mut Cx, _status: u32) -> Result<(), Stop> {
    DbgBreakPoint(cx)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(DbgBreakPoint, quiet),
        service!(DbgBreakPointWithStatus, quiet),
        service!(KeBugCheck, quiet),
        service!(KeBugCheckEx, quiet),
        service!(KeRegisterBugCheckCallback, quiet, partly "the callback is never called"),
        service!(KeDeregisterBugCheckCallback, quiet),
    ]
}

//! The unwinder as a service: for language handlers that images bring along, and for those who look
//! at the stack themselves.

use super::dispatch::{Target, unwind};
use super::frames;
use super::record::{self, Area, Exception, flags};
use crate::cx::{Cx, RSP, Stop};
use crate::service;
use crate::service::Service;
use cpu::Cpu;
use memory::Access;
use nt::layout::{context, exception_record};
use pe::unwind::Rip;

/// STATUS_UNWIND: the code of an unwind without an exception (ntstatus.h).
const STATUS_UNWIND: u32 = 0xc000_0027;

/// Leaves frames up to `frame`, calling termination handlers on the way, and goes on at `ip`.
fn unwind_to(cx: &mut Cx, target: Target, record: u64) -> Result<(), Stop> {
    if target.frame == 0 {
        return cx.unsupported("an unwind without a target frame");
    }
    let at = record::caller(cx);
    cx.exceptions.target = Some(target);
    if !on_stack(cx, &at, target.frame) {
        if cx.exceptions.dispatches > 0 {
            // A language handler asks for it: whoever called that one does it.
            return Err(Stop::Unwinding);
        }
        return cx.unsupported("an unwind out of the routine that the kernel called");
    }
    let kept = cx.cpu().clone();
    let Some(mut area) = Area::below(cx, kept.gpr[RSP]) else {
        return cx.unsupported("an unwind with no room on the stack");
    };
    if record != 0 {
        cx.probe(record, exception_record::SIZE, Access::Write)?;
        area.record = record;
    } else {
        let flags = flags::UNWINDING;
        let unwind =
            Exception { code: STATUS_UNWIND, flags, address: at.rip, ..Exception::default() };
        record::write_record(cx, area.record, &unwind);
    }
    cx.cpu().gpr[RSP] = area.context;
    cx.exceptions.dispatches += 1;
    let ended = unwind(cx, (at, Rip::Return), area, &kept);
    cx.exceptions.dispatches -= 1;
    Err(ended?)
}

fn on_stack(cx: &Cx, at: &Cpu, frame: u64) -> bool {
    let (mut at, mut how) = (at.clone(), Rip::Return);
    while let Ok(Some(left)) = frames::step(cx, &mut at, &mut how) {
        if left.frame.establisher == frame {
            return true;
        }
    }
    false
}

/// Unwinds to a frame.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlunwindex>
pub fn RtlUnwindEx(
    cx: &mut Cx,
    frame: u64,
    ip: u64,
    record: u64,
    value: u64,
    _context: u64,
    _history: u64,
) -> Result<(), Stop> {
    unwind_to(cx, Target { frame, ip, value }, record)
}

/// Unwinds to a frame.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlunwind>
pub fn RtlUnwind(cx: &mut Cx, frame: u64, ip: u64, record: u64, value: u64) -> Result<(), Stop> {
    unwind_to(cx, Target { frame, ip, value }, record)
}

/// Leaves `__try` blocks of one function by a jump: compilers call it for `goto` and `return`.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlunwind>
pub fn _local_unwind(cx: &mut Cx, frame: u64, ip: u64) -> Result<(), Stop> {
    unwind_to(cx, Target { frame, ip, value: 0 }, 0)
}

/// Fills in a CONTEXT with the caller's registers.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcapturecontext>
pub fn RtlCaptureContext(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, context::SIZE, Access::Write)?;
    let caller = record::caller(cx);
    record::write_context(cx, at, &caller);
    Ok(())
}

/// Finds the function table entry for an instruction, and the base of its image.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtllookupfunctionentry>
pub fn RtlLookupFunctionEntry(cx: &mut Cx, pc: u64, base: u64, _history: u64) -> Result<u64, Stop> {
    let Some(module) = cx.modules.iter().find(|module| module.contains(pc)) else {
        return Ok(0);
    };
    let start = module.base;
    let function = module.unwinding().function_at((pc - start) as u32);
    let entry = function.and_then(|function| module.unwind.entry(function));
    cx.write64(base, start)?;
    Ok(entry.map_or(0, |entry| start + u64::from(entry)))
}

/// Replaces the registers of a CONTEXT by those of the function's caller; the function's handler, if
/// it has one of the kind asked for (UNW_FLAG_EHANDLER 1, UNW_FLAG_UHANDLER 2).
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlvirtualunwind>
pub fn RtlVirtualUnwind(
    cx: &mut Cx,
    kind: u32,
    base: u64,
    pc: u64,
    _entry: u64,
    at: u64,
    data: u64,
    establisher: u64,
    places: u64,
) -> Result<u64, Stop> {
    if places != 0 {
        return cx.unsupported("RtlVirtualUnwind with ContextPointers");
    }
    cx.probe(at, context::SIZE, Access::Write)?;
    let like = cx.cpu().clone();
    let mut registers = record::read_context(cx, at, &like);
    registers.rip = pc;
    let mut how = Rip::Exact;
    let left = match frames::step(cx, &mut registers, &mut how) {
        Ok(Some(left)) => left,
        Ok(None) => return cx.unsupported("RtlVirtualUnwind outside of driver images"),
        Err(what) => return cx.unsupported(what),
    };
    record::write_context(cx, at, &registers);
    cx.write64(establisher, left.frame.establisher)?;
    let frame = left.frame;
    let wanted =
        kind & 1 != 0 && frame.handles_exceptions || kind & 2 != 0 && frame.handles_unwinds;
    match frame.handler.filter(|_| wanted) {
        Some(handler) => {
            cx.write64(data, base + u64::from(frame.handler_data))?;
            Ok(base + u64::from(handler))
        }
        None => Ok(0),
    }
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlUnwindEx, quiet),
        service!(RtlUnwind, quiet),
        service!(_local_unwind, quiet),
        service!(RtlCaptureContext, quiet),
        service!(RtlLookupFunctionEntry, quiet),
        service!(RtlVirtualUnwind, quiet, partly "no ContextPointers"),
    ]
}

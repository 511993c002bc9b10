//! The language handler of C: `__try` blocks by their scope table.

use super::dispatch::Target;
use super::record::flags;
use crate::cx::{Cx, RSP, Stop};
use crate::event::Routine;
use crate::service;
use crate::service::Service;
use nt::layout::{
    dispatcher_context as dispatcher, exception_pointers as pointers, exception_record,
};
use pe::unwind::{Scope, scope_table};

/// ExceptionContinueExecution, ExceptionContinueSearch (excpt.h).
const CONTINUE_EXECUTION: u32 = 0;
const CONTINUE_SEARCH: u32 = 1;
/// In place of a filter: EXCEPTION_EXECUTE_HANDLER, always.
const ALWAYS: u32 = 1;

/// Registers and instruction of an exception, for the record of what is called for it.
pub(crate) type Raised = ([u64; 16], u64);

/// Looks for a `__try` block that takes an exception, or calls the termination handlers of those
/// that an unwind leaves.
/// <https://learn.microsoft.com/windows/win32/devnotes/--c-specific-handler2>
pub fn __C_specific_handler(
    cx: &mut Cx,
    record: u64,
    frame: u64,
    context: u64,
    dispatcher: u64,
) -> Result<u32, Stop> {
    handle(cx, [record, frame, context, dispatcher], None)
}

/// The same, for the dispatcher itself: what RSP points to has room for a call's home space.
pub(crate) fn handle(
    cx: &mut Cx,
    [record, frame, context, dispatcher]: [u64; 4],
    raised: Option<Raised>,
) -> Result<u32, Stop> {
    let base = cx.read64(dispatcher + dispatcher::IMAGE_BASE)?;
    let data = cx.read64(dispatcher + dispatcher::HANDLER_DATA)?.wrapping_sub(base);
    let pc = cx.read64(dispatcher + dispatcher::CONTROL_PC)?.wrapping_sub(base);
    let target = cx.read64(dispatcher + dispatcher::TARGET_IP)?.wrapping_sub(base);
    let first = cx.read32(dispatcher + dispatcher::SCOPE_INDEX)?;
    let code = cx.read32(record + exception_record::EXCEPTION_CODE)?;
    let state = cx.read32(record + exception_record::EXCEPTION_FLAGS)?;
    let module = cx.modules.iter().find(|module| module.base == base);
    let scopes = match (module, u32::try_from(data)) {
        (Some(module), Ok(data)) => scope_table(&module.unwinding(), data),
        _ => return cx.unsupported("__C_specific_handler for a function of no image"),
    };
    let scopes = match scopes {
        Ok(scopes) => scopes,
        Err(error) => return cx.unsupported(format!("the table of __try blocks: {error}")),
    };
    let inside =
        |scope: &Scope, rva: u64| (u64::from(scope.begin)..u64::from(scope.end)).contains(&rva);
    let unwinding = state & flags::UNWINDING != 0;
    let last = state & flags::TARGET_UNWIND != 0;
    for (index, scope) in (0u32..).zip(&scopes).skip(first as usize) {
        if !inside(scope, pc) {
            continue;
        }
        let finally = scope.target == 0;
        if unwinding {
            // Control stays in this block, or goes to its `__except`: blocks around it are not left.
            if last && (inside(scope, target) || (!finally && target == scope.target.into())) {
                break;
            }
            if finally {
                cx.bus.memory.poke32(dispatcher + dispatcher::SCOPE_INDEX, index + 1);
                let handler = base + u64::from(scope.handler);
                let place = cx.describe_address(handler);
                cx.note(&format!("__finally at {place}, left by an exception"));
                call(cx, handler, [1, frame], raised)?;
            }
            continue;
        }
        if finally {
            continue;
        }
        let block = base + u64::from(scope.target);
        let verdict = match scope.handler {
            ALWAYS => 1,
            filter => {
                let filter = base + u64::from(filter);
                // In the home space of this routine's parameters, which is its own.
                let at = cx.cpu().gpr[RSP] + 8;
                cx.bus.memory.poke64(at + pointers::EXCEPTION_RECORD, record);
                cx.bus.memory.poke64(at + pointers::CONTEXT_RECORD, context);
                let verdict = call(cx, filter, [at, frame], raised)? as i32;
                let place = cx.describe_address(filter);
                cx.note(&format!("the filter at {place} says {}", decision(verdict)));
                verdict
            }
        };
        if verdict < 0 {
            return Ok(CONTINUE_EXECUTION);
        }
        if verdict > 0 {
            let place = cx.describe_address(block);
            cx.note(&format!("the __except block at {place} takes the exception"));
            cx.exceptions.target = Some(Target { frame, ip: block, value: code.into() });
            return Err(Stop::Unwinding);
        }
    }
    Ok(CONTINUE_SEARCH)
}

fn call(
    cx: &mut Cx,
    function: u64,
    arguments: [u64; 2],
    raised: Option<Raised>,
) -> Result<u64, Stop> {
    if let Some(recorder) = &mut cx.recorder {
        recorder.raised = raised;
    }
    cx.exceptions.handling = Some(raised.map(|(gpr, rip)| (rip, gpr[RSP])));
    cx.call(Routine::Callback, function, &arguments)
}

/// A filter's value by the names of excpt.h.
fn decision(verdict: i32) -> &'static str {
    match verdict {
        ..0 => "EXCEPTION_CONTINUE_EXECUTION",
        0 => "EXCEPTION_CONTINUE_SEARCH",
        1.. => "EXCEPTION_EXECUTE_HANDLER",
    }
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(__C_specific_handler, quiet)]
}

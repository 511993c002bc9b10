//! Both phases of an exception: the search for a handler that takes it, and the unwinding to there.
//!
//! The walk ends where the kernel called the driver's routine by itself: what leaves that one is
//! handled by nobody. Where a service called it that driver code had called, the walk goes on in
//! that code; the service is left as it is. Language handlers are code of the driver or services, and run as called routines; a
//! handler asks for the second phase by leaving with [`Stop::Unwinding`].
//!
//! Source: "x64 exception handling" (MicrosoftDocs/cpp-docs, docs/build), Language-specific handler
//! and Unwind procedure.

use super::frames::{self, Left, Place};
use super::record::{self, Area, Exception, flags};
use super::scopes;
use crate::cx::{Cx, RAX, RSP, Stop};
use crate::event::Routine;
use cpu::Cpu;
use nt::layout::{dispatcher_context as dispatcher, exception_record};
use pe::unwind::Rip;

/// Where an unwind leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Establisher frame of the routine that goes on.
    pub frame: u64,
    /// The instruction.
    pub ip: u64,
    /// RAX there.
    pub value: u64,
}

/// What a language handler returns (excpt.h: EXCEPTION_DISPOSITION).
const CONTINUE_EXECUTION: u32 = 0;
const CONTINUE_SEARCH: u32 = 1;

/// Direction flag: clear in every called routine, so in handlers too.
const DIRECTION: u64 = 1 << 10;

/// Offers an exception to the handlers of the routine that runs. `Ok` where nobody takes it; the
/// registers are then as before. `Err` where the driver goes on elsewhere: with [`Stop::Resumed`] in
/// the routine that runs, with [`Stop::Unwound`] in one further out. What the handlers are shown is
/// `found`, where the caller made the record itself.
pub(crate) fn dispatch(
    cx: &mut Cx,
    place: Place,
    exception: &Exception,
    found: Option<u64>,
) -> Result<(), Stop> {
    let Place { at, how, closed } = place;
    if cx.state.me().depth == 0 || !frames::any_handler(cx, &at, how) {
        return Ok(());
    }
    if let Some(closed) = closed {
        return cx.unsupported(closed);
    }
    let kept = cx.cpu().clone();
    let Some(mut area) = Area::below(cx, kept.gpr[RSP]) else { return Ok(()) };
    match found {
        Some(found) => area.record = found,
        None => record::write_record(cx, area.record, exception),
    }
    record::write_context(cx, area.context, &at);
    cx.cpu().gpr[RSP] = area.context;
    cx.exceptions.dispatches += 1;
    let mut ended = search(cx, (&at, how), area, &kept);
    if let Err(Stop::Unwinding) = ended {
        ended = unwind(cx, (at.clone(), how), area, &kept).map(Search::Resumed);
    }
    cx.exceptions.dispatches -= 1;
    match ended? {
        Search::Nobody => {
            frames::go_on(cx, &kept);
            Ok(())
        }
        Search::Again => {
            let at = record::read_context(cx, area.context, &at);
            frames::go_on(cx, &at);
            Err(Stop::Resumed)
        }
        Search::Resumed(stop) => Err(stop),
    }
}

enum Search {
    /// Nobody takes the exception.
    Nobody,
    /// Go on where it happened, with the registers of the CONTEXT.
    Again,
    /// The registers are those of the handler; what its routine is told.
    Resumed(Stop),
}

/// The first phase.
fn search(cx: &mut Cx, at: (&Cpu, Rip), area: Area, raised: &Cpu) -> Result<Search, Stop> {
    let (mut here, mut how) = (at.0.clone(), at.1);
    loop {
        let left = match frames::step(cx, &mut here, &mut how) {
            Ok(Some(left)) => left,
            Ok(None) => return Ok(Search::Nobody),
            Err(what) => return cx.unsupported(what),
        };
        let answer = match left.frame.handles_exceptions {
            true => call_handler(cx, &left, area, (0, 0), raised)?,
            false => None,
        };
        match answer {
            Some(CONTINUE_EXECUTION) => {
                let state = area.record + exception_record::EXCEPTION_FLAGS;
                if cx.bus.memory.peek32(state) & flags::NONCONTINUABLE != 0 {
                    // Windows raises STATUS_NONCONTINUABLE_EXCEPTION in place of this one.
                    cx.note("a filter goes on after an exception that cannot be continued");
                    return Ok(Search::Nobody);
                }
                cx.note("the driver goes on where the exception happened");
                return Ok(Search::Again);
            }
            None | Some(CONTINUE_SEARCH) => {}
            Some(other) => {
                return cx.unsupported(format!("a language handler that returns {other}"));
            }
        }
        if let Some(closed) = left.closed {
            if frames::any_handler(cx, &here, how) {
                return cx.unsupported(closed);
            }
            return Ok(Search::Nobody);
        }
    }
}

/// The second phase, from the registers `at` to the target that was asked for. Returns what the
/// routine that runs is told: whether it is the one that goes on, or one further out.
pub(crate) fn unwind(
    cx: &mut Cx,
    (mut here, mut how): (Cpu, Rip),
    area: Area,
    raised: &Cpu,
) -> Result<Stop, Stop> {
    let Some(mut target) = cx.exceptions.target.take() else {
        return cx.unsupported("an unwind without a target");
    };
    let mut scope = 0;
    loop {
        let (mut caller, mut next) = (here.clone(), how);
        let left = match frames::step(cx, &mut caller, &mut next) {
            Ok(Some(left)) => left,
            Ok(None) => return cx.unsupported("an unwind to a frame that is not on the stack"),
            Err(what) => return cx.unsupported(what),
        };
        let last = left.frame.establisher == target.frame;
        if left.frame.handles_unwinds {
            let mark = flags::UNWINDING | if last { flags::TARGET_UNWIND } else { 0 };
            let place = area.record + exception_record::EXCEPTION_FLAGS;
            let old = cx.bus.memory.peek32(place) & !flags::TARGET_UNWIND;
            cx.bus.memory.poke32(place, old | mark);
            record::write_context(cx, area.context, &here);
            match call_handler(cx, &left, area, (target.ip, scope), raised) {
                Ok(None | Some(CONTINUE_SEARCH)) => {}
                Ok(Some(other)) => {
                    return cx.unsupported(format!(
                        "a language handler that returns {other} to an unwind"
                    ));
                }
                Err(Stop::Unwinding) => {
                    // A termination handler was left for elsewhere: that unwind takes this one's
                    // place, and the blocks that were left already stay left.
                    scope = cx.bus.memory.peek32(area.dispatcher + dispatcher::SCOPE_INDEX);
                    target = cx.exceptions.target.take().unwrap_or(target);
                    continue;
                }
                Err(stop) => return Err(stop),
            }
        }
        if last {
            here.rip = target.ip;
            here.gpr[RAX] = target.value;
            here.set_rflags(here.rflags() & !DIRECTION);
            frames::go_on(cx, &here);
            let home = frames::depth(cx, here.gpr[RSP]);
            cx.exceptions.ended = true;
            cx.exceptions.home = home;
            let inner = cx.state.me().depth != home;
            return Ok(if inner { Stop::Unwound } else { Stop::Resumed });
        }
        if let Some(closed) = left.closed {
            return cx.unsupported(closed);
        }
        (here, how, scope) = (caller, next, 0);
    }
}

/// Calls the language handler of a frame; `None` where it has none.
fn call_handler(
    cx: &mut Cx,
    left: &Left,
    area: Area,
    (target, scope): (u64, u32),
    raised: &Cpu,
) -> Result<Option<u32>, Stop> {
    let Some(handler) = left.frame.handler else { return Ok(None) };
    let handler = cx.modules[left.module].base + u64::from(handler);
    area.show(cx, left, target, scope);
    let raised = Some((raised.gpr, raised.rip));
    let arguments = [area.record, left.frame.establisher, area.context, area.dispatcher];
    if leads_to_ours(cx, handler) {
        // RSP is at the CONTEXT, which begins with home space for the one who is handed it.
        return scopes::handle(cx, arguments, raised).map(Some);
    }
    if let Some(recorder) = &mut cx.recorder {
        recorder.raised = raised;
    }
    cx.exceptions.handling = Some(raised.map(|(gpr, rip)| (rip, gpr[RSP])));
    let disposition = cx.call(Routine::Callback, handler, &arguments)?;
    Ok(Some(disposition as u32))
}

/// Whether a language handler is nothing but a jump through the import of `__C_specific_handler`, as
/// in every image whose functions have no other one: then there is nothing to execute.
pub(crate) fn leads_to_ours(cx: &Cx, handler: u64) -> bool {
    let mut code = [0; 6];
    cx.bus.memory.view(handler, &mut code);
    // jmp [rip + distance]
    let [0xff, 0x25, distance @ ..] = code else { return false };
    let distance = i64::from(i32::from_le_bytes(distance));
    let import = handler.wrapping_add(6).wrapping_add_signed(distance);
    let ours = cx.registry.address_of("__C_specific_handler");
    ours == Some(cx.bus.memory.view64(import))
}

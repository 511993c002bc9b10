//! The stack of the driver routine that runs: from frame to frame by the images' tables, and from
//! one that a service called to the one that called the service.

use crate::cx::{Cx, RSP};
use crate::map;
use crate::world::World;
use cpu::Cpu;
use pe::unwind::{self, Frame, Registers, Rip, scope_table};

/// A call of driver code by a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nested {
    /// Where its return address lies.
    pub slot: u64,
    /// Instruction of who calls: the service's.
    pub rip: u64,
    /// Stack pointer there: the service's own return address.
    pub rsp: u64,
    /// It is part of handling an exception.
    pub handler: bool,
}

/// One frame, left by [`step`].
pub(crate) struct Left {
    /// Number of the image.
    pub module: usize,
    /// What its tables say.
    pub frame: Frame,
    /// Where in the function control was.
    pub pc: u64,
    /// Its caller was a service, through which no exception can be followed, and why. The registers
    /// are those of the driver code that called the service.
    pub closed: Option<String>,
}

/// Services that driver code may be left through for a handler further out: they hold nothing while
/// they call it. A request stays where it is in its stack of locations, as on Windows, whose frames
/// have no handlers there. Elsewhere a lock is held, or something half made; what becomes of that is
/// documented nowhere.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-exceptions>
const THROUGH: &[&str] = &[
    "IofCallDriver",
    "PoCallDriver",
    "IoForwardIrpSynchronously",
    "IofCompleteRequest",
    "qsort",
    "bsearch",
];

/// Where an exception came about.
pub(crate) struct Place {
    /// Registers of driver code.
    pub at: Cpu,
    /// What its RIP is.
    pub how: Rip,
    /// A service lies between: see [`Left::closed`].
    pub closed: Option<String>,
}

/// Where an exception came about, as the driver sees it: the instruction itself, or behind the call
/// of the service that raises. A routine without a frame - one of the kernel's, or what a bad
/// function pointer leads to - is left by its return address.
pub(crate) fn place(cx: &Cx) -> Place {
    let mut at = cx.cpus[usize::from(cx.id())].clone();
    if cx.modules.iter().any(|module| module.contains(at.rip)) {
        return Place { at, how: Rip::Exact, closed: None };
    }
    leave_kernel(cx, &mut at);
    let closed = cross(cx, &mut at);
    Place { at, how: Rip::Return, closed }
}

/// Leaves a routine by its return address.
fn leave_kernel(world: &World, at: &mut Cpu) {
    at.rip = world.bus.memory.view64(at.gpr[RSP]);
    at.gpr[RSP] = at.gpr[RSP].wrapping_add(8);
}

/// Where the registers are those of a service that had called a driver routine, goes on to the
/// driver code that had called the service. Returns why no exception can be followed there, if so.
fn cross(cx: &Cx, at: &mut Cpu) -> Option<String> {
    let mut closed = None;
    while at.rip == map::RETURN {
        let slot = at.gpr[RSP].wrapping_sub(8);
        let Some(nested) = cx.exceptions.nested.iter().rfind(|nested| nested.slot == slot) else {
            break;
        };
        closed = closed.or(why_closed(cx, nested));
        (at.rip, at.gpr[RSP]) = (nested.rip, nested.rsp);
        if !cx.modules.iter().any(|module| module.contains(at.rip)) {
            leave_kernel(cx, at);
        }
    }
    closed
}

/// Why no exception can be followed through a service's call of driver code, where it cannot.
fn why_closed(cx: &Cx, nested: &Nested) -> Option<String> {
    if nested.handler {
        return Some("an exception that leaves the code that handles another one".to_owned());
    }
    let name = crate::words::service(cx, nested.rip);
    match name {
        Some(name) if THROUGH.contains(&name) => None,
        name => {
            let name = name.unwrap_or("the kernel");
            Some(format!(
                "an exception that leaves a routine which {name} called for a handler around that \
                 call: what becomes of what {name} holds is not documented"
            ))
        }
    }
}

/// How many driver routines are nested where the stack pointer is this one.
pub(crate) fn depth(cx: &Cx, rsp: u64) -> u8 {
    let inside = cx.exceptions.nested.iter().filter(|nested| nested.slot >= rsp).count();
    u8::try_from(inside + 1).unwrap_or(u8::MAX)
}

/// Replaces the registers in a function by those of its caller, or of the driver code that called
/// the service that is its caller. `None` where the registers are in no image: the routine's caller
/// is the kernel.
///
/// # Errors
/// A stack or tables that cannot be followed, in words.
pub(crate) fn step(cx: &Cx, at: &mut Cpu, how: &mut Rip) -> Result<Option<Left>, String> {
    let pc = at.rip;
    let Some(number) = cx.modules.iter().position(|module| module.contains(pc)) else {
        return Ok(None);
    };
    let memory = &cx.bus.memory;
    let mut read = |address: u64| {
        let mut word = [0; 8];
        (memory.view(address, &mut word) == 8).then(|| u64::from_le_bytes(word))
    };
    let mut saved = Vec::new();
    let mut registers = Registers { rip: pc, rsp: at.gpr[RSP], gpr: at.gpr };
    let module = cx.modules[number].unwinding();
    let left =
        unwind::step_with(&module, &mut registers, *how, &mut read, &mut |register, address| {
            saved.push((register, address));
        });
    let frame = left
        .map_err(|error| format!("unwinding the stack at {}: {error}", cx.describe_address(pc)))?;
    at.rip = registers.rip;
    at.gpr = registers.gpr;
    for (register, address) in saved {
        let mut word = [0; 16];
        if let Some(xmm) = at.xmm.get_mut(usize::from(register))
            && memory.view(address, &mut word) == 16
        {
            *xmm = u128::from_le_bytes(word);
        }
    }
    *how = if frame.machine_frame { Rip::Exact } else { Rip::Return };
    let closed = cross(cx, at);
    Ok(Some(Left { module: number, frame, pc, closed }))
}

/// Whether a frame of the routine that runs, or of one around it, has a handler that may take an
/// exception.
pub(crate) fn any_handler(cx: &Cx, at: &Cpu, how: Rip) -> bool {
    let (mut at, mut how) = (at.clone(), how);
    while let Ok(Some(left)) = step(cx, &mut at, &mut how) {
        if left.frame.handler.is_some() && left.frame.handles_exceptions && may_take(cx, &left) {
            return true;
        }
    }
    false
}

/// Whether a frame's handler may take an exception: C's own only where control is in a `__try`
/// block with an `__except`.
fn may_take(cx: &Cx, left: &Left) -> bool {
    let module = &cx.modules[left.module];
    let handler = left.frame.handler.map_or(0, |handler| module.base + u64::from(handler));
    if !super::dispatch::leads_to_ours(cx, handler) {
        return true;
    }
    let pc = left.pc - module.base;
    let scopes = scope_table(&module.unwinding(), left.frame.handler_data);
    scopes.is_ok_and(|scopes| {
        scopes.iter().any(|scope| {
            (u64::from(scope.begin)..u64::from(scope.end)).contains(&pc) && scope.target != 0
        })
    })
}

/// Gives the running context these registers, on the processor that it has now.
pub(crate) fn go_on(cx: &mut Cx, at: &Cpu) {
    let gs_base = cx.cpu().gs_base;
    *cx.cpu() = at.clone();
    cx.cpu().gs_base = gs_base;
}

//! The stack of the driver routine that runs: from frame to frame by the images' tables.

use crate::cx::{Cx, RSP};
use crate::world::World;
use cpu::Cpu;
use pe::unwind::{self, Frame, Registers, Rip};

/// One frame, left by [`step`].
pub(crate) struct Left {
    /// Number of the image.
    pub module: usize,
    /// What its tables say.
    pub frame: Frame,
    /// Where in the function control was.
    pub pc: u64,
}

/// Where an exception came about, as the driver sees it: the instruction itself, or behind the call
/// of the service that raises. A routine without a frame - one of the kernel's, or what a bad
/// function pointer leads to - is left by its return address.
pub(crate) fn place(world: &World, cpu: &Cpu) -> (Cpu, Rip) {
    let mut at = cpu.clone();
    if world.modules.iter().any(|module| module.contains(at.rip)) {
        return (at, Rip::Exact);
    }
    at.rip = world.bus.memory.view64(at.gpr[RSP]);
    at.gpr[RSP] = at.gpr[RSP].wrapping_add(8);
    (at, Rip::Return)
}

/// Replaces the registers in a function by those of its caller. `None` where the registers are in no
/// image: the routine's caller is the kernel.
///
/// # Errors
/// A stack or tables that cannot be followed, in words.
pub(crate) fn step(world: &World, at: &mut Cpu, how: &mut Rip) -> Result<Option<Left>, String> {
    let pc = at.rip;
    let Some(number) = world.modules.iter().position(|module| module.contains(pc)) else {
        return Ok(None);
    };
    let memory = &world.bus.memory;
    let mut read = |address: u64| {
        let mut word = [0; 8];
        (memory.view(address, &mut word) == 8).then(|| u64::from_le_bytes(word))
    };
    let mut saved = Vec::new();
    let mut registers = Registers { rip: pc, rsp: at.gpr[RSP], gpr: at.gpr };
    let module = world.modules[number].unwinding();
    let left =
        unwind::step_with(&module, &mut registers, *how, &mut read, &mut |register, address| {
            saved.push((register, address));
        });
    let frame = left.map_err(|error| {
        format!("unwinding the stack at {}: {error}", world.describe_address(pc))
    })?;
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
    Ok(Some(Left { module: number, frame, pc }))
}

/// Whether a frame of the routine that runs has a handler for exceptions.
pub(crate) fn any_handler(world: &World, at: &Cpu, how: Rip) -> bool {
    let (mut at, mut how) = (at.clone(), how);
    while let Ok(Some(left)) = step(world, &mut at, &mut how) {
        if left.frame.handler.is_some() && left.frame.handles_exceptions {
            return true;
        }
    }
    false
}

/// Gives the running context these registers, on the processor that it has now.
pub(crate) fn go_on(cx: &mut Cx, at: &Cpu) {
    let gs_base = cx.cpu().gs_base;
    *cx.cpu() = at.clone();
    cx.cpu().gs_base = gs_base;
}

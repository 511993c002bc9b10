//! One step of a stack walk.

use super::codes::{UnwindCode, UnwindInfo, read_info, resolve};
use super::{Module, RSP, Registers, UnwindError, epilogue};
use crate::functions::Function;

/// Longest chain of entries that is followed; compilers write two or three.
const MAX_CHAIN: usize = 32;

/// What RIP is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rip {
    /// The instruction that was running: an interrupted thread, a fault, the top of a crash dump.
    Exact,
    /// A return address: the instruction after a call. After a call that never returns it can already
    /// belong to the next function, so the byte before it decides which function this is.
    Return,
}

/// What was found out about the frame that a step left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Function table entry that RIP lay in; `None` for a leaf function.
    pub function: Option<Function>,
    /// RVA of the procedure's own entry, at the end of the chain; `None` for a leaf function.
    pub procedure: Option<u32>,
    /// Which part of the function RIP lay in.
    pub region: Region,
    /// RVA of the language-specific handler; only in a function's body.
    pub handler: Option<u32>,
    /// RVA of that handler's data.
    pub handler_data: u32,
    /// Whether that handler wants exceptions (`UNW_FLAG_EHANDLER`).
    pub handles_exceptions: bool,
    /// Whether that handler wants unwinds (`UNW_FLAG_UHANDLER`).
    pub handles_unwinds: bool,
    /// Start of the fixed stack allocation: what a handler is given as the establisher frame.
    pub establisher: u64,
    /// Whether the caller was interrupted, so that its RIP is [`Rip::Exact`].
    pub machine_frame: bool,
}

/// Part of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// A function without a frame of its own.
    Leaf,
    /// Before its frame is complete.
    Prologue,
    /// Where exceptions are handled.
    Body,
    /// After it began to give up its frame.
    Epilogue,
}

/// Replaces the registers in a function by those of its caller at the return from it.
///
/// `read` gives the 8 bytes at a guest address, or `None`. RIP 0 afterwards means that there is no caller.
///
/// # Errors
/// RIP outside the module, a stack that cannot be read, damaged unwind information. The registers are
/// then as before.
pub fn step(
    module: &Module<'_>,
    registers: &mut Registers,
    rip: Rip,
    read: &mut dyn FnMut(u64) -> Option<u64>,
) -> Result<Frame, UnwindError> {
    step_with(module, registers, rip, read, &mut |_, _| ())
}

/// [`step`], and tells where the function saved its caller's XMM registers: number, address of the
/// 16 bytes. Told of a step that fails, the places mean nothing.
///
/// # Errors
/// As [`step`].
pub fn step_with(
    module: &Module<'_>,
    registers: &mut Registers,
    rip: Rip,
    read: &mut dyn FnMut(u64) -> Option<u64>,
    saved_xmm: &mut dyn FnMut(u8, u64),
) -> Result<Frame, UnwindError> {
    let outside = UnwindError::Outside { rip: registers.rip };
    let rva = registers.rip.checked_sub(module.base).and_then(|o| u32::try_from(o).ok());
    let rva = rva.filter(|rva| *rva as usize <= module.memory.len()).ok_or(outside)?;
    let probe = if rip == Rip::Return { rva.saturating_sub(1) } else { rva };

    let mut stack = Stack { registers: *registers, read, saved_xmm };
    stack.registers.gpr[RSP] = registers.rsp;
    let Some(function) = module.function_at(probe) else {
        let establisher = stack.registers.gpr[RSP];
        stack.registers.rip = stack.pop()?;
        stack.commit(registers);
        return Ok(Frame {
            function: None,
            procedure: None,
            region: Region::Leaf,
            handler: None,
            handler_data: 0,
            handles_exceptions: false,
            handles_unwinds: false,
            establisher,
            machine_frame: false,
        });
    };

    let info = read_info(module, function)?;
    let entry = resolve(module, function)?;
    let offset = rva.saturating_sub(entry.begin);
    let in_prologue = entry.contains(probe) && offset < u32::from(info.prologue_size);
    // A call in an epilogue does not exist, so a return address needs no look at the code.
    let leaving = if !in_prologue && rip == Rip::Exact {
        epilogue::find(module, function, info.frame, rva)?
    } else {
        None
    };
    let establisher = frame_base(&info, offset, in_prologue, &stack.registers);
    let region = match (&leaving, in_prologue) {
        (Some(_), _) => Region::Epilogue,
        (None, true) => Region::Prologue,
        (None, false) => Region::Body,
    };
    let body = region == Region::Body;
    let mut frame = Frame {
        function: Some(function),
        procedure: Some(entry.begin),
        region,
        handler: info.handler.filter(|_| body),
        handler_data: info.handler_data,
        handles_exceptions: body && info.handles_exceptions,
        handles_unwinds: body && info.handles_unwinds,
        establisher,
        machine_frame: false,
    };
    if let Some(steps) = leaving {
        frame.procedure = Some(primary(module, function)?.begin);
        for step in steps {
            stack.leave(step)?;
        }
        stack.registers.rip = stack.pop()?;
        stack.commit(registers);
        return Ok(frame);
    }

    let limit = if in_prologue { offset } else { u32::MAX };
    let undone = |code_offset: &u8| u32::from(*code_offset) <= limit;
    let mut machine_frame = stack.undo(&info, establisher, undone, entry.unwind)?;
    let mut chained = info.chained;
    for _ in 0..MAX_CHAIN {
        let Some(parent) = chained else {
            frame.machine_frame = machine_frame;
            if !machine_frame {
                stack.registers.rip = stack.pop()?;
            }
            stack.commit(registers);
            return Ok(frame);
        };
        let info = read_info(module, parent)?;
        let entry = resolve(module, parent)?;
        // The frame register has the primary's value throughout; RSP may have moved since.
        let base = frame_base(&info, u32::MAX, false, &stack.registers);
        machine_frame |= stack.undo(&info, base, |_| true, entry.unwind)?;
        frame.procedure = Some(entry.begin);
        if body && frame.handler.is_none() {
            frame.handler = info.handler;
            frame.handler_data = info.handler_data;
            frame.handles_exceptions = info.handles_exceptions;
            frame.handles_unwinds = info.handles_unwinds;
        }
        chained = info.chained;
    }
    Err(UnwindError::new(entry.unwind, format!("has a chain of more than {MAX_CHAIN} entries")))
}

/// The entry at the end of the chain.
pub(crate) fn primary(module: &Module<'_>, function: Function) -> Result<Function, UnwindError> {
    let mut function = resolve(module, function)?;
    for _ in 0..MAX_CHAIN {
        match read_info(module, function)?.chained {
            Some(parent) => function = resolve(module, parent)?,
            None => return Ok(function),
        }
    }
    let problem = format!("has a chain of more than {MAX_CHAIN} entries");
    Err(UnwindError::new(function.unwind, problem))
}

/// Start of the fixed allocation: by the frame register once the prologue has set it, else RSP.
fn frame_base(info: &UnwindInfo, offset: u32, in_prologue: bool, registers: &Registers) -> u64 {
    let is_set = !in_prologue
        || info.chained.is_some()
        || info
            .codes
            .iter()
            .any(|(at, code)| *code == UnwindCode::SetFrame && u32::from(*at) <= offset);
    match info.frame {
        Some((register, above)) if is_set => {
            registers.gpr[usize::from(register)].wrapping_sub(u64::from(above))
        }
        _ => registers.gpr[RSP],
    }
}

/// The registers being rebuilt, with the stack that they are rebuilt from.
struct Stack<'a> {
    registers: Registers,
    read: &'a mut dyn FnMut(u64) -> Option<u64>,
    saved_xmm: &'a mut dyn FnMut(u8, u64),
}

impl Stack<'_> {
    fn load(&mut self, address: u64) -> Result<u64, UnwindError> {
        (self.read)(address).ok_or(UnwindError::Stack { address })
    }

    fn pop(&mut self) -> Result<u64, UnwindError> {
        let value = self.load(self.registers.gpr[RSP])?;
        self.release(8);
        Ok(value)
    }

    /// Addresses wrap as the processor's do; where that leads nowhere, the next read says so.
    fn release(&mut self, bytes: u32) {
        self.registers.gpr[RSP] = self.registers.gpr[RSP].wrapping_add(u64::from(bytes));
    }

    /// Undoes the prologue steps whose offset `is_done` accepts; true after a machine frame.
    fn undo(
        &mut self,
        info: &UnwindInfo,
        base: u64,
        is_done: impl Fn(&u8) -> bool,
        at: u32,
    ) -> Result<bool, UnwindError> {
        let mut machine_frame = false;
        for (_, code) in info.codes.iter().filter(|(offset, _)| is_done(offset)) {
            match *code {
                UnwindCode::Push { register } => {
                    let value = self.pop()?;
                    self.set(register, value, at)?;
                }
                UnwindCode::Allocate { size } => self.release(size),
                UnwindCode::SetFrame => {
                    let Some((register, above)) = info.frame else {
                        return Err(UnwindError::new(at, "sets a frame register but names none"));
                    };
                    let value = self.registers.gpr[usize::from(register)];
                    self.registers.gpr[RSP] = value.wrapping_sub(u64::from(above));
                }
                UnwindCode::Save { register, offset } => {
                    let value = self.load(base.wrapping_add(u64::from(offset)))?;
                    self.set(register, value, at)?;
                }
                UnwindCode::SaveXmm { register, offset } => {
                    (self.saved_xmm)(register, base.wrapping_add(u64::from(offset)));
                }
                UnwindCode::Epilogue => {}
                UnwindCode::MachineFrame { error_code } => {
                    if error_code {
                        self.release(8);
                    }
                    let frame = self.registers.gpr[RSP];
                    self.registers.rip = self.load(frame)?;
                    self.registers.gpr[RSP] = self.load(frame.wrapping_add(24))?;
                    machine_frame = true;
                }
            }
        }
        Ok(machine_frame)
    }

    fn set(&mut self, register: u8, value: u64, at: u32) -> Result<(), UnwindError> {
        match self.registers.gpr.get_mut(usize::from(register)) {
            Some(target) if usize::from(register) != RSP => {
                *target = value;
                Ok(())
            }
            _ => Err(UnwindError::new(at, "restores RSP as if it were saved on the stack")),
        }
    }

    fn leave(&mut self, step: epilogue::Step) -> Result<(), UnwindError> {
        match step {
            epilogue::Step::AddToRsp(bytes) => {
                self.registers.gpr[RSP] = self.registers.gpr[RSP].wrapping_add_signed(bytes);
            }
            epilogue::Step::RspFrom { register, above } => {
                let value = self.registers.gpr[usize::from(register)];
                self.registers.gpr[RSP] = value.wrapping_add_signed(above);
            }
            epilogue::Step::Pop(register) => {
                let value = self.pop()?;
                self.registers.gpr[usize::from(register)] = value;
            }
        }
        Ok(())
    }

    fn commit(self, registers: &mut Registers) {
        *registers = Registers { rsp: self.registers.gpr[RSP], ..self.registers };
    }
}

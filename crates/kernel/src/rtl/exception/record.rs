//! What a handler is shown: EXCEPTION_RECORD, CONTEXT and DISPATCHER_CONTEXT in guest memory.

use super::frames::Left;
use crate::cx::{Cx, RSP};
use crate::map;
use cpu::Cpu;
use nt::layout::{context, dispatcher_context as dispatcher, exception_record as record};

/// ExceptionFlags (winnt.h).
pub(crate) mod flags {
    /// EXCEPTION_NONCONTINUABLE.
    pub const NONCONTINUABLE: u32 = 0x1;
    /// EXCEPTION_UNWINDING.
    pub const UNWINDING: u32 = 0x2;
    /// EXCEPTION_TARGET_UNWIND.
    pub const TARGET_UNWIND: u32 = 0x20;
}

/// CONTEXT_AMD64 with control, integer, segment and floating-point parts (winnt.h).
const CONTEXT_PARTS: u32 = 0x0010_000f;
/// Selectors of kernel-mode code and data (wdm.h: KGDT64_R0_CODE, KGDT64_R0_DATA) and of user-mode
/// data (KGDT64_R3_DATA, KGDT64_R3_CMTEB, each with requestor privilege 3).
const CODE: u16 = 0x10;
const STACK: u16 = 0x18;
const DATA: u16 = 0x2b;
const TEB: u16 = 0x53;

/// Most parameters of an exception (winnt.h: EXCEPTION_MAXIMUM_PARAMETERS).
pub(crate) const MOST_PARAMETERS: usize = 15;

/// An exception.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exception {
    /// Code, an NTSTATUS value.
    pub code: u32,
    /// See [`flags`].
    pub flags: u32,
    /// EXCEPTION_RECORD that it goes back to, 0 for none.
    pub cause: u64,
    /// Instruction.
    pub address: u64,
    /// ExceptionInformation.
    pub parameters: Vec<u64>,
}

/// Where the structures for one exception lie, on the stack of who raised it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    /// CONTEXT; the lowest of them.
    pub context: u64,
    /// EXCEPTION_RECORD.
    pub record: u64,
    /// DISPATCHER_CONTEXT.
    pub dispatcher: u64,
}

impl Area {
    /// Room below the stack pointer; `None` where the stack has no more.
    pub fn below(cx: &Cx, rsp: u64) -> Option<Area> {
        let bytes = context::SIZE + record::SIZE + dispatcher::SIZE;
        let at = rsp.checked_sub(bytes)? & !0xf;
        let bottom = map::STACKS + u64::from(cx.id()) * map::STACK_STRIDE;
        // Room for the handler too.
        (at >= bottom + 0x400).then_some(Area {
            context: at,
            record: at + context::SIZE,
            dispatcher: at + context::SIZE + record::SIZE,
        })
    }

    /// Fills in the DISPATCHER_CONTEXT for one frame.
    pub fn show(&self, cx: &mut Cx, left: &Left, target: u64, scope: u32) {
        let module = &cx.modules[left.module];
        let base = module.base;
        let entry = left.frame.function.and_then(|function| module.unwind.entry(function));
        let at = self.dispatcher;
        let context = self.context;
        let memory = &mut cx.bus.memory;
        let rva = |rva: Option<u32>| rva.map_or(0, |rva| base + u64::from(rva));
        memory.fill(at, dispatcher::SIZE, 0);
        memory.poke64(at + dispatcher::CONTROL_PC, left.pc);
        memory.poke64(at + dispatcher::IMAGE_BASE, base);
        memory.poke64(at + dispatcher::FUNCTION_ENTRY, rva(entry));
        memory.poke64(at + dispatcher::ESTABLISHER_FRAME, left.frame.establisher);
        memory.poke64(at + dispatcher::TARGET_IP, target);
        memory.poke64(at + dispatcher::CONTEXT_RECORD, context);
        memory.poke64(at + dispatcher::LANGUAGE_HANDLER, rva(left.frame.handler));
        memory.poke64(at + dispatcher::HANDLER_DATA, rva(Some(left.frame.handler_data)));
        memory.poke32(at + dispatcher::SCOPE_INDEX, scope);
    }
}

/// Fills in an EXCEPTION_RECORD.
pub(crate) fn write_record(cx: &mut Cx, at: u64, exception: &Exception) {
    let memory = &mut cx.bus.memory;
    memory.fill(at, record::SIZE, 0);
    memory.poke32(at + record::EXCEPTION_CODE, exception.code);
    memory.poke32(at + record::EXCEPTION_FLAGS, exception.flags);
    memory.poke64(at + record::EXCEPTION_RECORD, exception.cause);
    memory.poke64(at + record::EXCEPTION_ADDRESS, exception.address);
    memory.poke32(at + record::NUMBER_PARAMETERS, exception.parameters.len() as u32);
    let mut place = at + record::EXCEPTION_INFORMATION;
    for &parameter in exception.parameters.iter().take(MOST_PARAMETERS) {
        memory.poke64(place, parameter);
        place += 8;
    }
}

/// Where a CONTEXT keeps a register, by its number in instructions: they lie in that order.
fn register(at: u64, number: usize) -> u64 {
    at + context::RAX + 8 * number as u64
}

/// Fills in a CONTEXT.
pub(crate) fn write_context(cx: &mut Cx, at: u64, cpu: &Cpu) {
    let memory = &mut cx.bus.memory;
    memory.fill(at, context::SIZE, 0);
    memory.poke32(at + context::CONTEXT_FLAGS, CONTEXT_PARTS);
    memory.poke32(at + context::MX_CSR, cpu.mxcsr);
    for (place, selector) in [
        (context::SEG_CS, CODE),
        (context::SEG_DS, DATA),
        (context::SEG_ES, DATA),
        (context::SEG_FS, TEB),
        (context::SEG_GS, DATA),
        (context::SEG_SS, STACK),
    ] {
        memory.poke16(at + place, selector);
    }
    memory.poke32(at + context::E_FLAGS, cpu.rflags() as u32);
    for (number, &value) in cpu.gpr.iter().enumerate() {
        memory.poke64(register(at, number), value);
    }
    memory.poke64(at + context::RIP, cpu.rip);
    for (place, value) in (at + context::XMM0..).step_by(16).zip(cpu.xmm) {
        memory.poke(place, &value.to_le_bytes());
    }
}

/// Registers from a CONTEXT, whichever of its parts it claims to have; the rest from `like`.
pub(crate) fn read_context(cx: &Cx, at: u64, like: &Cpu) -> Cpu {
    let memory = &cx.bus.memory;
    let mut cpu = like.clone();
    for (number, value) in cpu.gpr.iter_mut().enumerate() {
        *value = memory.view64(register(at, number));
    }
    cpu.rip = memory.view64(at + context::RIP);
    for (place, value) in (at + context::XMM0..).step_by(16).zip(&mut cpu.xmm) {
        let mut bytes = [0; 16];
        memory.view(place, &mut bytes);
        *value = u128::from_le_bytes(bytes);
    }
    let mut word = [0; 4];
    memory.view(at + context::E_FLAGS, &mut word);
    cpu.set_rflags(u32::from_le_bytes(word).into());
    cpu
}

/// The state of whoever called the service under way, as it will be at the return.
pub(crate) fn caller(cx: &mut Cx) -> Cpu {
    let rip = cx.caller();
    let mut cpu = cx.cpu().clone();
    cpu.rip = rip;
    cpu.gpr[RSP] = cpu.gpr[RSP].wrapping_add(8);
    cpu
}

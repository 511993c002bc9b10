//! Where it went wrong: the registers of the moment, and where they come from.

use super::view::View;
use evidence::crash_dump::{Dump, Exception, Machine, Registers};
use knowledge::Explained;
use knowledge::bugcheck::Kind;

/// Registers, and what they are of.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Where they come from, in words.
    pub source: String,
    /// The registers.
    pub registers: Registers,
    /// Whether they are those of the fault, and not of the call that stopped the machine.
    pub of_fault: bool,
}

/// Offset of a field in KTRAP_FRAME and the register that it keeps.
type Layout = &'static [(&'static str, u64)];

/// KTRAP_FRAME of x64, the same from Windows 7 on. Of the registers that a called function keeps, only
/// rbp is in it: the others have a place that only system calls fill.
const TRAP_X64: Layout = &[
    ("rax", 0x30),
    ("rcx", 0x38),
    ("rdx", 0x40),
    ("r8", 0x48),
    ("r9", 0x50),
    ("r10", 0x58),
    ("r11", 0x60),
    ("rbp", 0x158),
    ("rip", 0x168),
    ("eflags", 0x178),
    ("rsp", 0x180),
];
const RIP_X64: u64 = 0x168;
const CS_X64: u64 = 0x170;
const RSP_X64: u64 = 0x180;

/// KTRAP_FRAME of x86; Windows 8.1 moved the first three four bytes down, for it has no DbgArgPointer.
///
/// Source: the builds' public symbols, as <https://terminus.rewolf.pl/terminus/structures/ntdll/_KTRAP_FRAME_x86.html>
/// puts them side by side.
const VOLATILE_X86: Layout = &[("edx", 0x3c), ("ecx", 0x40), ("eax", 0x44)];
const TRAP_X86: Layout =
    &[("edi", 0x54), ("esi", 0x58), ("ebx", 0x5c), ("ebp", 0x60), ("eip", 0x68), ("eflags", 0x70)];
const WINDOWS_8_1: u32 = 9600;
const CS_X86: u64 = 0x6c;
/// A trap from kernel mode pushes no stack pointer: it is the address of this field.
const ESP_X86: u64 = 0x74;

/// The best registers that the dump has for what happened.
pub(super) fn find(dump: &Dump<'_>, view: &View<'_>, explained: &Explained) -> Option<Origin> {
    let header = dump.registers().filter(|registers| registers.pc != 0);
    let parameters = || explained.parameters.iter().zip(1..).filter(|(it, _)| it.value != 0);
    for (parameter, number) in parameters() {
        let found = match parameter.kind {
            Kind::Context => context_at(view, parameter.value)
                .map(|registers| (registers, "the context record of the exception")),
            Kind::Trap => {
                trap_frame_at(view, parameter.value).map(|registers| (registers, "the trap frame"))
            }
            _ => None,
        };
        if let Some((registers, what)) = found {
            let source = format!("{what}, parameter {number}");
            return Some(Origin { source, registers, of_fault: true });
        }
    }
    let codes = || parameters().filter(|(it, _)| it.kind == Kind::Code).map(|(it, _)| it.value);
    for code in codes() {
        if let Some(registers) = header.as_ref().filter(|it| it.pc == code) {
            let source = "the context record in the dump's header".to_owned();
            return Some(Origin { source, registers: registers.clone(), of_fault: true });
        }
        // A trap frame has what a called function may change, unwinding what it must keep.
        let unwound = header.as_ref().and_then(|it| super::stack::unwind_to(view, it, code));
        let sp = header.as_ref().map(|registers| registers.sp);
        let found = match (trap_frame_of(view, code, sp), unwound) {
            (Some((at, mut registers)), unwound) => {
                let more = unwound.into_iter().flat_map(|it| it.all);
                let more: Vec<_> = more.filter(|(name, _)| registers.get(name).is_none()).collect();
                registers.all.extend(more);
                Some((
                    registers,
                    format!("a trap frame on the stack at {at:#x}, found by its contents"),
                ))
            }
            (None, Some(registers)) => {
                Some((registers, "unwound from the call that stopped the machine".to_owned()))
            }
            (None, None) => None,
        };
        if let Some((registers, source)) = found {
            return Some(Origin { source, registers, of_fault: true });
        }
    }
    let source = "the context record in the dump's header".to_owned();
    let of_header = header.map(|registers| Origin { source, registers, of_fault: false });
    of_header.or_else(|| {
        let registers = dump.prcb_registers()?;
        let source =
            "the processor block: registers at the call that stopped the machine".to_owned();
        Some(Origin { source, registers, of_fault: false })
    })
}

/// The exception record that a parameter points at, or the header's.
pub(super) fn exception(
    dump: &Dump<'_>,
    view: &View<'_>,
    explained: &Explained,
) -> Option<Exception> {
    let mut records = explained.parameters.iter().filter(|it| it.kind == Kind::Exception);
    let found = records.find_map(|parameter| exception_at(view, parameter.value));
    found.or_else(|| dump.header.exception.clone().filter(|record| record.code != 0))
}

fn exception_at(view: &View<'_>, address: u64) -> Option<Exception> {
    let wide = view.bits() == 64;
    let size: u64 = if wide { 8 } else { 4 };
    let half = |at: u64| {
        let mut bytes = [0; 4];
        view.read(address.checked_add(at)?, &mut bytes).then(|| u32::from_le_bytes(bytes))
    };
    let word = |at: u64| view.pointer(address.checked_add(at)?);
    let (code, flags) = (half(0)?, half(4)?);
    let at = word(8 + size)?;
    let count = half(8 + 2 * size)?;
    // EXCEPTION_MAXIMUM_PARAMETERS of winnt.h.
    if count > 15 || code == 0 {
        return None;
    }
    let first = if wide { 32 } else { 20 };
    let parameters =
        (0..u64::from(count)).map(|index| word(first + index * size)).collect::<Option<_>>()?;
    Some(Exception { offset: 0, code, flags, address: at, parameters })
}

fn context_at(view: &View<'_>, address: u64) -> Option<Registers> {
    let size = match view.machine() {
        Machine::X64 => 0x4d0,
        Machine::X86 => 0x2cc,
        Machine::Arm64 => 0x390,
        Machine::Other(_) => return None,
    };
    let mut bytes = vec![0; size];
    let found = view.read(address, &mut bytes);
    found.then(|| Registers::parse(view.machine(), &bytes)).flatten().filter(|it| it.pc != 0)
}

/// The registers that a trap frame keeps.
fn trap_frame_at(view: &View<'_>, address: u64) -> Option<Registers> {
    let word = |at: u64| view.pointer(address.checked_add(at)?);
    let (layout, pc, sp, cs) = match view.machine() {
        Machine::X64 => (TRAP_X64, "rip", "rsp", CS_X64),
        Machine::X86 => (TRAP_X86, "eip", "esp", CS_X86),
        Machine::Arm64 | Machine::Other(_) => return None,
    };
    let mut all =
        layout.iter().map(|&(name, at)| Some((name, word(at)?))).collect::<Option<Vec<_>>>()?;
    let segment = word(cs)? & 0xffff;
    if view.machine() == Machine::X86 {
        let moved = if view.build() >= WINDOWS_8_1 { 4 } else { 0 };
        for &(name, at) in VOLATILE_X86 {
            all.push((name, word(at - moved)?));
        }
        let from_kernel = segment & 3 == 0;
        let own = address.checked_add(ESP_X86)?;
        all.push(("esp", if from_kernel { own } else { word(ESP_X86)? }));
    }
    // Flags are 32 bits wide; above them the frame has something else.
    for (name, value) in &mut all {
        if *name == "eflags" {
            *value &= 0xffff_ffff;
        }
    }
    let get = |name| all.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
    let (pc, sp) = (get(pc)?, get(sp)?);
    Some(Registers { all, pc, sp, context_flags: 0 })
}

/// A trap frame on the stack whose instruction pointer is `code`: code and stack segments are the
/// kernel's and the stack pointer leads into the same stack.
fn trap_frame_of(view: &View<'_>, code: u64, sp: Option<u64>) -> Option<(u64, Registers)> {
    let (start, bytes) = super::stack::region(view, sp?)?;
    let word =
        |at: usize| Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?));
    if view.machine() != Machine::X64 {
        return trap_frame_of_x86(view, code, start, &bytes);
    }
    let end = start.checked_add(bytes.len() as u64)?;
    for at in (0..bytes.len().saturating_sub(0x28)).step_by(8) {
        let here = |offset: u64| word(at + (offset - RIP_X64) as usize);
        if here(RIP_X64)? != code || here(CS_X64)? & 0xffff != 0x10 {
            continue;
        }
        let own_sp = here(RSP_X64)?;
        let address = (start + at as u64).checked_sub(RIP_X64);
        if (start..=end).contains(&own_sp)
            && let Some(address) = address
            && let Some(registers) = trap_frame_at(view, address)
        {
            return Some((address, registers));
        }
    }
    None
}

fn trap_frame_of_x86(
    view: &View<'_>,
    code: u64,
    start: u64,
    bytes: &[u8],
) -> Option<(u64, Registers)> {
    let words: Vec<u64> = bytes
        .chunks_exact(4)
        .map(|four| u64::from(u32::from_le_bytes([four[0], four[1], four[2], four[3]])))
        .collect();
    let at = words.windows(2).position(|pair| pair[0] == code && pair[1] & 0xffff == 0x8)?;
    let address = (start + 4 * at as u64).checked_sub(0x68)?;
    Some((address, trap_frame_at(view, address)?))
}

//! `UNWIND_INFO` and its unwind codes.

use super::{Module, UnwindError};
use crate::functions::Function;

const FLAG_EHANDLER: u8 = 1;
const FLAG_UHANDLER: u8 = 2;
const FLAG_CHAININFO: u8 = 4;

/// What one step of a function's prologue does. Sizes and offsets are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnwindCode {
    /// `push register`.
    Push {
        /// Register number, 0 (RAX) to 15 (R15).
        register: u8,
    },
    /// `sub rsp, size`.
    Allocate {
        /// Bytes taken from the stack.
        size: u32,
    },
    /// `lea frame register, [rsp + frame offset]`.
    SetFrame,
    /// `mov [frame base + offset], register`.
    Save {
        /// Register number, 0 (RAX) to 15 (R15).
        register: u8,
        /// Bytes above the start of the fixed allocation.
        offset: u32,
    },
    /// `movaps [frame base + offset], xmm register`.
    SaveXmm {
        /// Register number, 0 to 15.
        register: u8,
        /// Bytes above the start of the fixed allocation.
        offset: u32,
    },
    /// The processor pushed SS, RSP, RFLAGS, CS, RIP and perhaps an error code.
    MachineFrame {
        /// Whether there is an error code.
        error_code: bool,
    },
    /// Version 2: where an epilogue lies. Nothing to undo.
    Epilogue,
}

/// The unwind information of one function table entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwindInfo {
    /// Bytes of the prologue.
    pub prologue_size: u8,
    /// Frame register and what it lies above RSP, in bytes, where there is one.
    pub frame: Option<(u8, u32)>,
    /// Prologue steps, last one first, each with the offset in the function after its instruction.
    pub codes: Vec<(u8, UnwindCode)>,
    /// RVA of the language-specific handler.
    pub handler: Option<u32>,
    /// RVA of the handler's data, where there is a handler.
    pub handler_data: u32,
    /// Whether the handler wants exceptions (`UNW_FLAG_EHANDLER`).
    pub handles_exceptions: bool,
    /// Whether the handler wants unwinds (`UNW_FLAG_UHANDLER`).
    pub handles_unwinds: bool,
    /// The entry that this one continues.
    pub chained: Option<Function>,
}

/// Reads the unwind information of `function`.
///
/// # Errors
/// Information that lies outside the image, of an unknown version, or with an unknown code.
pub fn read_info(module: &Module<'_>, function: Function) -> Result<UnwindInfo, UnwindError> {
    let at = resolve(module, function)?.unwind;
    let past = || UnwindError::new(at, "reaches past 4 GiB");
    let [version_flags, prologue_size, count, frame] = module.bytes(at)?;
    let version = version_flags & 7;
    if !(1..=2).contains(&version) {
        return Err(UnwindError::new(at, format!("has version {version}, which is not supported")));
    }
    let flags = version_flags >> 3;
    let mut slots = [0u16; 256];
    let mut rva = at.checked_add(4).ok_or_else(past)?;
    for slot in &mut slots[..usize::from(count)] {
        *slot = u16::from_le_bytes(module.bytes(rva)?);
        rva = rva.checked_add(2).ok_or_else(past)?;
    }
    let codes = decode(&slots[..usize::from(count)], version, at)?;

    // The array has an even number of slots, so that what follows is aligned.
    let tail = if count % 2 == 0 { rva } else { rva.checked_add(2).ok_or_else(past)? };
    let chained = (flags & FLAG_CHAININFO != 0).then(|| read_function(module, tail)).transpose()?;
    let has_handler = flags & (FLAG_EHANDLER | FLAG_UHANDLER) != 0 && chained.is_none();
    let handler = has_handler.then(|| module.u32(tail)).transpose()?;
    Ok(UnwindInfo {
        prologue_size,
        frame: (frame & 15 != 0).then_some((frame & 15, u32::from(frame >> 4) * 16)),
        codes,
        handler,
        handler_data: tail.checked_add(4).ok_or_else(past)?,
        handles_exceptions: has_handler && flags & FLAG_EHANDLER != 0,
        handles_unwinds: has_handler && flags & FLAG_UHANDLER != 0,
        chained,
    })
}

/// Follows an entry whose unwind field points to another entry (bit 0 set), once.
pub(crate) fn resolve(module: &Module<'_>, function: Function) -> Result<Function, UnwindError> {
    if function.unwind & 1 == 0 {
        return Ok(function);
    }
    let found = read_function(module, function.unwind & !1)?;
    if found.unwind & 1 != 0 {
        return Err(UnwindError::new(function.unwind, "is an indirection to an indirection"));
    }
    Ok(found)
}

fn read_function(module: &Module<'_>, rva: u32) -> Result<Function, UnwindError> {
    let bytes: [u8; 12] = module.bytes(rva)?;
    let word = |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
    let function = Function { begin: word(0), end: word(4), unwind: word(8) };
    if function.begin >= function.end {
        return Err(UnwindError::new(rva, "chains to a function that ends before it begins"));
    }
    Ok(function)
}

fn decode(slots: &[u16], version: u8, at: u32) -> Result<Vec<(u8, UnwindCode)>, UnwindError> {
    let mut codes = Vec::with_capacity(slots.len());
    let mut rest = slots.iter().copied();
    let cut = || UnwindError::new(at, "has a code that lacks its operand");
    while let Some(slot) = rest.next() {
        let [offset, operation] = slot.to_le_bytes();
        let (operation, info) = (operation & 15, operation >> 4);
        let mut short = || rest.next().map(u32::from).ok_or_else(cut);
        let code = match operation {
            0 => UnwindCode::Push { register: info },
            1 if info == 0 => UnwindCode::Allocate { size: short()? * 8 },
            1 if info == 1 => UnwindCode::Allocate { size: short()? | short()? << 16 },
            2 => UnwindCode::Allocate { size: u32::from(info) * 8 + 8 },
            3 => UnwindCode::SetFrame,
            4 => UnwindCode::Save { register: info, offset: short()? * 8 },
            5 => UnwindCode::Save { register: info, offset: short()? | short()? << 16 },
            6 if version == 2 => UnwindCode::Epilogue,
            8 => UnwindCode::SaveXmm { register: info, offset: short()? * 16 },
            9 => UnwindCode::SaveXmm { register: info, offset: short()? | short()? << 16 },
            10 if info <= 1 => UnwindCode::MachineFrame { error_code: info == 1 },
            _ => {
                let problem = format!("has code {operation} with {info}, which is not supported");
                return Err(UnwindError::new(at, problem));
            }
        };
        codes.push((offset, code));
    }
    Ok(codes)
}

//! Whether RIP is in an epilogue ("x64 prolog and epilog", Epilog code).
//!
//! An epilogue is `add rsp, constant` or `lea rsp, constant[frame register]`, then pops, then a return or
//! a jump out of the function, and nothing else. What is left of one from RIP on is enough to know it.

use super::walk::primary;
use super::{Module, RSP, UnwindError};
use crate::functions::Function;

/// More pops than there are registers are no epilogue.
const MAX_POPS: usize = 16;

/// An instruction of an epilogue before its return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// `add rsp, constant`.
    AddToRsp(i64),
    /// `lea rsp, [register + constant]`.
    RspFrom { register: u8, above: i64 },
    /// `pop register`.
    Pop(u8),
}

/// The steps that are left of the epilogue that `rva` is in, before the return address is popped.
pub(crate) fn find(
    module: &Module<'_>,
    function: Function,
    frame: Option<(u8, u32)>,
    rva: u32,
) -> Result<Option<Vec<Step>>, UnwindError> {
    let mut code = Code { bytes: module.memory.get(rva as usize..).unwrap_or_default(), rva };
    let mut steps = Vec::new();
    if let Some((step, length)) = code.release(frame) {
        steps.push(step);
        code.skip(length);
    }
    while let Some((register, length)) = code.pop() {
        if steps.len() > MAX_POPS || usize::from(register) == RSP {
            return Ok(None);
        }
        steps.push(Step::Pop(register));
        code.skip(length);
    }
    let leaves = match code.exit(!steps.is_empty()) {
        None => false,
        Some(Exit::Return | Exit::Elsewhere) => true,
        Some(Exit::Jump(target)) => is_outside(module, function, target)?,
    };
    Ok(leaves.then_some(steps))
}

/// Whether a jump to `target` leaves the procedure that `function` is (a part of). A jump to its own
/// first byte does: it is a call in tail position to itself.
fn is_outside(
    module: &Module<'_>,
    function: Function,
    target: Option<u32>,
) -> Result<bool, UnwindError> {
    let Some(target) = target else { return Ok(true) };
    if function.contains(target) && target != function.begin {
        return Ok(false);
    }
    let own = primary(module, function)?;
    if target == own.begin {
        return Ok(true);
    }
    match module.function_at(target) {
        Some(other) => Ok(primary(module, other)? != own),
        None => Ok(true),
    }
}

enum Exit {
    Return,
    /// `jmp` to an RVA; `None` where that is outside any image.
    Jump(Option<u32>),
    /// `jmp` through memory, such as an import.
    Elsewhere,
}

struct Code<'a> {
    bytes: &'a [u8],
    rva: u32,
}

impl Code<'_> {
    fn skip(&mut self, length: u8) {
        self.bytes = self.bytes.get(usize::from(length)..).unwrap_or_default();
        self.rva = self.rva.saturating_add(u32::from(length));
    }

    fn release(&self, frame: Option<(u8, u32)>) -> Option<(Step, u8)> {
        match *self.bytes {
            [0x48, 0x83, 0xc4, imm, ..] => Some((Step::AddToRsp(i64::from(imm as i8)), 4)),
            [0x48, 0x81, 0xc4, a, b, c, d, ..] => {
                Some((Step::AddToRsp(i64::from(i32::from_le_bytes([a, b, c, d]))), 7))
            }
            [rex @ (0x48 | 0x49), 0x8d, modrm, ..] if modrm & 0x38 == 0x20 => {
                let register = (modrm & 7) | ((rex & 1) << 3);
                // R12 needs a SIB byte that says "no index"; RSP itself is no frame register.
                let sib = usize::from(modrm & 7 == 4);
                if frame.is_none_or(|(frame, _)| frame != register)
                    || (sib == 1 && self.bytes.get(3) != Some(&0x24))
                {
                    return None;
                }
                let rest = self.bytes.get(3 + sib..)?;
                let (above, size) = match (modrm >> 6, rest) {
                    (1, [imm, ..]) => (i64::from(*imm as i8), 1),
                    (2, [a, b, c, d, ..]) => (i64::from(i32::from_le_bytes([*a, *b, *c, *d])), 4),
                    (0, _) if modrm & 7 != 5 => (0, 0),
                    _ => return None,
                };
                Some((Step::RspFrom { register, above }, 3 + sib as u8 + size))
            }
            _ => None,
        }
    }

    fn pop(&self) -> Option<(u8, u8)> {
        match *self.bytes {
            [op @ 0x58..=0x5f, ..] => Some((op & 7, 1)),
            [0x41, op @ 0x58..=0x5f, ..] => Some(((op & 7) + 8, 2)),
            _ => None,
        }
    }

    fn exit(&self, given_up: bool) -> Option<Exit> {
        let jump = |length: u32, by: i32| {
            Exit::Jump(self.rva.checked_add(length).and_then(|next| next.checked_add_signed(by)))
        };
        match *self.bytes {
            [0xc3 | 0xc2, ..] | [0xf3, 0xc3, ..] => Some(Exit::Return),
            [0xeb, by, ..] => Some(jump(2, i32::from(by as i8))),
            [0xe9, a, b, c, d, ..] => Some(jump(5, i32::from_le_bytes([a, b, c, d]))),
            // `jmp [rip + x]`: an import.
            [0xff, 0x25, ..] => Some(Exit::Elsewhere),
            // Microsoft's compiler marks a call in tail position by REX.W, to tell it from a switch.
            [0x48..=0x4f, 0xff, modrm, ..] if modrm & 0x38 == 0x20 => Some(Exit::Elsewhere),
            // Others do not; once the frame has been given up, a jump cannot be a switch.
            [0xff, modrm, ..] | [0x41, 0xff, modrm, ..] if modrm & 0x38 == 0x20 && given_up => {
                Some(Exit::Elsewhere)
            }
            _ => None,
        }
    }
}

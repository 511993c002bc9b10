//! Code of a dump as text, between two places.

use crate::arm64;
use crate::crash::{Line, Spot};
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind};
use listing::{Isa, Places, Printer, Syntax, place};

/// Where code is, and what its addresses are called.
pub(crate) trait CodeSpace {
    /// What the code is for; `None` where it is not disassembled.
    fn isa(&self) -> Option<Isa>;
    /// At most `length` bytes at `address`.
    fn bytes(&self, address: u64, length: usize) -> Vec<u8>;
    /// The pointer that stands at `address`.
    fn pointer(&self, address: u64) -> Option<u64>;
    /// What `address` is called; of a return address, the call before it.
    fn spot(&self, address: u64, is_return: bool) -> Option<Spot>;
    /// First byte of the function that holds `address`, and the one behind it where that is known.
    fn function(&self, address: u64) -> Option<(u64, Option<u64>)>;
    /// Base of a module by its name, short or whole; the first module for an empty name.
    fn base(&self, module: &str) -> Option<u64>;
    /// Address of a symbol in a module, or in any for an empty name.
    fn symbol(&self, module: &str, name: &str) -> Option<u64>;
}

/// Longest x86 instruction, in bytes.
pub(crate) const LONGEST: usize = 15;

/// Most instructions of one listing.
pub(crate) const MOST_LINES: usize = 1 << 20;

/// Bytes read at a time.
const PIECE: usize = 1 << 16;

/// A line of a listing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// The instruction.
    #[serde(flatten)]
    pub line: Line,
    /// The function that begins here: `fifo!DispatchRead`.
    pub label: Option<String>,
    /// Source file and line, where they differ from those of the line before.
    pub source: Option<(String, u32)>,
}

/// A [`CodeSpace`] as places are asked of it.
struct Asked<'s>(&'s dyn CodeSpace);

impl Places for Asked<'_> {
    fn base(&self, module: &str) -> Option<u64> {
        self.0.base(module)
    }

    fn symbol(&self, module: &str, name: &str) -> Option<u64> {
        self.0.symbol(module, name)
    }
}

/// The code from `from` to before `to`; without `to`, to the end of its function, or `count` instructions
/// where that is not known.
///
/// # Errors
/// A sentence: no bytes are to be had, or the code is of another processor.
pub(crate) fn list(
    space: &dyn CodeSpace,
    from: u64,
    to: Option<u64>,
    count: usize,
    syntax: Syntax,
) -> Result<Vec<Listed>, String> {
    let Some(isa) = space.isa() else {
        return Err("code of this processor is not disassembled".to_owned());
    };
    let end =
        to.or_else(|| space.function(from).and_then(|(_, end)| end).filter(|end| *end > from));
    let most = if end.is_some() { MOST_LINES } else { count };
    let Isa::X86(bits) = isa else { return arm64_list(space, from, end, most) };
    let mut listed: Vec<Listed> = Vec::new();
    let mut printer = Printer::new(syntax);
    let mut at = from;
    let mut last_source = None;
    while end.is_none_or(|end| at < end) && listed.len() < most {
        let room = end
            .map_or(PIECE, |end| usize::try_from(end - at).map_or(PIECE, |room| room.min(PIECE)));
        let bytes = space.bytes(at, room.max(LONGEST));
        let decoded = decode(bits, at, &bytes, most - listed.len());
        // What is cut by the end of the piece is read again with the next one.
        let whole = decoded.iter().filter(|it| {
            bytes.len() < PIECE || it.0.next_ip().wrapping_sub(at) < (bytes.len() - LONGEST) as u64
        });
        let before = listed.len();
        for (instruction, bytes) in whole {
            if end.is_some_and(|end| instruction.ip() >= end) {
                break;
            }
            listed.push(one(space, &mut printer, instruction, bytes, &mut last_source));
        }
        match decoded.get((listed.len() - before).wrapping_sub(1)) {
            Some((last, _)) if listed.len() > before => at = last.next_ip(),
            _ => break,
        }
    }
    if listed.is_empty() { Err(no_code(from)) } else { Ok(listed) }
}

fn no_code(from: u64) -> String {
    format!("no code is to be had at {from:#x}: neither the dump nor an image holds it")
}

fn arm64_list(
    space: &dyn CodeSpace,
    from: u64,
    end: Option<u64>,
    most: usize,
) -> Result<Vec<Listed>, String> {
    let mut listed = Vec::new();
    let (mut at, mut last) = (from, None);
    while listed.len() < most && end.is_none_or(|end| at < end) {
        let room = end.and_then(|end| usize::try_from(end - at).ok()).unwrap_or(PIECE).min(PIECE);
        let wanted = room.min((most - listed.len()).saturating_mul(arm64::SIZE));
        let bytes = space.bytes(at, wanted.next_multiple_of(arm64::SIZE));
        let lines = arm64::lines(space, at, &bytes, u64::MAX);
        let Some(next) = lines.last().and_then(|line| line.address.checked_add(4)) else { break };
        at = next;
        listed.extend(lines.into_iter().map(|line| told(space, line, &mut last)));
    }
    if listed.is_empty() { Err(no_code(from)) } else { Ok(listed) }
}

fn one(
    space: &dyn CodeSpace,
    printer: &mut Printer,
    instruction: &Instruction,
    bytes: &[u8],
    last: &mut Option<(String, u32)>,
) -> Listed {
    told(space, line(space, printer, instruction, bytes, false), last)
}

/// A line with its label and its source, where these begin or change.
fn told(space: &dyn CodeSpace, line: Line, last: &mut Option<(String, u32)>) -> Listed {
    let spot = space.spot(line.address, false);
    let starts = spot.as_ref().filter(|spot| spot.function.is_some() && spot.offset == 0);
    let source = spot.as_ref().and_then(|spot| Some((spot.file.clone()?, spot.line?)));
    let changed = source.clone().filter(|_| source != *last);
    if source.is_some() {
        *last = source;
    }
    Listed { label: starts.map(Spot::text), source: changed, line }
}

pub(crate) fn line(
    space: &dyn CodeSpace,
    printer: &mut Printer,
    instruction: &Instruction,
    bytes: &[u8],
    current: bool,
) -> Line {
    let (own, slot) = targets(space, instruction);
    let mut names = printer.names();
    if !own.is_empty() {
        names.immediate = format!("{own} ({:x})", instruction.near_branch_target());
    }
    drop(names);
    let mut text = String::new();
    printer.print(instruction, &mut text);
    printer.names().immediate.clear();
    if !slot.is_empty() {
        text = format!("{text}  ; {slot}");
    }
    let bytes = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Line { address: instruction.ip(), bytes, text, current }
}

pub(crate) fn decode(
    bits: u32,
    start: u64,
    bytes: &[u8],
    most: usize,
) -> Vec<(Instruction, Vec<u8>)> {
    let mut decoder = Decoder::with_ip(bits, bytes, start, DecoderOptions::NONE);
    let mut found = Vec::new();
    while decoder.can_decode() && found.len() < most {
        let at = decoder.position();
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            break;
        }
        found.push((instruction, bytes[at..decoder.position()].to_vec()));
    }
    found
}

/// Where a jump or call leads: by its operand, or by what stands in the memory that the operand means.
fn targets(space: &dyn CodeSpace, instruction: &Instruction) -> (String, String) {
    let name = |to: u64| space.spot(to, false).map(|spot| spot.text()).unwrap_or_default();
    match instruction.op0_kind() {
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            (name(instruction.near_branch_target()), String::new())
        }
        OpKind::Memory
            if instruction.is_ip_rel_memory_operand()
                && (instruction.is_call_near_indirect() || instruction.is_jmp_near_indirect()) =>
        {
            let to = space.pointer(instruction.ip_rel_memory_address());
            (String::new(), to.map(name).unwrap_or_default())
        }
        _ => Default::default(),
    }
}

pub(crate) fn between(
    space: &dyn CodeSpace,
    from: &str,
    to: Option<&str>,
    count: usize,
    syntax: Syntax,
) -> Result<Vec<Listed>, String> {
    let place = |text: &str| place(&Asked(space), text).map_err(|it| it.0);
    let start = place(from)?;
    let end = to.map(place).transpose()?;
    if end.is_some_and(|end| end <= start) {
        return Err(format!("{} does not lie behind {from}", to.unwrap_or_default()));
    }
    list(space, start, end, count, syntax)
}

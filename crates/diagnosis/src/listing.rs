//! Code as text: from a dump or from an image, between two places.

use crate::arm64;
use crate::crash::{Line, Spot};
use crate::program::Program;
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, MasmFormatter, OpKind};

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

/// Instruction sets that are disassembled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// x86 or x64: bits of its addresses.
    X86(u32),
    Arm64,
}

impl Isa {
    /// That of an image.
    fn of(machine: pe::Machine) -> Option<Self> {
        match machine {
            pe::Machine::Amd64 => Some(Self::X86(64)),
            pe::Machine::I386 => Some(Self::X86(32)),
            pe::Machine::Arm64 => Some(Self::Arm64),
            _ => None,
        }
    }
}

/// Longest x86 instruction, in bytes.
pub(crate) const LONGEST: usize = 15;

/// Most instructions of one listing.
pub const MOST_LINES: usize = 1 << 20;

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

/// A place in code, as people write it: `nt!KeBugCheckEx+0x12`, `fifo+0x1040`, `DriverEntry`,
/// `0xfffff80112345678`, ``fffff801`12345678``.
///
/// # Errors
/// A sentence that says what of it is not there.
pub(crate) fn place(space: &dyn CodeSpace, text: &str) -> Result<u64, String> {
    let (name, offset) = match text.rsplit_once('+') {
        Some((name, offset)) if !name.is_empty() => {
            let digits = offset.strip_prefix("0x").unwrap_or(offset);
            let offset = u64::from_str_radix(digits, 16)
                .map_err(|_| format!("`{offset}` is no offset in hexadecimal"))?;
            (name, offset)
        }
        _ => (text, 0),
    };
    let add = |start: u64| {
        start.checked_add(offset).ok_or_else(|| format!("`{text}` lies beyond all addresses"))
    };
    if let Some((module, symbol)) = name.split_once('!') {
        let Some(_) = space.base(module) else {
            return Err(format!("there is no module {module}"));
        };
        return match space.symbol(module, symbol) {
            Some(start) => add(start),
            None => Err(format!(
                "{module} has no symbol {symbol} that is known; --images or --symbols may"
            )),
        };
    }
    let digits = name.replace('`', "");
    let hexadecimal = digits.strip_prefix("0x");
    let digits = hexadecimal.unwrap_or(&digits);
    if let Some(start) = space.symbol("", name) {
        return add(start);
    }
    // Without a prefix a few digits may as well be a name.
    if (digits.len() >= 3 || hexadecimal.is_some())
        && let Ok(start) = u64::from_str_radix(digits, 16)
    {
        return add(start);
    }
    match space.base(name) {
        Some(base) if offset > 0 => add(base),
        _ => Err(format!(
            "`{name}` is no symbol that is known, no module with an offset, and no address"
        )),
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
) -> Result<Vec<Listed>, String> {
    let Some(isa) = space.isa() else {
        return Err("code of this processor is not disassembled".to_owned());
    };
    let end =
        to.or_else(|| space.function(from).and_then(|(_, end)| end).filter(|end| *end > from));
    let most = if end.is_some() { MOST_LINES } else { count };
    let Isa::X86(bits) = isa else { return arm64_list(space, from, end, most) };
    let mut listed: Vec<Listed> = Vec::new();
    let mut formatter = formatter();
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
            listed.push(one(space, &mut formatter, instruction, bytes, &mut last_source));
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
    formatter: &mut MasmFormatter,
    instruction: &Instruction,
    bytes: &[u8],
    last: &mut Option<(String, u32)>,
) -> Listed {
    told(space, line(space, formatter, instruction, bytes, false), last)
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
    formatter: &mut MasmFormatter,
    instruction: &Instruction,
    bytes: &[u8],
    current: bool,
) -> Line {
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    let target = target(space, instruction);
    if !target.is_empty() {
        text = format!("{text}  ; {target}");
    }
    let bytes = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Line { address: instruction.ip(), bytes, text, current }
}

pub(crate) fn formatter() -> MasmFormatter {
    let mut formatter = MasmFormatter::new();
    let options = formatter.options_mut();
    options.set_first_operand_char_index(8);
    options.set_rip_relative_addresses(false);
    options.set_branch_leading_zeros(false);
    formatter
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

/// Where a direct jump or call, or one through an import, leads.
fn target(space: &dyn CodeSpace, instruction: &Instruction) -> String {
    let to = match instruction.op0_kind() {
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            Some(instruction.near_branch_target())
        }
        OpKind::Memory
            if instruction.is_ip_rel_memory_operand()
                && (instruction.is_call_near_indirect() || instruction.is_jmp_near_indirect()) =>
        {
            let slot = instruction.ip_rel_memory_address();
            // An image on disk has no addresses there, but the name of the import.
            if let Some(spot) = space.spot(slot, false).filter(|spot| spot.module == IMPORT) {
                return spot.function.unwrap_or_default();
            }
            space.pointer(slot)
        }
        _ => None,
    };
    to.and_then(|to| space.spot(to, false)).map(|spot| spot.text()).unwrap_or_default()
}

/// Module of a spot that is a slot of the import address table.
const IMPORT: &str = "(import)";

/// An image by itself, at the address that it prefers.
pub(crate) struct OneImage<'a> {
    program: &'a Program,
    name: &'a str,
    base: u64,
    size: u64,
    isa: Option<Isa>,
    /// RVA and name of each slot of the import address table, in order.
    imports: Vec<(u32, String)>,
}

impl<'a> OneImage<'a> {
    pub fn new(program: &'a Program, name: &'a str) -> Self {
        let image = program.image();
        let isa = Isa::of(image.machine());
        let mut imports = Vec::new();
        for module in image.imports().unwrap_or_default() {
            let own = crate::crash::short(&module.name).to_owned();
            for entry in module.entries {
                let name = match entry.target {
                    pe::ImportTarget::Name { name, .. } => format!("{own}!{name}"),
                    pe::ImportTarget::Ordinal(number) => format!("{own}!#{number}"),
                };
                imports.push((entry.iat_rva, name));
            }
        }
        imports.sort();
        let (base, size) = (image.image_base(), image.size_of_image().into());
        Self { program, name, base, size, isa, imports }
    }

    fn rva(&self, address: u64) -> Option<u64> {
        address.checked_sub(self.base).filter(|rva| *rva < self.size)
    }
}

impl CodeSpace for OneImage<'_> {
    fn isa(&self) -> Option<Isa> {
        self.isa
    }

    fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        self.rva(address).map(|rva| self.program.bytes(rva, length)).unwrap_or_default()
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        let bytes = self.bytes(address, if self.isa == Some(Isa::X86(32)) { 4 } else { 8 });
        (bytes.len() >= 4)
            .then(|| bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    fn spot(&self, address: u64, is_return: bool) -> Option<Spot> {
        let rva = self.rva(address)?;
        let slot = u32::try_from(rva).ok()?;
        if let Ok(index) = self.imports.binary_search_by_key(&slot, |import| import.0) {
            let function = Some(self.imports[index].1.clone());
            let module = IMPORT.to_owned();
            return Some(Spot { module, rva, function, offset: 0, file: None, line: None });
        }
        Some(Spot::of(self.name, rva, self.program, is_return))
    }

    fn function(&self, address: u64) -> Option<(u64, Option<u64>)> {
        let (begin, end) = self.program.extent(self.rva(address)?)?;
        Some((self.base.checked_add(begin)?, end.and_then(|end| self.base.checked_add(end))))
    }

    fn base(&self, module: &str) -> Option<u64> {
        let own = [self.name, crate::crash::short(self.name), ""];
        own.iter().any(|name| name.eq_ignore_ascii_case(module)).then_some(self.base)
    }

    fn symbol(&self, module: &str, name: &str) -> Option<u64> {
        self.base(module)?;
        self.base.checked_add(self.program.symbols().function(name)?.into())
    }
}

/// The code of an image file from `from` to before `to`, as [`crate::crash::disassemble`] does for a dump.
///
/// # Errors
/// A sentence that says what is missing.
pub fn disassemble(
    program: &Program,
    name: &str,
    from: &str,
    to: Option<&str>,
    count: usize,
) -> Result<Vec<Listed>, String> {
    between(&OneImage::new(program, name), from, to, count)
}

pub(crate) fn between(
    space: &dyn CodeSpace,
    from: &str,
    to: Option<&str>,
    count: usize,
) -> Result<Vec<Listed>, String> {
    let start = place(space, from)?;
    let end = to.map(|to| place(space, to)).transpose()?;
    if end.is_some_and(|end| end <= start) {
        return Err(format!("{} does not lie behind {from}", to.unwrap_or_default()));
    }
    list(space, start, end, count)
}

//! `DriverEntry`, followed along all its ways for what it stores into the driver object.
//!
//! Source of the offsets: `DRIVER_OBJECT` and `DRIVER_EXTENSION` of wdm.h, for x64 as in `nt::layout`; and the
//! default value of the security cookie, which the linker's entry looks for (Microsoft's run-time, gs_support.c).

use super::values::{State, Value};
use crate::isa::Isa;
use crate::unit::Unit;
use iced_x86::{
    ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register,
};
use std::collections::BTreeMap;

/// Values of a cookie that was never set, of 64 and 32 bits.
const COOKIES: [u64; 2] = [0x2b99_2ddf_a232, 0xbb40_e64e];
/// Instructions that are followed at most, over all functions.
const MOST_STEPS: usize = 100_000;
/// Functions within functions.
const DEEPEST: usize = 6;
const MAJORS: i64 = nt::irp::IRP_MJ_MAXIMUM_FUNCTION as i64 + 1;

/// Where the fields of a driver object are, by the processor.
struct Layout {
    extension: i64,
    add_device: i64,
    fast_io: i64,
    start_io: i64,
    unload: i64,
    majors: i64,
    pointer: i64,
}

const X64: Layout = Layout {
    extension: 0x30,
    add_device: 8,
    fast_io: 0x50,
    start_io: 0x60,
    unload: 0x68,
    majors: 0x70,
    pointer: 8,
};
const X86: Layout = Layout {
    extension: 0x18,
    add_device: 4,
    fast_io: 0x28,
    start_io: 0x30,
    unload: 0x34,
    majors: 0x38,
    pointer: 4,
};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The function that stores into the driver object first, or is given it by one that sets the cookie.
    pub entry: Option<u64>,
    /// Whether the cookie is set on the way to it.
    pub has_cookie: bool,
    /// Stored routines by major, each with the address of the instruction: the last one counts.
    majors: BTreeMap<u8, (u64, u64)>,
    /// From this major on all have this routine, unless they have one of their own.
    all: Option<(u8, u64)>,
    others: BTreeMap<&'static str, (u64, u64)>,
}

impl Found {
    /// Major function and its routine.
    pub fn majors(&self) -> impl Iterator<Item = (u8, u64)> {
        let of = |major: u8| {
            let all = self.all.filter(|(first, _)| *first <= major).map(|it| it.1);
            self.majors.get(&major).map(|it| it.0).or(all).map(|routine| (major, routine))
        };
        (0..=nt::irp::IRP_MJ_MAXIMUM_FUNCTION).filter_map(of)
    }

    /// Name of a field of the driver object, and its routine.
    pub fn others(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.others.iter().map(|(name, (routine, _))| (*name, *routine))
    }
}

/// Follows the code from the image's entry.
pub(super) fn follow(unit: &Unit<'_>, start: u64, cookie: Option<u64>) -> Found {
    let Isa::X86(bits) = unit.isa else { return Found::default() };
    let layout = if bits == 64 { &X64 } else { &X86 };
    let mut walk = Walk {
        unit,
        bits,
        layout,
        cookie,
        found: Found::default(),
        steps: 0,
        entered: Vec::new(),
        cookie_setters: Vec::new(),
    };
    walk.function(start, Value::Driver(0), 0);
    // The entry only hands the driver object on: whoever gets it is DriverEntry. So may, in a register that nobody
    // cleared, the routine that sets the cookie.
    if walk.found.has_cookie {
        let mut handed = walk.entered.iter().map(|it| it.0);
        walk.found.entry = handed.find(|it| *it != start && !walk.cookie_setters.contains(it));
    }
    walk.found
}

struct Walk<'w, 'a> {
    unit: &'w Unit<'a>,
    bits: u32,
    layout: &'static Layout,
    cookie: Option<u64>,
    found: Found,
    steps: usize,
    /// Functions that were given the driver object, in order.
    entered: Vec<(u64, Value)>,
    /// Functions that have to do with the security cookie.
    cookie_setters: Vec<u64>,
}

impl Walk<'_, '_> {
    /// A function whose first argument is `argument`.
    fn function(&mut self, start: u64, argument: Value, depth: usize) {
        let is_code = self.unit.area_at(start).is_some_and(|it| it.is_code);
        if depth > DEEPEST || !is_code || self.entered.contains(&(start, argument)) {
            return;
        }
        self.entered.push((start, argument));
        let mut states: BTreeMap<u64, State> = BTreeMap::new();
        states.insert(start, State::at_start(self.bits, argument));
        let mut waiting = vec![start];
        while let Some(at) = waiting.pop() {
            let Some(state) = states.get(&at).cloned() else { continue };
            for (next, state) in self.block(start, at, state, depth) {
                let is_news = match states.get_mut(&next) {
                    Some(known) => known.meet(&state),
                    None => {
                        states.insert(next, state);
                        true
                    }
                };
                if is_news {
                    waiting.push(next);
                }
            }
        }
    }

    /// Code up to where it branches: where it may go on, and with what.
    fn block(
        &mut self,
        function: u64,
        at: u64,
        mut state: State,
        depth: usize,
    ) -> Vec<(u64, State)> {
        let bytes = self.unit.bytes_at(at);
        let mut decoder = Decoder::with_ip(self.bits, bytes, at, DecoderOptions::NONE);
        while decoder.can_decode() && self.steps < MOST_STEPS {
            self.steps += 1;
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                break;
            }
            self.look_for_cookie(function, &instruction);
            match instruction.flow_control() {
                FlowControl::Next => self.step(&mut state, &instruction),
                FlowControl::Call => {
                    self.call(&mut state, &instruction, depth, 0);
                    match self.written_by(instruction.near_branch_target()) {
                        Some(written) => {
                            let lost = written.into_iter();
                            lost.for_each(|register| state.set(register, Value::Unknown));
                        }
                        None => state.after_call(),
                    }
                }
                FlowControl::IndirectCall => state.after_call(),
                FlowControl::UnconditionalBranch => {
                    let to = instruction.near_branch_target();
                    let own = self.unit.function(at);
                    // A jump to another function is a call that does not come back.
                    if own.is_some_and(|it| it.contains(&to)) {
                        return vec![(to, state)];
                    }
                    self.call(&mut state, &instruction, depth, self.layout.pointer);
                    return vec![(to, state)];
                }
                FlowControl::ConditionalBranch => {
                    let to = instruction.near_branch_target();
                    return vec![(instruction.next_ip(), state.clone()), (to, state)];
                }
                _ => break,
            }
        }
        Vec::new()
    }

    fn look_for_cookie(&mut self, function: u64, instruction: &Instruction) {
        let number =
            (0..instruction.op_count()).find_map(|operand| match instruction.op_kind(operand) {
                OpKind::Immediate64 | OpKind::Immediate32 => Some(instruction.immediate(operand)),
                _ => None,
            });
        let is_cookie = number.is_some_and(|it| COOKIES.contains(&it));
        let stores = instruction.mnemonic() == Mnemonic::Mov
            && instruction.op0_kind() == OpKind::Memory
            && instruction.is_ip_rel_memory_operand()
            && Some(instruction.ip_rel_memory_address()) == self.cookie;
        if is_cookie || stores {
            self.found.has_cookie |= self.found.others.is_empty();
            if !self.cookie_setters.contains(&function) {
                self.cookie_setters.push(function);
            }
        }
    }

    /// A direct call: the callee is followed if it is given the driver object. `above` is how far below the
    /// arguments the stack pointer is, beyond a call's: a jump finds a return address pushed already.
    fn call(&mut self, state: &mut State, instruction: &Instruction, depth: usize, above: i64) {
        let argument = match (self.bits, state.get(Register::RSP)) {
            (64, _) => state.get(Register::RCX),
            (_, Value::Stack(top)) => state.load(top.wrapping_add(above)),
            _ => Value::Unknown,
        };
        let to = instruction.near_branch_target();
        if matches!(argument, Value::Driver(_) | Value::Extension(_)) {
            self.function(to, argument, depth + 1);
        } else if depth == 0 && self.found.others.is_empty() && self.found.majors.is_empty() {
            // A routine of the run-time that prepares the cookie.
            self.glance(to);
        }
    }

    /// Whether the function at `start` is the one that sets the cookie: its first instructions tell.
    fn glance(&mut self, start: u64) {
        const GLANCE: usize = 40;
        let bytes = self.unit.bytes_at(start);
        let decoder = Decoder::with_ip(self.bits, bytes, start, DecoderOptions::NONE);
        for instruction in decoder.into_iter().take(GLANCE) {
            self.look_for_cookie(start, &instruction);
            if matches!(instruction.flow_control(), FlowControl::Return | FlowControl::Exception) {
                break;
            }
        }
    }

    /// Registers that the function at `start` writes, if it calls nobody and is short and plain: what calls it
    /// may know that, and keep values in others of the volatile registers (GCC from -O2 on does).
    fn written_by(&self, start: u64) -> Option<Vec<Register>> {
        const MOST: usize = 100;
        let mut written = Vec::new();
        let (mut seen, mut waiting) = (Vec::new(), vec![start]);
        while let Some(at) = waiting.pop() {
            let bytes = self.unit.bytes_at(at);
            for instruction in Decoder::with_ip(self.bits, bytes, at, DecoderOptions::NONE) {
                if seen.contains(&instruction.ip()) {
                    break;
                }
                seen.push(instruction.ip());
                match instruction.flow_control() {
                    FlowControl::Next => written.push(only_write(&instruction)?),
                    FlowControl::Return => break,
                    FlowControl::ConditionalBranch => {
                        waiting.push(instruction.near_branch_target());
                    }
                    FlowControl::UnconditionalBranch => {
                        waiting.push(instruction.near_branch_target());
                        break;
                    }
                    _ => return None,
                }
                if seen.len() > MOST {
                    return None;
                }
            }
        }
        Some(written)
    }

    fn step(&mut self, state: &mut State, instruction: &Instruction) {
        let to = instruction.op0_register();
        let is_register = instruction.op0_kind() == OpKind::Register;
        let width = self.layout.pointer;
        match instruction.mnemonic() {
            Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Nop | Mnemonic::Endbr64 => {}
            Mnemonic::Mov | Mnemonic::Movq if is_register => {
                let value = self.source(state, instruction);
                let value = match value {
                    Value::Number(number) if to.is_xmm() => Value::Pair(number, 0),
                    // A part of a register is no pointer, but the lower half of x64's is the whole of a number.
                    Value::Number(_) if to.size() >= 4 || to.is_xmm() => value,
                    value if to.size() as i64 >= width => value,
                    _ => Value::Unknown,
                };
                state.set(to, value);
            }
            Mnemonic::Lea => {
                let value = state.address(instruction);
                state.set(to, value);
            }
            Mnemonic::Add | Mnemonic::Sub if is_register => {
                let value = match (self.source(state, instruction), state.get(to)) {
                    (Value::Number(number), own) if instruction.mnemonic() == Mnemonic::Add => {
                        own.plus(number.cast_signed())
                    }
                    (Value::Number(number), own) => own.plus(number.cast_signed().wrapping_neg()),
                    // A place in the table, which an index chooses.
                    (Value::Driver(at) | Value::InDriver(at), Value::Unknown)
                    | (Value::Unknown, Value::Driver(at) | Value::InDriver(at)) => {
                        Value::InDriver(at)
                    }
                    _ => Value::Unknown,
                };
                state.set(to, value);
            }
            Mnemonic::Inc | Mnemonic::Dec if is_register => {
                let by = if instruction.mnemonic() == Mnemonic::Inc { 1 } else { -1 };
                state.set(to, state.get(to).plus(by));
            }
            Mnemonic::Xor | Mnemonic::Pxor | Mnemonic::Xorps
                if is_register && to == instruction.op1_register() =>
            {
                let zero = if to.is_xmm() { Value::Pair(0, 0) } else { Value::Number(0) };
                state.set(to, zero);
            }
            Mnemonic::Push => {
                let value = self.first(state, instruction);
                let top = state.get(Register::RSP).plus(-width);
                state.set(Register::RSP, top);
                if let Value::Stack(slot) = top {
                    state.store(slot, value);
                }
            }
            Mnemonic::Pop if is_register => {
                let top = state.get(Register::RSP);
                let value =
                    if let Value::Stack(slot) = top { state.load(slot) } else { Value::Unknown };
                state.set(Register::RSP, top.plus(width));
                state.set(to, value);
            }
            Mnemonic::Leave => {
                let frame = state.get(Register::RBP);
                let old =
                    if let Value::Stack(slot) = frame { state.load(slot) } else { Value::Unknown };
                state.set(Register::RSP, frame.plus(width));
                state.set(Register::RBP, old);
            }
            Mnemonic::Punpcklqdq | Mnemonic::Movlhps | Mnemonic::Pshufd | Mnemonic::Movddup
                if is_register =>
            {
                let low = |value| if let Value::Pair(low, _) = value { Some(low) } else { None };
                let source = low(state.get(instruction.op1_register()));
                let own = match instruction.mnemonic() {
                    Mnemonic::Punpcklqdq | Mnemonic::Movlhps => low(state.get(to)),
                    _ => source,
                };
                let value = own.zip(source).map_or(Value::Unknown, |(a, b)| Value::Pair(a, b));
                state.set(to, value);
            }
            Mnemonic::Movdqa | Mnemonic::Movdqu | Mnemonic::Movaps | Mnemonic::Movups
                if is_register =>
            {
                let value = match instruction.op1_kind() {
                    OpKind::Register => state.get(instruction.op1_register()),
                    // Two pointers that the compiler laid down.
                    _ => self.laid_down(&state.address(instruction)),
                };
                state.set(to, value);
            }
            Mnemonic::Stosq | Mnemonic::Stosd => self.fill(state, instruction),
            _ if instruction.op0_kind() == OpKind::Memory => {}
            _ if is_register => state.set(to, Value::Unknown),
            _ => {}
        }
        if instruction.op0_kind() == OpKind::Memory {
            self.store(state, instruction);
        }
    }

    fn laid_down(&self, address: &Value) -> Value {
        let Value::Number(at) = *address else { return Value::Unknown };
        let width = self.layout.pointer;
        let read = |at: Option<u64>| self.unit.number_at(at?, width as usize);
        match (read(Some(at)), read(at.checked_add_signed(width))) {
            (Some(a), Some(b)) if self.bits == 64 => Value::Pair(a, b),
            _ => Value::Unknown,
        }
    }

    /// The value of the second operand.
    fn source(&self, state: &State, instruction: &Instruction) -> Value {
        self.operand(state, instruction, 1)
    }

    fn first(&self, state: &State, instruction: &Instruction) -> Value {
        self.operand(state, instruction, 0)
    }

    fn operand(&self, state: &State, instruction: &Instruction, operand: u32) -> Value {
        match instruction.op_kind(operand) {
            OpKind::Register => state.get(instruction.op_register(operand)),
            OpKind::Memory => match state.address(instruction) {
                Value::Stack(slot) => state.load(slot),
                Value::Driver(offset) if offset == self.layout.extension => Value::Extension(0),
                _ => Value::Unknown,
            },
            OpKind::Immediate8
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => Value::Number(instruction.immediate(operand)),
            _ => Value::Unknown,
        }
    }

    fn store(&mut self, state: &mut State, instruction: &Instruction) {
        let place = state.address(instruction);
        let is_move = matches!(
            instruction.mnemonic(),
            Mnemonic::Mov
                | Mnemonic::Movq
                | Mnemonic::Movdqa
                | Mnemonic::Movdqu
                | Mnemonic::Movaps
                | Mnemonic::Movups
        );
        if matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push) {
            return;
        }
        let value = if is_move { self.source(state, instruction) } else { Value::Unknown };
        if let Value::Stack(slot) = place {
            state.store(slot, value);
            return;
        }
        let at = instruction.ip();
        match value {
            Value::Pair(low, high) => {
                self.keep(place, low, at);
                if instruction.memory_size().size() == 16 {
                    self.keep(place.plus(self.layout.pointer), high, at);
                }
            }
            Value::Number(number) => self.keep(place, number, at),
            _ => {}
        }
    }

    /// `rep stos`: the accumulator, as often as the counter says.
    fn fill(&mut self, state: &mut State, instruction: &Instruction) {
        let place = state.get(Register::RDI);
        let count = match state.get(Register::RCX) {
            Value::Number(count) if instruction.has_rep_prefix() => count.min(0x1000).cast_signed(),
            _ if instruction.has_rep_prefix() => return state.set(Register::RDI, Value::Unknown),
            _ => 1,
        };
        if let Value::Number(value) = state.get(Register::RAX) {
            for index in 0..count.min(MAJORS) {
                self.keep(place.plus(index * self.layout.pointer), value, instruction.ip());
            }
        }
        state.set(Register::RDI, place.plus(count * self.layout.pointer));
        if instruction.has_rep_prefix() {
            state.set(Register::RCX, Value::Number(0));
        }
    }

    /// A pointer is stored at `place`, by the instruction `by`.
    fn keep(&mut self, place: Value, routine: u64, by: u64) {
        let is_code = self.unit.area_at(routine).is_some_and(|it| it.is_code);
        let later = |known: Option<&(u64, u64)>| known.is_none_or(|it| it.1 <= by);
        let layout = self.layout;
        let major = |offset: i64| {
            let index = offset.checked_sub(layout.majors)?;
            let fits = index >= 0 && index % layout.pointer == 0 && index / layout.pointer < MAJORS;
            u8::try_from(index / layout.pointer).ok().filter(|_| fits)
        };
        let mut other = |name: &'static str| {
            if later(self.found.others.get(name)) {
                self.found.others.insert(name, (routine, by));
            }
        };
        match place {
            Value::Driver(offset) if is_code => {
                if let Some(major) = major(offset) {
                    if later(self.found.majors.get(&major)) {
                        self.found.majors.insert(major, (routine, by));
                    }
                } else if offset == layout.unload {
                    other("DriverUnload");
                } else if offset == layout.start_io {
                    other("DriverStartIo");
                }
            }
            Value::InDriver(offset) if is_code => {
                if let Some(first) = major(offset) {
                    self.found.all = Some((first, routine));
                }
            }
            Value::Extension(offset) if is_code && offset == layout.add_device => {
                other("AddDevice")
            }
            Value::Driver(offset) if offset == layout.fast_io => self.fast_io(routine, by),
            _ => {}
        }
    }

    /// A table of fast I/O routines, where it is laid down in the image.
    fn fast_io(&mut self, table: u64, by: u64) {
        /// Members of FAST_IO_DISPATCH behind its size (wdm.h).
        const MEMBERS: [&str; 27] = [
            "FastIoCheckIfPossible",
            "FastIoRead",
            "FastIoWrite",
            "FastIoQueryBasicInfo",
            "FastIoQueryStandardInfo",
            "FastIoLock",
            "FastIoUnlockSingle",
            "FastIoUnlockAll",
            "FastIoUnlockAllByKey",
            "FastIoDeviceControl",
            "AcquireFileForNtCreateSection",
            "ReleaseFileForNtCreateSection",
            "FastIoDetachDevice",
            "FastIoQueryNetworkOpenInfo",
            "AcquireForModWrite",
            "MdlRead",
            "MdlReadComplete",
            "PrepareMdlWrite",
            "MdlWriteComplete",
            "FastIoReadCompressed",
            "FastIoWriteCompressed",
            "MdlReadCompleteCompressed",
            "MdlWriteCompleteCompressed",
            "FastIoQueryOpen",
            "ReleaseForModWrite",
            "AcquireForCcFlush",
            "ReleaseForCcFlush",
        ];
        let width = self.layout.pointer as u64;
        for (name, index) in MEMBERS.into_iter().zip(1u64..) {
            let at = table.checked_add(index * width);
            let routine = at.and_then(|at| self.unit.number_at(at, width as usize));
            if let Some(routine) = routine
                && self.unit.area_at(routine).is_some_and(|it| it.is_code)
            {
                self.found.others.insert(name, (routine, by));
            }
        }
    }
}

/// The register that an instruction writes, which may be none; `None` if more may change, or nobody knows.
fn only_write(instruction: &Instruction) -> Option<Register> {
    match instruction.mnemonic() {
        Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Nop => Some(Register::None),
        Mnemonic::Mov
        | Mnemonic::Movzx
        | Mnemonic::Lea
        | Mnemonic::Xor
        | Mnemonic::And
        | Mnemonic::Or
        | Mnemonic::Not
        | Mnemonic::Add
        | Mnemonic::Sub
        | Mnemonic::Shl
        | Mnemonic::Shr => Some(instruction.op0_register()),
        // Conditional moves and sets.
        _ if instruction.condition_code() != ConditionCode::None => {
            Some(instruction.op0_register())
        }
        _ => None,
    }
}

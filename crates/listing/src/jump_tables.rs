//! Jump tables: where an indirect jump through one leads.
//!
//! The forms, with what makes them: `jmp [table+index*8]` (all, absolute); `lea base,[table]`, `movsxd`/`mov`
//! of an entry, `add base`, `jmp` (GCC and Clang: entries count from the table); the same with the image's start
//! as base and the table's RVA as displacement, and perhaps a table of bytes that chooses the entry (Microsoft's).

use crate::unit::{Data, Unit};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// Instructions that are looked back on.
const KEPT: usize = 32;
/// Most cases of a table.
const MOST: usize = 4096;
/// Most of one whose end no comparison tells.
const MOST_UNBOUNDED: usize = 256;

/// The last instructions.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    ring: [Instruction; KEPT],
    next: usize,
    count: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { ring: [Instruction::default(); KEPT], next: 0, count: 0 }
    }
}

impl Recent {
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// Room for the next instruction.
    pub fn slot(&mut self) -> &mut Instruction {
        let at = self.next;
        self.next = (at + 1) % KEPT;
        self.count = (self.count + 1).min(KEPT);
        &mut self.ring[at]
    }

    /// The last one.
    pub fn last(&self) -> &Instruction {
        &self.ring[(self.next + KEPT - 1) % KEPT]
    }

    /// All of them, the oldest first.
    fn iter(&self) -> impl Iterator<Item = &Instruction> {
        (0..self.count).map(|back| &self.ring[(self.next + KEPT - self.count + back) % KEPT])
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Where each case leads.
    pub targets: Vec<u64>,
    /// The table, and the one that chooses its entry.
    pub data: Vec<Data>,
}

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Unknown,
    Address(u64),
    /// An entry of a table, chosen by one of another, the address of which follows.
    Entry {
        table: u64,
        width: u8,
        chosen_by: Option<(u64, u8)>,
    },
    /// An entry and what it counts from.
    Sum {
        table: u64,
        width: u8,
        base: u64,
        chosen_by: Option<(u64, u8)>,
    },
}

struct Registers([Value; 16]);

impl Registers {
    fn index(register: Register) -> Option<usize> {
        let full = register.full_register();
        full.is_gpr64().then(|| full.number())
    }

    fn get(&self, register: Register) -> Value {
        Self::index(register).map_or(Value::Unknown, |index| self.0[index])
    }

    fn set(&mut self, register: Register, value: Value) {
        if let Some(index) = Self::index(register) {
            self.0[index] = value;
        }
    }

    /// What is loaded from the memory operand of `instruction`, if it is an entry of a table.
    fn entry(&self, instruction: &Instruction, width: u8) -> Value {
        let index = instruction.memory_index();
        let displacement = instruction.memory_displacement64();
        let base = match instruction.memory_base() {
            Register::None => Some((0, index)),
            base => match (self.get(base), self.get(index)) {
                (Value::Address(at), _) => Some((at, index)),
                // With a scale of one either may be the base.
                (_, Value::Address(at)) if instruction.memory_index_scale() == 1 => {
                    Some((at, base))
                }
                _ => None,
            },
        };
        let scales = u32::from(width) == instruction.memory_index_scale();
        match base {
            Some((at, index)) if scales && index != Register::None => {
                let chosen_by = match self.get(index) {
                    Value::Entry { table, width: width @ 1..=2, chosen_by: None } => {
                        Some((table, width))
                    }
                    _ => None,
                };
                Value::Entry { table: at.wrapping_add(displacement), width, chosen_by }
            }
            _ => Value::Unknown,
        }
    }

    fn sum(a: Value, b: Value) -> Value {
        match (a, b) {
            (Value::Entry { table, width, chosen_by }, Value::Address(base))
            | (Value::Address(base), Value::Entry { table, width, chosen_by }) => {
                Value::Sum { table, width, base, chosen_by }
            }
            _ => Value::Unknown,
        }
    }
}

/// The table that the last of the instructions jumps through.
pub(crate) fn find(unit: &Unit<'_>, recent: &Recent) -> Option<Table> {
    let mut registers = Registers([Value::Unknown; 16]);
    let mut compared: Option<u64> = None;
    let mut bound = None;
    let jump = recent.last();
    for instruction in recent.iter().take(recent.count.saturating_sub(1)) {
        step(&mut registers, instruction);
        match instruction.mnemonic() {
            Mnemonic::Cmp => compared = immediate(instruction),
            Mnemonic::Ja | Mnemonic::Jbe => {
                bound = compared.and_then(|it| it.checked_add(1)).or(bound)
            }
            Mnemonic::Jae | Mnemonic::Jb => bound = compared.or(bound),
            Mnemonic::And => {
                let mask = immediate(instruction).and_then(|it| it.checked_add(1));
                bound = mask.filter(|it| it.is_power_of_two()).or(bound);
            }
            _ => {}
        }
    }
    let pointer = unit.isa.pointer() as u8;
    let value = match jump.op0_kind() {
        OpKind::Register => registers.get(jump.op0_register()),
        OpKind::Memory if !jump.is_ip_rel_memory_operand() => registers.entry(jump, pointer),
        _ => return None,
    };
    let (table, width, base, chosen_by) = match value {
        Value::Sum { table, width: 4, base, chosen_by } => (table, 4, Some(base), chosen_by),
        Value::Entry { table, width, chosen_by } if width == pointer => {
            (table, width, None, chosen_by)
        }
        _ => return None,
    };
    let bound = bound.and_then(|it| usize::try_from(it).ok()).filter(|it| (1..=MOST).contains(it));
    read(unit, jump.ip(), &Form { table, width, base, chosen_by, bound })
}

fn immediate(instruction: &Instruction) -> Option<u64> {
    let is_number = matches!(
        instruction.op1_kind(),
        OpKind::Immediate8
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate8to16
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate32to64
    );
    is_number.then(|| instruction.immediate(1))
}

fn step(registers: &mut Registers, instruction: &Instruction) {
    let to = instruction.op0_register();
    let value = match instruction.mnemonic() {
        Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push | Mnemonic::Nop => return,
        Mnemonic::Call => {
            for volatile in
                [Register::RAX, Register::RCX, Register::RDX, Register::R8, Register::R9]
            {
                registers.set(volatile, Value::Unknown);
            }
            return;
        }
        // EAX to RAX, with its sign.
        Mnemonic::Cdqe => return,
        Mnemonic::Lea if instruction.is_ip_rel_memory_operand() => {
            Value::Address(instruction.ip_rel_memory_address())
        }
        Mnemonic::Lea => {
            let base = registers.get(instruction.memory_base());
            let displacement = instruction.memory_displacement64();
            match (base, instruction.memory_index()) {
                (Value::Address(at), Register::None) => {
                    Value::Address(at.wrapping_add(displacement))
                }
                (base, index)
                    if displacement == 0
                        && index != Register::None
                        && instruction.memory_index_scale() == 1 =>
                {
                    Registers::sum(base, registers.get(index))
                }
                _ => Value::Unknown,
            }
        }
        Mnemonic::Mov | Mnemonic::Movsxd | Mnemonic::Movzx | Mnemonic::Movsx => {
            match instruction.op1_kind() {
                OpKind::Register => registers.get(instruction.op1_register()),
                OpKind::Memory => {
                    registers.entry(instruction, instruction.memory_size().size().min(8) as u8)
                }
                OpKind::Immediate32 => Value::Address(instruction.immediate32().into()),
                OpKind::Immediate64 => Value::Address(instruction.immediate64()),
                _ => Value::Unknown,
            }
        }
        Mnemonic::Add if instruction.op1_kind() == OpKind::Register => {
            Registers::sum(registers.get(to), registers.get(instruction.op1_register()))
        }
        _ => Value::Unknown,
    };
    if instruction.op0_kind() == OpKind::Register {
        registers.set(to, value);
    }
}

struct Form {
    table: u64,
    width: u8,
    base: Option<u64>,
    chosen_by: Option<(u64, u8)>,
    bound: Option<usize>,
}

fn read(unit: &Unit<'_>, jump: u64, form: &Form) -> Option<Table> {
    let function = unit.function(jump);
    let target = |index: usize| {
        let at = form.table.checked_add(index as u64 * u64::from(form.width))?;
        let number = unit.number_at(at, form.width.into())?;
        let target = match form.base {
            Some(base) => base.wrapping_add_signed(i64::from((number as u32).cast_signed())),
            None => number,
        };
        let is_code =
            unit.area_at(target).is_some_and(|it| it.is_code && !it.from(target).is_empty());
        // Without a bound only what leads into the function is taken for an entry.
        let is_near =
            form.bound.is_some() || function.as_ref().is_some_and(|it| it.contains(&target));
        (is_code && is_near).then_some(target)
    };
    let mut data = Vec::new();
    let mut keep = |start: u64, count: usize, width: u8, about| {
        let end = start.saturating_add(count as u64 * u64::from(width));
        data.push(Data { range: start..end, width, about });
    };
    let targets: Vec<u64> = if let Some((choice, width)) = form.chosen_by {
        let chosen = (0..form.bound?).map_while(|index| {
            let at = choice.checked_add(index as u64 * u64::from(width))?;
            usize::try_from(unit.number_at(at, width.into())?).ok()
        });
        let chosen: Vec<usize> = chosen.collect();
        let entries = chosen.iter().max()?.saturating_add(1);
        let targets: Vec<u64> = chosen.iter().map_while(|index| target(*index)).collect();
        keep(form.table, entries, form.width, "jump table");
        keep(choice, targets.len(), width, "cases of the jump table");
        targets
    } else {
        let most = form.bound.unwrap_or(MOST_UNBOUNDED);
        let targets: Vec<u64> = (0..most).map_while(target).collect();
        keep(form.table, targets.len(), form.width, "jump table");
        targets
    };
    // One entry that fits may be chance.
    let least = if form.bound.is_some() { 1 } else { 2 };
    (targets.len() >= least).then_some(Table { targets, data })
}

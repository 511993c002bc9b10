//! What registers and the stack may hold while `DriverEntry` runs, as far as it is about the driver object.

use iced_x86::{Instruction, Register};
use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Value {
    #[default]
    Unknown,
    /// A number, perhaps an address in the image.
    Number(u64),
    /// The driver object and some bytes.
    Driver(i64),
    /// Somewhere behind these bytes of the driver object: a loop goes over its table.
    InDriver(i64),
    /// The driver object's extension and some bytes.
    Extension(i64),
    /// The stack pointer at the start of the function, and some bytes.
    Stack(i64),
    /// Two pointers, in a vector register.
    Pair(u64, u64),
}

impl Value {
    /// The value and some bytes.
    pub fn plus(self, bytes: i64) -> Self {
        match self {
            Self::Number(it) => Self::Number(it.wrapping_add_signed(bytes)),
            Self::Driver(it) => Self::Driver(it.wrapping_add(bytes)),
            Self::InDriver(it) => Self::InDriver(it.wrapping_add(bytes)),
            Self::Extension(it) => Self::Extension(it.wrapping_add(bytes)),
            Self::Stack(it) => Self::Stack(it.wrapping_add(bytes)),
            Self::Unknown | Self::Pair(..) => Self::Unknown,
        }
    }

    /// What holds for both. Each step of it says less, so that loops come to rest.
    fn meet(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Driver(a), Self::Driver(b)) => Self::InDriver(a.min(b)),
            // The lowest place is the first that a loop comes to: more rounds do not change it.
            (Self::InDriver(a), Self::Driver(b)) | (Self::Driver(b), Self::InDriver(a))
                if a <= b =>
            {
                Self::InDriver(a)
            }
            (Self::InDriver(a), Self::InDriver(b)) => Self::InDriver(a.min(b)),
            _ => Self::Unknown,
        }
    }
}

/// Registers and stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    general: [Value; 16],
    vector: [Value; 16],
    stack: BTreeMap<i64, Value>,
}

/// Most slots of a stack that are followed.
const MOST_SLOTS: usize = 256;

impl State {
    /// At the start of a function that has the driver object as its first argument.
    pub fn at_start(bits: u32, argument: Value) -> Self {
        let mut state = Self::default();
        state.set(Register::RSP, Value::Stack(0));
        if bits == 64 {
            state.set(Register::RCX, argument);
        } else {
            state.stack.insert(4, argument);
        }
        state
    }

    pub fn get(&self, register: Register) -> Value {
        let full = register.full_register();
        match full.number() {
            number if full.is_gpr64() => self.general[number],
            number if register.is_xmm() && number < 16 => self.vector[number],
            _ => Value::Unknown,
        }
    }

    pub fn set(&mut self, register: Register, value: Value) {
        let full = register.full_register();
        match full.number() {
            number if full.is_gpr64() => self.general[number] = value,
            number if register.is_xmm() && number < 16 => self.vector[number] = value,
            _ => {}
        }
    }

    pub fn load(&self, slot: i64) -> Value {
        self.stack.get(&slot).copied().unwrap_or_default()
    }

    pub fn store(&mut self, slot: i64, value: Value) {
        if value == Value::Unknown {
            self.stack.remove(&slot);
        } else if self.stack.len() < MOST_SLOTS {
            self.stack.insert(slot, value);
        }
    }

    /// Where the memory operand lies.
    pub fn address(&self, instruction: &Instruction) -> Value {
        if instruction.is_ip_rel_memory_operand() {
            return Value::Number(instruction.ip_rel_memory_address());
        }
        if instruction.segment_prefix() != Register::None {
            return Value::Unknown;
        }
        let displacement = instruction.memory_displacement64().cast_signed();
        let base = match instruction.memory_base() {
            Register::None => Value::Number(0),
            base => self.get(base),
        };
        let base = base.plus(displacement);
        let scale = i64::from(instruction.memory_index_scale());
        match instruction.memory_index() {
            Register::None => base,
            index => match (base, self.get(index)) {
                (base, Value::Number(number)) => {
                    base.plus(number.cast_signed().wrapping_mul(scale))
                }
                (Value::Driver(it) | Value::InDriver(it), _) => Value::InDriver(it),
                // With a scale of one either may be the base.
                (Value::Number(number), other) if scale == 1 => other.plus(number.cast_signed()),
                _ => Value::Unknown,
            },
        }
    }

    /// A call was made: what it may change.
    pub fn after_call(&mut self) {
        let volatile = [
            Register::RAX,
            Register::RCX,
            Register::RDX,
            Register::R8,
            Register::R9,
            Register::R10,
            Register::R11,
        ];
        volatile.into_iter().for_each(|register| self.set(register, Value::Unknown));
        self.vector[..6].fill(Value::Unknown);
    }

    /// What holds on both ways; whether that is less than before.
    pub fn meet(&mut self, other: &Self) -> bool {
        let before = self.clone();
        for (own, other) in self.general.iter_mut().zip(other.general) {
            *own = own.meet(other);
        }
        for (own, other) in self.vector.iter_mut().zip(other.vector) {
            *own = own.meet(other);
        }
        for (slot, own) in &mut self.stack {
            *own = own.meet(other.load(*slot));
        }
        self.stack.retain(|_, value| *value != Value::Unknown);
        *self != before
    }
}

//! A device described by a TOML file: registers with reset values and access kinds, doorbells that
//! start operations, acknowledgements that clear bits elsewhere, and what interrupts.
//!
//! ```toml
//! name = "thermometer"
//! [identity]
//! vendor = 0x4243
//! device = 0x1000
//! class = 0x118000
//! [[bar]]
//! space = "memory"
//! size = 0x1000
//! [[register]]
//! name = "STATUS"
//! offset = 0x04
//! access = "w1c"
//! [[register]]
//! name = "ENABLE"
//! offset = 0x08
//! [[register]]
//! name = "VALUE"
//! offset = 0x0c
//! access = "ro"
//! reset = 21
//! [[register]]
//! name = "START"
//! offset = 0x10
//! access = "wo"
//! [[register]]
//! name = "CLEAR"
//! offset = 0x14
//! access = "wo"
//! [[doorbell]]
//! register = "START"
//! sets = "STATUS"
//! bits = 1
//! counts = "VALUE"
//! [[acknowledge]]
//! register = "CLEAR"
//! clears = "STATUS"
//! bits = 1
//! [interrupt]
//! register = "STATUS"
//! bits = 1
//! enable = "ENABLE"
//! ```

use crate::device::{Bar, Bus, Device, Fault, Identity, Refused, Space};
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;

/// Most operations that may be under way at a time; doorbells beyond are not heard.
const MOST_OPERATIONS: usize = 16;

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDescription(String);

impl fmt::Display for BadDescription {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for BadDescription {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    /// Reads and writes.
    #[default]
    Rw,
    /// Reads only.
    Ro,
    /// Writes only; reads as nought.
    Wo,
    /// Writing ones clears.
    W1c,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    vendor: u16,
    device: u16,
    #[serde(default)]
    subsystem_vendor: u16,
    #[serde(default)]
    subsystem: u16,
    #[serde(default)]
    class: u32,
    #[serde(default)]
    revision: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    space: String,
    size: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    name: String,
    #[serde(default)]
    bar: u8,
    offset: u64,
    #[serde(default = "four")]
    size: u8,
    #[serde(default)]
    reset: u64,
    #[serde(default)]
    access: Access,
}

fn four() -> u8 {
    4
}

fn every_bit() -> u64 {
    u64::MAX
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bell {
    register: String,
    /// Bits of which one must be written as one.
    #[serde(default = "every_bit")]
    on: u64,
    /// Also heard when nought is written.
    #[serde(default)]
    always: bool,
    sets: String,
    bits: u64,
    /// A register that goes up by one when the operation ends.
    counts: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    register: String,
    /// Bits of which one must be written as one.
    #[serde(default = "every_bit")]
    on: u64,
    clears: String,
    bits: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    register: String,
    bits: u64,
    enable: Option<String>,
    #[serde(default)]
    messages: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    identity: Who,
    #[serde(default)]
    bar: Vec<Range>,
    #[serde(default)]
    register: Vec<Register>,
    #[serde(default)]
    doorbell: Vec<Bell>,
    #[serde(default)]
    acknowledge: Vec<Acknowledge>,
    interrupt: Option<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Doorbell {
    register: usize,
    on: u64,
    always: bool,
    sets: usize,
    bits: u64,
    counts: Option<usize>,
}

/// At once: written register, its bits, cleared register, its bits.
type Clearing = (usize, u64, usize, u64);

#[derive(Clone, Copy, Debug)]
struct Interrupt {
    register: usize,
    bits: u64,
    enable: Option<usize>,
    messages: u8,
}

/// A description that was read and holds together.
#[derive(Debug)]
pub struct Described {
    name: String,
    identity: Identity,
    bars: Vec<Bar>,
    registers: Vec<Register>,
    doorbells: Vec<Doorbell>,
    clearings: Vec<Clearing>,
    interrupt: Option<Interrupt>,
}

pub(crate) fn bad<T>(text: impl Into<String>) -> Result<T, BadDescription> {
    Err(BadDescription(text.into()))
}

/// What is wrong with the text itself, and where.
pub(crate) fn toml_problem(text: &str, error: &toml::de::Error) -> BadDescription {
    let place = error.span().map_or(String::new(), |span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        format!("line {line}, column {column}: ")
    });
    BadDescription(format!("{place}{}", error.message()))
}

impl Described {
    /// Reads a description.
    ///
    /// # Errors
    /// What is wrong, with line and column where the text itself is.
    pub fn parse(text: &str) -> Result<Described, BadDescription> {
        let read: Text = toml::from_str(text).map_err(|error| toml_problem(text, &error))?;
        let mut bars = Vec::new();
        for (index, range) in read.bar.iter().enumerate() {
            let (space, most) = match range.space.as_str() {
                "memory" => (Space::Memory, 16..=1 << 24),
                "ports" => (Space::Ports, 4..=256),
                other => return bad(format!("bar {index}: no space is called `{other}`")),
            };
            if !range.size.is_power_of_two() || !most.contains(&range.size) {
                let (low, high) = (most.start(), most.end());
                return bad(format!(
                    "bar {index}: size {:#x} is no power of two from {low:#x} to {high:#x}",
                    range.size
                ));
            }
            bars.push(Bar { space, bytes: range.size });
        }
        if bars.is_empty() || bars.len() > 6 {
            return bad("a device has from one to six [[bar]]");
        }
        for (index, register) in read.register.iter().enumerate() {
            let name = &register.name;
            let Some(bar) = bars.get(usize::from(register.bar)) else {
                return bad(format!("register {name}: there is no bar {}", register.bar));
            };
            if ![1, 2, 4, 8].contains(&register.size) {
                return bad(format!("register {name}: size is 1, 2, 4 or 8 bytes"));
            }
            let end = register.offset.checked_add(u64::from(register.size));
            if end.is_none_or(|end| end > bar.bytes) {
                return bad(format!("register {name} lies outside of its bar"));
            }
            for other in &read.register[..index] {
                if other.name == *name {
                    return bad(format!("two registers are called {name}"));
                }
                if other.bar == register.bar
                    && other.offset < register.offset + u64::from(register.size)
                    && register.offset < other.offset + u64::from(other.size)
                {
                    return bad(format!("registers {} and {name} overlap", other.name));
                }
            }
        }
        let find = |name: &str| {
            let found = read.register.iter().position(|register| register.name == name);
            found.ok_or_else(|| BadDescription(format!("there is no register called {name}")))
        };
        let mut doorbells = Vec::new();
        for bell in &read.doorbell {
            doorbells.push(Doorbell {
                register: find(&bell.register)?,
                on: bell.on,
                always: bell.always,
                sets: find(&bell.sets)?,
                bits: bell.bits,
                counts: bell.counts.as_deref().map(find).transpose()?,
            });
        }
        let mut clearings = Vec::new();
        for one in &read.acknowledge {
            clearings.push((find(&one.register)?, one.on, find(&one.clears)?, one.bits));
        }
        let interrupt = match &read.interrupt {
            Some(line) => Some(Interrupt {
                register: find(&line.register)?,
                bits: line.bits,
                enable: line.enable.as_deref().map(find).transpose()?,
                messages: line.messages.min(32),
            }),
            None => None,
        };
        let who = &read.identity;
        let identity = Identity {
            vendor: who.vendor,
            device: who.device,
            subsystem_vendor: who.subsystem_vendor,
            subsystem: who.subsystem,
            class: who.class & 0x00ff_ffff,
            revision: who.revision,
        };
        let (name, registers) = (read.name, read.register);
        Ok(Described { name, identity, bars, registers, doorbells, clearings, interrupt })
    }

    /// What the file calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a device.
    pub fn make(self: &Arc<Described>) -> Box<dyn Device> {
        Box::new(Registers::new(self.clone()))
    }
}

/// A device of a [`Described`] kind.
#[derive(Clone, Debug)]
struct Registers {
    about: Arc<Described>,
    values: Vec<u64>,
    /// Doorbells whose operations are under way, oldest first.
    operations: Vec<u8>,
    signalled: bool,
    swap: bool,
}

fn mask(bytes: u64) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 }
}

impl Registers {
    fn new(about: Arc<Described>) -> Registers {
        let values = about.registers.iter().map(|register| register.reset).collect();
        Registers { about, values, operations: Vec::new(), signalled: false, swap: false }
    }

    /// Registers that an access touches: number, and how far left the access lies from its start,
    /// in bits.
    fn touched(
        &self,
        bar: u8,
        offset: u64,
        bytes: u8,
    ) -> impl Iterator<Item = (usize, i64)> + use<> {
        let end = offset + u64::from(bytes);
        let about = self.about.clone();
        (0..about.registers.len()).filter_map(move |index| {
            let register = &about.registers[index];
            let within = register.bar == bar
                && register.offset < end
                && offset < register.offset + u64::from(register.size);
            within.then(|| (index, 8 * (offset as i64 - register.offset as i64)))
        })
    }

    fn asserted(&self) -> bool {
        self.about.interrupt.is_some_and(|line| {
            let enabled = line.enable.is_none_or(|enable| self.values[enable] & line.bits != 0);
            enabled && self.values[line.register] & line.bits != 0
        })
    }
}

fn shift(value: u64, left: i64) -> u64 {
    if left >= 0 { value << left } else { value >> -left }
}

impl Device for Registers {
    fn identity(&self) -> Identity {
        self.about.identity
    }

    fn bars(&self) -> Vec<Bar> {
        self.about.bars.clone()
    }

    fn messages(&self) -> u8 {
        self.about.interrupt.map_or(0, |line| line.messages)
    }

    fn read(&mut self, bar: u8, offset: u64, bytes: u8) -> u64 {
        let mut value = 0;
        for (index, left) in self.touched(bar, offset, bytes) {
            if self.about.registers[index].access != Access::Wo {
                value |= shift(self.values[index], -left);
            }
        }
        value & mask(u64::from(bytes))
    }

    fn write(&mut self, bar: u8, offset: u64, bytes: u8, value: u64) {
        let before = self.asserted();
        let about = self.about.clone();
        for (index, left) in self.touched(bar, offset, bytes) {
            let register = &about.registers[index];
            let whole = mask(u64::from(register.size));
            let lanes = shift(mask(u64::from(bytes)), left) & whole;
            let written = shift(value & mask(u64::from(bytes)), left) & lanes;
            let slot = &mut self.values[index];
            match register.access {
                Access::Rw | Access::Wo => *slot = *slot & !lanes | written,
                Access::W1c => *slot &= !written,
                Access::Ro => {}
            }
            for &(written_to, on, cleared, bits) in &about.clearings {
                if written_to == index && written & on != 0 {
                    self.values[cleared] &= !bits;
                }
            }
            for (number, bell) in about.doorbells.iter().enumerate() {
                let heard = bell.register == index && (bell.always || written & bell.on != 0);
                if heard && self.operations.len() < MOST_OPERATIONS {
                    self.operations.push(number as u8);
                }
            }
        }
        self.signalled |= !before && self.asserted();
    }

    fn interrupts(&self) -> u32 {
        let on = if self.messages() > 0 { self.signalled } else { self.asserted() };
        u32::from(on)
    }

    fn deliver(&mut self, _message: u8) {
        self.signalled = false;
    }

    fn pending(&self) -> bool {
        !self.operations.is_empty()
    }

    fn step(&mut self, _bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        let before = self.asserted();
        let last = std::mem::take(&mut self.swap) && self.operations.len() > 1;
        let number = if last { self.operations.pop() } else { Some(self.operations.remove(0)) };
        if let Some(bell) = number.and_then(|n| self.about.doorbells.get(usize::from(n)).copied()) {
            self.values[bell.sets] |= bell.bits;
            if let Some(counts) = bell.counts {
                self.values[counts] = self.values[counts].wrapping_add(1);
            }
        }
        self.signalled |= !before && self.asserted();
        Ok("ends an operation")
    }

    fn reset(&mut self) {
        *self = Registers::new(self.about.clone());
    }

    fn fault(&mut self, fault: Fault) -> bool {
        self.swap |= fault == Fault::Reordered;
        fault == Fault::Reordered
    }
}

#[cfg(test)]
#[path = "described_tests.rs"]
mod tests;

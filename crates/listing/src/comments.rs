//! What is said beside an instruction, and the names in place of its numbers.

use crate::arm64;
use crate::control_codes::Scanner;
use crate::hex;
use crate::irql;
use crate::isa::Isa;
use crate::names::{Entry, Kind};
use crate::printer::{Operands, Printer};
use crate::strings;
use crate::unit::{Link, Unit};
use iced_x86::{ConstantOffsets, Decoder, Instruction, Mnemonic, OpKind, Register};
use std::cell::RefMut;

/// Walks along with the code of one section.
pub(crate) struct Comments<'w, 'a> {
    unit: &'w Unit<'a>,
    /// Relocations of an object from here on.
    links: &'w [Link],
    /// Fields that hold addresses from here on.
    fixups: &'w [u64],
    /// Control codes, in a driver.
    codes: Option<Scanner>,
    /// What `adrp` left in each register of ARM64.
    pages: [u64; 32],
    has_names: bool,
}

impl<'w, 'a> Comments<'w, 'a> {
    pub fn new(unit: &'w Unit<'a>, start: u64) -> Self {
        let links = &unit.links[unit.links.partition_point(|it| it.at < start)..];
        let fixups = unit.fixups.as_deref().unwrap_or_default();
        let fixups = &fixups[fixups.partition_point(|it| *it < start)..];
        let codes = unit.driver.as_ref().map(|_| Scanner::default());
        Self { unit, links, fixups, codes, pages: [0; 32], has_names: false }
    }

    /// What is to be said of `instruction`, which `decoder` has just read, and names for `printer`.
    pub fn x86(
        &mut self,
        instruction: &Instruction,
        decoder: &Decoder<'_>,
        printer: &Printer,
        comment: &mut String,
    ) {
        let (start, end) = (instruction.ip(), instruction.next_ip());
        if !self.links.is_empty() {
            self.linked(instruction, decoder, printer, comment);
        } else if is_branch(instruction) {
            self.branch(instruction.near_branch_target(), &mut printer.names(), comment);
            self.has_names = true;
        } else if instruction.is_ip_rel_memory_operand() {
            let at = instruction.ip_rel_memory_address();
            self.has_names = true;
            self.memory(at, instruction, &mut printer.names(), comment);
        } else if self.unit.isa == Isa::X86(32) {
            let is_absolute = instruction.op_count() > 0 && has_number(instruction);
            if is_absolute && self.skip_to(start) && self.fixups.first().is_some_and(|it| *it < end)
            {
                self.absolute(instruction, decoder, printer, comment);
            }
        }
        if let Some(codes) = &mut self.codes {
            let mut said = String::new();
            codes.see(instruction, |code, range| describe_code(code, range, &mut said));
            add(comment, &said);
        }
        let cr8 = |operand| instruction.op_register(operand) == Register::CR8;
        if instruction.mnemonic() == Mnemonic::Mov {
            if cr8(0) {
                add(comment, "sets the IRQL");
            } else if cr8(1) {
                add(comment, "reads the IRQL");
            }
        }
    }

    /// The instruction is printed: its names are not the next one's.
    pub fn done(&mut self, printer: &Printer) {
        if self.has_names {
            let mut names = printer.names();
            names.memory.clear();
            names.immediate.clear();
            self.has_names = false;
        }
    }

    fn skip_to(&mut self, start: u64) -> bool {
        while self.fixups.first().is_some_and(|it| *it < start) {
            self.fixups = &self.fixups[1..];
        }
        !self.fixups.is_empty()
    }

    fn branch(&self, to: u64, names: &mut RefMut<'_, Operands>, comment: &mut String) {
        let Some(entry) = self.unit.names.at(to) else { return };
        self.target(entry, to, &mut names.immediate, comment);
    }

    /// Where a branch leads, and what the routine there does.
    fn target(&self, entry: &Entry, to: u64, text: &mut String, comment: &mut String) {
        self.unit.write_entry(entry, to, text);
        if !self.unit.module.is_empty() {
            text.push_str(" (");
            hex::push(to, 1, text);
            text.push(')');
        }
        if entry.address == to && self.unit.driver.is_some() {
            let plain = entry.name.trim_start_matches('_');
            add(comment, irql::effect(plain).unwrap_or_default());
        }
    }

    /// An operand in memory at `at`: its name, and what stands there.
    fn memory(
        &self,
        at: u64,
        instruction: &Instruction,
        names: &mut RefMut<'_, Operands>,
        comment: &mut String,
    ) {
        let Some(entry) = self.unit.names.at(at) else { return };
        let text = &mut names.memory;
        self.unit.write_entry(entry, at, text);
        if entry.kind == Kind::Import {
            if self.unit.driver.is_some() {
                let routine = entry.name.rsplit('!').next().unwrap_or_default();
                add(comment, irql::effect(routine).unwrap_or_default());
            }
            return;
        }
        if !self.unit.module.is_empty() {
            text.push_str(" (");
            hex::push(at, 1, text);
            text.push(')');
        }
        // A string's address is taken; its bytes are seldom loaded.
        if instruction.mnemonic() == Mnemonic::Lea {
            self.string(at, comment);
        }
    }

    fn string(&self, at: u64, comment: &mut String) {
        let Some(area) = self.unit.area_at(at).filter(|it| !it.is_code) else { return };
        let mut text = String::new();
        if strings::write(area.from(at), &mut text) {
            add(comment, &text);
        }
    }

    /// Addresses of a 32-bit image, which its base relocations tell from numbers.
    fn absolute(
        &mut self,
        instruction: &Instruction,
        decoder: &Decoder<'_>,
        printer: &Printer,
        comment: &mut String,
    ) {
        let offsets = decoder.get_constant_offsets(instruction);
        while let Some(&at) = self.fixups.first().filter(|it| **it < instruction.next_ip()) {
            self.fixups = &self.fixups[1..];
            let field = (at - instruction.ip()) as usize;
            let mut names = printer.names();
            self.has_names = true;
            if is_displacement(&offsets, field) {
                let at = instruction.memory_displacement64();
                self.memory(at, instruction, &mut names, comment);
            } else if is_immediate(&offsets, field) {
                let at = self.unit.number_at(at, 4).unwrap_or_default();
                let text = &mut names.immediate;
                if self.unit.write_name(at, text) {
                    text.push_str(" (");
                    hex::push(at, 1, text);
                    text.push(')');
                }
                self.string(at, comment);
            }
        }
    }

    /// Fields that a linker will fill, by the names of what it will put there.
    fn linked(
        &mut self,
        instruction: &Instruction,
        decoder: &Decoder<'_>,
        printer: &Printer,
        comment: &mut String,
    ) {
        let (start, end) = (instruction.ip(), instruction.next_ip());
        let behind = self.links.partition_point(|it| it.at < start);
        self.links = &self.links[behind..];
        let mut is_linked = false;
        let offsets = decoder.get_constant_offsets(instruction);
        while let Some(link) = self.links.first().filter(|it| it.at < end) {
            self.links = &self.links[1..];
            is_linked = true;
            let field = (link.at - start) as usize;
            let mut names = printer.names();
            self.has_names = true;
            if is_displacement(&offsets, field) {
                // A displacement that follows is counted from the instruction's end, which the name says.
                names.memory.clear();
                names.memory.push_str(&link.name);
            } else if is_immediate(&offsets, field) {
                names.immediate.clear();
                names.immediate.push_str(&link.name);
            } else {
                add(comment, &link.name);
            }
            if let Some(target) = link.target {
                self.string(target, comment);
            }
        }
        if !is_linked && is_branch(instruction) {
            self.branch(instruction.near_branch_target(), &mut printer.names(), comment);
            self.has_names = true;
        }
    }

    /// What is to be said of an instruction of ARM64 at `at`.
    pub fn arm64(&mut self, word: u32, at: u64, text: &mut String, comment: &mut String) {
        let behind = self.links.partition_point(|it| it.at < at);
        self.links = &self.links[behind..];
        if let Some(link) = self.links.first().filter(|it| it.at == at) {
            comment.push_str(&link.name);
            if let Some(target) = link.target {
                self.string(target, comment);
            }
            return;
        }
        if let Some(to) = arm64::target(word, at) {
            if let Some((start, entry)) = text.rfind('$').zip(self.unit.names.at(to)) {
                // The offset from here, which the decoder wrote last, says less than a name.
                text.truncate(start);
                self.target(entry, to, text, comment);
            }
            return;
        }
        if let Some((register, page)) = arm64::page(word, at) {
            self.pages[usize::from(register)] = page;
            return;
        }
        if let Some((to, base, offset, loads)) = arm64::offset(word) {
            let page = self.pages[usize::from(base)];
            let found = page.wrapping_add(offset);
            if page != 0 && self.unit.area_at(found).is_some() {
                self.unit.write_name(found, comment);
                if !loads {
                    self.string(found, comment);
                }
            }
            self.pages[usize::from(to)] = 0;
            return;
        }
        // Whatever else names a register in its lowest bits may write it.
        self.pages[(word & 31) as usize] = 0;
    }
}

fn is_branch(instruction: &Instruction) -> bool {
    matches!(
        instruction.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    )
}

/// Whether an operand may be an address of 32 bits.
fn has_number(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|operand| match instruction.op_kind(operand) {
        OpKind::Memory => instruction.memory_displ_size() >= 4,
        kind => matches!(kind, OpKind::Immediate32 | OpKind::Immediate32to64),
    })
}

fn is_displacement(offsets: &ConstantOffsets, field: usize) -> bool {
    offsets.has_displacement() && offsets.displacement_offset() == field
}

fn is_immediate(offsets: &ConstantOffsets, field: usize) -> bool {
    offsets.has_immediate() && offsets.immediate_offset() == field
}

fn describe_code(code: u32, range: u32, to: &mut String) {
    if !to.is_empty() {
        to.push_str(", ");
    }
    to.push_str(&format!("control code {code:#x} {}", nt::ioctl::ControlCode::decode(code)));
    if range > 0 {
        to.push_str(&format!(" to {:#x}", code.wrapping_add(range)));
    }
}

fn add(comment: &mut String, more: &str) {
    if !comment.is_empty() && !more.is_empty() {
        comment.push_str("; ");
    }
    comment.push_str(more);
}

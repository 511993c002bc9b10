//! Intel's 8255x fast Ethernet controller, as an 82557 to 82559 drives: registers and units.
//!
//! Numbers are those of the public "Intel 8255x 10/100 Mbps Ethernet Controller Family Open Source
//! Software Developer Manual", chapter 6; each file names its sections.
//! <https://www.intel.com/content/dam/doc/manual/8255x-10-100-mbps-ethernet-controller-software-dev-manual.pdf>
//!
//! Commands are accepted at once: the command byte reads as nought. What a command does comes
//! later, one step at a time: one command block, one frame, one dump.

mod command;
mod eeprom;
mod peer;
mod phy;
mod receive;
#[cfg(test)]
mod tests;

use crate::device::{Bar, Bus, Device, Fault, Identity, Refused, Space};
use command::CommandUnit;
use eeprom::Eeprom;
use phy::Phy;
use receive::ReceiveUnit;

/// The card's own address.
const ADDRESS: [u8; 6] = [0x02, 0x42, 0x43, 0x00, 0x00, 0x01];

/// Reasons for interrupts, in the second byte of the status word (section 6.3.1).
mod reason {
    /// A command block with its I bit was carried out.
    pub const CX: u8 = 0x80;
    /// A frame was received.
    pub const FR: u8 = 0x40;
    /// The command unit stopped.
    pub const CNA: u8 = 0x20;
    /// The receive unit stopped.
    pub const RNR: u8 = 0x10;
    /// An access to the PHY is done.
    pub const MDI: u8 = 0x08;
    /// Software asked for it.
    pub const SWI: u8 = 0x04;
}

/// Bit M of the interrupt mask: none at all.
const MASK_ALL: u8 = 1;
/// Bit SI of the same byte.
const SOFTWARE: u8 = 2;

/// Something that is done apart from both units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chore {
    /// Self-test, result to this address.
    SelfTest(u32),
    /// Internal state to this address.
    Dump(u32),
    /// Statistics to their address, and whether they start anew.
    Statistics(bool),
}

/// Statistical counters in the order in which they are dumped (section 6.4.2.5).
#[derive(Clone, Copy, Debug, Default)]
struct Statistics {
    sent: u32,
    received: u32,
    no_resources: u32,
}

/// The controller.
#[derive(Clone, Debug)]
pub struct Controller {
    reasons: u8,
    mask: u8,
    pointer: u32,
    port: u32,
    general_control: u8,
    eeprom: Eeprom,
    phy: Phy,
    command: CommandUnit,
    receive: ReceiveUnit,
    statistics: Statistics,
    statistics_at: u32,
    configuration: [u8; 32],
    address: [u8; 6],
    chores: Vec<Chore>,
    /// Frames on their way to the receive unit, oldest first.
    incoming: Vec<Vec<u8>>,
    short: bool,
    swap: bool,
}

/// Bytes 6 and so on as they are after reset: standard command blocks and statistics.
fn reset_configuration() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[6] = 0x32;
    bytes[10] = 0x2e;
    bytes
}

impl Default for Controller {
    fn default() -> Controller {
        Controller {
            reasons: 0,
            mask: 0,
            pointer: 0,
            port: 0,
            general_control: 0,
            eeprom: Eeprom::new(ADDRESS),
            phy: Phy::default(),
            command: CommandUnit::default(),
            receive: ReceiveUnit::default(),
            statistics: Statistics::default(),
            statistics_at: 0,
            configuration: reset_configuration(),
            address: ADDRESS,
            chores: Vec::new(),
            incoming: Vec::new(),
            short: false,
            swap: false,
        }
    }
}

fn set_byte(word: &mut u32, index: u64, value: u8) {
    let shift = 8 * (index & 3);
    *word = *word & !(0xff << shift) | u32::from(value) << shift;
}

impl Controller {
    fn byte(&self, offset: u64) -> u8 {
        match offset {
            0 => self.command.status() | self.receive.status(),
            1 => self.reasons,
            3 => self.mask,
            4..8 => self.pointer.to_le_bytes()[offset as usize & 3],
            0x0e => self.eeprom.lines(),
            0x10..0x14 => self.phy.control.to_le_bytes()[offset as usize & 3],
            0x1c => self.general_control,
            // Link, 100 Mbit/s, full duplex.
            0x1d => 7,
            _ => 0,
        }
    }

    fn set(&mut self, offset: u64, value: u8) {
        match offset {
            1 => self.reasons &= !value,
            2 => self.accept(value),
            3 => {
                self.mask = value & !SOFTWARE;
                if value & SOFTWARE != 0 {
                    self.reasons |= reason::SWI;
                }
            }
            4..8 => set_byte(&mut self.pointer, offset, value),
            8..0x0c => {
                set_byte(&mut self.port, offset, value);
                if offset == 0x0b {
                    self.port_command();
                }
            }
            0x0e => self.eeprom.set_lines(value),
            0x10..0x14 => {
                set_byte(&mut self.phy.control, offset, value);
                if offset == 0x13 && self.phy.access() {
                    self.reasons |= reason::MDI;
                }
            }
            0x1c => self.general_control = value,
            _ => {}
        }
    }

    /// The command byte: high half for the command unit, low half for the receive unit
    /// (section 6.3.2).
    fn accept(&mut self, value: u8) {
        match value & 0x0f {
            1 => self.receive.start(self.pointer),
            2 => self.receive.resume(),
            4 if self.receive.abort() => self.reasons |= reason::RNR,
            6 => self.receive.base = self.pointer,
            _ => {}
        }
        match value & 0xf0 {
            0x10 => self.command.start(self.pointer),
            0x20 | 0xa0 => self.command.resume(),
            0x40 => self.statistics_at = self.pointer,
            0x50 => self.chores.push(Chore::Statistics(false)),
            0x60 => self.command.base = self.pointer,
            0x70 => self.chores.push(Chore::Statistics(true)),
            _ => {}
        }
    }

    /// The PORT register (section 6.3.3).
    fn port_command(&mut self) {
        let address = self.port & !15;
        match self.port & 15 {
            0 => {
                let (eeprom, phy) = (self.eeprom, self.phy);
                *self = Controller { eeprom, phy, ..Controller::default() };
            }
            1 => self.chores.push(Chore::SelfTest(address)),
            // A selective reset leaves configuration and addresses alone.
            2 => {
                self.command.stop();
                self.receive.abort();
                self.chores.clear();
            }
            3 => self.chores.push(Chore::Dump(address)),
            _ => {}
        }
    }

    fn chore(&mut self, chore: Chore, bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        match chore {
            Chore::SelfTest(at) => {
                // Signature, then result: nought where all is well.
                bus.write32(u64::from(at) + 4, 0)?;
                bus.write32(u64::from(at), 0xffff_ffff)?;
                Ok("ends its self-test")
            }
            Chore::Dump(at) => {
                bus.write(u64::from(at), &[0; 596])?;
                Ok("dumps its state")
            }
            Chore::Statistics(reset) => {
                self.dump_statistics(bus, reset)?;
                Ok("dumps its statistics")
            }
        }
    }

    fn dump_statistics(&mut self, bus: &mut dyn Bus, reset: bool) -> Result<(), Refused> {
        let mut words = [0u32; 20];
        words[0] = self.statistics.sent;
        words[9] = self.statistics.received;
        words[12] = self.statistics.no_resources;
        let mode = self.configuration[6];
        let count = match (mode & 0x20 != 0, mode & 0x04 != 0) {
            (true, _) => 16,
            (false, false) => 19,
            (false, true) => 20,
        };
        let mut at = u64::from(self.statistics_at & !3);
        for word in &words[..count] {
            bus.write32(at, *word)?;
            at += 4;
        }
        bus.write32(at, if reset { 0xa007 } else { 0xa005 })?;
        if reset {
            self.statistics = Statistics::default();
        }
        Ok(())
    }

    /// A frame goes out: back at once in loop-back, else to the peer, who answers.
    fn send(&mut self, mut frame: Vec<u8>) {
        self.statistics.sent = self.statistics.sent.wrapping_add(1);
        // No source address insertion: the frame has one.
        let own = self.configuration[10] & 0x08 != 0;
        if !own && let Some(source) = frame.get_mut(6..12) {
            source.copy_from_slice(&self.address);
        }
        let looped = self.configuration[10] & 0xc0 != 0;
        let back = if looped { Some(frame) } else { peer::answer(&frame) };
        if let Some(mut back) = back
            && self.incoming.len() < receive::MOST_FRAMES
        {
            if std::mem::take(&mut self.short) {
                back.truncate(peer::HEADER + 6);
            }
            self.incoming.push(back);
        }
    }
}

impl Device for Controller {
    /// An 82559 by its revision, a PRO/100 by its subsystem.
    fn identity(&self) -> Identity {
        Identity {
            vendor: 0x8086,
            device: 0x1229,
            subsystem_vendor: 0x8086,
            subsystem: 0x000c,
            class: 0x02_00_00,
            revision: 0x08,
        }
    }

    /// Registers in memory and as ports, and the flash memory, which is empty.
    fn bars(&self) -> Vec<Bar> {
        vec![
            Bar { space: Space::Memory, bytes: 0x1000 },
            Bar { space: Space::Ports, bytes: 0x40 },
            Bar { space: Space::Memory, bytes: 0x2_0000 },
        ]
    }

    fn read(&mut self, bar: u8, offset: u64, bytes: u8) -> u64 {
        if bar > 1 {
            return u64::MAX;
        }
        let byte = |index: u64| u64::from(self.byte(offset + index)) << (8 * index);
        (0..u64::from(bytes.min(8))).map(byte).sum()
    }

    fn write(&mut self, bar: u8, offset: u64, bytes: u8, value: u64) {
        if bar > 1 {
            return;
        }
        // The mask counts before a command that comes with it.
        let mut order: Vec<u64> = (0..u64::from(bytes.min(8))).collect();
        if bytes == 2 && offset == 2 {
            order.reverse();
        }
        for index in order {
            self.set(offset + index, (value >> (8 * index)) as u8);
        }
    }

    fn interrupts(&self) -> u32 {
        let reasons = self.reasons & (!self.mask | 0x0f);
        u32::from(self.mask & MASK_ALL == 0 && reasons != 0)
    }

    fn pending(&self) -> bool {
        self.command.active() || !self.chores.is_empty() || !self.incoming.is_empty()
    }

    /// Chores first, then the command unit, then what comes from the cable.
    fn step(&mut self, bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        if !self.chores.is_empty() {
            let chore = self.chores.remove(0);
            return self.chore(chore, bus);
        }
        if self.command.active() {
            let done = self.carry_out(bus);
            if done.is_err() {
                self.command.stop();
            }
            return done;
        }
        let last = std::mem::take(&mut self.swap) && self.incoming.len() > 1;
        let frame = if last { self.incoming.pop() } else { Some(self.incoming.remove(0)) };
        let done = self.take_in(&frame.unwrap_or_default(), bus);
        if done.is_err() {
            self.receive.abort();
        }
        done
    }

    /// The EEPROM keeps what it has.
    fn reset(&mut self) {
        *self = Controller { eeprom: self.eeprom, ..Controller::default() };
    }

    fn fault(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Short => self.short = true,
            Fault::Reordered => self.swap = true,
            _ => return false,
        }
        true
    }
}

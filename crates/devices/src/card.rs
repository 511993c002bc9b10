//! The register device that drivers get by default: one page of 32-bit registers, one interrupt
//! line; or, as `bench-msi`, one message. Described for drivers in `drivers/include/benchdev.h`.

use crate::device::{Bar, Device, Identity, Space};

/// The device's state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Card {
    /// It signals a message and has no line.
    message: bool,
    /// STATUS bit 0: the interrupt line is asserted, or the message was signalled.
    asserted: bool,
    /// ENABLE bit 0.
    enabled: bool,
    /// Operations started and not yet finished.
    operations: u32,
    /// Last word written to DATA_OUT.
    data_out: u32,
    /// Words read from DATA_IN.
    data_in: u32,
}

const ID: u32 = 0x4243_4b31;

impl Card {
    /// The same with a message instead of the line.
    pub fn with_message() -> Card {
        Card { message: true, ..Card::default() }
    }
}

impl Device for Card {
    /// The vendor's number is `BC`, and nobody's.
    fn identity(&self) -> Identity {
        Identity {
            vendor: 0x4243,
            device: 0x0001,
            subsystem_vendor: 0x4243,
            subsystem: 0x0001,
            class: 0x00ff_0000,
            revision: 1,
        }
    }

    fn bars(&self) -> Vec<Bar> {
        vec![Bar { space: Space::Memory, bytes: 0x1000 }]
    }

    fn messages(&self) -> u8 {
        u8::from(self.message)
    }

    fn read(&mut self, _bar: u8, offset: u64, bytes: u8) -> u64 {
        let word = match offset & !3 {
            0x00 => ID,
            0x04 => u32::from(self.asserted),
            0x0c => u32::from(self.enabled),
            0x10 => {
                self.data_in = self.data_in.wrapping_add(1);
                self.data_in
            }
            _ => 0,
        };
        let shifted = u64::from(word) >> ((offset & 3) * 8);
        if bytes >= 8 { shifted } else { shifted & ((1 << (bytes * 8)) - 1) }
    }

    fn write(&mut self, _bar: u8, offset: u64, _bytes: u8, value: u64) {
        match offset & !3 {
            0x08 if value & 1 != 0 => self.asserted = false,
            0x0c => self.enabled = value & 1 != 0,
            0x14 => self.data_out = value as u32,
            0x18 => self.operations += 1,
            _ => {}
        }
    }

    /// An operation under way ends with its interrupt: there is nothing to see of its end before.
    fn interrupts(&self) -> u32 {
        let line = self.asserted && !self.message;
        u32::from(self.enabled && (line || self.operations > 0))
    }

    fn reset(&mut self) {
        *self = Card { message: self.message, ..Card::default() };
    }

    fn deliver(&mut self, _message: u8) {
        if (self.message || !self.asserted) && self.operations > 0 {
            self.operations -= 1;
            self.asserted = true;
        }
    }
}

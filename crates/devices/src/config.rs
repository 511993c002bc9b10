//! PCI configuration space of one function.
//!
//! PCI Local Bus Specification 3.0, section 6; message-signalled interrupts are in section 6.8.1,
//! power management in the PCI Bus Power Management Interface Specification 1.2, section 3.2.

use crate::device::{Bar, Identity, Space};

const COMMAND: usize = 0x04;
const BARS: usize = 0x10;
const POWER: usize = 0x40;
const MESSAGES: usize = 0x50;
/// Capabilities in the status register.
const HAS_CAPABILITIES: u8 = 0x10;
/// Bits of the command register that can be written: decoding, bus master, parity, SERR, interrupt
/// disable.
const COMMAND_BITS: u16 = 0x0547;

/// 256 bytes of configuration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    bytes: [u8; 256],
    sizes: [u32; 6],
}

impl Config {
    /// What firmware and the bus driver leave behind: decoding and bus mastering enabled, registers
    /// placed at `places`, interrupt line `line`, up to `messages` messages.
    pub fn new(
        identity: &Identity,
        bars: &[Bar],
        places: &[u64],
        messages: u8,
        line: u8,
    ) -> Config {
        let mut config = Config { bytes: [0; 256], sizes: [0; 6] };
        config.put16(0x00, identity.vendor);
        config.put16(0x02, identity.device);
        config.put16(COMMAND, 0x0007);
        config.put16(0x06, 0x0280);
        config.bytes[0x06] |= HAS_CAPABILITIES;
        config.put32(0x08, identity.class << 8 | u32::from(identity.revision));
        config.bytes[0x0c] = 16;
        config.bytes[0x0d] = 32;
        for (index, (bar, &place)) in bars.iter().zip(places).take(6).enumerate() {
            let kind = u32::from(bar.space == Space::Ports);
            config.put32(BARS + 4 * index, place as u32 | kind);
            config.sizes[index] = bar.bytes as u32;
        }
        config.put16(0x2c, identity.subsystem_vendor);
        config.put16(0x2e, identity.subsystem);
        config.bytes[0x34] = POWER as u8;
        config.bytes[0x3c] = line;
        config.bytes[0x3d] = 1;
        // Power management: version 2, D0.
        config.bytes[POWER] = 1;
        config.put16(POWER + 2, 0x0002);
        if messages > 0 {
            config.bytes[POWER + 1] = MESSAGES as u8;
            config.bytes[MESSAGES] = 5;
            let log = messages.next_power_of_two().trailing_zeros() as u16;
            config.put16(MESSAGES + 2, 0x0081 | log << 1 | log << 4);
        }
        config
    }

    fn put16(&mut self, at: usize, value: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    fn put32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn get32(&self, at: usize) -> u32 {
        let word = self.bytes[at..].first_chunk().copied().unwrap_or_default();
        u32::from_le_bytes(word)
    }

    /// The command register.
    pub fn command(&self) -> u16 {
        self.get32(COMMAND) as u16
    }

    /// Whether registers in this space answer.
    pub fn decodes(&self, space: Space) -> bool {
        let bit = match space {
            Space::Ports => 1,
            Space::Memory => 2,
        };
        self.command() & bit != 0
    }

    /// The command register.
    pub fn command_bytes(&self) -> [u8; 2] {
        self.command().to_le_bytes()
    }

    /// Whether the device may reach memory by itself.
    pub fn masters(&self) -> bool {
        self.command() & 4 != 0
    }

    /// Whether the interrupt line is disabled.
    pub fn line_disabled(&self) -> bool {
        self.command() & 0x400 != 0
    }

    /// Power state: 0 for D0 to 3 for D3.
    pub fn power(&self) -> u8 {
        self.bytes[POWER + 4] & 3
    }

    /// Puts the function into power state D`state`; what else is in that register stays.
    pub fn set_power(&mut self, state: u8) {
        let byte = &mut self.bytes[POWER + 4];
        *byte = *byte & !3 | state & 3;
    }

    /// Reads; bytes past the end are not filled. The number of bytes read.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        let from = self.bytes.get(offset..).unwrap_or_default();
        let count = from.len().min(into.len());
        into[..count].copy_from_slice(&from[..count]);
        count
    }

    /// Writes what can be written; the number of bytes taken.
    pub fn write(&mut self, offset: usize, from: &[u8]) -> usize {
        let count = from.len().min(256usize.saturating_sub(offset));
        let mut wanted = self.bytes;
        wanted[offset.min(256)..offset.min(256) + count].copy_from_slice(&from[..count]);
        let wanted = Config { bytes: wanted, ..*self };
        let command = wanted.command() & COMMAND_BITS;
        let place = |index: usize| {
            let at = BARS + 4 * index;
            let (now, size) = (self.get32(at), self.sizes[index]);
            // Address bits below the size and the kind's bits do not change: so drivers of buses
            // find the size out.
            if size == 0 { 0 } else { wanted.get32(at) & !(size - 1) | now & 0xf & (size - 1) }
        };
        let places = [0, 1, 2, 3, 4, 5].map(place);
        self.put16(COMMAND, command);
        for (index, place) in places.into_iter().enumerate() {
            self.put32(BARS + 4 * index, place);
        }
        for free in [0x0c, 0x0d, 0x3c, POWER + 4, POWER + 5] {
            self.bytes[free] = wanted.bytes[free];
        }
        if self.bytes[MESSAGES] == 5 {
            let enable = wanted.bytes[MESSAGES + 2] & 0x71 | self.bytes[MESSAGES + 2] & 0x8e;
            self.bytes[MESSAGES + 2] = enable;
            self.bytes[MESSAGES + 4..MESSAGES + 14]
                .copy_from_slice(&wanted.bytes[MESSAGES + 4..MESSAGES + 14]);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let identity = Identity {
            vendor: 0x8086,
            device: 0x1229,
            subsystem_vendor: 0x8086,
            subsystem: 0x000c,
            class: 0x02_00_00,
            revision: 8,
        };
        let bars =
            [Bar { space: Space::Memory, bytes: 0x1000 }, Bar { space: Space::Ports, bytes: 0x40 }];
        Config::new(&identity, &bars, &[0xfebf_0000, 0xc400], 4, 17)
    }

    fn word(config: &Config, at: usize) -> u32 {
        let mut bytes = [0; 4];
        config.read(at, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    #[test]
    fn identity_and_capabilities_can_be_read() {
        let config = config();
        assert_eq!(word(&config, 0), 0x1229_8086);
        assert_eq!(word(&config, 8), 0x0200_0008);
        assert_eq!(word(&config, 0x14), 0xc401);
        let mut at = word(&config, 0x34) as usize & 0xff;
        let mut found = Vec::new();
        while at != 0 {
            found.push(word(&config, at) as u8);
            at = (word(&config, at) >> 8) as usize & 0xff;
        }
        assert_eq!(found, [1, 5]);
        assert_eq!(config.read(0x100, &mut [0; 4]), 0);
        assert_eq!(config.read(0xfe, &mut [0; 4]), 2);
    }

    #[test]
    fn sizes_are_found_out_by_writing_ones() {
        let mut config = config();
        config.write(0x10, &[0xff; 4]);
        config.write(0x14, &[0xff; 4]);
        assert_eq!(word(&config, 0x10), 0xffff_f000);
        assert_eq!(word(&config, 0x14), 0xffff_ffc1);
        config.write(0x18, &[0xff; 4]);
        assert_eq!(word(&config, 0x18), 0);
    }

    #[test]
    fn the_identity_cannot_be_written() {
        let mut config = config();
        config.write(0, &[0; 16]);
        assert_eq!(word(&config, 0), 0x1229_8086);
        assert!(!config.masters() && !config.decodes(Space::Memory));
    }
}

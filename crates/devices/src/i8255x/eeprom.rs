//! The controller's EEPROM: 64 words of 16 bits behind a serial (microwire) interface.
//!
//! Intel 8255x 10/100 Mbps Ethernet Controller Family Open Source Software Developer Manual,
//! section 6.3.4 (EEPROM control register) and 4.4 (EEPROM interface).

/// Words.
pub const WORDS: usize = 64;
const ADDRESS_BITS: u8 = 6;

/// Clock, chip select, data to the EEPROM, data from it.
pub const SK: u8 = 1;
const CS: u8 = 2;
const DI: u8 = 4;
const DO: u8 = 8;

/// All words add up to this.
const SUM: u16 = 0xbaba;

/// The EEPROM's content and where its serial interface stands.
#[derive(Clone, Copy, Debug)]
pub struct Eeprom {
    words: [u16; WORDS],
    /// Lines as the register was written last.
    lines: u8,
    out: bool,
    /// Bits shifted in since the start bit, which counts.
    bits: u8,
    shift: u32,
    writable: bool,
}

impl Eeprom {
    /// One for a card with this address.
    pub fn new(address: [u8; 6]) -> Eeprom {
        let mut words = [0; WORDS];
        for (word, pair) in words.iter_mut().zip(address.chunks_exact(2)) {
            *word = u16::from(pair[0]) | u16::from(pair[1]) << 8;
        }
        // An 82557 or later, with an 82555 PHY at address 1.
        words[5] = 0x0201;
        words[6] = 0x4701;
        words[0xa] = 0x4000;
        words[0xb] = 0x000c;
        words[0xc] = 0x8086;
        let sum = words[..WORDS - 1].iter().fold(0u16, |sum, word| sum.wrapping_add(*word));
        words[WORDS - 1] = SUM.wrapping_sub(sum);
        Eeprom { words, lines: 0, out: true, bits: 0, shift: 0, writable: false }
    }

    /// The control register.
    pub fn lines(&self) -> u8 {
        self.lines & (SK | CS | DI) | if self.out { DO } else { 0 }
    }

    /// Writes the control register.
    pub fn set_lines(&mut self, lines: u8) {
        let rises = lines & !self.lines & SK != 0;
        self.lines = lines;
        if lines & CS == 0 {
            (self.bits, self.shift, self.out) = (0, 0, true);
        } else if rises {
            self.clock(lines & DI != 0);
        }
    }

    fn clock(&mut self, bit: bool) {
        if self.bits == 0 && !bit {
            // No start bit yet.
            return;
        }
        self.bits = self.bits.saturating_add(1);
        self.shift = self.shift << 1 | u32::from(bit);
        let complete = 3 + ADDRESS_BITS;
        if self.bits < complete {
            return;
        }
        let after = self.bits - complete;
        let command = self.shift >> after;
        let address = command as usize % WORDS;
        match command >> ADDRESS_BITS & 3 {
            // Read: a zero follows the address, then the word, highest bit first; reading goes on
            // at the next word.
            0b10 if after == 0 => self.out = false,
            0b10 if after <= 16 => self.out = self.words[address] >> (16 - after) & 1 != 0,
            0b01 if after == 16 && self.writable => {
                self.words[address] = self.shift as u16;
                self.out = true;
            }
            0b00 if after == 0 => match address >> (ADDRESS_BITS - 2) {
                0b11 => self.writable = true,
                0b00 => self.writable = false,
                _ => {}
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(eeprom: &mut Eeprom, bits: u32, count: u8) -> u16 {
        eeprom.set_lines(CS);
        let mut read = 0;
        for index in (0..count).rev() {
            let data = if bits >> index & 1 != 0 { DI } else { 0 };
            eeprom.set_lines(CS | data);
            eeprom.set_lines(CS | data | SK);
            read = read << 1 | u16::from(eeprom.lines() & DO != 0);
        }
        eeprom.set_lines(0);
        read
    }

    fn word(eeprom: &mut Eeprom, address: u32) -> u16 {
        send(eeprom, (0b110 << 6 | address) << 16, 9 + 16)
    }

    #[test]
    fn words_add_up() {
        let mut eeprom = Eeprom::new([2, 0x42, 0x43, 0, 0, 1]);
        assert_eq!(word(&mut eeprom, 0), 0x4202);
        assert_eq!(word(&mut eeprom, 2), 0x0100);
        let sum = (0..64).fold(0u16, |sum, at| sum.wrapping_add(word(&mut eeprom, at)));
        assert_eq!(sum, SUM);
    }

    #[test]
    fn the_width_of_addresses_shows() {
        let mut eeprom = Eeprom::new([0; 6]);
        // Start, opcode, five bits of the address: nothing drives the line.
        assert_eq!(send(&mut eeprom, 0b110_00000, 8), 0xff);
        assert_eq!(send(&mut eeprom, 0b110_000000, 9) & 1, 0);
    }

    #[test]
    fn writing_has_to_be_enabled() {
        let mut eeprom = Eeprom::new([0; 6]);
        let write = (0b101 << 6 | 9) << 16 | 0x1234;
        send(&mut eeprom, write, 25);
        assert_eq!(word(&mut eeprom, 9), 0);
        send(&mut eeprom, 0b100_110000, 9);
        send(&mut eeprom, write, 25);
        assert_eq!(word(&mut eeprom, 9), 0x1234);
    }
}

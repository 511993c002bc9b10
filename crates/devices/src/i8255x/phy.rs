//! The PHY behind the management data interface: an 82555 at address 1 whose link is up, 100 Mbit/s
//! full duplex.
//!
//! 8255x Software Developer Manual, section 6.3.6 (MDI control register); registers by IEEE 802.3,
//! clause 22.2.4.

const ADDRESS: u32 = 1;
/// The access is done.
const READY: u32 = 1 << 28;
/// Interrupt when it is.
const INTERRUPT: u32 = 1 << 29;

/// Control, status, identifiers, advertisement, link partner, expansion.
const RESET: [u16; 7] = [0x3000, 0x782d, 0x02a8, 0x0154, 0x05e1, 0x45e1, 0x0001];
/// Speed and duplex of an 82555: 100 Mbit/s, full.
const SPEED: (u32, u16) = (0x10, 0x0003);

/// The PHY and its control register.
#[derive(Clone, Copy, Debug)]
pub struct Phy {
    registers: [u16; 7],
    /// The MDI control register.
    pub control: u32,
}

impl Default for Phy {
    fn default() -> Phy {
        Phy { registers: RESET, control: READY | ADDRESS << 21 }
    }
}

impl Phy {
    /// The control register was written: carries the access out. Whether it ends with an interrupt.
    pub fn access(&mut self) -> bool {
        let (index, phy) = (self.control >> 16 & 31, self.control >> 21 & 31);
        let mut data = self.control as u16;
        match (self.control >> 26 & 3, phy == ADDRESS) {
            (1, true) => self.write(index, data),
            (2, true) => data = self.read(index),
            (2, false) => data = 0xffff,
            _ => {}
        }
        self.control = self.control & 0xffff_0000 | READY | u32::from(data);
        self.control & INTERRUPT != 0
    }

    fn read(&self, index: u32) -> u16 {
        if index == SPEED.0 {
            return SPEED.1;
        }
        self.registers.get(index as usize).copied().unwrap_or(0)
    }

    fn write(&mut self, index: u32, data: u16) {
        match index {
            // Reset and restart of the negotiation are over at once.
            0 if data & 0x8000 != 0 => self.registers = RESET,
            0 => self.registers[0] = data & !0x0200,
            4 => self.registers[4] = data,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_up() {
        let mut phy = Phy { control: 2 << 26 | 1 << 21 | 1 << 16, ..Phy::default() };
        assert!(!phy.access());
        assert_eq!(phy.control & 0x1000_0024, READY | 0x24);
        phy.control = 2 << 26 | 5 << 21 | 1 << 16;
        phy.access();
        assert_eq!(phy.control as u16, 0xffff, "nobody at another address");
    }
}

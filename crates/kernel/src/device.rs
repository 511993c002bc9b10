//! The register device behind the bench's physical device object.
//!
//! One page of 32-bit registers, one interrupt. See `drivers/include/benchdev.h`.

/// The device's state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Card {
    /// STATUS bit 0: the interrupt line is asserted.
    pub asserted: bool,
    /// ENABLE bit 0.
    pub enabled: bool,
    /// Operations started and not yet finished.
    pub operations: u32,
    /// Last word written to DATA_OUT.
    pub data_out: u32,
    /// Words read from DATA_IN.
    pub data_in: u32,
    /// The device was pulled out: reads give all ones, writes are lost.
    pub gone: bool,
}

/// Bytes of register space.
pub const CARD_BYTES: u64 = 0x1000;
/// Bus address of the register space, as resource lists give it.
pub const CARD_BUS_ADDRESS: u64 = 0xfebf_0000;
/// Interrupt vector and level of the device in translated resources.
pub const CARD_VECTOR: u32 = 0x91;
/// Device IRQL of the interrupt.
pub const CARD_IRQL: u8 = 9;

const ID: u32 = 0x4243_4b31;

impl Card {
    /// Whether the device wants to interrupt, or an operation under way will end with one.
    #[inline]
    pub fn may_interrupt(&self) -> bool {
        !self.gone && self.enabled && (self.asserted || self.operations > 0)
    }

    /// An operation ends; called when the interrupt is delivered.
    pub fn finish_operation(&mut self) {
        if !self.asserted && self.operations > 0 {
            self.operations -= 1;
            self.asserted = true;
        }
    }

    /// Reads `bytes` bytes at `offset`.
    pub fn read(&mut self, offset: u64, bytes: usize) -> u64 {
        if self.gone {
            return u64::MAX;
        }
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

    /// Writes `bytes` bytes at `offset`.
    pub fn write(&mut self, offset: u64, _bytes: usize, value: u64) {
        if self.gone {
            return;
        }
        match offset & !3 {
            0x08 if value & 1 != 0 => self.asserted = false,
            0x0c => self.enabled = value & 1 != 0,
            0x14 => self.data_out = value as u32,
            0x18 => self.operations += 1,
            _ => {}
        }
    }
}

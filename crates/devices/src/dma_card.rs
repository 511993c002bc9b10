//! A small device that copies memory: it reads a list of descriptors, carries them out one after
//! another, and signals a message at the end. Described for drivers in `drivers/include/benchdma.h`.

use crate::device::{Bar, Bus, Device, Fault, Identity, Refused, Space};

const ID: u32 = 0x4243_4b32;
const DONE: u32 = 1;
const ERROR: u32 = 2;
/// Most bytes that one descriptor may ask for.
const MOST: u32 = 0x1_0000;
/// Bytes of a descriptor: from, to, bytes, result; 32 bits each.
const DESCRIPTOR: u64 = 16;
/// In a result: the descriptor was carried out.
const CARRIED_OUT: u32 = 0x8000_0000;

/// The device's state.
#[derive(Clone, Copy, Debug, Default)]
pub struct DmaCard {
    status: u32,
    enabled: bool,
    list: u32,
    left: u32,
    done: u32,
    signalled: u32,
    short: bool,
    /// The next two descriptors are carried out the other way round; the one that was put off.
    swap: bool,
    put_off: Option<u32>,
}

impl DmaCard {
    fn end(&mut self, status: u32) {
        self.left = 0;
        self.status |= status;
        if self.enabled {
            self.signalled |= status;
        }
    }

    /// Number of the descriptor that is next.
    fn next(&mut self) -> u32 {
        if let Some(put_off) = self.put_off.take() {
            return put_off;
        }
        if self.left > 1 && std::mem::take(&mut self.swap) {
            self.put_off = Some(self.done);
            return self.done + 1;
        }
        self.done
    }

    /// Carries one descriptor out.
    fn copy(&mut self, bus: &mut dyn Bus) -> Result<(), Refused> {
        let at = u64::from(self.list) + DESCRIPTOR * u64::from(self.next());
        let (from, to) = (bus.read32(at)?, bus.read32(at + 4)?);
        let asked = bus.read32(at + 8)?.min(MOST);
        let bytes = if std::mem::take(&mut self.short) { asked / 2 } else { asked };
        let mut data = vec![0; bytes as usize];
        bus.read(u64::from(from), &mut data)?;
        bus.write(u64::from(to), &data)?;
        bus.write32(at + 12, bytes | CARRIED_OUT)
    }
}

impl Device for DmaCard {
    fn identity(&self) -> Identity {
        Identity {
            vendor: 0x4243,
            device: 0x0002,
            subsystem_vendor: 0x4243,
            subsystem: 0x0002,
            class: 0x08_80_00,
            revision: 1,
        }
    }

    fn bars(&self) -> Vec<Bar> {
        vec![Bar { space: Space::Memory, bytes: 0x1000 }]
    }

    /// Message 0 for the end of a list, 1 for an error.
    fn messages(&self) -> u8 {
        2
    }

    fn read(&mut self, _bar: u8, offset: u64, _bytes: u8) -> u64 {
        u64::from(match offset {
            0x00 => ID,
            0x04 => self.status,
            0x08 => u32::from(self.enabled),
            0x0c => self.list,
            0x10 => self.left,
            0x14 => self.done,
            _ => 0,
        })
    }

    fn write(&mut self, _bar: u8, offset: u64, _bytes: u8, value: u64) {
        let value = value as u32;
        match offset {
            0x04 => self.status &= !value,
            0x08 => self.enabled = value & 1 != 0,
            0x0c => self.list = value & !3,
            0x10 if self.left == 0 => (self.left, self.done, self.put_off) = (value, 0, None),
            // Nought stops it.
            0x10 if value == 0 => self.left = 0,
            _ => {}
        }
    }

    fn interrupts(&self) -> u32 {
        self.signalled
    }

    fn deliver(&mut self, message: u8) {
        self.signalled &= !(1 << message);
    }

    fn pending(&self) -> bool {
        self.left > 0
    }

    fn step(&mut self, bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        if let Err(refused) = self.copy(bus) {
            self.end(ERROR);
            return Err(refused);
        }
        self.done += 1;
        self.left -= 1;
        if self.left > 0 {
            return Ok("copies memory");
        }
        self.end(DONE);
        Ok("copies memory, the last of its list")
    }

    fn reset(&mut self) {
        *self = DmaCard::default();
    }

    fn fault(&mut self, fault: Fault) -> bool {
        self.short |= fault == Fault::Short;
        self.swap |= fault == Fault::Reordered;
        matches!(fault, Fault::Short | Fault::Reordered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ram(Vec<u8>);

    impl Bus for Ram {
        fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Refused> {
            let from = self.0.get(address as usize..).and_then(|rest| rest.get(..into.len()));
            into.copy_from_slice(from.ok_or(Refused)?);
            Ok(())
        }
        fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Refused> {
            let to =
                self.0.get_mut(address as usize..).and_then(|rest| rest.get_mut(..bytes.len()));
            to.ok_or(Refused)?.copy_from_slice(bytes);
            Ok(())
        }
    }

    #[test]
    fn a_list_is_copied_step_by_step() {
        let mut ram = Ram(vec![0; 0x100]);
        let mut card = DmaCard::default();
        let bus: &mut dyn Bus = &mut ram;
        bus.write(0x80, b"hello, world").unwrap();
        for (index, word) in [0x80, 0xa0, 6, 0, 0x86, 0xb0, 6, 0].into_iter().enumerate() {
            bus.write32(4 * index as u64, word).unwrap();
        }
        card.write(0, 8, 4, 1);
        card.write(0, 0x0c, 4, 0);
        card.write(0, 0x10, 4, 2);
        assert_eq!(card.step(bus), Ok("copies memory"));
        assert!(card.pending() && card.interrupts() == 0);
        card.fault(Fault::Short);
        card.step(bus).unwrap();
        assert_eq!((card.pending(), card.interrupts(), card.read(0, 4, 4)), (false, 1, 1));
        assert_eq!(bus.read32(12), Ok(CARRIED_OUT | 6));
        assert_eq!(bus.read32(28), Ok(CARRIED_OUT | 3));
        assert_eq!(&ram.0[0xa0..0xa6], b"hello,");
        assert_eq!(&ram.0[0xb0..0xb6], b" wo\0\0\0");
    }

    #[test]
    fn two_descriptors_are_carried_out_the_other_way_round() {
        let mut ram = Ram(vec![0; 0x100]);
        let mut card = DmaCard::default();
        let bus: &mut dyn Bus = &mut ram;
        for (index, at) in [0u64, 16, 32].into_iter().enumerate() {
            bus.write32(at + 4, 0x80 + 0x10 * index as u32).unwrap();
            bus.write32(at + 8, 1).unwrap();
        }
        assert!(card.fault(Fault::Reordered));
        card.write(0, 0x10, 4, 3);
        let mut order = Vec::new();
        while card.pending() {
            card.step(bus).unwrap();
            let mut carried = Vec::new();
            for at in [0u64, 16, 32] {
                carried.push(bus.read32(at + 12) == Ok(CARRIED_OUT | 1));
            }
            order.push(carried);
        }
        assert_eq!(order, [[false, true, false], [true, true, false], [true; 3]]);
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let mut card = DmaCard::default();
        card.write(0, 8, 4, 1);
        card.write(0, 0x0c, 4, 0x1000);
        card.write(0, 0x10, 4, 1);
        assert_eq!(card.step(&mut Ram(Vec::new())), Err(Refused));
        assert_eq!((card.pending(), card.interrupts()), (false, ERROR));
    }
}

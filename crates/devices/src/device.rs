//! What a device is.

use crate::far_side::FarSide;
use std::any::Any;
use std::fmt::Debug;

/// Who a device is, as its configuration space says (PCI Local Bus Specification 3.0, section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Vendor.
    pub vendor: u16,
    /// Device.
    pub device: u16,
    /// Subsystem vendor.
    pub subsystem_vendor: u16,
    /// Subsystem.
    pub subsystem: u16,
    /// Class, subclass and programming interface: `0x02_00_00` is an Ethernet controller.
    pub class: u32,
    /// Revision.
    pub revision: u8,
}

/// Which address space registers lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Memory.
    Memory,
    /// I/O ports.
    Ports,
}

/// A range of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Where.
    pub space: Space,
    /// Bytes: a power of two, from 16 to 16 MiB of memory or 4 to 256 ports.
    pub bytes: u64,
}

/// The bus refused an access to memory: nothing there that a device may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// The way to the computer's memory. Addresses are those that drivers give to devices.
pub trait Bus {
    /// Reads.
    ///
    /// # Errors
    /// Nothing there; whose fault that is the bus knows.
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Refused>;
    /// Writes.
    ///
    /// # Errors
    /// As for `read`.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Refused>;
}

impl dyn Bus + '_ {
    /// Reads a little-endian word of 16 bits.
    ///
    /// # Errors
    /// As for [`Bus::read`].
    pub fn read16(&mut self, address: u64) -> Result<u16, Refused> {
        let mut word = [0; 2];
        self.read(address, &mut word)?;
        Ok(u16::from_le_bytes(word))
    }

    /// Reads a little-endian word of 32 bits.
    ///
    /// # Errors
    /// As for [`Bus::read`].
    pub fn read32(&mut self, address: u64) -> Result<u32, Refused> {
        let mut word = [0; 4];
        self.read(address, &mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    /// Writes a little-endian word of 16 bits.
    ///
    /// # Errors
    /// As for [`Bus::write`].
    pub fn write16(&mut self, address: u64, value: u16) -> Result<(), Refused> {
        self.write(address, &value.to_le_bytes())
    }

    /// Writes a little-endian word of 32 bits.
    ///
    /// # Errors
    /// As for [`Bus::write`].
    pub fn write32(&mut self, address: u64, value: u32) -> Result<(), Refused> {
        self.write(address, &value.to_le_bytes())
    }
}

/// What goes wrong with a device, on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reads give all ones, and it does not interrupt; writes arrive.
    Ones,
    /// It was pulled out: reads give all ones, writes are lost, nothing happens any more.
    Gone,
    /// It starts nothing and ends nothing any more, and does not interrupt.
    Stall,
    /// So many interrupts that no status register explains.
    Storm(u32),
    /// The next operation ends with less than was asked for.
    Short,
    /// The next operations end in another order than they were started.
    Reordered,
    /// The next operation ends, and is told of later.
    Late,
    /// Nothing comes from its far side.
    Empty,
    /// Its far side takes nothing.
    Full,
    /// The next interrupt does not arrive.
    Lost,
    /// The next interrupt arrives twice.
    Repeated,
    /// The link is down: reads give all ones, writes are lost, nothing happens. It comes back as from a
    /// reset, and may not reach memory by itself until it is told again that it may.
    LinkDown,
    /// All is well again, but for a device that is gone.
    None,
}

/// Copies of a device's state; every `Device` that is `Clone` has them.
pub trait State: Any {
    /// A copy.
    fn copy(&self) -> Box<dyn Device>;
    /// Takes over the state of another device of the same type, into the room that is there.
    fn copy_from(&mut self, from: &dyn Device);
}

impl<T: Device + Clone> State for T {
    fn copy(&self) -> Box<dyn Device> {
        Box::new(self.clone())
    }

    fn copy_from(&mut self, from: &dyn Device) {
        let any: &dyn Any = from;
        if let Some(from) = any.downcast_ref::<T>() {
            self.clone_from(from);
        }
    }
}

/// A device: one file makes one. All that a run changes is in `self`, and cheap to clone.
pub trait Device: State + Debug {
    /// Who it is.
    fn identity(&self) -> Identity;

    /// Its registers, up to six ranges.
    fn bars(&self) -> Vec<Bar>;

    /// Messages that it can signal; 0 for one that has an interrupt line.
    fn messages(&self) -> u8 {
        0
    }

    /// Reads `bytes` (1, 2, 4 or 8) bytes of range `bar`.
    fn read(&mut self, bar: u8, offset: u64, bytes: u8) -> u64;

    /// Writes `bytes` bytes of range `bar`.
    fn write(&mut self, bar: u8, offset: u64, bytes: u8, value: u64);

    /// Interrupts that are asserted: bit 0 for the line, or bit `m` for message `m`.
    fn interrupts(&self) -> u32;

    /// An interrupt is about to be delivered: a message is gone with that, a line stays asserted
    /// until a register says otherwise.
    fn deliver(&mut self, _message: u8) {}

    /// Whether it has something to do by itself.
    fn pending(&self) -> bool {
        false
    }

    /// Does one thing by itself, and says what: "sends a frame".
    ///
    /// # Errors
    /// The bus refused an access to memory; the device ends what it was about.
    fn step(&mut self, _bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        Ok("does nothing")
    }

    /// Power comes back: it is as it was when it was made, but for what it keeps without power.
    fn reset(&mut self);

    /// A fault of the device itself is asked for - [`Fault::Short`], [`Fault::Reordered`], [`Fault::Late`],
    /// [`Fault::Empty`], [`Fault::Full`], or [`Fault::None`] to end the latter two; false where it cannot.
    fn fault(&mut self, _fault: Fault) -> bool {
        false
    }

    /// What stands behind it, where somebody outside may.
    fn far_side(&mut self) -> Option<&mut dyn FarSide> {
        None
    }
}

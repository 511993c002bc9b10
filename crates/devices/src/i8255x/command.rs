//! The command unit: a list of command blocks in memory, carried out one after another.
//!
//! 8255x Software Developer Manual, section 6.4.2 (command unit and its action commands), 6.4.2.4
//! (transmit).

use super::{Controller, reason};
use crate::device::{Bus, Refused};

/// Last of the list; suspend after it; interrupt after it (command word).
const EL: u16 = 0x8000;
const S: u16 = 0x4000;
const I: u16 = 0x2000;
/// Flexible mode: the data lie where buffer descriptors say.
const SF: u16 = 0x0008;
/// Complete, and without an error (status word).
const DONE: u16 = 0xa000;
/// A descriptor array that is not there.
const NO_ARRAY: u32 = 0xffff_ffff;
/// Most bytes of a frame that is sent.
const MOST_BYTES: usize = 2600;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    #[default]
    Idle,
    Suspended,
    Active,
}

/// Where the command unit stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CommandUnit {
    /// Added to every address.
    pub base: u32,
    doing: Doing,
    /// The block that is next, or, while suspended, the last one: its link counts when it goes on.
    at: u32,
    resumed: bool,
}

impl CommandUnit {
    /// Its part of the status byte.
    pub fn status(&self) -> u8 {
        (match self.doing {
            Doing::Idle => 0,
            Doing::Suspended => 1,
            Doing::Active => 2,
        }) << 6
    }

    pub fn active(&self) -> bool {
        self.doing == Doing::Active
    }

    pub fn start(&mut self, at: u32) {
        (self.doing, self.at, self.resumed) = (Doing::Active, at, false);
    }

    /// Only a suspended unit resumes.
    pub fn resume(&mut self) {
        if self.doing == Doing::Suspended {
            (self.doing, self.resumed) = (Doing::Active, true);
        }
    }

    pub fn stop(&mut self) {
        self.doing = Doing::Idle;
    }
}

impl Controller {
    /// Carries the next command block out.
    pub(super) fn carry_out(&mut self, bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        let base = self.command.base;
        let place = |at: u32| u64::from(base.wrapping_add(at));
        if std::mem::take(&mut self.command.resumed) {
            self.command.at = bus.read32(place(self.command.at) + 4)?;
        }
        let at = place(self.command.at);
        let command = bus.read16(at + 2)?;
        let link = bus.read32(at + 4)?;
        let what = match command & 7 {
            1 => {
                bus.read(at + 8, &mut self.address)?;
                "takes its address"
            }
            2 => {
                let mut count = [0];
                bus.read(at + 8, &mut count)?;
                let count = usize::from(count[0] & 0x3f).clamp(1, self.configuration.len());
                let mut bytes = self.configuration;
                bus.read(at + 8, &mut bytes[..count])?;
                self.configuration = bytes;
                "takes its configuration"
            }
            3 => {
                let count = usize::from(bus.read16(at + 8)? & 0x3fff);
                // Nobody sends to groups here; the addresses must be there.
                bus.read(at + 10, &mut vec![0; count.min(MOST_BYTES)])?;
                "takes its multicast addresses"
            }
            4 => {
                let frame = self.fetch(at, command, bus)?;
                self.send(frame);
                "sends a frame"
            }
            5 => "takes microcode",
            6 => {
                let to = bus.read32(at + 8)?;
                bus.write(u64::from(to), &[0; 596])?;
                "dumps its state"
            }
            7 => "diagnoses itself",
            _ => "does nothing",
        };
        bus.write16(at, DONE)?;
        if command & I != 0 {
            self.reasons |= reason::CX;
        }
        if command & EL != 0 {
            self.command.doing = Doing::Idle;
            self.reasons |= reason::CNA;
        } else if command & S != 0 {
            self.command.doing = Doing::Suspended;
            self.reasons |= reason::CNA;
        } else {
            self.command.at = link;
        }
        Ok(what)
    }

    /// Fetches the frame that a transmit command describes.
    fn fetch(&self, at: u64, command: u16, bus: &mut dyn Bus) -> Result<Vec<u8>, Refused> {
        let array = bus.read32(at + 8)?;
        let here = usize::from(bus.read16(at + 12)? & 0x3fff).min(MOST_BYTES);
        let count = usize::from(bus.read16(at + 14)? >> 8);
        let mut frame = vec![0; here];
        bus.read(at + 16, &mut frame)?;
        if command & SF == 0 || array == NO_ARRAY {
            return Ok(frame);
        }
        // Extended command blocks hold the first two descriptors themselves.
        let extended = self.configuration[6] & 0x10 == 0;
        let inner = if extended { count.min(2) } else { 0 };
        let own = (0..inner).map(|index| at + 16 + 8 * index as u64);
        let others = (0..count - inner).map(|index| u64::from(array) + 8 * index as u64);
        for descriptor in own.chain(others) {
            let from = bus.read32(descriptor)?;
            let size = bus.read32(descriptor + 4)?;
            let room = MOST_BYTES - frame.len();
            let start = frame.len();
            frame.resize(start + (size as usize & 0x7fff).min(room), 0);
            bus.read(u64::from(from), &mut frame[start..])?;
            // EL: the last one.
            if size & 0x1_0000 != 0 {
                break;
            }
        }
        Ok(frame)
    }
}

//! The receive unit: frames go into frame descriptors in memory, simplified mode.
//!
//! 8255x Software Developer Manual, section 6.4.3 (receive unit and receive frame area).

use super::{Controller, reason};
use crate::device::{Bus, Refused};

/// Frames that may be on their way.
pub(super) const MOST_FRAMES: usize = 16;
/// Last of the list; suspend after it (command word).
const EL: u16 = 0x8000;
const S: u16 = 0x4000;
/// Complete and received well (status word).
const DONE: u16 = 0xa000;
/// Complete, not well: the frame was longer than the room for it.
const CUT: u16 = 0x8200;
/// The count is valid, and the frame ends here (count word).
const FILLED: u16 = 0xc000;
/// Bytes of a descriptor, which the frame follows.
const DESCRIPTOR: u64 = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    #[default]
    Idle,
    Suspended,
    NoResources,
    Ready,
}

/// Where the receive unit stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReceiveUnit {
    /// Added to every address.
    pub base: u32,
    doing: Doing,
    at: u32,
}

impl ReceiveUnit {
    /// Its part of the status byte.
    pub fn status(&self) -> u8 {
        (match self.doing {
            Doing::Idle => 0,
            Doing::Suspended => 1,
            Doing::NoResources => 2,
            Doing::Ready => 4,
        }) << 2
    }

    pub fn start(&mut self, at: u32) {
        (self.doing, self.at) = (Doing::Ready, at);
    }

    /// Only a suspended unit resumes.
    pub fn resume(&mut self) {
        if self.doing == Doing::Suspended {
            self.doing = Doing::Ready;
        }
    }

    /// Stops; whether it was ready.
    pub fn abort(&mut self) -> bool {
        std::mem::take(&mut self.doing) == Doing::Ready
    }
}

impl Controller {
    /// A frame arrives.
    pub(super) fn take_in(
        &mut self,
        frame: &[u8],
        bus: &mut dyn Bus,
    ) -> Result<&'static str, Refused> {
        if self.receive.doing != Doing::Ready {
            if self.receive.doing != Doing::Idle {
                self.statistics.no_resources = self.statistics.no_resources.wrapping_add(1);
            }
            return Ok("loses a frame that nobody receives");
        }
        let at = u64::from(self.receive.base.wrapping_add(self.receive.at));
        let command = bus.read16(at + 2)?;
        let link = bus.read32(at + 4)?;
        let room = usize::from(bus.read16(at + 14)? & 0x3fff);
        if room == 0 && command & EL != 0 {
            self.receive.doing = Doing::NoResources;
            self.reasons |= reason::RNR;
            self.statistics.no_resources = self.statistics.no_resources.wrapping_add(1);
            return Ok("loses a frame that has no room");
        }
        let bytes = frame.len().min(room);
        bus.write(at + DESCRIPTOR, &frame[..bytes])?;
        bus.write16(at + 12, bytes as u16 | FILLED)?;
        bus.write16(at, if bytes < frame.len() { CUT } else { DONE })?;
        self.statistics.received = self.statistics.received.wrapping_add(1);
        self.reasons |= reason::FR;
        self.receive.at = link;
        if command & EL != 0 {
            self.receive.doing = Doing::NoResources;
            self.reasons |= reason::RNR;
        } else if command & S != 0 {
            self.receive.doing = Doing::Suspended;
            self.reasons |= reason::RNR;
        }
        Ok("receives a frame")
    }
}

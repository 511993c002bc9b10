//! One direction of a stream: a ring of descriptors in the computer's memory, which the card works off.
//!
//! Registers and descriptors are described in `crates/devices/fifo-card.md`.

use crate::device::{Bus, Refused};
use crate::far_side::Mark;

/// Bytes of a descriptor.
const DESCRIPTOR: u64 = 16;
/// Length field of a descriptor: bytes, and whether a chain ends with it.
const LENGTH: u32 = 0x00ff_ffff;
const LAST: u32 = 0x8000_0000;
/// Result field: it was worked off; what stands behind its bytes; it was wrong.
const DONE: u32 = 0x8000_0000;
const END_OF_STREAM: u32 = 0x4000_0000;
const END_OF_MESSAGE: u32 = 0x2000_0000;
const WRONG: u32 = 0x1000_0000;
/// Most descriptors of a ring.
const MOST_DESCRIPTORS: u32 = 256;
/// Bytes that go over the bus at once.
const BURST: usize = 4096;

/// Where a channel's bytes come from or go to.
pub(super) trait End {
    /// Bytes that can be moved now.
    fn room(&self) -> usize;
    /// What stands before further bytes, where no bytes stand before it.
    fn mark(&mut self) -> Option<Mark>;
    /// Moves so many bytes, at most [`BURST`] and no more than there is room for, to or from an address.
    fn run(&mut self, bus: &mut dyn Bus, address: u64, bytes: usize) -> Result<(), Refused>;
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes may have been moved; the chain goes on.
    Moved,
    /// A chain ended.
    Ended,
}

/// The state of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Channel {
    pub ring: u64,
    pub size: u32,
    /// Descriptors that the driver filled, and that the card worked off, since it was started.
    pub head: u32,
    pub tail: u32,
    pub running: bool,
    /// The ring or a descriptor made no sense, or the bus refused an access.
    pub wrong: bool,
    /// Bytes of the descriptor at `tail` that were moved.
    pub partial: u32,
    /// Bytes of the chain that were moved.
    chain: u64,
    /// The rest of the chain is written back empty, with these flags.
    ending: Option<u32>,
    /// The next chain ends short.
    pub short: bool,
}

impl Channel {
    /// Starts: the ring is empty, nothing was moved.
    pub fn start(&mut self) {
        let sound = self.size.is_power_of_two()
            && (2..=MOST_DESCRIPTORS).contains(&self.size)
            && self.ring.is_multiple_of(DESCRIPTOR);
        *self = Channel {
            ring: self.ring,
            size: self.size,
            running: sound,
            wrong: !sound,
            short: self.short,
            ..Channel::default()
        };
    }

    /// Whether there are descriptors to be worked off.
    pub fn armed(&self) -> bool {
        self.running && self.tail != self.head
    }

    /// Whether a chain has begun that need not wait for further bytes.
    pub fn midway(&self, to_host: bool) -> bool {
        self.armed() && (self.ending.is_some() || to_host && self.chain > 0)
    }

    /// The driver rang: descriptors before `head` are filled.
    pub fn ring(&mut self, head: u32) {
        self.head = head;
        if self.running && head.wrapping_sub(self.tail) > self.size {
            self.fail();
        }
    }

    fn fail(&mut self) {
        self.running = false;
        self.wrong = true;
    }

    /// Works on the chain at hand until it ends, or no more bytes can be moved.
    pub fn work(
        &mut self,
        bus: &mut dyn Bus,
        to_host: bool,
        end: &mut dyn End,
    ) -> Result<Step, Refused> {
        while self.armed() {
            let at = self.ring + DESCRIPTOR * u64::from(self.tail % self.size);
            let done = self.descriptor(bus, at, to_host, end);
            if done.is_err() {
                self.fail();
            }
            match done? {
                Some(true) => {
                    (self.chain, self.ending) = (0, None);
                    return Ok(Step::Ended);
                }
                Some(false) => {}
                None if self.wrong => return Ok(Step::Ended),
                None => break,
            }
        }
        Ok(Step::Moved)
    }

    /// Works on the descriptor at `at`: whether it was done and was the last of its chain, or nothing
    /// where it has to wait or is wrong.
    fn descriptor(
        &mut self,
        bus: &mut dyn Bus,
        at: u64,
        to_host: bool,
        end: &mut dyn End,
    ) -> Result<Option<bool>, Refused> {
        let mut raw = [0; DESCRIPTOR as usize];
        bus.read(at, &mut raw)?;
        let word = |at: usize| raw[at..at + 4].try_into().map(u32::from_le_bytes).unwrap_or(0);
        let address = u64::from(word(4)) << 32 | u64::from(word(0));
        let (length, last) = (word(8) & LENGTH, word(8) & LAST != 0);
        if length == 0 {
            bus.write32(at + 12, DONE | WRONG)?;
            self.fail();
            return Ok(None);
        }
        while self.ending.is_none() && self.partial < length {
            let most = if self.short && length >= 8 { (length / 2) & !3 } else { length };
            let left = most.saturating_sub(self.partial) as usize;
            let moved = left.min(end.room()).min(BURST);
            if moved > 0 {
                end.run(bus, address + u64::from(self.partial), moved)?;
                self.partial += moved as u32;
                self.chain += moved as u64;
            } else if self.short && left == 0 {
                self.short = false;
                self.ending = Some(0);
            } else if let Some(flags) = self.stands_behind(to_host, end) {
                self.ending = Some(flags);
            } else if to_host && self.chain > 0 {
                self.ending = Some(0);
            } else {
                return Ok(None);
            }
        }
        // What stands right behind the last byte belongs to it.
        if self.ending.is_none()
            && let Some(flags) = self.stands_behind(to_host, end)
        {
            self.ending = Some(flags);
        }
        let mut result = DONE | self.partial;
        result |= self.ending.unwrap_or(0);
        bus.write32(at + 12, result)?;
        self.tail = self.tail.wrapping_add(1);
        self.partial = 0;
        Ok(Some(last))
    }

    fn stands_behind(&self, to_host: bool, end: &mut dyn End) -> Option<u32> {
        if !to_host && end.room() > 0 {
            return None;
        }
        Some(match end.mark()? {
            Mark::Message => END_OF_MESSAGE,
            Mark::End => END_OF_STREAM,
        })
    }
}

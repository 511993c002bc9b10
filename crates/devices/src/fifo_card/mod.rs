//! A card whose streams a driver shows as files: FIFOs each way, DMA by rings of descriptors, messages.
//!
//! | file | holds |
//! | --- | --- |
//! | `description` | streams as a TOML file describes them |
//! | `fifo` | bytes with marks between them |
//! | `channel` | one direction: descriptors worked off |
//! | `stream` | one stream: what is on its far side |
//! | `registers` | the register map |
//!
//! `crates/devices/fifo-card.md` is its datasheet, for whoever writes a driver or another card like it.

mod channel;
mod description;
mod fifo;
mod registers;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use description::Streams;

use crate::device::{Bar, Bus, Device, Fault, Identity, Refused, Space};
use crate::far_side::{FarSide, Mark, StreamInfo};
use channel::Step;
use std::sync::Arc;
use stream::Stream;

/// Most streams of a card: each has a bit in the event registers.
pub(crate) const MOST_STREAMS: usize = 32;

/// The card's state.
#[derive(Debug)]
pub struct FifoCard {
    about: Arc<Streams>,
    streams: Vec<Stream>,
    enabled: bool,
    /// Streams with an event, to the computer and from it, until the driver clears them.
    events: [u32; 2],
    /// Messages that wait to be delivered.
    signalled: u32,
    /// The next event is told later than its chain ends; what was put off.
    late: bool,
    put_off: Option<(usize, usize)>,
    /// The stream and direction whose turn is next.
    turn: usize,
    resets: u32,
}

impl Clone for FifoCard {
    fn clone(&self) -> FifoCard {
        FifoCard { about: self.about.clone(), streams: self.streams.clone(), ..*self }
    }

    // Going back to the baseline copies into the room that is there.
    fn clone_from(&mut self, from: &FifoCard) {
        let about = from.about.clone();
        let mut streams = std::mem::take(&mut self.streams);
        streams.clone_from(&from.streams);
        *self = FifoCard { about, streams, ..*from };
    }
}

impl Default for FifoCard {
    fn default() -> FifoCard {
        FifoCard::new(Arc::new(Streams::standard()))
    }
}

impl FifoCard {
    pub(crate) fn new(about: Arc<Streams>) -> FifoCard {
        let streams = (0..about.0.len()).map(|_| Stream::default()).collect();
        FifoCard {
            about,
            streams,
            enabled: false,
            events: [0; 2],
            signalled: 0,
            late: false,
            put_off: None,
            turn: 0,
            resets: 0,
        }
    }

    /// As after power-on.
    fn start_over(&mut self) {
        let resets = self.resets.wrapping_add(1);
        *self = FifoCard { resets, ..FifoCard::new(self.about.clone()) };
    }

    fn event(&mut self, direction: usize, stream: usize) {
        self.events[direction] |= 1 << stream;
        if self.enabled {
            self.signalled |= 1 << direction;
        }
    }

    /// Nothing runs any more, and no message waits.
    fn halt(&mut self) {
        self.enabled = false;
        (self.signalled, self.put_off) = (0, None);
        for stream in &mut self.streams {
            stream.channels.iter_mut().for_each(|channel| channel.running = false);
        }
    }

    /// The next direction of a stream that can do something: to the computer is 0.
    fn next(&self) -> Option<(usize, usize)> {
        let all = 2 * self.streams.len();
        (0..all).map(|offset| (self.turn + offset) % all).find_map(|number| {
            let (stream, direction) = (number / 2, number % 2);
            let able = self.streams[stream].can_move(&self.about.0[stream], direction);
            able.then_some((stream, direction))
        })
    }
}

impl Device for FifoCard {
    fn identity(&self) -> Identity {
        Identity {
            vendor: 0x4243,
            device: 0x0003,
            subsystem_vendor: 0x4243,
            subsystem: 0x0003,
            class: 0x11_80_00,
            revision: 1,
        }
    }

    fn bars(&self) -> Vec<Bar> {
        vec![Bar { space: Space::Memory, bytes: registers::BYTES }]
    }

    /// Message 0 for streams to the computer, 1 for those from it.
    fn messages(&self) -> u8 {
        2
    }

    fn read(&mut self, _bar: u8, offset: u64, bytes: u8) -> u64 {
        if bytes == 4 && offset.is_multiple_of(4) {
            u64::from(self.read_register(offset))
        } else {
            0
        }
    }

    fn write(&mut self, _bar: u8, offset: u64, bytes: u8, value: u64) {
        if bytes == 4 && offset.is_multiple_of(4) {
            self.write_register(offset, value as u32);
        }
    }

    fn interrupts(&self) -> u32 {
        self.signalled
    }

    fn deliver(&mut self, message: u8) {
        self.signalled &= !(1 << message);
    }

    fn pending(&self) -> bool {
        self.enabled && (self.put_off.is_some() || self.next().is_some())
    }

    fn step(&mut self, bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        if let Some((direction, stream)) = self.put_off.take() {
            self.event(direction, stream);
            return Ok("tells late that a transfer is done");
        }
        let Some((stream, direction)) = self.next() else { return Ok("does nothing") };
        self.turn = (2 * stream + direction + 1) % (2 * self.streams.len());
        let done = self.streams[stream].work(&self.about.0[stream], direction, bus);
        if !matches!(done, Ok(Step::Moved)) {
            if std::mem::take(&mut self.late) {
                self.put_off = Some((direction, stream));
            } else {
                self.event(direction, stream);
            }
        }
        Ok(match (done?, direction) {
            (Step::Ended, 0) => "ends a transfer to memory",
            (Step::Moved, 0) => "writes to memory",
            (Step::Ended, _) => "ends a transfer from memory",
            (Step::Moved, _) => "reads from memory",
        })
    }

    fn reset(&mut self) {
        self.start_over();
    }

    fn fault(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Short => {
                let channels = self.streams.iter_mut().flat_map(|stream| &mut stream.channels);
                channels.for_each(|channel| channel.short = true);
            }
            Fault::Late => self.late = true,
            Fault::Empty | Fault::Full => {
                let blocked = usize::from(fault == Fault::Full);
                self.streams.iter_mut().for_each(|stream| stream.blocked[blocked] = true);
            }
            Fault::None => self.streams.iter_mut().for_each(|stream| stream.blocked = [false; 2]),
            _ => return false,
        }
        true
    }

    fn far_side(&mut self) -> Option<&mut dyn FarSide> {
        Some(self)
    }
}

impl FarSide for FifoCard {
    fn streams(&self) -> Vec<StreamInfo> {
        self.about.0.iter().map(description::Kind::info).collect()
    }

    fn room(&self, stream: usize) -> usize {
        match (self.streams.get(stream), self.about.0.get(stream)) {
            (Some(at), Some(kind)) => at.offers(kind),
            _ => 0,
        }
    }

    fn offer(&mut self, stream: usize, bytes: &[u8]) -> usize {
        match (self.streams.get_mut(stream), self.about.0.get(stream)) {
            (Some(at), Some(kind)) => at.offer(kind, bytes),
            _ => 0,
        }
    }

    fn mark(&mut self, stream: usize, mark: Mark) {
        if let (Some(at), Some(kind)) = (self.streams.get_mut(stream), self.about.0.get(stream)) {
            at.mark_to_host(kind, mark);
        }
    }

    fn ready(&self, stream: usize) -> usize {
        self.streams.get(stream).map_or(0, |at| at.from_host.ready())
    }

    fn take(&mut self, stream: usize, into: &mut [u8]) -> usize {
        self.streams.get_mut(stream).map_or(0, |at| at.take(into))
    }

    fn take_mark(&mut self, stream: usize) -> Option<Mark> {
        self.streams.get_mut(stream)?.from_host.pop_mark()
    }

    fn resets(&self) -> u32 {
        self.resets
    }
}

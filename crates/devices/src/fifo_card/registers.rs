//! The register map; see `crates/devices/fifo-card.md`.

use super::FifoCard;
use super::description::FarEnd;
use crate::far_side::Mark;

/// Bytes of the range of registers.
pub(super) const BYTES: u64 = 0x4000;

const ID: u32 = 0x4243_4634;
const VERSION: u32 = 1;

/// Registers of the card.
const CARD_ID: u64 = 0x00;
const CARD_VERSION: u64 = 0x04;
const CARD_CONTROL: u64 = 0x08;
const CARD_STREAMS: u64 = 0x0c;
const CARD_EVENTS: [u64; 2] = [0x10, 0x14];
const ENABLE: u32 = 1;
const RESET: u32 = 2;

/// Where streams' registers begin, and how far they lie apart.
const STREAMS: u64 = 0x1000;
const STRIDE: u64 = 0x100;
/// Registers of a stream.
const FLAGS: u64 = 0x00;
const BUFFERS: u64 = 0x04;
const BUFFER_BYTES: u64 = 0x08;
const MEMORY: u64 = 0x0c;
const NAME: u64 = 0x10;
/// Where its two channels begin.
const CHANNELS: [u64; 2] = [0x40, 0x80];
/// Registers of a channel.
const RING_LOW: u64 = 0x00;
const RING_HIGH: u64 = 0x04;
const SIZE: u64 = 0x08;
const HEAD: u64 = 0x0c;
const TAIL: u64 = 0x10;
const CONTROL: u64 = 0x14;
const STATUS: u64 = 0x18;
const PARTIAL: u64 = 0x1c;
const PLACE: u64 = 0x20;
const LEVEL: u64 = 0x24;
const RUN: u32 = 1;
const END: u32 = 2;
const CLEAR: u32 = 4;
const WRONG: u32 = 2;

/// What a register is: the card's, by its offset; a stream's, by number and offset; a channel's, by
/// stream, direction and offset.
enum Register {
    Card(u64),
    Stream(usize, u64),
    Channel(usize, usize, u64),
}

fn locate(offset: u64) -> Register {
    let Some(within) = offset.checked_sub(STREAMS) else { return Register::Card(offset) };
    let (stream, within) = ((within / STRIDE) as usize, within % STRIDE);
    match CHANNELS.iter().rposition(|&start| within >= start) {
        Some(direction) => Register::Channel(stream, direction, within - CHANNELS[direction]),
        None => Register::Stream(stream, within),
    }
}

impl FifoCard {
    pub(super) fn read_register(&self, offset: u64) -> u32 {
        match locate(offset) {
            Register::Card(CARD_ID) => ID,
            Register::Card(CARD_VERSION) => VERSION,
            Register::Card(CARD_CONTROL) => u32::from(self.enabled),
            Register::Card(CARD_STREAMS) => self.streams.len() as u32,
            Register::Card(at) => {
                let which = CARD_EVENTS.iter().position(|&events| events == at);
                which.map_or(0, |direction| self.events[direction])
            }
            Register::Stream(stream, at) => self.read_stream(stream, at),
            Register::Channel(stream, direction, at) => self.read_channel(stream, direction, at),
        }
    }

    fn read_stream(&self, stream: usize, at: u64) -> u32 {
        let Some(kind) = self.about.0.get(stream) else { return 0 };
        match at {
            FLAGS => {
                let flags = [
                    kind.to_host,
                    kind.from_host,
                    kind.asynchronous,
                    kind.far_end == FarEnd::Memory,
                    kind.messages,
                ];
                let bits = flags.iter().enumerate().map(|(bit, &on)| u32::from(on) << bit);
                bits.sum::<u32>() | u32::from(kind.width) << 8
            }
            BUFFERS => u32::from(kind.buffers),
            BUFFER_BYTES => kind.buffer_bytes,
            MEMORY if kind.far_end == FarEnd::Memory => kind.fifo,
            NAME..0x20 => {
                let mut letters = [0; 4];
                let name = kind.name.as_bytes().iter().skip((at - NAME) as usize);
                letters.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
                u32::from_le_bytes(letters)
            }
            _ => 0,
        }
    }

    fn read_channel(&self, stream: usize, direction: usize, at: u64) -> u32 {
        let Some(stream) = self.streams.get(stream) else { return 0 };
        let channel = &stream.channels[direction];
        match at {
            RING_LOW => channel.ring as u32,
            RING_HIGH => (channel.ring >> 32) as u32,
            SIZE => channel.size,
            HEAD => channel.head,
            TAIL => channel.tail,
            CONTROL => u32::from(channel.running),
            STATUS => u32::from(channel.running) | if channel.wrong { WRONG } else { 0 },
            PARTIAL => channel.partial,
            PLACE => stream.places[direction],
            LEVEL if direction == 0 => stream.to_host.len() as u32,
            LEVEL => stream.from_host.len() as u32,
            _ => 0,
        }
    }

    pub(super) fn write_register(&mut self, offset: u64, value: u32) {
        match locate(offset) {
            Register::Card(CARD_CONTROL) if value & RESET != 0 => {
                self.start_over();
                self.enabled = value & ENABLE != 0;
            }
            Register::Card(CARD_CONTROL) if value & ENABLE != 0 => self.enabled = true,
            Register::Card(CARD_CONTROL) => self.halt(),
            Register::Card(at) => {
                if let Some(direction) = CARD_EVENTS.iter().position(|&events| events == at) {
                    self.events[direction] &= !value;
                }
            }
            Register::Stream(..) => {}
            Register::Channel(stream, direction, at) => {
                self.write_channel(stream, direction, at, value);
            }
        }
    }

    fn write_channel(&mut self, number: usize, direction: usize, at: u64, value: u32) {
        let (Some(stream), Some(kind)) = (self.streams.get_mut(number), self.about.0.get(number))
        else {
            return;
        };
        let exists = if direction == 0 { kind.to_host } else { kind.from_host };
        if !exists {
            return;
        }
        let channel = &mut stream.channels[direction];
        let mut failed = false;
        match at {
            RING_LOW if !channel.running => {
                channel.ring = channel.ring & !0xffff_ffff | u64::from(value);
            }
            RING_HIGH if !channel.running => {
                channel.ring = channel.ring & 0xffff_ffff | u64::from(value) << 32;
            }
            SIZE if !channel.running => channel.size = value,
            HEAD => {
                let wrong = channel.wrong;
                channel.ring(value);
                failed = channel.wrong && !wrong;
            }
            CONTROL => {
                if value & CLEAR != 0 && direction == 0 {
                    stream.to_host = super::fifo::Fifo::default();
                }
                if value & END != 0 && direction == 1 {
                    stream.mark_from_host(kind, Mark::End);
                }
                let channel = &mut stream.channels[direction];
                match (value & RUN != 0, channel.running) {
                    (true, false) => {
                        channel.start();
                        failed = channel.wrong;
                    }
                    (false, true) => channel.running = false,
                    _ => {}
                }
            }
            PLACE => stream.places[direction] = value.min(kind.fifo),
            _ => {}
        }
        if failed {
            self.event(direction, number);
        }
    }
}

//! One stream: its two channels, and what is on its far side.

use super::channel::{Channel, End, Step};
use super::description::{FarEnd, Kind};
use super::fifo::Fifo;
use crate::device::{Bus, Refused};
use crate::far_side::Mark;

/// Number of the direction to the computer, and from it.
const TO_HOST: usize = 0;
const FROM_HOST: usize = 1;

/// The state of a stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// To the computer, from it.
    pub channels: [Channel; 2],
    /// Bytes on their way to the computer.
    pub to_host: Fifo,
    /// Bytes on their way from it, where somebody outside takes them.
    pub from_host: Fifo,
    /// Of a seekable stream: its contents, and the place that each direction has come to.
    memory: Vec<u8>,
    pub places: [u32; 2],
    /// Bytes that a counter gave.
    counted: u64,
    /// Nothing comes, and nothing is taken: a far side that does not do its part.
    pub blocked: [bool; 2],
}

impl Clone for Stream {
    fn clone(&self) -> Stream {
        Stream {
            to_host: self.to_host.clone(),
            from_host: self.from_host.clone(),
            memory: self.memory.clone(),
            ..*self
        }
    }

    // Going back to the baseline copies into the room that is there.
    fn clone_from(&mut self, from: &Stream) {
        self.channels = from.channels;
        self.to_host.clone_from(&from.to_host);
        self.from_host.clone_from(&from.from_host);
        self.memory.clone_from(&from.memory);
        (self.places, self.counted, self.blocked) = (from.places, from.counted, from.blocked);
    }
}

/// The side of a stream that a channel works with.
struct Side<'a> {
    stream: &'a mut Stream,
    kind: &'a Kind,
    direction: usize,
}

impl Stream {
    /// Bytes that can be moved in a direction.
    fn room(&self, kind: &Kind, direction: usize) -> usize {
        if self.blocked[direction] {
            return 0;
        }
        let free = |fifo: &Fifo| (kind.fifo as usize).saturating_sub(fifo.len());
        match (kind.far_end, direction) {
            (FarEnd::Memory, _) => kind.fifo.saturating_sub(self.places[direction]) as usize,
            (FarEnd::Counter, _) => usize::MAX,
            (_, TO_HOST) => self.to_host.ready(),
            (FarEnd::LoopBack, _) => free(&self.to_host),
            (FarEnd::Outside, _) => free(&self.from_host),
        }
    }

    /// Whether a channel could do something now.
    pub fn can_move(&self, kind: &Kind, direction: usize) -> bool {
        let channel = &self.channels[direction];
        if !channel.armed() {
            return false;
        }
        let to_host = direction == TO_HOST;
        channel.midway(to_host)
            || self.room(kind, direction) > 0
            || !self.blocked[direction]
                && (kind.far_end == FarEnd::Memory
                    || to_host && self.to_host.front_mark().is_some())
    }

    /// Works on a direction's chain.
    pub fn work(
        &mut self,
        kind: &Kind,
        direction: usize,
        bus: &mut dyn Bus,
    ) -> Result<Step, Refused> {
        let mut channel = self.channels[direction];
        let mut side = Side { stream: self, kind, direction };
        let done = channel.work(bus, direction == TO_HOST, &mut side);
        self.channels[direction] = channel;
        if kind.messages && direction == FROM_HOST && done == Ok(Step::Ended) && !channel.wrong {
            self.mark_from_host(kind, Mark::Message);
        }
        done
    }

    /// The computer sends a mark.
    pub fn mark_from_host(&mut self, kind: &Kind, mark: Mark) {
        match kind.far_end {
            FarEnd::LoopBack => self.to_host.mark(mark),
            FarEnd::Outside => self.from_host.mark(mark),
            FarEnd::Counter | FarEnd::Memory => {}
        }
    }

    /// The far side sends a mark. One between messages means nothing where bounds are not kept.
    pub fn mark_to_host(&mut self, kind: &Kind, mark: Mark) {
        if kind.far_end == FarEnd::Outside && (kind.messages || mark == Mark::End) {
            self.to_host.mark(mark);
        }
    }

    /// Bytes that the far side may send now.
    pub fn offers(&self, kind: &Kind) -> usize {
        if kind.far_end != FarEnd::Outside || !kind.to_host {
            return 0;
        }
        let free = (kind.fifo as usize).saturating_sub(self.to_host.len());
        free - free % usize::from(kind.width)
    }

    /// The far side sends bytes.
    pub fn offer(&mut self, kind: &Kind, bytes: &[u8]) -> usize {
        let most = self.offers(kind).min(bytes.len());
        let taken = most - most % usize::from(kind.width);
        self.to_host.push(&bytes[..taken]);
        taken
    }

    /// The far side takes what the computer sent.
    pub fn take(&mut self, into: &mut [u8]) -> usize {
        let (first, second) = self.from_host.front(into.len());
        let count = first.len() + second.len();
        into[..first.len()].copy_from_slice(first);
        into[first.len()..count].copy_from_slice(second);
        self.from_host.drop_front(count);
        count
    }
}

impl Side<'_> {
    fn place(&self) -> usize {
        self.stream.places[self.direction] as usize
    }

    fn give(&mut self, bus: &mut dyn Bus, address: u64, bytes: usize) -> Result<(), Refused> {
        match self.kind.far_end {
            FarEnd::Counter => {
                let (width, start) = (u64::from(self.kind.width), self.stream.counted);
                let byte = |at: u64| ((at / width) as u32).to_le_bytes()[(at % width) as usize];
                let words: Vec<u8> = (start..start + bytes as u64).map(byte).collect();
                self.stream.counted = start + bytes as u64;
                bus.write(address, &words)
            }
            FarEnd::Memory => {
                let memory = self.stream.memory.get(self.place()..).unwrap_or(&[]);
                let known = &memory[..memory.len().min(bytes)];
                bus.write(address, known)?;
                // Memory that was never written reads as nought.
                bus.write(address + known.len() as u64, &vec![0; bytes - known.len()])
            }
            FarEnd::LoopBack | FarEnd::Outside => {
                let (first, second) = self.stream.to_host.front(bytes);
                bus.write(address, first)?;
                bus.write(address + first.len() as u64, second)?;
                self.stream.to_host.drop_front(bytes);
                Ok(())
            }
        }
    }

    fn receive(&mut self, bus: &mut dyn Bus, address: u64, bytes: usize) -> Result<(), Refused> {
        let mut data = vec![0; bytes];
        bus.read(address, &mut data)?;
        match self.kind.far_end {
            FarEnd::Counter => {}
            FarEnd::Memory => {
                let place = self.place();
                if self.stream.memory.len() < place + bytes {
                    self.stream.memory.resize(place + bytes, 0);
                }
                self.stream.memory[place..place + bytes].copy_from_slice(&data);
            }
            FarEnd::LoopBack => self.stream.to_host.push(&data),
            FarEnd::Outside => self.stream.from_host.push(&data),
        }
        Ok(())
    }
}

impl End for Side<'_> {
    fn room(&self) -> usize {
        self.stream.room(self.kind, self.direction)
    }

    fn mark(&mut self) -> Option<Mark> {
        let end = self.place() >= self.kind.fifo as usize;
        match self.kind.far_end {
            _ if self.stream.blocked[self.direction] => None,
            // A memory ends where it ends, each time.
            FarEnd::Memory => end.then_some(Mark::End),
            _ if self.direction == TO_HOST => self.stream.to_host.pop_mark(),
            _ => None,
        }
    }

    fn run(&mut self, bus: &mut dyn Bus, address: u64, bytes: usize) -> Result<(), Refused> {
        if self.direction == TO_HOST {
            self.give(bus, address, bytes)?;
        } else {
            self.receive(bus, address, bytes)?;
        }
        if self.kind.far_end == FarEnd::Memory {
            self.stream.places[self.direction] += bytes as u32;
        }
        Ok(())
    }
}

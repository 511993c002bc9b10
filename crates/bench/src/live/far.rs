//! The far ends of the device's streams: what somebody outside does with them is part of the session, and
//! of its record.

use super::Live;
use super::record::Event;
use devices::{FarSide, Mark, StreamInfo};

/// Bytes that are taken out of the device at once.
const AT_ONCE: usize = 1 << 16;

impl Live {
    fn far<T: Default>(&mut self, work: impl FnOnce(&mut dyn FarSide) -> T) -> T {
        self.machine.bus.card.with_far_side(work).unwrap_or_default()
    }

    /// Streams of the device, in order of their numbers; none if it has no far side.
    pub fn streams(&mut self) -> Vec<StreamInfo> {
        self.far(|far| far.streams())
    }

    /// Bytes that a stream takes on their way to the computer: whole words.
    pub fn far_room(&mut self, stream: usize) -> usize {
        if self.over { 0 } else { self.far(|far| far.room(stream)) }
    }

    /// Bytes of a stream that the computer sent, up to the next mark.
    pub fn far_ready(&mut self, stream: usize) -> usize {
        if self.over { 0 } else { self.far(|far| far.ready(stream)) }
    }

    /// How often the device was reset.
    pub fn resets(&mut self) -> u32 {
        self.far(|far| far.resets())
    }

    /// Sends bytes to the computer, as many as there is room for; how many those were. `mark` stands right
    /// behind them: it is sent if all of them are. Then runs until all is quiet, as everything here does.
    pub fn far_offer(&mut self, stream: usize, bytes: &[u8], mark: Option<Mark>) -> usize {
        let width = self.far(|far| far.streams().get(stream).map_or(1, |about| about.width));
        let most = self.far_room(stream).min(bytes.len());
        let most = most - most % usize::from(width.max(1));
        let mark = mark.filter(|_| most == bytes.len());
        if !self.over && (most > 0 || mark.is_some()) {
            let data = bytes[..most].to_vec();
            let event = Event::Offer { stream: stream as u32, data, mark };
            self.record(&event);
            self.apply(event);
        }
        most
    }

    /// Takes at most `most` bytes of what the computer sent, up to the next mark, and appends them to `to`;
    /// how many there were.
    pub fn far_take(&mut self, stream: usize, most: usize, to: &mut Vec<u8>) -> usize {
        let bytes = self.far_ready(stream).min(most) as u64;
        if bytes == 0 {
            return 0;
        }
        let event = Event::Take { stream: stream as u32, bytes };
        self.record(&event);
        let before = to.len();
        self.apply_far(&event, to);
        self.settle();
        to.len() - before
    }

    /// Takes the mark that comes next in what the computer sent, if nothing lies before it any more.
    pub fn far_take_mark(&mut self, stream: usize) -> Option<Mark> {
        if self.over || self.far_ready(stream) > 0 {
            return None;
        }
        let mark = self.far(|far| far.take_mark(stream))?;
        // It is gone by now, which the record has to say; nothing else has happened since.
        self.record(&Event::TakeMark { stream: stream as u32 });
        self.settle();
        Some(mark)
    }

    /// Does what an event says; bytes that are taken go to `to`. What a damaged record asks too much of is
    /// done as far as it goes.
    pub(super) fn apply_far(&mut self, event: &Event, to: &mut Vec<u8>) {
        match event {
            Event::Offer { stream, data, mark } => self.far(|far| {
                let all = far.offer(*stream as usize, data) == data.len();
                if let Some(mark) = mark.filter(|_| all) {
                    far.mark(*stream as usize, mark);
                }
            }),
            Event::Take { stream, bytes } => self.far(|far| {
                let mut left = *bytes;
                let mut chunk = [0; AT_ONCE];
                while left > 0 {
                    let here = left.min(AT_ONCE as u64) as usize;
                    let taken = far.take(*stream as usize, &mut chunk[..here]);
                    to.extend_from_slice(&chunk[..taken]);
                    left -= taken as u64;
                    if taken == 0 {
                        break;
                    }
                }
            }),
            Event::TakeMark { stream } => {
                self.far(|far| far.take_mark(*stream as usize));
            }
            _ => {}
        }
    }
}

//! Bytes in order, with marks between them.

use crate::far_side::Mark;
use std::collections::VecDeque;

/// See the module's description. Marks take no room; two alike at one place are one.
#[derive(Debug, Default)]
pub(super) struct Fifo {
    bytes: VecDeque<u8>,
    /// Bytes that ever went out, and marks by the number of bytes before them.
    out: u64,
    marks: VecDeque<(u64, Mark)>,
}

impl Clone for Fifo {
    fn clone(&self) -> Fifo {
        Fifo { bytes: self.bytes.clone(), out: self.out, marks: self.marks.clone() }
    }

    // Going back to the baseline copies into the room that is there.
    fn clone_from(&mut self, from: &Fifo) {
        self.bytes.clone_from(&from.bytes);
        self.out = from.out;
        self.marks.clone_from(&from.marks);
    }
}

impl Fifo {
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Puts a mark behind everything.
    pub fn mark(&mut self, mark: Mark) {
        let at = self.out + self.bytes.len() as u64;
        if self.marks.back() != Some(&(at, mark)) {
            self.marks.push_back((at, mark));
        }
    }

    /// Bytes before the next mark, or all there are.
    pub fn ready(&self) -> usize {
        self.marks.front().map_or(self.bytes.len(), |&(at, _)| (at - self.out) as usize)
    }

    /// The mark that nothing lies before.
    pub fn front_mark(&self) -> Option<Mark> {
        self.marks.front().filter(|&&(at, _)| at == self.out).map(|&(_, mark)| mark)
    }

    /// Takes the mark that nothing lies before.
    pub fn pop_mark(&mut self) -> Option<Mark> {
        let mark = self.front_mark()?;
        self.marks.pop_front();
        Some(mark)
    }

    /// The first bytes, in two pieces, at most `most` of them and none beyond a mark.
    pub fn front(&self, most: usize) -> (&[u8], &[u8]) {
        let most = most.min(self.ready());
        let (first, second) = self.bytes.as_slices();
        let here = most.min(first.len());
        (&first[..here], &second[..most - here])
    }

    /// Drops the first bytes, which [`Fifo::front`] showed.
    pub fn drop_front(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        self.bytes.drain(..count);
        self.out += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_where_they_were_put() {
        let mut fifo = Fifo::default();
        fifo.push(b"abc");
        fifo.mark(Mark::Message);
        fifo.mark(Mark::Message);
        fifo.push(b"de");
        fifo.mark(Mark::End);
        assert_eq!((fifo.len(), fifo.ready(), fifo.front_mark()), (5, 3, None));
        assert_eq!(fifo.front(9).0, b"abc");
        fifo.drop_front(3);
        assert_eq!((fifo.pop_mark(), fifo.pop_mark()), (Some(Mark::Message), None));
        fifo.drop_front(fifo.ready());
        assert_eq!((fifo.pop_mark(), fifo.len()), (Some(Mark::End), 0));
    }
}

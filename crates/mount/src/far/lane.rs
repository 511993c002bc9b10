//! What lies between a stream of the device and a far end that is bytes in order.
//!
//! A stream that keeps messages has each with its length before it there: 4 bytes, little-endian.

use crate::session::Host;
use devices::{Mark, StreamInfo};

/// Bytes that wait in each direction before more is asked for.
pub(super) const MOST_WAITING: usize = 1 << 16;
/// Most bytes of a message.
pub(super) const MOST_MESSAGE: usize = 1 << 20;
/// Bytes of a length.
const LENGTH: usize = 4;

/// See the module's description.
pub(super) struct Lane {
    number: usize,
    about: StreamInfo,
    /// Towards the far end: what is still to be handed over begins at `sent`; whether the stream ends
    /// behind it.
    outward: Vec<u8>,
    sent: usize,
    outward_end: bool,
    /// A message of the computer's that is not complete.
    message: Vec<u8>,
    /// Towards the computer, as above.
    inward: Vec<u8>,
    used: usize,
    inward_end: bool,
    /// Bytes to come of the message at hand.
    left: Option<usize>,
}

impl Lane {
    pub fn new(number: usize, about: StreamInfo) -> Lane {
        Lane {
            number,
            about,
            outward: Vec::new(),
            sent: 0,
            outward_end: false,
            message: Vec::new(),
            inward: Vec::new(),
            used: 0,
            inward_end: false,
            left: None,
        }
    }

    /// What is to be handed to the far end now.
    pub fn outward(&self) -> &[u8] {
        &self.outward[self.sent..]
    }

    /// So much of it was.
    pub fn handed_over(&mut self, bytes: usize) {
        self.sent = (self.sent + bytes).min(self.outward.len());
        if self.sent == self.outward.len() {
            self.outward.clear();
            self.sent = 0;
        }
    }

    /// Who was there is gone. What waits is for the next one, unless a part of it was handed over: that
    /// would be the middle of something. How many bytes are dropped then.
    pub fn gone(&mut self) -> usize {
        if self.sent == 0 {
            return 0;
        }
        let dropped = self.outward().len();
        self.handed_over(dropped);
        dropped
    }

    /// Whether anything is to be handed to the far end.
    pub fn wants_out(&self) -> bool {
        self.outward_end || self.sent < self.outward.len()
    }

    /// Whether the stream ends here, with all before it handed over; it does so once.
    pub fn take_end(&mut self) -> bool {
        self.sent == self.outward.len() && std::mem::take(&mut self.outward_end)
    }

    /// Whether the far end is asked for more.
    pub fn wants_in(&self) -> bool {
        self.about.to_host && !self.inward_end && self.inward.len() - self.used < MOST_WAITING
    }

    /// The far end sends.
    pub fn came(&mut self, bytes: &[u8]) {
        self.inward.extend_from_slice(bytes);
    }

    /// What the far end sends ends here.
    pub fn ended(&mut self) {
        self.inward_end = true;
    }

    /// Takes over what the computer sent; whether there was anything.
    ///
    /// # Errors
    /// A message is too long.
    pub fn take(&mut self, host: &mut Host) -> Result<bool, String> {
        let mut any = false;
        while self.about.from_host && !self.outward_end && self.outward().len() < MOST_WAITING {
            let room = MOST_WAITING - self.outward().len();
            let messages = self.about.messages;
            let to = if messages { &mut self.message } else { &mut self.outward };
            let taken = host.far_take(self.number, room, to);
            if self.message.len() > MOST_MESSAGE {
                return Err(format!(
                    "the computer sends a message of more than {MOST_MESSAGE} bytes, more than a far end takes"
                ));
            }
            any |= taken > 0;
            if taken > 0 {
                continue;
            }
            match host.far_take_mark(self.number) {
                Some(Mark::Message) if messages => {
                    let length = self.message.len() as u32;
                    self.outward.extend_from_slice(&length.to_le_bytes());
                    self.outward.append(&mut self.message);
                }
                Some(Mark::Message) => {}
                Some(Mark::End) => self.outward_end = true,
                None => break,
            }
            any = true;
        }
        Ok(any)
    }

    /// Gives the computer what came from the far end, as far as there is room; whether anything moved.
    ///
    /// # Errors
    /// What came makes no sense; none of it is left.
    pub fn give(&mut self, host: &mut Host) -> Result<bool, String> {
        let mut any = false;
        loop {
            let waits = &self.inward[self.used..];
            if !self.about.messages {
                let given = host.far_offer(self.number, waits, None);
                self.used += given;
                any |= given > 0;
                break;
            }
            let left = match (self.left, waits.first_chunk::<LENGTH>()) {
                (Some(left), _) => left,
                (None, None) => break,
                (None, Some(length)) => {
                    let length = u32::from_le_bytes(*length) as usize;
                    if let Err(why) = self.check_length(length) {
                        self.forget();
                        host.far_offer(self.number, &[], Some(Mark::End));
                        return Err(why);
                    }
                    self.used += LENGTH;
                    self.left = Some(length);
                    continue;
                }
            };
            // The message's last bytes and its bound go together, or a read would end between them.
            let here = left.min(waits.len());
            let mark = (here == left).then_some(Mark::Message);
            let given = host.far_offer(self.number, &waits[..here], mark);
            self.used += given;
            self.left = (given < left).then_some(left - given);
            any |= given > 0 || self.left.is_none();
            if given < left {
                break;
            }
        }
        let waits = self.inward.len() - self.used;
        if waits == 0 || self.used > MOST_WAITING {
            self.inward.drain(..self.used);
            self.used = 0;
        }
        // What cannot become a whole word, or a whole message, any more.
        let rest = if self.about.messages { LENGTH } else { usize::from(self.about.width) };
        if !self.inward_end || (self.left.is_some_and(|left| left <= waits) || waits >= rest) {
            return Ok(any);
        }
        let cut = waits > 0 || self.left.is_some();
        self.forget();
        host.far_offer(self.number, &[], Some(Mark::End));
        if cut {
            let what = if self.about.messages { "message" } else { "word" };
            return Err(format!("what came from outside ended within a {what}, which is dropped"));
        }
        Ok(true)
    }

    fn check_length(&self, length: usize) -> Result<(), String> {
        let width = usize::from(self.about.width);
        if (1..=MOST_MESSAGE).contains(&length) && length.is_multiple_of(width) {
            return Ok(());
        }
        Err(format!(
            "a message of {length} bytes came from outside, and a message has whole words of {width} bytes, \
             at least one, and at most {MOST_MESSAGE} bytes"
        ))
    }

    /// Nothing is known any more of what came.
    fn forget(&mut self) {
        self.inward.clear();
        (self.used, self.left, self.inward_end) = (0, None, false);
    }
}

//! Far ends that are bytes in order: a socket, named pipes, files.

use super::Port;
use super::lane::{Lane, MOST_WAITING};
use crate::session::Host;
use devices::StreamInfo;
use rustix::event::PollFd;
use std::io;
use std::time::Duration;

/// What reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum In {
    /// So many bytes.
    Bytes(usize),
    /// Nothing just now.
    Nothing,
    /// What somebody sent ends here.
    End,
}

/// What writing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// So many bytes.
    Bytes(usize),
    /// Nothing just now, or nobody is there yet.
    Nothing,
    /// Whoever was there is gone.
    Gone,
}

/// The way to a far end; nothing of it waits.
pub(super) trait Transport {
    /// Reads.
    fn read(&mut self, into: &mut [u8]) -> io::Result<In>;
    /// Writes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<Out>;
    /// The computer's stream ends behind what was written.
    fn end(&mut self) -> io::Result<()>;
    /// Whether whoever was there has gone since this was asked last.
    fn lost(&mut self) -> bool {
        false
    }
    /// Whoever is there does not keep to what was agreed: it is sent away.
    fn hang_up(&mut self);
    /// What to wait for: to be read from or written to.
    fn fds<'a>(&'a self, reads: bool, writes: bool, to: &mut Vec<PollFd<'a>>);
    /// When to look again, where nothing tells.
    fn again(&self, _writes: bool) -> Option<Duration> {
        None
    }
}

/// See the module's description.
pub(super) struct Bytes {
    lane: Lane,
    transport: Box<dyn Transport>,
    what: String,
    buffer: Vec<u8>,
    notes: Vec<String>,
}

impl Bytes {
    /// `what` names stream and place.
    pub fn new(
        number: usize,
        about: StreamInfo,
        transport: Box<dyn Transport>,
        what: String,
    ) -> Bytes {
        let lane = Lane::new(number, about);
        Bytes { lane, transport, what, buffer: vec![0; MOST_WAITING], notes: Vec::new() }
    }

    fn note(&mut self, text: &str) {
        self.notes.push(format!("{}: {text}.", self.what));
    }

    fn gone(&mut self) {
        let bytes = self.lane.gone();
        if bytes > 0 {
            self.note(&format!("who read there went, and {bytes} bytes for it are dropped"));
        }
    }

    fn send(&mut self, host: &mut Host) -> io::Result<bool> {
        if self.transport.lost() {
            self.gone();
        }
        let mut any = match self.lane.take(host) {
            Ok(any) => any,
            Err(why) => return Err(io::Error::other(why)),
        };
        while !self.lane.outward().is_empty() {
            match self.transport.write(self.lane.outward())? {
                Out::Bytes(bytes) => {
                    self.lane.handed_over(bytes);
                    any |= bytes > 0;
                }
                Out::Nothing => break,
                Out::Gone => {
                    self.gone();
                    break;
                }
            }
        }
        if self.lane.take_end() {
            self.transport.end()?;
            any = true;
        }
        Ok(any)
    }

    fn receive(&mut self, host: &mut Host) -> io::Result<bool> {
        let mut any = false;
        while self.lane.wants_in() {
            match self.transport.read(&mut self.buffer)? {
                In::Bytes(bytes) => self.lane.came(&self.buffer[..bytes]),
                In::Nothing => break,
                In::End => self.lane.ended(),
            }
            any = true;
        }
        match self.lane.give(host) {
            Ok(moved) => Ok(any | moved),
            Err(why) => {
                self.note(&why);
                self.transport.hang_up();
                Ok(true)
            }
        }
    }
}

impl Port for Bytes {
    fn work(&mut self, host: &mut Host) -> Result<bool, String> {
        let sent = self.send(host).map_err(|error| format!("{}: {error}", self.what))?;
        let received = self.receive(host).map_err(|error| format!("{}: {error}", self.what))?;
        Ok(sent | received)
    }

    fn fds<'a>(&'a self, to: &mut Vec<PollFd<'a>>) {
        self.transport.fds(self.lane.wants_in(), self.lane.wants_out(), to);
    }

    fn again(&self) -> Option<Duration> {
        self.transport.again(self.lane.wants_out())
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

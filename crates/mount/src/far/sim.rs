//! A program that simulates the logic behind one stream or several. It is ours: it ends with the session,
//! by itself or killed.

use super::Port;
use super::frames::{self, Part, WINDOW, kind};
use crate::session::Host;
use devices::{Mark, StreamInfo};
use rustix::event::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it has to end by itself.
const FAREWELL: Duration = Duration::from_secs(2);
/// Cycles of a run.
const CYCLES: u32 = 65_536;
/// Bytes read at once.
const AT_ONCE: usize = 1 << 16;

/// A stream, as far as it concerns the program.
struct Stream {
    number: usize,
    about: StreamInfo,
    /// Bytes that the program has and that the logic has not taken.
    untaken: usize,
    /// What came from it and is not with the computer yet, and marks by the number of bytes before them.
    inward: Vec<u8>,
    marks: VecDeque<(usize, Mark)>,
    /// Room that it was told of, and that it has used all of it.
    room: usize,
    full: bool,
}

/// See the module's description.
pub(super) struct Sim {
    what: String,
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    streams: Vec<Stream>,
    to_send: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    /// An answer is owed, since when.
    asked: Option<Instant>,
    greeted: bool,
    busy: bool,
    /// The session and the number of resets that the program knows.
    known: Option<(u32, u32)>,
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Sim {
    /// Starts a program: words between blanks, the first one its path.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(text: &str, streams: Vec<(usize, StreamInfo)>) -> Result<Sim, String> {
        let names: Vec<&str> = streams.iter().map(|(_, about)| about.name.as_str()).collect();
        let plural = if names.len() > 1 { "streams" } else { "stream" };
        let what = format!("{plural} {} (sim:{text})", names.join(", "));
        let mut words = text.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for us; the program ends in its turn.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("{what}: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{what}: it has no standard input and output"));
        };
        let nonblock = rustix::fs::OFlags::NONBLOCK;
        let set = rustix::fs::fcntl_setfl(&input, nonblock)
            .and_then(|()| rustix::fs::fcntl_setfl(&output, nonblock));
        set.map_err(|error| format!("{what}: {error}"))?;
        let about: Vec<StreamInfo> = streams.iter().map(|(_, about)| about.clone()).collect();
        let streams = streams.into_iter().map(|(number, about)| Stream {
            number,
            about,
            untaken: 0,
            inward: Vec::new(),
            marks: VecDeque::new(),
            room: 0,
            full: true,
        });
        Ok(Sim {
            what,
            child,
            input: Some(input),
            output,
            streams: streams.collect(),
            to_send: frames::hello(&about),
            sent: 0,
            received: Vec::new(),
            asked: Some(Instant::now()),
            greeted: false,
            busy: false,
            known: None,
        })
    }

    /// It ended although nobody asked for that.
    fn ended(&mut self) -> String {
        let status = self.wait(FAREWELL);
        let status = status
            .map_or("closed its output".to_owned(), |status| format!("ended by itself ({status})"));
        format!("{}: the program {status}", self.what)
    }

    fn wait(&mut self, most: Duration) -> Option<std::process::ExitStatus> {
        let since = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Err(_) => return None,
                Ok(None) if since.elapsed() > most => return None,
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn send(&mut self) -> Result<bool, String> {
        let before = self.sent;
        while self.sent < self.to_send.len() {
            let Some(input) = &mut self.input else { break };
            match input.write(&self.to_send[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if waits(&error) => break,
                Err(_) => return Err(self.ended()),
            }
        }
        let moved = self.sent > before;
        if self.sent == self.to_send.len() {
            self.to_send.clear();
            self.sent = 0;
        }
        Ok(moved)
    }

    fn receive(&mut self) -> Result<bool, String> {
        let mut any = false;
        let mut chunk = [0; AT_ONCE];
        loop {
            match self.output.read(&mut chunk) {
                Ok(0) => return Err(self.ended()),
                Ok(bytes) => self.received.extend_from_slice(&chunk[..bytes]),
                Err(error) if waits(&error) => break,
                Err(error) => return Err(format!("{}: {error}", self.what)),
            }
            any = true;
            // At most one answer is owed, and an answer has an end.
            let complete = frames::first(&self.received);
            if complete.map_err(|why| format!("{}: {why}", self.what))?.is_some() {
                break;
            }
        }
        let received = std::mem::take(&mut self.received);
        let first = frames::first(&received).map_err(|why| format!("{}: {why}", self.what))?;
        if let Some((kind, body, length)) = first {
            self.answered(kind, body).map_err(|why| format!("{}: {why}", self.what))?;
            if length < received.len() {
                return Err(format!("{}: it says more than it was asked", self.what));
            }
        } else {
            self.received = received;
        }
        Ok(any)
    }

    fn answered(&mut self, kind: u8, body: &[u8]) -> Result<(), String> {
        if kind == kind::ERROR {
            let text = String::from_utf8_lossy(body);
            return Err(format!("the program says: {}", text.trim_end()));
        }
        let nonsense = || "its answer makes no sense".to_owned();
        if self.asked.take().is_none() {
            return Err("it answers what nobody asked".to_owned());
        }
        if kind == kind::HELLO && !self.greeted {
            let version = body.first_chunk().filter(|_| body.len() == 4);
            let version = version.map(|word| u32::from_le_bytes(*word)).ok_or_else(nonsense)?;
            if version != frames::VERSION {
                return Err(format!(
                    "it speaks version {version} of the protocol, and this is version {}",
                    frames::VERSION
                ));
            }
            self.greeted = true;
            return Ok(());
        }
        let ran = Some(body).filter(|_| kind == kind::RUN && self.greeted).and_then(frames::ran);
        let ran = ran.ok_or_else(nonsense)?;
        self.busy = ran.busy;
        for part in ran.parts {
            let stream = self.streams.get_mut(usize::from(part.stream)).ok_or_else(nonsense)?;
            let name = &stream.about.name;
            let untaken = stream.untaken.checked_sub(part.count as usize);
            stream.untaken =
                untaken.ok_or_else(|| format!("stream {name}: it took more than it was given"))?;
            let whole = part.bytes.len().is_multiple_of(usize::from(stream.about.width));
            if !stream.about.to_host && (!part.bytes.is_empty() || part.mark.is_some()) {
                return Err(format!("stream {name}: it sends where nothing goes to the computer"));
            }
            let room = stream.room.checked_sub(part.bytes.len()).filter(|_| whole);
            stream.room = room.ok_or_else(|| {
                format!("stream {name}: it sends more than there is room for, or no whole words")
            })?;
            stream.inward.extend_from_slice(&part.bytes);
            stream.full = stream.room == 0;
            if let Some(mark) = part.mark {
                stream.marks.push_back((stream.inward.len(), mark));
            }
        }
        Ok(())
    }

    /// Gives the computer what came; whether anything moved.
    fn give(&mut self, host: &mut Host) -> bool {
        let mut any = false;
        for stream in &mut self.streams {
            let mut used = 0;
            loop {
                let (end, mark) = match stream.marks.front().copied() {
                    Some((end, mark)) => (end, Some(mark)),
                    None => (stream.inward.len(), None),
                };
                let given = host.far_offer(stream.number, &stream.inward[used..end], mark);
                used += given;
                any |= given > 0;
                if mark.is_none() || used < end {
                    break;
                }
                stream.marks.pop_front();
                any = true;
            }
            stream.inward.drain(..used);
            stream.marks.iter_mut().for_each(|mark| mark.0 -= used);
        }
        any
    }

    /// Lets the clock tick, if there is a reason to.
    fn run(&mut self, host: &mut Host) -> bool {
        let mut parts = Vec::new();
        let mut reason = std::mem::take(&mut self.busy);
        for (number, stream) in (0u8..).zip(&mut self.streams) {
            let room =
                if stream.about.to_host { WINDOW - stream.inward.len().min(WINDOW) } else { 0 };
            let room = room - room % usize::from(stream.about.width);
            reason |= stream.full && room >= WINDOW / 2;
            let first = parts.len();
            loop {
                let most = WINDOW.saturating_sub(stream.untaken);
                let mut bytes = Vec::new();
                host.far_take(stream.number, most, &mut bytes);
                stream.untaken += bytes.len();
                let mark = host.far_take_mark(stream.number);
                if bytes.is_empty() && mark.is_none() && parts.len() > first {
                    break;
                }
                reason |= !bytes.is_empty() || mark.is_some();
                let count = room as u32;
                parts.push(Part { stream: number, mark, count, bytes });
                if mark.is_none() {
                    break;
                }
            }
            stream.room = room;
        }
        if reason {
            // Without one there is nothing in the parts that could be lost.
            self.streams.iter_mut().for_each(|stream| stream.full = false);
            self.to_send = frames::run(CYCLES, &parts);
            self.asked = Some(Instant::now());
        }
        reason
    }

    fn reset(&mut self) {
        for stream in &mut self.streams {
            (stream.untaken, stream.full) = (0, true);
            stream.inward.clear();
            stream.marks.clear();
        }
        self.busy = false;
        self.to_send = frames::frame(kind::RESET, &[]);
    }
}

impl Port for Sim {
    fn work(&mut self, host: &mut Host) -> Result<bool, String> {
        let mut any = self.send()?;
        any |= self.receive()?;
        if self.asked.is_none() && self.to_send.is_empty() {
            let known = (host.number, host.resets());
            if self.known.replace(known).is_some_and(|before| before != known) {
                self.reset();
            } else {
                any |= self.give(host);
                any |= self.run(host);
            }
            any |= self.send()?;
        }
        if self.asked.is_some_and(|since| since.elapsed() > PATIENCE) {
            return Err(format!(
                "{}: the program has not answered for {} s",
                self.what,
                PATIENCE.as_secs()
            ));
        }
        Ok(any)
    }

    fn fds<'a>(&'a self, to: &mut Vec<PollFd<'a>>) {
        to.push(PollFd::new(&self.output, PollFlags::IN));
        if let Some(input) = self.input.as_ref().filter(|_| !self.to_send.is_empty()) {
            to.push(PollFd::new(input, PollFlags::OUT));
        }
    }

    fn again(&self) -> Option<Duration> {
        self.asked.map(|_| PATIENCE)
    }

    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if let Some(mut input) = self.input.take() {
            // Where a frame is under way already, the end of its input has to do.
            if self.to_send.is_empty() {
                let _ = input.write(&frames::frame(kind::END, &[]));
            }
        }
        if self.wait(FAREWELL).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

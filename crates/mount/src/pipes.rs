//! Without FUSE: the driver's devices as named pipes in the folder. A pipe knows bytes in order and nothing
//! else, so there are no places in a file, no control codes and no bounds between writes; that a driver
//! refuses something is told here, for the program cannot be told.
//!
//! Whoever opens a pipe opens the device. A pipe to read from is read ahead for as long as somebody has it
//! open; a pipe to write to opens the device once something was written.

use crate::far::Far;
use crate::far::pipe::{Inlet, Outlet};
use crate::far::port::{In, Out};
use crate::files::Files;
use crate::server::{ACCESS, ends};
use crate::session::Host;
use crate::{Failed, Listener, Options, Outcome};
use bench::live::{Answer, Call, CallId, Ended, FileId};
use devices::StreamInfo;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Bytes of a read or a write.
const AT_ONCE: usize = 1 << 16;

/// Which way a pipe goes.
enum End {
    /// Programs read from it.
    Outlet(Outlet),
    /// Programs write to it.
    Inlet(Inlet),
}

/// What a pipe is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has it open.
    Idle,
    Opening(CallId),
    /// The device is open.
    Open(FileId),
    Moving(FileId, CallId),
    Closing(CallId),
}

/// A pipe in the folder.
struct Pipe {
    /// Its name in the folder.
    name: String,
    /// By which name the device is opened.
    path: String,
    /// Only whole words of so many bytes are written.
    width: usize,
    end: End,
    state: State,
    /// The session that `state` is about.
    session: u32,
    /// What was read from the device or the pipe, and is not handed on.
    waits: Vec<u8>,
    /// Nothing follows what waits.
    over: bool,
    notes: Vec<String>,
}

impl Pipe {
    fn who(&self) -> String {
        format!("pipe {}", self.name)
    }

    fn note(&mut self, text: &str) {
        self.notes.push(format!("{}: {text}.", self.name));
    }

    /// Does what can be done; whether anything was.
    fn work(&mut self, host: &mut Host) -> io::Result<bool> {
        if self.session != host.number {
            self.session = host.number;
            self.give_up()?;
            self.state = State::Idle;
        }
        let mut any = false;
        any |= match &mut self.end {
            End::Outlet(_) => self.hand_out()?,
            End::Inlet(_) => self.take_in()?,
        };
        let wanted = self.state == State::Idle && self.is_wanted()?;
        match self.state {
            State::Idle if wanted => {
                let reads = matches!(self.end, End::Outlet(_));
                let access = if reads { ACCESS[0] } else { ACCESS[1] };
                let call = host.open(&self.who(), &self.path, access, false);
                self.state = State::Opening(call);
                any = true;
            }
            State::Open(file) => {
                let whole = self.waits.len() - self.waits.len() % self.width;
                let call = match &self.end {
                    _ if self.over && (whole == 0 || self.is_left()) => {
                        if !self.waits.is_empty() {
                            let bytes = self.waits.len();
                            self.note(&format!("{bytes} bytes that nobody takes are dropped"));
                            self.waits.clear();
                        }
                        self.over = false;
                        if let End::Outlet(outlet) = &mut self.end {
                            outlet.end()?;
                        }
                        let call = host.close(&self.who(), file);
                        self.state = State::Closing(call);
                        return Ok(true);
                    }
                    End::Outlet(_) if self.waits.is_empty() => {
                        Call::Read { file, bytes: AT_ONCE as u32, offset: None }
                    }
                    End::Inlet(_) if whole > 0 => {
                        Call::Write { file, data: self.waits[..whole].to_vec(), offset: None }
                    }
                    _ => return Ok(any),
                };
                let call = host.call(&self.who(), call);
                self.state = State::Moving(file, call);
                any = true;
            }
            // Nobody reads any more what is being read.
            State::Moving(_, call) if self.is_left() && !self.over => {
                self.over = true;
                host.cancel(call);
                any = true;
            }
            _ => {}
        }
        Ok(any)
    }

    /// Whether somebody wants the device open.
    fn is_wanted(&mut self) -> io::Result<bool> {
        match &mut self.end {
            End::Outlet(outlet) => outlet.attend(),
            End::Inlet(_) => Ok(!self.waits.is_empty()),
        }
    }

    /// Whether whoever read has closed the pipe.
    fn is_left(&self) -> bool {
        matches!(&self.end, End::Outlet(outlet) if outlet.is_gone())
    }

    /// What was under way is no more: a program that has the pipe open hears its end.
    fn give_up(&mut self) -> io::Result<()> {
        let writes = !self.over && (self.state != State::Idle || !self.waits.is_empty());
        self.waits.clear();
        self.over = false;
        match &mut self.end {
            End::Outlet(outlet) => outlet.end(),
            End::Inlet(inlet) if writes => {
                inlet.skip();
                Ok(())
            }
            End::Inlet(_) => Ok(()),
        }
    }

    /// Hands on what was read from the device.
    fn hand_out(&mut self) -> io::Result<bool> {
        let End::Outlet(outlet) = &mut self.end else { return Ok(false) };
        if self.waits.is_empty() {
            return Ok(false);
        }
        match outlet.write(&self.waits)? {
            Out::Bytes(bytes) => {
                self.waits.drain(..bytes);
                Ok(bytes > 0)
            }
            Out::Nothing => Ok(false),
            Out::Gone => {
                let bytes = self.waits.len();
                self.waits.clear();
                self.over = true;
                self.note(&format!("who read went, and {bytes} bytes for it are dropped"));
                Ok(true)
            }
        }
    }

    /// Takes what was written to the pipe.
    fn take_in(&mut self) -> io::Result<bool> {
        let End::Inlet(inlet) = &mut self.end else { return Ok(false) };
        if self.over || self.waits.len() >= AT_ONCE {
            return Ok(false);
        }
        let mut chunk = [0; AT_ONCE];
        let room = AT_ONCE - self.waits.len();
        match inlet.read(&mut chunk[..room])? {
            In::Bytes(bytes) => self.waits.extend_from_slice(&chunk[..bytes]),
            In::Nothing => return Ok(false),
            // Who has written nothing has opened nothing.
            In::End => self.over = self.state != State::Idle || !self.waits.is_empty(),
        }
        Ok(true)
    }

    /// An answer has come; whether it was this pipe's.
    fn answered(&mut self, call: CallId, answer: &Answer) -> io::Result<bool> {
        match self.state {
            State::Opening(own) if own == call => match answer.file {
                Some(file) => self.state = State::Open(file),
                None => {
                    self.refused("cannot be opened", answer.status)?;
                    (self.state, self.over) = (State::Idle, false);
                }
            },
            State::Moving(file, own) if own == call => {
                self.state = State::Open(file);
                self.moved(answer)?;
            }
            State::Closing(own) if own == call => self.state = State::Idle,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn moved(&mut self, answer: &Answer) -> io::Result<()> {
        let cancelled = answer.status == nt::status::STATUS_CANCELLED;
        let ended = ends(answer.status) || cancelled && self.over;
        if let End::Outlet(_) = self.end {
            self.waits.extend_from_slice(&answer.data);
            self.over |= ended || answer.data.is_empty();
        } else {
            let taken = (answer.information as usize).min(self.waits.len());
            self.waits.drain(..taken);
            if taken == 0 && answer.succeeds() {
                return self.refused("takes nothing", answer.status);
            }
        }
        if answer.succeeds() || ended {
            return Ok(());
        }
        self.refused("refuses this", answer.status)
    }

    /// The driver does not do what is wanted: the program hears the pipe's end, and the user why.
    fn refused(&mut self, what: &str, status: u32) -> io::Result<()> {
        self.note(&format!("the device {what} ({})", nt::status::text(status)));
        self.give_up()?;
        self.over = true;
        Ok(())
    }

    fn fd(&self) -> Option<PollFd<'_>> {
        match &self.end {
            // That a reader has gone is told again and again.
            End::Outlet(_) if self.over && self.waits.is_empty() => None,
            End::Outlet(outlet) => outlet.fd(!self.waits.is_empty()),
            End::Inlet(inlet) if !self.over && self.waits.len() < AT_ONCE => Some(inlet.fd()),
            End::Inlet(_) => None,
        }
    }

    fn again(&self) -> Option<Duration> {
        match &self.end {
            End::Outlet(outlet) if self.state == State::Idle => outlet.again(),
            _ => None,
        }
    }
}

/// The pipes of a folder: one for each direction that a file has.
fn pipes(
    folder: &Path,
    files: &Files,
    streams: &[StreamInfo],
    host: &Host,
) -> io::Result<Vec<Pipe>> {
    let mut all = Vec::new();
    for (_, file) in files.present() {
        let stream = streams.iter().find(|stream| {
            file.path.ends_with(&format!("\\{}", stream.name)) && stream.name == file.name
        });
        let reads = stream.map_or(host.handles(nt::irp::IRP_MJ_READ), |stream| stream.to_host);
        let writes = stream.map_or(host.handles(nt::irp::IRP_MJ_WRITE), |stream| stream.from_host);
        let width = stream.map_or(1, |stream| usize::from(stream.width).max(1));
        let name = |ending: &str| match reads && writes {
            true => format!("{}{ending}", file.name),
            false => file.name.clone(),
        };
        let mut add = |name: String, end: End| {
            all.push(Pipe {
                name,
                path: file.path.clone(),
                width,
                end,
                state: State::Idle,
                session: host.number,
                waits: Vec::new(),
                over: false,
                notes: Vec::new(),
            });
        };
        if reads {
            let name = name(".read");
            let outlet = Outlet::make(folder.join(&name))?;
            add(name, End::Outlet(outlet));
        }
        if writes {
            let name = name(".write");
            let inlet = Inlet::make(folder.join(&name))?;
            add(name, End::Inlet(inlet));
        }
    }
    Ok(all)
}

/// Serves named pipes until somebody interrupts it or a finding ends it.
pub(crate) fn serve(
    mut host: Host,
    mut far: Far,
    options: &Options,
    listener: &mut dyn Listener,
    stop: &UnixStream,
) -> Result<Outcome, Failed> {
    let folder = &options.folder;
    let streams = host.streams();
    let mut files = Files::new(&options.files, streams.clone());
    files.update(&host.openable());
    let mut all = match pipes(folder, &files, &streams, &host) {
        Ok(all) => all,
        Err(error) => {
            host.end(listener);
            return Err(Failed::Folder(format!("{}: {error}", folder.display())));
        }
    };
    let names: Vec<&str> = all.iter().map(|pipe| pipe.name.as_str()).collect();
    listener.note(&format!("named pipes in {}: {}.", folder.display(), names.join(", ")));
    if options.account {
        listener.note(&format!("in use at the beginning: {}", host.account()));
    }
    let mut outcome = Outcome::default();
    let ended = wait_for_all(&mut host, &mut far, &mut all, &mut outcome, listener, stop);
    if options.account && !host.is_dead() {
        listener.note(&format!("in use at the end: {}", host.account()));
    }
    if !host.is_dead() {
        host.end(listener);
        count(&host, &mut outcome);
    }
    ended.map(|()| outcome)
}

fn count(host: &Host, outcome: &mut Outcome) {
    match host.ended() {
        Some(Ended::Finding(..)) => outcome.findings += 1,
        Some(Ended::Unsupported(_)) => outcome.unsupported += 1,
        None => {}
    }
}

fn wait_for_all(
    host: &mut Host,
    far: &mut Far,
    all: &mut [Pipe],
    outcome: &mut Outcome,
    listener: &mut dyn Listener,
    stop: &UnixStream,
) -> Result<(), Failed> {
    loop {
        let mut notes = Vec::new();
        let moved = far.work(host, &mut notes);
        let mut moved = moved.map_err(Failed::Far)?;
        for pipe in all.iter_mut() {
            let failed =
                |error: io::Error, name: &str| Failed::Host(format!("pipe {name}: {error}"));
            moved |= pipe.work(host).map_err(|error| failed(error, &pipe.name))?;
        }
        host.pass_time(!moved);
        while let Some((call, answer)) = host.answer() {
            moved = true;
            for pipe in all.iter_mut() {
                match pipe.answered(call, &answer) {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(error) => return Err(Failed::Host(format!("pipe {}: {error}", pipe.name))),
                }
            }
        }
        all.iter_mut().for_each(|pipe| notes.append(&mut pipe.notes));
        notes.iter().for_each(|note| listener.note(note));
        if host.is_over() {
            count(host, outcome);
            if !host.told(listener) {
                return Ok(());
            }
            continue;
        }
        let again = all.iter().filter_map(Pipe::again).chain(far.again()).chain(host.sleep()).min();
        let again = if moved { Some(Duration::ZERO) } else { again };
        let mut fds = vec![PollFd::new(stop, PollFlags::IN)];
        far.fds(&mut fds);
        fds.extend(all.iter().filter_map(Pipe::fd));
        let again = again.map(|again| Timespec {
            tv_sec: i64::try_from(again.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: again.subsec_nanos().into(),
        });
        match rustix::event::poll(&mut fds, again.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Failed::Host(format!("poll: {error}"))),
        }
        if fds[0].revents().contains(PollFlags::IN) {
            return Ok(());
        }
    }
}

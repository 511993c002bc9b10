//! The far ends of a device's streams: what stands where a card's logic would.
//!
//! | file | holds |
//! | --- | --- |
//! | `lane` | what lies between a stream and its far end: bounded buffers, messages with their lengths |
//! | `port` | far ends that are bytes in order: what they have in common |
//! | `socket`, `pipe`, `file` | these |
//! | `sim` | a program that simulates the logic |
//! | `frames` | how it is spoken to, as `PROTOCOL.md` says |
//!
//! Nothing here waits: the server polls, and lets [`Far::work`] move what can be moved. What is not taken
//! stays where it is, and so whoever sends waits.

mod file;
mod frames;
mod lane;
pub(crate) mod pipe;
pub(crate) mod port;
mod sim;
mod socket;

use crate::session::Host;
use bench::Driver;
use port::{Bytes, Transport};
use rustix::event::PollFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Times that everything is moved on before others get their turn.
const ROUNDS: usize = 16;

/// What stands on the far side of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// What the computer sends comes back.
    Loop,
    /// A Unix socket that listens here, for one peer at a time.
    Unix(PathBuf),
    /// Named pipes, made here.
    Pipe(PathBuf),
    /// A file to read, a file to append to.
    File(PathBuf),
    /// A program that simulates logic, with its arguments.
    Sim(String),
}

/// `STREAM=PLACE`, such as `samples=unix:/run/samples`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FarEnd {
    /// The stream's name.
    pub stream: String,
    /// What stands there.
    pub place: Place,
}

impl FromStr for FarEnd {
    type Err = String;

    fn from_str(text: &str) -> Result<FarEnd, String> {
        let form =
            "a far end is told as STREAM=loop, unix:PATH, pipe:PATH, file:PATH or sim:PROGRAM";
        let (stream, place) = text.split_once('=').ok_or(form)?;
        let (kind, rest) = place.split_once(':').unwrap_or((place, ""));
        let path = PathBuf::from(rest);
        let place = match kind {
            "loop" if !place.contains(':') => Place::Loop,
            _ if rest.trim().is_empty() => return Err(form.to_owned()),
            "unix" => Place::Unix(path),
            "pipe" => Place::Pipe(path),
            "file" => Place::File(path),
            "sim" => Place::Sim(rest.to_owned()),
            _ => return Err(form.to_owned()),
        };
        if stream.is_empty() {
            return Err(form.to_owned());
        }
        Ok(FarEnd { stream: stream.to_owned(), place })
    }
}

/// The driver with these far ends in its device, so that its record has them as well.
///
/// # Errors
/// The device has no such stream, or the stream cannot have that.
pub fn attached(driver: &Driver, ends: &[FarEnd]) -> Result<Driver, String> {
    let mut driver = driver.clone();
    for (index, end) in ends.iter().enumerate() {
        if ends[..index].iter().any(|other| other.stream == end.stream) {
            return Err(format!("stream {} has two far ends", end.stream));
        }
    }
    let instead: Vec<(&str, devices::Instead)> = ends
        .iter()
        .map(|end| match end.place {
            Place::Loop => (end.stream.as_str(), devices::Instead::LoopBack),
            _ => (end.stream.as_str(), devices::Instead::Outside),
        })
        .collect();
    driver.device.model = driver.device.model.instead(&instead).map_err(|bad| bad.to_string())?;
    Ok(driver)
}

/// One far end, of one stream or, where a program simulates several, of these.
trait Port {
    /// Moves what can be moved; whether anything was.
    ///
    /// # Errors
    /// It cannot go on: a sentence without its full stop, which names stream and place.
    fn work(&mut self, host: &mut Host) -> Result<bool, String>;
    /// What to wait for, as the last [`Port::work`] left it.
    fn fds<'a>(&'a self, to: &mut Vec<PollFd<'a>>);
    /// When to look again although nothing has come.
    fn again(&self) -> Option<Duration>;
    /// What is good to know since this was asked last; sentences.
    fn notes(&mut self) -> Vec<String>;
}

/// The far ends of a session.
#[derive(Default)]
pub struct Far {
    ports: Vec<Box<dyn Port>>,
}

/// A path with something behind its name.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The places for the two directions of a stream: with one direction it is the path itself.
fn places(path: &Path, to_host: bool, from_host: bool) -> (Option<PathBuf>, Option<PathBuf>) {
    match (to_host, from_host) {
        (true, true) => {
            (Some(with_ending(path, ".to-host")), Some(with_ending(path, ".from-host")))
        }
        (to, from) => (to.then(|| path.to_owned()), from.then(|| path.to_owned())),
    }
}

impl Far {
    /// Makes them ready for a session whose driver [`attached`] gave.
    ///
    /// # Errors
    /// One of them cannot be: a sentence without its full stop, which names stream and place.
    pub fn open(ends: &[FarEnd], host: &mut Host) -> Result<Far, String> {
        let streams = host.streams();
        let mut far = Far::default();
        let mut programs: Vec<(&str, Vec<usize>)> = Vec::new();
        for FarEnd { stream, place } in ends {
            let found = streams.iter().position(|about| about.name == *stream);
            let number = found.ok_or_else(|| format!("no stream is called {stream}"))?;
            let about = &streams[number];
            let (to, from) = (about.to_host, about.from_host);
            let (kind, path) = match place {
                Place::Loop => continue,
                Place::Sim(program) => {
                    match programs.iter_mut().find(|(known, _)| known == program) {
                        Some((_, numbers)) => numbers.push(number),
                        None => programs.push((program, vec![number])),
                    }
                    continue;
                }
                Place::Unix(path) => ("unix", path),
                Place::Pipe(path) => ("pipe", path),
                Place::File(path) => ("file", path),
            };
            let what = format!("stream {stream} ({kind}:{})", path.display());
            let opened: std::io::Result<Box<dyn Transport>> = match kind {
                "unix" => socket::Socket::listen(path, to, from).map(|it| Box::new(it) as _),
                "pipe" => pipe::Pipes::make(path, to, from).map(|it| Box::new(it) as _),
                _ => file::Files::open(path, to, from).map(|it| Box::new(it) as _),
            };
            let transport = opened.map_err(|error| format!("{what}: {error}"))?;
            far.ports.push(Box::new(Bytes::new(number, about.clone(), transport, what)));
        }
        for (program, numbers) in programs {
            let streams = numbers.iter().map(|&number| (number, streams[number].clone())).collect();
            far.ports.push(Box::new(sim::Sim::start(program, streams)?));
        }
        Ok(far)
    }

    /// Moves what can be moved, for a while; whether anything was.
    ///
    /// # Errors
    /// One of them cannot go on: a sentence without its full stop, which names stream and place.
    pub fn work(&mut self, host: &mut Host, notes: &mut Vec<String>) -> Result<bool, String> {
        let mut any = false;
        for _ in 0..ROUNDS {
            let mut moved = false;
            for port in &mut self.ports {
                moved |= port.work(host)?;
                notes.append(&mut port.notes());
            }
            any |= moved;
            if !moved {
                break;
            }
        }
        Ok(any)
    }

    /// What to wait for.
    pub fn fds<'a>(&'a self, to: &mut Vec<PollFd<'a>>) {
        self.ports.iter().for_each(|port| port.fds(to));
    }

    /// When to look again although nothing has come.
    pub fn again(&self) -> Option<Duration> {
        self.ports.iter().filter_map(|port| port.again()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_ends_are_told_by_stream_and_place() {
        let end: FarEnd = "a=unix:/run/x:y=z".parse().expect("a far end");
        assert_eq!((end.stream.as_str(), end.place), ("a", Place::Unix("/run/x:y=z".into())));
        let end: FarEnd = "a=sim:./fifo --deep 4".parse().expect("a far end");
        assert_eq!(end.place, Place::Sim("./fifo --deep 4".to_owned()));
        assert_eq!("a=loop".parse::<FarEnd>().expect("a far end").place, Place::Loop);
        for bad in ["", "a", "a=", "=loop", "a=unix:", "a=loop:", "a=loop:x", "a=tcp:1", "a=sim: "]
        {
            assert!(bad.parse::<FarEnd>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_place_has_a_name_for_each_direction() {
        let (to, from) = places(Path::new("/x/a"), true, true);
        assert_eq!((to, from), (Some("/x/a.to-host".into()), Some("/x/a.from-host".into())));
        assert_eq!(places(Path::new("a"), false, true), (None, Some("a".into())));
    }
}

//! Named pipes: one for each direction. Made here, and removed with it.

use super::places;
use super::port::{In, Out, Transport};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is looked whether somebody reads: the system tells nobody.
const LOOK: Duration = Duration::from_millis(20);

fn open(path: &Path, options: &mut std::fs::OpenOptions) -> io::Result<File> {
    let file = options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Ok(file);
    }
    Err(io::Error::other("somebody has put something else in the pipe's place"))
}

fn make(path: &Path) -> rustix::io::Result<()> {
    let mode = Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0)
}

/// A pipe's name; it goes with it.
#[derive(Debug)]
struct Name(PathBuf);

impl Name {
    /// One that is there already may be a killed process's: it is taken over.
    fn make(path: PathBuf) -> io::Result<Name> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        match make(&path) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                let there = std::fs::symlink_metadata(&path).map_err(named)?;
                if !there.file_type().is_fifo() {
                    return Err(named(io::Error::other("something else bears that name")));
                }
            }
            Err(error) => return Err(named(error.into())),
        }
        Ok(Name(path))
    }

    /// From now on another pipe bears the name; there is one all the time.
    fn renew(&self) -> io::Result<()> {
        let next = super::with_ending(&self.0, ".next");
        match make(&next) {
            Ok(()) | Err(Errno::EXIST) => std::fs::rename(&next, &self.0),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A pipe that programs write to.
pub(crate) struct Inlet {
    name: Name,
    file: File,
    /// What comes is thrown away until who writes has closed.
    skips: bool,
}

impl Inlet {
    /// Makes it, or takes a named pipe that is there.
    ///
    /// # Errors
    /// Something else is there, or none can be made.
    pub fn make(path: PathBuf) -> io::Result<Inlet> {
        let name = Name::make(path)?;
        let file = open(&name.0, File::options().read(true))?;
        Ok(Inlet { name, file, skips: false })
    }

    /// Reads; [`In::End`] when who wrote has closed.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<In> {
        match self.file.read(into) {
            Ok(0) => {
                // Nobody has written since it was opened, or the last one has closed.
                let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
                rustix::event::poll(&mut fds, Some(&Default::default()))?;
                if !fds[0].revents().contains(PollFlags::HUP) {
                    return Ok(In::Nothing);
                }
                // Opened anew it does not hang up until the next one has; nor does it in between.
                self.file = open(&self.name.0, File::options().read(true))?;
                Ok(if std::mem::take(&mut self.skips) { In::Nothing } else { In::End })
            }
            Ok(_) if self.skips => Ok(In::Nothing),
            Ok(bytes) => Ok(In::Bytes(bytes)),
            Err(error) if waits(&error) => Ok(In::Nothing),
            Err(error) => Err(error),
        }
    }

    /// What comes from who writes now is thrown away.
    pub fn skip(&mut self) {
        self.skips = true;
    }

    /// What to wait for.
    pub fn fd(&self) -> PollFd<'_> {
        PollFd::new(&self.file, PollFlags::IN)
    }
}

/// A pipe that programs read from.
pub(crate) struct Outlet {
    name: Name,
    reader: Option<File>,
}

impl Outlet {
    /// Makes it, or takes a named pipe that is there.
    ///
    /// # Errors
    /// Something else is there, or none can be made.
    pub fn make(path: PathBuf) -> io::Result<Outlet> {
        Ok(Outlet { name: Name::make(path)?, reader: None })
    }

    /// Whether somebody reads.
    pub fn attend(&mut self) -> io::Result<bool> {
        if self.reader.is_some() && !self.is_gone() {
            return Ok(true);
        }
        self.reader = None;
        match open(&self.name.0, File::options().write(true)) {
            Ok(file) => self.reader = Some(file),
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        Ok(self.reader.is_some())
    }

    /// Writes; [`Out::Gone`] when who read has closed.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Out> {
        if self.is_gone() {
            self.reader = None;
            return Ok(Out::Gone);
        }
        self.attend()?;
        let Some(file) = &mut self.reader else { return Ok(Out::Nothing) };
        match file.write(bytes) {
            Ok(bytes) => Ok(Out::Bytes(bytes)),
            Err(error) if waits(&error) => Ok(Out::Nothing),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader = None;
                Ok(Out::Gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether who read has closed.
    pub fn is_gone(&self) -> bool {
        let Some(file) = &self.reader else { return false };
        let mut fds = [PollFd::new(file, PollFlags::empty())];
        let told = rustix::event::poll(&mut fds, Some(&Default::default()));
        told.is_ok() && fds[0].revents().contains(PollFlags::ERR)
    }

    /// Who reads hears that nothing follows. The next one finds another pipe by then: in the same one it
    /// would be taken for the reader that is leaving, which then would read on.
    ///
    /// # Errors
    /// None can be made.
    pub fn end(&mut self) -> io::Result<()> {
        if let Some(old) = self.reader.take() {
            self.name.renew()?;
            drop(old);
        }
        Ok(())
    }

    /// What to wait for: room, or at least that who reads has closed.
    pub fn fd(&self, room: bool) -> Option<PollFd<'_>> {
        let flags = if room { PollFlags::OUT } else { PollFlags::empty() };
        self.reader.as_ref().map(|file| PollFd::new(file, flags))
    }

    /// When to look again whether somebody reads.
    pub fn again(&self) -> Option<Duration> {
        self.reader.is_none().then_some(LOOK)
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The named pipes of a stream: see the module's description.
pub(super) struct Pipes {
    inlet: Option<Inlet>,
    outlet: Option<Outlet>,
}

impl Pipes {
    /// Makes those of the directions that there are.
    ///
    /// # Errors
    /// Something else is there, or none can be made.
    pub fn make(path: &Path, to_host: bool, from_host: bool) -> io::Result<Pipes> {
        let (to, from) = places(path, to_host, from_host);
        let inlet = to.map(Inlet::make).transpose()?;
        Ok(Pipes { inlet, outlet: from.map(Outlet::make).transpose()? })
    }
}

impl Transport for Pipes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<In> {
        self.inlet.as_mut().map_or(Ok(In::Nothing), |inlet| inlet.read(into))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Out> {
        self.outlet.as_mut().map_or(Ok(Out::Gone), |outlet| outlet.write(bytes))
    }

    fn end(&mut self) -> io::Result<()> {
        self.outlet.as_mut().map_or(Ok(()), Outlet::end)
    }

    fn hang_up(&mut self) {
        if let Some(inlet) = &mut self.inlet {
            inlet.skip();
        }
    }

    fn fds<'a>(&'a self, reads: bool, writes: bool, to: &mut Vec<PollFd<'a>>) {
        to.extend(self.inlet.iter().filter(|_| reads).map(Inlet::fd));
        to.extend(self.outlet.iter().filter(|_| writes).filter_map(|outlet| outlet.fd(true)));
    }

    fn again(&self, writes: bool) -> Option<Duration> {
        self.outlet.as_ref().filter(|_| writes)?.again()
    }
}

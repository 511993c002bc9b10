//! A Unix socket (SOCK_STREAM) that listens. One peer at a time is the far end; the next one waits until it
//! is gone.

use super::port::{In, Out, Transport};
use rustix::event::{PollFd, PollFlags};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

struct Peer {
    stream: UnixStream,
    /// It sends no more.
    finished: bool,
    /// It was told that nothing follows.
    told: bool,
}

/// See the module's description. Its name goes with it.
pub(super) struct Socket {
    listener: UnixListener,
    peer: Option<Peer>,
    lost: bool,
    path: PathBuf,
    to_host: bool,
    from_host: bool,
}

impl Socket {
    /// Listens. The socket of a process that was killed is cleared away.
    ///
    /// # Errors
    /// Somebody listens there, or something else bears that name.
    pub fn listen(path: &Path, to_host: bool, from_host: bool) -> io::Result<Socket> {
        let there = std::fs::symlink_metadata(path);
        if there.is_ok_and(|there| there.file_type().is_socket()) {
            match UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                }
                _ => {
                    let why = "somebody listens there already";
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
                }
            }
        }
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Socket { listener, peer: None, lost: false, path: path.to_owned(), to_host, from_host })
    }

    /// Looks after the peer: whether there is one.
    fn attend(&mut self) -> io::Result<bool> {
        if let Some(peer) = &self.peer
            && (peer.finished || !self.to_host)
        {
            let mut fds = [PollFd::new(&peer.stream, PollFlags::empty())];
            rustix::event::poll(&mut fds, Some(&Default::default()))?;
            let gone = fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR);
            let over = peer.finished && (peer.told || !self.from_host);
            if gone || over {
                (self.peer, self.lost) = (None, true);
            }
        }
        if self.peer.is_none() && !self.lost {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    self.peer = Some(Peer { stream, finished: false, told: false });
                }
                Err(error) if waits(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.peer.is_some())
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}

impl Transport for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<In> {
        self.attend()?;
        let Some(peer) = self.peer.as_mut().filter(|peer| !peer.finished) else {
            return Ok(In::Nothing);
        };
        match peer.stream.read(into) {
            Ok(0) => {
                peer.finished = true;
                Ok(In::End)
            }
            Ok(bytes) => Ok(In::Bytes(bytes)),
            Err(error) if waits(&error) => Ok(In::Nothing),
            // It went without a farewell.
            Err(_) => {
                (self.peer, self.lost) = (None, true);
                Ok(In::End)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Out> {
        self.attend()?;
        // Who was told of the end gets nothing that comes behind it.
        let Some(peer) = self.peer.as_mut().filter(|peer| !peer.told) else {
            return Ok(Out::Nothing);
        };
        match peer.stream.write(bytes) {
            Ok(bytes) => Ok(Out::Bytes(bytes)),
            Err(error) if waits(&error) => Ok(Out::Nothing),
            Err(_) => {
                // What it sent before may still be read.
                if peer.finished || !self.to_host {
                    self.peer = None;
                } else {
                    peer.told = true;
                }
                Ok(Out::Gone)
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(peer) = &mut self.peer {
            peer.told = true;
            // It may be gone.
            let _ = peer.stream.shutdown(Shutdown::Write);
        }
        Ok(())
    }

    fn lost(&mut self) -> bool {
        std::mem::take(&mut self.lost)
    }

    fn hang_up(&mut self) {
        (self.peer, self.lost) = (None, true);
    }

    fn fds<'a>(&'a self, reads: bool, writes: bool, to: &mut Vec<PollFd<'a>>) {
        let Some(peer) = &self.peer else {
            return to.push(PollFd::new(&self.listener, PollFlags::IN));
        };
        let reads = reads && !peer.finished;
        let writes = writes && !peer.told;
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, reads);
        flags.set(PollFlags::OUT, writes);
        // That it hangs up is told whatever is asked; where it is not wanted yet it must not be asked.
        if reads || writes || peer.finished || !self.to_host {
            to.push(PollFd::new(&peer.stream, flags));
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

//! Files: one that the computer reads, from its beginning to its end, and one that what it sends is
//! appended to.

use super::places;
use super::port::{In, Out, Transport};
use rustix::event::PollFd;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// See the module's description.
pub(super) struct Files {
    from: Option<File>,
    to: Option<File>,
}

/// Devices and pipes may wait, which nothing here may.
fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("no regular file; pipe: and unix: are for others"))
}

impl Files {
    /// Opens those of the directions that there are.
    ///
    /// # Errors
    /// There is nothing to read, or nothing can be written.
    pub fn open(path: &Path, to_host: bool, from_host: bool) -> io::Result<Files> {
        let (read, append) = places(path, to_host, from_host);
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        // A pipe must not make the opening wait before it is found to be one.
        let open = |path: &Path, options: &mut std::fs::OpenOptions| {
            use std::os::unix::fs::OpenOptionsExt;
            let nonblock = rustix::fs::OFlags::NONBLOCK.bits() as i32;
            let file = options.custom_flags(nonblock).open(path);
            file.and_then(regular).map_err(|error| named(path, error))
        };
        let from = read.map(|path| open(&path, File::options().read(true))).transpose()?;
        let to = append.map(|path| open(&path, File::options().append(true).create(true)));
        Ok(Files { from, to: to.transpose()? })
    }
}

impl Transport for Files {
    fn read(&mut self, into: &mut [u8]) -> io::Result<In> {
        let Some(file) = &mut self.from else { return Ok(In::Nothing) };
        match file.read(into) {
            // It ends once; whoever wants to hear more starts another session.
            Ok(0) => {
                self.from = None;
                Ok(In::End)
            }
            Ok(bytes) => Ok(In::Bytes(bytes)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(In::Nothing),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Out> {
        match &mut self.to {
            Some(file) => file.write_all(bytes).map(|()| Out::Bytes(bytes.len())),
            None => Ok(Out::Gone),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn hang_up(&mut self) {
        self.from = None;
    }

    fn fds<'a>(&'a self, _reads: bool, _writes: bool, _to: &mut Vec<PollFd<'a>>) {}
}

//! Mounting: `/dev/fuse` and mount(2) where we may, else `fusermount3`; unmounting, and what an earlier
//! process left mounted.

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As what `mount` and `/proc/self/mountinfo` show it.
pub const KIND: &str = "fuse.bugcheck";
/// The program that mounts for those who may not, of libfuse 3 and of libfuse 2.
const HELPERS: [&str; 2] = ["fusermount3", "fusermount"];

/// A mounted folder; unmounted when dropped.
pub struct Mounted {
    device: File,
    place: PathBuf,
    gone: bool,
}

fn open_device() -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::open("/dev/fuse", flags, Mode::empty())?)
}

/// Why nothing can be mounted by FUSE here, whatever the folder; `None` where nothing speaks against it.
pub fn missing() -> Option<String> {
    let error = open_device().err()?;
    // A helper has rights of its own, but no other device.
    let helps = error.kind() == io::ErrorKind::PermissionDenied
        && HELPERS.iter().any(|helper| Command::new(helper).arg("-V").output().is_ok());
    (!helps).then(|| format!("/dev/fuse: {error}"))
}

impl Mounted {
    /// Mounts on a folder.
    ///
    /// # Errors
    /// No FUSE in this kernel, no right to mount and no helper, no folder.
    pub fn new(place: &Path, others: bool) -> io::Result<Mounted> {
        let place = place.canonicalize()?;
        if !place.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"));
        }
        let more = if others { ",allow_other" } else { "" };
        let device = match open_device() {
            Ok(device) => match mount(&device, &place, more) {
                Ok(()) => device,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    by_helper(&place, more)?
                }
                Err(error) => return Err(error),
            },
            // The helper has rights of its own.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                by_helper(&place, more)?
            }
            Err(error) => return Err(error),
        };
        rustix::fs::fcntl_setfl(&device, OFlags::NONBLOCK)?;
        Ok(Mounted { device: File::from(device), place, gone: false })
    }

    /// Reads one request; `None` when there is none just now.
    ///
    /// # Errors
    /// The folder was unmounted (ENODEV), or worse.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.device.read(buffer) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) => {
                    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                        Some(rustix::io::Errno::AGAIN) => return Ok(None),
                        // ENOENT: the request was taken back before it was read.
                        Some(rustix::io::Errno::INTR | rustix::io::Errno::NOENT) => {}
                        _ => return Err(error),
                    }
                }
            }
        }
    }

    /// Sends a reply whole. That nobody waits for it any more is no error.
    pub fn send(&mut self, head: &[u8], body: &[u8]) {
        let parts = [IoSlice::new(head), IoSlice::new(body)];
        let _ = self.device.write_vectored(&parts);
    }

    /// Unmounts, whoever may still have files open.
    pub fn unmount(&mut self) {
        if !std::mem::replace(&mut self.gone, true) {
            unmount(&self.place);
        }
    }

    /// The folder, as it is called from its root.
    pub fn place(&self) -> &Path {
        &self.place
    }
}

impl AsFd for Mounted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn mount(device: &OwnedFd, place: &Path, more: &str) -> io::Result<()> {
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    let options = format!(
        "fd={},rootmode=40000,user_id={},group_id={}{more}",
        device.as_raw_fd(),
        user.as_raw(),
        group.as_raw()
    );
    let options = CString::new(options).map_err(|_| io::ErrorKind::InvalidInput)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(rustix::mount::mount("bugcheck", place, KIND, flags, options.as_c_str())?)
}

/// Lets the helper mount: it sends the device over a socket whose number it finds in its environment.
fn by_helper(place: &Path, more: &str) -> io::Result<OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    let missing = || {
        let why = "no right to mount, and neither fusermount3 nor fusermount is installed";
        io::Error::new(io::ErrorKind::PermissionDenied, why)
    };
    for helper in HELPERS {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty(), None)?;
        rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
        let started = Command::new(helper)
            .args(["-o", &format!("fsname=bugcheck,subtype=bugcheck,nosuid,nodev{more}"), "--"])
            .arg(place)
            .env("_FUSE_COMMFD", theirs.as_raw_fd().to_string())
            .status();
        drop(theirs);
        match started {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
            Ok(status) if !status.success() => {
                return Err(io::Error::other(format!("{helper} ended with {status}")));
            }
            Ok(_) => return receive_device(&ours),
        }
    }
    Err(missing())
}

fn receive_device(socket: &OwnedFd) -> io::Result<OwnedFd> {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0; 1];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let sent = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sent) => sent.next(),
        _ => None,
    });
    sent.ok_or_else(|| io::Error::other("the helper mounted and sent no device"))
}

/// Takes a mount away at once; who has files open there gets errors from then on.
fn unmount(place: &Path) -> bool {
    if rustix::mount::unmount(place, UnmountFlags::DETACH).is_ok() {
        return true;
    }
    HELPERS.iter().any(|helper| {
        let mut command = Command::new(helper);
        command.args(["-u", "-z", "--"]).arg(place);
        command.status().is_ok_and(|status| status.success())
    })
}

/// Cleans up what an earlier process left mounted on a folder, having been killed; whether it did.
///
/// # Errors
/// Something of another program's is mounted there, or of one of ours that lives.
pub fn clean_up(place: &Path) -> io::Result<bool> {
    // The folder itself cannot be looked at, but its name stands in the list of mounts.
    let full = std::path::absolute(place)?;
    let full = match (full.parent().map(Path::canonicalize), full.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => full,
    };
    let mut cleaned = false;
    for _ in 0..8 {
        let Some(kind) = mounted_kind(&full)? else { break };
        // What the kernel knows of the folder it tells for a while yet; opening it asks.
        let dead = match std::fs::read_dir(&full) {
            Err(error) => error.raw_os_error() == Some(rustix::io::Errno::NOTCONN.raw_os_error()),
            Ok(_) => false,
        };
        match (kind == KIND, dead) {
            (true, true) => cleaned |= unmount(&full),
            (true, false) => {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    "another bugcheck has mounted there, and lives",
                ));
            }
            (false, _) => break,
        }
    }
    Ok(cleaned)
}

/// The kind of the last file system mounted exactly there.
fn mounted_kind(place: &Path) -> io::Result<Option<String>> {
    let list = std::fs::read("/proc/self/mountinfo")?;
    let mut found = None;
    for line in list.split(|&byte| byte == b'\n') {
        // proc(5): the fifth field is the place, the first behind a lone hyphen the kind.
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let hyphen = fields.iter().position(|field| *field == b"-");
        let (Some(at), Some(kind)) = (fields.get(4), hyphen.and_then(|at| fields.get(at + 1)))
        else {
            continue;
        };
        if unescaped(at) == place.as_os_str().as_bytes() {
            found = Some(String::from_utf8_lossy(kind).into_owned());
        }
    }
    Ok(found)
}

/// Blanks and the like stand as `\040`.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = field;
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..3).filter(|_| first == b'\\');
        let value = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match value.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(value) => {
                text.push(value);
                rest = &behind[3..];
            }
            None => {
                text.push(first);
                rest = behind;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_with_blanks_are_found() {
        assert_eq!(unescaped(b"/a\\040b\\134c"), b"/a b\\c");
        assert_eq!(unescaped(b"/a\\9"), b"/a\\9");
        assert_eq!(mounted_kind(Path::new("/proc")).expect("a list").as_deref(), Some("proc"));
        assert_eq!(mounted_kind(Path::new("/proc/self")).expect("a list"), None);
    }
}

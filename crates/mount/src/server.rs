//! What programs do with the files, as calls to the driver; one thread that waits for all there is to
//! wait for.

use crate::errno::{errno, of_control};
use crate::far::Far;
use crate::files::Files;
use crate::fuse::device::{self, Mounted};
use crate::fuse::wire::{self, Attributes, Request, op};
use crate::session::Host;
use crate::{Failed, Listener, Options, Outcome};
use bench::Driver;
use bench::live::{Answer, Call, CallId, Ended, FileId};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::collections::HashMap;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Desired access as CreateFile computes it for GENERIC_READ, GENERIC_WRITE and both, with the right
/// to wait and to read attributes (winnt.h: FILE_GENERIC_READ, FILE_GENERIC_WRITE).
pub(crate) const ACCESS: [u32; 3] = [0x0012_0089, 0x0012_0196, 0x0012_019f];
/// `O_ACCMODE`, `O_TRUNC`, `O_NONBLOCK` of Linux (fcntl.h).
const ACCESS_MODE: u32 = 3;
const TRUNCATE: u32 = 0o1000;
const NONBLOCK: u32 = 0o4000;
/// How long a driver may take to give a cancelled request back before the caller is let go without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests of programs that are served before timers and far ends get their turn.
const AT_ONCE: usize = 64;
/// Control codes below this have no device type: they are this system's own, such as those that ask
/// whether a file is a terminal.
const FIRST_CODE: u32 = 0x1_0000;
/// `_IOC(_IOC_READ | _IOC_WRITE, 'B', 1, ...)` of Linux, without its size: a control code with buffers.
const WRAPPED: u32 = 0xc000_4201;
/// Bits of an ioctl's size (asm-generic/ioctl.h).
const SIZE_BITS: u32 = 0x3fff_0000;
/// Bytes before the data of a wrapped control code: code, bytes in, bytes out, status.
const WRAPPED_HEAD: usize = 16;

/// What is done with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Opened {
        node: usize,
    },
    Read,
    Wrote,
    /// Bytes for which there is room, and whether there is a head before them.
    Controlled {
        room: usize,
        wrapped: bool,
    },
    Flushed,
    Closed,
}

struct Waiting {
    unique: u64,
    then: Then,
    /// It must not wait.
    at_once: bool,
    cancelled: Option<Instant>,
    /// Its caller was let go.
    let_go: bool,
    who: String,
}

struct Handle {
    session: u32,
    file: FileId,
    stream: bool,
    writes: bool,
    who: String,
}

struct Server<'a> {
    host: Host,
    far: Far,
    mounted: Mounted,
    files: Files,
    handles: HashMap<u64, Handle>,
    next_handle: u64,
    /// Number of the last look at a name, in the bits that it has of a node's.
    lookups: u64,
    waiting: HashMap<CallId, Waiting>,
    owner: (u32, u32),
    seconds: u64,
    outcome: Outcome,
    listener: &'a mut dyn Listener,
}

/// Loads a driver and shows its devices as files until somebody interrupts it, unmounts the folder, or a
/// finding ends it.
///
/// # Errors
/// The driver cannot be loaded, or the folder not be mounted on.
pub fn run(
    driver: &Driver,
    options: &Options,
    listener: &mut dyn Listener,
) -> Result<Outcome, Failed> {
    let stop = signals().map_err(|error| Failed::Host(format!("no signals: {error}")))?;
    let folder = &options.folder;
    let tell = |error: &std::io::Error| Failed::Folder(format!("{}: {error}", folder.display()));
    let without = match options.pipes {
        true => Some("named pipes were asked for".to_owned()),
        false => device::missing(),
    };
    if device::clean_up(folder).map_err(|error| tell(&error))? {
        let text =
            format!("{}: what a killed process left mounted is unmounted.", folder.display());
        listener.note(&text);
    }
    let mut host = Host::start(driver, options)?;
    let far = match Far::open(&options.far, &mut host) {
        Ok(far) => far,
        Err(why) => {
            host.end(listener);
            return Err(Failed::Far(why));
        }
    };
    let made = std::fs::create_dir(folder).is_ok();
    let served = match without {
        None => serve(host, far, options, listener, &stop),
        Some(why) => {
            if !options.pipes {
                listener.note(&format!("there is no FUSE here ({why}): devices are named pipes."));
            }
            crate::pipes::serve(host, far, options, listener, &stop)
        }
    };
    if made {
        let _ = std::fs::remove_dir(folder);
    }
    served
}

fn serve(
    mut host: Host,
    far: Far,
    options: &Options,
    listener: &mut dyn Listener,
    stop: &UnixStream,
) -> Result<Outcome, Failed> {
    let mounted = match Mounted::new(&options.folder, options.others) {
        Ok(mounted) => mounted,
        Err(error) => {
            host.end(listener);
            return Err(Failed::Folder(format!("{}: {error}", options.folder.display())));
        }
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut files = Files::new(&options.files, host.streams());
    files.update(&host.openable());
    let names: Vec<String> = files.present().map(|(_, node)| node.name.clone()).collect();
    listener.mounted(mounted.place(), &names);
    if options.account {
        listener.note(&format!("in use at the beginning: {}", host.account()));
    }
    let mut server = Server {
        host,
        far,
        mounted,
        files,
        handles: HashMap::new(),
        next_handle: 1,
        lookups: 0,
        waiting: HashMap::new(),
        owner: (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()),
        seconds: since.map_or(0, |since| since.as_secs()),
        outcome: Outcome::default(),
        listener,
    };
    let ended = server.wait_for_all(stop);
    if options.account && !server.host.is_dead() {
        let text = format!("in use at the end: {}", server.host.account());
        server.listener.note(&text);
    }
    server.finish();
    ended.map(|()| server.outcome)
}

/// A socket to which a byte comes with each signal that ends a program in an orderly way.
fn signals() -> std::io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    for signal in
        [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
    {
        signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
    }
    Ok(ours)
}

impl Server<'_> {
    /// Serves until it is time to stop.
    fn wait_for_all(&mut self, stop: &UnixStream) -> Result<(), Failed> {
        let mut buffer = vec![0; wire::BUFFER];
        loop {
            let mut served = 0;
            while served < AT_ONCE {
                match self.mounted.receive(&mut buffer) {
                    Ok(Some(bytes)) => {
                        served += 1;
                        if let Some(request) = Request::parse(&buffer[..bytes]) {
                            self.serve(&request);
                        }
                        if !self.settle() {
                            return Ok(());
                        }
                    }
                    Ok(None) => break,
                    Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => {
                        self.listener.note("the folder was unmounted.");
                        return Ok(());
                    }
                    Err(error) => return Err(Failed::Host(format!("/dev/fuse: {error}"))),
                }
            }
            let moved = self.work_far()?;
            self.host.pass_time(served == 0 && !moved);
            self.let_go();
            if !self.settle() {
                return Ok(());
            }
            let mut sleep = self.host.sleep();
            if let Some(again) = self.far.again() {
                sleep = Some(sleep.map_or(again, |sleep| sleep.min(again)));
            }
            if served == AT_ONCE || moved {
                sleep = Some(Duration::ZERO);
            }
            if self.waiting.values().any(|waiting| waiting.cancelled.is_some() && !waiting.let_go) {
                let soon = Duration::from_millis(500);
                sleep = Some(sleep.map_or(soon, |sleep| sleep.min(soon)));
            }
            if self.sleep(stop, sleep)? {
                return Ok(());
            }
        }
    }

    /// Waits until something comes from outside; whether that is the end.
    fn sleep(&mut self, stop: &UnixStream, most: Option<Duration>) -> Result<bool, Failed> {
        let most = most.map(|most| Timespec {
            tv_sec: i64::try_from(most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: most.subsec_nanos().into(),
        });
        let mut fds = vec![
            PollFd::new(stop, PollFlags::IN),
            PollFd::from_borrowed_fd(self.mounted.as_fd(), PollFlags::IN),
        ];
        self.far.fds(&mut fds);
        match rustix::event::poll(&mut fds, most.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Failed::Host(format!("poll: {error}"))),
        }
        Ok(fds[0].revents().contains(PollFlags::IN))
    }

    /// Moves what can be moved between streams and their far ends; whether anything was.
    fn work_far(&mut self) -> Result<bool, Failed> {
        let mut notes = Vec::new();
        let moved = self.far.work(&mut self.host, &mut notes);
        notes.iter().for_each(|note| self.listener.note(note));
        moved.map_err(Failed::Far)
    }

    /// Hands out answers, and sees to a session that is over; false when the mount is.
    fn settle(&mut self) -> bool {
        while let Some((call, answer)) = self.host.answer() {
            self.answered(call, &answer);
        }
        if !self.host.is_over() {
            return true;
        }
        self.count_ended();
        self.host.told(self.listener)
    }

    fn count_ended(&mut self) {
        match self.host.ended() {
            Some(Ended::Finding(..)) => self.outcome.findings += 1,
            Some(Ended::Unsupported(_)) => self.outcome.unsupported += 1,
            None => {}
        }
    }

    /// Everything comes to its end: programs get errors, the driver goes as in an orderly shutdown.
    fn finish(&mut self) {
        self.mounted.unmount();
        if !self.host.is_dead() {
            self.host.end(self.listener);
            self.count_ended();
        }
        while let Some((call, answer)) = self.host.answer() {
            self.answered(call, &answer);
        }
        let waiting = std::mem::take(&mut self.waiting);
        for waiting in waiting.into_values().filter(|waiting| !waiting.let_go) {
            self.fail(waiting.unique, Errno::IO);
        }
    }

    /// Callers whose cancelled requests the driver keeps are let go.
    fn let_go(&mut self) {
        let mut stuck = Vec::new();
        for waiting in self.waiting.values_mut().filter(|waiting| !waiting.let_go) {
            if waiting.cancelled.is_some_and(|since| since.elapsed() > PATIENCE) {
                waiting.let_go = true;
                stuck.push((waiting.unique, waiting.who.clone()));
            }
        }
        for (unique, who) in stuck {
            self.fail(unique, Errno::INTR);
            self.listener.note(&format!(
                "{who} is let go: the driver has kept its cancelled request for {} s. On Windows the \
                 process would hang.",
                PATIENCE.as_secs()
            ));
        }
    }

    fn reply(&mut self, unique: u64, body: &[u8]) {
        self.mounted.send(&wire::header(unique, 0, body.len()), body);
    }

    fn fail(&mut self, unique: u64, error: Errno) {
        self.fail_raw(unique, error.raw_os_error());
    }

    fn fail_raw(&mut self, unique: u64, error: i32) {
        self.mounted.send(&wire::header(unique, error, 0), &[]);
    }

    fn attributes(&self, node: u64) -> Option<Attributes> {
        let mode = match node {
            wire::ROOT => 0o040_755,
            _ => {
                self.files.get(file_of(node)?)?;
                0o100_666
            }
        };
        let (uid, gid) = self.owner;
        Some(Attributes { node, mode, uid, gid, seconds: self.seconds })
    }

    fn serve(&mut self, request: &Request<'_>) {
        let unique = request.unique;
        match request.opcode {
            op::INIT => {
                let body = wire::init(request);
                self.reply(unique, &body);
            }
            op::FORGET | op::BATCH_FORGET => {}
            op::LOOKUP => {
                self.files.update(&self.host.openable());
                self.lookups = self.lookups.wrapping_add(wire::NEXT_TIME);
                let found = self.files.find(request.name());
                let found = found.map(|index| self.lookups | (index as u64 + 2));
                match found.and_then(|node| self.attributes(node)) {
                    Some(attributes) => self.reply(unique, &wire::entry(&attributes)),
                    None => self.fail(unique, Errno::NOENT),
                }
            }
            // Truncating and setting times means nothing here, and is let pass.
            op::GETATTR | op::SETATTR => match self.attributes(request.node) {
                Some(attributes) => self.reply(unique, &wire::attr(&attributes)),
                None => self.fail(unique, Errno::NOENT),
            },
            op::STATFS => self.reply(unique, &wire::statfs()),
            op::OPENDIR => {
                self.files.update(&self.host.openable());
                self.reply(unique, &wire::open(0, 0));
            }
            op::READDIR => self.folder(request),
            op::RELEASEDIR | op::FLUSH | op::DESTROY => self.reply(unique, &[]),
            op::OPEN => self.open(request),
            op::READ => self.read(request),
            op::WRITE => self.write(request),
            op::IOCTL => self.control(request),
            op::FSYNC => self.flush(request),
            op::RELEASE => self.release(request),
            op::INTERRUPT => self.interrupt(request),
            // CREATE, MKNOD, MKDIR, SYMLINK, UNLINK, RMDIR, RENAME, LINK, RENAME2
            35 | 8 | 9 | 6 | 10 | 11 | 12 | 13 | 45 => self.fail(unique, Errno::PERM),
            _ => self.fail(unique, Errno::NOSYS),
        }
    }

    fn folder(&mut self, request: &Request<'_>) {
        let (offset, room) = (request.u64(8), request.u32(16) as usize);
        let mut all: Vec<(u64, &[u8])> = vec![(wire::ROOT, b"."), (wire::ROOT, b"..")];
        all.extend(self.files.present().map(|(at, node)| (at as u64 + 2, node.name.as_bytes())));
        let mut body = Vec::new();
        for (next, (node, name)) in
            (1..).zip(all).skip(usize::try_from(offset).unwrap_or(usize::MAX))
        {
            if !wire::entry_of_folder(&mut body, room.min(1 << 20), node, next, name) {
                break;
            }
        }
        self.reply(request.unique, &body);
    }

    fn wait(&mut self, call: CallId, unique: u64, then: Then, at_once: bool, who: String) {
        let waiting = Waiting { unique, then, at_once, cancelled: None, let_go: false, who };
        self.waiting.insert(call, waiting);
        // Who must not wait takes back what is not done by now.
        if at_once && !self.host.is_answered(call) {
            self.host.cancel(call);
        }
    }

    fn open(&mut self, request: &Request<'_>) {
        let flags = request.u32(0);
        let found =
            file_of(request.node).and_then(|number| Some((number, self.files.get(number)?)));
        let Some((node, file)) = found else {
            return self.fail(request.unique, Errno::NOENT);
        };
        let path = file.path.clone();
        let access = ACCESS.get((flags & ACCESS_MODE) as usize).copied().unwrap_or(ACCESS[2]);
        let who = name_of(request.pid);
        let call = self.host.open(&who, &path, access, flags & TRUNCATE != 0);
        let handle = Handle {
            session: self.host.number,
            file: 0,
            stream: false,
            writes: flags & ACCESS_MODE != 0,
            who: who.clone(),
        };
        // The handle's number is the call's until it is known to be open.
        self.handles.insert(HALF_OPEN | call, handle);
        self.wait(call, request.unique, Then::Opened { node }, false, who);
    }

    /// The open file of a request, if it is one of this session.
    fn handle(&mut self, request: &Request<'_>) -> Option<(FileId, bool, String)> {
        let found = self.handles.get(&request.u64(0));
        let found = found.filter(|handle| handle.session == self.host.number);
        let found = found.map(|handle| (handle.file, handle.stream, handle.who.clone()));
        if found.is_none() {
            self.fail(request.unique, Errno::IO);
        }
        found
    }

    fn read(&mut self, request: &Request<'_>) {
        let Some((file, stream, who)) = self.handle(request) else { return };
        let offset = (!stream).then(|| request.u64(8));
        let bytes = request.u32(16);
        let at_once = request.u32(32) & NONBLOCK != 0;
        let call = self.host.call(&who, Call::Read { file, bytes, offset });
        self.wait(call, request.unique, Then::Read, at_once, who);
    }

    fn write(&mut self, request: &Request<'_>) {
        let Some((file, stream, who)) = self.handle(request) else { return };
        let offset = (!stream).then(|| request.u64(8));
        let data = request.rest(40).to_vec();
        let at_once = request.u32(32) & NONBLOCK != 0;
        let call = self.host.call(&who, Call::Write { file, data, offset });
        self.wait(call, request.unique, Then::Wrote, at_once, who);
    }

    fn control(&mut self, request: &Request<'_>) {
        let Some((file, _, who)) = self.handle(request) else { return };
        let (command, bytes_in, bytes_out) = (request.u32(12), request.u32(24), request.u32(28));
        let body = request.rest(32);
        let body = &body[..body.len().min(bytes_in as usize)];
        let (code, input, output, wrapped) = if command & !SIZE_BITS == WRAPPED {
            let word = |at: usize| body.get(at..).and_then(|rest| rest.first_chunk().copied());
            let (Some(code), Some(input), Some(output), Some(data)) =
                (word(0), word(4), word(8), body.get(WRAPPED_HEAD..))
            else {
                return self.fail(request.unique, Errno::INVAL);
            };
            let (code, output) = (u32::from_ne_bytes(code), u32::from_ne_bytes(output));
            let Some(input) = data.get(..u32::from_ne_bytes(input) as usize) else {
                return self.fail(request.unique, Errno::INVAL);
            };
            if output as usize > data.len() {
                return self.fail(request.unique, Errno::INVAL);
            }
            (code, input.to_vec(), output, true)
        } else if command < FIRST_CODE {
            return self.fail(request.unique, Errno::NOTTY);
        } else {
            (command, body.to_vec(), bytes_out, false)
        };
        let call = self.host.call(&who, Call::Control { file, code, input, output });
        let room = bytes_out as usize;
        self.wait(call, request.unique, Then::Controlled { room, wrapped }, false, who);
    }

    /// `fsync`: the request for it, or a write of nothing where the driver has no routine for that one.
    fn flush(&mut self, request: &Request<'_>) {
        let Some((file, _, who)) = self.handle(request) else { return };
        let writes = self.handles.get(&request.u64(0)).is_some_and(|handle| handle.writes);
        let call = if self.host.handles(nt::irp::IRP_MJ_FLUSH_BUFFERS) {
            Call::Flush { file }
        } else if writes {
            Call::Write { file, data: Vec::new(), offset: None }
        } else {
            return self.reply(request.unique, &[]);
        };
        let call = self.host.call(&who, call);
        self.wait(call, request.unique, Then::Flushed, false, who);
    }

    /// The last descriptor of an open file is closed.
    fn release(&mut self, request: &Request<'_>) {
        let handle = self.handles.remove(&request.u64(0));
        match handle.filter(|handle| handle.session == self.host.number) {
            Some(handle) => {
                let call = self.host.close(&handle.who, handle.file);
                self.wait(call, request.unique, Then::Closed, false, handle.who);
            }
            None => self.reply(request.unique, &[]),
        }
    }

    /// The caller of a request got a signal, or was killed.
    fn interrupt(&mut self, request: &Request<'_>) {
        let wanted = request.u64(0);
        let found = self.waiting.iter_mut().find(|(_, waiting)| waiting.unique == wanted);
        let Some((&call, waiting)) = found else { return };
        if waiting.then != Then::Closed && waiting.cancelled.is_none() {
            waiting.cancelled = Some(Instant::now());
            self.host.cancel(call);
        }
    }

    fn answered(&mut self, call: CallId, answer: &Answer) {
        let Some(waiting) = self.waiting.remove(&call) else { return };
        let Waiting { unique, then, at_once, let_go, .. } = waiting;
        let half_open = self.handles.remove(&(HALF_OPEN | call));
        if let_go {
            // Nobody wants a file that is open now.
            if let (Some(file), Some(handle)) = (answer.file, half_open) {
                self.host.close(&handle.who, file);
            }
            return;
        }
        let status = answer.status;
        let moved = answer.succeeds() || answer.information > 0;
        let cancelled = status == nt::status::STATUS_CANCELLED;
        match then {
            Then::Closed => self.reply(unique, &[]),
            Then::Opened { node } => match (answer.file, half_open) {
                (Some(file), Some(handle)) => {
                    let stream = self.files.get(node).is_some_and(|node| node.stream);
                    let number = self.next_handle;
                    self.next_handle += 1;
                    self.handles.insert(number, Handle { file, stream, ..handle });
                    let kind = if stream { wire::STREAM | wire::NONSEEKABLE } else { 0 };
                    let always = wire::DIRECT_IO | wire::NOFLUSH | wire::PARALLEL_DIRECT_WRITES;
                    self.reply(unique, &wire::open(number, always | kind));
                }
                _ => self.fail_raw(unique, errno(status)),
            },
            // What a request that was interrupted had moved by then is told as what it moved.
            Then::Read if moved && !(cancelled && answer.data.is_empty()) => {
                self.reply(unique, &answer.data);
            }
            // The end of a file, or of a pipe whose other end is gone.
            Then::Read if ends(status) => self.reply(unique, &[]),
            Then::Wrote if moved && !(cancelled && answer.information == 0) => {
                let bytes = u32::try_from(answer.information).unwrap_or(u32::MAX);
                self.reply(unique, &wire::write(bytes));
            }
            Then::Read | Then::Wrote if at_once && cancelled => self.fail(unique, Errno::AGAIN),
            Then::Flushed if answer.succeeds() => self.reply(unique, &[]),
            Then::Controlled { room, wrapped } if wrapped || answer.succeeds() => {
                let body = controlled(answer, room, wrapped);
                self.reply(unique, &body);
            }
            Then::Controlled { .. } => self.fail_raw(unique, of_control(status)),
            Then::Read | Then::Wrote | Then::Flushed => self.fail_raw(unique, errno(status)),
        }
    }
}

/// A handle that is not open yet has its call's number, with this bit.
const HALF_OPEN: u64 = 1 << 63;

/// The number of the file that a node is, if it is one.
fn file_of(node: u64) -> Option<usize> {
    usize::try_from((node & wire::FILE).checked_sub(2)?).ok()
}

/// Whether a read's status means the end of what can be read.
pub(crate) fn ends(status: u32) -> bool {
    use nt::status::{STATUS_END_OF_FILE, STATUS_PIPE_CLOSING, STATUS_PIPE_DISCONNECTED};
    matches!(status, STATUS_END_OF_FILE | STATUS_PIPE_CLOSING | STATUS_PIPE_DISCONNECTED)
}

/// The body of an ioctl's reply.
fn controlled(answer: &Answer, room: usize, wrapped: bool) -> Vec<u8> {
    let data = &answer.data;
    if !wrapped {
        let bytes = i32::try_from(data.len()).unwrap_or(i32::MAX);
        let result = if room == 0 { 0 } else { bytes };
        return wire::ioctl(result, &data[..data.len().min(room)]);
    }
    // The head comes back with the number of bytes and the status, whatever that is.
    let mut back = Vec::with_capacity(room);
    for word in [0, 0, data.len() as u32, answer.status] {
        back.extend(word.to_ne_bytes());
    }
    back.extend_from_slice(data);
    back.truncate(room);
    wire::ioctl(0, &back)
}

/// A process as reports call it: its program and its number.
fn name_of(pid: u32) -> String {
    let name = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("comm"));
    let name = name.map_or_else(|_| "process".to_owned(), |name| name.trim_end().to_owned());
    format!("{name} {pid}")
}

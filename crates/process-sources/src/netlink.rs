//! The process connector (Documentation/driver-api/connector.rst, include/uapi/linux/cn_proc.h).
//!
//! The kernel numbers its messages on each processor, so a gap says how many are missing; if the socket's buffer is
//! full it says so as well (ENOBUFS).

mod message;

use crate::{Kind, Machine, Source, procfs};
use message::{Message, Told, listen};
use processes::{End, Event, How, Lost, Start, What};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{CONNECTOR, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
    sockopt,
};
use std::collections::{HashMap, HashSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Group of process events (CN_IDX_PROC, linux/connector.h).
const GROUP: u32 = 1;

pub(crate) struct Netlink {
    machine: Rc<Machine>,
    socket: OwnedFd,
    buffer: usize,
    /// The number that the next message of each processor has.
    next: HashMap<u32, u32>,
    /// Threads besides the first, and processes whose first thread has ended, by process.
    threads: HashMap<u32, u32>,
    leaderless: HashMap<u32, How>,
    kernel: HashSet<u32>,
}

impl Netlink {
    pub(crate) fn open(buffer: u32, machine: &Rc<Machine>) -> io::Result<Netlink> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = SocketType::DGRAM;
        let socket = socket_with(AddressFamily::NETLINK, kind, flags, Some(CONNECTOR))?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUP))?;
        // More than the system's limit needs CAP_NET_ADMIN, and so does all of this.
        let wanted = usize::try_from(buffer).unwrap_or(usize::MAX);
        if sockopt::set_socket_recv_buffer_size_force(&socket, wanted).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, wanted)?;
        }
        let buffer = sockopt::socket_recv_buffer_size(&socket)?;
        send(&socket, &listen(), SendFlags::empty())?;
        let mut netlink = Netlink {
            machine: machine.clone(),
            socket,
            buffer,
            next: HashMap::new(),
            threads: HashMap::new(),
            leaderless: HashMap::new(),
            kernel: HashSet::new(),
        };
        netlink.wait_for_answer()?;
        Ok(netlink)
    }

    /// The kernel answers with an error number; a process without the right gets it too.
    fn wait_for_answer(&mut self) -> io::Result<()> {
        let mut bytes = [0u8; 4096];
        for _ in 0..1000 {
            if !self.wait(Duration::from_millis(500))? {
                break;
            }
            let (_, length) = recv(&self.socket, &mut bytes[..], RecvFlags::empty())?;
            if let Some(Message { told: Told::Answer(error), .. }) = Message::read(&bytes[..length])
            {
                let code = i32::try_from(error).unwrap_or(0);
                return if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) };
            }
        }
        Err(io::Error::other(
            "the kernel has no process connector, or this is not its first network namespace",
        ))
    }

    fn wait(&self, wait: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        let wait = Timespec::try_from(wait).ok();
        match poll(&mut fds, wait.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn lost(&self, count: u64, why: &str, sink: &mut dyn FnMut(Event)) {
        let lost = Lost { unknown: count, why: why.to_owned(), ..Lost::default() };
        sink(self.machine.event(self.machine.now(), 0, What::Lost(lost)));
    }

    fn take(&mut self, message: &Message, sink: &mut dyn FnMut(Event)) {
        let next = self.next.insert(message.cpu, message.sequence.wrapping_add(1));
        let missing = next.map_or(0, |next| message.sequence.wrapping_sub(next));
        // A number behind the one expected is an order changed on the way, which the connector does not do.
        if missing > 0 && missing < u32::MAX / 2 {
            let why = format!("by the numbers of messages, on processor {}", message.cpu);
            self.lost(missing.into(), &why, sink);
            self.threads.clear();
            self.leaderless.clear();
        }
        // The connector tells the monotonic clock; only the time that the machine slept lies between the two.
        let time = self.machine.at_monotonic(message.time);
        let machine = self.machine.clone();
        match message.told {
            Told::Fork { parent, pid, tgid } if pid == tgid => {
                if parent == 2 || self.kernel.contains(&parent) {
                    self.kernel.insert(pid);
                    return;
                }
                self.kernel.remove(&pid);
                let start = Start { parent: Some(parent), forked: true, ..Start::default() };
                sink(machine.event(time, pid, What::Start(Box::new(start))));
            }
            Told::Fork { tgid, .. } => *self.threads.entry(tgid).or_default() += 1,
            Told::Exec { tgid, .. } => {
                // One thread is left after that.
                self.threads.remove(&tgid);
                let Some(seen) = procfs::look(tgid, &machine) else { return };
                // How /proc rounds its start says nothing against the fork that was seen.
                let start = Start { since_boot: None, parent: None, ..seen.start };
                sink(machine.event(time, tgid, What::Exec(Box::new(start))));
            }
            Told::Exit { pid, tgid, status } => {
                let how = How::from_wait_status(status);
                let others = self.threads.get(&tgid).copied().unwrap_or(0);
                if pid != tgid {
                    if others > 1 {
                        self.threads.insert(tgid, others - 1);
                        return;
                    }
                    self.threads.remove(&tgid);
                    let Some(how) = self.leaderless.remove(&tgid) else { return };
                    return self.end(time, tgid, how, sink);
                }
                if others > 0 {
                    self.leaderless.insert(tgid, how);
                    return;
                }
                self.end(time, tgid, how, sink);
            }
            Told::Answer(_) | Told::Other => {}
        }
    }

    fn end(&mut self, time: processes::Time, pid: u32, how: How, sink: &mut dyn FnMut(Event)) {
        if !self.kernel.remove(&pid) {
            let end = End { how, ..End::default() };
            sink(self.machine.event(time, pid, What::End(Box::new(end))));
        }
    }
}

impl Source for Netlink {
    fn kind(&self) -> Kind {
        Kind::Netlink
    }

    fn about(&self) -> String {
        format!(
            "the kernel's process connector, {} KiB of buffer: command lines are read from /proc afterwards",
            self.buffer / 1024
        )
    }

    fn read(&mut self, wait: Duration, sink: &mut dyn FnMut(Event)) -> io::Result<()> {
        if !self.wait(wait)? {
            return Ok(());
        }
        let mut bytes = [0u8; 8192];
        // A burst without an end shall not keep the caller from printing.
        for _ in 0..4096 {
            match recv(&self.socket, &mut bytes[..], RecvFlags::empty()) {
                Ok((_, length)) => {
                    if let Some(message) = Message::read(&bytes[..length]) {
                        self.take(&message, sink);
                    }
                }
                Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                // How many they were the numbers of the next messages say.
                Err(Errno::NOBUFS) => {
                    self.lost(0, "the socket's buffer was full; the next gaps say how many", sink)
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn rest(&mut self, _: &mut dyn FnMut(Event)) {}
}

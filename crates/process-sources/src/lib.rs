//! Where launches and ends of processes come from on a running Linux: eBPF, the netlink process connector, polling.
//!
//! Each source says what it lost, as the kernel counts it. All I/O of `crates/processes` is here.

#![forbid(unsafe_code)]

mod ebpf;
mod machine;
mod netlink;
mod polling;
mod privileges;
mod procfs;

pub use machine::Machine;
pub use privileges::drop_privileges;

use processes::Event;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// A source of events.
pub trait Source {
    /// What it is.
    fn kind(&self) -> Kind;

    /// What a user should know about it: one clause.
    fn about(&self) -> String;

    /// Waits until there is something, at most for `wait`, and hands over all there is.
    ///
    /// # Errors
    /// If the source is of no more use.
    fn read(&mut self, wait: Duration, sink: &mut dyn FnMut(Event)) -> io::Result<()>;

    /// Whatever was lost and is not told yet, for nothing came after it.
    fn rest(&mut self, sink: &mut dyn FnMut(Event));
}

/// Kinds of sources, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// eBPF on the scheduler's tracepoints.
    Ebpf,
    /// The process connector of netlink.
    Netlink,
    /// Looking through /proc ten times a second.
    Polling,
}

impl Kind {
    /// Every kind, the best first.
    pub const ALL: [Kind; 3] = [Kind::Ebpf, Kind::Netlink, Kind::Polling];

    /// What a user calls it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Ebpf => "ebpf",
            Kind::Netlink => "netlink",
            Kind::Polling => "polling",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An opened source, and why better ones are not used.
pub struct Opened {
    /// It.
    pub source: Box<dyn Source>,
    /// Kinds that were tried before it, with the reason.
    pub refused: Vec<(Kind, io::Error)>,
}

/// Opens the best source that this process may use, or the one that is asked for. `buffer` is how much the kernel
/// keeps for a reader that is late, in bytes.
///
/// # Errors
/// If it cannot be opened; the last error of all that were tried.
pub fn open(wanted: Option<Kind>, buffer: u32, machine: &Rc<Machine>) -> Result<Opened, io::Error> {
    let mut refused = Vec::new();
    for kind in Kind::ALL {
        if wanted.is_some_and(|wanted| wanted != kind) {
            continue;
        }
        match open_one(kind, buffer, machine) {
            Ok(source) => return Ok(Opened { source, refused }),
            Err(error) if wanted.is_some() => return Err(error),
            Err(error) => refused.push((kind, error)),
        }
    }
    Err(refused.pop().map_or_else(|| io::Error::other("there is no source"), |(_, error)| error))
}

fn open_one(kind: Kind, buffer: u32, machine: &Rc<Machine>) -> io::Result<Box<dyn Source>> {
    Ok(match kind {
        Kind::Ebpf => Box::new(ebpf::Ebpf::open(buffer, machine)?),
        Kind::Netlink => Box::new(netlink::Netlink::open(buffer, machine)?),
        Kind::Polling => Box::new(polling::Polling::open(machine)?),
    })
}

/// Every process that runs now, as starts that were before. To be asked after the source is open, so that none
/// falls between.
pub fn running(machine: &Machine, sink: &mut dyn FnMut(Event)) {
    for pid in procfs::pids() {
        if let Some(seen) = procfs::look(pid, machine).filter(|seen| !seen.kernel_thread) {
            let mut start = seen.start;
            start.before = true;
            let time = machine.at(start.since_boot.unwrap_or(0));
            sink(machine.event(time, pid, processes::What::Start(Box::new(start))));
        }
    }
}

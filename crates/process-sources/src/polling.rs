//! Looks through /proc ten times a second: for who may do nothing else. What lives shorter is missed; how much that
//! is at most, the kernel's count of forks tells.

use crate::{Kind, Machine, Source, procfs};
use processes::{End, Event, Lost, What};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// From one look to the next.
const PERIOD: Duration = Duration::from_millis(100);

pub(crate) struct Polling {
    machine: Rc<Machine>,
    /// Start of each process, hundredths of a second since the boot; kernel threads as well.
    known: HashMap<u32, u64>,
    /// The kernel's count of forks at the last look.
    forks: Option<u64>,
    next: Instant,
}

impl Polling {
    pub(crate) fn open(machine: &Rc<Machine>) -> io::Result<Polling> {
        let forks = procfs::forks();
        let stats = procfs::pids().into_iter();
        let known: HashMap<u32, u64> =
            stats.filter_map(|pid| Some((pid, procfs::stat(pid)?.started))).collect();
        if known.is_empty() {
            return Err(io::Error::other("/proc shows no process"));
        }
        Ok(Polling { machine: machine.clone(), known, forks, next: Instant::now() + PERIOD })
    }

    fn look(&mut self, sink: &mut dyn FnMut(Event)) {
        let machine = &self.machine;
        // The count comes first: what is forked after it is owed at the next look.
        let forks = procfs::forks();
        let pids = procfs::pids();
        let now = machine.now();
        let mut seen = 0u64;
        let mut here = HashMap::with_capacity(pids.len());
        for pid in pids {
            let Some(stat) = procfs::stat(pid) else { continue };
            here.insert(pid, stat.started);
            if self.known.get(&pid) == Some(&stat.started) {
                continue;
            }
            seen += 1;
            if self.known.remove(&pid).is_some() {
                sink(machine.event(now, pid, What::End(Box::default())));
            }
            let process = procfs::look(pid, machine).filter(|process| !process.kernel_thread);
            if let Some(process) = process {
                let time = machine.at(process.start.since_boot.unwrap_or(0));
                sink(machine.event(time, pid, What::Start(Box::new(process.start))));
            }
        }
        for (pid, started) in &self.known {
            if !here.contains_key(pid) {
                let since_boot = Some(started.saturating_mul(procfs::TICK));
                let end = End { since_boot, ..End::default() };
                sink(machine.event(now, *pid, What::End(Box::new(end))));
            }
        }
        self.known = here;
        if let (Some(before), Some(after)) = (self.forks, forks) {
            let missed = after.saturating_sub(before).saturating_sub(seen);
            if missed > 0 {
                let why =
                    "too short for a look every 100 ms; threads are counted with them".to_owned();
                let lost = Lost { starts: missed, at_most: true, why, ..Lost::default() };
                sink(machine.event(now, 0, What::Lost(lost)));
            }
        }
        self.forks = forks;
    }
}

impl Source for Polling {
    fn kind(&self) -> Kind {
        Kind::Polling
    }

    fn about(&self) -> String {
        "looks through /proc every 100 ms: shorter processes are missed, and exit codes not seen"
            .to_owned()
    }

    fn read(&mut self, wait: Duration, sink: &mut dyn FnMut(Event)) -> io::Result<()> {
        let now = Instant::now();
        let rest = self.next.saturating_duration_since(now);
        sleep(rest.min(wait));
        if rest <= wait {
            self.next = Instant::now() + PERIOD;
            self.look(sink);
        }
        Ok(())
    }

    fn rest(&mut self, sink: &mut dyn FnMut(Event)) {
        self.look(sink);
    }
}

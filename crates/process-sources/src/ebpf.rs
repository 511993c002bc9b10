//! eBPF on the tracepoints of the scheduler: `bpf/ledger.bpf.c`, whose object lies beside it.
//!
//! The kernel writes into one ring; a reader that is late loses what has no room, and the programs count that.

mod record;

use crate::{Kind, Machine, Source};
use aya::maps::{MapData, PerCpuArray, RingBuf};
use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf as Object, EbpfLoader};
use processes::{Command, End, Event, How, Image, Lost, Start, What};
use record::{Record, Told};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

/// Built by `cargo xtask bpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../bpf/ledger.bpf.o");

/// Programs with their tracepoints.
const PROGRAMS: [(&str, &str); 3] = [
    ("on_fork", "sched_process_fork"),
    ("on_exec", "sched_process_exec"),
    ("on_exit", "sched_process_exit"),
];

/// How long the ring gathers before it is looked at.
const PERIOD: Duration = Duration::from_millis(50);
/// Ends of which the same may come twice.
const ENDS: usize = 256;

/// Losses of one processor: starts, programs, ends.
type Counts = [u32; 3];

pub(crate) struct Ebpf {
    machine: Rc<Machine>,
    ring: RingBuf<MapData>,
    counts: PerCpuArray<MapData, u64>,
    buffer: u32,
    /// Losses that are told already, by processor.
    told: HashMap<u16, Counts>,
    /// Ends that were just told: two threads that leave at once may both seem the last.
    ends: VecDeque<(u32, u64)>,
    /// Keeps programs attached.
    _object: Object,
}

fn other(error: impl std::error::Error) -> io::Error {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    // What the verifier says fills pages; its end is what matters.
    let line = text.lines().next().unwrap_or_default().to_owned();
    io::Error::other(line)
}

impl Ebpf {
    pub(crate) fn open(buffer: u32, machine: &Rc<Machine>) -> io::Result<Ebpf> {
        let btf = Btf::from_sys_fs().map_err(other)?;
        let buffer = buffer.clamp(1 << 12, 1 << 30).next_power_of_two();
        let mut loader = EbpfLoader::new();
        let mut object =
            loader.btf(Some(&btf)).map_max_entries("ring", buffer).load(OBJECT).map_err(other)?;
        let missing = |name: &str| io::Error::other(format!("{name} is not in the BPF object"));
        let ring = object.take_map("ring").ok_or_else(|| missing("ring"))?;
        let counts = object.take_map("counts").ok_or_else(|| missing("counts"))?;
        for (name, tracepoint) in PROGRAMS {
            let program = object.program_mut(name).ok_or_else(|| missing(name))?;
            let program: &mut BtfTracePoint = program.try_into().map_err(other)?;
            program.load(tracepoint, &btf).map_err(other)?;
            program.attach().map_err(other)?;
        }
        Ok(Ebpf {
            machine: machine.clone(),
            ring: RingBuf::try_from(ring).map_err(other)?,
            counts: PerCpuArray::try_from(counts).map_err(other)?,
            buffer,
            told: HashMap::new(),
            ends: VecDeque::new(),
            _object: object,
        })
    }

    /// Hands over everything that is in the ring.
    fn drain(&mut self, sink: &mut dyn FnMut(Event)) {
        while let Some(item) = self.ring.next() {
            let Some(record) = Record::read(&item) else { continue };
            let told = self.told.entry(record.cpu).or_default();
            let lost = difference(told, record.lost);
            *told = record.lost;
            let machine = &self.machine;
            if let Some(lost) = lost {
                sink(machine.event(machine.at(record.time), 0, What::Lost(lost)));
            }
            if record.told == Told::Exit {
                let end = (record.pid, record.start);
                if self.ends.contains(&end) {
                    continue;
                }
                if self.ends.len() >= ENDS {
                    self.ends.pop_front();
                }
                self.ends.push_back(end);
            }
            sink(event(&record, machine));
        }
    }
}

/// What the kernel counted as lost since `told`.
fn difference(told: &Counts, now: Counts) -> Option<Lost> {
    let [starts, execs, ends] =
        std::array::from_fn(|kind| u64::from(now[kind].wrapping_sub(told[kind])));
    let why = "the ring was full, as the kernel counts".to_owned();
    (starts + execs + ends > 0).then(|| Lost { starts, execs, ends, why, ..Lost::default() })
}

fn event(record: &Record<'_>, machine: &Machine) -> Event {
    let start = || Start {
        since_boot: Some(record.start),
        parent: Some(record.parent),
        user: Some(machine.user(record.uid)),
        container: machine.container(record.cgroup),
        ..Start::default()
    };
    let what = match record.told {
        Told::Fork => {
            let image = Image { name: record.comm.to_string(), ..Image::default() };
            What::Start(Box::new(Start { image, forked: true, ..start() }))
        }
        Told::Exec => What::Exec(Box::new(Start { image: image(record), ..start() })),
        Told::Exit => What::End(Box::new(End {
            since_boot: Some(record.start),
            how: How::from_wait_status(record.code),
            cpu: Some(record.runtime),
            name: Some(record.comm.to_string()),
            user: Some(machine.user(record.uid)),
            ..End::default()
        })),
    };
    machine.event(machine.at(record.time), record.pid, what)
}

fn image(record: &Record<'_>) -> Image {
    let command = if record.no_arguments {
        crate::procfs::command(record.pid)
    } else {
        let complete = record.arguments.len() as u64 == u64::from(record.arguments_length);
        let command = Command::from_nul_separated(record.arguments, complete);
        // A program may have none at all, and that is all of it.
        Some(command)
    };
    let path = record.path.to_string();
    // Programs run by descriptor have no path that says anything.
    let base = path.rsplit('/').next().unwrap_or_default();
    let by_descriptor = path.starts_with("/dev/fd/");
    let name =
        if by_descriptor || base.is_empty() { record.comm.to_string() } else { base.to_owned() };
    Image { name, path: Some(path), command, folder: record.folder() }
}

impl Source for Ebpf {
    fn kind(&self) -> Kind {
        Kind::Ebpf
    }

    fn about(&self) -> String {
        format!("eBPF on the scheduler's tracepoints, {} KiB of ring", self.buffer / 1024)
    }

    fn read(&mut self, wait: Duration, sink: &mut dyn FnMut(Event)) -> io::Result<()> {
        // Looking now and then costs less than being called for every record, and the ring has room for seconds.
        sleep(wait.min(PERIOD));
        self.drain(sink);
        Ok(())
    }

    fn rest(&mut self, sink: &mut dyn FnMut(Event)) {
        self.drain(sink);
        let mut rows: [Vec<u64>; 3] = Default::default();
        for (kind, row) in (3u32..).zip(&mut rows) {
            let values = self.counts.get(&kind, 0);
            *row = values.map(|values| values.iter().copied().collect()).unwrap_or_default();
        }
        let cpus = rows[0].len();
        for cpu in 0..cpus {
            // The low half, as records have it.
            let now: Counts =
                std::array::from_fn(|kind| rows[kind].get(cpu).map_or(0, |count| *count as u32));
            let told = self.told.entry(u16::try_from(cpu).unwrap_or(u16::MAX)).or_default();
            let lost = difference(told, now);
            *told = now;
            if let Some(lost) = lost {
                sink(self.machine.event(self.machine.now(), 0, What::Lost(lost)));
            }
        }
    }
}

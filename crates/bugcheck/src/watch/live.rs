//! `watch` on the machine that this runs on.

use super::teller::Teller;
use crate::commands::watch::Arguments;
use crate::failure::{Failure, Outcome};
use crate::output;
use process_sources::{Kind, Machine, Source};
use processes::{Event, Ledger};
use std::io::Error;
use std::process::{Child, Command};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a fork waits for its program, nanoseconds: longer than from one look into the ring to the next.
const HOLD: i64 = 200_000_000;
/// Longest wait, so that an end that is asked for comes soon.
const WAIT: Duration = Duration::from_millis(100);
/// How long the ends of a command's own children are waited for after it.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// From one look at the counts of losses to the next.
const COUNTS: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let machine = Rc::new(Machine::new());
    let mut teller = Teller::new(arguments)?;
    teller.hosts = vec![machine.boot.clone()];
    let mut source = open(arguments, &machine)?;
    let mut ledger = Ledger::new(if source.kind() == Kind::Polling { 0 } else { HOLD });
    process_sources::running(&machine, &mut |event| {
        ledger.take(event, &mut |entry| teller.take(entry));
    });
    if let Err(error) = process_sources::drop_privileges() {
        output::complain(&format!("privileges could not be given up: {error}"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())
            .map_err(|error| Failure::Internal(format!("signals cannot be caught: {error}")))?;
    }
    let mut command = start(arguments)?;
    let mut end = arguments.duration.map(|duration| Instant::now() + duration);
    let mut counted = Instant::now();
    loop {
        let mut events: Vec<Event> = Vec::new();
        source
            .read(WAIT, &mut |event| events.push(event))
            .map_err(|error| Failure::Input(format!("{}: {error}", source.kind())))?;
        if counted.elapsed() > COUNTS {
            counted = Instant::now();
            source.rest(&mut |event| events.push(event));
        }
        tell(events, &mut ledger, &mut teller, &machine)?;
        if let Some(child) = &mut command
            && child.try_wait().is_ok_and(|status| status.is_some())
        {
            command = None;
            end =
                Some(end.map_or(Instant::now() + AFTERWARDS, |end| {
                    end.min(Instant::now() + AFTERWARDS)
                }));
        }
        if stop.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }
    let mut events: Vec<Event> = Vec::new();
    source.rest(&mut |event| events.push(event));
    tell(events, &mut ledger, &mut teller, &machine)?;
    ledger.finish(machine.now(), &mut |entry| teller.take(entry));
    teller.finish(&format!("this machine, by {}", source.kind()))
}

fn tell(
    mut events: Vec<Event>,
    ledger: &mut Ledger,
    teller: &mut Teller<'_>,
    machine: &Machine,
) -> Result<(), Failure> {
    // Processors write side by side; what they wrote between two looks is put in order.
    events.sort_by_key(|event| event.time);
    for event in events {
        ledger.take(event, &mut |entry| teller.take(entry));
    }
    ledger.tell_held(machine.now(), &mut |entry| teller.take(entry));
    teller.flush()
}

/// Opens the source and says which it is, and what a better one needs.
fn open(arguments: &Arguments, machine: &Rc<Machine>) -> Result<Box<dyn Source>, Failure> {
    let opened = process_sources::open(arguments.source, arguments.buffer, machine);
    let opened = opened.map_err(|error| {
        let wanted = arguments.source.map_or("no source", Kind::word);
        let needs = arguments.source.map_or("", needs);
        Failure::Input(format!("{wanted} cannot be used: {error}; {needs}."))
    })?;
    for (kind, error) in &opened.refused {
        output::complain(&format!("{kind} cannot be used: {error}; {}.", needs(*kind)));
    }
    output::complain(&format!("source: {}, {}", opened.source.kind(), opened.source.about()));
    Ok(opened.source)
}

/// What a kind of source needs, and what to run to have it.
fn needs(kind: Kind) -> &'static str {
    match kind {
        Kind::Ebpf => {
            "it needs Linux 5.8 or later with /sys/kernel/btf/vmlinux, and CAP_BPF with CAP_PERFMON: run it by sudo, \
             or once `setcap cap_bpf,cap_perfmon=ep` on the program"
        }
        Kind::Netlink => {
            "it needs CAP_NET_ADMIN: run it by sudo, or once `setcap cap_net_admin=ep` on the program"
        }
        Kind::Polling => "it needs /proc",
    }
}

fn start(arguments: &Arguments) -> Result<Option<Child>, Failure> {
    let Some((program, rest)) = arguments.command.split_first() else { return Ok(None) };
    let child = Command::new(program).args(rest).spawn();
    child.map(Some).map_err(|error: Error| {
        let name = program.to_string_lossy();
        Failure::Input(format!("{name}: it cannot be run: {error}; give a program that can."))
    })
}

//! The record of one run: what happened, in order, with call stacks.
//!
//! A campaign runs without it. A run that ends in a finding is run again with a recorder, which
//! turns the numbered moments ([`Site`]) that rules name into places.

use crate::bus::What;
use crate::cx::{Cx, RSP};
use crate::event::{Routine, Site};
use crate::map;
use crate::words;
use crate::world::{NOBODY, World};
use memory::Access;
use nt::layout::{io_stack_location as location, irp};
use std::ops::Range;
use std::rc::Rc;

/// Unwinds driver frames from these registers until [`map::RETURN`] or the tables' end; gives the
/// address of each frame.
pub type Unwinder = Rc<dyn Fn(&World, &[u64; 16], u64) -> Vec<u64>>;

/// What sort of thing a [`Record`] tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// The kernel calls a routine of the driver, at this address.
    Enter(Routine, u64),
    /// It returned.
    Leave(Routine),
    /// The driver calls a kernel service.
    Call(&'static str),
    /// What a service returned.
    Answer(&'static str),
    /// An access that others may come before.
    Touch,
    /// The IRQL changes.
    Irql,
    /// A request goes to a driver; its dispatch routine is entered next.
    Send,
    /// One stack location of the request that the record before speaks of.
    Location,
    /// A rule objects.
    Objects,
    /// Another context goes on.
    Switch,
    /// Anything else.
    Note,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// The moment.
    pub site: Site,
    /// Context that ran.
    pub context: u8,
    /// Its name; empty while nobody runs.
    pub name: String,
    /// Its processor.
    pub processor: u8,
    /// Its IRQL.
    pub irql: u8,
    /// Nesting of driver routines and services.
    pub depth: u8,
    /// Scheduling points before it.
    pub points: u32,
    /// What sort of thing.
    pub did: Did,
    /// In words.
    pub text: String,
    /// Driver addresses of the call stack, innermost first; empty while the context is in no
    /// routine of the driver. The first is an instruction or a return address, the others are
    /// return addresses. A routine that returned has the stack of what it did last.
    pub stack: Vec<u64>,
    /// Kernel services on the way: number of driver frames further in, name.
    pub services: Vec<(usize, &'static str)>,
    /// The first address of `stack` is the instruction itself, not a return address.
    pub exact: bool,
    /// Locks that the context holds, oldest first.
    pub locks: Vec<u64>,
}

struct Outer {
    context: u8,
    gpr: [u64; 16],
    rip: u64,
    service: Option<(&'static str, u64)>,
}

#[derive(Default)]
struct Stack {
    frames: Vec<u64>,
    services: Vec<(usize, &'static str)>,
    exact: bool,
}

/// See the module's description.
pub struct Recorder {
    /// What happened.
    pub records: Vec<Record>,
    unwinder: Unwinder,
    outer: Vec<Outer>,
    /// Service that each context called last and is still in, with its first argument.
    serving: Vec<(u8, &'static str, u64)>,
    /// Locks that block, with their holder. The world knows the holders of spin locks.
    mutexes: Vec<(u8, u64)>,
    /// Registers and instruction at which an exception came about whose handler is called next.
    pub(crate) raised: Option<([u64; 16], u64)>,
    /// Context and registers at the moment of the objection that ended the run.
    pub objected: Option<(u8, Box<cpu::Cpu>)>,
    limit: usize,
    /// Moments of an endless run that nobody will look at, and those among them that are kept.
    spare: Range<Site>,
    kept: Vec<Site>,
}

impl Recorder {
    /// Keeps up to `limit` records.
    pub fn new(unwinder: Unwinder, limit: usize) -> Recorder {
        Recorder {
            records: Vec::new(),
            unwinder,
            outer: Vec::new(),
            serving: Vec::new(),
            mutexes: Vec::new(),
            raised: None,
            objected: None,
            limit,
            spare: 0..0,
            kept: Vec::new(),
        }
    }

    /// Leaves out the moments of `spare`, but for those of `kept`.
    pub fn leave_out(&mut self, spare: Range<Site>, kept: Vec<Site>) {
        self.spare = spare;
        self.kept = kept;
    }

    fn leaves_out(&self, site: Site) -> bool {
        self.spare.contains(&site) && !self.kept.contains(&site)
    }

    /// The record of a moment, or the nearest one before it. Its stack is empty where the moment is
    /// not the driver's doing.
    pub fn find(&self, site: Site) -> Option<&Record> {
        let told = |record: &&Record| {
            !matches!(record.did, Did::Switch | Did::Answer(_) | Did::Location | Did::Send)
        };
        let steps = || self.records.iter().filter(told);
        steps()
            .find(|record| record.site == site)
            .or_else(|| steps().rev().find(|record| record.site <= site))
    }

    pub(crate) fn note(&mut self, world: &World, text: &str) {
        let did = match text {
            _ if text.starts_with("---") => Did::Switch,
            _ if text.starts_with("IRQL ") => Did::Irql,
            _ if text.starts_with("IRP ") => Did::Send,
            _ if text.starts_with("rule ") && text.contains(" objects: ") => Did::Objects,
            _ => Did::Note,
        };
        let current = world.state.current;
        if did == Did::Objects && current != NOBODY {
            let cpu = world.cpus[usize::from(current)].clone();
            self.objected = Some((current, Box::new(cpu)));
        }
        let text = match did {
            Did::Irql => irql_text(text),
            // A rule's own words stay as they are.
            Did::Objects => text.to_owned(),
            _ => words::named(world, text),
        };
        self.add(world, did, text);
    }

    fn add(&mut self, world: &World, did: Did, text: String) {
        if self.records.len() >= self.limit || self.leaves_out(world.state.moment) {
            return;
        }
        let context = world.state.current;
        let index = usize::from(context);
        let state = &world.state.contexts[index];
        let routines = usize::from(state.depth);
        let is_live = context != NOBODY && world.state.live >> context & 1 != 0;
        let name = match is_live {
            true => world.context_name(context),
            // What the device does by itself.
            false if did == Did::Note && text.starts_with("the device ") => "device".to_owned(),
            false => String::new(),
        };
        let stack = match did {
            Did::Switch => Stack::default(),
            _ if name.is_empty() => Stack::default(),
            // The kernel's own driver at the bottom of the stack.
            Did::Enter(_, function) if in_kernel(function) => Stack::default(),
            Did::Leave(_) => self.last_stack(context),
            Did::Objects if state.depth == 0 => match self.last(context) {
                // It is about the routine that has just returned.
                Some(Record { did: Did::Leave(_), site, name: left, .. })
                    if *left == name && world.state.moment - site <= 2 =>
                {
                    self.last_stack(context)
                }
                _ => Stack::default(),
            },
            _ if state.depth == 0 => Stack::default(),
            _ => self.stack(world, context),
        };
        let inside = match did {
            Did::Enter(..) | Did::Leave(_) => 0,
            Did::Call(_) | Did::Answer(_) | Did::Touch | Did::Objects => 1,
            _ => 1 + usize::from(in_kernel(world.cpus[index].rip)),
        };
        let depth = match did {
            _ if routines == 0 => 0,
            _ => 2 * (routines - 1) + inside,
        };
        let spin = world.state.locks.iter();
        let spin = spin.filter(|lock| lock.owner == context).map(|lock| lock.address);
        let mutexes = self.mutexes.iter().filter(|held| held.0 == context).map(|held| held.1);
        self.records.push(Record {
            site: world.state.moment,
            context,
            name,
            processor: state.processor,
            irql: state.irql,
            depth: u8::try_from(depth).unwrap_or(u8::MAX),
            points: world.state.points,
            did,
            text,
            stack: stack.frames,
            services: stack.services,
            exact: stack.exact,
            locks: mutexes.chain(spin).collect(),
        });
    }

    fn last(&self, context: u8) -> Option<&Record> {
        let mut records = self.records.iter().rev();
        records.find(|record| record.context == context && record.did != Did::Switch)
    }

    fn last_stack(&self, context: u8) -> Stack {
        let mut records = self.records.iter().rev();
        match records.find(|record| record.context == context && !record.stack.is_empty()) {
            Some(record) => Stack {
                frames: record.stack.clone(),
                services: record.services.clone(),
                exact: record.exact,
            },
            None => Stack::default(),
        }
    }

    fn stack(&self, world: &World, context: u8) -> Stack {
        let cpu = &world.cpus[usize::from(context)];
        let mut stack = Stack { exact: !in_kernel(cpu.rip), ..Stack::default() };
        if let Some(name) = words::service(world, cpu.rip) {
            stack.services.push((0, name));
        }
        self.unwind(world, cpu.gpr, cpu.rip, &mut stack.frames);
        if stack.frames.is_empty() {
            // A service called by a jump, as the last thing its caller did: no frame is left of it,
            // and the last place in the same routine is the nearest one known.
            return Stack { services: stack.services, ..self.last_stack(context) };
        }
        for outer in self.outer.iter().rev().filter(|outer| outer.context == context) {
            if let Some((name, _)) = outer.service {
                stack.services.push((stack.frames.len(), name));
            }
            self.unwind(world, outer.gpr, outer.rip, &mut stack.frames);
        }
        stack
    }

    fn unwind(&self, world: &World, mut gpr: [u64; 16], mut rip: u64, stack: &mut Vec<u64>) {
        if in_kernel(rip) {
            rip = world.bus.memory.view64(gpr[RSP]);
            gpr[RSP] = gpr[RSP].wrapping_add(8);
        }
        if rip == 0 || in_kernel(rip) {
            return;
        }
        stack.extend((self.unwinder)(world, &gpr, rip));
    }

    fn take_service(&mut self, context: u8) -> Option<(&'static str, u64)> {
        let index = self.serving.iter().position(|serving| serving.0 == context)?;
        let (_, name, argument) = self.serving.swap_remove(index);
        Some((name, argument))
    }

    /// Keeps the holders of locks that are not spin locks.
    fn follow_locks(&mut self, world: &World, context: u8, name: &str, at: u64, value: u64) {
        let takes = match name {
            "ExAcquireFastMutex"
            | "ExAcquireFastMutexUnsafe"
            | "KeAcquireGuardedMutex"
            | "KeAcquireGuardedMutexUnsafe"
            | "ExEnterCriticalRegionAndAcquireResourceExclusive"
            | "ExEnterCriticalRegionAndAcquireResourceShared" => true,
            "ExTryToAcquireFastMutex"
            | "ExAcquireResourceExclusiveLite"
            | "ExAcquireResourceSharedLite"
            | "ExAcquireSharedStarveExclusive"
            | "ExAcquireSharedWaitForExclusive" => value & 0xff != 0,
            "KeWaitForSingleObject" => {
                let mut kind = [0];
                world.bus.memory.view(at, &mut kind);
                value == 0 && kind[0] & 0x7f == nt::flags::object_type::MUTANT_OBJECT
            }
            _ => false,
        };
        if takes {
            self.mutexes.push((context, at));
        }
    }

    fn forget_lock(&mut self, context: u8, name: &str, at: u64) {
        let gives = matches!(
            name,
            "ExReleaseFastMutex"
                | "ExReleaseFastMutexUnsafe"
                | "KeReleaseGuardedMutex"
                | "KeReleaseGuardedMutexUnsafe"
                | "ExReleaseResourceLite"
                | "ExReleaseResourceForThreadLite"
                | "ExReleaseResourceAndLeaveCriticalRegion"
                | "KeReleaseMutex"
        );
        if gives && let Some(index) = self.mutexes.iter().rposition(|held| *held == (context, at)) {
            self.mutexes.remove(index);
        }
    }
}

fn in_kernel(rip: u64) -> bool {
    (map::KERNEL_CODE..map::KERNEL_CODE + map::KERNEL_CODE_BYTES).contains(&rip)
}

/// `IRQL 0 -> 2` by the names of wdm.h.
fn irql_text(text: &str) -> String {
    let level = |number: &str| match number.parse().ok().and_then(nt::irql::name) {
        Some("DIRQL") => format!("DIRQL {number}"),
        Some(name) => name.to_owned(),
        None => number.to_owned(),
    };
    match text.strip_prefix("IRQL ").and_then(|levels| levels.split_once(" -> ")) {
        Some((from, to)) => format!("IRQL {} -> {}", level(from), level(to)),
        None => text.to_owned(),
    }
}

/// A pool tag as its four characters, if the number looks like one.
fn tag(value: u64) -> Option<String> {
    let tag = u32::try_from(value).ok()?;
    let is_text = tag.to_le_bytes().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    is_text.then(|| format!("'{}'", nt::pool::tag_text(tag)))
}

/// What a routine or service returned: a status by its name.
fn answer(world: &World, service: &str, value: u64) -> String {
    const STATUSES: [&str; 6] =
        ["IofCallDriver", "PoCallDriver", "KeWait", "KeDelay", "IoAttach", "IoCreate"];
    let is_status = STATUSES.iter().any(|name| service.starts_with(name));
    match u32::try_from(value) {
        Ok(status) if is_status || value >= 0x8000_0000 => nt::status::text(status),
        _ => words::value(world, value),
    }
}

/// One line for each stack location of a request that has several, the topmost driver's first.
fn locations(world: &World, at: u64) -> Vec<String> {
    let memory = &world.bus.memory;
    let mut counts = [0; 2];
    memory.view(at + irp::STACK_COUNT, &mut counts);
    let [count, current] = counts;
    // A packet that the driver spoilt may claim anything.
    if !(2..=16).contains(&count) {
        return Vec::new();
    }
    (1..=count)
        .rev()
        .map(|number| {
            let here = at + irp::SIZE + u64::from(number - 1) * location::SIZE;
            let mut head = [0; 4];
            memory.view(here, &mut head);
            let [major, minor, _, control] = head;
            let mark = if number == current { ">" } else { " " };
            let device = memory.view64(here + location::DEVICE_OBJECT);
            if device == 0 {
                return format!("{mark} {number}  not used yet");
            }
            let mut line = format!(
                "{mark} {number}  {} to {}",
                nt::irp::text(major, minor),
                words::device(world, device)
            );
            if control & crate::io::call::PENDING_RETURNED != 0 {
                line.push_str(", pending");
            }
            let routine = memory.view64(here + location::COMPLETION_ROUTINE);
            if routine != 0 {
                line.push_str(&format!(", then {}", words::value(world, routine)));
            }
            line
        })
        .collect()
}

impl Cx<'_> {
    #[cold]
    pub(crate) fn record_enter(&mut self, routine: Routine, function: u64, args: &[u64], rsp: u64) {
        let place = words::value(self, function);
        let list: Vec<String> = args.iter().map(|&value| words::value(self, value)).collect();
        let context = self.id();
        // The frame outside is the service that makes this call: its stack pointer is `rsp`.
        let mut gpr = self.cpu().gpr;
        gpr[RSP] = rsp;
        let inside_service = self.state.me().depth > 1;
        if let Some(mut recorder) = self.recorder.take() {
            let rip = if inside_service { map::KERNEL_CODE } else { 0 };
            let service = recorder.take_service(context).filter(|_| inside_service);
            let (gpr, rip) = recorder.raised.take().unwrap_or((gpr, rip));
            recorder.outer.push(Outer { context, gpr, rip, service });
            let text = format!("{} {place}({})", routine.name(), list.join(", "));
            recorder.add(self, Did::Enter(routine, function), text);
            if routine == Routine::Dispatch
                && let Some(&request) = args.get(1)
            {
                for line in locations(self, request) {
                    recorder.add(self, Did::Location, line);
                }
            }
            self.recorder = Some(recorder);
        }
    }

    #[cold]
    pub(crate) fn record_leave(&mut self, routine: Routine, function: u64, value: Option<u64>) {
        let context = self.id();
        if let Some(mut recorder) = self.recorder.take() {
            recorder.take_service(context);
            if let Some(last) = recorder.outer.iter().rposition(|outer| outer.context == context) {
                let outer = recorder.outer.remove(last);
                if let Some((name, argument)) = outer.service {
                    recorder.serving.push((context, name, argument));
                }
            }
            let how = match (value, routine) {
                (None, _) => "is left by an exception".to_owned(),
                (
                    Some(value),
                    Routine::DriverEntry
                    | Routine::AddDevice
                    | Routine::Dispatch
                    | Routine::Completion,
                ) => format!("returns {}", nt::status::text(value as u32)),
                (Some(value), Routine::Interrupt) => format!("returns {}", value & 0xff != 0),
                (Some(value), Routine::Callback) => {
                    format!("returns {}", words::value(self, value))
                }
                _ => "returns".to_owned(),
            };
            recorder.add(self, Did::Leave(routine), format!("{} {how}", routine.name()));
            // Its frames are gone: what it was stands for where.
            let told = !in_kernel(function) && !recorder.leaves_out(self.state.moment);
            if let Some(last) = recorder.records.last_mut().filter(|_| told) {
                (last.stack, last.exact) = (vec![function], true);
                last.services.clear();
            }
            self.recorder = Some(recorder);
        }
    }

    #[cold]
    pub(crate) fn record_service(&mut self, index: usize) {
        let Some(service) = self.registry.get(index) else { return };
        let values: Vec<u64> = service
            .widths
            .iter()
            .enumerate()
            .map(|(number, &bytes)| {
                let unused = 64 - 8 * u32::from(bytes.clamp(1, 8));
                self.argument(number) << unused >> unused
            })
            .collect();
        let list: Vec<String> = values
            .iter()
            .map(|&value| {
                let tag = tag(value).filter(|_| service.name.contains("Pool"));
                tag.unwrap_or_else(|| words::value(self, value))
            })
            .collect();
        let text = format!("{}({})", service.name, list.join(", "));
        let context = self.id();
        let first = values.first().copied().unwrap_or_default();
        if let Some(mut recorder) = self.recorder.take() {
            recorder.take_service(context);
            recorder.serving.push((context, service.name, first));
            recorder.add(self, Did::Call(service.name), text);
            recorder.forget_lock(context, service.name, first);
            if service.name == "IofCompleteRequest" {
                for line in locations(self, first) {
                    recorder.add(self, Did::Location, line);
                }
            }
            self.recorder = Some(recorder);
        }
    }

    #[cold]
    pub(crate) fn record_result(&mut self, index: usize, value: u64) {
        let Some(service) = self.registry.get(index) else { return };
        let context = self.id();
        if let Some(mut recorder) = self.recorder.take() {
            if let Some((name, first)) = recorder.take_service(context) {
                recorder.follow_locks(self, context, name, first, value);
            }
            if service.answers {
                let text = format!("{} = {}", service.name, answer(self, service.name, value));
                recorder.add(self, Did::Answer(service.name), text);
            }
            self.recorder = Some(recorder);
        }
    }

    #[cold]
    pub(crate) fn record_point(&mut self, what: What) {
        let now = self.state.moment;
        if self.recorder.as_ref().is_some_and(|recorder| recorder.leaves_out(now)) {
            return;
        }
        let text = match what {
            What::Interlocked(address) => {
                format!("interlocked operation on {}", words::value(self, address))
            }
            What::Register(address) => {
                format!("device register {:#x}", address.wrapping_sub(map::DEVICE_SPACE))
            }
            What::Memory(address, _, access) => {
                let verb = match access {
                    Access::Read => "reads",
                    Access::Write => "writes",
                    Access::Execute => "executes",
                };
                format!("{verb} {}", words::value(self, address))
            }
            What::Port(port) => format!("I/O port {port:#x}"),
            What::Pause => "pause".to_owned(),
        };
        if let Some(mut recorder) = self.recorder.take() {
            recorder.add(self, Did::Touch, text);
            self.recorder = Some(recorder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder() -> Recorder {
        Recorder::new(Rc::new(|_, _, _| vec![0x1234]), 100)
    }

    #[test]
    fn levels_go_by_their_names() {
        assert_eq!(irql_text("IRQL 0 -> 2"), "IRQL PASSIVE_LEVEL -> DISPATCH_LEVEL");
        assert_eq!(irql_text("IRQL 2 -> 5"), "IRQL DISPATCH_LEVEL -> DIRQL 5");
    }

    #[test]
    fn a_status_is_told_from_a_number() {
        let world = World::new(2, &[]);
        assert_eq!(answer(&world, "IofCallDriver", 0x103), "STATUS_PENDING");
        assert_eq!(answer(&world, "KeInsertQueueDpc", 1), "1");
        assert_eq!(answer(&world, "ZwOpenKey", 0xc000_0034), "STATUS_OBJECT_NAME_NOT_FOUND");
    }

    #[test]
    fn tags_are_told_from_numbers() {
        assert_eq!(tag(u64::from(u32::from_le_bytes(*b"Ring"))).as_deref(), Some("'Ring'"));
        assert_eq!(tag(0x103), None);
        assert_eq!(tag(u64::MAX), None);
    }

    #[test]
    fn nobody_has_no_stack_and_no_name() {
        let world = World::new(2, &[]);
        let mut recorder = recorder();
        recorder.note(&world, "rule x objects: y");
        let record = &recorder.records[0];
        assert!(record.stack.is_empty() && record.name.is_empty() && record.did == Did::Objects);
    }

    #[test]
    fn a_moment_of_the_benchs_own_has_no_stack() {
        let mut world = World::new(2, &[]);
        let mut recorder = recorder();
        world.actors.push(crate::Actor {
            name: "canceller".to_owned(),
            script: Rc::new(|_| Ok(())),
            application: true,
        });
        let context = world.spawn(crate::state::Start::Actor(0), 0, 0).unwrap_or_default();
        world.state.current = context;
        let index = usize::from(context);
        // What it did last in the driver.
        world.state.contexts[index].depth = 1;
        world.cpus[index].rip = map::IMAGES;
        world.state.moment = 3;
        recorder.note(&world, "in the driver");
        world.state.contexts[index].depth = 0;
        world.state.moment = 5;
        recorder.note(&world, "CancelIo");
        assert_eq!(recorder.find(4).map(|record| record.stack.len()), Some(1));
        let found = recorder.find(5).map(|record| (record.stack.len(), record.name.as_str()));
        assert_eq!(found, Some((0, "canceller")));
    }

    #[test]
    fn mutexes_are_followed_from_taking_to_giving() {
        let world = World::new(2, &[]);
        let mut recorder = recorder();
        recorder.follow_locks(&world, 1, "ExTryToAcquireFastMutex", 0x10, 0);
        assert!(recorder.mutexes.is_empty());
        recorder.follow_locks(&world, 1, "ExAcquireFastMutex", 0x10, 0);
        recorder.forget_lock(2, "ExReleaseFastMutex", 0x10);
        assert_eq!(recorder.mutexes, [(1, 0x10)]);
        recorder.forget_lock(1, "ExReleaseFastMutex", 0x10);
        assert!(recorder.mutexes.is_empty());
    }
}

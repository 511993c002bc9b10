//! The record of one run: what happened, in order, with call stacks.
//!
//! A campaign runs without it. A run that ends in a finding is run again with a recorder, which
//! turns the numbered moments ([`Site`]) that rules name into places.

use crate::bus::What;
use crate::cx::{Cx, RSP};
use crate::event::{Routine, Site};
use crate::map;
use crate::world::{NOBODY, World};
use std::rc::Rc;

/// Unwinds driver frames from these registers until [`map::RETURN`] or the tables' end; gives the
/// address of each frame.
pub type Unwinder = Rc<dyn Fn(&World, &[u64; 16], u64) -> Vec<u64>>;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// The moment.
    pub site: Site,
    /// Context that ran.
    pub context: u8,
    /// Its name.
    pub name: String,
    /// Its processor.
    pub processor: u8,
    /// Its IRQL.
    pub irql: u8,
    /// Nesting.
    pub depth: u8,
    /// Scheduling points before it.
    pub points: u32,
    /// In words.
    pub text: String,
    /// Driver addresses of the call stack, innermost first. The first is an instruction or a
    /// return address, the others are return addresses.
    pub stack: Vec<u64>,
    /// The first address of `stack` is the instruction itself, not a return address.
    pub exact: bool,
    /// A switch between contexts rather than a step of one.
    pub switch: bool,
}

struct Outer {
    context: u8,
    gpr: [u64; 16],
    rip: u64,
}

/// See the module's description.
pub struct Recorder {
    /// What happened.
    pub records: Vec<Record>,
    unwinder: Unwinder,
    outer: Vec<Outer>,
    limit: usize,
}

impl Recorder {
    /// Keeps up to `limit` records.
    pub fn new(unwinder: Unwinder, limit: usize) -> Recorder {
        Recorder { records: Vec::new(), unwinder, outer: Vec::new(), limit }
    }

    /// The record of a moment, or the nearest one before it.
    pub fn find(&self, site: Site) -> Option<&Record> {
        let steps = || self.records.iter().filter(|record| !record.switch);
        steps().find(|record| record.site == site && !record.stack.is_empty()).or_else(|| {
            steps().rev().find(|record| record.site <= site && !record.stack.is_empty())
        })
    }

    pub(crate) fn note(&mut self, world: &World, text: &str) {
        if self.records.len() >= self.limit {
            return;
        }
        let context = world.state.current;
        let switch = text.starts_with("---");
        let mut exact = false;
        let stack = if context == NOBODY || switch {
            Vec::new()
        } else {
            let (stack, is_exact) = self.stack(world, context);
            exact = is_exact;
            stack
        };
        let index = usize::from(context);
        let state = &world.state.contexts[index];
        self.records.push(Record {
            site: world.state.moment,
            context,
            name: world.context_name(context),
            processor: state.processor,
            irql: state.irql,
            depth: self.outer.iter().filter(|outer| outer.context == context).count() as u8,
            points: world.state.points,
            text: text.to_owned(),
            stack,
            exact,
            switch,
        });
    }

    fn stack(&self, world: &World, context: u8) -> (Vec<u64>, bool) {
        let cpu = &world.cpus[usize::from(context)];
        let mut stack = Vec::new();
        let exact = !in_kernel(cpu.rip);
        self.unwind(world, cpu.gpr, cpu.rip, &mut stack);
        for outer in self.outer.iter().rev().filter(|outer| outer.context == context) {
            self.unwind(world, outer.gpr, outer.rip, &mut stack);
        }
        (stack, exact)
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
}

fn in_kernel(rip: u64) -> bool {
    (map::KERNEL_CODE..map::KERNEL_CODE + map::KERNEL_CODE_BYTES).contains(&rip)
}

impl Cx<'_> {
    #[cold]
    pub(crate) fn record_enter(&mut self, routine: Routine, function: u64, args: &[u64], rsp: u64) {
        let place = self.describe_address(function);
        let list: Vec<String> = args.iter().map(|value| format!("{value:#x}")).collect();
        let context = self.id();
        // The frame outside is the service that makes this call: its stack pointer is `rsp`.
        let mut gpr = self.cpu().gpr;
        gpr[RSP] = rsp;
        let inside_service = self.state.me().depth > 1;
        if let Some(mut recorder) = self.recorder.take() {
            let rip = if inside_service { map::KERNEL_CODE } else { 0 };
            recorder.outer.push(Outer { context, gpr, rip });
            recorder.note(self, &format!("{} {place}({})", routine.name(), list.join(", ")));
            self.recorder = Some(recorder);
        }
    }

    #[cold]
    pub(crate) fn record_leave(&mut self, routine: Routine, value: u64) {
        let context = self.id();
        if let Some(mut recorder) = self.recorder.take() {
            if let Some(last) = recorder.outer.iter().rposition(|outer| outer.context == context) {
                recorder.outer.remove(last);
            }
            recorder.note(self, &format!("{} returns {value:#x}", routine.name()));
            self.recorder = Some(recorder);
        }
    }

    #[cold]
    pub(crate) fn record_service(&mut self, index: usize) {
        let Some(service) = self.registry.get(index) else { return };
        let list: Vec<String> = (0..usize::from(service.arguments))
            .map(|number| format!("{:#x}", self.argument(number)))
            .collect();
        let text = format!("{}({})", service.name, list.join(", "));
        self.note(&text);
    }

    #[cold]
    pub(crate) fn record_result(&mut self, index: usize, value: u64) {
        let Some(service) = self.registry.get(index) else { return };
        if service.answers {
            let text = format!("  {} = {value:#x}", service.name);
            self.note(&text);
        }
    }

    #[cold]
    pub(crate) fn record_point(&mut self, what: What) {
        let text = match what {
            What::Interlocked(address) => format!("interlocked operation on {address:#x}"),
            What::Register(address) => {
                format!("device register {:#x}", address.wrapping_sub(map::DEVICE_SPACE))
            }
            What::Memory(address, access) => format!("{access:?} of {address:#x}"),
            What::Pause => "pause".to_owned(),
        };
        self.note(&text);
    }
}

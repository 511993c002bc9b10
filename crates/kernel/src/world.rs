//! One simulated machine: processors, memory, kernel state, and who runs.
//!
//! The world offers scheduling points and carries out choices; it never makes one. Choices come
//! from its [`Strategy`], objections from its rules.

use crate::bus::{Gate, GuestBus};
use crate::context::Contexts;
use crate::cx::Cx;
use crate::cx::Stop;
use crate::event::{Event, KINDS, Kind, Rule, Violation};
use crate::map;
use crate::module::Module;
use crate::record::Recorder;
use crate::registry::Registry;
use crate::state::{ContextState, Doing, FREE, Overtaking, RacePair, Start, State};
use cpu::{CodeCache, Cpu};
use memory::PAGEABLE;
use schedule::{Any, Deviation, MAX_CONTEXTS, Point, Schedule, Strategy};
use std::ops::Range;
use std::rc::Rc;

/// The clock as a choice: the next timer expires.
pub const CLOCK: u8 = schedule::LAST;
/// `State::current` while nobody runs; never a live context.
pub const NOBODY: u8 = 30;
/// The device as a choice: it does one thing by itself. No context has this number either.
pub const DEVICE: u8 = NOBODY;
/// Contexts that may be live at a time.
pub const SLOTS: u8 = 30;
/// Instructions that one run may take before it is said to make no progress.
pub const BUDGET: u64 = 2_000_000;
/// Clock ticks without anybody getting on before a run is taken to be at rest, while somebody waits
/// for something: drivers count ticks until they give an operation up.
const IDLE_TICKS: u32 = 24;
/// The same where nobody waits: timers that are set again and again would go on for nobody.
const TICKS_FOR_NOBODY: u32 = 3;

/// What an actor does.
pub type Script = Rc<dyn Fn(&mut Cx) -> Result<(), Stop>>;

/// Somebody who uses the driver: an application's thread, the PnP manager.
#[derive(Clone)]
pub struct Actor {
    /// As reports call it.
    pub name: String,
    /// What it does.
    pub script: Script,
    /// It runs in the application's process and so may pass user addresses.
    pub application: bool,
}

/// How a run ended, if not by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A rule objects.
    Violation(Box<Violation>),
    /// The driver needs something that the bench does not have.
    Unsupported {
        /// What.
        what: String,
    },
    /// A limit of the bench was met.
    Limit {
        /// Which.
        what: String,
    },
    /// The bench contradicts itself.
    Internal {
        /// How.
        what: String,
    },
}

/// See the module's description.
pub struct World {
    /// Memory and device.
    pub bus: GuestBus,
    /// Decoded code.
    pub code: CodeCache,
    /// Kernel state.
    pub state: State,
    /// Registers of each context.
    pub cpus: Vec<Cpu>,
    /// Services by address and name.
    pub registry: Registry,
    /// Images.
    pub modules: Vec<Module>,
    /// The scenario's actors; the first [`World::starters`] run from the start.
    pub actors: Vec<Actor>,
    /// How the driver under test was installed; by no INF if none.
    pub(crate) installed: Option<std::sync::Arc<crate::cm::installed::Installed>>,
    /// Actors that run from the start; the rest wind the run down, one after another.
    pub starters: usize,
    /// Who chooses.
    pub strategy: Any,
    /// Choices that were not the default ones.
    pub taken: Vec<Deviation>,
    /// How the run ended, if not by itself.
    pub outcome: Option<Outcome>,
    /// Records what happens, where somebody wants to know.
    pub recorder: Option<Recorder>,
    /// Instructions left.
    pub budget: u64,
    /// Virtual processors.
    pub processors: u8,
    /// Whether the rules are asked about the end of a run: not for setting up.
    pub tells_end: bool,
    /// Switches between contexts so far, over all runs.
    pub switches: u64,
    /// Which services were run so far, over all runs, by number; see [`World::services_run`].
    pub(crate) services_run: Vec<bool>,
    /// Pairs of instructions that raced so far, over all runs, each with the schedule that shows it.
    pub races: Vec<(RacePair, Schedule)>,
    /// The pair at which a run ends; the others are only noted.
    pub stop_at_race: Option<RacePair>,
    /// Requests that overtook others so far, over all runs, each with the schedule that shows it.
    pub overtakings: Vec<(Overtaking, Schedule)>,
    /// The two requests, by number, at whose overtaking a run ends; the others are only noted.
    pub stop_at_overtaking: Option<(u16, u16)>,
    /// Finds the call stack of who puts a request into a list, while the bus observes lists.
    pub unwinder: Option<crate::record::Unwinder>,
    /// What is known of the lists that requests were in, in this run, while the bus observes lists.
    pub lists: crate::io::order::Lists,
    /// The call that fails for want of memory, see [`crate::low_resources`]; counted only if set.
    pub fail_at: Option<u32>,
    /// Step of a scenario that makes the next request or opens the next file; 0 for none.
    pub next_tag: u16,
    /// What the next request's buffer begins with, instead of a pattern.
    pub next_data: Option<std::sync::Arc<[u8]>>,
    /// What a run without an end needs besides, if it is one.
    pub live: Option<Box<crate::live::Live>>,
    /// Calls that may fail, while a recorder is there and `fail_at` is set.
    pub calls_that_may_fail: Vec<crate::low_resources::Call>,
    pub(crate) over: bool,
    /// Whoever is blocked when everything has come to rest stays so: while setting up.
    pub(crate) keeps_blocked: bool,
    /// Whoever runs lets others go first at its next point; see [`Cx::pause`].
    pub(crate) pausing: bool,
    pub(crate) contexts: Contexts,
    /// Room that contexts had which are over.
    pub(crate) rooms: Vec<crate::rtl::exception::Room>,
    rules: [Rc<[&'static Rule]>; KINDS],
    base: Option<Box<Base>>,
    idle_thread: u64,
    pageable_code: Vec<Range<u64>>,
    pub(crate) dead_code: Vec<Range<u64>>,
    code_limited: bool,
    /// Bit `c`: the stack of slot `c` is mapped.
    stacks: u32,
}

struct Base {
    driver_objects: Vec<u64>,
    state: State,
    cpus: Vec<Cpu>,
    card: devices::Slot,
    user: Vec<(u64, u64)>,
    dead_code: Vec<Range<u64>>,
    pageable_code: Vec<Range<u64>>,
    ticks: u64,
}

impl World {
    /// An empty machine with `processors` virtual processors.
    pub fn new(processors: u8, rules: &[&'static Rule]) -> World {
        let mut wants: [Vec<&'static Rule>; KINDS] = Default::default();
        for rule in rules {
            for kind in rule.wants {
                wants[*kind as usize].push(rule);
            }
        }
        let trap = map::KERNEL_CODE..map::KERNEL_CODE + map::KERNEL_CODE_BYTES;
        let registry = Registry::new();
        let mut world = World {
            bus: GuestBus::new(),
            code: CodeCache::new(trap),
            state: State::new(),
            cpus: vec![Cpu::new(); MAX_CONTEXTS],
            services_run: vec![false; registry.all().len()],
            registry,
            modules: Vec::new(),
            actors: Vec::new(),
            installed: None,
            starters: 0,
            strategy: Any::Replay(schedule::Replay::new(Schedule::default())),
            taken: Vec::new(),
            outcome: None,
            recorder: None,
            budget: BUDGET,
            processors: processors.max(1),
            tells_end: true,
            switches: 0,
            races: Vec::new(),
            stop_at_race: None,
            overtakings: Vec::new(),
            stop_at_overtaking: None,
            unwinder: None,
            lists: Default::default(),
            fail_at: None,
            next_tag: 0,
            next_data: None,
            live: None,
            calls_that_may_fail: Vec::new(),
            over: false,
            keeps_blocked: false,
            pausing: false,
            contexts: Contexts::new(),
            rooms: Vec::new(),
            rules: wants.map(Rc::from),
            base: None,
            idle_thread: 0,
            pageable_code: Vec::new(),
            dead_code: Vec::new(),
            code_limited: false,
            stacks: 0,
        };
        crate::boot::boot(&mut world);
        world
    }

    /// Names of the services that were run so far, over all runs and set-up. Calls that were failed
    /// for want of memory do not count.
    pub fn services_run(&self) -> impl Iterator<Item = &'static str> {
        let all = self.registry.all().iter().zip(&self.services_run);
        all.filter(|&(_, &run)| run).map(|(service, _)| service.name)
    }

    pub(crate) fn set_idle_thread(&mut self, thread: u64) {
        self.idle_thread = thread;
    }

    /// Tells the rules that want it; false if one of them objects, and the run is over.
    #[inline]
    pub fn tell(&mut self, event: Event) -> bool {
        let kind = event.kind() as usize;
        for index in 0..self.rules[kind].len() {
            let rule = self.rules[kind][index];
            if let Some(violation) = (rule.check)(&event, self) {
                self.end(Outcome::Violation(Box::new(violation)));
                return false;
            }
        }
        true
    }

    /// Whether any rule wants this kind of event.
    #[inline]
    pub fn wanted(&self, kind: Kind) -> bool {
        !self.rules[kind as usize].is_empty()
    }

    /// Ends the run; the first reason counts.
    pub fn end(&mut self, outcome: Outcome) {
        self.over = true;
        if self.outcome.is_none() {
            if let Outcome::Violation(violation) = &outcome
                && self.recorder.is_some()
            {
                let text = format!("rule {} objects: {}", violation.rule.name, violation.title);
                self.note(&text);
            }
            self.outcome = Some(outcome);
        }
    }

    /// A new moment; recorded with its call stack where somebody records.
    #[inline]
    pub fn moment(&mut self) -> crate::event::Site {
        self.state.moment += 1;
        self.state.moment
    }

    /// Writes a line into the record, if there is one.
    pub fn note(&mut self, text: &str) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.note(self, text);
            self.recorder = Some(recorder);
        }
    }

    /// Makes a context; `None` when all slots are in use, which ends the run.
    pub fn spawn(&mut self, start: Start, irql: u8, thread: u64) -> Option<u8> {
        let free = !self.state.live & ((1 << SLOTS) - 1);
        if free == 0 {
            let what = format!("more than {SLOTS} threads, DPCs and interrupts at a time");
            self.end(Outcome::Limit { what });
            return None;
        }
        let context = free.trailing_zeros() as u8;
        self.state.live |= 1 << context;
        self.make_stack(context);
        let made = self.state.moment;
        self.state.contexts[usize::from(context)] =
            ContextState { start, doing: Doing::Ready, irql, thread, made, ..FREE };
        self.state.refresh(usize::from(context));
        self.bus.others = true;
        Some(context)
    }

    /// Maps a slot's kernel stack when the slot is first used.
    #[inline]
    fn make_stack(&mut self, context: u8) {
        if self.stacks >> context & 1 == 0 {
            self.stacks |= 1 << context;
            let bottom = map::STACKS + u64::from(context) * map::STACK_STRIDE;
            self.bus.memory.map(bottom, map::STACK_BYTES, memory::NO_EXECUTE, true);
        }
    }

    /// What a context is, in words.
    pub fn context_name(&self, context: u8) -> String {
        if context == CLOCK {
            return "clock".to_owned();
        }
        if context == DEVICE {
            return "device".to_owned();
        }
        let state = &self.state.contexts[usize::from(context) % MAX_CONTEXTS];
        match state.start {
            Start::Actor(index) => match self.actors.get(usize::from(index)) {
                Some(actor) => actor.name.clone(),
                None => format!("actor {index}"),
            },
            Start::Thread { .. } | Start::Blocked => format!("system thread {context}"),
            Start::WorkItem { .. } => format!("worker {context}"),
            Start::Dpc(_) => format!("DPC {context}"),
            Start::Interrupt(_) => "interrupt".to_owned(),
            Start::BusCompletion(_) => "lower driver".to_owned(),
            Start::PowerRequest(_) => "power manager".to_owned(),
            Start::AskAgain { .. } | Start::TargetChange { .. } => "PnP manager".to_owned(),
        }
    }

    /// Whether the running context belongs to the application's process.
    pub fn in_application(&self) -> bool {
        match self.state.contexts[usize::from(self.state.current)].start {
            Start::Actor(index) => {
                self.actors.get(usize::from(index)).is_some_and(|actor| actor.application)
            }
            _ => false,
        }
    }

    /// Contexts that may run now. One that is at DISPATCH_LEVEL or above holds a processor and goes
    /// on there; another needs one that is free; an interrupt may take one from below its IRQL.
    #[inline]
    pub fn enabled(&self) -> u32 {
        let state = &self.state;
        // At most one and two processors, as nearly always; else they are counted.
        let second = state.pinned & state.pinned.wrapping_sub(1);
        if second == 0 && self.processors > 1
            || state.pinned.count_ones() < u32::from(self.processors)
        {
            return state.ready;
        }
        let mut mask = state.ready & state.pinned;
        let waiting = state.ready & state.interrupting & !state.pinned;
        if waiting != 0 && self.interruptible() {
            mask |= waiting;
        }
        mask
    }

    fn interruptible(&self) -> bool {
        let pinned = self.state.pinned;
        self.state.live().any(|context| {
            pinned >> context & 1 != 0
                && self.state.contexts[context].irql < crate::device::CARD_IRQL
        })
    }

    /// Chooses who goes on; `None` when the run is over.
    pub(crate) fn choose(&mut self) -> Option<u8> {
        let pause = std::mem::take(&mut self.pausing);
        loop {
            if self.over {
                return None;
            }
            let busy = self.bus.card.busy();
            if busy && !crate::device::attend(self) {
                return None;
            }
            let mut mask = self.enabled();
            if busy
                && self.bus.card.pending()
                && self.live.as_ref().is_none_or(|live| live.steps_left())
            {
                mask |= 1 << DEVICE;
            }
            if !self.state.timers.is_empty() && self.time_goes_on() {
                mask |= 1 << CLOCK;
            }
            let choice = if mask & (mask.wrapping_sub(1)) == 0 {
                if mask == 0 {
                    if !self.at_rest() {
                        return None;
                    }
                    continue;
                }
                mask.trailing_zeros() as u8
            } else {
                let point = Point {
                    index: self.state.points,
                    enabled: mask,
                    current: self.state.current,
                    pause,
                };
                self.state.points += 1;
                let default = point.default_choice();
                let choice = self.strategy.choose(&point);
                let choice = if mask >> choice & 1 != 0 { choice } else { default };
                if choice != default {
                    self.taken.push(Deviation { point: point.index, context: choice });
                }
                if self.recorder.is_some() && choice != self.state.current {
                    let to = self.context_name(choice);
                    let word = if point.preempts(choice) { "preempted by" } else { "then" };
                    self.note(&format!("--- point {}: {word} {to}", point.index));
                }
                choice
            };
            if choice == DEVICE {
                if let Some(live) = &mut self.live {
                    live.stepped();
                }
                crate::device::step(self);
                continue;
            }
            if choice == CLOCK {
                self.state.idle_ticks += 1;
                crate::ke::timer::tick(self);
                continue;
            }
            return Some(choice);
        }
    }

    /// Whether there is a reason for another timer to expire.
    fn time_goes_on(&self) -> bool {
        let state = &self.state;
        if let Some(until) = self.live.as_ref().and_then(|live| live.until) {
            return state.timers.iter().any(|timer| timer.due <= until);
        }
        let actor = |context: usize| matches!(state.contexts[context].start, Start::Actor(_));
        let waits = || {
            state.requests.iter().any(|request| request.done.is_none()) || state.live().any(actor)
        };
        state.idle_ticks < TICKS_FOR_NOBODY || state.idle_ticks < IDLE_TICKS && waits()
    }

    /// Nothing can run: start the next step of winding down, or end. False when the run is over.
    fn at_rest(&mut self) -> bool {
        let spins =
            |context: usize| matches!(self.state.contexts[context].doing, Doing::Spinning(_));
        if self.state.live().any(spins) {
            if self.tell(Event::Stuck) {
                let what = "every processor spins on a lock, and no rule objects".to_owned();
                self.end(Outcome::Internal { what });
            }
            return false;
        }
        let next = self.starters + usize::from(self.state.wind_down);
        if next < self.actors.len() {
            self.state.wind_down += 1;
            self.state.idle_ticks = 0;
            return self.spawn_actor(next).is_some();
        }
        if self.tells_end {
            self.tell(Event::End);
        }
        self.over = true;
        false
    }

    fn spawn_actor(&mut self, index: usize) -> Option<u8> {
        let thread = crate::ps::thread::object(self);
        self.spawn(Start::Actor(index as u16), 0, thread)
    }

    /// Makes `context` the running one: IRQL, processor, thread, what it may touch.
    pub(crate) fn switch_to(&mut self, context: u8) {
        self.switches += 1;
        self.state.current = context;
        let index = usize::from(context);
        let mut busy = 0u32;
        let mut left = self.state.pinned & !(1 << context);
        while left != 0 {
            busy |= 1 << self.state.contexts[left.trailing_zeros() as usize].processor;
            left &= left - 1;
        }
        let me = &mut self.state.contexts[index];
        if !me.started || me.irql < 2 {
            let free = !busy & ((1 << self.processors) - 1);
            if free != 0 {
                me.processor = free.trailing_zeros() as u8;
            }
        }
        let first = !me.started;
        me.started = true;
        let (irql, processor, thread, start) = (me.irql, me.processor, me.thread, me.start);
        if !matches!(start, Start::Interrupt(_)) {
            self.state.unclaimed = 0;
        }
        if first {
            self.state.refresh(index);
        }
        if first
            && let Start::Interrupt(_) = start
            && busy.count_ones() >= u32::from(self.processors)
        {
            self.cover(context);
        }
        let processor = if first { self.state.contexts[index].processor } else { processor };
        let pcr = map::PCR + u64::from(processor) * map::PCR_STRIDE;
        self.cpus[index].gs_base = pcr;
        let thread = if thread == 0 { self.idle_thread } else { thread };
        let slot = pcr + nt::layout::kpcr::PRCB + nt::layout::kprcb::CURRENT_THREAD;
        self.bus.memory.poke64(slot, thread);
        self.bus.processor = processor;
        self.bus.irql = irql;
        self.bus.open = Gate::Shut;
        self.bus.watching = false;
        self.bus.user.clear();
        if self.in_application() {
            self.bus.user.extend_from_slice(&self.state.probed);
        }
        self.limit_access(irql);
    }

    /// An interrupt with no processor to itself takes the one of a context below its IRQL.
    fn cover(&mut self, interrupt: u8) {
        let irql = self.state.contexts[usize::from(interrupt)].irql;
        let victim = (0..SLOTS).find(|&c| {
            let other = &self.state.contexts[usize::from(c)];
            c != interrupt
                && self.state.live >> c & 1 != 0
                && other.started
                && !other.covered
                && (2..irql).contains(&other.irql)
        });
        if let Some(victim) = victim {
            let processor = self.state.contexts[usize::from(victim)].processor;
            self.state.contexts[usize::from(victim)].covered = true;
            self.state.refresh(usize::from(victim));
            let me = &mut self.state.contexts[usize::from(interrupt)];
            me.covers = Some(victim);
            me.processor = processor;
        }
    }

    /// Page flags and code ranges that are out of bounds at an IRQL.
    pub(crate) fn limit_access(&mut self, irql: u8) {
        let high = irql >= 2;
        let seen = self.bus.tracking || self.bus.watching || self.bus.observing;
        let tracked = if seen { memory::TRACKED } else { 0 };
        self.bus.memory.forbid(tracked | if high { PAGEABLE } else { 0 });
        if !self.pageable_code.is_empty() && high != self.code_limited {
            self.code_limited = high;
            self.limit_code();
        }
    }

    /// Tells the interpreter which decoded code must not run just now.
    pub(crate) fn limit_code(&mut self) {
        let mut ranges = self.dead_code.clone();
        if self.code_limited {
            ranges.extend(self.pageable_code.iter().cloned());
        }
        self.code.set_disabled(&ranges);
    }

    /// Says which code of an image that lies in `image` may be paged out.
    pub(crate) fn set_pageable_code(
        &mut self,
        image: Range<u64>,
        code: impl Iterator<Item = Range<u64>>,
    ) {
        self.pageable_code.retain(|range| !image.contains(&range.start));
        self.pageable_code.extend(code);
        self.limit_code();
    }

    /// Ends a context: its slot is free again.
    pub(crate) fn finish(&mut self, context: u8) {
        let covers = self.state.contexts[usize::from(context)].covers;
        let start = self.state.contexts[usize::from(context)].start;
        if let Some(victim) = covers {
            self.state.contexts[usize::from(victim)].covered = false;
            self.state.refresh(usize::from(victim));
        }
        self.state.contexts[usize::from(context)] = FREE;
        self.state.refresh(usize::from(context));
        self.state.live &= !(1 << context);
        match start {
            Start::Dpc(_) => crate::ke::dpc::wake_key(self, crate::ke::dpc::FLUSH),
            Start::Interrupt(_) => crate::ke::dpc::wake_key(self, crate::io::interrupt::DONE),
            _ => {}
        }
        self.bus.others = self.state.live & self.state.live.wrapping_sub(1) != 0;
    }

    /// Whether everybody who is blocked can be started again from registers and memory: threads that
    /// called the wait themselves, and not a routine of the kernel's that did.
    pub fn can_go_back(&self) -> bool {
        self.state.live().all(|context| {
            let thread = matches!(self.state.contexts[context].start, Start::Thread { .. });
            thread && self.contexts.restartable(context)
        })
    }

    /// Makes the present state the one from which each run starts. Nobody may be running, and whoever
    /// is blocked must be able to start again.
    pub fn set_baseline(&mut self) {
        for context in self.state.live() {
            self.state.contexts[context].start = Start::Blocked;
            self.state.refresh(context);
        }
        self.set_at_rest();
        self.contexts.clear();
        self.base = Some(Box::new(Base {
            driver_objects: self.modules.iter().map(|module| module.driver_object).collect(),
            state: self.state.clone(),
            cpus: self.cpus.clone(),
            card: self.bus.card.copy(),
            user: self.bus.user.clone(),
            dead_code: self.dead_code.clone(),
            pageable_code: self.pageable_code.clone(),
            ticks: self.bus.ticks,
        }));
    }

    /// Everything is set up: what a run counts begins anew.
    pub fn set_at_rest(&mut self) {
        self.state.current = NOBODY;
        self.state.points = 0;
        self.state.idle_ticks = 0;
        self.state.wind_down = 0;
        self.bus.memory.set_baseline();
    }

    /// Takes over what another machine for the same runs has learnt and was told.
    pub fn take_over(&mut self, other: &mut World) {
        std::mem::swap(&mut self.strategy, &mut other.strategy);
        std::mem::swap(&mut self.recorder, &mut other.recorder);
        std::mem::swap(&mut self.unwinder, &mut other.unwinder);
        std::mem::swap(&mut self.races, &mut other.races);
        std::mem::swap(&mut self.overtakings, &mut other.overtakings);
        std::mem::swap(&mut self.code, &mut other.code);
        self.limit_code();
        self.stop_at_overtaking = other.stop_at_overtaking;
        self.bus.observing = other.bus.observing;
        self.switches = other.switches;
    }

    /// Back to the baseline; costs what was dirtied.
    pub fn restore(&mut self) {
        if let Some(base) = self.base.take() {
            self.bus.memory.restore();
            self.state.clone_from(&base.state);
            let mut left = base.state.live;
            while left != 0 {
                let context = left.trailing_zeros() as usize;
                left &= left - 1;
                self.cpus[context] = base.cpus[context].clone();
            }
            self.bus.card.copy_from(&base.card);
            self.bus.user.clone_from(&base.user);
            self.bus.ticks = base.ticks;
            self.bus.open = Gate::Shut;
            self.bus.cr8_done = false;
            self.bus.asleep_told = false;
            self.bus.watching = false;
            for (module, &object) in self.modules.iter_mut().zip(&base.driver_objects) {
                module.driver_object = object;
            }
            if self.dead_code != base.dead_code || self.pageable_code != base.pageable_code {
                self.dead_code.clone_from(&base.dead_code);
                self.pageable_code.clone_from(&base.pageable_code);
                self.limit_code();
            }
            self.base = Some(base);
        }
        self.begin();
    }

    /// Clears what belongs to one run.
    pub fn begin(&mut self) {
        self.over = false;
        self.outcome = None;
        self.taken.clear();
        self.lists.clear();
        self.budget = BUDGET;
    }

    /// Starts the actors that run from the start.
    pub(crate) fn start_actors(&mut self) {
        for index in 0..self.starters {
            if self.spawn_actor(index).is_none() {
                return;
            }
        }
    }

    /// A hash of everything that a run left behind.
    pub fn hash(&self) -> u64 {
        let mut hash = self.bus.memory.hash();
        let mut add = |word: u64| hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        let state = &self.state;
        for word in [
            u64::from(state.live),
            u64::from(state.moment),
            u64::from(state.points),
            state.now,
            self.bus.ticks,
            self.budget,
            state.irps.len() as u64,
            state.requests.len() as u64,
            state.pool.len() as u64,
            state.paged.len() as u64,
            state.timers.len() as u64,
            self.bus.card.mark(),
        ] {
            add(word);
        }
        for deviation in &self.taken {
            add(u64::from(deviation.point) << 8 | u64::from(deviation.context));
        }
        for request in &state.requests {
            let (status, information) = request.done.unwrap_or((u32::MAX, 0));
            add(u64::from(status));
            add(information);
        }
        match &self.outcome {
            Some(Outcome::Violation(violation)) => {
                violation.rule.name.bytes().for_each(|byte| add(u64::from(byte)));
            }
            Some(_) => add(1),
            None => add(0),
        }
        hash
    }

    /// The run's schedule so far.
    pub fn schedule(&self) -> Schedule {
        Schedule(self.taken.clone())
    }
}

//! What a kernel service works with: the context it runs in.
//!
//! A [`Cx`] reads arguments, touches memory as the driver would (so that a bad pointer is the
//! driver's fault at this call), calls driver routines, and offers scheduling points. Everything
//! that may switch contexts takes it mutably, so nothing borrowed from the world lives across.

use crate::bus::{BusStop, Gate, What};
use crate::context::{Suspender, WorldRef};
use crate::event::{Event, Kind, Near, Routine};
use crate::map;
use crate::rtl::exception::{self, Exceptions};
use crate::service::Call;
use crate::state::{BlockKind, Doing, SharedAccess};
use crate::world::{Outcome, World};
use cpu::{Cpu, Exit};
use memory::{Access, Fault, FaultCause};
use std::ops::{Deref, DerefMut};

/// Why a service does not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The run is over; the world knows why.
    Run,
    /// This thread ended itself.
    Thread,
    /// An exception was handled: the registers say where the driver goes on.
    Resumed,
    /// A language handler is left for an unwind, which whoever called it carries out.
    Unwinding,
    /// As [`Stop::Resumed`], in a routine further out: services and the driver routines that they
    /// called are left up to there.
    Unwound,
}

/// Most driver routines nested in one context; a kernel stack is exhausted long before.
const MOST_DEPTH: u8 = 120;

pub(crate) const RAX: usize = 0;
pub(crate) const RSP: usize = 4;
const ARGUMENT_REGISTERS: [usize; 4] = [1, 2, 8, 9];

/// See the module's description.
pub struct Cx<'a> {
    world: WorldRef,
    yielder: &'a Suspender,
    id: u8,
    pub(crate) exceptions: Exceptions,
}

impl Deref for Cx<'_> {
    type Target = World;

    #[inline(always)]
    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Cx<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl<'a> Cx<'a> {
    pub(crate) fn new(mut world: WorldRef, yielder: &'a Suspender, id: u8) -> Cx<'a> {
        let room = world.rooms.pop().unwrap_or_default();
        Cx { world, yielder, id, exceptions: Exceptions::in_room(room) }
    }

    /// The context is over.
    pub(crate) fn leave(mut self) {
        let room = self.exceptions.room();
        self.rooms.push(room);
    }

    pub(crate) fn yielder(&self) -> &'a Suspender {
        self.yielder
    }

    /// Number of the context.
    #[inline]
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Its registers.
    #[inline]
    pub fn cpu(&mut self) -> &mut Cpu {
        let id = usize::from(self.id);
        &mut self.cpus[id]
    }

    /// Its IRQL.
    #[inline]
    pub fn irql(&self) -> u8 {
        self.bus.irql
    }

    /// Argument `index` of the service called, as the x64 calling convention passes it.
    #[inline]
    pub fn argument(&mut self, index: usize) -> u64 {
        let cpu = self.cpu();
        match ARGUMENT_REGISTERS.get(index) {
            Some(&register) => cpu.gpr[register],
            None => {
                let place = cpu.gpr[RSP] + 0x28 + 8 * (index as u64 - 4);
                self.bus.memory.peek64(place)
            }
        }
    }

    /// Tells the rules; an objection ends the run.
    #[inline]
    pub fn say(&mut self, event: Event) -> Result<(), Stop> {
        if self.tell(event) { Ok(()) } else { Err(Stop::Run) }
    }

    /// Ends the run because the bench cannot do what was asked.
    pub fn unsupported<T>(&mut self, what: impl Into<String>) -> Result<T, Stop> {
        let what = what.into();
        if self.recorder.is_some() {
            self.note(&format!("not supported: {what}"));
        }
        self.end(Outcome::Unsupported { what });
        Err(Stop::Run)
    }

    /// Ends the run because a limit of the bench was met.
    pub fn limit<T>(&mut self, what: impl Into<String>) -> Result<T, Stop> {
        self.end(Outcome::Limit { what: what.into() });
        Err(Stop::Run)
    }

    /// A scheduling point: others may run before this context goes on.
    #[inline]
    pub fn point(&mut self) -> Result<(), Stop> {
        if self.over {
            return Err(Stop::Run);
        }
        let alone = self.state.live & (self.state.live - 1) == 0
            && self.state.timers.is_empty()
            && !self.bus.card.busy();
        if alone { Ok(()) } else { self.give_way() }
    }

    /// A scheduling point at which others come first, as where somebody is in no hurry: the PnP
    /// manager between its requests.
    pub fn pause(&mut self) -> Result<(), Stop> {
        self.pausing = true;
        let result = self.point();
        self.pausing = false;
        result
    }

    fn give_way(&mut self) -> Result<(), Stop> {
        match self.choose() {
            // Everything is at rest, and this one is blocked like others.
            None if self.keeps_blocked && self.outcome.is_none() => self.suspend(),
            None => Err(Stop::Run),
            Some(next) if next == self.id => Ok(()),
            Some(next) => {
                self.contexts.next = next;
                self.suspend()
            }
        }
    }

    /// Blocks until somebody makes the context ready again.
    pub fn block(&mut self, doing: Doing) -> Result<(), Stop> {
        if self.over {
            return Err(Stop::Run);
        }
        let id = self.id;
        let plain = self.state.me().depth == 1 && matches!(doing, Doing::Waiting);
        self.contexts.set_plain_wait(id, plain);
        let now = self.state.moment;
        self.state.me().blocked = now;
        self.state.set_doing(usize::from(id), doing);
        self.give_way()?;
        self.contexts.set_plain_wait(id, false);
        Ok(())
    }

    /// Goes on with a thread whose wait was under way at the baseline.
    pub(crate) fn resume_blocked(&mut self) -> Result<(), Stop> {
        let status = crate::ke::wait::finish(self)?;
        self.return_from_service(u64::from(status));
        self.interpret()?;
        Err(Stop::Thread)
    }

    /// Registers as a context starts with: everything zero, an empty stack.
    pub(crate) fn reset_registers(&mut self) {
        let top = map::STACKS + u64::from(self.id) * map::STACK_STRIDE + map::STACK_BYTES;
        let cpu = self.cpu();
        let gs_base = cpu.gs_base;
        *cpu = Cpu::new();
        cpu.gs_base = gs_base;
        cpu.gpr[RSP] = top - 0x40;
        cpu.rip = map::KERNEL_CODE;
    }

    fn return_from_service(&mut self, value: u64) {
        let rsp = self.cpu().gpr[RSP];
        let back = self.bus.memory.peek64(rsp);
        let cpu = self.cpu();
        cpu.gpr[RAX] = value;
        cpu.gpr[RSP] = rsp + 8;
        cpu.rip = back;
    }

    /// Calls a routine of the driver (or a service, where its address is one) and returns RAX.
    pub fn call(&mut self, routine: Routine, function: u64, args: &[u64]) -> Call {
        let kept_rip = self.cpu().rip;
        let kept_rsp = self.cpu().gpr[RSP];
        if self.state.me().depth >= MOST_DEPTH {
            return self.limit(format!("more than {MOST_DEPTH} driver routines nested"));
        }
        let room = 0x20 + 8 * args.len().saturating_sub(4) as u64;
        let rsp = ((kept_rsp - room) & !0xf) - 8;
        let bottom = map::STACKS + u64::from(self.id) * map::STACK_STRIDE;
        if rsp < bottom {
            let fault = Fault {
                address: rsp,
                bytes: 8,
                access: Access::Write,
                cause: FaultCause::Unmapped,
            };
            return self.fault(fault, None);
        }
        self.bus.memory.poke64(rsp, map::RETURN);
        for (index, &value) in args.iter().enumerate().skip(4) {
            self.bus.memory.poke64(rsp + 0x28 + 8 * (index as u64 - 4), value);
        }
        let cpu = self.cpu();
        for (&register, &value) in ARGUMENT_REGISTERS.iter().zip(args) {
            cpu.gpr[register] = value;
        }
        cpu.gpr[RSP] = rsp;
        cpu.rip = function;
        let irql_before = self.irql();
        let locks_before = self.state.me().locks;
        self.exceptions.enter(self.world.state.me().depth, rsp, kept_rip, kept_rsp);
        self.state.me().depth += 1;
        if self.wanted(Kind::Enter) {
            self.say(Event::Enter { routine, function })?;
        }
        if self.recorder.is_some() {
            self.record_enter(routine, function, args, kept_rsp);
        }
        if let Err(stop) = self.interpret() {
            if matches!(stop, Stop::Unwinding | Stop::Unwound) {
                if self.recorder.is_some() {
                    self.record_leave(routine, function, None);
                }
                self.state.me().depth -= 1;
                self.exceptions.leave();
            }
            if stop == Stop::Unwinding {
                let cpu = self.cpu();
                cpu.rip = kept_rip;
                cpu.gpr[RSP] = kept_rsp;
            }
            return Err(stop);
        }
        let value = self.cpu().gpr[RAX];
        if self.recorder.is_some() {
            self.record_leave(routine, function, Some(value));
        }
        self.state.me().depth -= 1;
        self.exceptions.leave();
        let locks_after = self.state.me().locks;
        let irql_after = self.irql();
        let changed = irql_after != irql_before || locks_after != locks_before;
        if changed || routine == Routine::Cancel {
            self.moment();
            self.say(Event::Leave {
                routine,
                function,
                irql_before,
                irql_after,
                locks_before,
                locks_after,
            })?;
        }
        let cpu = self.cpu();
        cpu.rip = kept_rip;
        cpu.gpr[RSP] = kept_rsp;
        Ok(value)
    }

    /// Executes driver code until the routine that the kernel called last returns.
    fn interpret(&mut self) -> Result<(), Stop> {
        let id = usize::from(self.id);
        loop {
            self.bus.others = self.state.live & (self.state.live - 1) != 0
                || !self.state.timers.is_empty()
                || self.bus.card.pending();
            let world: &mut World = self;
            let exit = if world.bus.open != Gate::Shut {
                // The one instruction that had its point.
                let mut one = 1;
                let exit = world.cpus[id].run(&mut world.code, &mut world.bus, &mut one);
                world.bus.open = Gate::Shut;
                world.budget = world.budget.saturating_sub(1);
                match exit {
                    Exit::Budget if world.budget > 0 => continue,
                    exit => exit,
                }
            } else {
                world.cpus[id].run(&mut world.code, &mut world.bus, &mut world.budget)
            };
            match exit {
                Exit::Trap => {
                    let rip = self.cpu().rip;
                    if rip == map::RETURN {
                        return Ok(());
                    }
                    match self.serve(rip) {
                        Ok(value) => self.return_from_service(value),
                        Err(stop) => self.resumed(stop)?,
                    }
                }
                Exit::Bus { stop: BusStop::Point(what) } => {
                    self.moment();
                    if let What::Memory(address, _, access) = what
                        && self.bus.observing
                    {
                        self.observe_list(address, access);
                        // Without an observer there would have been no stop here.
                        let plain = !self.bus.tracking && !self.bus.watching;
                        if plain || !self.bus.others {
                            self.bus.open =
                                if access == Access::Read { Gate::Reads } else { Gate::Open };
                            continue;
                        }
                    }
                    if let What::Memory(address, bytes, access) = what
                        && self.bus.tracking
                    {
                        self.shared_access(address, bytes, access)?;
                        self.bus.open =
                            if access == Access::Read { Gate::Reads } else { Gate::Open };
                        continue;
                    } else {
                        if self.recorder.is_some() {
                            self.record_point(what);
                        }
                        self.point()?;
                    }
                    self.watch_shared(false);
                    self.bus.open = Gate::Open;
                    if let What::Pause = what {
                        self.budget = self.budget.saturating_sub(50);
                    }
                }
                Exit::Bus { stop } => {
                    if let Err(stop) = self.refused(stop) {
                        self.resumed(stop)?;
                    }
                }
                Exit::Budget => {
                    self.moment();
                    let rip = self.cpu().rip;
                    self.say(Event::NoProgress { rip, deliveries: 0 })?;
                    return self.limit("the run's instructions are used up");
                }
                Exit::Interrupt { vector } => {
                    if let Err(stop) = self.exception(vector) {
                        self.resumed(stop)?;
                    }
                }
                Exit::Unsupported { mnemonic } => {
                    let rip = self.cpu().rip;
                    let place = self.describe_address(rip);
                    return self.unsupported(format!("the instruction `{mnemonic}` at {place}"));
                }
                Exit::Halt | Exit::PrivilegedInstruction { .. } => {
                    let rip = self.cpu().rip;
                    let place = self.describe_address(rip);
                    return self.unsupported(format!("a privileged instruction at {place}"));
                }
            }
        }
    }

    /// `Ok` where the routine that runs goes on, after an exception of its own or of one that it led
    /// to.
    fn resumed(&mut self, stop: Stop) -> Result<(), Stop> {
        match stop {
            Stop::Resumed => {}
            Stop::Unwound if exception::is_home(self) => {}
            stop => return Err(stop),
        }
        exception::goes_on(self);
        Ok(())
    }

    /// After something was handed over, the first access to shared memory is a scheduling point:
    /// whoever got it may be quicker. Up to the next service, which is a point itself.
    #[inline]
    fn watch_shared(&mut self, watch: bool) {
        if self.bus.watching != watch {
            self.bus.watching = watch;
            let irql = self.irql();
            self.limit_access(irql);
        }
    }

    /// In memory mode: others may run before this access; whoever is about to access the same then
    /// races with it, since nothing orders the two.
    fn shared_access(&mut self, address: u64, bytes: u8, access: Access) -> Result<(), Stop> {
        let private = self.state.block_at_or_below(address).is_some_and(|block| {
            address < block.address + block.bytes
                && !matches!(block.kind, BlockKind::Pool | BlockKind::Device)
        });
        let unguarded = &self.state.unguarded;
        let private = private || unguarded.iter().any(|&(from, to)| (from..to).contains(&address));
        if private {
            return Ok(());
        }
        let (rip, site) = (self.cpu().rip, self.state.moment);
        let writes = access == Access::Write;
        let mine = SharedAccess { address, bytes, writes, rip, site };
        if self.recorder.is_some() {
            self.record_point(What::Memory(address, bytes, access));
        }
        self.state.me().about = Some(mine);
        self.point()?;
        self.state.me().about = None;
        for other in self.state.live() {
            let about = self.state.contexts[other].about;
            if let Some(first) = about.filter(|first| first.races_with(&mine)) {
                self.race(first, other as u8, mine)?;
            }
        }
        Ok(())
    }

    fn race(&mut self, first: SharedAccess, by: u8, second: SharedAccess) -> Result<(), Stop> {
        let pair = first.pair(&second);
        if self.stop_at_race == Some(pair) {
            return self.say(Event::Race { first, by, second });
        }
        if self.stop_at_race.is_none() && !self.races.iter().any(|(known, _)| *known == pair) {
            let schedule = self.schedule();
            self.races.push((pair, schedule));
        }
        Ok(())
    }

    fn refused(&mut self, stop: BusStop) -> Result<(), Stop> {
        self.moment();
        match stop {
            BusStop::Fault(fault) => self.fault(fault, None),
            BusStop::Cr8(value) => {
                let (from, to) = (self.irql(), value as u8 & 15);
                self.say(Event::Irql { from, to, raise: to >= from })?;
                self.set_irql(to);
                self.bus.cr8_done = true;
                Ok(())
            }
            BusStop::Port(port) => {
                self.unsupported(format!("I/O port {port:#x}: the bench's device has no such port"))
            }
            BusStop::Asleep(bar, offset, write) => {
                self.say(Event::Asleep { bar, offset, write })?;
                // Without an objection it reads as all ones, or is lost.
                self.bus.asleep_told = true;
                self.bus.open = Gate::Open;
                Ok(())
            }
            BusStop::Point(_) => Ok(()),
        }
    }

    fn exception(&mut self, vector: u8) -> Result<(), Stop> {
        self.moment();
        exception::of_processor(self, vector)?;
        if self.wanted(Kind::Exception) {
            self.say(Event::Exception { vector })?;
        }
        self.unsupported(format!("processor exception or interrupt {vector:#x} in driver code"))
    }

    /// Runs the service at a trap address.
    fn serve(&mut self, rip: u64) -> Call {
        let index = ((rip.wrapping_sub(map::FIRST_SERVICE)) / map::SERVICE_STRIDE) as usize;
        let site = self.moment();
        self.state.ticks += 1;
        self.watch_shared(false);
        if self.modules.len() > 1 {
            let caller = self.caller();
            self.note_caller(caller);
        }
        let Some(service) = self.registry.get(index) else {
            let name = self.registry.missing_name(index);
            let caller = self.caller();
            let place = self.describe_address(caller);
            return match name {
                Some(name) => {
                    self.unsupported(format!("the kernel routine {name}, called at {place}"))
                }
                None => {
                    let fault = Fault {
                        address: rip,
                        bytes: 1,
                        access: Access::Execute,
                        cause: FaultCause::Unmapped,
                    };
                    self.fault(fault, None)
                }
            };
        };
        if self.recorder.is_some() {
            self.record_service(index);
        }
        if service.point {
            self.point()?;
            if self.modules.len() > 1 && self.state.moment != site {
                // Others called services meanwhile.
                self.moment();
                let caller = self.caller();
                self.note_caller(caller);
            }
        }
        if self.wanted(Kind::Service) {
            self.say(Event::Service { service })?;
        }
        let failed = match self.fail_at {
            None => None,
            Some(_) => self.short_of_memory(service, site),
        };
        let value = match failed {
            None => {
                self.services_run[index] = true;
                (service.run)(self)?
            }
            Some(value) => value,
        };
        if service.hands_over {
            self.watch_shared(true);
        }
        if self.recorder.is_some() {
            self.record_result(index, value);
        }
        Ok(value)
    }

    /// Return address of the service call under way.
    pub fn caller(&mut self) -> u64 {
        let rsp = self.cpu().gpr[RSP];
        self.bus.memory.peek64(rsp)
    }

    /// Reports a refused access that no handler of the driver takes.
    pub fn fault<T>(&mut self, fault: Fault, by: Option<&'static str>) -> Result<T, Stop> {
        exception::access_violation(self, &fault, by)?;
        let near = self.near(&fault);
        self.say(Event::Fault { fault, near, by })?;
        let place = format!("{:#x} ({:?}, {near:?})", fault.address, fault.access);
        self.end(Outcome::Internal {
            what: format!("no rule knows the refused access to {place}"),
        });
        Err(Stop::Run)
    }

    /// Makes sure the driver may touch a range that it handed to a service.
    pub fn probe(&mut self, address: u64, bytes: u64, access: Access) -> Result<(), Stop> {
        let end = address.wrapping_add(bytes);
        let user =
            self.irql() < 2 && self.bus.user.iter().any(|&(from, to)| from <= address && end <= to);
        if user {
            // The application's threads may change its memory at any time.
            self.point()?;
        }
        let allow = if user { memory::USER } else { 0 } | memory::TRACKED;
        match self.bus.memory.check_allowing(address, bytes, access, allow) {
            Ok(()) => Ok(()),
            Err(fault) => {
                let by = self.service_name();
                self.fault(fault, by)
            }
        }
    }

    fn service_name(&mut self) -> Option<&'static str> {
        let rip = self.cpu().rip;
        let index = rip.wrapping_sub(map::FIRST_SERVICE) / map::SERVICE_STRIDE;
        self.registry.get(index as usize).map(|service| service.name)
    }

    /// Sets the IRQL and what follows from it; events are the caller's business.
    pub fn set_irql(&mut self, irql: u8) {
        if self.recorder.is_some() && irql != self.irql() {
            let text = format!("IRQL {} -> {irql}", self.irql());
            self.note(&text);
        }
        self.state.me().irql = irql;
        let id = usize::from(self.id);
        self.state.refresh(id);
        self.bus.irql = irql;
        self.limit_access(irql);
    }
}

impl World {
    /// What lies where an access was refused.
    pub fn near(&self, fault: &Fault) -> Near {
        let address = fault.address;
        if address < 0x1_0000 {
            return Near::Null;
        }
        if address < map::USER_END {
            return if self.is_ended(address) { Near::Ended } else { Near::User };
        }
        if let FaultCause::Flags(flags) = fault.cause
            && flags & memory::PAGEABLE != 0
        {
            return Near::Pageable;
        }
        if let Some(number) = self.image_at(address) {
            let module = &self.modules[number];
            let gone = self.state.images[number].gone.is_some();
            let unloaded = gone || module.is_discarded(address);
            return if unloaded { Near::Unloaded } else { Near::Image };
        }
        let stacks = map::STACKS - 0x8000..map::STACKS + 32 * map::STACK_STRIDE;
        if stacks.contains(&address) {
            return Near::Stack;
        }
        if let Some(block) = self.state.block_at_or_below(address).copied() {
            let end = block.address + block.bytes;
            if address < end && block.freed.is_some() {
                return Near::Freed(block);
            }
            let gap = address.wrapping_sub(end);
            let above = self.state.block_above(address).copied();
            if let Some(above) = above
                && above.address - address <= 64
                && (above.address - address < gap || gap > 4096)
            {
                return Near::Before(above);
            }
            if gap < 4096 {
                return if block.freed.is_some() { Near::Freed(block) } else { Near::After(block) };
            }
        } else if let Some(above) = self.state.block_above(address).copied()
            && above.address - address <= 64
        {
            return Near::Before(above);
        }
        Near::Wild
    }
}

macro_rules! checked {
    ($($read:ident $peek:ident $write:ident $poke:ident $type:ty;)*) => {
        impl Cx<'_> {$(
            /// Reads for the driver: a bad address is its fault.
            #[inline]
            pub fn $read(&mut self, address: u64) -> Result<$type, Stop> {
                if let Ok(bytes) = self.bus.memory.load(address) {
                    return Ok(<$type>::from_le_bytes(bytes));
                }
                self.probe(address, size_of::<$type>() as u64, Access::Read)?;
                Ok(self.bus.memory.$peek(address))
            }

            /// Writes for the driver: a bad address is its fault.
            #[inline]
            pub fn $write(&mut self, address: u64, value: $type) -> Result<(), Stop> {
                if self.bus.memory.store(address, value.to_le_bytes()).is_ok() {
                    return Ok(());
                }
                self.probe(address, size_of::<$type>() as u64, Access::Write)?;
                self.bus.memory.$poke(address, value);
                Ok(())
            }
        )*}
    };
}

checked! {
    read8 peek8 write8 poke8 u8;
    read16 peek16 write16 poke16 u16;
    read32 peek32 write32 poke32 u32;
    read64 peek64 write64 poke64 u64;
}

impl Cx<'_> {
    /// Reads a run of bytes for the driver.
    pub fn read_bytes(&mut self, address: u64, bytes: u64) -> Result<Vec<u8>, Stop> {
        if bytes > map::POOL_BYTES {
            return self.limit(format!("an access to {bytes} bytes at once"));
        }
        if bytes == 0 {
            return Ok(Vec::new());
        }
        self.probe(address, bytes, Access::Read)?;
        let mut into = vec![0; bytes as usize];
        self.bus.memory.peek(address, &mut into);
        Ok(into)
    }

    /// Writes a run of bytes for the driver.
    pub fn write_bytes(&mut self, address: u64, bytes: &[u8]) -> Result<(), Stop> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.probe(address, bytes.len() as u64, Access::Write)?;
        self.bus.memory.poke(address, bytes);
        Ok(())
    }
}

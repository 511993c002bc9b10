//! The kernel's own state: everything a run changes outside guest memory.
//!
//! Kept in flat vectors of `Copy` records, so that going back to the baseline is a handful of
//! copies. Structures that drivers see lie in guest memory; here is what the kernel must know
//! besides, and what the verifier wants to know of the past.

pub use crate::state_pnp::{Child, IdleDevice, Pnp, PowerClass, PowerRequest};

use crate::event::Site;
use schedule::MAX_CONTEXTS;
use std::rc::Rc;

/// What a pool block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Allocated by the driver through a pool routine.
    Pool,
    /// An IRP.
    Irp,
    /// A device object with its extension.
    Device,
    /// An MDL.
    Mdl,
    /// A view of locked pages, or an I/O manager's buffer.
    Buffer,
    /// Another object of the kernel's.
    Object,
}

/// A block of pool. Never handed out twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// First byte.
    pub address: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// Pool tag, 0 where none.
    pub tag: u32,
    /// What for.
    pub kind: BlockKind,
    /// From paged pool.
    pub paged: bool,
    /// Where it was allocated.
    pub allocated: Site,
    /// Where it was freed.
    pub freed: Option<Site>,
}

/// What one stack location of a request went through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Location {
    /// Device it was sent to.
    pub device: u64,
    /// Where this location was completed.
    pub completed: Option<Site>,
    /// `SL_PENDING_RETURNED` was set when it was completed.
    pub marked: bool,
    /// Where the request was passed further down from here.
    pub passed: Option<Site>,
    /// What the next lower driver returned.
    pub lower: Option<u32>,
}

/// Locations a record keeps; deeper stacks share the last one.
pub const LOCATIONS: usize = 8;

/// Who made a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An application, through [`Request`] of this number.
    Request(u16),
    /// The PnP manager and other parts of the kernel, likewise.
    Kernel(u16),
    /// The driver itself (`IoAllocateIrp`, or in memory of its own).
    Driver,
}

/// What the kernel knows of a request packet.
#[derive(Clone, Copy, Debug)]
pub struct IrpRecord {
    /// Its address.
    pub address: u64,
    /// Which one it is, counted from 1.
    pub number: u32,
    /// Stack locations.
    pub locations: u8,
    /// Who made it.
    pub origin: Origin,
    /// Major function of its first location.
    pub major: u8,
    /// Where it was made.
    pub made: Site,
    /// Where it came back to its maker.
    pub completed: Option<Site>,
    /// Where the driver freed it, if it is the driver's own.
    pub freed: Option<Site>,
    /// Where a cancel was requested.
    pub cancelled: Option<Site>,
    /// Where its cancel routine was called.
    pub cancel_called: Option<Site>,
    /// Where a dispatch routine last returned with it unfinished.
    pub pended: Option<Site>,
    /// Where the driver last put it into a list; kept while the bus observes lists.
    pub queued: Option<Site>,
    /// Each stack location, the first for the topmost driver.
    pub history: [Location; LOCATIONS],
}

/// One call of an application or of the PnP manager.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The packet.
    pub irp: u64,
    /// The open file it belongs to, as an index.
    pub file: Option<u16>,
    /// Status and information once done.
    pub done: Option<(u32, u64)>,
    /// Context that made it.
    pub by: u8,
    /// What `IoCallDriver` returned.
    pub returned: Option<u32>,
    /// The caller's buffer.
    pub buffer: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The kernel's buffer for buffered I/O, 0 for none.
    pub system: u64,
    /// Bytes that a completion may copy from there to the caller's buffer.
    pub copy_back: u64,
    /// MDL of the caller's buffer for direct I/O, 0 for none.
    pub mdl: u64,
    /// Context that waits for it.
    pub waiter: Option<u8>,
    /// When it was given to the driver on top.
    pub sent: Site,
    /// When that driver's dispatch routine returned; 0 before.
    pub back: Site,
    /// Step of a scenario that made it, counted from 1; 0 for others.
    pub tag: u16,
}

/// An open file.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its FILE_OBJECT.
    pub object: u64,
    /// Device that was opened.
    pub device: u64,
    /// The handle is open.
    pub open: bool,
    /// `IRP_MJ_CLOSE` was sent.
    pub closed: bool,
    /// Requests not yet completed.
    pub busy: u16,
    /// Step of a scenario that opened it, counted from 1; 0 for others.
    pub tag: u16,
}

/// A device object.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its address.
    pub object: u64,
    /// Its driver object.
    pub driver: u64,
    /// `\Device\...`.
    pub name: Option<Rc<str>>,
    /// Where it was made.
    pub made: Site,
    /// `IoDeleteDevice` was called.
    pub deleted: bool,
}

/// A symbolic link of the object manager's name space.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it stands.
    pub name: Rc<str>,
    /// Where it leads.
    pub target: Rc<str>,
    /// Where it was made.
    pub made: Site,
}

/// The name of an event or a callback object; it goes with the object.
#[derive(Clone, Debug)]
pub struct NamedEvent {
    /// Its name.
    pub name: Rc<str>,
    /// KEVENT.
    pub object: u64,
}

/// A spin lock that is held.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    /// Its address.
    pub address: u64,
    /// Context that holds it.
    pub owner: u8,
    /// Where it was acquired.
    pub site: Site,
    /// IRQL before.
    pub old_irql: u8,
    /// Whether the release is expected to lower the IRQL.
    pub raised: bool,
    /// Others may hold it too, to read.
    pub shared: bool,
}

/// A timer that is set.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    /// KTIMER, or 0 for the end of a wait of `context`.
    pub object: u64,
    /// Context whose wait ends.
    pub context: u8,
    /// Virtual time, 100 ns.
    pub due: u64,
    /// Milliseconds between expiries, 0 for once.
    pub period: u32,
    /// KDPC, or 0.
    pub dpc: u64,
    /// Where it was set.
    pub site: Site,
}

/// Most objects one wait may name here (wdm.h: MAXIMUM_WAIT_OBJECTS is 64, THREAD_WAIT_OBJECTS 3).
pub const WAIT_OBJECTS: usize = 8;

/// A blocked wait on dispatcher objects.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// Who waits.
    pub context: u8,
    /// Objects.
    pub objects: [u64; WAIT_OBJECTS],
    /// How many of them.
    pub count: u8,
    /// All of them, or any.
    pub all: bool,
}

/// A thread that works on the entries of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueThread {
    /// KTHREAD.
    pub thread: u64,
    /// KQUEUE.
    pub queue: u64,
    /// The entry that it got last.
    pub entry: u64,
    /// It counts as busy with it.
    pub busy: bool,
}

/// What drivers set of a thread. It is told back and changes nothing: the order of contexts is the
/// schedule's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadSettings {
    /// KTHREAD.
    pub thread: u64,
    /// Its priority.
    pub priority: i32,
    /// By how much its base priority is above its process's.
    pub base: i32,
    /// The system affinity, 0 while there is none.
    pub affinity: u64,
}

/// A section of an image that a driver locked.
#[derive(Clone, Copy, Debug)]
pub struct SectionLock {
    /// Number of the module.
    pub module: u8,
    /// The section's first byte.
    pub start: u64,
    /// How often.
    pub count: u32,
}

/// A connected interrupt.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt {
    /// KINTERRUPT.
    pub object: u64,
    /// Service routine.
    pub routine: u64,
    /// Its context.
    pub context: u64,
    /// Called as a message service routine, with this message.
    pub message: Option<u32>,
    /// Device IRQL.
    pub irql: u8,
    /// Spin lock held around the routine.
    pub lock: u64,
    /// Vector.
    pub vector: u32,
    /// Where it was connected.
    pub site: Site,
}

/// An application's process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// Its threads end as soon as they are back from the driver.
    pub ending: bool,
    /// User memory below this address was that of processes that are gone.
    pub ended: u64,
    /// When the last one's memory went.
    pub gone: Option<Site>,
}

/// Most images that may be loaded.
pub const IMAGES: usize = 16;

/// Whether an image is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImageState {
    /// Its entry point was called and it is not unloaded.
    pub loaded: bool,
    /// When it was unloaded.
    pub gone: Option<Site>,
}

/// Kind of context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A script of the scenario.
    Actor(u16),
    /// A system thread made by the driver.
    Thread {
        /// Routine.
        routine: u64,
        /// Its argument.
        argument: u64,
    },
    /// A work item.
    WorkItem {
        /// Routine.
        routine: u64,
        /// Arguments.
        arguments: [u64; 2],
        /// Object that must live until the routine returned, 0 for none.
        device: u64,
        /// IO_WORKITEM or WORK_QUEUE_ITEM.
        item: u64,
    },
    /// A deferred procedure call: KDPC.
    Dpc(u64),
    /// An interrupt: `KINTERRUPT` of the first connected service routine.
    Interrupt(u64),
    /// The bus driver completes a request that it kept pending.
    BusCompletion(u64),
    /// The power manager sends a request that a driver asked for.
    PowerRequest(u64),
    /// The PnP manager asks a device anew, because a driver says that something changed.
    AskAgain {
        /// Its physical device object.
        pdo: u64,
        /// For its state, else for what is on its bus.
        state: bool,
    },
    /// The PnP manager tells of a change of a device that a driver reported.
    TargetChange {
        /// The physical device object.
        pdo: u64,
        /// The PnP manager's copy of what describes the change.
        copy: u64,
        /// Routine to call afterwards, 0 for none.
        callback: u64,
        /// Its argument.
        context: u64,
    },
    /// A thread that was blocked in a wait when the baseline was taken.
    Blocked,
}

/// Where a context stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Nothing: the slot is free.
    Free,
    /// May run.
    Ready,
    /// Waits for dispatcher objects or a delay.
    Waiting,
    /// Waits for a request to complete.
    ForRequest(u16),
    /// Waits for a queued work item, DPC or remove lock: anything the kernel wakes by this key.
    ForKey(u64),
    /// Spins on a lock.
    Spinning(u64),
}

/// An access to shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedAccess {
    /// First byte.
    pub address: u64,
    /// Bytes.
    pub bytes: u8,
    /// Whether it writes.
    pub writes: bool,
    /// The instruction that makes it.
    pub rip: u64,
    /// The moment.
    pub site: Site,
}

/// Two instructions that race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RacePair {
    /// The lower address.
    pub low: u64,
    /// The higher one.
    pub high: u64,
    /// Both write.
    pub writes: bool,
}

/// A request that was completed before one that was issued earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Overtaking {
    /// Number of the request that was issued first and is not done.
    pub earlier: u16,
    /// Number of the one that is.
    pub later: u16,
    /// Requests of the kernel's own - PnP, power - before the later one, and up to now.
    pub kernel: (u16, u16),
    /// Who was let run by choices that were not the default ones, as a number: tells ways to it apart.
    pub way: u32,
}

impl SharedAccess {
    /// The pair that two accesses are.
    pub fn pair(&self, other: &SharedAccess) -> RacePair {
        RacePair {
            low: self.rip.min(other.rip),
            high: self.rip.max(other.rip),
            writes: self.writes && other.writes,
        }
    }

    /// Whether the two touch the same byte and one of them writes.
    pub fn races_with(&self, other: &SharedAccess) -> bool {
        (self.writes || other.writes)
            && self.address < other.address + u64::from(other.bytes)
            && other.address < self.address + u64::from(self.bytes)
    }
}

/// A context's state that must be restored.
#[derive(Clone, Copy, Debug)]
pub struct ContextState {
    /// What it is.
    pub start: Start,
    /// What it does.
    pub doing: Doing,
    /// IRQL.
    pub irql: u8,
    /// It has run.
    pub started: bool,
    /// Virtual processor, while it holds one.
    pub processor: u8,
    /// Interrupt on top of it.
    pub covered: bool,
    /// Context that it interrupts.
    pub covers: Option<u8>,
    /// Spin locks held.
    pub locks: u8,
    /// KTHREAD, 0 for DPCs and interrupts.
    pub thread: u64,
    /// Where it was made: queued, set, created.
    pub made: Site,
    /// Result of the wait that ended.
    pub wake: u32,
    /// Kernel-mode APCs disabled (critical region depth).
    pub critical: i16,
    /// Calls of driver routines that are under way.
    pub depth: u8,
    /// Where it began to wait or spin, last.
    pub blocked: Site,
    /// The access to shared memory that it will make next, while others run.
    pub about: Option<SharedAccess>,
}

/// A free slot.
pub const FREE: ContextState = ContextState {
    start: Start::Blocked,
    doing: Doing::Free,
    irql: 0,
    started: false,
    processor: 0,
    covered: false,
    covers: None,
    locks: 0,
    thread: 0,
    made: 0,
    wake: 0,
    critical: 0,
    depth: 0,
    blocked: 0,
    about: None,
};

macro_rules! state {
    ($($(#[$meta:meta])* $field:ident: $type:ty,)*) => {
        /// See the module's description.
        #[derive(Debug)]
        pub struct State {
            $($(#[$meta])* pub $field: $type,)*
        }

        impl Clone for State {
            fn clone(&self) -> State {
                State { $($field: self.$field.clone(),)* }
            }

            /// Field by field, into the room that is there already.
            fn clone_from(&mut self, from: &State) {
                $(self.$field.clone_from(&from.$field);)*
            }
        }
    };
}

state! {
    /// Contexts, by number.
    contexts: [ContextState; MAX_CONTEXTS],
    /// Bit `c`: slot `c` is in use.
    live: u32,
    /// Bit `c`: context `c` would run if it had a processor. Kept by [`State::refresh`].
    ready: u32,
    /// Bit `c`: context `c` holds a processor, being at DISPATCH_LEVEL or above. Likewise.
    pinned: u32,
    /// Bit `c`: context `c` is an interrupt. Likewise.
    interrupting: u32,
    /// Who runs.
    current: u8,
    /// Nonpaged pool, by rising address.
    pool: Vec<Block>,
    /// Paged pool, by rising address.
    paged: Vec<Block>,
    /// Where the next block of each goes.
    next: [u64; 3],
    /// Request packets.
    irps: Vec<IrpRecord>,
    /// Calls.
    requests: Vec<Request>,
    /// Open files.
    files: Vec<File>,
    /// Device objects.
    devices: Vec<Device>,
    /// Symbolic links.
    links: Vec<Link>,
    /// Spin locks held.
    locks: Vec<Lock>,
    /// Timers set.
    timers: Vec<Timer>,
    /// Blocked waits, oldest first.
    waits: Vec<Wait>,
    /// Threads that work on the entries of queues.
    queue_threads: Vec<QueueThread>,
    /// Threads of which drivers set something.
    thread_settings: Vec<ThreadSettings>,
    /// Routines that are being notified: context, and what tells the registration apart.
    notifying: Vec<(u8, u64)>,
    /// Bit `c`: context `c` runs in a process that started meanwhile.
    child_processes: u32,
    /// Interrupts connected.
    interrupts: Vec<Interrupt>,
    /// Interrupts one after the other that no service routine claimed, while nobody else ran.
    unclaimed: u32,
    /// Sections that are locked or were.
    locked_sections: Vec<SectionLock>,
    /// Bit `m`: all of module `m` may be paged out.
    paged_drivers: u32,
    /// What the PnP manager knows of the device.
    pnp: Pnp,
    /// Devices on buses that drivers report.
    children: Vec<Child>,
    /// Power requests.
    power: Vec<PowerRequest>,
    /// Wait/wake requests that the bus driver keeps, each with its physical device object.
    wakes: Vec<(u64, u64)>,
    /// Devices with idle detection.
    idle: Vec<IdleDevice>,
    /// Objects of the kernel's that somebody holds or held.
    objects: Vec<crate::ob::object::Object>,
    /// Events with a name.
    named_events: Vec<NamedEvent>,
    /// The registry.
    hive: Rc<crate::cm::hive::Hive>,
    /// Files, and openings of them.
    disk: Rc<crate::io::disk::Disk>,
    /// Device interfaces and what was registered for notification.
    registered: Rc<crate::io::registered::Registered>,
    /// Handles to kernel objects: object address, 0 once closed.
    handles: Vec<u64>,
    /// User-half ranges that the current requests gave or the driver probed.
    probed: Vec<(u64, u64)>,
    /// Memory (start, end) that the kit's own macros change without a lock: statistics of look-aside
    /// lists. Races on it mean nothing.
    unguarded: Vec<(u64, u64)>,
    /// Virtual time, 100 ns since the baseline of the world.
    now: u64,
    /// Moments so far.
    moment: Site,
    /// Virtual time-stamp counter.
    ticks: u64,
    /// Scheduling points with a choice so far.
    points: u32,
    /// Times the clock was advanced since an actor last got on.
    idle_ticks: u32,
    /// The application's process, and those before it.
    process: Process,
    /// Images: loaded, or gone.
    images: [ImageState; IMAGES],
    /// From which moment on which image calls services; noted where there are several.
    callers: Vec<(Site, u8)>,
    /// Which step of winding down has been started.
    wind_down: u8,
    /// Cancel spin lock's owner must release it at this IRQL.
    next_user: u64,
    /// Calls so far that may fail for want of memory, while they are counted.
    allocations: u32,
    /// Where one of them was made to fail.
    failed: Option<Site>,
}

impl State {
    /// Nothing there.
    pub fn new() -> State {
        State {
            contexts: [FREE; MAX_CONTEXTS],
            live: 0,
            ready: 0,
            pinned: 0,
            interrupting: 0,
            current: crate::world::NOBODY,
            pool: Vec::new(),
            paged: Vec::new(),
            next: [
                crate::map::NONPAGED_POOL + 0x40,
                crate::map::PAGED_POOL + 0x40,
                crate::map::LOCKED_PAGES,
            ],
            irps: Vec::new(),
            requests: Vec::new(),
            files: Vec::new(),
            devices: Vec::new(),
            links: Vec::new(),
            locks: Vec::new(),
            timers: Vec::new(),
            waits: Vec::new(),
            queue_threads: Vec::new(),
            thread_settings: Vec::new(),
            notifying: Vec::new(),
            child_processes: 0,
            interrupts: Vec::new(),
            unclaimed: 0,
            locked_sections: Vec::new(),
            paged_drivers: 0,
            pnp: Pnp::default(),
            children: Vec::new(),
            power: Vec::new(),
            wakes: Vec::new(),
            idle: Vec::new(),
            objects: Vec::new(),
            named_events: Vec::new(),
            hive: Rc::new(crate::cm::hive::Hive::new()),
            disk: Rc::default(),
            registered: Rc::default(),
            handles: Vec::new(),
            probed: Vec::new(),
            unguarded: Vec::new(),
            now: 0,
            moment: 0,
            ticks: 0,
            points: 0,
            idle_ticks: 0,
            process: Process::default(),
            images: [ImageState::default(); IMAGES],
            callers: Vec::new(),
            wind_down: 0,
            next_user: crate::map::USER,
            allocations: 0,
            failed: None,
        }
    }

    /// Whether the driver under test is loaded.
    #[inline]
    pub fn loaded(&self) -> bool {
        self.images[0].loaded
    }

    /// The record of a request packet, newest first.
    #[inline]
    pub fn irp(&self, address: u64) -> Option<&IrpRecord> {
        self.irps.iter().rev().find(|irp| irp.address == address)
    }

    /// The same, to change.
    #[inline]
    pub fn irp_mut(&mut self, address: u64) -> Option<&mut IrpRecord> {
        self.irps.iter_mut().rev().find(|irp| irp.address == address)
    }

    /// Every block of pool, freed ones too.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.pool.iter().chain(&self.paged)
    }

    /// The block that holds `address` or is nearest below it.
    pub fn block_at_or_below(&self, address: u64) -> Option<&Block> {
        let pool = if (crate::map::PAGED_POOL..crate::map::LOCKED_PAGES).contains(&address) {
            &self.paged
        } else {
            &self.pool
        };
        let after = pool.partition_point(|block| block.address <= address);
        pool.get(after.checked_sub(1)?)
    }

    /// The block nearest above `address`.
    pub fn block_above(&self, address: u64) -> Option<&Block> {
        let pool = if (crate::map::PAGED_POOL..crate::map::LOCKED_PAGES).contains(&address) {
            &self.paged
        } else {
            &self.pool
        };
        pool.get(pool.partition_point(|block| block.address <= address))
    }

    /// Brings the masks up to date after a context's record was changed.
    #[inline]
    pub fn refresh(&mut self, context: usize) {
        let record = &self.contexts[context];
        let bit = 1u32 << context;
        let set = |mask: u32, on: bool| if on { mask | bit } else { mask & !bit };
        let open = !record.covered;
        let ready = record.doing == Doing::Ready && open;
        let pinned = record.started && record.irql >= 2 && open;
        let interrupting = matches!(record.start, Start::Interrupt(_));
        self.ready = set(self.ready, ready);
        self.pinned = set(self.pinned, pinned);
        self.interrupting = set(self.interrupting, interrupting);
    }

    /// Changes what a context does.
    #[inline]
    pub fn set_doing(&mut self, context: usize, doing: Doing) {
        self.contexts[context].doing = doing;
        self.refresh(context);
    }

    /// Makes ready whoever does just this.
    #[inline]
    pub fn wake_all(&mut self, doing: Doing) {
        // Whoever is blocked is live and not ready.
        let mut left = self.live & !self.ready;
        while left != 0 {
            let context = left.trailing_zeros() as usize;
            left &= left - 1;
            if self.contexts[context].doing == doing {
                self.set_doing(context, Doing::Ready);
            }
        }
    }

    /// Numbers of the contexts in use.
    #[inline]
    pub fn live(&self) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.live;
        std::iter::from_fn(move || {
            let context = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (context < MAX_CONTEXTS).then_some(context)
        })
    }

    /// The context that runs.
    #[inline]
    pub fn me(&mut self) -> &mut ContextState {
        &mut self.contexts[usize::from(self.current) % MAX_CONTEXTS]
    }
}

impl Default for State {
    fn default() -> Self {
        State::new()
    }
}

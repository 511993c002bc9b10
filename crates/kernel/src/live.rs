//! Runs without an end: requests come from outside, one after another, for as long as somebody likes.
//!
//! A run of the search hands out no block, packet or number twice. Here that would use up all there is,
//! so what is finished is handed out again, but late: a freed block first waits in a queue of blocks of
//! its size, untouchable, until as many have followed it as the queue holds. A late access is caught for
//! as long; one that comes later still meets somebody else's block, as on Windows it may at once.

use crate::state::{Block, BlockKind, Origin};
use crate::world::World;
use std::collections::{HashMap, VecDeque};

/// Bytes of freed blocks of one size that wait, and how many blocks that is at least and at most.
const WAITING_BYTES: u64 = 1 << 20;
const FEWEST_WAITING: u64 = 4;
const MOST_WAITING: u64 = 256;
/// The same of request packets, whose records are searched one by one.
const PACKETS_WAITING: usize = 48;
/// Requests that are done whose numbers wait.
const REQUESTS_WAITING: usize = 48;
/// Changes of the image that calls services which are remembered: back to the oldest that counts.
const MOST_CALLERS: usize = 1 << 16;
/// What the device may do by itself before others outside get their turn.
const STEPS: u32 = 4096;

/// Blocks that may stand in for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Class {
    paged: bool,
    packet: bool,
    /// Blocks of a page and more begin with one.
    aligned: bool,
    capacity: u64,
}

impl Class {
    fn of(kind: BlockKind, paged: bool, bytes: u64) -> Class {
        Class {
            paged,
            packet: kind == BlockKind::Irp,
            aligned: bytes >= 0x1000,
            capacity: capacity(bytes),
        }
    }

    fn waiting(&self) -> usize {
        match self.packet {
            true => PACKETS_WAITING,
            false => waiting(self.capacity),
        }
    }
}

/// How many freed blocks of a size wait.
fn waiting(capacity: u64) -> usize {
    (WAITING_BYTES / capacity.max(1)).clamp(FEWEST_WAITING, MOST_WAITING) as usize
}

/// Room for `bytes` bytes: sizes go by quarters between powers of two, so there are few of them.
fn capacity(bytes: u64) -> u64 {
    let bytes = bytes.max(64);
    let quarter = (bytes.next_power_of_two() / 8).max(16);
    bytes.next_multiple_of(quarter)
}

/// A buffer of an application's, for as long as its request is under way.
#[derive(Clone, Copy, Debug)]
struct Lent {
    request: u16,
    address: u64,
    bytes: u64,
}

/// What such a run needs besides. See the module's description.
#[derive(Debug, Default)]
pub struct Live {
    /// Virtual time up to which timers may expire; `None` while the driver is loaded and started.
    pub until: Option<u64>,
    /// What the application's buffer of the next request holds.
    pub data: Vec<u8>,
    /// Disposition and create options of the next open, as IRP_MJ_CREATE has them.
    pub create_options: u32,
    /// Packets made so far.
    pub(crate) packets: u32,
    steps: u32,
    blocks: HashMap<Class, VecDeque<u64>>,
    user: HashMap<u64, VecDeque<u64>>,
    lent: Vec<Lent>,
    /// Requests by number: whether its number waits to be used again.
    retired: Vec<bool>,
    requests: VecDeque<u16>,
    files: Vec<u16>,
    lending: u16,
}

/// What a live run holds at the moment, to tell whether anything was left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Request packets of applications that are not back.
    pub irps: usize,
    /// Files that are open or not yet closed.
    pub files: usize,
    /// Blocks of pool, whoever has them, and their bytes.
    pub blocks: usize,
    /// See `blocks`.
    pub pool_bytes: u64,
    /// Buffers of applications.
    pub buffers: usize,
    /// Threads, DPCs and interrupts that are under way or blocked.
    pub contexts: usize,
    /// Timers that are set.
    pub timers: usize,
    /// Pages of guest memory that were ever used: what grows if anything does.
    pub pages: usize,
}

impl Live {
    /// Room for a block, of those that have waited long enough.
    pub(crate) fn take(&mut self, kind: BlockKind, paged: bool, bytes: u64) -> Option<u64> {
        let class = Class::of(kind, paged, bytes);
        let queue = self.blocks.get_mut(&class)?;
        if queue.len() > class.waiting() { queue.pop_front() } else { None }
    }

    /// The same where nothing else is left.
    pub(crate) fn take_any(&mut self, kind: BlockKind, paged: bool, bytes: u64) -> Option<u64> {
        self.blocks.get_mut(&Class::of(kind, paged, bytes))?.pop_front()
    }

    /// Bytes that a new block takes up.
    pub(crate) fn room(bytes: u64) -> u64 {
        capacity(bytes)
    }

    pub(crate) fn freed(&mut self, block: &Block) {
        let class = Class::of(block.kind, block.paged, block.bytes);
        self.blocks.entry(class).or_default().push_back(block.address);
    }

    /// A place for an application's buffer that was one before, and keeps in mind that it is lent.
    pub(crate) fn take_user(&mut self, bytes: u64) -> Option<u64> {
        let capacity = capacity(bytes);
        let queue = self.user.get_mut(&capacity)?;
        if queue.len() > waiting(capacity) { queue.pop_front() } else { None }
    }

    pub(crate) fn lend(&mut self, address: u64, bytes: u64) {
        self.lent.push(Lent { request: self.lending, address, bytes });
    }

    /// Whether the device may do another thing before others get their turn.
    pub(crate) fn steps_left(&self) -> bool {
        self.steps > 0
    }

    pub(crate) fn stepped(&mut self) {
        self.steps = self.steps.saturating_sub(1);
    }

    /// A number for a request, of which there were `known`.
    pub(crate) fn request(&mut self, known: usize) -> u16 {
        let again = self.requests.len() > REQUESTS_WAITING || known >= usize::from(u16::MAX);
        let old = if again { self.requests.pop_front() } else { None };
        let index = old.unwrap_or(known as u16);
        if self.retired.len() <= usize::from(index) {
            self.retired.resize(usize::from(index) + 1, false);
        }
        self.retired[usize::from(index)] = false;
        self.lending = index;
        index
    }

    /// The same for a file.
    pub(crate) fn file(&mut self) -> Option<u16> {
        self.files.pop()
    }
}

impl World {
    /// Makes it a world in which what is finished is handed out again; before anything is loaded.
    pub fn go_live(&mut self) {
        self.live = Some(Box::default());
    }

    /// What happens from here on happens at this virtual time, in 100 ns; timers that are due expire.
    pub fn set_time(&mut self, now: u64) {
        if let Some(live) = &mut self.live {
            live.until = Some(live.until.unwrap_or(0).max(now));
            self.state.now = self.state.now.max(now);
            crate::ke::time::publish(self);
        }
    }

    /// When the next timer expires, in virtual time.
    pub fn next_timer(&self) -> Option<u64> {
        self.state.timers.iter().map(|timer| timer.due).min()
    }

    /// Lets an actor begin; false where there is no room for another one.
    pub fn begin_actor(&mut self, actor: u16) -> bool {
        let thread = crate::ps::thread::object(self);
        self.spawn(crate::state::Start::Actor(actor), 0, thread).is_some()
    }

    /// Whether an actor is under way or blocked.
    pub fn is_under_way(&self, actor: u16) -> bool {
        let start = crate::state::Start::Actor(actor);
        self.state.live().any(|context| self.state.contexts[context].start == start)
    }

    /// Before contexts go on: what a slice of the run may use.
    pub(crate) fn begin_slice(&mut self) {
        self.over = false;
        self.budget = crate::world::BUDGET;
        self.state.idle_ticks = 0;
        if let Some(live) = &mut self.live {
            live.steps = STEPS;
        }
        let callers = &mut self.state.callers;
        if callers.len() > MOST_CALLERS {
            callers.drain(..MOST_CALLERS / 2);
        }
    }

    /// A block that was freed long ago is handed out again: nothing of what it was counts any more.
    pub(crate) fn forget_block(&mut self, address: u64, capacity: u64) {
        let inside = address..address + capacity;
        if self.state.objects.iter().any(|object| object.address == address) {
            self.state.objects.retain(|object| object.address != address);
        }
        for request in &mut self.state.requests {
            if request.done.is_some() {
                for place in [&mut request.irp, &mut request.system, &mut request.mdl] {
                    if *place == address {
                        *place = 0;
                    }
                }
            }
        }
        let own = |record: &crate::state::IrpRecord| {
            record.origin == Origin::Driver && inside.contains(&record.address)
        };
        if self.state.irps.iter().any(own) {
            self.state.irps.retain(|record| !own(record));
        }
        let gone = |device: &crate::state::Device| device.deleted && device.object == address;
        if self.state.devices.iter().any(gone) {
            self.state.devices.retain(|device| !gone(device));
        }
    }

    /// Gives back what requests had that are done and back from the driver. `keep` are those of which
    /// somebody outside has not taken the outcome yet.
    pub fn retire(&mut self, keep: impl Fn(u16) -> bool) {
        let Some(mut live) = self.live.take() else { return };
        live.retired.resize(self.state.requests.len().max(live.retired.len()), false);
        for (index, request) in self.state.requests.iter().enumerate() {
            let through = request.done.is_some() && request.returned.is_some();
            if !live.retired[index] && through && !keep(index as u16) {
                live.retired[index] = true;
                live.requests.push_back(index as u16);
            }
        }
        let mut index = 0;
        while let Some(&Lent { request, address, bytes }) = live.lent.get(index) {
            if !live.retired[usize::from(request)] {
                index += 1;
                continue;
            }
            live.lent.swap_remove(index);
            self.bus.memory.set_valid(address, bytes, false);
            let end = address + bytes;
            self.state.probed.retain(|&(from, to)| to <= address || end <= from);
            live.user.entry(capacity(bytes)).or_default().push_back(address);
        }
        for (index, file) in self.state.files.iter_mut().enumerate() {
            if file.closed && !file.open && file.busy == 0 && file.object != 0 {
                file.object = 0;
                live.files.push(index as u16);
            }
        }
        self.live = Some(live);
    }

    /// What is in use now.
    pub fn account(&self) -> Account {
        let state = &self.state;
        let blocks = || state.blocks().filter(|block| block.freed.is_none());
        Account {
            irps: state.requests.iter().filter(|request| request.done.is_none()).count(),
            files: state.files.iter().filter(|file| file.object != 0).count(),
            blocks: blocks().count(),
            pool_bytes: blocks().map(|block| block.bytes).sum(),
            buffers: self.live.as_ref().map_or(0, |live| live.lent.len()),
            contexts: state.live.count_ones() as usize,
            timers: state.timers.len(),
            pages: self.bus.memory.page_count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ex::pool;
    use memory::Access;

    fn world() -> World {
        let mut world = World::new(2, &[]);
        world.go_live();
        world
    }

    #[test]
    fn sizes_are_few_and_hold_what_they_are_for() {
        let mut sizes = std::collections::BTreeSet::new();
        for bytes in 0..70_000 {
            let room = capacity(bytes);
            assert!(room >= bytes && room.is_multiple_of(16) && room <= bytes.max(64) * 3 / 2);
            assert_eq!(capacity(room), room);
            sizes.insert(room);
        }
        assert!(sizes.len() < 64, "{}", sizes.len());
    }

    #[test]
    fn a_freed_block_is_handed_out_again_after_the_others_of_its_size() {
        let mut world = world();
        let take = |world: &mut World| {
            pool::allocate(world, BlockKind::Pool, false, 1000, 1).expect("pool")
        };
        let first = take(&mut world);
        pool::free(&mut world, first);
        for _ in 0..MOST_WAITING {
            let other = take(&mut world);
            assert_ne!(other, first);
            assert!(world.bus.memory.check(first, 1, Access::Read).is_err(), "still caught");
            pool::free(&mut world, other);
        }
        assert_eq!(take(&mut world), first);
        assert!(world.bus.memory.check(first, 1000, Access::Write).is_ok());
        let records = world.state.pool.iter().filter(|block| block.address == first);
        assert_eq!(records.count(), 1);
        assert!(world.state.pool.is_sorted_by_key(|block| block.address));
    }

    #[test]
    fn memory_does_not_grow_with_what_was_allocated() {
        let mut world = world();
        let mut pages = 0;
        for round in 0..6 {
            for size in 0..2_000u64 {
                let bytes = size % 7 * 5_000 + 10;
                let at = pool::allocate(&mut world, BlockKind::Pool, size % 2 == 0, bytes, 1);
                pool::free(&mut world, at.expect("pool"));
            }
            let now = world.account().pages;
            assert!(round < 3 || now == pages, "round {round}: {pages} pages became {now}");
            pages = now;
        }
    }
}

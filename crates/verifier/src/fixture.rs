//! Small worlds for the tests of rules.

use kernel::event::Site;
use kernel::state::{Block, BlockKind, IrpRecord, LOCATIONS, Lock, Origin, Request};
use kernel::{World, map};
use memory::{Access, Fault, FaultCause};

fn block(world: &mut World, kind: BlockKind, bytes: u64) -> Block {
    let number = world.state.pool.len() as u64 + 1;
    let address = map::NONPAGED_POOL + (1 << 24) + 0x1000 * number;
    world.bus.memory.map(address, 0x1000, 0, true);
    let tag = nt::pool::tag(*b"Test");
    let block = Block { address, bytes, tag, kind, paged: false, allocated: 1, freed: None };
    world.state.pool.push(block);
    block
}

/// A live block of pool.
pub(crate) fn pool(world: &mut World, bytes: u64) -> Block {
    block(world, BlockKind::Pool, bytes)
}

/// A packet with two stack locations.
pub(crate) fn irp(world: &mut World, major: u8) -> u64 {
    let bytes = nt::layout::irp::SIZE + 2 * nt::layout::io_stack_location::SIZE;
    let address = block(world, BlockKind::Irp, bytes).address;
    let number = world.state.irps.len() as u32 + 1;
    world.state.irps.push(IrpRecord {
        address,
        number,
        locations: 2,
        origin: Origin::Request(0),
        major,
        made: 1,
        completed: None,
        freed: None,
        cancelled: None,
        cancel_called: None,
        pended: None,
        queued: None,
        history: [Default::default(); LOCATIONS],
    });
    address
}

/// A loaded image with nothing in it.
pub(crate) fn image(world: &mut World, name: &str) {
    let image = kernel::Image {
        name: name.to_owned(),
        base: kernel::image_base(world.modules.len()),
        bytes: vec![0; 0x1000],
        entry: 0,
        headers: 0,
        sections: Vec::new(),
        imports: Vec::new(),
        cookie: None,
        guard: (None, None),
        role: Default::default(),
        uses: 0,
        library: (None, None),
    };
    world.load(image);
}

/// A call that waits for a packet.
pub(crate) fn request(world: &mut World, irp: u64) {
    world.state.requests.push(Request {
        irp,
        file: None,
        done: None,
        by: 0,
        returned: Some(nt::status::STATUS_PENDING),
        buffer: 0,
        bytes: 0,
        system: 0,
        copy_back: 0,
        mdl: 0,
        waiter: None,
        sent: 1,
        back: 1,
        tag: 0,
    });
}

/// A lock that is held.
pub(crate) fn lock(world: &mut World, address: u64, owner: u8, old_irql: u8, site: Site) {
    world.state.locks.push(Lock { address, owner, site, old_irql, raised: true, shared: false });
}

/// A refused access of 8 bytes.
pub(crate) fn fault(address: u64, access: Access) -> Fault {
    Fault { address, bytes: 8, access, cause: FaultCause::Unmapped }
}

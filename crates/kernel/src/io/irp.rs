//! Making and freeing request packets.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, IrpRecord, Location, Origin};
use crate::world::World;
use memory::Access;
use nt::layout::{io_stack_location as location, irp};

/// IO_TYPE_IRP (wdm.h).
const TYPE_IRP: u16 = 6;

/// Bytes of a packet with this many stack locations.
pub(crate) fn size(locations: u8) -> u64 {
    irp::SIZE + u64::from(locations) * location::SIZE
}

/// Fills in a packet as `IoInitializeIrp` does.
fn initialize(world: &mut World, at: u64, bytes: u64, locations: u8) {
    // One write for the packet: this is on the way of every request.
    let mut packet = [0u8; irp::SIZE as usize];
    let mut put = |offset: u64, value: &[u8]| {
        packet[offset as usize..offset as usize + value.len()].copy_from_slice(value);
    };
    put(0, &TYPE_IRP.to_le_bytes());
    put(irp::SIZE_FIELD, &(bytes as u16).to_le_bytes());
    put(irp::STACK_COUNT, &[locations, locations + 1]);
    let list = at + irp::THREAD_LIST_ENTRY;
    put(irp::THREAD_LIST_ENTRY, &list.to_le_bytes());
    put(irp::THREAD_LIST_ENTRY + 8, &list.to_le_bytes());
    let end = at + irp::SIZE + u64::from(locations) * location::SIZE;
    put(irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION, &end.to_le_bytes());
    let memory = &mut world.bus.memory;
    memory.poke(at, &packet);
    memory.fill(at + irp::SIZE, bytes.saturating_sub(irp::SIZE), 0);
}

/// Makes a packet.
pub(crate) fn make(world: &mut World, locations: u8, origin: Origin) -> Option<u64> {
    let bytes = size(locations);
    let at = pool::allocate(world, BlockKind::Irp, false, bytes, 0)?;
    initialize(world, at, bytes, locations);
    let made = world.state.moment;
    world.state.irps.push(IrpRecord {
        address: at,
        locations,
        origin,
        major: 0,
        made,
        completed: None,
        freed: None,
        cancelled: None,
        cancel_called: None,
        pended: None,
        queued: None,
        history: [Location::default(); crate::state::LOCATIONS],
    });
    Some(at)
}

/// Address of the stack location for the topmost driver.
pub(crate) fn first_location(at: u64, locations: u8) -> u64 {
    at + irp::SIZE + u64::from(locations - 1) * location::SIZE
}

/// Makes a packet for the driver's own use.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocateirp>
pub fn IoAllocateIrp(cx: &mut Cx, locations: u8, _charge: bool) -> Result<u64, Stop> {
    match make(cx, locations, Origin::Driver) {
        Some(at) => Ok(at),
        None => Err(Stop::Run),
    }
}

/// Frees a packet that the driver made.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iofreeirp>
pub fn IoFreeIrp(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, irp::SIZE, Access::Write)?;
    pool::free(cx, at);
    let now = cx.state.moment;
    if let Some(record) = cx.state.irp_mut(at) {
        record.freed.get_or_insert(now);
    }
    Ok(())
}

/// Fills in a packet in memory of the driver's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioinitializeirp>
pub fn IoInitializeIrp(cx: &mut Cx, at: u64, bytes: u16, locations: u8) -> Result<(), Stop> {
    let bytes = u64::from(bytes).max(size(locations));
    cx.probe(at, bytes, Access::Write)?;
    initialize(cx, at, bytes, locations);
    Ok(())
}

/// Makes a packet ready for another use.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreuseirp>
pub fn IoReuseIrp(cx: &mut Cx, at: u64, status: u32) -> Result<(), Stop> {
    cx.probe(at, irp::SIZE, Access::Write)?;
    let locations = cx.bus.memory.peek8(at + irp::STACK_COUNT);
    cx.probe(at, size(locations), Access::Write)?;
    initialize(cx, at, size(locations), locations);
    cx.bus.memory.poke32(at + irp::IO_STATUS_STATUS, status);
    if let Some(record) = cx.state.irp_mut(at) {
        record.completed = None;
        record.freed = None;
        record.history = [Location::default(); crate::state::LOCATIONS];
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoAllocateIrp, quiet),
        service!(IoFreeIrp),
        service!(IoInitializeIrp, quiet),
        service!(IoReuseIrp),
    ]
}

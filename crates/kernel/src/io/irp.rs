//! Making and freeing request packets.

use crate::cx::{Cx, Stop};
use crate::event::Site;
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::{Block, BlockKind, IrpRecord, Location, Origin};
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
    let number = number(world);
    let record = fresh(at, locations, origin, made, number);
    let known = match world.live {
        Some(_) => world.state.irps.iter().position(|record| record.address == at),
        None => None,
    };
    match known {
        Some(index) => world.state.irps[index] = record,
        None => world.state.irps.push(record),
    }
    Some(at)
}

/// Packets are numbered in the order in which they are made.
fn number(world: &mut World) -> u32 {
    match &mut world.live {
        Some(live) => {
            live.packets = live.packets.wrapping_add(1);
            live.packets
        }
        None => world.state.irps.len() as u32 + 1,
    }
}

/// The record of a packet that has been nowhere yet.
fn fresh(at: u64, locations: u8, origin: Origin, made: Site, number: u32) -> IrpRecord {
    IrpRecord {
        address: at,
        number,
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
    }
}

/// A packet in memory of the driver's begins anew. One that somebody else made keeps its record:
/// a driver may begin anew only what it made.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/reusing-irps>
pub(crate) fn begin_anew(world: &mut World, at: u64, locations: u8) {
    let made = world.state.moment;
    match world.state.irp_mut(at) {
        Some(record) if record.origin == Origin::Driver => {
            *record = fresh(at, locations, Origin::Driver, made, record.number);
        }
        Some(_) => {}
        None => {
            let number = number(world);
            world.state.irps.push(fresh(at, locations, Origin::Driver, made, number));
        }
    }
}

/// The driver frees a block of its pool, and the packets that it made there end with it.
pub(crate) fn end_inside(world: &mut World, block: &Block) {
    let now = world.state.moment;
    let inside = block.address..block.address + block.bytes;
    let records = world.state.irps.iter_mut();
    for record in records.filter(|record| record.origin == Origin::Driver) {
        if inside.contains(&record.address) {
            record.freed.get_or_insert(now);
        }
    }
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
    begin_anew(cx, at, locations);
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
    begin_anew(cx, at, locations);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::call::IofCallDriver;
    use crate::rtl::test_machine::{block, run};
    use nt::layout::{device_object, driver_object};

    #[test]
    fn a_packet_in_memory_of_the_drivers_is_known_from_its_first_call_on() {
        run(|cx| {
            let driver = crate::io::device::make_driver(cx, "\\Driver\\Test", 0, 0, 0);
            let routine = cx.registry.address_of("KeGetCurrentIrql").expect("a service");
            cx.write64(driver + driver_object::MAJOR_FUNCTION, routine)?;
            let device = crate::io::device::make_device(cx, driver, 0, None, 0, 0, false);
            let device = device.ok_or(Stop::Run)?;
            cx.write8(device + device_object::STACK_SIZE, 1)?;
            let at = block(cx, size(1));
            // Filled in by hand, as no routine was asked to.
            initialize(cx, at, size(1), 1);
            assert!(cx.state.irp(at).is_none());
            IofCallDriver(cx, device, at)?;
            let record = *cx.state.irp(at).expect("a record");
            assert_eq!((record.origin, record.locations), (Origin::Driver, 1));
            assert_eq!(record.history[0].device, device);
            Ok(())
        });
    }

    #[test]
    fn a_packet_begins_anew_and_ends_with_its_block() {
        run(|cx| {
            // It lies somewhere inside the block, as in a driver's own structure.
            let home = block(cx, size(2) + 32);
            let at = home + 32;
            IoInitializeIrp(cx, at, size(2) as u16, 2)?;
            crate::io::cancel::IoCancelIrp(cx, at)?;
            assert!(cx.state.irp(at).is_some_and(|record| record.cancelled.is_some()));
            for again in [
                |cx: &mut Cx, at| IoReuseIrp(cx, at, 0),
                |cx: &mut Cx, at| IoInitializeIrp(cx, at, size(2) as u16, 2),
            ] {
                cx.state.irp_mut(at).expect("a record").completed = Some(1);
                again(cx, at)?;
                let record = cx.state.irp(at).expect("a record");
                assert_eq!((record.cancelled, record.completed), (None, None));
            }
            let records = cx.state.irps.len();
            crate::ex::pool::ExFreePoolWithTag(cx, home, 0)?;
            assert!(cx.state.irp(at).is_some_and(|record| record.freed.is_some()));
            assert_eq!(cx.state.irps.len(), records);
            Ok(())
        });
    }

    #[test]
    fn a_request_of_an_application_keeps_its_record() {
        run(|cx| {
            let at = make(cx, 1, Origin::Request(0)).ok_or(Stop::Run)?;
            IoReuseIrp(cx, at, 0)?;
            assert_eq!(cx.state.irp(at).map(|record| record.origin), Some(Origin::Request(0)));
            Ok(())
        });
    }
}

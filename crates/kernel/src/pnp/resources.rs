//! Resource lists of the bench's device.

use crate::device::{CARD_BUS_ADDRESS, CARD_BYTES, CARD_IRQL, CARD_VECTOR};
use crate::ex::pool;
use crate::state::BlockKind;
use crate::world::World;
use nt::layout::cm_partial_resource_descriptor as descriptor;

/// CM_RESOURCE_LIST up to the first descriptor: Count, InterfaceType, BusNumber, Version, Revision,
/// Count.
const HEADER: u64 = 20;
/// CmResourceTypeInterrupt, CmResourceTypeMemory (wdm.h).
const INTERRUPT: u8 = 2;
const MEMORY: u8 = 3;
/// CmResourceShareDeviceExclusive, CmResourceShareShared.
const EXCLUSIVE: u8 = 1;
const SHARED: u8 = 3;
/// PCIBus of INTERFACE_TYPE.
const PCI_BUS: u32 = 5;

/// Makes a resource list with the register page and the interrupt; raw or translated.
pub fn make(world: &mut World, translated: bool) -> Option<u64> {
    let bytes = HEADER + 2 * descriptor::SIZE;
    let list = pool::allocate(world, BlockKind::Object, false, bytes, 0)?;
    let memory = &mut world.bus.memory;
    memory.fill(list, bytes, 0);
    memory.poke32(list, 1);
    memory.poke32(list + 4, PCI_BUS);
    memory.poke16(list + 12, 1);
    memory.poke16(list + 14, 1);
    memory.poke32(list + 16, 2);
    let one = list + HEADER;
    memory.poke8(one, MEMORY);
    memory.poke8(one + descriptor::SHARE_DISPOSITION, EXCLUSIVE);
    memory.poke64(one + descriptor::U_MEMORY_START, CARD_BUS_ADDRESS);
    memory.poke32(one + descriptor::U_MEMORY_LENGTH, CARD_BYTES as u32);
    let two = one + descriptor::SIZE;
    let (level, vector) = if translated { (u32::from(CARD_IRQL), CARD_VECTOR) } else { (17, 17) };
    memory.poke8(two, INTERRUPT);
    memory.poke8(two + descriptor::SHARE_DISPOSITION, SHARED);
    memory.poke32(two + descriptor::U_INTERRUPT_LEVEL, level);
    memory.poke32(two + descriptor::U_INTERRUPT_VECTOR, vector);
    memory.poke64(two + descriptor::U_INTERRUPT_AFFINITY, (1 << world.processors) - 1);
    Some(list)
}

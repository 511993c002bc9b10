//! Resource lists of the bench's device: its registers, in the order of its base address
//! registers, then its interrupt.

use crate::device::{CARD_IRQL, CARD_LINE, CARD_VECTOR};
use crate::ex::pool;
use crate::state::BlockKind;
use crate::world::World;
use devices::{Place, Space};
use memory::Memory;
use nt::layout::cm_partial_resource_descriptor as descriptor;

/// CM_RESOURCE_LIST up to the first descriptor: Count, InterfaceType, BusNumber, Version, Revision,
/// Count.
const HEADER: u64 = 20;
/// CmResourceTypePort, CmResourceTypeInterrupt, CmResourceTypeMemory (wdm.h).
const PORT: u8 = 1;
const INTERRUPT: u8 = 2;
const MEMORY: u8 = 3;
/// CmResourceShareDeviceExclusive, CmResourceShareShared.
const EXCLUSIVE: u8 = 1;
const SHARED: u8 = 3;
/// CM_RESOURCE_PORT_IO | CM_RESOURCE_PORT_16_BIT_DECODE.
const PORT_FLAGS: u16 = 0x11;
/// CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE.
const MESSAGE_FLAGS: u16 = 0x3;
/// Vector of messages in raw resources: CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN.
const MESSAGE_TOKEN: u32 = 0xffff_fffe;
/// PCIBus of INTERFACE_TYPE.
const PCI_BUS: u32 = 5;

fn registers(memory: &mut Memory, at: u64, place: &Place) {
    let (kind, flags) = match place.bar.space {
        Space::Ports => (PORT, PORT_FLAGS),
        Space::Memory => (MEMORY, 0),
    };
    memory.poke8(at, kind);
    memory.poke8(at + descriptor::SHARE_DISPOSITION, EXCLUSIVE);
    memory.poke16(at + descriptor::FLAGS, flags);
    memory.poke64(at + descriptor::U_MEMORY_START, place.address);
    memory.poke32(at + descriptor::U_MEMORY_LENGTH, place.bar.bytes as u32);
}

/// Makes a resource list; raw or translated. Messages of one device share an address and so a
/// descriptor.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/using-interrupt-resource-descriptors>
pub fn make(world: &mut World, translated: bool) -> Option<u64> {
    let places = world.bus.card.places().to_vec();
    let messages = world.bus.card.messages();
    let count = places.len() as u64 + 1;
    let bytes = HEADER + count * descriptor::SIZE;
    let list = pool::allocate(world, BlockKind::Object, false, bytes, 0)?;
    let affinity = (1u64 << world.processors) - 1;
    let memory = &mut world.bus.memory;
    memory.fill(list, bytes, 0);
    memory.poke32(list, 1);
    memory.poke32(list + 4, PCI_BUS);
    memory.poke16(list + 12, 1);
    memory.poke16(list + 14, 1);
    memory.poke32(list + 16, count as u32);
    let mut at = list + HEADER;
    for place in &places {
        registers(memory, at, place);
        at += descriptor::SIZE;
    }
    memory.poke8(at, INTERRUPT);
    let share = if messages == 0 { SHARED } else { EXCLUSIVE };
    memory.poke8(at + descriptor::SHARE_DISPOSITION, share);
    memory.poke64(at + descriptor::U_INTERRUPT_AFFINITY, affinity);
    let (level, vector) = match (translated, messages) {
        (true, _) => (u32::from(CARD_IRQL), CARD_VECTOR),
        (false, 0) => (CARD_LINE, CARD_LINE),
        // Group, then the number of messages.
        (false, count) => (u32::from(count) << 16, MESSAGE_TOKEN),
    };
    memory.poke32(at + descriptor::U_INTERRUPT_LEVEL, level);
    memory.poke32(at + descriptor::U_INTERRUPT_VECTOR, vector);
    if messages > 0 {
        memory.poke16(at + descriptor::FLAGS, MESSAGE_FLAGS);
    }
    Some(list)
}

//! What the bus driver answers besides: texts, resource requirements, the device itself.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::state::BlockKind;
use crate::world::World;
use devices::Space;
use nt::irp::{
    IRP_MN_QUERY_DEVICE_RELATIONS, IRP_MN_QUERY_DEVICE_TEXT, IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
};
use nt::layout::device_relations as relations;
use nt::layout::io_resource_requirements_list as requirements;
use nt::layout::io_stack_location as location;
use nt::layout::{io_resource_descriptor as descriptor, io_resource_list as list};

/// PCIBus of INTERFACE_TYPE.
const PCI_BUS: u32 = 5;
/// TargetDeviceRelation of DEVICE_RELATION_TYPE.
const TARGET_RELATION: u32 = 4;
/// CmResourceTypePort, CmResourceTypeInterrupt, CmResourceTypeMemory (wdm.h).
const PORT: u8 = 1;
const INTERRUPT: u8 = 2;
const MEMORY: u8 = 3;
/// CmResourceShareDeviceExclusive, CmResourceShareShared (wdm.h).
const EXCLUSIVE: u8 = 1;
const SHARED: u8 = 3;

/// An answer in pool that whoever asked frees, which may be a driver.
fn give(cx: &mut Cx, bytes: &[u8]) -> Result<u64, Stop> {
    match pool::allocate(cx, BlockKind::Pool, true, bytes.len() as u64, 0) {
        Some(at) => {
            cx.bus.memory.poke(at, bytes);
            Ok(at)
        }
        None => Err(Stop::Run),
    }
}

/// Answers a question: the information to return, or none for what the bus has no answer to, so
/// that status and information stay as they are.
pub(crate) fn answer(cx: &mut Cx, device: u64, here: u64, minor: u8) -> Result<Option<u64>, Stop> {
    let answer = match minor {
        IRP_MN_QUERY_DEVICE_TEXT => {
            let place = location::PARAMETERS_QUERY_DEVICE_TEXT_DEVICE_TEXT_TYPE;
            let text = match cx.read32(here + place)? {
                0 => "Bench device",
                1 => "PCI bus 0, device 17, function 0",
                _ => return Ok(None),
            };
            give(cx, &nt::string::to_utf16le_z(text))?
        }
        IRP_MN_QUERY_RESOURCE_REQUIREMENTS => match requirements(cx) {
            Some(answer) => answer,
            None => return Err(Stop::Run),
        },
        IRP_MN_QUERY_DEVICE_RELATIONS => {
            let place = location::PARAMETERS_QUERY_DEVICE_RELATIONS_TYPE;
            if cx.read32(here + place)? != TARGET_RELATION {
                return Ok(None);
            }
            let answer = give(cx, &[0; relations::SIZE as usize])?;
            cx.bus.memory.poke32(answer + relations::COUNT, 1);
            cx.bus.memory.poke64(answer + relations::OBJECTS, device);
            crate::ob::ObfReferenceObject(cx, device)?;
            answer
        }
        _ => return Ok(None),
    };
    Ok(Some(answer))
}

/// What resources the device must have: its registers anywhere below 4 GiB, its ports anywhere, and
/// an interrupt line.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_io_resource_requirements_list>
pub(crate) fn requirements(world: &mut World) -> Option<u64> {
    let places = world.bus.card.places().to_vec();
    let count = places.len() as u64 + 1;
    let bytes = requirements::LIST + list::DESCRIPTORS + count * descriptor::SIZE;
    let at = pool::allocate(world, BlockKind::Pool, true, bytes, 0)?;
    let memory = &mut world.bus.memory;
    memory.fill(at, bytes, 0);
    memory.poke32(at + requirements::LIST_SIZE, bytes as u32);
    memory.poke32(at + requirements::INTERFACE_TYPE, PCI_BUS);
    memory.poke32(at + requirements::SLOT_NUMBER, 17);
    memory.poke32(at + requirements::ALTERNATIVE_LISTS, 1);
    let only = at + requirements::LIST;
    memory.poke16(only, 1);
    memory.poke16(only + list::REVISION, 1);
    memory.poke32(only + list::COUNT, count as u32);
    let mut one = only + list::DESCRIPTORS;
    for place in &places {
        let (kind, highest) = match place.bar.space {
            Space::Memory => (MEMORY, u64::from(u32::MAX)),
            Space::Ports => (PORT, 0xffff),
        };
        memory.poke8(one + descriptor::TYPE, kind);
        memory.poke8(one + descriptor::SHARE_DISPOSITION, EXCLUSIVE);
        memory.poke32(one + descriptor::U_MEMORY_LENGTH, place.bar.bytes as u32);
        memory.poke32(one + descriptor::U_MEMORY_ALIGNMENT, place.bar.bytes as u32);
        memory.poke64(one + descriptor::U_MEMORY_MAXIMUM_ADDRESS, highest);
        one += descriptor::SIZE;
    }
    memory.poke8(one + descriptor::TYPE, INTERRUPT);
    memory.poke8(one + descriptor::SHARE_DISPOSITION, SHARED);
    // Lines 0 to 23: MinimumVector and MaximumVector lie where a length and an alignment do.
    memory.poke32(one + descriptor::U_MEMORY_ALIGNMENT, 23);
    Some(at)
}

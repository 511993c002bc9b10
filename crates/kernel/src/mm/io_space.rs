//! Device registers in the address space.

use crate::cx::{Cx, Stop};
use crate::device;
use crate::service;
use crate::service::Service;
use devices::Space;

/// Maps device registers.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmapiospace>
pub fn MmMapIoSpace(cx: &mut Cx, physical: u64, bytes: u64, _cache: u32) -> Result<u64, Stop> {
    let found = cx.bus.card.places().iter().enumerate().find_map(|(bar, place)| {
        let offset = physical.wrapping_sub(place.address);
        let inside = place.bar.space == Space::Memory
            && offset < place.bar.bytes
            && bytes <= place.bar.bytes - offset;
        inside.then_some(device::mapped(bar as u8) + offset)
    });
    let Some(at) = found else {
        return cx.unsupported(format!(
            "mapping {bytes:#x} bytes at physical address {physical:#x}, where the bench's device \
             has no registers"
        ));
    };
    cx.bus.memory.set_valid(at, bytes, true);
    Ok(at)
}

/// Maps device registers with a protection.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmapiospaceex>
pub fn MmMapIoSpaceEx(cx: &mut Cx, physical: u64, bytes: u64, _protect: u32) -> Result<u64, Stop> {
    MmMapIoSpace(cx, physical, bytes, 0)
}

/// Takes a mapping of device registers back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmunmapiospace>
pub fn MmUnmapIoSpace(cx: &mut Cx, address: u64, bytes: u64) -> Result<(), Stop> {
    let (bar, offset) = device::place(address);
    let room = cx.bus.card.places().get(usize::from(bar)).map_or(0, |place| place.bar.bytes);
    if offset < room {
        cx.bus.memory.set_valid(address, bytes.min(room - offset), false);
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(MmMapIoSpace), service!(MmMapIoSpaceEx), service!(MmUnmapIoSpace)]
}

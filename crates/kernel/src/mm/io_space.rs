//! Device registers in the address space.

use crate::cx::{Cx, Stop};
use crate::device::{CARD_BUS_ADDRESS, CARD_BYTES};
use crate::map;
use crate::service;
use crate::service::Service;

/// Maps device registers.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmapiospace>
pub fn MmMapIoSpace(cx: &mut Cx, physical: u64, bytes: u64, _cache: u32) -> Result<u64, Stop> {
    let offset = physical.wrapping_sub(CARD_BUS_ADDRESS);
    if offset >= CARD_BYTES || bytes > CARD_BYTES - offset {
        return cx.unsupported(format!(
            "mapping physical address {physical:#x}: the bench's device is at {CARD_BUS_ADDRESS:#x}"
        ));
    }
    cx.bus.memory.set_valid(map::DEVICE_SPACE + offset, bytes, true);
    Ok(map::DEVICE_SPACE + offset)
}

/// Maps device registers with a protection.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmapiospaceex>
pub fn MmMapIoSpaceEx(cx: &mut Cx, physical: u64, bytes: u64, _protect: u32) -> Result<u64, Stop> {
    MmMapIoSpace(cx, physical, bytes, 0)
}

/// Takes a mapping of device registers back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmunmapiospace>
pub fn MmUnmapIoSpace(cx: &mut Cx, address: u64, bytes: u64) -> Result<(), Stop> {
    if (map::DEVICE_SPACE..map::DEVICE_SPACE + CARD_BYTES).contains(&address) {
        cx.bus.memory.set_valid(address, bytes.min(CARD_BYTES), false);
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(MmMapIoSpace), service!(MmMapIoSpaceEx), service!(MmUnmapIoSpace)]
}

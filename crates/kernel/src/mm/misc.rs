//! Questions about memory and the system.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::rtl::text::unicode;
use crate::service;
use crate::service::Service;
use memory::{NO_READ, USER};

/// Whether a read or write at an address would cause no page fault. Pool that was freed still has
/// its page, as on Windows, so this answer protects nobody.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmisaddressvalid>
pub fn MmIsAddressValid(cx: &mut Cx, address: u64) -> Result<bool, Stop> {
    Ok(match cx.bus.memory.flags(address) {
        Some(flags) if flags & USER != 0 => cx.in_application(),
        Some(flags) => flags & NO_READ == 0,
        None => (map::KERNEL_CODE..map::KERNEL_CODE + map::KERNEL_CODE_BYTES).contains(&address),
    })
}

/// Address of a routine of ntoskrnl or HAL by name; 0 for one that the bench does not have.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmgetsystemroutineaddress>
pub fn MmGetSystemRoutineAddress(cx: &mut Cx, name: u64) -> Result<u64, Stop> {
    let name = String::from_utf16_lossy(&unicode(cx, name)?);
    let found = cx.registry.address_of(&name);
    if found.is_none() && nt::ddi::find(&name).is_some() {
        // Windows would give an address: the driver must not take another path here unnoticed.
        cx.note(&format!("MmGetSystemRoutineAddress: the bench does not have {name}"));
    }
    Ok(found.unwrap_or(0))
}

/// How much memory the system has: MmLargeSystem.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmquerysystemsize>
pub fn MmQuerySystemSize(_: &mut Cx) -> Result<u32, Stop> {
    Ok(2)
}

/// Whether this is a server: no.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmisthisanntassystem>
pub fn MmIsThisAnNtAsSystem(_: &mut Cx) -> Result<bool, Stop> {
    Ok(false)
}

/// Whether Driver Verifier watches a driver: the bench watches, but is not it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmisdriververifying>
pub fn MmIsDriverVerifying(_: &mut Cx, _driver: u64) -> Result<bool, Stop> {
    Ok(false)
}

/// Whether Driver Verifier watches the driver at an address.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmisdriververifyingbyaddress>
pub fn MmIsDriverVerifyingByAddress(_: &mut Cx, _address: u64) -> Result<bool, Stop> {
    Ok(false)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(MmIsAddressValid, quiet),
        service!(MmGetSystemRoutineAddress, quiet),
        service!(MmQuerySystemSize, quiet),
        service!(MmIsThisAnNtAsSystem, quiet),
        service!(MmIsDriverVerifying, quiet),
        service!(MmIsDriverVerifyingByAddress, quiet),
    ]
}

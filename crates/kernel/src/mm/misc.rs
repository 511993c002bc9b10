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

/// Address of a routine or variable of ntoskrnl or HAL by name. One that Windows has and the bench
/// does not gets an address that ends the run when it is called, so that the driver takes the path
/// that it takes on Windows; one that the WDK reference does not know either gets 0.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmgetsystemroutineaddress>
pub fn MmGetSystemRoutineAddress(cx: &mut Cx, name: u64) -> Result<u64, Stop> {
    let name = String::from_utf16_lossy(&unicode(cx, name)?);
    let address = cx.registry.resolve("ntoskrnl.exe", &name);
    if cx.registry.is_missing(address) && nt::ddi::find(&name).is_none() {
        return Ok(0);
    }
    Ok(address)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, bytes, run};

    #[test]
    fn routines_are_found_by_name() {
        run(|cx| {
            let mut address = |name: &str| {
                let text = bytes(cx, &nt::string::to_utf16le_z(name));
                let string = block(cx, 16);
                crate::rtl::unicode::RtlInitUnicodeString(cx, string, text)?;
                MmGetSystemRoutineAddress(cx, string)
            };
            let (here, known, unknown) =
                (address("KeSetEvent")?, address("FltRegisterFilter")?, address("NoSuchRoutine")?);
            assert_eq!(Some(here), cx.registry.address_of("KeSetEvent"));
            assert!(known == 0 || cx.registry.is_missing(known));
            assert_eq!(unknown, 0);
            Ok(())
        });
    }

    #[test]
    fn addresses_are_told_apart() {
        run(|cx| {
            let at = block(cx, 8);
            assert!(MmIsAddressValid(cx, at)?);
            for nowhere in [0, map::USER, map::PAGED_POOL + (1 << 40)] {
                assert!(!MmIsAddressValid(cx, nowhere)?, "{nowhere:#x}");
            }
            Ok(())
        });
    }
}

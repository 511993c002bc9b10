//! Which Windows this is: Windows 10 version 22H2, as the shared page says too.

use crate::boot::VERSION;
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::layout::{osversioninfoexw, rtl_osversioninfow};
use nt::status::{STATUS_INVALID_PARAMETER, STATUS_REVISION_MISMATCH, STATUS_SUCCESS};

/// NTDDI_WIN10_VB (sdkddkver.h): versions 2004 to 22H2 share these interfaces.
const NTDDI: u32 = 0x0a00_0008;
/// VER_PLATFORM_WIN32_NT (wdm.h).
const PLATFORM_NT: u32 = 2;
/// VER_NT_WORKSTATION (wdm.h).
const WORKSTATION: u8 = 1;
/// VER_SUITE_SINGLEUSERTS (wdm.h).
const SUITE: u16 = 0x100;

/// Fills in RTL_OSVERSIONINFOW or the longer RTL_OSVERSIONINFOEXW, by the size given in it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlgetversion>
pub fn RtlGetVersion(cx: &mut Cx, info: u64) -> Result<u32, Stop> {
    let size = u64::from(cx.read32(info)?);
    cx.write32(info + rtl_osversioninfow::DW_MAJOR_VERSION, VERSION.0)?;
    cx.write32(info + rtl_osversioninfow::DW_MINOR_VERSION, VERSION.1)?;
    cx.write32(info + rtl_osversioninfow::DW_BUILD_NUMBER, VERSION.2)?;
    cx.write32(info + rtl_osversioninfow::DW_PLATFORM_ID, PLATFORM_NT)?;
    cx.write16(info + rtl_osversioninfow::SZ_CSD_VERSION, 0)?;
    if size == osversioninfoexw::SIZE {
        cx.write16(info + osversioninfoexw::W_SERVICE_PACK_MAJOR, 0)?;
        cx.write16(info + osversioninfoexw::W_SERVICE_PACK_MINOR, 0)?;
        cx.write16(info + osversioninfoexw::W_SUITE_MASK, SUITE)?;
        cx.write8(info + osversioninfoexw::W_PRODUCT_TYPE, WORKSTATION)?;
        cx.write8(info + osversioninfoexw::W_RESERVED, 0)?;
    }
    Ok(STATUS_SUCCESS)
}

/// Whether this Windows is of an NTDDI version or newer.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlisntddiversionavailable>
pub fn RtlIsNtDdiVersionAvailable(_: &mut Cx, version: u32) -> Result<bool, Stop> {
    Ok(version <= NTDDI)
}

/// Whether this is the Windows of an NTDDI version with at least its service pack.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlisservicepackversioninstalled>
pub fn RtlIsServicePackVersionInstalled(_: &mut Cx, version: u32) -> Result<bool, Stop> {
    Ok(version & 0xffff_0000 == NTDDI & 0xffff_0000 && version <= NTDDI)
}

/// One comparison of RtlVerifyVersionInfo: VER_EQUAL and so on (wdm.h); `None` where there is no
/// such comparison.
fn holds(condition: u64, have: u32, wanted: u32) -> Option<bool> {
    Some(match condition {
        1 => have == wanted,
        2 => have > wanted,
        3 => have >= wanted,
        4 => have < wanted,
        5 => have <= wanted,
        _ => return None,
    })
}

/// Adds a comparison to a condition mask: three bits for each of the VER_ types.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-versetconditionmask>
pub fn VerSetConditionMask(_: &mut Cx, mask: u64, types: u32, condition: u8) -> Result<u64, Stop> {
    let shift = types & 0xff;
    let shift = if shift == 0 { return Ok(mask) } else { 3 * (31 - shift.leading_zeros()) };
    Ok(mask | u64::from(condition & 7) << shift)
}

/// Compares this Windows with a wanted one.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlverifyversioninfo>
pub fn RtlVerifyVersionInfo(cx: &mut Cx, info: u64, types: u32, mask: u64) -> Result<u32, Stop> {
    use osversioninfoexw as wanted;
    let condition = |bit: u32| mask >> (3 * bit) & 7;
    if types == 0 || mask == 0 {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    if types & 0xc0 != 0 {
        return cx.unsupported("RtlVerifyVersionInfo asked about the suite or product type");
    }
    // Major, minor and service pack are one number: a comparison that the major version settles
    // ends there. Each row: VER_ bit, this Windows, place of the wanted number.
    let chain = [
        (1, VERSION.0, u64::from(cx.read32(info + wanted::DW_MAJOR_VERSION)?)),
        (0, VERSION.1, u64::from(cx.read32(info + wanted::DW_MINOR_VERSION)?)),
        (5, 0, u64::from(cx.read16(info + wanted::W_SERVICE_PACK_MAJOR)?)),
        (4, 0, u64::from(cx.read16(info + wanted::W_SERVICE_PACK_MINOR)?)),
    ];
    for (bit, have, want) in chain {
        if types >> bit & 1 == 0 {
            continue;
        }
        match holds(condition(bit), have, want as u32) {
            None => return Ok(STATUS_INVALID_PARAMETER),
            Some(false) => return Ok(STATUS_REVISION_MISMATCH),
            Some(true) if u64::from(have) != want => break,
            Some(true) => {}
        }
    }
    for (bit, have, at) in
        [(2, VERSION.2, wanted::DW_BUILD_NUMBER), (3, PLATFORM_NT, wanted::DW_PLATFORM_ID)]
    {
        if types >> bit & 1 != 0 {
            let want = cx.read32(info + at)?;
            match holds(condition(bit), have, want) {
                None => return Ok(STATUS_INVALID_PARAMETER),
                Some(false) => return Ok(STATUS_REVISION_MISMATCH),
                Some(true) => {}
            }
        }
    }
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlGetVersion, quiet),
        service!(RtlIsNtDdiVersionAvailable, quiet),
        service!(RtlIsServicePackVersionInstalled, quiet),
        service!(VerSetConditionMask, quiet),
        service!(RtlVerifyVersionInfo, quiet, partly "suite and product type"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_those_of_the_header() {
        assert_eq!(holds(1, 10, 10), Some(true));
        assert_eq!(holds(2, 10, 10), Some(false));
        assert_eq!(holds(3, 10, 6), Some(true));
        assert_eq!(holds(4, 10, 6), Some(false));
        assert_eq!(holds(5, 10, 10), Some(true));
        assert_eq!(holds(0, 10, 10), None);
    }
}

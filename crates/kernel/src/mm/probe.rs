//! Checking user buffers.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::rtl::exception::raise;
use crate::service;
use crate::service::Service;
use memory::{Access, TRACKED, USER};
use nt::status::{STATUS_ACCESS_VIOLATION, STATUS_DATATYPE_MISALIGNMENT};

/// Where user addresses end for those who probe: MmUserProbeAddress. The last 64 KiB are nobody's.
pub(crate) const PROBE_END: u64 = map::USER_END - 0x1_0000;

fn probe(cx: &mut Cx, address: u64, bytes: u64, align: u32, access: Access) -> Result<(), Stop> {
    if bytes == 0 {
        return Ok(());
    }
    if address & u64::from(align.saturating_sub(1)) != 0 {
        let why = format!("the user address {address:#x} is no multiple of {align}");
        return raise(cx, STATUS_DATATYPE_MISALIGNMENT, &why);
    }
    let Some(end) = address.checked_add(bytes).filter(|&end| end <= PROBE_END) else {
        let why = format!("{bytes:#x} bytes at {address:#x} are not in the user half");
        return raise(cx, STATUS_ACCESS_VIOLATION, &why);
    };
    // Only the addresses are looked at for reading; for writing each page is touched.
    if access == Access::Write {
        if !cx.in_application() || cx.is_ended(address) {
            cx.probe(address, bytes, access)?;
        } else if let Err(fault) =
            cx.bus.memory.check_allowing(address, bytes, access, USER | TRACKED)
        {
            let why = format!("the application has no memory to write at {:#x}", fault.address);
            return raise(cx, STATUS_ACCESS_VIOLATION, &why);
        }
    }
    if cx.in_application() {
        cx.state.probed.push((address, end));
        cx.bus.user.push((address, end));
    }
    Ok(())
}

/// Makes sure a user buffer lies in the user half.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-probeforread>
pub fn ProbeForRead(cx: &mut Cx, address: u64, bytes: u64, align: u32) -> Result<(), Stop> {
    probe(cx, address, bytes, align, Access::Read)
}

/// Makes sure a user buffer may be written.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-probeforwrite>
pub fn ProbeForWrite(cx: &mut Cx, address: u64, bytes: u64, align: u32) -> Result<(), Stop> {
    probe(cx, address, bytes, align, Access::Write)
}

pub(crate) fn services() -> Vec<Service> {
    // The application may take its memory away right after.
    vec![service!(ProbeForRead, quiet, hands_over), service!(ProbeForWrite, quiet, hands_over)]
}

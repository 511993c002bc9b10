//! Checking user buffers.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service;
use crate::service::Service;
use memory::{Access, TRACKED, USER};

fn probe(cx: &mut Cx, address: u64, bytes: u64, access: Access) -> Result<(), Stop> {
    if bytes == 0 {
        return Ok(());
    }
    let end = address.checked_add(bytes);
    let good = end.is_some_and(|end| end <= map::USER_END)
        && cx.in_application()
        && cx.bus.memory.check_allowing(address, bytes, access, USER | TRACKED).is_ok();
    if !good {
        return cx
            .unsupported("the exception that ProbeForRead/Write raises for a bad user address");
    }
    let range = (address, address + bytes);
    cx.state.probed.push(range);
    cx.bus.user.push(range);
    Ok(())
}

/// Makes sure a user buffer may be read.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-probeforread>
pub fn ProbeForRead(cx: &mut Cx, address: u64, bytes: u64, _align: u32) -> Result<(), Stop> {
    probe(cx, address, bytes, Access::Read)
}

/// Makes sure a user buffer may be written.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-probeforwrite>
pub fn ProbeForWrite(cx: &mut Cx, address: u64, bytes: u64, _align: u32) -> Result<(), Stop> {
    probe(cx, address, bytes, Access::Write)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ProbeForRead, quiet, partly "no exception is raised for a bad address"),
        service!(ProbeForWrite, quiet, partly "no exception is raised for a bad address"),
    ]
}

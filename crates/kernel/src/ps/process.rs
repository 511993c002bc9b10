//! Processes: the system's and the application's.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service;
use crate::service::Service;

/// Places that stand for EPROCESS objects, which drivers only pass around.
pub(crate) const SYSTEM: u64 = map::KERNEL_DATA + 0x2800;
pub(crate) const APPLICATION: u64 = map::KERNEL_DATA + 0x2900;

/// The process of the running thread.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetcurrentprocess>
pub fn IoGetCurrentProcess(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(if cx.in_application() { APPLICATION } else { SYSTEM })
}

/// The same under its other name.
pub fn PsGetCurrentProcess(cx: &mut Cx) -> Result<u64, Stop> {
    IoGetCurrentProcess(cx)
}

/// Identifier of the running thread's process: 4 for the system's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetcurrentprocessid>
pub fn PsGetCurrentProcessId(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(if cx.in_application() { 0x1a2c } else { 4 })
}

/// The process that made a request.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iogetrequestorprocess>
pub fn IoGetRequestorProcess(_cx: &mut Cx, _irp: u64) -> Result<u64, Stop> {
    Ok(APPLICATION)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoGetCurrentProcess, quiet),
        service!(PsGetCurrentProcess, quiet),
        service!(PsGetCurrentProcessId, quiet),
        service!(IoGetRequestorProcess, quiet),
    ]
}

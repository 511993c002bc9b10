//! Processes: the system's and the application's.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service;
use crate::service::Service;
use crate::state::Start;

/// Places that stand for EPROCESS objects, which drivers only pass around.
pub(crate) const SYSTEM: u64 = map::KERNEL_DATA + 0x2800;
pub(crate) const APPLICATION: u64 = map::KERNEL_DATA + 0x2900;

/// A process that starts and ends while drivers look on.
pub(crate) const CHILD: u64 = map::KERNEL_DATA + 0x2980;

/// Their identifiers.
pub(crate) const SYSTEM_ID: u64 = 4;
pub(crate) const CHILD_ID: u64 = 0x1b7c;
pub(crate) const CHILD_THREAD_ID: u64 = 0x1b80;
const APPLICATION_ID: u64 = 0x1a2c;

/// The process of the running thread.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetcurrentprocess>
pub fn IoGetCurrentProcess(cx: &mut Cx) -> Result<u64, Stop> {
    if cx.state.child_processes >> cx.id() & 1 != 0 {
        return Ok(CHILD);
    }
    Ok(if cx.in_application() { APPLICATION } else { SYSTEM })
}

/// The same under its other name.
pub fn PsGetCurrentProcess(cx: &mut Cx) -> Result<u64, Stop> {
    IoGetCurrentProcess(cx)
}

/// Identifier of the running thread's process: 4 for the system's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetcurrentprocessid>
pub fn PsGetCurrentProcessId(cx: &mut Cx) -> Result<u64, Stop> {
    let process = IoGetCurrentProcess(cx)?;
    PsGetProcessId(cx, process)
}

/// The process that made a request.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iogetrequestorprocess>
pub fn IoGetRequestorProcess(_cx: &mut Cx, _irp: u64) -> Result<u64, Stop> {
    Ok(APPLICATION)
}

/// Identifier of a process.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetprocessid>
pub fn PsGetProcessId(cx: &mut Cx, process: u64) -> Result<u64, Stop> {
    cx.read8(process)?;
    Ok(match process {
        APPLICATION => APPLICATION_ID,
        CHILD => CHILD_ID,
        _ => SYSTEM_ID,
    })
}

/// Identifier of the process that made a request, 0 where none did.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iogetrequestorprocessid>
pub fn IoGetRequestorProcessId(cx: &mut Cx, irp: u64) -> Result<u32, Stop> {
    cx.read8(irp)?;
    Ok(APPLICATION_ID as u32)
}

/// The process on whose behalf another one opened a file: here everybody opens files for themselves.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-iogetinitiatorprocess>
pub fn IoGetInitiatorProcess(cx: &mut Cx, file: u64) -> Result<u64, Stop> {
    cx.read64(file)?;
    Ok(0)
}

/// The process that a thread belongs to.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iothreadtoprocess>
pub fn IoThreadToProcess(cx: &mut Cx, thread: u64) -> Result<u64, Stop> {
    cx.read8(thread)?;
    let mut contexts = cx.state.contexts.iter();
    let of_actor = contexts.find(|context| context.thread == thread).is_some_and(|context| {
        matches!(context.start, Start::Actor(index)
            if cx.actors.get(usize::from(index)).is_some_and(|actor| actor.application))
    });
    Ok(if of_actor { APPLICATION } else { SYSTEM })
}

/// The same under its other name.
pub fn PsGetThreadProcess(cx: &mut Cx, thread: u64) -> Result<u64, Stop> {
    IoThreadToProcess(cx, thread)
}

/// Identifier of the process that a thread belongs to.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-psgetthreadprocessid>
pub fn PsGetThreadProcessId(cx: &mut Cx, thread: u64) -> Result<u64, Stop> {
    let process = IoThreadToProcess(cx, thread)?;
    PsGetProcessId(cx, process)
}

/// The process of an identifier, with a reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-pslookupprocessbyprocessid>
pub fn PsLookupProcessByProcessId(cx: &mut Cx, id: u64, place: u64) -> Result<u32, Stop> {
    let process = match id {
        APPLICATION_ID => APPLICATION,
        SYSTEM_ID => SYSTEM,
        CHILD_ID if cx.state.child_processes != 0 => CHILD,
        _ => return Ok(nt::status::STATUS_INVALID_CID),
    };
    crate::ob::object::reference(cx, process);
    cx.write64(place, process)?;
    Ok(nt::status::STATUS_SUCCESS)
}

/// Opens a process by its identifier.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-ntopenprocess>
pub fn ZwOpenProcess(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    _attributes: u64,
    client: u64,
) -> Result<u32, Stop> {
    // CLIENT_ID: the process, then the thread.
    let process = match cx.read64(client)? {
        APPLICATION_ID => APPLICATION,
        SYSTEM_ID => SYSTEM,
        _ => return Ok(nt::status::STATUS_INVALID_CID),
    };
    let value = crate::ob::open_handle(cx, process);
    cx.write64(handle, value)?;
    Ok(nt::status::STATUS_SUCCESS)
}

/// Whether the thread works in another process: only in its own can it.
fn attach(cx: &mut Cx, process: u64) -> Result<(), Stop> {
    cx.read8(process)?;
    if IoGetCurrentProcess(cx)? == process {
        return Ok(());
    }
    cx.unsupported("attaching to another process, whose memory the bench's thread cannot see")
}

/// Works in a process's memory for a while.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-kestackattachprocess>
pub fn KeStackAttachProcess(cx: &mut Cx, process: u64, state: u64) -> Result<(), Stop> {
    // KAPC_STATE
    cx.probe(state, 0x30, memory::Access::Write)?;
    attach(cx, process)
}

/// Works in the thread's own process again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-keunstackdetachprocess>
pub fn KeUnstackDetachProcess(cx: &mut Cx, state: u64) -> Result<(), Stop> {
    cx.probe(state, 0x30, memory::Access::Read)
}

/// Works in a process's memory for a while.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-keattachprocess>
pub fn KeAttachProcess(cx: &mut Cx, process: u64) -> Result<(), Stop> {
    attach(cx, process)
}

/// Works in the thread's own process again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-kedetachprocess>
pub fn KeDetachProcess(_: &mut Cx) -> Result<(), Stop> {
    Ok(())
}

/// Whether the caller's process is a 32-bit one on a 64-bit system: the bench's is not.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-iois32bitprocess>
pub fn IoIs32bitProcess(_: &mut Cx, _irp: u64) -> Result<bool, Stop> {
    Ok(false)
}

/// The 32-bit environment of a process: none.
pub fn PsGetProcessWow64Process(cx: &mut Cx, process: u64) -> Result<u64, Stop> {
    cx.read8(process)?;
    Ok(0)
}

/// Whether a thread is about to end: one that can be asked about is not.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-psisthreadterminating>
pub fn PsIsThreadTerminating(cx: &mut Cx, thread: u64) -> Result<bool, Stop> {
    cx.read8(thread)?;
    Ok(false)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(PsGetProcessId, quiet),
        service!(IoGetRequestorProcessId, quiet),
        service!(IoGetInitiatorProcess, quiet),
        service!(IoThreadToProcess, quiet),
        service!(PsGetThreadProcess, quiet),
        service!(PsGetThreadProcessId, quiet),
        service!(PsLookupProcessByProcessId, quiet),
        service!(ZwOpenProcess, partly "access is not checked"),
        service!(KeStackAttachProcess, partly "to the thread's own process only"),
        service!(KeUnstackDetachProcess),
        service!(KeAttachProcess, partly "to the thread's own process only"),
        service!(KeDetachProcess),
        service!(IoIs32bitProcess, quiet),
        service!(PsGetProcessWow64Process, quiet),
        service!(PsIsThreadTerminating, quiet),
        service!(IoGetCurrentProcess, quiet),
        service!(PsGetCurrentProcess, quiet),
        service!(PsGetCurrentProcessId, quiet),
        service!(IoGetRequestorProcess, quiet),
    ]
}

//! ## What it does
//!
//! Forbids touching an application's memory by its own address outside the application's thread,
//! at raised IRQL, or without having probed or locked it.
//!
//! ## Why is this bad?
//!
//! A user address means something only in the process that it came from. In a DPC or a system
//! thread it leads into whichever process is running; in the right thread the application may
//! unmap it between any two instructions, or pass a kernel address and have the driver overwrite
//! the kernel.
//!
//! ## Example
//!
//! ```c
//!     Ext->Buffer = Irp->UserBuffer;  /* used in the DPC later */
//!     IoMarkIrpPending(Irp);
//! ```
//!
//! Instead:
//!
//! ```c
//!     Mdl = IoAllocateMdl(Irp->UserBuffer, Length, FALSE, FALSE, NULL);
//!     __try { MmProbeAndLockPages(Mdl, UserMode, IoWriteAccess); }
//!     __except (EXCEPTION_EXECUTE_HANDLER) { return Fail(Irp, Mdl, GetExceptionCode()); }
//!     Ext->Buffer = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/accessing-user-space-memory>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/errors-in-referencing-user-space-addresses>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/using-neither-buffered-nor-direct-i-o>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmprobeandlockpages>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use memory::Fault;
use nt::irql::DISPATCH_LEVEL;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "user-pointer",
    summary: "Forbids touching an application's memory by its own address outside the \
        application's thread, at raised IRQL, or without having probed or locked it.",
    why: "A user address means something only in the process that it came from. In a DPC or a \
        system thread it leads into whichever process is running; in the right thread the \
        application may unmap it between any two instructions, or pass a kernel address and \
        have the driver overwrite the kernel.",
    remedy: "Use METHOD_BUFFERED or METHOD_IN_DIRECT/METHOD_OUT_DIRECT and let the I/O manager \
        do it. With METHOD_NEITHER, in the dispatch routine: either \
        ProbeForRead/ProbeForWrite and each access inside __try/__except, or IoAllocateMdl, \
        MmProbeAndLockPages and MmGetSystemAddressForMdlSafe, and use that address from \
        then on.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/accessing-user-space-memory",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/errors-in-referencing-user-space-addresses",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/using-neither-buffered-nor-direct-i-o",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmprobeandlockpages",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near, by } = *event else { return None };
    if near == Near::Ended {
        return Some(ended(world, fault, by));
    }
    if near != Near::User {
        return None;
    }
    let irql = world.bus.irql;
    let (place, detail) = if irql >= DISPATCH_LEVEL {
        let place = format!("at {}", words::level(irql));
        (place, "User memory is pageable, and at this IRQL any process may be the present one.")
    } else if !world.in_application() {
        let place = format!("in {}", words::who(world));
        (place, "This is not a thread of the application: the address belongs to another process.")
    } else {
        let place = "without having probed or locked it".to_owned();
        (place, "The application may have passed any address, and may unmap it at any moment.")
    };
    let title =
        format!("{} {} user memory {place}", words::toucher(world, by), words::verb(fault.access));
    let violation = Violation::new(&RULE, title).detail(detail);
    Some(stops::page_fault(violation, world, fault, by).here("touched here"))
}

/// The process that the memory was of is gone, and another one may have anything at the address.
fn ended(world: &World, fault: &Fault, by: Option<&str>) -> Violation {
    let title = format!(
        "{} {} user memory of a process that ended",
        words::toucher(world, by),
        words::verb(fault.access)
    );
    let detail = "Its requests are done, its handles closed and its memory gone; a pointer to it must \
        be forgotten with IRP_MJ_CLEANUP at the latest. In another process it leads to something \
        else, or nowhere.";
    let violation = Violation::new(&RULE, title).detail(detail);
    let violation = match world.state.process.gone {
        Some(gone) => violation.at("process ended", gone),
        None => violation,
    };
    stops::page_fault(violation, world, fault, by).here("touched here")
}

//! ## What it does
//!
//! Forbids passing down a request that has no stack location left for the next driver.
//!
//! ## Why is this bad?
//!
//! IoCallDriver gives the next driver the location below the present one. When there is none, that
//! is memory in front of the packet's stack: the driver below reads parameters from the packet's
//! own header and writes over it.
//!
//! ## Example
//!
//! ```c
//!     Irp = IoAllocateIrp(1, FALSE); /* the stack below is two drivers deep */
//!     IoCallDriver(Ext->LowerDevice, Irp);
//! ```
//!
//! Instead:
//!
//! ```c
//!     Irp = IoAllocateIrp(Ext->LowerDevice->StackSize, FALSE);
//!     IoCallDriver(Ext->LowerDevice, Irp);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x35--no-more-irp-stack-locations>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocateirp>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/passing-irps-down-the-driver-stack>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::NO_MORE_IRP_STACK_LOCATIONS;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-no-stack-location",
    summary: "Forbids passing down a request that has no stack location left for the next driver.",
    why: "IoCallDriver gives the next driver the location below the present one. When there \
        is none, that is memory in front of the packet's stack: the driver below reads \
        parameters from the packet's own header and writes over it.",
    remedy: "Give IoAllocateIrp the StackSize of the device that the request is sent to, and set \
        StackSize of one's own device to that of the device below plus one \
        (IoAttachDeviceToDeviceStack does it). A driver that made the packet for itself and \
        wants a location of its own needs one more.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x35--no-more-irp-stack-locations",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocateirp",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/passing-irps-down-the-driver-stack",
    ],
    severity: Severity::Error,
    wants: &[Kind::NoStackLocation],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::NoStackLocation { irp, device } = *event else { return None };
    let record = world.state.irp(irp);
    let locations = record.map_or(0, |record| u64::from(record.locations));
    let title = format!(
        "{} passes down a request that has {} and has used them all",
        words::driver(world),
        words::count(locations, "stack location")
    );
    let mut violation = Violation::new(&RULE, title)
        .detail(format!("It is sent to the device object {device:#x}."))
        .bugcheck(
            NO_MORE_IRP_STACK_LOCATIONS,
            [(irp, "IRP"), (0, "reserved"), (0, "reserved"), (0, "reserved")],
        );
    if let Some(record) = record {
        violation = violation.at("made here", record.made);
    }
    Some(violation.here("passed down here"))
}

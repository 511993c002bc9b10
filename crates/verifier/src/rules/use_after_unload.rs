//! ## What it does
//!
//! Forbids running code or touching data of a driver that was unloaded, or of a section that was
//! discarded after DriverEntry.
//!
//! ## Why is this bad?
//!
//! Something still had a pointer into the driver: a timer, a callback, a thread, a queued routine.
//! INIT sections go when DriverEntry returns, and whatever is called later must not be in one.
//!
//! ## Example
//!
//! ```c
//! INIT_CODE static VOID NTAPI Unload(PDRIVER_OBJECT Driver) /* gone after DriverEntry */
//! {
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x50--page-fault-in-nonpaged-area>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use memory::Access;
use nt::bugcheck::DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "use-after-unload",
    summary: "Forbids running code or touching data of a driver that was unloaded, or of a \
        section that was discarded after DriverEntry.",
    why: "Something still had a pointer into the driver: a timer, a callback, a thread, a \
        queued routine. INIT sections go when DriverEntry returns, and whatever is called \
        later must not be in one.",
    remedy: "Undo every registration before the unload routine returns, and wait for what may be \
        under way. Keep only DriverEntry and what it alone calls in INIT.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x50--page-fault-in-nonpaged-area",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::Unloaded, by } = *event else { return None };
    let image = world.image_at(fault.address);
    let unloaded = image.and_then(|image| world.state.images[image].gone);
    let discarded = unloaded.is_none();
    let who = match by {
        Some(service) => service.to_owned(),
        None => words::who(world),
    };
    let verb = words::verb(fault.access);
    let place = words::object(world, fault.address);
    let title = if discarded {
        format!("{who} {verb} {place}, which was discarded after DriverEntry")
    } else {
        let driver = match image {
            Some(image) if world.modules.len() > 1 => words::named(world, image),
            _ => "the driver",
        };
        format!("{who} {verb} {place} after {driver} was unloaded")
    };
    let violation = Violation::new(&RULE, title);
    let violation = if discarded {
        stops::page_fault(violation, world, fault, by)
    } else {
        let operation = match fault.access {
            Access::Read => 0,
            Access::Write => 1,
            Access::Execute => 8,
        };
        violation.bugcheck(
            DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS,
            [
                (fault.address, "address that was touched"),
                (operation, "0 read, 1 write, 8 execute"),
                (words::rip(world), "instruction"),
                (0, "reserved"),
            ],
        )
    };
    let violation = match unloaded {
        Some(unloaded) if !discarded => violation.at("driver unloaded", unloaded),
        _ => violation,
    };
    Some(violation.here("touched here"))
}

//! ## What it does
//!
//! Forbids touching a request packet, its system buffer or its MDL after the request was
//! completed.
//!
//! ## Why is this bad?
//!
//! IoCompleteRequest gives the packet back; the I/O manager may free it before the call returns.
//! What the driver reads later is garbage, and what it writes lands in somebody else's memory. The
//! same holds as soon as another thread or a DPC may complete the request, for example from the
//! moment it is on a queue.
//!
//! ## Example
//!
//! ```c
//!     Irp->IoStatus.Status = STATUS_SUCCESS;
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT);
//!     return Irp->IoStatus.Status; /* the packet is gone */
//! ```
//!
//! Instead:
//!
//! ```c
//!     NTSTATUS Status = STATUS_SUCCESS;
//!
//!     Irp->IoStatus.Status = Status;
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT);
//!     return Status;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/how-to-complete-an-irp-in-a-dispatch-routine>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocompleterequest>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd5--driver-page-fault-in-freed-special-pool>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/additional-errors-in-handling-irps>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use kernel::state::{Block, BlockKind, Origin};
use memory::Fault;
use nt::bugcheck;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-touched-after-completion",
    summary: "Forbids touching a request packet, its system buffer or its MDL after the request \
        was completed.",
    why: "IoCompleteRequest gives the packet back; the I/O manager may free it before the \
        call returns. What the driver reads later is garbage, and what it writes lands in \
        somebody else's memory. The same holds as soon as another thread or a DPC may \
        complete the request, for example from the moment it is on a queue.",
    remedy: "Copy what is needed (status, length, buffer address) into local variables before \
        the request is completed or queued, and return those. After queueing a request, \
        return STATUS_PENDING without looking at it again.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/how-to-complete-an-irp-in-a-dispatch-routine",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocompleterequest",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd5--driver-page-fault-in-freed-special-pool",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/additional-errors-in-handling-irps",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault, Kind::Complete],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    match *event {
        Event::Fault { ref fault, near: Near::Freed(block), by } => {
            let irp = owner(world, &block)?;
            let record = world.state.irp(irp);
            let completed = record.and_then(|record| record.completed.or(record.freed));
            let end = match record.map(|record| record.origin) {
                Some(Origin::Driver) | None => "completed or freed",
                Some(_) => "completed",
            };
            let title = format!(
                "{} {} {} of {} that was {end}",
                words::toucher(world, by),
                words::verb(fault.access),
                part(&block, fault),
                words::request(world, irp)
            );
            let number = (
                bugcheck::DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
                stops::PAGE_FAULT_IN_FREED_SPECIAL_POOL,
            );
            let violation =
                stops::special_pool(Violation::new(&RULE, title), world, fault, by, number);
            let site = completed.or(block.freed);
            Some(told(violation, end, site).here("touched here"))
        }
        Event::Complete { irp } => freed_and_completed(world, irp),
        _ => None,
    }
}

/// The request whose packet, system buffer or MDL a block was.
fn owner(world: &World, block: &Block) -> Option<u64> {
    match block.kind {
        BlockKind::Irp => Some(block.address),
        BlockKind::Buffer | BlockKind::Mdl => {
            let mut requests = world.state.requests.iter().rev();
            let own = |at| at == block.address;
            requests.find(|request| own(request.system) || own(request.mdl)).map(|found| found.irp)
        }
        _ => None,
    }
}

/// `Irp->IoStatus.Status`, a stack location, or the system buffer.
fn part(block: &Block, fault: &Fault) -> String {
    match block.kind {
        BlockKind::Buffer => return "the system buffer".to_owned(),
        BlockKind::Mdl => return "the MDL".to_owned(),
        _ => {}
    }
    let offset = fault.address.wrapping_sub(block.address);
    let Some(irp) = nt::layout::find("IRP") else { return format!("offset {offset:#x}") };
    // Of the members of a union the one that is as large as the access; the later ones are those
    // that drivers use.
    let size = u64::from(fault.bytes);
    let exact = |field: &&(&str, u64, u64)| (field.1, field.2) == (offset, size);
    let fields = irp.fields.iter().filter(|field| field.0 != "Tail.CompletionKey");
    let exact = fields.rev().find(exact).map(|field| field.0);
    match exact.or_else(|| irp.field_at(offset)) {
        Some(field) => format!("Irp->{field}"),
        None => "a stack location".to_owned(),
    }
}

/// IoCompleteRequest for a packet that IoFreeIrp took.
fn freed_and_completed(world: &World, irp: u64) -> Option<Violation> {
    let block = world.state.block_at_or_below(irp).filter(|block| block.address == irp)?;
    let freed = block.freed.filter(|_| block.kind == BlockKind::Irp)?;
    let title =
        format!("{} completes {} that was freed", words::driver(world), words::request(world, irp));
    let violation = Violation::new(&RULE, title).bugcheck(
        bugcheck::MULTIPLE_IRP_COMPLETE_REQUESTS,
        [(irp, "IRP"), (0, "reserved"), (0, "reserved"), (0, "reserved")],
    );
    Some(told(violation, "freed", Some(freed)).here("completed here"))
}

fn told(violation: Violation, end: &str, site: Option<kernel::event::Site>) -> Violation {
    match site {
        Some(site) => violation.at(&format!("{end} here"), site),
        None => violation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_field_is_named() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_WRITE);
        world.state.irps[0].completed = Some(3);
        let mut block = *world.state.block_at_or_below(irp).expect("block");
        block.freed = Some(3);
        let fault = fixture::fault(irp + nt::layout::irp::IO_STATUS_STATUS, memory::Access::Read);
        let event = Event::Fault { fault, near: Near::Freed(block), by: None };
        let violation = check(&event, &world).expect("objects");
        assert!(violation.title.contains("Irp->IoStatus"), "{}", violation.title);
        for (offset, field) in
            [(0xb8, "CurrentStackLocation"), (0x18, "SystemBuffer"), (0x68, "CancelR")]
        {
            let fault = fixture::fault(irp + offset, memory::Access::Read);
            assert!(part(&block, &fault).contains(field), "{}", part(&block, &fault));
        }
        let fault = fixture::fault(irp + nt::layout::irp::SIZE, memory::Access::Read);
        assert_eq!(part(&block, &fault), "a stack location");
        assert!(violation.title.contains("IRP_MJ_WRITE"), "{}", violation.title);
    }

    #[test]
    fn pool_is_not_its_business() {
        let mut world = World::new(2, &[]);
        let block = fixture::pool(&mut world, 16);
        let fault = fixture::fault(block.address, memory::Access::Read);
        let event = Event::Fault { fault, near: Near::Freed(block), by: None };
        assert!(check(&event, &world).is_none());
    }
}

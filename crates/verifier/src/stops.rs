//! Bug checks that several rules end in, with their parameters.
//!
//! Sources: the bug check code reference (0xA, 0x1E, 0x3B, 0x50, 0x7E, 0xC4, 0xC9, 0xCC to 0xCE,
//! 0xD1, 0xD5, 0xD6).

use crate::words;
use kernel::event::{Routine, Violation};
use kernel::state::Start;
use kernel::{World, map};
use memory::{Access, Fault};
use nt::bugcheck as code;
use nt::irql::DISPATCH_LEVEL;

/// STATUS_ACCESS_VIOLATION.
pub(crate) const ACCESS_VIOLATION: u32 = nt::status::STATUS_ACCESS_VIOLATION;

/// The system, not the driver itself, touched freed special pool.
pub(crate) const PAGE_FAULT_IN_FREED_SPECIAL_POOL: u32 = 0xcc;

/// `Parameter 3` of 0xA and 0xD1: 0 read, 1 write, 8 execute.
fn operation(access: Access) -> u64 {
    match access {
        Access::Read => 0,
        Access::Write => 1,
        Access::Execute => 8,
    }
}

/// What a page fault that nobody handles comes to, by IRQL and address.
pub(crate) fn page_fault(
    violation: Violation,
    world: &World,
    fault: &Fault,
    by: Option<&str>,
) -> Violation {
    if by == Some(kernel::device::BY) {
        // Nothing stops a device.
        return violation;
    }
    let irql = world.bus.irql;
    let rip = words::rip(world);
    let canonical = (fault.address as i64) << 16 >> 16 == fault.address as i64;
    if irql >= DISPATCH_LEVEL && canonical {
        let number = match by {
            Some(_) => code::IRQL_NOT_LESS_OR_EQUAL,
            None => code::DRIVER_IRQL_NOT_LESS_OR_EQUAL,
        };
        return violation.bugcheck(
            number,
            [
                (fault.address, "address that was touched"),
                (u64::from(irql), "IRQL"),
                (operation(fault.access), "0 read, 1 write, 8 execute"),
                (rip, "instruction"),
            ],
        );
    }
    if canonical && fault.address >= map::USER_END {
        let operation = match fault.access {
            Access::Read => 0,
            Access::Write => 2,
            Access::Execute => 0x10,
        };
        return violation.bugcheck(
            code::PAGE_FAULT_IN_NONPAGED_AREA,
            [
                (fault.address, "address that was touched"),
                (operation, "0 read, 2 write, 0x10 execute"),
                (rip, "instruction"),
                (2, "type of fault: no valid page table entry"),
            ],
        );
    }
    exception(violation, world, ACCESS_VIOLATION)
}

/// What an exception that nobody handles comes to: in a DPC or interrupt, in an application's call
/// into the kernel, or in a thread of the system process.
pub(crate) fn exception(violation: Violation, world: &World, status: u32) -> Violation {
    let status = u64::from(status);
    let rip = words::rip(world);
    if world.bus.irql >= DISPATCH_LEVEL {
        return violation.bugcheck(
            code::KMODE_EXCEPTION_NOT_HANDLED,
            [
                (status, "exception code"),
                (rip, "instruction"),
                (0, "exception information 0"),
                (0, "exception information 1"),
            ],
        );
    }
    let start = world.state.contexts.get(usize::from(world.state.current)).map(|c| c.start);
    if let Some(Start::Actor(_)) = start
        && world.in_application()
    {
        return violation.bugcheck(
            code::SYSTEM_SERVICE_EXCEPTION,
            [
                (status, "exception code"),
                (rip, "instruction"),
                (0, "context record (not simulated)"),
                (0, "not used"),
            ],
        );
    }
    violation.bugcheck(
        code::SYSTEM_THREAD_EXCEPTION_NOT_HANDLED,
        [
            (status, "exception code"),
            (rip, "instruction"),
            (0, "exception record (not simulated)"),
            (0, "context record (not simulated)"),
        ],
    )
}

/// An access that special pool catches: `by_driver` or `by_system` bug check.
pub(crate) fn special_pool(
    violation: Violation,
    world: &World,
    fault: &Fault,
    by: Option<&str>,
    (by_driver, by_system): (u32, u32),
) -> Violation {
    if by == Some(kernel::device::BY) {
        // Nothing stops a device.
        return violation;
    }
    let number = if by.is_some() { by_system } else { by_driver };
    violation.bugcheck(
        number,
        [
            (fault.address, "address that was touched"),
            (operation(fault.access), "0 read, 1 write"),
            (words::rip(world), "instruction"),
            (0, "reserved"),
        ],
    )
}

/// DRIVER_VERIFIER_IOMANAGER_VIOLATION of the enhanced I/O checks: code, caller, request.
pub(crate) fn io_manager(
    violation: Violation,
    kind: u64,
    driver: u64,
    irp: u64,
    last: (u64, &str),
) -> Violation {
    violation.bugcheck(
        code::DRIVER_VERIFIER_IOMANAGER_VIOLATION,
        [(kind, "kind of violation"), (driver, "address in the driver"), (irp, "IRP"), last],
    )
}

/// DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS when `routine` is called later.
pub(crate) fn left_behind(violation: Violation, routine: u64) -> Violation {
    violation.bugcheck(
        code::DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS,
        [
            (routine, "address that will be touched"),
            (8, "0 read, 1 write, 8 execute"),
            (routine, "instruction"),
            (0, "reserved"),
        ],
    )
}

/// A routine that returns at another IRQL than the one it was called at.
pub(crate) fn irql_changed(
    violation: Violation,
    routine: Routine,
    function: u64,
    (before, after): (u8, u8),
) -> Violation {
    let (before, after) = (u64::from(before), u64::from(after));
    let (number, kind) = match routine {
        Routine::Dispatch => (code::DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x12),
        Routine::Completion => (code::DRIVER_VERIFIER_DETECTED_VIOLATION, 0xfa),
        Routine::Interrupt => (code::DRIVER_VERIFIER_DETECTED_VIOLATION, 0x111),
        _ => {
            return violation.bugcheck(
                code::IRQL_UNEXPECTED_VALUE,
                [
                    (after << 16 | before << 8 | 2, "IRQL << 16 | expected IRQL << 8 | 2"),
                    (function, "routine that was called"),
                    (0, "its parameter (not simulated)"),
                    (0, "reserved"),
                ],
            );
        }
    };
    violation.bugcheck(
        number,
        [
            (kind, "kind of violation"),
            (function, "routine"),
            (before, "IRQL when it was called"),
            (after, "IRQL when it returned"),
        ],
    )
}

//! ## What it does
//!
//! Forbids connecting message-signaled interrupts without a place for the message table.
//!
//! The example of the reference leaves the field out, though its text demands it.
//!
//! ## Why is this bad?
//!
//! IoConnectInterruptEx stores the address of the table of connected messages through
//! ConnectionContext.InterruptMessageTable. A null pointer there is written through in the kernel.
//! A driver without the table also cannot disconnect: it has nothing to pass to
//! IoDisconnectInterruptEx.
//!
//! ## Example
//!
//! ```c
//!     RtlZeroMemory(&Parameters, sizeof(Parameters));
//!     Parameters.Version = CONNECT_MESSAGE_BASED;
//!     Parameters.MessageBased.PhysicalDeviceObject = Ext->Pdo;
//!     Parameters.MessageBased.MessageServiceRoutine = OnMessage;
//!     Status = IoConnectInterruptEx(&Parameters);
//! ```
//!
//! Instead:
//!
//! ```c
//!     RtlZeroMemory(&Parameters, sizeof(Parameters));
//!     Parameters.Version = CONNECT_MESSAGE_BASED;
//!     Parameters.MessageBased.PhysicalDeviceObject = Ext->Pdo;
//!     Parameters.MessageBased.MessageServiceRoutine = OnMessage;
//!     Parameters.MessageBased.ConnectionContext.InterruptMessageTable = &Ext->MessageTable;
//!     Status = IoConnectInterruptEx(&Parameters);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/using-the-connect-message-based-version-of-ioconnectinterruptex>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioconnectinterruptex>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "msi-no-message-table",
    summary: "Forbids connecting message-signaled interrupts without a place for the message \
        table.",
    why: "IoConnectInterruptEx stores the address of the table of connected messages through \
        ConnectionContext.InterruptMessageTable. A null pointer there is written through in \
        the kernel. A driver without the table also cannot disconnect: it has nothing to \
        pass to IoDisconnectInterruptEx.",
    remedy: "Set Parameters.MessageBased.ConnectionContext.InterruptMessageTable to the address \
        of a pointer in the device extension before the call, and pass that pointer to \
        IoDisconnectInterruptEx later.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/using-the-connect-message-based-version-of-ioconnectinterruptex",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioconnectinterruptex",
    ],
    severity: Severity::Error,
    wants: &[Kind::ConnectInterrupt],
    check,
};

/// CONNECT_MESSAGE_BASED and CONNECT_MESSAGE_BASED_PASSIVE (wdm.h).
const MESSAGE_BASED: [u32; 2] = [3, 5];

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::ConnectInterrupt { version, context: 0 } = *event else { return None };
    if !MESSAGE_BASED.contains(&version) {
        return None;
    }
    let title = format!(
        "{} calls IoConnectInterruptEx with CONNECT_MESSAGE_BASED and a null \
         ConnectionContext.InterruptMessageTable",
        words::driver(world)
    );
    let violation = Violation::new(&RULE, title)
        .detail("The kernel stores the address of the message table through that pointer.");
    let violation = stops::exception(violation, world, stops::ACCESS_VIOLATION);
    Some(violation.here("connected here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn only_messages_need_the_table() {
        let world = World::new(2, &[]);
        for (version, context, bad) in [
            (1, 0, false),
            (2, 0, false),
            (3, 0, true),
            (3, 0x5000, false),
            (4, 0, false),
            (5, 0, true),
        ] {
            assert_eq!(check(&Event::ConnectInterrupt { version, context }, &world).is_some(), bad);
        }
    }
}

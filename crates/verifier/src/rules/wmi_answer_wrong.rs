//! ## What it does
//!
//! Forbids answers to WMI whose sizes and offsets lead outside of them, or that are for a block which
//! the driver has not registered.
//!
//! ## Why is this bad?
//!
//! WMI and whoever asked it read the answer by the offsets and sizes in it. They read what lies
//! behind the buffer, or hand an application bytes of the kernel's that are nobody's business. A
//! driver that wants more room each time it is asked is asked for ever. Windows shows nothing at that
//! moment.
//!
//! ## Example
//!
//! ```c
//!     Wnode->WnodeHeader.BufferSize = sizeof(WNODE_SINGLE_INSTANCE); /* and the data? */
//!     Wnode->SizeDataBlock = sizeof(COUNTERS);
//! ```
//!
//! Instead:
//!
//! ```c
//!     Needed = Wnode->DataBlockOffset + sizeof(COUNTERS);
//!     if (Stack->Parameters.WMI.BufferSize < Needed)
//!         return TooSmall(Irp, Needed); /* WNODE_TOO_SMALL */
//!     Wnode->WnodeHeader.BufferSize = Needed;
//!     Wnode->SizeDataBlock = sizeof(COUNTERS);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/wmi-minor-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-all-data>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-single-instance>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-reginfo-ex>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "wmi-answer-wrong",
    summary: "Forbids answers to WMI whose sizes and offsets lead outside of them, or that are for \
        a block which the driver has not registered.",
    why: "WMI and whoever asked it read the answer by the offsets and sizes in it. They read what \
        lies behind the buffer, or hand an application bytes of the kernel's. A driver that wants \
        more room each time it is asked is asked for ever.",
    remedy: "Let the WMI library do it: WmiSystemControl and WmiCompleteRequest. Without it, look \
        for the GUID first and fail what is not yours with STATUS_WMI_GUID_NOT_FOUND; compare \
        Parameters.WMI.BufferSize with all that the answer takes, header and padding included; \
        set BufferSize in the header to that; and say what is needed with WNODE_TOO_SMALL where \
        there is less.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/wmi-minor-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-all-data",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-single-instance",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-reginfo-ex",
    ],
    severity: Severity::Error,
    wants: &[Kind::WmiAnswer],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::WmiAnswer { minor, ref what, completed } = *event else { return None };
    let request = nt::irp::text(nt::irp::IRP_MJ_SYSTEM_CONTROL, minor);
    let driver = words::driver(world);
    let violation =
        Violation::new(&RULE, format!("{driver} gives WMI an answer to {request} {what}"));
    Some(match completed {
        Some(completed) => violation.at("completed here", completed),
        None => violation.here("noticed here"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_and_what_is_wrong_are_told() {
        let world = World::new(2, &[]);
        let what = "whose data is elsewhere".to_owned();
        let minor = nt::irp::IRP_MN_QUERY_ALL_DATA;
        let event = Event::WmiAnswer { minor, what, completed: Some(4) };
        let told = check(&event, &world).expect("an objection");
        assert!(told.title.contains("IRP_MN_QUERY_ALL_DATA whose data"), "{}", told.title);
        assert_eq!(told.places[0].1, Some(4));
        assert!(check(&Event::End, &world).is_none());
    }
}

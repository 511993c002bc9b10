//! ## What it does
//!
//! Forbids freeing what ExAllocatePool did not return: another address, another kind of object, or
//! under another tag.
//!
//! ## Why is this bad?
//!
//! The pool manager takes the bytes in front of the address for its own header. A wrong tag means
//! that the driver frees what it did not allocate in the place that it thinks of.
//!
//! ## Example
//!
//! ```c
//!     Buffer = ExAllocatePool2(POOL_FLAG_NON_PAGED, Bytes, TAG);
//!     Buffer += HEADER_BYTES;
//!     ExFreePoolWithTag(Buffer, TAG);
//! ```
//!
//! Instead:
//!
//! ```c
//!     Buffer = ExAllocatePool2(POOL_FLAG_NON_PAGED, Bytes, TAG);
//!     Data = Buffer + HEADER_BYTES;
//!     ExFreePoolWithTag(Buffer, TAG);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc2--bad-pool-caller>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::map;
use kernel::state::{Block, BlockKind};
use nt::bugcheck::{BAD_POOL_CALLER, DRIVER_VERIFIER_DETECTED_VIOLATION};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "pool-bad-free",
    summary: "Forbids freeing what ExAllocatePool did not return: another address, another kind \
        of object, or under another tag.",
    why: "The pool manager takes the bytes in front of the address for its own header. A \
        wrong tag means that the driver frees what it did not allocate in the place that it \
        thinks of.",
    remedy: "Keep the pointer that the allocation returned and free that one, with the same tag. \
        Free IRPs with IoFreeIrp, MDLs with IoFreeMdl, device objects with IoDeleteDevice, \
        work items with IoFreeWorkItem.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc2--bad-pool-caller",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag",
    ],
    severity: Severity::Error,
    wants: &[Kind::Free],
    check,
};

/// The high bit of a tag asks Windows to check it; callers may pass it or not.
const PROTECTED: u32 = 1 << 31;

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Free { address, block, tag } = *event else { return None };
    let driver = words::driver(world);
    let told = |title: String, block: &Block| {
        Violation::new(&RULE, title).at("allocated here", block.allocated).here("freed here")
    };
    match block {
        Some(block) if block.freed.is_some() => None,
        Some(block) if block.kind != BlockKind::Pool => {
            let title = format!("{driver} frees a {} as if it were pool", words::block(&block));
            let (kind, text) = match block.kind {
                BlockKind::Irp => (0x105, "kind of violation: ExFreePool instead of IoFreeIrp"),
                _ => (0x10, "kind of violation: not what an allocation returned"),
            };
            Some(told(title, &block).bugcheck(
                DRIVER_VERIFIER_DETECTED_VIOLATION,
                [(kind, text), (address, "address being freed"), (0, "not used"), (0, "not used")],
            ))
        }
        Some(block) if block.address != address => {
            let offset = words::count(address - block.address, "byte");
            let title =
                format!("{driver} frees an address {offset} into a {}", words::block(&block));
            Some(told(title, &block).bugcheck(
                BAD_POOL_CALLER,
                [
                    (0x46, "kind of violation: an invalid pool address"),
                    (address, "address being freed"),
                    (0, "not used"),
                    (0, "not used"),
                ],
            ))
        }
        Some(block) if tag != 0 && (tag ^ block.tag) & !PROTECTED != 0 => {
            let title = format!(
                "{driver} frees a {} under the tag '{}'",
                words::block(&block),
                nt::pool::tag_text(tag)
            );
            Some(told(title, &block).bugcheck(
                BAD_POOL_CALLER,
                [
                    (0x0a, "kind of violation: wrong tag"),
                    (address, "address of pool"),
                    (u64::from(block.tag), "tag of the allocation"),
                    (u64::from(tag), "tag given"),
                ],
            ))
        }
        Some(_) => None,
        None => {
            let title = format!("{driver} frees {address:#x}, which no allocation returned");
            let parameters = if address < map::USER_END {
                [
                    (0x40, "kind of violation: a user address"),
                    (address, "address being freed"),
                    (map::USER_END, "start of system addresses"),
                    (0, "not used"),
                ]
            } else {
                [
                    (0x42, "kind of violation: an address that was never pool"),
                    (address, "address being freed"),
                    (0, "not used"),
                    (0, "not used"),
                ]
            };
            let violation = Violation::new(&RULE, title).bugcheck(BAD_POOL_CALLER, parameters);
            Some(violation.here("freed here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn address_kind_and_tag_must_be_right() {
        let mut world = World::new(2, &[]);
        let block = fixture::pool(&mut world, 24);
        let other = nt::pool::tag(*b"Else");
        let irp = Block { kind: BlockKind::Irp, ..block };
        let start = block.address;
        let cases = [
            (start, Some(block), 0, 0),
            (start, Some(block), block.tag, 0),
            (start, Some(block), block.tag | PROTECTED, 0),
            (start, Some(block), other, 0x0a),
            (start + 8, Some(block), block.tag, 0x46),
            (start, Some(irp), block.tag, 0x105),
            (0xffff_8000_0000_0000, None, 0, 0x42),
            (0, None, 0, 0x40),
        ];
        for (address, block, tag, kind) in cases {
            let violation = check(&Event::Free { address, block, tag }, &world);
            assert_eq!(violation.map_or(0, |v| v.parameters[0].0), kind, "{kind:#x}");
        }
    }
}

//! ## What it does
//!
//! Forbids unloading the driver without freeing the pool that it allocated.
//!
//! ## Why is this bad?
//!
//! Kernel memory is not given back when a driver goes. Each load and unload, or each request on
//! the path that leaks, leaves less for everybody, until allocations fail.
//!
//! ## Example
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteDevice(Driver->DeviceObject); /* Ext->Table */
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     EXTENSION *Ext = Driver->DeviceObject->DeviceExtension;
//!
//!     ExFreePoolWithTag(Ext->Table, TAG);
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/pool-tracking>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::{Block, BlockKind};
use nt::bugcheck::DRIVER_VERIFIER_DETECTED_VIOLATION;
use nt::layout::driver_object::DRIVER_NAME;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "pool-leak",
    summary: "Forbids unloading the driver without freeing the pool that it allocated.",
    why: "Kernel memory is not given back when a driver goes. Each load and unload, or each \
        request on the path that leaks, leaves less for everybody, until allocations fail.",
    remedy: "Free on the path that undoes the allocation: what IRP_MJ_CREATE allocates on \
        IRP_MJ_CLOSE, what DriverEntry allocates in the unload routine, what a request \
        needs before it is completed, on its error paths too. Delete lookaside lists.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/pool-tracking",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

/// Places of allocation that are shown.
const SHOWN: usize = 4;

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    let blocks = world.state.pool.iter().chain(&world.state.paged);
    let own = |block: &Block| words::belongs(world, image, 0, block.allocated);
    let left: Vec<_> = blocks
        .filter(|block| block.kind == BlockKind::Pool && block.freed.is_none() && own(block))
        .collect();
    let first = left.first()?;
    let bytes: u64 = left.iter().map(|block| block.bytes).sum();
    let driver = words::named(world, image);
    let number = left.len() as u64;
    let title = match number {
        1 => format!("{driver} is unloaded without freeing a {}", words::block(first)),
        _ => format!(
            "{driver} is unloaded without freeing {} of pool, {bytes} bytes in all",
            words::count(number, "block")
        ),
    };
    let mut violation = Violation::new(&RULE, title).bugcheck(
        DRIVER_VERIFIER_DETECTED_VIOLATION,
        [
            (0x62, "kind of violation: pool left at unload"),
            (words::driver_object(world, image).wrapping_add(DRIVER_NAME), "name of the driver"),
            (0, "reserved"),
            (number, "allocations that were not freed"),
        ],
    );
    let mut sites: Vec<_> = left.iter().map(|block| block.allocated).collect();
    sites.dedup();
    for site in sites.into_iter().take(SHOWN) {
        violation = violation.at("allocated here", site);
    }
    Some(violation.here("driver unloaded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn only_live_pool_is_a_leak() {
        let mut world = World::new(2, &[]);
        fixture::irp(&mut world, 0);
        world.state.pool.retain(|block| block.kind == BlockKind::Irp);
        assert!(check(&Event::Unloaded { image: 0 }, &world).is_none());
        fixture::pool(&mut world, 24);
        fixture::pool(&mut world, 8);
        let violation = check(&Event::Unloaded { image: 0 }, &world).expect("objects");
        assert!(violation.title.contains("2 blocks of pool, 32 bytes"), "{}", violation.title);
        assert_eq!(violation.parameters[3].0, 2);
        world.state.pool.iter_mut().for_each(|block| block.freed = Some(3));
        assert!(check(&Event::Unloaded { image: 0 }, &world).is_none());
    }

    #[test]
    fn a_block_is_the_image_s_that_allocated_it() {
        let mut world = World::new(2, &[]);
        fixture::image(&mut world, "fifo.sys");
        fixture::image(&mut world, "ring.sys");
        world.state.pool.clear();
        fixture::pool(&mut world, 24);
        world.state.callers.push((1, 1));
        assert!(check(&Event::Unloaded { image: 0 }, &world).is_none());
        let violation = check(&Event::Unloaded { image: 1 }, &world).expect("objects");
        assert!(violation.title.starts_with("ring.sys is unloaded"), "{}", violation.title);
    }
}

//! ## What it does
//!
//! Forbids unloading the driver without deleting the symbolic links that it made.
//!
//! Windows goes on, so there is no bug check.
//!
//! ## Why is this bad?
//!
//! The link leads nowhere: applications get an error that makes no sense, and the driver cannot be
//! loaded again, since its link's name is taken.
//!
//! ## Example
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteSymbolicLink(&LinkName);
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodeletesymboliclink>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/non-pnp-driver-s-unload-routine>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "symbolic-link-left",
    summary: "Forbids unloading the driver without deleting the symbolic links that it made.",
    why: "The link leads nowhere: applications get an error that makes no sense, and the \
        driver cannot be loaded again, since its link's name is taken.",
    remedy: "Call IoDeleteSymbolicLink for each IoCreateSymbolicLink, before IoDeleteDevice, \
        also on the error paths of DriverEntry and AddDevice.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodeletesymboliclink",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/non-pnp-driver-s-unload-routine",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    let own = words::driver_object(world, image);
    let foreign = |target: &str| {
        let mut devices = world.state.devices.iter();
        devices.any(|device| device.driver != own && device.name.as_deref() == Some(target))
    };
    let own = |made| words::belongs(world, image, 0, made);
    let links = world.state.links.iter();
    let mut links = links.filter(|link| !foreign(&link.target) && own(link.made));
    let link = links.next()?;
    let title = format!(
        "{} is unloaded and leaves the symbolic link {} behind",
        words::named(world, image),
        link.name
    );
    let mut violation = Violation::new(&RULE, title)
        .detail(format!("It leads to {}.", link.target))
        .at("link made here", link.made);
    for other in links {
        violation = violation.at("another link made here", other.made);
    }
    Some(violation.here("driver unloaded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::state::Link;

    #[test]
    fn the_link_is_named() {
        let mut world = World::new(2, &[]);
        assert!(check(&Event::Unloaded { image: 0 }, &world).is_none());
        let (name, target) = ("\\DosDevices\\Fifo".into(), "\\Device\\Fifo".into());
        world.state.links.push(Link { name, target, made: 2 });
        let violation = check(&Event::Unloaded { image: 0 }, &world).expect("objects");
        assert!(violation.title.contains("\\DosDevices\\Fifo"));
        assert_eq!(violation.code, 0);
    }
}

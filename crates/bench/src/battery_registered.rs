//! Scenarios for what a driver registered with the kernel.

use crate::battery::{Abilities, Battery, OPEN_WRITE};
use crate::scenario::{Step, transfer};
use kernel::io::request::major;

/// What a driver registered with the kernel, seen at the baseline.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Registrations {
    /// A StartIo routine: requests wait in the device's queue.
    pub start_io: bool,
}

pub(crate) fn add(battery: &mut Battery, abilities: &Abilities) {
    if abilities.registered.start_io && abilities.opens {
        queued(battery, abilities);
    }
}

/// Cancelling requests that wait while the device is busy with another one.
fn queued(battery: &mut Battery, abilities: &Abilities) {
    for (name, major) in [("reads-cancel", major::READ), ("writes-cancel", major::WRITE)] {
        if abilities.has(major) {
            let start = Step::Start { file: 0, transfer: transfer(major, 16) };
            let issuer = ("issuer", &[start, start, Step::Wait][..]);
            let canceller = ("canceller", &[Step::Cancel { file: 0 }][..]);
            battery.add(name, &[OPEN_WRITE], &[issuer, canceller]);
        }
    }
}

//! What the PnP and power managers know of devices: a part of [`crate::state`].

use crate::event::Site;

/// What a power request is about; see `po::irp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerClass {
    /// The system's state.
    System,
    /// The device's state.
    Device,
    /// Waking.
    Wake,
}

/// A power request that is under way or waits for its turn.
#[derive(Clone, Copy, Debug)]
pub struct PowerRequest {
    /// The packet.
    pub irp: u64,
    /// Device that whoever asked for it named.
    pub device: u64,
    /// Top of its stack.
    pub top: u64,
    /// Bottom of its stack.
    pub pdo: u64,
    /// What it is about.
    pub class: PowerClass,
    /// Minor function code.
    pub minor: u8,
    /// State asked for.
    pub state: u32,
    /// Callback of whoever asked for it, 0 for none.
    pub callback: u64,
    /// Its context.
    pub context: u64,
    /// It was sent.
    pub sent: bool,
}

/// A device with idle detection.
#[derive(Clone, Copy, Debug)]
pub struct IdleDevice {
    /// The device object.
    pub device: u64,
    /// Its idle counter.
    pub counter: u64,
    /// Device power state that it is put into.
    pub state: u32,
}

/// What the PnP manager knows of the device, and does with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pnp {
    /// Flags of the DEVICE_CAPABILITIES that the stack gave last.
    pub capabilities: u32,
    /// PNP_DEVICE_STATE that the stack gave last.
    pub device_state: u32,
    /// The bus fails START.
    pub start_fails: bool,
    /// The device's registers were moved to another bus address.
    pub moved: bool,
    /// Requests to open the device are refused: it is not started, or being removed.
    pub closed: bool,
    /// Where the device was last put into a state without power.
    pub slept: Site,
    /// The device was started.
    pub started: bool,
    /// The PnP manager is about something: one thing at a time.
    pub busy: bool,
}

/// A device that a bus driver reported: it has a node in the PnP manager's tree.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    /// Its physical device object.
    pub pdo: u64,
    /// That of the bus.
    pub parent: u64,
    /// Device and instance ID, as a number.
    pub name: u64,
    /// It was started, and not removed since.
    pub started: bool,
}

//! What drivers registered with the system: device interfaces, callbacks, notifications.

use crate::event::Site;
use std::rc::Rc;

/// An instance of a device interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Class GUID, as it lies in memory.
    pub class: [u8; 16],
    /// Physical device object.
    pub pdo: u64,
    /// Its symbolic link.
    pub link: Rc<str>,
    /// Applications may open it.
    pub enabled: bool,
}

/// A routine that is to be called when something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What for.
    pub event: Event,
    /// The routine.
    pub routine: u64,
    /// Its context.
    pub context: u64,
    /// The registration, as the driver knows it; 0 where it has none.
    pub handle: u64,
    /// What it is about: a callback object, a device, a file; 0 for all.
    pub object: u64,
    /// Where it was registered.
    pub made: Site,
}

/// What a notification is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A callback object is notified.
    Callback,
    /// A process starts or ends.
    Process,
    /// A thread starts or ends.
    Thread,
    /// An image is loaded.
    Image,
    /// A device interface comes or goes, a target device changes.
    PlugPlay,
    /// The system shuts down.
    Shutdown,
    /// A power setting changes.
    PowerSetting,
    /// The registry is used.
    Registry,
    /// A handle to a process or thread is opened.
    Handles,
    /// ETW asks for events.
    Etw,
    /// WMI asks for data.
    Wmi,
    /// Boot drivers have been initialised.
    Reinitialize,
}

/// A property of a device that a driver set.
#[derive(Clone, Debug)]
pub struct Property {
    /// Physical device object.
    pub device: u64,
    /// DEVPROPKEY, as it lies in memory.
    pub key: [u8; 20],
    /// Language, 0 for none.
    pub locale: u32,
    /// DEVPROPTYPE.
    pub kind: u32,
    /// The value.
    pub data: Rc<[u8]>,
}

impl Property {
    /// Whether it is this one.
    pub fn is(&self, device: u64, key: &[u8; 20], locale: u32) -> bool {
        self.device == device && self.key == *key && self.locale == locale
    }
}

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    /// Device interfaces, oldest first.
    pub interfaces: Vec<Interface>,
    /// Properties of devices.
    pub properties: Vec<Property>,
    /// Notifications, oldest first.
    pub notifications: Vec<Notification>,
    /// Driver object extensions: driver object, the driver's number, address.
    pub extensions: Vec<(u64, u64, u64)>,
}

impl Registered {
    /// Takes a registration back; false where it is not there.
    pub fn remove(&mut self, event: Event, matches: impl Fn(&Notification) -> bool) -> bool {
        let before = self.notifications.len();
        self.notifications.retain(|known| known.event != event || !matches(known));
        self.notifications.len() < before
    }
}

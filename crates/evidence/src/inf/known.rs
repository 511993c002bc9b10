//! What is known of names that INFs refer to: Windows' own INFs, and values that say how a device sleeps,
//! wakes and interrupts.

use super::registry::{Change, Value};

/// INFs of Windows that the pages tell others to include, and what is in them.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/specifying-the-source-and-target-locations-for-device-files>
const SYSTEM_INFS: &[(&str, &str)] = &[
    ("machine.inf", "buses and boards"),
    ("pci.inf", "the PCI bus"),
    ("usb.inf", "USB parents and composite devices"),
    ("usbport.inf", "USB host controllers"),
    ("winusb.inf", "WinUSB"),
    ("usbser.inf", "serial ports over USB"),
    ("wudfrd.inf", "the reflector of user-mode drivers"),
    ("input.inf", "HID devices"),
    ("keyboard.inf", "keyboards"),
    ("msmouse.inf", "mice"),
    ("ks.inf", "kernel streaming"),
    ("ksfilter.inf", "filters of kernel streaming"),
    ("kscaptur.inf", "capture by kernel streaming"),
    ("wdmaudio.inf", "audio"),
    ("wdma_usb.inf", "audio over USB"),
    ("hdaudio.inf", "High Definition Audio"),
    ("usbvideo.inf", "video over USB"),
    ("bda.inf", "broadcast receivers"),
    ("sti.inf", "scanners and cameras"),
    ("bth.inf", "Bluetooth radios"),
    ("msports.inf", "serial and parallel ports"),
    ("mdmcpq.inf", "modems"),
    ("mshdc.inf", "disk controllers"),
    ("disk.inf", "disks"),
    ("volume.inf", "volumes"),
    ("c_swdevice.inf", "software devices"),
];

/// What is in the INF of Windows that is called so; in any case.
pub fn system_inf(name: &str) -> Option<&'static str> {
    SYSTEM_INFS.iter().find(|(own, _)| own.eq_ignore_ascii_case(name.trim())).map(|(_, what)| *what)
}

/// Values by name, what they are when they are not 0, and the page that says so, below
/// <https://learn.microsoft.com/windows-hardware/drivers/>.
const VALUES: &[(&str, &str)] = &[
    // wdf/user-control-of-device-idle-and-wake-behavior
    (
        "WdfDefaultIdleInWorkingState",
        "power: the device sleeps while it is idle, unless a user says otherwise",
    ),
    (
        "WdfDefaultWakeFromSleepState",
        "wake: the device may wake the system, unless a user says otherwise",
    ),
    ("IdleInWorkingState", "power: the device sleeps while it is idle"),
    ("WakeFromSleepState", "wake: the device may wake the system"),
    // kernel/introduction-to-the-directed-power-management-framework
    ("WdfDirectedPowerTransitionEnable", "power: Windows may direct the device to sleep"),
    // usbcon/winusb-power-management
    ("DeviceIdleEnabled", "power: the device may be suspended while it is idle"),
    ("DeviceIdleIgnoreWakeEnable", "power: it is suspended although it cannot wake itself"),
    ("UserSetDeviceIdleEnabled", "power: a user may switch suspending on and off"),
    ("DefaultIdleState", "power: suspending is on to begin with"),
    ("DefaultIdleTimeout", "power: milliseconds until the device is idle"),
    ("SystemWakeEnabled", "wake: the device may wake the system"),
    // hid/selective-suspend-for-hid-over-usb-devices
    ("SelectiveSuspendEnabled", "power: USB selective suspend"),
    ("EnhancedPowerManagementEnabled", "power: USB selective suspend of a HID device"),
    ("DeviceSelectiveSuspended", "power: USB selective suspend"),
    // install/pnpcapabilities, network/standardized-inf-keywords-for-power-management
    ("PnPCapabilities", "power and wake: which of the boxes about them Device Manager shows"),
    ("*WakeOnMagicPacket", "wake: by a magic packet"),
    ("*WakeOnPattern", "wake: by a pattern in a packet"),
    ("*SelectiveSuspend", "power: NDIS selective suspend"),
    // install/device-power-management of classes: PowerSettings
    ("ConservationIdleTime", "power: seconds until the device is idle, on battery"),
    ("PerformanceIdleTime", "power: seconds until the device is idle, on mains"),
    ("IdlePowerState", "power: the state that an idle device goes to"),
    // kernel/enabling-message-signaled-interrupts-in-the-registry
    ("MSISupported", "interrupts: 1 asks for messages, 0 for the line"),
    ("MessageNumberLimit", "interrupts: at most so many messages"),
];

/// What a change of the registry has to do with sleeping, waking or interrupts.
pub fn meaning(change: &Change) -> Option<&'static str> {
    if matches!(change.value, Value::Delete | Value::Key) {
        return None;
    }
    VALUES.iter().find(|(own, _)| own.eq_ignore_ascii_case(&change.name)).map(|(_, what)| *what)
}

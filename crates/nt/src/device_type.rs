//! Device types: what `IoCreateDevice` is told and what control codes begin with.
//!
//! Source: wdm.h and winioctl.h (Windows 10 SDK).

macro_rules! types {
    ($($name:ident = $value:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`")]
            pub const $name: u32 = $value;
        )*
        /// Every type of this module with its name, in rising order of value.
        pub const ALL: &[(u32, &str)] = &[$(($value, stringify!($name))),*];
    };
}

/// Name of a device type; `None` for vendors' own (0x8000 and above) and unknown ones.
#[must_use]
pub fn name(device_type: u32) -> Option<&'static str> {
    ALL.binary_search_by_key(&device_type, |t| t.0).ok().map(|i| ALL[i].1)
}

/// Whether the type is a vendor's own.
#[must_use]
pub const fn is_vendor(device_type: u32) -> bool {
    device_type >= 0x8000
}

types! {
    FILE_DEVICE_BEEP = 0x01;
    FILE_DEVICE_CD_ROM = 0x02;
    FILE_DEVICE_CD_ROM_FILE_SYSTEM = 0x03;
    FILE_DEVICE_CONTROLLER = 0x04;
    FILE_DEVICE_DATALINK = 0x05;
    FILE_DEVICE_DFS = 0x06;
    FILE_DEVICE_DISK = 0x07;
    FILE_DEVICE_DISK_FILE_SYSTEM = 0x08;
    FILE_DEVICE_FILE_SYSTEM = 0x09;
    FILE_DEVICE_INPORT_PORT = 0x0A;
    FILE_DEVICE_KEYBOARD = 0x0B;
    FILE_DEVICE_MAILSLOT = 0x0C;
    FILE_DEVICE_MIDI_IN = 0x0D;
    FILE_DEVICE_MIDI_OUT = 0x0E;
    FILE_DEVICE_MOUSE = 0x0F;
    FILE_DEVICE_MULTI_UNC_PROVIDER = 0x10;
    FILE_DEVICE_NAMED_PIPE = 0x11;
    FILE_DEVICE_NETWORK = 0x12;
    FILE_DEVICE_NETWORK_BROWSER = 0x13;
    FILE_DEVICE_NETWORK_FILE_SYSTEM = 0x14;
    FILE_DEVICE_NULL = 0x15;
    FILE_DEVICE_PARALLEL_PORT = 0x16;
    FILE_DEVICE_PHYSICAL_NETCARD = 0x17;
    FILE_DEVICE_PRINTER = 0x18;
    FILE_DEVICE_SCANNER = 0x19;
    FILE_DEVICE_SERIAL_MOUSE_PORT = 0x1A;
    FILE_DEVICE_SERIAL_PORT = 0x1B;
    FILE_DEVICE_SCREEN = 0x1C;
    FILE_DEVICE_SOUND = 0x1D;
    FILE_DEVICE_STREAMS = 0x1E;
    FILE_DEVICE_TAPE = 0x1F;
    FILE_DEVICE_TAPE_FILE_SYSTEM = 0x20;
    FILE_DEVICE_TRANSPORT = 0x21;
    FILE_DEVICE_UNKNOWN = 0x22;
    FILE_DEVICE_VIDEO = 0x23;
    FILE_DEVICE_VIRTUAL_DISK = 0x24;
    FILE_DEVICE_WAVE_IN = 0x25;
    FILE_DEVICE_WAVE_OUT = 0x26;
    FILE_DEVICE_8042_PORT = 0x27;
    FILE_DEVICE_NETWORK_REDIRECTOR = 0x28;
    FILE_DEVICE_BATTERY = 0x29;
    FILE_DEVICE_BUS_EXTENDER = 0x2A;
    FILE_DEVICE_MODEM = 0x2B;
    FILE_DEVICE_VDM = 0x2C;
    FILE_DEVICE_MASS_STORAGE = 0x2D;
    FILE_DEVICE_SMB = 0x2E;
    FILE_DEVICE_KS = 0x2F;
    FILE_DEVICE_CHANGER = 0x30;
    FILE_DEVICE_SMARTCARD = 0x31;
    FILE_DEVICE_ACPI = 0x32;
    FILE_DEVICE_DVD = 0x33;
    FILE_DEVICE_FULLSCREEN_VIDEO = 0x34;
    FILE_DEVICE_DFS_FILE_SYSTEM = 0x35;
    FILE_DEVICE_DFS_VOLUME = 0x36;
    FILE_DEVICE_SERENUM = 0x37;
    FILE_DEVICE_TERMSRV = 0x38;
    FILE_DEVICE_KSEC = 0x39;
    FILE_DEVICE_FIPS = 0x3A;
    FILE_DEVICE_INFINIBAND = 0x3B;
    FILE_DEVICE_VMBUS = 0x3E;
    FILE_DEVICE_CRYPT_PROVIDER = 0x3F;
    FILE_DEVICE_WPD = 0x40;
    FILE_DEVICE_BLUETOOTH = 0x41;
    FILE_DEVICE_MT_COMPOSITE = 0x42;
    FILE_DEVICE_MT_TRANSPORT = 0x43;
    FILE_DEVICE_BIOMETRIC = 0x44;
    FILE_DEVICE_PMI = 0x45;
    FILE_DEVICE_EHSTOR = 0x46;
    FILE_DEVICE_DEVAPI = 0x47;
    FILE_DEVICE_GPIO = 0x48;
    FILE_DEVICE_USBEX = 0x49;
    FILE_DEVICE_CONSOLE = 0x50;
    FILE_DEVICE_NFP = 0x51;
    FILE_DEVICE_SYSENV = 0x52;
    FILE_DEVICE_VIRTUAL_BLOCK = 0x53;
    FILE_DEVICE_POINT_OF_SERVICE = 0x54;
    FILE_DEVICE_STORAGE_REPLICATION = 0x55;
    FILE_DEVICE_TRUST_ENV = 0x56;
    FILE_DEVICE_UCM = 0x57;
    FILE_DEVICE_UCMTCPCI = 0x58;
    FILE_DEVICE_PERSISTENT_MEMORY = 0x59;
    FILE_DEVICE_NVDIMM = 0x5A;
    FILE_DEVICE_HOLOGRAPHIC = 0x5B;
    FILE_DEVICE_SDFXHCI = 0x5C;
    FILE_DEVICE_UCMUCSI = 0x5D;
    FILE_DEVICE_PRM = 0x5E;
    FILE_DEVICE_EVENT_COLLECTOR = 0x5F;
    FILE_DEVICE_USB4 = 0x60;
    FILE_DEVICE_SOUNDWIRE = 0x61;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_so_that_names_are_found() {
        assert!(ALL.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(name(FILE_DEVICE_UNKNOWN), Some("FILE_DEVICE_UNKNOWN"));
        assert_eq!(name(0x9C40), None);
        assert!(is_vendor(0x9C40) && !is_vendor(FILE_DEVICE_DISK));
    }
}

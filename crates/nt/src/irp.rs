//! Major and minor functions of IRPs.
//!
//! Source: wdm.h; minor function 0x18 of PnP from ntifs.h.

macro_rules! functions {
    ($(#[$doc:meta])* $table:ident: $($name:ident = $value:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`")]
            pub const $name: u8 = $value;
        )*
        $(#[$doc])*
        pub const $table: &[(u8, &str)] = &[$(($value, stringify!($name))),*];
    };
}

/// Highest major function: `DRIVER_OBJECT.MajorFunction` has one more element than this.
pub const IRP_MJ_MAXIMUM_FUNCTION: u8 = 0x1B;
/// What SCSI class and port drivers call [`IRP_MJ_INTERNAL_DEVICE_CONTROL`].
pub const IRP_MJ_SCSI: u8 = IRP_MJ_INTERNAL_DEVICE_CONTROL;

functions! {
    /// Major functions with names, in rising order without gaps.
    MAJOR:
    IRP_MJ_CREATE = 0x00;
    IRP_MJ_CREATE_NAMED_PIPE = 0x01;
    IRP_MJ_CLOSE = 0x02;
    IRP_MJ_READ = 0x03;
    IRP_MJ_WRITE = 0x04;
    IRP_MJ_QUERY_INFORMATION = 0x05;
    IRP_MJ_SET_INFORMATION = 0x06;
    IRP_MJ_QUERY_EA = 0x07;
    IRP_MJ_SET_EA = 0x08;
    IRP_MJ_FLUSH_BUFFERS = 0x09;
    IRP_MJ_QUERY_VOLUME_INFORMATION = 0x0A;
    IRP_MJ_SET_VOLUME_INFORMATION = 0x0B;
    IRP_MJ_DIRECTORY_CONTROL = 0x0C;
    IRP_MJ_FILE_SYSTEM_CONTROL = 0x0D;
    IRP_MJ_DEVICE_CONTROL = 0x0E;
    IRP_MJ_INTERNAL_DEVICE_CONTROL = 0x0F;
    IRP_MJ_SHUTDOWN = 0x10;
    IRP_MJ_LOCK_CONTROL = 0x11;
    IRP_MJ_CLEANUP = 0x12;
    IRP_MJ_CREATE_MAILSLOT = 0x13;
    IRP_MJ_QUERY_SECURITY = 0x14;
    IRP_MJ_SET_SECURITY = 0x15;
    IRP_MJ_POWER = 0x16;
    IRP_MJ_SYSTEM_CONTROL = 0x17;
    IRP_MJ_DEVICE_CHANGE = 0x18;
    IRP_MJ_QUERY_QUOTA = 0x19;
    IRP_MJ_SET_QUOTA = 0x1A;
    IRP_MJ_PNP = 0x1B;
}

functions! {
    /// Minor functions of [`IRP_MJ_PNP`].
    PNP_MINOR:
    IRP_MN_START_DEVICE = 0x00;
    IRP_MN_QUERY_REMOVE_DEVICE = 0x01;
    IRP_MN_REMOVE_DEVICE = 0x02;
    IRP_MN_CANCEL_REMOVE_DEVICE = 0x03;
    IRP_MN_STOP_DEVICE = 0x04;
    IRP_MN_QUERY_STOP_DEVICE = 0x05;
    IRP_MN_CANCEL_STOP_DEVICE = 0x06;
    IRP_MN_QUERY_DEVICE_RELATIONS = 0x07;
    IRP_MN_QUERY_INTERFACE = 0x08;
    IRP_MN_QUERY_CAPABILITIES = 0x09;
    IRP_MN_QUERY_RESOURCES = 0x0A;
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS = 0x0B;
    IRP_MN_QUERY_DEVICE_TEXT = 0x0C;
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS = 0x0D;
    IRP_MN_READ_CONFIG = 0x0F;
    IRP_MN_WRITE_CONFIG = 0x10;
    IRP_MN_EJECT = 0x11;
    IRP_MN_SET_LOCK = 0x12;
    IRP_MN_QUERY_ID = 0x13;
    IRP_MN_QUERY_PNP_DEVICE_STATE = 0x14;
    IRP_MN_QUERY_BUS_INFORMATION = 0x15;
    IRP_MN_DEVICE_USAGE_NOTIFICATION = 0x16;
    IRP_MN_SURPRISE_REMOVAL = 0x17;
    IRP_MN_QUERY_LEGACY_BUS_INFORMATION = 0x18;
    IRP_MN_DEVICE_ENUMERATED = 0x19;
}

functions! {
    /// Minor functions of [`IRP_MJ_POWER`].
    POWER_MINOR:
    IRP_MN_WAIT_WAKE = 0x00;
    IRP_MN_POWER_SEQUENCE = 0x01;
    IRP_MN_SET_POWER = 0x02;
    IRP_MN_QUERY_POWER = 0x03;
}

functions! {
    /// Minor functions of [`IRP_MJ_SYSTEM_CONTROL`] (WMI).
    SYSTEM_CONTROL_MINOR:
    IRP_MN_QUERY_ALL_DATA = 0x00;
    IRP_MN_QUERY_SINGLE_INSTANCE = 0x01;
    IRP_MN_CHANGE_SINGLE_INSTANCE = 0x02;
    IRP_MN_CHANGE_SINGLE_ITEM = 0x03;
    IRP_MN_ENABLE_EVENTS = 0x04;
    IRP_MN_DISABLE_EVENTS = 0x05;
    IRP_MN_ENABLE_COLLECTION = 0x06;
    IRP_MN_DISABLE_COLLECTION = 0x07;
    IRP_MN_REGINFO = 0x08;
    IRP_MN_EXECUTE_METHOD = 0x09;
    IRP_MN_REGINFO_EX = 0x0B;
}

fn look_up(table: &[(u8, &'static str)], code: u8) -> Option<&'static str> {
    table.iter().find(|f| f.0 == code).map(|f| f.1)
}

/// Name of a major function, such as `IRP_MJ_READ`.
#[must_use]
pub fn major_name(major: u8) -> Option<&'static str> {
    look_up(MAJOR, major)
}

/// Name of a minor function; `None` where the major function has none with a name.
#[must_use]
pub fn minor_name(major: u8, minor: u8) -> Option<&'static str> {
    match major {
        IRP_MJ_PNP => look_up(PNP_MINOR, minor),
        IRP_MJ_POWER => look_up(POWER_MINOR, minor),
        IRP_MJ_SYSTEM_CONTROL => look_up(SYSTEM_CONTROL_MINOR, minor),
        _ => None,
    }
}

/// The function as messages should call it: `IRP_MJ_PNP/IRP_MN_START_DEVICE`, `IRP_MJ_READ`.
#[must_use]
pub fn text(major: u8, minor: u8) -> String {
    let first = major_name(major).map_or_else(|| format!("IRP_MJ_0x{major:02X}"), str::to_owned);
    match (minor_name(major, minor), minor, major) {
        (Some(name), ..) => format!("{first}/{name}"),
        (None, 0, _) => first,
        _ => format!("{first}/0x{minor:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_functions_have_no_gap() {
        assert!(MAJOR.iter().enumerate().all(|(i, f)| i == usize::from(f.0)));
        assert_eq!(MAJOR.len(), usize::from(IRP_MJ_MAXIMUM_FUNCTION) + 1);
    }

    #[test]
    fn minor_functions_are_unique_and_in_order() {
        for table in [PNP_MINOR, POWER_MINOR, SYSTEM_CONTROL_MINOR] {
            assert!(table.windows(2).all(|w| w[0].0 < w[1].0));
        }
    }

    #[test]
    fn functions_are_shown_with_their_names() {
        assert_eq!(text(IRP_MJ_PNP, 0), "IRP_MJ_PNP/IRP_MN_START_DEVICE");
        assert_eq!(text(IRP_MJ_POWER, IRP_MN_SET_POWER), "IRP_MJ_POWER/IRP_MN_SET_POWER");
        assert_eq!(text(IRP_MJ_READ, 0), "IRP_MJ_READ");
        assert_eq!(text(IRP_MJ_READ, 3), "IRP_MJ_READ/0x03");
        assert_eq!(text(0x40, 0), "IRP_MJ_0x40");
    }
}

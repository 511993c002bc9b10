//! Access masks: standard, generic and those of objects that drivers open.
//!
//! Source: wdm.h, ntifs.h and winnt.h; [MS-DTYP] 2.4.3 for the layout of the mask.

/// A mask or a bit of one with its C name.
pub type Right = (u32, &'static str);

macro_rules! rights {
    ($($(#[$doc:meta])* $table:ident { $($name:ident = $value:literal;)* })*) => {$(
        $(
            #[doc = concat!("`", stringify!($name), "`")]
            pub const $name: u32 = $value;
        )*
        $(#[$doc])*
        pub const $table: &[Right] = &[$(($value, stringify!($name))),*];
    )*};
}

rights! {
    /// Bits that mean the same for every object.
    COMMON {
        DELETE = 0x0001_0000;
        READ_CONTROL = 0x0002_0000;
        WRITE_DAC = 0x0004_0000;
        WRITE_OWNER = 0x0008_0000;
        SYNCHRONIZE = 0x0010_0000;
        ACCESS_SYSTEM_SECURITY = 0x0100_0000;
        MAXIMUM_ALLOWED = 0x0200_0000;
        GENERIC_ALL = 0x1000_0000;
        GENERIC_EXECUTE = 0x2000_0000;
        GENERIC_WRITE = 0x4000_0000;
        GENERIC_READ = 0x8000_0000;
    }
    /// Standard rights together.
    STANDARD {
        STANDARD_RIGHTS_ALL = 0x001F_0000;
        STANDARD_RIGHTS_REQUIRED = 0x000F_0000;
    }
    /// Files and devices: whole rights first, then bits.
    FILE {
        FILE_ALL_ACCESS = 0x001F_01FF;
        FILE_GENERIC_READ = 0x0012_0089;
        FILE_GENERIC_WRITE = 0x0012_0116;
        FILE_GENERIC_EXECUTE = 0x0012_00A0;
        FILE_READ_DATA = 0x1;
        FILE_WRITE_DATA = 0x2;
        FILE_APPEND_DATA = 0x4;
        FILE_READ_EA = 0x8;
        FILE_WRITE_EA = 0x10;
        FILE_EXECUTE = 0x20;
        FILE_DELETE_CHILD = 0x40;
        FILE_READ_ATTRIBUTES = 0x80;
        FILE_WRITE_ATTRIBUTES = 0x100;
    }
    /// Registry keys.
    KEY {
        KEY_ALL_ACCESS = 0x000F_003F;
        KEY_READ = 0x0002_0019;
        KEY_WRITE = 0x0002_0006;
        KEY_QUERY_VALUE = 0x1;
        KEY_SET_VALUE = 0x2;
        KEY_CREATE_SUB_KEY = 0x4;
        KEY_ENUMERATE_SUB_KEYS = 0x8;
        KEY_NOTIFY = 0x10;
        KEY_CREATE_LINK = 0x20;
        KEY_WOW64_64KEY = 0x100;
        KEY_WOW64_32KEY = 0x200;
    }
    /// Sections.
    SECTION {
        SECTION_ALL_ACCESS = 0x000F_001F;
        SECTION_QUERY = 0x1;
        SECTION_MAP_WRITE = 0x2;
        SECTION_MAP_READ = 0x4;
        SECTION_MAP_EXECUTE = 0x8;
        SECTION_EXTEND_SIZE = 0x10;
    }
    /// Events.
    EVENT {
        EVENT_ALL_ACCESS = 0x001F_0003;
        EVENT_QUERY_STATE = 0x1;
        EVENT_MODIFY_STATE = 0x2;
    }
    /// Processes, as of Windows Vista.
    PROCESS {
        PROCESS_ALL_ACCESS = 0x001F_FFFF;
        PROCESS_TERMINATE = 0x1;
        PROCESS_CREATE_THREAD = 0x2;
        PROCESS_SET_SESSIONID = 0x4;
        PROCESS_VM_OPERATION = 0x8;
        PROCESS_VM_READ = 0x10;
        PROCESS_VM_WRITE = 0x20;
        PROCESS_DUP_HANDLE = 0x40;
        PROCESS_CREATE_PROCESS = 0x80;
        PROCESS_SET_QUOTA = 0x100;
        PROCESS_SET_INFORMATION = 0x200;
        PROCESS_QUERY_INFORMATION = 0x400;
        PROCESS_SUSPEND_RESUME = 0x800;
        PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
    }
    /// Threads, as of Windows Vista.
    THREAD {
        THREAD_ALL_ACCESS = 0x001F_FFFF;
        THREAD_TERMINATE = 0x1;
        THREAD_SUSPEND_RESUME = 0x2;
        THREAD_ALERT = 0x4;
        THREAD_GET_CONTEXT = 0x8;
        THREAD_SET_CONTEXT = 0x10;
        THREAD_SET_INFORMATION = 0x20;
        THREAD_QUERY_INFORMATION = 0x40;
        THREAD_SET_THREAD_TOKEN = 0x80;
        THREAD_IMPERSONATE = 0x100;
        THREAD_DIRECT_IMPERSONATION = 0x200;
        THREAD_SET_LIMITED_INFORMATION = 0x400;
        THREAD_QUERY_LIMITED_INFORMATION = 0x800;
    }
}

/// What a mask's low 16 bits belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// Not known: only the common bits have names.
    Any,
    /// File or device.
    File,
    /// Registry key.
    Key,
    /// Section.
    Section,
    /// Event.
    Event,
    /// Process.
    Process,
    /// Thread.
    Thread,
}

impl Object {
    /// The rights of this kind of object, whole rights before their bits.
    #[must_use]
    pub const fn rights(self) -> &'static [Right] {
        match self {
            Self::Any => &[],
            Self::File => FILE,
            Self::Key => KEY,
            Self::Section => SECTION,
            Self::Event => EVENT,
            Self::Process => PROCESS,
            Self::Thread => THREAD,
        }
    }
}

/// A mask in names, whole rights before single bits: `FILE_GENERIC_READ | FILE_WRITE_DATA`.
#[must_use]
pub fn text(mask: u32, object: Object) -> String {
    let mut rest = mask;
    let mut parts = Vec::new();
    for &(bits, name) in object.rights().iter().chain(STANDARD).chain(COMMON) {
        if mask & bits == bits && rest & bits != 0 {
            parts.push(name.to_owned());
            rest &= !bits;
        }
    }
    if rest != 0 || parts.is_empty() {
        parts.push(if rest == 0 { "0".to_owned() } else { format!("0x{rest:X}") });
    }
    parts.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_rights_come_before_bits() {
        assert_eq!(text(0x0012_0089, Object::File), "FILE_GENERIC_READ");
        assert_eq!(text(0x0012_008B, Object::File), "FILE_GENERIC_READ | FILE_WRITE_DATA");
        assert_eq!(text(0x0012_019F, Object::File), "FILE_GENERIC_READ | FILE_GENERIC_WRITE");
        assert_eq!(text(0x001F_01FF, Object::File), "FILE_ALL_ACCESS");
        assert_eq!(text(0x0002_0019, Object::Key), "KEY_READ");
    }

    #[test]
    fn common_bits_are_named_for_every_object() {
        assert_eq!(text(0xC000_0000, Object::Any), "GENERIC_WRITE | GENERIC_READ");
        assert_eq!(text(0x0010_0001, Object::Any), "SYNCHRONIZE | 0x1");
        assert_eq!(text(0x0010_0001, Object::Event), "EVENT_QUERY_STATE | SYNCHRONIZE");
        assert_eq!(text(0, Object::File), "0");
    }

    #[test]
    fn whole_rights_are_what_their_bits_make() {
        let bits = |table: &[Right]| {
            table.iter().filter(|r| r.0.is_power_of_two()).fold(0, |all, r| all | r.0)
        };
        assert_eq!(bits(FILE) | STANDARD_RIGHTS_ALL, FILE_ALL_ACCESS);
        assert_eq!(bits(SECTION) | STANDARD_RIGHTS_REQUIRED, SECTION_ALL_ACCESS);
        assert_eq!(bits(EVENT) | STANDARD_RIGHTS_ALL, EVENT_ALL_ACCESS);
    }
}

//! The system and the process: `MINIDUMP_SYSTEM_INFO` and `MINIDUMP_MISC_INFO`.

use super::{Location, Machine, Reader};
use crate::bytes::{slice, u16_at, u32_at};

/// The system that a process ran on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// `ProcessorArchitecture`, as the machine that its images have.
    pub machine: Machine,
    /// `NumberOfProcessors`.
    pub processors: u8,
    /// `ProductType`: 1 workstation, 2 domain controller, 3 server.
    pub product_type: u8,
    /// `MajorVersion`, `MinorVersion` and `BuildNumber`: 10, 0, 19041 for example.
    pub version: [u32; 3],
    /// `PlatformId`: 2 is Windows NT.
    pub platform: u32,
    /// The service pack; empty where there is none.
    pub service_pack: String,
    /// `SuiteMask`.
    pub suite_mask: u16,
}

pub(super) fn read(reader: &mut Reader<'_>, at: Location) -> Option<System> {
    const FIELD: &str = "MINIDUMP_SYSTEM_INFO";
    let read = || {
        let bytes = slice(reader.data, at.offset, 32, FIELD)?;
        let machine = match u16_at(bytes, 0, FIELD)? {
            0 => Machine::X86,
            9 => Machine::X64,
            12 => Machine::Arm64,
            other => Machine::Other(other.into()),
        };
        let version =
            [u32_at(bytes, 8, FIELD)?, u32_at(bytes, 12, FIELD)?, u32_at(bytes, 16, FIELD)?];
        let (processors, product_type) = (bytes[6], bytes[7]);
        let (platform, suite_mask) = (u32_at(bytes, 20, FIELD)?, u16_at(bytes, 28, FIELD)?);
        let service_pack = String::new();
        let system = System {
            machine,
            processors,
            product_type,
            version,
            platform,
            service_pack,
            suite_mask,
        };
        Ok((system, u32_at(bytes, 24, FIELD)?))
    };
    let read = read();
    let (mut system, service_pack) = reader.had(read)?;
    if service_pack != 0 {
        system.service_pack = reader.text("CSDVersion", service_pack.into());
    }
    Some(system)
}

/// The machine's zone when the dump was written: minutes by which its clock was ahead of universal time
/// (`MINIDUMP_MISC_INFO_3`: `TimeZoneId` and a `TIME_ZONE_INFORMATION`).
pub(super) fn zone(reader: &mut Reader<'_>, at: Location) -> Option<i16> {
    const FIELD: &str = "MINIDUMP_MISC_INFO_3";
    const MISC3_TIMEZONE: u32 = 0x40;
    const DAYLIGHT: u32 = 2;
    // Older writers end before it, which is no lack.
    if at.size < 232 {
        return None;
    }
    let read = || {
        let bytes = slice(reader.data, at.offset, 232, FIELD)?;
        let word = |offset: u64| u32_at(bytes, offset, FIELD);
        Ok((word(4)?, word(56)?, word(60)?, word(144)?, word(228)?))
    };
    let read = read();
    let (flags, id, bias, standard, daylight) = reader.had(read)?;
    if flags & MISC3_TIMEZONE == 0 {
        return None;
    }
    let more = if id == DAYLIGHT { daylight } else { standard };
    let behind = bias.cast_signed().checked_add(more.cast_signed())?;
    // From UTC-12 to UTC+14.
    let ahead = i16::try_from(behind.checked_neg()?).ok()?;
    (-720..=840).contains(&ahead).then_some(ahead)
}

pub(super) fn process_id(reader: &mut Reader<'_>, at: Location) -> Option<u32> {
    const FIELD: &str = "MINIDUMP_MISC_INFO";
    const HAS_PROCESS_ID: u32 = 1;
    let flags = reader.had(u32_at(reader.data, at.offset + 4, FIELD))?;
    if flags & HAS_PROCESS_ID == 0 {
        return None;
    }
    reader.had(u32_at(reader.data, at.offset + 8, FIELD))
}

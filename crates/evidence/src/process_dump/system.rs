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

pub(super) fn process_id(reader: &mut Reader<'_>, at: Location) -> Option<u32> {
    const FIELD: &str = "MINIDUMP_MISC_INFO";
    const HAS_PROCESS_ID: u32 = 1;
    let flags = reader.had(u32_at(reader.data, at.offset + 4, FIELD))?;
    if flags & HAS_PROCESS_ID == 0 {
        return None;
    }
    reader.had(u32_at(reader.data, at.offset + 8, FIELD))
}

//! Functions of IRPs and I/O control codes.
//!
//! Source: wdm.h, ntifs.h.

use crate::answer::Answer;
use crate::space::Space;
use nt::ioctl::ControlCode;
use nt::{device_type, irp};

/// Minor functions of majors that only file systems see, beside those of `nt`.
const FILE_MINOR: &[(u8, u8, &str)] = &[
    (irp::IRP_MJ_DIRECTORY_CONTROL, 0x01, "IRP_MN_QUERY_DIRECTORY"),
    (irp::IRP_MJ_DIRECTORY_CONTROL, 0x02, "IRP_MN_NOTIFY_CHANGE_DIRECTORY"),
    (irp::IRP_MJ_DIRECTORY_CONTROL, 0x03, "IRP_MN_NOTIFY_CHANGE_DIRECTORY_EX"),
    (irp::IRP_MJ_FILE_SYSTEM_CONTROL, 0x00, "IRP_MN_USER_FS_REQUEST"),
    (irp::IRP_MJ_FILE_SYSTEM_CONTROL, 0x01, "IRP_MN_MOUNT_VOLUME"),
    (irp::IRP_MJ_FILE_SYSTEM_CONTROL, 0x02, "IRP_MN_VERIFY_VOLUME"),
    (irp::IRP_MJ_FILE_SYSTEM_CONTROL, 0x03, "IRP_MN_LOAD_FILE_SYSTEM"),
    (irp::IRP_MJ_FILE_SYSTEM_CONTROL, 0x04, "IRP_MN_KERNEL_CALL"),
    (irp::IRP_MJ_LOCK_CONTROL, 0x01, "IRP_MN_LOCK"),
    (irp::IRP_MJ_LOCK_CONTROL, 0x02, "IRP_MN_UNLOCK_SINGLE"),
    (irp::IRP_MJ_LOCK_CONTROL, 0x03, "IRP_MN_UNLOCK_ALL"),
    (irp::IRP_MJ_LOCK_CONTROL, 0x04, "IRP_MN_UNLOCK_ALL_BY_KEY"),
];

fn minors() -> impl Iterator<Item = (u8, u8, &'static str)> {
    let of = |major, table: &'static [(u8, &'static str)]| {
        table.iter().map(move |&(minor, name)| (major, minor, name))
    };
    of(irp::IRP_MJ_PNP, irp::PNP_MINOR)
        .chain(of(irp::IRP_MJ_POWER, irp::POWER_MINOR))
        .chain(of(irp::IRP_MJ_SYSTEM_CONTROL, irp::SYSTEM_CONTROL_MINOR))
        .chain(FILE_MINOR.iter().copied())
}

pub fn names() -> impl Iterator<Item = (Space, u32, &'static str)> {
    let majors = irp::MAJOR.iter().map(|&(code, name)| (Space::IrpMajor, u32::from(code), name));
    majors.chain(minors().map(|(_, minor, name)| (Space::IrpMinor, u32::from(minor), name)))
}

pub fn major(code: u32) -> Option<Answer> {
    let name = irp::major_name(u8::try_from(code).ok()?)?;
    let minors: Vec<&str> =
        minors().filter(|row| u32::from(row.0) == code).map(|row| row.2).collect();
    let answer = Answer::new(Space::IrpMajor, u64::from(code), name, 20);
    Some(answer.detail("minor functions", minors.join(", ")))
}

/// A minor function in each major function that has it, or in the one that the context names.
pub fn minor(code: u32, context: &str) -> Option<Answer> {
    let code = u8::try_from(code).ok()?;
    let wanted = |major: u8| match context {
        _ if context.contains("power") => major == irp::IRP_MJ_POWER,
        _ if context.contains("pnp") || context.contains("plug") => major == irp::IRP_MJ_PNP,
        _ if context.contains("wmi") || context.contains("system_control") => {
            major == irp::IRP_MJ_SYSTEM_CONTROL
        }
        _ => true,
    };
    let found: Vec<(u8, &str)> =
        minors().filter(|row| row.1 == code && wanted(row.0)).map(|row| (row.0, row.2)).collect();
    let (_, first) = found.first()?;
    let name = if let [(_, only)] = found.as_slice() {
        (*only).to_owned()
    } else {
        format!("{first}, or others")
    };
    let mut answer = Answer::new(Space::IrpMinor, u64::from(code), name, 8);
    for (major, name) in found {
        answer = answer.detail(irp::major_name(major).unwrap_or_default(), name);
    }
    Some(answer)
}

pub fn ioctl(code: u32) -> Option<Answer> {
    let parts = ControlCode::decode(code);
    let device = u32::from(parts.device_type);
    let known = device_type::name(device);
    // Every number is a control code; some look like one.
    let likelihood = match (known, device_type::is_vendor(device)) {
        (Some("FILE_DEVICE_UNKNOWN"), _) => 65,
        (Some(_), _) => 35,
        (None, true) if device < 0xC000 && parts.function >= 0x800 => 25,
        _ => 2,
    };
    let whose = if parts.function >= 0x800 {
        "a vendor's own (0x800 and above)"
    } else {
        "Microsoft's (below 0x800)"
    };
    let kind = match known {
        Some(name) => format!("0x{device:X} {name}"),
        None if device_type::is_vendor(device) => {
            format!("0x{device:X}, a vendor's own (0x8000 and above)")
        }
        None => format!("0x{device:X}, not known"),
    };
    let access = match parts.access {
        nt::ioctl::FILE_ANY_ACCESS => "any handle may send it",
        nt::ioctl::FILE_READ_ACCESS => "the handle must be open for reading",
        nt::ioctl::FILE_WRITE_ACCESS => "the handle must be open for writing",
        _ => "the handle must be open for reading and writing",
    };
    let method = match parts.method {
        nt::ioctl::Method::Buffered => "one system buffer for input and output",
        nt::ioctl::Method::InDirect => {
            "input copied; the output buffer is an MDL that the driver reads"
        }
        nt::ioctl::Method::OutDirect => {
            "input copied; the output buffer is an MDL that the driver writes"
        }
        nt::ioctl::Method::Neither => {
            "the caller's addresses as they are; the driver must probe them"
        }
    };
    Some(
        Answer::new(Space::Ioctl, u64::from(code), parts.to_string(), likelihood)
            .detail("device type", kind)
            .detail("function", format!("0x{:X}, {whose}", parts.function))
            .detail("method", format!("{}: {method}", parts.method.name()))
            .detail("access", format!("{}: {access}", parts.access_name()))
            .link("https://learn.microsoft.com/windows-hardware/drivers/kernel/defining-i-o-control-codes"),
    )
}

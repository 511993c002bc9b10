//! I/O ports as routines, for drivers that do not use the instructions.

use crate::cx::{Cx, Stop};
use crate::device;
use crate::service;
use crate::service::Service;

fn read(cx: &mut Cx, port: u64, bytes: u8) -> Result<u32, Stop> {
    match u16::try_from(port).ok().and_then(|port| device::port(&cx.bus.card, port)) {
        Some((bar, offset)) => {
            device::touch(cx, bar, offset, false)?;
            Ok(cx.bus.read_device(bar, offset, bytes) as u32)
        }
        None => cx.unsupported(format!("I/O port {port:#x}: the bench's device has no such port")),
    }
}

fn write(cx: &mut Cx, port: u64, bytes: u8, value: u32) -> Result<(), Stop> {
    match u16::try_from(port).ok().and_then(|port| device::port(&cx.bus.card, port)) {
        Some((bar, offset)) => {
            device::touch(cx, bar, offset, true)?;
            cx.bus.write_device(bar, offset, bytes, u64::from(value));
            Ok(())
        }
        None => cx.unsupported(format!("I/O port {port:#x}: the bench's device has no such port")),
    }
}

/// Reads a byte.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_port_uchar>
pub fn READ_PORT_UCHAR(cx: &mut Cx, port: u64) -> Result<u32, Stop> {
    read(cx, port, 1)
}

/// Reads 16 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_port_ushort>
pub fn READ_PORT_USHORT(cx: &mut Cx, port: u64) -> Result<u32, Stop> {
    read(cx, port, 2)
}

/// Reads 32 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_port_ulong>
pub fn READ_PORT_ULONG(cx: &mut Cx, port: u64) -> Result<u32, Stop> {
    read(cx, port, 4)
}

/// Writes a byte.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-write_port_uchar>
pub fn WRITE_PORT_UCHAR(cx: &mut Cx, port: u64, value: u8) -> Result<(), Stop> {
    write(cx, port, 1, u32::from(value))
}

/// Writes 16 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-write_port_ushort>
pub fn WRITE_PORT_USHORT(cx: &mut Cx, port: u64, value: u16) -> Result<(), Stop> {
    write(cx, port, 2, u32::from(value))
}

/// Writes 32 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-write_port_ulong>
pub fn WRITE_PORT_ULONG(cx: &mut Cx, port: u64, value: u32) -> Result<(), Stop> {
    write(cx, port, 4, value)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(READ_PORT_UCHAR),
        service!(READ_PORT_USHORT),
        service!(READ_PORT_ULONG),
        service!(WRITE_PORT_UCHAR),
        service!(WRITE_PORT_USHORT),
        service!(WRITE_PORT_ULONG),
    ]
}

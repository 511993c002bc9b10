//! Device registers in memory as routines, and buffers of several of them.

use crate::cx::{Cx, Stop};
use crate::device;
use crate::service;
use crate::service::Service;
use memory::{Access, DEVICE};

/// The range of registers and the offset that an address means; an address that is not mapped is
/// the driver's fault.
fn place(cx: &mut Cx, address: u64, bytes: u8, access: Access) -> Result<Option<(u8, u64)>, Stop> {
    if cx.bus.memory.flags(address).is_none_or(|flags| flags & DEVICE == 0) {
        cx.probe(address, u64::from(bytes), access)?;
        return Ok(None);
    }
    if let Err(fault) = cx.bus.memory.check_allowing(address, u64::from(bytes), access, DEVICE) {
        return cx.fault(fault, Some("a register routine"));
    }
    let (bar, offset) = device::place(address);
    device::touch(cx, bar, offset, access == Access::Write)?;
    Ok(Some((bar, offset)))
}

fn read(cx: &mut Cx, address: u64, bytes: u8) -> Result<u64, Stop> {
    match place(cx, address, bytes, Access::Read)? {
        Some((bar, offset)) => Ok(cx.bus.read_device(bar, offset, bytes)),
        None => Ok(cx.bus.memory.peek64(address)),
    }
}

fn write(cx: &mut Cx, address: u64, bytes: u8, value: u64) -> Result<(), Stop> {
    match place(cx, address, bytes, Access::Write)? {
        Some((bar, offset)) => cx.bus.write_device(bar, offset, bytes, value),
        None => {
            cx.bus.memory.poke(address, &value.to_le_bytes()[..usize::from(bytes)]);
        }
    }
    Ok(())
}

/// Reads a byte.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_register_uchar>
pub fn READ_REGISTER_UCHAR(cx: &mut Cx, register: u64) -> Result<u32, Stop> {
    Ok(u32::from(read(cx, register, 1)? as u8))
}

/// Reads 16 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_register_ushort>
pub fn READ_REGISTER_USHORT(cx: &mut Cx, register: u64) -> Result<u32, Stop> {
    Ok(u32::from(read(cx, register, 2)? as u16))
}

/// Reads 32 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_register_ulong>
pub fn READ_REGISTER_ULONG(cx: &mut Cx, register: u64) -> Result<u32, Stop> {
    Ok(read(cx, register, 4)? as u32)
}

/// Writes a byte.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-write_register_uchar>
pub fn WRITE_REGISTER_UCHAR(cx: &mut Cx, register: u64, value: u8) -> Result<(), Stop> {
    write(cx, register, 1, u64::from(value))
}

/// Writes 16 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-write_register_ushort>
pub fn WRITE_REGISTER_USHORT(cx: &mut Cx, register: u64, value: u16) -> Result<(), Stop> {
    write(cx, register, 2, u64::from(value))
}

/// Writes 32 bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-write_register_ulong>
pub fn WRITE_REGISTER_ULONG(cx: &mut Cx, register: u64, value: u32) -> Result<(), Stop> {
    write(cx, register, 4, u64::from(value))
}

/// Reads registers of a byte that lie one after another.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_register_buffer_uchar>
pub fn READ_REGISTER_BUFFER_UCHAR(
    cx: &mut Cx,
    register: u64,
    buffer: u64,
    count: u32,
) -> Result<(), Stop> {
    read_buffer(cx, register, buffer, count, 1)
}

/// Reads registers of 32 bits that lie one after another.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-read_register_buffer_ulong>
pub fn READ_REGISTER_BUFFER_ULONG(
    cx: &mut Cx,
    register: u64,
    buffer: u64,
    count: u32,
) -> Result<(), Stop> {
    read_buffer(cx, register, buffer, count, 4)
}

/// Copies a range of registers.
fn read_buffer(cx: &mut Cx, register: u64, buffer: u64, count: u32, bytes: u8) -> Result<(), Stop> {
    for index in (0..u64::from(count)).map(|index| index * u64::from(bytes)) {
        let value = read(cx, register + index, bytes)?.to_le_bytes();
        cx.write_bytes(buffer + index, &value[..usize::from(bytes)])?;
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(READ_REGISTER_UCHAR),
        service!(READ_REGISTER_USHORT),
        service!(READ_REGISTER_ULONG),
        service!(READ_REGISTER_BUFFER_UCHAR),
        service!(READ_REGISTER_BUFFER_ULONG),
        service!(WRITE_REGISTER_UCHAR),
        service!(WRITE_REGISTER_USHORT),
        service!(WRITE_REGISTER_ULONG),
    ]
}

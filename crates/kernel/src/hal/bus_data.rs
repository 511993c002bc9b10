//! Configuration space by bus and slot. The bench has one PCI bus with one device.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use memory::Access;

/// PCIConfiguration of BUS_DATA_TYPE (ntddk.h).
const PCI_CONFIGURATION: u32 = 4;
/// Bytes of configuration space.
const SPACE: u64 = 256;
/// PCI_INVALID_VENDORID: what a slot without a device reads as.
const NOBODY: u16 = 0xffff;

/// Reads configuration space into a buffer of the driver's; bytes read.
pub(crate) fn read(cx: &mut Cx, buffer: u64, offset: u32, length: u32) -> Result<u32, Stop> {
    let length = u64::from(length).min(SPACE);
    let mut bytes = vec![0; length as usize];
    let count = cx.bus.card.read_config(offset as usize, &mut bytes);
    cx.write_bytes(buffer, &bytes[..count])?;
    Ok(count as u32)
}

/// Writes configuration space from a buffer of the driver's; bytes taken.
pub(crate) fn write(cx: &mut Cx, buffer: u64, offset: u32, length: u32) -> Result<u32, Stop> {
    let bytes = cx.read_bytes(buffer, u64::from(length).min(SPACE))?;
    Ok(cx.bus.card.write_config(offset as usize, &bytes) as u32)
}

/// Reads configuration space.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-halgetbusdatabyoffset>
pub fn HalGetBusDataByOffset(
    cx: &mut Cx,
    kind: u32,
    bus: u32,
    slot: u32,
    buffer: u64,
    offset: u32,
    length: u32,
) -> Result<u32, Stop> {
    if kind != PCI_CONFIGURATION {
        return cx.unsupported(format!("bus data of type {kind}: 4, PCIConfiguration, is known"));
    }
    match (bus, slot) {
        (0, 0) => read(cx, buffer, offset, length),
        // No such bus.
        (1.., _) => Ok(0),
        (0, _) => {
            cx.probe(buffer, u64::from(length), Access::Write)?;
            if length >= 2 {
                cx.write16(buffer, NOBODY)?;
            }
            Ok(length.min(2))
        }
    }
}

/// Reads configuration space from its start.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-halgetbusdata>
pub fn HalGetBusData(
    cx: &mut Cx,
    kind: u32,
    bus: u32,
    slot: u32,
    buffer: u64,
    length: u32,
) -> Result<u32, Stop> {
    HalGetBusDataByOffset(cx, kind, bus, slot, buffer, 0, length)
}

/// Writes configuration space.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-halsetbusdatabyoffset>
pub fn HalSetBusDataByOffset(
    cx: &mut Cx,
    kind: u32,
    bus: u32,
    slot: u32,
    buffer: u64,
    offset: u32,
    length: u32,
) -> Result<u32, Stop> {
    if kind != PCI_CONFIGURATION {
        return cx.unsupported(format!("bus data of type {kind}: 4, PCIConfiguration, is known"));
    }
    if (bus, slot) == (0, 0) { write(cx, buffer, offset, length) } else { Ok(0) }
}

/// Writes configuration space from its start.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-halsetbusdata>
pub fn HalSetBusData(
    cx: &mut Cx,
    kind: u32,
    bus: u32,
    slot: u32,
    buffer: u64,
    length: u32,
) -> Result<u32, Stop> {
    HalSetBusDataByOffset(cx, kind, bus, slot, buffer, 0, length)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(HalGetBusDataByOffset),
        service!(HalGetBusData),
        service!(HalSetBusDataByOffset),
        service!(HalSetBusData),
    ]
}

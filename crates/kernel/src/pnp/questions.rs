//! What the bus driver answers when it is asked: capabilities, identifiers, configuration space and
//! the interface that gives access to it without a request.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::hal::bus_data;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use memory::Access;
use nt::layout::io_stack_location as location;
use nt::layout::{bus_interface_standard as interface, device_capabilities, pnp_bus_information};
use nt::status;

/// GUID_BUS_INTERFACE_STANDARD, 496b8280-6f25-11d0-beaf-08002be2092f (wdmguid.h).
const BUS_INTERFACE: [u8; 16] = [
    0x80, 0x82, 0x6b, 0x49, 0x25, 0x6f, 0xd0, 0x11, 0xbe, 0xaf, 0x08, 0x00, 0x2b, 0xe2, 0x09, 0x2f,
];
/// GUID_BUS_TYPE_PCI, c8ebdfb0-b510-11d0-80e5-00a0c92542e3 (wdmguid.h).
const PCI: [u8; 16] = [
    0xb0, 0xdf, 0xeb, 0xc8, 0x10, 0xb5, 0xd0, 0x11, 0x80, 0xe5, 0x00, 0xa0, 0xc9, 0x25, 0x42, 0xe3,
];
/// PCIBus of INTERFACE_TYPE.
const PCI_BUS: u32 = 5;
/// PCI_WHICHSPACE_CONFIG (wdm.h).
const CONFIGURATION: u32 = 0;
/// PowerDeviceD0, PowerDeviceD3 (wdm.h).
const D0: u32 = 1;
const D3: u32 = 4;
/// PowerSystemSleeping3 (wdm.h).
const S3: u32 = 4;
/// WakeFromD3 among the bit fields of DEVICE_CAPABILITIES (wdm.h).
const WAKE_FROM_D3: u32 = 1 << 13;

/// What a question is answered with: status and information. `None` leaves the request as it is.
pub(super) type Answer = Option<(u32, u64)>;

/// Answers a PnP request that is a question.
pub(super) fn answer(cx: &mut Cx, minor: u8, here: u64) -> Result<Answer, Stop> {
    match minor {
        0x08 => query_interface(cx, here),
        0x09 => query_capabilities(cx, here),
        0x0f | 0x10 => config(cx, here, minor == 0x0f),
        0x13 => query_id(cx, here),
        0x15 => query_bus(cx),
        _ => Ok(None),
    }
}

fn give(cx: &mut Cx, bytes: &[u8]) -> Result<Answer, Stop> {
    let block = pool::allocate(cx, BlockKind::Pool, true, bytes.len() as u64, 0);
    let Some(block) = block else {
        let failed = Some((status::STATUS_INSUFFICIENT_RESOURCES, 0));
        return if cx.over { Err(Stop::Run) } else { Ok(failed) };
    };
    cx.bus.memory.poke(block, bytes);
    Ok(Some((status::STATUS_SUCCESS, block)))
}

/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-capabilities>
fn query_capabilities(cx: &mut Cx, here: u64) -> Result<Answer, Stop> {
    let at = cx.read64(here + location::PARAMETERS_DEVICE_CAPABILITIES_CAPABILITIES)?;
    cx.probe(at, device_capabilities::SIZE, Access::Write)?;
    let memory = &mut cx.bus.memory;
    memory.poke32(at + device_capabilities::ADDRESS, 0);
    memory.poke32(at + device_capabilities::UI_NUMBER, u32::MAX);
    // Unspecified, working, sleeping 1 to 3, hibernate, shutdown.
    for (index, state) in [0, D0, D3, D3, D3, D3, D3].into_iter().enumerate() {
        memory.poke32(at + device_capabilities::DEVICE_STATE + 4 * index as u64, state);
    }
    let flags = memory.peek32(at + device_capabilities::FLAGS);
    memory.poke32(at + device_capabilities::FLAGS, flags | WAKE_FROM_D3);
    memory.poke32(at + device_capabilities::SYSTEM_WAKE, S3);
    memory.poke32(at + device_capabilities::DEVICE_WAKE, D3);
    Ok(Some((status::STATUS_SUCCESS, 0)))
}

/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-read-config>
fn config(cx: &mut Cx, here: u64, reads: bool) -> Result<Answer, Stop> {
    let space = cx.read32(here + location::PARAMETERS_READ_WRITE_CONFIG_WHICH_SPACE)?;
    let buffer = cx.read64(here + location::PARAMETERS_READ_WRITE_CONFIG_BUFFER)?;
    let offset = cx.read32(here + location::PARAMETERS_READ_WRITE_CONFIG_OFFSET)?;
    let length = cx.read32(here + location::PARAMETERS_READ_WRITE_CONFIG_LENGTH)?;
    if space != CONFIGURATION {
        return Ok(Some((status::STATUS_INVALID_DEVICE_REQUEST, 0)));
    }
    let count = match reads {
        true => bus_data::read(cx, buffer, offset, length)?,
        false => bus_data::write(cx, buffer, offset, length)?,
    };
    let code = match count == length {
        true => status::STATUS_SUCCESS,
        false => status::STATUS_INVALID_PARAMETER,
    };
    Ok(Some((code, u64::from(count))))
}

/// Identifiers of the device, each list from the most particular to the most general: device,
/// hardware, compatible.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/identifiers-for-pci-devices>
pub(crate) fn identifiers(cx: &Cx, kind: u32) -> Vec<String> {
    let who = *cx.bus.card.identity();
    let vendor = format!("PCI\\VEN_{:04X}", who.vendor);
    let device = format!("{vendor}&DEV_{:04X}", who.device);
    let system = format!("{device}&SUBSYS_{:04X}{:04X}", who.subsystem, who.subsystem_vendor);
    let (class, short) = (format!("CC_{:06X}", who.class), format!("CC_{:04X}", who.class >> 8));
    let revision = format!("REV_{:02X}", who.revision);
    match kind {
        0 => vec![format!("{system}&{revision}")],
        1 => vec![
            format!("{system}&{revision}"),
            system,
            format!("{device}&{class}"),
            format!("{device}&{short}"),
        ],
        2 => vec![
            format!("{device}&{revision}"),
            device,
            format!("{vendor}&{class}"),
            format!("{vendor}&{short}"),
            vendor,
            format!("PCI\\{class}"),
            format!("PCI\\{short}"),
        ],
        3 => vec!["3&11583659&0&00".to_owned()],
        _ => Vec::new(),
    }
}

/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-id>
fn query_id(cx: &mut Cx, here: u64) -> Result<Answer, Stop> {
    let kind = cx.read32(here + location::PARAMETERS_QUERY_ID_ID_TYPE)?;
    let names = identifiers(cx, kind);
    if names.is_empty() {
        return Ok(None);
    }
    let mut bytes: Vec<u8> = names.iter().flat_map(|name| nt::string::to_utf16le_z(name)).collect();
    // BusQueryHardwareIDs and BusQueryCompatibleIDs: lists end with an empty string.
    if matches!(kind, 1 | 2) {
        bytes.extend([0, 0]);
    }
    give(cx, &bytes)
}

/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-bus-information>
fn query_bus(cx: &mut Cx) -> Result<Answer, Stop> {
    let mut bytes = vec![0; pnp_bus_information::SIZE as usize];
    bytes[..16].copy_from_slice(&PCI);
    let kind = pnp_bus_information::LEGACY_BUS_TYPE as usize;
    bytes[kind..kind + 4].copy_from_slice(&PCI_BUS.to_le_bytes());
    give(cx, &bytes)
}

/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-interface>
fn query_interface(cx: &mut Cx, here: u64) -> Result<Answer, Stop> {
    let kind = cx.read64(here + location::PARAMETERS_QUERY_INTERFACE_INTERFACE_TYPE)?;
    let kind = cx.read_bytes(kind, 16)?;
    if kind != BUS_INTERFACE {
        return Ok(None);
    }
    let room = cx.read16(here + location::PARAMETERS_QUERY_INTERFACE_SIZE)?;
    let version = cx.read16(here + location::PARAMETERS_QUERY_INTERFACE_VERSION)?;
    let at = cx.read64(here + location::PARAMETERS_QUERY_INTERFACE_INTERFACE)?;
    if u64::from(room) < interface::SIZE || version != 1 {
        return Ok(None);
    }
    cx.probe(at, interface::SIZE, Access::Write)?;
    cx.bus.memory.fill(at, interface::SIZE, 0);
    cx.bus.memory.poke16(at + interface::SIZE_FIELD, interface::SIZE as u16);
    cx.bus.memory.poke16(at + interface::VERSION, 1);
    for (offset, name) in [
        (interface::INTERFACE_REFERENCE, "BenchBusReference"),
        (interface::INTERFACE_DEREFERENCE, "BenchBusReference"),
        (interface::TRANSLATE_BUS_ADDRESS, "BenchBusTranslate"),
        (interface::GET_DMA_ADAPTER, "BenchBusGetDmaAdapter"),
        (interface::SET_BUS_DATA, "BenchBusSetData"),
        (interface::GET_BUS_DATA, "BenchBusGetData"),
    ] {
        let address = cx.registry.address_of(name).unwrap_or(0);
        cx.bus.memory.poke64(at + offset, address);
    }
    Ok(Some((status::STATUS_SUCCESS, 0)))
}

/// References to the interface: the bus driver outlives every function driver.
pub fn BenchBusReference(_: &mut Cx, _context: u64) -> Result<(), Stop> {
    Ok(())
}

/// Translates a bus address: on this computer they are physical addresses.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-translate_bus_address>
pub fn BenchBusTranslate(
    cx: &mut Cx,
    _context: u64,
    address: u64,
    _bytes: u32,
    _space: u64,
    result: u64,
) -> Result<bool, Stop> {
    cx.write64(result, address)?;
    Ok(true)
}

/// Gives a DMA adapter.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-get_dma_adapter>
pub fn BenchBusGetDmaAdapter(
    cx: &mut Cx,
    _context: u64,
    description: u64,
    registers: u64,
) -> Result<u64, Stop> {
    crate::io::dma::IoGetDmaAdapter(cx, 0, description, registers)
}

/// Writes configuration space.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-get_set_device_data>
pub fn BenchBusSetData(
    cx: &mut Cx,
    _context: u64,
    space: u32,
    buffer: u64,
    offset: u32,
    length: u32,
) -> Result<u32, Stop> {
    if space == CONFIGURATION { bus_data::write(cx, buffer, offset, length) } else { Ok(0) }
}

/// Reads configuration space.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-get_set_device_data>
pub fn BenchBusGetData(
    cx: &mut Cx,
    _context: u64,
    space: u32,
    buffer: u64,
    offset: u32,
    length: u32,
) -> Result<u32, Stop> {
    if space == CONFIGURATION { bus_data::read(cx, buffer, offset, length) } else { Ok(0) }
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(BenchBusReference, quiet),
        service!(BenchBusTranslate, quiet),
        service!(BenchBusGetDmaAdapter),
        service!(BenchBusSetData),
        service!(BenchBusGetData),
    ]
}

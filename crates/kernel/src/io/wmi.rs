//! Windows Management Instrumentation: providers register, and nobody asks them.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::io::complete::IofCompleteRequest;
use crate::service;
use crate::service::Service;
use nt::layout::{device_object, io_stack_location as location, irp};
use nt::status::*;

/// Last minor function code of IRP_MJ_SYSTEM_CONTROL: IRP_MN_REGINFO_EX (wdm.h).
const LAST_MINOR: u8 = 0x0b;
/// SYSCTL_IRP_DISPOSITION (wmilib.h): IrpNotWmi, IrpForward.
const NOT_WMI: u32 = 2;
const FORWARD: u32 = 3;
/// WNODE_HEADER.BufferSize is the first member and holds what the item takes.
const LEAST_ITEM: u32 = 0x30;

/// Registers a device or a callback as a provider, or takes that back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmiregistrationcontrol>
pub fn IoWMIRegistrationControl(cx: &mut Cx, device: u64, action: u32) -> Result<u32, Stop> {
    cx.read16(device)?;
    // WMIREG_FLAG_CALLBACK is the top bit; actions are 1 to 5, with flags above.
    Ok(if (1..=5).contains(&(action & 0xffff)) { STATUS_SUCCESS } else { STATUS_INVALID_PARAMETER })
}

/// The number by which WMI knows a device.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmideviceobjecttoproviderid>
pub fn IoWMIDeviceObjectToProviderId(cx: &mut Cx, device: u64) -> Result<u32, Stop> {
    cx.read16(device)?;
    Ok(device as u32)
}

/// Sends an event, whose item is WMI's from then on.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmiwriteevent>
pub fn IoWMIWriteEvent(cx: &mut Cx, item: u64) -> Result<u32, Stop> {
    if cx.read32(item)? < LEAST_ITEM {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    pool::free(cx, item);
    Ok(STATUS_SUCCESS)
}

/// Says whether a system control request is for this device; those would be answered from the
/// driver's tables.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmisystemcontrol>
pub fn WmiSystemControl(
    cx: &mut Cx,
    tables: u64,
    device: u64,
    at: u64,
    disposition: u64,
) -> Result<u32, Stop> {
    cx.read64(tables)?;
    cx.probe(device, device_object::SIZE, memory::Access::Read)?;
    let here = cx.read64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION)?;
    let minor = cx.read8(here + location::MINOR_FUNCTION)?;
    if minor > LAST_MINOR {
        cx.write32(disposition, NOT_WMI)?;
    } else if cx.read64(here + location::PARAMETERS_WMI_PROVIDER_ID)? != device {
        cx.write32(disposition, FORWARD)?;
    } else {
        return cx.unsupported("answering a WMI request from a driver's tables");
    }
    Ok(cx.bus.memory.peek32(at + irp::IO_STATUS_STATUS))
}

/// Completes a WMI request.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmicompleterequest>
pub fn WmiCompleteRequest(
    cx: &mut Cx,
    _device: u64,
    at: u64,
    status: u32,
    used: u32,
    boost: u8,
) -> Result<u32, Stop> {
    cx.write32(at + irp::IO_STATUS_STATUS, status)?;
    cx.write64(at + irp::IO_STATUS_INFORMATION, u64::from(used))?;
    IofCompleteRequest(cx, at, boost)?;
    Ok(status)
}

/// Sends an event with data of the driver's, which WMI frees.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmifireevent>
pub fn WmiFireEvent(
    cx: &mut Cx,
    device: u64,
    guid: u64,
    _instance: u32,
    _bytes: u32,
    data: u64,
) -> Result<u32, Stop> {
    cx.read16(device)?;
    cx.read64(guid)?;
    if data != 0 {
        cx.read8(data)?;
        pool::free(cx, data);
    }
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoWMIRegistrationControl, partly "nobody queries the provider"),
        service!(IoWMIDeviceObjectToProviderId, quiet),
        service!(IoWMIWriteEvent, partly "nobody receives the event"),
        service!(WmiSystemControl, partly "forwards what is not for the device"),
        service!(WmiCompleteRequest, hands_over),
        service!(WmiFireEvent, partly "nobody receives the event"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn an_event_item_is_taken_over() {
        run(|cx| {
            let (device, item) = (block(cx, 0x150), block(cx, 0x40));
            assert_eq!(IoWMIRegistrationControl(cx, device, 1)?, STATUS_SUCCESS);
            assert_eq!(IoWMIRegistrationControl(cx, device, 9)?, STATUS_INVALID_PARAMETER);
            assert_eq!(IoWMIWriteEvent(cx, item)?, STATUS_INVALID_PARAMETER);
            cx.write32(item, 0x40)?;
            assert_eq!(IoWMIWriteEvent(cx, item)?, STATUS_SUCCESS);
            assert!(pool::find_live(cx, item).is_none());
            Ok(())
        });
    }
}

//! Packets that the I/O manager makes for a driver's own requests to the one below. How a buffer
//! goes along is kept in the packet's flags, and settled when it comes back.

use super::{irp as packet, mdl};
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, Origin};
use memory::Access;
use nt::layout::{device_object, io_stack_location as location, irp};
use nt::status::is_success;

/// IRP_ flags (wdm.h).
const SYNCHRONOUS_API: u32 = 0x4;
const BUFFERED_IO: u32 = 0x10;
const DEALLOCATE_BUFFER: u32 = 0x20;
const INPUT_OPERATION: u32 = 0x40;
/// DO_BUFFERED_IO, DO_DIRECT_IO (wdm.h).
const BUFFERED: u32 = 0x4;
const DIRECT: u32 = 0x10;
/// Major functions (wdm.h).
const READ: u8 = 0x03;
const WRITE: u8 = 0x04;

/// A packet for a device: its address and that of its first stack location.
fn make(cx: &mut Cx, device: u64) -> Result<(u64, u64), Stop> {
    cx.probe(device, device_object::SIZE, Access::Read)?;
    let locations = cx.bus.memory.peek8(device + device_object::STACK_SIZE).max(1);
    let Some(at) = packet::make(cx, locations, Origin::Driver) else { return Err(Stop::Run) };
    let thread = cx.state.me().thread;
    cx.bus.memory.poke64(at + irp::TAIL_OVERLAY_THREAD, thread);
    Ok((at, packet::first_location(at, locations)))
}

/// A buffer of the kernel's as large as `room`, which holds `input`.
fn system_buffer(cx: &mut Cx, at: u64, from: u64, input: u64, room: u64) -> Result<(), Stop> {
    if room == 0 {
        return Ok(());
    }
    let held = cx.read_bytes(from, input)?;
    let system = pool::allocate(cx, BlockKind::Buffer, false, room, 0);
    let Some(system) = system else { return Err(Stop::Run) };
    cx.bus.memory.fill(system, room, pool::UNINITIALISED);
    cx.bus.memory.poke(system, &held);
    cx.bus.memory.poke64(at + irp::ASSOCIATED_IRP_SYSTEM_BUFFER, system);
    let flags = cx.bus.memory.peek32(at + irp::FLAGS);
    cx.bus.memory.poke32(at + irp::FLAGS, flags | BUFFERED_IO | DEALLOCATE_BUFFER);
    Ok(())
}

fn locked(cx: &mut Cx, at: u64, buffer: u64, bytes: u64, write: bool) -> Result<(), Stop> {
    if bytes == 0 {
        return Ok(());
    }
    cx.probe(buffer, bytes, if write { Access::Write } else { Access::Read })?;
    let Some(list) = mdl::make(cx, buffer, bytes) else { return Err(Stop::Run) };
    if mdl::lock(cx, list, write).is_none() {
        return Err(Stop::Run);
    }
    cx.bus.memory.poke64(at + irp::MDL_ADDRESS, list);
    Ok(())
}

fn add_flags(cx: &mut Cx, at: u64, more: u32) {
    let flags = cx.bus.memory.peek32(at + irp::FLAGS);
    cx.bus.memory.poke32(at + irp::FLAGS, flags | more);
}

/// Makes a device control request, whose end is told by an event.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iobuilddeviceiocontrolrequest>
pub fn IoBuildDeviceIoControlRequest(
    cx: &mut Cx,
    code: u32,
    device: u64,
    input: u64,
    input_bytes: u32,
    output: u64,
    output_bytes: u32,
    internal: bool,
    event: u64,
    status: u64,
) -> Result<u64, Stop> {
    let (at, here) = make(cx, device)?;
    let (from, to) = (u64::from(input_bytes), u64::from(output_bytes));
    let memory = &mut cx.bus.memory;
    memory.poke8(here, if internal { 0x0f } else { 0x0e });
    memory.poke32(here + location::PARAMETERS_DEVICE_IO_CONTROL_OUTPUT_BUFFER_LENGTH, output_bytes);
    memory.poke32(here + location::PARAMETERS_DEVICE_IO_CONTROL_INPUT_BUFFER_LENGTH, input_bytes);
    memory.poke32(here + location::PARAMETERS_DEVICE_IO_CONTROL_IO_CONTROL_CODE, code);
    memory.poke64(at + irp::USER_EVENT, event);
    memory.poke64(at + irp::USER_IOSB, status);
    memory.poke64(at + irp::USER_BUFFER, output);
    add_flags(cx, at, SYNCHRONOUS_API);
    // METHOD_BUFFERED 0, METHOD_IN_DIRECT 1, METHOD_OUT_DIRECT 2, METHOD_NEITHER 3.
    match code & 3 {
        0 => {
            system_buffer(cx, at, input, from, from.max(to))?;
            if to > 0 {
                add_flags(cx, at, INPUT_OPERATION);
            }
        }
        1 | 2 => {
            system_buffer(cx, at, input, from, from)?;
            locked(cx, at, output, to, code & 3 == 2)?;
        }
        _ => {
            let place = here + location::PARAMETERS_DEVICE_IO_CONTROL_TYPE3_INPUT_BUFFER;
            cx.bus.memory.poke64(place, input);
        }
    }
    Ok(at)
}

fn transfer(
    cx: &mut Cx,
    major: u32,
    device: u64,
    buffer: u64,
    bytes: u32,
    offset: u64,
) -> Result<u64, Stop> {
    let major = major as u8;
    let offset = if offset == 0 { 0 } else { cx.read64(offset)? };
    let (at, here) = make(cx, device)?;
    cx.bus.memory.poke8(here, major);
    if !matches!(major, READ | WRITE) {
        return Ok(at);
    }
    let memory = &mut cx.bus.memory;
    memory.poke32(here + location::PARAMETERS_READ_LENGTH, bytes);
    memory.poke64(here + location::PARAMETERS_READ_BYTE_OFFSET, offset);
    memory.poke64(at + irp::USER_BUFFER, buffer);
    let flags = memory.peek32(device + device_object::FLAGS);
    let (room, reads) = (u64::from(bytes), major == READ);
    if flags & BUFFERED != 0 {
        system_buffer(cx, at, buffer, if reads { 0 } else { room }, room)?;
        if reads {
            add_flags(cx, at, INPUT_OPERATION);
        }
    } else if flags & DIRECT != 0 {
        locked(cx, at, buffer, room, reads)?;
    }
    Ok(at)
}

/// Makes a read, write, flush, shutdown or PnP request, whose end is told by an event.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iobuildsynchronousfsdrequest>
pub fn IoBuildSynchronousFsdRequest(
    cx: &mut Cx,
    major: u32,
    device: u64,
    buffer: u64,
    bytes: u32,
    offset: u64,
    event: u64,
    status: u64,
) -> Result<u64, Stop> {
    let at = transfer(cx, major, device, buffer, bytes, offset)?;
    cx.bus.memory.poke64(at + irp::USER_EVENT, event);
    cx.bus.memory.poke64(at + irp::USER_IOSB, status);
    add_flags(cx, at, SYNCHRONOUS_API);
    Ok(at)
}

/// Makes a request that the caller's completion routine takes back and frees.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iobuildasynchronousfsdrequest>
pub fn IoBuildAsynchronousFsdRequest(
    cx: &mut Cx,
    major: u32,
    device: u64,
    buffer: u64,
    bytes: u32,
    offset: u64,
    status: u64,
) -> Result<u64, Stop> {
    let at = transfer(cx, major, device, buffer, bytes, offset)?;
    cx.bus.memory.poke64(at + irp::USER_IOSB, status);
    Ok(at)
}

/// A packet made here is back: what its buffers need.
pub(crate) fn settle(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    let memory = &mut cx.bus.memory;
    let flags = memory.peek32(at + irp::FLAGS);
    if flags & BUFFERED_IO != 0 {
        let system = memory.peek64(at + irp::ASSOCIATED_IRP_SYSTEM_BUFFER);
        let buffer = memory.peek64(at + irp::USER_BUFFER);
        let code = memory.peek32(at + irp::IO_STATUS_STATUS);
        let information = memory.peek64(at + irp::IO_STATUS_INFORMATION);
        let room = pool::find_live(cx, system).map_or(0, |block| block.bytes);
        // STATUS_BUFFER_OVERFLOW is a warning: data is copied. Errors copy nothing.
        if flags & INPUT_OPERATION != 0 && (is_success(code) || code < 0xc000_0000) {
            let mut bytes = vec![0; information.min(room) as usize];
            cx.bus.memory.peek(system, &mut bytes);
            cx.write_bytes(buffer, &bytes)?;
        }
        if flags & DEALLOCATE_BUFFER != 0 {
            pool::free(cx, system);
        }
    }
    let list = cx.bus.memory.peek64(at + irp::MDL_ADDRESS);
    if flags & SYNCHRONOUS_API != 0 && list != 0 {
        mdl::unlock(cx, list);
        pool::free(cx, list);
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoBuildDeviceIoControlRequest, quiet, partly "a thread that ends does not cancel it"),
        service!(IoBuildSynchronousFsdRequest, quiet, partly "a thread that ends does not cancel it"),
        service!(IoBuildAsynchronousFsdRequest, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::call::IofCallDriver;
    use crate::ke::event::KeInitializeEvent;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn a_request_to_the_device_below_comes_back_by_its_event() {
        run(|cx| {
            let Some(pdo) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let (event, status, buffer) = (block(cx, 24), block(cx, 16), block(cx, 8));
            for code in [0x22_0000, 0x22_0002, 0x22_0003] {
                KeInitializeEvent(cx, event, 0, false)?;
                let at = IoBuildDeviceIoControlRequest(
                    cx, code, pdo, buffer, 8, buffer, 8, false, event, status,
                )?;
                let pending = IofCallDriver(cx, pdo, at)?;
                assert_eq!(pending, nt::status::STATUS_PENDING);
                crate::ke::wait::wait_for(cx, &[event], false, None)?;
                assert_eq!(cx.read32(status)?, 0);
                assert!(pool::find_live(cx, at).is_none());
            }
            Ok(())
        });
    }
}

//! StartIo: the I/O manager queues requests for a device and hands them to the driver one at a time.

use super::cancel::{CANCEL_LOCK, release_cancel_lock};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ke::device_queue;
use crate::ke::spin_lock::acquire;
use crate::service;
use crate::service::Service;
use memory::Access;
use nt::irql::DISPATCH_LEVEL;
use nt::layout::devobj_extension as extension;
use nt::layout::{device_object as device, driver_object as driver, irp};

// StartIoFlags, which only the I/O manager looks at: the two attributes, and what was asked for while
// StartIo ran.
const DEFERRED: u32 = 1;
const NO_CANCEL: u32 = 2;
const REQUESTED: u32 = 4;
const BY_KEY: u32 = 8;
const CANCELABLE: u32 = 16;

fn extension_of(cx: &mut Cx, object: u64) -> Result<u64, Stop> {
    cx.probe(object, device::SIZE, Access::Write)?;
    cx.read64(object + device::DEVICE_OBJECT_EXTENSION)
}

fn flags(cx: &mut Cx, object: u64) -> Result<u32, Stop> {
    let at = extension_of(cx, object)?;
    cx.read32(at + extension::START_IO_FLAGS)
}

/// Says how StartIo is to be called.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iosetstartioattributes>
pub fn IoSetStartIoAttributes(
    cx: &mut Cx,
    object: u64,
    deferred: bool,
    non_cancelable: bool,
) -> Result<(), Stop> {
    let at = extension_of(cx, object)?;
    let old = cx.read32(at + extension::START_IO_FLAGS)? & !(DEFERRED | NO_CANCEL);
    let new =
        old | if deferred { DEFERRED } else { 0 } | if non_cancelable { NO_CANCEL } else { 0 };
    cx.write32(at + extension::START_IO_FLAGS, new)
}

/// The request is the device's current one from now on; whether it can be cancelled still is the
/// attribute's business.
fn make_current(cx: &mut Cx, object: u64, packet: u64, cancelable: bool) -> Result<(), Stop> {
    cx.write64(object + device::CURRENT_IRP, packet)?;
    if cancelable && flags(cx, object)? & NO_CANCEL != 0 {
        cx.write64(packet + irp::CANCEL_ROUTINE, 0)?;
    }
    Ok(())
}

/// Calls StartIo, and again for what it asked for meanwhile if that was to be deferred.
fn call(cx: &mut Cx, object: u64, mut packet: u64) -> Result<(), Stop> {
    let driver_object = cx.read64(object + device::DRIVER_OBJECT)?;
    let routine = cx.read64(driver_object + driver::DRIVER_START_IO)?;
    if flags(cx, object)? & DEFERRED == 0 {
        cx.call(Routine::StartIo, routine, &[object, packet])?;
        return Ok(());
    }
    loop {
        let at = extension_of(cx, object)?;
        cx.write32(at + extension::START_IO_COUNT, 1)?;
        cx.call(Routine::StartIo, routine, &[object, packet])?;
        let at = extension_of(cx, object)?;
        cx.write32(at + extension::START_IO_COUNT, 0)?;
        let asked = cx.read32(at + extension::START_IO_FLAGS)?;
        if asked & REQUESTED == 0 {
            return Ok(());
        }
        let key = cx.read32(at + extension::START_IO_KEY)?;
        cx.write32(at + extension::START_IO_FLAGS, asked & (DEFERRED | NO_CANCEL))?;
        let key = (asked & BY_KEY != 0).then_some(key);
        match take(cx, object, asked & CANCELABLE != 0, key)? {
            0 => return Ok(()),
            next => packet = next,
        }
    }
}

/// Takes the next request out of the device's queue; 0 when there is none, and the device is idle.
fn take(cx: &mut Cx, object: u64, cancelable: bool, key: Option<u32>) -> Result<u64, Stop> {
    let old = if cancelable { acquire(cx, CANCEL_LOCK, DISPATCH_LEVEL, true)? } else { 0 };
    cx.write64(object + device::CURRENT_IRP, 0)?;
    let entry = device_queue::remove(cx, object + device::DEVICE_QUEUE, key)?;
    let packet = if entry == 0 { 0 } else { entry - irp::TAIL_OVERLAY_DEVICE_QUEUE_ENTRY };
    if packet != 0 {
        make_current(cx, object, packet, cancelable)?;
    }
    if cancelable {
        release_cancel_lock(cx, old)?;
    }
    Ok(packet)
}

/// Starts the next request, now or once StartIo returns.
fn next(cx: &mut Cx, object: u64, cancelable: bool, key: Option<u32>) -> Result<(), Stop> {
    let at = extension_of(cx, object)?;
    let flags = cx.read32(at + extension::START_IO_FLAGS)?;
    if flags & DEFERRED != 0 && cx.read32(at + extension::START_IO_COUNT)? != 0 {
        let asked = REQUESTED
            | if key.is_some() { BY_KEY } else { 0 }
            | if cancelable { CANCELABLE } else { 0 };
        cx.write32(at + extension::START_IO_KEY, key.unwrap_or(0))?;
        return cx.write32(at + extension::START_IO_FLAGS, flags | asked);
    }
    match take(cx, object, cancelable, key)? {
        0 => Ok(()),
        packet => call(cx, object, packet),
    }
}

/// Gives a request to StartIo if the device is idle, and queues it otherwise.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iostartpacket>
pub fn IoStartPacket(
    cx: &mut Cx,
    object: u64,
    packet: u64,
    key: u64,
    cancel_routine: u64,
) -> Result<(), Stop> {
    cx.probe(object, device::SIZE, Access::Write)?;
    cx.probe(packet, irp::SIZE, Access::Write)?;
    let key = if key == 0 { None } else { Some(cx.read32(key)?) };
    let old = cx.irql();
    if old < DISPATCH_LEVEL {
        cx.set_irql(DISPATCH_LEVEL);
    }
    let cancelable = cancel_routine != 0;
    let below = if cancelable {
        let below = acquire(cx, CANCEL_LOCK, DISPATCH_LEVEL, true)?;
        cx.write64(packet + irp::CANCEL_ROUTINE, cancel_routine)?;
        below
    } else {
        0
    };
    let entry = packet + irp::TAIL_OVERLAY_DEVICE_QUEUE_ENTRY;
    if device_queue::insert(cx, object + device::DEVICE_QUEUE, entry, key)? {
        if cancelable && cx.read8(packet + irp::CANCEL)? != 0 {
            // Cancelled before it had a routine to call: it is called now, with the lock held.
            cx.write64(packet + irp::CANCEL_ROUTINE, 0)?;
            cx.write8(packet + irp::CANCEL_IRQL, below)?;
            let now = cx.state.moment;
            if let Some(record) = cx.state.irp_mut(packet) {
                record.cancel_called = Some(now);
            }
            cx.call(Routine::Cancel, cancel_routine, &[object, packet])?;
        } else if cancelable {
            release_cancel_lock(cx, below)?;
        }
    } else {
        make_current(cx, object, packet, cancelable)?;
        if cancelable {
            release_cancel_lock(cx, below)?;
        }
        call(cx, object, packet)?;
    }
    if old < DISPATCH_LEVEL {
        cx.set_irql(old);
    }
    Ok(())
}

/// The device is free: gives StartIo the next request, if there is one.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iostartnextpacket>
pub fn IoStartNextPacket(cx: &mut Cx, object: u64, cancelable: bool) -> Result<(), Stop> {
    next(cx, object, cancelable, None)
}

/// The same, the next request being that for a key.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iostartnextpacketbykey>
pub fn IoStartNextPacketByKey(
    cx: &mut Cx,
    object: u64,
    cancelable: bool,
    key: u32,
) -> Result<(), Stop> {
    let old = cx.irql();
    if old < DISPATCH_LEVEL {
        cx.set_irql(DISPATCH_LEVEL);
    }
    next(cx, object, cancelable, Some(key))?;
    if old < DISPATCH_LEVEL {
        cx.set_irql(old);
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoSetStartIoAttributes, quiet),
        service!(IoStartPacket, hands_over),
        service!(IoStartNextPacket, hands_over),
        service!(IoStartNextPacketByKey, hands_over),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::irp::{IoAllocateIrp, first_location};
    use crate::rtl::test_machine::{block, run};
    use nt::layout::{io_stack_location as location, kdevice_queue};

    /// A device whose StartIo is this service.
    fn device_with(cx: &mut Cx, start_io: &str) -> Result<u64, Stop> {
        let driver_object = crate::io::device::make_driver(cx, "\\Driver\\Test", 0, 0, 0);
        let routine = cx.registry.address_of(start_io).expect("a service");
        cx.write64(driver_object + driver::DRIVER_START_IO, routine)?;
        crate::io::device::make_device(cx, driver_object, 0, None, 0, 0, false).ok_or(Stop::Run)
    }

    fn packet(cx: &mut Cx, device: u64) -> Result<u64, Stop> {
        let at = IoAllocateIrp(cx, 1, false)?;
        let here = first_location(at, 1);
        cx.write64(here + location::DEVICE_OBJECT, device)?;
        cx.write64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION, here)?;
        cx.write8(at + irp::CURRENT_LOCATION, 1)?;
        Ok(at)
    }

    #[test]
    fn requests_come_one_at_a_time_and_by_key() {
        run(|cx| {
            let object = device_with(cx, "KeGetCurrentIrql")?;
            let key = block(cx, 4);
            let packets = [1u32, 9, 5].map(|value| (value, packet(cx, object)));
            let mut all = Vec::new();
            for (value, packet) in packets {
                let packet = packet?;
                cx.write32(key, value)?;
                IoStartPacket(cx, object, packet, key, 0)?;
                all.push(packet);
            }
            assert_eq!((cx.irql(), cx.read64(object + device::CURRENT_IRP)?), (0, all[0]));
            IoStartNextPacketByKey(cx, object, false, 6)?;
            assert_eq!(cx.read64(object + device::CURRENT_IRP)?, all[1]);
            IoStartNextPacket(cx, object, true)?;
            assert_eq!(cx.read64(object + device::CURRENT_IRP)?, all[2]);
            IoStartNextPacket(cx, object, false)?;
            let busy = cx.read8(object + device::DEVICE_QUEUE + kdevice_queue::BUSY)?;
            assert_eq!((cx.read64(object + device::CURRENT_IRP)?, busy), (0, 0));
            Ok(())
        });
    }

    #[test]
    fn the_current_request_loses_its_cancel_routine_if_asked() {
        run(|cx| {
            let object = device_with(cx, "KeGetCurrentIrql")?;
            for (non_cancelable, left) in [(false, 0x40), (true, 0)] {
                IoSetStartIoAttributes(cx, object, false, non_cancelable)?;
                let packet = packet(cx, object)?;
                IoStartPacket(cx, object, packet, 0, 0x40)?;
                assert_eq!(cx.read64(packet + irp::CANCEL_ROUTINE)?, left);
                IoStartNextPacket(cx, object, true)?;
            }
            Ok(())
        });
    }

    #[test]
    fn deferred_calls_do_not_nest() {
        run(|cx| {
            // It asks for the next packet from inside itself; the second argument is true then.
            let object = device_with(cx, "IoStartNextPacket")?;
            IoSetStartIoAttributes(cx, object, true, false)?;
            let depth = cx.state.me().depth;
            let (one, two) = (packet(cx, object)?, packet(cx, object)?);
            let queue = object + device::DEVICE_QUEUE;
            device_queue::insert(cx, queue, one + irp::TAIL_OVERLAY_DEVICE_QUEUE_ENTRY, None)?;
            device_queue::insert(cx, queue, two + irp::TAIL_OVERLAY_DEVICE_QUEUE_ENTRY, None)?;
            IoStartNextPacket(cx, object, true)?;
            assert_eq!(cx.state.me().depth, depth);
            assert_eq!(cx.read8(queue + kdevice_queue::BUSY)?, 0);
            Ok(())
        });
    }
}

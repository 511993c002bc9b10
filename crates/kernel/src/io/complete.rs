//! Completing a request: up the stack, through the completion routines, back to its maker.

use super::call::{PENDING_RETURNED, level};
use super::order;
use crate::cx::{Cx, Stop};
use crate::event::{Event, Routine};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::{Doing, Origin};
use nt::layout::{io_stack_location as location, irp};
use nt::status;

/// SL_INVOKE_ON_CANCEL, SL_INVOKE_ON_SUCCESS, SL_INVOKE_ON_ERROR (wdm.h).
const ON_CANCEL: u8 = 0x20;
const ON_SUCCESS: u8 = 0x40;
const ON_ERROR: u8 = 0x80;

/// The driver is done with a request.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iofcompleterequest>
pub fn IofCompleteRequest(cx: &mut Cx, at: u64, _boost: u8) -> Result<(), Stop> {
    cx.say(Event::Complete { irp: at })?;
    cx.read64(at)?;
    complete(cx, at)
}

/// Goes up the stack from the present location.
pub(crate) fn complete(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    let now = cx.state.moment;
    let memory = &mut cx.bus.memory;
    let locations = memory.peek8(at + irp::STACK_COUNT);
    if memory.peek8(at + irp::CURRENT_LOCATION) > locations + 1 {
        return cx.unsupported("the completion of a request that is with nobody");
    }
    loop {
        let memory = &mut cx.bus.memory;
        let current = memory.peek8(at + irp::CURRENT_LOCATION);
        if current > locations {
            break;
        }
        let here = memory.peek64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION);
        let control = memory.peek8(here + location::CONTROL);
        let routine = memory.peek64(here + location::COMPLETION_ROUTINE);
        let context = memory.peek64(here + location::CONTEXT);
        let code = memory.peek32(at + irp::IO_STATUS_STATUS);
        let cancel = memory.peek8(at + irp::CANCEL) != 0;
        let pending = control & PENDING_RETURNED;
        let above = here + location::SIZE;
        memory.poke8(at + irp::PENDING_RETURNED, pending);
        memory.poke8(at + irp::CURRENT_LOCATION, current + 1);
        memory.poke64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION, above);
        let last = current + 1 > locations;
        let device = if last { 0 } else { memory.peek64(above + location::DEVICE_OBJECT) };
        // The location is cleared but for its major function, as Windows does.
        memory.poke8(here + location::MINOR_FUNCTION, 0);
        memory.poke8(here + location::FLAGS, 0);
        memory.poke8(here + location::CONTROL, 0);
        if let Some(record) = cx.state.irp_mut(at) {
            let entry = &mut record.history[level(locations, current)];
            entry.completed = Some(now);
            entry.marked = pending != 0;
        }
        let success = code < 0x8000_0000;
        let invoke = (success && control & ON_SUCCESS != 0)
            || (!success && control & ON_ERROR != 0)
            || (cancel && control & ON_CANCEL != 0);
        if invoke {
            let answer = cx.call(Routine::Completion, routine, &[device, at, context])? as u32;
            if answer == status::STATUS_MORE_PROCESSING_REQUIRED {
                return Ok(());
            }
        } else if pending != 0 && !last {
            let control = cx.bus.memory.peek8(above + location::CONTROL);
            cx.bus.memory.poke8(above + location::CONTROL, control | PENDING_RETURNED);
        }
    }
    finish(cx, at)
}

/// The request is back with its maker.
fn finish(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.state.idle_ticks = 0;
    let now = cx.state.moment;
    let memory = &mut cx.bus.memory;
    let code = memory.peek32(at + irp::IO_STATUS_STATUS);
    let information = memory.peek64(at + irp::IO_STATUS_INFORMATION);
    let event = memory.peek64(at + irp::USER_EVENT);
    let iosb = memory.peek64(at + irp::USER_IOSB);
    let locations = memory.peek8(at + irp::STACK_COUNT);
    memory.poke8(at + irp::CURRENT_LOCATION, locations + 2);
    let origin = match cx.state.irp_mut(at) {
        Some(record) => {
            record.completed = Some(now);
            record.origin
        }
        None => Origin::Driver,
    };
    if let Origin::Request(index) | Origin::Kernel(index) = origin {
        if !cx.state.power.is_empty() {
            crate::po::irp::finished(cx, at)?;
        }
        finish_request(cx, index, code, information);
        order::look(cx, index, code)?;
    } else {
        // A packet from IoBuild...Request: its buffers, the caller's status block and event.
        super::build::settle(cx, at)?;
        if iosb != 0 {
            cx.write32(iosb, code)?;
            cx.write64(iosb + 8, information)?;
        }
        if event != 0 {
            crate::ke::event::KeSetEvent(cx, event, 0, false)?;
        }
    }
    pool::free(cx, at);
    Ok(())
}

fn finish_request(cx: &mut Cx, index: u16, code: u32, information: u64) {
    let Some(request) = cx.state.requests.get_mut(usize::from(index)) else { return };
    request.done = Some((code, information));
    let request = *request;
    if request.system != 0 {
        let bytes = information.min(request.copy_back);
        // STATUS_BUFFER_OVERFLOW is a warning: data is copied. Errors copy nothing.
        if bytes > 0 && code < 0xc000_0000 {
            cx.bus.memory.copy(request.system, request.buffer, bytes);
        }
        pool::free(cx, request.system);
    }
    if request.mdl != 0 {
        super::mdl::unlock(cx, request.mdl);
        pool::free(cx, request.mdl);
    }
    if let Some(file) = request.file
        && let Some(file) = cx.state.files.get_mut(usize::from(file))
    {
        file.busy = file.busy.saturating_sub(1);
    }
    cx.state.wake_all(Doing::ForRequest(index));
    crate::ke::dpc::wake_key(cx, super::request::FILE_IDLE);
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(IofCompleteRequest, hands_over)]
}

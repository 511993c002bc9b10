//! Semaphores.

use super::wait::{object, signal};
use crate::cx::{Cx, Stop};
use crate::rtl::misc::raise;
use crate::service;
use crate::service::Service;
use nt::layout::{dispatcher_header as header, ksemaphore};
use nt::status::STATUS_SEMAPHORE_LIMIT_EXCEEDED;

/// Makes a semaphore.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializesemaphore>
pub fn KeInitializeSemaphore(
    cx: &mut Cx,
    semaphore: u64,
    count: i32,
    limit: i32,
) -> Result<(), Stop> {
    let size = (ksemaphore::SIZE / 4) as u32;
    cx.write32(semaphore, u32::from(object::SEMAPHORE) | size << 16)?;
    cx.write32(semaphore + header::SIGNAL_STATE, count as u32)?;
    let list = semaphore + header::WAIT_LIST_HEAD;
    cx.write64(list, list)?;
    cx.write64(list + 8, list)?;
    cx.write32(semaphore + ksemaphore::LIMIT, limit as u32)
}

/// Raises a semaphore's count and releases those who wait; the count before. A following wait is
/// not joined to it when `wait` says that there will be one, which the documentation allows.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasesemaphore>
pub fn KeReleaseSemaphore(
    cx: &mut Cx,
    semaphore: u64,
    _increment: i32,
    adjustment: i32,
    _wait: bool,
) -> Result<i32, Stop> {
    let old = cx.read32(semaphore + header::SIGNAL_STATE)? as i32;
    let limit = cx.read32(semaphore + ksemaphore::LIMIT)? as i32;
    let Some(new) = old.checked_add(adjustment).filter(|&new| new <= limit && new >= old) else {
        let why = format!("KeReleaseSemaphore adds {adjustment} to {old}, the limit is {limit}");
        return raise(cx, STATUS_SEMAPHORE_LIMIT_EXCEEDED, &why);
    };
    cx.write32(semaphore + header::SIGNAL_STATE, new as u32)?;
    if !cx.state.waits.is_empty() {
        // Each look releases everybody whom the count suffices for, oldest first.
        signal(cx, semaphore);
    }
    Ok(old)
}

/// A semaphore's count.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereadstatesemaphore>
pub fn KeReadStateSemaphore(cx: &mut Cx, semaphore: u64) -> Result<i32, Stop> {
    Ok(cx.read32(semaphore + header::SIGNAL_STATE)? as i32)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeSemaphore, quiet),
        service!(KeReleaseSemaphore),
        service!(KeReadStateSemaphore),
    ]
}

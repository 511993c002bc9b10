//! Semaphores.

use super::wait::{object, signal};
use crate::cx::{Cx, Stop};
use crate::rtl::exception::raise;
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
        service!(KeReleaseSemaphore, hands_over),
        service!(KeReadStateSemaphore),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::wait::wait_for;
    use crate::rtl::test_machine::{block, outcome, run};
    use crate::world::Outcome;

    #[test]
    fn it_counts_up_to_its_limit() {
        run(|cx| {
            let at = block(cx, ksemaphore::SIZE);
            KeInitializeSemaphore(cx, at, 1, 3)?;
            assert_eq!(KeReleaseSemaphore(cx, at, 0, 2, false)?, 1);
            for left in [2, 1, 0] {
                assert_eq!(wait_for(cx, &[at], true, Some(0))?, 0);
                assert_eq!(KeReadStateSemaphore(cx, at)?, left);
            }
            assert_eq!(wait_for(cx, &[at], true, Some(0))?, nt::status::STATUS_TIMEOUT);
            Ok(())
        });
    }

    #[test]
    fn beyond_the_limit_is_an_exception() {
        let ended = outcome(|cx| {
            let at = block(cx, ksemaphore::SIZE);
            KeInitializeSemaphore(cx, at, 1, 1)?;
            KeReleaseSemaphore(cx, at, 0, 1, false).map(drop)
        });
        assert!(matches!(ended, Some(Outcome::Unsupported { .. })), "{ended:?}");
    }
}

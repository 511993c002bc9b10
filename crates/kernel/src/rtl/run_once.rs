//! One-time initialisation. The RTL_RUN_ONCE holds the context in its upper bits and how far the
//! initialisation has come in the lower two.

use crate::cx::{Cx, RSP, Stop};
use crate::event::{Event, Routine};
use crate::ex::resource::wake_all;
use crate::service;
use crate::service::Service;
use crate::state::Doing;
use nt::status::{
    STATUS_INVALID_PARAMETER_2, STATUS_INVALID_PARAMETER_3, STATUS_PENDING, STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
};

/// States in the lower bits (RTL_RUN_ONCE_CTX_RESERVED_BITS is 2, wdm.h).
const STATE: u64 = 3;
const UNTOUCHED: u64 = 0;
const UNDER_WAY: u64 = 1;
const COMPLETE: u64 = 2;
/// RTL_RUN_ONCE_CHECK_ONLY, ..._ASYNC, ..._INIT_FAILED (wdm.h).
const CHECK_ONLY: u32 = 1;
const ASYNC: u32 = 2;
const INIT_FAILED: u32 = 4;

/// Makes an initialisation that nobody began.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlrunonceinitialize>
pub fn RtlRunOnceInitialize(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.write64(at, UNTOUCHED)
}

/// Begins the initialisation (STATUS_PENDING), or waits for it and gives its context.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlrunoncebegininitialize>
pub fn RtlRunOnceBeginInitialize(
    cx: &mut Cx,
    at: u64,
    flags: u32,
    context: u64,
) -> Result<u32, Stop> {
    if flags & !(CHECK_ONLY | ASYNC) != 0 {
        return Ok(STATUS_INVALID_PARAMETER_2);
    }
    if flags & ASYNC != 0 {
        return cx.unsupported("RtlRunOnceBeginInitialize with RTL_RUN_ONCE_ASYNC");
    }
    loop {
        let value = cx.read64(at)?;
        match value & STATE {
            COMPLETE => {
                if context != 0 {
                    cx.write64(context, value & !STATE)?;
                }
                return Ok(STATUS_SUCCESS);
            }
            _ if flags & CHECK_ONLY != 0 => return Ok(STATUS_UNSUCCESSFUL),
            UNTOUCHED => {
                cx.write64(at, UNDER_WAY)?;
                return Ok(STATUS_PENDING);
            }
            _ => {
                cx.say(Event::Wait { object: at, poll: false })?;
                cx.block(Doing::ForKey(at))?;
            }
        }
    }
}

/// Ends the initialisation, well or with RTL_RUN_ONCE_INIT_FAILED.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlrunoncecomplete>
pub fn RtlRunOnceComplete(cx: &mut Cx, at: u64, flags: u32, context: u64) -> Result<u32, Stop> {
    if flags & ASYNC != 0 {
        return cx.unsupported("RtlRunOnceComplete with RTL_RUN_ONCE_ASYNC");
    }
    if flags & !INIT_FAILED != 0 {
        return Ok(STATUS_INVALID_PARAMETER_2);
    }
    let failed = flags & INIT_FAILED != 0;
    if context & STATE != 0 || failed && context != 0 {
        return Ok(STATUS_INVALID_PARAMETER_3);
    }
    if cx.read64(at)? & STATE != UNDER_WAY {
        return Ok(STATUS_UNSUCCESSFUL);
    }
    cx.write64(at, if failed { UNTOUCHED } else { context | COMPLETE })?;
    wake_all(cx, at);
    Ok(STATUS_SUCCESS)
}

/// Calls a routine once, whoever comes first; the others wait for it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlrunonceexecuteonce>
pub fn RtlRunOnceExecuteOnce(
    cx: &mut Cx,
    at: u64,
    routine: u64,
    parameter: u64,
    context: u64,
) -> Result<u32, Stop> {
    let status = RtlRunOnceBeginInitialize(cx, at, 0, context)?;
    if status != STATUS_PENDING {
        return Ok(status);
    }
    // Without a place of the caller's, the context goes to the home space of this call.
    let place = if context == 0 { cx.cpu().gpr[RSP] + 8 } else { context };
    cx.write64(place, 0)?;
    if cx.call(Routine::Callback, routine, &[at, parameter, place])? as u32 == 0 {
        RtlRunOnceComplete(cx, at, INIT_FAILED, 0)?;
        return Ok(STATUS_UNSUCCESSFUL);
    }
    let value = cx.read64(place)?;
    RtlRunOnceComplete(cx, at, 0, value)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlRunOnceInitialize, quiet),
        service!(RtlRunOnceBeginInitialize, partly "asynchronous initialisation"),
        service!(RtlRunOnceComplete, hands_over, partly "asynchronous initialisation"),
        service!(RtlRunOnceExecuteOnce),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, run, script};
    use crate::world::World;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn a_failed_beginning_can_be_tried_again() {
        run(|cx| {
            let (at, context) = (block(cx, 8), block(cx, 8));
            assert_eq!(RtlRunOnceBeginInitialize(cx, at, CHECK_ONLY, 0)?, STATUS_UNSUCCESSFUL);
            assert_eq!(RtlRunOnceBeginInitialize(cx, at, 0, 0)?, STATUS_PENDING);
            assert_eq!(RtlRunOnceComplete(cx, at, INIT_FAILED, 0)?, STATUS_SUCCESS);
            assert_eq!(RtlRunOnceBeginInitialize(cx, at, 0, 0)?, STATUS_PENDING);
            assert_eq!(RtlRunOnceComplete(cx, at, 0, 3)?, STATUS_INVALID_PARAMETER_3);
            assert_eq!(RtlRunOnceComplete(cx, at, 0, 0x40)?, STATUS_SUCCESS);
            assert_eq!(RtlRunOnceBeginInitialize(cx, at, 0, context)?, STATUS_SUCCESS);
            assert_eq!(cx.read64(context)?, 0x40);
            assert_eq!(RtlRunOnceComplete(cx, at, 0, 0)?, STATUS_UNSUCCESSFUL);
            Ok(())
        });
    }

    #[test]
    fn in_every_interleaving_one_thread_initialises() {
        let at = block(&mut World::new(2, &[]), 8);
        let firsts = Rc::new(Cell::new(0));
        let user = || {
            let firsts = firsts.clone();
            script(move |cx| {
                if RtlRunOnceBeginInitialize(cx, at, 0, 0)? == STATUS_PENDING {
                    firsts.set(firsts.get() + 1);
                    cx.point()?;
                    RtlRunOnceComplete(cx, at, 0, 0x40)?;
                }
                assert_eq!(cx.read64(at)?, 0x40 | COMPLETE);
                Ok(())
            })
        };
        let runs = explore(
            2,
            vec![user(), user(), user()],
            |world| {
                block(world, 8);
            },
            |world| assert_eq!(world.outcome, None),
        );
        assert_eq!(firsts.get(), runs);
    }
}

//! What the executive has beside locks and memory: previous mode, exceptions, run-down protection.

use crate::cx::{Cx, Stop};
use crate::ke::time::INCREMENT;
use crate::rtl::exception::raise;
use crate::service;
use crate::service::Service;
use crate::state::Doing;
use nt::layout::ex_rundown_ref;
use nt::status::{STATUS_ACCESS_VIOLATION, STATUS_SUCCESS};

/// Who called: UserMode 1 in the application's thread, KernelMode 0 elsewhere.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exgetpreviousmode>
pub fn ExGetPreviousMode(cx: &mut Cx) -> Result<bool, Stop> {
    Ok(cx.in_application())
}

/// Local time of a system time: the bench lives in UTC.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exsystemtimetolocaltime>
pub fn ExSystemTimeToLocalTime(cx: &mut Cx, from: u64, to: u64) -> Result<(), Stop> {
    let time = cx.read64(from)?;
    cx.write64(to, time)
}

/// System time of a local time: the bench lives in UTC.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exlocaltimetosystemtime>
pub fn ExLocalTimeToSystemTime(cx: &mut Cx, from: u64, to: u64) -> Result<(), Stop> {
    ExSystemTimeToLocalTime(cx, from, to)
}

/// A UUID; version 4 in form, made of the moment so that a replay sees it again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-exuuidcreate>
pub fn ExUuidCreate(cx: &mut Cx, place: u64) -> Result<u32, Stop> {
    let moment = u128::from(cx.moment());
    let mixed = (moment + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let mut bytes = mixed.to_le_bytes();
    bytes[7] = bytes[7] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    cx.write_bytes(place, &bytes)?;
    Ok(STATUS_SUCCESS)
}

/// Whether the processor has a feature (PF_ numbers of winnt.h): those that every x64 has.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exisprocessorfeaturepresent>
pub fn ExIsProcessorFeaturePresent(_: &mut Cx, feature: u32) -> Result<bool, Stop> {
    // Compare-exchange double, MMX, XMMI, RDTSC, PAE, XMMI64, NX, compare-exchange 128.
    Ok(matches!(feature, 2 | 3 | 6 | 8 | 9 | 10 | 12 | 14))
}

/// Asks for a finer clock; the clock stays as it is.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exsettimerresolution>
pub fn ExSetTimerResolution(_: &mut Cx, _wanted: u32, _set: bool) -> Result<u32, Stop> {
    Ok(INCREMENT)
}

/// The clock's coarsest, finest and present resolution.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exquerytimerresolution>
pub fn ExQueryTimerResolution(
    cx: &mut Cx,
    coarsest: u64,
    finest: u64,
    present: u64,
) -> Result<(), Stop> {
    for place in [coarsest, finest, present] {
        cx.write32(place, INCREMENT)?;
    }
    Ok(())
}

/// Bit 0 of run-down protection: the end has begun. References count by two.
const ENDING: u64 = 1;

/// Makes run-down protection that nobody holds.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializerundownprotection>
pub fn ExInitializeRundownProtection(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.write64(at + ex_rundown_ref::COUNT, 0)
}

/// Makes it usable again after an end.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreinitializerundownprotection>
pub fn ExReInitializeRundownProtection(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.write64(at, 0)
}

/// Takes references; false once the end has begun.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirerundownprotectionex>
pub fn ExAcquireRundownProtectionEx(cx: &mut Cx, at: u64, count: u32) -> Result<bool, Stop> {
    let value = cx.read64(at)?;
    if value & ENDING != 0 {
        return Ok(false);
    }
    cx.write64(at, value.wrapping_add(2 * u64::from(count)))?;
    Ok(true)
}

/// Takes a reference; false once the end has begun.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exacquirerundownprotection>
pub fn ExAcquireRundownProtection(cx: &mut Cx, at: u64) -> Result<bool, Stop> {
    ExAcquireRundownProtectionEx(cx, at, 1)
}

/// Gives references back; the last one lets the end go on.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleaserundownprotectionex>
pub fn ExReleaseRundownProtectionEx(cx: &mut Cx, at: u64, count: u32) -> Result<(), Stop> {
    let value = cx.read64(at)?;
    let Some(value) = value.checked_sub(2 * u64::from(count)) else {
        let why = format!("run-down protection at {at:#x} is given back more often than taken");
        return raise(cx, STATUS_ACCESS_VIOLATION, &why);
    };
    cx.write64(at, value)?;
    if value == ENDING {
        super::resource::wake_all(cx, at);
    }
    Ok(())
}

/// Gives a reference back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exreleaserundownprotection>
pub fn ExReleaseRundownProtection(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    ExReleaseRundownProtectionEx(cx, at, 1)
}

/// Begins the end and waits until all references are back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exwaitforrundownprotectionrelease>
pub fn ExWaitForRundownProtectionRelease(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.say(crate::event::Event::Wait { object: at, poll: false })?;
    let value = cx.read64(at)? | ENDING;
    cx.write64(at, value)?;
    while cx.read64(at)? != ENDING {
        cx.block(Doing::ForKey(at))?;
    }
    Ok(())
}

/// Says that an end is complete without waiting.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exrundowncompleted>
pub fn ExRundownCompleted(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.write64(at, ENDING)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExGetPreviousMode, quiet),
        service!(ExSystemTimeToLocalTime, quiet),
        service!(ExLocalTimeToSystemTime, quiet),
        service!(ExUuidCreate, quiet),
        service!(ExIsProcessorFeaturePresent, quiet),
        service!(ExSetTimerResolution, quiet),
        service!(ExQueryTimerResolution, quiet),
        service!(ExInitializeRundownProtection, quiet),
        service!(ExReInitializeRundownProtection, hands_over),
        service!(ExAcquireRundownProtection),
        service!(ExAcquireRundownProtectionEx),
        service!(ExReleaseRundownProtection, hands_over),
        service!(ExReleaseRundownProtectionEx, hands_over),
        service!(ExWaitForRundownProtectionRelease),
        service!(ExRundownCompleted, hands_over),
    ]
}

//! Critical and guarded regions: kernel APCs kept away from the running thread.
//!
//! The bench delivers no APCs; what counts is that enters and leaves pair up.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::irql::APC_LEVEL;

/// APC_INDEX_MISMATCH: more leaves than enters (bug check reference, 0x1).
const APC_INDEX_MISMATCH: u32 = 1;
/// What a guarded region adds to the thread's count, which holds critical regions below it.
const GUARDED: i16 = 0x100;
/// Deepest nesting of either.
const DEEPEST: i16 = 0x60;

fn parts(cx: &mut Cx) -> (i16, i16) {
    let count = cx.state.me().critical;
    (count / GUARDED, count % GUARDED)
}

fn change(cx: &mut Cx, guarded: i16, critical: i16) -> Result<(), Stop> {
    let (had_guarded, had_critical) = parts(cx);
    let (guarded, critical) = (had_guarded + guarded, had_critical + critical);
    if guarded < 0 || critical < 0 {
        let count =
            u64::from((-critical.min(0)) as u16) | u64::from((-guarded.min(0)) as u16) << 16;
        let caller = cx.caller();
        return crate::dbg::bugcheck::stop(cx, APC_INDEX_MISMATCH, [caller, 0, count, 0]);
    }
    if guarded > DEEPEST || critical > DEEPEST {
        return cx.limit(format!("more than {DEEPEST} critical or guarded regions nested"));
    }
    cx.state.me().critical = guarded * GUARDED + critical;
    Ok(())
}

/// Keeps normal kernel APCs away.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-keentercriticalregion>
pub fn KeEnterCriticalRegion(cx: &mut Cx) -> Result<(), Stop> {
    change(cx, 0, 1)
}

/// Lets normal kernel APCs in again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-keleavecriticalregion>
pub fn KeLeaveCriticalRegion(cx: &mut Cx) -> Result<(), Stop> {
    change(cx, 0, -1)
}

/// Keeps all kernel APCs away.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-keenterguardedregion>
pub fn KeEnterGuardedRegion(cx: &mut Cx) -> Result<(), Stop> {
    change(cx, 1, 0)
}

/// Lets kernel APCs in again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-keleaveguardedregion>
pub fn KeLeaveGuardedRegion(cx: &mut Cx) -> Result<(), Stop> {
    change(cx, -1, 0)
}

/// Whether normal kernel APCs are kept away.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-keareapcsdisabled>
pub fn KeAreApcsDisabled(cx: &mut Cx) -> Result<bool, Stop> {
    Ok(cx.state.me().critical != 0 || cx.irql() >= APC_LEVEL)
}

/// Whether all kernel APCs are kept away.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keareallapcsdisabled>
pub fn KeAreAllApcsDisabled(cx: &mut Cx) -> Result<bool, Stop> {
    Ok(parts(cx).0 != 0 || cx.irql() >= APC_LEVEL)
}

/// The same as entering a critical region, for file systems.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-fsrtlenterfilesystem>
pub fn FsRtlEnterFileSystem(cx: &mut Cx) -> Result<(), Stop> {
    change(cx, 0, 1)
}

/// The same as leaving a critical region, for file systems.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-fsrtlexitfilesystem>
pub fn FsRtlExitFileSystem(cx: &mut Cx) -> Result<(), Stop> {
    change(cx, 0, -1)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeEnterCriticalRegion, quiet),
        service!(KeLeaveCriticalRegion, quiet),
        service!(KeEnterGuardedRegion, quiet),
        service!(KeLeaveGuardedRegion, quiet),
        service!(KeAreApcsDisabled, quiet),
        service!(KeAreAllApcsDisabled, quiet),
        service!(FsRtlEnterFileSystem, quiet),
        service!(FsRtlExitFileSystem, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{outcome, run};

    #[test]
    fn regions_nest_and_are_told_apart() {
        run(|cx| {
            assert!(!KeAreApcsDisabled(cx)?);
            KeEnterCriticalRegion(cx)?;
            assert!(KeAreApcsDisabled(cx)? && !KeAreAllApcsDisabled(cx)?);
            KeEnterGuardedRegion(cx)?;
            KeLeaveCriticalRegion(cx)?;
            assert!(KeAreApcsDisabled(cx)? && KeAreAllApcsDisabled(cx)?);
            KeLeaveGuardedRegion(cx)?;
            assert!(!KeAreApcsDisabled(cx)?);
            Ok(())
        });
    }

    #[test]
    fn a_leave_too_many_ends_the_run() {
        assert!(outcome(KeLeaveCriticalRegion).is_some());
        assert!(
            outcome(|cx| {
                KeEnterCriticalRegion(cx)?;
                KeLeaveGuardedRegion(cx)
            })
            .is_some()
        );
    }
}

//! Who asks, and whether he may. In the bench everybody who gets as far as a driver may everything.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service;
use crate::service::Service;
use memory::Access;
use nt::layout::security_subject_context as context;

/// A place that stands for the token of every process, which drivers only pass around.
const TOKEN: u64 = map::KERNEL_DATA + 0x2a00;

/// Takes hold of who asks.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-secapturesubjectcontext>
pub fn SeCaptureSubjectContext(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.write_bytes(at, &[0; context::SIZE as usize])?;
    cx.write64(at + context::PRIMARY_TOKEN, TOKEN)
}

/// Lets go of it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-sereleasesubjectcontext>
pub fn SeReleaseSubjectContext(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.write64(at + context::PRIMARY_TOKEN, 0)
}

/// Keeps the tokens as they are for a while.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-selocksubjectcontext>
pub fn SeLockSubjectContext(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, context::SIZE, Access::Read)
}

/// Lets the tokens change again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-seunlocksubjectcontext>
pub fn SeUnlockSubjectContext(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.probe(at, context::SIZE, Access::Read)
}

/// Whether the caller holds a privilege.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-sesingleprivilegecheck>
pub fn SeSinglePrivilegeCheck(_: &mut Cx, _privilege: u64, _mode: u8) -> Result<bool, Stop> {
    Ok(true)
}

/// Whether the one who asks holds privileges.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-seprivilegecheck>
pub fn SePrivilegeCheck(
    cx: &mut Cx,
    privileges: u64,
    subject: u64,
    _mode: u8,
) -> Result<bool, Stop> {
    cx.read32(privileges)?;
    cx.probe(subject, context::SIZE, Access::Read)?;
    Ok(true)
}

/// Whether the one who asks may have access: what was asked for is granted.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-seaccesscheck>
pub fn SeAccessCheck(
    cx: &mut Cx,
    descriptor: u64,
    _subject: u64,
    _locked: bool,
    desired: u32,
    granted_before: u32,
    privileges: u64,
    _mapping: u64,
    _mode: u8,
    granted: u64,
    status: u64,
) -> Result<bool, Stop> {
    cx.read8(descriptor)?;
    if privileges != 0 {
        cx.write64(privileges, 0)?;
    }
    // MAXIMUM_ALLOWED gives everything there is: STANDARD_RIGHTS_ALL and the specific rights.
    let all = if desired & 0x0200_0000 != 0 { 0x001f_ffff } else { 0 };
    cx.write32(granted, desired & !0x0200_0000 | granted_before | all)?;
    cx.write32(status, nt::status::STATUS_SUCCESS)?;
    Ok(true)
}

/// The token of a process.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-psreferenceprimarytoken>
pub fn PsReferencePrimaryToken(cx: &mut Cx, process: u64) -> Result<u64, Stop> {
    cx.read8(process)?;
    Ok(TOKEN)
}

/// Gives the reference to a token back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-psdereferenceprimarytoken>
pub fn PsDereferencePrimaryToken(cx: &mut Cx, token: u64) -> Result<(), Stop> {
    cx.read8(token).map(drop)
}

/// Whether a token is an administrator's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-setokenisadmin>
pub fn SeTokenIsAdmin(cx: &mut Cx, token: u64) -> Result<bool, Stop> {
    cx.read8(token)?;
    Ok(true)
}

/// Kind of a token: TokenPrimary.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-setokentype>
pub fn SeTokenType(cx: &mut Cx, token: u64) -> Result<u32, Stop> {
    cx.read8(token)?;
    Ok(1)
}

/// Ends an impersonation: there is none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-psreverttoself>
pub fn PsRevertToSelf(_: &mut Cx) -> Result<(), Stop> {
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(SeCaptureSubjectContext, quiet),
        service!(SeReleaseSubjectContext, quiet),
        service!(SeLockSubjectContext, quiet),
        service!(SeUnlockSubjectContext, quiet),
        service!(SeSinglePrivilegeCheck, quiet, partly "everybody holds every privilege"),
        service!(SePrivilegeCheck, quiet, partly "everybody holds every privilege"),
        service!(SeAccessCheck, quiet, partly "what is asked for is granted"),
        service!(PsReferencePrimaryToken, quiet),
        service!(PsDereferencePrimaryToken, quiet),
        service!(SeTokenIsAdmin, quiet),
        service!(SeTokenType, quiet),
        service!(PsRevertToSelf, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn what_is_asked_for_is_granted() {
        run(|cx| {
            let (at, out) = (block(cx, 0x28), block(cx, 16));
            let ok = SeAccessCheck(cx, at, 0, false, 3, 4, 0, 0, 1, out, out + 8)?;
            assert_eq!((ok, cx.read32(out)?), (true, 7));
            let subject = block(cx, context::SIZE);
            SeCaptureSubjectContext(cx, subject)?;
            let token = cx.read64(subject + context::PRIMARY_TOKEN)?;
            assert!(SeTokenIsAdmin(cx, token)?);
            SeReleaseSubjectContext(cx, subject)
        });
    }
}

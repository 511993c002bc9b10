//! One file a family of spaces: what a number means there.

mod access;
mod bugchecks;
mod errors;
mod flags;
mod functions;
mod status;

use crate::answer::Answer;
use crate::number::Number;
use crate::space::Space;

/// What `number` means in `space`; `context` is where it was found, in lower case. Where a space has
/// a meaning for every number, the likelihood says how much that is worth.
pub fn ask(space: Space, number: Number, context: &str) -> Option<Answer> {
    let value = number.value;
    let narrow = u32::try_from(value).ok();
    // A status that travels as a pointer is sign-extended.
    let status =
        narrow.or_else(|| (value >> 31 == 0x1_FFFF_FFFF).then_some((value & 0xFFFF_FFFF) as u32));
    match space {
        Space::NtStatus => status::ntstatus(status?, value),
        Space::HResult => status::hresult(status?, value),
        Space::Win32 => errors::win32(narrow?, number.decimal),
        Space::SetupApi => errors::setupapi(status?, value),
        Space::ConfigRet => errors::configret(narrow?),
        Space::CmProb => errors::cm_prob(narrow?, number.decimal),
        Space::BugCheck => bugchecks::code(narrow?),
        Space::Parameter => bugchecks::parameter(value, context),
        Space::IrpMajor => functions::major(narrow?),
        Space::IrpMinor => functions::minor(narrow?, context),
        Space::Ioctl => functions::ioctl(narrow?),
        Space::Access => access::mask(narrow?),
        Space::Verifier => flags::verifier(narrow?),
        Space::Irql => flags::irql(narrow?),
        Space::DeviceType => flags::device_type(narrow?),
        Space::PoolTag => flags::pool_tag(narrow?),
        Space::LogLevel => flags::log_level(narrow?),
        Space::Address => flags::address(value),
    }
}

/// Every name that can be looked up, with its space and value.
pub fn names() -> impl Iterator<Item = (Space, u32, &'static str)> {
    let bugchecks = nt::bugcheck::all().iter().map(|&(code, name)| (Space::BugCheck, code, name));
    status::names()
        .chain(errors::names())
        .chain(bugchecks)
        .chain(functions::names())
        .chain(access::names())
        .chain(flags::names())
}

//! What is in no family: random numbers, identifiers, checks.

use crate::cx::{Cx, Stop};
use crate::rtl::text::narrow_z;
use crate::service;
use crate::service::Service;
use nt::bugcheck::KMODE_EXCEPTION_NOT_HANDLED;

/// The next number of the multiplicative generator with modulus 2^31 - 1 and multiplier 48271.
fn random(seed: u32) -> u32 {
    const MODULUS: u64 = 0x7fff_ffff;
    let seed = u64::from(seed) % MODULUS;
    (seed.max(1) * 48_271 % MODULUS) as u32
}

fn next_random(cx: &mut Cx, seed: u64) -> Result<u32, Stop> {
    let value = random(cx.read32(seed)?);
    cx.write32(seed, value)?;
    Ok(value)
}

/// A number below 2^31 - 1 that depends on the seed alone, so that a replay sees it again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlrandom>
pub fn RtlRandom(cx: &mut Cx, seed: u64) -> Result<u32, Stop> {
    next_random(cx, seed)
}

/// A number below 2^31 - 1 that depends on the seed alone, so that a replay sees it again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlrandomex>
pub fn RtlRandomEx(cx: &mut Cx, seed: u64) -> Result<u32, Stop> {
    next_random(cx, seed)
}

/// An assertion of a checked build failed: with no debugger attached, that is a bug check.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlassert>
pub fn RtlAssert(
    cx: &mut Cx,
    assertion: u64,
    file: u64,
    line: u32,
    message: u64,
) -> Result<(), Stop> {
    let mut parts = Vec::new();
    for text in [assertion, file, message] {
        let bytes = if text == 0 { Vec::new() } else { narrow_z(cx, text, 512)? };
        parts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    cx.note(&format!("assertion failed: {} {} ({}:{line})", parts[2], parts[0], parts[1]));
    crate::dbg::bugcheck::stop(
        cx,
        KMODE_EXCEPTION_NOT_HANDLED,
        [assertion, file, line.into(), message],
    )
}

/// Makes an LUID of a number.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlconvertulongtoluid>
pub fn RtlConvertUlongToLuid(_: &mut Cx, value: u32) -> Result<u64, Stop> {
    Ok(value.into())
}

/// Makes an LUID of a signed number.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlconvertlongtoluid>
pub fn RtlConvertLongToLuid(_: &mut Cx, value: i32) -> Result<i64, Stop> {
    Ok(value.into())
}

/// Addresses of the callers. The bench has no frame pointers to follow here: none are given, which
/// the documentation allows.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcapturestackbacktrace>
pub fn RtlCaptureStackBackTrace(
    cx: &mut Cx,
    _skip: u32,
    _count: u32,
    _frames: u64,
    hash: u64,
) -> Result<u16, Stop> {
    if hash != 0 {
        cx.write32(hash, 0)?;
    }
    Ok(0)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlRandom),
        service!(RtlRandomEx),
        service!(RtlAssert, quiet),
        service!(RtlConvertUlongToLuid, quiet),
        service!(RtlConvertLongToLuid, quiet),
        service!(RtlCaptureStackBackTrace, quiet, partly "gives no frames"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_stay_below_the_modulus_and_do_not_stick() {
        let mut seed = 0;
        for _ in 0..1000 {
            let next = random(seed);
            assert!(next != seed && next < 0x7fff_ffff);
            seed = next;
        }
        assert_ne!(random(u32::MAX), 0);
        // The generator's published check value: the 10,000th number from seed 1.
        assert_eq!((0..10_000).fold(1, |seed, _| random(seed)), 399_268_537);
    }
}

//! UTF-8 and UTF-16.

use crate::cx::{Cx, Stop};
use crate::rtl::text::{units_of, write_units};
use crate::service;
use crate::service::Service;
use nt::status::{
    STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_PARAMETER, STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PARAMETER_5, STATUS_SOME_NOT_MAPPED, STATUS_SUCCESS,
};

/// What is wrong with the pointers, if anything.
fn refused(to: u64, done: u64, from: u64) -> Option<u32> {
    match (to, done, from) {
        (0, 0, _) => Some(STATUS_INVALID_PARAMETER),
        (_, _, 0) => Some(STATUS_INVALID_PARAMETER_4),
        _ => None,
    }
}

/// The result's size in bytes goes to `done`; text goes to `to` as far as it fits, in whole
/// characters.
fn finish(cx: &mut Cx, done: u64, bytes: usize, fits: bool, whole: bool) -> Result<u32, Stop> {
    if done != 0 {
        cx.write32(done, bytes as u32)?;
    }
    Ok(match (fits, whole) {
        (false, _) => STATUS_BUFFER_TOO_SMALL,
        (true, false) => STATUS_SOME_NOT_MAPPED,
        (true, true) => STATUS_SUCCESS,
    })
}

/// Converts UTF-8 to UTF-16; what is no UTF-8 becomes U+FFFD. Without a destination it tells the
/// size.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlutf8tounicoden>
pub fn RtlUTF8ToUnicodeN(
    cx: &mut Cx,
    to: u64,
    to_bytes: u32,
    done: u64,
    from: u64,
    from_bytes: u32,
) -> Result<u32, Stop> {
    if let Some(status) = refused(to, done, from) {
        return Ok(status);
    }
    let bytes = cx.read_bytes(from, from_bytes.into())?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = matches!(text, std::borrow::Cow::Borrowed(_));
    let units: Vec<u16> = text.encode_utf16().collect();
    if to == 0 {
        return finish(cx, done, 2 * units.len(), true, whole);
    }
    let mut room = to_bytes as usize / 2;
    let fits = units.len() <= room;
    // A pair of surrogates stays together.
    if !fits && room > 0 && (0xd800..0xdc00).contains(&units[room - 1]) {
        room -= 1;
    }
    let kept = &units[..units.len().min(room)];
    write_units(cx, to, kept)?;
    finish(cx, done, 2 * kept.len(), fits, whole)
}

/// Converts UTF-16 to UTF-8; a lone surrogate becomes U+FFFD. Without a destination it tells the
/// size.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlunicodetoutf8n>
pub fn RtlUnicodeToUTF8N(
    cx: &mut Cx,
    to: u64,
    to_bytes: u32,
    done: u64,
    from: u64,
    from_bytes: u32,
) -> Result<u32, Stop> {
    if let Some(status) = refused(to, done, from) {
        return Ok(status);
    }
    if from_bytes & 1 != 0 {
        return Ok(STATUS_INVALID_PARAMETER_5);
    }
    let units = units_of(&cx.read_bytes(from, from_bytes.into())?);
    let whole = char::decode_utf16(units.iter().copied()).all(|c| c.is_ok());
    let text = String::from_utf16_lossy(&units);
    if to == 0 {
        return finish(cx, done, text.len(), true, whole);
    }
    let fits = text.len() <= to_bytes as usize;
    let room = text.len().min(to_bytes as usize);
    let kept = (0..=room).rfind(|&end| text.is_char_boundary(end)).unwrap_or(0);
    cx.write_bytes(to, &text.as_bytes()[..kept])?;
    finish(cx, done, kept, fits, whole)
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(RtlUTF8ToUnicodeN, quiet), service!(RtlUnicodeToUTF8N, quiet)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, bytes, run};

    #[test]
    fn text_goes_there_and_back_and_is_cut_at_characters() {
        run(|cx| {
            let source = bytes(cx, "a\u{e4}\u{1d11e}".as_bytes());
            let (wide, narrow, done) = (block(cx, 8), block(cx, 7), block(cx, 4));
            assert_eq!(RtlUTF8ToUnicodeN(cx, 0, 0, done, source, 7)?, STATUS_SUCCESS);
            assert_eq!(cx.read32(done)?, 8);
            assert_eq!(RtlUTF8ToUnicodeN(cx, wide, 6, done, source, 7)?, STATUS_BUFFER_TOO_SMALL);
            assert_eq!(cx.read32(done)?, 4, "half a pair is none");
            assert_eq!(RtlUTF8ToUnicodeN(cx, wide, 8, done, source, 7)?, STATUS_SUCCESS);
            assert_eq!(RtlUnicodeToUTF8N(cx, narrow, 6, done, wide, 8)?, STATUS_BUFFER_TOO_SMALL);
            assert_eq!(cx.read32(done)?, 3);
            assert_eq!(RtlUnicodeToUTF8N(cx, narrow, 7, done, wide, 8)?, STATUS_SUCCESS);
            assert_eq!(cx.read_bytes(narrow, 7)?, cx.read_bytes(source, 7)?);
            assert_eq!(RtlUnicodeToUTF8N(cx, narrow, 7, done, wide, 6)?, STATUS_SOME_NOT_MAPPED);
            let unicode = |cx: &mut Cx, to, done, from, bytes| {
                RtlUnicodeToUTF8N(cx, to, 7, done, from, bytes)
            };
            assert_eq!(unicode(cx, 0, 0, wide, 6)?, STATUS_INVALID_PARAMETER);
            assert_eq!(unicode(cx, narrow, done, 0, 6)?, STATUS_INVALID_PARAMETER_4);
            assert_eq!(unicode(cx, narrow, done, wide, 5)?, STATUS_INVALID_PARAMETER_5);
            Ok(())
        });
    }
}

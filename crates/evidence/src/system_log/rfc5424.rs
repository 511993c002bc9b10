//! `1 2021-03-06T04:07:38.251122+00:00 host program pid id [data] message`: RFC 5424, section 6.

use super::header::{Header, rfc3339};

/// Reads what stands behind the priority; whether it is of that form.
pub(super) fn read<'a>(line: &'a [u8], to: &mut Header<'a>) -> bool {
    let mut rest = line;
    let mut word = || {
        let end = memchr::memchr(b' ', rest)?;
        let word = &rest[..end];
        rest = &rest[end + 1..];
        Some(if word == b"-" { &word[..0] } else { word })
    };
    let mut fields = || Some((word()?, word()?, word()?, word()?, word()?, word()?));
    let Some((version, time, host, program, pid, _id)) = fields() else { return false };
    let time = if time.is_empty() { None } else { rfc3339(time).map(|(time, _)| time) };
    if version != b"1" {
        return false;
    }
    (to.time, to.host, to.program, to.pid) = (time, host, program, pid);
    let message = rest.get(structured_data(rest)..).unwrap_or_default();
    let message = message.strip_prefix(b" ").unwrap_or(message);
    // rsyslog's template puts one blank more before what it has; a byte order mark may stand there.
    let message = message.strip_prefix(b" ").unwrap_or(message);
    to.message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
    true
}

/// Length of the structured data at the front: `-`, or elements in brackets. Inside of quotes a backslash
/// takes its meaning from a quote, a bracket and a backslash.
fn structured_data(rest: &[u8]) -> usize {
    if rest.first() == Some(&b'-') {
        return 1;
    }
    let (mut at, mut quoted, mut inside) = (0usize, false, false);
    while let Some(byte) = rest.get(at) {
        match (byte, quoted) {
            (b'\\', true) => at = at.saturating_add(1),
            (b'"', _) => quoted = inside && !quoted,
            (b'[', false) => inside = true,
            (b']', false) if inside => inside = false,
            (b' ', false) if !inside => break,
            (_, false) if !inside => return 0,
            _ => {}
        }
        at = at.saturating_add(1);
    }
    // What never ends is no such data, and so message.
    if inside { 0 } else { at }
}

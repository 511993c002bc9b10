//! What stands before the message of a line: priority, time, host, program, process.

use super::rfc5424;
use super::time::{Basis, FIRST_YEAR, SECOND, Time, clock, digits, fraction, month, two};

/// A line, taken apart. Everything that was not written is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header<'a> {
    pub time: Option<Time>,
    /// 0 emergency to 7 debug.
    pub severity: Option<u8>,
    pub host: &'a [u8],
    pub program: &'a [u8],
    pub pid: &'a [u8],
    pub message: &'a [u8],
    /// Whether the line begins as lines of logs do.
    pub known: bool,
}

/// What is remembered from line to line.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// The last time of the traditional form, as written, and what it is.
    last: ([u8; 15], i64),
    /// Years that have begun since the first line, as far as the log tells none.
    years: i64,
    month: i64,
}

impl Clock {
    /// `Mmm dd hh:mm:ss` at the front (RFC 3164, section 4.1.2; a day of one digit has a blank before it).
    pub fn traditional(&mut self, line: &[u8]) -> Option<Time> {
        let written: &[u8; 15] = line.first_chunk()?;
        if *written == self.last.0 {
            return Some(Time { basis: Basis::NoYear, micros: self.last.1 });
        }
        let number = month(&written[..3])?;
        let day = match written[3..6] {
            [b' ', b' ', day @ b'0'..=b'9'] => i64::from(day - b'0'),
            [b' ', a, b] => two(&[a, b])?,
            _ => return None,
        };
        let clock = clock(&written[7..]).filter(|_| written[6] == b' ')?;
        // From autumn to spring without a word: a new year has begun.
        if self.month >= 10 && number <= 3 {
            self.years = self.years.saturating_add(1).min(1000);
        }
        let year = FIRST_YEAR.saturating_add(self.years);
        let time = Time::of(Basis::NoYear, [year, number, day], clock, 0)?;
        self.month = number;
        self.last = (*written, time.micros);
        Some(time)
    }
}

/// Takes a line apart.
pub(super) fn read<'a>(line: &'a [u8], clock: &mut Clock) -> Header<'a> {
    let (priority, rest) = priority(line);
    let severity = priority.map(|it| (it & 7) as u8);
    let mut header = Header { severity, message: line, ..Header::default() };
    let known = match rest.first() {
        Some(b'A'..=b'S') => traditional(rest, clock, &mut header),
        Some(b'0'..=b'9') if priority.is_some() && rest.get(1) == Some(&b' ') => {
            rfc5424::read(rest, &mut header)
        }
        Some(b'0'..=b'9') => iso(rest, &mut header) || kmsg(rest, &mut header),
        Some(b'[') => uptime(rest, &mut header) || ctime(rest, &mut header),
        Some(b'k' | b'u' | b'd' | b's' | b'l') => decoded(rest, &mut header),
        _ => false,
    };
    if !known {
        header.message = if priority.is_some() { rest } else { line };
    }
    header.known = known || priority.is_some();
    header
}

/// `<13>` at the front (RFC 5424, section 6.2.1).
pub(super) fn priority(line: &[u8]) -> (Option<u32>, &[u8]) {
    let [b'<', rest @ ..] = line else { return (None, line) };
    match digits(rest) {
        Some((value @ 0..=191, count @ 1..=3)) if rest.get(count) == Some(&b'>') => {
            (u32::try_from(value).ok(), &rest[count + 1..])
        }
        _ => (None, line),
    }
}

fn traditional<'a>(line: &'a [u8], clock: &mut Clock, to: &mut Header<'a>) -> bool {
    let Some(mut time) = clock.traditional(line) else { return false };
    let rest = &line[15..];
    let (micros, length) = fraction(rest);
    time.micros = time.micros.saturating_add(micros);
    to.time = Some(time);
    let rest = &rest[length..];
    // `Feb 29 01:15:43: message`: nobody is named.
    if let Some(rest) = rest.strip_prefix(b": ") {
        to.message = rest;
        return true;
    }
    named(blanks(rest), to);
    true
}

/// `2020-05-31T00:00:45.698463+00:00` (RFC 3339), or with a blank for the T.
pub(super) fn rfc3339(line: &[u8]) -> Option<(Time, usize)> {
    let (year, 4) = digits(line.get(..4)?)? else { return None };
    let fits = line.get(4) == Some(&b'-') && line.get(7) == Some(&b'-');
    let parted = matches!(line.get(10), Some(b'T' | b' ' | b't'));
    (fits && parted).then_some(())?;
    let date = [year, two(line.get(5..)?)?, two(line.get(8..)?)?];
    let clock = clock(line.get(11..)?)?;
    let (micros, length) = fraction(line.get(19..)?);
    let mut at = 19usize.saturating_add(length);
    let rest = line.get(at..)?;
    let basis = match rest {
        [b'Z', ..] => {
            at = at.saturating_add(1);
            Basis::Universal(0)
        }
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let colon = usize::from(zone.get(2) == Some(&b':'));
            let minutes = two(zone)? * 60 + two(zone.get(2 + colon..)?)?;
            at = at.saturating_add(5 + colon);
            let minutes = i16::try_from(minutes).ok()?;
            Basis::Universal(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => Basis::Local,
    };
    Some((Time::of(basis, date, clock, micros)?, at))
}

fn iso<'a>(line: &'a [u8], to: &mut Header<'a>) -> bool {
    let Some((time, used)) = rfc3339(line) else { return false };
    to.time = Some(time);
    let rest = line.get(used..).unwrap_or_default();
    // A program's own log: `2024-01-02 03:04:05,678 INFO message`, `2024-01-02 03:04:05: message`.
    if time.basis == Basis::Local {
        to.message = blanks(rest.strip_prefix(b":").unwrap_or(rest));
        return true;
    }
    named(blanks(rest), to);
    true
}

/// `6,1234,5678,-;text`: a record of `/dev/kmsg`. Lines with a blank before them are its dictionary.
fn kmsg<'a>(line: &'a [u8], to: &mut Header<'a>) -> bool {
    let fields = || {
        let semicolon = memchr::memchr(b';', line.get(..line.len().min(256))?)?;
        let mut fields = line[..semicolon].split(|byte| *byte == b',');
        let mut number = || {
            let field = fields.next()?;
            let all = field.iter().all(u8::is_ascii_digit) && !field.is_empty();
            let add =
                |value: i64, digit: &u8| value.checked_mul(10)?.checked_add((digit - b'0').into());
            all.then(|| field.iter().try_fold(0, add)).flatten()
        };
        let (prefix, _sequence, micros) = (number()?, number()?, number()?);
        Some((prefix, micros, semicolon))
    };
    let Some((prefix, micros, semicolon)) = fields() else { return false };
    to.severity = u8::try_from(prefix & 7).ok();
    to.time = Some(Time { basis: Basis::Boot, micros });
    to.message = &line[semicolon + 1..];
    // Facility 0: what user space writes there has another (dev-kmsg).
    if prefix >> 3 == 0 {
        to.program = b"kernel";
    } else {
        tag(&line[semicolon + 1..], to);
    }
    true
}

/// `[   12.345678] message`, as dmesg prints it; behind it the caller, `[T1]`, where the kernel was built to
/// tell. `journalctl -o short-monotonic` has host and program behind it.
fn uptime<'a>(line: &'a [u8], to: &mut Header<'a>) -> bool {
    let Some((micros, used)) = stamp(line) else { return false };
    to.time = Some(Time { basis: Basis::Boot, micros });
    let mut rest = &line[used..];
    if let [b'[', caller @ ..] = blanks(rest)
        && let Some(end) =
            memchr::memchr(b']', caller.get(..caller.len().min(12)).unwrap_or_default())
        && let [b'T' | b'C', number @ ..] = blanks(&caller[..end])
        && number.iter().all(u8::is_ascii_digit)
    {
        rest = &caller[end + 1..];
    }
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let mut words = rest.splitn(3, |byte| *byte == b' ');
    let second = words.next().zip(words.next()).map(|(_, second)| second).unwrap_or_default();
    if second == b"kernel:" || second.ends_with(b"]:") && memchr::memchr(b'[', second) > Some(0) {
        named(rest, to);
    } else {
        to.program = b"kernel";
        to.message = rest;
    }
    true
}

/// `[   12.345678]` at the front: microseconds, and its length.
pub(super) fn stamp(line: &[u8]) -> Option<(i64, usize)> {
    let [b'[', rest @ ..] = line else { return None };
    let inner = blanks(rest);
    let (seconds, count) = digits(inner)?;
    let (micros, length) = fraction(inner.get(count..)?);
    let at = line.len().checked_sub(inner.len())?.checked_add(count)?.checked_add(length)?;
    let fits = length >= 4 && line.get(at) == Some(&b']');
    fits.then(|| (seconds.saturating_mul(SECOND).saturating_add(micros), at + 1))
}

/// `[Mon Feb 29 12:00:00 2024] message`: `dmesg -T`.
fn ctime<'a>(line: &'a [u8], to: &mut Header<'a>) -> bool {
    let read = || {
        let inner = line.get(1..25).filter(|_| line.get(25) == Some(&b']'))?;
        let day = match inner.get(8..10)? {
            [b' ', day @ b'0'..=b'9'] => i64::from(day - b'0'),
            pair => two(pair)?,
        };
        let (year, 4) = digits(inner.get(20..)?)? else { return None };
        let date = [year, month(inner.get(4..7)?)?, day];
        Time::of(Basis::Local, date, clock(inner.get(11..19)?)?, 0)
    };
    let Some(time) = read() else { return false };
    to.time = Some(time);
    to.program = b"kernel";
    let rest = &line[26..];
    to.message = rest.strip_prefix(b" ").unwrap_or(rest);
    true
}

/// `kern  :err   : [   12.345678] message`: `dmesg -x`.
fn decoded<'a>(line: &'a [u8], to: &mut Header<'a>) -> bool {
    let read = || {
        let head = line.get(..16)?;
        let severity = head.get(7..13)?.trim_ascii();
        let known = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
        let severity = known.iter().position(|name| name.as_bytes() == severity)?;
        let fits = head.get(6) == Some(&b':') && head.get(13..16) == Some(b": [");
        fits.then_some((severity, line.get(15..)?))
    };
    let Some((severity, rest)) = read() else { return false };
    to.severity = u8::try_from(severity).ok();
    uptime(rest, to) || ctime(rest, to)
}

/// Host, then program: `host kernel: message`, `host cron[123]: message`; the host may be left out.
fn named<'a>(rest: &'a [u8], to: &mut Header<'a>) {
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let first = &rest[..end];
    // `kernel: message`: a first word that ends as a tag does is none of a host.
    if first.ends_with(b":") || end == rest.len() {
        return tag(rest, to);
    }
    to.host = first;
    tag(blanks(&rest[end..]), to);
}

/// `program[pid]: message`, or nothing of the kind.
fn tag<'a>(rest: &'a [u8], to: &mut Header<'a>) {
    to.message = rest;
    let ends = |byte: &u8| matches!(byte, b':' | b'[' | b' ');
    let Some(end) = rest.iter().take(128).position(ends) else { return };
    let (name, behind) = rest.split_at(end);
    let (pid, behind) = match behind {
        [b'[', inner @ ..] => {
            let end = inner.iter().take(64).position(|byte| *byte == b']');
            let Some(end) = end.filter(|_| !name.is_empty()) else { return };
            (&inner[..end], &inner[end + 1..])
        }
        _ => (&rest[..0], behind),
    };
    let Some(message) = behind.strip_prefix(b":") else { return };
    if name.is_empty() {
        return;
    }
    to.program = name;
    to.pid = pid;
    // More than one blank belongs to the message: continuation lines of the kernel are indented.
    to.message = message.strip_prefix(b" ").unwrap_or(message);
    if name == b"kernel" {
        let message = to.message;
        if let Some((_, used)) = stamp(message) {
            let rest = &message[used..];
            to.message = rest.strip_prefix(b" ").unwrap_or(rest);
        }
    }
}

/// Without the blanks at the front.
pub(super) fn blanks(mut rest: &[u8]) -> &[u8] {
    while let [b' ', inner @ ..] = rest {
        rest = inner;
    }
    rest
}

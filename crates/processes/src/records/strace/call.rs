//! A call as strace prints it: `name(arguments) = result`.

/// Calls that make processes and threads.
pub(super) const MAKING: &[&str] = &["clone", "clone3", "fork", "vfork"];

/// A line of strace that is a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call<'a> {
    /// Name of the call.
    pub name: &'a str,
    /// What stands behind the bracket: arguments, result.
    pub rest: &'a str,
    /// Whether it is told only that it began.
    pub unfinished: bool,
}

impl<'a> Call<'a> {
    /// Takes a line apart, without its prefix.
    pub fn of(line: &'a str) -> Option<Call<'a>> {
        let (name, rest) = line.split_once('(')?;
        let first =
            name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !first || !name.bytes().all(plain) {
            return None;
        }
        let unfinished = unfinished(line).is_some();
        (unfinished || rest.contains(") = ") || rest.contains(" = ")).then_some(Call {
            name,
            rest,
            unfinished,
        })
    }

    /// The id of what it made, if it makes processes.
    pub fn child(&self) -> Option<u32> {
        MAKING.contains(&self.name).then(|| returned(self.rest)).flatten()
    }

    /// Whether it returned 0.
    pub fn succeeded(&self) -> bool {
        self.rest.rsplit_once(" = ").is_some_and(|(_, result)| leading_number(result) == Some(0))
    }
}

/// A call that began: what stands before `<unfinished ...>`.
pub(super) fn unfinished(line: &str) -> Option<&str> {
    line.trim_end().strip_suffix("<unfinished ...>").map(|start| start.trim_end())
}

/// `<... execve resumed>` and what stands behind it.
pub(super) fn resumed(line: &str) -> Option<(&str, &str)> {
    let (name, behind) = line.strip_prefix("<... ")?.split_once(" resumed>")?;
    Some((name, behind))
}

/// A positive result.
pub(super) fn returned(rest: &str) -> Option<u32> {
    let (_, result) = rest.rsplit_once(" = ")?;
    leading_number(result).and_then(|id| u32::try_from(id).ok()).filter(|id| *id > 0)
}

/// The digits at the front.
pub(super) fn leading_number(text: &str) -> Option<u64> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// A string in quotes at the front, its escapes undone, and what stands behind it.
pub(super) fn string(text: &str) -> Option<(String, &str)> {
    let (bytes, behind) = string_bytes(text)?;
    Some((String::from_utf8_lossy(&bytes).into_owned(), behind))
}

/// The same, as bytes.
pub(super) fn string_bytes(text: &str) -> Option<(Vec<u8>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut bytes = Vec::new();
    let raw = inner.as_bytes();
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        match byte {
            b'"' => {
                return Some((bytes, inner.get(at + 1..)?));
            }
            b'\\' => {
                let (value, length) = escaped(raw.get(at + 1..)?)?;
                bytes.push(value);
                at += 1 + length;
            }
            byte => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    None
}

/// What stands behind a backslash: a letter, up to three octal digits, or x and two hexadecimal ones.
fn escaped(raw: &[u8]) -> Option<(u8, usize)> {
    let octal = raw.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    if octal > 0 {
        let value =
            raw.iter().take(octal).fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
        return Some((u8::try_from(value & 0xff).ok()?, octal));
    }
    Some(match raw.first()? {
        b'n' => (b'\n', 1),
        b't' => (b'\t', 1),
        b'r' => (b'\r', 1),
        b'f' => (0x0c, 1),
        b'v' => (0x0b, 1),
        b'x' => {
            let digits = std::str::from_utf8(raw.get(1..3)?).ok()?;
            (u8::from_str_radix(digits, 16).ok()?, 3)
        }
        other => (*other, 1),
    })
}

/// The strings of a list up to its bracket, and whether they are all there, each in full. strace leaves out
/// what lies beyond its limits and writes dots (`-s`, `-v`).
pub(super) fn arguments(list: &str) -> (Vec<String>, bool) {
    let mut found = Vec::new();
    let mut complete = true;
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some((value, behind)) = string(rest) {
            found.push(value);
            rest = behind;
            if let Some(behind) = rest.strip_prefix("...") {
                complete = false;
                rest = behind;
            }
        } else {
            return (found, complete && rest.starts_with(']'));
        }
    }
}

/// Number of a signal by its name (signal(7), x86 and most others).
pub(super) fn signal(name: &str) -> Option<u8> {
    if let Some(more) = name.strip_prefix("SIGRT_") {
        return more
            .parse::<u8>()
            .ok()
            .and_then(|more| more.checked_add(32))
            .filter(|it| *it <= 64);
    }
    crate::signal::number(name)
}

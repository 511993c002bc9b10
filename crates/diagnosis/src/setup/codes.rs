//! Codes of a log in words.

use knowledge::{Question, Space};
use serde::Serialize;

/// A code that a line names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// The number.
    #[serde(serialize_with = "hex")]
    pub value: u32,
    /// What numbers it is one of: `SetupAPI error`.
    pub space: &'static str,
    /// Its name; empty where it has none.
    pub name: String,
    /// What it means, without a full stop; empty where nothing is known.
    pub meaning: String,
}

fn hex<S: serde::Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("0x{value:08x}"))
}

/// `value` in words. `space` is where it belongs, if the log says so.
pub fn in_words(value: u32, space: Option<Space>) -> Code {
    let space = space.unwrap_or(match value {
        0xe000_0000..=0xe000_ffff | 0x800f_0000..=0x800f_ffff => Space::SetupApi,
        0xc000_0000..=0xdfff_ffff => Space::NtStatus,
        0x8000_0000.. => Space::HResult,
        _ => Space::Win32,
    });
    let ask = |space| {
        let question = Question { space: Some(space), context: "" };
        let asked = [format!("0x{value:08X}")];
        knowledge::look_up(&asked, question).pop()?.answers.into_iter().next()
    };
    let answer = ask(space).or_else(|| ask(Space::HResult));
    let (name, meaning) = answer.map(|answer| (answer.name, answer.meaning)).unwrap_or_default();
    Code { value, space: space.title(), name, meaning }
}

/// The codes that a message names, in order: each with the space that the words around it tell.
pub fn codes_in(message: &str) -> Vec<Code> {
    let mut codes = Vec::new();
    let mut from = 0;
    while let Some(at) = message.get(from..).and_then(|rest| rest.find("0x")) {
        let start = from + at;
        let digits = &message[start + 2..];
        let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
        from = start + 2 + length;
        let Ok(value) = u32::from_str_radix(&digits[..length], 16) else { continue };
        let front = message[..start].to_ascii_lowercase();
        let space = space_of(&front);
        // Flags and sizes look like codes; a word in front tells them apart.
        let spoken = space.is_some()
            || ["error", "fail", "exit", "status", "hresult", "code", "err", "(", "returned"]
                .iter()
                .any(|word| last_words(&front).contains(word));
        if spoken && value != 0 && codes.len() < 4 {
            codes.push(in_words(value, space));
        }
    }
    if codes.is_empty()
        && let Some(value) = decimal(message)
    {
        codes.push(in_words(value, None));
    }
    codes
}

/// The last few characters of `front`.
fn last_words(front: &str) -> &str {
    let mut start = front.len().saturating_sub(24);
    while !front.is_char_boundary(start) {
        start += 1;
    }
    &front[start..]
}

fn space_of(front: &str) -> Option<Space> {
    let near = last_words(front);
    if near.ends_with("problem: ") {
        Some(Space::CmProb)
    } else if near.contains("problem status") || near.contains("ntstatus") {
        Some(Space::NtStatus)
    } else if near.contains("cr_") || near.contains("configret") || near.ends_with("cr=") {
        Some(Space::ConfigRet)
    } else if near.contains("hresult") || near.ends_with("hr=") {
        Some(Space::HResult)
    } else {
        None
    }
}

/// `Error 1168: Element not found.`, `Error=5`, `Err=2`.
fn decimal(message: &str) -> Option<u32> {
    let at = message
        .find("Error ")
        .map(|at| at + 6)
        .or_else(|| message.find("Error = ").map(|at| at + 8))?;
    let digits = &message[at..];
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let value = digits[..length].parse().ok()?;
    (value != 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(message: &str) -> Vec<String> {
        codes_in(message).into_iter().map(|code| code.name).collect()
    }

    #[test]
    fn codes_of_every_space_are_named() {
        assert_eq!(names("Selecting driver failed(0xe0000228)"), ["ERROR_NO_COMPAT_DRIVERS"]);
        assert_eq!(names("Error 1168: Element not found."), ["ERROR_NOT_FOUND"]);
        assert_eq!(names("Could not delete file 'a'. Error = 0x00000005"), ["ERROR_ACCESS_DENIED"]);
        let stopped = "Device not started: Device has problem: 0x0a (CM_PROB_FAILED_START), \
                       problem status: 0xc0000001.";
        assert_eq!(names(stopped), ["CM_PROB_FAILED_START", "STATUS_UNSUCCESSFUL"]);
        assert_eq!(names("Verifying failed! (0x800b0109)"), ["CERT_E_UNTRUSTEDROOT"]);
        assert_eq!(codes_in("Verifying failed! (0x800b0109)")[0].space, "HRESULT");
    }

    #[test]
    fn flags_and_zeros_are_no_codes() {
        for message in
            ["Flags = 0x00000010", "Device install status=0x00000000", "nothing", "0x", "Error "]
        {
            assert_eq!(names(message), Vec::<String>::new(), "{message}");
        }
    }
}

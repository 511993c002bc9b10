//! A bug check with its parameters, as it stands on a blue screen, in an event, a dump or a command.

use crate::bugcheck::bugcheck;
use crate::number::{read, read_hex};

/// A bug check and what came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Code.
    pub code: u32,
    /// Parameters; those that were not given are 0.
    pub parameters: [u64; 4],
    /// How many were given.
    pub given: usize,
    /// 32 where each is written with eight digits, else 64.
    pub bits: u32,
}

/// Finds a bug check in what was given: one text with parentheses or braces, or a code and then its
/// parameters, each by itself.
#[must_use]
pub fn find(codes: &[String]) -> Option<Call> {
    text(&codes.join(" ")).or_else(|| listed(codes))
}

/// `0x000000D1 (0x0, 0x2, ...)`, `BugCheck C4, {62, ...}`, `BAD_POOL_CALLER (7, ...)`.
fn text(text: &str) -> Option<Call> {
    let open = text.find(['(', '{'])?;
    let rest = &text[open + 1..];
    let inner = rest.split([')', '}']).next()?;
    let words: Vec<&str> = inner
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    if !(2..=4).contains(&words.len()) {
        return None;
    }
    let parameters: Vec<u64> = words.iter().map(|word| read_hex(word)).collect::<Option<_>>()?;
    // The code is the last word in front of the parameters that can be one.
    let before = text[..open].split(|c: char| c.is_whitespace() || ",:*".contains(c));
    let code = before.filter(|word| !word.is_empty()).filter_map(code).next_back()?;
    Some(call(code, &parameters, &words))
}

fn code(word: &str) -> Option<u32> {
    let number = read_hex(word).and_then(|code| u32::try_from(code).ok());
    let known = number.filter(|code| bugcheck(*code).is_some());
    known.or_else(|| nt::bugcheck::by_name(word.trim_matches(|c: char| "\"'`()".contains(c))))
}

/// `0xc4 62`, `d1 0 2 1 fffff80112345678`: only where the second is a sub-code of the first, or where
/// all four are there; else they are codes, each by itself.
fn listed(codes: &[String]) -> Option<Call> {
    let (first, rest) = codes.split_first()?;
    if rest.is_empty() || rest.len() > 4 {
        return None;
    }
    let number = read(first).map(|number| number.value);
    let code = number.and_then(|code| u32::try_from(code).ok());
    let code = code.or_else(|| nt::bugcheck::by_name(first))?;
    let entry = bugcheck(code)?;
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let parameters: Vec<u64> = words.iter().map(|word| read_hex(word)).collect::<Option<_>>()?;
    let call = call(code, &parameters, &words);
    let told = entry.explain(call.parameters, call.bits).sub_code;
    let is_told = told.is_some_and(|sub| sub.parameter <= call.given);
    (is_told || parameters.len() == 4).then_some(call)
}

fn call(code: u32, given: &[u64], words: &[&str]) -> Call {
    let mut parameters = [0; 4];
    parameters[..given.len()].copy_from_slice(given);
    let short = |word: &&str| word.trim_start_matches("0x").trim_start_matches("0X").len() == 8;
    let bits = if words.iter().all(short) { 32 } else { 64 };
    Call { code, parameters, given: given.len(), bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> Option<Call> {
        find(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn blue_screens_events_and_debuggers() {
        let place = 0xFFFF_F801_1234_5678;
        for text in [
            "0x000000D1 (0x0, 0x2, 0x1, 0xfffff80112345678)",
            "*** STOP: 0x000000D1 (0x0000000000000000,0x0000000000000002,0x0000000000000001,0xFFFFF80112345678)",
            "The bugcheck was: 0x000000d1 (0x0000000000000000, 0x2, 0x1, 0xfffff80112345678).",
            "BugCheck D1, {0, 2, 1, fffff801`12345678}",
            "DRIVER_IRQL_NOT_LESS_OR_EQUAL (0, 2, 1, fffff80112345678)",
        ] {
            let call = found(&[text]).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((call.code, call.given, call.bits), (0xD1, 4, 64), "{text}");
            assert_eq!(call.parameters, [0, 2, 1, place], "{text}");
        }
        let old = found(&["STOP: 0x0000000A (0x00000028,0x00000002,0x00000001,0x8234567A)"]);
        assert_eq!(old.map(|call| call.bits), Some(32));
    }

    #[test]
    fn a_code_and_its_sub_code() {
        assert_eq!(found(&["0xc4", "62"]).map(|call| call.parameters[0]), Some(0x62));
        assert_eq!(
            found(&["d1", "0", "2", "1", "fffff80112345678"]).map(|call| call.given),
            Some(4)
        );
        // Codes by themselves.
        assert_eq!(found(&["0xc4", "0xd1fe"]), None);
        assert_eq!(found(&["0xd1", "0xa"]), None);
        assert_eq!(found(&["0xc0000034", "0xc0000022"]), None);
        assert_eq!(found(&["(0xc0000034)"]), None);
        assert_eq!(found(&["CreateFile failed (2)"]), None);
    }
}

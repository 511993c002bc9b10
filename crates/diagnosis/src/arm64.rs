//! Code of ARM64 as text, and what an instruction's operands were.

use crate::code_space::CodeSpace;
use crate::crash::Line;
pub(crate) use listing::arm64::SIZE;
use listing::arm64::target;

/// The instructions of `bytes`, which stand at `start`; what is none is shown as data.
pub(crate) fn lines(space: &dyn CodeSpace, start: u64, bytes: &[u8], current: u64) -> Vec<Line> {
    let words = bytes.chunks_exact(SIZE).zip((start..).step_by(SIZE));
    words.map(|(word, address)| line(space, address, word, address == current)).collect()
}

fn line(space: &dyn CodeSpace, address: u64, bytes: &[u8], current: bool) -> Line {
    let word = bytes.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
    let mut text = String::new();
    listing::arm64::write(word, &mut text);
    if let Some(name) = target(word, address).and_then(|to| space.spot(to, false)) {
        text = format!("{text}  ; {}", name.text());
    }
    // Debuggers show the word as a number.
    Line { address, bytes: format!("{word:08x}"), text, current }
}

/// Registers that an instruction's text names, by their names in a context record.
pub(crate) fn registers(text: &str) -> Vec<String> {
    let code = text.split("  ;").next().unwrap_or_default();
    let words = code.split(|c: char| !c.is_ascii_alphanumeric()).skip(1);
    let mut found: Vec<String> = Vec::new();
    for word in words {
        let own = match word {
            "sp" | "fp" | "lr" => word.to_owned(),
            "x29" => "fp".to_owned(),
            "x30" => "lr".to_owned(),
            _ => match word.strip_prefix(['x', 'w']).and_then(|number| number.parse::<u8>().ok()) {
                Some(number @ 0..=28) => format!("x{number}"),
                _ => continue,
            },
        };
        if !found.contains(&own) {
            found.push(own);
        }
    }
    found
}

/// The address that an operand in brackets means: `[x8, #0x10]`. Its text, and what it comes to.
pub(crate) fn address(text: &str, get: impl Fn(&str) -> Option<u64>) -> Option<(String, u64)> {
    let open = text.find('[')?;
    let close = text[open..].find(']')? + open;
    let inside = &text[open + 1..close];
    let mut parts = inside.split(',').map(str::trim);
    let base = get(&registers(&format!("- {}", parts.next()?)).into_iter().next()?)?;
    let offset = match parts.next() {
        None => 0,
        Some(part) => {
            let number = part.strip_prefix('#')?;
            let (sign, digits) = number.strip_prefix('-').map_or((1, number), |rest| (-1, rest));
            let digits = digits.strip_prefix("0x")?;
            sign * i64::from_str_radix(digits, 16).ok()?
        }
    };
    // A shift or an extension of an index register is not followed.
    parts
        .next()
        .is_none()
        .then(|| (text[open..=close].to_owned(), base.wrapping_add_signed(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_have_values() {
        assert_eq!(registers("ldr w9, [x8, #0x10]"), ["x9", "x8"]);
        assert_eq!(registers("stp x29, x30, [sp, #-0x20]!"), ["fp", "lr", "sp"]);
        let get = |name: &str| (name == "x8").then_some(0x1000);
        let found = address("ldr x9, [x8, #0x10]", get);
        assert_eq!(found, Some(("[x8, #0x10]".to_owned(), 0x1010)));
        assert_eq!(address("ldr x9, [x8, #-0x8]", get).map(|it| it.1), Some(0xff8));
        assert_eq!(address("ldr x9, [x8, x1, lsl #3]", get), None);
        assert_eq!(address("nop", get), None);
    }
}

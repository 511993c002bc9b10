//! Times on the command line: `10s`, `2m`, `500ms`.

use std::time::Duration;

/// Reads a whole number with its unit.
///
/// # Errors
/// A clause that says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "" => return Err("it has no unit; write 10s, 2m or 500ms".to_owned()),
        _ => return Err("it is no number with a unit; write 10s, 2m or 500ms".to_owned()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "it has no number that fits; write 10s, 2m or 500ms".to_owned())?;
    match count.checked_mul(milliseconds) {
        Some(0) => Err("no time is too little".to_owned()),
        // A year; beyond it, deadlines would overflow somewhere.
        Some(total) if total <= 366 * 24 * 3_600_000 => Ok(Duration::from_millis(total)),
        _ => Err("that is more than a year".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units() {
        for (text, milliseconds) in
            [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("2min", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in
            ["", "10", "s", "-1s", "1.5s", "0s", "10 s", "10S", "9999999999999999999999s", "9000h"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

//! printf as the kernel has it: the conversions, apart from where arguments and texts come from.
//!
//! Source: "Format specification syntax: printf and wprintf functions" of the C run-time library
//! reference, with `%Z` for counted strings. The kernel's version has no floating point.

use crate::rtl::characters::{ansi_of, from_ansi};

/// Where arguments and texts come from.
pub trait Source {
    /// Why an argument cannot be had.
    type Error;
    /// The next argument, 8 bytes.
    fn next(&mut self) -> Result<u64, Self::Error>;
    /// At most `most` bytes up to a zero.
    fn narrow(&mut self, address: u64, most: u64) -> Result<Vec<u8>, Self::Error>;
    /// At most `most` UTF-16 units up to a zero.
    fn wide(&mut self, address: u64, most: u64) -> Result<Vec<u16>, Self::Error>;
    /// The text of a UNICODE_STRING (`wide`) or ANSI_STRING at this address, as units.
    fn counted(&mut self, address: u64, wide: bool) -> Result<Vec<u16>, Self::Error>;
    /// A conversion that there is not.
    fn unsupported(&mut self, conversion: &str) -> Self::Error;
}

/// Longest field that a format may ask for: more is refused.
const WIDEST: usize = 1 << 16;

#[derive(Clone, Copy, Default, PartialEq)]
enum Size {
    #[default]
    Int,
    Byte,
    Short,
    Long,
    Quad,
    Wide,
}

#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    size: Size,
}

fn ascii(text: &str) -> Vec<u16> {
    text.bytes().map(u16::from).collect()
}

fn width_of(value: u64) -> i64 {
    i64::from(value as u32 as i32)
}

/// Formats. `format` and the result are UTF-16 units, or ANSI characters one a unit when `wide` is
/// false; `wide` also decides what plain `%s` and `%c` mean.
pub fn format<S: Source>(format: &[u16], wide: bool, source: &mut S) -> Result<Vec<u16>, S::Error> {
    let mut out = Vec::with_capacity(format.len() + 32);
    let mut at = 0;
    while let Some(&unit) = format.get(at) {
        at += 1;
        if unit != u16::from(b'%') {
            out.push(unit);
            continue;
        }
        let start = at - 1;
        let mut spec = Spec::default();
        at = read_spec(format, at, &mut spec, source)?;
        // A lone `%` at the end prints nothing.
        let Some(&conversion) = format.get(at) else { break };
        at += 1;
        let letter = u8::try_from(conversion).unwrap_or(0);
        let too_wide = spec.width > WIDEST || spec.precision.is_some_and(|p| p > WIDEST);
        if too_wide || !convert(letter, &spec, wide, source, &mut out)? {
            let text: String =
                char::decode_utf16(format[start..at].iter().copied()).flatten().collect();
            return Err(source.unsupported(&text));
        }
    }
    Ok(out)
}

/// Reads flags, width, precision and size; returns where the conversion stands.
fn read_spec<S: Source>(
    format: &[u16],
    mut at: usize,
    spec: &mut Spec,
    source: &mut S,
) -> Result<usize, S::Error> {
    let byte = |at: usize| format.get(at).and_then(|&unit| u8::try_from(unit).ok()).unwrap_or(0);
    loop {
        match byte(at) {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'#' => spec.alternate = true,
            b'0' => spec.zero = true,
            _ => break,
        }
        at += 1;
    }
    let number = |at: &mut usize| {
        let mut value = 0usize;
        while byte(*at).is_ascii_digit() {
            value = (value * 10 + usize::from(byte(*at) - b'0')).min(WIDEST + 1);
            *at += 1;
        }
        value
    };
    if byte(at) == b'*' {
        at += 1;
        let given = width_of(source.next()?);
        spec.left |= given < 0;
        spec.width = given.unsigned_abs() as usize;
    } else {
        spec.width = number(&mut at);
    }
    if byte(at) == b'.' {
        at += 1;
        spec.precision = if byte(at) == b'*' {
            at += 1;
            usize::try_from(width_of(source.next()?)).ok()
        } else {
            Some(number(&mut at))
        };
    }
    loop {
        let (size, units) = match (byte(at), byte(at + 1), byte(at + 2)) {
            (b'h', b'h', _) => (Size::Byte, 2),
            (b'h', ..) => (Size::Short, 1),
            (b'l', b'l', _) => (Size::Quad, 2),
            (b'l', ..) => (Size::Long, 1),
            (b'w', ..) => (Size::Wide, 1),
            (b'I', b'6', b'4') => (Size::Quad, 3),
            (b'I', b'3', b'2') => (Size::Int, 3),
            (b'I' | b'z' | b't' | b'j', ..) => (Size::Quad, 1),
            _ => return Ok(at),
        };
        spec.size = size;
        at += units;
    }
}

fn convert<S: Source>(
    letter: u8,
    spec: &Spec,
    wide: bool,
    source: &mut S,
    out: &mut Vec<u16>,
) -> Result<bool, S::Error> {
    match letter {
        b'%' => out.push(u16::from(b'%')),
        b'd' | b'i' => {
            let value = signed(source.next()?, spec.size);
            let sign = if value < 0 {
                "-"
            } else if spec.plus {
                "+"
            } else if spec.space {
                " "
            } else {
                ""
            };
            integer(out, spec, sign, &value.unsigned_abs().to_string());
        }
        b'u' => integer(out, spec, "", &unsigned(source.next()?, spec.size).to_string()),
        b'o' => {
            let text = format!("{:o}", unsigned(source.next()?, spec.size));
            integer(out, spec, if spec.alternate { "0" } else { "" }, &text);
        }
        b'x' | b'X' => {
            let value = unsigned(source.next()?, spec.size);
            let prefixed = spec.alternate && value != 0;
            let (prefix, text) = if letter == b'x' {
                ("0x", format!("{value:x}"))
            } else {
                ("0X", format!("{value:X}"))
            };
            integer(out, spec, if prefixed { prefix } else { "" }, &text);
        }
        b'p' => {
            let text = format!("{:016X}", source.next()?);
            pad(out, spec, &ascii(&text));
        }
        b'c' | b'C' => {
            let value = source.next()?;
            let unit = if is_wide(spec.size, wide, letter) {
                value as u16
            } else {
                from_ansi(value as u8)
            };
            let text = for_output(vec![unit], wide);
            pad(out, spec, &text);
        }
        b's' | b'S' => {
            let address = source.next()?;
            let most = spec.precision.map_or(u64::MAX, |most| most as u64);
            let text = if address == 0 {
                ascii("(null)")
            } else if is_wide(spec.size, wide, letter) {
                for_output(source.wide(address, most)?, wide)
            } else {
                let bytes = source.narrow(address, most)?;
                let units = bytes.into_iter().map(|b| if wide { from_ansi(b) } else { b.into() });
                units.collect()
            };
            pad(out, spec, cut(&text, spec));
        }
        b'Z' => {
            let address = source.next()?;
            let text = if address == 0 {
                ascii("(null)")
            } else {
                let counted_wide = matches!(spec.size, Size::Wide | Size::Long);
                for_output(source.counted(address, counted_wide)?, wide)
            };
            pad(out, spec, cut(&text, spec));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Whether a text argument is UTF-16: a size prefix decides, or else the letter's case.
fn is_wide(size: Size, wide: bool, letter: u8) -> bool {
    match size {
        Size::Long | Size::Wide => true,
        Size::Short | Size::Byte => false,
        Size::Int | Size::Quad => wide != letter.is_ascii_uppercase(),
    }
}

/// Units as the output takes them: as they are, or as ANSI characters.
fn for_output(units: Vec<u16>, wide: bool) -> Vec<u16> {
    if wide { units } else { ansi_of(&units).into_iter().map(u16::from).collect() }
}

fn cut<'a>(text: &'a [u16], spec: &Spec) -> &'a [u16] {
    &text[..spec.precision.unwrap_or(usize::MAX).min(text.len())]
}

fn signed(value: u64, size: Size) -> i64 {
    match size {
        Size::Byte => i64::from(value as i8),
        Size::Short => i64::from(value as i16),
        Size::Quad => value as i64,
        Size::Int | Size::Long | Size::Wide => i64::from(value as i32),
    }
}

fn unsigned(value: u64, size: Size) -> u64 {
    match size {
        Size::Byte => u64::from(value as u8),
        Size::Short => u64::from(value as u16),
        Size::Quad => value,
        Size::Int | Size::Long | Size::Wide => u64::from(value as u32),
    }
}

fn integer(out: &mut Vec<u16>, spec: &Spec, sign: &str, digits: &str) {
    // A precision of zero prints nothing for zero.
    let digits = if spec.precision == Some(0) && digits == "0" { "" } else { digits };
    let mut zeroes = spec.precision.unwrap_or(1).saturating_sub(digits.len());
    if spec.zero && !spec.left && spec.precision.is_none() {
        zeroes = zeroes.max(spec.width.saturating_sub(sign.len() + digits.len()));
    }
    let mut text = ascii(sign);
    text.extend(std::iter::repeat_n(u16::from(b'0'), zeroes));
    text.extend(digits.bytes().map(u16::from));
    pad(out, &Spec { zero: false, width: spec.width, left: spec.left, ..Spec::default() }, &text);
}

fn pad(out: &mut Vec<u16>, spec: &Spec, text: &[u16]) {
    let missing = spec.width.saturating_sub(text.len());
    let fill = u16::from(if spec.zero && !spec.left { b'0' } else { b' ' });
    if !spec.left {
        out.extend(std::iter::repeat_n(fill, missing));
    }
    out.extend_from_slice(text);
    if spec.left {
        out.extend(std::iter::repeat_n(fill, missing));
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;

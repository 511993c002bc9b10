//! What each conversion prints.

use super::*;

/// Arguments from a list; addresses are indices of texts.
struct Given {
    arguments: Vec<u64>,
    texts: Vec<&'static str>,
}

impl Source for Given {
    type Error = String;

    fn next(&mut self) -> Result<u64, String> {
        if self.arguments.is_empty() {
            return Err("no argument left".to_owned());
        }
        Ok(self.arguments.remove(0))
    }

    fn narrow(&mut self, address: u64, most: u64) -> Result<Vec<u8>, String> {
        Ok(self.texts[address as usize].bytes().take(most as usize).collect())
    }

    fn wide(&mut self, address: u64, most: u64) -> Result<Vec<u16>, String> {
        Ok(self.texts[address as usize].encode_utf16().take(most as usize).collect())
    }

    fn counted(&mut self, address: u64, wide: bool) -> Result<Vec<u16>, String> {
        let kind = if wide { "W:" } else { "A:" };
        Ok(format!("{kind}{}", self.texts[address as usize]).encode_utf16().collect())
    }

    fn unsupported(&mut self, conversion: &str) -> String {
        conversion.to_owned()
    }
}

fn run(text: &str, wide: bool, arguments: &[u64]) -> Result<String, String> {
    let mut given = Given { arguments: arguments.to_vec(), texts: vec!["", "one", "G\u{e4}u"] };
    let units: Vec<u16> = text.encode_utf16().collect();
    let out = format(&units, wide, &mut given)?;
    assert!(given.arguments.is_empty(), "{text}: arguments left");
    Ok(String::from_utf16_lossy(&out))
}

fn is(text: &str, arguments: &[u64], expected: &str) {
    assert_eq!(run(text, false, arguments).as_deref(), Ok(expected), "{text}");
}

#[test]
fn integers() {
    is("%d|%i|%u", &[u64::MAX, 5, u64::MAX], "-1|5|4294967295");
    is("%x|%X|%#x|%#X|%o", &[0xab, 0xab, 0xab, 0xab, 8], "ab|AB|0xab|0XAB|10");
    is("%I64x|%I64d|%llu|%Ix|%zu", &[1 << 40, u64::MAX, 7, 8, 9], "10000000000|-1|7|8|9");
    is("%hd|%hhu|%ld|%lu", &[0x1_ffff, 0x1ff, 0xffff_ffff_ffff_ffff, 1 << 33], "-1|255|-1|0");
    is("%5d|%-5d|%05d|%+d|% d", &[42, 42, 42, 42, 42], "   42|42   |00042|+42| 42");
    is("%.4x|%8.4x|%-8.4x|%08lX", &[7, 7, 7, 0xBEEF], "0007|    0007|0007    |0000BEEF");
    is("%*d|%.*d|%-*d", &[4, 1, 3, 2, 3, 5], "   1|002|5  ");
    is("%#010x|%.0d|%05d", &[0xff, 0, -42i64 as u64], "0x000000ff||-0042");
}

#[test]
fn pointers_and_percent() {
    is("%p 100%%", &[0xffff_8000_0000_1000], "FFFF800000001000 100%");
    is("end%", &[], "end");
}

#[test]
fn texts() {
    is("%s|%5s|%-5s|%.2s", &[1, 1, 1, 1], "one|  one|one  |on");
    is("%S|%ws|%ls|%hs", &[1, 1, 1, 1], "one|one|one|one");
    is("%s|%c%C%wc", &[0, 65, 66, 67], "(null)|ABC");
    is("%Z|%wZ|%lZ|%wZ", &[1, 1, 1, 0], "A:one|W:one|W:one|(null)");
}

#[test]
fn wide_output_takes_wide_text() {
    assert_eq!(run("%s %S", true, &[2, 1]).as_deref(), Ok("G\u{e4}u one"));
    assert_eq!(run("%hs %ws %c", true, &[1, 2, 0x20ac]).as_deref(), Ok("one G\u{e4}u \u{20ac}"));
}

#[test]
fn a_narrow_output_takes_wide_text_by_the_code_page() {
    assert_eq!(run("%ws", false, &[2]).as_deref(), Ok("G\u{e4}u"));
    assert_eq!(run("%wc", false, &[0x4e00]).as_deref(), Ok("?"));
}

#[test]
fn what_there_is_not_is_named() {
    assert_eq!(run("a %5.2f", false, &[]), Err("%5.2f".to_owned()));
    assert_eq!(run("%n", false, &[]), Err("%n".to_owned()));
    assert_eq!(run("%999999999999d", false, &[]), Err("%999999999999d".to_owned()));
    assert_eq!(run("%d", false, &[]), Err("no argument left".to_owned()));
}

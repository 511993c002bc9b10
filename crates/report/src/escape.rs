//! Text from files, made harmless.

use std::borrow::Cow;

/// `text` with every character that could mislead a terminal or its reader written out: control
/// characters (line ends among them), the ones that set the direction of writing, and invisible ones.
/// `\u{1b}` stands for an escape character. Backslashes stay, for they are in every Windows path.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hazardous) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hazardous(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether `c` does something else than to show itself (Unicode 16: Cc, Zl, Zp, the bidirectional
/// controls of UAX #9, and default-ignorable format characters).
pub(crate) fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_not_touched() {
        for text in ["", "DispatchRead", r"C:\src\queue.c", "größe 中文 😀"] {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(escape("a\x1b[31mb"), r"a\u{1b}[31mb");
        assert_eq!(escape("a\r\nb\tc\x07"), r"a\r\nb\tc\u{7}");
        assert_eq!(escape("\u{9b}2J\x7f"), r"\u{9b}2J\u{7f}");
    }

    #[test]
    fn what_turns_or_hides_text_is_written_out() {
        assert_eq!(escape("x\u{202e}y\u{2066}z"), r"x\u{202e}y\u{2066}z");
        assert_eq!(escape("a\u{200b}b\u{feff}\u{2028}"), r"a\u{200b}b\u{feff}\u{2028}");
    }

    #[test]
    fn nothing_hazardous_is_ever_left() {
        let everything: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        assert!(!escape(&everything).contains(is_hazardous));
    }
}

//! Pages for a browser: one file each, with nothing loaded from elsewhere and no script.

mod incident;
mod setup_log;

pub use incident::incident_html;
pub use setup_log::setup_log_html;

use crate::escape::escape;

/// Text for the inside of an element or of a quoted attribute. What would mislead a reader is written
/// out first, as everywhere.
pub(crate) fn safe(text: &str) -> String {
    let text = escape(text);
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// A whole page. `body` is markup already.
pub(crate) fn page(title: &str, style: &str, body: &str) -> String {
    let title = safe(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_text_stays_text() {
        let text = safe("<script>alert(\"1\" & '2')</script>\u{202e}");
        assert_eq!(
            text,
            r"&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\u{202e}"
        );
    }
}

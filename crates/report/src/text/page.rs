//! Lines, wrapped and coloured.

use super::{Look, WIDTH};
use crate::escape;
use anstyle::{AnsiColor, Style};

/// What a piece of text is, and so how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Running text.
    Plain,
    /// Headings and names.
    Strong,
    /// Something to look past.
    Faint,
    /// All is well.
    Good,
    /// To be looked at.
    Warn,
    /// Wrong.
    Bad,
    /// A place in the source.
    Place,
}

impl Ink {
    /// Appends `text`, escaped already, in this colour.
    pub fn paint(self, text: &str, to: &mut String) {
        let style = self.style();
        match self {
            Ink::Plain => to.push_str(text),
            _ => to.push_str(&format!("{style}{text}{style:#}")),
        }
    }

    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Ink::Plain => Style::new(),
            Ink::Strong => Style::new().bold(),
            Ink::Faint => Style::new().dimmed(),
            Ink::Good => colour(AnsiColor::Green).bold(),
            Ink::Warn => colour(AnsiColor::Yellow).bold(),
            Ink::Bad => colour(AnsiColor::Red).bold(),
            Ink::Place => colour(AnsiColor::Cyan),
        }
    }
}

/// A text being written, line by line. Everything that goes through it is escaped.
pub(super) struct Page<'a> {
    out: String,
    pub look: &'a Look<'a>,
}

impl<'a> Page<'a> {
    pub fn new(look: &'a Look<'a>) -> Page<'a> {
        Page { out: String::new(), look }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn blank(&mut self) {
        self.out.push('\n');
    }

    /// One line, however long it gets.
    pub fn line(&mut self, indent: usize, pieces: &[(Ink, &str)]) {
        self.indent(indent);
        for &(ink, text) in pieces {
            self.paint(ink, &escape(text));
        }
        self.end_line();
    }

    /// Pieces in running order, broken between words; lines after the first are indented by `hang`.
    /// A word longer than the line stays whole: it may be an address to copy.
    pub fn wrapped(&mut self, indent: usize, hang: usize, pieces: &[(Ink, &str)]) {
        self.indent(indent);
        let mut column = indent;
        let mut is_start = true;
        let mut space = false;
        for &(ink, text) in pieces {
            let text = escape(text);
            let mut first = true;
            for word in text.split(' ') {
                space |= !first;
                first = false;
                if word.is_empty() {
                    continue;
                }
                let width = word.chars().count();
                if space && !is_start && column + 1 + width > WIDTH {
                    self.end_line();
                    self.indent(hang);
                    column = hang;
                } else if space && !is_start {
                    self.out.push(' ');
                    column += 1;
                }
                self.paint(ink, word);
                column += width;
                is_start = false;
                space = false;
            }
        }
        self.end_line();
    }

    /// Paragraphs, each broken between words.
    pub fn paragraphs(&mut self, indent: usize, text: &str) {
        for paragraph in text.lines().filter(|line| !line.trim().is_empty()) {
            self.wrapped(indent, indent, &[(Ink::Plain, paragraph)]);
        }
    }

    /// A heading of its own line.
    pub fn heading(&mut self, indent: usize, text: &str) {
        self.line(indent, &[(Ink::Strong, text)]);
    }

    /// `label` in a column of `width`, then `text` wrapped beside it.
    pub fn labelled(&mut self, indent: usize, width: usize, label: &str, text: &str) {
        self.indent(indent);
        self.beside(indent, width, label, text);
    }

    /// A coloured word in a column of `mark_width`, then as [`Self::labelled`].
    pub fn marked(
        &mut self,
        indent: usize,
        mark_width: usize,
        mark: (Ink, &str),
        width: usize,
        label: &str,
        text: &str,
    ) {
        self.indent(indent);
        let padded = format!("{:mark_width$}", mark.1);
        self.paint(mark.0, &padded);
        self.beside(indent + mark_width, width, label, text);
    }

    fn beside(&mut self, indent: usize, width: usize, label: &str, text: &str) {
        let label = escape(label);
        let padded = format!("{label:width$}");
        self.paint(Ink::Strong, &padded);
        let column = indent + padded.chars().count();
        let rest = WIDTH.saturating_sub(column);
        for (index, line) in fill(&escape(text), rest).iter().enumerate() {
            if index > 0 {
                self.indent(column);
            }
            self.out.push_str(line);
            self.end_line();
        }
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    fn paint(&mut self, ink: Ink, text: &str) {
        if self.look.colour {
            ink.paint(text, &mut self.out);
        } else {
            self.out.push_str(text);
        }
    }

    fn end_line(&mut self) {
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        self.out.push('\n');
    }
}

/// `text` in lines of at most `width` columns, if its words allow; at least one line.
fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        let Some(line) = lines.last_mut() else { break };
        if column > 0 && column + 1 + length > width {
            lines.push(word.to_owned());
            column = length;
            continue;
        }
        if column > 0 {
            line.push(' ');
            column += 1;
        }
        line.push_str(word);
        column += length;
    }
    lines
}

/// `text` cut to `width` columns, with dots where something was cut. Escaped first, so that no
/// sequence is cut in two.
pub(super) fn clip(text: &str, width: usize) -> String {
    let text = escape(text);
    if text.chars().count() <= width {
        return text.into_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(3)).collect();
    kept.push_str("...");
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of imports are labels, and come from the file.
    #[test]
    fn labels_are_escaped_like_everything() {
        let look = Look { colour: false, source: &|_, _| None };
        let mut page = Page::new(&look);
        page.labelled(0, 4, "a\u{1b}[2J", "b\u{7}");
        assert_eq!(page.finish(), "a\\u{1b}[2Jb\\u{7}\n");
    }
}

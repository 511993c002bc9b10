//! From lines to sections, entries and fields.
//!
//! Quotation marks, comments, continued lines and commas:
//! <https://learn.microsoft.com/windows-hardware/drivers/install/general-syntax-rules-for-inf-files>

use super::diagnostic::{Code, Diagnostic};
use std::collections::HashMap;

/// A place in the file. Both count from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// One value of an entry, or its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its text, quotation marks off and tokens replaced.
    pub value: String,
    /// Where it begins.
    pub at: Position,
    /// Characters that it takes up in its first line; at least 1.
    pub width: u32,
}

impl Field {
    /// Whether it says `other`, in any case.
    pub fn is(&self, other: &str) -> bool {
        self.value.eq_ignore_ascii_case(other)
    }
}

/// One line of a section, together with those that it is continued on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What stands before `=`, where that comes before the first comma.
    pub key: Option<Field>,
    /// Values, of which empty ones are values as well. At least one.
    pub fields: Vec<Field>,
    /// Where it begins.
    pub at: Position,
}

impl Entry {
    /// Value number `index`, from 0, unless it is absent or empty.
    pub fn field(&self, index: usize) -> Option<&Field> {
        self.fields.get(index).filter(|field| !field.value.is_empty())
    }

    /// The text of value number `index`; empty where there is none.
    pub fn text(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", |field| &field.value)
    }

    /// Whether it begins with `name =`.
    pub fn has_key(&self, name: &str) -> bool {
        self.key.as_ref().is_some_and(|key| key.is(name))
    }

    /// Its first words: the key, or else the first value.
    pub fn head(&self) -> Option<&Field> {
        self.key.as_ref().or_else(|| self.fields.first())
    }
}

/// A section: everything below all headings of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name, as it is first spelt.
    pub name: String,
    /// Its first heading.
    pub at: Position,
    /// Further headings.
    pub again: Vec<Position>,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// The first entry of each key, in lower case.
    keys: HashMap<String, usize>,
}

impl Section {
    pub(super) fn new(name: String, at: Position) -> Section {
        Section { name, at, again: Vec::new(), entries: Vec::new(), keys: HashMap::new() }
    }

    /// Makes [`Section::entry`] find what there is now.
    pub(super) fn index(&mut self) {
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(key) = &entry.key {
                self.keys.entry(key.value.to_lowercase()).or_insert(index);
            }
        }
    }

    /// Entries that begin with `name =`.
    pub fn with_key<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.has_key(name))
    }

    /// The first of them.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(*self.keys.get(&name.to_lowercase())?)
    }
}

/// A heading or an entry.
pub(super) enum Line {
    Heading(String, Position),
    Entry(Entry),
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Reads lines one after the other.
pub(super) struct Lexer<'a> {
    lines: &'a [&'a str],
    next: usize,
    pub wrong: Vec<Diagnostic>,
}

/// The field that is being read.
#[derive(Default)]
struct Open {
    text: String,
    /// Bytes of `text` up to the last that is not a trailing blank.
    kept: usize,
    at: Option<Position>,
    /// Column behind the last character, where that is in the field's first line.
    end: u32,
}

impl Open {
    fn begin(&mut self, at: Position) {
        self.at.get_or_insert(at);
    }

    fn push(&mut self, it: char, at: Position) {
        self.begin(at);
        self.text.push(it);
        if !it.is_whitespace() {
            self.keep(at);
        }
    }

    /// All so far stays, be it blank or not.
    fn keep(&mut self, at: Position) {
        self.kept = self.text.len();
        if self.at.is_some_and(|start| start.line == at.line) {
            self.end = at.column.saturating_add(1);
        }
    }

    fn close(&mut self, here: Position) -> Field {
        let mut open = std::mem::take(self);
        open.text.truncate(open.kept);
        let at = open.at.unwrap_or(here);
        Field { value: open.text, at, width: open.end.saturating_sub(at.column).max(1) }
    }
}

/// Whether a line that ends in `rest` after a backslash goes on in the next one.
fn continues(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with(';')
}

/// Bytes of the token at the start of `text` behind its first `%`, the closing `%` included. A token
/// may hold a semicolon, which begins no comment there.
fn token(text: &str) -> Option<usize> {
    let end = text.find('%')?;
    let name = &text[..end];
    let plain = !name.is_empty() && !name.contains([',', '"', ' ', '\t']);
    plain.then_some(end.saturating_add(1))
}

impl<'a> Lexer<'a> {
    pub fn new(lines: &'a [&'a str]) -> Lexer<'a> {
        Lexer { lines, next: 0, wrong: Vec::new() }
    }

    /// The next heading or entry.
    pub fn line(&mut self) -> Option<Line> {
        loop {
            let &text = self.lines.get(self.next)?;
            let start = text.trim_start_matches([' ', '\t', '\u{1a}', '\u{feff}', '\0']);
            if start.is_empty() || start.starts_with(';') {
                self.next = self.next.saturating_add(1);
                continue;
            }
            let blanks = text.len().saturating_sub(start.len());
            let column = number(text[..blanks].chars().count().saturating_add(1));
            let at = Position { line: number(self.next.saturating_add(1)), column };
            if let Some(name) = start.strip_prefix('[') {
                self.next = self.next.saturating_add(1);
                return Some(Line::Heading(self.heading(name, at), at));
            }
            return Some(Line::Entry(self.entry(at)));
        }
    }

    fn heading(&mut self, text: &str, at: Position) -> String {
        let Some(end) = text.find(']') else {
            let problem = "the section's name is not closed by ]";
            self.wrong.push(Diagnostic::new(Code::SectionNotClosed, at, problem));
            return text.split(';').next().unwrap_or_default().trim().to_owned();
        };
        // Blanks inside the brackets belong to nobody's reference.
        text[..end].trim().trim_matches('"').to_owned()
    }

    fn entry(&mut self, at: Position) -> Entry {
        let mut it = Entry { key: None, fields: Vec::new(), at };
        let mut open = Open::default();
        while let Some(&text) = self.lines.get(self.next) {
            self.next = self.next.saturating_add(1);
            if !self.physical(text, &mut it, &mut open) {
                break;
            }
        }
        let last = Position { line: number(self.next), column: 1 };
        let field = open.close(if it.fields.is_empty() { at } else { last });
        it.fields.push(field);
        it
    }

    /// One line of the file; whether the next one belongs to it.
    fn physical(&mut self, text: &str, it: &mut Entry, open: &mut Open) -> bool {
        let line = number(self.next);
        let mut quote: Option<Position> = None;
        let mut column = 0_u32;
        let mut rest = text;
        while let Some(one) = rest.chars().next() {
            rest = &rest[one.len_utf8()..];
            column = column.saturating_add(1);
            let at = Position { line, column };
            if quote.is_some() {
                if one != '"' {
                    open.text.push(one);
                } else if let Some(after) = rest.strip_prefix('"') {
                    open.text.push('"');
                    rest = after;
                    column = column.saturating_add(1);
                } else {
                    quote = None;
                }
                open.keep(Position { line, column });
                continue;
            }
            match one {
                '"' => {
                    open.begin(at);
                    open.keep(at);
                    quote = Some(at);
                }
                ';' => return false,
                ',' => it.fields.push(open.close(at)),
                '=' if it.key.is_none() && it.fields.is_empty() => it.key = Some(open.close(at)),
                '\\' if continues(rest) => return true,
                '%' => {
                    open.push(one, at);
                    let Some(end) = token(rest) else { continue };
                    let (name, after) = rest.split_at(end);
                    for inner in name.chars() {
                        column = column.saturating_add(1);
                        open.push(inner, Position { line, column });
                    }
                    rest = after;
                }
                _ if one.is_whitespace() || one == '\0' || one == '\u{1a}' => {
                    if open.at.is_some() {
                        open.push(' ', at);
                    }
                }
                _ => open.push(one, at),
            }
        }
        if let Some(at) = quote {
            let problem = "the quotation mark is not closed in its line";
            self.wrong.push(Diagnostic::new(Code::QuoteNotClosed, at, problem));
        }
        false
    }
}

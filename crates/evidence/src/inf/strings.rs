//! `%token%`: what the Strings sections define, and putting it in.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-strings-section>

use super::diagnostic::{Code, Diagnostic};
use super::lex::{Field, Position, Section};
use super::near::nearest;
use std::collections::BTreeMap;

/// Characters of a field, before and after tokens are put in: the manual's limit of 4096 counts a zero.
const MOST_CHARACTERS: usize = 4095;

/// Unknown tokens for which a like one is looked for.
const MOST_GUESSES: usize = 50;

/// Characters that the tokens of one file may grow to, together: a file of a few lines could else ask for
/// any amount of memory.
const MOST_GROWTH: usize = 64 << 20;

/// A token and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    name: String,
    value: String,
    at: Position,
}

/// The tokens that hold for this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Strings {
    tokens: BTreeMap<String, Token>,
    grown: usize,
    /// Unknown tokens so far: a name that was meant is looked for only for the first.
    unknown: usize,
}

fn is_strings(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "strings" || name.starts_with("strings.")
}

fn is_dir_id(name: &str) -> bool {
    let digits = name.strip_prefix('-').unwrap_or(name);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The tokens that one section defines.
fn defined(section: &Section, wrong: &mut Vec<Diagnostic>) -> BTreeMap<String, Token> {
    let mut tokens: BTreeMap<String, Token> = BTreeMap::new();
    for entry in &section.entries {
        let Some(key) = &entry.key else {
            let problem = "a line of a Strings section has the form token = \"text\"";
            wrong.push(Diagnostic::new(Code::StringTwice, entry.at, problem));
            continue;
        };
        // Some write the token as it is used; the system takes it for what it stands for.
        let name = key.value.trim_matches('%').to_owned();
        let values: Vec<&str> = entry.fields.iter().map(|field| field.value.as_str()).collect();
        let token = Token { name, value: values.join(","), at: key.at };
        let low = token.name.to_lowercase();
        if let Some(first) = tokens.get(&low) {
            let problem = format!("%{}% is defined a second time, with another text", token.name);
            if first.value != token.value {
                let help = format!("the first definition, in line {}, is used", first.at.line);
                wrong.push(Diagnostic::of(Code::StringTwice, key, problem).help(help));
            }
            continue;
        }
        tokens.insert(low, token);
    }
    tokens
}

impl Strings {
    /// The tokens of `sections`: those of Strings, or else of the first language. All languages must
    /// define the same.
    pub fn of(sections: &[Section], wrong: &mut Vec<Diagnostic>) -> Strings {
        let mut all: Vec<(&Section, BTreeMap<String, Token>)> = Vec::new();
        for section in sections.iter().filter(|section| is_strings(&section.name)) {
            all.push((section, defined(section, wrong)));
        }
        let first =
            all.iter().position(|(section, _)| section.name.eq_ignore_ascii_case("strings"));
        let Some((_, tokens)) = all.get(first.unwrap_or_default()).cloned() else {
            return Strings::default();
        };
        for (section, own) in &all {
            if let Some(lost) =
                tokens.values().find(|it| !own.contains_key(&it.name.to_lowercase()))
            {
                let problem = format!("[{}] does not define %{}%", section.name, lost.name);
                let help =
                    "each language has to define every token; Windows takes one section only";
                let it = Diagnostic::new(Code::StringsDiffer, section.at, problem);
                wrong.push(it.help(help));
            }
        }
        Strings { tokens, grown: 0, unknown: 0 }
    }

    /// Puts tokens into every field of `section`, unless it defines some.
    ///
    /// # Errors
    /// If the whole gets too long.
    pub fn put_in(
        &mut self,
        section: &mut Section,
        wrong: &mut Vec<Diagnostic>,
    ) -> Result<(), Position> {
        if is_strings(&section.name) {
            return Ok(());
        }
        for entry in &mut section.entries {
            for field in entry.key.iter_mut().chain(&mut entry.fields) {
                if field.value.contains('%') {
                    self.expand(field, wrong)?;
                }
                if field.value.chars().count() > MOST_CHARACTERS {
                    let problem = format!("the value has more than {MOST_CHARACTERS} characters");
                    wrong.push(Diagnostic::of(Code::TooLong, field, problem));
                    field.value = field.value.chars().take(MOST_CHARACTERS).collect();
                }
            }
        }
        Ok(())
    }

    fn expand(&mut self, field: &mut Field, wrong: &mut Vec<Diagnostic>) -> Result<(), Position> {
        let before = std::mem::take(&mut field.value);
        let mut rest = before.as_str();
        while let Some((plain, after)) = rest.split_once('%') {
            field.value.push_str(plain);
            let Some((name, tail)) = after.split_once('%') else {
                field.value.push('%');
                rest = after;
                continue;
            };
            rest = tail;
            if name.is_empty() {
                field.value.push('%');
            } else if let Some(token) = self.tokens.get(&name.to_lowercase()) {
                field.value.push_str(&token.value);
                self.grown = self.grown.saturating_add(token.value.len());
            } else {
                field.value.push('%');
                field.value.push_str(name);
                field.value.push('%');
                if !is_dir_id(name) {
                    wrong.push(self.unknown(field, name));
                }
            }
            if self.grown > MOST_GROWTH {
                return Err(field.at);
            }
        }
        field.value.push_str(rest);
        Ok(())
    }

    fn unknown(&mut self, field: &Field, name: &str) -> Diagnostic {
        let problem = format!("no Strings section defines %{name}%");
        let known = self.tokens.values().map(|token| token.name.as_str());
        self.unknown = self.unknown.saturating_add(1);
        let near = if self.unknown > MOST_GUESSES { None } else { nearest(name, known) };
        let help = match near {
            Some(near) => format!("%{near}% is defined"),
            None => format!("if the text itself is meant, write %%{name}%%"),
        };
        Diagnostic::of(Code::StringNotDefined, field, problem).help(help)
    }
}

//! What Windows, or InfVerif, would object to.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/devtest/inf-validation-errors-and-warnings>

mod files;
mod models;
mod registry;
mod sections;
mod services;
mod version;

use super::Inf;
use super::date::Date;
use super::diagnostic::{Code, Diagnostic};
use super::lex::Field;
use super::near::nearest;
use super::package::Package;
use super::text::Encoding;
use std::collections::HashSet;

/// Characters of a section's name, at most.
const MOST_NAME: usize = 255;

/// Diagnostics, at most: a file that is no INF has one a line.
const MOST: usize = 10_000;

/// Names that are guessed at, at most.
const MOST_GUESSES: usize = 50;

/// What the checks share.
struct Check<'a> {
    inf: &'a Inf,
    package: Package,
    wrong: Vec<Diagnostic>,
    /// Names in SourceDisksFiles sections, in lower case.
    listed: HashSet<String>,
    /// Names that files are copied to, in lower case.
    copied: HashSet<String>,
    /// Names that may still be guessed at.
    guesses: usize,
}

impl Check<'_> {
    fn at(&mut self, code: Code, field: &Field, problem: impl Into<String>) {
        self.say(Diagnostic::of(code, field, problem));
    }

    /// The name of `names` that is spelt much like `wanted`. Few are looked for: it takes long.
    fn guess<'n>(
        &mut self,
        wanted: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Option<&'n str> {
        self.guesses = self.guesses.checked_sub(1)?;
        nearest(wanted, names)
    }

    /// The section whose name is spelt much like `wanted`.
    fn guess_section(&mut self, wanted: &str) -> Option<String> {
        let names = self.inf.sections.iter().map(|section| section.name.as_str());
        self.guess(wanted, names).map(str::to_owned)
    }

    fn say(&mut self, it: Diagnostic) {
        if self.wrong.len() < MOST {
            self.wrong.push(it);
        }
    }
}

/// Everything that is wrong with `inf`, in the order of its lines. With `today`, a date in the future is
/// wrong as well.
pub fn check(inf: &Inf, today: Option<Date>) -> Vec<Diagnostic> {
    let mut wrong = inf.wrong.clone();
    wrong.truncate(MOST);
    let mut it = Check {
        inf,
        package: Package::of(inf),
        wrong,
        listed: files::listed(inf),
        copied: services::copied(inf),
        guesses: MOST_GUESSES,
    };
    form(&mut it);
    if version::check(&mut it, today) {
        models::check(&mut it);
        sections::check(&mut it);
        files::check(&mut it);
        services::check(&mut it);
    }
    it.wrong.sort_by_key(|it| (it.at, it.code));
    it.wrong.dedup();
    it.wrong
}

fn form(it: &mut Check<'_>) {
    let at = super::Position { line: 1, column: 1 };
    match it.inf.encoding {
        Encoding::Utf16Be => {
            let problem = "Windows does not read UTF-16 with the high byte first";
            let help = "save it as UTF-16 LE";
            it.say(Diagnostic::new(Code::EncodingWrong, at, problem).help(help));
        }
        Encoding::Utf8 => {
            let problem = "characters beyond ASCII are written as UTF-8, which an INF may not be";
            let help = "save it as UTF-16 LE: every code page then shows the same";
            it.say(Diagnostic::new(Code::EncodingUnsure, at, problem).help(help));
        }
        Encoding::Ansi | Encoding::Utf16Le => {}
    }
    for section in &it.inf.sections {
        if section.name.chars().count() > MOST_NAME {
            let problem = format!("the section's name has more than {MOST_NAME} characters");
            it.say(Diagnostic::new(Code::TooLong, section.at, problem));
        }
        for again in section.again.iter().take(MOST) {
            let problem = format!("[{}] begins a second time", section.name);
            let help = format!("Windows adds these lines to those of line {}", section.at.line);
            it.say(Diagnostic::new(Code::SectionTwice, *again, problem).help(help));
        }
    }
}

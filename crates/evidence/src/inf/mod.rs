//! INF files: what a driver package installs, for which devices, and what is wrong with it.
//!
//! [`Inf::parse`] reads any bytes; [`check`] tells what Windows, or its tool InfVerif, would object to,
//! with line and column; [`Package`] says what is installed for which device, and [`rank`] which
//! of several packages Windows takes.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/overview-of-inf-files>

mod checks;
mod classes;
mod date;
mod diagnostic;
mod directives;
mod dirs;
mod further;
mod known;
mod lex;
mod near;
mod package;
mod plan;
mod rank;
mod registry;
mod story;
mod strings;
mod target;
mod text;

pub use checks::check;
pub use classes::class_guid;
pub use date::{Date, DriverVersion};
pub use diagnostic::{Code, Diagnostic, Severity};
pub use dirs::directory;
pub use further::Further;
pub use known::{meaning, system_inf};
pub use lex::{Entry, Field, Position, Section};
pub use package::{Maker, Model, Models, Package};
pub use plan::{Copy, Interface, Plan, Service};
pub use rank::{Device, Elsewhere, Node, Ranking, Signature, rank};
pub use registry::{Change, Root, Value};
pub use story::{Devices, Story};
pub use target::{Architecture, System, Target};
pub use text::Encoding;

use crate::Error;
use lex::{Lexer, Line};
use std::collections::HashMap;
use strings::Strings;

/// Bytes of an INF, at most. The longest of Windows have two million.
const MOST_BYTES: usize = 8 << 20;

/// A file, read.
#[derive(Clone, Debug)]
pub struct Inf {
    /// How it is encoded.
    pub encoding: Encoding,
    /// Its sections, in the order of their first headings.
    pub sections: Vec<Section>,
    /// Where each stands in `sections`, by its name in lower case.
    places: HashMap<String, usize>,
    /// The text, for excerpts.
    text: String,
    /// What was wrong with its form and its tokens.
    wrong: Vec<Diagnostic>,
    /// INFs that it includes and that were at hand, as they are called there.
    included: Vec<(String, Inf)>,
}

/// Whether `bytes` are an INF: a section called Version that holds a signature.
pub fn is_one(bytes: &[u8]) -> bool {
    // It comes first by convention, though behind comments of any length.
    let start = bytes.get(..bytes.len().min(1 << 16)).unwrap_or_default();
    let (text, _) = text::decode(start);
    let mut in_version = false;
    for line in text::lines(&text) {
        let line = line.trim_start();
        if line.starts_with('[') {
            let name = line.trim_start_matches('[').split(']').next().unwrap_or_default();
            in_version = name.trim().eq_ignore_ascii_case("version");
        } else if in_version {
            let key = line.split('=').next().unwrap_or_default();
            if key.trim().eq_ignore_ascii_case("signature") {
                return true;
            }
        }
    }
    false
}

impl Inf {
    /// Reads `bytes`.
    ///
    /// # Errors
    /// If there are more of them than any INF has, or if their tokens grow beyond all measure. Everything
    /// else that is wrong is told by [`check`].
    pub fn parse(bytes: &[u8]) -> Result<Inf, Error> {
        if bytes.len() > MOST_BYTES {
            let problem = format!("it is longer than any INF: {} bytes", bytes.len());
            return Err(Error::new(MOST_BYTES as u64, "file", problem));
        }
        let (text, encoding) = text::decode(bytes);
        let mut inf = Inf {
            encoding,
            sections: Vec::new(),
            places: HashMap::new(),
            text: String::new(),
            wrong: Vec::new(),
            included: Vec::new(),
        };
        inf.read(&text);
        let mut strings = Strings::of(&inf.sections, &mut inf.wrong);
        for section in &mut inf.sections {
            strings.put_in(section, &mut inf.wrong).map_err(|at| {
                let problem =
                    format!("at line {} tokens have grown to more than an INF can hold", at.line);
                Error::new(0, "strings", problem)
            })?;
        }
        for section in &mut inf.sections {
            section.index();
        }
        inf.text = text;
        Ok(inf)
    }

    fn read(&mut self, text: &str) {
        let lines = text::lines(text);
        let mut lexer = Lexer::new(&lines);
        let mut current = None;
        while let Some(line) = lexer.line() {
            match line {
                Line::Heading(name, at) => current = Some(self.open(name, at)),
                Line::Entry(entry) => {
                    match current.and_then(|index| self.sections.get_mut(index)) {
                        Some(section) => section.entries.push(entry),
                        None => {
                            let problem = "a line stands before the first section";
                            let it = Diagnostic::new(Code::LineBeforeSection, entry.at, problem);
                            self.wrong.push(it);
                        }
                    }
                }
            }
        }
        self.wrong.append(&mut lexer.wrong);
    }

    fn open(&mut self, name: String, at: Position) -> usize {
        let low = name.to_lowercase();
        if let Some(&index) = self.places.get(&low) {
            if let Some(section) = self.sections.get_mut(index) {
                section.again.push(at);
            }
            return index;
        }
        let index = self.sections.len();
        self.places.insert(low, index);
        self.sections.push(Section::new(name, at));
        index
    }

    /// INFs that its sections include, as they are called, each once.
    /// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-ddinstall-section>
    pub fn includes(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        let entries = self.sections.iter().flat_map(|section| section.with_key("Include"));
        for field in entries.flat_map(|entry| &entry.fields).filter(|it| !it.value.is_empty()) {
            if !all.iter().any(|it| it.eq_ignore_ascii_case(&field.value)) {
                all.push(&field.value);
            }
        }
        all
    }

    /// Takes an INF that is included under `name`: what Needs asks for is looked for there as well.
    pub fn include(&mut self, name: &str, other: Inf) {
        self.included.push((name.to_owned(), other));
    }

    /// The INF that is included under `name`, if it was at hand.
    pub fn included(&self, name: &str) -> Option<&Inf> {
        let found = self.included.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, inf)| inf)
    }

    /// Whether all of `names` are at hand, and no INF that is has the section: then nobody has it.
    fn has_all_without(&self, names: &[Field], section: &str) -> bool {
        names.iter().all(|name| self.included(&name.value).is_some())
            && !self.included.iter().any(|(_, inf)| inf.section(section).is_some())
    }

    /// The section of that name, in any case.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(*self.places.get(&name.to_lowercase())?)
    }

    /// The value of `key` in `[Version]`.
    pub fn version(&self, key: &str) -> Option<&Field> {
        self.section("Version")?.entry(key)?.field(0)
    }

    /// Line `number` of the file, from 1.
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        text::lines(&self.text).get(index).copied()
    }

    /// All lines of the file.
    pub fn lines(&self) -> Vec<&str> {
        text::lines(&self.text)
    }

    /// Which section Windows installs for an install section called `name` on `architecture`.
    /// <https://learn.microsoft.com/windows-hardware/drivers/install/creating-inf-files-for-multiple-platforms-and-operating-systems>
    pub fn actual(&self, name: &str, architecture: Architecture) -> Option<&Section> {
        let platform = |platform: &str| self.section(&format!("{name}.NT{platform}"));
        platform(architecture.name())
            .or_else(|| platform(target::ARCH_TOKEN))
            .or_else(|| platform(""))
            .or_else(|| self.section(name))
    }
}

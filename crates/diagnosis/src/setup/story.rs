//! A section, told: device, drivers to choose from, what was done, where the time went, what failed.

use super::candidate::{Candidate, file_name, judge};
use super::problem::{Problem, Problems, first_cause};
use super::stage::{Kind, Stages};
use super::{Stage, read};
use evidence::setup_log::{Brace, Entry, Level, Row, Section, text};
use serde::Serialize;

/// Entries of each list that are kept; what is beyond is counted.
pub const MOST_LISTED: usize = 200;

/// A list that a hostile log cannot make long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct List<T> {
    /// The first ones.
    pub items: Vec<T>,
    /// How many more there are.
    pub more: u64,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List { items: Vec::new(), more: 0 }
    }
}

impl<T: PartialEq> List<T> {
    /// Adds what is not there yet.
    pub fn add(&mut self, item: T) {
        if self.items.contains(&item) {
            return;
        }
        if self.items.len() < MOST_LISTED {
            self.items.push(item);
        } else {
            self.more += 1;
        }
    }
}

/// A line of an INF that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directive {
    /// INF.
    pub inf: String,
    /// Its line, from 1.
    pub line: u64,
    /// The directive with its values.
    pub text: String,
}

/// A service of the driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Name.
    pub name: String,
    /// `created`, `updated`, or empty where the log does not say.
    pub outcome: &'static str,
    /// When it starts, in words.
    pub start: String,
    /// Its image.
    pub image: String,
}

/// A device setup class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Class {
    /// GUID with its braces.
    pub guid: String,
    /// Name, where the log has it.
    pub name: String,
    /// `created`, or `set for the device`.
    pub what: &'static str,
}

/// What one section of a log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Story {
    /// Number of the section, from 1.
    pub number: u64,
    /// Line at which it begins.
    pub line: u64,
    /// The operation, in the log's words.
    pub title: String,
    /// What it is done to.
    pub instance: String,
    /// Whether a device is installed here.
    pub is_device: bool,
    /// Local time of the start; null where there is none.
    pub begun: Option<String>,
    /// Local time of the end.
    pub ended: Option<String>,
    /// Milliseconds that it took.
    pub millis: Option<u64>,
    /// `success`, `failure` or `unknown`, where the end is missing.
    pub outcome: &'static str,
    /// The end in the log's words.
    pub exit: String,
    /// The end's code in words.
    pub code: Option<super::Code>,
    /// Whether Windows has to be started again.
    pub reboot: bool,
    /// Who started it, in words.
    pub started_by: String,
    /// Command line of the program.
    pub command: String,
    /// Hardware IDs of the device, most specific first.
    pub hardware_ids: List<String>,
    /// Compatible IDs.
    pub compatible_ids: List<String>,
    /// Devices that were installed, by instance.
    pub devices: List<String>,
    /// Drivers to choose from.
    pub candidates: List<Candidate>,
    /// Whether all signatures count the same, by policy.
    pub signers_equal: bool,
    /// INF of the driver that was selected.
    pub driver: String,
    /// Its install section.
    pub driver_section: String,
    /// Name under which the package is published: `oem2.inf`.
    pub published: String,
    /// Properties of the driver that the log writes down: name and value.
    pub properties: List<(String, String)>,
    /// Who signed the package, and the score of that.
    pub signer: String,
    /// Whether the package has no catalog.
    pub no_catalog: bool,
    /// Whether the log says that nobody signed the package.
    pub unsigned: bool,
    /// Whether the device was given no driver.
    pub null_driver: bool,
    /// Sections of INFs that were carried out.
    pub inf_sections: List<String>,
    /// Lines of INFs.
    pub directives: List<Directive>,
    /// Services.
    pub services: List<Service>,
    /// Files that were put somewhere.
    pub files: List<String>,
    /// Changes of the registry.
    pub registry: List<String>,
    /// Interfaces of the device that were made.
    pub interfaces: List<String>,
    /// Classes.
    pub classes: List<Class>,
    /// Co-installers.
    pub co_installers: List<String>,
    /// Where the time went, in order.
    pub stages: Vec<Stage>,
    /// What went wrong, in order.
    pub problems: Vec<Problem>,
    /// Problems that are left out.
    pub problems_left_out: u64,
}

impl Story {
    /// The first cause of what went wrong.
    pub fn cause(&self) -> Option<&Problem> {
        first_cause(&self.problems)
    }

    /// Whether something went wrong that was not got over.
    pub fn is_wrong(&self) -> bool {
        self.outcome == "failure" || self.cause().is_some()
    }

    /// Milliseconds that went into stages of this kind.
    pub fn spent(&self, kind: Kind) -> u64 {
        self.stages.iter().filter(|stage| stage.kind == kind).map(|stage| stage.millis).sum()
    }

    /// Milliseconds of each stage's title, longest first.
    pub fn by_time(&self) -> Vec<&Stage> {
        let mut all: Vec<&Stage> = self.stages.iter().collect();
        all.sort_by_key(|stage| std::cmp::Reverse(stage.millis));
        all
    }
}

/// Whether a section installs a device.
pub fn is_device(section: &Section) -> bool {
    // Setup writes `Setup online Device Install (Hardware initiated)`.
    section.name.contains("Device Install (") || section.name == "Device Install"
}

/// What is open while a section is read.
struct Teller {
    story: Story,
    problems: Problems,
    stages: Stages,
    /// Titles of the open groups, outermost first.
    groups: Vec<String>,
    facts: read::Facts,
}

/// Groups inside each other that are followed; more are a damaged log.
const DEEPEST: usize = 200;

/// Tells a section of `data`.
pub fn tell(section: &Section, data: &[u8]) -> Story {
    let mut teller = Teller {
        story: Story {
            number: section.number,
            line: section.line,
            title: section.name.clone(),
            instance: section.instance.clone(),
            is_device: is_device(section),
            begun: section.begun.map(|stamp| stamp.to_string()),
            ended: section.ended.map(|stamp| stamp.to_string()),
            millis: section.millis(),
            outcome: match section.success {
                Some(true) => "success",
                Some(false) => "failure",
                None => "unknown",
            },
            exit: section.exit.clone(),
            code: section
                .code
                .filter(|code| *code != 0)
                .map(|code| super::codes::in_words(code, None)),
            reboot: section.exit.contains("REBOOT"),
            ..Story::default()
        },
        problems: Problems::default(),
        stages: Stages::default(),
        groups: Vec::new(),
        facts: read::Facts::default(),
    };
    for line in section.lines(data) {
        match line.row() {
            Row::StartTime(Some(stamp)) => teller.stages.begin(stamp.clock, line.number),
            Row::EndTime(Some(stamp)) => {
                let around = teller.groups.last().cloned().unwrap_or_default();
                // The wizard's group closes before its window: the gap is still its own.
                let around =
                    if around.is_empty() { teller.facts.last_group.clone() } else { around };
                teller.stages.time(stamp.clock, line.number, &around, "", false);
            }
            Row::Entry(entry) => teller.entry(line.number, &entry),
            _ => {}
        }
    }
    teller.finish(section)
}

impl Teller {
    fn entry(&mut self, number: u64, entry: &Entry<'_>) {
        let message = text(entry.message);
        let message = message.trim_end();
        let around = self.groups.last().cloned().unwrap_or_default();
        match entry.brace {
            Some(Brace::Open(title)) => {
                let title = text(title).into_owned();
                self.time(number, entry, &around, &title, true);
                self.facts.group(&title, &mut self.story);
                self.problems.open();
                if self.groups.len() < DEEPEST {
                    self.groups.push(title);
                }
            }
            Some(Brace::Close { title, code }) => {
                let title = text(title).into_owned();
                let opened = self.groups.pop().unwrap_or_default();
                let name = if title.is_empty() { opened.clone() } else { title };
                self.time(number, entry, &around, &name, false);
                self.problems.close(number, &name, code);
                self.facts.last_group = opened;
            }
            None => {
                self.stages.note(message);
                let goes_on = !message.contains("completed") && !message.ends_with("Exit");
                self.time(number, entry, &around, message, goes_on);
                self.problems.entry(number, entry.level, message);
                let category = text(entry.category);
                self.facts.entry(&category, entry.indent, message, &mut self.story);
            }
        }
        if entry.level != Level::Information && entry.brace.is_some() {
            self.problems.entry(number, entry.level, message);
        }
    }

    fn time(&mut self, number: u64, entry: &Entry<'_>, around: &str, what: &str, opens: bool) {
        if let Some(clock) = entry.clock {
            self.stages.time(clock, number, around, what, opens);
        }
    }

    fn finish(mut self, section: &Section) -> Story {
        let success = section.success == Some(true);
        self.story.problems_left_out = self.problems.left_out;
        self.story.problems = self.problems.finish(success);
        self.story.stages = self.stages.finish();
        let mut story = self.story;
        let selected =
            (!story.driver.is_empty()).then_some((&*story.driver, &*story.driver_section));
        judge(&mut story.candidates.items, selected);
        if story.driver.is_empty()
            && let Some(won) = story.candidates.items.iter().find(|it| it.won)
        {
            (story.driver, story.driver_section) = (won.inf.clone(), won.section.clone());
        }
        story.started_by = started_by(&story);
        story
    }
}

/// Who started it: by the operation and the command line.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/overview-of-device-and-driver-installation>
fn started_by(story: &Story) -> String {
    let program = program(&story.command);
    let by_program = |what: &str| match program {
        "" => format!("a program, by {what}"),
        program => format!("{program}, by {what}"),
    };
    let inside = story.title.split_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
    match inside {
        Some("Hardware initiated") => "Plug and Play: the device appeared".to_owned(),
        Some("DiShowUpdateDevice") => match program {
            "" => "a person, with the wizard that updates drivers".to_owned(),
            "mmc.exe" => {
                "a person in Device Manager, with the wizard that updates drivers".to_owned()
            }
            program => format!("a person in {program}, with the wizard that updates drivers"),
        },
        Some(function)
            if function.chars().all(|c| c.is_ascii_alphanumeric()) && !function.is_empty() =>
        {
            by_program(function)
        }
        _ if !program.is_empty() => program.to_owned(),
        _ => "Windows".to_owned(),
    }
}

/// File name of the program in a command line.
fn program(command: &str) -> &str {
    let command = command.trim();
    let path = match command.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or(rest),
        None => {
            // A path without quotes may have blanks; what it ends with tells where it ends.
            let low = command.to_ascii_lowercase();
            match low.find(".exe") {
                Some(at) => command.get(..at + 4).unwrap_or(command),
                None => command.split(' ').next().unwrap_or(command),
            }
        }
    };
    file_name(path)
}

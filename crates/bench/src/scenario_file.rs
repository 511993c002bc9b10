//! Scenarios written as TOML: actors, their steps, and what has to come of them.
//!
//! ```toml
//! name = "write-then-read"
//! prepare = [{ open = "write", as = "file" }]
//! order = ["first", "second"]
//!
//! [[actor]]
//! name = "writer"
//! repeat = 2
//! steps = [
//!     { write = { text = "abcd" }, file = "file", as = "first", wait = false },
//!     { ioctl = 0x222000, file = "file", in = { hex = "01 02" }, out = 16, expect = { status = 0 } },
//!     { sleep = 10 },
//! ]
//! ```
//!
//! The parser takes text and says line and column, and what is allowed there. Whatever a step names
//! that is not open or was not started is passed over, as in the battery.

use crate::scenario::{Scenario, Step};
use crate::scenario_steps::{Expect, Script, Scripted, Verb};
use kernel::io::request::{OPEN_FOR_READ, OPEN_FOR_WRITE, Transfer, major};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Stands between a scenario's name and the hash of its text.
pub(crate) const FILE: &str = ".file-";
/// Most steps of a scenario, repetitions counted.
const MOST_STEPS: usize = 4_000;
/// Most actors, parallel ones counted.
const MOST_ACTORS: usize = 8;
/// Most bytes of a buffer.
const MOST_BYTES: u64 = kernel::io::request::MOST_BYTES;

/// A text that is no scenario: where, and what would be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadScenario {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl fmt::Display for BadScenario {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

impl std::error::Error for BadScenario {}

/// Where in the text, and what is wrong there.
type Problem = (Range<usize>, String);
type Value<'a> = Spanned<DeValue<'a>>;

fn bad<T>(at: &Range<usize>, problem: impl Into<String>) -> Result<T, Problem> {
    Err((at.clone(), problem.into()))
}

/// Reads a scenario. Its name gets the hash of its text, so that a token fits this text only.
pub(crate) fn read(text: &str) -> Result<Scenario, BadScenario> {
    let place = |(span, problem): Problem| {
        let before = text.get(..span.start.min(text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        BadScenario { line, column, problem }
    };
    let table = DeTable::parse(text)
        .map_err(|error| place((error.span().unwrap_or(0..0), error.message().to_owned())))?;
    let mut scenario = Reader::default().scenario(&table).map_err(place)?;
    let hash = crate::token::image_hash(text.as_bytes());
    scenario.name = format!("{}{FILE}{hash:08x}", scenario.name);
    Ok(scenario)
}

/// What has been read so far: names of handles and requests become the steps that make them.
#[derive(Default)]
struct Reader {
    steps: Vec<Scripted>,
    names: Vec<(String, u16)>,
}

/// The entries of a table, each of which must be one of those allowed.
fn entries<'a, 't>(
    table: &'t Value<'a>,
    what: &str,
    allowed: &[&str],
) -> Result<Vec<(&'t str, &'t Value<'a>)>, Problem> {
    let DeValue::Table(entries) = table.get_ref() else {
        return bad(&table.span(), format!("{what} is a table"));
    };
    checked(entries, what, allowed)
}

fn checked<'a, 't>(
    table: &'t DeTable<'a>,
    what: &str,
    allowed: &[&str],
) -> Result<Vec<(&'t str, &'t Value<'a>)>, Problem> {
    let mut found: Vec<(Range<usize>, &str, &Value)> = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        if !allowed.contains(&name) {
            return bad(
                &key.span(),
                format!("{what} has no `{name}`; it may have {}", list(allowed)),
            );
        }
        found.push((key.span(), name, value));
    }
    found.sort_by_key(|(span, ..)| span.start);
    Ok(found.into_iter().map(|(_, name, value)| (name, value)).collect())
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn text<'t>(value: &'t Value<'_>, what: &str) -> Result<&'t str, Problem> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => bad(&value.span(), format!("{what} is a string")),
    }
}

fn array<'a, 't>(value: &'t Value<'a>, what: &str) -> Result<Vec<&'t Value<'a>>, Problem> {
    match value.get_ref() {
        DeValue::Array(values) => Ok(values.iter().collect()),
        _ => bad(&value.span(), format!("{what} is an array")),
    }
}

fn number(value: &Value<'_>, what: &str, most: u64) -> Result<u64, Problem> {
    let problem = || format!("{what} is a number from 0 to {most}");
    let DeValue::Integer(digits) = value.get_ref() else { return bad(&value.span(), problem()) };
    let clean = digits.as_str().replace('_', "");
    match u64::from_str_radix(&clean, digits.radix()) {
        Ok(number) if number <= most => Ok(number),
        _ => bad(&value.span(), problem()),
    }
}

/// A name that may stand in a token.
fn name(value: &Value<'_>, what: &str) -> Result<String, Problem> {
    let name = text(value, what)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 60 || !name.chars().all(plain) {
        return bad(&value.span(), format!("{what} has up to 60 letters, digits, `-` and `_`"));
    }
    Ok(name.to_owned())
}

/// Bytes: `{ text = ".." }` or `{ hex = ".." }`.
fn bytes(value: &Value<'_>, what: &str) -> Result<Vec<u8>, Problem> {
    let given = entries(value, what, &["text", "hex"])?;
    let [(key, value)] = given[..] else {
        return bad(&value.span(), format!("{what} has `text` or `hex`"));
    };
    let content = text(value, what)?;
    if key == "text" {
        return Ok(content.as_bytes().to_vec());
    }
    let digits: Option<Vec<u8>> = content
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => bad(&value.span(), "hex digits come in pairs, with spaces between bytes if wanted"),
    }
}

/// A number of bytes, to be filled with a pattern, or the bytes themselves.
type Buffer = (u64, Option<Arc<[u8]>>);

fn buffer(value: &Value<'_>, what: &str) -> Result<Buffer, Problem> {
    match value.get_ref() {
        DeValue::Integer(_) => Ok((number(value, what, MOST_BYTES)?, None)),
        DeValue::Table(_) => {
            let bytes = bytes(value, what)?;
            Ok((bytes.len() as u64, Some(bytes.into())))
        }
        _ => bad(
            &value.span(),
            format!("{what} is a number of bytes, `{{ text = \"..\" }}` or `{{ hex = \"..\" }}`"),
        ),
    }
}

/// A status: a number, or its name.
fn status(value: &Value<'_>) -> Result<u32, Problem> {
    if let DeValue::String(name) = value.get_ref() {
        return match nt::status::by_name(name) {
            Some(code) => Ok(code),
            None => bad(&value.span(), format!("no status known here is called `{name}`")),
        };
    }
    Ok(number(value, "a status", u64::from(u32::MAX))? as u32)
}

fn expect(value: &Value<'_>) -> Result<Expect, Problem> {
    let mut expect = Expect::default();
    for (key, value) in entries(value, "`expect`", &["status", "information", "data"])? {
        match key {
            "status" => expect.status = Some(status(value)?),
            "information" => expect.information = Some(number(value, "`information`", u64::MAX)?),
            _ => expect.data = Some(bytes(value, "`data`")?.into()),
        }
    }
    Ok(expect)
}

const VERBS: &[&str] = &[
    "open",
    "read",
    "write",
    "ioctl",
    "internal-ioctl",
    "cancel",
    "close",
    "end-of-file",
    "sleep",
    "pnp",
    "wait-for",
];
const DETAILS: &[&str] = &["as", "file", "in", "out", "offset", "wait", "cancelled", "expect"];

impl Reader {
    fn scenario(mut self, table: &Spanned<DeTable<'_>>) -> Result<Scenario, Problem> {
        let top = ["name", "about", "prepare", "order", "actor"];
        let (mut title, mut prepare, mut order) = (None, Vec::new(), Vec::new());
        let mut actors: Vec<(String, Vec<Step>)> = Vec::new();
        for (key, value) in checked(table.get_ref(), "a scenario", &top)? {
            match key {
                "name" => title = Some(name(value, "a scenario's `name`")?),
                "about" => drop(text(value, "`about`")?),
                "prepare" => prepare = self.steps(value, 1)?,
                "order" => order = array(value, "`order`")?,
                _ => {
                    for actor in array(value, "`actor`: write `[[actor]]`; it")? {
                        self.actor(actor, &mut actors)?;
                        if actors.len() > MOST_ACTORS {
                            let most = format!("a scenario has up to {MOST_ACTORS} actors");
                            return bad(&actor.span(), most);
                        }
                    }
                }
            }
        }
        let Some(title) = title else { return bad(&(0..0), "a scenario has a `name`") };
        if actors.is_empty() {
            return bad(&(0..0), "a scenario has at least one `[[actor]]`");
        }
        let mut tags = Vec::new();
        for value in order {
            tags.push(self.named(value)?);
        }
        let script = Script { steps: self.steps, order: tags };
        Ok(Scenario { script: Some(Arc::new(script)), prepare, ..Scenario::new(&title, actors) })
    }

    fn actor(
        &mut self,
        value: &Value<'_>,
        actors: &mut Vec<(String, Vec<Step>)>,
    ) -> Result<(), Problem> {
        let allowed = ["name", "repeat", "parallel", "steps"];
        let (mut called, mut repeat, mut parallel) = (None, 1, 1);
        let mut steps = None;
        for (key, value) in entries(value, "an actor", &allowed)? {
            match key {
                "name" => called = Some(text(value, "an actor's `name`")?.to_owned()),
                "repeat" => repeat = number(value, "`repeat`", 1000)?,
                "parallel" => parallel = number(value, "`parallel`", MOST_ACTORS as u64)?,
                _ => steps = Some(value),
            }
        }
        let Some(steps) = steps else { return bad(&value.span(), "an actor has `steps`") };
        let called = called.unwrap_or_else(|| format!("actor {}", actors.len() + 1));
        let steps = self.steps(steps, repeat as usize)?;
        for index in 0..parallel {
            let called = match index {
                0 => called.clone(),
                index => format!("{called} {}", index + 1),
            };
            actors.push((called, steps.clone()));
        }
        Ok(())
    }

    fn steps(&mut self, value: &Value<'_>, repeat: usize) -> Result<Vec<Step>, Problem> {
        let mut once = Vec::new();
        for step in array(value, "`steps` and `prepare`: what holds steps")? {
            once.push(self.step(step)?);
        }
        if once.len() * repeat > MOST_STEPS {
            return bad(&value.span(), format!("a scenario has up to {MOST_STEPS} steps"));
        }
        Ok(once.repeat(repeat))
    }

    /// The step that a name stands for.
    fn named(&self, value: &Value<'_>) -> Result<u16, Problem> {
        let wanted = text(value, "a name given with `as`")?;
        match self.names.iter().rev().find(|(known, _)| known == wanted) {
            Some((_, tag)) => Ok(*tag),
            None => {
                let known: Vec<&str> = self.names.iter().map(|(name, _)| name.as_str()).collect();
                let known = match known.is_empty() {
                    true => "no step above has an `as`".to_owned(),
                    false => format!("steps above are called {}", list(&known)),
                };
                bad(&value.span(), format!("nothing is called `{wanted}`; {known}"))
            }
        }
    }

    fn step(&mut self, value: &Value<'_>) -> Result<Step, Problem> {
        let allowed = [VERBS, DETAILS].concat();
        let given = entries(value, "a step", &allowed)?;
        let verbs: Vec<_> = given.iter().filter(|(key, _)| VERBS.contains(key)).collect();
        let [&(verb, what)] = verbs[..] else {
            return bad(&value.span(), format!("a step has exactly one of {}", list(VERBS)));
        };
        let tag = self.steps.len() as u16 + 1;
        let line = format!("`{verb}`");
        let mut step = Scripted::new(tag, line);
        let (mut input, mut output) = ((0, None), 0);
        for &(key, value) in given.iter().filter(|(key, _)| DETAILS.contains(key)) {
            let transfers = matches!(verb, "read" | "write" | "ioctl" | "internal-ioctl");
            let fits = match key {
                "as" | "expect" => transfers || verb == "open",
                "in" | "out" => verb.ends_with("ioctl"),
                "offset" => matches!(verb, "read" | "write"),
                "wait" | "cancelled" => transfers,
                _ => transfers || verb == "end-of-file",
            };
            if !fits {
                return bad(&value.span(), format!("`{verb}` has no `{key}`"));
            }
            match key {
                "as" => {
                    let called = name(value, "`as`")?;
                    step.said = format!("{} `{called}`", step.said);
                    self.names.push((called, tag));
                }
                "file" => step.file = self.named(value)?,
                "in" => input = buffer(value, "`in`")?,
                "out" => output = number(value, "`out`", MOST_BYTES)?,
                "offset" => step.offset = number(value, "`offset`", i64::MAX as u64)?,
                "expect" => step.expect = expect(value)?,
                _ => match value.get_ref() {
                    DeValue::Boolean(yes) if key == "wait" => step.waits = *yes,
                    DeValue::Boolean(yes) => step.cancelled = *yes,
                    _ => return bad(&value.span(), format!("`{key}` is `true` or `false`")),
                },
            }
        }
        if !step.waits && step.expect != Expect::default() {
            let problem = "a step that does not wait expects nothing; use `wait-for` and `order`";
            return bad(&value.span(), problem);
        }
        let offset = step.offset;
        let data = |major, code, input, output| {
            let pointers = Default::default();
            Verb::Transfer(Transfer { major, code, input, output, offset, pointers })
        };
        step.verb = match verb {
            "open" => match text(what, "`open`")? {
                "read" => Verb::Open(OPEN_FOR_READ),
                "write" => Verb::Open(OPEN_FOR_WRITE),
                "read-write" => Verb::Open(OPEN_FOR_READ | OPEN_FOR_WRITE),
                _ => return bad(&what.span(), "`open` is `read`, `write` or `read-write`"),
            },
            "read" => data(major::READ, 0, 0, number(what, "`read`", MOST_BYTES)?),
            "write" => {
                let (length, content) = buffer(what, "`write`")?;
                step.data = content;
                data(major::WRITE, 0, 0, length)
            }
            "ioctl" | "internal-ioctl" => {
                let code = number(what, "a control code", u64::from(u32::MAX))? as u32;
                let major = match verb {
                    "ioctl" => major::DEVICE_CONTROL,
                    _ => major::INTERNAL_DEVICE_CONTROL,
                };
                step.data = input.1;
                data(major, code, input.0, output)
            }
            "cancel" => Verb::Cancel(self.named(what)?),
            "close" => Verb::Close(self.named(what)?),
            "end-of-file" => Verb::EndOfFile(number(what, "`end-of-file`", i64::MAX as u64)?),
            "sleep" => Verb::Sleep(number(what, "`sleep`, in milliseconds,", 3_600_000)?),
            "wait-for" => Verb::WaitFor(self.named(what)?),
            _ => return verb_of_the_managers(what),
        };
        self.steps.push(step);
        Ok(Step::Scripted { step: tag - 1 })
    }
}

/// What the PnP manager and the loader do.
fn verb_of_the_managers(what: &Value<'_>) -> Result<Step, Problem> {
    const ALL: [(&str, Step); 8] = [
        ("stop-start", Step::StopStart),
        ("query-stop", Step::QueryStop),
        ("surprise-removal", Step::Surprise),
        ("remove", Step::Remove),
        ("unload", Step::Unload),
        ("reload", Step::Reload),
        ("cancel-all", Step::CancelAll),
        ("close-all", Step::CloseAll),
    ];
    let wanted = text(what, "`pnp`")?;
    match ALL.iter().find(|(name, _)| *name == wanted) {
        Some(&(_, step)) => Ok(step),
        None => {
            let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
            bad(&what.span(), format!("`pnp` is one of {}", list(&names)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        name = "a"
        prepare = [{ open = "write", as = "f" }]
        order = ["x", "y"]
        [[actor]]
        repeat = 3
        parallel = 2
        steps = [
            { write = { hex = "01 02" }, file = "f", as = "x", expect = { status = "STATUS_SUCCESS" } },
            { read = 4, file = "f", as = "y", wait = false },
            { sleep = 5 },
            { pnp = "query-stop" },
            { ioctl = 0x22_2000, file = "f", in = { text = "hi" }, out = 8 },
        ]
    "#;

    #[test]
    fn a_scenario_is_read() {
        let scenario = read(GOOD).unwrap();
        assert!(scenario.name.starts_with("a.file-"), "{}", scenario.name);
        assert_eq!(scenario.actors.len(), 2);
        assert_eq!(scenario.actors[0].1.len(), 15);
        let script = scenario.script.unwrap();
        assert_eq!(script.order, [2, 3]);
        assert_eq!(script.steps[1].data.as_deref(), Some(&[1, 2][..]));
        assert_eq!(script.steps[1].file, 1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_is_allowed() {
        let scenario = |step: &str| format!("name = \"a\"\n[[actor]]\nsteps = [{{ {step} }}]\n");
        for (text, line, column, word) in [
            ("name = \"a\"\n".to_owned(), 1, 1, "[[actor]]"),
            ("nome = \"a\"\n".to_owned(), 1, 1, "`name`"),
            ("name = ".to_owned(), 1, 8, ""),
            (scenario("raed = 4"), 3, 12, "`read`"),
            (scenario("read = 4, write = 4"), 3, 10, "exactly one"),
            (scenario("read = 4, in = 4"), 3, 27, "no `in`"),
            (scenario("read = -1"), 3, 19, "0 to"),
            (scenario("close = \"f\""), 3, 20, "nothing is called `f`"),
            (scenario("pnp = \"stop\""), 3, 18, "`stop-start`"),
            (scenario("write = { hex = \"0\" }"), 3, 28, "pairs"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.problem.contains(word), "{text}: {error}");
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        }
    }
}

//! Scenarios written as TOML: actors, their steps, and what has to come of them.
//! `scenarios/README.md` is the reference, `scenarios/standard` holds the battery.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod` | a scenario and its actors, read |
//! | `step` | a step, read |
//! | `values` | numbers, names, bytes and tables, read |
//! | `needs` | what a driver may have, and scenarios ask for |
//! | `written` | a scenario for any driver, and the one for a certain driver |
//!
//! The reader takes text and says line and column, and what is allowed there.

mod needs;
mod step;
#[cfg(test)]
mod tests;
mod values;
mod written;

pub(crate) use written::Written;

use kernel::pnp::manager::Stack;
use needs::needs;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use values::{array, checked, entries, flag, name, number, text};
use written::{Item, WrittenActor};

/// Stands between a scenario's name and the hash of its text.
pub(crate) const FILE: &str = ".file-";
/// Stands between a scenario's name and the hash of what was prepared before it.
pub(crate) const PREPARED: &str = ".prepared-";
/// Stands in a scenario's name for the control code that the scenario is for.
const CODE: &str = "{code}";
/// Most steps of an actor, all repetitions counted.
const MOST_STEPS: usize = 4_000;
/// Most actors, parallel ones counted.
const MOST_ACTORS: usize = 8;

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

/// A step, by where its text begins.
type Id = usize;

fn bad<T>(at: &Range<usize>, problem: impl Into<String>) -> Result<T, Problem> {
    Err((at.clone(), problem.into()))
}

/// Line and column of a place in a text, both from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// Reads a scenario.
pub(crate) fn read(whole: &str) -> Result<Written, BadScenario> {
    let told = |(span, problem): Problem| {
        let (line, column) = place(whole, span.start);
        BadScenario { line, column, problem }
    };
    let table = DeTable::parse(whole)
        .map_err(|error| told((error.span().unwrap_or(0..0), error.message().to_owned())))?;
    scenario(whole, table.get_ref()).map_err(told)
}

/// A scenario of the user's own. Its name gets the hash of its text, so that a token fits this text
/// only.
pub(crate) fn read_own(text: &str) -> Result<Written, BadScenario> {
    let mut written = read(text)?;
    let hash = crate::token::image_hash(text.as_bytes());
    written.name = format!("{}{FILE}{hash:08x}", written.name);
    Ok(written)
}

/// Steps to be done before those of any other scenario, and what they are called in names.
pub(crate) fn read_preparation(text: &str) -> Result<Written, BadScenario> {
    let told = |(span, problem): Problem| {
        let (line, column) = place(text, span.start);
        BadScenario { line, column, problem }
    };
    let table = DeTable::parse(text)
        .map_err(|error| told((error.span().unwrap_or(0..0), error.message().to_owned())))?;
    let mut written = preparation(text, table.get_ref()).map_err(told)?;
    written.name = format!("{PREPARED}{:08x}", crate::token::image_hash(text.as_bytes()));
    Ok(written)
}

fn preparation(whole: &str, table: &DeTable<'_>) -> Result<Written, Problem> {
    let given = checked(table, "a preparation", &["about", "prepare"])?;
    let about =
        given.get("about").map(|value| text(value, "`about`")).transpose()?.unwrap_or_default();
    let (names, waited_for) = named(table)?;
    let mut reader = Reader { text: whole, names, waited_for, for_code: false, opened: false };
    let Some(prepare) = given.get("prepare") else {
        return bad(&(0..0), "a preparation has `prepare`, with steps");
    };
    let prepare = reader.steps(prepare, "`prepare`", 1)?;
    Ok(Written { about: about.to_owned(), prepare, ..Written::default() })
}

/// What is known of a text while its steps are read.
struct Reader<'a> {
    text: &'a str,
    /// Names that steps have, anywhere in the text.
    names: Vec<Named<'a>>,
    /// Those among them that a `wait-for` names.
    waited_for: Vec<&'a str>,
    /// The scenario is for one control code.
    for_code: bool,
    /// The steps at hand have opened a handle.
    opened: bool,
}

/// A name, the step that has it, and whether that one opens a handle.
struct Named<'a> {
    name: &'a str,
    step: Id,
    opens: bool,
}

fn scenario(whole: &str, table: &DeTable<'_>) -> Result<Written, Problem> {
    const ALLOWED: &[&str] = &[
        "name", "about", "needs", "unless", "for-each", "at-most", "filters", "resident",
        "prepare", "order", "actor",
    ];
    let given = checked(table, "a scenario", ALLOWED)?;
    let Some(title) = given.get("name") else { return bad(&(0..0), "a scenario has a `name`") };
    let about =
        given.get("about").map(|value| text(value, "`about`")).transpose()?.unwrap_or_default();
    let (needs, each) = needs(&given)?;
    let (names, waited_for) = named(table)?;
    let flag = |key: &str| match given.get(key) {
        Some(value) => flag(value, &format!("`{key}`")),
        None => Ok(false),
    };
    let mut reader =
        Reader { text: whole, names, waited_for, for_code: each.is_some(), opened: false };
    let mut written = Written {
        name: reader.title(title)?,
        about: about.to_owned(),
        needs,
        each,
        stack: Stack { filters: flag("filters")?, resident: flag("resident")? },
        ..Written::default()
    };
    if let Some(prepare) = given.get("prepare") {
        written.prepare = reader.steps(prepare, "`prepare`", 1)?;
    }
    let Some(actors) = given.get("actor") else {
        return bad(&(0..0), "a scenario has at least one `[[actor]]`");
    };
    let mut count = 0;
    for value in array(actors, "`actor`: write `[[actor]]`; it")? {
        let actor = reader.actor(value, written.actors.len())?;
        count += actor.parallel;
        if count > MOST_ACTORS {
            return bad(&value.span(), format!("a scenario has up to {MOST_ACTORS} actors"));
        }
        written.actors.push(actor);
    }
    if let Some(order) = given.get("order") {
        for value in array(order, "`order`")? {
            written.order.push(reader.named(value)?.step);
        }
    }
    Ok(written)
}

/// All names of steps, no name twice, and those that somebody waits for. What is no step is found to be so when it is read.
fn named<'a>(table: &'a DeTable<'_>) -> Result<(Vec<Named<'a>>, Vec<&'a str>), Problem> {
    let inner = |value: &'a Value<'_>| match value.get_ref() {
        DeValue::Array(values) => values.iter().collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let mut steps = table.get("prepare").map(inner).unwrap_or_default();
    for actor in table.get("actor").map(inner).unwrap_or_default() {
        if let DeValue::Table(actor) = actor.get_ref() {
            steps.extend(actor.get("steps").map(inner).unwrap_or_default());
        }
    }
    let mut names: Vec<Named<'a>> = Vec::new();
    let mut waited_for = Vec::new();
    for value in steps {
        let DeValue::Table(step) = value.get_ref() else { continue };
        if let Some(DeValue::String(name)) = step.get("wait-for").map(Spanned::get_ref) {
            waited_for.push(&name[..]);
        }
        let Some(called) = step.get("as") else { continue };
        let name = text(called, "`as`")?;
        if names.iter().any(|known| known.name == name) {
            return bad(&called.span(), format!("another step is called `{name}` already"));
        }
        names.push(Named { name, step: value.span().start, opens: step.contains_key("open") });
    }
    Ok((names, waited_for))
}

impl Reader<'_> {
    /// The scenario's name; that of one for each control code says where the code goes.
    fn title(&self, value: &Value<'_>) -> Result<String, Problem> {
        let whole = text(value, "a scenario's `name`")?;
        match (self.for_code, whole.matches(CODE).count()) {
            (false, 0) => name(value, whole, "a scenario's `name`"),
            (true, 1) => {
                name(value, &whole.replace(CODE, "0"), "a scenario's `name`")?;
                Ok(whole.to_owned())
            }
            (true, _) => bad(
                &value.span(),
                format!("the `name` of a scenario with `for-each` has `{CODE}` in it, once"),
            ),
            (false, _) => {
                bad(&value.span(), format!("`{CODE}` is for names of scenarios with `for-each`"))
            }
        }
    }

    fn actor(&mut self, value: &Value<'_>, before: usize) -> Result<WrittenActor, Problem> {
        const ALLOWED: &[&str] = &["name", "needs", "unless", "repeat", "parallel", "steps"];
        let given = entries(value, "an actor", ALLOWED)?;
        let count = |key, most| match given.get(key) {
            Some(value) => number(value, &format!("`{key}`"), 1, most),
            None => Ok(1),
        };
        let called = match given.get("name") {
            Some(value) => text(value, "an actor's `name`")?.to_owned(),
            None => format!("actor {}", before + 1),
        };
        let repeat = count("repeat", 1000)? as usize;
        let parallel = count("parallel", MOST_ACTORS as u64)? as usize;
        let Some(steps) = given.get("steps") else {
            return bad(&value.span(), "an actor has `steps`");
        };
        let steps = self.steps(steps, "`steps`", repeat)?;
        Ok(WrittenActor { name: called, needs: needs(&given)?.0, steps, repeat, parallel })
    }

    fn steps(
        &mut self,
        value: &Value<'_>,
        what: &str,
        repeat: usize,
    ) -> Result<Vec<Item>, Problem> {
        self.opened = false;
        let mut items = Vec::new();
        for step in array(value, what)? {
            items.push(self.step(step)?);
        }
        let most: usize = items.iter().map(Item::most).sum();
        if most * repeat > MOST_STEPS {
            let problem = format!(
                "an actor has up to {MOST_STEPS} steps, lists and repetitions counted; these are {}",
                most * repeat
            );
            return bad(&value.span(), problem);
        }
        Ok(items)
    }
}

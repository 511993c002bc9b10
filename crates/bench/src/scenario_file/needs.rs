//! What a driver may have, and what scenarios, actors and steps ask for.

use super::values::{Given, array, list, number, one_of, text};
use super::{Problem, Value, bad};
use crate::battery::Abilities;
use devices::Fault;
use kernel::io::notices::Notice;
use kernel::io::request::major;
use toml::de::DeValue;

/// Whether a driver has something.
type Met = fn(&Abilities) -> bool;

/// What a driver may have: its name in scenarios, what it means, and how it is known.
pub(crate) const NEEDS: &[(&str, &str, Met)] = &[
    ("open", "a device that can be opened", |driver| driver.opens),
    ("read", "a routine for reads", |driver| driver.has(major::READ)),
    ("write", "a routine for writes", |driver| driver.has(major::WRITE)),
    ("control", "a routine for I/O controls", |driver| driver.has(major::DEVICE_CONTROL)),
    ("internal-control", "a routine for internal I/O controls", |driver| {
        driver.has(major::INTERNAL_DEVICE_CONTROL)
    }),
    ("set-information", "a routine for setting a file's properties", |driver| {
        driver.has(major::SET_INFORMATION)
    }),
    ("control-code", "a control code that it takes", |driver| {
        driver.has(major::DEVICE_CONTROL) && !driver.codes.is_empty()
    }),
    ("neither-io", "reads and writes that come with the caller's own pointers", |driver| {
        driver.neither
    }),
    ("pnp", "an AddDevice routine", |driver| driver.pnp),
    ("unload", "an unload routine", |driver| driver.unloads),
    ("start-io", "a StartIo routine", |driver| driver.start_io),
    ("told-of-shutdown", "a device registered for the shutdown", |driver| {
        driver.is_told_of(Notice::Shutdown)
    }),
    ("told-of-processes", "a routine registered for processes, threads or images", |driver| {
        driver.is_told_of(Notice::Process)
    }),
    ("told-of-interfaces", "a routine registered for Plug and Play events", |driver| {
        driver.is_told_of(Notice::PlugPlay)
    }),
    (
        "told-of-power-source",
        "a routine registered with the callback object PowerState",
        |driver| driver.is_told_of(Notice::PowerState),
    ),
    ("told-of-power-settings", "a routine registered for a power setting", |driver| {
        driver.is_told_of(Notice::PowerSetting)
    }),
    ("told-of-registry", "a routine registered for uses of the registry", |driver| {
        driver.is_told_of(Notice::Registry)
    }),
    ("wmi", "a device registered with WMI", |driver| driver.is_told_of(Notice::Wmi)),
    ("idle", "idle detection that is on", |driver| driver.idles),
    ("other-type", "a device type that is not its physical device object's", |driver| {
        driver.other_type
    }),
    ("bus", "devices on a bus of its own", |driver| driver.children),
    ("interrupt-line", "a service routine on an interrupt line", |driver| driver.line),
    ("interrupt", "a service routine", |driver| !driver.faults.is_empty()),
    (
        "short-transfers",
        "a service routine, and a device whose operations may end short",
        |driver| driver.faults.contains(&Fault::Short),
    ),
    (
        "reordered-transfers",
        "a service routine, and a device whose operations may swap",
        |driver| driver.faults.contains(&Fault::Reordered),
    ),
    (
        "late-transfers",
        "a service routine, and a device whose operations may be told of late",
        |driver| driver.faults.contains(&Fault::Late),
    ),
    (
        "far-side",
        "a service routine, and a device with something behind it that may do nothing",
        |driver| driver.faults.contains(&Fault::Empty),
    ),
    ("messages", "a service routine, and a device that signals messages", |driver| {
        driver.faults.contains(&Fault::Lost)
    }),
    ("wake", "a wait/wake request that is with the bus", |driver| driver.wakes),
];

/// What something asks of a driver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    /// One of each of these, by index in [`NEEDS`].
    all: Vec<Vec<usize>>,
    /// None of these.
    unless: Vec<usize>,
}

impl Needs {
    /// Whether a driver has what is asked for.
    pub fn met(&self, driver: &Abilities) -> bool {
        let has = |&need: &usize| NEEDS[need].2(driver);
        self.all.iter().all(|any| any.iter().any(has)) && !self.unless.iter().any(has)
    }

    /// What a driver lacks, or has too much, in names of [`NEEDS`].
    pub fn unmet(&self, driver: &Abilities) -> Vec<String> {
        let has = |&need: &usize| NEEDS[need].2(driver);
        let lacking = self.all.iter().filter(|any| !any.iter().any(has)).map(|any| words(any));
        let extra = self.unless.iter().filter(|need| has(need));
        lacking.chain(extra.map(|&need| format!("no {}", NEEDS[need].0))).collect()
    }

    /// What is asked for, in names of [`NEEDS`].
    pub fn words(&self) -> Vec<String> {
        let unless = self.unless.iter().map(|&need| format!("no {}", NEEDS[need].0));
        self.all.iter().map(|any| words(any)).chain(unless).collect()
    }
}

fn words(any: &[usize]) -> String {
    any.iter().map(|&need| NEEDS[need].0).collect::<Vec<_>>().join(" or ")
}

/// What something is repeated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ControlCode,
    NeitherCode,
}

/// Their names in scenarios.
const KINDS: [(&str, Kind); 2] =
    [("control-code", Kind::ControlCode), ("neither-code", Kind::NeitherCode)];

/// Once for each of something that the driver has, up to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Each {
    kind: Kind,
    at_most: usize,
}

impl Each {
    /// The control codes.
    pub fn of(self, driver: &Abilities) -> impl Iterator<Item = u32> {
        let wanted = move |code: &&u32| match self.kind {
            Kind::ControlCode => true,
            // METHOD_NEITHER: the driver gets the caller's pointers.
            Kind::NeitherCode => *code & 3 == 3,
        };
        let codes =
            if driver.has(major::DEVICE_CONTROL) || driver.has(major::INTERNAL_DEVICE_CONTROL) {
                &driver.codes[..]
            } else {
                &[]
            };
        codes.iter().filter(wanted).take(self.at_most).copied()
    }

    /// The most that it may come to.
    pub fn most(self) -> usize {
        self.at_most
    }

    /// Its name in scenarios.
    pub fn word(self) -> &'static str {
        KINDS.iter().find(|known| known.1 == self.kind).map_or("", |known| known.0)
    }
}

/// Keys of a table that are read here.
pub(super) const KEYS: &[&str] = &["needs", "unless", "for-each", "at-most"];

/// Reads `needs`, `unless`, `for-each` and `at-most`, those that there are.
pub(super) fn needs(given: &Given<'_, '_>) -> Result<(Needs, Option<Each>), Problem> {
    let mut needs = Needs::default();
    if let Some(value) = given.get("needs") {
        for need in array(value, "`needs`")? {
            let any = match need.get_ref() {
                DeValue::Array(any) => any.iter().map(one).collect::<Result<Vec<_>, _>>()?,
                _ => vec![one(need)?],
            };
            needs.all.push(any);
        }
    }
    if let Some(value) = given.get("unless") {
        for need in array(value, "`unless`")? {
            needs.unless.push(one(need)?);
        }
    }
    let Some(value) = given.get("for-each") else {
        return match given.get("at-most") {
            Some(value) => bad(&value.span(), "`at-most` goes with `for-each`"),
            None => Ok((needs, None)),
        };
    };
    text(value, "`for-each`")?;
    let kind = KINDS[one_of(value, "`for-each`", KINDS.iter().map(|known| known.0))?].1;
    let most = crate::codes::MOST_CODES;
    let at_most = match given.get("at-most") {
        Some(value) => number(value, "`at-most`", 1, most as u64)? as usize,
        None => most,
    };
    Ok((needs, Some(Each { kind, at_most })))
}

fn one(value: &Value<'_>) -> Result<usize, Problem> {
    let names = NEEDS.iter().map(|need| need.0);
    if !matches!(value.get_ref(), DeValue::String(_)) {
        let names: Vec<&str> = names.collect();
        let problem = format!(
            "what a driver needs is one of {}, or an array of those of which one is enough",
            list(&names)
        );
        return bad(&value.span(), problem);
    }
    one_of(value, "what a driver needs", names)
}

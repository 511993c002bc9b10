//! A log of the system or an event log, as evidence: messages that are known, crashes, last lines.

use super::{Evidence, LinkKind, Mark, Said, Unit, clipped, file_of};
use crate::system_log::{Often, Source, SystemLog};
use evidence::system_log::Basis;
use knowledge::messages::{Fact, Severity, Values};
use std::collections::HashSet;

/// Microseconds by which files may differ over when a service was made.
const SERVICE_SLACK: i64 = 10_000_000;
/// Bytes of a message in a time line.
const MOST_WORDS: usize = 160;

/// A log. `is_events` says that its lines are numbered records.
pub fn of_log(log: &SystemLog, is_events: bool) -> Evidence {
    // The newest stands for all of a log that was rotated.
    let (newest, older) = match log.sources.split_last() {
        Some((newest, older)) => (newest.clone(), older),
        None => (Source::default(), &log.sources[..]),
    };
    let name = newest.name.as_str();
    let mut it = Evidence::new(name, &newest.format);
    it.older = older.iter().map(|source| source.name.clone()).collect();
    let wrong = log.known.iter().filter(|known| known.severity >= Severity::Warning).count();
    it.brief = format!("{} records", log.records.count);
    if wrong > 0 {
        it.brief += &format!(", {wrong} kinds of messages tell of something wrong");
    }
    if !log.blocks.is_empty() {
        it.brief += &format!(", {} crashes and the like", log.blocks.len());
    }
    let unit = if is_events { Unit::Record } else { Unit::Line };
    it.booted = log.booted;
    it.before.clone_from(&log.before);
    if let (Some(first), Some(last)) = (log.records.first, log.records.last) {
        if first.basis == Basis::NoYear {
            it.span = Some((first, last));
        }
        // Universal time itself says nothing of where the machine stands.
        if let Basis::Universal(minutes) = first.basis
            && minutes != 0
        {
            let place = super::Place { file: name.to_owned(), unit, at: log.records.line };
            it.zone = Some((minutes, place));
        }
    }
    let mut told = HashSet::new();
    for (fact, time) in log.facts.iter().zip(&log.fact_times) {
        let title = log.known.iter().find(|known| known.id == fact.name);
        let severity = title.map_or(Severity::Note, |known| known.severity);
        let title = title.map(|known| known.title.as_str()).unwrap_or_default();
        let mut fact = normal(fact.clone());
        fact.words = format!("{title}: {}", clipped(&fact.words, MOST_WORDS));
        names(&mut it, &fact, *time, unit);
        if let Some(time) = *time {
            told.insert(fact.place.clone());
            happen(&mut it, &fact.place.0, time, unit, fact.place.1, severity, fact.words.clone());
        }
        it.say(Said { fact, time: *time, unit, ids: Vec::new() });
    }
    let place_of = |often: &Often| {
        let source = usize::try_from(often.source).ok().and_then(|at| log.sources.get(at));
        (source.map(|source| source.name.clone()).unwrap_or_default(), often.line)
    };
    for block in &log.blocks {
        let (file, line) = place_of(&block.often);
        if let Some(time) = block.often.first {
            let words = format!("{}: {}", block.kind.name(), clipped(&block.title, MOST_WORDS));
            told.insert((file.clone(), line));
            happen(&mut it, &file, time, unit, line, Severity::Error, words);
        }
    }
    for known in log.known.iter().filter(|known| known.severity >= Severity::Warning) {
        let place = place_of(&known.often);
        let count = known.often.count;
        let words = if count == 1 {
            known.title.clone()
        } else {
            format!("{}, the first of {count}", known.title)
        };
        if let Some(time) = known.often.first
            && told.insert(place.clone())
        {
            happen(&mut it, &place.0, time, unit, place.1, known.severity, words);
        }
    }
    it
}

fn happen(
    it: &mut Evidence,
    file: &str,
    time: evidence::system_log::Time,
    unit: Unit,
    at: u64,
    severity: Severity,
    words: String,
) {
    let before = it.happened.len();
    it.happen(time, unit, at, severity, words);
    if let Some(happened) = it.happened.get_mut(before)
        && !file.is_empty()
    {
        file.clone_into(&mut happened.file);
    }
}

/// What a fact tells of names, and what its time may be compared by.
fn names(it: &mut Evidence, fact: &Fact, time: Option<evidence::system_log::Time>, unit: Unit) {
    if !matches!(fact.name.as_str(), "service-installed" | "userpnp-service-added") {
        return;
    }
    let Some(service) = fact.values.get("service") else { return };
    if let Some(driver) = fact.values.get("driver") {
        it.link(LinkKind::Service, service, driver, unit, fact.place.1);
    }
    if let Some(time) = time {
        it.marks.push(Mark { key: format!("service {service}"), time, slack: SERVICE_SLACK });
    }
}

/// Values as those of other files are: numbers in one form, names without folders, in small letters.
fn normal(mut fact: Fact) -> Fact {
    let values = &mut fact.values;
    for name in ["service", "device", "inf", "driver", "program", "module"] {
        if let Some(value) = values.get_mut(name) {
            *value = value.trim().to_ascii_lowercase();
        }
    }
    for name in ["inf", "program", "module"] {
        if let Some(value) = values.get_mut(name) {
            *value = file_of(value);
        }
    }
    // The kernel names a driver by its object, which is called after the service.
    if let Some(service) = values.get("driver").and_then(|it| it.strip_prefix("\\driver\\")) {
        let service = service.to_owned();
        values.remove("driver");
        values.entry("service".to_owned()).or_insert(service);
    }
    let driver = values.get("driver").or(values.get("file")).map(|path| file_of(path));
    if let Some(driver) = driver.filter(|driver| driver.ends_with(".sys")) {
        values.insert("driver".to_owned(), driver);
    }
    match fact.name.as_str() {
        "bugcheck-1001" => {
            if let Some(code) = values.get("code").and_then(|code| number(code)) {
                values.insert("code".to_owned(), format!("0x{code:X}"));
            }
            let list = values.get("parameters").map(|list| joined(list.split(',')));
            set(values, "parameters", list.flatten());
        }
        "kernel-power-41" => {
            if let Some(code) = values.get("code").and_then(|code| code.parse::<u32>().ok()) {
                values.insert("code".to_owned(), format!("0x{code:X}"));
            }
            let all = ["parameter_1", "parameter_2", "parameter_3", "parameter_4"];
            let list = all.iter().map(|name| values.get(*name).map_or("", String::as_str));
            let list = joined(list);
            set(values, "parameters", list);
        }
        _ => {}
    }
    fact
}

fn set(values: &mut Values, name: &str, value: Option<String>) {
    match value {
        Some(value) => values.insert(name.to_owned(), value),
        None => values.remove(name),
    };
}

/// Hexadecimal numbers in one form.
fn joined<'t>(list: impl Iterator<Item = &'t str>) -> Option<String> {
    let all: Option<Vec<String>> =
        list.map(|text| number(text).map(|value| format!("0x{value:x}"))).collect();
    all.map(|all| all.join(", "))
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_events_are_as_those_of_dumps() {
        let fact = |name: &str, pairs: &[(&str, &str)]| {
            let values = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            normal(Fact { name: name.to_owned(), values, ..Fact::default() }).values
        };
        let told = fact(
            "bugcheck-1001",
            &[
                ("code", "0x000000d1"),
                ("parameters", "0x0000000000000010, 0x0000000000000002, 0x0, 0xfffff80112345678"),
            ],
        );
        assert_eq!(told["code"], "0xD1");
        assert_eq!(told["parameters"], "0x10, 0x2, 0x0, 0xfffff80112345678");
        let four = [("parameter_1", "0x3"), ("parameter_2", "0xf"), ("parameter_3", "0x0")];
        let told = fact("kernel-power-41", &[&[("code", "159")], &four[..]].concat());
        assert_eq!(told["code"], "0x9F");
        assert!(!told.contains_key("parameters"), "one is missing");
        let told =
            fact("kernel-pnp-219", &[("driver", "\\Driver\\Xillybus"), ("device", "PCI\\X")]);
        assert_eq!((told["service"].as_str(), told.get("driver")), ("xillybus", None));
        let told = fact("code-integrity-unsigned", &[("file", "\\Device\\X\\drivers\\A.SYS")]);
        assert_eq!(told["driver"], "a.sys");
    }
}

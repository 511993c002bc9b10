//! Windows event logs: Security 4688 and 4689, Sysmon 1 and 5.
//!
//! The file is read by [`evidence::event_log`]; here is what its events mean. Sources: "4688(S): A new process has been
//! created" and "4689(S): A process has exited" of the Windows security auditing reference; Sysmon's manifest
//! (events ProcessCreate and ProcessTerminate).

use super::{Hint, Hosts, Kind, Record, event};
use crate::event::base_name;
use crate::{Command, End, Event, How, Image, Lost, Start, Time, What};
use evidence::{Error, event_log};
use serde_json::Value;

/// What could not be read of which no more is told one by one.
const TOLD: usize = 5;

pub(super) fn takes(data: &[u8]) -> bool {
    event_log::is_event_log(data)
}

pub(super) fn read(data: &[u8], _: &Hint<'_>) -> Result<Record, Error> {
    let mut hosts = Hosts::default();
    let (mut events, mut notes): (Vec<Event>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut read, mut bad) = (0u64, 0usize);
    let (mut last, mut gap) = (None::<u64>, false);
    event_log::events(data, |record| {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                bad += 1;
                gap = true;
                if bad <= TOLD {
                    notes.push(format!("not readable: {error}."));
                }
                return;
            }
        };
        read += 1;
        let id = record.number;
        let found = of(&record.value, &mut hosts);
        if gap {
            // Numbers go on by one, so they tell how many records lay in what could not be read.
            let missing = last.map_or(0, |last| id.saturating_sub(last).saturating_sub(1));
            let time = Time(i64::try_from(record.nanos).unwrap_or(i64::MIN));
            let (why, unknown) = match missing {
                0 => ("a part of the event log that cannot be read".to_owned(), 0),
                _ => {
                    let first = last.map_or(0, |last| last.saturating_add(1));
                    let end = id.saturating_sub(1);
                    (format!("records {first} to {end} of the event log cannot be read"), missing)
                }
            };
            let lost = Lost { unknown, why, ..Lost::default() };
            let host = found.as_ref().map_or(0, |event| event.host);
            events.push(event(time, host, 0, What::Lost(lost)));
            gap = false;
        }
        last = Some(id);
        events.extend(found);
    })?;
    if gap {
        let why = "the end of the event log cannot be read".to_owned();
        let time = events.last().map_or(Time::NONE, |event| event.time);
        events.push(event(time, 0, 0, What::Lost(Lost { why, ..Lost::default() })));
    }
    if bad > TOLD {
        notes.push(format!("not readable: {} more parts.", bad - TOLD));
    }
    if hosts.names.is_empty() {
        hosts.number("");
    }
    Ok(Record { kind: Kind::EventLog, events, hosts: hosts.names, read, notes })
}

/// What an event tells of a process, if it is one of the four.
fn of(value: &Value, hosts: &mut Hosts) -> Option<Event> {
    let system = value.get("Event")?.get("System")?;
    let fields = Fields(value.get("Event")?.get("EventData")?);
    let id = match system.get("EventID")? {
        Value::Object(inner) => number(inner.get("#text")?)?,
        plain => number(plain)?,
    };
    let provider = system.get("Provider")?.get("#attributes")?.get("Name")?.as_str()?;
    let computer = system.get("Computer").and_then(Value::as_str).unwrap_or_default();
    let written = system
        .get("TimeCreated")
        .and_then(|created| created.get("#attributes")?.get("SystemTime")?.as_str())
        .and_then(Time::read)
        .unwrap_or(Time::NONE);
    let (time, pid, what) = match (provider, id) {
        ("Microsoft-Windows-Security-Auditing", 4688) => created(&fields, written)?,
        ("Microsoft-Windows-Security-Auditing", 4689) => exited(&fields, written)?,
        ("Microsoft-Windows-Sysmon", 1) => sysmon_created(&fields, written)?,
        ("Microsoft-Windows-Sysmon", 5) => sysmon_terminated(&fields, written)?,
        _ => return None,
    };
    Some(event(time, hosts.number(computer), pid, what))
}

struct Fields<'a>(&'a Value);

impl Fields<'_> {
    /// A field's text; Windows writes `-` where there is none.
    fn text(&self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty() && text != "-").then_some(text)
    }

    fn number(&self, name: &str) -> Option<u32> {
        u32::try_from(number(self.0.get(name)?)?).ok()
    }

    /// `DOMAIN\name` out of two fields.
    fn user(&self, domain: &str, name: &str) -> Option<String> {
        let name = self.text(name)?;
        Some(self.text(domain).map_or_else(|| name.clone(), |domain| format!("{domain}\\{name}")))
    }

    fn image(&self, path: &str, command: &str, folder: &str) -> Image {
        let path = self.text(path);
        Image {
            name: base_name(path.as_deref().unwrap_or_default()).to_owned(),
            path,
            command: self.text(command).map(|text| Command { text, complete: true }),
            folder: self.text(folder),
        }
    }
}

/// A number as JSON has it: itself, or a text in decimal or with 0x.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

/// 4688. The process that ProcessId names is the creator; the user is the target's if one is named.
fn created(fields: &Fields<'_>, written: Time) -> Option<(Time, u32, What)> {
    let target = fields.user("TargetDomainName", "TargetUserName");
    let start = Start {
        parent: fields.number("ProcessId"),
        parent_name: fields.text("ParentProcessName").map(|path| base_name(&path).to_owned()),
        user: target.or_else(|| fields.user("SubjectDomainName", "SubjectUserName")),
        image: fields.image("NewProcessName", "CommandLine", ""),
        ..Start::default()
    };
    Some((written, fields.number("NewProcessId")?, What::Start(Box::new(start))))
}

/// 4689.
fn exited(fields: &Fields<'_>, written: Time) -> Option<(Time, u32, What)> {
    let path = fields.text("ProcessName");
    let end = End {
        how: fields.number("Status").map_or(How::Unknown, How::Exit),
        name: path.as_deref().map(|path| base_name(path).to_owned()),
        path,
        user: fields.user("SubjectDomainName", "SubjectUserName"),
        ..End::default()
    };
    Some((written, fields.number("ProcessId")?, What::End(Box::new(end))))
}

/// Sysmon's own time, which is the kernel's; the time of writing if it has none.
fn sysmon_time(fields: &Fields<'_>, written: Time) -> Time {
    fields.text("UtcTime").as_deref().and_then(Time::read).unwrap_or(written)
}

/// Sysmon 1.
fn sysmon_created(fields: &Fields<'_>, written: Time) -> Option<(Time, u32, What)> {
    let start = Start {
        guid: guid(fields),
        parent: fields.number("ParentProcessId"),
        parent_name: fields.text("ParentImage").map(|path| base_name(&path).to_owned()),
        user: fields.text("User"),
        image: fields.image("Image", "CommandLine", "CurrentDirectory"),
        ..Start::default()
    };
    let what = What::Start(Box::new(start));
    Some((sysmon_time(fields, written), fields.number("ProcessId")?, what))
}

/// Sysmon 5.
fn sysmon_terminated(fields: &Fields<'_>, written: Time) -> Option<(Time, u32, What)> {
    let path = fields.text("Image");
    let end = End {
        guid: guid(fields),
        name: path.as_deref().map(|path| base_name(path).to_owned()),
        path,
        user: fields.text("User"),
        ..End::default()
    };
    Some((sysmon_time(fields, written), fields.number("ProcessId")?, What::End(Box::new(end))))
}

fn guid(fields: &Fields<'_>) -> Option<Box<str>> {
    fields.text("ProcessGuid").map(|text| text.trim_matches(['{', '}']).to_uppercase().into())
}

#[cfg(test)]
#[path = "evtx_tests.rs"]
mod tests;

//! Event logs of Windows (`.evtx`), as records of a log.
//!
//! The file is read by crate `evtx`; here its events become [`Record`]s. The texts that Event Viewer shows lie in
//! the providers' own files, so a record's message is the event's data: `name=value; name=value`, values alone
//! where they have no names. Sources: \[MS-EVEN6\], and the event schema of Windows
//! (<https://learn.microsoft.com/windows/win32/wes/eventschema-systempropertiestype-complextype>).

use crate::Error;
use crate::system_log::{Basis, Record, Time};
use ::evtx::{EvtxParser, ParserSettings};
use serde_json::Value;

/// How a file begins.
const SIGNATURE: &[u8] = b"ElfFile\0";
/// Largest file that is read: the parser wants all of it in memory.
const MOST: usize = 1 << 30;
/// Bytes of a record's message.
const MOST_MESSAGE: usize = 0x1_0000;
/// Damage that is told part by part.
const MOST_TOLD: usize = 5;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Records.
    pub records: u64,
    /// What could not be read: sentences.
    pub damage: Vec<String>,
}

/// Whether `data` begins as an event log.
pub fn is_event_log(data: &[u8]) -> bool {
    data.starts_with(SIGNATURE)
}

/// An event as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number: EventRecordID, which goes on by one.
    pub number: u64,
    /// When it was written: nanoseconds since 1970, UTC.
    pub nanos: i128,
    /// Its elements as JSON, attributes under `#attributes`.
    pub value: Value,
}

/// Hands out the events of an event log in the order of the file, and in the place of parts that cannot be read
/// what is wrong with them.
///
/// # Errors
/// If the file's header is none, or the file is larger than a gibibyte.
pub fn events(data: &[u8], mut take: impl FnMut(Result<Event, String>)) -> Result<(), Error> {
    if data.len() > MOST {
        let problem =
            "it is larger than 1 GiB, which no event log is read beyond; export a part of it";
        return Err(Error::new(MOST as u64, "file", problem));
    }
    let wrong = |problem: String| Error::new(0, "event log header", problem);
    let parser = EvtxParser::from_buffer(data.to_vec()).map_err(|error| wrong(chain(&error)))?;
    let settings = ParserSettings::default().separate_json_attributes(false);
    let mut parser = parser.with_configuration(settings);
    for record in parser.records_json_value() {
        take(match record {
            Ok(record) => Ok(Event {
                number: record.event_record_id,
                nanos: record.timestamp.as_nanosecond(),
                value: record.data,
            }),
            Err(error) => Err(chain(&error)),
        });
    }
    Ok(())
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Hands out the records of an event log in the order of the file. Chunks that are damaged are passed over, and
/// told.
///
/// # Errors
/// As [`events`].
pub fn read(data: &[u8], take: &mut impl FnMut(&Record<'_>)) -> Result<Read, Error> {
    let (mut read, mut bad) = (Read::default(), 0usize);
    events(data, |event| match event {
        Ok(event) => {
            read.records = read.records.saturating_add(1);
            let micros = i64::try_from(event.nanos / 1_000).unwrap_or(0);
            let time = Time { basis: Basis::Universal(0), micros };
            one(&event.value, event.number, time, take);
        }
        Err(error) => {
            bad = bad.saturating_add(1);
            if bad <= MOST_TOLD {
                read.damage.push(format!("A part of it cannot be read: {error}."));
            }
        }
    })?;
    if bad > MOST_TOLD {
        read.damage
            .push(format!("{} more parts of it cannot be read.", bad.saturating_sub(MOST_TOLD)));
    }
    Ok(read)
}

fn one(value: &Value, number: u64, time: Time, take: &mut impl FnMut(&Record<'_>)) {
    let Some(event) = value.get("Event") else { return };
    let Some(system) = event.get("System") else { return };
    let attribute = |field: &str, name: &str| {
        system.get(field).and_then(|it| it.get("#attributes")?.get(name)?.as_str())
    };
    let provider = attribute("Provider", "EventSourceName").filter(|name| !name.is_empty());
    let provider = attribute("Provider", "Name").or(provider).unwrap_or_default();
    let id = system.get("EventID").and_then(|id| number_of(id.get("#text").unwrap_or(id)));
    let level = system.get("Level").and_then(number_of);
    let text = |field: &str| system.get(field).and_then(Value::as_str).unwrap_or_default();
    let pid = attribute_number(system, "Execution", "ProcessID");
    let mut message = String::new();
    for part in ["EventData", "UserData", "ProcessingErrorData"] {
        if let Some(data) = event.get(part) {
            write(data, "", 0, &mut message);
        }
    }
    take(&Record {
        line: number,
        offset: 0,
        time: Some(time),
        // 1 critical, 2 error, 3 warning, 4 information, 5 verbose; 0 is whatever is always written.
        severity: match level {
            Some(1) => Some(2),
            Some(2) => Some(3),
            Some(3) => Some(4),
            Some(5) => Some(7),
            _ => Some(6),
        },
        host: text("Computer").as_bytes(),
        program: provider.as_bytes(),
        pid: pid.unwrap_or_default().as_bytes(),
        event: id.and_then(|id| u32::try_from(id).ok()),
        message: message.as_bytes(),
        continues: false,
    });
}

fn number_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn attribute_number(system: &Value, field: &str, name: &str) -> Option<String> {
    number_of(system.get(field)?.get("#attributes")?.get(name)?).map(|number| number.to_string())
}

/// Writes a value with its name, `; ` between them. Objects are groups; `Data`, `#text` and lists have no name of
/// their own.
fn write(value: &Value, name: &str, depth: u32, to: &mut String) {
    let mut say = |text: &str| {
        let text = text.trim();
        if to.len().saturating_add(text.len()) > MOST_MESSAGE {
            return;
        }
        if !to.is_empty() {
            to.push_str("; ");
        }
        if !name.is_empty() {
            to.push_str(name);
            to.push('=');
        }
        to.push_str(text);
    };
    match value {
        Value::Null if name.is_empty() => {}
        Value::Null => say(""),
        Value::Bool(it) => say(if *it { "true" } else { "false" }),
        Value::Number(it) => say(&it.to_string()),
        Value::String(it) => say(it),
        // As deep as the file nests; the parser bounds that.
        Value::Array(_) | Value::Object(_) if depth > 8 => {}
        Value::Array(items) => {
            for item in items {
                write(item, name, depth.saturating_add(1), to);
            }
        }
        Value::Object(fields) => {
            for (field, value) in fields {
                let own = match field.as_str() {
                    "#attributes" | "Binary" => continue,
                    "Data" | "#text" => name,
                    field => field,
                };
                write(value, own, depth.saturating_add(1), to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> String {
        let value: Value = serde_json::from_str(json).expect("JSON");
        let mut all = String::new();
        let time = Time { basis: Basis::Universal(0), micros: 0 };
        one(&value, 7, time, &mut |record| {
            let program = String::from_utf8_lossy(record.program);
            let text = String::from_utf8_lossy(record.message);
            all = format!("{program} {:?} {:?}: {text}", record.event, record.severity);
        });
        all
    }

    #[test]
    fn an_event_is_its_provider_its_number_and_its_data() {
        let named = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Service Control Manager"}},
            "EventID":{"#attributes":{"Qualifiers":49152},"#text":7000},"Level":2,"Computer":"H"},
            "EventData":{"param1":"xillybus","param2":"%%577","Binary":"7800"}}}"##;
        assert_eq!(
            message(named),
            "Service Control Manager Some(7000) Some(3): param1=xillybus; param2=%%577"
        );
        let bare = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"volmgr"}},"EventID":161,
            "Level":2},"EventData":{"Data":{"#text":["\\Device\\HarddiskVolume3",""]}}}}"##;
        assert_eq!(message(bare), r"volmgr Some(161) Some(3): \Device\HarddiskVolume3; ");
    }

    #[test]
    fn what_is_no_event_log_is_an_error_and_no_panic() {
        assert!(read(b"ElfFile\0", &mut |_| {}).is_err());
        let mut junk = b"ElfFile\0".to_vec();
        junk.resize(0x11000, 0xa5);
        let _ = read(&junk, &mut |_| {});
    }
}

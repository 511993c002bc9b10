//! A record of the journal as JSON: `journalctl -o json`, `json-seq` and `json-sse`, one a line.
//!
//! <https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format>: a field is a text, an array of numbers
//! where it is none, an array of these where it comes several times, or null where it is too large.

use super::export::Fields;
use super::lines::MOST_LINE;
use serde_json::{Map, Value};

/// The fields that matter; `None` for a line that is no such record.
pub(super) fn read(line: &[u8]) -> Option<Fields> {
    let line = line.strip_prefix(b"\x1e").unwrap_or(line);
    let line = line.strip_prefix(b"data: ").unwrap_or(line);
    if line.first() != Some(&b'{') {
        return None;
    }
    let all: Map<String, Value> = serde_json::from_slice(line).ok()?;
    if !all.contains_key("MESSAGE") && !all.contains_key("__REALTIME_TIMESTAMP") {
        return None;
    }
    let mut fields = Fields::default();
    for (name, value) in &all {
        let Some(field) = fields.named(name.as_bytes()) else { continue };
        match value {
            Value::String(text) => field.extend_from_slice(text.as_bytes()),
            Value::Number(number) => field.extend_from_slice(number.to_string().as_bytes()),
            // Several of a name: the first.
            Value::Array(items) => match items.first() {
                Some(Value::String(text)) => field.extend_from_slice(text.as_bytes()),
                Some(Value::Array(bytes)) => field.extend(bytes.iter().filter_map(byte)),
                _ => field.extend(items.iter().filter_map(byte)),
            },
            _ => {}
        }
        field.truncate(MOST_LINE);
    }
    Some(fields)
}

fn byte(value: &Value) -> Option<u8> {
    value.as_u64().and_then(|value| u8::try_from(value).ok())
}

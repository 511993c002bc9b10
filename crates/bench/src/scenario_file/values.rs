//! Values of a scenario's text: each is what it has to be, or the problem says what that is.

use super::{Problem, Value, bad};
use kernel::io::request::MOST_BYTES;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Entries of a table, in the order of the text.
pub(super) struct Given<'a, 't>(pub Vec<(&'t str, &'t Value<'a>)>);

impl<'a, 't> Given<'a, 't> {
    pub fn get(&self, wanted: &str) -> Option<&'t Value<'a>> {
        self.0.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value)
    }
}

/// The entries of a table, each of which must be one of those allowed.
pub(super) fn entries<'a, 't>(
    table: &'t Value<'a>,
    what: &str,
    allowed: &[&str],
) -> Result<Given<'a, 't>, Problem> {
    let DeValue::Table(entries) = table.get_ref() else {
        return bad(&table.span(), format!("{what} is a table"));
    };
    checked(entries, what, allowed)
}

pub(super) fn checked<'a, 't>(
    table: &'t DeTable<'a>,
    what: &str,
    allowed: &[&str],
) -> Result<Given<'a, 't>, Problem> {
    let mut found: Vec<(Range<usize>, &str, &Value)> = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        if !allowed.contains(&name) {
            let guess = guess(name, allowed.iter().copied());
            let problem = format!("{what} has no `{name}`{guess}; it may have {}", list(allowed));
            return bad(&key.span(), problem);
        }
        found.push((key.span(), name, value));
    }
    found.sort_by_key(|(span, ..)| span.start);
    Ok(Given(found.into_iter().map(|(_, name, value)| (name, value)).collect()))
}

pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// `, did you mean ..`, if a name is near; nothing otherwise.
pub(super) fn guess<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> String {
    let near = names.map(|name| (distance(wrong, name), name)).min();
    match near {
        Some((away, name)) if away <= 1 + name.len() / 4 && away < name.len() => {
            format!(" (did you mean `{name}`?)")
        }
        _ => String::new(),
    }
}

/// How many characters have to be put in, left out, changed or swapped with the next one.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) =
        (one.chars().take(64).collect(), other.chars().take(64).collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let changed = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[one.len()][other.len()]
}

/// One of several names, by its index.
pub(super) fn one_of<'n>(
    value: &Value<'_>,
    what: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<usize, Problem> {
    let wanted = text(value, what)?;
    match names.clone().position(|name| name == wanted) {
        Some(index) => Ok(index),
        None => {
            let guess = guess(wanted, names.clone());
            let all: Vec<&str> = names.collect();
            let problem = format!("{what} is not `{wanted}`{guess}, but one of {}", list(&all));
            bad(&value.span(), problem)
        }
    }
}

pub(super) fn text<'t>(value: &'t Value<'_>, what: &str) -> Result<&'t str, Problem> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => bad(&value.span(), format!("{what} is a string")),
    }
}

pub(super) fn flag(value: &Value<'_>, what: &str) -> Result<bool, Problem> {
    match value.get_ref() {
        DeValue::Boolean(yes) => Ok(*yes),
        _ => bad(&value.span(), format!("{what} is `true` or `false`")),
    }
}

pub(super) fn array<'a, 't>(
    value: &'t Value<'a>,
    what: &str,
) -> Result<Vec<&'t Value<'a>>, Problem> {
    match value.get_ref() {
        DeValue::Array(values) => Ok(values.iter().collect()),
        _ => bad(&value.span(), format!("{what} is an array")),
    }
}

pub(super) fn number(value: &Value<'_>, what: &str, least: u64, most: u64) -> Result<u64, Problem> {
    let problem = || format!("{what} is a number from {least} to {most}");
    let DeValue::Integer(digits) = value.get_ref() else { return bad(&value.span(), problem()) };
    let clean = digits.as_str().replace('_', "");
    match u64::from_str_radix(&clean, digits.radix()) {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => bad(&value.span(), problem()),
    }
}

/// A name that may stand in a token.
pub(super) fn name(value: &Value<'_>, name: &str, what: &str) -> Result<String, Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 60 || !name.chars().all(plain) {
        return bad(&value.span(), format!("{what} has up to 60 letters, digits, `-` and `_`"));
    }
    Ok(name.to_owned())
}

/// Bytes: `{ text = ".." }` or `{ hex = ".." }`.
pub(super) fn bytes(value: &Value<'_>, what: &str) -> Result<Vec<u8>, Problem> {
    let given = entries(value, what, &["text", "hex", "zeros"])?;
    let [(key, value)] = given.0[..] else {
        return bad(&value.span(), format!("{what} has `text`, `hex` or `zeros`"));
    };
    if key == "zeros" {
        return Ok(vec![0; number(value, "`zeros`", 0, MOST_BYTES)? as usize]);
    }
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
pub(super) type Buffer = (u64, Option<Arc<[u8]>>);

pub(super) fn buffer(value: &Value<'_>, what: &str) -> Result<Buffer, Problem> {
    match value.get_ref() {
        DeValue::Integer(_) => Ok((number(value, what, 0, MOST_BYTES)?, None)),
        DeValue::Table(_) => {
            let bytes = bytes(value, what)?;
            if bytes.len() as u64 > MOST_BYTES {
                return bad(&value.span(), format!("{what} has up to {MOST_BYTES} bytes"));
            }
            Ok((bytes.len() as u64, Some(bytes.into())))
        }
        _ => bad(
            &value.span(),
            format!(
                "{what} is a number of bytes, `{{ text = \"..\" }}`, `{{ hex = \"..\" }}` or \
                     `{{ zeros = .. }}`"
            ),
        ),
    }
}

/// Whether a length is left to the driver: `"usual"`.
pub(super) fn is_usual(value: &Value<'_>) -> bool {
    matches!(value.get_ref(), DeValue::String(word) if word == "usual")
}

/// A status: a number, or its name.
pub(super) fn status(value: &Value<'_>) -> Result<u32, Problem> {
    let DeValue::String(name) = value.get_ref() else {
        return Ok(number(
            value,
            "a status is a name like `STATUS_SUCCESS`, or",
            0,
            u64::from(u32::MAX),
        )? as u32);
    };
    match nt::status::by_name(name) {
        Some(code) => Ok(code),
        None => {
            let guess = guess(name, nt::status::ALL.iter().map(|known| known.1));
            let problem = format!(
                "no status known here is called `{name}`{guess}; it may be a number, like 0xC0000001"
            );
            bad(&value.span(), problem)
        }
    }
}

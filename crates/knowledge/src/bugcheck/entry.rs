//! An entry of `knowledge/bugchecks`, read.

use super::case::{self, Case};
use super::kind::{Kind, Slot};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A bug check.
#[derive(Clone, Debug)]
pub struct BugCheck {
    /// Code.
    pub code: u32,
    /// Name in the reference.
    pub name: String,
    /// What has happened, in a sentence; empty if only the name is known.
    pub means: String,
    /// Where it usually comes from.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// Page of the reference.
    pub link: String,
    /// Calls to try, as parameters; a test explains each.
    pub examples: Vec<[u64; 4]>,
    /// What is usually at fault where it is no module: `hardware`.
    pub blame: Option<String>,
    /// First part of its failure bucket, where that is not its code.
    pub(super) bucket: Option<String>,
    pub(super) slots: [Slot; 4],
    /// Indices of the parameters that select a case.
    pub(super) by: Vec<usize>,
    pub(super) cases: Vec<Case>,
    /// Meanings of single values, by parameter.
    pub(super) values: [Vec<(u64, String)>; 4],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    means: String,
    parameters: Vec<String>,
    cause: String,
    remedy: String,
    link: String,
    #[serde(default)]
    examples: Vec<String>,
    blame: Option<String>,
    bucket: Option<String>,
    #[serde(default)]
    by: Vec<usize>,
    #[serde(default)]
    buckets: BTreeMap<String, String>,
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    case: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    remedies: BTreeMap<String, String>,
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, String>>,
}

impl BugCheck {
    /// Whether more than the name is known.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.means.is_empty()
    }

    /// What the four parameters are in general.
    #[must_use]
    pub fn parameters(&self) -> [&str; 4] {
        self.slots.each_ref().map(|slot| slot.meaning.as_str())
    }

    /// Whether a sub-code is needed to say what the parameters are.
    #[must_use]
    pub fn has_sub_codes(&self) -> bool {
        !self.cases.is_empty()
    }

    /// Every sub-code of the first selecting parameter, and what it says; wide ranges are left out.
    pub fn sub_codes(&self) -> impl Iterator<Item = (u64, &str)> {
        self.cases.iter().flat_map(|case| {
            let ranges = if case.keys.len() == 1 { case.keys[0].as_slice() } else { &[] };
            let narrow = ranges.iter().filter(|(low, high)| high - low <= 0xFF);
            narrow.flat_map(|&(low, high)| low..=high).map(|value| (value, case.means.as_str()))
        })
    }

    /// A code that nobody has named.
    #[must_use]
    pub fn unknown(code: u32) -> Self {
        Self::named(code, "not a bug check of Windows that is known", super::page(code))
    }

    pub(super) fn named(code: u32, name: &str, link: String) -> Self {
        let slot = Slot { kind: Kind::Hex, meaning: "not described here".to_owned() };
        let empty = String::new;
        Self {
            code,
            name: name.to_owned(),
            means: empty(),
            cause: empty(),
            remedy: empty(),
            link,
            examples: Vec::new(),
            blame: None,
            bucket: None,
            slots: [slot.clone(), slot.clone(), slot.clone(), slot],
            by: Vec::new(),
            cases: Vec::new(),
            values: Default::default(),
        }
    }

    /// Reads the file of a code.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(code: u32, text: &str) -> Result<Self, String> {
        let mut file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let slots: Vec<Slot> =
            file.parameters.iter().map(|text| Slot::parse(text)).collect::<Result<_, _>>()?;
        let slots = <[Slot; 4]>::try_from(slots).map_err(|_| "not four parameters")?;
        let by: Vec<usize> = file.by.iter().map(|number| number.wrapping_sub(1)).collect();
        if by.iter().any(|index| *index > 3) || by.is_empty() != file.case.is_empty() {
            return Err("`by` names the parameters that select a case: 1 to 4".to_owned());
        }
        let mut cases = Vec::new();
        for (key, texts) in &file.case {
            let keys = case::keys(key)?;
            let Some((means, rest)) = texts.split_first() else {
                return Err(format!("{key} says nothing"));
            };
            let slots = case_slots(rest, &file.sets).map_err(|error| format!("{key}: {error}"))?;
            let others = 4usize.checked_sub(keys.len()).filter(|_| keys.len() <= by.len());
            let others = others.ok_or_else(|| format!("{key}: `by` names fewer parameters"))?;
            if !slots.is_empty() && slots.len() != others {
                return Err(format!("{key}: {} parameters, not {others}", slots.len()));
            }
            let remedy = file.remedies.remove(key);
            let bucket = file.buckets.remove(key);
            cases.push(Case { keys, means: means.clone(), slots, remedy, bucket });
        }
        // What looks at more parameters is asked first.
        cases.sort_by_key(|case| std::cmp::Reverse(case.keys.len()));
        if let Some(key) = file.remedies.keys().next() {
            return Err(format!("remedies: there is no case {key}"));
        }
        if let Some(key) = file.buckets.keys().next() {
            return Err(format!("buckets: there is no case {key}"));
        }
        if file.blame.as_deref().is_some_and(|blame| blame != "hardware") {
            return Err("`blame` may be hardware, or left out".to_owned());
        }
        let values = values(&file.values)?;
        let examples = file.examples.iter().map(|text| example(text)).collect::<Result<_, _>>()?;
        Ok(Self {
            code,
            name: file.name,
            means: file.means,
            cause: file.cause,
            remedy: file.remedy,
            link: file.link,
            examples,
            blame: file.blame,
            bucket: file.bucket,
            slots,
            by,
            cases,
            values,
        })
    }
}

/// Parameters of a case, written out or as the name of a set (`@rule`).
fn case_slots(rest: &[String], sets: &BTreeMap<String, Vec<String>>) -> Result<Vec<Slot>, String> {
    let texts = match rest {
        [one] if one.starts_with('@') => {
            sets.get(&one[1..]).ok_or_else(|| format!("there is no set {one}"))?
        }
        _ => rest,
    };
    texts.iter().map(|text| Slot::parse(text)).collect()
}

fn values(
    tables: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<[Vec<(u64, String)>; 4], String> {
    let mut all: [Vec<(u64, String)>; 4] = Default::default();
    for (number, table) in tables {
        let index = case::number(number)?.wrapping_sub(1);
        let index = usize::try_from(index).ok().filter(|index| *index < 4);
        let index = index.ok_or_else(|| format!("values: there is no parameter {number}"))?;
        for (value, meaning) in table {
            all[index].push((case::number(value)?, meaning.clone()));
        }
    }
    Ok(all)
}

/// `0x62 0xFFFF... 0x0 0x3`: four parameters.
fn example(text: &str) -> Result<[u64; 4], String> {
    let numbers: Vec<u64> = text.split_whitespace().map(case::number).collect::<Result<_, _>>()?;
    <[u64; 4]>::try_from(numbers).map_err(|_| format!("`{text}` has not four parameters"))
}

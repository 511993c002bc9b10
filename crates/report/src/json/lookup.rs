//! `bugcheck.lookup.1`.

use super::document;
use knowledge::{Answer, Explained, Lookup};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    lookups: Vec<LookupDocument<'a>>,
}

#[derive(Serialize)]
struct LookupDocument<'a> {
    asked: &'a str,
    value: Option<String>,
    found: bool,
    answers: Vec<AnswerDocument<'a>>,
    bugcheck: Option<BugCheckDocument<'a>>,
    suggestions: &'a [String],
}

#[derive(Serialize)]
struct AnswerDocument<'a> {
    space: &'static str,
    value: String,
    name: &'a str,
    meaning: &'a str,
    details: Vec<DetailDocument<'a>>,
    link: Option<&'a str>,
    likelihood: u8,
}

#[derive(Serialize)]
struct DetailDocument<'a> {
    label: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct BugCheckDocument<'a> {
    code: String,
    name: &'a str,
    means: &'a str,
    sub_code: Option<SubCodeDocument<'a>>,
    parameters: Vec<ParameterDocument<'a>>,
    cause: &'a str,
    remedy: &'a str,
    link: &'a str,
}

#[derive(Serialize)]
struct SubCodeDocument<'a> {
    parameter: usize,
    value: String,
    meaning: &'a str,
}

/// `value` is null for one that was not given.
#[derive(Serialize)]
struct ParameterDocument<'a> {
    value: Option<String>,
    kind: &'static str,
    meaning: &'a str,
    rendered: &'a str,
}

/// What codes and names mean, one entry for each that was asked for.
///
/// # Errors
/// None that an input can cause.
pub fn lookup_json(lookups: &[Lookup]) -> serde_json::Result<String> {
    let lookups = lookups.iter().map(lookup).collect();
    document(&Document { schema: "bugcheck.lookup.1", lookups })
}

fn hex(value: u64) -> String {
    format!("0x{value:X}")
}

fn lookup(it: &Lookup) -> LookupDocument<'_> {
    LookupDocument {
        asked: &it.asked,
        value: it.value.map(hex),
        found: it.is_found(),
        answers: it.answers.iter().map(answer).collect(),
        bugcheck: it.explained.as_ref().map(|explained| bug_check(explained, it.given)),
        suggestions: &it.suggestions,
    }
}

fn answer(it: &Answer) -> AnswerDocument<'_> {
    AnswerDocument {
        space: it.space.word(),
        value: hex(it.value),
        name: &it.name,
        meaning: &it.meaning,
        details: it.details.iter().map(|(label, text)| DetailDocument { label, text }).collect(),
        link: it.link.as_deref(),
        likelihood: it.likelihood,
    }
}

fn bug_check(it: &Explained, given: usize) -> BugCheckDocument<'_> {
    let parameters = it.parameters.iter().enumerate().map(|(index, parameter)| ParameterDocument {
        value: (index < given).then(|| hex(parameter.value)),
        kind: parameter.kind.word(),
        meaning: &parameter.meaning,
        rendered: if index < given { &parameter.rendered } else { "" },
    });
    BugCheckDocument {
        code: hex(u64::from(it.code)),
        name: &it.name,
        means: &it.means,
        sub_code: it.sub_code.as_ref().map(|sub| SubCodeDocument {
            parameter: sub.parameter,
            value: hex(sub.value),
            meaning: &sub.meaning,
        }),
        parameters: parameters.collect(),
        cause: &it.cause,
        remedy: &it.remedy,
        link: &it.link,
    }
}

//! Looking numbers and names up.

use crate::answer::Answer;
use crate::bugcheck::{Explained, bugcheck};
use crate::number::{self, Number};
use crate::space::Space;
use crate::{call, spaces, suggest};

/// What is asked, besides the codes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question<'a> {
    /// Only this space.
    pub space: Option<Space>,
    /// Where the codes were found, in free words.
    pub context: &'a str,
}

/// What is known of one code.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// As it was given.
    pub asked: String,
    /// The number, if it is one.
    pub value: Option<u64>,
    /// What it means, likeliest first.
    pub answers: Vec<Answer>,
    /// A bug check with the parameters that were given.
    pub explained: Option<Explained>,
    /// How many of the parameters were given.
    pub given: usize,
    /// Names that may have been meant, if nothing was found.
    pub suggestions: Vec<String>,
}

impl Lookup {
    fn of(asked: &str) -> Self {
        let (answers, suggestions) = (Vec::new(), Vec::new());
        Self {
            asked: asked.to_owned(),
            value: None,
            answers,
            explained: None,
            given: 0,
            suggestions,
        }
    }

    /// Whether it means anything.
    #[must_use]
    pub fn is_found(&self) -> bool {
        !self.answers.is_empty() || self.explained.is_some()
    }
}

/// Looks up each of `codes`; a bug check with its parameters counts as one.
#[must_use]
pub fn look_up(codes: &[String], question: Question<'_>) -> Vec<Lookup> {
    let bugchecks = question.space.is_none_or(|space| space == Space::BugCheck);
    if bugchecks && let Some(call) = call::find(codes) {
        let mut lookup = Lookup::of(&codes.join(" "));
        lookup.value = Some(u64::from(call.code));
        lookup.given = call.given;
        lookup.explained = bugcheck(call.code).map(|entry| {
            let mut explained = entry.explain(call.parameters, call.bits);
            explained.code = call.code;
            if let Some(name) = nt::bugcheck::name(call.code) {
                name.clone_into(&mut explained.name);
            }
            explained
        });
        return vec![lookup];
    }
    codes.iter().map(|code| one(code, question)).collect()
}

fn one(asked: &str, question: Question<'_>) -> Lookup {
    let mut lookup = Lookup::of(asked);
    let mut context = question.context.to_lowercase();
    let mut text = asked.trim();
    // As Device Manager says it.
    if let Some(code) = text.to_ascii_lowercase().strip_prefix("code ") {
        context.push_str(" device manager");
        text = &text[text.len() - code.len()..];
    }
    // No name begins with a digit, and most of what is asked does.
    let is_number = text.starts_with(|c: char| c.is_ascii_digit()) && number::read(text).is_some();
    if !is_number {
        lookup.answers = by_name(text, question.space);
    }
    if lookup.answers.is_empty()
        && let Some(number) = number::read(text)
    {
        lookup.value = Some(number.value);
        lookup.answers = by_number(number, question.space, &context);
    } else {
        lookup.value = lookup.answers.first().map(|answer| answer.value);
        order(&mut lookup.answers, &context);
    }
    if !lookup.is_found() && lookup.value.is_none() {
        lookup.suggestions = suggestions(text, question.space);
    }
    lookup
}

fn by_number(number: Number, space: Option<Space>, context: &str) -> Vec<Answer> {
    let wanted = |of: &Space| space.is_none_or(|space| space == *of);
    let spaces = Space::ALL.iter().copied().filter(wanted);
    let mut answers: Vec<Answer> =
        spaces.filter_map(|space| spaces::ask(space, number, context)).collect();
    order(&mut answers, context);
    // What fits every number is no answer unless it is asked for, or all there is.
    let least = 5;
    let likely =
        |answer: &Answer| answer.likelihood >= least || answer.space.spoken_for(context) > 0;
    if space.is_none() && answers.iter().any(likely) {
        answers.retain(likely);
    }
    answers
}

/// Puts the likeliest first: what the context names, then by how the number looks.
fn order(answers: &mut [Answer], context: &str) {
    answers.sort_by_key(|answer| {
        std::cmp::Reverse((answer.space.spoken_for(context), answer.likelihood))
    });
}

/// What may be left out in front of a name.
const PREFIXES: &[&str] =
    &["", "STATUS_", "ERROR_", "IRP_MJ_", "IRP_MN_", "CM_PROB_", "CR_", "FILE_DEVICE_", "SPAPI_E_"];

/// Index of what is left out in front of `text`, if it is `name` in any case.
fn left_out(name: &str, text: &str) -> Option<usize> {
    let (name, text) = (name.as_bytes(), text.as_bytes());
    let (front, rest) = name.split_at_checked(name.len().checked_sub(text.len())?)?;
    if !rest.eq_ignore_ascii_case(text) {
        return None;
    }
    PREFIXES.iter().position(|prefix| prefix.as_bytes() == front)
}

fn by_name(text: &str, space: Option<Space>) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    if text.len() < 3 || !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return tag(text, space);
    }
    // One pass: there are more than ten thousand names. The whole name wins over one without its prefix.
    let mut found: Vec<(usize, (Space, u32, &str))> = spaces::names()
        .filter(|row| space.is_none_or(|space| space == row.0))
        .filter_map(|row| Some((left_out(row.2, text)?, row)))
        .collect();
    found.sort_by_key(|(prefix, _)| *prefix);
    let is_whole = found.first().is_some_and(|(prefix, _)| *prefix == 0);
    for (prefix, (of, value, name)) in found {
        if is_whole && prefix > 0 {
            break;
        }
        let number = Number { value: u64::from(value), decimal: false };
        let Some(mut answer) = spaces::ask(of, number, "") else { continue };
        if of == Space::IrpMinor || of == Space::Irql {
            answer = alone(answer, name);
        }
        // The name that was asked for, where a value has several.
        if of != Space::Access || answer.name != name {
            name.clone_into(&mut answer.name);
        }
        answer.likelihood = if prefix == 0 { 100 } else { 50 };
        if !answers.iter().any(|other| other.space == of && other.value == answer.value) {
            answers.push(answer);
        }
    }
    if answers.is_empty() { tag(text, space) } else { answers }
}

/// A minor function's answer with its own major function only.
fn alone(mut answer: Answer, name: &str) -> Answer {
    if answer.space == Space::IrpMinor {
        answer.details.retain(|(_, other)| other == name);
    }
    answer
}

/// Four characters as a pool tag, where that was asked for or they stand in quotes.
fn tag(text: &str, space: Option<Space>) -> Vec<Answer> {
    let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let asked = space == Some(Space::PoolTag) && number::read(text).is_none();
    let Some(text) = quoted.or(asked.then_some(text)) else { return Vec::new() };
    let padded = format!("{text:4}");
    let Ok(bytes) = <[u8; 4]>::try_from(padded.as_bytes()) else { return Vec::new() };
    let number = Number { value: u64::from(nt::pool::tag(bytes)), decimal: false };
    spaces::ask(Space::PoolTag, number, "").into_iter().collect()
}

fn suggestions(text: &str, space: Option<Space>) -> Vec<String> {
    let names = spaces::names().filter(|row| space.is_none_or(|space| space == row.0));
    let near = suggest::nearest(text, names.map(|row| row.2));
    near.into_iter().map(str::to_owned).collect()
}

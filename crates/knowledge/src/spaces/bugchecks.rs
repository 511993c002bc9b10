//! Bug check codes, and single parameters of them.

use crate::answer::Answer;
use crate::bugcheck::{BugCheck, bugcheck};
use crate::number;
use crate::space::Space;

const VARIANT: u32 = 0x1000_0000;

pub fn code(code: u32) -> Option<Answer> {
    let entry = bugcheck(code)?;
    let own = nt::bugcheck::name(code).unwrap_or(&entry.name);
    let likelihood = if code <= 0x1FF { 62 } else { 85 };
    let mut answer = Answer::new(Space::BugCheck, u64::from(code), own, likelihood)
        .meaning(entry.means.trim_end_matches('.'));
    if code & 0xF000_0000 == VARIANT {
        let base = code & !VARIANT;
        let note = format!("the same as 0x{base:X}; dumps show some codes with this bit set");
        answer = answer.detail("0x10000000", note);
    }
    if entry.is_full() {
        let parameters = entry.parameters();
        for (index, meaning) in parameters.iter().enumerate() {
            answer = answer.detail(&format!("parameter {}", index + 1), *meaning);
        }
        let count = entry.sub_codes().count();
        if count > 0 {
            let how =
                format!("{count} known; give it after the code to see what it and the rest mean");
            answer = answer.detail("sub-codes", how);
        }
        answer = answer.detail("cause", &*entry.cause).detail("what to do", &*entry.remedy);
    }
    Some(answer.link(&*entry.link))
}

/// `bug check parameter 2 of 0xc4`: number of the parameter, and the bug check.
fn place(context: &str) -> Option<(usize, &'static BugCheck)> {
    if !context.contains("parameter") && !context.contains("arg") {
        return None;
    }
    let words: Vec<&str> =
        context.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let after = |mark: &str| {
        let at = words.iter().position(|word| word.starts_with(mark))?;
        let own = words[at].trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let digits = if own.is_empty() { words.get(at + 1)? } else { own };
        digits.parse::<usize>().ok().filter(|number| (1..=4).contains(number))
    };
    let which = after("parameter").or_else(|| after("arg"))?;
    let named = |word: &&str| {
        let code = if word.starts_with("0x") || word.chars().any(|c| c.is_ascii_alphabetic()) {
            number::read_hex(word).and_then(|code| u32::try_from(code).ok())
        } else {
            None
        };
        code.or_else(|| nt::bugcheck::by_name(word)).and_then(bugcheck)
    };
    words.iter().find_map(named).map(|entry| (which, entry))
}

/// A number as a parameter of the bug check that the context names.
pub fn parameter(value: u64, context: &str) -> Option<Answer> {
    let (which, entry) = place(context)?;
    let mut parameters = [0; 4];
    parameters[which - 1] = value;
    let explained = entry.explain(parameters, 64);
    let own = explained.parameters.get(which - 1)?;
    let title = format!("parameter {which} of {}", entry.name);
    let sub = explained.sub_code.filter(|sub| sub.parameter == which);
    let mut answer = Answer::new(Space::Parameter, value, title, 100);
    answer = match &sub {
        Some(sub) => answer.meaning(&*sub.meaning),
        None => answer.meaning(&*own.meaning),
    };
    answer = answer.detail("this value", &*own.rendered);
    if sub.is_some() {
        for (index, other) in
            explained.parameters.iter().enumerate().filter(|(index, _)| index + 1 != which)
        {
            answer = answer.detail(&format!("parameter {}", index + 1), &*other.meaning);
        }
        answer = answer.detail("what to do", &*explained.remedy);
    }
    Some(answer.link(&*entry.link))
}

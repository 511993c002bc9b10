//! What codes and names mean.

use super::Look;
use super::page::{Ink, Page};
use knowledge::{Answer, Explained, Lookup};

/// Each code in turn: its likeliest meaning whole, others in a line each.
pub fn lookup_text(lookups: &[Lookup], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let found = lookups.iter().filter(|lookup| lookup.is_found());
    for (index, lookup) in found.enumerate() {
        if index > 0 {
            page.blank();
        }
        if let Some(explained) = &lookup.explained {
            bug_check(&mut page, explained, lookup.given);
        } else {
            answers(&mut page, lookup);
        }
    }
    page.finish()
}

fn answers(page: &mut Page<'_>, lookup: &Lookup) {
    let number = lookup.value.map(digits).unwrap_or_default();
    let asked = lookup.asked.trim();
    if asked.is_empty() || number.split_whitespace().any(|word| word.eq_ignore_ascii_case(asked)) {
        page.line(0, &[(Ink::Strong, &number)]);
    } else {
        page.line(0, &[(Ink::Strong, asked), (Ink::Plain, ": "), (Ink::Plain, &number)]);
    }
    let Some((first, others)) = lookup.answers.split_first() else { return };
    whole(page, first);
    if others.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Elsewhere");
    let width = others.iter().map(|other| other.space.word().len()).max().unwrap_or(0) + 2;
    for other in others {
        let mut text = other.name.clone();
        if !other.meaning.is_empty() {
            text = format!("{text}: {}", other.meaning);
        }
        page.labelled(4, width, other.space.word(), &text);
    }
}

/// `0xC0000034 3221225524 -1073741772`: hexadecimal, decimal, and negative where the sign bit is set.
fn digits(value: u64) -> String {
    let mut text = format!("0x{value:X}");
    if value > 9 {
        text = format!("{text} = {value}");
    }
    match u32::try_from(value) {
        Ok(narrow) if narrow >> 31 == 1 => format!("{text} = {}", narrow.cast_signed()),
        Err(_) if value >> 63 == 1 => format!("{text} = {}", value.cast_signed()),
        _ => text,
    }
}

fn whole(page: &mut Page<'_>, answer: &Answer) {
    page.wrapped(
        2,
        6,
        &[(Ink::Good, &answer.name), (Ink::Faint, &format!(" ({})", answer.space.title()))],
    );
    if !answer.meaning.is_empty() {
        page.wrapped(4, 4, &[(Ink::Plain, &answer.meaning)]);
    }
    let width =
        answer.details.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0) + 2;
    for (label, text) in &answer.details {
        page.labelled(4, width, label, text);
    }
    if let Some(link) = &answer.link {
        page.line(4, &[(Ink::Place, link)]);
    }
}

fn bug_check(page: &mut Page<'_>, it: &Explained, given: usize) {
    page.wrapped(0, 2, &[(Ink::Bad, &format!("0x{:X} {}", it.code, it.name))]);
    if !it.means.is_empty() {
        page.wrapped(2, 2, &[(Ink::Plain, &it.means)]);
    }
    if let Some(sub) = &it.sub_code {
        let label = format!("0x{:X}", sub.value);
        page.wrapped(2, 4, &[(Ink::Warn, &label), (Ink::Plain, ": "), (Ink::Plain, &sub.meaning)]);
    }
    page.blank();
    // Parameters that were not given say what they would be.
    let value = |index: usize, value: u64| {
        if index < given { format!("0x{value:X}") } else { "?".to_owned() }
    };
    let shown = it.parameters.iter().enumerate();
    let width =
        shown.clone().map(|(index, it)| value(index, it.value).len()).max().unwrap_or(0) + 2;
    for (index, parameter) in shown {
        let mut text = parameter.meaning.clone();
        if index < given && !parameter.rendered.is_empty() {
            text = format!("{text}: {}", parameter.rendered);
        }
        let number = format!("{}  {:width$}", index + 1, value(index, parameter.value));
        page.labelled(2, number.len(), &number, &text);
    }
    for (heading, text) in [("Where it comes from", &it.cause), ("What to do", &it.remedy)] {
        if !text.is_empty() {
            page.blank();
            page.heading(2, heading);
            page.paragraphs(4, text);
        }
    }
    page.blank();
    page.heading(2, "Read more");
    page.line(4, &[(Ink::Place, &it.link)]);
}

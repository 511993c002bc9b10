//! What is known of messages: a list of entries, and one of them.

use super::Look;
use super::page::{Ink, Page};
use super::system_log::ink;
use knowledge::messages::{Entry, Matches};
use std::collections::BTreeMap;

/// Columns of a label.
const LABEL: usize = 12;

/// Entries by what they are about, a line each.
pub fn entries_text(entries: &[&Entry], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let mut areas: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        areas.entry(&entry.area).or_default().push(entry);
    }
    for (at, (area, entries)) in areas.iter().enumerate() {
        if at > 0 {
            page.blank();
        }
        page.heading(0, area);
        for entry in entries {
            let (id, severity) =
                (format!("{:30}", entry.id), format!(" {:9}", entry.severity.name()));
            page.line(
                2,
                &[(Ink::Strong, &id), (ink(entry.severity), &severity), (Ink::Plain, &entry.title)],
            );
        }
    }
    page.finish()
}

/// An entry with everything.
pub fn entry_text(entry: &Entry, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let mark = format!("{}[{}]", entry.severity.name(), entry.id);
    page.wrapped(
        0,
        2,
        &[(ink(entry.severity), &mark), (Ink::Plain, ": "), (Ink::Strong, &entry.title)],
    );
    let found = match &entry.matches {
        Matches::Text { literals, .. } => literals.join(" | "),
        Matches::Event { providers, numbers, .. } => {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            format!("{} {}", providers.join(" | "), numbers.join(", "))
        }
        Matches::Facts(together) => {
            let parts: Vec<String> =
                together.parts.iter().map(|part| part.is.join(" or ")).collect();
            let mut text = parts.join(if together.ordered { ", then " } else { ", and " });
            if let Some(within) = together.within {
                text += &format!(", within {} s", within / 1_000_000);
            }
            text
        }
    };
    let parts = [
        ("Found by", found.as_str()),
        ("Pattern", entry.pattern().unwrap_or_default()),
        ("Program", entry.program.as_deref().unwrap_or_default()),
        ("Means", &entry.meaning),
        ("Cause", &entry.cause),
        ("Versions", &entry.affected),
        ("Fixed", &entry.fixed),
        ("To do", &entry.remedy),
    ];
    for (label, text) in parts {
        if !text.is_empty() {
            page.labelled(2, LABEL, label, text);
        }
    }
    for (label, lines) in [("Read more", &entry.references), ("Example", &entry.examples)] {
        for (at, line) in lines.iter().enumerate() {
            page.labelled(2, LABEL, if at == 0 { label } else { "" }, line);
        }
    }
    page.labelled(2, LABEL, "File", &entry.file);
    page.finish()
}

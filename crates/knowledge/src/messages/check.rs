//! Whether entries are as `knowledge/README.md` says, and do what they promise.

use super::entry::{Entry, Matches};
use super::facts::Fact;
use super::{Base, Fault, Message, Source, shape};

/// Mistakes in `more`, each with its place; for what comes with bugcheck, give its [`super::sources`].
pub fn check(more: &[Source]) -> Vec<Fault> {
    let base = match Base::with(more) {
        Ok(base) => base,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    for source in more {
        let Ok(entry) = Entry::parse(source) else { continue };
        let mut say = |key: &str, problem: String| {
            faults.push(Fault { file: source.name.clone(), line: source.line_of(key), problem });
        };
        form(&entry, &mut say);
        for text in &entry.not {
            if is(&base, &entry, text) {
                say("not", format!("`{text}` is it, and must not be"));
            }
        }
        match &entry.matches {
            Matches::Facts(together) => {
                let facts: Vec<Fact> = facts(&base, &entry.examples);
                if together.find(&facts).is_none() {
                    let names: Vec<&str> = facts.iter().map(|fact| fact.name.as_str()).collect();
                    say(
                        "example",
                        format!("the lines are the facts {names:?}, which are not it together"),
                    );
                }
            }
            _ => {
                for text in &entry.examples {
                    example(&base, &entry, text, &mut say);
                }
            }
        }
    }
    faults
}

fn form(entry: &Entry, say: &mut impl FnMut(&str, String)) {
    let sentences = [
        ("meaning", &entry.meaning, true),
        ("remedy", &entry.remedy, true),
        ("cause", &entry.cause, false),
    ];
    for (key, text, must) in sentences {
        if (must || !text.is_empty()) && !(text.ends_with('.') && text.len() > 10) {
            say(key, format!("{key} is a sentence or several, with a full stop"));
        }
        if text.contains('\n') {
            say(key, "a paragraph is one line".to_owned());
        }
    }
    if entry.title.is_empty() || entry.title.ends_with('.') || entry.title.len() > 90 {
        say(
            "title",
            "the title is a clause of at most 90 characters without a full stop".to_owned(),
        );
    }
    if entry.references.is_empty() || entry.references.iter().any(|it| it.trim().is_empty()) {
        say("references", "say where it is written".to_owned());
    }
    if entry.examples.is_empty() {
        say("example", "an example is its test".to_owned());
    }
}

/// An example must be the entry, and so must the same with other numbers: messages that differ in nothing else
/// are folded before they are explained.
fn example(base: &Base, entry: &Entry, text: &str, say: &mut impl FnMut(&str, String)) {
    match identify(base, entry, text) {
        Some(found) if found == entry.id => {}
        Some(other) => return say("example", format!("`{text}` is the entry {other}")),
        None => return say("example", format!("`{text}` is not it")),
    }
    // The number of an event is part of its shape, and the names of its data are always the same.
    if matches!(entry.matches, Matches::Event { .. }) {
        return;
    }
    let varied = vary(entry, text);
    let same = shape(varied.as_bytes(), 0) == shape(text.as_bytes(), 0);
    if same && identify(base, entry, &varied) != Some(&entry.id) {
        say("pattern", format!("it depends on numbers, which are folded: `{varied}` is not it"));
    }
}

fn is(base: &Base, entry: &Entry, text: &str) -> bool {
    identify(base, entry, text) == Some(&entry.id)
}

/// Which entry a line of an example is: `PROVIDER NUMBER: data` of an event, otherwise a message.
fn identify<'b>(base: &'b Base, entry: &Entry, text: &str) -> Option<&'b str> {
    let message = match &entry.matches {
        Matches::Event { .. } => event(text)?,
        _ => Message { program: &[], event: None, text: text.as_bytes() },
    };
    base.find(&message).map(|found| found.entry.id.as_str())
}

/// `Service Control Manager 7000: param1=a; param2=b`.
fn event(text: &str) -> Option<Message<'_>> {
    let (head, data) = text.split_once(": ")?;
    let (provider, number) = head.rsplit_once(' ')?;
    let event = Some(number.parse().ok()?);
    Some(Message { program: provider.as_bytes(), event, text: data.as_bytes() })
}

/// The facts that lines are, a second after each other.
fn facts(base: &Base, lines: &[String]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let found = event(line)
            .and_then(|message| Some((base.find(&message)?, message.text)))
            .or_else(|| {
                let message = Message { program: &[], event: None, text: line.as_bytes() };
                Some((base.find(&message)?, message.text))
            });
        let place = ("example".to_owned(), at as u64);
        let time = i64::try_from(at).ok().map(|at| at * 1_000_000);
        if let Some((found, text)) = found {
            let values = base.values(found.index, text);
            facts.push(Fact {
                name: found.entry.id.clone(),
                values,
                time,
                place,
                words: String::new(),
            });
        } else if let Some(name) = line.strip_prefix("fact ") {
            // A fact of another reader: `fact dump code=0x9f module=a`.
            let mut words = name.split(' ');
            let name = words.next().unwrap_or_default().to_owned();
            let values = words.filter_map(|word| word.split_once('='));
            let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            facts.push(Fact { name, values, time, place, words: String::new() });
        }
    }
    facts
}

/// The text with other digits, but for those of the entry's literals: these are part of words.
fn vary(entry: &Entry, text: &str) -> String {
    let literals = match &entry.matches {
        Matches::Text { literals, .. } => literals.as_slice(),
        _ => &[],
    };
    let kept = |at: usize| {
        let around = |literal: &String| {
            let mut found = text.match_indices(literal.as_str());
            found.any(|(start, _)| (start..start + literal.len()).contains(&at))
        };
        literals.iter().any(around)
    };
    text.char_indices()
        .map(|(at, c)| match c {
            '0'..='8' if !kept(at) => char::from_u32(u32::from(c) + 1).unwrap_or(c),
            '9' if !kept(at) => '1',
            c => c,
        })
        .collect()
}

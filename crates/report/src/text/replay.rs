//! A replayed run.

use super::Look;
use super::finding::{finding, irql};
use super::page::{Ink, Page, clip};
use bench::{Replayed, TraceLine};

/// A replay's outcome; with `trace`, everything that happened before it, a line each.
pub fn replay_text(token: &str, replayed: &Replayed, trace: bool, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    if trace {
        show_trace(&mut page, &replayed.trace);
        page.blank();
    }
    let (ink, outcome) = outcome(replayed);
    page.line(0, &[(Ink::Strong, token)]);
    page.wrapped(0, 0, &[(ink, &outcome)]);
    if let Some(it) = &replayed.finding {
        page.blank();
        finding(&mut page, it);
    }
    page.blank();
    page.labelled(0, 15, "State left", &format!("hash {:#018x}", replayed.hash));
    page.finish()
}

/// How a session ended by itself: what was found, or what the bench lacks.
pub fn session_text(replayed: &Replayed, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    match &replayed.finding {
        Some(it) => finding(&mut page, it),
        None => {
            let (ink, outcome) = outcome(replayed);
            page.wrapped(0, 0, &[(ink, &outcome)]);
        }
    }
    page.finish()
}

fn outcome(replayed: &Replayed) -> (Ink, String) {
    let (ink, mut text) = if replayed.finding.is_some() {
        (Ink::Bad, "Reproduced: the run ends in the finding below.".to_owned())
    } else if let Some(it) = &replayed.unsupported {
        let place = if it.place.is_empty() {
            String::new()
        } else {
            format!(", asked for at {}", it.place)
        };
        (Ink::Warn, format!("The run ends early: the bench does not support {}{place}.", it.what))
    } else {
        (Ink::Good, "Not reproduced: the run ends with nothing wrong.".to_owned())
    };
    if let Some(point) = replayed.misfit {
        text.push_str(&format!(
            " The token does not fit from scheduling point {point} on: it was made by another version \
             of bugcheck or for another driver, so this is not the run that it names."
        ));
    }
    (ink, text)
}

fn show_trace(page: &mut Page<'_>, trace: &[TraceLine]) {
    let widest = trace.iter().map(|line| line.context.chars().count()).max();
    let width = widest.unwrap_or(0).clamp(3, 24);
    page.line(0, &[(Ink::Faint, &format!("cpu irql     {:width$}  what", "who"))]);
    for line in trace {
        // A switch belongs to nobody.
        if line.context.is_empty() && line.text.starts_with("---") {
            page.line(0, &[(Ink::Warn, &line.text)]);
            continue;
        }
        let when = format!("{:>3} {:8} ", line.processor, irql(line.irql));
        let who = format!("{:width$}  ", clip(&line.context, width));
        let depth = " ".repeat(usize::from(line.depth) * 2);
        let place = if line.place.is_empty() { String::new() } else { format!("  {}", line.place) };
        page.line(
            0,
            &[
                (Ink::Faint, &when),
                (Ink::Strong, &who),
                (Ink::Plain, &depth),
                (Ink::Plain, &line.text),
                (Ink::Place, &place),
            ],
        );
    }
}

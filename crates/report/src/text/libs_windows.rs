//! What a program of Windows imports and does not get.

use super::Look;
use super::page::{Ink, Page};
use crate::libs::{LibrariesLook, windows};
use libraries::{FunctionLack, Place, WindowsLack, WindowsSurvey};

/// Files that are named as those who import one library, and functions of one list.
const MOST_ASKERS: usize = 4;
const MOST_NAMES: usize = 12;
/// Deepest step of a tree.
const DEEPEST: usize = 40;
const LABEL: usize = 12;

/// The survey as a page.
pub fn windows_libraries_text(
    it: &WindowsSurvey,
    wanted: LibrariesLook,
    look: &Look<'_>,
) -> String {
    let mut page = Page::new(look);
    let ink = if it.is_good() { Ink::Good } else { Ink::Bad };
    let verdict = windows::verdict(it);
    page.wrapped(0, 2, &[(Ink::Strong, &it.path), (Ink::Plain, ": "), (ink, &verdict)]);
    page.wrapped(2, 4, &[(Ink::Faint, &format!("{}, for Windows", it.machine))]);
    for found in &it.lacks {
        page.blank();
        lack(&mut page, it, found);
    }
    for found in &it.functions {
        page.blank();
        functions(&mut page, found);
    }
    if wanted.tree {
        tree(&mut page, it);
    }
    if wanted.all {
        page.blank();
        page.heading(0, &format!("Found ({})", it.modules.len().saturating_sub(1)));
        for module in it.modules.iter().skip(1) {
            page.line(
                2,
                &[
                    (Ink::Strong, &module.name),
                    (Ink::Faint, " => "),
                    (Ink::Plain, &place(&module.place)),
                ],
            );
        }
    }
    if !it.notes.is_empty() {
        page.blank();
    }
    for note in &it.notes {
        page.wrapped(2, 8, &[(Ink::Faint, "Note: "), (Ink::Plain, note)]);
    }
    page.finish()
}

fn place(place: &Place) -> String {
    match place {
        Place::File(path) | Place::System(path) => path.clone(),
        Place::OfWindows => "Windows' own".to_owned(),
        Place::ApiSet => "an API set, which Windows resolves".to_owned(),
    }
}

fn label(is_delayed: bool) -> (Ink, &'static str) {
    if is_delayed { (Ink::Bad, "missing: ") } else { (Ink::Bad, "error: ") }
}

fn lack(page: &mut Page<'_>, it: &WindowsSurvey, lack: &WindowsLack) {
    let (ink, word) = label(lack.is_delayed);
    page.wrapped(0, 2, &[(ink, word), (Ink::Strong, &windows::sentence(it, lack))]);
    let mut label = "imported by";
    for path in lack.by.iter().take(MOST_ASKERS) {
        page.labelled(2, LABEL, label, path);
        label = "";
    }
    if lack.by.len() > MOST_ASKERS {
        page.labelled(2, LABEL, "", &format!("and {} more", lack.by.len() - MOST_ASKERS));
    }
    if lack.taken.is_none() && !lack.folders.is_empty() {
        page.labelled(2, LABEL, "looked in", &lack.folders.join(", "));
    }
    page.labelled(2, LABEL, "status", windows::status(lack));
    page.labelled(2, LABEL, "do", &windows::remedy(it, lack));
    if let Some(from) = lack.from {
        page.line(2, &[(Ink::Plain, &format!("{:LABEL$}{}", "", from.page))]);
    }
}

fn functions(page: &mut Page<'_>, lack: &FunctionLack) {
    let (ink, word) = label(lack.is_delayed);
    page.wrapped(0, 2, &[(ink, word), (Ink::Strong, &windows::functions(lack))]);
    let more = lack.functions.len().saturating_sub(MOST_NAMES) + lack.more;
    let mut list = lack.functions.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        list.push_str(&format!(", and {more} more"));
    }
    page.labelled(2, LABEL, "functions", &list);
    page.labelled(2, LABEL, "status", windows::function_status(lack));
    page.labelled(
        2,
        LABEL,
        "do",
        "put the version beside the program that it was built with; this one is another",
    );
}

/// Who imports whom first.
fn tree(page: &mut Page<'_>, it: &WindowsSurvey) {
    page.blank();
    page.heading(0, "Who imports whom");
    let mut waiting = vec![(0, 0)];
    while let Some((number, depth)) = waiting.pop() {
        let Some(module) = it.modules.get(number) else { continue };
        let indent = 2 + 2 * depth.min(DEEPEST);
        let path = place(&module.place);
        match module.by {
            None => page.line(indent, &[(Ink::Strong, &module.name)]),
            Some(_) => page.line(
                indent,
                &[(Ink::Strong, &module.name), (Ink::Faint, " => "), (Ink::Plain, &path)],
            ),
        }
        for lack in it.lacks.iter().filter(|lack| lack.by.first() == Some(&path)) {
            page.line(indent + 2, &[(Ink::Bad, &lack.name), (Ink::Bad, " is missing")]);
        }
        let inner = it
            .modules
            .iter()
            .enumerate()
            .filter(|(inner, it)| it.by == Some(number) && *inner > number);
        let mut inner: Vec<(usize, usize)> = inner.map(|(inner, _)| (inner, depth + 1)).collect();
        inner.reverse();
        waiting.extend(inner);
    }
}

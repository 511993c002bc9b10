//! What a program looks for and does not get.

use super::Look;
use super::page::{Ink, Page};
use crate::libs::{self, LibrariesLook};
use libraries::{Lack, Level, Library, Need, Outcome, Plugins, Survey, Try, Why};

/// Files that are named as those who ask for one library.
const MOST_ASKERS: usize = 4;
/// Folders that are named as looked into, for one rule.
const MOST_FOLDERS: usize = 12;
/// Names of one list.
const MOST: usize = 200;
/// Deepest step of a tree.
const DEEPEST: usize = 40;
/// Column of what stands beside a label.
const LABEL: usize = 12;

/// The surveys as a page, one below the other.
pub fn libraries_text(all: &[Survey], wanted: LibrariesLook, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    for (index, it) in all.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        one(&mut page, it, wanted);
    }
    page.finish()
}

fn one(page: &mut Page<'_>, it: &Survey, wanted: LibrariesLook) {
    let ink = if it.is_good() { Ink::Good } else { Ink::Bad };
    let name = match it.pid {
        Some(pid) => format!("{} (process {pid})", it.path),
        None => it.path.clone(),
    };
    page.wrapped(0, 2, &[(Ink::Strong, &name), (Ink::Plain, ": "), (ink, &libs::verdict(it))]);
    let about = match &it.loader {
        Some(loader) => format!("{}, loaded by {} of {}", it.abi, loader.path, loader.kind.word()),
        None if it.is_record => format!("{}, as the record tells", it.abi),
        None => it.abi.to_string(),
    };
    page.wrapped(2, 4, &[(Ink::Faint, &about)]);
    for found in it.lacks.iter().filter(|lack| lack.level != Level::Hint) {
        page.blank();
        lack(page, it, found);
    }
    for found in &it.versions {
        page.blank();
        version(page, it, found);
    }
    plugins(page, it, wanted);
    hints(page, it, wanted);
    if wanted.tree {
        tree(page, it);
    }
    if wanted.all {
        found(page, it);
    }
    if !it.notes.is_empty() {
        page.blank();
    }
    for note in &it.notes {
        page.wrapped(2, 8, &[(Ink::Faint, "Note: "), (Ink::Plain, note)]);
    }
}

fn lack(page: &mut Page<'_>, it: &Survey, lack: &Lack) {
    let (ink, label) = match lack.level {
        Level::Fatal => (Ink::Bad, "error: "),
        Level::Feature => (Ink::Bad, "missing: "),
        Level::Hint => (Ink::Warn, "hint: "),
    };
    page.wrapped(0, 2, &[(ink, label), (Ink::Strong, &libs::sentence(it, lack))]);
    if lack.need != Need::Interpreter {
        asked_by(page, lack);
        looked_in(page, lack);
    }
    if let Some(owner) = &lack.offer.owner {
        let text = format!("{} ({}) has the one that is there", owner.name, owner.architecture);
        page.labelled(2, LABEL, "package", &text);
    }
    if let Some(package) = lack.offer.package.as_ref().filter(|_| lack.offer.note.is_some()) {
        page.labelled(2, LABEL, "wanted", package);
    }
    if let Some(note) = &lack.offer.note {
        page.labelled(2, LABEL, "note", note);
    }
    let mut label = "do";
    for line in libs::remedies(it, lack) {
        page.line(2, &[(Ink::Strong, &format!("{label:LABEL$}")), (Ink::Plain, &line)]);
        label = "";
    }
}

fn asked_by(page: &mut Page<'_>, lack: &Lack) {
    if let Need::Plugin { framework, asked } = &lack.need {
        page.labelled(2, LABEL, "plug-in of", framework);
        page.labelled(2, LABEL, "asked for", asked);
        if !lack.chain.is_empty() {
            page.labelled(2, LABEL, "through", &lack.chain.join(" -> "));
        }
        return;
    }
    let mut label = "needed by";
    for path in lack.by.iter().take(MOST_ASKERS) {
        page.labelled(2, LABEL, label, path);
        label = "";
    }
    if lack.by.len() > MOST_ASKERS {
        page.labelled(2, LABEL, "", &format!("and {} more", lack.by.len() - MOST_ASKERS));
    }
    if lack.chain.len() > 2 {
        page.labelled(2, LABEL, "through", &lack.chain.join(" -> "));
    }
}

/// Folders by rule, in order.
fn looked_in(page: &mut Page<'_>, lack: &Lack) {
    let mut rules: Vec<(String, Vec<String>)> = Vec::new();
    for it in lack.tries.iter().filter(|it| !is_for_better(it)) {
        let (_, rule) = libs::rule(&it.rule);
        let mut place = match it.path.rsplit_once('/') {
            Some((folder, name)) if lack.what.ends_with(name) => folder.to_owned(),
            _ => it.path.clone(),
        };
        if let (_, Some(more)) = libs::outcome(it) {
            place = format!("{} ({more})", it.path);
        }
        match rules.last_mut().filter(|(last, _)| *last == rule) {
            Some((_, places)) => places.push(place),
            None => rules.push((rule, vec![place])),
        }
    }
    let mut label = "looked in";
    for (rule, places) in rules {
        let more = places.len().saturating_sub(MOST_FOLDERS);
        let mut text = places.into_iter().take(MOST_FOLDERS).collect::<Vec<_>>().join(", ");
        if more > 0 {
            text.push_str(&format!(", and {more} more"));
        }
        page.labelled(2, LABEL, label, &format!("{rule}: {text}"));
        label = "";
    }
}

/// Whether nothing was there, in a folder for better processors: in a record each folder has a dozen of them.
fn is_for_better(it: &Try) -> bool {
    let mut parts = it.path.rsplit('/').skip(1);
    let old = ["tls", "x86_64", "haswell", "xeon_phi", "avx512_1", "i586", "i686", "sse2"];
    let part = parts.next().unwrap_or_default();
    let better = old.contains(&part) || parts.next() == Some("glibc-hwcaps");
    better && it.outcome == Outcome::Absent
}

fn version(page: &mut Page<'_>, it: &Survey, lack: &libraries::VersionLack) {
    let (ink, label) = match (libs::is_fatal(it, lack), lack.is_unversioned) {
        (true, _) => (Ink::Bad, "error: "),
        (false, true) => (Ink::Warn, "hint: "),
        (false, false) => (Ink::Bad, "missing: "),
    };
    page.wrapped(0, 2, &[(ink, label), (Ink::Strong, &libs::version(lack))]);
    if !lack.more.is_empty() {
        page.labelled(2, LABEL, "also", &lack.more.join(", "));
    }
    if let Some(remedy) = libs::version_remedy(lack) {
        page.labelled(2, LABEL, "do", &remedy);
    }
}

/// Frameworks in use, a line each: those of whose plug-ins some are for others only, or all of them.
fn plugins(page: &mut Page<'_>, it: &Survey, wanted: LibrariesLook) {
    let told = |it: &&Plugins| wanted.all || !it.only_elsewhere.is_empty();
    let all: Vec<&Plugins> = it.frameworks.iter().filter(told).collect();
    if !all.is_empty() {
        page.blank();
        page.heading(0, "Plug-ins");
    }
    for one in all {
        let mut text = match (one.found, one.folders.first()) {
            (0, None) => "none is installed for it".to_owned(),
            (0, Some(folder)) => format!("none for it in {folder}"),
            (count, Some(_)) => format!("{count} in {}", one.folders.join(", ")),
            (count, None) => format!("{count}"),
        };
        if one.is_maybe {
            text = format!("{text} ({} is only named in it)", one.library);
        }
        page.wrapped(
            2,
            4,
            &[(Ink::Strong, one.framework), (Ink::Plain, ": "), (Ink::Plain, &text)],
        );
        let names: Vec<&str> =
            one.only_elsewhere.iter().filter_map(|it| it.path.rsplit('/').next()).collect();
        if let Some(first) = one.only_elsewhere.first() {
            let more = names.len().saturating_sub(MOST_FOLDERS);
            let mut list = names.into_iter().take(MOST_FOLDERS).collect::<Vec<_>>().join(", ");
            if more > 0 {
                list.push_str(&format!(", and {more} more"));
            }
            let folder = first.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let text = format!("for {} only, in {folder}: {list}", first.abi);
            page.wrapped(4, 6, &[(Ink::Warn, &text)]);
        }
    }
}

fn hints(page: &mut Page<'_>, it: &Survey, wanted: LibrariesLook) {
    let all: Vec<&Lack> = it.lacks.iter().filter(|lack| lack.level == Level::Hint).collect();
    if !all.is_empty() {
        page.blank();
        page.heading(0, "Not there, and perhaps not wanted");
    }
    // Many plug-ins come out of one package: what mends them is told once.
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for lack in all.iter().take(MOST) {
        match lack.elsewhere.first().filter(|it| it.why == Why::OtherAbi) {
            Some(other) => {
                let mended = lack.offer.commands.iter().map(|it| format!("; {it}"));
                let why = format!("only for {}{}", other.abi, mended.collect::<String>());
                match groups.iter_mut().find(|it| it.0 == why) {
                    Some(group) => group.1.push(&lack.what),
                    None => groups.push((why, vec![&lack.what])),
                }
            }
            None => page.wrapped(2, 4, &[(Ink::Plain, &libs::sentence(it, lack))]),
        }
    }
    for (why, names) in groups {
        page.wrapped(2, 4, &[(Ink::Plain, &format!("{why}: {}", names.join(", ")))]);
    }
    // What may be asked for matters most where it is there for somebody else.
    let maybe: Vec<&libraries::Maybe> = it
        .maybe
        .iter()
        .filter(|it| it.path.is_none() && (wanted.all || !it.elsewhere.is_empty()))
        .collect();
    if maybe.is_empty() {
        return;
    }
    page.blank();
    page.heading(0, "May be asked for by name, and would not be found");
    for it_ in maybe.iter().take(MOST) {
        let others = libs::others(it.abi, &it_.elsewhere);
        let mut text = others.join(", and ");
        if text.is_empty() {
            text = match it_.elsewhere.first() {
                Some(place) => format!("it is at {}, where it is not looked for", place.path),
                None => "none is installed".to_owned(),
            };
        }
        let by = it_.by.first().map(String::as_str).unwrap_or_default();
        let text = format!("{text}; its name is in {by}");
        page.wrapped(2, 4, &[(Ink::Strong, &it_.name), (Ink::Plain, ": "), (Ink::Plain, &text)]);
    }
}

/// Who asked for whom first.
fn tree(page: &mut Page<'_>, it: &Survey) {
    page.blank();
    page.heading(0, "Who asked for whom");
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); it.libraries.len()];
    for (number, library) in it.libraries.iter().enumerate() {
        if let Some(of) = library.by.filter(|by| *by < number).and_then(|by| children.get_mut(by)) {
            of.push(number);
        }
    }
    let mut waiting = vec![(0, 0)];
    while let Some((number, depth)) = waiting.pop() {
        let Some(library) = it.libraries.get(number) else { continue };
        let indent = 2 + 2 * depth.min(DEEPEST);
        page.line(indent, &arrow(library));
        for lack in it.lacks.iter().filter(|lack| lack.by.first() == Some(&library.path)) {
            page.line(indent + 2, &[(Ink::Bad, &lack.what), (Ink::Bad, " is missing")]);
        }
        let of = children.get(number).cloned().unwrap_or_default();
        waiting.extend(of.into_iter().rev().map(|child| (child, depth + 1)));
    }
}

fn arrow(library: &Library) -> Vec<(Ink, &str)> {
    match library.by {
        None => vec![(Ink::Strong, &library.path)],
        Some(_) => {
            vec![(Ink::Strong, &library.name), (Ink::Faint, " => "), (Ink::Plain, &library.path)]
        }
    }
}

fn found(page: &mut Page<'_>, it: &Survey) {
    let (own, of_plugins): (Vec<&Library>, Vec<&Library>) =
        it.libraries.iter().skip(1).partition(|library| library.root == 0);
    for (title, list) in [("Found", own), ("Found, loaded by name or with plug-ins", of_plugins)] {
        if list.is_empty() {
            continue;
        }
        page.blank();
        page.heading(0, &format!("{title} ({})", list.len()));
        for library in list {
            page.line(2, &arrow(library));
            for lost in &library.lost {
                page.wrapped(4, 6, &[(Ink::Warn, "not read: "), (Ink::Plain, lost)]);
            }
        }
    }
    let names: Vec<&libraries::Maybe> = it.maybe.iter().filter(|it| it.path.is_some()).collect();
    if !names.is_empty() {
        page.blank();
        page.heading(0, "May be asked for by name, and would be found");
    }
    for it in names.iter().take(MOST) {
        let path = it.path.as_deref().unwrap_or_default();
        page.line(2, &[(Ink::Strong, &it.name), (Ink::Faint, " => "), (Ink::Plain, path)]);
    }
}

//! A set of images by address.

use super::Look;
use super::page::{Ink, Page};
use crate::rebase::{Rebased, Rebasing, why};
use pe::Machine;
use rebase::{Moves, Place, Plan, Stays};

/// Columns of a bar.
const BAR: u64 = 20;
/// Images of one list that are shown by name.
const MOST: usize = 400;

/// The set as a page: a map of addresses for each processor, what stays and why, what was or would be done.
pub fn rebase_text(it: &Rebasing<'_>, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    headline(&mut page, it);
    let mut machines: Vec<Machine> = Vec::new();
    for member in it.members {
        if !machines.contains(&member.machine) {
            machines.push(member.machine);
        }
    }
    for machine in machines {
        map(&mut page, it, machine);
    }
    remarks(&mut page, it);
    by_system(&mut page, it);
    missing(&mut page, it);
    if !it.unread.is_empty() {
        page.blank();
    }
    for sentence in it.unread {
        page.wrapped(2, 4, &[(Ink::Warn, "Not read: "), (Ink::Plain, sentence)]);
    }
    close(&mut page, it);
    page.finish()
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn headline(page: &mut Page<'_>, it: &Rebasing<'_>) {
    let images = plural(it.members.len(), "image", "images");
    let (ink, text) = match it.plan.colliding() {
        0 => (Ink::Good, "none wants addresses that another wants".to_owned()),
        1 => (Ink::Bad, "1 wants addresses that another wants".to_owned()),
        count => (Ink::Bad, format!("{count} want addresses that another wants")),
    };
    page.wrapped(0, 2, &[(Ink::Strong, &images), (Ink::Plain, ": "), (ink, &text)]);
}

/// Members of a processor whose address matters, by address.
fn map(page: &mut Page<'_>, it: &Rebasing<'_>, machine: Machine) {
    let outside = |moves: &Moves| matches!(moves, Moves::BySystem | Moves::Not(Stays::Native));
    let mut all: Vec<usize> = (0..it.members.len())
        .filter(|index| it.members[*index].machine == machine)
        .filter(|index| !outside(&it.members[*index].moves))
        .collect();
    if all.is_empty() {
        return;
    }
    all.sort_by_key(|index| (it.members[*index].base, it.members[*index].end(), *index));
    page.blank();
    page.heading(2, &format!("Addresses, {machine}"));
    let mut rest = all.as_slice();
    let mut shown = 0;
    while let Some(first) = rest.first() {
        // As many as overlap each other, one with the next.
        let start = it.members[*first].base;
        let mut end = it.members[*first].end();
        let mut count = 1;
        while let Some(next) = rest.get(count).filter(|next| it.members[**next].base < end) {
            end = end.max(it.members[*next].end());
            count += 1;
        }
        let (cluster, behind) = rest.split_at(count);
        for index in cluster.iter().take(MOST.saturating_sub(shown)) {
            let together = (count > 1).then_some((start, end));
            row(page, it, *index, together);
        }
        shown += count;
        rest = behind;
    }
    if shown > MOST {
        let text = format!("and {} more, which --format json has", shown - MOST);
        page.line(4, &[(Ink::Faint, &text)]);
    }
}

/// One image: its range, a bar of how it lies in the range of those that it overlaps, where it goes.
fn row(page: &mut Page<'_>, it: &Rebasing<'_>, index: usize, together: Option<(u64, u64)>) {
    let member = &it.members[index];
    let last = member.end().saturating_sub(1);
    let range = format!("{:>9x}-{last:<9x} {:>8}  ", member.base, size(member.size));
    let bar = match together {
        Some((start, end)) => bar(member.base - start, member.end() - start, end - start),
        None => " ".repeat(BAR as usize),
    };
    let ink = if it.plan.collides[index].is_some() { Ink::Bad } else { Ink::Plain };
    let goes = match it.place(index) {
        Place::Stays => String::new(),
        Place::At(base) => format!(" -> {base:x}"),
        Place::NoRoom => " no room".to_owned(),
    };
    let path = format!("  {}", member.path);
    page.line(4, &[(Ink::Plain, &range), (ink, &bar), (Ink::Strong, &path), (Ink::Place, &goes)]);
}

fn bar(from: u64, to: u64, whole: u64) -> String {
    let column = |at: u64| (u128::from(at) * u128::from(BAR) / u128::from(whole.max(1))) as usize;
    let (from, to) = (column(from), column(to).max(column(from) + 1));
    let room = BAR as usize;
    let (from, to) = (from.min(room - 1), to.min(room));
    format!("{}{}{}", ".".repeat(from), "#".repeat(to - from), ".".repeat(room - to))
}

fn size(bytes: u64) -> String {
    match bytes >> 10 {
        kib if kib < 10_240 => format!("{kib} KiB"),
        kib => format!("{} MiB", kib >> 10),
    }
}

/// Why some stay, what moves at a price, what failed: each said once, with the images that it is true of.
fn remarks(page: &mut Page<'_>, it: &Rebasing<'_>) {
    let mut all: Vec<(Ink, String, Vec<usize>)> = Vec::new();
    let mut say =
        |ink: Ink, index: usize, text: &str| match all.iter_mut().find(|(_, said, _)| said == text)
        {
            Some((.., images)) => images.push(index),
            None => all.push((ink, text.to_owned(), vec![index])),
        };
    for (index, member) in it.members.iter().enumerate() {
        if let Some(Rebased::Failed(error)) = it.outcomes.get(index) {
            say(Ink::Bad, index, &format!("Not moved: {error}"));
        }
        if let (Moves::Not(_), Some((_, text))) = (&member.moves, why(&member.moves)) {
            say(Ink::Warn, index, &format!("Stays: {text}"));
        }
        match it.place(index) {
            Place::NoRoom => {
                let text = "No room is left: begin higher (--base), or use a smaller --offset";
                say(Ink::Bad, index, text);
            }
            Place::At(base) if Plan::is_too_low(member, base) => {
                let text =
                    "Goes below 0x38000000, where Windows 10 and later do not go by the base";
                say(Ink::Warn, index, text);
            }
            Place::At(_) | Place::Stays => {}
        }
        if it.loses_signature(index) {
            let tense = if it.applied { "Has lost" } else { "Will lose" };
            say(Ink::Warn, index, &format!("{tense} its signature, which is of the old file"));
        }
        if it.plan.restamp[index] {
            say(Ink::Plain, index, "Gets another time stamp, since an image is bound to it");
        }
        if member.has_dwarf && matches!(it.place(index), Place::At(_)) {
            let text = "Debuggers will look for what its DWARF names at the old address";
            say(Ink::Plain, index, text);
        }
    }
    if all.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Remarks");
    for (ink, text, images) in all {
        let text = format!("{text}:");
        page.wrapped(4, 6, &[(ink, &text)]);
        super::image::names(page, images.iter().map(|index| it.path(*index).to_owned()).collect());
    }
}

fn by_system(page: &mut Page<'_>, it: &Rebasing<'_>) {
    let all: Vec<&str> = it
        .members
        .iter()
        .filter(|member| member.moves == Moves::BySystem)
        .map(|member| member.path.as_str())
        .collect();
    if all.is_empty() {
        return;
    }
    page.blank();
    let text = format!("Windows chooses their address, DYNAMIC_BASE ({})", all.len());
    page.heading(2, &text);
    super::image::names(page, all.into_iter().map(str::to_owned).collect());
    let text = "It does so once for all processes, until the machine starts again, and where that is taken in one of \
        them, anew. --no-dynamic-base gives these an address of their own as well.";
    page.wrapped(4, 4, &[(Ink::Faint, text)]);
}

fn missing(page: &mut Page<'_>, it: &Rebasing<'_>) {
    if it.missing.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, &format!("Imported and not found here ({})", it.missing.len()));
    super::image::names(page, it.missing.keys().cloned().collect());
    let text =
        "Libraries of Windows are placed by Windows. Give the folder of others with --search.";
    page.wrapped(4, 4, &[(Ink::Faint, text)]);
}

fn close(page: &mut Page<'_>, it: &Rebasing<'_>) {
    page.blank();
    let moved = it.plan.moved() - it.failed();
    if !it.applied {
        let text = match (it.plan.moved(), moved) {
            (0, _) => "Nothing is to be moved.".to_owned(),
            (_, 0) => "Nothing can be moved.".to_owned(),
            _ => {
                let what = plural(moved, "image", "images");
                format!(
                    "Nothing was changed. --apply moves {what}; each old file stays beside the new one."
                )
            }
        };
        return page.wrapped(2, 2, &[(Ink::Strong, &text)]);
    }
    let mut text = format!("{} moved.", plural(moved, "image was", "images were"));
    let kept = it.outcomes.iter().find_map(|outcome| match outcome {
        Rebased::Done { backup } => backup.clone(),
        _ => None,
    });
    if let Some(kept) = kept {
        let name = kept.rsplit('/').next().unwrap_or(&kept);
        text.push_str(&format!(" The old ones stay beside them, as {name}."));
    }
    page.wrapped(2, 2, &[(Ink::Strong, &text)]);
    if it.plan.collide_then > 0 {
        let text = format!("{} still want addresses that another wants.", it.plan.collide_then);
        page.wrapped(2, 2, &[(Ink::Bad, &text)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_where_a_range_lies() {
        assert_eq!(bar(0, 10, 20), "##########..........");
        assert_eq!(bar(19, 20, 20), "...................#");
        assert_eq!(bar(0, 1, 1 << 40), "#...................");
        assert_eq!(bar(u64::MAX - 1, u64::MAX, u64::MAX), "...................#");
    }
}

//! A dry run of an installation: who fits, in the order of ranks, and what the best one does.

use super::Look;
use super::inf::plan;
use super::page::{Ink, Page};
use crate::install::Installation;
use evidence::inf::Node;

/// Most entries that fit, and that do not, that are shown.
const MOST: usize = 30;

/// A dry run as a page.
pub fn install_text(it: &Installation<'_>, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    headline(&mut page, it);
    ranking(&mut page, it);
    elsewhere(&mut page, it);
    if let Some(plan) = it.plan {
        self::plan(&mut page, plan);
    }
    for name in it.missing.iter().take(MOST) {
        page.blank();
        let text =
            format!(" {name} does not lie beside the INF, so the package cannot be imported.");
        page.wrapped(2, 4, &[(Ink::Bad, "Missing:"), (Ink::Plain, &text)]);
    }
    if it.is_refused_unsigned() {
        page.blank();
        let text = " the driver is unsigned, and this system loads no such driver unless test signing is on.";
        page.wrapped(2, 4, &[(Ink::Bad, "Not loaded:"), (Ink::Plain, text)]);
    }
    page.finish()
}

fn headline(page: &mut Page<'_>, it: &Installation<'_>) {
    let device = it.device.hardware.first().or(it.device.compatible.first());
    let device = device.map_or("", String::as_str);
    let system = format!(" on {}: ", it.system);
    match it.chosen() {
        Some(node) => {
            let text = format!("{}, section [{}]", it.path(node.package), node.actual);
            page.wrapped(0, 2, &[(Ink::Strong, device), (Ink::Plain, &system), (Ink::Good, &text)]);
        }
        None => {
            let text = "no driver fits";
            page.wrapped(0, 2, &[(Ink::Strong, device), (Ink::Plain, &system), (Ink::Bad, text)]);
        }
    }
}

fn ranking(page: &mut Page<'_>, it: &Installation<'_>) {
    if it.ranking.nodes.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Drivers that fit, the best first");
    for node in it.ranking.nodes.iter().take(MOST) {
        let lead = format!("0x{:08x}  ", node.rank);
        let about = format!(
            "{} {}, {} {}",
            it.path(node.package),
            node.description,
            node.date,
            node.version
        );
        page.labelled(4, lead.len(), &lead, &about);
        page.wrapped(16, 18, &[(Ink::Faint, &grounds(node))]);
    }
    let all = it.ranking.nodes.len();
    if all > MOST {
        page.line(4, &[(Ink::Faint, &format!("and {} more", all.saturating_sub(MOST)))]);
    }
}

/// Of what a rank is made.
fn grounds(node: &Node) -> String {
    let feature = node.rank >> 16 & 0xFF;
    let kind = match node.rank >> 12 & 0xF {
        0 => "hardware ID is its hardware ID",
        1 => "hardware ID is a compatible ID of it",
        2 => "compatible ID is its hardware ID",
        _ => "compatible ID is a compatible ID of it",
    };
    format!(
        "signature {:#04x} ({}), feature {feature:#04x}, the device's {kind}: {}",
        node.rank >> 24,
        node.signature.name(),
        node.id,
    )
}

fn elsewhere(page: &mut Page<'_>, it: &Installation<'_>) {
    if it.ranking.elsewhere.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Has the device, but does not count");
    for other in it.ranking.elsewhere.iter().take(MOST) {
        let text = format!("{} [{}]: {}", it.path(other.package), other.section, other.why);
        page.wrapped(4, 6, &[(Ink::Plain, &text)]);
    }
}

//! Text for a person: at most [`WIDTH`] columns, apart from what somebody may want to copy whole.

mod brief;
mod catalog;
mod crash;
mod finding;
mod image;
mod imports;
mod incident;
mod inf;
mod install;
mod knowledge;
mod libs;
mod libs_windows;
pub(crate) mod listing;
mod lookup;
mod object;
mod page;
mod process;
mod rebase;
mod replay;
mod rules;
mod scenarios;
mod setup_log;
mod signature;
mod stamp;
mod summary;
mod system_log;
#[cfg(test)]
mod tests;

pub use brief::{
    crash_brief, image_brief, inf_brief, setup_log_brief, shortened, system_log_brief,
};
pub use catalog::{catalog_text, packages_text};
pub use crash::{CrashDetail, crash_text};
pub use image::image_text;
pub use imports::imports_text;
pub use incident::incident_text;
pub(crate) use inf::change_text;
pub use inf::inf_text;
pub use install::install_text;
pub use knowledge::{entries_text, entry_text};
pub use libs::libraries_text;
pub use libs_windows::windows_libraries_text;
pub use listing::{ListingText, Out, listing_text};
pub use lookup::lookup_text;
pub use object::object_text;
pub use process::process_text;
pub use rebase::rebase_text;
pub use replay::{replay_text, session_text};
pub use rules::{rule_text, rules_text};
pub use scenarios::{scenarios_text, suited_text};
pub(crate) use setup_log::{driver, waits};
pub use setup_log::{duration, setup_log_text};
pub use signature::signing_text;
pub(crate) use signature::{page_words, trust_words};
pub use stamp::{stamp_text, stamp_verdict_text};
pub use system_log::system_log_text;

use bench::{Report, Verdict};
use page::{Ink, Page};

pub(crate) use image::called;
pub(crate) use object::class;

/// Columns that text is wrapped to.
pub const WIDTH: usize = 100;

/// How a text shall look.
pub struct Look<'a> {
    /// Whether to colour it with ANSI sequences.
    pub colour: bool,
    /// The line of a source file, for excerpts: file as the compiler recorded it, line from 1.
    /// `None` where the file is not at hand.
    pub source: &'a dyn Fn(&str, u32) -> Option<String>,
}

/// A campaign's outcome: verdict, findings, what was searched, and what could not be.
pub fn test_text(report: &Report, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    headline(&mut page, report);
    for it in &report.findings {
        page.blank();
        finding::finding(&mut page, it);
    }
    page.blank();
    summary::summary(&mut page, report);
    page.finish()
}

fn headline(page: &mut Page<'_>, report: &Report) {
    let count = report.findings.len();
    let (ink, verdict) = match report.verdict {
        Verdict::Clean => (Ink::Good, "nothing wrong found".to_owned()),
        Verdict::Findings => {
            (Ink::Bad, format!("{count} {}", if count == 1 { "finding" } else { "findings" }))
        }
        Verdict::Unsupported => {
            let what = "nothing wrong found, but the bench could not run all of it";
            (Ink::Warn, what.to_owned())
        }
    };
    page.wrapped(0, 0, &[(Ink::Strong, &report.driver), (Ink::Plain, ": "), (ink, &verdict)]);
}

/// `1234567` as `1,234,567`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

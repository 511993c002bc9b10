//! What a person or a program reads: the outcome of a campaign, of a replay, and the rules, as text
//! and as JSON.
//!
//! Nothing is read or printed here; every function returns a text. Names that come from a file (a
//! function, a source line, a scenario) pass through [`escape`] on their way into it, so that no
//! driver can move the cursor, change colours, or turn the direction of the reader's screen.

#![forbid(unsafe_code)]

mod escape;
mod html;
mod install;
mod json;
mod libs;
mod rebase;
#[cfg(test)]
mod samples;
mod setup_log;
#[cfg(test)]
mod setup_log_tests;
mod stamp;
mod text;
mod watch;

pub use escape::escape;
pub use html::{incident_html, setup_log_html};
pub use install::{Installation, Looked, Moment};
pub use json::incident_json;
pub use json::{
    ListingJson, catalog_json, crash_json, entries_json, image_json, imports_json, inf_json,
    install_json, listing_json, lookup_json, object_json, process_json, rebase_json, replay_json,
    rules_json, scenarios_json, setup_log_json, suited_json, system_log_json, test_json,
};
pub use json::{libraries_json, windows_libraries_json};
pub use json::{stamp_json, stamp_verdict_json};
pub use libs::LibrariesLook;
pub use rebase::{Rebased, Rebasing};
pub use setup_log::install_log;
pub use stamp::Tree;
pub use text::{
    CrashDetail, ListingText, Look, Out, catalog_text, crash_text, entries_text, entry_text,
    image_text, imports_text, inf_text, install_text, listing_text, lookup_text, number,
    object_text, packages_text, process_text, rebase_text, replay_text, rule_text, rules_text,
    scenarios_text, setup_log_text, signing_text, suited_text, system_log_text, test_text,
};
pub use text::{
    crash_brief, image_brief, incident_text, inf_brief, setup_log_brief, shortened,
    system_log_brief,
};
pub use text::{libraries_text, windows_libraries_text};
pub use text::{stamp_text, stamp_verdict_text};

pub use watch::{
    Column, WatchLook, watch_html, watch_line, watch_lost_json, watch_lost_words, watch_open,
    watch_process_json, watch_sum, watch_summary, watch_summary_json, watch_tree,
};

pub use text::session_text;

use serde::Serialize;

/// A rule of the verifier, as far as a reader is concerned.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RuleInfo<'a> {
    /// Name, kebab case.
    pub name: &'a str,
    /// What it forbids, in one sentence.
    pub summary: &'a str,
    /// Why that is wrong.
    pub why: &'a str,
    /// What to do instead.
    pub remedy: &'a str,
    /// Pages of the public reference.
    pub references: &'a [&'a str],
}

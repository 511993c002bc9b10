//! The rules, and one rule.

use super::Look;
use super::page::{Ink, Page};
use crate::RuleInfo;

/// Every rule with its summary.
pub fn rules_text(rules: &[RuleInfo<'_>], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let width = rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0) + 2;
    for rule in rules {
        page.labelled(0, width, rule.name, rule.summary);
    }
    page.finish()
}

/// One rule: what it forbids, why, what to do instead, and where to read more.
pub fn rule_text(rule: &RuleInfo<'_>, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    page.wrapped(0, 2, &[(Ink::Strong, rule.name), (Ink::Plain, ": "), (Ink::Plain, rule.summary)]);
    for (heading, text) in [("Why it is wrong", rule.why), ("What to do", rule.remedy)] {
        page.blank();
        page.heading(0, heading);
        page.paragraphs(2, text);
    }
    page.blank();
    page.heading(0, "Read more");
    for reference in rule.references {
        page.line(2, &[(Ink::Plain, reference)]);
    }
    page.finish()
}

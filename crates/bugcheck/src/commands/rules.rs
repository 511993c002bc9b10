//! `bugcheck rules`: what the verifier watches for.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use clap::Args;
use report::RuleInfo;

const EXAMPLES: &str = "\
Examples:
  bugcheck rules
  bugcheck rules irp-double-completion";

/// List the rules that a driver is held to, or explain one
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The rule to explain
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut rules: Vec<RuleInfo<'_>> = verifier::RULES
        .iter()
        .map(|rule| RuleInfo {
            name: rule.name,
            summary: rule.summary,
            why: rule.why,
            remedy: rule.remedy,
            references: rule.references,
        })
        .collect();
    if let Some(name) = &arguments.name {
        rules.retain(|rule| rule.name == name);
        if rules.is_empty() {
            let sentence = format!("there is no rule `{name}`; `bugcheck rules` lists them.");
            return Err(Failure::Input(sentence));
        }
    }
    let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
    output::print(&match (arguments.format, &arguments.name) {
        (Format::Json, _) => report::rules_json(&rules).map_err(no_json)?,
        (Format::Text, None) => report::rules_text(&rules, &look),
        (Format::Text, Some(_)) => {
            rules.iter().map(|rule| report::rule_text(rule, &look)).collect()
        }
    })?;
    Ok(Outcome::Clean)
}

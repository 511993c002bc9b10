//! `bugcheck lookup`: what a code or name means.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use knowledge::{Lookup, Question, Space};

const EXAMPLES: &str = "\
Examples:
  bugcheck lookup 0xC0000034                       a status, an HRESULT, an error: likeliest first
  bugcheck lookup e0000228 -1073741823 31          as logs, debuggers and displays write them
  bugcheck lookup STATUS_DEVICE_BUSY access_denied names, upper or lower case
  bugcheck lookup 0x222000 --as ioctl              in this space only
  bugcheck lookup 2 --in \"CreateFile error\"        where it was found decides what comes first
  bugcheck lookup 0x62 --in \"bug check parameter 1 of 0xC4\"
  bugcheck lookup 0xc4 62                          a bug check and its parameters
  bugcheck lookup \"0x000000D1 (0x0, 0x2, 0x1, 0xfffff80112345678)\"
  bugcheck lookup \"Code 10\"                        as Device Manager says it

Eight digits are taken for hexadecimal. The parameters of a bug check always are.
The exit status is 0 if everything was found, and 2 if something is no code or name that is known.";

/// Say what a code, a mask or a name means, in each space that has it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Numbers and names; or a bug check with its parameters
    #[arg(value_name = "CODE", required = true, allow_negative_numbers = true)]
    codes: Vec<String>,
    /// Look in this space only
    #[arg(long = "as", value_name = "SPACE", value_parser = space_parser())]
    space: Option<Space>,
    /// Where it was found, in free words
    #[arg(long = "in", value_name = "WORDS", default_value = "")]
    context: String,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn space_parser() -> impl TypedValueParser<Value = Space> {
    let words = PossibleValuesParser::new(Space::ALL.iter().map(|space| space.word()));
    words.try_map(|word| Space::by_word(&word).ok_or("there is no such space"))
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let question = Question { space: arguments.space, context: &arguments.context };
    let lookups = knowledge::look_up(&arguments.codes, question);
    let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
    output::print(&match arguments.format {
        Format::Json => report::lookup_json(&lookups).map_err(no_json)?,
        Format::Text => report::lookup_text(&lookups, &look),
    })?;
    let lost: Vec<String> = lookups
        .iter()
        .filter(|lookup| !lookup.is_found())
        .map(|it| sentence(it, arguments))
        .collect();
    if lost.is_empty() { Ok(Outcome::Clean) } else { Err(Failure::Input(lost.join("; ") + ".")) }
}

/// What was not found, and what may have been meant.
fn sentence(lookup: &Lookup, arguments: &Arguments) -> String {
    let asked = lookup.asked.trim();
    let place = arguments.space.map(|space| format!(" as {}", space.word())).unwrap_or_default();
    if lookup.value.is_some() {
        return format!("{asked}: nothing is known of this number{place}");
    }
    if lookup.suggestions.is_empty() {
        return format!("{asked}: this is no number, and no name that is known{place}");
    }
    let names = lookup.suggestions.join(", ");
    format!("{asked}: there is no such name{place}; near it are {names}")
}

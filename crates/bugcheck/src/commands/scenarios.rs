//! `bugcheck scenarios`: the standard scenarios, one of them as it is written, or those of a driver.

use super::no_json;
use crate::driver_file::{self, Beside};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use clap::Args;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  bugcheck scenarios
  bugcheck scenarios read-cancel > mine.toml
  bugcheck scenarios fifo.sys
  bugcheck scenarios fifo.sys --format json | jq '.scenarios[].names[]'

A scenario that is printed is one to begin your own with: change its name, and run it with
`bugcheck test DRIVER.sys --scenario mine.toml`.";

/// List the standard scenarios, print one, or tell which suit a driver
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The scenario to print, or a driver
    #[arg(value_name = "NAME|DRIVER.sys")]
    what: Option<String>,
    /// Device that the driver drives, as for `bugcheck test`
    #[arg(long, value_name = "MODEL|FILE.toml")]
    device: Option<String>,
    /// Image to load beside the driver, as for `bugcheck test`
    #[arg(long, value_name = "FILE[:below|:above]")]
    with: Vec<Beside>,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
    let Some(what) = &arguments.what else {
        let all = bench::standard();
        output::print(&match arguments.format {
            Format::Json => report::scenarios_json(&all).map_err(no_json)?,
            Format::Text => report::scenarios_text(&all, &look),
        })?;
        return Ok(Outcome::Clean);
    };
    let one = bench::standard().into_iter().find(|standard| standard.name == what);
    if let Some(standard) = one {
        output::print(&match arguments.format {
            Format::Json => report::scenarios_json(&[standard]).map_err(no_json)?,
            Format::Text => standard.text.to_owned(),
        })?;
        return Ok(Outcome::Clean);
    }
    // Whatever looks like a file is a driver.
    let path = Path::new(what);
    if !path.exists() && path.extension().is_none() && path.components().count() == 1 {
        let sentence = format!("there is no scenario `{what}`; `bugcheck scenarios` lists them.");
        return Err(Failure::Input(sentence));
    }
    let device = arguments.device.as_deref().filter(|name| *name != "bench");
    let loaded = driver_file::load(path, None, device, &arguments.with)?;
    let suited = bench::suited(&loaded.driver)
        .map_err(|refused| driver_file::refused(&loaded.driver, &refused))?;
    output::print(&match arguments.format {
        Format::Json => report::suited_json(what, &suited).map_err(no_json)?,
        Format::Text => report::suited_text(what, &suited, &look),
    })?;
    Ok(Outcome::Clean)
}

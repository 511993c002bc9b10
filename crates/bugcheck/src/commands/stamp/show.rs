//! `bugcheck stamp show`: what is in a timestamp.

use super::read;
use crate::evidence::timestamp::told;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bugcheck stamp show reply.tsr                    status, time, imprint, signer, certificates
  bugcheck stamp show ask.tsq driver.sys x.cat     queries; timestamps inside of signatures
  bugcheck stamp show paper.pdf                    signatures of a PDF
  bugcheck stamp show reply.tsr --asn1             every element with its offset as well

Nothing is verified here: see `bugcheck stamp verify`.
The exit status is 1 for a reply that grants nothing.";

/// Say what a query, a reply, a token, or a signature with timestamps holds
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Queries, replies, tokens, signatures, catalogs, signed images or PDFs; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// List every element of it (BER) as well
    #[arg(long)]
    asn1: bool,
    /// Form of the outcome; many files as JSON have a line each
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let many = arguments.files.len() > 1;
    let mut worst = Outcome::Clean;
    for path in &arguments.files {
        let bytes = read(path)?;
        let name = path.display().to_string();
        let told = told(&name, &bytes, arguments.format, many, arguments.asn1)?;
        output::print(&told.text)?;
        if told.outcome != Outcome::Clean {
            worst = told.outcome;
        }
    }
    Ok(worst)
}

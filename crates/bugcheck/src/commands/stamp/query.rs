//! `bugcheck stamp query`: makes queries.

use super::{read, write};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::stamps::make::{Wanted, query};
use clap::Args;
use signatures::Hash;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bugcheck stamp query driver.sys                  makes driver.sys.tsq
  bugcheck stamp query *.cat --cert --hash sha512  one for each, asking for the certificate too
  bugcheck stamp query a.bin --out ask.tsq --policy 1.3.6.1.4.1.57264.2

Only the hash of a file goes into a query. The nonce is a random number that the reply has to repeat, so
that an old reply is not taken for a new one.";

/// Make a query (.tsq) for each file
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Files to be stamped; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// sha256, sha384 or sha512; sha224, sha1 and md5 only for tests of servers
    #[arg(long, value_name = "HASH", default_value = "sha256", value_parser = hash)]
    hash: Hash,
    /// Ask for the authority's certificate in the reply
    #[arg(long)]
    cert: bool,
    /// Ask for a policy
    #[arg(long, value_name = "OID")]
    policy: Option<String>,
    /// Put a nonce in; this is the default
    #[arg(long, overrides_with = "no_nonce")]
    nonce: bool,
    /// Put none in
    #[arg(long)]
    no_nonce: bool,
    /// Where to write the query, of one file; - for standard output. If left out, FILE.tsq
    #[arg(long, value_name = "OUT.tsq")]
    out: Option<PathBuf>,
}

fn hash(word: &str) -> Result<Hash, String> {
    Hash::by_word(word).ok_or_else(|| "take sha256, sha384 or sha512".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if arguments.out.is_some() && arguments.files.len() > 1 {
        let sentence = "--out takes one file at a time; give one file, or leave it out.";
        return Err(Failure::Input(sentence.to_owned()));
    }
    if arguments.hash.is_broken() {
        let name = arguments.hash.name();
        output::complain(&format!(
            "{name} is broken: most authorities refuse it, and none should take it."
        ));
    }
    for path in &arguments.files {
        let data = read(path)?;
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(|error| {
            Failure::Input(format!("the system gives no random numbers: {error}; use --no-nonce."))
        })?;
        let made = query(&Wanted {
            hash: arguments.hash,
            digest: &arguments.hash.digest(&data),
            policy: arguments.policy.as_deref(),
            nonce: (!arguments.no_nonce).then_some(nonce),
            certificate: arguments.cert,
        })
        .map_err(|what| Failure::Input(format!("{what}.")))?;
        let out = match &arguments.out {
            Some(out) => out.clone(),
            None if path.as_os_str() == "-" => PathBuf::from("-"),
            None => {
                let mut name = path.clone().into_os_string();
                name.push(".tsq");
                PathBuf::from(name)
            }
        };
        if out.as_os_str() == "-" {
            output::print_bytes(&made)?;
        } else {
            write(&out, &made)?;
            output::print(&format!("{}\n", report::escape(&out.display().to_string())))?;
        }
    }
    Ok(Outcome::Clean)
}

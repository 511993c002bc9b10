//! `bugcheck stamp send`: asks timestamp authorities.

use super::{read, write};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::stamps::send::{Manner, send};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  bugcheck stamp send https://tsa.example driver.sys.tsq
  bugcheck stamp send https://tsa.example http://other.example driver.sys.tsq
  bugcheck stamp send http://localhost:3161 ask.tsq --out reply.tsr --attempts 1

Servers are asked in turn until one answers. A reply is saved only if it answers the query: same hash, same
nonce, the policy asked for, and a signature that holds. Whether its certificate is one to be trusted is for
`stamp verify` to say.
The exit status is 1 if no server gave a timestamp.";

/// Send a query to timestamp authorities, and save the reply (.tsr)
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Addresses of servers, then the query
    #[arg(value_name = "URL... QUERY.tsq", required = true, num_args = 2..)]
    places: Vec<String>,
    /// Where to write the reply; if left out, the query's name with .tsr
    #[arg(long, value_name = "OUT.tsr")]
    out: Option<PathBuf>,
    /// Seconds for one attempt
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Attempts at each server
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let Some((file, urls)) = arguments.places.split_last() else {
        return Err(Failure::Input("give a server and a query.".to_owned()));
    };
    if let Some(url) =
        urls.iter().find(|url| !url.starts_with("http://") && !url.starts_with("https://"))
    {
        let sentence =
            "an address of a server begins with http:// or https://; the query comes last.";
        return Err(Failure::Input(format!("{url}: {sentence}")));
    }
    let path = PathBuf::from(file);
    let query = read(&path)?;
    signatures::timestamp::Request::parse(&query, 0)
        .map_err(|error| Failure::Input(format!("{file}: this is no query: {error}.")))?;
    let manner = Manner {
        time: Duration::from_secs(arguments.timeout),
        attempts: arguments.attempts,
        pause: Duration::from_millis(500),
    };
    match send(urls, &query, &manner, &mut |problem| output::complain(problem)) {
        Ok(answer) => {
            let out = arguments.out.clone().unwrap_or_else(|| path.with_extension("tsr"));
            write(&out, &answer.bytes)?;
            let line = format!("{}: from {}\n", out.display(), answer.url);
            output::print(&format!("{}\n", report::escape(line.trim_end())))?;
            Ok(Outcome::Clean)
        }
        Err(_) => {
            output::complain("no server gave a timestamp for this query; nothing was saved.");
            Ok(Outcome::Findings)
        }
    }
}

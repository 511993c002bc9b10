//! `bugcheck stamp serve`: a timestamp authority.

use crate::failure::{Failure, Outcome};
use crate::output;
use clap::Args;
use signatures::Time;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use timestamp_server::{Authority, Settings, http};

const EXAMPLES: &str = "\
Examples:
  bugcheck stamp serve tsa/                        makes a key and a certificate in tsa/ at its first start
  bugcheck stamp serve tsa/ --listen 127.0.0.1:0   on a free port, which it prints
  bugcheck stamp serve tsa/ --settings tsa.toml

The folder holds key.pem (PKCS #8: RSA, RSA-PSS, P-256, P-384, P-521 or Ed25519), certificate.pem (the authority's first,
then those above it) and the next serial number. Keep it: numbers must never repeat.

Settings, all of which may be left out:
  policy = \"2.999.1\"                    # where a query names none
  policies = [\"2.999.2\"]                # others that a query may name
  hashes = [\"sha256\", \"sha384\", \"sha512\"]
  accuracy_micros = 1000000
  ordering = false
  name_in_token = true
  rsa_padding = \"pkcs1\"               # or \"pss\"
  most_bytes = 16384                    # of a query
  seconds = 10                          # for a request
  connections = 64                      # at a time

It speaks HTTP without TLS and authenticates nobody: for tests and closed networks. Its time is this machine's.";

/// Be a timestamp authority over HTTP, for tests and closed networks
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder with key, certificate and serial number; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3161")]
    listen: String,
    /// Settings (TOML)
    #[arg(long, value_name = "FILE.toml")]
    settings: Option<PathBuf>,
    /// Print a line for each request to standard error
    #[arg(long)]
    verbose: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let settings = match &arguments.settings {
        None => Settings::default(),
        Some(path) => {
            let fail = |what: String| Failure::Input(format!("{}: {what}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| fail(format!("{error}.")))?;
            Settings::parse(&text).map_err(fail)?
        }
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Time::of_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let authority = Authority::open(&arguments.folder, settings, now)
        .map_err(|what| Failure::Input(format!("{what}.")))?;
    let fail = |error: std::io::Error| {
        Failure::Input(format!("{}: it cannot be listened on: {error}.", arguments.listen))
    };
    let listener = TcpListener::bind(&arguments.listen).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    output::print(&format!("http://{address}/\n"))?;
    let verbose = arguments.verbose;
    let note = |line: &str| {
        if verbose {
            output::complain(line);
        }
    };
    http::serve(&authority, &listener, &note).map_err(fail)?;
    Ok(Outcome::Clean)
}

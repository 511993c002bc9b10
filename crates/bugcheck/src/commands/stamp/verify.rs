//! `bugcheck stamp verify`: whether a timestamp is right.

use super::read;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use clap::Args;
use signatures::revocation::{Crl, Ocsp, Revocation};
use signatures::timestamp::{Evidence, Request, Response, Token, token_alone, verify};
use signatures::{Certificate, Time, cms, pem};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = "\
Examples:
  bugcheck stamp verify --data driver.sys driver.sys.tsr --ca root.pem
  bugcheck stamp verify --data a.bin a.tsr --query a.tsq --ca root.pem --untrusted between.pem
  bugcheck stamp verify --data a.bin a.tsr --ca root.pem --crl tsa.crl --ocsp answer.der

Each check is listed with its result; of the first that failed it is said what would mend it. Nothing is
fetched: what is not given is not checked, and told so. Certificates in --ca are trusted if they are CAs or
self-issued; others in there, and all in --untrusted, only help to find the way.
The exit status is 1 if a check failed.";

/// Check a timestamp step by step
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The reply, or a token alone; - for standard input
    #[arg(value_name = "REPLY")]
    reply: PathBuf,
    /// The file that was stamped
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Certificates that you trust, PEM or DER; may be given several times
    #[arg(long, value_name = "PEM")]
    ca: Vec<PathBuf>,
    /// Certificates that may be needed on the way
    #[arg(long, value_name = "PEM")]
    untrusted: Vec<PathBuf>,
    /// CRLs, PEM or DER
    #[arg(long, value_name = "CRL")]
    crl: Vec<PathBuf>,
    /// OCSP responses, DER
    #[arg(long, value_name = "RESPONSE")]
    ocsp: Vec<PathBuf>,
    /// The query that the reply shall answer
    #[arg(long, value_name = "QUERY.tsq")]
    query: Option<PathBuf>,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The DER of each block of each file.
fn all(paths: &[PathBuf], labels: &[&str]) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let bytes = read(path)?;
        let blocks = pem::or_der(&bytes, labels).map_err(|what| wrong(path, &what))?;
        found.extend(blocks.into_iter().map(|block| (path.clone(), block)));
    }
    Ok(found)
}

fn wrong(path: &Path, what: &dyn std::fmt::Display) -> Failure {
    Failure::Input(format!("{}: {what}.", path.display()))
}

fn certificates(all: &[(PathBuf, Vec<u8>)]) -> Result<Vec<Certificate<'_>>, Failure> {
    all.iter()
        .map(|(path, der)| Certificate::parse(der, 0).map_err(|error| wrong(path, &error)))
        .collect()
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    const CERTIFICATE: &[&str] = &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
    let (ca, untrusted) =
        (all(&arguments.ca, CERTIFICATE)?, all(&arguments.untrusted, CERTIFICATE)?);
    let (trusted, untrusted) = (certificates(&ca)?, certificates(&untrusted)?);
    let (crls, ocsp) =
        (all(&arguments.crl, &["X509 CRL"])?, all(&arguments.ocsp, &["OCSP RESPONSE"])?);
    let mut revocation = Revocation::default();
    for (path, der) in &crls {
        revocation.crls.push(Crl::parse(der, 0).map_err(|error| wrong(path, &error))?);
    }
    for (path, der) in &ocsp {
        revocation.ocsp.push(Ocsp::parse(der, 0).map_err(|error| wrong(path, &error))?);
    }
    let query = arguments.query.as_ref().map(|path| Ok((path, read(path)?))).transpose()?;
    let query = query
        .as_ref()
        .map(|(path, bytes)| Request::parse(bytes, 0).map_err(|error| wrong(path, &error)))
        .transpose()?;
    let data = read(&arguments.data)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = since.and_then(|it| i64::try_from(it.as_secs()).ok()).map(Time::of_seconds);

    let reply = read(&arguments.reply)?;
    let evidence = Evidence {
        data: Some(&data),
        query: query.as_ref(),
        trusted: &trusted,
        untrusted: &untrusted,
        revocation: &revocation,
        now,
    };
    let fail = |error: signatures::Error| wrong(&arguments.reply, &error);
    let token;
    let response;
    let verdict = if cms::is_signed_data(&reply) {
        token = Token::parse(&reply, 0).map_err(fail)?;
        token_alone(&token, &evidence)
    } else {
        response = Response::parse(&reply, 0).map_err(fail)?;
        verify(&response, &evidence)
    };
    let name = arguments.reply.display().to_string();
    let text = match arguments.format {
        Format::Json => {
            report::stamp_verdict_json(&name, &verdict).map_err(crate::commands::no_json)?
        }
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            report::stamp_verdict_text(&name, &verdict, &look)
        }
    };
    output::print(&text)?;
    Ok(if verdict.time.is_some() { Outcome::Clean } else { Outcome::Findings })
}

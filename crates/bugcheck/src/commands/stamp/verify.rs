//! `bugcheck stamp verify`: whether a timestamp is right.

use super::read;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::stamps;
use clap::Args;
use signatures::revocation::{Crl, Ocsp, Revocation};
use signatures::timestamp::{Evidence, Request, Response, Token, Verdict, token_alone, verify};
use signatures::{Certificate, Time, cms, pem};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = "\
Examples:
  bugcheck stamp verify --data driver.sys driver.sys.tsr --ca root.pem
  bugcheck stamp verify --data a.bin a.tsr --query a.tsq --ca root.pem --untrusted between.pem
  bugcheck stamp verify --data a.bin a.tsr --ca root.pem --crl tsa.crl --ocsp answer.der
  bugcheck stamp verify driver.sys --ca root.pem   timestamps inside of an image, a catalog, CMS or a PDF

Of a signed file each timestamp is held against the signature that it hangs on, of both kinds (RFC 3161 and the
older counter-signature); that of a PDF document against the bytes that its /ByteRange names.

Each check is listed with its result; of the first that failed it is said what would mend it. Nothing is
fetched: what is not given is not checked, and told so. Certificates in --ca are trusted if they are CAs or
self-issued; others in there, and all in --untrusted, only help to find the way.
The exit status is 1 if a check failed, and 2 for a signed file without timestamps.";

/// Check a timestamp step by step
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The reply, or a token alone; or a signed image, a catalog, a CMS signature or a PDF; - for standard input
    #[arg(value_name = "REPLY")]
    reply: PathBuf,
    /// The file that was stamped; of timestamps inside of a signed file, that lies in it
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
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
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = since.and_then(|it| i64::try_from(it.as_secs()).ok()).map(Time::of_seconds);
    let reply = read(&arguments.reply)?;
    let unpacked = pem::is_pem(&reply).then(|| pem::or_der(&reply, &stamps::LABELS)).transpose();
    let unpacked = unpacked.map_err(|what| wrong(&arguments.reply, &what))?;
    let reply: &[u8] = match unpacked.as_deref() {
        Some([one]) => one,
        Some(all) => {
            let what = format!("it holds {} blocks of PEM; give one", all.len());
            return Err(wrong(&arguments.reply, &what));
        }
        None => &reply,
    };
    let name = arguments.reply.display().to_string();
    let data = arguments.data.as_ref().map(|path| read(path)).transpose()?;
    let evidence = Evidence {
        data: data.as_deref(),
        query: query.as_ref(),
        trusted: &trusted,
        untrusted: &untrusted,
        revocation: &revocation,
        now,
    };
    let fail = |error: signatures::Error| wrong(&arguments.reply, &error);
    let token = cms::is_signed_data(reply).then(|| Token::parse(reply, 0));
    let is_reply = token.is_none() && stamps::is_one(reply);
    if !is_reply && !matches!(token, Some(Ok(_))) {
        if data.is_some() || query.is_some() {
            let what = "--data and --query are for replies and tokens; what timestamps inside of a signed \
                        file are of lies in it";
            return Err(wrong(&arguments.reply, &what));
        }
        return within(&name, reply, &evidence, arguments);
    }
    if data.is_none() {
        return Err(wrong(&arguments.reply, &"give the file that was stamped with --data"));
    }
    let response;
    let verdict = match token {
        Some(token) => token_alone(&token.map_err(fail)?, &evidence),
        None => {
            response = Response::parse(reply, 0).map_err(fail)?;
            verify(&response, &evidence)
        }
    };
    output::print(&told(&name, None, &verdict, arguments.format, false)?)?;
    Ok(if verdict.time.is_some() { Outcome::Clean } else { Outcome::Findings })
}

/// The timestamps inside of a signed file.
fn within(
    name: &str,
    file: &[u8],
    evidence: &Evidence<'_>,
    arguments: &Arguments,
) -> Result<Outcome, Failure> {
    let pieces = stamps::pieces(file).map_err(|what| wrong(&arguments.reply, &what))?;
    let mut texts = Vec::new();
    let mut outcome = Outcome::Clean;
    let mut tell = |place: &str, verdict: &Verdict<'_>| {
        if verdict.time.is_none() {
            outcome = Outcome::Findings;
        }
        texts.push(told(name, Some(place), verdict, arguments.format, true));
    };
    let count = stamps::within::judge(file, &pieces, evidence, &mut tell)
        .map_err(|error| wrong(&arguments.reply, &error))?;
    if count == 0 {
        return Err(wrong(&arguments.reply, &"it is signed, and there is no timestamp in it"));
    }
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 && matches!(arguments.format, Format::Text) {
            output::print("\n")?;
        }
        output::print(&text?)?;
    }
    Ok(outcome)
}

/// One verdict.
fn told(
    name: &str,
    place: Option<&str>,
    verdict: &Verdict<'_>,
    format: Format,
    many: bool,
) -> Result<String, Failure> {
    match format {
        Format::Json => {
            report::stamp_verdict_json(name, place, verdict, many).map_err(crate::commands::no_json)
        }
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            Ok(report::stamp_verdict_text(name, place, verdict, &look))
        }
    }
}

//! A query to timestamp authorities over HTTP (RFC 3161, 3.4), and whether what comes back answers it.

use signatures::timestamp::{Request, Response, against_query};
use std::io::Read;
use std::time::Duration;

/// Most bytes of a reply: tokens have some 6,000, with CRLs inside a few 100,000.
const MOST: u64 = 16 << 20;

/// How to ask.
pub(crate) struct Manner {
    /// Time for one attempt.
    pub time: Duration,
    /// Attempts at each server.
    pub attempts: u32,
    /// Time before the second attempt; twice as long before each further one.
    pub pause: Duration,
}

/// A reply that answers the query.
pub(crate) struct Answer {
    /// Which server.
    pub url: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Asks one server after the other until one answers; what stood in the way at each goes to `note`.
///
/// # Errors
/// If none did: what stood in the way, a sentence each.
pub(crate) fn send(
    urls: &[String],
    query: &[u8],
    manner: &Manner,
    note: &mut dyn FnMut(&str),
) -> Result<Answer, Vec<String>> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(manner.time.min(Duration::from_secs(10))))
        .timeout_global(Some(manner.time))
        .http_status_as_error(false)
        .user_agent(concat!("bugcheck/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut problems = Vec::new();
    for url in urls {
        let mut pause = manner.pause;
        for attempt in 1..=manner.attempts {
            let problem = match ask(&agent, url, query) {
                Ok(bytes) => return Ok(Answer { url: url.clone(), bytes }),
                Err(problem) => problem,
            };
            let sentence = match &problem {
                Problem::Passing(what) | Problem::Lasting(what) => format!("{url}: {what}"),
            };
            note(&sentence);
            problems.push(sentence);
            if matches!(problem, Problem::Lasting(_)) || attempt == manner.attempts {
                break;
            }
            std::thread::sleep(pause);
            pause = pause.saturating_mul(2);
        }
    }
    Err(problems)
}

/// Whether to try again.
enum Problem {
    /// Another time it may go well.
    Passing(String),
    /// The same will come of it.
    Lasting(String),
}

fn ask(agent: &ureq::Agent, url: &str, query: &[u8]) -> Result<Vec<u8>, Problem> {
    let response = agent
        .post(url)
        .content_type("application/timestamp-query")
        .header("Accept", "application/timestamp-reply")
        .send(query)
        .map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                Problem::Lasting(format!("it is no address that can be asked: {error}"))
            }
            error => Problem::Passing(error.to_string()),
        })?;
    let status = response.status();
    let kind = response.headers().get("content-type").and_then(|it| it.to_str().ok());
    let kind = kind.unwrap_or("none").to_owned();
    if !status.is_success() {
        let what = format!("it answers with HTTP status {status}");
        let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        return Err(if passing { Problem::Passing(what) } else { Problem::Lasting(what) });
    }
    let mut bytes = Vec::new();
    let mut body = response.into_body().into_with_config().limit(MOST).reader();
    body.read_to_end(&mut bytes)
        .map_err(|error| Problem::Passing(format!("its reply breaks off: {error}")))?;
    answers(&bytes, query, &kind)?;
    Ok(bytes)
}

/// Whether a reply is one to this query.
fn answers(bytes: &[u8], query: &[u8], kind: &str) -> Result<(), Problem> {
    let reply = Response::parse(bytes, 0).map_err(|error| {
        Problem::Passing(format!("its reply is no timestamp reply (media type {kind}): {error}"))
    })?;
    let mut words = format!("it says: {}", reply.status.name());
    for (name, meaning) in reply.failure_words() {
        words = format!("{words}; {name}: {meaning}");
    }
    for text in &reply.texts {
        words = format!("{words}; \"{text}\"");
    }
    let token = match &reply.token {
        Some(token) if reply.status.is_granted() => token,
        // systemFailure and timeNotAvailable pass; the rest is about the query.
        _ if reply.failures.is_some_and(|bits| bits >> 14 & 1 == 1 || bits >> 25 & 1 == 1) => {
            return Err(Problem::Passing(words));
        }
        _ => return Err(Problem::Lasting(words)),
    };
    let wrong = |what: String| Problem::Passing(format!("its reply is not for this query: {what}"));
    let info = token.info().map_err(|error| wrong(error.to_string()))?;
    let query = Request::parse(query, 0).map_err(|error| Problem::Lasting(error.to_string()))?;
    for check in against_query(&info, &query) {
        if check.is_failed() {
            return Err(wrong(check.words));
        }
    }
    if query.wants_certificate && token.signed.certificates.is_empty() {
        return Err(wrong("it lacks the certificate that was asked for".to_owned()));
    }
    // A broken signature is not worth keeping either, where it can be checked.
    if let [signer] = token.signed.signers.as_slice()
        && let Some(certificate) = token.signed.certificate_of(&signer.id)
        && let Some(content) = &token.signed.content
    {
        let kind = Some(token.signed.content_type);
        for check in signatures::verify::signer(signer, certificate, &content.octets, kind) {
            if check.is_failed() {
                return Err(wrong(check.words));
            }
        }
    }
    Ok(())
}

//! Queries over HTTP/1.1 (RFC 3161, 3.4): one request a connection, within limits of size, time and number.

use crate::Authority;
use signatures::Time;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most bytes of a request's head.
const MOST_HEAD: usize = 8192;

/// Serves until the listener fails. `note` gets a line for each request.
///
/// # Errors
/// If no connection can be taken any more.
pub fn serve(
    authority: &Authority,
    listener: &TcpListener,
    note: &(dyn Fn(&str) + Sync),
) -> io::Result<()> {
    let open = AtomicUsize::new(0);
    thread::scope(|scope| {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                // Whoever knocked has gone away, or there are no handles at the moment.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            if open.fetch_add(1, Ordering::AcqRel) >= authority.settings().connections {
                open.fetch_sub(1, Ordering::AcqRel);
                // Nobody waits for who does not read this.
                let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
                let _ = respond(
                    &stream,
                    "503 Service Unavailable",
                    "text/plain",
                    b"too many connections\n",
                );
                continue;
            }
            let open = &open;
            scope.spawn(move || {
                let line = connection(authority, &stream);
                open.fetch_sub(1, Ordering::AcqRel);
                note(&line);
            });
        }
    })
}

/// One connection: what came of it.
fn connection(authority: &Authority, stream: &TcpStream) -> String {
    let limit = Duration::from_secs(authority.settings().seconds);
    let (status, kind, body) = match request(authority, stream, Instant::now() + limit) {
        Ok(query) => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            let now = Time { seconds, nanos: since.subsec_nanos() };
            ("200 OK", "application/timestamp-reply", authority.answer(&query, now))
        }
        Err(status) => (status, "text/plain", format!("{status}\n").into_bytes()),
    };
    match stream.set_write_timeout(Some(limit)).and_then(|()| respond(stream, status, kind, &body))
    {
        Ok(()) => status.to_owned(),
        Err(error) => format!("{status}, which could not be sent: {error}"),
    }
}

/// The body of a request; else the status that it gets.
fn request(
    authority: &Authority,
    mut stream: &TcpStream,
    end: Instant,
) -> Result<Vec<u8>, &'static str> {
    const SLOW: &str = "408 Request Timeout";
    let most = authority.settings().most_bytes;
    let mut bytes = Vec::new();
    let mut wanted = None;
    loop {
        if let Some(all) = wanted
            && bytes.len() >= all
        {
            break;
        }
        // Each read has what is left of the whole, so that bytes one by one do not buy time.
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Err(SLOW);
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) => return Err("400 Bad Request"),
            Ok(count) => bytes.extend(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(SLOW),
        }
        if wanted.is_none() {
            let Some((head, length)) = head(&bytes)? else {
                if bytes.len() > MOST_HEAD {
                    return Err("431 Request Header Fields Too Large");
                }
                continue;
            };
            if length > most {
                return Err("413 Content Too Large");
            }
            wanted = Some(head + length);
            bytes.reserve(length);
            if stream
                .write_all(if expects(&bytes) { b"HTTP/1.1 100 Continue\r\n\r\n" } else { b"" })
                .is_err()
            {
                return Err(SLOW);
            }
            bytes.drain(..head);
            wanted = wanted.map(|all| all - head);
        }
    }
    bytes.truncate(wanted.unwrap_or(0));
    Ok(bytes)
}

/// Bytes of the head and of the body, once the head is whole.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(parsed) = request.parse(bytes) else { return Err("400 Bad Request") };
    let httparse::Status::Complete(head) = parsed else { return Ok(None) };
    if request.method != Some("POST") {
        return Err("405 Method Not Allowed");
    }
    let value = |name: &str| {
        let found = request.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        found.and_then(|it| std::str::from_utf8(it.value).ok()).map(str::trim)
    };
    let kind = value("content-type").and_then(|it| it.split(';').next()).map(str::trim);
    if !kind.is_some_and(|it| it.eq_ignore_ascii_case("application/timestamp-query")) {
        return Err("415 Unsupported Media Type");
    }
    let Some(length) = value("content-length") else { return Err("411 Length Required") };
    let length = length.parse().map_err(|_| "400 Bad Request")?;
    Ok(Some((head, length)))
}

fn expects(bytes: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(bytes).is_ok()
        && request.headers.iter().any(|it| it.name.eq_ignore_ascii_case("expect"))
}

fn respond(mut stream: &TcpStream, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat())
}

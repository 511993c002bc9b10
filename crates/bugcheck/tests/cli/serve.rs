//! `stamp serve` under load, killed in between: no serial number twice, no broken reply taken.
//!
//! 400 requests; 10,000 with `BUGCHECK_LONG`. Loopback only, and it ends by itself.

use crate::{command, root, run, scratch::Scratch};
use signatures::timestamp::{Response, against_query};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;

/// A server that is killed when dropped.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts one on a free port, with the settings of a file: itself and its address without `http://`.
pub fn start(folder: &Path, settings: Option<&str>) -> (Server, String) {
    let folder = folder.to_str().unwrap();
    let mut arguments = vec!["stamp", "serve", folder, "--listen", "127.0.0.1:0"];
    arguments.extend(settings.iter().flat_map(|file| ["--settings", file]));
    let mut child =
        command(&arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert!(address.contains(':'), "{line}");
    (Server(child), address)
}

/// Bytes of the reply, or nothing where the server went away.
fn post(address: &str, query: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/timestamp-query\r\nContent-Length: {}\r\n\r\n",
        query.len()
    );
    stream.write_all(&[head.as_bytes(), query].concat()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    bytes.starts_with(b"HTTP/1.1 200").then(|| bytes.split_off(end + 4))
}

/// The serial number of a reply that answers the query and is signed; nothing for any other.
fn accepted(reply: &[u8], query: &[u8]) -> Option<String> {
    let query = signatures::timestamp::Request::parse(query, 0).unwrap();
    let reply = Response::parse(reply, 0).ok()?;
    let token = reply.token?;
    let info = token.info().ok()?;
    let signed = &token.signed;
    let certificate = signed.certificate_of(&signed.signers.first()?.id)?;
    let content = &signed.content.as_ref()?.octets;
    let kind = Some(signed.content_type);
    let mut checks = signatures::verify::signer(&signed.signers[0], certificate, content, kind);
    checks.extend(against_query(&info, &query));
    assert!(!checks.iter().any(signatures::Check::is_failed), "{checks:#?}");
    Some(info.serial.to_string())
}

#[test]
fn no_number_repeats_when_the_server_is_killed() {
    let wanted = if std::env::var_os("BUGCHECK_LONG").is_some() { 10_000 } else { 400 };
    let data = Scratch::new("data.bin", b"hello");
    let query = format!("{}.tsq", data.path());
    assert_eq!(run(&["stamp", "query", data.path(), "--cert"]).status, 0);
    let bytes = std::fs::read(&query).unwrap();
    let folder = PathBuf::from(format!("{}.tsa", data.path()));

    let (mut server, first) = start(&folder, None);
    let address = RwLock::new(first);
    let (done, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = Mutex::new(HashSet::new());
    let end = Instant::now() + Duration::from_secs(600);
    let mut kills = 0;
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while done.load(Ordering::Relaxed) < wanted && Instant::now() < end {
                    let to = address.read().unwrap().clone();
                    match post(&to, &bytes).and_then(|reply| accepted(&reply, &bytes)) {
                        Some(serial) => {
                            assert!(
                                seen.lock().unwrap().insert(serial.clone()),
                                "serial {serial} twice"
                            );
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        None => {
                            lost.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                }
            });
        }
        // Killed each time that another sixth is done.
        while kills < 5 && Instant::now() < end {
            if done.load(Ordering::Relaxed) > wanted * (kills + 1) / 6 {
                // SIGKILL, in the middle of whatever it does.
                server.0.kill().unwrap();
                server.0.wait().unwrap();
                let (next, at) = start(&folder, None);
                server = next;
                *address.write().unwrap() = at;
                kills += 1;
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    let count = seen.lock().unwrap().len();
    println!("{count} timestamps, {kills} kills, {} requests lost", lost.load(Ordering::Relaxed));
    assert!(count >= wanted && kills == 5, "{count} timestamps, {kills} kills");

    // What `stamp send` saves verifies, and openssl agrees.
    let url = format!("http://{}/", address.read().unwrap());
    let sent = run(&["stamp", "send", &url, &query]);
    assert_eq!(sent.status, 0, "{}", sent.error);
    let reply = query.replace(".tsq", ".tsr");
    let ca = folder.join("certificate.pem");
    let ca = ca.to_str().unwrap();
    let ran =
        run(&["stamp", "verify", "--data", data.path(), &reply, "--ca", ca, "--query", &query]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.error);
    let openssl = std::process::Command::new("openssl")
        .args(["ts", "-verify", "-data", data.path(), "-in", &reply, "-CAfile", ca])
        .current_dir(root())
        .output();
    match openssl {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr))
        }
        Err(error) => println!("SKIPPED: openssl: {error}"),
    }
    drop(server);
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::remove_file(query).unwrap();
    std::fs::remove_file(reply).unwrap();
}

#[test]
fn who_is_slow_or_large_or_wrong_is_turned_away() {
    let data = Scratch::new("data.bin", b"hello");
    let folder = PathBuf::from(format!("{}.tsa", data.path()));
    let (server, address) = start(&folder, None);
    let ask = |text: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        // What is cut off after the status is no matter here.
        let _ = stream.read_to_string(&mut answer);
        answer.lines().next().unwrap_or_default().to_owned()
    };
    let kind = "Content-Type: application/timestamp-query\r\n";
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("POST / HTTP/1.1\r\n\r\n".to_owned(), "415"),
        (format!("POST / HTTP/1.1\r\n{kind}\r\n"), "411"),
        (format!("POST / HTTP/1.1\r\n{kind}Content-Length: 99999999\r\n\r\n"), "413"),
        (format!("POST / HTTP/1.1\r\n{kind}Content-Length: -1\r\n\r\n"), "400"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("POST / HTTP/1.1\r\nX: {}", "x".repeat(9000)), "431"),
    ] {
        assert!(ask(&request).contains(status), "{request:.60}: {}", ask(&request));
    }
    drop(server);
    std::fs::remove_dir_all(folder).unwrap();
}

//! The old kind of timestamp server (SPEC, Authenticode Timestamp), as far as `osslsigncode -t` needs one: it
//! answers a request with a counter-signature, which openssl makes.

use super::succeed;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

/// Stands for the server's address in a list of arguments.
pub const HERE: &str = "<time server>";

/// Serves until the process ends; its address.
pub fn start(folder: &Path) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/", listener.local_addr()?);
    let folder = folder.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(error) = serve(stream, &folder) {
                eprintln!("time server: {error:#}");
            }
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, folder: &Path) -> Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    let body = loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.context("no Content-Length")?.trim().parse()?;
            if body.len() >= length {
                break body.to_owned();
            }
        }
        let read = stream.read(&mut piece)?;
        ensure!(read > 0, "the request ends early");
        request.extend(&piece[..read]);
    };
    let openssl =
        |arguments: &[&str]| succeed(Command::new("openssl").current_dir(folder).args(arguments));
    let line: String = body.split_whitespace().collect();
    fs::write(folder.join("request.b64"), line + "\n")?;
    openssl(&["base64", "-d", "-A", "-in", "request.b64", "-out", "request.der"])?;
    // TimeStampRequest ends in the OCTET STRING that is to be stamped: a signature of 256 bytes.
    let der = fs::read(folder.join("request.der"))?;
    let at = der.len().checked_sub(256).context("the request is short")?;
    fs::write(folder.join("stamp.bin"), &der[at..])?;
    openssl(&[
        "smime",
        "-sign",
        "-binary",
        "-nodetach",
        "-md",
        "sha256",
        "-signer",
        "tsa.pem",
        "-inkey",
        "tsa.key",
        "-certfile",
        "root.pem",
        "-in",
        "stamp.bin",
        "-outform",
        "DER",
        "-out",
        "stamp.der",
    ])?;
    let reply = openssl(&["base64", "-in", "stamp.der"])?;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.len()
    )?;
    stream.write_all(&reply)?;
    Ok(())
}

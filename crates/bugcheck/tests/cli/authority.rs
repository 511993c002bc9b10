//! `stamp serve` with keys of every kind: openssl verifies what it makes, and reads the same in it as we do. `stamp
//! send` against servers that fail, and such as answer something else.
//!
//! SKIPPED where there is no openssl. `openssl ts` knows neither PSS nor Ed25519: of the former `openssl cms`
//! verifies the token, of the latter `openssl pkeyutl` the signature over its attributes.

use crate::serve::{Server, start};
use crate::{run, scratch::Scratch};
use signatures::timestamp::Response;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// A folder of an authority that a CA of its own vouches for.
struct Home {
    data: Scratch,
    folder: PathBuf,
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        for ending in ["tsq", "tsr"] {
            let _ = std::fs::remove_file(format!("{}.{ending}", self.data.path()));
        }
    }
}

impl Home {
    fn new() -> Option<Home> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("SKIPPED: there is no openssl");
            return None;
        }
        let data = Scratch::new("data.bin", b"hello");
        let folder = PathBuf::from(format!("{}.tsa", data.path()));
        std::fs::create_dir_all(&folder).unwrap();
        Some(Home { data, folder })
    }

    /// Runs openssl with words that blanks separate; what it prints.
    fn openssl(&self, words: &str) -> String {
        let output = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {words}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Key and certificates in the folder.
    fn authority(&self, key: &str) {
        self.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 \
            -subj /CN=Root -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign");
        self.write(
            "ext",
            b"basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n\
            extendedKeyUsage=critical,timeStamping\n",
        );
        self.openssl(&format!("genpkey {key} -out key.pem"));
        self.openssl("req -new -key key.pem -subj /CN=Authority -out tsa.csr");
        self.openssl("x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile ext -out tsa.pem");
        let both = [self.read("tsa.pem"), self.read("ca.pem")].concat();
        self.write("certificate.pem", &both);
    }

    fn serve(&self, settings: &str) -> (Server, String) {
        let settings = self.write("tsa.toml", settings.as_bytes());
        let (server, address) = start(&self.folder, Some(&settings));
        (server, format!("http://{address}/"))
    }

    /// Asks for a timestamp, for the reply.
    fn stamp(&self, url: &str) -> Vec<u8> {
        let ran = run(&["stamp", "query", self.data.path(), "--cert", "--policy", "1.2.3.4"]);
        assert_eq!(ran.status, 0, "{}", ran.error);
        let sent = run(&["stamp", "send", url, &self.query()]);
        assert_eq!(sent.status, 0, "{}", sent.error);
        std::fs::read(self.reply()).unwrap()
    }

    fn query(&self) -> String {
        format!("{}.tsq", self.data.path())
    }

    fn reply(&self) -> String {
        format!("{}.tsr", self.data.path())
    }
}

const SETTINGS: &str = "policies = [\"1.2.3.4\"]\naccuracy_micros = 1002003\nordering = true\n";

/// What we show of a reply is what `openssl ts -reply -text` prints.
fn same_as_openssl(home: &Home) {
    let text = home.openssl(&format!("ts -reply -in {} -text", home.reply()));
    let shown = run(&["stamp", "show", &home.reply(), "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let part = &shown["parts"][0];
    let line = |start: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(start));
        found.unwrap_or_else(|| panic!("{start}: {text}")).trim().to_lowercase()
    };
    let own = |name: &str| part["timestamp"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(line("Status: "), "granted.");
    assert_eq!(line("Policy OID: "), "1.2.3.4");
    assert_eq!(part["timestamp"]["policy"]["oid"], "1.2.3.4");
    assert_eq!(line("Hash Algorithm: "), "sha256");
    let hex = |text: &str| text.trim_start_matches("0x").trim_start_matches('0').to_owned();
    assert_eq!(hex(&line("Serial number: ")), hex(&own("serial")));
    assert_eq!(hex(&line("Nonce: ")), hex(&own("nonce")));
    assert_eq!(line("Accuracy: "), "0x01 seconds, 0x02 millis, 0x03 micros");
    assert_eq!(own("accuracy_seconds"), "1.002003");
    assert_eq!(line("Ordering: "), "yes");
    assert_eq!(part["timestamp"]["ordering"], true);
    assert_eq!(line("TSA: "), "dirname:/cn=authority");
    assert_eq!(own("authority"), "CN=Authority");
    // `Nov 30 10:00:00.123456 2026 GMT` and `2026-11-30 10:00:00.123456 UTC`.
    let (time, own) = (line("Time stamp: "), own("time"));
    let clock =
        |text: &str| text.split_whitespace().find(|it| it.contains(':')).unwrap().to_owned();
    assert_eq!(clock(&time), clock(&own));
    assert!(own.starts_with(time.split_whitespace().nth(3).unwrap()), "{time}, {own}");
}

#[test]
fn openssl_verifies_what_is_stamped_with_every_kind_of_key() {
    for (key, padding) in [
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "pkcs1"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "pss"),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "pss"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", ""),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", ""),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", ""),
        ("-algorithm ED25519", ""),
    ] {
        let Some(home) = Home::new() else { return };
        home.authority(key);
        let settings = match padding {
            "" => SETTINGS.to_owned(),
            padding => format!("{SETTINGS}rsa_padding = \"{padding}\"\n"),
        };
        let (server, url) = home.serve(&settings);
        let reply = home.stamp(&url);
        drop(server);
        let ca = home.folder.join("ca.pem").to_str().unwrap().to_owned();
        let arguments = [
            "stamp",
            "verify",
            "--data",
            home.data.path(),
            &home.reply(),
            "--ca",
            &ca,
            "--query",
            &home.query(),
        ];
        let ran = run(&arguments);
        assert_eq!(ran.status, 0, "{key}: {}{}", ran.out, ran.error);
        same_as_openssl(&home);

        let token = Response::parse(&reply, 0).unwrap().token.unwrap();
        let signed = &token.signed;
        assert_eq!(signed.certificates.len(), 2, "{key}");
        if padding == "pss" {
            home.write("token.der", signed.raw);
            home.openssl("cms -verify -binary -inform DER -in token.der -CAfile ca.pem -purpose timestampsign -out info");
            assert_eq!(
                home.read("info"),
                signed.content.as_ref().unwrap().octets.as_ref(),
                "{key}"
            );
            let words = signed.signers[0].signature_algorithm.words();
            assert!(words.contains("PSS"), "{key}: {words}");
        } else if key.contains("ED25519") {
            let mut attributes = signed.signers[0].signed.as_ref().unwrap().element.raw.to_vec();
            attributes[0] = 0x31;
            home.write("attributes", &attributes);
            home.write("signature", &signed.signers[0].signature);
            home.openssl("pkey -in key.pem -pubout -out pub.pem");
            home.openssl(
                "pkeyutl -verify -pubin -inkey pub.pem -rawin -in attributes -sigfile signature",
            );
        } else {
            let (data, query, reply) = (home.data.path(), home.query(), home.reply());
            home.openssl(&format!("ts -verify -data {data} -in {reply} -CAfile ca.pem"));
            home.openssl(&format!("ts -verify -queryfile {query} -in {reply} -CAfile ca.pem"));
        }
    }
}

/// A server that gives one answer to every request, and then goes away with the test.
fn answering(status: &'static str, body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // All of the request, so that nothing unread resets the connection.
            let mut request: Vec<u8> = Vec::new();
            let mut piece = [0; 4096];
            let due = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).to_ascii_lowercase();
                let head = text.find("\r\n\r\n")? + 4;
                let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
                Some(head + length.trim().parse::<usize>().ok()?)
            };
            while due(&request).is_none_or(|due| request.len() < due) {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend(&piece[..count]),
                }
            }
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    url
}

fn is_there(path: &str) -> bool {
    Path::new(path).exists()
}

#[test]
fn only_what_answers_the_query_is_saved() {
    let Some(home) = Home::new() else { return };
    home.authority("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let (server, url) = home.serve(SETTINGS);
    // Replies to queries of the same file with another nonce, of another file, and under another policy.
    let other_nonce = home.stamp(&url);
    let mut damaged = other_nonce.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let asked = |data: &str, more: &[&str]| {
        assert_eq!(run(&[&["stamp", "query", data, "--no-nonce"], more].concat()).status, 0);
        let query = format!("{data}.tsq");
        let sent = run(&["stamp", "send", &url, &query]);
        assert_eq!(sent.status, 0, "{}", sent.error);
        let reply = format!("{data}.tsr");
        let bytes = std::fs::read(&reply).unwrap();
        std::fs::remove_file(reply).unwrap();
        (std::fs::read(&query).unwrap(), bytes)
    };
    let other = home.write("other.bin", b"other");
    let (_, other_file) = asked(&other, &["--cert"]);
    let (_, other_policy) = asked(home.data.path(), &["--cert", "--policy", "2.999.1"]);
    let (_, no_certificate) = asked(home.data.path(), &["--policy", "1.2.3.4"]);
    let (without_nonce, good) = asked(home.data.path(), &["--cert", "--policy", "1.2.3.4"]);
    let query = home.query();
    let reply = home.reply();

    let refused = |bytes: Vec<u8>, said: &str| {
        let bad = answering("200 OK", bytes);
        let ran = run(&["stamp", "send", &bad, &query, "--attempts", "1"]);
        assert_eq!(ran.status, 1, "{said}: {}", ran.error);
        assert!(ran.error.contains(said), "{said}: {}", ran.error);
        assert!(!is_there(&reply), "{said}: a reply was saved");
        bad
    };
    // This query has no nonce, so only what it asks for tells.
    assert_eq!(std::fs::read(&query).unwrap(), without_nonce);
    refused(other_file, "the query asked for SHA-256");
    refused(other_policy, "the query asked for the policy 1.2.3.4");
    refused(no_certificate, "it lacks the certificate");
    refused(good[..good.len() - 5].to_vec(), "its reply is no timestamp reply");
    // Rejected, for a bad algorithm.
    refused(vec![0x30, 9, 0x30, 7, 2, 1, 2, 3, 2, 7, 0x80], "badAlg");
    assert_eq!(
        run(&["stamp", "query", home.data.path(), "--cert", "--policy", "1.2.3.4"]).status,
        0
    );
    refused(damaged, "nonce");
    let bad = refused(other_nonce, "nonce");

    // A signature that does not hold, over the right content.
    let mut broken = good.clone();
    *broken.last_mut().unwrap() ^= 1;
    std::fs::write(&query, &without_nonce).unwrap();
    refused(broken, "did not make it");

    // Servers that fail, and then one that does not.
    assert_eq!(
        run(&["stamp", "query", home.data.path(), "--cert", "--policy", "1.2.3.4"]).status,
        0
    );
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let failing = answering("500 Internal Server Error", b"sorry".to_vec());
    let ran = run(&["stamp", "send", &nobody, &failing, &bad, &url, &query, "--attempts", "2"]);
    assert_eq!(ran.status, 0, "{}", ran.error);
    assert!(ran.out.contains(&url), "{}", ran.out);
    for told in [&nobody, &failing, &bad] {
        let count = ran.error.lines().filter(|line| line.contains(told.as_str())).count();
        assert_eq!(count, 2, "{told}: {}", ran.error);
    }
    assert!(is_there(&reply));
    drop(server);
}

//! What openssl makes, for every algorithm: it verifies here, and no longer once a byte is changed.
//!
//! SKIPPED where there is no openssl. `openssl ts` cannot sign with PSS or Ed25519; `openssl cms` makes
//! tokens with the former, and certificates are what it signs with the latter.

#![allow(clippy::disallowed_methods, reason = "tests run openssl and read what it makes")]

use signatures::revocation::{Crl, Ocsp, Revocation};
use signatures::timestamp::{Evidence, Request, Response, Token, Verdict, token_alone, verify};
use signatures::{Certificate, Time, pem};
use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIGURATION: &str = "\
[ca]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[stamping]
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
authorityKeyIdentifier=keyid
[tsa]
default_tsa=tsa1
[tsa1]
serial=serial
default_policy=1.2.3.4.1
other_policies=1.2.3.4.5
digests=sha1,sha256,sha384,sha512
accuracy=secs:1,millisecs:500,microsecs:100
ordering=yes
tsa_name=yes
ess_cert_id_chain=no
ess_cert_id_alg=sha256
[default_ca]
default_ca=ca1
[ca1]
database=index
crlnumber=crlnumber
default_md=sha256
default_crl_days=30
";

struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Option<Home> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("SKIPPED: there is no openssl");
            return None;
        }
        let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("openssl-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let home = Home(home);
        home.write("c.cnf", CONFIGURATION.as_bytes());
        home.write("data", b"hello");
        home.write("serial", b"01\n");
        Some(home)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs openssl with words that blanks separate.
    fn run(&self, words: &str) {
        let mut command = Command::new("openssl");
        let output = command.args(words.split_whitespace()).current_dir(&self.0).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {words}: {said}");
    }

    /// A CA, and a certificate for timestamping with a key of its own.
    fn authority(&self, key: &str) {
        self.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
                  -subj /CN=Root -config c.cnf -extensions ca -days 30 -batch"
            .replace("-config c.cnf -extensions ca", "-addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign")
            .as_str());
        self.run(&format!("genpkey {key} -out tsa.key"));
        self.run("req -new -key tsa.key -subj /CN=Authority -out tsa.csr");
        self.run("x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile c.cnf \
                  -extensions stamping -out tsa.pem");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::of_seconds(i64::try_from(since.as_secs()).unwrap())
}

fn judged<'a>(token: bool, reply: &'a [u8], evidence: &Evidence<'a>) -> Verdict<'a> {
    if token {
        return token_alone(&Token::parse(reply, 0).unwrap(), evidence);
    }
    verify(&Response::parse(reply, 0).unwrap(), evidence)
}

/// Verifies what lies in `home`, then with one byte of the signature changed.
fn hold(home: &Home, reply: &str, query: bool, what: &str) {
    let bytes = home.read(reply);
    let ca = pem::or_der(&home.read("ca.pem"), &["CERTIFICATE"]).unwrap();
    let tsa = pem::or_der(&home.read("tsa.pem"), &["CERTIFICATE"]).unwrap();
    let (trusted, untrusted) =
        ([Certificate::parse(&ca[0], 0).unwrap()], [Certificate::parse(&tsa[0], 0).unwrap()]);
    let asked = if query { home.read("q.tsq") } else { Vec::new() };
    let asked = query.then(|| Request::parse(&asked, 0).unwrap());
    let revocation = Revocation::default();
    let evidence = Evidence {
        data: Some(b"hello"),
        query: asked.as_ref(),
        trusted: &trusted,
        untrusted: &untrusted,
        revocation: &revocation,
        now: Some(now()),
    };
    let verdict = judged(!query, &bytes, &evidence);
    assert!(verdict.time.is_some(), "{what}: {:#?}", verdict.checks);
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let verdict = judged(!query, &damaged, &evidence);
    let failed: Vec<_> =
        verdict.checks.iter().filter(|it| it.is_failed()).map(|it| it.name).collect();
    assert_eq!(failed, ["signature"], "{what}, damaged");
}

#[test]
fn replies_of_openssl_ts_verify() {
    for (name, key) in [
        ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        ("p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
    ] {
        let Some(home) = Home::new(name) else { return };
        home.authority(key);
        for hash in ["sha256", "sha384", "sha512"] {
            home.run(&format!("ts -query -data data -{hash} -cert -out q.tsq"));
            home.run(&format!(
                "ts -reply -config c.cnf -section tsa1 -queryfile q.tsq -signer tsa.pem -inkey tsa.key \
                 -{hash} -chain ca.pem -out r.tsr"
            ));
            let reply = home.read("r.tsr");
            let count =
                Response::parse(&reply, 0).unwrap().token.unwrap().signed.certificates.len();
            assert_eq!(count, 2, "openssl brings the CA along");
            hold(&home, "r.tsr", true, &format!("{name} {hash}"));
        }
    }
}

/// The same TSTInfo, signed by `openssl cms` with RSA-PSS.
#[test]
fn tokens_of_openssl_cms_verify() {
    let Some(home) = Home::new("pss") else { return };
    home.authority("-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    home.run("ts -query -data data -sha256 -out q.tsq");
    home.run(
        "ts -reply -config c.cnf -section tsa1 -queryfile q.tsq -signer tsa.pem -inkey tsa.key \
              -sha256 -out r.tsr",
    );
    let reply = home.read("r.tsr");
    let token = Response::parse(&reply, 0).unwrap().token.unwrap();
    home.write("info", &token.signed.content.unwrap().octets);
    for hash in ["sha256", "sha384", "sha512"] {
        home.run(&format!(
            "cms -sign -binary -nodetach -econtent_type 1.2.840.113549.1.9.16.1.4 -cades -md {hash} \
             -signer tsa.pem -inkey tsa.key -keyopt rsa_padding_mode:pss -in info -outform DER -out t.p7"
        ));
        hold(&home, "t.p7", false, &format!("pss {hash}"));
    }
}

/// openssl before 3.2 makes no CMS with Ed25519; certificates it does.
#[test]
fn certificates_of_ed25519_verify() {
    let Some(home) = Home::new("ed25519") else { return };
    home.run("genpkey -algorithm ED25519 -out key.pem");
    home.run("req -x509 -key key.pem -subj /CN=Ed25519 -days 20 -outform DER -out c.der");
    let mut bytes = home.read("c.der");
    let own = Certificate::parse(&bytes, 0).unwrap();
    assert_eq!(own.key.words(), "Ed25519");
    assert_eq!(signatures::chain::is_signed_by(&own, &own), Ok(()));
    *bytes.last_mut().unwrap() ^= 1;
    let own = Certificate::parse(&bytes, 0).unwrap();
    let wrong = signatures::keys::Refusal::Wrong;
    assert_eq!(signatures::chain::is_signed_by(&own, &own), Err(wrong));
}

/// Revoked before and after, for a reason that spares the past and one that does not.
#[test]
fn revocation_is_found_in_crls_of_openssl() {
    for (reason, spared) in [("superseded", true), ("keyCompromise", false)] {
        let Some(home) = Home::new(reason) else { return };
        home.authority("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        home.write("index", b"");
        home.write("crlnumber", b"01\n");
        let crl = "ca -config c.cnf -name ca1 -cert ca.pem -keyfile ca.key -gencrl -out crl.pem";
        home.run("ts -query -data data -sha256 -cert -out q.tsq");
        home.run("ts -reply -config c.cnf -section tsa1 -queryfile q.tsq -signer tsa.pem -inkey tsa.key -sha256 -out r.tsr");
        let reply = home.read("r.tsr");
        let ca = pem::or_der(&home.read("ca.pem"), &["CERTIFICATE"]).unwrap();
        let trusted = [Certificate::parse(&ca[0], 0).unwrap()];
        let result = |home: &Home| {
            home.run(crl);
            let crl = pem::or_der(&home.read("crl.pem"), &["X509 CRL"]).unwrap();
            let revocation =
                Revocation { crls: vec![Crl::parse(&crl[0], 0).unwrap()], ocsp: Vec::new() };
            let evidence = Evidence {
                data: Some(b"hello"),
                query: None,
                trusted: &trusted,
                untrusted: &[],
                revocation: &revocation,
                now: None,
            };
            let verdict = verify(&Response::parse(&reply, 0).unwrap(), &evidence);
            let check = verdict.checks.iter().find(|it| it.name == "revocation").unwrap().clone();
            (check.result.word(), check.words)
        };
        assert_eq!(result(&home).0, "passed");
        // So that the revocation comes after the timestamp, whole seconds being all that a CRL knows.
        std::thread::sleep(std::time::Duration::from_millis(2100));
        home.run(&format!("ca -config c.cnf -name ca1 -cert ca.pem -keyfile ca.key -revoke tsa.pem -crl_reason {reason}"));
        let (word, words) = result(&home);
        assert_eq!(word, if spared { "passed" } else { "failed" }, "{reason}: {words}");
    }
}

/// OCSP responses of openssl: by the CA, by a responder that it made one, by somebody else, and about a certificate
/// that is not known, revoked for a reason that spares the past, and for one that does not.
#[test]
fn ocsp_responses_of_openssl_are_taken_and_refused() {
    let Some(home) = Home::new("ocsp") else { return };
    home.authority("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    home.write("index", b"");
    home.write("ocsp.ext", b"extendedKeyUsage=OCSPSigning\n");
    home.write("plain.ext", b"keyUsage=digitalSignature\n");
    for name in ["ocsp", "plain"] {
        home.run(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out {name}.key"
        ));
        home.run(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
        home.run(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile {name}.ext -out {name}.pem"
        ));
    }
    home.run("ts -query -data data -sha256 -cert -out q.tsq");
    home.run(
        "ts -reply -config c.cnf -section tsa1 -queryfile q.tsq -signer tsa.pem -inkey tsa.key -sha256 -out r.tsr",
    );
    home.run("ocsp -issuer ca.pem -cert tsa.pem -no_nonce -reqout req.der");
    let reply = home.read("r.tsr");
    let ca = pem::or_der(&home.read("ca.pem"), &["CERTIFICATE"]).unwrap();
    let trusted = [Certificate::parse(&ca[0], 0).unwrap()];
    let respond = |signer: &str| {
        home.run(&format!(
            "ocsp -index index -CA ca.pem -rsigner {signer}.pem -rkey {signer}.key -reqin req.der -respout o.der -ndays 1"
        ));
        home.read("o.der")
    };
    let result = |response: &[u8]| {
        let revocation =
            Revocation { crls: Vec::new(), ocsp: vec![Ocsp::parse(response, 0).unwrap()] };
        let evidence = Evidence {
            data: Some(b"hello"),
            query: None,
            trusted: &trusted,
            untrusted: &[],
            revocation: &revocation,
            now: None,
        };
        let verdict = verify(&Response::parse(&reply, 0).unwrap(), &evidence);
        let check = verdict.checks.iter().find(|it| it.name == "revocation").unwrap().clone();
        (check.result.word(), check.words)
    };
    let ca_ = |what: &str| {
        home.run(&format!("ca -config c.cnf -name ca1 -cert ca.pem -keyfile ca.key {what}"));
    };
    assert_eq!(result(&respond("ca")).0, "not-done", "a certificate that nobody knows");
    ca_("-valid tsa.pem");
    for signer in ["ca", "ocsp"] {
        let response = respond(signer);
        let (word, words) = result(&response);
        assert_eq!(word, "passed", "{signer}: {words}");
        let mut damaged = response.clone();
        // The signature of the response stands before the certificates that it brings along.
        let signature = Ocsp::parse(&response, 0).unwrap().certificates[0].offset - 40;
        damaged[signature] ^= 1;
        assert_eq!(result(&damaged).0, "not-done", "{signer}, damaged");
    }
    for signer in ["plain", "tsa"] {
        assert_eq!(result(&respond(signer)).0, "not-done", "{signer} may not say so");
    }
    std::thread::sleep(std::time::Duration::from_millis(2100));
    for (reason, due) in [("superseded", "passed"), ("keyCompromise", "failed")] {
        home.write("index", b"");
        ca_(&format!("-revoke tsa.pem -crl_reason {reason}"));
        let (word, words) = result(&respond("ocsp"));
        assert_eq!(word, due, "{reason}: {words}");
    }
    let mut nobody = respond("ca");
    // responseStatus: try later.
    let at = nobody.windows(3).position(|it| it == [0x0a, 1, 0]).unwrap();
    nobody[at + 2] = 3;
    let error = Ocsp::parse(&nobody, 0).unwrap_err();
    assert!(error.problem.contains("try later"), "{error}");
}

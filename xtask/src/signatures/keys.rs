//! Keys and certificates, made by openssl. Their days are given, so that what is signed with them reads the same
//! whenever it was made.

use super::succeed;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A certificate: name of its files, subject, extensions, first and last moment.
struct Issued {
    name: &'static str,
    subject: &'static str,
    extensions: &'static str,
    valid: [&'static str; 2],
}

const LONG: [&str; 2] = ["20240101000000Z", "20731231235959Z"];

/// The first issues all.
#[rustfmt::skip]
const ISSUED: &[Issued] = &[
    Issued { name: "root", subject: "/C=DE/O=Own keys/CN=Own root", extensions: "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n", valid: ["20200101000000Z", "20791231235959Z"] },
    Issued { name: "signer", subject: "/C=DE/O=Own keys/CN=Own signer", extensions: SIGNS, valid: LONG },
    Issued { name: "expired", subject: "/C=DE/O=Own keys/CN=Own signer of old", extensions: SIGNS, valid: ["20200101000000Z", "20221231235959Z"] },
    Issued { name: "tsa", subject: "/C=DE/O=Own keys/CN=Own timestamp authority", extensions: "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n", valid: LONG },
];

const SIGNS: &str =
    "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n";

const CONFIGURATION: &str = "\
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
countryName = optional
organizationName = optional
commonName = supplied
";

/// Makes a root, and signers and a timestamp authority that it issues: `NAME.key`, `NAME.pem`, and chains with the
/// root in them, `NAME-chain.pem`.
pub fn make(folder: &Path) -> Result<()> {
    let openssl =
        |arguments: &[&str]| succeed(Command::new("openssl").current_dir(folder).args(arguments));
    fs::write(folder.join("ca.cnf"), CONFIGURATION)?;
    fs::write(folder.join("index.txt"), "")?;
    for (index, it) in ISSUED.iter().enumerate() {
        let name = it.name;
        let [key, request, certificate, file] =
            ["key", "csr", "pem", "ext"].map(|kind| format!("{name}.{kind}"));
        fs::write(folder.join(&file), it.extensions)?;
        openssl(&[
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", it.subject, "-keyout", &key, "-out",
            &request,
        ])?;
        let [from, until] = it.valid;
        let mut arguments = vec![
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.cnf",
            "-startdate",
            from,
            "-enddate",
            until,
            "-extfile",
            &file,
            "-in",
            &request,
            "-out",
            &certificate,
            "-keyfile",
            "root.key",
        ];
        match index {
            0 => arguments.push("-selfsign"),
            _ => arguments.extend(["-cert", "root.pem"]),
        }
        openssl(&arguments)?;
        if index > 0 {
            let mut text = fs::read(folder.join(&certificate))?;
            text.extend(fs::read(folder.join("root.pem"))?);
            fs::write(folder.join(format!("{name}-chain.pem")), text)?;
        }
    }
    Ok(())
}

//! Keys and certificates, made by openssl.

use super::succeed;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A certificate that the root issues: name of its files, subject, extensions.
const ISSUED: &[(&str, &str, &str)] = &[
    (
        "signer",
        "/C=DE/O=Own keys/CN=Own signer",
        "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n",
    ),
    (
        "tsa",
        "/C=DE/O=Own keys/CN=Own timestamp authority",
        "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n",
    ),
];

/// Makes a root, and a signer and a timestamp authority that it issues: `NAME.key`, `NAME.pem`, and chains with
/// the root in them.
pub fn make(folder: &Path) -> Result<()> {
    let openssl =
        |arguments: &[&str]| succeed(Command::new("openssl").current_dir(folder).args(arguments));
    let days = "20000";
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-sha256",
        "-days",
        days,
        "-subj",
        "/C=DE/O=Own keys/CN=Own root",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout",
        "root.key",
        "-out",
        "root.pem",
    ])?;
    for (name, subject, extensions) in ISSUED {
        let [key, request, certificate, file] =
            ["key", "csr", "pem", "ext"].map(|kind| format!("{name}.{kind}"));
        fs::write(folder.join(&file), extensions)?;
        openssl(&[
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", &key, "-out",
            &request,
        ])?;
        openssl(&[
            "x509",
            "-req",
            "-sha256",
            "-days",
            days,
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-extfile",
            &file,
            "-in",
            &request,
            "-out",
            &certificate,
        ])?;
    }
    for (chain, leaf) in [("chain.pem", "signer.pem"), ("tsa-chain.pem", "tsa.pem")] {
        let mut text = fs::read(folder.join(leaf))?;
        text.extend(fs::read(folder.join("root.pem"))?);
        fs::write(folder.join(chain), text)?;
    }
    Ok(())
}

//! `cargo xtask signatures`: signs a driver of ours in every form, with openssl's and osslsigncode's help.
//!
//! The keys are made anew each time, and nobody trusts them.

mod catalog;
mod check;
mod keys;
mod time_server;

use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What is signed: small, and by clang and lld, so sections lie as Microsoft's linker lays them.
const DRIVER: &str = "drivers/clean/ring-user/ring-user.sys";
/// Signed as well: by mingw-w64, with symbols behind the sections, and not a multiple of 8 bytes long.
const ODD_DRIVER: &str = "drivers/beside/ring-library/ring-library.sys";
/// What stamps say, in seconds since 1970: 3 February 2024, 10:13:20 UTC.
const STAMPED: &str = "1706955200";

/// A file to be made: its name, the driver or file that it is made of, and the further arguments of `sign`.
struct Form {
    name: &'static str,
    from: &'static str,
    arguments: &'static [&'static str],
}

/// In order: one may be made of one before.
#[rustfmt::skip]
const FORMS: &[Form] = &[
    Form { name: "sha1.sys", from: DRIVER, arguments: &["-h", "sha1"] },
    Form { name: "sha256.sys", from: DRIVER, arguments: &["-h", "sha256"] },
    Form { name: "sha384.sys", from: DRIVER, arguments: &["-h", "sha384"] },
    Form { name: "sha512.sys", from: DRIVER, arguments: &["-h", "sha512"] },
    Form { name: "pages-sha1.sys", from: DRIVER, arguments: &["-h", "sha1", "-ph"] },
    Form { name: "pages.sys", from: DRIVER, arguments: &["-h", "sha256", "-ph", "-n", "A driver", "-i", "https://example.test/"] },
    Form { name: "odd.sys", from: ODD_DRIVER, arguments: &["-h", "sha256", "-ph"] },
    Form { name: "stamped.sys", from: DRIVER, arguments: &["-h", "sha256", "-TSA-certs", "tsa-chain.pem", "-TSA-key", "tsa.key", "-TSA-time", STAMPED] },
    Form { name: "countersigned.sys", from: DRIVER, arguments: &["-h", "sha256", "-t", time_server::HERE] },
    Form { name: "expired.sys", from: DRIVER, arguments: &["-h", "sha256"] },
    Form { name: "dual.sys", from: "pages-sha1.sys", arguments: &["-nest", "-h", "sha256", "-ph", "-TSA-certs", "tsa-chain.pem", "-TSA-key", "tsa.key", "-TSA-time", STAMPED] },
    Form { name: "package.cat", from: "unsigned.cat", arguments: &["-h", "sha256", "-TSA-certs", "tsa-chain.pem", "-TSA-key", "tsa.key", "-TSA-time", STAMPED] },
];

/// Runs the chore with the arguments behind `signatures`.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    match arguments {
        [option, bugcheck] if option == "--check" => {
            let folder =
                std::env::temp_dir().join(format!("bugcheck-signatures-{}", std::process::id()));
            let outcome = make(root, &folder)
                .and_then(|()| check::check(&folder, &std::path::absolute(bugcheck)?));
            let _ = fs::remove_dir_all(&folder);
            outcome.map(|()| ExitCode::SUCCESS)
        }
        [folder] if !folder.starts_with('-') => {
            make(root, Path::new(folder))?;
            println!("{} files in {folder}", FORMS.len());
            Ok(ExitCode::SUCCESS)
        }
        [option] if option == "--fixtures" => {
            let folder =
                std::env::temp_dir().join(format!("bugcheck-fixtures-{}", std::process::id()));
            let outcome = make(root, &folder).and_then(|()| keep(root, &folder));
            let _ = fs::remove_dir_all(&folder);
            outcome.map(|()| ExitCode::SUCCESS)
        }
        _ => bail!("signatures wants a FOLDER, --fixtures, or --check BUGCHECK"),
    }
}

/// Files that tests of the command line read, and their folder: signed anew, all reports of them change their hashes.
const KEPT: &[&str] = &[
    "root.pem",
    "driver.sys",
    "driver.inf",
    "package.cat",
    "pages.sys",
    "stamped.sys",
    "countersigned.sys",
    "expired.sys",
    "dual.sys",
];
const FIXTURES: &str = "crates/bugcheck/tests/signed";

/// Puts what tests read into its place.
fn keep(root: &Path, folder: &Path) -> Result<()> {
    let home = root.join(FIXTURES);
    fs::create_dir_all(&home)?;
    for name in KEPT {
        fs::copy(folder.join(name), home.join(name)).context(*name)?;
    }
    println!("{} files in {FIXTURES}; renew the reports with BLESS=1", KEPT.len());
    Ok(())
}

/// Makes every form in `folder`, with the keys.
fn make(root: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    keys::make(folder)?;
    fs::write(folder.join("driver.inf"), catalog::INF)?;
    let driver = fs::read(root.join(DRIVER))?;
    fs::write(folder.join("driver.sys"), &driver)?;
    fs::write(folder.join("unsigned.cat"), catalog::of(folder, &driver, catalog::INF.as_bytes())?)?;
    let server = time_server::start(folder)?;
    for form in FORMS {
        let to = folder.join(form.name);
        let _ = fs::remove_file(&to);
        let from = if form.from.starts_with("drivers/") {
            root.join(form.from)
        } else {
            folder.join(form.from)
        };
        let signer = if form.name == "expired.sys" { "expired" } else { "signer" };
        let [certificates, key] = ["-chain.pem", ".key"].map(|end| format!("{signer}{end}"));
        let mut command = Command::new("osslsigncode");
        command.current_dir(folder).args(["sign", "-certs", &certificates, "-key", &key]);
        for argument in form.arguments {
            command.arg(if *argument == time_server::HERE { server.as_str() } else { argument });
        }
        command.arg("-in").arg(from).arg("-out").arg(&to);
        succeed(&mut command).with_context(|| form.name)?;
        ensure!(to.is_file(), "osslsigncode made no {}", form.name);
    }
    Ok(())
}

/// Runs a command to its end; its output if it succeeds.
fn succeed(command: &mut Command) -> Result<Vec<u8>> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().with_context(|| {
        format!("{} (Debian's osslsigncode and openssl are needed)", program.display())
    })?;
    if !output.status.success() {
        let arguments: Vec<&OsStr> = command.get_args().collect();
        bail!(
            "{} {arguments:?}: {}{}",
            program.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output.stdout)
}

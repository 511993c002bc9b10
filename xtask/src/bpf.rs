//! `cargo xtask bpf`: builds the BPF object that `watch` loads, or checks that the committed one is what its source
//! builds to.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

const SOURCE: &str = "crates/process-sources/bpf/ledger.bpf.c";
const OBJECT: &str = "crates/process-sources/bpf/ledger.bpf.o";

pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("`bpf` takes --check or nothing"),
    };
    let fresh = build(root)?;
    let home = root.join(OBJECT);
    if !check {
        fs::write(&home, fresh).with_context(|| OBJECT.to_owned())?;
        println!("built {OBJECT}");
        return Ok(ExitCode::SUCCESS);
    }
    if fs::read(&home).is_ok_and(|committed| committed == fresh) {
        println!("{OBJECT} is what its source builds to");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{OBJECT}: differs from what {SOURCE} builds to; cargo xtask bpf renews it");
    Ok(ExitCode::from(1))
}

/// Compiles with a path relative to the checkout, so that the result is the same in any folder. What the loader
/// needs to adapt it to a kernel (.BTF, .BTF.ext) stays; what is for debuggers goes.
fn build(root: &Path) -> Result<Vec<u8>> {
    let made = std::env::temp_dir().join(format!("bugcheck-bpf-{}.o", std::process::id()));
    let mut clang = Command::new("clang");
    clang.current_dir(root).args(["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-std=gnu11"]);
    clang.args(["-ffile-compilation-dir=.", "-fno-ident", "-Wall", "-Wextra", "-Werror"]);
    clang.args(["-c", SOURCE, "-o"]).arg(&made);
    let mut strip = Command::new("llvm-strip");
    strip.arg("-g").arg(&made);
    let mut outcome = Ok(());
    for (mut command, package) in [(clang, "clang"), (strip, "llvm")] {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = command.output();
        let output = output.with_context(|| format!("{name} is in Debian's package {package}"))?;
        if !output.status.success() {
            outcome = Err(anyhow::anyhow!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
            break;
        }
    }
    let bytes = outcome.and_then(|()| fs::read(&made).context("reading what clang made"));
    // What cannot be removed stays in the system's temporary folder; it does no harm there.
    let _ = fs::remove_file(&made);
    bytes
}

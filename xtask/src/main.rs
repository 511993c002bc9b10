//! Chores of the repository: `cargo xtask <chore>`; without a chore it says which there are.

mod bpf;
mod build;
mod decoding;
mod drivers;
mod dumps;
mod image;
#[cfg(test)]
mod pageable;
mod signatures;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
Chores of the repository.

Usage: cargo xtask <CHORE>

Chores:
  drivers [NAME]...          build the drivers in drivers/ (all of them, or those named) in place
  drivers --check [NAME]...  build them in a temporary folder and compare with the committed
                             files; names those that differ and exits with 1
  drivers --list             name every driver, its compiler and optimisation level
  dumps FOLDER               write small dumps of every form into two folders in it, a format each: seeds
                             for fuzzing
  dumps --check PYTHON       have kdmp-parser, a package of that Python, read some of them, and compare
  signatures FOLDER          sign a driver in every form, and a catalog, with keys made for it
  signatures --check BUGCHECK
                             have that bugcheck explain them, as they are and damaged, and compare with
                             osslsigncode
  listing --check [IMAGE]... hold the decoding of images against llvm-objdump's: of those named, else of GCC's
                             run-time for Windows and all drivers
  bpf                        build the BPF object of crates/process-sources in place
  bpf --check                build it in a temporary folder and compare with the committed one
  help                       this text

A driver's name is its folder's: csq-read, or buggy/pool-leak where it should be unmistakable.
Needed for `drivers`: Debian's gcc-mingw-w64-x86-64, clang and lld; for `bpf`: clang and llvm; for `signatures`: osslsigncode, openssl.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        None => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some((chore, _)) if matches!(chore.as_str(), "help" | "--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some((chore, rest)) if chore == "drivers" => drivers::run(root(), rest),
        Some((chore, rest)) if chore == "bpf" => bpf::run(root(), rest),
        Some((chore, rest)) if chore == "dumps" => dumps::run(rest),
        Some((chore, rest)) if chore == "signatures" => signatures::run(root(), rest),
        Some((chore, rest)) if chore == "listing" => decoding::run(root(), rest),
        Some((chore, _)) => {
            eprintln!("no chore is called {chore:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The folder of the checkout: the one above this crate's.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

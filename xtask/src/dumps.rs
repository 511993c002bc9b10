//! `cargo xtask dumps`: writes crash dumps of every form, or has kdmp-parser read some.

mod process;
mod samples;

use anyhow::{Context, Result, bail, ensure};
use dump_writer::{Description, Machine, Page, Registers};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Says what kdmp-parser finds in the dump that it is given, and at the addresses behind it.
const SCRIPT: &str = include_str!("dumps/read.py");

/// Runs the chore with the arguments behind `dumps`.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    match arguments {
        [option, python] if option == "--check" => check(python),
        [folder] if !folder.starts_with('-') => write_all(Path::new(folder)),
        _ => bail!("dumps wants a FOLDER, or --check PYTHON"),
    }
}

fn write_all(folder: &Path) -> Result<ExitCode> {
    let (kernel, process) = (folder.join("crash_dump"), folder.join("process_dump"));
    for (folder, (name, bytes)) in samples::all()?
        .into_iter()
        .map(|sample| (&kernel, sample))
        .chain(process::all()?.into_iter().map(|sample| (&process, sample)))
    {
        fs::create_dir_all(folder)?;
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every dump that kdmp-parser knows says through it what was described.
fn check(python: &str) -> Result<ExitCode> {
    let description = samples::description(Machine::X64);
    let folder = std::env::temp_dir().join(format!("bugcheck-dumps-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut read = Vec::new();
    for (name, bytes) in samples::for_kdmp_parser()? {
        let path = folder.join(&name);
        fs::write(&path, bytes)?;
        let outcome = compare(python, &path, &description).with_context(|| name.clone());
        fs::remove_file(&path)?;
        outcome?;
        read.push(name);
    }
    fs::remove_dir(&folder)?;
    ensure!(!read.is_empty(), "no dump was compared");
    println!("kdmp-parser reads what was written in {}", read.join(", "));
    Ok(ExitCode::SUCCESS)
}

fn compare(python: &str, dump: &PathBuf, description: &Description) -> Result<()> {
    // Pages in transition are not valid, and it takes them for absent.
    let valid = description.memory.iter().filter(|memory| memory.page != Page::Transition);
    let pages: Vec<u64> = valid.clone().map(|memory| memory.address & !0xfff).collect();
    let output = Command::new(python)
        .arg("-c")
        .arg(SCRIPT)
        .arg(dump)
        .args(pages.iter().map(|page| format!("{page:#x}")))
        .output()
        .with_context(|| format!("{python} cannot be run"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{python} failed: {errors}");
    let mut wanted = vec![
        format!("code {:#x}", description.bug_check),
        format!("build {}", description.build),
        format!("comment {}", description.comment),
    ];
    wanted.extend(description.parameters.map(|value| format!("parameter {value:#x}")));
    let Some(Registers::X64(registers)) = &description.registers else {
        bail!("the sample has registers of x64");
    };
    wanted.extend(registers.general.map(|value| format!("register {value:#x}")));
    wanted.push(format!("register {:#x}", registers.rip));
    if let Some(exception) = &description.exception {
        wanted.push(format!("exception {:#x} {:#x}", exception.code, exception.address));
    }
    for memory in valid {
        let mut page = vec![0; (memory.address & 0xfff) as usize];
        page.extend_from_slice(&memory.bytes);
        page.resize(0x1000, 0);
        let hex: String = page.iter().map(|byte| format!("{byte:02x}")).collect();
        wanted.push(format!("page {:#x} {hex}", memory.address & !0xfff));
    }
    let said = String::from_utf8(output.stdout)?;
    let said: Vec<&str> = said.lines().collect();
    for (said, wanted) in said.iter().zip(&wanted) {
        ensure!(said == wanted, "kdmp-parser says\n  {said}\nof\n  {wanted}");
    }
    ensure!(said.len() == wanted.len(), "{} lines of {}", said.len(), wanted.len());
    Ok(())
}

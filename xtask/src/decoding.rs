//! Decoding of whole images, held against llvm-objdump's: where one sees an instruction start, so must the other.

use anyhow::{Context, Result, anyhow, bail};
use listing::{Area, Isa, arm64, boundaries};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Real images that Debian has: the run-time of GCC for Windows, of both processors.
const COMPILERS: [(&str, &str); 2] =
    [("x86_64-w64-mingw32-gcc", "libstdc++-6.dll"), ("i686-w64-mingw32-gcc", "libstdc++-6.dll")];

/// Lines of llvm-objdump that are no instructions but prefixes of the next: it has no form for the two together.
const PREFIXES: [&str; 20] = [
    "lock", "rep", "repe", "repz", "repne", "repnz", "data16", "addr32", "notrack", "xacquire",
    "xrelease", "rex64", "cs", "ds", "es", "fs", "gs", "ss", "data32", "addr16",
];

/// Differences that are shown of a file.
const SHOWN: usize = 10;

/// Checks the images named, or those that are at hand.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let Some((check, files)) = arguments.split_first().filter(|it| it.0 == "--check") else {
        bail!("listing --check [IMAGE]...");
    };
    debug_assert_eq!(check, "--check");
    if Command::new("llvm-objdump").arg("--version").output().is_err() {
        println!("SKIPPED: llvm-objdump is not installed (Debian: llvm)");
        return Ok(ExitCode::SUCCESS);
    }
    let mut all: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    if all.is_empty() {
        all = at_hand(root)?;
    }
    let mut is_right = true;
    for file in &all {
        let found = compare(file).with_context(|| file.display().to_string())?;
        is_right &= found.wrong.is_empty();
        let others: Vec<String> =
            found.explained.iter().map(|(why, count)| format!("{count} {why}")).collect();
        println!(
            "{}: {} boundaries, {} differ{}",
            file.display(),
            found.same,
            found.wrong.len(),
            if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) }
        );
        for line in found.wrong.iter().take(SHOWN) {
            println!("    {line}");
        }
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn at_hand(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for (compiler, file) in COMPILERS {
        let asked = Command::new(compiler).arg(format!("-print-file-name={file}")).output();
        let path = asked.ok().map(|it| PathBuf::from(String::from_utf8_lossy(&it.stdout).trim()));
        match path.filter(|path| path.is_file()) {
            Some(path) => found.push(path),
            None => {
                println!("SKIPPED: {file} of {compiler} is not installed (Debian: g++-mingw-w64)")
            }
        }
    }
    for kind in ["clean", "buggy"] {
        for folder in std::fs::read_dir(root.join("drivers").join(kind))?.flatten() {
            let name = folder.file_name();
            let image = folder.path().join(&name).with_extension("sys");
            found.extend(image.is_file().then_some(image));
        }
    }
    found.sort();
    Ok(found)
}

/// What came of a comparison.
#[derive(Default)]
struct Compared {
    same: usize,
    /// Differences with a reason, counted.
    explained: BTreeMap<&'static str, usize>,
    /// Those without.
    wrong: Vec<String>,
}

/// A line of llvm-objdump.
struct Line {
    address: u64,
    text: String,
}

fn compare(file: &Path) -> Result<Compared> {
    let bytes = std::fs::read(file)?;
    let image = pe::Image::parse(&bytes).map_err(|error| anyhow!("{error}"))?;
    let isa = Isa::of(image.machine()).context("code of this processor is not disassembled")?;
    let base = image.image_base();
    let areas: Vec<Area<'_>> = image
        .sections()
        .iter()
        .filter(|section| section.is_code())
        .map(|section| Area {
            section: section.name.clone(),
            start: base + u64::from(section.rva),
            bytes: image.content(section),
            size: section.memory_size().into(),
            is_code: true,
            is_writable: false,
            shown_from: 0,
            file_offset: section.file_offset.into(),
        })
        .collect();
    let mut child = Command::new("llvm-objdump")
        .args(["-d", "-z", "--no-show-raw-insn"])
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = child.stdout.take().context("no output")?;
    let mut compared = Compared::default();
    // Lines from one label to the next: there llvm-objdump starts afresh.
    let mut stretch: Vec<Line> = Vec::new();
    let mut end_stretch = |stretch: &mut Vec<Line>, next: Option<u64>| {
        if let Some(first) = stretch.first()
            && let Some(area) = areas.iter().find(|area| area.held().contains(&first.address))
        {
            let end = next.filter(|next| area.held().contains(next) && *next > first.address);
            hold(isa, area, stretch, end.unwrap_or(area.held().end), &mut compared);
        }
        stretch.clear();
    };
    for line in BufReader::new(output).lines() {
        let line = line?;
        let Some((number, rest)) = line.trim_start().split_once([':', ' ']) else { continue };
        let Ok(address) = u64::from_str_radix(number, 16) else { continue };
        if rest.starts_with('<') && rest.ends_with(":") {
            end_stretch(&mut stretch, Some(address));
        } else {
            stretch.push(Line { address, text: rest.trim().replace('\t', " ") });
        }
    }
    end_stretch(&mut stretch, None);
    if !child.wait()?.success() {
        bail!("llvm-objdump failed");
    }
    if compared.same == 0 {
        bail!("llvm-objdump shows no code that lies in a section of the image");
    }
    Ok(compared)
}

/// Holds what llvm-objdump says of code up to `end` against our own boundaries.
fn hold(isa: Isa, area: &Area<'_>, theirs: &[Line], end: u64, compared: &mut Compared) {
    if isa == Isa::Arm64 {
        return words(area, theirs, compared);
    }
    // An instruction that reaches over the end is still one that starts before it.
    let mut ours = Vec::new();
    let start = theirs[0].address;
    boundaries(isa, area, start..end.saturating_add(16).min(area.held().end), |at, is_code| {
        if at < end {
            ours.push((at, is_code));
        }
    });
    let mut theirs = merged(theirs, compared);
    theirs.dedup_by_key(|line| line.address);
    let (mut a, mut b) = (0, 0);
    let mut excuse = None;
    while let (Some(&(own, is_code)), Some(their)) = (ours.get(a), theirs.get(b)) {
        if own == their.address {
            compared.same += 1;
            // What one of them cannot read, the other goes beyond: they come together again.
            excuse = match (is_code, their.text.contains("<unknown>")) {
                (true, true) => Some("instructions that llvm-objdump does not know"),
                (false, false) => Some("instructions that only llvm-objdump knows"),
                // We go on at the next byte, llvm-objdump now and then behind several.
                (false, true) => Some("places where neither reads an instruction"),
                (true, false) => None,
            };
            if let Some(why) = excuse {
                *compared.explained.entry(why).or_default() += 1;
            }
            (a, b) = (a + 1, b + 1);
            continue;
        }
        if excuse.is_none() {
            let (ours, theirs) = (own.min(their.address) == own, &their.text);
            let who = if ours { "only ours" } else { "only llvm-objdump's" };
            let at = own.min(their.address);
            let shown: String =
                area.from(at).iter().take(15).map(|byte| format!("{byte:02x}")).collect();
            compared.wrong.push(format!("{at:x} {shown}: {who}; llvm-objdump: {theirs}"));
        }
        if own < their.address { a += 1 } else { b += 1 }
    }
}

/// Lines of prefixes put to their instructions.
fn merged<'l>(lines: &'l [Line], compared: &mut Compared) -> Vec<&'l Line> {
    let mut found: Vec<&Line> = Vec::new();
    let mut after_prefix = false;
    for line in lines {
        let is_prefix = PREFIXES.contains(&line.text.as_str());
        if after_prefix {
            *compared.explained.entry("prefixes on lines of their own").or_default() += 1;
        } else {
            found.push(line);
        }
        after_prefix = is_prefix;
    }
    found
}

/// Words of ARM64: all have one size, so it is about which are instructions.
fn words(area: &Area<'_>, theirs: &[Line], compared: &mut Compared) {
    let mut text = String::new();
    for line in theirs {
        let Some(word) = area.from(line.address).first_chunk() else { continue };
        text.clear();
        let ours = arm64::write(u32::from_le_bytes(*word), &mut text);
        let known = !line.text.contains("<unknown>");
        compared.same += 1;
        match (ours, known) {
            (true, false) => {
                *compared
                    .explained
                    .entry("words that only we take for instructions")
                    .or_default() += 1;
            }
            (false, true) => {
                *compared
                    .explained
                    .entry("instructions that only llvm-objdump knows")
                    .or_default() += 1;
            }
            _ => {}
        }
    }
}

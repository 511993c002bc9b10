//! `knowledge/codes` against mingw-w64's headers, as the C compiler sees them.
//!
//! The compiler writes each name that the headers define as a constant into assembly, which is read back.
//! Without the cross compiler the test is skipped and says so; `.ci/run` runs it.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this runs a compiler.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// A table, how many of its names the headers have at least, and the header that must have no code which
/// the table lacks: its name, and how codes in it begin.
const TABLES: &[(&str, usize, &str, &[&str])] = &[
    ("ntstatus.tsv", 1700, "ntstatus.h", &["STATUS_", "DBG_", "RPC_NT_", "EPT_NT_"]),
    ("win32.tsv", 1900, "winerror.h", &["ERROR_", "RPC_S_", "RPC_X_", "EPT_S_"]),
    (
        "hresult.tsv",
        1200,
        "winerror.h",
        &["CERT_E_", "TRUST_E_", "NTE_", "CRYPT_E_", "SEC_E_", "CO_E_"],
    ),
    ("setupapi.tsv", 150, "winerror.h", &["SPAPI_E_"]),
    ("configret.tsv", 60, "cfgmgr32.h", &["CR_"]),
    ("cm-prob.tsv", 50, "cfg.h", &["CM_PROB_"]),
    ("facility-hresult.tsv", 20, "", &[]),
    ("facility-ntstatus.tsv", 10, "", &[]),
];

/// Where a table differs from mingw-w64's headers: name, value in the table, reason.
const DIFFERENCES: &[(&str, u32, &str)] = &[
    (
        "STATUS_GRAPHICS_DRIVER_MISMATCH",
        0xC01E_0009,
        "MS-ERREF has 0x401E0117; the SDK's value goes with ERROR_GRAPHICS_DRIVER_MISMATCH, 0xC0262009",
    ),
    ("STATUS_PKU2U_CERT_FAILURE", 0xC000_042F, "MS-ERREF has 0xC000042E; this is the SDK's"),
];

/// Names in a header that are parts of codes, bounds of ranges, or HRESULTs that begin as Win32 errors do.
const NO_CODES: &[&str] = &[
    "STATUS_SEVERITY_SUCCESS",
    "STATUS_SEVERITY_INFORMATIONAL",
    "STATUS_SEVERITY_WARNING",
    "STATUS_SEVERITY_ERROR",
    "CO_E_FIRST",
    "CO_E_LAST",
    "RPC_S_CALLPENDING",
    "RPC_S_WAITONTIMER",
    "ERROR_AUDITING_DISABLED",
    "ERROR_ALL_SIDS_FILTERED",
];

const SOURCE: &str = "#define WIN32_NO_STATUS\n#include <windows.h>\n#undef WIN32_NO_STATUS\n\
    #include <ntstatus.h>\n#include <winerror.h>\n#include <setupapi.h>\n#include <cfgmgr32.h>\n#include <cfg.h>\n";

fn rows(file: &str) -> Vec<(u32, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../knowledge/codes").join(file);
    let text = std::fs::read_to_string(path).expect("the table");
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let value = fields.next()?.strip_prefix("0x")?;
        Some((u32::from_str_radix(value, 16).ok()?, fields.next()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

/// Values of those of `names` that the headers define.
fn values(test: &str, names: &[String]) -> HashMap<usize, u32> {
    let mut source = SOURCE.to_owned();
    for (index, name) in names.iter().enumerate() {
        // Never zero: zeros would be put into .bss and written as space.
        writeln!(source, "#ifdef {name}\nconst unsigned long long v{index} = 1ull + (unsigned int)({name});\n#endif")
            .expect("writing to a string");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (input, output) = (folder.join(format!("{test}.c")), folder.join(format!("{test}.s")));
    std::fs::write(&input, source).expect("writing the probe");
    let mut command = Command::new(COMPILER);
    command.args(["-S", "-O0", "-w", "-D_WIN32_WINNT=0x0A00"]).arg("-o").arg(&output).arg(&input);
    let done = command.output().expect("running the compiler");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let assembly = std::fs::read_to_string(&output).expect("reading the assembly");
    let mut values = HashMap::new();
    let mut label = None;
    for line in assembly.lines() {
        if let Some(name) = line.strip_prefix('v').and_then(|line| line.strip_suffix(':')) {
            label = name.parse::<usize>().ok();
        } else if let Some(value) = line.trim().strip_prefix(".quad") {
            let value: u64 = value.trim().parse().expect("a number after .quad");
            if let Some(label) = label.take() {
                values.insert(label, u32::try_from(value - 1).expect("32 bits"));
            }
        }
    }
    values
}

/// The compiler's folder of headers, or nothing, with a message, where there is none.
fn headers() -> Option<PathBuf> {
    let mut command = Command::new(COMPILER);
    command.args(["-xc", "-E", "-v", "-"]).stdin(std::process::Stdio::null());
    let told = command.output().ok().map(|done| String::from_utf8_lossy(&done.stderr).into_owned());
    let told = told.unwrap_or_default();
    let mut folders = told.lines().filter(|l| l.starts_with(' ')).map(|l| PathBuf::from(l.trim()));
    let found = folders.find(|folder| folder.join("ntstatus.h").is_file());
    if found.is_none() {
        println!("codes: SKIPPED, no {COMPILER} with ntstatus.h here; .ci/run runs it");
    }
    found
}

/// Names that a header defines with a value, and that begin in one of these ways.
fn defined(header: &Path, beginnings: &[&str]) -> Vec<String> {
    let text = String::from_utf8_lossy(&std::fs::read(header).expect("the header")).into_owned();
    let name = |line: &str| {
        let mut words = line.trim().strip_prefix("#define")?.split_whitespace();
        let name = words.next()?;
        let has_value = words.next().is_some() && !name.contains('(');
        (has_value && beginnings.iter().any(|start| name.starts_with(start)))
            .then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}

#[test]
fn codes_are_those_of_the_headers() {
    let Some(folder) = headers() else { return };
    let mut met = BTreeSet::new();
    for &(file, least, header, beginnings) in TABLES {
        let ours = rows(file);
        let names: Vec<String> = ours.iter().map(|row| row.1.clone()).collect();
        let theirs = values(file, &names);
        assert!(theirs.len() >= least, "{file}: only {} of its names in the headers", theirs.len());
        for (index, value) in theirs {
            let (own, name) = &ours[index];
            match DIFFERENCES.iter().find(|it| it.0 == name) {
                Some(known) => {
                    assert!(known.1 == *own && value != *own, "{file}: {name}: no such difference");
                    met.insert(known.0);
                }
                None => assert_eq!(*own, value, "{file}: {name}: headers have 0x{value:08X}"),
            }
        }
        if !header.is_empty() {
            let lacking: Vec<String> = defined(&folder.join(header), beginnings)
                .into_iter()
                .filter(|name| !names.contains(name) && !NO_CODES.contains(&name.as_str()))
                .collect();
            assert!(lacking.is_empty(), "{file} lacks {lacking:?} of {header}");
        }
    }
    assert_eq!(met.len(), DIFFERENCES.len(), "a difference is none any more");
}

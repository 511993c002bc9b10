//! Layouts and status values against mingw-w64's headers, as the C compiler sees them.
//!
//! The compiler writes each `offsetof` and `sizeof` as a constant into assembly, which is read
//! back; nothing is linked or run. Without the cross compiler the tests are skipped and say so;
//! `.ci/run` runs them.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this runs a compiler.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use nt::layout::{self, Struct};

const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// Where Windows and mingw-w64 10 differ: structure, field (empty for its size), reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("DEVICE_OBJECT", "", "the WDK aligns it to 16 bytes (0x150), mingw leaves that out (0x148)"),
    ("DEVOBJ_EXTENSION", "", "the DDK headers stop after the first fields"),
    ("KUSER_SHARED_DATA", "", "Windows 10's, longer than Windows 7's in mingw"),
    ("KUSER_SHARED_DATA", "ActiveGroupCount", "16 bits in Windows 7, 8 bits since Windows 8"),
    ("KUSER_SHARED_DATA", "XState", "moved down by 8 and grown since Windows 7"),
    ("KPCR", "", "the public part ends at 0x178, the processor block behind it is aligned to 64"),
    ("KDPC", "DpcListEntry", "a single list entry since Windows 8, doubly linked in mingw"),
];

/// Fields that Windows has and mingw-w64's structure lacks or calls otherwise.
const NOT_IN_MINGW: &[(&str, &[&str], &str)] = &[
    (
        "KWAIT_BLOCK",
        &["WaitType", "BlockState", "WaitKey", "Thread", "Object", "SparePtr"],
        "mingw has the order of Windows Vista",
    ),
    ("KDPC", &["ProcessorHistory"], "new in Windows 8"),
    (
        "DEVOBJ_EXTENSION",
        &[
            "PowerFlags",
            "Dope",
            "ExtensionFlags",
            "DeviceNode",
            "AttachedTo",
            "StartIoCount",
            "StartIoKey",
            "StartIoFlags",
            "Vpb",
        ],
        "reserved in the DDK headers, named in the public symbols",
    ),
    ("DEVICE_CAPABILITIES", &["Flags"], "not a member: the word that the bit fields share"),
    (
        "KUSER_SHARED_DATA",
        &[
            "NtBuildNumber",
            "NativeProcessorArchitecture",
            "QpcFrequency",
            "QpcBias",
            "QpcData",
            "TimeZoneBiasEffectiveStart",
            "TimeZoneBiasEffectiveEnd",
        ],
        "reserved or called otherwise before Windows 10",
    ),
    ("KPCR", &["Prcb"], "not in the public part of the structure"),
];

fn lacks(s: &Struct, field: &str) -> bool {
    NOT_IN_MINGW.iter().any(|d| d.0 == s.name && d.1.contains(&field))
}

fn in_headers(s: &&Struct) -> bool {
    // winnt.h and the DDK headers cannot be included together.
    s.source.ends_with(".h") && s.source != "winnt.h"
}

/// Compiles `extern const unsigned long long v<i>` for each expression and reads the values back.
/// `None`, with a message, where there is no compiler.
fn evaluate(test: &str, includes: &str, expressions: &[String]) -> Option<Vec<u64>> {
    let Some(directories) = ddk_directories() else {
        println!("{test}: SKIPPED, no {COMPILER} with DDK headers here; .ci/run runs it");
        return None;
    };
    let mut source = includes.to_owned();
    for (i, expression) in expressions.iter().enumerate() {
        // Never zero: zeros would be put into .bss and written as space.
        writeln!(source, "const unsigned long long v{i} = (unsigned long long)({expression}) + 1;")
            .expect("writing to a string");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (input, output) = (folder.join(format!("{test}.c")), folder.join(format!("{test}.s")));
    std::fs::write(&input, source).expect("writing the probe");
    let mut command = Command::new(COMPILER);
    command.args(["-S", "-O0", "-w", "-D_WIN32_WINNT=0x0A00", "-DNTDDI_VERSION=0x0A000000"]);
    command.arg("-DNT_PROCESSOR_GROUPS");
    for directory in directories {
        command.arg("-isystem").arg(directory);
    }
    let done = command.arg("-o").arg(&output).arg(&input).output().expect("running the compiler");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let assembly = std::fs::read_to_string(&output).expect("reading the assembly");
    let mut values = HashMap::new();
    let mut label = None;
    for line in assembly.lines() {
        if let Some(name) = line.strip_prefix('v').and_then(|l| l.strip_suffix(':')) {
            label = name.parse::<usize>().ok();
        } else if let Some(value) = line.trim().strip_prefix(".quad") {
            let value: i64 = value.trim().parse().expect("a number after .quad");
            if let Some(label) = label.take() {
                values.insert(label, value.cast_unsigned() - 1);
            }
        }
    }
    let all = (0..expressions.len()).map(|i| values.get(&i).copied());
    Some(all.map(|v| v.expect("a value for each expression")).collect())
}

/// The compiler's include directories that have a `ddk` folder with wdm.h.
fn ddk_directories() -> Option<Vec<PathBuf>> {
    let mut command = Command::new(COMPILER);
    command.args(["-xc", "-E", "-v", "-"]).stdin(std::process::Stdio::null());
    let told = String::from_utf8_lossy(&command.output().ok()?.stderr).into_owned();
    let folders = told.lines().filter(|l| l.starts_with(' ')).map(|l| PathBuf::from(l.trim()));
    let ddk: Vec<_> =
        folders.map(|f| f.join("ddk")).filter(|f| f.join("wdm.h").is_file()).collect();
    (!ddk.is_empty()).then_some(ddk)
}

#[test]
fn layouts_are_those_of_the_headers() {
    let structs: Vec<_> = layout::ALL.iter().filter(in_headers).collect();
    let mut expressions = Vec::new();
    let mut wanted = Vec::new();
    for s in structs {
        expressions.push(format!("sizeof({})", s.name));
        wanted.push((s.name, "", "size", s.size));
        for &(field, offset, size) in s.fields.iter().filter(|f| !lacks(s, f.0)) {
            expressions.push(format!("offsetof({}, {field})", s.name));
            wanted.push((s.name, field, "offset", offset));
            expressions.push(format!("sizeof((({}*)0)->{field})", s.name));
            wanted.push((s.name, field, "size", size));
        }
    }
    let includes = "#include <ntifs.h>\n#include <ntddk.h>\n#include <csq.h>\n#include <wmistr.h>\n\
                    #include <wmilib.h>\n#include <stddef.h>\n";
    let Some(values) = evaluate("layouts", includes, &expressions) else { return };
    let mut wrong = Vec::new();
    let mut differing = Vec::new();
    for (&(name, field, what, ours), theirs) in wanted.iter().zip(values) {
        if ours == theirs {
            continue;
        }
        match DIFFERENCES.iter().position(|d| (d.0, d.1) == (name, field)) {
            Some(known) => differing.push(known),
            None => wrong.push(format!("{name}.{field}: {what} {ours:#x}, headers {theirs:#x}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let stale = (0..DIFFERENCES.len()).filter(|i| !differing.contains(i));
    let stale: Vec<_> = stale.map(|i| DIFFERENCES[i]).collect();
    assert!(stale.is_empty(), "no longer different: {stale:?}");
}

#[test]
fn the_lists_of_differences_name_fields_that_exist() {
    let known = |name: &str, field: &str| {
        layout::find(name).is_some_and(|s| field.is_empty() || s.field(field).is_some())
    };
    assert!(DIFFERENCES.iter().all(|d| known(d.0, d.1)));
    for (name, fields, reason) in NOT_IN_MINGW {
        assert!(!reason.is_empty() && fields.iter().all(|f| known(name, f)), "{name}");
    }
}

#[test]
fn statuses_are_those_of_the_headers() {
    let names: Vec<_> =
        nt::status::ALL.iter().map(|s| format!("(unsigned int)({})", s.1)).collect();
    let includes = "#include <ntdef.h>\n#include <ntstatus.h>\n";
    let Some(values) = evaluate("statuses", includes, &names) else { return };
    for (&(ours, name), theirs) in nt::status::ALL.iter().zip(values) {
        assert_eq!(u64::from(ours), theirs, "{name}");
    }
}

#[test]
fn flags_and_functions_are_those_of_the_headers() {
    use nt::{access, device_type, flags, irp};
    let mut ours: Vec<(u64, &str)> = Vec::new();
    for table in [
        flags::device::ALL,
        flags::characteristics::ALL,
        flags::file::ALL,
        flags::irp::ALL,
        flags::irp_allocation::ALL,
        access::COMMON,
        access::STANDARD,
        access::FILE,
        access::KEY,
        access::SECTION,
        access::EVENT,
    ] {
        ours.extend(table.iter().map(|r| (u64::from(r.0), r.1)));
    }
    ours.extend(flags::mdl::ALL.iter().map(|r| (u64::from(r.0), r.1)));
    for table in [irp::MAJOR, irp::PNP_MINOR, irp::POWER_MINOR, irp::SYSTEM_CONTROL_MINOR] {
        ours.extend(table.iter().map(|r| (u64::from(r.0), r.1)));
    }
    let ddk_types = device_type::ALL.iter().filter(|t| t.0 <= 0x40);
    ours.extend(ddk_types.map(|t| (u64::from(t.0), t.1)));
    let expressions: Vec<_> = ours.iter().map(|r| format!("(unsigned int)({})", r.1)).collect();
    let includes = "#include <ntifs.h>\n#include <ntddk.h>\n";
    let Some(values) = evaluate("flags", includes, &expressions) else { return };
    for ((ours, name), theirs) in ours.into_iter().zip(values) {
        assert_eq!(ours, theirs, "{name}");
    }
}

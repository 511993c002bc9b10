//! `bugcheck.explain.1`, of a crash dump.

use super::{document, line};
use diagnosis::crash::{Added, Blame, Code, Crash, StackFrame, System};
use diagnosis::process::{About, ProcessCrash};
use evidence::crash_dump::{Exception, Lack, Module, Registers, Stamp, Unloaded};
use finding::Finding;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    bucket: &'a str,
    blame: Option<&'a Blame>,
    parameters: Vec<ParameterDocument<'a>>,
    sub_code: Option<&'a str>,
    system: &'a System,
    exception: Option<ExceptionDocument<'a>>,
    registers_from: Option<&'a str>,
    registers: BTreeMap<&'static str, String>,
    code: &'a Code,
    stack: &'a [StackFrame],
    modules: Vec<ModuleDocument<'a>>,
    unloaded: Vec<UnloadedDocument<'a>>,
    images: Vec<ImageDocument<'a>>,
    missing: Vec<LackDocument<'a>>,
    added: &'a [Added],
    findings: Vec<&'a Finding>,
}

#[derive(Serialize)]
struct ParameterDocument<'a> {
    value: String,
    kind: &'static str,
    meaning: &'a str,
    rendered: &'a str,
    points_at: Option<&'a str>,
}

#[derive(Serialize)]
struct ExceptionDocument<'a> {
    code: String,
    name: Option<&'a str>,
    address: String,
    parameters: Vec<String>,
}

#[derive(Serialize)]
struct ModuleDocument<'a> {
    name: &'a str,
    path: &'a str,
    base: String,
    size: u32,
    timestamp: u32,
    /// UTC; null where the stamp is a hash of a reproducible build, or absent.
    time: Option<String>,
    reproducible: bool,
    checksum: String,
}

#[derive(Serialize)]
struct UnloadedDocument<'a> {
    name: &'a str,
    begin: String,
    end: String,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    module: &'a str,
    outcome: &'a str,
}

#[derive(Serialize)]
struct LackDocument<'a> {
    part: &'a str,
    offset: String,
    why: &'a str,
}

/// A crash dump, schema `bugcheck.explain.1`; with `in_lines` on one line.
///
/// # Errors
/// None that an input can cause.
pub fn crash_json(file: &str, it: &Crash, in_lines: bool) -> serde_json::Result<String> {
    let document_of = Document {
        schema: "bugcheck.explain.1",
        file,
        format: "crash-dump",
        bucket: &it.bucket,
        blame: it.blame.as_ref(),
        parameters: parameters(it),
        sub_code: it.explained.sub_code.as_ref().map(|sub| sub.meaning.as_str()),
        system: &it.system,
        exception: it.exception.as_ref().map(exception),
        registers_from: it.origin.as_ref().map(|origin| origin.source.as_str()),
        registers: it.origin.as_ref().map(|it| registers(&it.registers)).unwrap_or_default(),
        code: &it.code,
        stack: &it.stack,
        modules: it.modules.iter().map(module).collect(),
        unloaded: it.unloaded.iter().map(gone).collect(),
        images: it.images.iter().map(image).collect(),
        missing: it.lacks.iter().map(lack).collect(),
        added: &it.added,
        findings: it.bench.iter().chain([&it.finding]).collect(),
    };
    if in_lines { line(&document_of) } else { document(&document_of) }
}

fn exception(record: &Exception) -> ExceptionDocument<'_> {
    ExceptionDocument {
        code: hex(record.code.into()),
        name: knowledge::status_name(record.code),
        address: hex(record.address),
        parameters: record.parameters.iter().map(|&value| hex(value)).collect(),
    }
}

fn registers(it: &Registers) -> BTreeMap<&'static str, String> {
    it.all.iter().map(|&(name, value)| (name, hex(value))).collect()
}

fn gone(it: &Unloaded) -> UnloadedDocument<'_> {
    UnloadedDocument { name: &it.name, begin: hex(it.begin), end: hex(it.end) }
}

fn image((module, outcome): &(String, String)) -> ImageDocument<'_> {
    ImageDocument { module, outcome }
}

fn lack(it: &Lack) -> LackDocument<'_> {
    LackDocument { part: it.part, offset: hex(it.offset), why: &it.why }
}

#[derive(Serialize)]
struct ProcessDocument<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    program: &'a str,
    about: &'a About,
    blame: Option<&'a Blame>,
    exception: Option<ExceptionDocument<'a>>,
    thread: Option<u32>,
    registers: BTreeMap<&'static str, String>,
    code: &'a Code,
    stack: &'a [StackFrame],
    modules: Vec<ModuleDocument<'a>>,
    unloaded: Vec<UnloadedDocument<'a>>,
    images: Vec<ImageDocument<'a>>,
    missing: Vec<LackDocument<'a>>,
}

/// A minidump of a process, schema `bugcheck.explain.1`; with `in_lines` on one line.
///
/// # Errors
/// None that an input can cause.
pub fn process_json(file: &str, it: &ProcessCrash, in_lines: bool) -> serde_json::Result<String> {
    let document_of = ProcessDocument {
        schema: "bugcheck.explain.1",
        file,
        format: "process-dump",
        program: &it.program,
        about: &it.about,
        blame: it.blame.as_ref(),
        exception: it.exception.as_ref().map(exception),
        thread: it.thread.as_ref().map(|(id, _)| *id),
        registers: it.registers.as_ref().map(|(it, _)| registers(it)).unwrap_or_default(),
        code: &it.code,
        stack: &it.stack,
        modules: it.modules.iter().map(module).collect(),
        unloaded: it.unloaded.iter().map(gone).collect(),
        images: it.images.iter().map(image).collect(),
        missing: it.lacks.iter().map(lack).collect(),
    };
    if in_lines { line(&document_of) } else { document(&document_of) }
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

fn parameters(it: &Crash) -> Vec<ParameterDocument<'_>> {
    let all = it.explained.parameters.iter().zip(1..);
    all.map(|(parameter, number)| ParameterDocument {
        value: hex(parameter.value),
        kind: parameter.kind.word(),
        meaning: &parameter.meaning,
        rendered: &parameter.rendered,
        points_at: it
            .pointers
            .iter()
            .find(|(own, _)| *own == number)
            .map(|(_, text)| text.as_str()),
    })
    .collect()
}

fn module(it: &Module) -> ModuleDocument<'_> {
    let time = match it.stamp {
        Stamp::Time(seconds) => diagnosis::crash::seconds_text(seconds.into()),
        Stamp::Hash(_) | Stamp::Absent => None,
    };
    ModuleDocument {
        name: it.name(),
        path: &it.path,
        base: hex(it.base),
        size: it.size,
        timestamp: it.stamp.raw(),
        time,
        reproducible: matches!(it.stamp, Stamp::Hash(_)),
        checksum: hex(it.checksum.into()),
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    schema: &'static str,
    file: &'a str,
    instructions: &'a [diagnosis::Listed],
}

/// Disassembled code, schema `bugcheck.disasm.1`.
///
/// # Errors
/// None that an input can cause.
pub fn listing_json(file: &str, listed: &[diagnosis::Listed]) -> serde_json::Result<String> {
    document(&Listing { schema: "bugcheck.disasm.1", file, instructions: listed })
}

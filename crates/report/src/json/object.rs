//! `bugcheck.explain.1`, of an object or a library.

use super::{document, line};
use crate::text::class;
use pe::object::{Member, NameType, ObjectFile, ObjectSection};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    #[serde(flatten)]
    holds: Holds<'a>,
}

/// What a file or a member holds; `kind` says which it is.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Holds<'a> {
    Object {
        machine: String,
        timestamp: u32,
        big: bool,
        machine_code: bool,
        source: Option<&'a str>,
        compiler: Option<CompilerDocument>,
        directives: &'a str,
        symbols: usize,
        symbol_records: u32,
        sections: Vec<SectionDocument<'a>>,
        defines: &'a [String],
        wants: &'a [String],
        problems: Vec<String>,
    },
    Anonymous {
        machine: String,
        timestamp: u32,
        machine_code: bool,
        version: u16,
        class: String,
        size: u32,
        link_time_code_generation: bool,
        bitcode: bool,
        sections: Vec<SectionDocument<'a>>,
    },
    Import {
        machine: String,
        timestamp: u32,
        symbol: &'a str,
        module: &'a str,
        name: Option<&'a str>,
        ordinal: Option<u16>,
        code: bool,
    },
    Bitcode {
        machine_code: bool,
    },
    Library {
        /// Whether it only names its members.
        thin: bool,
        first_index: Option<&'a [String]>,
        second_index: Option<&'a [String]>,
        members: Vec<MemberDocument<'a>>,
        problems: Vec<String>,
    },
}

#[derive(Serialize)]
struct CompilerDocument {
    name: Option<String>,
    product: u16,
    build: u16,
}

#[derive(Serialize)]
struct SectionDocument<'a> {
    name: &'a str,
    size: u32,
    offset: u32,
    relocations: u32,
    characteristics: String,
}

#[derive(Serialize)]
struct MemberDocument<'a> {
    name: &'a str,
    offset: u64,
    size: u64,
    date: u64,
    /// Image whose imports the library is of, from an object that says so.
    imports_from: Option<&'a str>,
    /// Null where it is of no kind that is known; `problem` says why.
    holds: Option<Holds<'a>>,
    problem: Option<String>,
}

/// An object or a library, schema `bugcheck.explain.1`; with `in_lines` on one line.
///
/// # Errors
/// None that an input can cause.
pub fn object_json(file: &str, it: &ObjectFile, in_lines: bool) -> serde_json::Result<String> {
    let format = if matches!(it, ObjectFile::Archive(_)) { "library" } else { "object" };
    let made = Document { schema: "bugcheck.explain.1", file, format, holds: holds(it) };
    if in_lines { line(&made) } else { document(&made) }
}

fn holds(it: &ObjectFile) -> Holds<'_> {
    let told = |errors: &[pe::Error]| errors.iter().map(pe::Error::to_string).collect();
    match it {
        ObjectFile::Object(it) => Holds::Object {
            machine: it.machine.to_string(),
            timestamp: it.timestamp,
            big: it.is_big,
            machine_code: true,
            source: it.source.as_deref(),
            compiler: it.compiler.map(|(product, build)| CompilerDocument {
                name: pe::tool(product).map(|tool| tool.to_string()),
                product,
                build,
            }),
            directives: &it.directives,
            symbols: it.symbols,
            symbol_records: it.symbol_records,
            sections: sections(&it.sections),
            defines: &it.defined,
            wants: &it.undefined,
            problems: told(&it.problems),
        },
        ObjectFile::Anonymous(it) => Holds::Anonymous {
            machine: it.machine.to_string(),
            timestamp: it.timestamp,
            machine_code: false,
            version: it.version,
            class: class(it),
            size: it.size,
            link_time_code_generation: it.is_ltcg,
            bitcode: it.is_bitcode,
            sections: sections(&it.sections),
        },
        ObjectFile::Import(it) => Holds::Import {
            machine: it.machine.to_string(),
            timestamp: it.timestamp,
            symbol: &it.symbol,
            module: &it.module,
            name: match &it.by {
                NameType::Name(name) => Some(name),
                NameType::Ordinal(_) | NameType::Unknown(_) => None,
            },
            ordinal: match it.by {
                NameType::Ordinal(number) => Some(number),
                NameType::Name(_) | NameType::Unknown(_) => None,
            },
            code: it.is_code,
        },
        ObjectFile::Bitcode => Holds::Bitcode { machine_code: false },
        ObjectFile::Archive(it) => Holds::Library {
            thin: it.is_thin,
            first_index: it.index.as_deref(),
            second_index: it.second_index.as_deref(),
            members: it.members.iter().map(member).collect(),
            problems: told(&it.problems),
        },
    }
}

fn member(it: &Member) -> MemberDocument<'_> {
    MemberDocument {
        name: &it.name,
        offset: it.offset,
        size: it.size,
        date: it.date,
        imports_from: it.module.as_deref(),
        holds: it.file.as_ref().ok().map(holds),
        problem: it.file.as_ref().err().map(pe::Error::to_string),
    }
}

fn sections(all: &[ObjectSection]) -> Vec<SectionDocument<'_>> {
    all.iter()
        .map(|it| SectionDocument {
            name: &it.name,
            size: it.size,
            offset: it.offset,
            relocations: it.relocations,
            characteristics: format!("{:#010x}", it.characteristics),
        })
        .collect()
}

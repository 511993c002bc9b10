//! What a kernel crash dump tells.
//!
//! [`diagnose`] goes from the bug check to the registers of the moment, from there to the code and the
//! call stack, and from all of that to the module to blame. Each step says what it rests on.

mod blame;
pub(crate) mod code;
mod origin;
pub(crate) mod stack;
mod system;
pub(crate) mod view;

pub use blame::{Blame, Confidence};
pub use code::{Code, Line, Operand};
pub use origin::Origin;
pub use stack::{MOST_FRAMES, StackFrame};
pub use system::{System, seconds_text, time_of};
pub use view::{Spot, is_kernel, short};

use crate::code_space::{self, Listed};
use crate::program::{Absent, Programs};
use evidence::crash_dump::{Blob, Dump, Exception, Lack, Module, Unloaded};
use finding::{BugCheck, Finding, Frame, Place, Severity, Trust};
use knowledge::Explained;
use knowledge::bugcheck::Kind;
use symbols::SymbolKind;
use view::View;

/// A crash, explained.
#[derive(Clone, Debug)]
pub struct Crash {
    /// Bug check with its parameters.
    pub explained: Explained,
    /// What each parameter points at, by number from 1: only those of which something is known.
    pub pointers: Vec<(usize, String)>,
    /// The machine.
    pub system: System,
    /// Registers, and what they are of.
    pub origin: Option<Origin>,
    /// Exception record.
    pub exception: Option<Exception>,
    /// Code at the instruction pointer.
    pub code: Code,
    /// Call stack, innermost first.
    pub stack: Vec<StackFrame>,
    /// Who is to blame.
    pub blame: Option<Blame>,
    /// What the debugger of Windows would group it under.
    pub bucket: String,
    /// Modules, in the order of the dump.
    pub modules: Vec<Module>,
    /// Modules unloaded before.
    pub unloaded: Vec<Unloaded>,
    /// Images that were asked for, and what was had: module, outcome as a clause.
    pub images: Vec<(String, String)>,
    /// What the dump should hold and does not.
    pub lacks: Vec<Lack>,
    /// The same as a finding, as the bench makes them.
    pub finding: Finding,
    /// The bench's own finding, where the bench wrote the dump.
    pub bench: Option<Finding>,
    /// Data that drivers added: GUID, offset in the file, bytes, and how it begins, where that is text.
    pub added: Vec<Added>,
}

/// Data that a driver added to a dump.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Added {
    /// GUID, in the usual form.
    pub tag: String,
    /// Where it stands in the file.
    pub offset: u64,
    /// Bytes.
    pub size: usize,
    /// How it begins, where that is text: often the driver's name.
    pub begins: String,
}

/// What tags a finding of the bench in a dump: {6a1c8f0e-52d7-4b19-9c3e-62756763686b}.
pub const BENCH_TAG: [u8; 16] = [
    0x0e, 0x8f, 0x1c, 0x6a, 0xd7, 0x52, 0x19, 0x4b, 0x9c, 0x3e, 0x62, 0x75, 0x67, 0x63, 0x68, 0x6b,
];

/// Explains `dump` with the images that `programs` has.
pub fn diagnose(dump: &Dump<'_>, programs: &dyn Programs) -> Crash {
    let view = View::new(dump, programs);
    let explained = explain(dump, view.bits());
    let origin = origin::find(dump, &view, &explained);
    let stack =
        origin.as_ref().map(|origin| stack::walk(&view, &origin.registers)).unwrap_or_default();
    let blame = blame::find(dump, &view, &explained, origin.as_ref(), &stack);
    let code = code(&view, origin.as_ref(), blame.as_ref(), &stack);
    let bucket = bucket(&explained, blame.as_ref(), &stack);
    let pointers = explained.parameters.iter().zip(1..).filter_map(|(parameter, number)| {
        // Counts and codes can look like addresses of small programs only by chance.
        let named = match parameter.kind {
            _ if parameter.value < 0x1_0000 => String::new(),
            Kind::Process => system::process_at(dump, &view, parameter.value).unwrap_or_default(),
            _ => view.describe(parameter.value),
        };
        (!named.is_empty()).then_some((number, named))
    });
    let pointers = pointers.collect();
    let exception = origin::exception(dump, &view, &explained);
    let finding = finding(&explained, blame.as_ref(), &stack);
    let images = image_outcomes(&view);
    Crash {
        pointers,
        system: system::of(dump, &view),
        exception,
        code,
        blame,
        bucket,
        modules: dump.modules.clone(),
        unloaded: dump.unloaded.clone(),
        images,
        lacks: dump.lacks.clone(),
        bench: bench(dump),
        added: dump.blobs().iter().map(added).collect(),
        finding,
        explained,
        origin,
        stack,
    }
}

/// The finding that the bench put into a dump of its own.
fn bench(dump: &Dump<'_>) -> Option<Finding> {
    let blob = dump.blobs().iter().find(|blob| blob.tag == BENCH_TAG)?;
    serde_json::from_slice(blob.bytes).ok()
}

fn added(blob: &Blob<'_>) -> Added {
    let t = blob.tag;
    let first = u32::from_le_bytes([t[0], t[1], t[2], t[3]]);
    let (second, third) = (u16::from_le_bytes([t[4], t[5]]), u16::from_le_bytes([t[6], t[7]]));
    let rest: String = t[10..].iter().map(|byte| format!("{byte:02x}")).collect();
    let text =
        blob.bytes.iter().take(24).take_while(|byte| byte.is_ascii_graphic() || **byte == b' ');
    let text: String = text.map(|&byte| char::from(byte)).collect();
    Added {
        tag: format!("{first:08x}-{second:04x}-{third:04x}-{:02x}{:02x}-{rest}", t[8], t[9]),
        offset: blob.offset,
        size: blob.bytes.len(),
        begins: if text.len() >= 4 { text } else { String::new() },
    }
}

/// The code where it happened: at the fault, or where the module to blame called what found the error.
fn code(
    view: &View<'_>,
    origin: Option<&Origin>,
    blame: Option<&Blame>,
    stack: &[StackFrame],
) -> Code {
    let Some(origin) = origin else { return Code::default() };
    let of_blamed = |frame: &&StackFrame| {
        let module = frame.spot.as_ref().map(|spot| spot.module.as_str());
        blame.zip(module).is_some_and(|(blame, module)| blame.module.eq_ignore_ascii_case(module))
    };
    match stack.iter().find(of_blamed) {
        Some(frame) if frame.trust != Trust::Context && !origin.of_fault => {
            code::at_call(view, frame.address)
        }
        _ => code::at(view, &origin.registers),
    }
}

/// The code of a dump from `from` to before `to`, places as people write them (`nt!KeBugCheckEx+0x12`,
/// `fifo+0x1040`, an address); without `to` to the end of the function, or `count` instructions.
///
/// # Errors
/// A sentence that says what is missing.
pub fn disassemble(
    dump: &Dump<'_>,
    programs: &dyn Programs,
    from: &str,
    to: Option<&str>,
    count: usize,
    syntax: listing::Syntax,
) -> Result<Vec<Listed>, String> {
    code_space::between(&View::new(dump, programs), from, to, count, syntax)
}

fn explain(dump: &Dump<'_>, bits: u32) -> Explained {
    let (code, parameters) = (dump.header.bug_check, dump.header.parameters);
    match knowledge::bugcheck(code) {
        Some(known) => {
            let mut explained = known.explain(parameters, bits);
            // 0x1000007E and its like are told under their own number.
            explained.code = code;
            explained
        }
        None => knowledge::BugCheck::unknown(code).explain(parameters, bits),
    }
}

/// Module and outcome of each image that was asked for.
pub(crate) fn image_outcomes(view: &View<'_>) -> Vec<(String, String)> {
    view.asked_for().map(|(module, asked)| (module.name().to_owned(), outcome(asked))).collect()
}

fn outcome(asked: &Result<std::sync::Arc<crate::Program>, Absent>) -> String {
    match asked {
        Ok(program) => {
            let with = match program.symbols().kind() {
                SymbolKind::Pdb => "with its PDB",
                SymbolKind::Dwarf => "with DWARF",
                SymbolKind::Map => "with a map file",
                SymbolKind::SymbolTable => "with its symbol table",
                SymbolKind::Exports => "with its exports only",
                SymbolKind::None => "without names",
            };
            let with = if program.from_memory {
                format!("out of the dump's memory, {with}")
            } else {
                with.to_owned()
            };
            std::iter::once(with)
                .chain(program.notes.iter().map(|note| note.trim_end_matches('.').to_owned()))
                .collect::<Vec<_>>()
                .join("; ")
        }
        Err(Absent::NotFound) => "not found".to_owned(),
        Err(Absent::Unfit(why)) => why.clone(),
    }
}

/// `AV_fifo!FifoRead`, `0xc4_62_LEAKED_POOL_IMAGE_fifo.sys`: in the form of the debugger of Windows.
fn bucket(explained: &Explained, blame: Option<&Blame>, stack: &[StackFrame]) -> String {
    let prefix = &explained.bucket;
    let Some(blame) = blame else { return prefix.clone() };
    let of_module = |spot: &&Spot| spot.module.eq_ignore_ascii_case(&blame.module);
    let spot = stack.iter().filter_map(|frame| frame.spot.as_ref()).find(of_module);
    match spot {
        Some(spot) => {
            let function = spot.function.as_deref().unwrap_or("unknown_function");
            format!("{prefix}_{}!{function}", short(&blame.module))
        }
        None => format!("{prefix}_IMAGE_{}", blame.module),
    }
}

fn finding(explained: &Explained, blame: Option<&Blame>, stack: &[StackFrame]) -> Finding {
    let frames: Vec<Frame> = stack.iter().map(bench_frame).collect();
    let blamed = blame.and_then(|blame| {
        frames.iter().position(|frame| frame.module.eq_ignore_ascii_case(&blame.module))
    });
    let mut places = Vec::new();
    if !frames.is_empty() {
        let mut place = Place::new("crash", "", frames.clone());
        // The place to look at is the blamed module's, wherever in the stack that is.
        if let Some(frame) = blamed.map(|index| &frames[index]) {
            (place.file, place.line) = (frame.file.clone(), frame.line);
            (place.function, place.module) = (frame.function.clone(), frame.module.clone());
            place.rva = frame.rva;
        }
        places.push(place);
    }
    let what = match &explained.sub_code {
        Some(sub) => format!("{}: {}", explained.name, sub.meaning),
        None => explained.name.clone(),
    };
    let title = match blame {
        Some(blame) => format!("{what}, in {}", blame.module),
        None => what,
    };
    let why = blame
        .map(|blame| format!(" {} is to blame: {}", blame.module, blame.why))
        .unwrap_or_default();
    let is_windows =
        blame.is_none_or(|blame| blame.module == "hardware" || is_kernel(&blame.module));
    Finding {
        rule: "crash".to_owned(),
        blame: if is_windows { finding::Blame::Unknown } else { finding::Blame::Driver },
        severity: Severity::Error,
        bugcheck: Some(BugCheck {
            code: explained.code,
            name: explained.name.clone(),
            parameters: std::array::from_fn(|index| explained.parameters[index].value),
            meanings: std::array::from_fn(|index| explained.parameters[index].meaning.clone()),
        }),
        title,
        explanation: format!("{}{why}", explained.means).trim().to_owned(),
        remedy: explained.remedy.clone(),
        places,
        timeline: Vec::new(),
        scenario: String::new(),
        replay: None,
        references: vec![explained.link.clone()],
    }
}

fn bench_frame(frame: &StackFrame) -> Frame {
    let spot = frame.spot.as_ref();
    Frame {
        module: spot.map(|spot| spot.module.clone()).unwrap_or_default(),
        rva: spot.map_or(frame.address, |spot| spot.rva),
        function: spot.and_then(|spot| spot.function.clone()),
        file: spot.and_then(|spot| spot.file.clone()),
        line: spot.and_then(|spot| spot.line),
        trust: frame.trust,
    }
}

/// How a frame was found, in a word or two.
pub fn trust_text(trust: Trust) -> &'static str {
    match trust {
        Trust::Context => "registers",
        Trust::Unwound => "unwound",
        Trust::Scanned => "scanned",
    }
}

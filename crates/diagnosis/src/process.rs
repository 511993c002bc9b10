//! What a minidump of a process tells.
//!
//! A vendor's service or tool crashes more often than the driver; its dump says which exception, in which
//! thread, in whose code.

use crate::crash::code::{self, Code};
use crate::crash::stack::{self, StackFrame};
use crate::crash::view::{Captured, View};
use crate::crash::{Blame, Confidence, image_outcomes, seconds_text};
use crate::program::Programs;
use evidence::crash_dump::{Exception, Lack, Machine, Module, Registers, Unloaded};
use evidence::process_dump::{ProcessDump, Thread};
use knowledge::windows;
use serde::Serialize;

/// A process that crashed, or that somebody took a picture of.
#[derive(Clone, Debug)]
pub struct ProcessCrash {
    /// File name of the program.
    pub program: String,
    /// The process and its machine.
    pub about: About,
    /// The exception, if there was one.
    pub exception: Option<Exception>,
    /// The thread that raised it, or the first: number and name.
    pub thread: Option<(u32, String)>,
    /// Its registers, and what they are of.
    pub registers: Option<(Registers, &'static str)>,
    /// Code at the instruction pointer.
    pub code: Code,
    /// Call stack, innermost first.
    pub stack: Vec<StackFrame>,
    /// Who is to blame.
    pub blame: Option<Blame>,
    /// Modules, in the order of the dump.
    pub modules: Vec<Module>,
    /// Modules unloaded before.
    pub unloaded: Vec<Unloaded>,
    /// Images that were asked for, and what was had.
    pub images: Vec<(String, String)>,
    /// What the dump should hold and does not.
    pub lacks: Vec<Lack>,
}

/// The process and the machine that it ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// Process number.
    pub process_id: Option<u32>,
    /// Threads in the dump.
    pub threads: usize,
    /// When the dump was written: UTC.
    pub written: Option<String>,
    /// `x64`.
    pub machine: &'static str,
    /// Windows' version: 10, 0, 19041.
    pub version: Option<[u32; 3]>,
    /// Its release, where the build is known.
    pub release: Option<&'static str>,
    /// Processors.
    pub processors: Option<u8>,
    /// What the writer of the dump had to say.
    pub comment: Option<String>,
}

/// A dump, seen from one of its threads.
struct Seen<'d> {
    dump: &'d ProcessDump<'d>,
    thread: Option<&'d Thread>,
    modules: Vec<Module>,
    unloaded: Vec<Unloaded>,
    machine: Machine,
}

impl Captured for Seen<'_> {
    fn machine(&self) -> Machine {
        self.machine
    }

    fn wide(&self) -> bool {
        self.machine != Machine::X86
    }

    fn build(&self) -> u32 {
        self.dump.system.as_ref().map_or(0, |system| system.version[2])
    }

    fn modules(&self) -> &[Module] {
        &self.modules
    }

    fn unloaded(&self) -> &[Unloaded] {
        &self.unloaded
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.dump.read(address, buffer)
    }

    fn size(&self) -> u64 {
        self.dump.size()
    }

    fn stack(&self) -> Option<(u64, &[u8])> {
        self.dump.stack(self.thread?)
    }
}

/// Explains `dump` with the images that `programs` has.
pub fn diagnose(dump: &ProcessDump<'_>, programs: &dyn Programs) -> ProcessCrash {
    let raised = dump.exception.as_ref();
    let of_exception =
        raised.and_then(|raised| dump.threads.iter().find(|it| it.id == raised.thread));
    let thread = of_exception.or(dump.threads.first());
    let plain = |module: &evidence::process_dump::Module| Module {
        offset: module.offset,
        path: module.path.clone(),
        base: module.base,
        size: module.size,
        checksum: module.checksum,
        stamp: module.stamp,
    };
    let seen = Seen {
        dump,
        thread,
        modules: dump.modules.iter().map(plain).collect(),
        unloaded: dump.unloaded.clone(),
        machine: dump.system.as_ref().map_or(Machine::Other(0), |system| system.machine),
    };
    let view = View::new(&seen, programs);
    let registers = dump
        .exception_registers()
        .map(|registers| (registers, "the exception"))
        .or_else(|| Some((dump.registers(thread?)?, "the thread when the dump was written")));
    let code = registers.as_ref().map(|(it, _)| code::at(&view, it)).unwrap_or_default();
    let stack = registers.as_ref().map(|(it, _)| stack::walk(&view, it)).unwrap_or_default();
    let exception = raised.map(|raised| raised.record.clone());
    ProcessCrash {
        program: dump.modules.first().map(|module| module.name().to_owned()).unwrap_or_default(),
        about: about(dump, seen.machine),
        blame: exception.as_ref().and_then(|_| blame(&stack)),
        exception,
        thread: thread.map(|thread| (thread.id, thread.name.clone())),
        registers,
        code,
        stack,
        images: image_outcomes(&view),
        modules: seen.modules.clone(),
        unloaded: seen.unloaded.clone(),
        lacks: dump.lacks.clone(),
    }
}

fn about(dump: &ProcessDump<'_>, machine: Machine) -> About {
    let system = dump.system.as_ref();
    About {
        process_id: dump.process_id,
        threads: dump.threads.len(),
        written: (dump.written != 0).then(|| seconds_text(dump.written.into())).flatten(),
        machine: machine_text(machine),
        version: system.map(|system| system.version),
        release: system.and_then(|system| windows::release(system.version[2])),
        processors: system.map(|system| system.processors),
        comment: dump.comment.clone(),
    }
}

/// What a processor is called.
pub(crate) fn machine_text(machine: Machine) -> &'static str {
    match machine {
        Machine::X64 => "x64",
        Machine::X86 => "x86",
        Machine::Arm64 => "ARM64",
        Machine::Other(_) => "another processor",
    }
}

/// Libraries of Windows that raise what others cause, or pass calls on.
const LIBRARIES: &[&str] = &[
    "ntdll.dll",
    "kernel32.dll",
    "kernelbase.dll",
    "ucrtbase.dll",
    "ucrtbased.dll",
    "msvcrt.dll",
    "msvcp140.dll",
    "vcruntime140.dll",
    "vcruntime140_1.dll",
    "user32.dll",
    "win32u.dll",
    "gdi32.dll",
    "gdi32full.dll",
    "combase.dll",
    "ole32.dll",
    "oleaut32.dll",
    "rpcrt4.dll",
    "sechost.dll",
    "advapi32.dll",
    "wow64.dll",
    "wow64cpu.dll",
    "wow64win.dll",
    "ws2_32.dll",
    "crypt32.dll",
    "setupapi.dll",
    "cfgmgr32.dll",
    "shell32.dll",
    "verifier.dll",
    "vrfcore.dll",
    "vfbasics.dll",
];

/// The innermost module on the stack that is none of [`LIBRARIES`], or else where it happened.
fn blame(stack: &[StackFrame]) -> Option<Blame> {
    let is_library = |module: &str| LIBRARIES.iter().any(|own| own.eq_ignore_ascii_case(module));
    let frames = || stack.iter().zip(1..).filter_map(|it| Some((it.0, it.1, it.0.spot.as_ref()?)));
    let own = frames().find(|(_, _, spot)| !is_library(&spot.module));
    let (frame, depth, spot) = own.or_else(|| frames().next())?;
    let place = spot.text();
    // What was unwound from a frame that was scanned for is no surer than that.
    let scanned = stack[..depth].iter().any(|frame| frame.trust == finding::Trust::Scanned);
    let (why, confidence) = match frame.trust {
        finding::Trust::Unwound if scanned => (
            format!(
                "{place} called it, as far as a word that was scanned for is a return address."
            ),
            Confidence::Low,
        ),
        finding::Trust::Context if own.is_some() => {
            (format!("the instruction at {place} raised the exception."), Confidence::High)
        }
        finding::Trust::Unwound => {
            (format!("{place} called what raised the exception."), Confidence::Medium)
        }
        finding::Trust::Context => {
            (format!("it happened at {place}, and nobody else is on the stack."), Confidence::Low)
        }
        finding::Trust::Scanned => (
            format!("{place} is the innermost return address on the stack; it may be left over."),
            Confidence::Low,
        ),
    };
    Some(Blame { module: spot.module.clone(), why, confidence, about: String::new() })
}

//! Where something happened.

use crate::{hex64, number};
use serde::{Deserialize, Serialize};

/// How far a stack frame can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Taken from the registers.
    Context,
    /// Unwound by the image's own tables.
    Unwound,
    /// A word on the stack that looks like a return address.
    Scanned,
}

/// One frame of a call stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Image, `fifo.sys`.
    pub module: String,
    /// Offset of the instruction from the image's base. For callers, of the call's return address.
    #[serde(serialize_with = "hex64", deserialize_with = "number")]
    pub rva: u64,
    /// Function, where symbols name it.
    pub function: Option<String>,
    /// Source file, as the compiler recorded it but for its slashes, which lean forward.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// How the frame was found.
    pub trust: Trust,
}

/// A place that matters to a finding, and how it was reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// What happened there: `first completion`.
    pub role: String,
    /// Who was running: `reader`, `DPC`.
    pub context: String,
    /// Source file of the innermost driver frame.
    pub file: Option<String>,
    /// Its line.
    pub line: Option<u32>,
    /// Its function.
    pub function: Option<String>,
    /// Its image.
    pub module: String,
    /// Its offset in the image.
    #[serde(serialize_with = "hex64", deserialize_with = "number")]
    pub rva: u64,
    /// The call stack, innermost first, with the kernel's services (module `nt`) where one was
    /// called; empty for what the driver did not do itself.
    pub stack: Vec<Frame>,
}

impl Place {
    /// A place whose innermost frame is the stack's first.
    pub fn new(role: &str, context: &str, stack: Vec<Frame>) -> Place {
        let top = stack.first();
        Place {
            role: role.to_owned(),
            context: context.to_owned(),
            file: top.and_then(|frame| frame.file.clone()),
            line: top.and_then(|frame| frame.line),
            function: top.and_then(|frame| frame.function.clone()),
            module: top.map(|frame| frame.module.clone()).unwrap_or_default(),
            rva: top.map(|frame| frame.rva).unwrap_or_default(),
            stack,
        }
    }

    /// The source line of each frame, or else its address.
    pub fn lines(&self) -> Vec<String> {
        let line = |frame: &Frame| match (&frame.file, frame.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => format!("{}+{:#x}", frame.module, frame.rva),
        };
        self.stack.iter().map(line).collect()
    }
}

//! An image of the set, as far as its place matters.

use pe::{BASE_GRANULARITY, Image, Machine, Subsystem};

/// Libraries that make `fork`: they and what lies around them are where they are.
const RUNTIMES: [&str; 3] = ["cygwin1.dll", "msys-2.0.dll", "msys-1.0.dll"];

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Path, as it is shown.
    pub path: String,
    /// File name in lower case, by which images import each other.
    pub name: String,
    /// Processor; images for different ones are never in one process.
    pub machine: Machine,
    /// Address that it was linked for.
    pub base: u64,
    /// Bytes that it takes in memory, in whole allocation units of 64 KiB.
    pub size: u64,
    /// Whether it may be given another address.
    pub moves: Moves,
    /// Whether it is a program, and one that takes addresses above 2 GiB.
    pub program: Option<bool>,
    /// Time stamp of its header.
    pub timestamp: u32,
    /// Modules that it is bound to, in lower case.
    pub bound: Vec<String>,
    /// Whether it carries a signature.
    pub is_signed: bool,
    /// Whether it holds DWARF, whose addresses nobody corrects.
    pub has_dwarf: bool,
}

/// Whether an image may be given another address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moves {
    /// It may.
    Freely,
    /// Windows chooses its address: `/DYNAMICBASE`.
    BySystem,
    /// It may not.
    Not(Stays),
}

/// Why an image stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stays {
    /// It is a program: the loader maps it first.
    Program,
    /// Its relocations were stripped.
    Stripped,
    /// A signature is in the file, which would be lost.
    Signed,
    /// It is not loaded without a valid signature (`/INTEGRITYCHECK`).
    Integrity,
    /// It holds managed code.
    Managed,
    /// It is the library that makes `fork`.
    Runtime,
    /// It runs in the kernel, which goes by no base.
    Native,
    /// Its base is no multiple of 64 KiB, or it would reach beyond the address space.
    Base,
    /// Its relocations cannot be read: the reason.
    Unreadable(String),
    /// The file cannot be replaced: the reason.
    File(String),
}

impl Member {
    /// What `image`, the file at `path`, is in a set. With `signed`, a signature is no reason to stay; with `fixed`,
    /// neither is a dynamic base, for it is taken away.
    pub fn of(path: &str, image: &Image<'_>, signed: bool, fixed: bool) -> Member {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        let size = u64::from(image.size_of_image()).next_multiple_of(BASE_GRANULARITY);
        let bound = image.bound_modules().unwrap_or_default();
        let is_signed = image.certificates().is_some();
        let mut it = Member {
            path: path.to_owned(),
            name,
            machine: image.machine(),
            base: image.image_base(),
            size,
            moves: Moves::Freely,
            program: (!image.is_dll()).then(|| image.is_large_address_aware()),
            timestamp: image.timestamp(),
            bound: bound.iter().map(|name| name.to_ascii_lowercase()).collect(),
            is_signed,
            has_dwarf: image.sections().iter().any(|it| it.name.starts_with(".debug_")),
        };
        it.moves = match it.stays(image, signed) {
            Some(why) => Moves::Not(why),
            None if image.has_dynamic_base() && !fixed => Moves::BySystem,
            None => Moves::Freely,
        };
        it
    }

    fn stays(&self, image: &Image<'_>, signed: bool) -> Option<Stays> {
        let reach = self.base.checked_add(self.size);
        let room = if image.is_64bit() { u64::MAX } else { 1 << 32 };
        if image.subsystem() == Subsystem::Native {
            return Some(Stays::Native);
        }
        if self.program.is_some() {
            return Some(Stays::Program);
        }
        if self.is_runtime() {
            return Some(Stays::Runtime);
        }
        if image.relocations_stripped() {
            return Some(Stays::Stripped);
        }
        if !self.base.is_multiple_of(BASE_GRANULARITY) || reach.is_none_or(|end| end > room) {
            return Some(Stays::Base);
        }
        if image.is_managed() {
            return Some(Stays::Managed);
        }
        if image.forces_integrity() {
            return Some(Stays::Integrity);
        }
        if self.is_signed && !signed {
            return Some(Stays::Signed);
        }
        image.relocations().err().map(|error| Stays::Unreadable(error.to_string()))
    }

    /// Whether it is the library that makes `fork`.
    pub fn is_runtime(&self) -> bool {
        RUNTIMES.contains(&self.name.as_str())
    }

    /// First address behind it.
    pub fn end(&self) -> u64 {
        self.base.saturating_add(self.size)
    }
}

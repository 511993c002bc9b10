//! Access masks, bit by bit and as sets, for each kind of object that they fit.
//!
//! Source: [MS-DTYP] 2.4.3; names and values from `nt::access`.

use crate::answer::Answer;
use crate::space::Space;
use nt::access::{self, Object, Right};

const KINDS: &[(Object, &str)] = &[
    (Object::File, "file, device"),
    (Object::Key, "registry key"),
    (Object::Process, "process"),
    (Object::Thread, "thread"),
    (Object::Section, "section"),
    (Object::Event, "event"),
];

/// Sets that a file's mask is compared with.
const FILE_SETS: &[&str] = &["FILE_GENERIC_READ", "FILE_GENERIC_WRITE", "FILE_GENERIC_EXECUTE"];

fn rights() -> impl Iterator<Item = &'static Right> {
    let objects = KINDS.iter().flat_map(|(object, _)| object.rights());
    objects.chain(access::STANDARD).chain(access::COMMON)
}

pub fn names() -> impl Iterator<Item = (Space, u32, &'static str)> {
    rights().map(|&(bits, name)| (Space::Access, bits, name))
}

/// The bits of `mask` by name, lowest first.
fn bits(mask: u32, object: Object) -> Option<String> {
    let single = |right: &&Right| right.0.is_power_of_two();
    let table: Vec<&Right> = object.rights().iter().chain(access::COMMON).filter(single).collect();
    let mut names = Vec::new();
    for bit in (0..32).map(|shift| 1u32 << shift).filter(|bit| mask & bit != 0) {
        names.push(format!("{} 0x{bit:X}", table.iter().find(|right| right.0 == bit)?.1));
    }
    Some(names.join(", "))
}

/// Which generic sets of files a mask equals, holds or lacks little of.
fn sets(mask: u32) -> String {
    let mut parts = Vec::new();
    let sets = access::FILE.iter().filter(|right| FILE_SETS.contains(&right.1));
    for &(set, name) in sets {
        if mask == set {
            return format!("exactly {name}");
        }
        if mask & set == set {
            let rest = mask & !set;
            parts.push((
                rest.count_ones(),
                format!("{name} and {}", access::text(rest, Object::File)),
            ));
        }
    }
    let sum: u32 = access::FILE
        .iter()
        .filter(|right| FILE_SETS.contains(&right.1) && mask & right.0 == right.0)
        .fold(0, |sum, right| sum | right.0);
    if parts.len() > 1 && sum == mask {
        return format!("exactly {}", access::text(mask, Object::File));
    }
    parts.sort();
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; or ")
}

/// The generic sets of files that a mask has most of, and what it lacks of them.
fn missing(mask: u32) -> String {
    let sets = access::FILE.iter().filter(|right| FILE_SETS.contains(&right.1));
    let short = sets.filter_map(|&(set, name)| {
        let lacks = set & !mask;
        let most = (1..=2).contains(&lacks.count_ones()) && set & mask & 0xFFFF != 0;
        most.then(|| format!("{name} by {}", access::text(lacks, Object::File)))
    });
    short.collect::<Vec<_>>().join("; ")
}

pub fn mask(mask: u32) -> Option<Answer> {
    let fits: Vec<(Object, &str)> =
        KINDS.iter().copied().filter(|(object, _)| bits(mask, *object).is_some()).collect();
    if mask == 0 || fits.is_empty() {
        return None;
    }
    let whole = rights().find(|right| right.0 == mask && !right.0.is_power_of_two());
    let standard = mask & access::STANDARD.iter().fold(0, |all, right| all | right.0);
    let likelihood = match whole {
        Some(_) => 80,
        // Generic bits alone are also error codes' upper bits.
        None if mask & 0xF000_0000 == mask => 55,
        None if standard != 0 && mask & 0xFFFF != 0 && mask & 0xFF00_0000 == 0 => 50,
        None if mask & 0xFF00_0000 != 0 => 4,
        None => 6,
    };
    // A file is what drivers meet; others only where the bits do not fit one.
    let (first, _) = fits[0];
    let mut answer =
        Answer::new(Space::Access, u64::from(mask), access::text(mask, first), likelihood)
            .detail("bit by bit", bits(mask, first).unwrap_or_default());
    if first == Object::File {
        answer = answer.detail("generic sets", sets(mask));
        answer = answer.detail("short of", missing(mask));
        if mask & access::READ_CONTROL != 0 && sets(mask).contains("FILE_GENERIC") {
            let note = "READ_CONTROL and SYNCHRONIZE are part of the generic sets of files";
            answer = answer.detail("note", note);
        }
    }
    for (object, label) in fits {
        let text = access::text(mask, object);
        if text != answer.name {
            answer = answer.detail(label, text);
        }
    }
    Some(answer.link("https://learn.microsoft.com/windows-hardware/drivers/kernel/access-mask"))
}

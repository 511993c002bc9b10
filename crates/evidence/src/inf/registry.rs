//! Changes of the registry: AddReg and DelReg sections.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive>

use super::lex::{Entry, Position, Section};
use super::target::number;
use std::fmt;

/// FLG_ADDREG_BINVALUETYPE.
const BINARY: u32 = 0x1;
/// FLG_ADDREG_DELVAL.
const DELETE: u32 = 0x4;
/// FLG_ADDREG_KEYONLY, FLG_ADDREG_KEYONLY_COMMON.
const KEY_ONLY: u32 = 0x10 | 0x2000;
/// The bits that give the type.
const TYPE: u32 = 0xFFFF_0001;

/// The key that an entry begins at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// HKEY_CLASSES_ROOT.
    Classes,
    /// HKEY_CURRENT_USER.
    User,
    /// HKEY_LOCAL_MACHINE.
    Machine,
    /// HKEY_USERS.
    Users,
    /// HKR: the key that goes with the section that the AddReg directive stands in, by name.
    Relative(String),
}

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Only the key is made.
    Key,
    /// REG_SZ.
    Text(String),
    /// REG_EXPAND_SZ.
    Expand(String),
    /// REG_MULTI_SZ.
    Many(Vec<String>),
    /// REG_DWORD.
    Dword(u32),
    /// REG_QWORD.
    Qword(u64),
    /// REG_BINARY, REG_NONE or a type of the vendor's: its number, then the bytes.
    Bytes(u16, Vec<u8>),
    /// The value, or the key where no value is named, goes.
    Delete,
}

/// One line of an AddReg or a DelReg section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it begins.
    pub root: Root,
    /// Path below it; may be empty.
    pub key: String,
    /// Name of the value; empty for the default value, or for none.
    pub name: String,
    /// What becomes of it.
    pub value: Value,
    /// Flags, as they are written.
    pub flags: u32,
    /// Where it is written.
    pub at: Position,
}

impl Root {
    /// Reads a root; `relative` is what HKR stands for.
    pub fn named(name: &str, relative: &str) -> Option<Root> {
        match name.to_ascii_uppercase().as_str() {
            "HKCR" => Some(Root::Classes),
            "HKCU" => Some(Root::User),
            "HKLM" => Some(Root::Machine),
            "HKU" => Some(Root::Users),
            "HKR" => Some(Root::Relative(relative.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Root::Classes => to.write_str("HKCR"),
            Root::User => to.write_str("HKCU"),
            Root::Machine => to.write_str("HKLM"),
            Root::Users => to.write_str("HKU"),
            Root::Relative(key) => write!(to, "HKR ({key})"),
        }
    }
}

/// Why an entry is not understood: which of its values is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Root,
    Flags,
    Number(usize),
    Bytes(usize),
}

fn bytes(entry: &Entry) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    for (index, field) in entry.fields.iter().enumerate().skip(4) {
        if field.value.is_empty() {
            continue;
        }
        let digits = field.value.trim_start_matches("0x").trim_start_matches("0X");
        let plain =
            (1..=2).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit());
        let byte = if plain { u8::from_str_radix(digits, 16).ok() } else { None };
        all.push(byte.ok_or(Fault::Bytes(index))?);
    }
    Ok(all)
}

/// A number of up to 64 bits, as a DWORD or a QWORD is written; one below zero is taken for its
/// complement.
fn wide(text: &str, bits: u32) -> Option<u64> {
    let low = text.trim().to_ascii_lowercase();
    let value = if let Some(digits) = low.strip_prefix("0x") {
        u64::from_str_radix(digits, 16).ok()?
    } else if low.starts_with('-') {
        let value = low.parse::<i64>().ok()?.cast_unsigned();
        return Some(if bits == 32 { value & 0xFFFF_FFFF } else { value });
    } else {
        low.parse().ok()?
    };
    (bits == 64 || value <= 0xFFFF_FFFF).then_some(value)
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn sized(entry: &Entry, bits: u32) -> Result<u64, Fault> {
    // Either one number, or its bytes, the lowest first.
    let given = entry.fields.iter().skip(4).filter(|field| !field.value.is_empty()).count();
    match given {
        0 => Ok(0),
        1 => wide(entry.text(4), bits).ok_or(Fault::Number(4)),
        _ => {
            let all = bytes(entry)?;
            if all.len() > 8 { Err(Fault::Number(4)) } else { Ok(little_endian(&all)) }
        }
    }
}

fn value(entry: &Entry, flags: u32) -> Result<Value, Fault> {
    let text = || entry.text(4).to_owned();
    Ok(match flags & TYPE {
        0 => Value::Text(text()),
        0x1_0000 => {
            let all = entry.fields.iter().skip(4).map(|it| it.value.clone());
            Value::Many(all.filter(|it| !it.is_empty()).collect())
        }
        0x2_0000 => Value::Expand(text()),
        0x1_0001 => Value::Dword(u32::try_from(sized(entry, 32)?).map_err(|_| Fault::Number(4))?),
        0xB_0001 => Value::Qword(sized(entry, 64)?),
        // REG_BINARY is 3, REG_NONE 0; of other types the high word is the number.
        1 => Value::Bytes(3, bytes(entry)?),
        0x2_0001 => Value::Bytes(0, bytes(entry)?),
        other if other & BINARY != 0 => {
            Value::Bytes(u16::try_from(other >> 16).unwrap_or_default(), bytes(entry)?)
        }
        _ => return Err(Fault::Flags),
    })
}

/// One entry; `relative` is what HKR stands for.
pub(super) fn change(entry: &Entry, relative: &str, deletes: bool) -> Result<Change, Fault> {
    let root = Root::named(entry.text(0), relative).ok_or(Fault::Root)?;
    let flags = match entry.field(3) {
        None => 0,
        Some(field) => number(&field.value).ok_or(Fault::Flags)?,
    };
    let value = if deletes || flags & DELETE != 0 {
        Value::Delete
    } else if flags & KEY_ONLY != 0 || (entry.text(2).is_empty() && entry.fields.len() < 4) {
        Value::Key
    } else {
        value(entry, flags)?
    };
    let (key, name) = (entry.text(1).to_owned(), entry.text(2).to_owned());
    Ok(Change { root, key, name, value, flags, at: entry.at })
}

/// Every entry of a section that is understood.
pub(super) fn changes(section: &Section, relative: &str, deletes: bool) -> Vec<Change> {
    section.entries.iter().filter_map(|entry| change(entry, relative, deletes).ok()).collect()
}

impl fmt::Display for Value {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Key => to.write_str("key"),
            Value::Delete => to.write_str("deleted"),
            Value::Text(text) => write!(to, "REG_SZ \"{text}\""),
            Value::Expand(text) => write!(to, "REG_EXPAND_SZ \"{text}\""),
            Value::Many(all) => write!(to, "REG_MULTI_SZ \"{}\"", all.join("\" \"")),
            Value::Dword(value) => write!(to, "REG_DWORD {value:#x}"),
            Value::Qword(value) => write!(to, "REG_QWORD {value:#x}"),
            Value::Bytes(kind, bytes) => {
                match kind {
                    0 => to.write_str("REG_NONE")?,
                    3 => to.write_str("REG_BINARY")?,
                    other => write!(to, "type {other:#x}")?,
                }
                for byte in bytes.iter().take(16) {
                    write!(to, " {byte:02x}")?;
                }
                if bytes.len() > 16 {
                    write!(to, " ... ({} bytes)", bytes.len())?;
                }
                Ok(())
            }
        }
    }
}

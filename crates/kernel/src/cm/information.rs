//! How keys and values are told to drivers: KEY_..._INFORMATION and KEY_VALUE_..._INFORMATION.

use super::hive::{Hive, Value};
use crate::cx::{Cx, Stop};
use nt::layout::key_full_information as full;
use nt::status::*;
use nt::string::to_utf16le;

/// A structure with its fixed part, of which a caller has room for all or nothing.
pub(super) struct Answer {
    bytes: Vec<u8>,
    fixed: usize,
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// What is told of a value; `None` for a class that there is not.
pub(super) fn of_value(value: &Value, class: u32) -> Option<Answer> {
    let name = to_utf16le(&value.name);
    let (kind, data) = (value.kind, &value.data);
    Some(match class {
        // KeyValueBasicInformation
        0 => {
            let mut bytes = words(&[0, kind, name.len() as u32]);
            bytes.extend(&name);
            Answer { bytes, fixed: 0xc }
        }
        // KeyValueFullInformation, and the same with its data aligned to 8
        1 | 3 => {
            let align = if class == 1 { 4 } else { 8 };
            let offset = (0x14 + name.len()).next_multiple_of(align);
            let head = [0, kind, offset as u32, data.len() as u32, name.len() as u32];
            let mut bytes = words(&head);
            bytes.extend(&name);
            bytes.resize(offset, 0);
            bytes.extend(data.iter());
            Answer { bytes, fixed: 0x14 }
        }
        // KeyValuePartialInformation
        2 => {
            let mut bytes = words(&[0, kind, data.len() as u32]);
            bytes.extend(data.iter());
            Answer { bytes, fixed: 0xc }
        }
        // KeyValuePartialInformationAlign64
        4 => {
            let mut bytes = words(&[kind, data.len() as u32]);
            bytes.extend(data.iter());
            Answer { bytes, fixed: 8 }
        }
        _ => return None,
    })
}

/// What is told of a key; `None` for a class that there is not.
pub(super) fn of_key(hive: &Hive, number: u16, class: u32, time: u64) -> Option<Answer> {
    let path = hive.path(number);
    let own = to_utf16le(path.rsplit('\\').next().unwrap_or(""));
    let mut bytes = time.to_le_bytes().to_vec();
    Some(match class {
        // KeyBasicInformation
        0 => {
            bytes.extend(words(&[0, own.len() as u32]));
            bytes.extend(&own);
            Answer { bytes, fixed: 0x10 }
        }
        // KeyNodeInformation; keys have no class, whose offset is then -1
        1 => {
            bytes.extend(words(&[0, u32::MAX, 0, own.len() as u32]));
            bytes.extend(&own);
            Answer { bytes, fixed: 0x18 }
        }
        // KeyFullInformation
        2 => {
            let subkeys = hive.subkeys(number);
            let longest = subkeys.iter().map(|name| to_utf16le(name).len()).max().unwrap_or(0);
            let values = hive.key(number).map(|key| key.values.as_slice()).unwrap_or_default();
            let name = values.iter().map(|value| to_utf16le(&value.name).len()).max().unwrap_or(0);
            let data = values.iter().map(|value| value.data.len()).max().unwrap_or(0);
            let counts = [subkeys.len(), longest, 0, values.len(), name, data];
            bytes.extend(words(&[0, u32::MAX, 0]));
            bytes.extend(words(&counts.map(|count| count as u32)));
            Answer { bytes, fixed: full::CLASS as usize }
        }
        // KeyNameInformation
        3 => {
            let whole = to_utf16le(path);
            bytes = words(&[whole.len() as u32]);
            bytes.extend(&whole);
            Answer { bytes, fixed: 4 }
        }
        _ => return None,
    })
}

/// Gives an answer to the caller: as much as there is room for, the fixed part whole or nothing.
pub(super) fn give(
    cx: &mut Cx,
    answer: &Answer,
    buffer: u64,
    length: u32,
    result: u64,
) -> Result<u32, Stop> {
    let room = length as usize;
    cx.write32(result, answer.bytes.len() as u32)?;
    if room < answer.fixed {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    cx.write_bytes(buffer, &answer.bytes[..answer.bytes.len().min(room)])?;
    Ok(if room < answer.bytes.len() { STATUS_BUFFER_OVERFLOW } else { STATUS_SUCCESS })
}

//! A record as `bpf/ledger.bpf.c` writes it: `struct head`, then program path, parts of the working folder,
//! arguments. The byte order is that of the machine.

use std::borrow::Cow;

/// Bytes of `struct head`.
const HEAD: usize = 96;
const NO_ARGUMENTS: u16 = 1;
const FOLDER_CUT: u16 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Fork,
    Exec,
    Exit,
}

#[derive(Debug)]
pub(super) struct Record<'a> {
    pub told: Told,
    /// Nanoseconds since the boot.
    pub time: u64,
    /// When the process was made, likewise; identifies it together with its id.
    pub start: u64,
    pub cgroup: u64,
    /// Processor time, nanoseconds.
    pub runtime: u64,
    pub pid: u32,
    pub parent: u32,
    pub uid: u32,
    /// As `wait` tells it.
    pub code: u32,
    /// Records lost on this processor so far: of starts, programs, ends.
    pub lost: [u32; 3],
    /// How long the command line is in full.
    pub arguments_length: u32,
    pub cpu: u16,
    pub no_arguments: bool,
    folder_cut: bool,
    pub comm: Cow<'a, str>,
    pub path: Cow<'a, str>,
    folder: &'a [u8],
    pub arguments: &'a [u8],
}

fn until_nul(bytes: &[u8]) -> Cow<'_, str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end])
}

impl<'a> Record<'a> {
    /// Takes a record apart; nothing if it is none.
    pub fn read(bytes: &'a [u8]) -> Option<Record<'a>> {
        let (head, data) = bytes.split_at_checked(HEAD)?;
        let u64_at = |at: usize| Some(u64::from_ne_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let u32_at = |at: usize| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let u16_at = |at: usize| Some(u16::from_ne_bytes(head.get(at..at + 2)?.try_into().ok()?));
        let told = match u16_at(64)? {
            0 => Told::Fork,
            1 => Told::Exec,
            2 => Told::Exit,
            _ => return None,
        };
        let flags = u16_at(68)?;
        let (path, rest) = data.split_at_checked(u16_at(70)?.into())?;
        let (folder, rest) = rest.split_at_checked(u16_at(72)?.into())?;
        let arguments = rest.get(..u16_at(74)?.into())?;
        Some(Record {
            told,
            time: u64_at(0)?,
            start: u64_at(8)?,
            cgroup: u64_at(16)?,
            runtime: u64_at(24)?,
            pid: u32_at(32)?,
            parent: u32_at(36)?,
            uid: u32_at(40)?,
            code: u32_at(44)?,
            lost: [u32_at(48)?, u32_at(52)?, u32_at(56)?],
            arguments_length: u32_at(60)?,
            cpu: u16_at(66)?,
            no_arguments: flags & NO_ARGUMENTS != 0,
            folder_cut: flags & FOLDER_CUT != 0,
            comm: until_nul(head.get(76..92)?),
            path: until_nul(path),
            folder,
            arguments,
        })
    }

    /// The working folder; its parts come with the last one first. Where some are missing dots stand for them.
    pub fn folder(&self) -> Option<String> {
        let parts = self.folder.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        let mut path = String::from(if self.folder_cut { "..." } else { "" });
        for part in parts.collect::<Vec<_>>().into_iter().rev() {
            path.push('/');
            path.push_str(&String::from_utf8_lossy(part));
        }
        Some(if path.is_empty() { "/".to_owned() } else { path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in [1000u64, 900, 1, 5] {
            bytes.extend(value.to_ne_bytes());
        }
        for value in [77u32, 7, 0, 0x300, 1, 2, 3, 5] {
            bytes.extend(value.to_ne_bytes());
        }
        for value in [1u16, 4, 0, 8, 9, 5] {
            bytes.extend(value.to_ne_bytes());
        }
        bytes.extend(b"true\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.resize(HEAD, 0);
        bytes.extend(b"/bin/ls\0a b\0home\0ls\0-l");
        bytes
    }

    #[test]
    fn a_record_is_taken_apart() {
        let bytes = sample();
        let record = Record::read(&bytes).unwrap();
        assert_eq!((record.told, record.pid, record.parent, record.cpu), (Told::Exec, 77, 7, 4));
        assert_eq!((record.lost, record.code, record.runtime), ([1, 2, 3], 0x300, 5));
        assert_eq!((&*record.comm, &*record.path), ("true", "/bin/ls"));
        assert_eq!(record.folder().as_deref(), Some("/home/a b"));
        assert_eq!(record.arguments, b"ls\0-l");
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Record::read(&bytes[..length]).is_none(), "{length}");
        }
    }
}

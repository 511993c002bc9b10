//! The header of a kernel dump: `DUMP_HEADER64` and `DUMP_HEADER32`.
//!
//! Fields that Windows left unset hold the text `PAGE` over and over; they read as `None`.
//! Source: Windows SDK metadata, `Win32.System.Diagnostics.Debug`, `DUMP_HEADER64` and `DUMP_HEADER32`.

use super::{Lack, note};
use crate::Error;
use crate::bytes::{slice, u32_at, u64_at};

const UNSET: u32 = 0x4547_4150;
const UNSET64: u64 = 0x4547_4150_4547_4150;

/// The processor of the machine that crashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// x86 (0x14c).
    X86,
    /// x64 (0x8664).
    X64,
    /// ARM64 (0xaa64).
    Arm64,
    /// Any other `IMAGE_FILE_MACHINE_*`.
    Other(u32),
}

/// What a dump holds, from `DumpType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1: all physical memory, by runs.
    Full,
    /// 2: kernel memory, by a bitmap.
    KernelSummary,
    /// 4: a small dump.
    Triage,
    /// 5: kernel or full memory, by a bitmap.
    Bitmap,
    /// 6: active or live kernel memory, by a bitmap.
    Active,
    /// 8, 9, 10: kernel, kernel and user, complete memory, by ranges of pages.
    Ranges,
    /// Another number.
    Other(u32),
}

/// An exception record of the dump's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Where it stands in the file.
    pub offset: u64,
    /// `ExceptionCode`, an NTSTATUS.
    pub code: u32,
    /// `ExceptionFlags`.
    pub flags: u32,
    /// `ExceptionAddress`.
    pub address: u64,
    /// `ExceptionInformation`, as many as `NumberParameters` says.
    pub parameters: Vec<u64>,
}

/// What the header says. `None` is a field that the file leaves unset or no longer holds.
#[derive(Debug, Clone)]
pub struct Header<'a> {
    /// Whether this is `DUMP_HEADER64`.
    pub wide: bool,
    /// `MachineImageType`.
    pub machine: Machine,
    /// `DumpType`.
    pub kind: Kind,
    /// `MajorVersion`: 0xf for a free build, 0xc for a checked one.
    pub major: u32,
    /// `MinorVersion`: the build, 19041 for example.
    pub build: u32,
    /// `DirectoryTableBase`: physical address of the page tables, with flags in its low bits.
    pub directory_table_base: u64,
    /// `PfnDataBase`.
    pub pfn_database: u64,
    /// `PsLoadedModuleList`.
    pub loaded_module_list: u64,
    /// `PsActiveProcessHead`.
    pub active_process_head: u64,
    /// `NumberProcessors`.
    pub processors: u32,
    /// `BugCheckCode`.
    pub bug_check: u32,
    /// `BugCheckParameter1` to 4.
    pub parameters: [u64; 4],
    /// `VersionUser`, unset as a rule.
    pub version_user: Option<&'a [u8]>,
    /// `KdDebuggerDataBlock`.
    pub debugger_data: Option<u64>,
    /// `PaeEnabled`, of a 32-bit dump.
    pub pae: bool,
    /// The context record's bytes; see [`super::Registers`].
    pub context: Option<&'a [u8]>,
    /// The exception record.
    pub exception: Option<Exception>,
    /// `Comment`.
    pub comment: Option<&'a [u8]>,
    /// `RequiredDumpSpace`, in bytes.
    pub required_space: Option<u64>,
    /// `SystemTime`: 100 ns since 1601, UTC.
    pub system_time: Option<u64>,
    /// `SystemUpTime`: 100 ns.
    pub up_time: Option<u64>,
    /// `MiniDumpFields`.
    pub minidump_fields: Option<u32>,
    /// `SecondaryDataState`.
    pub secondary_data_state: Option<u32>,
    /// `ProductType`: 1 workstation, 2 domain controller, 3 server.
    pub product_type: Option<u32>,
    /// `SuiteMask`.
    pub suite_mask: Option<u32>,
    /// `WriterStatus`.
    pub writer_status: Option<u32>,
}

/// Offsets of the fields, by width.
struct Layout {
    comment: u64,
    kind: u64,
    tail: [u64; 8],
    context: (u64, u64),
    exception: u64,
}

const WIDE: Layout = Layout {
    comment: 0xfb0,
    kind: 0xf98,
    tail: [0xfa0, 0xfa8, 0x1030, 0x1038, 0x103c, 0x1040, 0x1044, 0x1048],
    context: (0x348, 3000),
    exception: 0xf00,
};
const NARROW: Layout = Layout {
    comment: 0x820,
    kind: 0xf88,
    tail: [0xfa0, 0xfc0, 0xfb8, 0xf8c, 0xf90, 0xf94, 0xf98, 0xf9c],
    context: (0x320, 1200),
    exception: 0x7d0,
};

fn set(number: u32) -> Option<u32> {
    (number != UNSET).then_some(number)
}

fn set64(number: u64) -> Option<u64> {
    (number != UNSET64).then_some(number)
}

/// Text up to its NUL; nothing where it is unset or empty.
fn set_text(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (!bytes.starts_with(b"PAGE") && end > 0).then(|| &bytes[..end])
}

impl<'a> Header<'a> {
    /// The bytes that the header takes; what the dump's type adds comes after them.
    #[must_use]
    pub fn size(&self) -> u64 {
        if self.wide { 0x2000 } else { 0x1000 }
    }

    pub(super) fn parse(data: &'a [u8], lacks: &mut Vec<Lack>) -> Result<Self, Error> {
        let wide = match slice(data, 0, 8, "Signature")? {
            b"PAGEDU64" => true,
            b"PAGEDUMP" => false,
            start if start.starts_with(b"MDMP") => {
                let problem = "MDMP: a minidump of a process, not of the kernel";
                return Err(Error::new(0, "Signature", problem));
            }
            _ => {
                let problem = "neither PAGEDU64 nor PAGEDUMP: not a kernel dump";
                return Err(Error::new(0, "Signature", problem));
            }
        };
        let layout = if wide { &WIDE } else { &NARROW };
        let word = |at64: u64, at32: u64, field| {
            if wide { u64_at(data, at64, field) } else { u32_at(data, at32, field).map(u64::from) }
        };
        let half = |at64, at32, field| u32_at(data, if wide { at64 } else { at32 }, field);
        let machine = match half(0x30, 0x20, "MachineImageType")? {
            0x14c => Machine::X86,
            0x8664 => Machine::X64,
            0xaa64 => Machine::Arm64,
            other => Machine::Other(other),
        };
        let mut parameters = [0; 4];
        for (index, parameter) in (0u64..).zip(&mut parameters) {
            *parameter = word(0x40 + 8 * index, 0x2c + 4 * index, "BugCheckParameter")?;
        }
        let mut header = Self {
            wide,
            machine,
            kind: Kind::Other(UNSET),
            major: u32_at(data, 8, "MajorVersion")?,
            build: u32_at(data, 0xc, "MinorVersion")?,
            directory_table_base: word(0x10, 0x10, "DirectoryTableBase")?,
            pfn_database: word(0x18, 0x14, "PfnDataBase")?,
            loaded_module_list: word(0x20, 0x18, "PsLoadedModuleList")?,
            active_process_head: word(0x28, 0x1c, "PsActiveProcessHead")?,
            processors: half(0x34, 0x24, "NumberProcessors")?,
            bug_check: half(0x38, 0x28, "BugCheckCode")?,
            parameters,
            version_user: None,
            debugger_data: None,
            pae: !wide && data.get(0x5c) == Some(&1),
            context: None,
            exception: None,
            comment: None,
            required_space: None,
            system_time: None,
            up_time: None,
            minidump_fields: None,
            secondary_data_state: None,
            product_type: None,
            suite_mask: None,
            writer_status: None,
        };
        if let Err(error) = header.rest(data, layout) {
            note(lacks, Lack::from(error));
        }
        Ok(header)
    }

    /// What a cut file may lack, in the order in which it stands there.
    fn rest(&mut self, data: &'a [u8], layout: &Layout) -> Result<(), Error> {
        let wide = self.wide;
        let version = if wide { 0x60 } else { 0x3c };
        self.version_user = set_text(slice(data, version, 32, "VersionUser")?);
        self.debugger_data = if wide {
            set64(u64_at(data, 0x80, "KdDebuggerDataBlock")?)
        } else {
            set(u32_at(data, 0x60, "KdDebuggerDataBlock")?).map(u64::from)
        };
        let context = slice(data, layout.context.0, layout.context.1, "ContextRecord")?;
        self.context = (!context.starts_with(b"PAGEPAGE")).then_some(context);
        self.exception = exception(data, layout.exception, wide)?;
        self.comment = set_text(slice(data, layout.comment, 128, "Comment")?);
        self.kind = match u32_at(data, layout.kind, "DumpType")? {
            1 => Kind::Full,
            2 => Kind::KernelSummary,
            4 => Kind::Triage,
            5 => Kind::Bitmap,
            6 => Kind::Active,
            8..=10 => Kind::Ranges,
            other => Kind::Other(other),
        };
        let [space, time, up, fields, secondary, product, suite, writer] = layout.tail;
        self.required_space = set64(u64_at(data, space, "RequiredDumpSpace")?);
        self.system_time = set64(u64_at(data, time, "SystemTime")?);
        self.up_time = set64(u64_at(data, up, "SystemUpTime")?);
        self.minidump_fields = set(u32_at(data, fields, "MiniDumpFields")?);
        self.secondary_data_state = set(u32_at(data, secondary, "SecondaryDataState")?);
        self.product_type = set(u32_at(data, product, "ProductType")?);
        self.suite_mask = set(u32_at(data, suite, "SuiteMask")?);
        self.writer_status = set(u32_at(data, writer, "WriterStatus")?);
        Ok(())
    }
}

/// An exception record at `offset` of the file; `None` where it is unset.
pub(super) fn exception(data: &[u8], offset: u64, wide: bool) -> Result<Option<Exception>, Error> {
    let record = slice(data, offset, if wide { 152 } else { 80 }, "ExceptionRecord")?;
    let set = set(u32_at(record, 0, "ExceptionCode")?).is_some();
    set.then(|| any_exception(data, offset, wide)).transpose()
}

/// `EXCEPTION_RECORD64` at `offset` of the file.
pub(crate) fn exception_record(data: &[u8], offset: u64) -> Result<Exception, Error> {
    any_exception(data, offset, true)
}

fn any_exception(data: &[u8], offset: u64, wide: bool) -> Result<Exception, Error> {
    const FIELD: &str = "ExceptionRecord";
    let record = slice(data, offset, if wide { 152 } else { 80 }, FIELD)?;
    let code = u32_at(record, 0, FIELD)?;
    let word = |index: u64| {
        let found = if wide {
            u64_at(record, index * 8, FIELD)
        } else {
            u32_at(record, index * 4, FIELD).map(u64::from)
        };
        found.map_err(|error| Error { offset: offset.saturating_add(error.offset), ..error })
    };
    // In 64 bits code and flags share the first word; the count has a word of its own in both.
    let (address, count, first) = if wide { (2, 3, 4) } else { (3, 4, 5) };
    let count = (word(count)? & 0xffff_ffff).min(15);
    let parameters = (first..first + count).map(word).collect::<Result<_, _>>()?;
    let flags = u32_at(record, 4, FIELD)?;
    Ok(Exception { offset, code, flags, address: word(address)?, parameters })
}

//! What a dump is to say.

use crate::context::Registers;

/// The processor of the machine, and how it translates addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// x64 with four levels of page tables.
    X64,
    /// x86, with or without physical address extension.
    X86 {
        /// Three levels with entries of eight bytes instead of two with four.
        pae: bool,
    },
}

impl Machine {
    /// Whether pointers have eight bytes.
    #[must_use]
    pub fn wide(self) -> bool {
        self == Self::X64
    }
}

/// Which page holds memory, where the dump has page tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Page {
    /// 4 KiB, valid.
    #[default]
    Small,
    /// 4 KiB, in transition: on its way out, but still in memory.
    Transition,
    /// 2 MiB, or 4 MiB without physical address extension.
    Large,
    /// 1 GiB, of x64.
    Huge,
}

/// Virtual memory that the dump holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Address of its first byte.
    pub address: u64,
    /// Its bytes. In a dump of pages zeros fill the rest of the first and the last one.
    pub bytes: Vec<u8>,
    /// The size of its pages; a small dump has none.
    pub page: Page,
}

impl Memory {
    /// Memory in pages of 4 KiB.
    #[must_use]
    pub fn new(address: u64, bytes: Vec<u8>) -> Self {
        Self { address, bytes, page: Page::Small }
    }
}

/// A loaded image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Module {
    /// Its path as it was loaded, `\SystemRoot\system32\ntoskrnl.exe` for example.
    pub path: String,
    /// Address of its first byte.
    pub base: u64,
    /// Bytes.
    pub size: u32,
    /// Its header's checksum.
    pub checksum: u32,
    /// Its header's time stamp.
    pub stamp: u32,
}

/// An image that was unloaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unloaded {
    /// Its name; a small dump has room for twelve UTF-16 units and drops the rest.
    pub name: String,
    /// Address of its first byte.
    pub begin: u64,
    /// Address after its last one.
    pub end: u64,
    /// When, in 100 ns since 1601; a small dump does not hold it.
    pub time: u64,
}

/// An exception record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exception {
    /// `ExceptionCode`, an NTSTATUS.
    pub code: u32,
    /// `ExceptionFlags`.
    pub flags: u32,
    /// `ExceptionAddress`.
    pub address: u64,
    /// `ExceptionInformation`, at most 15.
    pub parameters: Vec<u64>,
}

/// A structure of the kernel, as it lay in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object {
    /// Its address.
    pub address: u64,
    /// Its bytes, 65535 at most.
    pub bytes: Vec<u8>,
}

/// Where fields lie in [`Description::prcb`] and [`Description::thread`], for `KDDEBUGGER_DATA64`. 0 is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of wdbgexts.h, in lower case")]
pub struct Offsets {
    pub prcb_current_thread: u16,
    pub prcb_proc_state_context: u16,
    pub prcb_context: u16,
    pub prcb_number: u16,
    pub kthread_apc_process: u16,
    pub kthread_initial_stack: u16,
    pub kthread_kernel_stack: u16,
    pub kthread_teb: u16,
    pub eprocess_directory_table_base: u16,
}

/// A crash. Start from [`Description::new`] and set what is known.
#[derive(Debug, Clone)]
pub struct Description {
    /// The machine.
    pub machine: Machine,
    /// Windows' build, 19041 for example. It also decides how long `KDDEBUGGER_DATA64` is.
    pub build: u32,
    /// Whether it is a checked build.
    pub checked: bool,
    /// `NumberProcessors`.
    pub processors: u32,
    /// `BugCheckCode`.
    pub bug_check: u32,
    /// Its four parameters.
    pub parameters: [u64; 4],
    /// Registers of the header's context record.
    pub registers: Option<Registers>,
    /// The header's exception record.
    pub exception: Option<Exception>,
    /// Loaded images, in the order of the list; the first should be the kernel.
    pub modules: Vec<Module>,
    /// Unloaded images, the latest first: 50 at most in a dump of pages.
    pub unloaded: Vec<Unloaded>,
    /// File name of the driver that Windows found at fault, of a small dump.
    pub broken_driver: Option<String>,
    /// Data of drivers behind the dump: a GUID's bytes, and the data. Small and full dumps have it.
    pub blobs: Vec<([u8; 16], Vec<u8>)>,
    /// Memory. Where parts overlap, the later one's bytes count.
    pub memory: Vec<Memory>,
    /// The call stack, from the stack pointer on.
    pub stack: Option<Object>,
    /// `KPRCB` of the processor that crashed.
    pub prcb: Option<Object>,
    /// `KPRCB` of processors before it, in a dump of pages.
    pub other_prcbs: Vec<Object>,
    /// `ETHREAD` of its thread.
    pub thread: Option<Object>,
    /// `EPROCESS` of that thread.
    pub process: Option<Object>,
    /// Fields of these three.
    pub offsets: Offsets,
    /// `Comment`: 127 bytes at most.
    pub comment: String,
    /// `SystemTime`: 100 ns since 1601.
    pub system_time: u64,
    /// `SystemUpTime`: 100 ns.
    pub up_time: u64,
    /// `ProductType`: 1 workstation, 2 domain controller, 3 server.
    pub product_type: u32,
    /// `SuiteMask`.
    pub suite_mask: u32,
    /// Where the structures that the writer makes lie: addresses from here on, a few hundred bytes for each
    /// module, must be free.
    pub structures: u64,
    /// Distance of one small page to the next in physical memory. 1 puts them side by side. A full dump has
    /// room for few runs of pages, so it wants 1; a bitmap takes any.
    pub frame_step: u64,
}

impl Description {
    /// A crash of `machine` of which nothing is known: one processor, Windows 10 2004 or Windows 7.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        let wide = machine.wide();
        Self {
            machine,
            build: if wide { 19041 } else { 7601 },
            checked: false,
            processors: 1,
            bug_check: 0,
            parameters: [0; 4],
            registers: None,
            exception: None,
            modules: Vec::new(),
            unloaded: Vec::new(),
            broken_driver: None,
            blobs: Vec::new(),
            memory: Vec::new(),
            stack: None,
            prcb: None,
            other_prcbs: Vec::new(),
            thread: None,
            process: None,
            offsets: Offsets::default(),
            comment: String::new(),
            system_time: 0,
            up_time: 0,
            product_type: 1,
            suite_mask: 0,
            structures: if wide { 0xffff_f7f0_0000_0000 } else { 0xfe00_0000 },
            frame_step: 1,
        }
    }
}

//! Structures of the kernel in a dump of pages: what a small dump has in parts of its own.
//!
//! `KDDEBUGGER_DATA64` says where they are. Sources: wdbgexts.h of the Windows SDK; `UNLOADED_DRIVERS` as
//! Windows' public symbols give it.

use super::modules::Unloaded;
use super::{DebuggerData, Dump, Lack, Registers, note};

/// `MI_UNLOADED_DRIVERS`: entries of the ring of unloaded modules.
const RING: u32 = 50;
/// Longest name of an unloaded module that is read, in bytes.
const MOST_NAME: u16 = 520;
/// Processors that are looked at, to find the one that crashed.
const MOST_PROCESSORS: u32 = 64;
/// Most bytes of a stack: a thread of Windows' own that draws has 72 KiB, others have less.
const MOST_STACK: u64 = 0x1_2000;
/// How much of a stack is read at once.
const STEP: u64 = 0x1000;

/// Copies of the structures of the processor that crashed, made when the dump is opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Copies {
    pub prcb: Option<Vec<u8>>,
    pub thread: Option<Vec<u8>>,
    pub process: Option<Vec<u8>>,
    pub stack: Option<(u64, Vec<u8>)>,
}

impl Dump<'_> {
    pub(super) fn read_kernel(&mut self) {
        match self.debugger_block() {
            Ok(block) => self.debugger_data = block,
            Err(lack) => note(&mut self.lacks, lack),
        }
        if let Some(list) = self.unloaded_ring() {
            self.unloaded = list;
        }
        let stack = self.stack_in_memory();
        let Some((prcb, block)) = self.crashed_processor().zip(self.debugger_data.as_ref()) else {
            self.copies.stack = stack;
            return;
        };
        let field = |object: u64, offset: Option<u16>| {
            self.read_pointer(object.checked_add(offset?.into())?).filter(|value| *value != 0)
        };
        let thread = field(prcb, block.prcb_current_thread());
        let process = thread.and_then(|thread| field(thread, block.thread_process()));
        let copy = |object: Option<u64>, size: Option<u16>| self.bytes_at(object?, size?.into());
        self.copies = Copies {
            prcb: copy(Some(prcb), block.size_of_prcb()),
            thread: copy(thread, block.size_of_thread()),
            process: copy(process, block.size_of_process()),
            stack,
        };
    }

    fn bytes_at(&self, at: u64, size: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; size];
        self.read_virtual(at, &mut bytes).then_some(bytes)
    }

    fn debugger_block(&self) -> Result<Option<DebuggerData<'static>>, Lack> {
        const PART: &str = "KdDebuggerDataBlock";
        let Some(at) = self.header.debugger_data.filter(|at| *at != 0) else { return Ok(None) };
        let offset = if self.header.wide { 0x80 } else { 0x60 };
        let lack = |why: String| Lack { part: PART, offset, why };
        let absent = || lack(format!("no memory of the dump is at {at:#x}"));
        let start = self.bytes_at(at, DebuggerData::START).ok_or_else(absent)?;
        let size = DebuggerData::own_size(&start).map_err(|error| lack(error.problem))?;
        let bytes = self.bytes_at(at, size).ok_or_else(absent)?;
        DebuggerData::copied(bytes).map(Some).map_err(|error| lack(error.problem))
    }

    /// Unloaded modules, the latest first; `None` where the dump does not say where they are.
    fn unloaded_ring(&self) -> Option<Vec<Unloaded>> {
        let block = self.debugger_data.as_ref()?;
        let ring = self.read_pointer(self.pointer(block.unloaded_drivers()?))?;
        let next = self.half(self.pointer(block.last_unloaded_driver()?))?;
        let width = if self.header.wide { 8 } else { 4 };
        let size = 4 * width + 8;
        let mut found = Vec::new();
        for back in 1..=RING {
            let index = (next % RING + RING - back) % RING;
            let at = ring.checked_add(u64::from(index) * size)?;
            let field = |number: u64| self.read_pointer(at.checked_add(number * width)?);
            let (Some(name), Some(begin), Some(end)) =
                (self.text_at(at, MOST_NAME), field(2), field(3))
            else {
                break;
            };
            // An entry that was never used.
            if name.is_empty() && begin == 0 {
                break;
            }
            found.push(Unloaded { offset: 0, name, begin, end });
        }
        Some(found)
    }

    /// A pointer of the debugger's block, whose fields have eight bytes in 32 bits too.
    fn pointer(&self, value: u64) -> u64 {
        if self.header.wide { value } else { value & 0xffff_ffff }
    }

    /// The processor block whose stack is the one of the header's registers; the only one there is, else.
    fn crashed_processor(&self) -> Option<u64> {
        let block = self.debugger_data.as_ref()?;
        let table = self.pointer(block.processor_block()?);
        let width = if self.header.wide { 8 } else { 4 };
        let count = self.header.processors.min(MOST_PROCESSORS);
        let at = |index: u32| self.read_pointer(table.checked_add(u64::from(index) * width)?);
        let processors: Vec<u64> = (0..count).map_while(at).filter(|prcb| *prcb != 0).collect();
        let sp = self.registers().map(|registers| registers.sp);
        let same = |prcb: &u64| sp.is_some() && self.stack_pointer_of(*prcb) == sp;
        let crashed = processors.iter().copied().find(same);
        crashed.or(match processors[..] {
            [only] => Some(only),
            _ => None,
        })
    }

    /// The stack pointer that a processor had when it was stopped.
    fn stack_pointer_of(&self, prcb: u64) -> Option<u64> {
        let block = self.debugger_data.as_ref()?;
        let context = match block.prcb_context_pointer() {
            Some(offset) => self.read_pointer(prcb.checked_add(offset.into())?)?,
            None => prcb.checked_add(block.prcb_context()?.into())?,
        };
        let bytes = self.bytes_at(context, Registers::context_size(self.header.machine)?)?;
        Registers::parse(self.header.machine, &bytes).map(|registers| registers.sp)
    }

    /// What the dump holds of the stack, from the stack pointer on.
    fn stack_in_memory(&self) -> Option<(u64, Vec<u8>)> {
        let start = self.registers()?.sp;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < MOST_STACK {
            let at = start.checked_add(bytes.len() as u64)?;
            let old = bytes.len();
            bytes.resize(old + (STEP - at % STEP) as usize, 0);
            if !self.read_virtual(at, &mut bytes[old..]) {
                bytes.truncate(old);
                break;
            }
        }
        (!bytes.is_empty()).then_some((start, bytes))
    }
}

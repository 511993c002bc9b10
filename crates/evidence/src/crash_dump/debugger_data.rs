//! `KDDEBUGGER_DATA64`: where this build of Windows keeps its things.
//!
//! Source: wdbgexts.h of the Windows SDK, for the order of the fields.

use crate::Error;
use crate::bytes::{slice, u16_at, u32_at, u64_at};
use std::borrow::Cow;

/// Longer than any Windows makes it.
const MOST: usize = 0x1000;

/// The block, as long as the dump's build made it.
#[derive(Debug, Clone)]
pub struct DebuggerData<'a> {
    /// Where it stands in the file; 0 for one that was read from memory.
    pub offset: u64,
    bytes: Cow<'a, [u8]>,
}

impl<'a> DebuggerData<'a> {
    /// Bytes that say what the block is, and how long.
    pub(super) const START: usize = 0x18;

    pub(super) fn parse(data: &'a [u8], offset: u64, size: u64) -> Result<Self, Error> {
        let bytes = slice(data, offset, size, "KDDEBUGGER_DATA64")?;
        let own = Self::own_size(bytes).map_err(|error| Error { offset, ..error })?;
        Ok(Self { offset, bytes: Cow::Borrowed(&bytes[..own.min(bytes.len())]) })
    }

    /// A block that was read from memory, as long as it says that it is.
    pub(super) fn copied(bytes: Vec<u8>) -> Result<DebuggerData<'static>, Error> {
        Self::own_size(&bytes)?;
        Ok(DebuggerData { offset: 0, bytes: Cow::Owned(bytes) })
    }

    /// How long the block at the start of `bytes` says that it is.
    pub(super) fn own_size(bytes: &[u8]) -> Result<usize, Error> {
        if slice(bytes, 0x10, 4, "KDDEBUGGER_DATA64").ok() != Some(b"KDBG") {
            // Newer builds may keep the block encoded; an encoded one says nothing.
            return Err(Error::new(0, "OwnerTag", "not KDBG (encoded, or not written)"));
        }
        let size = u32_at(bytes, 0x14, "Size").map_or(0, |size| size as usize);
        Ok(size.clamp(Self::START, MOST))
    }

    /// An address that the block holds at `offset`; `None` where the build has no such field.
    #[must_use]
    pub fn address(&self, offset: u64) -> Option<u64> {
        u64_at(&self.bytes, offset, "KDDEBUGGER_DATA64").ok().filter(|value| *value != 0)
    }

    /// An offset or a size that the block holds at `offset`; 0xffff and 0 say nothing.
    fn small(&self, offset: u64) -> Option<u16> {
        let value = u16_at(&self.bytes, offset, "KDDEBUGGER_DATA64").ok()?;
        (value != 0 && value != u16::MAX).then_some(value)
    }

    /// `KernBase`.
    #[must_use]
    pub fn kernel_base(&self) -> Option<u64> {
        self.address(0x18)
    }

    /// `PsLoadedModuleList`.
    #[must_use]
    pub fn loaded_module_list(&self) -> Option<u64> {
        self.address(0x48)
    }

    /// `KiBugcheckData`.
    #[must_use]
    pub fn bugcheck_data(&self) -> Option<u64> {
        self.address(0x88)
    }

    /// `KiProcessorBlock`.
    #[must_use]
    pub fn processor_block(&self) -> Option<u64> {
        self.address(0x218)
    }

    /// `MmUnloadedDrivers`: of a pointer to the ring of unloaded modules.
    #[must_use]
    pub fn unloaded_drivers(&self) -> Option<u64> {
        self.address(0x220)
    }

    /// `MmLastUnloadedDriver`: of the number of the ring's next entry.
    #[must_use]
    pub fn last_unloaded_driver(&self) -> Option<u64> {
        self.address(0x228)
    }

    /// `MmVerifierData`.
    #[must_use]
    pub fn verifier_data(&self) -> Option<u64> {
        self.address(0x248)
    }

    /// `SizeEProcess`.
    #[must_use]
    pub fn size_of_process(&self) -> Option<u16> {
        self.small(0x2a8)
    }

    /// `SizePrcb`.
    #[must_use]
    pub fn size_of_prcb(&self) -> Option<u16> {
        self.small(0x2b0)
    }

    /// `SizeEThread`.
    #[must_use]
    pub fn size_of_thread(&self) -> Option<u16> {
        self.small(0x2c0)
    }

    /// `OffsetPrcbCurrentThread`.
    #[must_use]
    pub fn prcb_current_thread(&self) -> Option<u16> {
        self.small(0x2b4)
    }

    /// `OffsetPrcbProcStateContext`.
    #[must_use]
    pub fn prcb_context(&self) -> Option<u16> {
        self.small(0x2bc)
    }

    /// `OffsetPrcbContext`: of a pointer to the processor's context record. Windows 7 and later.
    #[must_use]
    pub fn prcb_context_pointer(&self) -> Option<u16> {
        self.small(0x338)
    }

    /// `OffsetPrcbNumber`.
    #[must_use]
    pub fn prcb_number(&self) -> Option<u16> {
        self.small(0x2be)
    }

    /// `OffsetKThreadApcProcess`.
    #[must_use]
    pub fn thread_process(&self) -> Option<u16> {
        self.small(0x2a0)
    }

    /// `OffsetKThreadInitialStack`.
    #[must_use]
    pub fn thread_initial_stack(&self) -> Option<u16> {
        self.small(0x29e)
    }
}

//! Services that fail when memory is short, and making one call of them fail.
//!
//! Windows refuses an allocation at any time, and Driver Verifier's low-resources simulation does so on
//! purpose: <https://learn.microsoft.com/windows-hardware/drivers/devtest/low-resources-simulation>.
//! Calls are numbered from the machine's start; `World::fail_at` says which one fails.

use crate::cx::{Cx, Stop};
use crate::event::Site;
use crate::service::Service;
use nt::status::{STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY, STATUS_NO_SUCH_DEVICE};

/// `World::fail_at` for counting calls without failing one.
pub const NONE: u32 = u32::MAX;

/// POOL_FLAG_RAISE_ON_FAILURE (wdm.h): the routine raises where others return NULL.
const RAISE_ON_FAILURE: u64 = 0x20;

const SHORT: u64 = STATUS_INSUFFICIENT_RESOURCES as u64;
/// What RtlConvertSidToUnicodeString returns by its page; the pages of the other conversions of
/// strings name no status.
const NO_MEMORY: u64 = STATUS_NO_MEMORY as u64;
const GONE: u64 = STATUS_NO_SUCH_DEVICE as u64;

/// Each service that may fail for want of memory, with what it returns then by its reference page.
/// Those that raise an exception instead are not here.
const SERVICES: &[(&str, u64)] = &[
    ("ExAllocatePool", 0),
    ("ExAllocatePool2", 0),
    ("ExAllocatePoolWithTag", 0),
    ("ExAllocatePoolWithTagPriority", 0),
    ("ExAllocatePoolZero", 0),
    ("ExAllocatePoolUninitialized", 0),
    ("ExInitializeLookasideListEx", SHORT),
    ("IoAllocateDriverObjectExtension", SHORT),
    ("IoAllocateErrorLogEntry", 0),
    ("IoAllocateIrp", 0),
    ("IoAllocateIrpEx", 0),
    ("IoAllocateMdl", 0),
    ("IoAllocateWorkItem", 0),
    ("IoAttachDeviceToDeviceStack", 0),
    ("IoAttachDeviceToDeviceStackSafe", GONE),
    ("IoBuildAsynchronousFsdRequest", 0),
    ("IoBuildDeviceIoControlRequest", 0),
    ("IoBuildSynchronousFsdRequest", 0),
    ("IoConnectInterrupt", SHORT),
    ("IoConnectInterruptEx", SHORT),
    ("IoCreateDevice", SHORT),
    ("IoCreateNotificationEvent", 0),
    ("IoCreateSymbolicLink", SHORT),
    ("IoCreateSynchronizationEvent", 0),
    ("IoCreateUnprotectedSymbolicLink", SHORT),
    ("IoRegisterDeviceInterface", SHORT),
    ("IoRegisterShutdownNotification", SHORT),
    ("MmAllocateContiguousMemory", 0),
    ("MmAllocateContiguousMemorySpecifyCache", 0),
    ("MmAllocateNonCachedMemory", 0),
    ("MmAllocatePagesForMdl", 0),
    ("MmAllocatePagesForMdlEx", 0),
    ("MmMapIoSpace", 0),
    ("MmMapIoSpaceEx", 0),
    ("MmMapLockedPagesSpecifyCache", 0),
    ("PsCreateSystemThread", SHORT),
    ("RtlAnsiStringToUnicodeString", NO_MEMORY),
    ("RtlConvertSidToUnicodeString", NO_MEMORY),
    ("RtlCreateUnicodeString", 0),
    ("RtlDowncaseUnicodeString", NO_MEMORY),
    ("RtlDuplicateUnicodeString", NO_MEMORY),
    ("RtlStringFromGUID", NO_MEMORY),
    ("RtlUnicodeStringToAnsiString", NO_MEMORY),
    ("RtlUpcaseUnicodeString", NO_MEMORY),
];

/// A call that may fail, met while counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub number: u32,
    /// Which service.
    pub service: &'static str,
    /// When; a recorder knows the place.
    pub site: Site,
}

impl Cx<'_> {
    /// Counts a call that may fail; what it returns if it is the one that does.
    #[cold]
    pub(crate) fn short_of_memory(&mut self, service: &Service, site: Site) -> Option<u64> {
        let &(name, value) = SERVICES.iter().find(|(name, _)| *name == service.name)?;
        if name == "ExAllocatePool2" && self.argument(0) & RAISE_ON_FAILURE != 0 {
            return None;
        }
        if name.starts_with("Rtl") && name.contains("String") && !self.allocates(name) {
            return None;
        }
        let number = self.state.allocations;
        self.state.allocations += 1;
        if self.recorder.is_some() {
            self.calls_that_may_fail.push(Call { number, service: name, site });
        }
        if self.fail_at != Some(number) {
            return None;
        }
        self.state.failed = Some(site);
        if self.recorder.is_some() {
            self.note(&format!("memory is short: {name} fails in this run"));
        }
        Some(value)
    }

    /// Whether a routine for strings makes the destination's buffer.
    fn allocates(&mut self, name: &str) -> bool {
        match name {
            "RtlCreateUnicodeString" | "RtlStringFromGUID" => true,
            // RTL_DUPLICATE_UNICODE_STRING_ALLOCATE_NULL_STRING (ntifs.h): else an empty string
            // has no buffer.
            "RtlDuplicateUnicodeString" => {
                let mut length = [0; 2];
                let source = self.argument(1);
                self.bus.memory.view(source, &mut length);
                length != [0; 2] || self.argument(0) & 2 != 0
            }
            _ => self.argument(2) & 0xff != 0,
        }
    }
}

/// `DriverEntry` failed: the I/O manager takes the image away without calling the unload routine.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/driverentry-return-values>
pub fn discard(cx: &mut Cx, number: usize) -> Result<(), Stop> {
    let site = cx.state.moment;
    cx.moment();
    crate::pnp::images::gone(cx, number, site)
}

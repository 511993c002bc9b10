//! Entries of the system's event log.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use nt::status;

/// ERROR_LOG_MAXIMUM_SIZE (wdm.h, 64-bit).
const MOST_BYTES: u8 = 240;
/// IO_ERROR_LOG_PACKET.ErrorCode (wdm.h).
const ERROR_CODE: u64 = 0xc;

/// Takes an entry that the driver fills in and writes; none if it would be too large.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocateerrorlogentry>
pub fn IoAllocateErrorLogEntry(cx: &mut Cx, object: u64, bytes: u8) -> Result<u64, Stop> {
    cx.read16(object)?;
    if bytes > MOST_BYTES || u64::from(bytes) < nt::layout::io_error_log_packet::SIZE {
        return Ok(0);
    }
    let tag = nt::pool::tag(*b"IoEr");
    let at = pool::allocate(cx, BlockKind::Pool, false, u64::from(bytes), tag);
    let Some(at) = at else { return Err(Stop::Run) };
    cx.bus.memory.fill(at, u64::from(bytes), 0);
    Ok(at)
}

/// Writes an entry, which is the system's from then on.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowriteerrorlogentry>
pub fn IoWriteErrorLogEntry(cx: &mut Cx, entry: u64) -> Result<(), Stop> {
    let code = cx.read32(entry + ERROR_CODE)?;
    cx.note(&format!("event log entry {}", status::text(code)));
    pool::free(cx, entry);
    Ok(())
}

/// Gives an entry back unwritten.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-iofreeerrorlogentry>
pub fn IoFreeErrorLogEntry(cx: &mut Cx, entry: u64) -> Result<(), Stop> {
    cx.read32(entry + ERROR_CODE)?;
    pool::free(cx, entry);
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoAllocateErrorLogEntry, quiet),
        service!(IoWriteErrorLogEntry),
        service!(IoFreeErrorLogEntry),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn an_entry_is_gone_once_written() {
        run(|cx| {
            let device = block(cx, 0x150);
            assert_eq!(IoAllocateErrorLogEntry(cx, device, 241)?, 0);
            let entry = IoAllocateErrorLogEntry(cx, device, 0x40)?;
            IoWriteErrorLogEntry(cx, entry)?;
            assert!(pool::find_live(cx, entry).is_none());
            Ok(())
        });
    }
}

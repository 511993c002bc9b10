//! Copying, filling and comparing memory. Ranges are checked as a whole, then moved page by page.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service;
use crate::service::Service;
use memory::Access;

/// Bytes moved without a heap allocation.
const SMALL: usize = 256;

fn copy(cx: &mut Cx, to: u64, from: u64, bytes: u64) -> Result<u64, Stop> {
    if bytes == 0 {
        return Ok(to);
    }
    cx.probe(from, bytes, Access::Read)?;
    cx.probe(to, bytes, Access::Write)?;
    if bytes > map::POOL_BYTES {
        return cx.limit(format!("a copy of {bytes} bytes at once"));
    }
    let bytes = bytes as usize;
    if bytes <= SMALL {
        let mut buffer = [0; SMALL];
        cx.bus.memory.peek(from, &mut buffer[..bytes]);
        cx.bus.memory.poke(to, &buffer[..bytes]);
    } else {
        let mut buffer = vec![0; bytes];
        cx.bus.memory.peek(from, &mut buffer);
        cx.bus.memory.poke(to, &buffer);
    }
    Ok(to)
}

fn fill(cx: &mut Cx, to: u64, bytes: u64, value: u8) -> Result<u64, Stop> {
    if bytes != 0 {
        cx.probe(to, bytes, Access::Write)?;
        cx.bus.memory.fill(to, bytes, value);
    }
    Ok(to)
}

/// Copies bytes; `RtlCopyMemory` is this one.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcopymemory>
pub fn memcpy(cx: &mut Cx, to: u64, from: u64, bytes: u64) -> Result<u64, Stop> {
    copy(cx, to, from, bytes)
}

/// Copies bytes if there is room for them; else clears the room and says so (errno.h: EINVAL 22,
/// ERANGE 34).
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/memcpy-s-wmemcpy-s>
pub fn memcpy_s(cx: &mut Cx, to: u64, room: u64, from: u64, bytes: u64) -> Result<i32, Stop> {
    if bytes == 0 {
        return Ok(0);
    }
    if to == 0 {
        return Ok(22);
    }
    if from == 0 || room < bytes {
        cx.write_bytes(to, &vec![0; room.min(map::POOL_BYTES) as usize])?;
        return Ok(if from == 0 { 22 } else { 34 });
    }
    copy(cx, to, from, bytes)?;
    Ok(0)
}

/// Copies bytes between ranges that may overlap.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlmovememory>
pub fn memmove(cx: &mut Cx, to: u64, from: u64, bytes: u64) -> Result<u64, Stop> {
    copy(cx, to, from, bytes)
}

/// Sets bytes to a value.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfillmemory>
pub fn memset(cx: &mut Cx, to: u64, value: u32, bytes: u64) -> Result<u64, Stop> {
    fill(cx, to, bytes, value as u8)
}

/// Compares bytes as unsigned numbers: less, equal or greater than zero.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/memcmp-wmemcmp>
pub fn memcmp(cx: &mut Cx, left: u64, right: u64, bytes: u64) -> Result<i32, Stop> {
    let left = cx.read_bytes(left, bytes)?;
    let right = cx.read_bytes(right, bytes)?;
    Ok(left.cmp(&right) as i32)
}

/// The first byte of a value, 0 if there is none.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/memchr-wmemchr>
pub fn memchr(cx: &mut Cx, text: u64, value: u32, bytes: u64) -> Result<u64, Stop> {
    for offset in 0..bytes {
        let at = text.wrapping_add(offset);
        if cx.read8(at)? == value as u8 {
            return Ok(at);
        }
    }
    Ok(0)
}

/// Copies bytes.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcopymemory>
pub fn RtlCopyMemory(cx: &mut Cx, to: u64, from: u64, bytes: u64) -> Result<u64, Stop> {
    copy(cx, to, from, bytes)
}

/// Copies bytes past the cache.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcopymemorynontemporal>
pub fn RtlCopyMemoryNonTemporal(cx: &mut Cx, to: u64, from: u64, bytes: u64) -> Result<u64, Stop> {
    copy(cx, to, from, bytes)
}

/// Copies bytes between ranges that may overlap.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlmovememory>
pub fn RtlMoveMemory(cx: &mut Cx, to: u64, from: u64, bytes: u64) -> Result<u64, Stop> {
    copy(cx, to, from, bytes)
}

/// Sets bytes to a value.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfillmemory>
pub fn RtlFillMemory(cx: &mut Cx, to: u64, bytes: u64, value: u8) -> Result<(), Stop> {
    fill(cx, to, bytes, value).map(drop)
}

/// Sets bytes to zero.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlzeromemory>
pub fn RtlZeroMemory(cx: &mut Cx, to: u64, bytes: u64) -> Result<(), Stop> {
    fill(cx, to, bytes, 0).map(drop)
}

/// Number of bytes from the start that are equal.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcomparememory>
pub fn RtlCompareMemory(cx: &mut Cx, left: u64, right: u64, bytes: u64) -> Result<u64, Stop> {
    let left = cx.read_bytes(left, bytes)?;
    let right = cx.read_bytes(right, bytes)?;
    Ok(left.iter().zip(&right).take_while(|(l, r)| l == r).count() as u64)
}

/// Number of bytes from the start that repeat a 32-bit pattern; none of what is not whole words.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcomparememoryulong>
pub fn RtlCompareMemoryUlong(
    cx: &mut Cx,
    source: u64,
    bytes: u64,
    pattern: u32,
) -> Result<u64, Stop> {
    if source & 3 != 0 || bytes & 3 != 0 {
        return Ok(0);
    }
    let held = cx.read_bytes(source, bytes)?;
    let words = held.as_chunks::<4>().0.iter();
    Ok(4 * words.take_while(|&&word| u32::from_le_bytes(word) == pattern).count() as u64)
}

/// Fills with a 32-bit pattern.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlfillmemoryulong>
pub fn RtlFillMemoryUlong(cx: &mut Cx, to: u64, bytes: u64, pattern: u32) -> Result<(), Stop> {
    if bytes > map::POOL_BYTES {
        cx.probe(to, bytes, Access::Write)?;
        return cx.limit(format!("a fill of {bytes} bytes at once"));
    }
    let filled = pattern.to_le_bytes().repeat((bytes / 4) as usize);
    cx.write_bytes(to, &filled)
}

/// Asks the processor to fetch memory; may be done for any address.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlprefetchmemorynontemporal>
pub fn RtlPrefetchMemoryNonTemporal(_: &mut Cx, _source: u64, _bytes: u64) -> Result<(), Stop> {
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(memcpy, quiet),
        service!(memcpy_s, quiet),
        service!(memmove, quiet),
        service!(memset, quiet),
        service!(memcmp, quiet),
        service!(memchr, quiet),
        service!(RtlCopyMemory, quiet),
        service!(RtlCopyMemoryNonTemporal, quiet),
        service!(RtlMoveMemory, quiet),
        service!(RtlFillMemory, quiet),
        service!(RtlZeroMemory, quiet),
        service!(RtlCompareMemory, quiet),
        service!(RtlCompareMemoryUlong, quiet),
        service!(RtlFillMemoryUlong, quiet),
        service!(RtlPrefetchMemoryNonTemporal, quiet),
    ]
}

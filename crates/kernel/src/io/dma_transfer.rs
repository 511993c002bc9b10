//! DMA transfers: scatter/gather lists and map registers. Devices reach all memory, so nothing is
//! copied; each page is an element of its own, as if no two were neighbours.

use super::{dma, mdl};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ex::pool;
use crate::mm::physical;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use memory::Access;
use nt::layout::{
    device_object, mdl as layout, scatter_gather_element as element, scatter_gather_list as list,
};
use nt::status;

const DISPATCH: u8 = 2;
const PAGE: u64 = 0x1000;
/// Most elements of a list.
const MOST: u64 = 0x1000;

/// The runs of bus addresses that `bytes` bytes from `current` on have: address, bytes. An MDL
/// that is not locked, or a place outside of it, is refused.
fn runs(cx: &mut Cx, at: u64, current: u64, bytes: u64) -> Result<Option<Vec<(u64, u64)>>, Stop> {
    let (mut at, mut current, mut left) = (at, current, bytes);
    let mut runs = Vec::new();
    loop {
        cx.probe(at, layout::SIZE + 8, Access::Read)?;
        let Some((start, whole, view)) = mdl::for_devices(cx, at) else {
            return cx.unsupported("DMA to an MDL whose pages are not locked");
        };
        let offset = current.wrapping_sub(start);
        if offset > whole {
            return Ok(None);
        }
        let here = left.min(whole - offset);
        let (mut place, end) = (view + offset, view + offset + here);
        while place < end {
            let next = (place / PAGE * PAGE + PAGE).min(end);
            let Some(address) = physical::of(place) else { return Ok(None) };
            runs.push((address, next - place));
            place = next;
        }
        left -= here;
        if left == 0 {
            return Ok(Some(runs));
        }
        at = cx.read64(at + layout::NEXT)?;
        if at == 0 {
            return Ok(None);
        }
        match mdl::for_devices(cx, at) {
            Some((start, ..)) => current = start,
            None => return cx.unsupported("DMA to an MDL whose pages are not locked"),
        }
    }
}

fn fill(cx: &mut Cx, at: u64, runs: &[(u64, u64)]) -> Result<(), Stop> {
    cx.write64(at + list::NUMBER_OF_ELEMENTS, runs.len() as u64)?;
    cx.write64(at + list::RESERVED, 0)?;
    for (index, &(address, bytes)) in runs.iter().enumerate() {
        let one = at + list::ELEMENTS + element::SIZE * index as u64;
        cx.write64(one + element::ADDRESS, address)?;
        cx.write64(one + element::LENGTH, bytes)?;
        cx.write64(one + element::RESERVED, 0)?;
    }
    Ok(())
}

/// Calls a driver's routine at DISPATCH_LEVEL with the device's current request.
fn tell(cx: &mut Cx, device: u64, routine: u64, third: u64, context: u64) -> Result<u64, Stop> {
    let irp = cx.read64(device + device_object::CURRENT_IRP)?;
    let old = cx.irql();
    if old < DISPATCH {
        cx.set_irql(DISPATCH);
    }
    let answer = cx.call(Routine::Callback, routine, &[device, irp, third, context])?;
    if old < DISPATCH {
        cx.set_irql(old);
    }
    Ok(answer)
}

fn size(count: u64) -> u64 {
    list::ELEMENTS + element::SIZE * count
}

/// Makes a list and hands it to the driver's routine, within this call.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pget_scatter_gather_list>
pub fn BenchDmaGetList(
    cx: &mut Cx,
    adapter: u64,
    device: u64,
    mdl: u64,
    current: u64,
    bytes: u32,
    routine: u64,
    context: u64,
    _to_device: bool,
) -> Result<u32, Stop> {
    let room = dma::registers(cx, adapter)?;
    let Some(runs) = runs(cx, mdl, current, u64::from(bytes))? else {
        return Ok(status::STATUS_BUFFER_TOO_SMALL);
    };
    if runs.len() as u64 > u64::from(room) || runs.len() as u64 > MOST {
        return Ok(status::STATUS_INSUFFICIENT_RESOURCES);
    }
    let at = pool::allocate(cx, BlockKind::Object, false, size(runs.len() as u64), 0);
    let Some(at) = at else {
        let failed = Ok(status::STATUS_INSUFFICIENT_RESOURCES);
        return if cx.over { Err(Stop::Run) } else { failed };
    };
    fill(cx, at, &runs)?;
    tell(cx, device, routine, at, context)?;
    Ok(status::STATUS_SUCCESS)
}

/// Gives a list back. A list in a buffer of the driver's own is the driver's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pput_scatter_gather_list>
pub fn BenchDmaPutList(cx: &mut Cx, adapter: u64, at: u64, _to_device: bool) -> Result<(), Stop> {
    dma::registers(cx, adapter)?;
    cx.probe(at, list::ELEMENTS, Access::Read)?;
    if pool::find_live(cx, at).is_some_and(|block| block.kind == BlockKind::Object) {
        pool::free(cx, at);
    }
    Ok(())
}

/// Bytes that a list in a buffer of the driver's own needs.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pcalculate_scatter_gather_list_size>
pub fn BenchDmaCalculateList(
    cx: &mut Cx,
    adapter: u64,
    mdl: u64,
    current: u64,
    bytes: u32,
    result: u64,
    registers: u64,
) -> Result<u32, Stop> {
    dma::registers(cx, adapter)?;
    let mut count = (current % PAGE + u64::from(bytes)).div_ceil(PAGE).max(1);
    if mdl != 0 {
        // An MDL that is not locked yet counts by its addresses.
        let mut next = cx.read64(mdl + layout::NEXT)?;
        while next != 0 && count < MOST {
            count += 1;
            next = cx.read64(next + layout::NEXT)?;
        }
    }
    cx.write32(result, size(count) as u32)?;
    if registers != 0 {
        cx.write32(registers, count as u32)?;
    }
    Ok(status::STATUS_SUCCESS)
}

/// Makes a list in a buffer of the driver's own.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pbuild_scatter_gather_list>
pub fn BenchDmaBuildList(
    cx: &mut Cx,
    adapter: u64,
    device: u64,
    mdl: u64,
    current: u64,
    bytes: u32,
    routine: u64,
    context: u64,
    _to_device: bool,
    buffer: u64,
    room: u32,
) -> Result<u32, Stop> {
    dma::registers(cx, adapter)?;
    let found = runs(cx, mdl, current, u64::from(bytes))?;
    let Some(runs) = found.filter(|runs| size(runs.len() as u64) <= u64::from(room)) else {
        return Ok(status::STATUS_BUFFER_TOO_SMALL);
    };
    fill(cx, buffer, &runs)?;
    tell(cx, device, routine, buffer, context)?;
    Ok(status::STATUS_SUCCESS)
}

/// Makes an MDL of a list.
pub fn BenchDmaBuildMdl(
    cx: &mut Cx,
    _adapter: u64,
    _list: u64,
    _original: u64,
    _result: u64,
) -> Result<u32, Stop> {
    cx.unsupported("BuildMdlFromScatterGatherList")
}

/// Hands map registers to the driver's routine, within this call.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pallocate_adapter_channel>
pub fn BenchDmaAllocateChannel(
    cx: &mut Cx,
    adapter: u64,
    device: u64,
    count: u32,
    routine: u64,
    context: u64,
) -> Result<u32, Stop> {
    if count > dma::registers(cx, adapter)? {
        return Ok(status::STATUS_INSUFFICIENT_RESOURCES);
    }
    // What the base looks like is nobody's business.
    tell(cx, device, routine, adapter, context)?;
    Ok(status::STATUS_SUCCESS)
}

/// Bus address of a place of an MDL, and how far it reaches: to the end of its page.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pmap_transfer>
pub fn BenchDmaMapTransfer(
    cx: &mut Cx,
    adapter: u64,
    mdl: u64,
    _base: u64,
    current: u64,
    length: u64,
    _to_device: bool,
) -> Result<u64, Stop> {
    dma::registers(cx, adapter)?;
    let asked = u64::from(cx.read32(length)?);
    let found = runs(cx, mdl, current, asked)?;
    let Some(&(address, bytes)) = found.as_deref().and_then(<[_]>::first) else {
        return cx.unsupported("MapTransfer beyond the end of an MDL");
    };
    cx.write32(length, bytes as u32)?;
    Ok(address)
}

/// Ends a transfer: nothing was copied, so nothing is to be copied back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pflush_adapter_buffers>
pub fn BenchDmaFlushBuffers(
    cx: &mut Cx,
    adapter: u64,
    mdl: u64,
    _base: u64,
    _current: u64,
    _bytes: u32,
    _to_device: bool,
) -> Result<bool, Stop> {
    dma::registers(cx, adapter)?;
    cx.probe(mdl, layout::SIZE, Access::Read)?;
    Ok(true)
}

/// Gives the channel back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pfree_adapter_channel>
pub fn BenchDmaFreeChannel(cx: &mut Cx, adapter: u64) -> Result<(), Stop> {
    dma::registers(cx, adapter)?;
    Ok(())
}

/// Gives map registers back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pfree_map_registers>
pub fn BenchDmaFreeMapRegisters(
    cx: &mut Cx,
    adapter: u64,
    _base: u64,
    _count: u32,
) -> Result<(), Stop> {
    dma::registers(cx, adapter)?;
    Ok(())
}

pub(super) fn services() -> Vec<Service> {
    vec![
        service!(BenchDmaGetList, hands_over, partly "the routine is called at once, never later"),
        service!(BenchDmaPutList),
        service!(BenchDmaCalculateList, quiet),
        service!(BenchDmaBuildList, hands_over),
        service!(BenchDmaBuildMdl, quiet),
        service!(BenchDmaAllocateChannel, hands_over, partly "map registers never run out"),
        service!(BenchDmaMapTransfer),
        service!(BenchDmaFlushBuffers),
        service!(BenchDmaFreeChannel),
        service!(BenchDmaFreeMapRegisters),
    ]
}

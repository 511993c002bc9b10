//! DMA adapters and the memory that drivers share with devices.

use super::dma_transfer;
use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::ex::pool;
use crate::mm::physical;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use memory::Access;
use nt::layout::{
    device_description as description, dma_adapter as adapter, dma_operations as table,
};

/// Most map registers of an adapter: pages of one transfer.
const MOST_REGISTERS: u32 = 0x1000;
const PAGE: u64 = 0x1000;

/// Where an adapter keeps how many map registers it has: behind its table.
const REGISTERS: u64 = adapter::SIZE + table::SIZE;
const BYTES: u64 = REGISTERS + 8;

/// Gives the adapter of a device that is a bus master.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdmaadapter>
pub fn IoGetDmaAdapter(cx: &mut Cx, _device: u64, about: u64, registers: u64) -> Result<u64, Stop> {
    cx.probe(about, description::SIZE, Access::Read)?;
    cx.probe(registers, 4, Access::Write)?;
    let version = cx.read32(about + description::VERSION)?;
    if version > 2 {
        return cx
            .unsupported(format!("DEVICE_DESCRIPTION of version {version}: 0 to 2 are known"));
    }
    if cx.read8(about + description::MASTER)? == 0 {
        return cx.unsupported("DMA by the system's controller: the device is to be a bus master");
    }
    let longest = u64::from(cx.read32(about + description::MAXIMUM_LENGTH)?);
    let count = (longest / PAGE + 1).min(u64::from(MOST_REGISTERS)) as u32;
    let Some(at) = pool::allocate(cx, BlockKind::Object, false, BYTES, 0) else {
        return if cx.over { Err(Stop::Run) } else { Ok(0) };
    };
    cx.bus.memory.fill(at, BYTES, 0);
    cx.bus.memory.poke16(at + adapter::VERSION, 1);
    cx.bus.memory.poke16(at + adapter::SIZE_FIELD, adapter::SIZE as u16);
    let operations = at + adapter::SIZE;
    cx.bus.memory.poke64(at + adapter::DMA_OPERATIONS, operations);
    cx.bus.memory.poke32(operations + table::SIZE_FIELD, table::SIZE as u32);
    for (offset, name) in [
        (table::PUT_DMA_ADAPTER, "BenchDmaPutAdapter"),
        (table::ALLOCATE_COMMON_BUFFER, "BenchDmaAllocateCommonBuffer"),
        (table::FREE_COMMON_BUFFER, "BenchDmaFreeCommonBuffer"),
        (table::ALLOCATE_ADAPTER_CHANNEL, "BenchDmaAllocateChannel"),
        (table::FLUSH_ADAPTER_BUFFERS, "BenchDmaFlushBuffers"),
        (table::FREE_ADAPTER_CHANNEL, "BenchDmaFreeChannel"),
        (table::FREE_MAP_REGISTERS, "BenchDmaFreeMapRegisters"),
        (table::MAP_TRANSFER, "BenchDmaMapTransfer"),
        (table::GET_DMA_ALIGNMENT, "BenchDmaGetAlignment"),
        (table::READ_DMA_COUNTER, "BenchDmaReadCounter"),
        (table::GET_SCATTER_GATHER_LIST, "BenchDmaGetList"),
        (table::PUT_SCATTER_GATHER_LIST, "BenchDmaPutList"),
        (table::CALCULATE_SCATTER_GATHER_LIST, "BenchDmaCalculateList"),
        (table::BUILD_SCATTER_GATHER_LIST, "BenchDmaBuildList"),
        (table::BUILD_MDL_FROM_SCATTER_GATHER_LIST, "BenchDmaBuildMdl"),
    ] {
        let address = cx.registry.address_of(name).unwrap_or(0);
        cx.bus.memory.poke64(operations + offset, address);
    }
    cx.bus.memory.poke32(at + REGISTERS, count);
    cx.write32(registers, count)?;
    Ok(at)
}

/// Map registers of an adapter; a bad adapter is the driver's fault.
pub(super) fn registers(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    cx.read32(at + REGISTERS)
}

/// Gives an adapter back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pput_dma_adapter>
pub fn BenchDmaPutAdapter(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    registers(cx, at)?;
    pool::free(cx, at);
    Ok(())
}

/// Allocates memory that processor and device see alike.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pallocate_common_buffer>
pub fn BenchDmaAllocateCommonBuffer(
    cx: &mut Cx,
    at: u64,
    bytes: u32,
    address: u64,
    _cached: bool,
) -> Result<u64, Stop> {
    registers(cx, at)?;
    cx.probe(address, 8, Access::Write)?;
    // Whole pages, so that it begins with one; beyond what was asked for nobody may touch it.
    let whole = u64::from(bytes).next_multiple_of(PAGE).max(PAGE);
    let Some(block) = pool::allocate(cx, BlockKind::Buffer, false, whole, 0) else {
        return if cx.over { Err(Stop::Run) } else { Ok(0) };
    };
    if let Some(record) = pool::find_live(cx, block) {
        record.bytes = u64::from(bytes);
    }
    cx.bus.memory.set_valid(block + u64::from(bytes), whole - u64::from(bytes), false);
    cx.bus.memory.fill(block, u64::from(bytes), pool::UNINITIALISED);
    let Some(seen) = physical::of(block) else { return Ok(0) };
    cx.write64(address, seen)?;
    Ok(block)
}

/// Frees what `AllocateCommonBuffer` gave.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pfree_common_buffer>
pub fn BenchDmaFreeCommonBuffer(
    cx: &mut Cx,
    at: u64,
    _bytes: u32,
    _address: u64,
    buffer: u64,
    _cached: bool,
) -> Result<(), Stop> {
    registers(cx, at)?;
    let live = pool::find_live(cx, buffer).is_some_and(|block| block.kind == BlockKind::Buffer);
    if !live {
        let block = cx.state.block_at_or_below(buffer).copied();
        let block = block.filter(|block| buffer < block.address + block.bytes.max(1));
        cx.say(Event::Free { address: buffer, block, tag: 0 })?;
    }
    pool::free(cx, buffer);
    Ok(())
}

/// Alignment that buffers for DMA need: none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-pget_dma_alignment>
pub fn BenchDmaGetAlignment(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    registers(cx, at)?;
    Ok(1)
}

/// What is left of a transfer by the system's controller.
pub fn BenchDmaReadCounter(cx: &mut Cx, _at: u64) -> Result<u32, Stop> {
    cx.unsupported("ReadDmaCounter: the bench has no system DMA controller")
}

pub(crate) fn services() -> Vec<Service> {
    let mut all = vec![
        service!(IoGetDmaAdapter, partly "bus masters only, DEVICE_DESCRIPTION up to version 2"),
        service!(BenchDmaPutAdapter),
        service!(BenchDmaAllocateCommonBuffer),
        service!(BenchDmaFreeCommonBuffer),
        service!(BenchDmaGetAlignment, quiet),
        service!(BenchDmaReadCounter, quiet),
    ];
    all.extend(dma_transfer::services());
    all
}

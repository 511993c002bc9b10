//! DMA as a driver asks for it and a device does it.

use super::dma::{BenchDmaAllocateCommonBuffer, BenchDmaFreeCommonBuffer, IoGetDmaAdapter};
use super::dma_transfer::BenchDmaMapTransfer;
use super::mdl::{IoAllocateMdl, MmBuildMdlForNonPagedPool};
use crate::cx::Cx;
use crate::rtl::test_machine::{block, run};
use crate::world::Outcome;
use devices::DmaCard;
use nt::layout::{device_description as description, dma_adapter as adapter};

/// An adapter, and a common buffer with its bus address.
fn prepared(cx: &mut Cx) -> (u64, u64, u64) {
    cx.plug_in(Box::new(DmaCard::default()));
    let (about, count, seen) = (block(cx, description::SIZE), block(cx, 4), block(cx, 8));
    cx.bus.memory.fill(about, description::SIZE, 0);
    cx.bus.memory.poke8(about + description::MASTER, 1);
    cx.bus.memory.poke32(about + description::MAXIMUM_LENGTH, 0x2000);
    let at = IoGetDmaAdapter(cx, 0, about, count).unwrap();
    assert_eq!(cx.bus.memory.peek32(count), 3);
    assert_ne!(cx.bus.memory.peek64(at + adapter::DMA_OPERATIONS), 0);
    let buffer = BenchDmaAllocateCommonBuffer(cx, at, 0x200, seen, false).unwrap();
    let address = cx.bus.memory.peek64(seen);
    (at, buffer, address)
}

/// Has the device copy eight bytes within the buffer.
fn copy(cx: &mut Cx, buffer: u64, address: u64) {
    let memory = &mut cx.bus.memory;
    for (index, word) in [address as u32 + 0x40, address as u32 + 0x80, 8, 0].iter().enumerate() {
        memory.poke32(buffer + 4 * index as u64, *word);
    }
    memory.poke64(buffer + 0x40, 0x1122_3344_5566_7788);
    cx.bus.write_device(0, 0x0c, 4, address);
    cx.bus.write_device(0, 0x10, 4, 1);
}

#[test]
fn a_device_reaches_what_the_driver_gave_it() {
    run(|cx| {
        let (at, buffer, address) = prepared(cx);
        copy(cx, buffer, address);
        assert!(cx.bus.card.pending());
        crate::device::step(cx);
        assert_eq!(cx.bus.memory.peek64(buffer + 0x80), 0x1122_3344_5566_7788);
        assert!(!cx.bus.card.pending() && cx.outcome.is_none());
        BenchDmaFreeCommonBuffer(cx, at, 0x200, address, buffer, false)
    });
}

#[test]
fn a_device_that_reaches_freed_memory_ends_the_run() {
    run(|cx| {
        let (at, buffer, address) = prepared(cx);
        copy(cx, buffer, address);
        BenchDmaFreeCommonBuffer(cx, at, 0x200, address, buffer, false)?;
        crate::device::step(cx);
        let outcome = cx.outcome.take();
        cx.over = false;
        let Some(Outcome::Unsupported { what }) = outcome else { panic!("{outcome:?}") };
        assert!(what.contains("Freed"), "{what}");
        Ok(())
    });
}

#[test]
fn a_transfer_ends_with_its_page() {
    run(|cx| {
        let (at, ..) = prepared(cx);
        let (buffer, length) = (block(cx, 0x2000), block(cx, 4));
        let mdl = IoAllocateMdl(cx, buffer + 0x10, 0x1800, false, false, 0)?;
        MmBuildMdlForNonPagedPool(cx, mdl)?;
        cx.bus.memory.poke32(length, 0x1800);
        let first = BenchDmaMapTransfer(cx, at, mdl, 0, buffer + 0x10, length, true)?;
        assert_eq!(crate::mm::physical::place(first), Some(buffer + 0x10));
        assert_eq!(cx.bus.memory.peek32(length), 0x1000 - 0x10);
        Ok(())
    });
}

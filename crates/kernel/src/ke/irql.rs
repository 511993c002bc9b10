//! IRQL.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::service;
use crate::service::Service;

/// Raises the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keraiseirql>
pub fn KfRaiseIrql(cx: &mut Cx, new: u8) -> Result<u8, Stop> {
    let old = cx.irql();
    cx.say(Event::Irql { from: old, to: new, raise: true })?;
    cx.set_irql(new);
    Ok(old)
}

/// Raises the IRQL to DISPATCH_LEVEL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keraiseirqltodpclevel>
pub fn KeRaiseIrqlToDpcLevel(cx: &mut Cx) -> Result<u8, Stop> {
    KfRaiseIrql(cx, 2)
}

/// Lowers the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kelowerirql>
pub fn KeLowerIrql(cx: &mut Cx, new: u8) -> Result<(), Stop> {
    let from = cx.irql();
    cx.say(Event::Irql { from, to: new, raise: false })?;
    cx.set_irql(new);
    Ok(())
}

/// Lowers the IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kelowerirql>
pub fn KfLowerIrql(cx: &mut Cx, new: u8) -> Result<(), Stop> {
    KeLowerIrql(cx, new)
}

/// The present IRQL.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kegetcurrentirql>
pub fn KeGetCurrentIrql(cx: &mut Cx) -> Result<u8, Stop> {
    Ok(cx.irql())
}

/// Number of the processor.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-kegetcurrentprocessornumberex>
pub fn KeGetCurrentProcessorNumberEx(cx: &mut Cx, number: u64) -> Result<u32, Stop> {
    let processor = u32::from(cx.bus.processor);
    if number != 0 {
        // PROCESSOR_NUMBER: group, number, reserved.
        cx.write32(number, processor << 16)?;
    }
    Ok(processor)
}

/// Number of active processors.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryactiveprocessorcount>
pub fn KeQueryActiveProcessorCount(cx: &mut Cx, mask: u64) -> Result<u32, Stop> {
    let count = u32::from(cx.processors);
    if mask != 0 {
        cx.write64(mask, (1 << count) - 1)?;
    }
    Ok(count)
}

/// Number of active processors of a group.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryactiveprocessorcountex>
pub fn KeQueryActiveProcessorCountEx(cx: &mut Cx, _group: u16) -> Result<u32, Stop> {
    Ok(u32::from(cx.processors))
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KfRaiseIrql),
        service!(KeRaiseIrqlToDpcLevel),
        service!(KeLowerIrql),
        service!(KfLowerIrql),
        service!(KeGetCurrentIrql, quiet),
        service!(KeGetCurrentProcessorNumberEx, quiet),
        service!(KeQueryActiveProcessorCount, quiet),
        service!(KeQueryActiveProcessorCountEx, quiet),
    ]
}

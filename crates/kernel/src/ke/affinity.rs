//! Which processors there are and where a thread may run. All lie in one group, and the bench lets
//! a thread run on any of them: on which one makes no difference to its order with others.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

fn all(cx: &Cx) -> u64 {
    (1 << cx.processors) - 1
}

/// Processors that are running, one bit each.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-kequeryactiveprocessors>
pub fn KeQueryActiveProcessors(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(all(cx))
}

/// Most processors there can be.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerymaximumprocessorcount>
pub fn KeQueryMaximumProcessorCount(cx: &mut Cx) -> Result<u32, Stop> {
    Ok(u32::from(cx.processors))
}

/// The same of a group.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerymaximumprocessorcountex>
pub fn KeQueryMaximumProcessorCountEx(cx: &mut Cx, _group: u16) -> Result<u32, Stop> {
    Ok(u32::from(cx.processors))
}

/// Groups of processors: one.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryactivegroupcount>
pub fn KeQueryActiveGroupCount(_: &mut Cx) -> Result<u16, Stop> {
    Ok(1)
}

/// Most groups there can be: one.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerymaximumgroupcount>
pub fn KeQueryMaximumGroupCount(_: &mut Cx) -> Result<u16, Stop> {
    Ok(1)
}

/// The highest number of a NUMA node: there is one, 0.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryhighestnodenumber>
pub fn KeQueryHighestNodeNumber(_: &mut Cx) -> Result<u16, Stop> {
    Ok(0)
}

/// Processors of a NUMA node; of none for one that is not there.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerynodeactiveaffinity>
pub fn KeQueryNodeActiveAffinity(
    cx: &mut Cx,
    node: u16,
    affinity: u64,
    count: u64,
) -> Result<(), Stop> {
    let processors = if node == 0 { cx.processors } else { 0 };
    if affinity != 0 {
        // GROUP_AFFINITY: mask, group.
        cx.write64(affinity, (1 << processors) - 1)?;
        cx.write64(affinity + 8, 0)?;
    }
    if count != 0 { cx.write16(count, processors.into()) } else { Ok(()) }
}

/// Processors of a group.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerygroupaffinity>
pub fn KeQueryGroupAffinity(cx: &mut Cx, group: u16) -> Result<u64, Stop> {
    Ok(if group == 0 { all(cx) } else { 0 })
}

/// The running thread's system affinity, 0 for none; a wanted one that is not valid changes nothing.
fn exchange(cx: &mut Cx, wanted: u64) -> u64 {
    let valid = wanted != 0 && wanted & !all(cx) == 0;
    let thread = cx.state.me().thread;
    let settings = crate::ps::thread::settings(cx, thread);
    let before = settings.affinity;
    if valid {
        settings.affinity = wanted;
    }
    if valid { before } else { 0 }
}

/// Back to what the thread had before: 0 for no system affinity.
fn revert(cx: &mut Cx, before: u64) {
    let thread = cx.state.me().thread;
    crate::ps::thread::settings(cx, thread).affinity = before;
}

/// Says where the thread may run.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-kesetsystemaffinitythread>
pub fn KeSetSystemAffinityThread(cx: &mut Cx, affinity: u64) -> Result<(), Stop> {
    exchange(cx, affinity);
    Ok(())
}

/// Says where the thread may run, and tells where before: 0 if no driver had said.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesetsystemaffinitythreadex>
pub fn KeSetSystemAffinityThreadEx(cx: &mut Cx, affinity: u64) -> Result<u64, Stop> {
    Ok(exchange(cx, affinity))
}

/// Lets the thread run anywhere again.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-kereverttouseraffinitythread>
pub fn KeRevertToUserAffinityThread(cx: &mut Cx) -> Result<(), Stop> {
    revert(cx, 0);
    Ok(())
}

/// Lets the thread run where it could before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereverttouseraffinitythreadex>
pub fn KeRevertToUserAffinityThreadEx(cx: &mut Cx, affinity: u64) -> Result<(), Stop> {
    revert(cx, affinity);
    Ok(())
}

/// Says where the thread may run, and stores where before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesetsystemgroupaffinitythread>
pub fn KeSetSystemGroupAffinityThread(cx: &mut Cx, wanted: u64, place: u64) -> Result<(), Stop> {
    // GROUP_AFFINITY: Mask, Group, Reserved.
    let (mask, group) = (cx.read64(wanted)?, cx.read16(wanted.wrapping_add(8))?);
    let before = exchange(cx, if group == 0 { mask } else { 0 });
    if place != 0 {
        cx.write64(place, before)?;
        cx.write64(place.wrapping_add(8), 0)?;
    }
    Ok(())
}

/// Lets the thread run where it could before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereverttousergroupaffinitythread>
pub fn KeRevertToUserGroupAffinityThread(cx: &mut Cx, before: u64) -> Result<(), Stop> {
    let mask = cx.read64(before)?;
    revert(cx, mask);
    Ok(())
}

/// Number of a processor over all groups.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kegetprocessorindexfromnumber>
pub fn KeGetProcessorIndexFromNumber(cx: &mut Cx, number: u64) -> Result<u32, Stop> {
    // PROCESSOR_NUMBER: Group, Number, Reserved.
    let (group, number) = (cx.read16(number)?, cx.read8(number + 2)?);
    Ok(if group == 0 && number < cx.processors { u32::from(number) } else { u32::MAX })
}

/// Group and number of a processor.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kegetprocessornumberfromindex>
pub fn KeGetProcessorNumberFromIndex(cx: &mut Cx, index: u32, place: u64) -> Result<u32, Stop> {
    if index >= u32::from(cx.processors) {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    cx.write32(place, index << 16)?;
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeQueryActiveProcessors, quiet),
        service!(KeQueryMaximumProcessorCount, quiet),
        service!(KeQueryMaximumProcessorCountEx, quiet),
        service!(KeQueryActiveGroupCount, quiet),
        service!(KeQueryMaximumGroupCount, quiet),
        service!(KeQueryHighestNodeNumber, quiet),
        service!(KeQueryNodeActiveAffinity, quiet),
        service!(KeQueryGroupAffinity, quiet),
        service!(KeSetSystemAffinityThread, partly "the thread runs anywhere"),
        service!(KeSetSystemAffinityThreadEx, partly "the thread runs anywhere"),
        service!(KeRevertToUserAffinityThread),
        service!(KeRevertToUserAffinityThreadEx),
        service!(KeSetSystemGroupAffinityThread, partly "the thread runs anywhere"),
        service!(KeRevertToUserGroupAffinityThread),
        service!(KeGetProcessorIndexFromNumber, quiet),
        service!(KeGetProcessorNumberFromIndex, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn there_are_two_processors_in_one_group() {
        run(|cx| {
            assert_eq!(KeQueryActiveProcessors(cx)?, 3);
            let place = block(cx, 4);
            assert_eq!(KeGetProcessorNumberFromIndex(cx, 2, place)?, STATUS_INVALID_PARAMETER);
            assert_eq!(KeGetProcessorNumberFromIndex(cx, 1, place)?, STATUS_SUCCESS);
            assert_eq!(KeGetProcessorIndexFromNumber(cx, place)?, 1);
            Ok(())
        });
    }

    #[test]
    fn affinities_nest() {
        run(|cx| {
            assert_eq!(KeSetSystemAffinityThreadEx(cx, 1)?, 0, "none before");
            assert_eq!(KeSetSystemAffinityThreadEx(cx, 3)?, 1);
            assert_eq!(KeSetSystemAffinityThreadEx(cx, 4)?, 0, "no such processor: no effect");
            let group = block(cx, 16);
            cx.write64(group, 2)?;
            let before = block(cx, 16);
            KeSetSystemGroupAffinityThread(cx, group, before)?;
            assert_eq!(cx.read64(before)?, 3);
            KeRevertToUserGroupAffinityThread(cx, before)?;
            KeRevertToUserAffinityThreadEx(cx, 1)?;
            assert_eq!(KeSetSystemAffinityThreadEx(cx, 1)?, 1);
            KeRevertToUserAffinityThread(cx)?;
            assert_eq!(KeSetSystemAffinityThreadEx(cx, 1)?, 0);
            Ok(())
        });
    }
}

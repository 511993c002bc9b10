//! Timers on virtual time. A timer may expire at any scheduling point once it is set - a processor
//! may be slow for as long as it likes - but timers expire in order of their due times.

use super::wait::{object, signal, wake};
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use crate::state::Timer;
use crate::world::World;
use memory::Access;
use nt::layout::{dispatcher_header as header, ktimer};
use nt::status;

/// Virtual time of a due time in 100 ns: negative from now, else since 1601.
pub(crate) fn due(world: &World, time: i64) -> u64 {
    if time < 0 {
        world.state.now.saturating_add(time.unsigned_abs())
    } else {
        (time as u64).saturating_sub(super::time::BOOT_TIME)
    }
}

/// The next timer expires.
pub(crate) fn tick(world: &mut World) {
    let Some(index) =
        (0..world.state.timers.len()).min_by_key(|&index| world.state.timers[index].due)
    else {
        return;
    };
    let timer = world.state.timers.remove(index);
    world.state.now = world.state.now.max(timer.due);
    world.moment();
    super::time::publish(world);
    if timer.object == 0 {
        world.state.waits.retain(|wait| wait.context != timer.context);
        wake(world, timer.context, status::STATUS_TIMEOUT);
        return;
    }
    if world.recorder.is_some() {
        world.note(&format!("--- timer {:#x} expires", timer.object));
    }
    if timer.period != 0 {
        let due = timer.due + u64::from(timer.period) * 10_000;
        world.state.timers.push(Timer { due, ..timer });
    } else {
        world.bus.memory.poke8(timer.object + HEADER_INSERTED, 0);
    }
    world.bus.memory.poke32(timer.object + header::SIGNAL_STATE, 1);
    signal(world, timer.object);
    if timer.dpc != 0 {
        super::dpc::queue(world, timer.dpc, [0, 0]);
    }
}

/// DISPATCHER_HEADER.Inserted of a timer.
const HEADER_INSERTED: u64 = 3;

/// Initialises a timer. `kind`: NotificationTimer 0, SynchronizationTimer 1.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializetimerex>
pub fn KeInitializeTimerEx(cx: &mut Cx, timer: u64, kind: u32) -> Result<(), Stop> {
    cx.probe(timer, ktimer::SIZE, Access::Write)?;
    let kind = if kind == 0 { object::NOTIFICATION_TIMER } else { object::SYNCHRONIZATION_TIMER };
    let size = (ktimer::SIZE / 4) as u8;
    cx.write32(timer, u32::from(kind) | u32::from(size) << 16)?;
    cx.write32(timer + header::SIGNAL_STATE, 0)?;
    cx.write64(timer + ktimer::DPC, 0)?;
    cx.write32(timer + ktimer::PERIOD, 0)
}

/// Initialises a notification timer.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializetimer>
pub fn KeInitializeTimer(cx: &mut Cx, timer: u64) -> Result<(), Stop> {
    KeInitializeTimerEx(cx, timer, 0)
}

/// Sets a timer; true when it was set already.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesettimerex>
pub fn KeSetTimerEx(
    cx: &mut Cx,
    timer: u64,
    time: i64,
    period: i32,
    dpc: u64,
) -> Result<bool, Stop> {
    cx.probe(timer, ktimer::SIZE, Access::Write)?;
    if dpc != 0 {
        cx.probe(dpc, nt::layout::kdpc::SIZE, Access::Write)?;
    }
    let was_set = remove(cx, timer);
    let due = due(cx, time);
    let memory = &mut cx.bus.memory;
    memory.poke32(timer + header::SIGNAL_STATE, 0);
    memory.poke8(timer + HEADER_INSERTED, 1);
    memory.poke64(timer + ktimer::DUE_TIME, due);
    memory.poke64(timer + ktimer::DPC, dpc);
    memory.poke32(timer + ktimer::PERIOD, period as u32);
    let (site, period) = (cx.state.moment, period.max(0) as u32);
    cx.state.timers.push(Timer { object: timer, context: 0, due, period, dpc, site });
    Ok(was_set)
}

/// Sets a timer once.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesettimer>
pub fn KeSetTimer(cx: &mut Cx, timer: u64, time: i64, dpc: u64) -> Result<bool, Stop> {
    KeSetTimerEx(cx, timer, time, 0, dpc)
}

/// Sets a timer that may be late; here it is like any other.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesetcoalescabletimer>
pub fn KeSetCoalescableTimer(
    cx: &mut Cx,
    timer: u64,
    time: i64,
    period: u32,
    _tolerance: u32,
    dpc: u64,
) -> Result<bool, Stop> {
    KeSetTimerEx(cx, timer, time, period as i32, dpc)
}

fn remove(world: &mut World, timer: u64) -> bool {
    let before = world.state.timers.len();
    world.state.timers.retain(|set| set.object != timer);
    world.bus.memory.poke8(timer + HEADER_INSERTED, 0);
    world.state.timers.len() != before
}

/// Takes a timer back; false when it was not set. A DPC that is queued already stays queued.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kecanceltimer>
pub fn KeCancelTimer(cx: &mut Cx, timer: u64) -> Result<bool, Stop> {
    cx.probe(timer, ktimer::SIZE, Access::Write)?;
    Ok(remove(cx, timer))
}

/// Whether a timer has expired.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereadstatetimer>
pub fn KeReadStateTimer(cx: &mut Cx, timer: u64) -> Result<bool, Stop> {
    Ok(cx.read32(timer + header::SIGNAL_STATE)? != 0)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeTimerEx, quiet),
        service!(KeInitializeTimer, quiet),
        service!(KeSetTimerEx, hands_over),
        service!(KeSetTimer, hands_over),
        service!(KeSetCoalescableTimer),
        service!(KeCancelTimer),
        service!(KeReadStateTimer),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, explore, script};
    use nt::layout::kevent;
    use std::cell::Cell;
    use std::rc::Rc;

    /// How often a periodic timer of a millisecond expires in a run that nothing else happens in.
    fn ticks(somebody_waits: bool) -> u32 {
        let counted = Rc::new(Cell::new(0));
        let told = counted.clone();
        let sets = script(move |cx| {
            let timer = block(cx, ktimer::SIZE);
            KeInitializeTimerEx(cx, timer, 0)?;
            KeSetTimerEx(cx, timer, -10_000, 1, 0)?;
            if somebody_waits {
                let event = block(cx, kevent::SIZE);
                crate::ke::event::KeInitializeEvent(cx, event, 0, false)?;
                crate::ke::wait::wait_for(cx, &[event], false, None)?;
            }
            Ok(())
        });
        explore(0, vec![sets], |_| (), move |world| told.set(world.state.idle_ticks));
        counted.get()
    }

    #[test]
    fn time_goes_on_for_who_waits_and_not_for_nobody() {
        assert_eq!(ticks(true), 24);
        // A watchdog that is set again and again is no reason to let time pass.
        assert_eq!(ticks(false), 3);
    }
}

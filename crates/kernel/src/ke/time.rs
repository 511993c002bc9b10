//! Virtual time: it passes when timers expire, when somebody asks for it, and when code stalls.

use crate::cx::{Cx, Stop};
use crate::map;
use crate::service;
use crate::service::Service;
use crate::world::World;
use nt::layout::kuser_shared_data as shared;

/// System time at virtual time 0: 1 January 2024, 00:00 UTC, in 100 ns since 1601.
pub const BOOT_TIME: u64 = 133_485_408_000_000_000;
/// 100 ns in a clock tick of 15.625 ms.
pub const INCREMENT: u32 = 156_250;
/// Counts of the performance counter a second.
pub const FREQUENCY: u64 = 10_000_000;
/// Time-stamp counter ticks in 100 ns.
const TICKS: u64 = 100;
/// What asking for the time takes, in 100 ns: code that polls the clock gets somewhere.
const ASKING: u64 = 100;
/// Most microseconds that one stall may last: more is a limit of the bench.
const LONGEST_STALL: u32 = 10_000_000;

/// Writes the time into the page that the kernel shares with everybody.
pub(crate) fn publish(world: &mut World) {
    let now = world.state.now;
    let ticks = now / u64::from(INCREMENT);
    let memory = &mut world.bus.memory;
    for (at, value) in [
        (shared::INTERRUPT_TIME, now),
        (shared::SYSTEM_TIME, BOOT_TIME + now),
        (shared::TICK_COUNT, ticks),
    ] {
        let place = map::SHARED_DATA + at;
        // The second high part is written first, as by the kernel (KSYSTEM_TIME).
        memory.poke32(place + nt::layout::ksystem_time::HIGH2_TIME, (value >> 32) as u32);
        memory.poke64(place, value);
    }
    memory.poke32(map::SHARED_DATA + shared::TICK_COUNT_LOW_DEPRECATED, ticks as u32);
}

/// Lets time pass, 100 ns each.
fn pass(cx: &mut Cx, time: u64) {
    cx.state.now = cx.state.now.saturating_add(time);
    cx.bus.ticks = cx.bus.ticks.wrapping_add(time.wrapping_mul(TICKS));
    publish(cx);
}

fn ask(cx: &mut Cx) -> u64 {
    pass(cx, ASKING);
    cx.state.now
}

fn counter(cx: &mut Cx, place: u64) -> Result<u64, Stop> {
    let now = ask(cx);
    if place != 0 {
        cx.write64(place, now)?;
    }
    Ok(now)
}

/// System time.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerysystemtime>
pub fn KeQuerySystemTime(cx: &mut Cx, place: u64) -> Result<(), Stop> {
    let now = ask(cx);
    cx.write64(place, BOOT_TIME + now)
}

/// System time, precise.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerysystemtimeprecise>
pub fn KeQuerySystemTimePrecise(cx: &mut Cx, place: u64) -> Result<(), Stop> {
    KeQuerySystemTime(cx, place)
}

/// Time since boot.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryinterrupttime>
pub fn KeQueryInterruptTime(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(ask(cx))
}

/// Time since boot, and the performance counter at that time.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryinterrupttimeprecise>
pub fn KeQueryInterruptTimePrecise(cx: &mut Cx, place: u64) -> Result<u64, Stop> {
    counter(cx, place)
}

/// Time since boot without time asleep: the bench never sleeps.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryunbiasedinterrupttime>
pub fn KeQueryUnbiasedInterruptTime(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(ask(cx))
}

/// Clock ticks since boot.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerytickcount>
pub fn KeQueryTickCount(cx: &mut Cx, place: u64) -> Result<(), Stop> {
    let ticks = ask(cx) / u64::from(INCREMENT);
    cx.write64(place, ticks)
}

/// 100 ns in a clock tick.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequerytimeincrement>
pub fn KeQueryTimeIncrement(_: &mut Cx) -> Result<u32, Stop> {
    Ok(INCREMENT)
}

/// The performance counter; its counts are 100 ns.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kequeryperformancecounter>
pub fn KeQueryPerformanceCounter(cx: &mut Cx, frequency: u64) -> Result<u64, Stop> {
    if frequency != 0 {
        cx.write64(frequency, FREQUENCY)?;
    }
    Ok(ask(cx))
}

/// Keeps the processor busy for some microseconds.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kestallexecutionprocessor>
pub fn KeStallExecutionProcessor(cx: &mut Cx, microseconds: u32) -> Result<(), Stop> {
    if microseconds > LONGEST_STALL {
        return cx.limit(format!("a stall of {microseconds} microseconds"));
    }
    pass(cx, u64::from(microseconds) * 10);
    crate::device::pass(cx, microseconds);
    if cx.over { Err(Stop::Run) } else { Ok(()) }
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeQuerySystemTime, quiet),
        service!(KeQuerySystemTimePrecise, quiet),
        service!(KeQueryInterruptTime, quiet),
        service!(KeQueryInterruptTimePrecise, quiet),
        service!(KeQueryUnbiasedInterruptTime, quiet),
        service!(KeQueryTickCount, quiet),
        service!(KeQueryTimeIncrement, quiet),
        service!(KeQueryPerformanceCounter, quiet),
        service!(KeStallExecutionProcessor),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_time_is_the_date_it_says() {
        assert_eq!(crate::rtl::time::fields(BOOT_TIME as i64), [2024, 1, 1, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn the_shared_page_follows() {
        let mut world = World::new(1, &[]);
        world.state.now = 3 * u64::from(INCREMENT) + 5;
        publish(&mut world);
        let read = |world: &World, at| world.bus.memory.view64(map::SHARED_DATA + at);
        assert_eq!(read(&world, shared::SYSTEM_TIME), BOOT_TIME + 468_755);
        assert_eq!(read(&world, shared::INTERRUPT_TIME), 468_755);
        assert_eq!(read(&world, shared::TICK_COUNT), 3);
    }
}

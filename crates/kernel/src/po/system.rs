//! The system goes to sleep and wakes, as one device stack sees it.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-power>

use super::{irp, wake};
use crate::cx::{Cx, Stop};
use crate::io::request;
use crate::state::{Child, PowerClass};
use nt::irp::{IRP_MN_QUERY_POWER, IRP_MN_SET_POWER};

/// PowerSystemWorking and PowerSystemSleeping3 of SYSTEM_POWER_STATE (wdm.h).
const WORKING: u32 = 1;
const SLEEPING: u32 = 4;

/// Sends a request about the system's state and waits until the stack is done with it.
fn ask(cx: &mut Cx, pdo: u64, minor: u8, state: u32) -> Result<u32, Stop> {
    let (number, at) = irp::make(cx, pdo, minor, PowerClass::System, state, (0, 0))?;
    irp::send(cx, number, at)?;
    Ok(request::wait(cx, number)?.0)
}

/// How a sleep ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// The system sleeps and wakes.
    Through,
    /// Another device refuses: the stack is asked, and told that the system goes on working.
    Refused,
    /// The device itself wakes the system, if it was told to.
    ByDevice,
}

/// Asks a stack whether the system may sleep, tells it that it does, and that it wakes. A driver
/// that refuses is told that the system goes on working.
///
/// What is on a bus goes to sleep before the bus and wakes after it.
pub fn sleep(cx: &mut Cx, pdo: u64, how: Sleep) -> Result<(), Stop> {
    match cx.state.children.is_empty() {
        true => through(cx, pdo, how),
        // The tree of devices stays as it is meanwhile.
        false => crate::pnp::manager::alone(cx, |cx| through(cx, pdo, how)),
    }
}

fn through(cx: &mut Cx, pdo: u64, how: Sleep) -> Result<(), Stop> {
    on_bus(cx, pdo, IRP_MN_QUERY_POWER, SLEEPING)?;
    let agreed = ask(cx, pdo, IRP_MN_QUERY_POWER, SLEEPING)?;
    if agreed < 0x8000_0000 && how != Sleep::Refused {
        on_bus(cx, pdo, IRP_MN_SET_POWER, SLEEPING)?;
        ask(cx, pdo, IRP_MN_SET_POWER, SLEEPING)?;
        if how == Sleep::ByDevice {
            wake::signal(cx, pdo)?;
        }
    }
    ask(cx, pdo, IRP_MN_SET_POWER, WORKING)?;
    on_bus(cx, pdo, IRP_MN_SET_POWER, WORKING)
}

/// Sends the same to each device on a bus that is there when its turn comes.
fn on_bus(cx: &mut Cx, parent: u64, minor: u8, state: u32) -> Result<(), Stop> {
    let there = |child: &&Child| child.parent == parent && child.started;
    let children: Vec<u64> =
        cx.state.children.iter().filter(there).map(|child| child.pdo).collect();
    for pdo in children {
        if cx.state.children.iter().any(|child| child.pdo == pdo && child.started) {
            ask(cx, pdo, minor, state)?;
        }
    }
    Ok(())
}

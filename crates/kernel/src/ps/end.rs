//! An application's process ends while its requests are under way.
//!
//! Its threads come back from the driver first; each then has its requests cancelled and waits for
//! them. After the last one the handles are closed, and then the memory goes. A thread that waits for
//! a request waits in its own process, and is told so at once.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-cancel-routines>

use crate::cx::{Cx, Stop};
use crate::io::cancel;
use crate::io::request;
use crate::map;
use crate::state::{Doing, Start};
use crate::world::World;

impl World {
    /// Whether an address was in memory of an application's process that is gone.
    pub fn is_ended(&self, address: u64) -> bool {
        (map::USER..self.state.process.ended).contains(&address)
    }

    /// Whether the running thread is one of a process that is being ended.
    pub fn is_ending(&self) -> bool {
        self.state.process.ending && self.in_application()
    }
}

/// Ends the application's process.
pub fn process(cx: &mut Cx) -> Result<(), Stop> {
    cx.moment();
    cx.point()?;
    cx.note("the application's process is ended");
    cx.state.process.ending = true;
    let waits = |context: &usize| matches!(cx.state.contexts[*context].doing, Doing::ForRequest(_));
    // Those that wait inside the kernel, for an open or a close, look and wait on.
    let waiting: Vec<usize> = cx.state.live().filter(waits).collect();
    for context in waiting {
        cx.state.set_doing(context, Doing::Ready);
    }
    if alone(cx) { run_down(cx) } else { Ok(()) }
}

/// A thread of a process that is being ended is done with what it called.
pub fn thread(cx: &mut Cx) -> Result<(), Stop> {
    let me = cx.id();
    cancel_all(cx, Some(me))?;
    if alone(cx) { run_down(cx) } else { Ok(()) }
}

/// Waits for a request in the application; not to its end when the process is being ended.
pub fn wait(cx: &mut Cx, index: u16) -> Result<(), Stop> {
    while cx.state.requests[usize::from(index)].done.is_none() && !cx.is_ending() {
        cx.block(Doing::ForRequest(index))?;
    }
    Ok(())
}

/// Whether no other thread of the application is left.
fn alone(cx: &Cx) -> bool {
    let me = usize::from(cx.id());
    !cx.state.live().any(|context| match cx.state.contexts[context].start {
        Start::Actor(index) if context != me => {
            cx.actors.get(usize::from(index)).is_some_and(|actor| actor.application)
        }
        _ => false,
    })
}

/// Cancels an application's requests that are not done, and waits for them.
fn cancel_all(cx: &mut Cx, by: Option<u8>) -> Result<(), Stop> {
    let first = cx.state.requests.len();
    for index in 0..first {
        let request = cx.state.requests[index];
        let own = request.file.is_some() && by.is_none_or(|by| request.by == by);
        if !own || request.done.is_some() {
            continue;
        }
        cx.moment();
        cx.point()?;
        if cx.state.requests[index].done.is_none() {
            cancel::cancel(cx, request.irp)?;
        }
        request::wait(cx, index as u16)?;
    }
    Ok(())
}

/// The last thread ended: handles are closed, and memory goes.
fn run_down(cx: &mut Cx) -> Result<(), Stop> {
    cancel_all(cx, None)?;
    for file in 0..cx.state.files.len() {
        if cx.state.files[file].open {
            request::close(cx, file as u16)?;
        }
    }
    cx.moment();
    cx.note("the memory of the application's process is gone");
    let end = cx.state.next_user;
    cx.bus.memory.set_valid(map::USER, end - map::USER, false);
    cx.state.probed.clear();
    cx.bus.user.clear();
    let site = cx.state.moment;
    cx.state.process = crate::state::Process { ending: false, ended: end, gone: Some(site) };
    Ok(())
}

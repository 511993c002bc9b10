//! In which order the requests of a handle come back, and the lists they were in.

use super::request::major;
use crate::bus::What;
use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::state::{BlockKind, Origin, Overtaking, Request};
use crate::world::World;
use memory::Access;
use nt::layout::{io_stack_location as location, irp};

/// Overtakings that are noted in one scenario.
const MOST: usize = 64;

/// Major function and control code of a data request; `None` for others, and for one that somebody
/// asked to cancel.
fn kind(world: &World, request: &Request) -> Option<(u8, u32)> {
    let record = world.state.irp(request.irp).filter(|record| record.cancelled.is_none())?;
    match record.major {
        major::READ | major::WRITE => Some((record.major, 0)),
        major::DEVICE_CONTROL | major::INTERNAL_DEVICE_CONTROL => {
            let here = super::irp::first_location(request.irp, record.locations);
            let place = here + location::PARAMETERS_DEVICE_IO_CONTROL_IO_CONTROL_CODE;
            Some((record.major, world.bus.memory.view64(place) as u32))
        }
        _ => None,
    }
}

/// A request is done: was one issued before it that is not? Only a request whose dispatch routine had
/// returned before the other one was sent counts as issued earlier.
pub(crate) fn look(cx: &mut Cx, index: u16, status: u32) -> Result<(), Stop> {
    let request = cx.state.requests[usize::from(index)];
    let Some(file) = request.file else { return Ok(()) };
    if status >= 0x8000_0000 || cx.state.files[usize::from(file)].busy == 0 {
        return Ok(());
    }
    let Some(mine) = kind(cx, &request) else { return Ok(()) };
    let mut earlier = cx.state.requests[..usize::from(index)].iter().enumerate();
    let overtaken = earlier.find(|(_, other)| {
        other.file == Some(file)
            && other.done.is_none()
            && (1..=request.sent).contains(&other.back)
            && kind(cx, other) == Some(mine)
    });
    let Some((number, &other)) = overtaken else { return Ok(()) };
    let pair = (number as u16, index);
    if cx.stop_at_overtaking == Some(pair) {
        return cx.say(Event::Overtaken { earlier: other.irp, later: request.irp });
    }
    let kernel = |upto: usize| {
        let mine = cx.state.requests[..upto].iter().filter_map(|request| cx.state.irp(request.irp));
        mine.filter(|record| matches!(record.origin, Origin::Kernel(_))).count() as u16
    };
    let way = cx
        .taken
        .iter()
        .fold(0u32, |way, choice| way.wrapping_mul(31).wrapping_add(u32::from(choice.context) + 1));
    let kernel = (kernel(usize::from(index)), kernel(cx.state.requests.len()));
    let overtaking = Overtaking { earlier: pair.0, later: pair.1, kernel, way };
    if cx.stop_at_overtaking.is_none()
        && cx.overtakings.len() < MOST
        && !cx.overtakings.iter().any(|(known, _)| *known == overtaking)
    {
        let schedule = cx.schedule();
        cx.overtakings.push((overtaking, schedule));
    }
    Ok(())
}

impl Cx<'_> {
    /// The driver is about to touch shared memory: notes where a request is put into a list, which is
    /// a write to its entry while that is in none.
    pub(crate) fn observe_list(&mut self, address: u64, access: Access) {
        if access != Access::Write {
            return;
        }
        let packet = self.state.block_at_or_below(address).filter(|block| {
            let entry = block.address + irp::TAIL_OVERLAY_LIST_ENTRY;
            block.kind == BlockKind::Irp && (entry..entry + 16).contains(&address)
        });
        if let Some(at) = packet.map(|block| block.address)
            && !self.is_linked(at + irp::TAIL_OVERLAY_LIST_ENTRY)
        {
            let now = self.state.moment;
            if self.recorder.is_some() {
                self.record_point(What::Memory(address, 8, access));
            }
            if let Some(record) = self.state.irp_mut(at) {
                record.queued = Some(now);
            }
        }
    }

    /// Whether both neighbours of a list entry point back to it.
    fn is_linked(&self, entry: u64) -> bool {
        let memory = &self.bus.memory;
        let (next, last) = (memory.view64(entry), memory.view64(entry.wrapping_add(8)));
        memory.view64(next.wrapping_add(8)) == entry && memory.view64(last) == entry
    }
}

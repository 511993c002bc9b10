//! In which order the requests of a handle come back, and the lists they were in.

use super::request::major;
use crate::bus::What;
use crate::cx::{Cx, Stop};
use crate::event::{Event, Site};
use crate::state::{BlockKind, Origin, Overtaking, Request};
use crate::world::World;
use memory::Access;
use nt::layout::{io_stack_location as location, irp};

/// Overtakings that are noted in one scenario.
const MOST: usize = 512;

/// Steps from one entry of a list to the next that are followed.
const MOST_ENTRIES: usize = 64;

/// What is known of the lists that requests were in.
#[derive(Debug, Default)]
pub struct Lists {
    /// Where a request was put into a list, oldest first.
    put: Vec<Put>,
    /// Since when the pair that is looked for is in one list in the wrong order, if it was so when it was
    /// last seen in one.
    pub swap: Option<Put>,
}

/// A request is put into a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// The request.
    pub irp: u64,
    /// When.
    pub site: Site,
    /// A number that stands for the call stack, where somebody unwinds it.
    pub stack: u64,
}

impl Lists {
    pub(crate) fn clear(&mut self) {
        self.put.clear();
        self.swap = None;
    }

    /// Whether a request was in a list of the driver's own.
    pub fn held(&self, irp: u64) -> bool {
        self.put.iter().any(|put| put.irp == irp)
    }
}

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
    // Only a run that can be repeated as it was tells who put what behind what; and numbers are used
    // again in one without an end.
    if cx.live.is_some() {
        return Ok(());
    }
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
        cx.compare_pair();
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
    /// a write to its entry while that is in none. Taking one out writes to its neighbours' entries.
    pub(crate) fn observe_list(&mut self, address: u64, access: Access) {
        if access != Access::Write {
            return;
        }
        let packet = self.state.block_at_or_below(address).filter(|block| {
            let entry = block.address + irp::TAIL_OVERLAY_LIST_ENTRY;
            block.kind == BlockKind::Irp && (entry..entry + 16).contains(&address)
        });
        let Some(at) = packet.map(|block| block.address) else { return };
        self.compare_pair();
        if self.is_linked(at + irp::TAIL_OVERLAY_LIST_ENTRY) {
            return;
        }
        let site = self.state.moment;
        if self.recorder.is_some() {
            self.record_point(What::Memory(address, 8, access));
        }
        if let Some(record) = self.state.irp_mut(at) {
            record.queued = Some(site);
        }
        let stack = self.unwinder.clone().map_or(0, |unwinder| {
            let (gpr, rip) = (self.cpu().gpr, self.cpu().rip);
            unwinder(self, &gpr, rip).iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, frame| {
                (hash ^ frame).wrapping_mul(0x0000_0100_0000_01b3)
            })
        });
        self.lists.put.push(Put { irp: at, site, stack });
    }

    /// Looks in which order the pair that is looked for stands in a list, if it does. Whoever was put
    /// there last made it so.
    fn compare_pair(&mut self) {
        let Some((earlier, later)) = self.stop_at_overtaking else { return };
        let packet = |index: u16| Some(self.state.requests.get(usize::from(index))?.irp);
        let (Some(earlier), Some(later)) = (packet(earlier), packet(later)) else { return };
        if self.leads_to(earlier, later) {
            self.lists.swap = None;
        } else if self.lists.swap.is_none() && self.leads_to(later, earlier) {
            let mut put = self.lists.put.iter().rev();
            self.lists.swap = put.find(|put| put.irp == earlier || put.irp == later).copied();
        }
    }

    /// Whether the list that one request is in holds the other behind it.
    fn leads_to(&self, one: u64, other: u64) -> bool {
        let memory = &self.bus.memory;
        let mut entry = one + irp::TAIL_OVERLAY_LIST_ENTRY;
        for _ in 0..MOST_ENTRIES {
            entry = memory.view64(entry);
            if entry == other + irp::TAIL_OVERLAY_LIST_ENTRY {
                return true;
            }
            // The head is in no request: there the list begins again.
            let packet = entry.wrapping_sub(irp::TAIL_OVERLAY_LIST_ENTRY);
            if self.state.irp(packet).is_none() {
                return false;
            }
        }
        false
    }

    /// Whether both neighbours of a list entry point back to it.
    fn is_linked(&self, entry: u64) -> bool {
        let memory = &self.bus.memory;
        let (next, last) = (memory.view64(entry), memory.view64(entry.wrapping_add(8)));
        memory.view64(next.wrapping_add(8)) == entry && memory.view64(last) == entry
    }
}

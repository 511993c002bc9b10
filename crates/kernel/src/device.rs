//! The device behind the bench's physical device object: where its registers appear, and what it
//! does by itself.

use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::map;
use crate::mm::physical;
use crate::world::{DEVICE as NUMBER, Outcome, World};
use devices::{Bus, Device, Refused, Slot, Space};
use memory::{Access, DEVICE, Fault, Memory, NO_EXECUTE, PAGEABLE, TRACKED, USER};

/// Interrupt vector of the device's line in translated resources; messages follow it.
pub const CARD_VECTOR: u32 = 0x91;
/// Device IRQL of its interrupts.
pub const CARD_IRQL: u8 = 9;
/// Interrupt line in raw resources.
pub const CARD_LINE: u32 = 17;
/// Bytes of address space between the ranges of registers, as they are mapped.
const STRIDE: u64 = 0x100_0000;

/// Where a range of registers appears when it is mapped.
pub fn mapped(bar: u8) -> u64 {
    map::DEVICE_SPACE + STRIDE * u64::from(bar)
}

/// The range of registers and the offset in it that a mapped address means.
#[inline]
pub fn place(address: u64) -> (u8, u64) {
    let offset = address.wrapping_sub(map::DEVICE_SPACE);
    ((offset / STRIDE) as u8, offset % STRIDE)
}

/// The range of ports and the offset in it that a port means.
pub fn port(slot: &Slot, port: u16) -> Option<(u8, u64)> {
    slot.places().iter().enumerate().find_map(|(bar, place)| {
        let offset = u64::from(port).wrapping_sub(place.address);
        let inside = place.bar.space == Space::Ports && offset < place.bar.bytes;
        inside.then_some((bar as u8, offset))
    })
}

/// Makes room in the address space for the registers of the device that is there.
pub(crate) fn map(world: &mut World) {
    for (index, place) in world.bus.card.places().to_vec().iter().enumerate() {
        if place.bar.space == Space::Memory {
            let at = mapped(index as u8);
            world.bus.memory.map(at, place.bar.bytes.max(0x1000), DEVICE | NO_EXECUTE, false);
        }
    }
}

/// Where a bus address that means no memory is told to lie: outside of both halves.
const NOWHERE: u64 = 0xffff_0800_0000_0000;

/// What the device sees of memory.
pub(crate) struct Lane<'a> {
    pub memory: &'a mut Memory,
    pub refused: &'a mut Option<Fault>,
}

impl Lane<'_> {
    /// The place that a bus address means, if a device may touch it: memory that somebody has.
    fn check(&mut self, address: u64, bytes: usize, access: Access) -> Result<u64, Refused> {
        let place = physical::place(address).unwrap_or(NOWHERE | address);
        let allow = TRACKED | PAGEABLE | USER;
        match self.memory.check_allowing(place, bytes as u64, access, allow) {
            Ok(()) => Ok(place),
            Err(fault) => {
                self.refused.get_or_insert(fault);
                Err(Refused)
            }
        }
    }
}

impl Bus for Lane<'_> {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Refused> {
        if !into.is_empty() {
            let place = self.check(address, into.len(), Access::Read)?;
            self.memory.peek(place, into);
        }
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Refused> {
        if !bytes.is_empty() {
            let place = self.check(address, bytes.len(), Access::Write)?;
            self.memory.poke(place, bytes);
        }
        Ok(())
    }
}

/// As whose access a rule sees what a device did.
pub const BY: &str = "the device (DMA)";

/// Sees to what the device wants: what has lasted long enough is done, interrupts wait for a processor,
/// what the bus refused is told. False when the run is over.
pub(crate) fn attend(world: &mut World) -> bool {
    if world.bus.card.wait(1) {
        step(world);
    }
    // What that step asserted counts, too: else all might seem to be at rest.
    if world.bus.card.wants() != 0 {
        crate::io::interrupt::raise(world);
    }
    if world.bus.card.take_refused() {
        tell(world);
    }
    !world.over
}

/// The device does one thing by itself.
pub(crate) fn step(world: &mut World) {
    // It is nobody's doing who happens to run.
    let current = std::mem::replace(&mut world.state.current, NUMBER);
    world.moment();
    let done = world.bus.step_device();
    if world.recorder.is_some() {
        let text = match done {
            Ok(what) => format!("the device {what}"),
            Err(Refused) => "the device touches memory that it must not".to_owned(),
        };
        world.note(&text);
    }
    if world.bus.card.take_refused() {
        tell(world);
    }
    world.state.current = current;
}

/// Makes something go wrong with the device, on demand; whether it can.
pub fn fault(cx: &mut Cx, fault: devices::Fault) -> Result<bool, Stop> {
    cx.moment();
    cx.point()?;
    let done = cx.bus.card.fault(fault);
    if done && cx.recorder.is_some() {
        let text = match fault {
            devices::Fault::Ones => "from here on the device reads as all ones".to_owned(),
            devices::Fault::Gone => "the device is pulled out".to_owned(),
            devices::Fault::Stall => "from here on the device does nothing".to_owned(),
            devices::Fault::Storm(times) => {
                format!("the device interrupts {times} times and does not say why")
            }
            devices::Fault::Short => "the device's next operation will end short".to_owned(),
            devices::Fault::Reordered => {
                "the device's next operations will end in another order".to_owned()
            }
            devices::Fault::Late => "the device's next operation will be told of late".to_owned(),
            devices::Fault::Empty => "from here on nothing comes from the far side".to_owned(),
            devices::Fault::Full => "from here on the far side takes nothing".to_owned(),
            devices::Fault::Lost => "the device's next message will be lost".to_owned(),
            devices::Fault::Repeated => "the device's next interrupt will come twice".to_owned(),
            devices::Fault::LinkDown => "the device's link goes down".to_owned(),
            devices::Fault::None => "from here on the device works again".to_owned(),
        };
        cx.note(&text);
    }
    Ok(done)
}

/// A register is about to be touched through a routine: tells of it where the device sleeps.
pub(crate) fn touch(cx: &mut Cx, bar: u8, offset: u64, write: bool) -> Result<(), Stop> {
    if cx.bus.card.asleep() { cx.say(Event::Asleep { bar, offset, write }) } else { Ok(()) }
}

/// Time passes while code stalls: the device gets on.
pub(crate) fn pass(world: &mut World, microseconds: u32) {
    let mut due = world.bus.card.wait(microseconds.max(1));
    while due && !world.over {
        step(world);
        due = world.bus.card.wait(0);
    }
}

/// The bus refused the device an access: the driver gave it a wrong address, or freed the memory.
fn tell(world: &mut World) {
    let Some(fault) = world.bus.dma_fault.take() else { return };
    let near = world.near(&fault);
    if world.tell(Event::Fault { fault, near, by: Some(BY) }) {
        let what = format!(
            "the device touches memory at {:#x} ({near:?}), where nothing is for it",
            fault.address
        );
        world.end(Outcome::Unsupported { what });
    }
}

impl World {
    /// Puts another device into the slot; before anything is loaded.
    pub fn plug_in(&mut self, device: Box<dyn Device>) {
        self.bus.card = Slot::new(device);
        map(self);
    }
}

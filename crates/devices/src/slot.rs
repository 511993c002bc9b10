//! A device in its slot: where its registers lie, its configuration space, what is wrong with it,
//! and what it would do next.

use crate::card::Card;
use crate::config::Config;
use crate::device::{Bar, Bus, Device, Fault, Identity, Refused, Space};
use crate::far_side::FarSide;
use std::rc::Rc;

/// Number of the interrupt line as configuration space and raw resources give it.
const LINE: u8 = 17;
/// Time, in the measure of [`Slot::wait`], after which a device has done its next thing: no
/// schedule makes a driver wait for ever for hardware that works.
const PATIENCE: u32 = 64;

/// Where a range of registers lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The range.
    pub bar: Bar,
    /// Bus address or port.
    pub address: u64,
}

/// See the module's description.
#[derive(Debug)]
pub struct Slot {
    device: Box<dyn Device>,
    identity: Identity,
    places: Rc<[Place]>,
    messages: u8,
    config: Config,
    gone: bool,
    ones: bool,
    stalled: bool,
    /// The link is down.
    down: bool,
    storm: u32,
    /// The next message is lost; the next interrupt comes twice; interrupts that come once more.
    lose: bool,
    repeat: bool,
    again: u32,
    waited: u32,
    wants: u32,
    pending: bool,
    refused: bool,
    /// The power state is not D0: only configuration space answers.
    asleep: bool,
    /// The device itself asserts an interrupt, and how often it began to.
    own: bool,
    rises: u32,
    /// Another device asserts the interrupt line that this one shares.
    neighbour: bool,
}

impl Default for Slot {
    fn default() -> Slot {
        Slot::new(Box::new(Card::default()))
    }
}

fn place(index: u64, bar: &Bar) -> u64 {
    match bar.space {
        Space::Ports => 0xc000 + 0x400 * index,
        Space::Memory if bar.bytes <= 0x1_0000 => 0xfebf_0000 - 0x1_0000 * index,
        Space::Memory => 0xe000_0000 + 0x100_0000 * index,
    }
}

impl Slot {
    /// Plugs a device in. Ranges of registers beyond the sixth are not there.
    pub fn new(device: Box<dyn Device>) -> Slot {
        let mut bars = device.bars();
        bars.truncate(6);
        let place = |(index, bar)| Place { bar, address: place(index as u64, &bar) };
        let places: Rc<[Place]> = bars.iter().copied().enumerate().map(place).collect();
        let (identity, messages) = (device.identity(), device.messages().min(32));
        let addresses: Vec<u64> = places.iter().map(|place| place.address).collect();
        let config = Config::new(&identity, &bars, &addresses, messages, LINE);
        let mut slot = Slot {
            device,
            identity,
            places,
            messages,
            config,
            gone: false,
            ones: false,
            stalled: false,
            down: false,
            storm: 0,
            lose: false,
            repeat: false,
            again: 0,
            waited: 0,
            wants: 0,
            pending: false,
            refused: false,
            asleep: false,
            own: false,
            rises: 0,
            neighbour: false,
        };
        slot.look();
        slot
    }

    /// A copy of everything.
    pub fn copy(&self) -> Slot {
        Slot { device: self.device.copy(), places: self.places.clone(), ..*self }
    }

    /// Takes over the state of another slot with a device of the same type.
    pub fn copy_from(&mut self, from: &Slot) {
        self.device.copy_from(&*from.device);
        if !Rc::ptr_eq(&self.places, &from.places) {
            self.places = from.places.clone();
        }
        self.config = from.config;
        self.gone = from.gone;
        self.ones = from.ones;
        self.stalled = from.stalled;
        self.down = from.down;
        self.storm = from.storm;
        (self.lose, self.repeat, self.again) = (from.lose, from.repeat, from.again);
        self.waited = from.waited;
        self.wants = from.wants;
        self.pending = from.pending;
        self.refused = from.refused;
        self.asleep = from.asleep;
        self.own = from.own;
        self.rises = from.rises;
        self.neighbour = from.neighbour;
    }

    /// Brings what is asked at every scheduling point up to date.
    #[inline]
    fn look(&mut self) {
        self.asleep = self.config.power() != 0;
        let dead = self.gone || self.stalled || self.down || self.asleep;
        let mut wants = if dead || self.ones { 0 } else { self.device.interrupts() };
        if self.lose && wants != 0 {
            self.lose = false;
            (0..self.messages).for_each(|message| self.device.deliver(message));
            wants = self.device.interrupts();
        }
        if !dead && !self.ones {
            wants |= self.again;
        }
        if self.messages == 0 && self.config.line_disabled() {
            wants = 0;
        }
        if self.storm > 0 && !self.gone {
            wants |= 1;
        }
        let own = wants != 0;
        self.rises += u32::from(own && !self.own);
        self.own = own;
        if self.neighbour {
            wants |= 1;
        }
        self.wants = wants;
        self.pending = !dead && self.config.masters() && self.device.pending();
    }

    /// Who the device is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where its registers lie.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Moves its registers in memory by so many bytes, as whoever assigns resources does.
    pub fn move_registers(&mut self, by: u64) {
        let moved = |place: &Place| match place.bar.space {
            Space::Memory => Place { address: place.address.wrapping_add(by), ..*place },
            Space::Ports => *place,
        };
        self.places = self.places.iter().map(moved).collect();
        for (index, place) in self.places.clone().iter().enumerate() {
            if place.bar.space == Space::Memory {
                self.config.write(0x10 + 4 * index, &(place.address as u32).to_le_bytes());
            }
        }
    }

    /// Messages that it can signal; 0 for one with a line.
    pub fn messages(&self) -> u8 {
        self.messages
    }

    /// Interrupts that wait to be delivered: bit 0 for the line, bit `m` for message `m`.
    #[inline]
    pub fn wants(&self) -> u32 {
        self.wants
    }

    /// Whether the device has something to do by itself.
    #[inline]
    pub fn pending(&self) -> bool {
        self.pending
    }

    /// Whether there is anything to choose or to tell because of the device.
    #[inline]
    pub fn busy(&self) -> bool {
        self.wants != 0 || self.pending || self.refused
    }

    /// Whether the device was pulled out.
    pub fn gone(&self) -> bool {
        self.gone
    }

    /// Whether the device is in a power state in which only configuration space answers
    /// (PCI Bus Power Management Interface Specification 1.2, section 5.4).
    #[inline]
    pub fn asleep(&self) -> bool {
        self.asleep
    }

    /// Puts the device into power state D`state`, as its bus driver does. It comes back from D3 as
    /// from a reset: configuration space says that it does not keep what it had (section 3.2.4, no
    /// soft reset), and the bus driver restores that space.
    pub fn set_power(&mut self, state: u8) {
        let before = self.config.power();
        self.config.set_power(state);
        self.powered(before);
    }

    /// What comes of a change of the power state.
    fn powered(&mut self, before: u8) {
        if before == 3 && self.config.power() == 0 {
            self.device.reset();
        }
        self.look();
    }

    /// Another device asserts the interrupt line that this one shares. False where it has none.
    pub fn assert_shared_line(&mut self) -> bool {
        self.neighbour = self.messages == 0;
        self.look();
        self.neighbour
    }

    /// Whether another device asserts the line.
    #[inline]
    pub fn shared_line_asserted(&self) -> bool {
        self.neighbour
    }

    /// The other device's driver has served it: it asserts the line no more.
    pub fn release_shared_line(&mut self) {
        self.neighbour = false;
        self.look();
    }

    /// Whether the device itself asserts an interrupt, and how often it began to.
    #[inline]
    pub fn own_interrupt(&self) -> (bool, u32) {
        (self.own, self.rises)
    }

    /// Whether registers in this range answer now.
    fn answers(&self, bar: u8) -> bool {
        let place = self.places.get(usize::from(bar));
        !self.gone
            && !self.down
            && !self.asleep
            && place.is_some_and(|place| self.config.decodes(place.bar.space))
    }

    /// Reads registers: 1, 2, 4 or 8 bytes.
    pub fn read(&mut self, bar: u8, offset: u64, bytes: u8) -> u64 {
        if !self.answers(bar) {
            return u64::MAX;
        }
        let value = self.device.read(bar, offset, bytes);
        self.look();
        if self.ones { u64::MAX } else { value }
    }

    /// Writes registers.
    pub fn write(&mut self, bar: u8, offset: u64, bytes: u8, value: u64) {
        if self.answers(bar) {
            self.device.write(bar, offset, bytes, value);
            self.look();
        }
    }

    /// An interrupt is about to be delivered; false when there is none any more.
    pub fn deliver(&mut self, message: u8) -> bool {
        if self.wants >> message & 1 == 0 {
            return false;
        }
        let bit = 1u32.checked_shl(u32::from(message)).unwrap_or(0);
        if message == 0 && self.storm > 0 {
            self.storm -= 1;
        } else if self.again & bit != 0 && self.device.interrupts() & bit == 0 {
            self.again &= !bit;
        } else {
            self.device.deliver(message);
            if std::mem::take(&mut self.repeat) {
                self.again |= bit;
            }
        }
        self.look();
        true
    }

    /// Time passes for the device, by microseconds or by looks at it; whether its next thing is
    /// done now.
    #[inline]
    pub fn wait(&mut self, time: u32) -> bool {
        if !self.pending {
            return false;
        }
        self.waited = self.waited.saturating_add(time);
        if self.waited < PATIENCE {
            return false;
        }
        self.waited -= PATIENCE;
        true
    }

    /// Does one thing by itself; says what.
    pub fn step(&mut self, bus: &mut dyn Bus) -> Result<&'static str, Refused> {
        if !self.pending {
            return Ok("does nothing");
        }
        let done = self.device.step(bus);
        self.refused |= done.is_err();
        self.look();
        done
    }

    /// Whether the bus refused an access since this was asked last.
    pub fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Works with what stands behind the device, where somebody outside may.
    pub fn with_far_side<T>(&mut self, work: impl FnOnce(&mut dyn FarSide) -> T) -> Option<T> {
        let done = self.device.far_side().map(work);
        self.look();
        done
    }

    /// Makes something go wrong; false where the device cannot.
    pub fn fault(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Ones => self.ones = true,
            Fault::Gone => self.gone = true,
            Fault::Stall => self.stalled = true,
            Fault::Storm(times) => self.storm = times,
            Fault::LinkDown => self.down = true,
            // A line stays asserted until the driver has seen to it: only a message can be lost.
            Fault::Lost if self.messages == 0 => return false,
            Fault::Lost => self.lose = true,
            Fault::Repeated => self.repeat = true,
            Fault::Short | Fault::Reordered | Fault::Late | Fault::Empty | Fault::Full => {
                let can = self.device.fault(fault);
                self.look();
                return can;
            }
            Fault::None => {
                (self.ones, self.stalled, self.storm) = (false, false, 0);
                (self.lose, self.repeat, self.again) = (false, false, 0);
                self.device.fault(fault);
                if std::mem::take(&mut self.down) {
                    self.device.reset();
                    // Whoever brings the link up lets registers be reached; that the device may reach memory
                    // is for its driver to say again.
                    let command = u16::from_le_bytes(self.config.command_bytes());
                    self.config.write(4, &(command & !4).to_le_bytes());
                }
            }
        }
        self.look();
        true
    }

    /// Reads configuration space; a device that is gone reads as ones. Bytes read.
    pub fn read_config(&self, offset: usize, into: &mut [u8]) -> usize {
        let count = self.config.read(offset, into);
        if self.gone || self.down {
            into[..count].fill(0xff);
        }
        count
    }

    /// Writes configuration space; bytes taken.
    pub fn write_config(&mut self, offset: usize, from: &[u8]) -> usize {
        if self.gone || self.down {
            return 0;
        }
        let before = self.config.power();
        let count = self.config.write(offset, from);
        self.powered(before);
        count
    }

    /// A number for the state, to tell whether two runs are the same: only what is cheap to see.
    pub fn mark(&self) -> u64 {
        u64::from(self.wants) << 8
            | u64::from(self.asleep) << 2
            | u64::from(self.pending) << 1
            | u64::from(self.gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Bus for Nowhere {
        fn read(&mut self, _: u64, _: &mut [u8]) -> Result<(), Refused> {
            Err(Refused)
        }
        fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Refused> {
            Err(Refused)
        }
    }

    #[test]
    fn the_default_card_interrupts_after_its_doorbell() {
        let mut slot = Slot::default();
        slot.write(0, 0x18, 4, 1);
        assert_eq!(slot.wants(), 0);
        slot.write(0, 0x0c, 4, 1);
        assert_eq!(slot.wants(), 1);
        assert_eq!(slot.read(0, 4, 4), 0);
        assert!(slot.deliver(0));
        assert_eq!(slot.read(0, 4, 4), 1);
        slot.write(0, 8, 4, 1);
        assert_eq!((slot.wants(), slot.busy()), (0, false));
    }

    #[test]
    fn faults_are_made_and_undone() {
        let mut slot = Slot::default();
        let base = slot.copy();
        slot.fault(Fault::Ones);
        assert_eq!(slot.read(0, 0, 4), u64::MAX);
        slot.fault(Fault::None);
        assert_eq!(slot.read(0, 0, 4), 0x4243_4b31);
        slot.fault(Fault::Storm(2));
        assert!(slot.deliver(0) && slot.deliver(0) && !slot.deliver(0));
        slot.fault(Fault::Gone);
        assert_eq!(slot.read(0, 0, 4), u64::MAX);
        let mut word = [0; 4];
        assert_eq!((slot.read_config(0, &mut word), word), (4, [0xff; 4]));
        slot.copy_from(&base);
        assert_eq!(slot.read(0, 0, 4), 0x4243_4b31);
        assert!(!slot.fault(Fault::Short), "the card has no operations that could end short");
        assert_eq!(slot.step(&mut Nowhere), Ok("does nothing"));
    }

    #[test]
    fn asleep_only_configuration_space_answers() {
        let mut slot = Slot::default();
        slot.write(0, 0x0c, 4, 1);
        slot.write(0, 0x18, 4, 1);
        assert_eq!(slot.wants(), 1);
        slot.set_power(3);
        assert_eq!((slot.read(0, 0, 4), slot.wants(), slot.asleep()), (u64::MAX, 0, true));
        slot.write(0, 0x18, 4, 1);
        let mut word = [0; 4];
        slot.read_config(0, &mut word);
        assert_eq!(word, [0x43, 0x42, 1, 0]);
        // Back from D3 as from a reset; by configuration space, as by the bus driver.
        slot.write_config(0x44, &[0]);
        assert_eq!((slot.read(0, 0, 4), slot.read(0, 0x0c, 4)), (0x4243_4b31, 0));
        assert_eq!(slot.wants(), 0);
        slot.write(0, 0x0c, 4, 1);
        slot.set_power(1);
        slot.set_power(0);
        assert_eq!(slot.read(0, 0x0c, 4), 1, "D1 keeps what it had");
    }

    #[test]
    fn a_line_may_be_another_devices() {
        let mut slot = Slot::default();
        assert!(slot.assert_shared_line());
        assert_eq!((slot.wants(), slot.own_interrupt()), (1, (false, 0)));
        slot.write(0, 0x0c, 4, 1);
        slot.write(0, 0x18, 4, 1);
        assert_eq!(slot.own_interrupt(), (true, 1));
        slot.release_shared_line();
        assert_eq!(slot.wants(), 1);
        let mut messages = Slot::new(Box::new(crate::DmaCard::default()));
        assert!(!messages.assert_shared_line() && messages.wants() == 0);
    }

    #[test]
    fn messages_are_lost_and_come_twice_and_links_go_down() {
        let mut slot = Slot::default();
        assert!(!slot.fault(Fault::Lost), "a line stays asserted");
        let mut slot = Slot::new(Box::new(Card::with_message()));
        slot.write(0, 0x0c, 4, 1);
        assert!(slot.fault(Fault::Lost));
        slot.write(0, 0x18, 4, 1);
        assert_eq!((slot.wants(), slot.read(0, 4, 4)), (0, 1), "the status register still tells");
        slot.write(0, 8, 4, 1);
        slot.fault(Fault::Repeated);
        slot.write(0, 0x18, 4, 1);
        assert!(slot.deliver(0) && slot.deliver(0) && !slot.deliver(0));
        slot.fault(Fault::LinkDown);
        let mut word = [0; 4];
        assert_eq!((slot.read_config(0, &mut word), word), (4, [0xff; 4]));
        assert_eq!(slot.read(0, 0x0c, 4), u64::MAX);
        slot.fault(Fault::None);
        assert_eq!(slot.read(0, 0x0c, 4), 0, "back as from a reset");
        assert!(!slot.config.masters());
    }

    #[test]
    fn decoding_can_be_switched_off() {
        let mut slot = Slot::default();
        slot.write_config(4, &[0, 0]);
        assert_eq!(slot.read(0, 0, 4), u64::MAX);
    }
}

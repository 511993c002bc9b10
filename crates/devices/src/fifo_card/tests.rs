//! The card and whoever drives it, without a kernel between them.

use super::*;
use crate::described::BadDescription;
use crate::far_side::Instead;
use crate::{Model, Slot};

/// Memory from address 0 on.
struct Ram(Vec<u8>);

impl Bus for Ram {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Refused> {
        let at = usize::try_from(address).map_err(|_| Refused)?;
        into.copy_from_slice(self.0.get(at..at + into.len()).ok_or(Refused)?);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Refused> {
        let at = usize::try_from(address).map_err(|_| Refused)?;
        self.0.get_mut(at..at + bytes.len()).ok_or(Refused)?.copy_from_slice(bytes);
        Ok(())
    }
}

const RAM: usize = 0x4000;
/// Rings of the two directions.
const RINGS: [u64; 2] = [0x100, 0x200];

struct Rig {
    card: FifoCard,
    ram: Ram,
    heads: [u32; 2],
    stream: u64,
}

impl Rig {
    fn new(card: FifoCard, stream: u64) -> Rig {
        let mut rig = Rig { card, ram: Ram(vec![0; RAM]), heads: [0; 2], stream };
        rig.card.write(0, 8, 4, 1);
        for (direction, ring) in RINGS.into_iter().enumerate() {
            rig.set(direction, 0x00, ring as u32);
            rig.set(direction, 0x08, 4);
            rig.set(direction, 0x14, 1);
        }
        rig
    }

    fn register(&self, direction: usize, at: u64) -> u64 {
        0x1000 + 0x100 * self.stream + [0x40, 0x80][direction] + at
    }

    fn set(&mut self, direction: usize, at: u64, value: u32) {
        self.card.write(0, self.register(direction, at), 4, u64::from(value));
    }

    fn get(&mut self, direction: usize, at: u64) -> u32 {
        self.card.read(0, self.register(direction, at), 4) as u32
    }

    fn post(&mut self, direction: usize, address: u32, bytes: u32, last: bool) {
        let at = RINGS[direction] + 16 * u64::from(self.heads[direction] % 4);
        let length = bytes | u32::from(last) << 31;
        for (index, word) in [address, 0, length, 0].into_iter().enumerate() {
            self.ram.write32(at + 4 * index as u64, word).unwrap();
        }
        self.heads[direction] += 1;
        self.set(direction, 0x0c, self.heads[direction]);
    }

    fn result(&mut self, direction: usize, index: u64) -> u32 {
        self.ram.read32(RINGS[direction] + 16 * index + 12).unwrap()
    }

    fn run(&mut self) {
        for _ in 0..100 {
            if !self.card.pending() {
                return;
            }
            self.card.step(&mut self.ram).unwrap();
        }
        panic!("it never rests");
    }
}

impl Ram {
    fn read32(&mut self, at: u64) -> Result<u32, Refused> {
        let bus: &mut dyn Bus = self;
        bus.read32(at)
    }

    fn write32(&mut self, at: u64, value: u32) -> Result<(), Refused> {
        let bus: &mut dyn Bus = self;
        bus.write32(at, value)
    }
}

#[test]
fn what_is_written_comes_back_and_reads_end_with_what_there_is() {
    let mut rig = Rig::new(FifoCard::default(), 0);
    rig.ram.0[0x1000..0x1005].copy_from_slice(b"hello");
    rig.post(0, 0x2000, 3, false);
    rig.post(0, 0x2010, 16, true);
    rig.run();
    assert_eq!((rig.get(0, 0x10), rig.result(0, 0)), (0, 0), "a read waits for a byte");
    rig.post(1, 0x1000, 5, true);
    rig.run();
    assert_eq!(rig.result(1, 0), 0x8000_0005);
    assert_eq!((rig.result(0, 0), rig.result(0, 1)), (0x8000_0003, 0x8000_0002));
    assert_eq!((&rig.ram.0[0x2000..0x2003], &rig.ram.0[0x2010..0x2012]), (&b"hel"[..], &b"lo"[..]));
    assert_eq!((rig.card.events, rig.card.interrupts()), ([1, 1], 3));
    rig.card.write(0, 0x10, 4, 1);
    rig.card.deliver(0);
    assert_eq!((rig.card.events, rig.card.interrupts()), ([0, 1], 2));
}

#[test]
fn a_full_fifo_makes_the_writer_wait() {
    let mut rig = Rig::new(FifoCard::default(), 0);
    rig.post(1, 0x1000, 100, true);
    rig.run();
    assert_eq!((rig.get(1, 0x1c), rig.get(1, 0x10), rig.result(1, 0)), (64, 0, 0));
    rig.post(0, 0x2000, 200, true);
    rig.run();
    assert_eq!((rig.result(1, 0), rig.get(1, 0x10)), (0x8000_0064, 1));
}

#[test]
fn a_stream_that_ends_says_so_once() {
    let mut rig = Rig::new(FifoCard::default(), 0);
    rig.post(1, 0x1000, 4, true);
    rig.run();
    rig.set(1, 0x14, 3);
    rig.post(0, 0x2000, 64, true);
    rig.run();
    assert_eq!(rig.result(0, 0), 0xc000_0004);
    rig.post(0, 0x2000, 64, true);
    rig.run();
    assert_eq!(rig.result(0, 1), 0);
}

#[test]
fn messages_keep_their_bounds() {
    let mut rig = Rig::new(FifoCard::default(), 2);
    rig.post(1, 0x1000, 8, true);
    rig.post(1, 0x1000, 4, true);
    rig.run();
    rig.post(0, 0x2000, 4, false);
    rig.post(0, 0x2000, 4, false);
    rig.post(0, 0x2000, 64, true);
    rig.run();
    let bytes = [0x8000_0004, 0xa000_0004, 0xa000_0000];
    assert_eq!([rig.result(0, 0), rig.result(0, 1), rig.result(0, 2)], bytes);
    rig.post(0, 0x2000, 64, true);
    rig.run();
    assert_eq!(rig.result(0, 3), 0xa000_0004);
}

#[test]
fn memory_is_read_and_written_at_a_place_and_ends() {
    let mut rig = Rig::new(FifoCard::default(), 3);
    rig.ram.0[0x1000..0x1004].copy_from_slice(b"abcd");
    rig.set(1, 0x20, 254);
    rig.post(1, 0x1000, 4, true);
    rig.run();
    assert_eq!(rig.result(1, 0), 0xc000_0002, "two bytes fit");
    rig.set(0, 0x20, 252);
    rig.post(0, 0x2000, 64, true);
    rig.run();
    assert_eq!((rig.result(0, 0), &rig.ram.0[0x2000..0x2004]), (0xc000_0004, &b"\0\0ab"[..]));
}

#[test]
fn a_counter_counts() {
    let mut rig = Rig::new(FifoCard::default(), 4);
    rig.post(0, 0x2000, 10, true);
    rig.run();
    assert_eq!((rig.result(0, 0), rig.ram.read32(0x2004).unwrap()), (0x8000_000a, 1));
    rig.post(0, 0x200a, 2, true);
    rig.run();
    assert_eq!(rig.ram.read32(0x2008).unwrap(), 2, "a word may lie in two places");
    rig.post(1, 0x2000, 4, true);
    rig.run();
    assert_eq!(rig.result(1, 0), 0, "nothing goes that way");
}

#[test]
fn what_makes_no_sense_is_told() {
    let mut rig = Rig::new(FifoCard::default(), 0);
    rig.post(1, 0x1000, 0, true);
    rig.run();
    assert_eq!((rig.get(1, 0x18), rig.card.events, rig.result(1, 0)), (2, [0, 1], 0x9000_0000));
    rig.set(0, 0x0c, 5);
    assert_eq!((rig.get(0, 0x18), rig.card.events), (2, [1, 1]), "more than the ring has");
    rig.set(0, 0x08, 3);
    rig.set(0, 0x14, 1);
    assert_eq!(rig.get(0, 0x18), 2, "no power of two");
}

#[test]
fn the_bus_may_refuse() {
    let mut rig = Rig::new(FifoCard::default(), 0);
    rig.post(1, 0xffff_0000, 4, true);
    assert_eq!(rig.card.step(&mut rig.ram), Err(Refused));
    assert_eq!((rig.get(1, 0x18), rig.card.events[1], rig.card.pending()), (2, 1, false));
}

#[test]
fn a_channel_that_is_stopped_tells_how_far_it_came() {
    let mut rig = Rig::new(FifoCard::default(), 0);
    rig.post(1, 0x1000, 100, true);
    rig.run();
    rig.set(1, 0x14, 0);
    assert_eq!((rig.get(1, 0x18), rig.get(1, 0x1c), rig.card.pending()), (0, 64, false));
    rig.set(1, 0x14, 1);
    assert_eq!((rig.get(1, 0x1c), rig.get(1, 0x10)), (0, 0));
}

#[test]
fn what_goes_wrong_goes_wrong_once() {
    let mut rig = Rig::new(FifoCard::default(), 0);
    assert!(rig.card.fault(Fault::Short) && rig.card.fault(Fault::Late));
    rig.post(1, 0x1000, 8, true);
    rig.card.step(&mut rig.ram).unwrap();
    assert_eq!((rig.result(1, 0), rig.card.events[1]), (0x8000_0004, 0));
    rig.card.step(&mut rig.ram).unwrap();
    assert_eq!(rig.card.events[1], 1);
    rig.card.fault(Fault::Full);
    rig.post(1, 0x1000, 8, true);
    assert!(!rig.card.pending());
    rig.card.fault(Fault::None);
    rig.run();
    assert_eq!(rig.result(1, 1), 0x8000_0008);
}

#[test]
fn somebody_outside_sends_and_receives() {
    let text = r#"
        model = "fifo-card"
        [[stream]]
        name = "pipe"
        direction = "both"
        width = 16
        far-end = "outside"
        messages = true
    "#;
    let mut card = Model::described(text).unwrap().make();
    let far = card.far_side().unwrap();
    assert_eq!((far.streams()[0].name.as_str(), far.streams()[0].width), ("pipe", 2));
    assert_eq!((far.offer(0, b"abcde"), far.offer(1, b"ab")), (4, 0));
    far.mark(0, Mark::Message);
    let card: &dyn std::any::Any = &*card;
    let mut rig = Rig::new(card.downcast_ref::<FifoCard>().unwrap().clone(), 0);
    rig.post(0, 0x2000, 64, true);
    rig.post(1, 0x2000, 2, true);
    rig.run();
    assert_eq!((rig.result(0, 0), &rig.ram.0[0x2000..0x2004]), (0xa000_0004, &b"abcd"[..]));
    let mut into = [0; 8];
    assert_eq!((rig.card.take(0, &mut into), &into[..2]), (2, &b"ab"[..]));
    assert_eq!((rig.card.take_mark(0), rig.card.take_mark(0)), (Some(Mark::Message), None));
}

#[test]
fn another_far_end_is_asked_for_by_name() {
    let standard = Model::by_name("fifo-card").unwrap();
    let model = standard.instead(&[("loop", Instead::Outside)]).unwrap();
    let outside = |model: &Model| -> Vec<bool> {
        let mut card = model.make();
        card.far_side().unwrap().streams().iter().map(|stream| stream.outside).collect()
    };
    assert_eq!(outside(&standard), [false; 5]);
    assert_eq!(outside(&model), [true, false, false, false, false]);
    // The text says the same.
    let again = Model::described(model.text().unwrap()).unwrap();
    assert_eq!(outside(&again), outside(&model));
    let back = again.instead(&[("loop", Instead::LoopBack)]).unwrap();
    assert_eq!(outside(&back), [false; 5]);
    let told = |model: &Model, name| {
        model.instead(&[(name, Instead::LoopBack)]).map(|_| ()).unwrap_err().to_string()
    };
    assert!(told(&standard, "x").contains("there are loop, buffered, messages, memory, counter"));
    assert!(told(&standard, "counter").contains("a loop has both directions"));
    assert!(told(&Model::default(), "x").contains("has no streams"));
}

#[test]
fn what_stands_behind_the_card_hears_of_resets_and_room() {
    let model =
        Model::by_name("fifo-card").unwrap().instead(&[("loop", Instead::Outside)]).unwrap();
    let mut card = model.make();
    let far = card.far_side().unwrap();
    assert_eq!((far.room(0), far.ready(0), far.room(9), far.resets()), (64, 0, 0, 0));
    assert_eq!((far.offer(0, &[7; 100]), far.room(0)), (64, 0));
    card.write(0, 8, 4, 2);
    card.reset();
    let far = card.far_side().unwrap();
    assert_eq!((far.room(0), far.resets()), (64, 2));
}

#[test]
fn registers_tell_what_streams_there_are() {
    let mut slot = Slot::new(Box::new(FifoCard::default()));
    assert_eq!((slot.read(0, 0, 4), slot.read(0, 0x0c, 4)), (0x4243_4634, 5));
    let name: Vec<u8> =
        (0..4).flat_map(|at| slot.read(0, 0x1110 + 4 * at, 4).to_le_bytes()).collect();
    assert!(name.starts_with(b"buff\0\0\0\0ered"));
    assert_eq!((slot.read(0, 0x1100, 4), slot.read(0, 0x1300, 4)), (0x107, 0x20b));
    assert_eq!(
        (slot.read(0, 0x1000, 1), slot.read(0, 0x1002, 4), slot.read(0, 0x3f00, 4)),
        (0, 0, 0)
    );
}

#[test]
fn bad_descriptions_are_told() {
    let told = |text: &str| -> BadDescription {
        Model::described(&format!("model = \"fifo-card\"\n{text}")).unwrap_err()
    };
    let stream = |more: &str| format!("[[stream]]\nname = \"a\"\ndirection = \"both\"\n{more}");
    for (text, part) in [
        (stream("far-end = \"loop\""), "line 5, column 11: unknown variant `loop`"),
        (stream("far-end = \"loop-back\"\nwidth = 12"), "stream a: width is 8, 16 or 32"),
        (stream("far-end = \"loop-back\"\nfifo = 3"), "fifo = 3 is no multiple of 4"),
        (stream("far-end = \"memory\"\nmode = \"asynchronous\""), "a memory is synchronous"),
        ("stream = []".to_owned(), "from one to 32"),
    ] {
        let told = told(&text).to_string();
        assert!(told.contains(part), "{told}");
    }
    let twice = stream("far-end = \"counter\"\n").repeat(2);
    assert!(told(&twice).to_string().contains("two streams"));
    assert!(Model::described("model = \"8255x\"").unwrap_err().to_string().contains("fifo-card"));
}

//! The controller as a driver works with it.

use super::*;

struct Ram(Vec<u8>);

impl Bus for Ram {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Refused> {
        let from = self.0.get(address as usize..).and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(from.ok_or(Refused)?);
        Ok(())
    }
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Refused> {
        let to = self.0.get_mut(address as usize..).and_then(|rest| rest.get_mut(..bytes.len()));
        to.ok_or(Refused)?.copy_from_slice(bytes);
        Ok(())
    }
}

const FRAME: &[u8] =
    &[2, 0x42, 0x43, 0, 0, 2, 2, 0x42, 0x43, 0, 0, 1, 0x88, 0xb5, b'h', b'e', b'l', b'l', b'o'];

fn put(ram: &mut Ram, at: u64, words: &[u32]) {
    for (index, word) in words.iter().enumerate() {
        (ram as &mut dyn Bus).write32(at + 4 * index as u64, *word).unwrap();
    }
}

fn get(ram: &mut Ram, at: u64) -> u32 {
    (ram as &mut dyn Bus).read32(at).unwrap()
}

fn run(card: &mut Controller, ram: &mut Ram) -> Vec<&'static str> {
    let mut done = Vec::new();
    while card.pending() {
        done.push(card.step(ram).unwrap());
    }
    done
}

/// A receive area with two descriptors at 0x1000, the second of which ends it.
fn listening(ram: &mut Ram) -> Controller {
    let mut card = Controller::default();
    put(ram, 0x1000, &[0, 0x1200, NO_ARRAY, 0x0100_0000]);
    put(ram, 0x1200, &[0x8000_0000, 0x1000, NO_ARRAY, 0x0100_0000]);
    card.write(0, 4, 4, 0x1000);
    card.write(0, 2, 1, 1);
    assert_eq!(card.read(0, 0, 1), 4 << 2);
    card
}

const NO_ARRAY: u32 = 0xffff_ffff;

#[test]
fn a_frame_is_sent_and_answered() {
    let mut ram = Ram(vec![0; 0x4000]);
    let mut card = listening(&mut ram);
    // Simplified mode, EL and I.
    put(&mut ram, 0x2000, &[0xa004_0000, 0, NO_ARRAY, 0x8000 | FRAME.len() as u32]);
    ram.write(0x2010, FRAME).unwrap();
    card.write(0, 4, 4, 0x2000);
    card.write(0, 2, 1, 0x10);
    assert_eq!(card.read(0, 2, 1), 0, "the command is accepted");
    assert_eq!(card.read(0, 0, 1) >> 6, 2);
    assert_eq!(run(&mut card, &mut ram), ["sends a frame", "receives a frame"]);
    assert_eq!(get(&mut ram, 0x2000), 0xa004_a000);
    assert_eq!(get(&mut ram, 0x1000), 0xa000);
    assert_eq!(get(&mut ram, 0x100c) & 0xffff, 0xc000 | 60);
    assert_eq!(ram.0[0x1010..0x1016], FRAME[6..12]);
    assert_eq!(ram.0[0x101e..0x1023], *b"hello");
    assert_eq!(card.interrupts(), 1);
    assert_eq!(card.read(0, 1, 1), u64::from(reason::CX | reason::CNA | reason::FR));
    card.write(0, 3, 1, 1);
    assert_eq!(card.interrupts(), 0, "masked");
    card.write(0, 3, 1, 0);
    card.write(0, 0, 2, 0xff00);
    assert_eq!(card.interrupts(), 0, "acknowledged");
}

#[test]
fn the_receive_area_runs_out() {
    let mut ram = Ram(vec![0; 0x4000]);
    let mut card = listening(&mut ram);
    for _ in 0..3 {
        card.send(FRAME.to_vec());
    }
    let done = run(&mut card, &mut ram);
    assert_eq!(done[..2], ["receives a frame"; 2]);
    assert_eq!(card.read(0, 0, 1), 2 << 2);
    assert_eq!(card.reasons, reason::FR | reason::RNR);
    // Statistics: sent, received, lost.
    card.write(0, 4, 4, 0x3000);
    card.write(0, 2, 1, 0x40);
    card.write(0, 2, 1, 0x70);
    run(&mut card, &mut ram);
    let dumped = [0x3000, 0x3024, 0x3030, 0x3040].map(|at| get(&mut ram, at));
    assert_eq!(dumped, [3, 2, 1, 0xa007]);
}

#[test]
fn descriptors_gather_a_frame() {
    let mut ram = Ram(vec![0; 0x4000]);
    let mut card = listening(&mut ram);
    put(&mut ram, 0x2000, &[0x400c_0000, 0x2000, 0x2100, 0x0200_8000]);
    put(&mut ram, 0x2100, &[0x2200, 14, 0x2300, 0x1_0005]);
    ram.write(0x2200, &FRAME[..14]).unwrap();
    ram.write(0x2300, &FRAME[14..]).unwrap();
    card.write(0, 4, 4, 0x2000);
    card.write(0, 2, 1, 0x10);
    run(&mut card, &mut ram);
    assert_eq!(ram.0[0x101e..0x1023], *b"hello");
    assert_eq!(card.read(0, 0, 1) >> 6, 1, "suspended");
    // The link of the block it stopped at counts when it goes on.
    put(&mut ram, 0x2004, &[0x2400]);
    put(&mut ram, 0x2400, &[0x8000_0000, 0]);
    card.write(0, 2, 1, 0x20);
    assert_eq!(run(&mut card, &mut ram), ["does nothing"]);
    assert_eq!(get(&mut ram, 0x2400), 0x8000_a000);
}

#[test]
fn the_self_test_passes_and_reset_forgets() {
    let mut ram = Ram(vec![0xee; 0x100]);
    let mut card = Controller::default();
    card.write(1, 8, 4, 0x41);
    assert_eq!(run(&mut card, &mut ram), ["ends its self-test"]);
    assert_eq!((get(&mut ram, 0x40), get(&mut ram, 0x44)), (0xffff_ffff, 0));
    card.write(1, 3, 1, 2);
    assert_eq!(card.reasons, reason::SWI);
    card.write(1, 8, 4, 0);
    assert_eq!((card.reasons, card.interrupts()), (0, 0));
}

#[test]
fn memory_that_is_not_there_stops_the_unit() {
    let mut card = Controller::default();
    card.write(0, 4, 4, 0x9000);
    card.write(0, 2, 1, 0x10);
    assert_eq!(card.step(&mut Ram(Vec::new())), Err(Refused));
    assert!(!card.pending());
}

//! The protocol of cancel-safe queues, with a queue in machine code, in every interleaving.

use super::*;
use crate::io::cancel::IoCancelIrp;
use crate::rtl::test_machine::{CODE, block, explore, run, script};
use crate::world::World;
use std::cell::Cell;
use std::rc::Rc;

/// Behind the IO_CSQ: list head, spin lock, number of cancelled IRPs completed, the last of them.
const LIST: u64 = 0x40;
const LOCK: u64 = 0x50;
const COMPLETED: u64 = 0x58;
const LAST: u64 = 0x60;
const QUEUE_BYTES: u64 = 0x68;
/// Bytes kept for each routine.
const ROUTINE: u64 = 64;
const LINK: u64 = irp::TAIL_OVERLAY_LIST_ENTRY;

/// A queue and two IRPs with one stack location each.
struct Parts {
    queue: u64,
    packets: [u64; 2],
}

fn routines(world: &World) -> Vec<Vec<u8>> {
    let call = |name| {
        let address: u64 = world.registry.address_of(name).expect("a service");
        address.to_le_bytes()
    };
    let acquire = call("KeAcquireSpinLockRaiseToDpc");
    let release = call("KeReleaseSpinLock");
    vec![
        // insert: r8 = list head, r9 = its Blink; link rdx + 0xa8 between the two; return 0
        b"\x4c\x8d\x41\x40\x48\x8d\x92\xa8\0\0\0\x4d\x8b\x48\x08\x4c\x89\x02\x4c\x89\x4a\x08\
          \x49\x89\x11\x49\x89\x50\x08\x31\xc0\xc3"
            .to_vec(),
        // remove: r8 = Flink, r9 = Blink; r9->Flink = r8, r8->Blink = r9
        b"\x4c\x8b\x82\xa8\0\0\0\x4c\x8b\x8a\xb0\0\0\0\x4d\x89\x01\x4d\x89\x48\x08\xc3".to_vec(),
        // peek: the entry behind rdx, or the first; 0 at the list head
        b"\x4c\x8d\x49\x40\x48\x85\xd2\x74\x09\x48\x8b\x82\xa8\0\0\0\xeb\x03\x49\x8b\x01\
          \x4c\x39\xc8\x74\x07\x48\x2d\xa8\0\0\0\xc3\x31\xc0\xc3"
            .to_vec(),
        // acquire: *rdx = KeAcquireSpinLockRaiseToDpc(rcx + 0x50)
        [
            b"\x52\x48\x83\xec\x20\x48\x8d\x49\x50\x48\xb8",
            &acquire[..],
            b"\xff\xd0\x48\x83\xc4\x20\x5a\x88\x02\xc3",
        ]
        .concat(),
        // release: KeReleaseSpinLock(rcx + 0x50, dl)
        [b"\x48\x8d\x49\x50\x48\xb8", &release[..], b"\xff\xe0"].concat(),
        // complete: add one at rcx + 0x58, put rdx at rcx + 0x60
        b"\xff\x41\x58\x48\x89\x51\x60\xc3".to_vec(),
        // an insert that refuses: return STATUS_NOT_SUPPORTED
        b"\xb8\xbb\0\0\xc0\xc3".to_vec(),
    ]
}

fn prepare(world: &mut World) -> Parts {
    for (index, code) in (0..).zip(routines(world)) {
        world.bus.memory.poke(CODE + ROUTINE * index, &code);
    }
    let queue = block(world, QUEUE_BYTES);
    world.bus.memory.poke64(queue + LIST, queue + LIST);
    world.bus.memory.poke64(queue + LIST + 8, queue + LIST);
    let packets = [(); 2].map(|()| {
        let packet = block(world, irp::SIZE + io_stack_location::SIZE);
        let here = packet + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION;
        world.bus.memory.poke64(here, packet + irp::SIZE);
        packet
    });
    Parts { queue, packets }
}

fn initialize(cx: &mut Cx, queue: u64) -> Result<(), Stop> {
    let at = |index| CODE + ROUTINE * index;
    let status = IoCsqInitialize(cx, queue, at(0), at(1), at(2), at(3), at(4), at(5))?;
    assert_eq!(status, STATUS_SUCCESS);
    Ok(())
}

fn is_empty(world: &World, queue: u64) -> bool {
    world.bus.memory.view64(queue + LIST) == queue + LIST
}

fn is_pending(world: &mut World, packet: u64) -> bool {
    let control = packet + irp::SIZE + io_stack_location::CONTROL;
    world.bus.memory.peek8(control) & PENDING_RETURNED != 0
}

#[test]
fn irps_come_back_in_order_and_clean() {
    run(|cx| {
        let Parts { queue, packets } = prepare(cx);
        initialize(cx, queue)?;
        for packet in packets {
            IoCsqInsertIrp(cx, queue, packet, 0)?;
            assert!(is_pending(cx, packet));
            assert_eq!(cx.read64(packet + OWNER)?, queue);
            assert_ne!(cx.read64(packet + irp::CANCEL_ROUTINE)?, 0);
        }
        for packet in packets {
            assert_eq!(IoCsqRemoveNextIrp(cx, queue, 0)?, packet);
            assert_eq!(cx.read64(packet + OWNER)?, 0);
            assert_eq!(cx.read64(packet + irp::CANCEL_ROUTINE)?, 0);
        }
        assert_eq!(IoCsqRemoveNextIrp(cx, queue, 0)?, 0);
        assert_eq!((cx.irql(), cx.state.locks.len()), (0, 0));
        Ok(())
    });
}

#[test]
fn a_cancelled_irp_is_completed_by_the_callback() {
    run(|cx| {
        let Parts { queue, packets: [first, second] } = prepare(cx);
        initialize(cx, queue)?;
        // Before it is queued.
        assert!(!IoCancelIrp(cx, first)?);
        IoCsqInsertIrp(cx, queue, first, 0)?;
        assert_eq!((cx.read32(queue + COMPLETED)?, cx.read64(queue + LAST)?), (1, first));
        assert!(is_empty(cx, queue) && is_pending(cx, first));
        // While it is queued.
        IoCsqInsertIrp(cx, queue, second, 0)?;
        assert!(IoCancelIrp(cx, second)?);
        assert_eq!((cx.read32(queue + COMPLETED)?, cx.read64(queue + LAST)?), (2, second));
        assert!(is_empty(cx, queue));
        assert_eq!((cx.irql(), cx.state.locks.len()), (0, 0));
        Ok(())
    });
}

#[test]
fn a_context_names_its_irp_once() {
    run(|cx| {
        let Parts { queue, packets: [first, second] } = prepare(cx);
        initialize(cx, queue)?;
        let names = [block(cx, context::SIZE), block(cx, context::SIZE)];
        IoCsqInsertIrp(cx, queue, first, names[0])?;
        IoCsqInsertIrp(cx, queue, second, names[1])?;
        assert_eq!(IoCsqRemoveIrp(cx, queue, names[1])?, second);
        assert_eq!(IoCsqRemoveIrp(cx, queue, names[1])?, 0);
        assert!(IoCancelIrp(cx, first)?);
        assert_eq!(IoCsqRemoveIrp(cx, queue, names[0])?, 0);
        assert!(is_empty(cx, queue));
        Ok(())
    });
}

#[test]
fn a_refused_irp_stays_with_the_caller() {
    run(|cx| {
        let Parts { queue, packets: [packet, _] } = prepare(cx);
        let at = |index| CODE + ROUTINE * index;
        IoCsqInitializeEx(cx, queue, at(6), at(1), at(2), at(3), at(4), at(5))?;
        assert_eq!(IoCsqInsertIrpEx(cx, queue, packet, 0, 0)?, nt::status::STATUS_NOT_SUPPORTED);
        assert!(!is_pending(cx, packet));
        assert_eq!(cx.read64(packet + irp::CANCEL_ROUTINE)?, 0);
        assert_eq!((cx.irql(), cx.state.locks.len()), (0, 0));
        Ok(())
    });
}

#[test]
fn in_every_interleaving_an_irp_is_either_removed_or_cancelled() {
    // The blocks of a fresh world lie at the same addresses every time.
    let parts = prepare(&mut World::new(2, &[]));
    let Parts { queue, packets: [packet, _] } = parts;
    let removed = Rc::new(Cell::new(0));
    let told = removed.clone();
    let user = script(move |cx| {
        IoCsqInsertIrp(cx, queue, packet, 0)?;
        let got = IoCsqRemoveNextIrp(cx, queue, 0)?;
        told.set(u32::from(got == packet));
        Ok(())
    });
    let canceller = script(move |cx| IoCancelIrp(cx, packet).map(drop));
    let mut seen = [0; 2];
    let runs = explore(
        3,
        vec![user, canceller],
        |world| {
            prepare(world);
            for index in 0..6 {
                world
                    .bus
                    .memory
                    .poke64(queue + csq::CSQ_INSERT_IRP + 8 * index, CODE + ROUTINE * index);
            }
            world.bus.memory.poke32(queue + csq::TYPE, csq_type::IO_TYPE_CSQ);
        },
        |world| {
            assert_eq!(world.outcome, None);
            let completed = world.bus.memory.peek32(queue + COMPLETED);
            assert_eq!(completed + removed.get(), 1, "schedule {}", world.schedule());
            assert!(is_empty(world, queue) && world.state.locks.is_empty());
            assert_eq!(world.bus.memory.peek64(queue + LOCK), 0);
            seen[completed as usize] += 1;
        },
    );
    println!("{runs} interleavings: {} removed, {} cancelled", seen[0], seen[1]);
    assert!(seen[0] > 0 && seen[1] > 0 && runs >= 20);
    assert_eq!(LINK, 0xa8, "the machine code counts on it");
}

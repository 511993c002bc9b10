//! The plan against its laws, and against what `rebaseall` does.

use super::*;
use crate::member::Stays;
use proptest::prelude::*;

fn member(name: &str, machine: Machine, base: u64, size: u64) -> Member {
    Member {
        path: name.to_owned(),
        name: name.to_owned(),
        machine,
        base,
        size: size.next_multiple_of(BASE_GRANULARITY),
        moves: Moves::Freely,
        program: None,
        timestamp: 0,
        bound: Vec::new(),
        is_signed: false,
        has_dwarf: false,
    }
}

fn small(name: &str, base: u64, size: u64) -> Member {
    member(name, Machine::I386, base, size)
}

fn large(name: &str, base: u64, size: u64) -> Member {
    member(name, Machine::Amd64, base, size)
}

fn bases(members: &[Member], wish: &Wish) -> Vec<u64> {
    let plan = plan(members, wish);
    let then = members.iter().zip(&plan.places);
    then.map(|(member, place)| match place {
        Place::At(base) => *base,
        Place::Stays => member.base,
        Place::NoRoom => 0,
    })
    .collect()
}

#[test]
fn the_first_stays_and_the_others_go_below_the_top() {
    let all =
        [small("a", 0x1000_0000, 0x2_0000), small("b", 0x1000_0000, 1), small("c", 0x1001_0000, 1)];
    let found = plan(&all, &Wish::default());
    assert_eq!(found.collides, [Some((2, 1)), Some((1, 0)), Some((1, 0))]);
    assert_eq!((found.colliding(), found.moved(), found.collide_then), (3, 2, 0));
    assert_eq!(bases(&all, &Wish::default()), [0x1000_0000, 0x6fff_0000, 0x6ffe_0000]);
}

/// `rebaseall` gives every library an address, in the order that they are given in.
#[test]
fn all_get_an_address_as_rebaseall_gives_them() {
    let all = [small("a", 0x1000_0000, 0x1_0001), small("b", 0x2000_0000, 1)];
    let wish = Wish { all: true, ..Wish::default() };
    assert_eq!(bases(&all, &wish), [0x6ffe_0000, 0x6ffd_0000]);
    let gap = Wish { gap: 0x1_0000, ..wish };
    assert_eq!(bases(&all, &gap), [0x6ffe_0000, 0x6ffc_0000]);
    let all = [large("a", 0x1_8000_0000, 1), large("b", 0x1_8000_0000, 1)];
    assert_eq!(bases(&all, &wish), [0x3_ffff_0000, 0x3_fffe_0000]);
    let up = Wish { order: Order::Up, base: Some(0x4_0000_0000), ..wish };
    assert_eq!(bases(&all, &up), [0x4_0000_0000, 0x4_0001_0000]);
}

#[test]
fn nothing_goes_where_the_runtime_and_what_cannot_move_are() {
    let mut fixed = large("x.exe", 0x3_fff0_0000, 0x10_0000);
    fixed.moves = Moves::Not(Stays::Program);
    fixed.program = Some(true);
    let mut runtime = large("cygwin1.dll", 0x1_8004_0000, 1);
    runtime.moves = Moves::Not(Stays::Runtime);
    let all = [large("a", 0x1_a000_0000, 1), large("b", 0x2_8000_0000, 1), fixed, runtime];
    // The first collides with nothing, but lies in the area that is kept free.
    assert_eq!(plan(&all, &Wish::default()).colliding(), 0);
    let expected = [0x3_ffef_0000, 0x2_8000_0000, 0x3_fff0_0000, 0x1_8004_0000];
    assert_eq!(bases(&all, &Wish::default()), expected);

    let mut runtime = small("cygwin1.dll", 0x6fff_0000, 1);
    runtime.moves = Moves::Not(Stays::Runtime);
    let all = [runtime, small("a", 0x6ffb_0000, 1)];
    assert_eq!(bases(&all, &Wish::default()), [0x6fff_0000, 0x6ffa_0000]);
}

#[test]
fn processors_and_what_windows_places_itself_are_in_nobodys_way() {
    let mut random = small("r", 0x1000_0000, 1);
    random.moves = Moves::BySystem;
    let mut driver = small("d.sys", 0x1000_0000, 1);
    driver.moves = Moves::Not(Stays::Native);
    let arm = member("arm", Machine::ArmNt, 0x1000_0000, 1);
    let found = plan(&[small("a", 0x1000_0000, 1), random, driver, arm], &Wish::default());
    assert_eq!((found.colliding(), found.moved()), (0, 0));
}

#[test]
fn libraries_of_a_program_without_large_addresses_stay_below_two_gibibytes() {
    let mut program = large("x.exe", 0x40_0000, 1);
    program.moves = Moves::Not(Stays::Program);
    program.program = Some(false);
    let all = [program, large("a", 0x1_8000_0000, 1)];
    assert_eq!(bases(&all, &Wish::default()), [0x40_0000, 0x6fff_0000]);
}

#[test]
fn programs_collide_with_libraries_and_not_with_each_other() {
    let program = |name: &str| {
        let mut it = small(name, 0x40_0000, 0x2_0000);
        it.moves = Moves::Not(Stays::Program);
        it.program = Some(true);
        it
    };
    let found = plan(&[program("x.exe"), program("y.exe")], &Wish::default());
    assert_eq!(found.colliding(), 0);
    let all = [program("x.exe"), program("y.exe"), small("a", 0x41_0000, 1)];
    let found = plan(&all, &Wish::default());
    assert_eq!(found.collides, [Some((1, 2)), Some((1, 2)), Some((2, 0))]);
    assert_eq!((found.places[2], found.collide_then), (Place::At(0x6fff_0000), 0));
}

#[test]
fn what_has_no_room_is_told_and_takes_what_it_has() {
    let wish = Wish { base: Some(0x0103_0000), ..Wish::default() };
    let all = [
        small("a", 0x2000_0000, 0x2_0000),
        small("b", 0x2000_0000, 0x3_0000),
        small("c", 0x2000_0000, 1),
    ];
    let found = plan(&all, &wish);
    assert_eq!(found.places, [Place::Stays, Place::At(0x0100_0000), Place::NoRoom]);
    assert_eq!(found.collide_then, 2);
    assert!(Plan::is_too_low(&all[1], 0x0100_0000) && !Plan::is_too_low(&all[1], 0x3800_0000));
}

#[test]
fn what_another_is_bound_to_gets_another_time_stamp() {
    let mut user = small("user.dll", 0x3900_0000, 1);
    user.bound = vec!["a".to_owned()];
    let all = [small("b", 0x4000_0000, 1), small("a", 0x4000_0000, 1), user];
    assert_eq!(plan(&all, &Wish::default()).restamp, [false, true, false]);
}

proptest! {
    #[test]
    fn afterwards_nothing_overlaps_and_nothing_stands_where_it_may_not(
        raw in prop::collection::vec((0x100u64..0x7000, 1u64..0x40, 0u8..8), 0..60),
        all: bool, up: bool, gap in 0u64..0x3_0000,
    ) {
        let members: Vec<Member> = raw.iter().enumerate().map(|(index, (base, size, kind))| {
            let mut it = small(&format!("m{index}"), base << 16, size << 16);
            match kind {
                0 => it.moves = Moves::Not(Stays::Stripped),
                1 => it.moves = Moves::BySystem,
                _ => {}
            }
            it
        }).collect();
        let order = if up { Order::Up } else { Order::Down };
        let base = up.then_some(0x3800_0000);
        let found = plan(&members, &Wish { base, order, gap, all });
        let then: Vec<(u64, u64, bool)> = members.iter().zip(&found.places)
            .filter(|(member, _)| member.moves != Moves::BySystem)
            .map(|(member, place)| {
                let base = if let Place::At(base) = place { *base } else { member.base };
                (base, base + member.size, member.moves == Moves::Freely)
            }).collect();
        for (at, one) in then.iter().enumerate() {
            prop_assert!(one.0.is_multiple_of(BASE_GRANULARITY));
            for other in &then[at + 1..] {
                let apart = one.1 <= other.0 || other.1 <= one.0;
                // Only what cannot move may still be in the way of its like: there is room for everything here.
                prop_assert!(apart || !(one.2 || other.2), "{one:x?} {other:x?}");
            }
        }
        // Counting by pairs says the same as the sweep.
        let still = members.iter().enumerate().filter(|(_, it)| it.moves != Moves::BySystem);
        for (index, it) in still {
            let others = members.iter().enumerate().filter(|(other, that)| {
                *other != index && that.moves != Moves::BySystem && that.base < it.end() && it.base < that.end()
            });
            let count = others.count();
            prop_assert_eq!(found.collides[index].map_or(0, |(count, _)| count), count);
        }
    }
}

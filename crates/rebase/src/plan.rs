//! Who collides with whom, and who goes where.

use crate::member::{Member, Moves};
use crate::space::Space;
use pe::{BASE_GRANULARITY, Machine};

/// Where `rebaseall` begins, going down: below the libraries of 32-bit Windows, and above everything that Cygwin has
/// on 64-bit Windows.
const TOP_32: u64 = 0x7000_0000;
const TOP_64: u64 = 0x4_0000_0000;
/// What `rebase` never goes below.
const FLOOR_32: u64 = 0x0100_0000;
const FLOOR_64: u64 = 0x2_0000_0000;
/// Libraries of 32-bit processes that lie lower are moved by Windows 10 1703 and later whatever their base.
const MOVED_BELOW: u64 = 0x3800_0000;
/// Where going up ends: below what a process has at its end.
const CEILING_32: u64 = 0x7fff_0000;
const CEILING_64: u64 = 0x7fff_0000_0000;
/// What is kept free for `cygwin1.dll` on 64-bit Windows.
const RUNTIME_64: (u64, u64) = (0x1_8000_0000, 0x2_0000_0000);
/// Allocation units before and behind it that are kept free on 32-bit Windows: shared memory, and room for it
/// to grow.
const BEFORE_RUNTIME: u64 = 4;
const BEHIND_RUNTIME: u64 = 8;

/// In which direction addresses are given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Each below the one before.
    #[default]
    Down,
    /// Each above the one before.
    Up,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Where to begin; `None` as `rebaseall` does.
    pub base: Option<u64>,
    /// Direction.
    pub order: Order,
    /// Bytes left free between two images.
    pub gap: u64,
    /// Whether those that collide with nothing get a new address as well.
    pub all: bool,
}

/// Where an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It stays.
    Stays,
    /// It is given this address.
    At(u64),
    /// There is no room for it.
    NoRoom,
}

/// What came of it: one entry a member, in the members' order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where each goes.
    pub places: Vec<Place>,
    /// How many others want some of the addresses that it wants, and one of those.
    pub collides: Vec<Option<(usize, usize)>>,
    /// The same, once all have gone where they go.
    pub collide_then: usize,
    /// Whether each needs another time stamp, because an image of the set is bound to it.
    pub restamp: Vec<bool>,
}

impl Plan {
    /// Images that are to be moved.
    pub fn moved(&self) -> usize {
        self.places.iter().filter(|place| matches!(place, Place::At(_))).count()
    }

    /// Images that want what another wants.
    pub fn colliding(&self) -> usize {
        self.collides.iter().flatten().count()
    }

    /// Whether a place is so low that 32-bit Windows 10 does not go by it.
    pub fn is_too_low(member: &Member, base: u64) -> bool {
        is_32(member.machine) && base < MOVED_BELOW
    }
}

fn is_32(machine: Machine) -> bool {
    matches!(machine, Machine::I386 | Machine::ArmNt)
}

/// Finds who collides, and a place for those who do. Members for different processors never meet.
pub fn plan(members: &[Member], wish: &Wish) -> Plan {
    let mut plan = Plan {
        places: vec![Place::Stays; members.len()],
        collides: vec![None; members.len()],
        collide_then: 0,
        restamp: vec![false; members.len()],
    };
    let mut groups: Vec<(Machine, Vec<usize>)> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        // One whose address Windows chooses, or the kernel, is in nobody's way.
        if member.moves == Moves::BySystem
            || member.moves == Moves::Not(crate::member::Stays::Native)
        {
            continue;
        }
        match groups.iter_mut().find(|(machine, _)| *machine == member.machine) {
            Some((_, group)) => group.push(index),
            None => groups.push((member.machine, vec![index])),
        }
    }
    for (machine, group) in &groups {
        let now: Vec<Range> = group
            .iter()
            .map(|index| (*index, members[*index].base, members[*index].end()))
            .collect();
        for (index, found) in collisions(members, &now) {
            plan.collides[index] = Some(found);
        }
        give(members, *machine, group, wish, &mut plan.places);
        let then: Vec<Range> = now
            .iter()
            .map(|(index, start, end)| match plan.places[*index] {
                Place::At(base) => (*index, base, base.saturating_add(members[*index].size)),
                _ => (*index, *start, *end),
            })
            .collect();
        plan.collide_then += collisions(members, &then).len();
    }
    for (index, member) in members.iter().enumerate() {
        plan.restamp[index] = matches!(plan.places[index], Place::At(_))
            && members.iter().any(|other| other.bound.contains(&member.name));
    }
    plan
}

/// A member's index, its first address, and the first one behind it.
type Range = (usize, u64, u64);
/// A member's index, how many others overlap it, and the index of one of them.
type Collision = (usize, (usize, usize));

/// Members that overlap others. Two programs are never in one process.
fn collisions(members: &[Member], ranges: &[Range]) -> Vec<Collision> {
    let (programs, libraries): (Vec<Range>, Vec<Range>) =
        ranges.iter().partition(|(index, ..)| members[*index].program.is_some());
    let mut found = overlaps(&libraries);
    for (program, start, end) in programs {
        let hit: Vec<usize> = libraries
            .iter()
            .filter(|(_, from, to)| *from < end && start < *to)
            .map(|(index, ..)| *index)
            .collect();
        for index in &hit {
            match found.iter_mut().find(|(own, _)| own == index) {
                Some((_, (count, _))) => *count += 1,
                None => found.push((*index, (1, program))),
            }
        }
        found.extend(hit.first().map(|first| (program, (hit.len(), *first))));
    }
    found
}

/// The same of ranges that all may be in one process.
fn overlaps(ranges: &[Range]) -> Vec<Collision> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|(index, start, end)| (*start, *end, *index));
    let mut ends: Vec<u64> = sorted.iter().map(|(_, _, end)| *end).collect();
    ends.sort_unstable();
    let mut found = Vec::new();
    // Of those before, the one that reaches farthest.
    let mut before: Option<(usize, u64)> = None;
    for (at, &(index, start, end)) in sorted.iter().enumerate() {
        // Those that begin before this one ends, less those that end before it begins, less itself.
        let begun = sorted.partition_point(|(_, other, _)| *other < end);
        let over = ends.partition_point(|other| *other <= start);
        let others = begun.saturating_sub(over + 1);
        let with = match before {
            Some((other, reach)) if reach > start => Some(other),
            _ => sorted.get(at + 1).filter(|(_, next, _)| *next < end).map(|(other, ..)| *other),
        };
        if let Some(with) = with.filter(|_| start < end) {
            found.push((index, (others.max(1), with)));
        }
        if before.is_none_or(|(_, reach)| end > reach) {
            before = Some((index, end));
        }
    }
    found
}

fn give(members: &[Member], machine: Machine, group: &[usize], wish: &Wish, places: &mut [Place]) {
    let small = is_32(machine);
    // A program that does not take large addresses has none above 2 GiB, and its libraries neither.
    let low = group.iter().any(|index| members[*index].program == Some(false)) || small;
    let (top, floor, ceiling) = match low {
        true => (TOP_32, FLOOR_32, CEILING_32),
        false => (TOP_64, FLOOR_64, CEILING_64),
    };
    let mut space = Space::default();
    for member in group.iter().map(|index| &members[*index]) {
        if matches!(member.moves, Moves::Not(_)) {
            space.take(member.base, member.end());
        }
        if member.is_runtime() {
            let before = member.base.saturating_sub(BEFORE_RUNTIME * BASE_GRANULARITY);
            let behind = member.end().saturating_add(BEHIND_RUNTIME * BASE_GRANULARITY);
            let (start, end) = if small { (before, behind) } else { RUNTIME_64 };
            space.take(start, end);
        }
    }
    let movable = group.iter().filter(|index| members[**index].moves == Moves::Freely);
    let mut left = Vec::new();
    for index in movable {
        let member = &members[*index];
        let stays = !wish.all
            && member.base >= FLOOR_32
            && !(low && member.end() > CEILING_32)
            && space.blocker(member.base, member.end()).is_none();
        if stays { space.take(member.base, member.end()) } else { left.push(*index) }
    }
    for index in left {
        let member = &members[index];
        let found = match wish.order {
            Order::Down => {
                // Below a floor that the user has gone under there is none.
                let from = wish.base.unwrap_or(top);
                let floor = if from <= floor { FLOOR_32 } else { floor };
                space.below(from, member.size, wish.gap, floor)
            }
            Order::Up => space.above(wish.base.unwrap_or(floor), member.size, wish.gap, ceiling),
        };
        places[index] = match found {
            Some(base) => {
                space.take(base, base.saturating_add(member.size));
                if base == member.base { Place::Stays } else { Place::At(base) }
            }
            None => {
                space.take(member.base, member.end());
                Place::NoRoom
            }
        };
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

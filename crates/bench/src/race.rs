//! Two contexts that got in each other's way, and the locks that each held.

use crate::driver::Target;
use crate::trace;
use kernel::{Record, World, words};

/// A sentence on the two sides of a race, if a finding's places show one: which lock one of them
/// holds and the other does not. `places` are roles and records, the last being where it went wrong.
pub(crate) fn sentence(
    target: &Target,
    world: &World,
    places: &[(&str, &Record)],
) -> Option<String> {
    let (last_role, last) = places.last()?;
    let other = |(role, record): &&(&str, &Record)| {
        record.name != last.name && !record.stack.is_empty() && !is_origin(role)
    };
    let (role, first) = places.iter().rev().find(other)?;
    if last.stack.is_empty() || first.name.is_empty() || last.name.is_empty() {
        return None;
    }
    let lock = |&address: &u64| trace::named(target, &words::lock(world, address));
    let only = |one: &Record, other: &Record| {
        one.locks.iter().find(|lock| !other.locks.contains(lock)).map(lock)
    };
    let both = first.locks.iter().find(|lock| last.locks.contains(lock)).map(lock);
    let sides = format!(
        "Two sides meet here: {} ({}) and {} ({}).",
        first.name,
        tidy(role),
        last.name,
        tidy(last_role)
    );
    let rest = match (both, only(first, last), only(last, first)) {
        (Some(lock), ..) => format!(
            "Both hold {lock} at that moment, so what was true when one of them looked had changed \
             by the time it acted."
        ),
        (None, None, None) => {
            "Neither holds a lock at that moment, so nothing keeps one from coming between the \
             other's steps."
                .to_owned()
        }
        (None, Some(lock), None) => {
            format!(
                "{} holds {lock}, {} does not, so the lock does not keep the two apart.",
                first.name, last.name
            )
        }
        (None, None, Some(lock)) => {
            format!(
                "{} holds {lock}, {} does not, so the lock does not keep the two apart.",
                last.name, first.name
            )
        }
        (None, Some(one), Some(other)) => format!(
            "{} holds {one}, {} holds {other}: two different locks do not keep them apart.",
            first.name, last.name
        ),
    };
    Some(format!("{sides} {rest}"))
}

/// Places that tell where a thing comes from, not who was in the way.
fn is_origin(role: &str) -> bool {
    ["allocated", "acquired", "made", "queued", "set", "connected", "pending", "raised"]
        .iter()
        .any(|word| role.contains(word))
}

fn tidy(role: &str) -> &str {
    role.trim_end_matches(" here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_thing_comes_from_is_no_side_of_a_race() {
        for role in ["allocated here", "acquired here", "DPC queued here", "timer set here"] {
            assert!(is_origin(role), "{role}");
        }
        for role in ["freed here", "first completion", "cancel requested", "touched here"] {
            assert!(!is_origin(role), "{role}");
        }
        assert_eq!(tidy("freed here"), "freed");
    }
}

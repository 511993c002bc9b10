//! Kernel routines that the bench knows and refuses: what is asked for does not exist in it, or
//! could not be done honestly. Importing one costs nothing; calling one ends the run as
//! unsupported, with the reason given here.

const SECTIONS: &str =
    "section objects map files or physical memory, which the bench does not have";
const OTHER_PROCESS: &str = "it acts on another process, and the bench's application is not one";
const SYSTEM_TABLES: &str = "it reads or changes system-wide tables that the bench does not have";
const FILE_SYSTEM: &str = "it belongs to file systems, which the bench does not run";

/// Name and reason, by rising name.
const REFUSED: &[(&str, &str)] = &[
    ("KeServiceDescriptorTable", SYSTEM_TABLES),
    ("MmCopyVirtualMemory", OTHER_PROCESS),
    ("NtOpenProcess", OTHER_PROCESS),
    ("NtQueryInformationProcess", OTHER_PROCESS),
    ("ZwAllocateVirtualMemory", OTHER_PROCESS),
    ("ZwCreateSection", SECTIONS),
    ("ZwFreeVirtualMemory", OTHER_PROCESS),
    ("ZwFsControlFile", FILE_SYSTEM),
    ("ZwMapViewOfSection", SECTIONS),
    ("ZwOpenSection", SECTIONS),
    ("ZwUnmapViewOfSection", SECTIONS),
];

/// Why a routine is refused, if it is.
pub fn reason(name: &str) -> Option<&'static str> {
    let at = REFUSED.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(REFUSED[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Support;
    use crate::world::World;

    #[test]
    fn the_table_is_in_order_and_refuses_nothing_that_works() {
        assert!(REFUSED.is_sorted_by_key(|(name, _)| name));
        let world = World::new(2, &[]);
        for (name, _) in REFUSED {
            let support = world.registry.support(name);
            assert!(matches!(support, Support::Refused(_)), "{name} is refused and implemented");
        }
    }

    #[test]
    fn what_drivers_import_most_is_implemented_or_refused() {
        let world = World::new(2, &[]);
        let lacking: Vec<&str> = nt::imports::all()[..FIRST]
            .iter()
            .map(|row| row.name)
            .filter(|name| matches!(world.registry.support(name), Support::Missing))
            .collect();
        assert!(lacking.is_empty(), "implement these, or refuse them with a reason: {lacking:?}");
    }

    /// How many names of the list are spoken for.
    const FIRST: usize = 29;

    #[test]
    #[ignore = "prints what to do next"]
    fn what_is_next() {
        let world = World::new(2, &[]);
        for row in nt::imports::all() {
            if world.registry.support(row.name) == Support::Missing {
                println!("{} {}", row.rank, row.name);
            }
        }
    }
}

//! `SeExports`: well-known privileges and security identifiers.
//! <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/ns-ntifs-_se_exports>

use crate::map;
use crate::world::World;

/// Where the structure lies, and behind it the identifiers.
pub(crate) const EXPORTS: u64 = map::KERNEL_DATA + 0x3000;
const SIDS: u64 = EXPORTS + 0x400;
/// Bytes from one identifier to the next: up to two subauthorities.
const SID_STRIDE: u64 = 16;

/// A member: a privilege's number, or an identifier's authority and subauthorities.
enum Member {
    Privilege(u64),
    Sid(u8, &'static [u32]),
}

use Member::{Privilege, Sid};

/// Members in the order of ntifs.h; numbers of privileges are wdm.h's, identifiers those of
/// [MS-DTYP] 2.4.2.4.
const MEMBERS: &[Member] = &[
    Privilege(2),
    Privilege(3),
    Privilege(4),
    Privilege(5),
    Privilege(6),
    Privilege(7),
    Privilege(8),
    Privilege(9),
    Privilege(10),
    Privilege(15),
    Privilege(14),
    Privilege(11),
    Privilege(12),
    Privilege(13),
    Privilege(16),
    Privilege(17),
    Privilege(18),
    Privilege(19),
    Privilege(20),
    Privilege(21),
    Privilege(22),
    Privilege(23),
    Privilege(24),
    Sid(0, &[0]),
    Sid(1, &[0]),
    Sid(2, &[0]),
    Sid(3, &[0]),
    Sid(3, &[1]),
    Sid(5, &[]),
    Sid(5, &[1]),
    Sid(5, &[2]),
    Sid(5, &[3]),
    Sid(5, &[4]),
    Sid(5, &[18]),
    Sid(5, &[32, 544]),
    Sid(5, &[32, 545]),
    Sid(5, &[32, 546]),
    Sid(5, &[32, 547]),
    Sid(5, &[32, 548]),
    Sid(5, &[32, 549]),
    Sid(5, &[32, 550]),
    Sid(5, &[32, 551]),
    Sid(5, &[11]),
    Sid(5, &[12]),
    Sid(5, &[7]),
    Privilege(25),
    Privilege(26),
    Privilege(27),
    Sid(5, &[19]),
    Sid(5, &[20]),
    Privilege(28),
    Privilege(29),
    Privilege(30),
    Privilege(31),
    Privilege(32),
    Privilege(33),
    Privilege(34),
    Privilege(35),
    Sid(5, &[17]),
    Sid(16, &[0]),
    Sid(16, &[0x1000]),
    Sid(16, &[0x2000]),
    Sid(16, &[0x3000]),
    Sid(16, &[0x4000]),
    Sid(3, &[4]),
];

/// Fills the structure in.
pub(crate) fn boot(world: &mut World) {
    let mut next = SIDS;
    for (place, member) in (EXPORTS..).step_by(8).zip(MEMBERS) {
        let memory = &mut world.bus.memory;
        match member {
            Privilege(number) => memory.poke64(place, *number),
            Sid(authority, below) => {
                // Revision, SubAuthorityCount, IdentifierAuthority (big-endian), SubAuthority.
                memory.poke(next, &[1, below.len() as u8, 0, 0, 0, 0, 0, *authority]);
                for (at, value) in (next + 8..).step_by(4).zip(*below) {
                    memory.poke32(at, *value);
                }
                memory.poke64(place, next);
                next += SID_STRIDE;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::run;

    #[test]
    fn the_world_is_s_1_1_0() {
        assert!(MEMBERS.len() as u64 * 8 <= SIDS - EXPORTS);
        run(|cx| {
            // SeWorldSid is the 25th member.
            let world = cx.read64(EXPORTS + 24 * 8)?;
            assert_eq!(cx.read_bytes(world, 12)?, [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
            assert_eq!(cx.read64(EXPORTS + 18 * 8)?, 20, "SeDebugPrivilege");
            Ok(())
        });
    }
}

//! Interrupt request levels of x64.
//!
//! Source: wdm.h (AMD64 section). A level is what `CR8` holds and `KeGetCurrentIrql` returns.

/// Interrupt request level, 0 to 15.
pub type Irql = u8;

/// Threads run, everything is allowed.
pub const PASSIVE_LEVEL: Irql = 0;
/// APCs are held back.
pub const APC_LEVEL: Irql = 1;
/// The scheduler is held back: no waiting, no paged memory. DPCs and spin locks.
pub const DISPATCH_LEVEL: Irql = 2;
/// Corrected machine check interrupt.
pub const CMCI_LEVEL: Irql = 5;
/// The lowest level that devices interrupt at: 3 to 12 are devices' levels (DIRQL).
pub const DEVICE_LOWEST: Irql = 3;
/// The highest level that devices interrupt at.
pub const DEVICE_HIGHEST: Irql = 12;
/// Clock interrupt.
pub const CLOCK_LEVEL: Irql = 13;
/// Inter-processor interrupt; also `DRS_LEVEL` and `POWER_LEVEL`.
pub const IPI_LEVEL: Irql = 14;
/// Everything is held back; also `PROFILE_LEVEL`.
pub const HIGH_LEVEL: Irql = 15;

/// Name of a level as messages should call it: `DIRQL` for devices' levels.
#[must_use]
pub const fn name(irql: Irql) -> Option<&'static str> {
    Some(match irql {
        PASSIVE_LEVEL => "PASSIVE_LEVEL",
        APC_LEVEL => "APC_LEVEL",
        DISPATCH_LEVEL => "DISPATCH_LEVEL",
        DEVICE_LOWEST..=DEVICE_HIGHEST => "DIRQL",
        CLOCK_LEVEL => "CLOCK_LEVEL",
        IPI_LEVEL => "IPI_LEVEL",
        HIGH_LEVEL => "HIGH_LEVEL",
        _ => return None,
    })
}

/// Level by the name that documentation uses, with or without `_LEVEL`.
#[must_use]
pub fn by_name(name: &str) -> Option<Irql> {
    Some(match name.strip_suffix("_LEVEL").unwrap_or(name) {
        "PASSIVE" | "LOW" => PASSIVE_LEVEL,
        "APC" => APC_LEVEL,
        "DISPATCH" => DISPATCH_LEVEL,
        "CMCI" => CMCI_LEVEL,
        "CLOCK" => CLOCK_LEVEL,
        "IPI" | "POWER" | "DRS" => IPI_LEVEL,
        "HIGH" | "PROFILE" => HIGH_LEVEL,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_has_a_name_and_nothing_above_has() {
        assert!((0..=15).all(|l| name(l).is_some()));
        assert_eq!(name(16), None);
        assert_eq!(name(7), Some("DIRQL"));
    }

    #[test]
    fn names_lead_back() {
        for level in [0, 1, 2, 13, 14, 15] {
            assert_eq!(name(level).and_then(by_name), Some(level));
        }
        assert_eq!(by_name("DISPATCH"), Some(DISPATCH_LEVEL));
        assert_eq!(by_name("DIRQL"), None);
    }
}

//! Kernel routines that drivers call: module and IRQL limit as documented.
//!
//! Source: the WDK reference, in `data/ddi.tsv` with its attribution; what an export is documented
//! as, where its name differs (`ObfDereferenceObject`), follows from the macros of wdm.h.

use std::sync::OnceLock;

use crate::irql::{self, Irql};

static DATA: &str = include_str!("../data/ddi.tsv");

/// At which IRQL a routine may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IrqlLimit {
    /// At this level or below.
    AtMost(Irql),
    /// Only at this level.
    Exactly(Irql),
    /// At this level or above.
    AtLeast(Irql),
    /// At any level, as the documentation says.
    Any,
    /// The documentation does not say, or says it with conditions.
    NotStated,
}

impl IrqlLimit {
    /// Whether a call at `irql` keeps the limit; what is not stated allows everything.
    #[must_use]
    pub const fn allows(self, irql: Irql) -> bool {
        match self {
            Self::AtMost(limit) => irql <= limit,
            Self::Exactly(limit) => irql == limit,
            Self::AtLeast(limit) => irql >= limit,
            Self::Any | Self::NotStated => true,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let level = |name| irql::by_name(name);
        Some(match text {
            "any" => Self::Any,
            "?" => Self::NotStated,
            _ => {
                if let Some(name) = text.strip_prefix("<=") {
                    Self::AtMost(level(name)?)
                } else if let Some(name) = text.strip_prefix(">=") {
                    Self::AtLeast(level(name)?)
                } else if let Some(name) = text.strip_prefix('=') {
                    Self::Exactly(level(name)?)
                } else {
                    Self::AtMost(level(text.strip_prefix('<')?)?.checked_sub(1)?)
                }
            }
        })
    }
}

/// A documented kernel routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ddi {
    /// Documented name.
    pub name: &'static str,
    /// Name of the export; the documented one where there is no other.
    pub symbol: &'static str,
    /// Header that declares it.
    pub header: &'static str,
    /// Module that has it, such as `ntoskrnl.exe`; empty where not stated.
    pub module: &'static str,
    /// IRQL limit.
    pub irql: IrqlLimit,
}

fn row(line: &'static str) -> Option<Ddi> {
    if line.starts_with('#') || line.starts_with("name\t") {
        return None;
    }
    let mut cells = line.split('\t');
    let (name, symbol, _kind, header) =
        (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let module = cells.next()?.trim_end_matches(" (kernel mode)");
    let irql = IrqlLimit::parse(cells.next()?)?;
    Some(Ddi { name, symbol, header, module, irql })
}

/// Exports that the reference documents under another name (a macro or an intrinsic in wdm.h).
const ALIASES: &[(&str, &str)] = &[
    ("ExpInterlockedFlushSList", "ExInterlockedFlushSList"),
    ("ExpInterlockedPopEntrySList", "ExInterlockedPopEntrySList"),
    ("ExpInterlockedPushEntrySList", "ExInterlockedPushEntrySList"),
    ("IoAcquireRemoveLockEx", "IoAcquireRemoveLock"),
    ("IoInitializeRemoveLockEx", "IoInitializeRemoveLock"),
    ("IoReleaseRemoveLockAndWaitEx", "IoReleaseRemoveLockAndWait"),
    ("IoReleaseRemoveLockEx", "IoReleaseRemoveLock"),
    ("KfAcquireSpinLock", "KeAcquireSpinLock"),
    ("KfLowerIrql", "KeLowerIrql"),
    ("KfRaiseIrql", "KeRaiseIrql"),
    ("KfReleaseSpinLock", "KeReleaseSpinLock"),
    ("ObfDereferenceObject", "ObDereferenceObject"),
    ("ObfDereferenceObjectWithTag", "ObDereferenceObjectWithTag"),
    ("ObfReferenceObjectWithTag", "ObReferenceObjectWithTag"),
];

/// Every documented routine, by documented name; one that several headers declare comes once,
/// with the limit that is stated.
#[must_use]
pub fn all() -> &'static [Ddi] {
    static TABLE: OnceLock<Vec<Ddi>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rows: Vec<_> = DATA.lines().filter_map(row).collect();
        rows.sort_by_key(|d| (d.name, d.symbol, d.irql == IrqlLimit::NotStated));
        rows.dedup_by_key(|d| (d.name, d.symbol));
        rows
    })
}

/// Keys of [`find`]: a name or symbol and the row's index; a routine's own name before a symbol.
fn index() -> &'static [(&'static str, usize)] {
    static INDEX: OnceLock<Vec<(&'static str, usize)>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let names = all().iter().enumerate().map(|(i, d)| (d.name, i));
        let symbols = all().iter().enumerate().map(|(i, d)| (d.symbol, i));
        let mut keys: Vec<_> = names.chain(symbols).collect();
        keys.sort_by_key(|k| k.0);
        keys.dedup_by_key(|k| k.0);
        keys
    })
}

/// The routine with this documented name or exported symbol, such as `IofCompleteRequest`. An
/// export that is documented without its limit has that of the routine it implements.
#[must_use]
pub fn find(name: &str) -> Option<Ddi> {
    let index = index();
    let at = |name: &str| index.binary_search_by_key(&name, |k| k.0).ok().map(|i| index[i].1);
    let own = at(name).map(|i| all()[i]);
    if own.is_some_and(|d| d.irql != IrqlLimit::NotStated) {
        return own;
    }
    let alias = ALIASES.iter().find(|a| a.0 == name).and_then(|a| at(a.1));
    alias.map(|i| all()[i]).or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str) -> Option<IrqlLimit> {
        find(name).map(|d| d.irql)
    }

    #[test]
    fn every_row_of_the_data_is_read() {
        let lines = DATA.lines().filter(|l| !l.starts_with('#') && !l.starts_with("name\t"));
        let unread: Vec<_> = lines.clone().filter(|l| row(l).is_none()).collect();
        assert!(unread.is_empty(), "{unread:?}");
        assert!(lines.clone().count() > 1900);
        for line in lines {
            let mut cells = line.split('\t');
            for name in [cells.next(), cells.next()].into_iter().flatten() {
                assert!(find(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn aliases_lead_to_documented_names() {
        for (export, documented) in ALIASES {
            assert_eq!(find(export).map(|d| d.name), Some(*documented));
        }
    }

    #[test]
    fn limits_are_as_documented() {
        assert_eq!(limit("KeAcquireSpinLockRaiseToDpc"), limit("KeAcquireSpinLock"));
        assert_eq!(limit("IofCompleteRequest"), Some(IrqlLimit::AtMost(irql::DISPATCH_LEVEL)));
        assert_eq!(limit("IoCreateDevice"), Some(IrqlLimit::AtMost(irql::APC_LEVEL)));
        assert_eq!(limit("NoSuchRoutine"), None);
    }

    #[test]
    fn a_routine_in_several_headers_has_the_limit_that_is_stated() {
        for pair in all().windows(2) {
            assert!((pair[0].name, pair[0].symbol) < (pair[1].name, pair[1].symbol));
        }
    }

    #[test]
    fn limits_allow_what_they_say() {
        use IrqlLimit::*;
        assert!(AtMost(1).allows(1) && !AtMost(1).allows(2));
        assert!(Exactly(2).allows(2) && !Exactly(2).allows(1));
        assert!(AtLeast(2).allows(3) && !AtLeast(2).allows(1));
        assert!(Any.allows(15) && NotStated.allows(15));
        assert_eq!(IrqlLimit::parse("<IPI"), Some(AtMost(13)));
        assert_eq!(IrqlLimit::parse("<PASSIVE"), None);
        assert_eq!(IrqlLimit::parse("<=NOWHERE"), None);
    }
}

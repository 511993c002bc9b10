//! Bug check codes and names.
//!
//! Source: the bug check code reference of the Windows debugger documentation, in
//! `data/bugchecks.tsv` with its attribution.

use std::sync::OnceLock;

static DATA: &str = include_str!("../data/bugchecks.tsv");

/// Every code with its name, in rising order.
#[must_use]
pub fn all() -> &'static [(u32, &'static str)] {
    static TABLE: OnceLock<Vec<(u32, &'static str)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rows: Vec<_> = DATA.lines().filter_map(row).collect();
        rows.sort_by_key(|r| r.0);
        rows.dedup_by_key(|r| r.0);
        rows
    })
}

fn row(line: &'static str) -> Option<(u32, &'static str)> {
    let (code, name) = line.split_once('\t')?;
    let code = u32::from_str_radix(code.strip_prefix("0x")?, 16).ok()?;
    Some((code, name.trim_end()))
}

/// Name of a bug check code, such as `IRQL_NOT_LESS_OR_EQUAL` for 0xA.
#[must_use]
pub fn name(code: u32) -> Option<&'static str> {
    let table = all();
    table.binary_search_by_key(&code, |r| r.0).ok().map(|i| table[i].1)
}

/// Code of a bug check by its documented name, upper or lower case.
#[must_use]
pub fn by_name(name: &str) -> Option<u32> {
    all().iter().find(|r| r.1.eq_ignore_ascii_case(name)).map(|r| r.0)
}

macro_rules! codes {
    ($($name:ident = $value:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`, ", stringify!($value))]
            pub const $name: u32 = $value;
        )*
        #[cfg(test)]
        const NAMED: &[(u32, &str)] = &[$(($value, stringify!($name))),*];
    };
}

codes! {
    IRQL_NOT_LESS_OR_EQUAL = 0x0A;
    SPIN_LOCK_ALREADY_OWNED = 0x0F;
    SPIN_LOCK_NOT_OWNED = 0x10;
    REFERENCE_BY_POINTER = 0x18;
    BAD_POOL_HEADER = 0x19;
    KMODE_EXCEPTION_NOT_HANDLED = 0x1E;
    NO_MORE_IRP_STACK_LOCATIONS = 0x35;
    DEVICE_REFERENCE_COUNT_NOT_ZERO = 0x36;
    SYSTEM_SERVICE_EXCEPTION = 0x3B;
    MULTIPLE_IRP_COMPLETE_REQUESTS = 0x44;
    CANCEL_STATE_IN_COMPLETED_IRP = 0x48;
    PAGE_FAULT_IN_NONPAGED_AREA = 0x50;
    PROCESS_HAS_LOCKED_PAGES = 0x76;
    SYSTEM_THREAD_EXCEPTION_NOT_HANDLED = 0x7E;
    UNEXPECTED_KERNEL_MODE_TRAP = 0x7F;
    KERNEL_MODE_EXCEPTION_NOT_HANDLED = 0x8E;
    INVALID_KERNEL_HANDLE = 0x93;
    DRIVER_POWER_STATE_FAILURE = 0x9F;
    INTERNAL_POWER_ERROR = 0xA0;
    ATTEMPTED_SWITCH_FROM_DPC = 0xB8;
    SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION = 0xC1;
    BAD_POOL_CALLER = 0xC2;
    DRIVER_VERIFIER_DETECTED_VIOLATION = 0xC4;
    DRIVER_CORRUPTED_EXPOOL = 0xC5;
    TIMER_OR_DPC_INVALID = 0xC7;
    IRQL_UNEXPECTED_VALUE = 0xC8;
    DRIVER_VERIFIER_IOMANAGER_VIOLATION = 0xC9;
    PNP_DETECTED_FATAL_ERROR = 0xCA;
    DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS = 0xCB;
    PAGE_FAULT_BEYOND_END_OF_ALLOCATION = 0xCD;
    DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS = 0xCE;
    DRIVER_CORRUPTED_MMPOOL = 0xD0;
    DRIVER_IRQL_NOT_LESS_OR_EQUAL = 0xD1;
    DRIVER_PORTION_MUST_BE_NONPAGED = 0xD3;
    SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD = 0xD4;
    DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL = 0xD5;
    DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION = 0xD6;
    DRIVER_USED_EXCESSIVE_PTES = 0xD8;
    MANUALLY_INITIATED_CRASH = 0xE2;
    RESOURCE_NOT_OWNED = 0xE3;
    DRIVER_VERIFIER_DMA_VIOLATION = 0xE6;
    DRIVER_OVERRAN_STACK_BUFFER = 0xF7;
    ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY = 0xFC;
    CLOCK_WATCHDOG_TIMEOUT = 0x101;
    WDF_VIOLATION = 0x10D;
    DPC_WATCHDOG_VIOLATION = 0x133;
    KERNEL_SECURITY_CHECK_FAILURE = 0x139;
    KERNEL_MODE_HEAP_CORRUPTION = 0x13A;
    KERNEL_AUTO_BOOST_INVALID_LOCK_RELEASE = 0x162;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_data_is_read() {
        let rows = DATA.lines().filter(|l| l.starts_with("0x")).count();
        assert!(rows > 400);
        assert_eq!(all().len(), rows);
        assert!(all().iter().all(|r| !r.1.is_empty() && !r.1.contains(['\t', ' '])));
    }

    #[test]
    fn constants_agree_with_the_data() {
        for &(code, text) in NAMED {
            assert_eq!(name(code), Some(text));
            assert_eq!(by_name(text), Some(code));
        }
    }

    #[test]
    fn unknown_codes_have_no_name() {
        assert_eq!(name(0xFFFF_FFFE), None);
        assert_eq!(by_name("NO_SUCH_CHECK"), None);
    }
}

//! The data, held to what `knowledge/README.md` says of it, and explanations.

use super::kind::Kind;
use super::*;
use std::collections::HashSet;

/// What the crash dump explanation promises to know in full.
const FULL: &[u32] = &[
    0x0A, 0xD1, 0x50, 0x3B, 0x7E, 0x8E, 0x1E, 0x44, 0x48, 0x35, 0x9F, 0xC2, 0xC4, 0xC5, 0xC9, 0xCE,
    0xD5, 0xE6, 0x101, 0x109, 0x116, 0x119, 0x124, 0x133, 0x139, 0x154, 0xEF, 0xFC, 0x01, 0x4E,
    0x7F, 0xA0, 0xA5, 0xBE, 0xC1, 0xC6, 0xCC, 0xD2, 0xD4, 0xD9, 0xDA, 0xDB, 0xDF, 0xE1, 0xE4, 0xEA,
    0xF1, 0xF4, 0xF5, 0xFE, 0x10D, 0x10E, 0x113, 0x117, 0x11B, 0x12B, 0x135, 0x13A, 0x141, 0x144,
    0x14F, 0x15F, 0x18B, 0x192, 0x1C8, 0x1CA, 0x1D3, 0x2_0001,
];

fn explain(code: u32, parameters: [u64; 4]) -> Explained {
    bugcheck(code).unwrap().explain(parameters, 64)
}

#[test]
fn every_file_is_read_and_complete() {
    let mut links = HashSet::new();
    for &(code, file, text) in SOURCES {
        let entry = BugCheck::parse(code, text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(Some(entry.name.as_str()), nt::bugcheck::name(code), "{file}");
        assert_eq!(file, format!("0x{code:x}.toml"), "one spelling of names");
        assert_eq!(entry.link, page(code), "{file}");
        assert!(entry.link.starts_with("https://learn.microsoft.com/"), "{file}");
        assert!(links.insert(entry.link.clone()), "{file}: its page is another's");
        for text in [&entry.means, &entry.cause, &entry.remedy] {
            assert!(text.ends_with('.') && text.len() > 20, "{file}: {text}");
            assert!(!text.contains('\n'), "{file}: a paragraph is one line: {text}");
        }
        for case in &entry.cases {
            assert!(!case.means.is_empty() && !case.means.ends_with('.'), "{file}: {}", case.means);
        }
        for (index, case) in entry.cases.iter().enumerate() {
            let twice = entry.cases[..index].iter().find(|other| other.keys == case.keys);
            assert!(twice.is_none(), "{file}: {:x?} comes twice", case.keys);
        }
        for parameters in &entry.examples {
            let explained = entry.explain(*parameters, 64);
            let told = entry.cases.is_empty() || explained.sub_code.is_some();
            assert!(told, "{file}: {parameters:x?} has no case");
        }
    }
}

#[test]
fn what_is_promised_is_there() {
    for &code in FULL {
        assert!(bugcheck(code).is_some_and(BugCheck::is_full), "0x{code:X}");
    }
}

#[test]
fn every_code_has_a_name_and_a_page() {
    let mut count = 0;
    for entry in all() {
        assert!(!entry.name.is_empty());
        assert!(entry.link.starts_with(REFERENCE), "{}", entry.link);
        let row = format!("\n0x{:X}\t", entry.code);
        assert!(PAGES.contains(&row), "0x{:X} has no page", entry.code);
        count += 1;
    }
    assert_eq!(count, nt::bugcheck::all().len());
    assert!(bugcheck(0x7777_7777).is_none());
}

#[test]
fn an_address_an_irql_and_an_access_are_shown() {
    let it = explain(0xD1, [0x28, 2, 1, 0xFFFF_F801_1234_5678]);
    let shown: Vec<&str> = it.parameters.iter().map(|p| p.rendered.as_str()).collect();
    assert!(shown[0].starts_with("0x28 past NULL"), "{shown:?}");
    assert_eq!(shown[1..], ["DISPATCH_LEVEL", "write", "kernel half"]);
    assert_eq!(it.sub_code, None);
}

#[test]
fn a_sub_code_changes_what_the_parameters_mean() {
    let it = explain(0xC4, [0x62, 0xFFFF_9A0C_0000_1000, 0, 3]);
    assert!(it.sub_code.unwrap().meaning.contains("pool"));
    assert_eq!(it.parameters[3].rendered, "3");
    assert_eq!(it.parameters[1].kind, Kind::Text);
    let unknown = explain(0xC4, [0x7777, 0, 0, 0]);
    assert_eq!(unknown.sub_code, None);
    assert_eq!(unknown.parameters.len(), 4);
}

#[test]
fn a_status_is_found_sign_extended_or_not() {
    for status in [0xFFFF_FFFF_C000_0005, 0xC000_0005] {
        let it = explain(0x7E, [status, 1, 2, 3]);
        assert_eq!(it.parameters[0].rendered, "STATUS_ACCESS_VIOLATION");
        assert!(it.sub_code.is_some());
    }
}

#[test]
fn buckets_are_named_as_the_debugger_names_them() {
    let named = [
        (0x139, 3, "0x139_3_CORRUPT_LIST_ENTRY"),
        (0x7F, 8, "0x7f_8"),
        (0x13A, 0x12, "0x13a_12"),
        (0xC4, 0x2_0005, "0xc4_IrqlExApcLte1_XDV_VRF"),
        (0x141, 0, "LKD_0x141"),
        (0x4E, 0x99, "0x4E_99"),
    ];
    for (code, first, bucket) in named {
        assert_eq!(explain(code, [first, 0, 0, 0]).bucket, bucket);
    }
}

#[test]
fn what_leads_to_registers_and_drivers_has_its_kind() {
    let kinds = [
        (0x23, [0, 1, 1, 0], 1, Kind::Exception),
        (0x3D, [1, 1, 0, 0], 1, Kind::Context),
        (0x135, [0xC000_0005, 1, 1, 0], 1, Kind::Context),
        (0xFE, [2, 1, 1, 1], 2, Kind::Irp),
        (0x144, [1, 1, 1, 1], 3, Kind::Device),
        (0xEA, [1, 1, 1, 1], 2, Kind::Text),
        (0x11B, [1, 1, 0, 0], 1, Kind::Code),
        (0xCA, [0xA, 1, 2, 0], 1, Kind::Driver),
        (0x7F, [8, 1, 1, 1], 1, Kind::Trap),
    ];
    for (code, parameters, index, kind) in kinds {
        assert_eq!(explain(code, parameters).parameters[index].kind, kind, "0x{code:X}");
    }
}

#[test]
fn variants_mean_what_their_base_means() {
    let it = explain(0x1000_007E, [0xC000_0005, 1, 2, 3]);
    assert!(it.name.starts_with("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"));
    assert_eq!(it.parameters[0].rendered, "STATUS_ACCESS_VIOLATION");
}

#[test]
fn a_code_with_a_name_only_still_shows_its_parameters() {
    let name_only = all().find(|entry| !entry.is_full()).map(|entry| entry.code);
    if let Some(code) = name_only {
        let it = explain(code, [1, 2, 3, 4]);
        assert_eq!(it.parameters.iter().map(|p| p.value).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}

#[test]
fn values_of_32_bits_are_cut() {
    let it = bugcheck(0xA).unwrap().explain([0xFFFF_FFFF_8234_5678, 28, 0, 0x8234_5678], 32);
    assert_eq!(it.parameters[0].value, 0x8234_5678);
    assert_eq!(it.parameters[1].rendered, "CLOCK_LEVEL");
}

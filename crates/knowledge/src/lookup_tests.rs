//! Look-ups as people make them.

use crate::{Lookup, Question, Space, look_up};

fn asked(code: &str, context: &str, space: Option<Space>) -> Lookup {
    look_up(&[code.to_owned()], Question { space, context }).remove(0)
}

fn first(code: &str) -> (Space, String) {
    let lookup = asked(code, "", None);
    let answer = lookup.answers.first().unwrap_or_else(|| panic!("{code}: nothing"));
    (answer.space, answer.name.clone())
}

#[test]
fn the_likeliest_comes_first() {
    for (code, space, name) in [
        ("0xc0000034", Space::NtStatus, "STATUS_OBJECT_NAME_NOT_FOUND"),
        ("-1073741823", Space::NtStatus, "STATUS_UNSUCCESSFUL"),
        ("0x80000003", Space::NtStatus, "STATUS_BREAKPOINT"),
        ("0xffffffffc0000005", Space::NtStatus, "STATUS_ACCESS_VIOLATION"),
        ("E0000228", Space::SetupApi, "ERROR_NO_COMPAT_DRIVERS"),
        ("0x80070005", Space::HResult, "E_ACCESSDENIED"),
        ("0x80070002", Space::HResult, "HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)"),
        ("0xd0000022", Space::HResult, "HRESULT_FROM_NT(STATUS_ACCESS_DENIED)"),
        ("0x800f0247", Space::SetupApi, "SPAPI_E_DRIVER_STORE_ADD_FAILED"),
        ("31", Space::Win32, "ERROR_GEN_FAILURE"),
        ("Code 10", Space::CmProb, "CM_PROB_FAILED_START"),
        ("0xc4", Space::BugCheck, "DRIVER_VERIFIER_DETECTED_VIOLATION"),
        ("0x1000007e", Space::BugCheck, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M"),
        ("0x120196", Space::Access, "FILE_GENERIC_WRITE | FILE_READ_ATTRIBUTES"),
        ("0x00120089", Space::Access, "FILE_GENERIC_READ"),
        ("0x2000ff00", Space::LogLevel, "LogLevel"),
        (
            "0x209bb",
            Space::Verifier,
            "Special pool, Force IRQL checking, Pool tracking, I/O verification, Deadlock detection, DMA checking, Security checks, Miscellaneous checks, DDI compliance checking",
        ),
        ("0x6f666946", Space::PoolTag, "'Fifo'"),
        ("status_pending", Space::NtStatus, "STATUS_PENDING"),
        ("irp_mn_start_device", Space::IrpMinor, "IRP_MN_START_DEVICE"),
        ("DISPATCH_LEVEL", Space::Irql, "DISPATCH_LEVEL"),
        ("FILE_DEVICE_UNKNOWN", Space::DeviceType, "FILE_DEVICE_UNKNOWN"),
        ("fffff801`12345678", Space::Address, "kernel half"),
    ] {
        assert_eq!(first(code), (space, name.to_owned()), "{code}");
    }
}

#[test]
fn control_codes_are_taken_apart() {
    let (space, name) = first("0x222000");
    let text = "CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)";
    assert_eq!((space, name.as_str()), (Space::Ioctl, text));
}

#[test]
fn verifier_flags_of_the_notebook() {
    let it = asked("0xbfb", "", None);
    assert_eq!(it.answers[0].space, Space::Verifier, "{:?}", it.answers);
    assert_eq!(it.answers[0].details.len(), 10, "ten bits: {:?}", it.answers[0].details);
}

#[test]
fn context_changes_the_order() {
    for (code, context, space) in [
        ("2", "CreateFile error", Space::Win32),
        ("0xe", "MajorFunction", Space::IrpMajor),
        ("0x2", "irql", Space::Irql),
        ("0x5", "Device Manager", Space::CmProb),
        ("0x80", "DesiredAccess", Space::Access),
        ("0x62", "bug check parameter 1 of 0xC4", Space::Parameter),
        ("0xc0000005", "bug check parameter 1 of 0x7e", Space::Parameter),
        ("0x2a", "cm_", Space::ConfigRet),
        ("0x22", "device type", Space::DeviceType),
    ] {
        let it = asked(code, context, None);
        assert_eq!(it.answers.first().map(|answer| answer.space), Some(space), "{code} {context}");
    }
}

#[test]
fn a_sub_code_in_context_is_explained() {
    let it = asked("0x62", "bug check parameter 1 of 0xC4", None);
    assert!(it.answers[0].meaning.contains("not freed all its pool"), "{:?}", it.answers[0]);
}

#[test]
fn a_space_is_the_only_one() {
    let it = asked("0x80000003", "", Some(Space::HResult));
    assert!(it.answers.iter().all(|answer| answer.space == Space::HResult));
    let it = asked("0x7", "", Some(Space::Ioctl));
    assert_eq!(it.answers.len(), 1);
    let it = asked("Fifo", "", Some(Space::PoolTag));
    assert_eq!(it.answers[0].value, 0x6F66_6946);
}

#[test]
fn misspelt_names_get_suggestions() {
    let it = asked("STATUS_OBJECT_NAME_NOT_FUOND", "", None);
    assert!(!it.is_found());
    assert_eq!(it.suggestions.first().map(String::as_str), Some("STATUS_OBJECT_NAME_NOT_FOUND"));
    assert!(asked("@@@", "", None).suggestions.is_empty());
}

#[test]
fn a_name_may_come_without_its_prefix() {
    let it = asked("access_denied", "", None);
    let names: Vec<&str> = it.answers.iter().map(|answer| answer.name.as_str()).collect();
    assert!(names.contains(&"STATUS_ACCESS_DENIED") && names.contains(&"ERROR_ACCESS_DENIED"));
}

#[test]
fn a_bug_check_with_parameters_is_one_question() {
    let codes = ["0xc4".to_owned(), "62".to_owned()];
    let it = look_up(&codes, Question::default());
    assert_eq!((it.len(), it[0].given), (1, 1));
    assert!(it[0].explained.as_ref().is_some_and(|explained| explained.sub_code.is_some()));
    let codes = ["0xc0000034".to_owned(), "0xc0000022".to_owned()];
    assert_eq!(look_up(&codes, Question::default()).len(), 2);
}

#[test]
fn every_name_leads_to_its_value() {
    let names: Vec<_> = crate::spaces::names().collect();
    for (space, value, name) in names.iter().step_by(37) {
        let it = asked(name, "", Some(*space));
        let found = it.answers.iter().any(|answer| answer.value == u64::from(*value));
        assert!(found, "{name}: {:?}", it.answers);
    }
}

#[test]
fn nothing_panics() {
    for code in
        ["", " ", "0x", "(", "((((", "{}", "-", "é", "0xffffffffffffffff", "'é'", "code ", "code é"]
    {
        for space in std::iter::once(None).chain(Space::ALL.iter().copied().map(Some)) {
            let _ = asked(code, "parameter arg 9 of bug check é parameter", space);
        }
    }
}

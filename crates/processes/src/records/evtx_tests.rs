//! Tests of what events mean. That real logs give the counts of the crate's own dump is tested in
//! `tests/corpus.rs`.

use super::*;
use serde_json::json;

fn document(provider: &str, id: u32, data: Value) -> Value {
    json!({ "Event": {
        "System": {
            "Provider": { "#attributes": { "Name": provider } },
            "EventID": { "#attributes": { "Qualifiers": "" }, "#text": id },
            "TimeCreated": { "#attributes": { "SystemTime": "2019-02-13T18:03:28.318440Z" } },
            "Computer": "PC01",
        },
        "EventData": data,
    }})
}

fn read_one(provider: &str, id: u32, data: Value) -> Event {
    let mut hosts = Hosts::default();
    of(&document(provider, id, data), &mut hosts).expect("one of the four")
}

#[test]
fn a_process_that_was_created() {
    let event = read_one(
        "Microsoft-Windows-Security-Auditing",
        4688,
        json!({
            "SubjectUserName": "alice", "SubjectDomainName": "CORP", "NewProcessId": "0x1a4",
            "NewProcessName": "C:\\Windows\\System32\\cmd.exe", "ProcessId": "0x2c",
            "CommandLine": "cmd /c dir", "TargetUserName": "-", "TargetDomainName": "-",
            "ParentProcessName": "C:\\Windows\\explorer.exe",
        }),
    );
    assert_eq!(
        (event.pid, event.time),
        (0x1a4, Time::read("2019-02-13T18:03:28.318440Z").unwrap())
    );
    let What::Start(start) = event.what else { panic!("a start") };
    assert_eq!((start.parent, start.parent_name.as_deref()), (Some(0x2c), Some("explorer.exe")));
    assert_eq!(start.user.as_deref(), Some("CORP\\alice"));
    assert_eq!(start.image.name, "cmd.exe");
    assert_eq!(start.image.command.unwrap().text, "cmd /c dir");
}

#[test]
fn a_process_that_exited() {
    let data =
        json!({ "Status": "0xc0000005", "ProcessId": "0x1a4", "ProcessName": "C:\\a\\b.exe" });
    let event = read_one("Microsoft-Windows-Security-Auditing", 4689, data);
    let What::End(end) = event.what else { panic!("an end") };
    assert_eq!(
        (event.pid, end.how, end.name.as_deref()),
        (0x1a4, How::Exit(0xc000_0005), Some("b.exe"))
    );
}

#[test]
fn sysmon_has_times_and_ids_of_its_own() {
    let data = json!({
        "UtcTime": "2019-02-13 18:03:28.000", "ProcessGuid": "{365abb72-5c14-5c64-0000-0010a1b2c3d4}",
        "ProcessId": 4, "Image": "C:\\x.exe", "ParentProcessId": 8, "User": "NT AUTHORITY\\SYSTEM",
    });
    let event = read_one("Microsoft-Windows-Sysmon", 1, data);
    assert_eq!(event.time, Time::read("2019-02-13 18:03:28.000").unwrap());
    let What::Start(start) = event.what else { panic!("a start") };
    assert_eq!(start.guid.as_deref(), Some("365ABB72-5C14-5C64-0000-0010A1B2C3D4"));
}

#[test]
fn other_events_tell_of_no_process() {
    let mut hosts = Hosts::default();
    let other = document("Microsoft-Windows-Sysmon", 3, json!({ "ProcessId": 4 }));
    assert_eq!(of(&other, &mut hosts), None);
    let other = document("Microsoft-Windows-Kernel", 1, json!({ "ProcessId": 4 }));
    assert_eq!(of(&other, &mut hosts), None);
}

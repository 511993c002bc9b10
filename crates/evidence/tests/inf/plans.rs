//! What is installed, and for whom.

use super::{CLEAN, inf, today};
use evidence::inf::{Architecture, Encoding, Inf, Package, Plan, Root, Story, System, Value};

fn windows(architecture: Architecture, build: u32) -> System {
    System { architecture, major: 10, minor: 0, build, product: 1, suite: 0x100 }
}

#[test]
fn sections_are_merged_and_lines_go_on() {
    let file = inf(
        "[a]\nx = 1, \\ ; on\n \"2 \"\"3\"\" ; 4\" ,%t;x%\r[b]\n[A] ; again\ny\n[Strings]\nt;x=T",
    );
    let section = file.section("A").unwrap();
    assert_eq!((section.name.as_str(), section.again.len()), ("a", 1));
    let values: Vec<&str> = section.entries[0].fields.iter().map(|it| it.value.as_str()).collect();
    assert_eq!(values, ["1", "2 \"3\" ; 4", "%t;x%"]);
    assert_eq!(section.entries[0].fields[1].at.line, 3);
    assert_eq!(section.entries[0].fields[1].at.column, 2);
    assert_eq!(section.entries[1].text(0), "y");
    let file = inf("[a]\nk=\"%x%\",%%x%%,100%,%12%\\f,%X%%x%\n[Strings]\nx=\"y\"");
    let entry = &file.section("a").unwrap().entries[0];
    let values: Vec<&str> = entry.fields.iter().map(|it| it.value.as_str()).collect();
    assert_eq!(values, ["y", "%x%", "100%", "%12%\\f", "yy"]);
    // An equals sign behind a comma belongs to the value.
    let file = inf("[a]\nHKR,,v,,a=b");
    let entry = &file.section("a").unwrap().entries[0];
    assert_eq!((entry.key.is_none(), entry.text(4)), (true, "a=b"));
}

#[test]
fn encodings_make_no_difference() {
    let plain = Story::of(&inf(CLEAN), today());
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(CLEAN.replace('\n', "\r\n").encode_utf16().flat_map(u16::to_le_bytes));
    let wide = Inf::parse(&bytes).unwrap();
    assert_eq!(wide.encoding, Encoding::Utf16Le);
    assert!(evidence::inf::is_one(&bytes) && evidence::inf::is_one(CLEAN.as_bytes()));
    assert!(!evidence::inf::is_one(b"[Settings]\nSignature=1\n"));
    let wide = Story::of(&wide, today());
    assert_eq!(wide.plans, plain.plans);
    assert_eq!(wide.wrong, plain.wrong);
}

#[test]
fn a_system_gets_the_closest_models() {
    let package = Package::of(&inf(CLEAN));
    let on = |system| -> Vec<String> {
        package.on(&system).iter().map(|(_, models)| models.section.clone()).collect()
    };
    assert_eq!(on(windows(Architecture::Amd64, 19045)), ["Widgets.NTamd64.10.0...16299"]);
    assert_eq!(on(windows(Architecture::Arm64, 16299)), ["Widgets.NTarm64.10.0...16299"]);
    assert_eq!(on(windows(Architecture::Amd64, 16298)), [""; 0]);
    // The section without a target is x86's, and there is none here.
    let x86 = package.on(&windows(Architecture::X86, 19045));
    assert!(x86.iter().all(|(_, models)| models.devices.is_none()));
}

#[test]
fn a_plan_has_files_services_and_registry() {
    let file = inf(CLEAN);
    let actual = file.actual("widget", Architecture::Amd64).unwrap();
    assert_eq!(actual.name, "Widget.NT");
    let plan = Plan::of(&file, &actual.name, Architecture::Amd64);
    let copies: Vec<(Option<&str>, &str)> =
        plan.copies.iter().map(|it| (it.source.as_deref(), it.path.as_str())).collect();
    assert_eq!(
        copies,
        [
            (Some("widget.sys"), r"<driver store>\widget.sys"),
            (Some(r"firmware\widget.bin"), r"<driver store>\firmware\widget.bin"),
        ]
    );
    assert_eq!((plan.copies[0].flags, plan.feature), (2, 0x80));
    let [service] = plan.services.as_slice() else { panic!("{:?}", plan.services) };
    assert_eq!((service.name.as_str(), service.file()), ("Widget", "widget.sys"));
    assert!(service.is_associated());
    assert_eq!((service.kind, service.start, service.error), (Some(1), Some(3), Some(1)));
    let depth = &service.registry[0];
    assert_eq!(depth.root, Root::Relative("service key".to_owned()));
    assert_eq!((depth.key.as_str(), &depth.value), ("Parameters", &Value::Dword(16)));
    let values: Vec<(&str, &Value)> =
        plan.registry.iter().map(|it| (it.name.as_str(), &it.value)).collect();
    assert!(values.contains(&("DeviceType", &Value::Dword(0x22))));
    assert!(values.contains(&("Table", &Value::Bytes(3, vec![1, 2, 0xFF]))));
    let icon = Value::Text(r"%SystemRoot%\System32\widget.dll,-1".to_owned());
    assert!(values.contains(&("Icon", &icon)));
    let names = Value::Many(vec!["one".to_owned(), "two".to_owned()]);
    assert!(values.contains(&("Names", &names)));
    assert_eq!(plan.frameworks, ["KMDF 1.23 for Widget"]);
    assert_eq!(plan.interfaces[0].registry[0].value, Value::Text("Contoso widget".to_owned()));
}

#[test]
fn needed_sections_are_installed_once() {
    let text = CLEAN.replacen(
        "FeatureScore = 80",
        "Needs = Gadget,Widget.NT,Elsewhere.NT\nInclude=x.inf",
        1,
    );
    let plan = Plan::of(&inf(&text), "Widget.NT", Architecture::Amd64);
    assert_eq!(plan.copies.iter().filter(|it| it.name == "widget.sys").count(), 2);
    assert_eq!(plan.needs, ["Elsewhere.NT"]);
}

#[test]
fn numbers_of_the_registry_have_their_sizes() {
    let text = "[Version]\nSignature=\"$Windows NT$\"\n[DefaultInstall.NTamd64]\nAddReg=r\n[r]\n\
                HKLM,k,a,0x10001,0x10\nHKLM,k,b,0x10001,-1\nHKLM,k,c,0x10001,78,56,34,12\n\
                HKLM,k,d,0xB0001,0x1122334455667788\nHKLM,k,e,0x00380001,1,A\nHKLM,k,f,0x20001\n\
                HKLM,k\nHKLM,k,g,4\nHKLM,k,h,0x20000,x\n";
    let plan = Plan::of(&inf(text), "DefaultInstall.NTamd64", Architecture::Amd64);
    let values: Vec<Value> = plan.registry.into_iter().map(|it| it.value).collect();
    assert_eq!(
        values,
        [
            Value::Dword(0x10),
            Value::Dword(u32::MAX),
            Value::Dword(0x1234_5678),
            Value::Qword(0x1122_3344_5566_7788),
            Value::Bytes(0x38, vec![1, 0xA]),
            Value::Bytes(0, vec![]),
            Value::Key,
            Value::Delete,
            Value::Expand("x".to_owned()),
        ]
    );
}

/// Everything that an install section may do besides, and one line that nothing here knows how to plan.
const MUCH: &str = r#"[Version]
Signature = "$Windows NT$"
[X.NT]
Include = machine.inf, other.inf
Needs = NO_DRV
RenFiles = Renamed
DelFiles = Gone
AddProperty = Properties
BitReg = Bits
LogConfig = Ports
CopyINF = second.inf
RegisterDlls = Dlls
Reboot
[X.NT.HW]
AddReg = Sleep
BitReg = Bits
[X.NT.Events]
AddEventProvider = {guid}, Provider
[Renamed]
new.sys, old.sys
[Gone]
old.dat
[Properties]
DeviceFriendlyName,,,, "Widget"
{8ca0f21b-d6ba-4d9c-9f4c-000000000001}, 7, 18,, "x", "y"
[Bits]
HKR, Sub, Flags, 1, 0x80, 2
HKR, , Flags, , 0x01, 0
HKR, , Flags, , many, 0
[Ports]
ConfigPriority = HARDRECONFIG
IOConfig = 2F8-2FF(3FF::)
[Sleep]
HKR, WDF, WdfDefaultWakeFromSleepState, 0x00010001, 1
[InterfaceInstall32]
{guid} = Iface
[Iface]
AddReg = Sleep
[DefaultUninstall.NT]
DelReg = Sleep
"#;

#[test]
fn what_else_is_done_is_told_line_by_line() {
    let file = inf(MUCH);
    let plan = Plan::of(&file, "X.NT", Architecture::Amd64);
    let told: Vec<(&str, &str, bool, u32)> = plan
        .further
        .iter()
        .map(|it| (it.directive.as_str(), it.text.as_str(), it.planned, it.at.line))
        .collect();
    let set = "sets bits 0x80 of byte 2 of HKR\\Sub Flags";
    let cleared = "clears bits 0x01 of byte 0 of HKR Flags";
    let bad = "HKR, , Flags, , many, 0";
    assert_eq!(
        told,
        [
            ("AddProperty", "DeviceFriendlyName = Widget", true, 24),
            ("AddProperty", "{8ca0f21b-d6ba-4d9c-9f4c-000000000001} 7 = x, y", true, 25),
            ("BitReg", set, true, 27),
            ("BitReg", cleared, true, 28),
            ("BitReg", bad, false, 29),
            (
                "LogConfig",
                "[Ports]: ConfigPriority HARDRECONFIG; IOConfig 2F8-2FF(3FF::)",
                true,
                10
            ),
            ("CopyINF", "second.inf is put into the driver store as well", true, 11),
            ("RegisterDlls", "Dlls", false, 12),
            ("BitReg", set, true, 27),
            ("BitReg", cleared, true, 28),
            ("BitReg", bad, false, 29),
            ("AddEventProvider", "{guid}, Provider", false, 18),
        ]
    );
    assert_eq!(plan.renames, [("old.sys".to_owned(), "new.sys".to_owned())]);
    assert_eq!((&plan.deletes[..], plan.reboot), (&["old.dat".to_owned()][..], true));
    assert_eq!(
        (&plan.needs[..], &plan.includes[..]),
        (&["NO_DRV".to_owned()][..], &["machine.inf".to_owned(), "other.inf".to_owned()][..])
    );
    assert!(evidence::inf::system_inf("MACHINE.INF").is_some());
    assert!(evidence::inf::system_inf("other.inf").is_none());
    let wake = evidence::inf::meaning(&plan.registry[0]).unwrap_or_default();
    assert!(wake.starts_with("wake:"), "{wake}");
    let story = Story::of(&file, None);
    let sections: Vec<&str> = story.plans.iter().map(|plan| plan.section.as_str()).collect();
    assert_eq!(sections, ["Iface", "DefaultUninstall.NT"]);
    assert_eq!(story.plans[0].registry[0].root, Root::Relative("interface class key".to_owned()));
    assert_eq!(story.plans[1].registry[0].value, Value::Delete);
}

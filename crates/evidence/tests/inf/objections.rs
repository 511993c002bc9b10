//! Each thing that is objected to: a change of the clean file, what is said of it, and where.

use super::{CLEAN, inf, today};
use evidence::inf::{Code, Inf, check};
use std::collections::BTreeSet;

/// A change - this text becomes that - and what is said: its name, and the text that its place begins with.
type Row = (Code, &'static str, &'static str, &'static str);

/// The first line of a file is line 1, which begins with this.
const START: &str = "; A whole";

const ROWS: &[Row] = &[
    (Code::EncodingUnsure, "[Version]", "; \u{fc}\n[Version]", START),
    (Code::SectionNotClosed, "[Widget.Log]", "[Widget.Log", "[Widget.Log"),
    (Code::LineBeforeSection, "[Version]", "stray\n[Version]", "stray"),
    (Code::QuoteNotClosed, "= \"Contoso widget\"", "= \"Contoso widget", "\"Contoso widget"),
    (Code::SectionTwice, "[Gadget.Services]", "[WIDGET.NT]\n[Gadget.Services]", "[WIDGET.NT]"),
    (Code::StringNotDefined, "= %Disk%", "= %Disc%", "%Disc%"),
    (Code::StringTwice, "[Strings.0407]", "Gadget = \"x\"\n[Strings.0407]", "Gadget = \"x\""),
    (Code::StringsDiffer, "Gadget = \"Contoso-Gadget\"", "", "[Strings.0407]"),
    (Code::ArchToken, "NTarm64.10.0...16299\n", "NT$ARCH$.10.0...16299\n", "NT$ARCH$"),
    (Code::VersionMissing, "[Version]", "[Verzion]", START),
    (Code::SignatureWrong, "\"$Windows NT$\"", "\"$Windows 98$\"", "\"$Windows 98$\""),
    (Code::SignatureWrong, "Signature ", "Sygnature ", "[Version]"),
    (Code::VersionKeyMissing, "Provider    = %Maker%", "", "[Version]"),
    (Code::VersionKeyMissing, "= System\n", "=\n", "Class "),
    (Code::ClassGuidMalformed, "{4d36e97d-e325", "{4d36e97-e325", "{4d36e97-e325"),
    (Code::ClassMismatch, "{4d36e97d-", "{4d36e972-", "{4d36e972-"),
    (Code::ClassMismatch, "= System\n", "= Sistem\n", "Sistem"),
    (Code::ClassReserved, "= System\n", "= Unknown\n", "Unknown"),
    (Code::ClassOfWindows, "[Strings]", "[ClassInstall32]\n[Strings]", "[ClassInstall32]"),
    (Code::ProviderMicrosoft, "Provider    = %Maker%", "Provider = Microsoft", "Microsoft"),
    (Code::CatalogMissing, "CatalogFile = widget.cat", "", "[Version]"),
    (Code::CatalogName, "widget.cat", "sub\\widget.cat", "sub\\widget.cat"),
    (Code::DriverDate, "02/29/2024", "02/30/2024", "02/30/2024"),
    (Code::DriverDate, "02/29/2024", "2/28/2024", "2/28/2024"),
    (Code::DriverDateFuture, "02/29/2024", "06/02/2025", "06/02/2025"),
    (Code::DriverVersion, ",1.2.3.4", ",1.2.3", "1.2.3"),
    (Code::DriverVersion, ",1.2.3.4", ",0.0.0.0", "0.0.0.0"),
    (Code::DriverVersion, ",1.2.3.4", "", "DriverVer"),
    (Code::LockDown, "PnpLockdown = 1", "PnpLockdown = 0", "0\n"),
    (Code::ExtensionId, "= System\n", "= Extension\n", "Extension"),
    (Code::NothingInstalled, "[Manufacturer]", "[Manufacturers]", "[Version]"),
    (Code::ModelsNameMissing, "= Widgets,NTamd64.10.0...16299,NT", "= ,NT", ",NTarm64"),
    (Code::SectionMissing, "[Widgets.NTarm64", "[Wigdets.NTarm64", "Widgets,NT"),
    (Code::SectionMissing, "[Widget.Software]", "[Widget.Softwares]", "Widget.Software\n"),
    (Code::TargetMalformed, ",NTarm64.10", ",NTarm65.10", "NTarm65"),
    (Code::TargetBuild, ",NTarm64.10.0...16299", ",NTarm64.10.0...10240", "Widgets,NT"),
    (
        Code::TargetUndecorated,
        "[Widget.NT]",
        "[Widgets]\nWidget = Widget,A\\B\n[Widget.NT]",
        "[Widgets]\nW",
    ),
    (Code::TargetNotX64, "NTamd64.10.0...16299,", "", "[Manufacturer]"),
    (Code::InstallNameMissing, "Gadget,PCI", ",PCI", ",PCI\\VEN_10EE&DEV_0002"),
    (Code::InstallSectionMissing, "Gadget,PCI", "Gudget,PCI", "Gudget,PCI"),
    (Code::HardwareIdMissing, "Gadget,PCI\\VEN_10EE&DEV_0002", "Gadget", "Gadget\n\n[Widgets"),
    (Code::HardwareIdMalformed, "DEV_0002", "DEV 0002", "PCI\\VEN_10EE&DEV 0002"),
    (Code::HardwareIdTwice, "PCI\\VEN_10EE&DEV_0002", "PCI\\ven_10EE&DEV_0001", "PCI\\ven"),
    (Code::ServiceNone, "Widget,0x2,", "Widget,,", "[Gadget.Services]"),
    (Code::ServiceNone, "[Gadget.Services]", "[Gudget.Services]", "Gadget,PCI"),
    (Code::ServiceSeveral, "[Widget.Files]", "AddService = ,2\n[Widget.Files]", "AddService = ,2"),
    (Code::FeatureScore, "FeatureScore = 80", "FeatureScore = 180", "180"),
    (Code::FileNotListed, "widget.bin = 1", "widgets.bin = 1", "widget.bin\n"),
    (Code::FileNotListed, "@widget.sys", "@gadget.sys", "@gadget.sys"),
    (Code::FileNotCopied, "widget.bin = 1", "x = 1\nwidget.bin = 1", "x = 1"),
    (Code::DiskIdMissing, "widget.bin = 1", "widget.bin = eins", "eins"),
    (Code::DiskIdUnknown, "widget.bin = 1", "widget.bin = 2", "2,firmware"),
    (Code::CatalogListed, "widget.bin = 1", "widget.cat = 1\nwidget.bin = 1", "widget.cat = 1"),
    (Code::DestinationMissing, "DefaultDestDir = 13", "", "@widget.sys"),
    (Code::DestinationUnused, "Widget.Data    = 13", "Widget.Date    = 13", "Widget.Date"),
    (Code::DirIdMalformed, "= 13,firm", "= %13%,firm", "%13%,firm"),
    (Code::DirIdUnknown, "= 13,firm", "= 99,firm", "99,firm"),
    (Code::StoreRename, "widget.sys,,,0x2", "new.sys,widget.sys", "new.sys"),
    (Code::CopyFlags, "widget.sys,,,0x2", "widget.sys,,,two", "two"),
    (Code::CopyInf, "FeatureScore = 80", "CopyInf = a.txt", "a.txt"),
    (Code::ServiceSectionMissing, "0x2,Widget.Service", "0x2,Widget.Servize", "Widget.Servize"),
    (Code::ServiceKeyMissing, "StartType     = 3", "", "[Widget.Service]"),
    (Code::ServiceKeyMissing, "ServiceBinary = %13%\\widget.sys", "", "[Widget.Service]"),
    (Code::ServiceValue, "StartType     = 3", "StartType = 5", "5\n"),
    (Code::ServiceDisabled, "StartType     = 3", "StartType = 4", "4\nError"),
    (Code::ServiceStart, "StartType     = 3", "StartType = 2", "2\nError"),
    (Code::ServiceNotCopied, "%13%\\widget.sys", "%13%\\widgets.sys", "%13%\\widgets.sys"),
    (Code::ServicePath, "%13%\\widget.sys", "System32\\widget.sys", "System32\\widget.sys"),
    (Code::RegistryRoot, "HKR,,Exclusive", "HKX,,Exclusive", "HKX,,"),
    (Code::RegistryFlags, "Depth,0x10001", "Depth,REG_DWORD", "REG_DWORD"),
    (Code::RegistryNumber, "0x10001,16", "0x10001,sixteen", "sixteen"),
    (Code::RegistryNumber, "0x10001,16", "0x10001,0x100000000", "0x100000000"),
    (Code::RegistryBytes, "01,02,ff", "01,02,fff", "fff"),
    (Code::RegistryType, "DeviceType,0x10001", "DeviceType,0", "0,0x22"),
    (
        Code::RegistryRelative,
        "[Strings]",
        "[DefaultInstall.NTamd64]\nAddReg = Widget.Front\n[Strings]",
        "HKR,,FriendlyName",
    ),
    (Code::InterfaceGuid, "{4f4b5a2e-", "{4f4b5a2e", "{4f4b5a2e1b7e"),
    (Code::FrameworkVersion, "KmdfLibraryVersion = 1.23", "", "KmdfService"),
    (Code::NeedsNotFound, "FeatureScore = 80", "Needs = Other.NT", "Other.NT"),
    (Code::DirectiveUnknown, "AddReg = Widget.Hardware", "AdReg = Widget.Hardware", "AdReg"),
    (Code::DirectiveUnknown, "AddService = Widget,0x2", "AddServise = Widget,0x2", "AddServise"),
    (Code::DirectiveEmpty, "AddReg = Widget.Front", "AddReg =", "AddReg =\n"),
    (Code::SectionUnused, "[Strings]", "[Gadget.Service]\n[Strings]", "[Gadget.Service]"),
    (Code::SectionUnused, "AddReg = Widget.Hardware", "", "[Widget.Hardware]"),
    (
        Code::SectionUnused,
        "[Gadget.Services]",
        "[Gadget.Software]\nAddSoftware=x,,y\n[Gadget.Servces]",
        "[Gadget.Servces]",
    ),
];

/// Line and column, from 1, where `part` begins.
fn place(text: &str, part: &str) -> (u32, u32) {
    let at = text.find(part).unwrap_or_else(|| panic!("{part:?} is not in the text"));
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    (u32::try_from(line + 1).unwrap(), u32::try_from(text[start..at].chars().count() + 1).unwrap())
}

fn said(file: &Inf) -> Vec<String> {
    let all = check(file, today());
    all.iter().map(|it| format!("{} {}:{}", it.code, it.at.line, it.at.column)).collect()
}

#[test]
fn nothing_is_said_of_the_clean_file() {
    assert_eq!(said(&inf(CLEAN)), [""; 0]);
}

#[test]
fn each_change_is_objected_to_in_its_place() {
    let mut wrong = Vec::new();
    for (code, from, to, part) in ROWS {
        assert!(CLEAN.contains(from), "{code}: {from:?} is not in the clean file");
        let text = CLEAN.replacen(from, to, 1);
        let (line, column) = place(&text, part);
        let (wanted, said) = (format!("{code} {line}:{column}"), said(&inf(&text)));
        if !said.contains(&wanted) {
            wrong.push(format!("{from:?} to {to:?}: expected {wanted}, got {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_objection_has_its_test() {
    let told: BTreeSet<Code> = ROWS.iter().map(|(code, ..)| *code).collect();
    // Two need a file of another form.
    let others = [Code::EncodingWrong, Code::TooLong];
    for code in Code::ALL {
        assert!(told.contains(code) || others.contains(code), "{code} is in no row");
    }
    let mut high = vec![0xFE, 0xFF];
    high.extend(CLEAN.encode_utf16().flat_map(u16::to_be_bytes));
    assert_eq!(said(&Inf::parse(&high).unwrap()), ["encoding-wrong 1:1"]);
    let long = CLEAN.replace("Contoso widget", &"w".repeat(5000));
    assert!(said(&inf(&long)).iter().any(|it| it.starts_with("too-long ")));
    let long = format!("{CLEAN}\n[{}]\n", "n".repeat(300));
    assert!(said(&inf(&long)).iter().any(|it| it.starts_with("too-long ")));
}

#[test]
fn advice_names_what_was_meant() {
    for (from, to, part) in [
        ("= %Disk%", "= %Disc%", "%Disk% is defined"),
        ("0x2,Widget.Service", "0x2,Widget.Servize", "[Widget.Service] is there"),
        ("[Widget.NT.HW]", "[Widget.NT.HV]", ".HW may be meant"),
        ("AddReg = Widget.Hardware", "AdReg = Widget.Hardware", "AddReg is"),
        ("[Gadget.Services]", "[Gadget.Servicse]", ".Services may be meant"),
        ("@widget.sys", "@widgit.sys", "widget.sys is listed"),
        (",NTarm64.10.0...16299", "", "does not list the target ntarm64.10.0...16299"),
        ("{4d36e97d-", "{4d36e972-", "{4d36e97d-e325-11ce-bfc1-08002be10318}"),
    ] {
        let all = check(&inf(&CLEAN.replacen(from, to, 1)), today());
        let help: Vec<&str> = all.iter().map(|it| it.help.as_str()).collect();
        assert!(help.iter().any(|it| it.contains(part)), "{to}: {help:?}");
    }
}

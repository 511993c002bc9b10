//! Small logs of our own making, told.

use super::*;

/// A log with these sections: title, entries, exit. Times come with the entries.
fn log(sections: &[(&str, &[&str], &str)]) -> String {
    let mut text = "[Device Install Log]\r\n     OS Version = 10.0.19045\r\n\r\n[BeginLog]\r\n\r\n\
                    [Boot Session: 2024/02/29 08:00:00.500]\r\n\r\n"
        .to_owned();
    for (title, entries, exit) in sections {
        let lines = entries.join("\r\n");
        text += &format!(
            ">>>  [{title}]\r\n>>>  Section start 2024/02/29 10:00:00.000\r\n{lines}\r\n\
             <<<  Section end 2024/02/29 10:00:04.000\r\n<<<  [Exit status: {exit}]\r\n\r\n"
        );
    }
    text
}

const DEVICE: &str = r"Device Install (Hardware initiated) - PCI\VEN_1AF4&DEV_11E8\3&1";

/// As Windows 10 writes it: two drivers, a service, a device that does not start.
const INSTALLED: &[&str] = &[
    "     dvi: {Build Driver List} 10:00:00.100",
    "     dvi:      Searching for hardware ID(s):",
    r"     dvi:           pci\ven_1af4&dev_11e8",
    "     dvi:      Searching for compatible ID(s):",
    r"     dvi:           pci\cc_0088",
    "     dvi:      Created Driver Node:",
    r"     dvi:           HardwareID   - PCI\VEN_1AF4&DEV_11E8",
    r"     dvi:           InfName      - C:\x\fifo.inf",
    "     dvi:           DevDesc      - Fifo",
    "     dvi:           Section      - Fifo_Install",
    "     dvi:           Rank         - 0x00ff0000",
    "     dvi:           Signer Score - Authenticode",
    "     dvi:           DrvDate      - 01/02/2024",
    "     dvi:           Version      - 1.2.3.4",
    "     dvi:      Created Driver Node:",
    r"     dvi:           HardwareID   - PCI\CC_0088",
    r"     dvi:           InfName      - C:\y\other.inf",
    "     dvi:           Rank         - 0x00ff2000",
    "     dvi: {Build Driver List - exit(0x00000000)} 10:00:01.100",
    "     dvi:                Selected Driver:",
    "     dvi:                     Description - Fifo",
    r"     dvi:                     InfFile     - c:\x\fifo.inf",
    "     dvi:                     Section     - Fifo_Install",
    "     ndv: {Core Device Install} 10:00:01.200",
    "     inf:      {Add Service: fifo}",
    "     inf:           Start Type    = 3",
    r"     inf:           Image Path    = \SystemRoot\System32\drivers\fifo.sys",
    "     inf:           Created new service 'fifo'.",
    "     inf:      {Add Service: exit(0x00000000)}",
    r"     flq:      Copying 'C:\x\fifo.sys' to 'C:\Windows\System32\drivers\fifo.sys'.",
    "     dvi:      Install Device: Starting device. 10:00:01.300",
    "     dvi:      Install Device: Starting device completed. 10:00:03.300",
    "!!!  dvi:      Device not started: Device has problem: 0x0a (CM_PROB_FAILED_START), problem status: 0xc000009a.",
    "     ndv: {Core Device Install - exit(0x00000000)} 10:00:03.900",
];

#[test]
fn a_device_that_does_not_start_is_found_in_a_success() {
    let text = log(&[("Other - x", &[], "SUCCESS"), (DEVICE, INSTALLED, "SUCCESS")]);
    let log = diagnose(text.as_bytes(), Wanted::Usual);
    assert_eq!((log.boots, log.sections, log.wrong, log.left_out), (1, 2, 1, 0));
    let [story] = &log.stories[..] else { panic!("{:?}", log.stories) };
    assert_eq!((story.number, story.outcome, story.is_device), (2, "success", true));
    assert_eq!(story.started_by, "Plug and Play: the device appeared");
    assert_eq!(story.hardware_ids.items, [r"pci\ven_1af4&dev_11e8"]);
    assert_eq!(story.compatible_ids.items, [r"pci\cc_0088"]);
    let [fifo, other] = &story.candidates.items[..] else { panic!("two candidates") };
    assert!(fifo.won && !other.won);
    assert!(other.why.starts_with("loses by its identifier"), "{}", other.why);
    assert_eq!(fifo.rank_parts[2], "the device's hardware ID 1 is the INF line's hardware ID");
    let service = &story.services.items[0];
    assert_eq!((service.name.as_str(), service.outcome), ("fifo", "created"));
    assert_eq!(service.start, "on demand");
    assert_eq!(story.files.items, [r"C:\Windows\System32\drivers\fifo.sys"]);
    let longest = story.by_time()[0];
    assert_eq!((longest.kind, longest.millis), (Kind::Device, 2_000));
    let total: u64 = story.stages.iter().map(|stage| stage.millis).sum();
    assert_eq!(Some(total), story.millis);
    let cause = story.cause().expect("a cause");
    assert_eq!(cause.codes[0].name, "CM_PROB_FAILED_START");
    assert_eq!(cause.codes[1].name, "STATUS_INSUFFICIENT_RESOURCES");
    let [finding] = &log.findings[..] else { panic!("{:?}", log.findings) };
    assert_eq!(
        (finding.rule.as_str(), finding.blame),
        ("device-not-started", finding::Blame::Driver)
    );
}

#[test]
fn the_first_cause_is_the_deepest_of_what_was_not_got_over() {
    let entries: &[&str] = &[
        r#"      cmd: "C:\Program Files\ours\setup.exe" /quiet"#,
        "     sto: {Stage Driver Package: C:\\x\\fifo.inf} 10:00:00.200",
        "     sig:      {_VERIFY_FILE_SIGNATURE} 10:00:00.300",
        "!    sig:           Verifying file against specific (valid) catalog failed! (0x800b0109)",
        "     sig:      {_VERIFY_FILE_SIGNATURE exit(0x800b0109)} 10:00:00.400",
        "!!!  sto:      Failed to import driver package into Driver Store. Error = 0xE0000247",
        "     sto: {Stage Driver Package: exit(0xe0000247)} 10:00:00.500",
    ];
    let title = r"Device Install (DiInstallDriver) - C:\x\fifo.inf";
    let text = log(&[(title, entries, "FAILURE(0xe0000247)"), (DEVICE, INSTALLED, "SUCCESS")]);
    let log = diagnose(text.as_bytes(), Wanted::One(1));
    let story = &log.stories[0];
    assert_eq!(story.started_by, "setup.exe, by DiInstallDriver");
    assert_eq!(story.code.as_ref().expect("a code").name, "ERROR_DRIVER_STORE_ADD_FAILED");
    assert_eq!(story.cause().expect("a cause").codes[0].name, "CERT_E_UNTRUSTEDROOT");
    assert!(log.findings[0].remedy.contains("signature"), "{}", log.findings[0].remedy);
    // What is wrong and newest comes first.
    let usual = diagnose(text.as_bytes(), Wanted::Usual);
    let numbers: Vec<u64> = usual.stories.iter().map(|story| story.number).collect();
    assert_eq!(numbers, [2, 1]);
}

#[test]
fn all_sections_are_told_up_to_a_limit_and_lists_stay_short() {
    let entry = |n: usize| format!(r"     flq: Copying 'C:\a' to 'C:\Windows\{n}.sys'.");
    let entries: Vec<String> = (0..300).map(entry).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let text = log(&[("Copy", &entries, "SUCCESS")]);
    let story = &diagnose(text.as_bytes(), Wanted::All).stories[0];
    assert_eq!((story.files.items.len(), story.files.more), (200, 100));
    let many = ">>>  [a]\n<<<  [Exit status: SUCCESS]\n".repeat(MOST_TOLD + 7);
    let log = diagnose(many.as_bytes(), Wanted::All);
    assert_eq!((log.stories.len(), log.left_out), (MOST_TOLD, 7));
    assert_eq!(log.kinds["a"].sections, MOST_TOLD as u64 + 7);
}

#[test]
fn groups_without_end_and_a_cut_log_are_told() {
    let deep = "     dvi: {a} 10:00:00.000\n".repeat(5_000);
    let text = format!(
        ">>>  [Device Install - A\\B\n>>>  Section start 2024/01/01 10:00:00\n{deep}!!!  dvi: failed(0xe0000203)"
    );
    let log = diagnose(text.as_bytes(), Wanted::Usual);
    assert_eq!(log.stories[0].outcome, "unknown");
    assert_eq!(log.findings.len(), 1);
}

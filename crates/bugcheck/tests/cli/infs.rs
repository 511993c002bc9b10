//! `bugcheck explain` and `bugcheck install` on INFs: what is said, and the log read back.

use super::{golden, run, scratch::Scratch};
use evidence::setup_log::{Header, Piece, Pieces, Row};

const INF: &str = "drivers/clean/pnp-interrupt/pnp-interrupt.inf";
const CARD: &str = r"PCI\VEN_1B36&DEV_0017&SUBSYS_00171B36&REV_01";
const CLASS: &str = r"PCI\VEN_1B36&CC_0880";

fn json(arguments: &[&str]) -> serde_json::Value {
    let ran = run(arguments);
    serde_json::from_str(&ran.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.error))
}

#[test]
fn our_package_has_no_fault() {
    let ran = run(&["explain", INF]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.error);
    golden::check("explain/inf.txt", &ran.out).unwrap();
    let told = json(&["explain", INF, "--format", "json"]);
    assert_eq!((&told["schema"], &told["format"]), (&"bugcheck.explain.1".into(), &"inf".into()));
    assert_eq!(told["models"][0]["devices"][0]["hardware_id"], CARD);
    assert_eq!(told["installs"][0]["services"][0]["start_type"], 3);
    assert_eq!((&told["errors"], &told["diagnostics"]), (&0.into(), &serde_json::json!([])));
}

#[test]
fn faults_are_shown_with_their_lines() {
    let text = std::fs::read_to_string(super::root().join(INF)).unwrap();
    let text = text
        .replace("{4d36e97d-", "{4d36e972-")
        .replace("= %Disk%", "=\t%Disc%")
        .replace("[Card_Install.NT.HW]", "[Card_Install.NT.HWW]")
        .replace("%13%\\pnp", "\\SystemRoot\\pnp");
    let file = Scratch::new("faults.inf", text.as_bytes());
    let ran = run(&["explain", file.path()]);
    assert_eq!(ran.status, 1);
    let told = &ran.out[ran.out.find("error[").unwrap()..];
    golden::check("explain/inf-faults.txt", &told.replace(file.path(), "faults.inf")).unwrap();
    let told = json(&["explain", file.path(), "--format", "json"]);
    assert_eq!(told["diagnostics"][0]["code"], "class-mismatch");
    assert_eq!(told["diagnostics"][0]["infverif"], 1281);
    assert_eq!(
        (&told["diagnostics"][0]["line"], &told["diagnostics"][0]["column"]),
        (&9.into(), &15.into())
    );
}

#[test]
fn the_best_driver_is_chosen_and_its_plan_told() {
    let ran = run(&["install", INF, "--hardware", CARD, "--compatible", CLASS]);
    assert_eq!(ran.status, 0, "{}", ran.error);
    golden::check("install/chosen.txt", &ran.out).unwrap();
    let told =
        json(&["install", INF, "--hardware", CARD, "--compatible", CLASS, "--format", "json"]);
    let ranks: Vec<&str> =
        told["drivers"].as_array().unwrap().iter().map(|it| it["rank"].as_str().unwrap()).collect();
    assert_eq!(ranks, ["0x00f00000", "0x00ff3000"]);
    assert_eq!((&told["schema"], &told["chosen"]), (&"bugcheck.install.1".into(), &INF.into()));
}

#[test]
fn what_fits_nothing_or_is_not_there_is_told() {
    let ran = run(&["install", INF, "--hardware", CARD, "--os", "6.1-amd64", "--os-build", "7601"]);
    assert_eq!(ran.status, 1);
    let words: Vec<&str> = ran.out.split_whitespace().collect();
    assert!(words.ends_with(&["it", "is", "for", "NTamd64.10.0...16299"]), "{}", ran.out);
    assert!(ran.out.contains("no driver fits"), "{}", ran.out);
    let ran = run(&["install", INF, "--hardware", CARD, "--signed", "none"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("0x80f00000") && ran.out.contains("Not loaded:"), "{}", ran.out);
    let text = std::fs::read(super::root().join(INF)).unwrap();
    let alone = Scratch::new("alone.inf", &text);
    let ran = run(&["install", alone.path(), "--hardware", CARD]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("Missing: pnp-interrupt.sys"), "{}", ran.out);
    for wrong in [vec!["--os", "ten-amd64"], vec!["--suite", "many"], vec![]] {
        let mut arguments = vec!["install", INF];
        if !wrong.is_empty() {
            arguments.extend(["--hardware", CARD]);
        }
        arguments.extend(wrong);
        assert_eq!(run(&arguments).status, 2, "{arguments:?}");
    }
}

/// Sections as `name: status`, and each entry's message.
fn read_back(log: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut sections, mut messages) = (Vec::new(), Vec::new());
    for piece in Pieces::new(log) {
        let Piece::Section(section) = piece else { continue };
        sections.push(format!("{}: {}", section.name, section.exit));
        assert!(section.begun.is_some() && section.millis() == Some(0), "{section:?}");
        for line in section.lines(log) {
            if let Row::Entry(entry) = line.row() {
                assert!(!entry.category.is_empty(), "{:?}", String::from_utf8_lossy(&line.bytes));
                messages.push(String::from_utf8_lossy(entry.message).into_owned());
            }
        }
    }
    (sections, messages)
}

#[test]
fn the_log_is_read_back_to_the_same_story() {
    let log = Scratch::new("setupapi.dev.log", b"");
    let ran = run(&["install", INF, "--hardware", CARD, "--log", log.path()]);
    assert_eq!(ran.status, 0, "{}", ran.error);
    let text = std::fs::read(log.path()).unwrap();
    assert!(evidence::setup_log::is_setup_log(&text));
    let header = Header::read(&text).unwrap();
    assert_eq!(header.get("OS Version"), Some("10.0.19045"));
    assert_eq!(header.get("Architecture"), Some("amd64"));
    let (sections, messages) = read_back(&text);
    assert_eq!(
        sections,
        ["Setup Import Driver Package: SUCCESS", "Device Install (Hardware initiated): SUCCESS"]
    );
    for wanted in [
        "Rank         - 0x00f00000",
        "Signer Score - WHQL",
        "DrvDate      - 03/01/2024",
        r"Copying 'pnp-interrupt.sys' to '<driver store>\pnp-interrupt.sys'.",
        r"HKR (service key)\Parameters LogLevel = REG_DWORD 0x2",
    ] {
        assert!(messages.iter().any(|it| it == wanted), "{wanted}: {messages:#?}");
    }
    let ran = run(&["install", INF, "--hardware", "PCI\\OTHER", "--log", log.path()]);
    assert_eq!(ran.status, 1);
    let text = std::fs::read(log.path()).unwrap();
    let last = Pieces::new(&text).filter_map(|it| match it {
        Piece::Section(section) => Some(section),
        _ => None,
    });
    let last = last.last().unwrap();
    assert_eq!((last.success, last.code, last.warnings), (Some(false), Some(0xE000_0203), 1));
    let ran = run(&["install", INF, "--hardware", CARD, "--signed", "none", "--log", log.path()]);
    assert_eq!(ran.status, 1);
    let text = std::fs::read(log.path()).unwrap();
    let stopped = Pieces::new(&text).any(|it| matches!(it, Piece::Section(it) if it.stopped));
    assert!(stopped, "{}", String::from_utf8_lossy(&text));
}

const OVERRUN: &str = "drivers/buggy/pool-overrun-parameter/pool-overrun-parameter.inf";
const RING: &str = "drivers/clean/registry-parameters/registry-parameters.inf";
const DEVICE: &str = r"PCI\VEN_1B36&DEV_0017";

#[test]
fn a_driver_runs_with_what_its_inf_sets() {
    let image = OVERRUN.replace(".inf", ".sys");
    let plain = run(&["test", &image, "--schedules", "200"]);
    assert_eq!(plain.status, 0, "without the INF there is no bug: {}", plain.out);
    let ran = run(&["install", OVERRUN, "--hardware", DEVICE, "--run"]);
    assert_eq!(ran.status, 1, "{}", ran.error);
    golden::check("install/run.txt", &ran.out).unwrap();
    let told = json(&["install", OVERRUN, "--hardware", DEVICE, "--run", "--format", "json"]);
    assert_eq!(told["run"]["schema"], "bugcheck.test.1");
    let finding = &told["run"]["findings"][0];
    assert_eq!(finding["rule"], "pool-overrun");
    // The token names the INF, and repeats the run only while that sets the same.
    let token = finding["replay"].as_str().unwrap();
    let again = json(&["replay", token, "--format", "json"]);
    assert_eq!(&again["finding"], finding);
    let text = std::fs::read_to_string(super::root().join(OVERRUN)).unwrap();
    for (from, to, word) in [
        ("Depth, %REG_DWORD%, 16", "Depth, %REG_DWORD%, 17", "sets something else now"),
        ("Ring_Install", "Other_Install", "no section [Ring_Install.NT] any more"),
    ] {
        let changed = Scratch::new("changed.inf", text.replace(from, to).as_bytes());
        let ran = run(&["replay", token, "--inf", changed.path()]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.error.contains(word), "{}", ran.error);
    }
    let moved = Scratch::new("moved.inf", text.replace("; Installs", "; Sets up").as_bytes());
    assert_eq!(run(&["replay", token, "--inf", moved.path()]).status, 1, "a comment is no change");
    let without = token.rsplit_once("::").unwrap().0;
    let ran = run(&["replay", without, "--inf", moved.path()]);
    assert!(ran.status == 2 && ran.error.contains("without an INF"), "{}", ran.error);
}

#[test]
fn a_clean_driver_and_what_is_not_run() {
    let limit = ["--schedules", "500"];
    let ran = run(&[&["install", RING, "--hardware", DEVICE, "--run"][..], &limit].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.error);
    assert!(ran.out.contains("nothing wrong found"), "{}", ran.out);
    let ran = run(&["install", RING, "--hardware", DEVICE, "--run", "--signed", "none"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("It was not run"), "{}", ran.out);
    assert_eq!(run(&["install", RING, "--hardware", DEVICE, "--time", "1s"]).status, 2);
    let arm =
        std::fs::read_to_string(super::root().join(RING)).unwrap().replace("NTamd64", "NTarm64");
    let arm = with_image("arm.inf", "registry-parameters", &arm, "clean/registry-parameters");
    let path = format!("{arm}/arm.inf");
    let ran = run(&["install", &path, "--hardware", DEVICE, "--os", "10.0-arm64", "--run"]);
    assert_eq!(ran.status, 3, "{}{}", ran.out, ran.error);
    std::fs::remove_dir_all(arm).unwrap();
}

/// A folder with an INF and the image of a driver of ours; whoever asks removes it.
fn with_image(inf: &str, name: &str, text: &str, driver: &str) -> String {
    let folder = format!("{}/package-{}-{inf}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(format!("{folder}/{inf}"), text).unwrap();
    let image = super::root().join(format!("drivers/{driver}/{name}.sys"));
    std::fs::copy(image, format!("{folder}/{}.SYS", name.to_uppercase())).unwrap();
    folder
}

/// The type that applications see comes from the INF: this driver leaves it out, and is right where the INF
/// does not.
#[test]
fn a_setting_of_the_device_itself_counts() {
    let inf = std::fs::read_to_string(super::root().join(RING)).unwrap();
    let name = "device-type-ignored";
    let inf = inf.replace("registry-parameters", name);
    let typed =
        inf.replace("HKR,, Mask, %REG_DWORD%, 0xFFFF", "HKR,, DeviceType, %REG_DWORD%, 0x1b");
    for (text, findings) in [(&inf, 1), (&typed, 0)] {
        let folder = with_image("type.inf", name, text, "buggy/device-type-ignored");
        let path = format!("{folder}/type.inf");
        let told = json(&[
            "install",
            &path,
            "--hardware",
            DEVICE,
            "--run",
            "--schedules",
            "3000",
            "--format",
            "json",
        ]);
        assert_eq!(told["run"]["findings"].as_array().unwrap().len(), findings, "{}", told["run"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// What an INF includes out of its own folder is part of what it does; Windows' own INFs stay what they were.
#[test]
fn included_infs_that_lie_beside_are_read() {
    let folder = std::env::temp_dir().join(format!("bugcheck-include-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let own = std::fs::read_to_string(super::root().join(INF)).unwrap();
    let included = "\n[Card_Install.NT]\nInclude = common.inf, machine.inf\nNeeds = Common_Install, PciIoSpaceNotRequired\n";
    let common = "[Version]\nSignature = \"$Windows NT$\"\n[Common_Install]\nInclude = more.inf\n\
                  Needs = More_Install\nAddReg = Common_Registry\n[Common_Registry]\n\
                  HKR,, Common, 0x00010001, 1\n";
    let more = "[Version]\nSignature = \"$Windows NT$\"\n[More_Install]\nAddReg = More_Registry\n\
                [More_Registry]\nHKR,, More, , \"%Text%\"\n[Strings]\nText = \"out of its own strings\"\n";
    for (name, text) in
        [("card.inf", own + included), ("COMMON.INF", common.into()), ("more.inf", more.into())]
    {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let card = folder.join("card.inf").display().to_string();
    let told = json(&["explain", &card, "--format", "json"]);
    let install = &told["installs"][0];
    let expected = serde_json::json!([
        {"file": "common.inf", "sections": ["Common_Install"]},
        {"file": "more.inf", "sections": ["More_Install"]},
    ]);
    assert_eq!(install["included"], expected);
    assert_eq!(install["needs"], serde_json::json!(["PciIoSpaceNotRequired"]));
    assert_eq!(install["includes"], serde_json::json!(["machine.inf"]));
    let registry = install["registry"].to_string();
    assert!(
        registry.contains("Common") && registry.contains("out of its own strings"),
        "{registry}"
    );
    let ran = run(&["explain", &card]);
    assert!(ran.out.contains("common.inf, read with [Common_Install]"), "{}", ran.out);

    // Where all that is included is at hand, a section that none of it has is an error.
    std::fs::write(folder.join("machine.inf"), more).unwrap();
    let told = json(&["explain", &card, "--format", "json"]);
    let codes: Vec<_> =
        told["diagnostics"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect();
    assert!(codes.contains(&"needs-not-found".into()), "{codes:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

//! Small logs of our own making, in every form that Windows and web pages give them.

use super::*;
use proptest::prelude::*;

/// A log as it is written by Windows 7 and later: header, a boot session, entries, `body` as a section.
fn log(body: &[&str], exit: &str) -> String {
    let mut lines = vec![
        "[Device Install Log]",
        "     OS Version = 10.0.19045",
        "     Service Pack = 0.0",
        "     Suite = 0x0100",
        "     ProductType = 1",
        "     Architecture = amd64",
        "",
        "[BeginLog]",
        "",
        "[Boot Session: 2024/02/29 08:00:00.500]",
        "",
        r"   . ump: Start service install for: ROOT\FIFO\0000",
        r">>>  [Device Install (DiInstallDevice) - ROOT\FIFO\0000]",
        ">>>  Section start 2024/02/29 23:59:58.750",
    ];
    lines.extend(body);
    lines.extend(["<<<  Section end 2024/03/01 00:00:01.000", exit, ""]);
    lines.join("\r\n")
}

const BODY: &[&str] = &[
    r#"      cmd: "C:\tools\devcon.exe" install fifo.inf root\fifo"#,
    "     dvi: {Build Driver List} 23:59:58.800",
    "!    dvi:      Selecting driver failed(0xe0000228)",
    "     dvi: {Build Driver List - exit(0x00000000)} 23:59:59.100",
    "!!!  dvi: Device not started: Device has problem: 0x0a (CM_PROB_FAILED_START).",
];

fn sections(data: &[u8]) -> Vec<Section> {
    let pieces = Pieces::new(data);
    pieces
        .filter_map(|piece| match piece {
            Piece::Section(section) => Some(section),
            _ => None,
        })
        .collect()
}

fn entry(line: &str) -> Entry<'_> {
    match row::read(line.as_bytes()) {
        Row::Entry(entry) => entry,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_log_has_a_header_a_boot_session_a_loose_entry_and_a_section() {
    let text = log(BODY, "<<<  [Exit status: FAILURE(0xe0000203)]");
    let header = Header::read(text.as_bytes()).expect("a header");
    assert_eq!(header.title, "Device Install Log");
    assert_eq!(header.get("OS Version"), Some("10.0.19045"));
    assert_eq!((header.fields.len(), header.get("Architecture")), (5, Some("amd64")));
    let pieces: Vec<Piece<'_>> = Pieces::new(text.as_bytes()).collect();
    let [Piece::Boot(boot), Piece::Loose(loose), Piece::Section(section)] = &pieces[..] else {
        panic!("{pieces:?}")
    };
    assert_eq!(boot.to_string(), "2024/02/29 08:00:00.500");
    assert!(loose.bytes.starts_with(b"   . ump: Start"));
    assert_eq!((section.number, section.line), (1, 13));
    assert_eq!(section.name, "Device Install (DiInstallDevice)");
    assert_eq!(section.instance, r"ROOT\FIFO\0000");
    assert_eq!(section.millis(), Some(2_250), "over the leap day's midnight");
    assert_eq!((section.success, section.code), (Some(false), Some(0xe000_0203)));
    assert_eq!((section.errors, section.warnings, section.stopped), (1, 1, true));
    let own: Vec<Line<'_>> = section.lines(text.as_bytes()).collect();
    assert_eq!((own.len(), own[0].number), (BODY.len() + 4, 13));
    assert!(
        own[0].bytes.starts_with(b">>>  [") && own[BODY.len() + 3].bytes.starts_with(b"<<<  [")
    );
}

#[test]
fn every_encoding_and_blank_gives_the_same_section() {
    let text = log(BODY, "<<<  [Exit status: SUCCESS]");
    let wide = |big: bool, mark: bool| -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let pasted = text.replace("     ", "\u{a0}    ").replace(">  [", ">\u{a0} [");
    let plain = sections(text.as_bytes());
    let forms = [
        wide(false, true),
        wide(false, false),
        wide(true, true),
        wide(true, false),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        text.replace("\r\n", "\n").into_bytes(),
        pasted.clone().into_bytes(),
        // The same no-break spaces in a code page.
        pasted.chars().map(|c| c as u8).collect(),
    ];
    for (index, form) in forms.iter().enumerate() {
        assert!(is_setup_log(form), "form {index}");
        let found = sections(form);
        let same = |section: &Section| Section { offset: 0, end: 0, ..section.clone() };
        assert_eq!(found.len(), 1, "form {index}");
        assert_eq!(same(&found[0]), same(&plain[0]), "form {index}");
        let entries: Vec<String> =
            found[0].lines(form).map(|line| super::text(&line.bytes).into_owned()).collect();
        assert_eq!(entries[2], BODY[0], "form {index}");
    }
}

#[test]
fn what_vista_wrote_and_the_pages_show_is_read_too() {
    let text = "[BeginLog]\n>>>  [Device Install - PCI\\VEN_104C\\3&61aaa01&0&38]\n\
                >>>  2005/02/13 22:06:28.109: Section start\n     ndv: Retrieving device info...\n\
                <<<  [2005/02/13 22:06:29.000: Section end]\n<<<  [Exit Status(0xe0000203)]\n\
                >>>  [Install]\n>>>  2005/02/13 22:06:28: Section start\n\
                <<<  [2005/02/13 22:06:30: Section end]\n<<<  [Exit]\n";
    let [first, second] = &sections(text.as_bytes())[..] else { panic!("two sections") };
    assert_eq!((first.millis(), first.success), (Some(891), Some(false)));
    assert_eq!((first.code, first.exit.as_str()), (Some(0xe000_0203), "(0xe0000203)"));
    assert_eq!((second.name.as_str(), second.instance.as_str()), ("Install", ""));
    assert_eq!((second.millis(), second.success, second.code), (Some(2_000), None, None));
}

#[test]
fn an_entry_has_level_time_category_indentation_and_message() {
    let it =
        entry("!!!  2005/02/13 22:06:28.109: sto:           Failed. Error = 0xE0000247 10:00:01");
    assert_eq!((it.level, it.category, it.indent), (Level::Error, &b"sto"[..], 10));
    assert_eq!(it.stamp.expect("a time").to_string(), "2005/02/13 22:06:28.109");
    assert_eq!(it.message, b"Failed. Error = 0xE0000247");
    assert_eq!(it.clock, Some(Clock { millis: 36_001_000, fine: false }));
    assert_eq!(entry("   . ui : A dialog").category, b"ui");
    assert_eq!(entry("     ...: Ours").category, b"...");
    assert_eq!(entry("!    inf: x").level, Level::Warning);
    let without = entry("     no category: here 25:00:00.000");
    assert_eq!((without.category, without.clock), (&b""[..], None));
    assert_eq!(entry("     dvi: 2:01:00:00.000").clock, None, "a time stands apart");
}

#[test]
fn groups_open_and_close() {
    let brace = |message: &'static str| -> Option<Brace<'static>> {
        let line: &'static str = Box::leak(format!("     dvi: {message}").into_boxed_str());
        entry(line).brace
    };
    let close = |title: &'static str, code| Some(Brace::Close { title: title.as_bytes(), code });
    assert_eq!(
        brace("{Restarting Devices} 20:55:17.736"),
        Some(Brace::Open(b"Restarting Devices"))
    );
    assert_eq!(brace("{Restarting Devices exit} 20:55:17.906"), close("Restarting Devices", None));
    assert_eq!(brace("{Core - exit(0xe0000203)}"), close("Core", Some(0xe000_0203)));
    assert_eq!(brace("{Install FILES exit (0x00000001)}"), close("Install FILES", Some(1)));
    assert_eq!(brace("{Install INTERFACES exit 00000000}"), close("Install INTERFACES", Some(0)));
    assert_eq!(brace("{Copy Directory: exit(0x00000005)}"), close("Copy Directory", Some(5)));
    assert_eq!(
        brace("{_SCAN_FILE_QUEUE exit(0, 0x0000000a)}"),
        close("_SCAN_FILE_QUEUE", Some(10))
    );
    assert_eq!(brace("{_commit_copyfile exit OK}"), close("_commit_copyfile", Some(0)));
    assert_eq!(brace("{NEEDMEDIA - returned 0x00000001}"), close("NEEDMEDIA", Some(1)));
    assert_eq!(
        brace("{Writing Device Properties - Complete}"),
        close("Writing Device Properties", None)
    );
    assert_eq!(brace("{exit(0x00000000)}"), close("", Some(0)));
    // No ends, and no groups.
    assert_eq!(brace("{Find exit strategy}"), Some(Brace::Open(b"Find exit strategy")));
    assert_eq!(
        brace("{Import Driver Package: C:\\cut"),
        Some(Brace::Open(b"Import Driver Package: C:\\cut"))
    );
    assert_eq!(brace("{4d36e972-e325-11ce-bfc1-08002be10318}"), None);
    assert_eq!(brace("{4d36e972-e325-11ce-bfc1-08002be10318} is new"), None);
    assert_eq!(brace("no {group}"), None);
}

#[test]
fn a_section_that_is_cut_off_ends_where_the_next_begins() {
    let start =
        ">>>  [Device Install - A\\B\n>>>  Section start 2024/01/01 10:00:00.000\n     dvi: x\n";
    let text =
        format!("{start}[Boot Session: 2024/01/01 11:00:00.000]\n{start}{start}<<<  Section e");
    let found = sections(text.as_bytes());
    assert_eq!(found.len(), 3);
    for section in &found {
        assert_eq!(
            (section.instance.as_str(), section.ended, section.success),
            ("A\\B", None, None)
        );
        assert_eq!(section.exit, "");
    }
    assert_eq!(found[0].end, start.len() as u64);
    assert_eq!(found[2].end, text.len() as u64);
    let exit =
        format!("{start}<<<  Section end 2024/01/01 10:00:01.000\n<<<  [Exit status: SUCCESS");
    assert_eq!(sections(exit.as_bytes())[0].success, Some(true), "without its bracket");
    let reboot = format!("{start}<<<  [Exit status: SUCCESS (REBOOT_REQUIRED)]\n");
    assert_eq!(sections(reboot.as_bytes())[0].exit, "SUCCESS (REBOOT_REQUIRED)");
}

#[test]
fn a_code_page_and_a_line_of_any_length_are_read() {
    assert_eq!(text(b"C:\\Treiber f\xfcr \x80\xa0x\x81"), "C:\\Treiber für € x\u{fffd}");
    assert_eq!(text("Größe\u{a0}1".as_bytes()), "Größe 1");
    let long =
        format!(">>>  [{}]\n>>>  Section start 2024/01/01 10:00:00.000\n", "a".repeat(1 << 20));
    let found = sections(long.as_bytes());
    assert!(found[0].name.len() <= MOST_LINE);
    assert_eq!(found[0].begun.expect("a start").to_string(), "2024/01/01 10:00:00.000");
}

#[test]
fn other_logs_are_told_apart() {
    let others: [(&[u8], &str); 6] = [
        (
            b"[2005/06/13 13:40:37 6120.256]\n#-198 Command line processed: x\n",
            "Windows 2000 or XP",
        ),
        (
            b"@ 19:00:08.907 #V166 Device install function: DIF_SELECTBESTCOMPATDRV.\n",
            "Windows 2000 or XP",
        ),
        (b"2015-11-22 17:57:17, Info                  CBS    Loaded\n", "CBS.log"),
        (b"2015-11-22 17:57:17, Info                  DISM   API: x\n", "DISM"),
        (b"2015-11-22 17:57:17, Info       [0x0808fe] MIG    x\n", "setupact.log"),
        (b"ElfFile\0\0\0", "event log"),
    ];
    for (data, word) in others {
        assert!(!is_setup_log(data), "{word}");
        let told = other_log(data).unwrap_or_default();
        assert!(told.contains(word), "{told}");
    }
    for data in
        [&b""[..], b"MZ\x90\0", b"hello\nworld\n", b"[Version]\nSignature=\"$Windows NT$\"\n"]
    {
        assert!(!is_setup_log(data) && other_log(data).is_none());
    }
}

/// Pieces of lines that mean something, in any order.
fn shards() -> impl Strategy<Value = Vec<u8>> {
    const SHARDS: &[&[u8]] = &[
        b">>>  [",
        b"<<<  [",
        b">>>  Section start ",
        b"<<<  Section end ",
        b"2024/02/29 23:59:60.999",
        b"Exit status: ",
        b"FAILURE(0x",
        b"e0000203",
        b"!!!  ",
        b"!    dvi:",
        b"     sto: {",
        b" - exit(0x",
        b"}",
        b")]",
        b"\n",
        b"\r\n",
        b"\n\0",
        b"\xc2\xa0",
        b"\xa0",
        b"\0",
        b"\xff\xfe",
        b"[Boot Session: ",
        b"[BeginLog]",
        b" - ",
        b"has problem: 0x",
    ];
    let shard = prop::sample::select(SHARDS);
    prop::collection::vec(shard, 0..60).prop_map(|all| all.concat())
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_panics(data in prop_oneof![shards(), prop::collection::vec(any::<u8>(), 0..300)]) {
        let mut end = 0;
        for line in Lines::new(&data) {
            prop_assert!(line.offset >= end && line.bytes.len() <= 3 * data.len());
            end = line.offset;
            let _ = line.row();
        }
        let (mut end, mut number) = (0, 0);
        for section in sections(&data) {
            number += 1;
            prop_assert_eq!(section.number, number);
            prop_assert!(section.offset >= end && section.end > section.offset);
            prop_assert!(section.end <= data.len() as u64);
            end = section.end;
            let again = section.lines(&data).next().expect("its first line");
            prop_assert_eq!((again.number, again.offset), (section.line, section.offset));
        }
        let _ = (is_setup_log(&data), other_log(&data), Header::read(&data), text(&data).len());
    }
}

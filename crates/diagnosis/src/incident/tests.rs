//! Incidents of a few files, made by the writer of dumps, as text, and as records of event logs.

use super::*;
use crate::Nothing;
use crate::setup::Wanted;
use crate::system_log::{Folder, Source, Watch};
use dump_writer::{Description, Machine, Memory, Module};
use evidence::crash_dump::Dump;
use evidence::system_log::{Format, Reader, Record};
use knowledge::messages::Certainty;

/// 2020-01-01 00:00:00 UTC: in microseconds since 1970, and in units of 100 ns since 1601.
const MIDNIGHT: i64 = 1_577_836_800_000_000;
const TICKS: u64 = 132_223_104_000_000_000;

/// A crash at midnight in `fifo.sys`, 120 seconds after the start.
fn crash() -> Description {
    let mut crash = Description::new(Machine::X64);
    (crash.system_time, crash.up_time) = (TICKS, 1_200_000_000);
    crash.bug_check = 0xd1;
    crash.parameters = [0, 2, 0, 0xffff_f801_4000_11bc];
    crash.broken_driver = Some("fifo.sys".to_owned());
    crash.modules.push(Module {
        path: "\\SystemRoot\\System32\\drivers\\fifo.sys".to_owned(),
        base: 0xffff_f801_4000_0000,
        size: 0x9000,
        checksum: 0x1234,
        stamp: 0x5e00_0000,
    });
    crash
}

fn of_dump(crash: &Description) -> Evidence {
    let mut file = Vec::new();
    dump_writer::write_small(crash, &mut file).expect("a dump");
    let dump = Dump::parse(&file).expect("a dump");
    of_crash("crash.dmp", &dump, &crate::crash::diagnose(&dump, &Nothing))
}

/// A log of SetupAPI on a clock an hour ahead: the device did not start a minute before the crash.
const SETUP: &str = "\
[Device Install Log]\n     OS Version = 10.0.19045\n\n[BeginLog]\n\n[Boot Session: 2020/01/01 00:58:03.500]\n\n\
>>>  [Device Install (Hardware initiated) - PCI\\VEN_1B36&DEV_0017\\3&1]\n\
>>>  Section start 2020/01/01 00:58:50.000\n\
     dvi:      Searching for hardware ID(s):\n     dvi:           pci\\ven_1b36&dev_0017\n\
     dvi:      Selected:\n     dvi:           InfFile     - [C:\\Windows\\INF\\fifo.inf]\n\
     dvi:           Section     - [Fifo]\n\
     inf:           {Add Service: Fifo}\n\
     inf:                Image Path    = \\SystemRoot\\System32\\drivers\\fifo.sys\n\
     inf:                Created new service 'Fifo'.\n\
     inf:           {Add Service: exit(0x00000000)}\n\
!!!  dvi:      Device not started: Device has problem: 0x0a (CM_PROB_FAILED_START), problem status: 0xc0000001.\n\
<<<  Section end 2020/01/01 00:59:00.000\n<<<  [Exit status: FAILURE(0xe0000203)]\n";

fn of_setup_log(text: &str) -> Evidence {
    of_setup("setupapi.dev.log", &crate::setup::diagnose(text.as_bytes(), Wanted::Incident))
}

/// An event log: seconds before the crash, provider, number, data.
fn of_events(events: &[(i64, &str, u32, &str)]) -> Evidence {
    let mut folder = Folder::new(Base::own());
    for ((before, program, event, message), line) in events.iter().zip(1..) {
        folder.take(&Record {
            line,
            time: Some(Time::universal(MIDNIGHT - before * 1_000_000)),
            program: program.as_bytes(),
            event: Some(*event),
            message: message.as_bytes(),
            ..Record::default()
        });
    }
    let source = Source { name: "System.evtx".to_owned(), ..Source::default() };
    of_log(&folder.finish(vec![source]), true)
}

fn related(all: &[Evidence]) -> Incident {
    Incident::of(all.to_vec(), 0, Base::own(), &Settings::default())
}

fn relation<'i>(incident: &'i Incident, id: &str) -> &'i Relation {
    let ids: Vec<&str> = incident.relations.iter().map(|it| it.known.id.as_str()).collect();
    incident
        .relations
        .iter()
        .find(|it| it.known.id == id)
        .unwrap_or_else(|| panic!("{id}: {ids:?}"))
}

#[test]
fn the_start_of_windows_sets_the_clock_and_the_failed_driver_is_the_one_that_crashed() {
    let incident = related(&[of_dump(&crash()), of_setup_log(SETUP)]);
    let clock = &incident.files[1].clock;
    assert_eq!((clock.how, clock.ahead_minutes), (How::Found, Some(60)), "{clock:?}");
    let it = relation(&incident, "driver-of-dump-failed-to-install");
    assert_eq!((it.certainty, it.apart), (Certainty::Likely, Some(60_000_000)));
    assert_eq!(it.alike, [("driver".to_owned(), "fifo.sys".to_owned())]);
    let places: Vec<String> = it.grounds.iter().map(|it| it.place.to_string()).collect();
    assert_eq!(places, ["setupapi.dev.log, line 19", "crash.dmp, offset 0xfa8"]);
    assert!(it.doubts[0].contains("UTC+01:00"), "{:?}", it.doubts);
    // The weaker one about the same facts is not told as well.
    assert!(incident.relations.iter().all(|it| it.known.id != "driver-of-dump-is-in-setup-log"));
    let order: Vec<&str> = incident.timeline.iter().map(|it| it.place.file.as_str()).collect();
    assert_eq!(order, ["crash.dmp", "setupapi.dev.log", "setupapi.dev.log", "crash.dmp"]);
    assert!(incident.apart.is_empty());
}

#[test]
fn without_a_common_moment_the_clock_is_not_known_until_it_is_given() {
    let text = SETUP.replace("[Boot Session: 2020/01/01 00:58:03.500]", "");
    let all = [of_dump(&crash()), of_setup_log(&text)];
    let incident = related(&all);
    assert_eq!(incident.files[1].clock.how, How::Unknown);
    let it = relation(&incident, "driver-of-dump-is-in-setup-log");
    assert_eq!((it.certainty, it.apart), (Certainty::Possible, None));
    assert_eq!(it.grounds[0].written.as_deref(), Some("2020-01-01 00:59:00"));
    assert_eq!(incident.apart.len(), 1);
    let zone: ZoneOf = Box::new(|local| Some(local - 3_600_000_000));
    let settings = Settings { zone: Some(("+01:00".to_owned(), zone)), year: None };
    let incident = Incident::of(all.to_vec(), 0, Base::own(), &settings);
    let it = relation(&incident, "driver-of-dump-failed-to-install");
    assert!(it.doubts.is_empty() && it.apart == Some(60_000_000));
}

#[test]
fn the_event_of_a_crash_is_known_by_its_parameters() {
    let data = "param1=0x000000d1 (0x0000000000000000, 0x0000000000000002, 0x0000000000000000, \
                0xfffff801400011bc); param2=C:\\Windows\\MEMORY.DMP; param3=1";
    let events = [
        (-40, "Microsoft-Windows-WER-SystemErrorReporting", 1001, data),
        (
            5,
            "Microsoft-Windows-Kernel-PnP",
            219,
            "DriverName=PCI\\X; Status=1; FailureName=\\Driver\\Fifo",
        ),
        (
            30,
            "Service Control Manager",
            7045,
            "ServiceName=Fifo; ImagePath=System32\\drivers\\fifo.sys; ServiceType=kernel mode driver; StartType=demand start",
        ),
    ];
    let incident = related(&[of_dump(&crash()), of_events(&events)]);
    assert_eq!(relation(&incident, "dump-of-this-event").certainty, Certainty::Sure);
    // The event names the driver by its object, and another says which file that is.
    let it = relation(&incident, "driver-of-dump-had-trouble");
    assert_eq!(it.grounds[0].by.len(), 1);
    assert_eq!(it.grounds[0].by[0].to_string(), "System.evtx, record 3");
    relation(&incident, "driver-of-dump-just-installed");
    let other = [(-40, events[0].1, 1001, &*data.replace("bc)", "bd)"))];
    let incident = related(&[of_dump(&crash()), of_events(&other)]);
    assert!(incident.relations.is_empty(), "{:?}", incident.relations);
}

#[test]
fn an_event_about_the_service_sets_the_clock_of_the_log_that_made_it() {
    let text = SETUP.replace("[Boot Session: 2020/01/01 00:58:03.500]", "");
    let event = "ServiceName=Fifo; ImagePath=System32\\drivers\\fifo.sys; ServiceType=kernel mode driver; StartType=demand start";
    let events = of_events(&[(64, "Service Control Manager", 7045, event)]);
    let incident = related(&[of_setup_log(&text), events]);
    let clock = &incident.files[0].clock;
    assert_eq!((clock.how, clock.ahead_minutes), (How::Found, Some(60)), "{clock:?}");
    assert!(clock.grounds.contains("service fifo"), "{clock:?}");
}

#[test]
fn a_dump_with_memory_tells_the_zone_of_its_machine() {
    let mut with_memory = crash();
    let mut page = vec![0; 0x40];
    // Two hours ahead: universal time is two hours less.
    let bias = -72_000_000_000_i64;
    page[0x20..0x28].copy_from_slice(&bias.to_le_bytes());
    page[0x28..0x2c].copy_from_slice(&bias.to_le_bytes()[4..]);
    with_memory.memory.push(Memory::new(0xffff_f780_0000_0000, page));
    let incident =
        related(&[of_dump(&with_memory), of_setup_log(&SETUP.replace("[Boot", "[Boat"))]);
    let clock = &incident.files[1].clock;
    assert_eq!((clock.how, clock.ahead_minutes), (How::Found, Some(120)), "{clock:?}");
    assert!(clock.grounds.contains("crash.dmp tells the zone"), "{clock:?}");
}

/// A driver at hand: its facts, without an image around them.
fn driver(facts: &[(&str, &str, Option<i64>)]) -> Evidence {
    let mut it = Evidence::new("fifo.sys", "driver");
    for (name, build, micros) in facts {
        let values = values([("driver", "fifo.sys".to_owned()), ("build", (*build).to_owned())]);
        let fact = Fact { name: (*name).to_owned(), values, ..Fact::default() };
        it.say(Said { fact, time: micros.map(Time::universal), ..Said::default() });
    }
    it
}

#[test]
fn builds_are_compared_and_signatures_run_out() {
    let dump = of_dump(&crash());
    let same = driver(&[("image", "5E0000009000", None)]);
    let incident = related(&[dump.clone(), same]);
    relation(&incident, "same-build-as-in-dump");
    let other = driver(&[("image", "5F0000009000", None)]);
    let incident = related(&[dump.clone(), other]);
    let it = relation(&incident, "other-build-than-in-dump");
    assert_eq!((it.certainty, incident.relations.len()), (Certainty::Sure, 1));
    let ended = driver(&[("signature-ended", "", Some(MIDNIGHT - 86_400_000_000))]);
    let incident = related(&[dump.clone(), ended.clone(), of_setup_log(SETUP)]);
    relation(&incident, "signature-ended-before-crash");
    relation(&incident, "signature-ended-before-install");
    let later = driver(&[("signature-ended", "", Some(MIDNIGHT + 1))]);
    assert!(related(&[dump, later]).relations.is_empty());
}

#[test]
fn a_log_without_years_is_put_before_the_crash_and_its_last_lines_are_kept() {
    let text = "Dec 31 23:30:00 host kernel: blk_update_request: I/O error, dev sda, sector 1952 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0\n\
                Jan  1 00:59:59 host qemu[77]: guest paused\nJan  1 01:00:05 host qemu[77]: guest reset\n";
    let dump = of_dump(&crash());
    let zone: ZoneOf = Box::new(|local| Some(local - 3_600_000_000));
    let settings = Arc::new(Settings { zone: Some(("+01:00".to_owned(), zone)), year: None });
    let before = [dump];
    let universal = universal_by(&before, &settings);
    let mut folder = Folder::new(Base::own());
    folder.watch(Watch::new(&[MIDNIGHT], Box::new(universal)));
    let mut reader = Reader::new(Format::Syslog);
    reader.push(text.as_bytes(), &mut |record| folder.take(record));
    let log = of_log(&folder.finish(vec![Source::of("messages", "syslog", &reader)]), false);
    let [dump] = before;
    let incident = Incident::of(vec![dump, log], 0, Base::own(), &settings);
    let last = &incident.last_lines[0];
    assert_eq!((last.file.as_str(), last.dump.as_str()), ("messages", "crash.dmp"));
    let lines: Vec<&str> = last.before.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["guest paused"]);
    let clock = &incident.files[1].clock;
    assert_eq!((clock.year, clock.certainty), (Some(2019), Certainty::Possible), "{clock:?}");
    assert_eq!(incident.timeline[0].micros, Some(MIDNIGHT - 5_400_000_000));
}

#[test]
fn dumps_are_counted_by_bucket() {
    let mut buckets = Buckets::default();
    let row = |bucket: &str, micros: i64| Row {
        bucket: bucket.to_owned(),
        what: String::new(),
        module: String::new(),
        micros: Some(micros),
    };
    for (bucket, micros) in [("a", 3), ("b", 1), ("b", 9), ("b", 4)] {
        buckets.add("x.dmp", &row(bucket, micros));
    }
    let table = buckets.table();
    assert_eq!((table[0].count, table[0].row.micros, table[0].last), (3, Some(1), Some(9)));
    assert_eq!((buckets.dumps, table.len()), (4, 2));
}

#[test]
fn a_hostile_folder_comes_to_an_end() {
    let mut all = Vec::new();
    for file in 0..40 {
        let mut it = Evidence::new(&format!("{file}"), "driver");
        for at in 0..1_000 {
            let values =
                values([("driver", format!("{at}.sys")), ("service", format!("{}", at + 1))]);
            for name in ["image", "dump", "setup-failed", "inf"] {
                let fact =
                    Fact { name: name.to_owned(), values: values.clone(), ..Fact::default() };
                it.say(Said { fact, time: Some(Time::universal(at)), ..Said::default() });
            }
            it.link(LinkKind::Service, &format!("{at}"), "0.sys", Unit::Line, 1);
        }
        all.push(it);
    }
    let incident = related(&all);
    assert!(incident.relations.len() < 200);
}

#[test]
fn files_are_named_within_their_folder() {
    assert_eq!(common_folder(["a/b/c", "a/b/d", "a/bc/e"]), "a/");
    assert_eq!(common_folder(["a/b/c", "a/b/d"]), "a/b/");
    assert_eq!(common_folder(["/x", "y"]), "");
    assert_eq!(common_folder(["only"]), "");
    assert_eq!(common_folder([]), "");
}

/// `oem7.inf` is what Windows called the INF at hand: it installs the same driver.
#[test]
fn a_published_inf_is_known_by_its_driver() {
    let mut inf = Evidence::new("fifo.inf", "INF");
    inf.link(LinkKind::Inf, "fifo.inf", "fifo.sys", Unit::Line, 40);
    let values = values([("inf", "fifo.inf".to_owned()), ("driver", "fifo.sys".to_owned())]);
    let fact = Fact { name: "inf".to_owned(), values, ..Fact::default() };
    inf.say(Said { fact, ids: vec!["pci\\ven_1b36&dev_0017".to_owned()], ..Said::default() });
    let setup = of_setup_log(&SETUP.replace("fifo.inf", "oem7.inf"));
    let incident = related(&[inf, setup]);
    let it = relation(&incident, "inf-of-failed-install");
    assert_eq!(it.alike, [("inf".to_owned(), "fifo.inf".to_owned())]);
    assert!(incident.relations.iter().all(|it| it.known.id != "inf-is-for-device"));
}

//! Logs of a few lines, folded and told.

use super::*;
use evidence::system_log::{Format, Reader};
use knowledge::messages::{Base, Severity};

fn tell_with(text: &str, most: usize) -> SystemLog {
    let format = Format::of(text.as_bytes()).unwrap_or(Format::Plain);
    let mut reader = Reader::new(format);
    let mut folder = Folder::new(Base::own());
    folder.most = most;
    reader.push(text.as_bytes(), &mut |record| folder.take(record));
    reader.finish(&mut |record| folder.take(record));
    folder.finish(vec![Source::of("messages", format.name(), &reader)])
}

fn tell(text: &str) -> SystemLog {
    tell_with(text, MOST_SHAPES)
}

const RADEON: &str = "Apr 24 12:04:49 kernel: radeon 0000:01:00.0: ffff8802d0aa1a00 reserve failed for wait\n\
                      Apr 24 12:04:59 kernel: radeon 0000:02:00.0: ffff8802d0aa1b00 reserve failed for wait\n";

#[test]
fn what_is_known_is_folded_and_harmless_noise_is_no_finding() {
    let log = tell(RADEON);
    assert_eq!((log.records.count, log.shapes, log.known.len()), (2, 1, 1));
    let known = &log.known[0];
    assert_eq!((known.id.as_str(), known.severity), ("radeon-reserve-failed", Severity::Harmless));
    assert_eq!(known.often.span(), Some(10_000_000));
    let devices: Vec<&str> = known.values["device"].iter().map(|it| it.value.as_str()).collect();
    assert_eq!(devices, ["0000:01:00.0", "0000:02:00.0"]);
    assert!(!log.is_wrong() && log.unusual.is_empty());
}

#[test]
fn what_was_folded_before_counts() {
    let text = format!("{RADEON}Apr 24 12:05:09 last message repeated 40 times\n");
    assert_eq!(tell(&text).known[0].often.count, 42);
    let text = format!(
        "{RADEON}Apr 24 12:05:09 h kernel: message repeated 3 times: [ radeon 0000:01:00.0: ff0 reserve failed for wait]\n"
    );
    assert_eq!(tell(&text).known[0].often.count, 5);
}

#[test]
fn with_too_many_shapes_known_messages_are_still_found() {
    let mut text = String::new();
    for word in ["alpha", "beta", "gamma", "delta", "epsilon"] {
        text += &format!("Apr 24 12:00:00 h {word}: something {word}\n");
    }
    let log = tell_with(&(text + RADEON), 3);
    assert_eq!((log.shapes, log.beyond.count), (3, 2));
    assert_eq!(log.known[0].often.count, 2);
    assert_eq!(log.unknown_records, 5);
}

#[test]
fn rare_and_bad_comes_before_common_and_good() {
    let mut text = String::new();
    for second in 0..50 {
        text += &format!("<30>Apr 24 12:00:{second:02} h systemd: Started session {second}\n");
    }
    text += "<27>Apr 24 12:01:00 h foo: something broke\n<30>Apr 24 12:01:00 h bar: hello\n";
    let log = tell(&text);
    let order: Vec<&str> = log.unusual.iter().map(|it| it.program.as_str()).collect();
    assert_eq!(order, ["foo", "bar", "systemd"]);
    assert_eq!(log.unusual[0].level, 3);
    assert!((log.unusual[0].bits - 52f64.log2()).abs() < 1e-9);
}

const OOPS: &str = "\
[  100.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008
[  100.000001] #PF: supervisor read access in kernel mode
[  100.000002] Oops: 0000 [#1] SMP PTI
[  100.000003] CPU: 1 PID: 1234 Comm: cat Tainted: G           OE     5.4.0-42-generic #46-Ubuntu
[  100.000004] RIP: 0010:my_read+0x12/0x40 [mydriver]
[  100.000005] Call Trace:
[  100.000006]  ? __die+0x20/0x60
[  100.000007]  vfs_read+0x9d/0x150
[  100.000008]  ksys_read+0x5f/0xe0
[  100.000009] Code: 48 8b 47 08
[  100.000010] ---[ end trace 0123456789abcdef ]---
[  100.100000] usb 1-1: new high-speed USB device number 5 using xhci_hcd
";

#[test]
fn an_oops_is_kept_whole() {
    let log = tell(OOPS);
    assert_eq!(log.blocks.len(), 1);
    let block = &log.blocks[0];
    assert_eq!((block.kind, block.lines.len()), (Kind::Oops, 11));
    assert_eq!(block.function.as_deref(), Some("my_read"));
    assert_eq!(block.task.as_deref(), Some("cat"));
    assert_eq!(block.taint.as_deref(), Some("GOE"));
    assert_eq!(block.calls, ["vfs_read", "ksys_read"]);
    assert!(log.unusual.iter().all(|it| it.text.starts_with("usb 1-1")), "{:?}", log.unusual);
    // The same once more is the same block.
    let twice = tell(&(OOPS.to_owned() + &OOPS.replace("[  100.", "[  200.")));
    assert_eq!((twice.blocks.len(), twice.blocks[0].often.count), (1, 2));
}

#[test]
fn lines_of_others_may_stand_in_a_block() {
    let mut text = String::new();
    for (at, line) in OOPS.lines().enumerate() {
        let message = line.split_once("] ").unwrap().1;
        text += &format!("Apr 24 12:00:{at:02} h kernel: {message}\n");
        text += &format!("Apr 24 12:00:{at:02} h cron[{at}]: tick\n");
    }
    assert_eq!(tell(&text).blocks[0].lines.len(), 11);
}

#[test]
fn facts_of_a_log_go_together() {
    let text = "[  10.000000] blk_update_request: I/O error, dev sda, sector 1952 op 0x0:(READ) flags 0x0\n\
                [  11.000000] EXT4-fs (sda1): Remounting filesystem read-only\n";
    let log = tell(text);
    assert_eq!(log.together[0].known.id, "disk-took-filesystem-down");
    assert_eq!(
        log.together[0].facts,
        [("io-error".to_owned(), 1), ("ext4-readonly".to_owned(), 2)]
    );
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    let late = lines.join("\n").replace("  10.", "  12.");
    assert!(tell(&late).together.is_empty(), "the other way round it is none");
}

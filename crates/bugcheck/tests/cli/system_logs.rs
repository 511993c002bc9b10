//! `bugcheck explain` on logs of the system, and `bugcheck knowledge`.

use super::{command, golden, run, scratch::Scratch};
use std::io::Write;
use std::process::Stdio;

const LOG: &str = "\
Apr 24 12:04:49 host kernel: radeon 0000:01:00.0: ffff8802d0aa1a00 reserve failed for wait
Apr 24 12:04:50 host kernel: radeon 0000:01:00.0: ffff8802d0aa1b00 reserve failed for wait
Apr 24 12:05:00 host evil[1]: \u{1b}]0;title\u{7}\u{1b}[2J\u{202e}backwards
Apr 24 12:05:01 host kernel: blk_update_request: I/O error, dev sda, sector 1952 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0
Apr 24 12:05:02 host kernel: EXT4-fs (sda1): Remounting filesystem read-only
Apr 24 12:05:03 host kernel: BUG: kernel NULL pointer dereference, address: 0000000000000008
Apr 24 12:05:03 host kernel: RIP: 0010:my_read+0x12/0x40 [mydriver]
Apr 24 12:05:03 host kernel: Call Trace:
Apr 24 12:05:03 host kernel:  vfs_read+0x9d/0x150
Apr 24 12:05:03 host kernel: ---[ end trace 0123456789abcdef ]---
Apr 24 12:05:09 host cron[7]: (root) CMD (true)
";

#[test]
fn a_log_is_folded_explained_and_made_harmless() {
    let file = Scratch::new("messages", LOG.as_bytes());
    let ran = run(&["explain", file.path()]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.error);
    assert!(!ran.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", ran.out);
    golden::check("explain/system-log.txt", &ran.out.replace(file.path(), "messages")).unwrap();
    let ran = run(&["explain", file.path(), "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&told["schema"], &told["format"]),
        (&"bugcheck.explain.1".into(), &"system-log".into())
    );
    assert_eq!(told["known"].as_array().map(Vec::len), Some(4));
    assert_eq!(told["blocks"][0]["function"], "my_read");
    assert_eq!(told["together"][0]["id"], "disk-took-filesystem-down");
}

fn piped(arguments: &[&str], parts: &mut dyn FnMut(&mut dyn Write)) -> (i32, String) {
    let mut child =
        command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    parts(child.stdin.as_mut().unwrap());
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_pipe_is_read_as_it_comes() {
    // More than is looked at to tell what it is.
    let (status, text) = piped(&["explain", "-", "--format", "json"], &mut |to| {
        for _ in 0..2_000 {
            to.write_all(LOG.as_bytes()).unwrap();
        }
    });
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let lines = 2_000 * LOG.lines().count();
    assert_eq!((status, told["sources"][0]["lines"].as_u64()), (1, Some(lines as u64)));
    assert_eq!(told["blocks"][0]["count"], 2_000);
}

#[test]
fn a_text_that_is_no_log_says_what_it_looks_like() {
    let file = Scratch::new("mail.txt", b"Dear all,\nit does not work.\n");
    let ran = run(&["explain", file.path()]);
    assert_eq!(ran.status, 3);
    assert!(ran.error.contains("looks like"), "{}", ran.error);
    // One that holds a known message is a log nevertheless.
    let mail =
        "Hello,\nradeon 0000:01:00.0: ffff8802d0aa1a00 reserve failed for wait\nwhat is it?\n";
    let file = Scratch::new("mail.txt", mail.as_bytes());
    let ran = run(&["explain", file.path()]);
    assert!(ran.status == 0 && ran.out.contains("radeon-reserve-failed"), "{}", ran.out);
}

#[test]
fn entries_of_ones_own_are_checked_and_used() {
    let ran = run(&["knowledge", "check"]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    let entry = "literal = \"CMD (true)\"\nseverity = \"warning\"\ntitle = \"A job does nothing\"\n\
                 meaning = \"The job runs a program that does nothing.\"\nremedy = \"Remove the job.\"\n\
                 references = \"mine\"\nexample = \"(root) CMD (true)\"\n";
    let folder = std::env::temp_dir().join(format!("bugcheck-knowledge-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("idle-job.toml");
    let name = folder.to_str().unwrap();
    std::fs::write(&file, entry.replace("severity", "severitas")).unwrap();
    let ran = run(&["knowledge", "check", name]);
    assert!(ran.status == 1 && ran.out.contains("idle-job.toml:2: "), "{}", ran.out);
    std::fs::write(&file, entry).unwrap();
    assert_eq!(run(&["knowledge", "check", name]).status, 0);
    let log = Scratch::new("own", LOG.as_bytes());
    let ran = run(&["explain", log.path(), "--knowledge", name]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(ran.out.contains("warning[idle-job]: A job does nothing"), "{}", ran.out);
    let ran = run(&["knowledge", "show", "radeon"]);
    assert!(ran.status == 2 && ran.error.contains("radeon-reserve-failed"), "{}", ran.error);
    let ran = run(&["knowledge", "list", "gpu", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["schema"], "bugcheck.knowledge.1");
}

#[test]
fn event_logs_of_others_are_read() {
    let folder = super::root().join("../shared/corpus/event_logs");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("SKIPPED: {} is not there", folder.display());
        return;
    };
    for file in files.flatten() {
        let path = file.path();
        let ran = run(&["explain", path.to_str().unwrap(), "--format", "json"]);
        let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let lines = told["sources"][0]["lines"].as_u64().unwrap();
        // Of the one with a bad chunk, older readers gave up behind it and read 14.
        assert!(lines >= 14, "{}: {lines}", path.display());
    }
}

#[test]
fn a_packed_log_is_unpacked_as_it_is_read() {
    use std::io::Read;
    let mut packed = Vec::new();
    let text = LOG.repeat(100);
    let mut encoder = flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::fast());
    encoder.read_to_end(&mut packed).unwrap();
    let file = Scratch::new("messages.1.gz", &packed);
    let ran = run(&["explain", file.path(), "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["records"]["count"], 100 * 11);
    // Cut off: what was read is no answer.
    let file = Scratch::new("messages.1.gz", &packed[..packed.len() / 2]);
    let ran = run(&["explain", file.path()]);
    assert!(ran.status == 2 && ran.error.contains("cannot be"), "{}", ran.error);
}

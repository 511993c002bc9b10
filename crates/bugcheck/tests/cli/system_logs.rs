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

/// `text` through a program that packs, which `.ci/run` has installed.
fn packed(program: &str, text: &[u8]) -> Option<Vec<u8>> {
    let mut child = std::process::Command::new(program)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().unwrap();
    let text = text.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&text));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.status.success().then_some(output.stdout)
}

#[test]
fn every_packing_is_read_as_it_comes_and_a_cut_one_is_no_answer() {
    // Large enough for several blocks of each.
    let text = LOG.repeat(20_000);
    for (program, end) in [("gzip", "gz"), ("xz", "xz"), ("zstd", "zst"), ("bzip2", "bz2")] {
        let Some(once) = packed(program, text.as_bytes()) else {
            println!("SKIPPED: {program} is not there");
            continue;
        };
        // Streams behind each other are one log.
        let twice = [once.as_slice(), once.as_slice()].concat();
        let file = Scratch::new(&format!("messages.1.{end}"), &twice);
        let ran = run(&["explain", file.path(), "--format", "json"]);
        let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(told["records"]["count"], 2 * 20_000 * 11, "{program}");
        let mut wrong = once.clone();
        let middle = wrong.len() / 2;
        wrong[middle] ^= 0x55;
        for bytes in [&once[..once.len() / 2], &wrong] {
            let file = Scratch::new(&format!("messages.1.{end}"), bytes);
            let ran = run(&["explain", file.path()]);
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{program}: {}", ran.error);
            assert!(ran.error.contains("cannot be"), "{program}: {}", ran.error);
        }
    }
}

/// A small file of which gigabytes come takes no memory, and can be broken off.
#[test]
fn a_bomb_is_read_without_memory_and_can_be_interrupted() {
    let mut bomb = Vec::new();
    let pack = |text: &mut dyn std::io::Read, to: &mut Vec<u8>| {
        let mut encoder = flate2::read::GzEncoder::new(text, flate2::Compression::best());
        std::io::Read::read_to_end(&mut encoder, to).unwrap();
    };
    pack(&mut LOG.as_bytes(), &mut bomb);
    let mut zeros = Vec::new();
    pack(&mut std::io::Read::take(std::io::repeat(0), 1 << 28), &mut zeros);
    // 64 GiB.
    bomb.extend(zeros.iter().cycle().take(zeros.len() * 256));
    assert!(bomb.len() < 80 << 20);
    let file = Scratch::new("messages.gz", &bomb);
    let mut child = command(&["explain", file.path()]).stdout(Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0u64;
    while begun.elapsed().as_millis() < 1500 {
        assert!(child.try_wait().unwrap().is_none(), "it came to an end");
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        // Of its own: the packed file is mapped.
        let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let own = own.and_then(|rest| rest.trim().split(' ').next()?.parse().ok());
        most = most.max(own.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // As Control-C does, which is ignored where a shell has put the tests into the background.
    let ended =
        std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    ended.unwrap();
    // Otherwise it would come to its end by itself, and in peace.
    assert_eq!(child.wait().unwrap().code(), None, "it did not stop");
    assert!((1..100_000).contains(&most), "{most} KiB");
}

#[test]
fn rotated_files_are_one_log_in_order_of_time() {
    let first = Scratch::new("messages.2.gz", &{
        let mut packed = Vec::new();
        let text: &[u8] = b"Dec 30 10:00:00 host kernel: blk_update_request: I/O error, dev sda, sector 1 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0\n";
        let mut encoder = flate2::read::GzEncoder::new(text, flate2::Compression::fast());
        std::io::Read::read_to_end(&mut encoder, &mut packed).unwrap();
        packed
    });
    let folder = std::path::Path::new(first.path()).parent().unwrap().to_owned();
    let lines = |day: &str| {
        format!(
            "{day} 11:00:00 host kernel: blk_update_request: I/O error, dev sda, sector 1 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0\n{day} 12:00:00 host cron[7]: (root) CMD (true)\n"
        )
    };
    std::fs::write(folder.join("messages.1"), lines("Dec 31")).unwrap();
    std::fs::write(folder.join("messages"), lines("Jan  1")).unwrap();
    std::fs::write(folder.join("messages.3"), [0u8, 1, 2, 0xff]).unwrap();
    let ran = run(&["explain", folder.to_str().unwrap(), "--format", "json"]);
    let text = run(&["explain", folder.to_str().unwrap()]);
    for name in ["messages.1", "messages", "messages.3"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    let told: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    let names: Vec<&str> = told["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["name"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["messages.2.gz", "messages.1", "messages"]);
    let known = &told["known"][0];
    assert_eq!(
        (&known["count"], &known["first"], &known["last"]),
        (&3.into(), &"Dec 30 10:00:00".into(), &"Jan  1 11:00:00".into())
    );
    // Into the next year, and not back by one.
    assert_eq!(known["seconds"], f64::from(2 * 86_400 + 3_600));
    assert!(text.out.contains("first on line 1 of messages.2.gz"), "{}", text.out);
}

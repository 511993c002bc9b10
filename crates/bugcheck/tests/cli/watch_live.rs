//! `bugcheck watch` on the machine that the tests run on. What it does not permit is skipped, loudly.

use crate::scratch::Scratch;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A watch that runs beside the test.
struct Watch {
    child: Child,
    out: Scratch,
}

impl Watch {
    /// Starts it and waits until it says which source it has; `None`, and a word to the reader, if it may not.
    fn start(source: &str, more: &[&str]) -> Option<Watch> {
        let out = Scratch::new("out.jsonl", b"");
        let mut command =
            crate::command(&["watch", "--source", source, "--format", "json", "--utc"]);
        command.args(more).stdout(fs::File::create(out.path()).unwrap()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        lines.read_line(&mut said).unwrap();
        if said.contains("source: ") {
            // What it says later shall find somebody who reads.
            thread::spawn(move || lines.lines().for_each(drop));
            return Some(Watch { child, out });
        }
        println!("SKIPPED: {said}");
        assert_eq!(child.wait().unwrap().code(), Some(2), "{said}");
        None
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// The documents that it printed, after it was told to end, or ended by itself.
    fn documents(mut self) -> Vec<Value> {
        let status = self.child.wait().unwrap().code();
        assert!(matches!(status, Some(0 | 1)), "{status:?}");
        let text = fs::read_to_string(self.out.path()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// What a shell and its children did, told by each source.
#[test]
fn a_command_and_its_children() {
    for source in ["ebpf", "netlink"] {
        let script = "sleep 0.3; true; (exit 7); /bin/sh -c 'kill -9 $$'; exit 3";
        let Some(watch) = Watch::start(source, &["--", "sh", "-c", script]) else { continue };
        let documents = watch.documents();
        let mine = |name: &str| -> Vec<&Value> {
            documents
                .iter()
                .filter(|it| it["kind"] == "process" && it["name"] == name)
                .filter(|it| it["command_line"].as_str().is_some_and(|line| line.contains("0.3")))
                .collect()
        };
        let sleep = *mine("sleep").first().unwrap_or_else(|| panic!("{source}: sleep"));
        // A subshell has the shell's command line; the shell itself is who runs `sleep`.
        let shells = mine("sh");
        let shell = shells.iter().find(|it| it["pid"] == sleep["parent_pid"]);
        let shell = *shell.unwrap_or_else(|| panic!("{source}: the shell"));
        assert_eq!((&shell["exit_code"], &sleep["exit_code"]), (&3.into(), &0.into()), "{source}");
        assert_eq!(sleep["command_line"], "sleep 0.3", "{source}");
        assert_eq!(sleep["folder"].as_str(), crate::root().to_str(), "{source}");
        assert!(number(&sleep["lived_ns"]) >= 300_000_000, "{source}: {sleep}");
        let killed =
            documents.iter().find(|it| it["signal"] == 9 && it["parent_pid"] == shell["pid"]);
        assert!(killed.is_some(), "{source}");
        let sum = documents.last().unwrap();
        assert_eq!(sum["kind"], "summary");
        let sums = number(&sum["seen"]) + number(&sum["lost"]["starts"]);
        assert_eq!(number(&sum["launched"]), sums, "{source}");
    }
}

#[test]
fn polling_sees_what_lives_long_enough() {
    let more = ["--duration", "1s", "--", "sleep", "0.6"];
    let watch = Watch::start("polling", &more).expect("everybody may look into /proc");
    let documents = watch.documents();
    let seen =
        documents.iter().any(|it| it["command_line"] == "sleep 0.6" && it["state"] == "ended");
    assert!(seen, "{documents:?}");
}

/// A program of 159 bytes for x86-64: sleeps for a millisecond and exits. A usual one would spend more time on
/// starting than the machine has.
fn tiny_program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    // mov eax, 35 (nanosleep); mov edi, timespec; xor esi, esi; syscall; mov eax, 60 (exit); xor edi, edi; syscall
    let code = [
        0xb8, 35, 0, 0, 0, 0xbf, 0, 0, 0, 0, 0x31, 0xf6, 0x0f, 0x05, 0xb8, 60, 0, 0, 0, 0x31, 0xff,
        0x0f, 0x05,
    ];
    let head = 64 + 56;
    let timespec = BASE + head + code.len() as u64;
    let size = timespec + 16 - BASE;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let mut put = |bytes: &[u8]| file.extend(bytes);
    // e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, sizes and counts (elf.h).
    put(&[2, 0, 62, 0, 1, 0, 0, 0]);
    [BASE + head, 64, 0].iter().for_each(|value| put(&value.to_le_bytes()));
    put(&[0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    // p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align.
    put(&[1, 0, 0, 0, 5, 0, 0, 0]);
    [0, BASE, BASE, size, size, 0x1000].iter().for_each(|value| put(&value.to_le_bytes()));
    put(&code[..6]);
    put(&u32::try_from(timespec).unwrap().to_le_bytes());
    put(&code[10..]);
    [0u64, 1_000_000].iter().for_each(|value| put(&value.to_le_bytes()));
    file
}

/// Launches the program `count` times, at most 5,000 a second.
fn launch(program: &str, count: u64) {
    let next = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let due = start + Duration::from_micros(200 * number);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let mut command = Command::new(program);
                    command.args(["--number", &number.to_string(), "an argument"]);
                    assert!(command.stdin(Stdio::null()).status().unwrap().success());
                }
            });
        }
    });
}

fn tiny() -> Scratch {
    let program = Scratch::new("tiny-program-of-a-test", &tiny_program());
    fs::set_permissions(program.path(), fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// How many processes and threads the kernel made since the boot.
fn forks() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("processes ")).unwrap();
    line.trim().parse().unwrap()
}

fn of_the_program<'a>(documents: &'a [Value], program: &Scratch) -> Vec<&'a Value> {
    documents.iter().filter(|it| it["path"].as_str() == Some(program.path())).collect()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn none_is_missed_at_5000_a_second() {
    let count = if std::env::var_os("BUGCHECK_LONG").is_some() { 50_000 } else { 2_000 };
    let program = tiny();
    let Some(watch) = Watch::start("ebpf", &[]) else { return };
    launch(program.path(), count);
    thread::sleep(Duration::from_millis(500));
    watch.signal("INT");
    let documents = watch.documents();
    let sum = documents.last().unwrap();
    let mine = of_the_program(&documents, &program);
    println!(
        "{count} launched, {} seen; all: {} = {} + {}",
        mine.len(),
        sum["launched"],
        sum["seen"],
        sum["lost"]
    );
    assert_eq!(number(&sum["lost"]["starts"]) + number(&sum["lost"]["ends"]), 0);
    assert_eq!(mine.len() as u64, count);
    let full = mine.iter().filter(|it| {
        let line = it["command_line"].as_str().unwrap_or_default();
        line.contains("--number")
            && line.ends_with(" 'an argument'")
            && it["command_line_complete"] == true
    });
    let full = full.count() as u64;
    assert!(full * 100 >= count * 99, "{full} of {count} command lines");
    assert!(mine.iter().all(|it| it["exit_code"] == 0 && it["state"] == "ended"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn what_a_stopped_reader_misses_is_counted() {
    const COUNT: u64 = 1500;
    let long = std::env::var_os("BUGCHECK_LONG").is_some();
    let program = tiny();
    let before = forks();
    let Some(watch) = Watch::start("ebpf", &["--buffer", "64K"]) else { return };
    let began = Instant::now();
    watch.signal("STOP");
    launch(program.path(), COUNT);
    if long {
        thread::sleep(Duration::from_secs(4).saturating_sub(began.elapsed()));
    }
    watch.signal("CONT");
    thread::sleep(Duration::from_millis(500));
    watch.signal("INT");
    let documents = watch.documents();
    let after = forks();
    let sum = documents.last().unwrap();
    let lost = number(&sum["lost"]["starts"]);
    let seen = of_the_program(&documents, &program).len() as u64;
    println!("{COUNT} launched, {seen} seen, {lost} starts lost of the whole machine; {sum}");
    assert!(lost > 0, "a ring of 64 KiB holds no {COUNT} starts");
    // Others start processes meanwhile; of ours no start is missing from the sum.
    assert!(number(&sum["launched"]) >= COUNT);
    assert!(number(&sum["launched"]) <= after - before, "no more than the kernel made");
    let told: u64 =
        documents.iter().filter(|it| it["kind"] == "lost").map(|it| number(&it["starts"])).sum();
    assert_eq!(told, lost, "each gap is told in place, and they sum up");
}

/// Processor time of a process up to now, user's and system's: hundredths of a second.
fn processor_time(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Fields 14 and 15 (proc(5)), counted behind the name, which may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// What the same load costs here and with forkstat, in one run. It is printed, not asserted: a time is no law.
#[test]
#[cfg(target_arch = "x86_64")]
fn processor_time_beside_forkstat() {
    if std::env::var_os("BUGCHECK_LONG").is_none() {
        return;
    }
    const COUNT: u64 = 50_000;
    let program = tiny();
    let out = Scratch::new("forkstat.txt", b"");
    let mut other = Command::new("forkstat");
    other.args(["-l", "-e", "fork,exec,exit"]).stdout(fs::File::create(out.path()).unwrap());
    let Ok(mut other) = other.spawn() else {
        println!("SKIPPED: forkstat is not installed");
        return;
    };
    let Some(watch) = Watch::start("ebpf", &[]) else {
        other.kill().unwrap();
        other.wait().unwrap();
        return;
    };
    launch(program.path(), COUNT);
    thread::sleep(Duration::from_millis(500));
    let (ours, its) = (processor_time(watch.child.id()), processor_time(other.id()));
    watch.signal("INT");
    let seen = of_the_program(&watch.documents(), &program).len();
    other.kill().unwrap();
    other.wait().unwrap();
    let text = String::from_utf8_lossy(&fs::read(out.path()).unwrap()).into_owned();
    let named = |line: &&str| line.contains(" exec ") && line.contains("--number");
    let its_seen = text.lines().filter(named).count();
    println!(
        "{COUNT} launched: bugcheck {ours}0 ms, {seen} with their name; forkstat {its}0 ms, {its_seen}"
    );
    assert_eq!(seen as u64, COUNT);
}

/// Runs the program with some capabilities and no other, as a user who is nobody.
fn as_nobody(capabilities: &str, arguments: &[&str]) -> Option<crate::Ran> {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]);
    if !capabilities.is_empty() {
        command
            .arg(format!("--inh-caps={capabilities}"))
            .arg(format!("--ambient-caps={capabilities}"));
    }
    // The build's folder may be closed to others.
    let home = std::env::temp_dir().join(format!("bugcheck-nobody-{}", std::process::id()));
    fs::copy(env!("CARGO_BIN_EXE_bugcheck"), &home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
    let output = command.arg(&home).args(arguments).current_dir("/").stdin(Stdio::null()).output();
    fs::remove_file(&home).unwrap();
    let output = output.ok()?;
    let error = String::from_utf8(output.stderr).unwrap();
    if error.starts_with("setpriv:") {
        println!("SKIPPED: {error}");
        return None;
    }
    let out = String::from_utf8(output.stdout).unwrap();
    Some(crate::Ran { status: output.status.code().unwrap_or(-1), out, error })
}

#[test]
fn as_little_as_is_needed_and_hints_without_it() {
    if Watch::start("ebpf", &["--duration", "50ms"]).is_none() {
        return;
    }
    // The capabilities of the watch are read by the command that it runs: its parent's, in /proc.
    let script = "grep ^Cap /proc/$PPID/status";
    for (capabilities, source) in
        [("+bpf,+perfmon", "ebpf"), ("+net_admin", "netlink"), ("", "polling")]
    {
        let arguments = ["watch", "--duration", "5s", "--quiet", "--", "sh", "-c", script];
        let Some(ran) = as_nobody(capabilities, &arguments) else { return };
        assert!(matches!(ran.status, 0 | 1), "{capabilities}: {}", ran.error);
        let named = |source: &str| ran.error.contains(&format!("source: {source}"));
        // From Linux 6.6 on everybody may listen to the process connector.
        let open_to_all = source == "polling" && named("netlink");
        assert!(named(source) || open_to_all, "{capabilities}: {}", ran.error);
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            let line = ran.out.lines().find(|line| line.starts_with(set)).unwrap_or_default();
            assert!(line.ends_with("0000000000000000"), "{capabilities}: {}", ran.out);
        }
        if source == "polling" {
            assert!(ran.error.contains("CAP_BPF") && ran.error.contains("setcap"), "{}", ran.error);
        }
    }
}

//! A card under load, through `bugcheck mount`: many streams at once, much data, programs that are killed.
//! BUGCHECK_LONG=1 makes it as much as issue 10 asks for.

use super::mount::{Home, Mount, can_mount, next, signal};
use super::mount_far::{mounted, noise, read_all, write_all};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn long() -> bool {
    std::env::var_os("BUGCHECK_LONG").is_some()
}

/// So many loops, of all widths and both modes.
fn loops(count: usize, fifo: u32) -> String {
    let mut card = "model = \"fifo-card\"\n".to_owned();
    for number in 0..count {
        let (width, mode) = ([8, 16, 32][number % 3], ["synchronous", "asynchronous"][number % 2]);
        card += &format!(
            "[[stream]]\nname = \"loop{number}\"\ndirection = \"both\"\nwidth = {width}\nmode = \"{mode}\"\n\
             far-end = \"loop-back\"\nfifo = {fifo}\nbuffers = 4\nbuffer-bytes = 16384\n"
        );
    }
    card
}

/// Ends a mount, which nothing may be found in and nothing be left behind: neither requests nor files nor
/// memory. The rules that look at the end of a run have had their turn then.
fn end_as_it_began(mount: Mount) {
    let (status, out, error) = mount.end();
    assert_eq!((status, out.as_str()), (0, ""), "{error}");
    let told = |when: &str| {
        let line = error.lines().find_map(|line| line.split_once(when));
        line.and_then(|(_, told)| told.split_once(';')).expect("an account").0.to_owned()
    };
    assert_eq!(told("at the beginning: "), told("at the end: "));
    assert!(told("at the end: ").starts_with("0 requests, 0 files, 0 buffers"), "{error}");
}

#[test]
fn twenty_four_streams_at_once() {
    if !can_mount() {
        return;
    }
    let bytes = if long() { 16_000_000 } else { 600_000 };
    let mount = mounted(Home::new(), &loops(24, 65_536), &[]);
    let rounds: Vec<_> = (0..24)
        .map(|number| {
            let path = mount.file(&format!("loop{number}"));
            let sent = noise(bytes, number);
            (read_all(path.clone()), write_all(path, sent.clone()), sent)
        })
        .collect();
    for (number, (reads, writes, sent)) in rounds.into_iter().enumerate() {
        writes.join().expect("a writer");
        let got = reads.join().expect("a reader");
        assert!(got == sent, "stream {number}: {} bytes", got.len());
    }
    let (status, _, error) = mount.end();
    assert_eq!(status, 0, "{error}");
}

#[test]
fn much_data_comes_back_as_it_was() {
    if !can_mount() {
        return;
    }
    let megabytes = if long() { 1_000 } else { 48 };
    let card = loops(1, 1 << 20);
    let mount = mounted(Home::new(), &card, &[]);
    let path = mount.file("loop0");
    // Each megabyte is the noise of its number, so that nothing has to be kept.
    let writes = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut file = OpenOptions::new().write(true).open(path).expect("an open file");
            (0..megabytes).for_each(|seed| file.write_all(&noise(1_000_000, seed)).expect("room"));
        }
    });
    let mut file = File::open(path).expect("an open file");
    let mut got = vec![0; 1_000_000];
    for seed in 0..megabytes {
        file.read_exact(&mut got).expect("bytes");
        assert!(got == noise(1_000_000, seed), "megabyte {seed}");
    }
    assert_eq!(file.read(&mut got).expect("an end"), 0);
    writes.join().expect("a writer");
    drop(file);
    let (status, _, error) = mount.end();
    assert_eq!(status, 0, "{error}");
}

#[test]
fn killed_programs_leave_nothing_behind_in_a_card() {
    if !can_mount() {
        return;
    }
    let rounds = if long() { 1_000 } else { 120 };
    let home = Home::new();
    let device = home.path("card.toml");
    std::fs::write(&device, loops(6, 4096)).expect("a file");
    let folder = home.path("dev");
    let all = ["--account", "--device", device.to_str().expect("a path")];
    let mount = Mount::on(home, folder, super::mount_far::DRIVER, &all);
    let mut seed = 1;
    let mut running = Vec::new();
    for _ in 0..rounds {
        let path = mount.file(&format!("loop{}", next(&mut seed) % 6));
        // A shell that puts tests into the background has SIGINT ignored, which programs inherit.
        let mut program = Command::new("env");
        program.arg("--default-signal=INT");
        match next(&mut seed).is_multiple_of(2) {
            true => program.arg("cat").arg(path),
            false => {
                let to = format!("of={}", path.display());
                program.args(["dd", "if=/dev/zero", &to, "bs=5004"])
            }
        };
        let program = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        running.push(program.expect("a program"));
        std::thread::sleep(Duration::from_micros(next(&mut seed) % 8_000));
        // Some few at a time, and whoever is killed need not be the last one.
        if running.len() > 4 {
            let index = next(&mut seed) as usize % running.len();
            end(&mut running.swap_remove(index), next(&mut seed));
        }
    }
    running.iter_mut().for_each(|program| end(program, next(&mut seed)));
    // The driver gives what was written behind a second to arrive before a handle is closed.
    std::thread::sleep(Duration::from_millis(2_500));
    end_as_it_began(mount);
}

/// Kills a program, or interrupts it; it is gone soon.
fn end(program: &mut std::process::Child, choice: u64) {
    let since = Instant::now();
    if program.try_wait().is_ok_and(|status| status.is_none()) {
        signal(program.id(), if choice.is_multiple_of(3) { "INT" } else { "KILL" });
    }
    program.wait().expect("a status");
    assert!(since.elapsed() < Duration::from_secs(10), "it hung for {:?}", since.elapsed());
}

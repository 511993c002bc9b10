//! `bugcheck mount --pipes`: devices as named pipes, for machines without FUSE. This needs no right at all.

use super::command;
use super::mount::{Home, signal};
use super::mount_far::{CARD, DRIVER, noise, read_all, write_all};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Pipes {
    child: Child,
    home: Home,
}

impl Pipes {
    fn new(driver: &str, first: &str, more: &[&str]) -> Pipes {
        let home = Home::new();
        fs::write(home.path("card.toml"), CARD).expect("a file");
        let folder = home.path("dev");
        let record = home.path("record");
        let place = home.path("").to_string_lossy().trim_end_matches('/').to_owned();
        let more: Vec<String> = more.iter().map(|text| text.replace("{}", &place)).collect();
        let mut all =
            vec!["mount", driver, folder.to_str().expect("a path"), "--pipes", "--account"];
        all.extend(["--record", record.to_str().expect("a path")]);
        all.extend(more.iter().map(String::as_str));
        let child = command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut pipes = Pipes { child: child.expect("a child"), home };
        for _ in 0..2_000 {
            if pipes.home.path("dev").join(first).exists() {
                return pipes;
            }
            assert!(pipes.child.try_wait().expect("a child").is_none(), "{:?}", pipes.end());
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("no pipes: {:?}", pipes.end());
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.home.path("dev").join(name)
    }

    /// Ends it: status, standard output, standard error.
    fn end(&mut self) -> (i32, String, String) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            signal(self.child.id(), "TERM");
        }
        let (mut out, mut error) = (String::new(), String::new());
        self.child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
        self.child.stderr.take().expect("a pipe").read_to_string(&mut error).expect("text");
        (self.child.wait().expect("a status").code().unwrap_or(-1), out, error)
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_card_is_used_through_named_pipes() {
    let far = [
        "--device",
        "{}/card.toml",
        "--far=bytes=loop",
        "--far=sink=file:{}/kept",
        "--file=nothing=\\\\.\\FifoCard0\\nothing",
    ];
    let mut pipes = Pipes::new(DRIVER, "bytes.read", &far);
    for seed in 0..3 {
        let bytes = noise(300_000, seed);
        let reads = read_all(pipes.path("bytes.read"));
        write_all(pipes.path("bytes.write"), bytes.clone()).join().expect("a writer");
        let got = reads.join().expect("a reader");
        assert!(got == bytes, "{} bytes", got.len());
    }
    // A stream of one direction is one pipe; of a stream of words only whole ones are written.
    let bytes = noise(100_000, 4);
    write_all(pipes.path("sink"), bytes.clone()).join().expect("a writer");
    write_all(pipes.path("messages.write"), b"abcdef".to_vec()).join().expect("a writer");
    // A reader that waits and is killed leaves nothing behind.
    let cat = Command::new("cat").arg(pipes.path("source")).stdout(Stdio::null()).spawn();
    let mut cat = cat.expect("cat");
    std::thread::sleep(Duration::from_millis(100));
    cat.kill().expect("a child");
    cat.wait().expect("a status");
    // What the driver refuses is told, and the reader hears an end.
    let refused = read_all(pipes.path("nothing.read")).join().expect("a reader");
    assert_eq!(refused, b"");
    std::thread::sleep(Duration::from_millis(1_500));
    let (status, out, error) = pipes.end();
    assert_eq!((status, out.as_str()), (0, ""), "{error}");
    assert!(fs::read(pipes.home.path("kept")).expect("a file") == bytes);
    assert!(error.contains("messages.write: 2 bytes that nobody takes are dropped"), "{error}");
    assert!(
        error.contains("nothing.read: the device cannot be opened (STATUS_OBJECT_NAME"),
        "{error}"
    );
    assert!(error.contains("at the end: 0 requests, 0 files, 0 buffers"), "{error}");
    assert!(!pipes.home.path("dev").exists(), "the folder that was made is gone");
}

#[test]
fn a_finding_ends_the_pipes() {
    let driver = "drivers/buggy/irp-double-completion/irp-double-completion.sys";
    let mut pipes = Pipes::new(driver, "IrpDoubleCompletion.write", &[]);
    let mut file = OpenOptions::new();
    let mut file = file.write(true).open(pipes.path("IrpDoubleCompletion.write")).expect("a pipe");
    file.write_all(b"abcd").expect("room");
    let status = pipes.child.wait().expect("a status").code();
    let (_, out, error) = pipes.end();
    assert_eq!(status, Some(1), "{error}");
    assert!(out.starts_with("error[irp-double-completion]:"), "{out}");
}

#[test]
fn the_driver_is_loaded_anew_behind_the_pipes() {
    let driver = "drivers/buggy/irp-double-completion/irp-double-completion.sys";
    let more = ["--on-finding", "restart"];
    let mut pipes = Pipes::new(driver, "IrpDoubleCompletion.write", &more);
    for _ in 0..2 {
        let reads = read_all(pipes.path("IrpDoubleCompletion.read"));
        std::thread::sleep(Duration::from_millis(200));
        write_all(pipes.path("IrpDoubleCompletion.write"), b"abcd".to_vec())
            .join()
            .expect("a writer");
        assert_eq!(reads.join().expect("a reader"), b"", "it hears an end");
    }
    let (status, out, error) = pipes.end();
    assert_eq!(status, 1, "{error}");
    assert_eq!(out.matches("error[irp-double-completion]:").count(), 2, "{out}");
}

#[test]
fn without_the_device_of_fuse_pipes_come_by_themselves() {
    // A /dev of its own, with nothing in it.
    let home = Home::new();
    let folder = home.path("dev");
    let binary = env!("CARGO_BIN_EXE_bugcheck");
    let script = format!(
        "mount -t tmpfs none /dev && exec {binary} mount drivers/clean/csq-read/csq-read.sys {} --record {}",
        folder.display(),
        home.path("record").display()
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", &script]).current_dir(super::root()).stdin(Stdio::null());
    let child = unshare.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        return eprintln!("SKIPPED: no unshare; a machine without FUSE is not tested");
    };
    let reader = folder.join("CsqRead.read");
    for _ in 0..600 {
        if reader.exists() || child.try_wait().expect("a child").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    if !reader.exists() {
        let error = child.wait_with_output().expect("output").stderr;
        let error = String::from_utf8_lossy(&error).into_owned();
        let may_not = error.contains("permitted") || error.contains("permission");
        assert!(may_not, "{error}");
        return eprintln!(
            "SKIPPED: no right to a /dev of its own; a machine without FUSE is not tested"
        );
    }
    let mut word = [0; 4];
    let reads = std::thread::spawn(move || {
        let mut file = File::open(reader).expect("a pipe");
        // The driver's reads are of four bytes and more, each as long as what was written.
        file.read_exact(&mut word).expect("a word");
        word
    });
    std::thread::sleep(Duration::from_millis(300));
    write_all(folder.join("CsqRead.write"), b"abcd".to_vec()).join().expect("a writer");
    assert_eq!(&reads.join().expect("a reader"), b"abcd");
    signal(child.id(), "TERM");
    let ended = child.wait_with_output().expect("output");
    let error = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(error.contains("there is no FUSE here (/dev/fuse: No such file"), "{error}");
    assert_eq!(ended.status.code(), Some(0), "{error}");
}

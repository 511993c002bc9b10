//! `bugcheck mount`, used by programs. Needs FUSE and the right to mount; skipped, and said so, without.

use super::{command, run};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const CSQ: &str = "drivers/clean/csq-read/csq-read.sys";

/// Whether this machine can mount; says so where it cannot.
pub(crate) fn can_mount() -> bool {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse");
    let user = Command::new("id").arg("-u").output().map(|id| id.stdout).unwrap_or_default();
    let helper = Command::new("fusermount3").arg("-V").output().is_ok();
    let can = device.is_ok() && (user == b"0\n" || helper);
    if !can {
        eprintln!(
            "SKIPPED: no /dev/fuse here, or no right to mount; `bugcheck mount` is not tested"
        );
    }
    can
}

/// A folder of a test's own, removed with it.
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new() -> Home {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let home = home.join(format!("mount-{}-{number}", std::process::id()));
        fs::create_dir_all(&home).expect("a folder");
        Home(home)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A mounted driver; ended when dropped.
pub(crate) struct Mount {
    pub(crate) child: Child,
    pub(crate) folder: PathBuf,
    pub(crate) home: Home,
}

impl Mount {
    pub(crate) fn new(driver: &str, more: &[&str]) -> Mount {
        let home = Home::new();
        let folder = home.path("dev");
        Mount::on(home, folder, driver, more)
    }

    pub(crate) fn on(home: Home, folder: PathBuf, driver: &str, more: &[&str]) -> Mount {
        let record = home.path("record");
        let mut all = vec!["mount", driver, folder.to_str().expect("a path"), "--record"];
        all.push(record.to_str().expect("a path"));
        all.extend(more);
        let child =
            command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
        let mut mount = Mount { child, folder, home };
        mount.wait_for_files();
        mount
    }

    fn wait_for_files(&mut self) {
        for _ in 0..2_000 {
            let some = fs::read_dir(&self.folder).is_ok_and(|mut all| all.next().is_some());
            if some {
                return;
            }
            if self.child.try_wait().expect("a child").is_some() {
                panic!("it ended: {:?}", self.ended());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("no files in {}", self.folder.display());
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn open(&self, name: &str) -> File {
        OpenOptions::new().read(true).write(true).open(self.file(name)).expect("an open file")
    }

    /// Ends it in order: status, standard output, standard error.
    pub(crate) fn end(mut self) -> (i32, String, String) {
        signal(self.child.id(), "TERM");
        self.ended()
    }

    pub(crate) fn ended(&mut self) -> (i32, String, String) {
        let (mut out, mut error) = (String::new(), String::new());
        if let Some(mut from) = self.child.stdout.take() {
            from.read_to_string(&mut out).expect("text");
        }
        if let Some(mut from) = self.child.stderr.take() {
            from.read_to_string(&mut error).expect("text");
        }
        let status = self.child.wait().expect("a status").code().unwrap_or(-1);
        (status, out, error)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            signal(self.child.id(), "TERM");
            let _ = self.child.wait();
        }
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
}

/// A fixed series of numbers that look random.
pub(crate) fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[test]
fn files_are_read_and_written() {
    if !can_mount() {
        return;
    }
    let mount = Mount::new(CSQ, &[]);
    let mut writer = mount.open("CsqRead");
    let path = mount.file("CsqRead");
    let reader = std::thread::spawn(move || {
        let mut word = [0; 4];
        File::open(path).expect("an open file").read_exact(&mut word).expect("a word");
        word
    });
    std::thread::sleep(Duration::from_millis(20));
    writer.write_all(b"abcd").expect("room");
    assert_eq!(&reader.join().expect("a reader"), b"abcd");
    // The driver wants four bytes.
    let few = writer.write(b"ab").expect_err("too few");
    assert_eq!(few.kind(), ErrorKind::InvalidInput);
    // Who must not wait does not.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(0o4000); // O_NONBLOCK
    let mut idle = options.open(mount.file("CsqRead")).expect("an open file");
    assert_eq!(idle.read(&mut [0; 4]).expect_err("nothing yet").kind(), ErrorKind::WouldBlock);
    // Nobody makes files here.
    let denied = File::create(mount.file("new")).expect_err("no new files");
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    drop((writer, idle));
    let folder = mount.folder.clone();
    let (status, out, error) = mount.end();
    assert_eq!((status, out.as_str()), (0, ""), "{error}");
    assert!(!folder.exists(), "the folder that was made is gone");
}

#[test]
fn many_files_are_read_at_once() {
    if !can_mount() {
        return;
    }
    let mount = Mount::new(CSQ, &[]);
    let readers: Vec<_> = (0..24)
        .map(|_| {
            let mut file = mount.open("CsqRead");
            std::thread::spawn(move || {
                let mut got = Vec::new();
                for _ in 0..50 {
                    let mut word = [0; 4];
                    file.read_exact(&mut word).expect("a word");
                    got.push(u32::from_le_bytes(word));
                }
                got
            })
        })
        .collect();
    let mut writer = mount.open("CsqRead");
    for number in 0..24 * 50u32 {
        // The driver says that it is busy where nobody reads.
        while writer.write(&number.to_le_bytes()).is_err() {
            std::thread::yield_now();
        }
    }
    let mut all: Vec<u32> =
        readers.into_iter().flat_map(|reader| reader.join().expect("a reader")).collect();
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..24 * 50));
    drop(writer);
    assert_eq!(mount.end().0, 0);
}

#[test]
fn killed_readers_leave_nothing_behind() {
    if !can_mount() {
        return;
    }
    let rounds = if std::env::var_os("BUGCHECK_LONG").is_some() { 1_000 } else { 150 };
    let mount = Mount::new(CSQ, &["--account"]);
    let path = mount.file("CsqRead");
    let mut seed = 1;
    for _ in 0..rounds {
        let mut reader = Command::new("cat");
        let mut reader = reader.arg(&path).stdout(Stdio::null()).spawn().expect("cat");
        std::thread::sleep(Duration::from_micros(next(&mut seed) % 4_000));
        if next(&mut seed).is_multiple_of(4) {
            // Something to read; nobody may be there.
            let mut writer = mount.open("CsqRead");
            let _ = writer.write(b"abcd");
        }
        reader.kill().expect("a child");
        reader.wait().expect("a status");
    }
    std::thread::sleep(Duration::from_millis(100));
    let (status, _, error) = mount.end();
    assert_eq!(status, 0, "{error}");
    let told = |when: &str| {
        let line = error.lines().find_map(|line| line.split_once(when));
        line.and_then(|(_, told)| told.split_once(';')).expect("an account").0.to_owned()
    };
    assert_eq!(told("at the beginning: "), told("at the end: "));
    assert!(told("at the end: ").starts_with("0 requests, 0 files, 0 buffers"), "{error}");
}

#[test]
fn a_finding_is_an_error_for_the_program_and_a_record_for_us() {
    if !can_mount() {
        return;
    }
    let driver = "drivers/buggy/irp-double-completion/irp-double-completion.sys";
    let mut mount = Mount::new(driver, &[]);
    let written = mount.open("IrpDoubleCompletion").write(b"abcd").expect_err("the finding");
    assert_eq!(written.raw_os_error(), Some(5), "EIO");
    let (status, out, error) = mount.ended();
    assert_eq!(status, 1, "{error}");
    assert!(out.starts_with("error[irp-double-completion]:"), "{out}");
    assert!(!mount.folder.exists(), "unmounted");
    let record = mount.home.path("record");
    let again = run(&["replay", record.to_str().expect("a path")]);
    assert_eq!(again.status, 1, "{}", again.error);
    assert!(again.out.contains("Reproduced"), "{}", again.out);
    assert!(again.out.contains("driver.c:124"), "{}", again.out);
}

#[test]
fn the_driver_is_loaded_anew_after_a_finding() {
    if !can_mount() {
        return;
    }
    let driver = "drivers/buggy/irp-double-completion/irp-double-completion.sys";
    let mount = Mount::new(driver, &["--on-finding", "restart", "--format", "json"]);
    let mut old = mount.open("IrpDoubleCompletion");
    for _ in 0..2 {
        assert_eq!(old.write(b"abcd").expect_err("the finding").raw_os_error(), Some(5));
        // What was open is of a driver that is no more; what is opened anew is not.
        assert_eq!(old.write(b"abcd").expect_err("an old file").raw_os_error(), Some(5));
        old = mount.open("IrpDoubleCompletion");
    }
    drop(old);
    let (status, out, error) = mount.end();
    assert_eq!(status, 1, "{error}");
    assert_eq!(out.matches("\"schema\": \"bugcheck.replay.1\"").count(), 2, "{out}");
}

#[test]
fn what_a_killed_process_left_is_cleaned_up() {
    if !can_mount() {
        return;
    }
    let mut first = Mount::new(CSQ, &[]);
    let folder = first.folder.clone();
    // While it lives nobody takes its place.
    let other = run(&["mount", CSQ, folder.to_str().expect("a path")]);
    assert_eq!(other.status, 2, "{}", other.error);
    assert!(other.error.contains("lives"), "{}", other.error);
    first.child.kill().expect("a child");
    first.child.wait().expect("a status");
    assert!(fs::read_dir(&folder).is_err(), "a stale mount");
    let second = Mount::on(Home::new(), folder.clone(), CSQ, &[]);
    drop(second.open("CsqRead"));
    let (status, _, error) = second.end();
    assert_eq!(status, 0);
    assert!(error.contains("is unmounted"), "{error}");
    assert!(fs::read_dir(&folder).is_ok_and(|mut all| all.next().is_none()), "an empty folder");
}

/// Control codes, plain and with buffers, as Python passes them.
const CONTROL: &str = r"
import fcntl, os, struct, sys
f = os.open(sys.argv[1], os.O_RDWR)
for code in [0x5401, 0x22ffff]:
    try:
        fcntl.ioctl(f, code)
        print('passed')
    except OSError as error:
        print(error.errno)
size = 16 + 64
back = bytearray(struct.pack('IIII', int(sys.argv[2], 0), 8, 64, 0) + b'12345678' + bytes(56))
fcntl.ioctl(f, 0xc0004201 | size << 16, back)
code, given, got, status = struct.unpack('IIII', back[:16])
print(hex(status), got)
";

#[test]
fn control_codes_are_passed() {
    if !can_mount() {
        return;
    }
    let mount = Mount::new("drivers/clean/neither-ioctl/neither-ioctl.sys", &[]);
    let path = mount.file("NeitherIoctl");
    let python = Command::new("python3").arg("-c").arg(CONTROL).arg(&path).arg("0x22ffff").output();
    let Ok(python) = python else {
        return eprintln!("SKIPPED: no python3 to pass control codes with");
    };
    let out = String::from_utf8_lossy(&python.stdout).into_owned();
    let error = String::from_utf8_lossy(&python.stderr).into_owned();
    // ENOTTY from us, ENOTTY from the driver, and its status where the caller asks for it.
    assert_eq!(out, "25\n25\n0xc0000010 0\n", "{error}");
    assert_eq!(mount.end().0, 0);
}

#[test]
fn what_cannot_be_mounted_says_why() {
    let Ok(there) = std::env::current_exe() else { return };
    let file = there.to_str().expect("a path");
    let ran = run(&["mount", CSQ, file]);
    assert_eq!(ran.status, 2, "{}", ran.error);
    assert!(ran.error.contains(file), "{}", ran.error);
    assert!(Path::new(file).exists());
    let ran = run(&["mount", CSQ, "x", "--file", "a/b=\\\\.\\CsqRead"]);
    assert_eq!(ran.status, 2, "{}", ran.error);
    let damaged = Home::new();
    let record = damaged.path("record");
    fs::write(&record, b"bugcheck session 1\n\x05").expect("a file");
    let ran = run(&["replay", record.to_str().expect("a path")]);
    assert_eq!(ran.status, 2, "{}", ran.error);
    assert!(ran.error.contains("cut off at offset 0x13"), "{}", ran.error);
}

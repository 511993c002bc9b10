//! Far ends of a card's streams, through `bugcheck mount`: what a program writes to a file of the mount
//! arrives there, and the other way round.

use super::mount::{Home, Mount, can_mount};
use super::run;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

pub(crate) const DRIVER: &str = "drivers/clean/fifo-card/fifo-card.sys";
/// Bytes that go through.
const BYTES: usize = 1_000_000;

/// A card with a stream of bytes, one of messages, and one of each direction alone.
pub(crate) const CARD: &str = r#"
model = "fifo-card"
[[stream]]
name = "bytes"
direction = "both"
mode = "asynchronous"
far-end = "outside"
fifo = 65536
[[stream]]
name = "messages"
direction = "both"
width = 32
far-end = "outside"
fifo = 4096
messages = true
[[stream]]
name = "source"
direction = "to-host"
width = 16
far-end = "outside"
fifo = 65536
[[stream]]
name = "sink"
direction = "from-host"
far-end = "outside"
fifo = 65536
"#;

/// Bytes that do not repeat soon.
pub(crate) fn noise(bytes: usize, mut seed: u64) -> Vec<u8> {
    (0..bytes).map(|_| super::mount::next(&mut seed) as u8).collect()
}

/// A mounted card with far ends; `{}` in them stands for the test's folder.
pub(crate) fn mounted(home: Home, card: &str, ends: &[&str]) -> Mount {
    let device = home.path("card.toml");
    fs::write(&device, card).expect("a file");
    let place = home.path("").to_string_lossy().trim_end_matches('/').to_owned();
    let ends: Vec<String> =
        ends.iter().map(|end| format!("--far={}", end.replace("{}", &place))).collect();
    let mut all = vec!["--device", device.to_str().expect("a path")];
    all.extend(ends.iter().map(String::as_str));
    let folder = home.path("dev");
    Mount::on(home, folder, DRIVER, &all)
}

/// Ends a mount that found nothing, and makes its session again without the device's file.
pub(crate) fn end_well(mount: Mount) {
    fs::remove_file(mount.home.path("card.toml")).expect("the device's file");
    let kept = mount.home.path("").with_extension("record");
    fs::hard_link(mount.home.path("record"), &kept).expect("a record");
    let (status, out, error) = mount.end();
    assert_eq!((status, out.as_str()), (0, ""), "{error}");
    let again = run(&["replay", kept.to_str().expect("a path")]);
    fs::remove_file(kept).expect("the record");
    assert_eq!(again.status, 0, "{}{}", again.out, again.error);
    assert!(again.out.contains("the run ends with nothing wrong"), "{}", again.out);
}

pub(crate) fn write_all(path: PathBuf, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut file = OpenOptions::new().write(true).open(path).expect("an open file");
        for chunk in bytes.chunks(50_000) {
            file.write_all(chunk).expect("room");
        }
    })
}

pub(crate) fn read_all(path: PathBuf) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        File::open(path).expect("an open file").read_to_end(&mut bytes).expect("bytes");
        bytes
    })
}

#[test]
fn a_socket_stands_on_the_far_side() {
    if !can_mount() {
        return;
    }
    let mount = mounted(Home::new(), CARD, &["bytes=unix:{}/socket"]);
    let (one, two) = (noise(BYTES, 1), noise(BYTES, 2));
    // Both ways at once, and then the next peer.
    for _ in 0..2 {
        let mut peer = UnixStream::connect(mount.home.path("socket")).expect("a peer");
        let mut sender = peer.try_clone().expect("a socket");
        let sent = one.clone();
        let sends = thread::spawn(move || {
            sender.write_all(&sent).expect("room");
            sender.shutdown(Shutdown::Write).expect("an end");
        });
        let reads = read_all(mount.file("bytes"));
        let writes = write_all(mount.file("bytes"), two.clone());
        let mut got = Vec::new();
        peer.read_to_end(&mut got).expect("bytes");
        assert!(got == two, "{} bytes", got.len());
        assert!(reads.join().expect("a reader") == one);
        writes.join().expect("a writer");
        sends.join().expect("a sender");
    }
    // A peer that goes with bytes still to come loses them; nobody waits for it.
    let writes = write_all(mount.file("bytes"), two.clone());
    let mut peer = UnixStream::connect(mount.home.path("socket")).expect("a peer");
    peer.read_exact(&mut [0; 1000]).expect("bytes");
    drop(peer);
    let mut peer = UnixStream::connect(mount.home.path("socket")).expect("a peer");
    let mut got = Vec::new();
    peer.read_to_end(&mut got).expect("bytes");
    assert!(!got.is_empty() && two.ends_with(&got), "{} bytes", got.len());
    writes.join().expect("a writer");
    let place = mount.home.path("socket");
    assert!(place.exists());
    end_well(mount);
    assert!(!place.exists());
}

#[test]
fn messages_keep_their_bounds_on_the_way() {
    if !can_mount() {
        return;
    }
    let mount = mounted(Home::new(), CARD, &["messages=unix:{}/socket"]);
    let mut peer = UnixStream::connect(mount.home.path("socket")).expect("a peer");
    let mut file = mount.open("messages");
    // One longer than the FIFO, one of a word.
    for message in [noise(20_000, 3), noise(4, 4)] {
        file.write_all(&message).expect("room");
        let mut length = [0; 4];
        peer.read_exact(&mut length).expect("a length");
        assert_eq!(u32::from_le_bytes(length) as usize, message.len());
        let mut got = vec![0; message.len()];
        peer.read_exact(&mut got).expect("a message");
        assert!(got == message);
    }
    // Several at once are several reads.
    peer.write_all(b"\x08\0\0\0abcdefgh\x04\0\0\0wxyz\x04\0\0\0last").expect("room");
    let mut buffer = [0; 100];
    for message in [&b"abcdefgh"[..], b"wxyz", b"last"] {
        let bytes = file.read(&mut buffer).expect("a message");
        assert_eq!(&buffer[..bytes], message);
    }
    // What is no message ends the peer's stream, and is told; the next peer is welcome.
    peer.write_all(b"\x03\0\0\0abc").expect("room");
    assert_eq!(file.read(&mut buffer).expect("an end"), 0);
    assert_eq!(peer.read(&mut buffer).expect("an end"), 0);
    let mut peer = UnixStream::connect(mount.home.path("socket")).expect("a peer");
    peer.write_all(b"\x04\0\0\0next").expect("room");
    assert_eq!((file.read(&mut buffer).expect("a message"), &buffer[..4]), (4, &b"next"[..]));
    drop(file);
    let (status, _, error) = mount.end();
    assert_eq!(status, 0, "{error}");
    assert!(error.contains("stream messages (unix:"), "{error}");
    assert!(error.contains("a message of 3 bytes came from outside"), "{error}");
}

#[test]
fn named_pipes_stand_on_the_far_side() {
    if !can_mount() {
        return;
    }
    let ends = ["bytes=pipe:{}/pipe", "sink=pipe:{}/out", "source=pipe:{}/in"];
    let mount = mounted(Home::new(), CARD, &ends);
    let home = mount.home.path("");
    for seed in 0..3 {
        for (from, to) in [
            (mount.file("bytes"), home.join("pipe.from-host")),
            (home.join("pipe.to-host"), mount.file("bytes")),
            (mount.file("sink"), home.join("out")),
            (home.join("in"), mount.file("source")),
        ] {
            let bytes = noise(BYTES / 4, seed);
            let reads = read_all(to.clone());
            let writes = write_all(from, bytes.clone());
            let got = reads.join().expect("a reader");
            assert!(got == bytes, "{}: {} bytes", to.display(), got.len());
            writes.join().expect("a writer");
        }
    }
    // Half a word is told of.
    let reads = read_all(mount.file("source"));
    write_all(home.join("in"), b"abc".to_vec()).join().expect("a writer");
    assert_eq!(reads.join().expect("a reader"), b"ab");
    let (status, _, error) = mount.end();
    assert_eq!(status, 0, "{error}");
    assert!(error.contains("ended within a word"), "{error}");
    assert!(!home.join("in").exists() && !home.join("pipe.to-host").exists());
}

#[test]
fn files_stand_on_the_far_side() {
    if !can_mount() {
        return;
    }
    let home = Home::new();
    let (one, two) = (noise(BYTES, 5), noise(BYTES, 6));
    fs::write(home.path("samples"), &one).expect("a file");
    fs::write(home.path("kept"), b"before").expect("a file");
    let kept = home.path("").with_extension("kept");
    fs::hard_link(home.path("kept"), &kept).expect("a file");
    let mount = mounted(home, CARD, &["source=file:{}/samples", "sink=file:{}/kept"]);
    assert!(read_all(mount.file("source")).join().expect("a reader") == one);
    write_all(mount.file("sink"), two.clone()).join().expect("a writer");
    end_well(mount);
    let got = fs::read(&kept).expect("a file");
    fs::remove_file(kept).expect("a file");
    assert!(got == [b"before".as_slice(), &two].concat(), "{} bytes", got.len());
}

/// A loop of one stream, as `PROTOCOL.md` would have it.
const LOOP: &str = r"
import struct, sys
i, o = sys.stdin.buffer, sys.stdout.buffer
def get():
    head = i.read(8)
    if len(head) < 8: sys.exit(0)
    length, kind = struct.unpack('<IB3x', head)
    return kind, i.read(length)
def put(kind, body):
    o.write(struct.pack('<IB3x', len(body), kind) + body)
    o.flush()
kind, body = get()
assert kind == 1 and struct.unpack('<III', body[:12]) == (1, 65536, 1), body
assert body[12:] == b'\x00\x01\x03\x05bytes', body
put(1, struct.pack('<I', 1))
waits, ends = bytearray(), False
while True:
    kind, body = get()
    if kind == 4: sys.exit(0)
    if kind == 3:
        waits, ends = bytearray(), False
        continue
    taken, at = 0, 8
    for _ in range(struct.unpack('<I', body[4:8])[0]):
        stream, mark, room, length = struct.unpack('<BBxxII', body[at:at + 12])
        waits += body[at + 12:at + 12 + length]
        at, taken, ends = at + 12 + length, taken + length, ends or mark == 2
    if waits[:4] == b'fail': put(5, b'it was \x1b[31mtold to'); sys.exit(1)
    if waits[:4] == b'quit': sys.exit(3)
    if waits[:4] == b'more': room, waits = 100000, bytearray(100000)
    out = bytes(waits[:room])
    del waits[:len(out)]
    mark = 2 if ends and not waits else 0
    ends = ends and not mark
    put(2, struct.pack('<III', 1, 0, 1) + struct.pack('<BBxxII', 0, mark, taken, len(out)) + out)
";

fn python() -> bool {
    let there = std::process::Command::new("python3").arg("-V").output().is_ok();
    if !there {
        eprintln!("SKIPPED: no python3 to simulate logic with");
    }
    there
}

#[test]
fn a_program_stands_on_the_far_side() {
    if !can_mount() || !python() {
        return;
    }
    let home = Home::new();
    fs::write(home.path("loop.py"), LOOP).expect("a file");
    let mount = mounted(home, CARD, &["bytes=sim:python3 {}/loop.py"]);
    let bytes = noise(BYTES, 7);
    for _ in 0..2 {
        let reads = read_all(mount.file("bytes"));
        write_all(mount.file("bytes"), bytes.clone()).join().expect("a writer");
        assert!(reads.join().expect("a reader") == bytes);
    }
    let children = children_of(mount.child.id());
    assert_eq!(children.len(), 1, "{children:?}");
    end_well(mount);
    assert!(!Path::new(&format!("/proc/{}", children[0])).exists(), "it ended with the mount");
    // What a program does wrong ends the mount, and is told.
    for (word, told) in [
        ("fail", "the program says: it was \\u{1b}[31mtold to"),
        ("quit", "the program ended by itself (exit status: 3)"),
        ("more", "stream bytes: it sends more than there is room for"),
    ] {
        let home = Home::new();
        fs::write(home.path("loop.py"), LOOP).expect("a file");
        let mut mount = mounted(home, CARD, &["bytes=sim:python3 {}/loop.py"]);
        let mut file = mount.open("bytes");
        file.write_all(word.as_bytes()).expect("room");
        let (status, _, error) = mount.ended();
        assert_eq!(status, 2, "{error}");
        assert!(error.contains(told) && error.contains("(sim:python3 "), "{word}: {error}");
        assert!(!mount.folder.exists(), "unmounted");
    }
}

#[test]
fn what_a_killed_mount_had_is_taken_over() {
    if !can_mount() || !python() {
        return;
    }
    let ends = ["bytes=sim:python3 {}/loop.py", "messages=unix:{}/socket", "sink=pipe:{}/out"];
    let home = Home::new();
    fs::write(home.path("loop.py"), LOOP).expect("a file");
    let mut mount = mounted(home, CARD, &ends);
    let children = children_of(mount.child.id());
    // Somebody listens there, so nobody else does.
    let other = mount.home.path("other");
    let end = format!("--far=loop=unix:{}", mount.home.path("socket").display());
    let all = ["mount", DRIVER, other.to_str().expect("a path"), "--device", "fifo-card", &end];
    let ran = run(&all);
    assert_eq!(ran.status, 2, "{}", ran.error);
    assert!(ran.error.contains("somebody listens there already"), "{}", ran.error);
    mount.child.kill().expect("a child");
    mount.child.wait().expect("a status");
    // The program hears that its input ends.
    let place = format!("/proc/{}", children[0]);
    for _ in 0..1_000 {
        let state = fs::read_to_string(format!("{place}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            break;
        }
        thread::sleep(std::time::Duration::from_millis(5));
    }
    let state = fs::read_to_string(format!("{place}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
    let home = Home::new();
    let (socket, out) = (home.path("socket"), home.path("out"));
    fs::rename(mount.home.path("socket"), &socket).expect("a socket");
    fs::rename(mount.home.path("out"), &out).expect("a pipe");
    let again = mounted(home, CARD, &["messages=unix:{}/socket", "sink=pipe:{}/out"]);
    drop(UnixStream::connect(&socket).expect("a peer"));
    let reads = read_all(out);
    write_all(again.file("sink"), b"abcd".to_vec()).join().expect("a writer");
    assert_eq!(reads.join().expect("a reader"), b"abcd");
    assert_eq!(again.end().0, 0);
    // The folder of the first is mounted yet.
    let _ = std::process::Command::new("umount").arg("-l").arg(&mount.folder).status();
}

fn children_of(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).expect("a list of children");
    text.split_whitespace().map(|pid| pid.parse().expect("a number")).collect()
}

#[test]
fn far_ends_that_cannot_be_say_why() {
    let told = |device: &str, ends: &[&str], part: &str| {
        let home = Home::new();
        let folder = home.path("dev");
        let place = home.path("").to_string_lossy().into_owned();
        let ends: Vec<String> =
            ends.iter().map(|end| format!("--far={}", end.replace("{}", &place))).collect();
        let mut all = vec!["mount", DRIVER, folder.to_str().expect("a path"), "--device", device];
        all.extend(ends.iter().map(String::as_str));
        let ran = run(&all);
        assert_eq!(ran.status, 2, "{}", ran.error);
        assert!(ran.error.contains(part), "{part}: {}", ran.error);
    };
    told("fifo-card", &["nobody=loop"], "no stream is called");
    told("fifo-card", &["counter=loop"], "a loop has both directions");
    told("fifo-card", &["loop=loop", "loop=loop"], "stream loop has two far ends");
    told("dma", &["a=loop"], "this device has no streams");
    told("fifo-card", &["loop=tcp:1"], "unix:PATH");
    told("fifo-card", &["loop=unix:{}/no/socket"], "stream loop (unix:");
    told("fifo-card", &["counter=file:{}/none"], "stream counter (file:");
    told("fifo-card", &["counter=file:/dev/zero"], "no regular file");
    told("fifo-card", &["counter=pipe:/dev/null"], "something else bears that name");
    told("fifo-card", &["loop=sim:/none"], "stream loop (sim:/none)");
}

//! `examples/verilog-fifo`: a file goes through the driver, DMA, the card and a FIFO in Verilog, and comes back.
//! Needs Verilator; skipped, and said so, without.

use super::mount::{Home, can_mount};
use super::mount_far::{end_well, mounted, noise, read_all, write_all};
use super::root;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

fn make(folder: &Path, target: &str) {
    let ran = Command::new("make").arg("-C").arg(folder).arg(target).output().expect("make");
    let told = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "make {target}: {told}");
}

#[test]
fn a_file_goes_through_logic_in_verilog() {
    if !can_mount() {
        return;
    }
    if Command::new("verilator").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: no verilator; the example of a FIFO in Verilog is not tested");
    }
    let home = Home::new();
    for entry in fs::read_dir(root().join("examples/verilog-fifo")).expect("the example") {
        let path = entry.expect("a file").path();
        if path.is_file() {
            fs::copy(&path, home.path(&path.file_name().expect("a name").to_string_lossy()))
                .expect("a copy");
        }
    }
    let here = home.path("");
    make(&here, "test");
    make(&here, "all");
    let card = fs::read_to_string(here.join("card.toml")).expect("a card");
    let ends = ["words=sim:{}/target/fifo", "messages=sim:{}/target/fifo +messages"];
    let mount = mounted(home, &card, &ends);
    let bytes = noise(2_000_000, 8);
    for _ in 0..2 {
        let reads = read_all(mount.file("words"));
        let writes = write_all(mount.file("words"), bytes.clone());
        let got = reads.join().expect("a reader");
        assert!(got == bytes, "{} bytes", got.len());
        writes.join().expect("a writer");
    }
    let mut file = mount.open("messages");
    let mut back = [0; 8192];
    for length in [4, 4096, 8, 1000] {
        let message = noise(length, 9);
        file.write_all(&message).expect("room");
        let got = file.read(&mut back).expect("a message");
        assert!(back[..got] == message, "{got} bytes of {length}");
    }
    drop(file);
    end_well(mount);
}

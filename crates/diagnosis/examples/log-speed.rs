//! How fast a log goes through the parts of its explanation, on one core: `cargo run --release -p diagnosis
//! --example log-speed FILE`.

#![allow(clippy::disallowed_methods, reason = "an example reads a file and looks at the clock")]

use diagnosis::system_log::{Folder, Source};
use evidence::system_log::{Format, Reader};
use knowledge::messages::{Base, Message};
use std::time::Instant;

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let data = std::fs::read(&path).expect("a file that can be read");
    let base = Base::own();
    let _ = base.find(&Message { text: b"warm", ..Message::default() });
    let say = |what: &str, begun: Instant| {
        let rate = data.len() as f64 / begun.elapsed().as_secs_f64() / 1e6;
        println!("{what:40} {rate:6.0} MB/s");
    };
    for _ in 0..5 {
        let begun = Instant::now();
        let known = data
            .split(|byte| *byte == b'\n')
            .filter(|line| base.find(&Message { text: line, ..Message::default() }).is_some())
            .count();
        say(&format!("{} entries, each line ({known} found)", base.entries().len()), begun);
        let begun = Instant::now();
        let mut reader = Reader::new(Format::Syslog);
        let mut count = 0u64;
        for piece in data.chunks(4 << 20) {
            reader.push(piece, &mut |_| count += 1);
        }
        say("read into records", begun);
        let begun = Instant::now();
        let mut reader = Reader::new(Format::Syslog);
        let mut folder = Folder::new(base);
        for piece in data.chunks(4 << 20) {
            reader.push(piece, &mut |record| folder.take(record));
        }
        let log = folder.finish(vec![Source::of(&path, "syslog", &reader)]);
        say(&format!("read, folded, explained ({} shapes)", log.shapes), begun);
    }
}

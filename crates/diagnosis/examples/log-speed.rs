//! How fast a log goes through the parts of its explanation, by processor time, on one core: `cargo run --release -p diagnosis
//! --example log-speed FILE`.

#![allow(clippy::disallowed_methods, reason = "an example reads a file and looks at the clock")]

use diagnosis::system_log::{Folder, Source};
use evidence::system_log::{Format, Reader};
use knowledge::messages::{Base, Message};

/// Seconds of processor time so far, by Linux' count of ticks: other programs do not count.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a Linux");
    // Behind the name, which may hold anything, utime and stime are the 12th and 13th fields (proc(5)).
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).expect("a name");
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    // USER_HZ is 100 on every architecture.
    ticks / 100.0
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let data = std::fs::read(&path).expect("a file that can be read");
    let base = Base::own();
    let _ = base.find(&Message { text: b"warm", ..Message::default() });
    let say = |what: &str, begun: f64| {
        let rate = data.len() as f64 / (processor_seconds() - begun) / 1e6;
        println!("{what:40} {rate:6.0} MB/s");
    };
    for _ in 0..5 {
        let begun = processor_seconds();
        let known = data
            .split(|byte| *byte == b'\n')
            .filter(|line| base.find(&Message { text: line, ..Message::default() }).is_some())
            .count();
        say(&format!("{} entries, each line ({known} found)", base.entries().len()), begun);
        let begun = processor_seconds();
        let mut reader = Reader::new(Format::Syslog);
        let mut count = 0u64;
        for piece in data.chunks(4 << 20) {
            reader.push(piece, &mut |_| count += 1);
        }
        say("read into records", begun);
        let begun = processor_seconds();
        let mut reader = Reader::new(Format::Syslog);
        let mut folder = Folder::new(base);
        for piece in data.chunks(4 << 20) {
            reader.push(piece, &mut |record| folder.take(record));
        }
        let log = folder.finish(vec![Source::of(&path, "syslog", &reader)]);
        say(&format!("read, folded, explained ({} shapes)", log.shapes), begun);
    }
}

//! A ledger of processes, as text, JSON and a page for a browser.
//!
//! Names and arguments of processes are whatever somebody chose: everything passes through [`escape`].

mod html;
mod json;
mod line;
mod summary;

pub use html::watch_html;
pub use json::{watch_lost_json, watch_process_json, watch_summary_json};
pub use line::{Column, WatchLook, watch_line, watch_lost_words};
pub use summary::{watch_open, watch_sum, watch_summary, watch_tree};

use processes::{Civil, How, Process, Time, signal_name};

/// How a process ended, in a few words; nothing if that is not known.
fn exit_words(how: How) -> Option<String> {
    Some(match how {
        How::Unknown => return None,
        // Windows' statuses are known by their hexadecimal form.
        How::Exit(code) if code > 0xffff => format!("0x{code:08X}"),
        How::Exit(code) => code.to_string(),
        How::Signal { number, core } => {
            let core = if core { ", core dumped" } else { "" };
            match signal_name(number) {
                Some(name) => format!("{name}{core}"),
                None => format!("signal {number}{core}"),
            }
        }
    })
}

/// `850 us`, `1.2 ms`, `3.4 s`, `2 min 5 s`.
fn span(nanos: u64) -> String {
    match nanos {
        0..1_000_000 => format!("{} us", nanos / 1000),
        1_000_000..1_000_000_000 => {
            format!("{}.{} ms", nanos / 1_000_000, nanos / 100_000 % 10)
        }
        _ => crate::text::duration(nanos / 1_000_000),
    }
}

/// As ISO 8601 in UTC, with nanoseconds.
fn iso(time: Time) -> Option<String> {
    if time.is_none() {
        return None;
    }
    let Civil { year, month, day, hour, minute, second, nanos, .. } = time.civil(0);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z"))
}

/// The name, or what stands for it where nothing tells it.
fn name(process: &Process) -> &str {
    let name = process.start.image.name.as_str();
    if name.is_empty() { "(name not known)" } else { name }
}

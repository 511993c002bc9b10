//! How far a search, or the reading of a large file, has got: on standard error while it runs.

use bench::Progress;
use report::number;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Rewrites one line on a terminal. Elsewhere a line a second, and only if asked for.
pub(crate) struct Meter {
    how: How,
    last: Mutex<Option<Duration>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Rewritten,
    Lines,
    Silent,
}

impl Meter {
    /// `asked_for`: also where standard error is no terminal.
    pub(crate) fn new(asked_for: bool) -> Meter {
        let how = match (io::stderr().is_terminal(), asked_for) {
            (true, _) => How::Rewritten,
            (false, true) => How::Lines,
            (false, false) => How::Silent,
        };
        Meter { how, last: Mutex::new(None) }
    }

    /// Shows `progress`, if it is time to.
    pub(crate) fn show(&self, progress: &Progress) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = last.map(|last| progress.elapsed.saturating_sub(last));
        match self.how {
            How::Silent => return,
            How::Lines if since.is_some_and(|since| since < Duration::from_secs(1)) => return,
            // Nobody can be told that standard error is closed.
            How::Lines => drop(writeln!(io::stderr(), "{}", line(progress))),
            How::Rewritten => {
                let _ = write!(io::stderr(), "\r{}\x1b[K", line(progress));
            }
        }
        *last = Some(progress.elapsed);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let shown = self.last.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if self.how == How::Rewritten && shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// How much of a large file has been read. Shown on a terminal only, from the first second on.
pub(crate) struct Passed {
    terminal: bool,
    begun: Instant,
    shown: Option<Instant>,
    bytes: u64,
    of: Option<u64>,
}

impl Passed {
    /// `of`: how many bytes there are, if that is known.
    pub(crate) fn new(of: Option<u64>) -> Passed {
        let terminal = io::stderr().is_terminal();
        Passed { terminal, begun: Instant::now(), shown: None, bytes: 0, of }
    }

    /// That so many bytes more have been read.
    pub(crate) fn show(&mut self, more: u64) {
        self.bytes = self.bytes.saturating_add(more);
        let often = Duration::from_millis(if self.shown.is_some() { 200 } else { 1000 });
        if !self.terminal || self.shown.unwrap_or(self.begun).elapsed() < often {
            return;
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = number((self.bytes as f64 / seconds / 1e6) as u64);
        let of = self.of.map(|of| format!(" of {}", number(of >> 20))).unwrap_or_default();
        let line = format!("{} MiB{of} read, {rate} MB/s", number(self.bytes >> 20));
        // Nobody can be told that standard error is closed.
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
        self.shown = Some(Instant::now());
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Less than 80 columns, so that it never wraps where it could not be rewritten.
fn line(progress: &Progress) -> String {
    let seconds = progress.elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { progress.schedules as f64 / seconds } else { 0.0 };
    let phase = match progress.bound {
        Some(bound) => format!("bound {bound}"),
        None => "random".to_owned(),
    };
    let (done, all) = progress.scenarios;
    let line = format!(
        "{seconds:.1} s  {} schedules, {}/s  {phase}, {done}/{all} scenarios  {} found",
        number(progress.schedules),
        number(rate as u64),
        progress.findings,
    );
    line.chars().take(79).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(schedules: u64, seconds: u64) -> Progress {
        let elapsed = Duration::from_secs(seconds);
        Progress { schedules, findings: 3, bound: Some(2), scenarios: (40, 50), elapsed }
    }

    #[test]
    fn the_line_says_what_is_under_way() {
        let expected = "2.0 s  1,000 schedules, 500/s  bound 2, 40/50 scenarios  3 found";
        assert_eq!(line(&progress(1000, 2)), expected);
        assert!(line(&Progress { bound: None, ..progress(0, 0) }).contains(", 0/s  random, "));
    }

    #[test]
    fn the_line_stays_on_one_line() {
        assert!(line(&progress(10_000_000_000, 9000)).len() < 80);
    }
}

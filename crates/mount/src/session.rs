//! A live session with what belongs to it outside: the clock, the record, who is called what.

use crate::record::Recording;
use crate::{Listener, OnFinding, Options, Time};
use bench::Driver;
use bench::live::{Answer, Call, CallId, Ended, FileId, Live, Openable, Record};
use devices::{Mark, StreamInfo};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// 100 ns each.
const TICKS_A_SECOND: u64 = 10_000_000;
/// How exact real time is for a driver that looks at it while nothing is due.
const GRAIN: u64 = TICKS_A_SECOND / 1000;
/// Timers that may expire at once in virtual time while somebody waits and nothing comes of it.
const TICKS_AT_ONCE: u32 = 1000;

/// See the module's description.
pub struct Host {
    driver: Driver,
    options: Options,
    live: Live,
    recording: Recording,
    began: Instant,
    told: u64,
    /// Which session this is of the mount, from 1.
    pub number: u32,
    /// Timers expired in virtual time since an answer came.
    idle_ticks: u32,
    answers: VecDeque<(CallId, Answer)>,
    dead: bool,
}

impl Host {
    /// Loads and starts the driver.
    ///
    /// # Errors
    /// It cannot be; or the record cannot be written.
    pub fn start(driver: &Driver, options: &Options) -> Result<Host, crate::Failed> {
        Host::start_again(driver, options, 1)
    }

    fn start_again(driver: &Driver, options: &Options, number: u32) -> Result<Host, crate::Failed> {
        let stem = std::path::Path::new(&driver.path);
        let stem = stem.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let recording =
            Recording::begin(options.record.as_deref(), &stem, number, options.record_limit);
        let recording = recording.map_err(|error| crate::Failed::Record(error.to_string()))?;
        let live = match Live::start(driver, &options.without, Some(recording.sink())) {
            Ok(live) => live,
            Err(refused) => {
                recording.drop_if_spare();
                return Err(crate::Failed::Refused(refused));
            }
        };
        Ok(Host {
            driver: driver.clone(),
            options: options.clone(),
            live,
            recording,
            began: Instant::now(),
            told: 0,
            number,
            idle_ticks: 0,
            answers: VecDeque::new(),
            dead: false,
        })
    }

    /// What can be opened now.
    pub fn openable(&self) -> Vec<Openable> {
        self.live.openable()
    }

    /// See [`Live::handles`].
    pub fn handles(&self, function: u8) -> bool {
        self.live.handles(function)
    }

    /// Calls the driver.
    pub fn call(&mut self, who: &str, call: Call) -> CallId {
        let id = self.live.call(who, call);
        self.collect();
        id
    }

    /// Opens by name, as a call.
    pub fn open(&mut self, who: &str, name: &str, access: u32, overwrites: bool) -> CallId {
        self.call(who, Call::Open { name: name.to_owned(), access, overwrites })
    }

    /// Closes.
    pub fn close(&mut self, who: &str, file: FileId) -> CallId {
        self.call(who, Call::Close { file })
    }

    /// Cancels a call.
    pub fn cancel(&mut self, call: CallId) {
        self.live.cancel(call);
        self.collect();
    }

    /// Streams of the device, in order of their numbers.
    pub fn streams(&mut self) -> Vec<StreamInfo> {
        self.live.streams()
    }

    /// How often the device was reset.
    pub fn resets(&mut self) -> u32 {
        self.live.resets()
    }

    /// See [`Live::far_offer`].
    pub fn far_offer(&mut self, stream: usize, bytes: &[u8], mark: Option<Mark>) -> usize {
        if bytes.is_empty() && mark.is_none() {
            return 0;
        }
        let taken = self.live.far_offer(stream, bytes, mark);
        self.collect();
        taken
    }

    /// See [`Live::far_take`].
    pub fn far_take(&mut self, stream: usize, most: usize, to: &mut Vec<u8>) -> usize {
        let taken = self.live.far_take(stream, most, to);
        self.collect();
        taken
    }

    /// See [`Live::far_take_mark`].
    pub fn far_take_mark(&mut self, stream: usize) -> Option<Mark> {
        let mark = self.live.far_take_mark(stream);
        self.collect();
        mark
    }

    /// The next answer.
    pub fn answer(&mut self) -> Option<(CallId, Answer)> {
        self.answers.pop_front()
    }

    fn collect(&mut self) {
        let answers = self.live.answers();
        if !answers.is_empty() {
            self.idle_ticks = 0;
            self.answers.extend(answers);
        }
    }

    /// Whether there are answers.
    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// What is in use: what a driver keeps of requests and files that are gone shows here.
    pub fn account(&self) -> String {
        let account = self.live.account();
        format!(
            "{} requests, {} files, {} buffers, {} blocks of pool with {} bytes, {} threads and DPCs, \
             {} timers; {} pages of memory were ever used",
            account.irps,
            account.files,
            account.buffers,
            account.blocks,
            account.pool_bytes,
            account.contexts,
            account.timers,
            account.pages
        )
    }

    /// Whether a call has its answer, which nobody has taken yet.
    pub fn is_answered(&self, call: CallId) -> bool {
        self.answers.iter().any(|(other, _)| *other == call)
    }

    /// Why the session is over, if it is by itself.
    pub fn ended(&self) -> Option<Ended> {
        self.live.ended()
    }

    /// Whether the session is over and told of.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Time passes. `quiet` says that nobody outside wants anything just now.
    pub fn pass_time(&mut self, quiet: bool) {
        if self.dead {
            return;
        }
        match self.options.time {
            Time::Real => {
                let now = self.began.elapsed().as_nanos() as u64 / 100;
                let due = self.live.next_timer().is_some_and(|due| due <= now);
                if due || now - self.told >= GRAIN {
                    self.told = now;
                    self.live.set_time(now);
                }
            }
            Time::Virtual => {
                // It stands still while nobody waits: a driver's watchdog is no reason.
                let waits = self.live.outstanding() > 0;
                if let Some(due) = self.live.next_timer()
                    && quiet
                    && waits
                {
                    self.idle_ticks += 1;
                    self.live.set_time(due);
                }
            }
        }
        if self.live.goes_on() {
            self.live.go_on();
        }
        self.collect();
    }

    /// How long the host may sleep; `None` for as long as nothing comes from outside.
    pub fn sleep(&self) -> Option<Duration> {
        if self.dead {
            return None;
        }
        if self.live.goes_on() || self.has_answers() {
            return Some(Duration::ZERO);
        }
        let due = self.live.next_timer()?;
        match self.options.time {
            Time::Real => {
                let now = self.began.elapsed().as_nanos() as u64 / 100;
                Some(Duration::from_nanos(due.saturating_sub(now).saturating_mul(100)))
            }
            Time::Virtual if self.live.outstanding() == 0 => None,
            Time::Virtual if self.idle_ticks < TICKS_AT_ONCE => Some(Duration::ZERO),
            Time::Virtual => Some(Duration::from_millis(1)),
        }
    }

    /// Whether the session is over by itself.
    pub fn is_over(&self) -> bool {
        !self.dead && self.live.ended().is_some()
    }

    /// Tells what ended the session, and goes on with a new one if that is wanted; whether it does.
    pub fn told(&mut self, listener: &mut dyn Listener) -> bool {
        let Some(ended) = self.live.ended().filter(|_| !self.dead) else { return true };
        self.tell(&ended, listener);
        self.dead = true;
        if self.options.on_finding == OnFinding::End {
            return false;
        }
        match Host::start_again(&self.driver, &self.options, self.number + 1) {
            Ok(next) => {
                let answers = std::mem::take(&mut self.answers);
                *self = next;
                self.answers = answers;
                listener.note("the driver is loaded anew; files that were open give errors.");
                true
            }
            Err(failed) => {
                listener.note(&format!("the driver cannot be loaded anew: {failed}"));
                false
            }
        }
    }

    fn tell(&self, ended: &Ended, listener: &mut dyn Listener) {
        let path = match self.recording.finished() {
            Ok(path) => path,
            Err(why) => {
                return listener.ended(ended, None, &format!("the record is not whole: {why}"));
            }
        };
        let again = std::fs::read(path).map_err(|error| error.to_string()).and_then(|bytes| {
            let record = Record::read(&bytes).map_err(|bad| bad.to_string())?;
            bench::live::replay_record(&self.driver, &record, &path.to_string_lossy())
                .map_err(|refused| refused.to_string())
        });
        match again {
            Ok(replayed) => listener.ended(ended, Some(&replayed), &path.to_string_lossy()),
            Err(why) => listener.ended(ended, None, &format!("the record cannot be used: {why}")),
        }
    }

    /// Ends the session: everything is cancelled and closed, the device removed, the driver unloaded.
    /// Whether nothing was found then.
    pub fn end(&mut self, listener: &mut dyn Listener) -> bool {
        if self.dead {
            return true;
        }
        self.live.end();
        self.collect();
        let clean = match self.live.ended() {
            Some(ended) => {
                self.tell(&ended, listener);
                false
            }
            None => {
                self.recording.drop_if_spare();
                true
            }
        };
        self.dead = true;
        clean
    }
}

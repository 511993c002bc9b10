//! A driver that is used for as long as somebody likes: requests come from outside instead of from a
//! scenario, and each runs until all is quiet.
//!
//! | file | holds |
//! | --- | --- |
//! | `call` | what is asked of the driver, and how it becomes requests |
//! | `names` | names by which devices are opened |
//! | `far` | the far ends of the device's streams |
//! | `record` | everything that came from outside, as bytes |
//! | `again` | a session made again from its record |
//!
//! A session is a function of the driver, its device, and what comes from outside in which order: no
//! clock and no thread has a part in it. Rules watch it as they do in a search.

mod again;
mod call;
mod far;
mod names;
mod record;
#[cfg(test)]
mod tests;

pub use again::replay_record;
pub use call::{Answer, Call, CallId, FileId};
pub use names::{Buffers, Openable};
pub use record::{BadRecord, Record, SESSION};

use crate::battery::winding_down;
use crate::driver::{Refused, Target};
use crate::report::Driver;
use crate::scenario::{Scenario, Stage, actor};
use crate::session::{Failed, Session};
use crate::token::Token;
use call::{Done, Order, Position, moves_position, perform, transfer};
use kernel::io::request::major;
use kernel::live::Account;
use kernel::{Actor, Machine, Outcome};
use nt::layout::{driver_object, file_object};
use nt::status;
use record::{Event, Head};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Calls that may be in the driver at a time, each in a thread of its own; a request that is pending
/// needs none. The rest of the kernel's contexts are for DPCs, interrupts and the driver's own threads.
const SEATS: usize = 16;
/// Of these, how many are kept for cancelling.
const CANCEL_SEATS: usize = 2;
/// Contexts among which there is room for one more call, and for what comes of it.
const MOST_CONTEXTS: u32 = 24;
/// Calls that may be under way or wait for a seat.
pub const MOST_CALLS: usize = 4096;
/// Most bytes of one transfer.
pub const MOST_BYTES: u32 = kernel::io::request::MOST_BYTES as u32;

/// Where the record goes; false when it takes no more.
pub type Sink = Box<dyn FnMut(&[u8]) -> bool>;

/// Why a session is over although nobody ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A rule objects: its name, and what it says.
    Finding(&'static str, String),
    /// The bench lacks something, or met a limit of its own.
    Unsupported(String),
}

/// A thread of an application's, used again and again.
#[derive(Default)]
struct Seat {
    call: Option<CallId>,
    order: Option<Order>,
    done: Option<Done>,
}

type Seats = Rc<RefCell<Vec<Seat>>>;

/// A call whose request is with the driver.
struct Pending {
    call: CallId,
    request: u16,
    file: FileId,
    function: u8,
    from: u64,
}

/// A call on its way to the driver.
struct Waiting {
    call: CallId,
    who: String,
    order: Order,
}

struct OpenFile {
    number: u16,
    closing: bool,
}

/// See the module's description.
pub struct Live {
    target: Rc<Target>,
    machine: Machine,
    stage: Stage,
    seats: Seats,
    files: BTreeMap<FileId, OpenFile>,
    waiting: VecDeque<Waiting>,
    pending: Vec<Pending>,
    /// What a call was about, as long as it is not in `pending`: its file and function.
    about: BTreeMap<CallId, (FileId, u8)>,
    answers: Vec<(CallId, Answer)>,
    calls: CallId,
    next_file: FileId,
    sink: Option<Sink>,
    complete: bool,
    scratch: Vec<u8>,
    last_now: u64,
    over: bool,
}

/// What sets a session up.
fn scenario(without: &[&'static str]) -> Scenario {
    let mut scenario = Scenario::new(SESSION, Vec::new());
    scenario.without = without.to_vec();
    scenario.live = true;
    scenario
}

impl Live {
    /// Loads and starts a driver. `sink` gets the session's record.
    ///
    /// # Errors
    /// The driver cannot be loaded, or a rule objects already then.
    pub fn start(
        driver: &Driver,
        without: &[&'static str],
        sink: Option<Sink>,
    ) -> Result<Live, Refused> {
        let target = Rc::new(Target::read(driver)?);
        let mut live = Live::set_up(&target, without, false)?;
        live.sink = sink;
        let head = Head {
            token: Token {
                hash: target.hash,
                scenario: SESSION.to_owned(),
                schedule: Default::default(),
                path: target.path.clone(),
                device: target.device.name.clone(),
                with: target.with_token(),
                installed: target.installed_token(),
            },
            without: without.iter().map(|&rule| rule.to_owned()).collect(),
            device: target.device.model.text().map(str::to_owned),
        };
        live.put(&record::begin(&head));
        Ok(live)
    }

    fn set_up(
        target: &Rc<Target>,
        without: &[&'static str],
        record: bool,
    ) -> Result<Live, Refused> {
        let session = match Session::new(target, &scenario(without), record) {
            Ok(session) => session,
            Err(Failed::Refused(text)) => return Err(Refused(text)),
            Err(Failed::Ended(session)) => {
                let what = match ended(&session.machine) {
                    Some(Ended::Finding(rule, title)) => format!("{rule}: {title}"),
                    Some(Ended::Unsupported(what)) => format!("not supported: {what}"),
                    None => "it ends".to_owned(),
                };
                return Err(Refused(format!(
                    "the driver does not get through being loaded and started ({what}); `bugcheck test` \
                     tells all about it."
                )));
            }
        };
        let (mut machine, stage) = (session.machine, session.set_up.stage);
        let seats: Seats = Rc::default();
        seats.borrow_mut().resize_with(SEATS, Seat::default);
        machine.actors = (0..SEATS).map(|index| seat(&seats, index)).collect();
        machine.starters = SEATS;
        machine.set_time(0);
        Ok(Live {
            target: target.clone(),
            machine,
            stage,
            seats,
            files: BTreeMap::new(),
            waiting: VecDeque::new(),
            pending: Vec::new(),
            about: BTreeMap::new(),
            answers: Vec::new(),
            calls: 0,
            next_file: 1,
            sink: None,
            complete: true,
            scratch: Vec::new(),
            last_now: 0,
            over: false,
        })
    }

    /// What can be opened now.
    pub fn openable(&self) -> Vec<Openable> {
        let driver = self.machine.modules[0].driver_object;
        names::openable(&self.machine, driver, self.unnamed())
    }

    fn unnamed(&self) -> u64 {
        if self.stage.pdo != 0 { self.stage.pdo } else { self.stage.device }
    }

    /// Whether the driver has a routine of its own for a major function.
    pub fn handles(&self, function: u8) -> bool {
        let object = self.machine.modules[0].driver_object;
        let slot = object + driver_object::MAJOR_FUNCTION + 8 * u64::from(function);
        let invalid = self.machine.registry.address_of("IopInvalidDeviceRequest").unwrap_or(0);
        self.machine.bus.memory.view64(slot) != invalid
    }

    /// Calls the driver on behalf of `who`, and runs until all is quiet. The answer may be there then,
    /// or later: see [`Live::answers`].
    pub fn call(&mut self, who: &str, call: Call) -> CallId {
        let event = Event::Call { who: who.to_owned(), call };
        self.record(&event);
        self.apply(event);
        self.calls
    }

    /// Cancels a call that has no answer yet, as the end of the thread that made it would.
    pub fn cancel(&mut self, call: CallId) {
        self.record(&Event::Cancel { call });
        self.apply(Event::Cancel { call });
    }

    /// It is so late now, in 100 ns since the session began: what is due happens.
    pub fn set_time(&mut self, now: u64) {
        self.record(&Event::Time { now });
        self.apply(Event::Time { now });
    }

    /// When the next timer expires, in 100 ns since the session began.
    pub fn next_timer(&self) -> Option<u64> {
        self.machine.next_timer()
    }

    /// Whether the device has more to do by itself, having given way to whoever is outside.
    pub fn goes_on(&self) -> bool {
        !self.over && self.machine.bus.card.pending()
    }

    /// Lets the device go on.
    pub fn go_on(&mut self) {
        self.record(&Event::GoOn);
        self.apply(Event::GoOn);
    }

    /// Ends the session: cancels and closes everything, removes the device, unloads the driver.
    pub fn end(&mut self) {
        if !self.over {
            self.record(&Event::End);
            self.apply(Event::End);
        }
    }

    /// Answers that have come since this was asked last.
    pub fn answers(&mut self) -> Vec<(CallId, Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// Calls without an answer.
    pub fn outstanding(&self) -> usize {
        self.pending.len() + self.about.len()
    }

    /// Why the session is over, if nobody ended it.
    pub fn ended(&self) -> Option<Ended> {
        ended(&self.machine)
    }

    /// Whether the record holds all of the session.
    pub fn is_recorded(&self) -> bool {
        self.complete && self.sink.is_some()
    }

    /// What is in use now.
    pub fn account(&self) -> Account {
        self.machine.account()
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(sink) = &mut self.sink
            && self.complete
        {
            self.complete = sink(bytes);
        }
    }

    fn record(&mut self, event: &Event) {
        if self.sink.is_some() && self.complete && !self.over {
            let mut bytes = std::mem::take(&mut self.scratch);
            bytes.clear();
            record::write(&mut bytes, event, &mut self.last_now);
            self.put(&bytes);
            self.scratch = bytes;
        }
    }

    fn apply(&mut self, event: Event) {
        if self.over {
            if let Event::Call { .. } = event {
                self.calls += 1;
                self.answer(self.calls, Answer::of(status::STATUS_IO_DEVICE_ERROR));
            }
            return;
        }
        match event {
            Event::Call { who, call } => self.begin(who, call),
            Event::Cancel { call } => self.begin_cancel(call),
            Event::Time { now } => self.machine.set_time(now),
            Event::GoOn => {}
            Event::Offer { .. } | Event::Take { .. } | Event::TakeMark { .. } => {
                self.apply_far(&event, &mut Vec::new());
            }
            Event::End => return self.wind_down(),
        }
        self.settle();
    }

    fn answer(&mut self, call: CallId, answer: Answer) {
        self.about.remove(&call);
        self.answers.push((call, answer));
    }

    /// A call becomes an order, or is answered where it cannot.
    fn begin(&mut self, who: String, call: Call) {
        self.calls += 1;
        let number = self.calls;
        match self.order(number, call) {
            Ok(order) => self.waiting.push_back(Waiting { call: number, who, order }),
            Err(code) => self.answer(number, Answer::of(code)),
        }
    }

    fn order(&mut self, number: CallId, call: Call) -> Result<Order, u32> {
        if self.outstanding() >= MOST_CALLS {
            return Err(status::STATUS_INSUFFICIENT_RESOURCES);
        }
        let id = call.file();
        let file = match id.map(|id| self.files.get_mut(&id)) {
            None => None,
            Some(Some(file)) if !file.closing => Some(file),
            Some(_) => return Err(status::STATUS_INVALID_HANDLE),
        };
        let at = |offset| match offset {
            Some(offset) => Position::At(offset),
            None => Position::Here,
        };
        let (order, function) = match (call, file) {
            (Call::Open { name, access, overwrites }, _) => {
                let found = names::resolve(&self.machine, &name, self.unnamed());
                let Some((target, rest)) = found else {
                    return Err(status::STATUS_OBJECT_NAME_NOT_FOUND);
                };
                (Order::Open { target, rest, access, overwrites }, major::CREATE)
            }
            (Call::Read { bytes, offset, .. }, Some(file)) => {
                let transfer = transfer(major::READ, 0, 0, u64::from(bytes.min(MOST_BYTES)));
                let (position, data) = (at(offset), Vec::new());
                let order = Order::Transfer { file: file.number, transfer, data, position };
                (order, major::READ)
            }
            (Call::Write { mut data, offset, .. }, Some(file)) => {
                data.truncate(MOST_BYTES as usize);
                let transfer = transfer(major::WRITE, 0, 0, data.len() as u64);
                let order =
                    Order::Transfer { file: file.number, transfer, data, position: at(offset) };
                (order, major::WRITE)
            }
            (Call::Control { code, mut input, output, .. }, Some(file)) => {
                input.truncate(MOST_BYTES as usize);
                let output = u64::from(output.min(MOST_BYTES));
                let transfer = transfer(major::DEVICE_CONTROL, code, input.len() as u64, output);
                let position = Position::None;
                let order = Order::Transfer { file: file.number, transfer, data: input, position };
                (order, major::DEVICE_CONTROL)
            }
            (Call::Flush { .. }, Some(file)) => {
                let transfer = transfer(major::FLUSH_BUFFERS, 0, 0, 0);
                let (position, data) = (Position::None, Vec::new());
                let order = Order::Transfer { file: file.number, transfer, data, position };
                (order, major::FLUSH_BUFFERS)
            }
            (Call::Close { .. }, Some(file)) => {
                file.closing = true;
                (Order::Close { file: file.number }, major::CLEANUP)
            }
            (_, None) => return Err(status::STATUS_INVALID_HANDLE),
        };
        self.about.insert(number, (id.unwrap_or(0), function));
        Ok(order)
    }

    fn begin_cancel(&mut self, call: CallId) {
        if let Some(index) = self.waiting.iter().position(|waiting| waiting.call == call) {
            self.waiting.remove(index);
            if let Some((file, major::CLEANUP)) = self.about.get(&call).copied()
                && let Some(file) = self.files.get_mut(&file)
            {
                file.closing = false;
            }
            return self.answer(call, Answer::of(status::STATUS_CANCELLED));
        }
        let pending = self.pending.iter().find(|pending| pending.call == call);
        let request = match pending {
            Some(pending) => Some(pending.request),
            // Its dispatch routine has not returned: the request is the seat's.
            None => {
                let seats = self.seats.borrow();
                let seat = seats.iter().position(|seat| seat.call == Some(call));
                let tag = seat.map(|seat| seat as u16 + 1);
                self.machine.state.requests.iter().position(|request| {
                    Some(request.tag) == tag && request.done.is_none() && request.irp != 0
                })
            }
            .map(|index| index as u16),
        };
        if let Some(request) = request {
            let who = "the I/O manager".to_owned();
            self.waiting.push_front(Waiting { call: 0, who, order: Order::Cancel { request } });
        }
    }

    /// Runs until all is quiet and nobody waits who could go on.
    fn settle(&mut self) {
        loop {
            self.seat_waiting();
            self.machine.go_on();
            if self.ended().is_some() {
                return self.give_up();
            }
            self.harvest();
            if !self.can_seat() {
                return;
            }
        }
    }

    fn free_seat(&self, order: &Order) -> Option<usize> {
        let last = if matches!(order, Order::Cancel { .. }) { SEATS } else { SEATS - CANCEL_SEATS };
        let crowded = self.machine.state.live.count_ones() > MOST_CONTEXTS;
        let seats = self.seats.borrow();
        let last = if crowded { 0 } else { last };
        (0..last).find(|&index| {
            let seat = &seats[index];
            seat.order.is_none() && seat.done.is_none() && !self.machine.is_under_way(index as u16)
        })
    }

    fn can_seat(&self) -> bool {
        self.waiting.front().is_some_and(|waiting| self.free_seat(&waiting.order).is_some())
    }

    /// Gives a thread to who waits.
    fn seat_waiting(&mut self) {
        while let Some(Waiting { call, who, order }) = self.waiting.pop_front() {
            let Some(index) = self.free_seat(&order) else {
                self.waiting.push_front(Waiting { call, who, order });
                break;
            };
            self.machine.actors[index].name = who;
            self.seats.borrow_mut()[index] =
                Seat { call: (call != 0).then_some(call), order: Some(order), done: None };
            if !self.machine.begin_actor(index as u16) {
                break;
            }
        }
    }

    /// Takes what the driver is done with.
    fn harvest(&mut self) {
        for index in 0..SEATS {
            let (call, done) = {
                let mut seats = self.seats.borrow_mut();
                let Some(done) = seats[index].done.take() else { continue };
                (seats[index].call.take(), done)
            };
            if let Some(call) = call {
                self.seat_done(call, done);
            }
        }
        let mut index = 0;
        while let Some(pending) = self.pending.get(index) {
            if self.machine.state.requests[usize::from(pending.request)].done.is_none() {
                index += 1;
                continue;
            }
            let pending = self.pending.remove(index);
            self.request_done(&pending);
        }
        let pending = &self.pending;
        self.machine.retire(|request| pending.iter().any(|pending| pending.request == request));
    }

    fn seat_done(&mut self, call: CallId, done: Done) {
        let Some((file, function)) = self.about.get(&call).copied() else { return };
        match done {
            Done::File(number) => {
                let id = self.next_file;
                self.next_file = self.next_file.wrapping_add(1).max(1);
                self.files.insert(id, OpenFile { number, closing: false });
                self.answer(call, Answer { file: Some(id), ..Answer::default() });
            }
            Done::Status(code) => {
                if function == major::CLEANUP {
                    self.files.remove(&file);
                }
                self.answer(call, Answer::of(code));
            }
            Done::Request { index, from } => {
                self.about.remove(&call);
                self.pending.push(Pending { call, request: index, file, function, from });
            }
        }
    }

    fn request_done(&mut self, pending: &Pending) {
        let request = self.machine.state.requests[usize::from(pending.request)];
        let (code, information) = request.done.unwrap_or_default();
        let memory = &mut self.machine.bus.memory;
        let comes_back = matches!(pending.function, major::READ | major::DEVICE_CONTROL);
        let mut data = Vec::new();
        if comes_back && code < 0xc000_0000 {
            data.resize(information.min(request.bytes) as usize, 0);
            memory.peek(request.buffer, &mut data);
        }
        if moves_position(pending.function)
            && code < 0x8000_0000
            && let Some(file) = self.files.get(&pending.file)
        {
            let object = self.machine.state.files[usize::from(file.number)].object;
            let place = object + file_object::CURRENT_BYTE_OFFSET;
            self.machine.bus.memory.poke64(place, pending.from.wrapping_add(information));
        }
        self.answer(pending.call, Answer { status: code, information, data, file: None });
    }

    /// The run is over before its time: nobody gets an answer of the driver's any more.
    fn give_up(&mut self) {
        self.over = true;
        self.machine.end_all();
        let waiting = std::mem::take(&mut self.about);
        let pending = std::mem::take(&mut self.pending);
        let calls = waiting.into_keys().chain(pending.into_iter().map(|pending| pending.call));
        for call in calls {
            self.answers.push((call, Answer::of(status::STATUS_IO_DEVICE_ERROR)));
        }
        self.waiting.clear();
    }

    fn wind_down(&mut self) {
        let abilities = crate::session::abilities(&self.machine, &self.target, self.stage);
        let last = winding_down(&abilities, false);
        let actors = last.iter().map(|(name, steps)| actor(name, steps, self.stage, None));
        self.machine.actors.extend(actors);
        self.machine.tells_end = true;
        if let Some(live) = &mut self.machine.live {
            live.until = None;
        }
        self.machine.go_on();
        if self.ended().is_none() {
            self.harvest();
        }
        self.give_up();
    }
}

fn ended(machine: &Machine) -> Option<Ended> {
    Some(match machine.outcome.as_ref()? {
        Outcome::Violation(violation) => {
            Ended::Finding(violation.rule.name, violation.title.clone())
        }
        Outcome::Unsupported { what } | Outcome::Limit { what } | Outcome::Internal { what } => {
            Ended::Unsupported(what.clone())
        }
    })
}

/// The actor of a seat: it does the order that lies there.
fn seat(seats: &Seats, index: usize) -> Actor {
    let seats = seats.clone();
    Actor {
        name: format!("application {}", index + 1),
        script: Rc::new(move |cx| {
            let order = seats.borrow_mut()[index].order.take();
            if let Some(order) = order {
                let done = perform(cx, order, index as u16 + 1)?;
                seats.borrow_mut()[index].done = Some(done);
            }
            Ok(())
        }),
        application: true,
    }
}

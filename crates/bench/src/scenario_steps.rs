//! Steps of scenarios that were written down, and what is expected of them.

use crate::scenario::{OWN, Stage, cancel, device_exists};
use kernel::event::Event;
use kernel::io::request::{self, Transfer};
use kernel::ps::end;
use kernel::state::Start;
use kernel::{Cx, Stop};
use std::sync::Arc;

/// 100 ns in a millisecond.
const MILLISECOND: i64 = 10_000;

/// What has to come of a step; nothing is asked where there is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expect {
    pub status: Option<u32>,
    pub information: Option<u64>,
    /// How the caller's buffer has to begin.
    pub data: Option<Arc<[u8]>>,
}

/// What a step does, with references to others as numbers of steps, counted from 1, or in another
/// form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb<Ref = u16> {
    /// With this access; the step's data is the name below the device's.
    Open(u32),
    Transfer(Transfer),
    /// A request, or all of a handle's.
    Cancel(Ref),
    Close(Ref),
    EndOfFile(u64),
    /// Milliseconds.
    Sleep(u64),
    WaitFor(Ref),
}

impl<Ref> Verb<Ref> {
    /// The same with references in another form.
    pub fn refer<Other>(self, to: impl Fn(Ref) -> Other) -> Verb<Other> {
        match self {
            Verb::Open(access) => Verb::Open(access),
            Verb::Transfer(transfer) => Verb::Transfer(transfer),
            Verb::Cancel(step) => Verb::Cancel(to(step)),
            Verb::Close(step) => Verb::Close(to(step)),
            Verb::EndOfFile(end) => Verb::EndOfFile(end),
            Verb::Sleep(milliseconds) => Verb::Sleep(milliseconds),
            Verb::WaitFor(step) => Verb::WaitFor(to(step)),
        }
    }
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    /// As messages call it.
    pub said: String,
    /// Its number, which marks what it opens or starts.
    pub tag: u16,
    pub verb: Verb,
    /// Step that opened its file, or [`OWN`].
    pub file: u16,
    pub data: Option<Arc<[u8]>>,
    pub waits: bool,
    pub cancelled: bool,
    pub expect: Expect,
}

/// What the steps of a scenario refer to.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub steps: Vec<Scripted>,
    /// Steps whose requests have to be completed in this order.
    pub order: Vec<u16>,
}

impl Script {
    /// Puts another's steps behind these, under numbers that none of these has; returns where they
    /// begin.
    pub fn append(&mut self, other: &Script) -> u16 {
        let begin = self.steps.len() as u16;
        let tags = self.steps.iter().map(|step| step.tag).max().unwrap_or(0);
        // What stands for no step of this script stays as it is.
        let known = |tag: u16| other.steps.iter().any(|step| step.tag == tag);
        let moved = |tag: u16| if known(tag) { tag.saturating_add(tags) } else { tag };
        for step in &other.steps {
            let (verb, file) = (step.verb.refer(moved), moved(step.file));
            self.steps.push(Scripted { tag: moved(step.tag), verb, file, ..step.clone() });
        }
        begin
    }

    /// Does a step; `own` is the file that the actor opened last.
    pub fn perform(&self, cx: &mut Cx, step: u16, own: &mut u16, stage: Stage) -> Result<(), Stop> {
        let Some(step) = self.steps.get(usize::from(step)) else { return Ok(()) };
        let file = if step.file == OWN { Some(*own) } else { opened(cx, step.file) };
        let file = file.filter(|&file| is_open(cx, file));
        // Whoever is freed by the winding down makes no new requests: nobody would end those.
        let begins = matches!(step.verb, Verb::Open(_) | Verb::Transfer(_) | Verb::EndOfFile(_));
        let me = cx.state.contexts[usize::from(cx.id())].start;
        let freed = matches!(me, Start::Actor(actor) if usize::from(actor) < cx.starters);
        if begins && freed && cx.state.wind_down > 0 {
            return Ok(());
        }
        match step.verb {
            Verb::Open(access) => {
                *own = OWN;
                if device_exists(cx, stage.device) {
                    cx.next_tag = step.tag;
                    let name = step.data.as_deref().map(String::from_utf8_lossy);
                    let below = name.map_or(String::new(), |name| format!("\\{name}"));
                    let outcome = request::open_below(cx, stage.opened(cx), &below, access)?;
                    *own = outcome.unwrap_or(OWN);
                    let request = started(cx, step.tag);
                    if let Some(request) = request {
                        check(cx, step, request)?;
                    }
                }
            }
            Verb::Transfer(transfer) => {
                let Some(file) = file else { return Ok(()) };
                cx.next_tag = step.tag;
                cx.next_data.clone_from(&step.data);
                let started = request::start(cx, file, transfer)?;
                if step.cancelled {
                    request::cancel_request(cx, started)?;
                }
                if step.waits {
                    end::wait(cx, started)?;
                    if cx.is_ending() {
                        return Ok(());
                    }
                    check(cx, step, started)?;
                }
            }
            Verb::Cancel(tag) => {
                // A handle stands for all that was started on it.
                match opened(cx, tag) {
                    Some(file) => cancel(cx, Some(file))?,
                    None => {
                        if let Some(request) = started(cx, tag) {
                            request::cancel_request(cx, request)?;
                        }
                    }
                }
            }
            Verb::Close(tag) => {
                if let Some(file) = opened(cx, tag).filter(|&file| is_open(cx, file)) {
                    request::close(cx, file)?;
                }
            }
            Verb::EndOfFile(end) => {
                if let Some(file) = file {
                    request::set_end_of_file(cx, file, end)?;
                }
            }
            Verb::Sleep(milliseconds) => {
                let interval = -(milliseconds as i64 * MILLISECOND);
                kernel::ke::wait::wait_for(cx, &[], false, Some(interval))?;
            }
            Verb::WaitFor(tag) => {
                if let Some(request) = started(cx, tag) {
                    end::wait(cx, request)?;
                    // What is expected of a step that did not wait is seen now.
                    let waited = self.steps.iter().find(|step| step.tag == tag && !step.waits);
                    if let Some(step) = waited {
                        check(cx, step, request)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the requests came back in the order that the scenario asks for.
    pub fn check_order(&self, cx: &mut Cx) -> Result<(), Stop> {
        for pair in self.order.windows(2) {
            let (Some(first), Some(second)) = (started(cx, pair[0]), started(cx, pair[1])) else {
                continue;
            };
            let (one, two) = (completed(cx, first), completed(cx, second));
            let fine = match (one, two) {
                (Some(one), Some(two)) => one <= two,
                (None, Some(_)) => false,
                _ => true,
            };
            if !fine {
                let said = |tag: u16| {
                    let step = self.steps.iter().find(|step| step.tag == tag);
                    step.map_or("", |step| step.said.as_str())
                };
                let (first, second) = (said(pair[0]), said(pair[1]));
                let what =
                    format!("the step {first} is completed after the step {second}, not before");
                cx.say(Event::Unexpected { what, completed: two })?;
            }
        }
        Ok(())
    }
}

fn is_open(cx: &Cx, file: u16) -> bool {
    cx.state.files.get(usize::from(file)).is_some_and(|file| file.open)
}

/// The file that a step opened last.
fn opened(cx: &Cx, tag: u16) -> Option<u16> {
    cx.state.files.iter().rposition(|file| file.tag == tag).map(|index| index as u16)
}

/// The request that a step made last.
fn started(cx: &Cx, tag: u16) -> Option<u16> {
    cx.state.requests.iter().rposition(|request| request.tag == tag).map(|index| index as u16)
}

fn completed(cx: &Cx, request: u16) -> Option<u32> {
    let request = cx.state.requests[usize::from(request)];
    cx.state.irp(request.irp)?.completed
}

/// Holds a request that is done against what is expected of its step.
fn check(cx: &mut Cx, step: &Scripted, index: u16) -> Result<(), Stop> {
    let request = cx.state.requests[usize::from(index)];
    let Some((status, information)) = request.done else { return Ok(()) };
    // A request may fail where memory is made short in this run.
    if cx.fail_at.is_some() {
        return Ok(());
    }
    let said = &step.said;
    let mut what = None;
    if let Some(wanted) = step.expect.status.filter(|&wanted| wanted != status) {
        let (wanted, got) = (nt::status::text(wanted), nt::status::text(status));
        what = Some(format!("the step {said} ends with {got}, and {wanted} is expected"));
    } else if let Some(wanted) = step.expect.information.filter(|&wanted| wanted != information) {
        let text = format!(
            "the step {said} ends with information {information}, and {wanted} is expected"
        );
        what = Some(text);
    } else if let Some(wanted) = &step.expect.data {
        let mut got = vec![0; wanted.len()];
        cx.bus.memory.view(request.buffer, &mut got);
        if got[..] != wanted[..] {
            let (got, wanted) = (shown(&got), shown(wanted));
            what = Some(format!("the step {said} ends with data {got}, and {wanted} is expected"));
        }
    }
    let Some(what) = what else { return Ok(()) };
    let completed = completed(cx, index);
    cx.say(Event::Unexpected { what, completed })
}

/// The first bytes in hex, and as text where they are.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 16;
    let hex: Vec<String> = bytes.iter().take(MOST).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > MOST { " ..." } else { "" };
    format!("{}{more}", hex.join(" "))
}

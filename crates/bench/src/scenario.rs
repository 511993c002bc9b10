//! Scenarios: who does what to the driver.

use crate::scenario_steps::Script;
use devices::Fault;
use kernel::io::notices::{self, Notice};
use kernel::io::request::{self, major};
use kernel::pnp::manager::{self, Rebalance, Stack};
use kernel::pnp::{ask, images};
use kernel::po::system::Sleep;
use kernel::po::{idle, system};
use kernel::ps::end;
use kernel::state::RacePair;
use kernel::{Actor, Cx, Stop};
use std::rc::Rc;
use std::sync::Arc;

/// One step of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Waits for everything that this actor started.
    Wait,
    /// The application gives its buffers back, even those of requests under way.
    UnmapBuffers,
    /// The application makes its buffers read-only.
    ProtectBuffers,
    /// The application writes to its buffers.
    OverwriteBuffers,
    /// Waits for the first request that this actor started and that is not done.
    WaitFirst,
    /// Is in no hurry: others go on first.
    OthersFirst,
    /// The application's process ends.
    EndProcess,
    /// Asks what type of device the file is on that this actor opened last.
    FileType,
    /// Cancels whatever is outstanding, whosever it is.
    CancelAll,
    /// Closes every handle.
    CloseAll,
    /// Query-stop, stop, start.
    StopStart,
    /// Query-stop, cancel-stop.
    QueryStop,
    /// Query-stop, stop, start with registers elsewhere.
    Rebalance,
    /// Query-remove, cancel-remove.
    QueryRemove,
    /// Another device of the driver's, which its bus cannot start.
    FailToStart,
    /// Everything that the PnP manager may ask.
    Ask,
    /// The system asks whether it may sleep, and more.
    Sleep { how: Sleep },
    /// The time passes after which a device that is not in use sleeps.
    Idle,
    /// Something happens in the system that the driver registered for.
    Happen { notice: Notice },
    /// Surprise removal.
    Surprise,
    /// Something goes wrong with the device.
    Fault { fault: Fault },
    /// What is on the driver's bus is disabled, and the bus looked through again.
    DisableChildren,
    /// Another device interrupts on the line that the device shares with it.
    SharedLine,
    /// Query-remove, remove.
    Remove,
    /// Unload.
    Unload,
    /// A step that was written down, counted from 0.
    Scripted { step: u16 },
    /// Holds the order of requests against what was written down.
    Order,
    /// After an unload: load again, with a device if there was one, and leave as before.
    Reload,
}

/// A step's number that stands for the one with which this actor opened a file last.
pub(crate) const OWN: u16 = u16::MAX;

/// Who does what.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub name: String,
    /// Done once, before the baseline.
    pub prepare: Vec<Step>,
    /// Name, steps.
    pub actors: Vec<(String, Vec<Step>)>,
    /// Done one after another when nothing else can run.
    pub wind_down: Vec<(String, Vec<Step>)>,
    /// What the driver's device is put together with.
    pub stack: Stack,
    /// Shared memory accesses are scheduling points.
    pub memory: bool,
    /// The race at which the run ends.
    pub race: Option<RacePair>,
    /// The requests at whose overtaking the run ends, by number: the earlier, the later.
    pub overtaking: Option<(u16, u16)>,
    /// The call that fails for want of memory.
    pub fail_at: Option<u32>,
    /// Rules that are not asked.
    pub without: Vec<&'static str>,
    /// What steps that were written down refer to.
    pub script: Option<Arc<Script>>,
    /// It has no end: requests come from outside.
    pub live: bool,
}

/// Suffix of a scenario's name in memory mode.
const MEMORY: &str = ".memory";
/// Suffixes that name a race, followed by two offsets in the image: one side writes, or both.
const RACE: &str = ".race-";
const WRITES: &str = ".writes-";
/// Suffix that names a request that is overtaken and the one that does it.
const OVERTAKING: &str = ".order-";
/// Suffix that names a rule that is not asked; it stands before the others.
const WITHOUT: &str = ".without-";
/// Suffix that names a call that fails.
const FAIL: &str = ".fail-";

impl Scenario {
    /// Actors alone, without preparation and winding down.
    pub fn new(name: &str, actors: Vec<(String, Vec<Step>)>) -> Scenario {
        Scenario {
            name: name.to_owned(),
            prepare: Vec::new(),
            actors,
            wind_down: Vec::new(),
            memory: false,
            race: None,
            overtaking: None,
            fail_at: None,
            without: Vec::new(),
            script: None,
            live: false,
            stack: Stack::default(),
        }
    }

    /// The same after the steps that another scenario prepares, whose name is a suffix.
    pub fn prepared(&self, before: &Scenario) -> Scenario {
        let mut script = Script::default();
        if let Some(own) = &self.script {
            script.steps.clone_from(&own.steps);
            script.order.clone_from(&own.order);
        }
        let moved = before.script.as_ref().map_or(0, |other| script.append(other));
        let first = before.prepare.iter().map(|&step| match step {
            Step::Scripted { step } => Step::Scripted { step: step.saturating_add(moved) },
            other => other,
        });
        Scenario {
            name: format!("{}{}", self.name, before.name),
            prepare: first.chain(self.prepare.iter().copied()).collect(),
            script: Some(Arc::new(script)),
            ..self.clone()
        }
    }

    /// The same with every access to shared memory a scheduling point.
    pub fn in_memory_mode(&self) -> Scenario {
        let name = format!("{}{MEMORY}", self.name);
        Scenario { name, memory: true, ..self.clone() }
    }

    /// The same, ended by a race between two instructions.
    pub fn up_to_race(&self, race: RacePair, base: u64) -> Scenario {
        let stem = self.name.strip_suffix(MEMORY).unwrap_or(&self.name);
        let (one, two) = (race.low.wrapping_sub(base), race.high.wrapping_sub(base));
        let kind = if race.writes { WRITES } else { RACE };
        let name = format!("{stem}{kind}{one:x}-{two:x}");
        Scenario { name, memory: true, race: Some(race), ..self.clone() }
    }

    /// The same, ended when the later of two requests overtakes the earlier.
    pub fn up_to_overtaking(&self, (earlier, later): (u16, u16)) -> Scenario {
        let name = format!("{}{OVERTAKING}{earlier}-{later}", self.name);
        Scenario { name, overtaking: Some((earlier, later)), ..self.clone() }
    }

    /// The same with one call failing for want of memory.
    pub fn failing(&self, number: u32) -> Scenario {
        let name = format!("{}{FAIL}{number}", self.name);
        Scenario { name, fail_at: Some(number), ..self.clone() }
    }

    /// The same without a rule.
    pub fn without(&self, rule: &'static str) -> Scenario {
        let mut without = self.without.clone();
        without.push(rule);
        Scenario { name: format!("{}{WITHOUT}{rule}", self.name), without, ..self.clone() }
    }

    /// The scenario that a name with a suffix stands for, among those without.
    pub fn by_name(known: &[Scenario], name: &str, base: u64) -> Option<Scenario> {
        let find = |stem: &str| {
            let mut parts = stem.split(WITHOUT);
            let first = parts.next()?;
            let plain = known.iter().find(|scenario| scenario.name == first)?;
            parts.try_fold(plain.clone(), |scenario, rule| {
                Some(scenario.without(verifier::find(rule)?.name))
            })
        };
        if let Some((stem, pair)) = name.rsplit_once(OVERTAKING) {
            let (earlier, later) = pair.split_once('-')?;
            let pair = (earlier.parse().ok()?, later.parse().ok()?);
            return Some(Scenario::by_name(known, stem, base)?.up_to_overtaking(pair));
        }
        if let Some((stem, number)) = name.rsplit_once(FAIL) {
            return Some(find(stem)?.failing(number.parse().ok()?));
        }
        if let Some(stem) = name.strip_suffix(MEMORY) {
            return Some(find(stem)?.in_memory_mode());
        }
        for (kind, writes) in [(RACE, false), (WRITES, true)] {
            if let Some((stem, pair)) = name.split_once(kind) {
                let (one, two) = pair.split_once('-')?;
                let address = |text| Some(base.wrapping_add(u64::from_str_radix(text, 16).ok()?));
                let race = RacePair { low: address(one)?, high: address(two)?, writes };
                return Some(find(stem)?.up_to_race(race, base));
            }
        }
        find(name)
    }
}

/// What steps need to know of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stage {
    /// Device that applications open.
    pub device: u64,
    /// Physical device object, 0 for drivers without PnP.
    pub pdo: u64,
}

impl Stage {
    /// What applications open: the device by its name or, where it has none, its physical device
    /// object, to which the links of device interfaces lead.
    pub fn opened(&self, cx: &Cx) -> u64 {
        let mut devices = cx.state.devices.iter();
        let named = devices.any(|device| device.object == self.device && device.name.is_some());
        if named || self.pdo == 0 { self.device } else { self.pdo }
    }
}

pub(crate) fn actor(
    name: &str,
    steps: &[Step],
    stage: Stage,
    script: Option<Arc<Script>>,
) -> Actor {
    let steps: Rc<[Step]> = steps.into();
    let application = steps.iter().any(|step| {
        !matches!(
            step,
            Step::CancelAll
                | Step::EndProcess
                | Step::OthersFirst
                | Step::Order
                | Step::StopStart
                | Step::QueryStop
                | Step::Rebalance
                | Step::QueryRemove
                | Step::FailToStart
                | Step::Ask
                | Step::Sleep { .. }
                | Step::Idle
                | Step::Happen { .. }
                | Step::Surprise
                | Step::Fault { .. }
                | Step::SharedLine
                | Step::DisableChildren
                | Step::Remove
                | Step::Unload
                | Step::Reload
        )
    });
    Actor {
        name: name.to_owned(),
        script: Rc::new(move |cx| perform(cx, &steps, stage, script.as_deref())),
        application,
    }
}

pub(crate) fn perform(
    cx: &mut Cx,
    steps: &[Step],
    stage: Stage,
    script: Option<&Script>,
) -> Result<(), Stop> {
    let mut own = OWN;
    let first = cx.state.requests.len();
    for &step in steps {
        if cx.is_ending() {
            break;
        }
        match step {
            Step::Scripted { step } => {
                if let Some(script) = script {
                    script.perform(cx, step, &mut own, stage)?;
                }
            }
            Step::Order => {
                if let Some(script) = script {
                    script.check_order(cx)?;
                }
            }
            Step::CancelAll => cancel(cx, None)?,
            Step::Wait => {
                let me = cx.id();
                let mut index = first;
                while index < cx.state.requests.len() {
                    if cx.state.requests[index].by == me {
                        end::wait(cx, index as u16)?;
                    }
                    index += 1;
                }
            }
            Step::EndProcess => end::process(cx)?,
            Step::OthersFirst => cx.pause()?,
            Step::UnmapBuffers => request::unmap_buffers(cx)?,
            Step::ProtectBuffers => request::protect_buffers(cx)?,
            Step::OverwriteBuffers => request::overwrite_buffers(cx)?,
            Step::WaitFirst => {
                let me = cx.id();
                let mut mine = cx.state.requests[first..].iter();
                let waits = mine.position(|request| request.by == me && request.done.is_none());
                if let Some(index) = waits {
                    end::wait(cx, (first + index) as u16)?;
                }
            }
            Step::FileType => {
                if cx.state.files.get(usize::from(own)).is_some_and(|file| file.open) {
                    request::ask_type(cx, own)?;
                }
            }
            Step::CloseAll => {
                for file in 0..cx.state.files.len() {
                    request::close(cx, file as u16)?;
                }
            }
            Step::Happen { notice } => notices::happen(cx, notice)?,
            Step::StopStart => {
                if device_exists(cx, stage.device) {
                    manager::stop_and_start(cx, stage.pdo, Rebalance::Same)?;
                }
            }
            Step::QueryStop => {
                if device_exists(cx, stage.device) {
                    manager::stop_and_start(cx, stage.pdo, Rebalance::Cancelled)?;
                }
            }
            Step::Rebalance => {
                if device_exists(cx, stage.device) {
                    manager::stop_and_start(cx, stage.pdo, Rebalance::Moved)?;
                }
            }
            Step::QueryRemove => {
                if device_exists(cx, stage.device) {
                    manager::query_remove(cx, stage.pdo)?;
                }
            }
            Step::FailToStart => {
                if cx.state.loaded() {
                    manager::fail_to_start(cx)?;
                }
            }
            Step::Ask => {
                if device_exists(cx, stage.device) {
                    ask::everything(cx, stage.pdo)?;
                }
            }
            Step::Sleep { how } => {
                if device_exists(cx, stage.device) {
                    system::sleep(cx, stage.pdo, how)?;
                }
            }
            Step::Idle => {
                if device_exists(cx, stage.device) {
                    idle::pass(cx, stage.pdo)?;
                }
            }
            Step::Surprise => {
                if device_exists(cx, stage.device) {
                    manager::surprise(cx, stage.pdo)?;
                }
            }
            Step::Fault { fault } => {
                kernel::device::fault(cx, fault)?;
            }
            Step::DisableChildren => {
                if device_exists(cx, stage.device) {
                    manager::disable_children(cx, stage.pdo)?;
                }
            }
            Step::SharedLine => kernel::io::interrupt::interrupt_shared_line(cx)?,
            Step::Remove => {
                if device_exists(cx, stage.device) && nothing_open(cx) {
                    manager::remove(cx, stage.pdo, true)?;
                }
            }
            Step::Reload => {
                if !cx.state.loaded() && cx.state.images[0].gone.is_some() {
                    manager::reload(cx, stage.pdo != 0)?;
                }
            }
            Step::Unload => {
                if nothing_open(cx) && nobody_inside(cx) {
                    images::unload_all(cx)?;
                }
            }
        }
    }
    if cx.is_ending() { end::thread(cx) } else { Ok(()) }
}

pub(crate) fn device_exists(cx: &Cx, device: u64) -> bool {
    cx.state.loaded() && cx.state.devices.iter().any(|d| d.object == device && !d.deleted)
}

/// The PnP manager removes a device, and the I/O manager unloads a driver, when no file is open.
fn nothing_open(cx: &Cx) -> bool {
    !manager::in_use(cx)
}

/// No other actor is in the middle of a request.
fn nobody_inside(cx: &Cx) -> bool {
    let me = cx.id();
    cx.state
        .requests
        .iter()
        .all(|request| (request.done.is_some() && request.returned.is_some()) || request.by == me)
}

/// Cancels what is under way on a file, or everywhere.
pub(crate) fn cancel(cx: &mut Cx, file: Option<u16>) -> Result<(), Stop> {
    let mut index = 0;
    while index < cx.state.requests.len() {
        let request = cx.state.requests[index];
        let wanted = file.is_none() || request.file == file;
        // Whoever winds down asks once for what nobody asked for before, as Windows does when a
        // thread ends.
        let data = cx.state.irp(request.irp).is_some_and(|irp| {
            (file.is_some() || irp.cancelled.is_none())
                && matches!(
                    irp.major,
                    major::READ
                        | major::WRITE
                        | major::DEVICE_CONTROL
                        | major::INTERNAL_DEVICE_CONTROL
                )
        });
        if wanted && data && request.done.is_none() && request.file.is_some() {
            request::cancel_request(cx, index as u16)?;
        }
        index += 1;
    }
    Ok(())
}

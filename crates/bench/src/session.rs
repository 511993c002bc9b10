//! One scenario on one machine: set-up once, then run after run from the baseline.

use crate::battery::{Abilities, FAULTS, NOTICES};
use crate::driver::Target;
use crate::low_resources::{Refusal, wind_down};
use crate::scenario::{Scenario, Stage, Step, actor, perform};
use crate::scenario_steps::Script;
use kernel::event::Rule;
use kernel::event::Site;
use kernel::io::{notices, notification};
use kernel::pnp::images::{self, Failure};
use kernel::pnp::manager::{self, Stack};
use kernel::state::Start;
use kernel::{Actor, Machine, Outcome, Recorder, World};
use nt::layout::{device_object, driver_object};
use schedule::{Any, Replay, Schedule, Strategy};
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

/// Virtual processors.
const PROCESSORS: u8 = 2;
/// Records that a recorder keeps.
const MOST_RECORDS: usize = 200_000;

/// What set-up found.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetUp {
    pub stage: Stage,
    /// A step that the driver refused, in words.
    pub refused: Option<String>,
    /// Which step that was.
    pub refusal: Option<Refusal>,
}

/// A machine at a scenario's baseline.
pub(crate) struct Session {
    pub machine: Machine,
    pub target: Rc<Target>,
    pub set_up: SetUp,
    /// Races of the machine that have been looked at.
    pub races: usize,
    /// Overtakings likewise.
    pub overtakings: usize,
    /// Moments that a recorder leaves out, and those among them that it keeps.
    pub spare: (Range<Site>, Vec<Site>),
    again: Option<Again>,
}

/// What setting up again for each run needs.
struct Again {
    scenario: Scenario,
    /// The machine is set up and has not run yet.
    fresh: bool,
}

/// How setting up failed.
pub(crate) enum Failed {
    /// A rule objects, or the bench lacks something: the world knows, with the record if asked for.
    Ended(Box<Session>),
    /// The driver declines to load or start.
    Refused(String),
}

/// A machine that is set up, and what that found.
fn set_up_machine(target: &Rc<Target>, scenario: &Scenario, record: bool) -> (Machine, SetUp) {
    let asked = |rule: &&&Rule| !scenario.without.contains(&rule.name);
    let rules: Vec<_> = verifier::RULES.iter().filter(asked).copied().collect();
    let mut world = World::new(PROCESSORS, &rules);
    if scenario.live {
        world.go_live();
    }
    if !target.device.name.is_empty() {
        world.plug_in(target.device.model.make());
    }
    if let Some(installed) = &target.installed {
        world.install(&installed.registry);
    }
    for image in target.images() {
        world.load(image.image.clone());
    }
    world.tells_end = false;
    world.fail_at = scenario.fail_at;
    world.stop_at_overtaking = scenario.overtaking;
    world.bus.observing = scenario.overtaking.is_some();
    let found = Rc::new(RefCell::new(SetUp::default()));
    let prepare: Rc<[Step]> = scenario.prepare.as_slice().into();
    let results = found.clone();
    let script = scenario.script.clone();
    let stack = scenario.stack;
    world.actors = vec![Actor {
        name: "loader".to_owned(),
        script: Rc::new(move |cx| {
            set_up(cx, &prepare, stack, &results, script.as_deref())?;
            let refusal = results.borrow().refusal;
            match refusal {
                Some(refusal) if cx.fail_at.is_some() => wind_down(cx, refusal),
                _ => Ok(()),
            }
        }),
        application: !scenario.prepare.is_empty(),
    }];
    world.starters = 1;
    let mut machine = Machine::new(world);
    if record {
        machine.recorder = Some(Recorder::new(target.unwinder(), MOST_RECORDS));
    }
    machine.set_up();
    let set_up = found.borrow().clone();
    (machine, set_up)
}

/// Puts a scenario's actors into a machine that is set up.
fn arm(machine: &mut Machine, scenario: &Scenario, stage: Stage) {
    machine.actors = scenario
        .actors
        .iter()
        .chain(&scenario.wind_down)
        .map(|(name, steps)| actor(name, steps, stage, scenario.script.clone()))
        .collect();
    machine.starters = scenario.actors.len();
    machine.tells_end = true;
    machine.bus.tracking = scenario.memory;
    machine.stop_at_race = scenario.race;
}

impl Session {
    /// Loads the driver, prepares the scenario and takes the baseline.
    pub fn new(target: &Rc<Target>, scenario: &Scenario, record: bool) -> Result<Session, Failed> {
        let (machine, set_up) = set_up_machine(target, scenario, record);
        let mut session = Session {
            machine,
            target: target.clone(),
            set_up,
            races: 0,
            overtakings: 0,
            spare: (0..0, Vec::new()),
            again: None,
        };
        if session.machine.outcome.is_some() {
            session.machine.end_all();
            return Err(Failed::Ended(Box::new(session)));
        }
        if let Some(text) = session.set_up.refused.take() {
            return Err(Failed::Refused(text));
        }
        let state = &session.machine.state;
        let blocked = |context: usize| matches!(state.contexts[context].start, Start::Actor(_));
        if state.live().any(blocked) {
            return Err(Failed::Refused("what the scenario prepares never ends".to_owned()));
        }
        let stage = session.set_up.stage;
        if scenario.live {
            // It goes on from here, and whoever is blocked with it.
        } else if session.machine.can_go_back() {
            session.machine.end_all();
            arm(&mut session.machine, scenario, stage);
            session.machine.set_baseline();
        } else {
            arm(&mut session.machine, scenario, stage);
            session.machine.set_at_rest();
            session.again = Some(Again { scenario: scenario.clone(), fresh: true });
        }
        Ok(session)
    }

    /// Runs from the baseline with the machine's present strategy.
    #[inline]
    pub fn run(&mut self) {
        match self.again {
            None => self.machine.restore(),
            Some(_) => self.set_up_again(),
        }
        self.machine.run();
    }

    /// Somebody is blocked in a way that only the kernel's own stack knows, so there is no going back:
    /// each run has a machine of its own.
    #[cold]
    fn set_up_again(&mut self) {
        let Some(again) = &mut self.again else { return };
        if !again.fresh {
            let (mut machine, _) = set_up_machine(&self.target, &again.scenario, false);
            arm(&mut machine, &again.scenario, self.set_up.stage);
            machine.set_at_rest();
            machine.take_over(&mut self.machine);
            self.machine = machine;
        }
        again.fresh = false;
        self.machine.begin();
    }

    /// Runs one schedule, with a recorder if asked for. The first point that does not fit, if any.
    pub fn run_schedule(&mut self, schedule: Schedule, record: bool) -> Option<u32> {
        let replay = Any::Replay(Replay::new(schedule));
        let kept = std::mem::replace(&mut self.machine.strategy, replay);
        self.machine.strategy.next_run();
        if record {
            let mut recorder = Recorder::new(self.target.unwinder(), MOST_RECORDS);
            recorder.leave_out(self.spare.0.clone(), self.spare.1.clone());
            self.machine.recorder = Some(recorder);
        }
        self.run();
        let replay = std::mem::replace(&mut self.machine.strategy, kept);
        match replay {
            Any::Replay(replay) => replay.misfit(),
            _ => None,
        }
    }

    /// Runs a schedule in which the later of two requests overtakes the earlier once more, with lists
    /// observed: the operation that swapped them, as a number, if it was one.
    pub fn swap(&mut self, pair: (u16, u16), schedule: &Schedule) -> Option<u64> {
        let machine = &mut self.machine;
        machine.stop_at_overtaking = Some(pair);
        machine.bus.observing = true;
        machine.unwinder.get_or_insert_with(|| self.target.unwinder());
        self.run_schedule(schedule.clone(), false);
        let machine = &mut self.machine;
        machine.stop_at_overtaking = None;
        machine.bus.observing = false;
        let Some(Outcome::Violation(_)) = &machine.outcome else { return None };
        Some(machine.lists.swap.map_or(0, |swap| swap.stack))
    }

    /// What the driver registers.
    pub fn abilities(&self) -> Abilities {
        abilities(&self.machine, &self.target, self.set_up.stage)
    }
}

/// What a driver registers that is loaded and started.
pub(crate) fn abilities(world: &World, target: &Target, stage: Stage) -> Abilities {
    let object = world.modules[0].driver_object;
    let memory = &world.bus.memory;
    let invalid = world.registry.address_of("IopInvalidDeviceRequest").unwrap_or(0);
    let majors = (0..28)
        .filter(|major| {
            let slot = object + driver_object::MAJOR_FUNCTION + 8 * major;
            memory.view64(slot) != invalid
        })
        .fold(0, |mask, major| mask | 1 << major);
    Abilities {
        majors,
        pnp: stage.pdo != 0,
        unloads: memory.view64(object + driver_object::DRIVER_UNLOAD) != 0,
        neither: {
            // Neither DO_BUFFERED_IO nor DO_DIRECT_IO (wdm.h).
            let mut flags = [0; 4];
            memory.view(stage.device + device_object::FLAGS, &mut flags);
            u32::from_le_bytes(flags) & 0x14 == 0
        },
        opens: stage.device != 0 && majors & 1 != 0,
        idles: !world.state.idle.is_empty(),
        wakes: !world.state.wakes.is_empty(),
        other_type: {
            let kind = |device: u64| memory.view64(device + device_object::DEVICE_TYPE) as u32;
            let Stage { device, pdo } = stage;
            device != 0 && pdo != 0 && kind(device) != kind(pdo)
        },
        children: !world.state.children.is_empty(),
        line: !world.state.interrupts.is_empty() && world.bus.card.messages() == 0,
        codes: target.codes.clone(),
        notices: NOTICES.map(|(_, notice)| notices::wanted(world, notice)),
        lengths: [0; 2],
        start_io: memory.view64(object + driver_object::DRIVER_START_IO) != 0,
        faults: match world.state.interrupts.is_empty() {
            true => Vec::new(),
            false => {
                let mut device = world.bus.card.copy();
                FAULTS.into_iter().filter(|&fault| device.fault(fault)).collect()
            }
        },
    }
}

/// Loads the driver, gives it a device if it wants one, and does the scenario's preparation.
fn set_up(
    cx: &mut kernel::Cx,
    prepare: &[Step],
    stack: Stack,
    found: &RefCell<SetUp>,
    script: Option<&Script>,
) -> Result<(), kernel::Stop> {
    let refuse = |what: &str, status: u32, refusal: Refusal| {
        let mut found = found.borrow_mut();
        found.refused = Some(format!("{what} fails with {}", nt::status::text(status)));
        found.refusal = Some(refusal);
    };
    if let Some(Failure { image, routine, status }) = images::load_all(cx)? {
        let routine = match image {
            0 => routine.to_owned(),
            _ => format!("{routine} of {}", cx.modules[image].name),
        };
        refuse(&routine, status, Refusal::Entry(image));
        return Ok(());
    }
    let mut stage = Stage::default();
    if images::adds_devices(cx) {
        let (status, pdo) = manager::add_device(cx, stack)?;
        if status >= 0x8000_0000 {
            refuse("AddDevice", status, Refusal::AddDevice(pdo));
            return Ok(());
        }
        stage.pdo = pdo;
        let status = manager::start(cx, pdo)?;
        if status >= 0x8000_0000 {
            refuse("IRP_MN_START_DEVICE", status, Refusal::Start(pdo));
            return Ok(());
        }
    }
    notification::reinitialize(cx, true)?;
    let driver = cx.modules[0].driver_object;
    let ours = |device: &&kernel::state::Device| device.driver == driver && !device.deleted;
    // The named device, or the one on top of the physical device object, or the first.
    let devices = &cx.state.devices;
    let named = devices.iter().filter(ours).find(|device| device.name.is_some());
    let device = if stage.pdo != 0 {
        devices.iter().filter(ours).find(|device| {
            let extension =
                cx.bus.memory.view64(device.object + device_object::DEVICE_OBJECT_EXTENSION);
            let below = extension + nt::layout::devobj_extension::ATTACHED_TO;
            cx.bus.memory.view64(below) != 0
        })
    } else {
        named.or_else(|| devices.iter().find(ours))
    };
    stage.device = device.map_or(0, |device| device.object);
    found.borrow_mut().stage = stage;
    if stage.device != 0 {
        perform(cx, prepare, stage, script)?;
    }
    Ok(())
}

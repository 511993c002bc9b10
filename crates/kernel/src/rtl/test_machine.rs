//! Machines for tests of services: scripts that call them, alone or in every interleaving.

use crate::context::Machine;
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::state::BlockKind;
use crate::world::{Actor, Outcome, Script, World};
use schedule::{Any, Bounded, Strategy};
use std::rc::Rc;

/// Where tests put machine code.
pub(crate) const CODE: u64 = crate::map::IMAGES;

/// A script as an actor.
pub(crate) fn script(run: impl Fn(&mut Cx) -> Result<(), Stop> + 'static) -> Script {
    Rc::new(run)
}

fn machine(scripts: Vec<Script>) -> Machine {
    let mut world = World::new(2, &[]);
    world.starters = scripts.len();
    for (index, script) in scripts.into_iter().enumerate() {
        world.actors.push(Actor { name: format!("actor {index}"), script, application: false });
    }
    world.bus.memory.map(CODE, 0x1000, 0, true);
    Machine::new(world)
}

/// Runs one script; how the run ended, if not by itself.
pub(crate) fn outcome(run: impl Fn(&mut Cx) -> Result<(), Stop> + 'static) -> Option<Outcome> {
    let mut machine = machine(vec![script(run)]);
    machine.run();
    machine.outcome.take()
}

/// Runs one script, which must get to its end.
pub(crate) fn run(script: impl Fn(&mut Cx) -> Result<(), Stop> + 'static) {
    let done = Rc::new(std::cell::Cell::new(false));
    let told = done.clone();
    let ended = outcome(move |cx| {
        script(cx)?;
        told.set(true);
        Ok(())
    });
    assert_eq!(ended, None);
    assert!(done.get(), "the script did not get to its end");
}

/// A zeroed block of nonpaged pool.
pub(crate) fn block(world: &mut World, bytes: u64) -> u64 {
    let Some(at) = pool::allocate(world, BlockKind::Pool, false, bytes, 0) else {
        panic!("no pool");
    };
    world.bus.memory.fill(at, bytes, 0);
    at
}

/// A block that holds these bytes.
pub(crate) fn bytes(world: &mut World, bytes: &[u8]) -> u64 {
    let at = block(world, bytes.len() as u64);
    world.bus.memory.poke(at, bytes);
    at
}

/// Makes the next run of a search that rises through its bounds by itself; false at the end.
fn next_run(strategy: &mut Any) -> bool {
    loop {
        if strategy.next_run() {
            return true;
        }
        let Any::Bounded(bounded) = strategy else { return false };
        if !bounded.raise() {
            return false;
        }
    }
}

/// Runs scripts in every interleaving with at most `preemptions`, from a world that `prepare` made;
/// `check` sees the world after each run. Returns the number of runs.
pub(crate) fn explore(
    preemptions: u32,
    scripts: Vec<Script>,
    prepare: impl FnOnce(&mut World),
    mut check: impl FnMut(&mut World),
) -> usize {
    let mut machine = machine(scripts);
    prepare(&mut machine);
    machine.set_baseline();
    machine.strategy = Any::Bounded(Bounded::new(preemptions, 1 << 20));
    let mut runs = 0;
    while next_run(&mut machine.strategy) {
        machine.restore();
        machine.run();
        check(&mut machine);
        runs += 1;
    }
    runs
}

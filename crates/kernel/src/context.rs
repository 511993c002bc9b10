//! Coroutines: one for each context that has run and not ended.
//!
//! This is the kernel's only room with `unsafe`. The reason it is needed: all coroutines of a
//! machine work on the same [`World`], one at a time, which the borrow checker cannot see.
//!
//! What makes it sound:
//! * A [`Machine`] owns its world through one raw pointer, made once; every reference to the world
//!   is derived from that pointer and lives no longer than a call that cannot switch contexts:
//!   [`Cx`] hands out references that borrow the `Cx`, and suspending needs the `Cx` mutably.
//! * Only one coroutine runs at a time, on the thread that owns the machine; `Machine` is not `Send`.
//! * A coroutine never outlives its machine: [`Machine::end_all`] makes every suspended one return (its
//!   suspension reports [`Stop::Run`], which every service passes up), after each run but one that
//!   sets up, and before the machine is dropped.
#![allow(unsafe_code)]

use crate::cx::{Cx, Stop};
use crate::state::{Doing, Start};
use crate::world::{NOBODY, World};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use schedule::MAX_CONTEXTS;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of a coroutine's own stack: room for a few hundred nested kernel services.
const STACK_BYTES: usize = 512 * 1024;

/// What a suspended coroutine is told.
pub(crate) enum Resume {
    /// Go on.
    Go,
    /// The run is over: return.
    Abort,
}

pub(crate) type Suspender = Yielder<Resume, ()>;
type Routine = Coroutine<Resume, (), (), DefaultStack>;

/// Coroutines by context, and stacks to use again.
pub(crate) struct Contexts {
    routines: [Option<Routine>; MAX_CONTEXTS],
    stacks: Vec<DefaultStack>,
    /// Whether the context is blocked in a wait that its thread made directly.
    plain_wait: [bool; MAX_CONTEXTS],
    /// Who was chosen to go on.
    pub(crate) next: u8,
}

impl Contexts {
    pub(crate) fn new() -> Contexts {
        Contexts {
            routines: [const { None }; MAX_CONTEXTS],
            stacks: Vec::new(),
            plain_wait: [false; MAX_CONTEXTS],
            next: NOBODY,
        }
    }

    pub(crate) fn restartable(&self, context: usize) -> bool {
        self.plain_wait[context]
    }

    pub(crate) fn set_plain_wait(&mut self, context: u8, plain: bool) {
        self.plain_wait[usize::from(context)] = plain;
    }

    pub(crate) fn clear(&mut self) {
        self.next = NOBODY;
    }
}

/// A world and the coroutines that work on it.
pub struct Machine {
    world: NonNull<World>,
}

impl Machine {
    /// Takes the world over.
    pub fn new(world: World) -> Machine {
        Machine { world: NonNull::from(Box::leak(Box::new(world))) }
    }

    /// Runs from the world's present state until nothing is left to do or a rule objects.
    /// Coroutines that are suspended then are ended.
    pub fn run(&mut self) {
        self.go();
        self.end_all();
    }

    /// Runs what sets the machine up: whoever is blocked then stays so, and may go on in a later run,
    /// until [`Machine::end_all`].
    pub fn set_up(&mut self) {
        self.keeps_blocked = true;
        self.go();
        self.keeps_blocked = false;
    }

    /// Goes on from rest until nobody can do anything any more. Whoever is blocked then stays so, and
    /// goes on when there is a reason to.
    pub fn go_on(&mut self) {
        if self.outcome.is_none() {
            self.begin_slice();
            self.keeps_blocked = true;
            self.go_from_rest();
            self.keeps_blocked = false;
        }
    }

    fn go(&mut self) {
        self.start_actors();
        self.go_from_rest();
    }

    fn go_from_rest(&mut self) {
        let mut next = self.choose();
        while let Some(context) = next {
            self.switch_to(context);
            let ended = self.resume(context, Resume::Go);
            next = if self.over {
                // A context that was told so is blocked still, not at its end.
                None
            } else if ended {
                self.finish(context);
                self.choose()
            } else {
                Some(self.contexts.next)
            };
        }
    }

    /// Ends the coroutines that are suspended.
    pub fn end_all(&mut self) {
        for context in self.state.live() {
            if self.contexts.routines[context].is_some() {
                self.state.current = context as u8;
                self.over = true;
                while !self.resume(context as u8, Resume::Abort) {}
            }
        }
    }

    /// Lets a context run until it suspends itself (false) or returns (true).
    fn resume(&mut self, context: u8, how: Resume) -> bool {
        let index = usize::from(context);
        let mut routine = match self.contexts.routines[index].take() {
            Some(routine) => routine,
            None => self.make(context),
        };
        match routine.resume(how) {
            CoroutineResult::Yield(()) => {
                self.contexts.routines[index] = Some(routine);
                false
            }
            CoroutineResult::Return(()) => {
                self.contexts.stacks.push(routine.into_stack());
                true
            }
        }
    }

    fn make(&mut self, context: u8) -> Routine {
        let stack = match self.contexts.stacks.pop() {
            Some(stack) => stack,
            None => match DefaultStack::new(STACK_BYTES) {
                Ok(stack) => stack,
                Err(error) => panic!("no memory for a coroutine's stack: {error}"),
            },
        };
        let world = self.world;
        Coroutine::with_stack(stack, move |yielder: &Suspender, how| {
            if let Resume::Go = how {
                let mut cx = Cx::new(WorldRef(world), yielder, context);
                cx.main();
                cx.leave();
            }
        })
    }
}

impl Deref for Machine {
    type Target = World;

    fn deref(&self) -> &World {
        // SAFETY: the pointer is valid from `new` to `drop`, and no coroutine runs while the
        // machine is borrowed: coroutines run only inside `resume`, which borrows it mutably and
        // holds no reference to the world while it does.
        unsafe { self.world.as_ref() }
    }
}

impl DerefMut for Machine {
    fn deref_mut(&mut self) -> &mut World {
        // SAFETY: as in `deref`.
        unsafe { self.world.as_mut() }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end_all();
        // SAFETY: the pointer came from `Box::leak` in `new` and is freed here only; coroutines
        // that hold a copy have returned, since `end_all` ends them.
        drop(unsafe { Box::from_raw(self.world.as_ptr()) });
    }
}

/// A coroutine's way to the world.
#[derive(Clone, Copy)]
pub(crate) struct WorldRef(NonNull<World>);

impl Deref for WorldRef {
    type Target = World;

    #[inline(always)]
    fn deref(&self) -> &World {
        // SAFETY: the machine outlives its coroutines, and only one of them runs at a time, while
        // nobody else holds a reference to the world (see the module's description).
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for WorldRef {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut World {
        // SAFETY: as in `deref`.
        unsafe { self.0.as_mut() }
    }
}

impl Cx<'_> {
    /// Gives way to the context that was chosen, until chosen again.
    pub(crate) fn suspend(&mut self) -> Result<(), Stop> {
        match self.yielder().suspend(()) {
            Resume::Go => Ok(()),
            Resume::Abort => Err(Stop::Run),
        }
    }

    /// What a context does from start to end.
    fn main(&mut self) {
        let context = self.id();
        let start = self.state.contexts[usize::from(context)].start;
        if start != Start::Blocked {
            self.reset_registers();
        }
        debug_assert!(self.state.contexts[usize::from(context)].doing == Doing::Ready);
        let result = match start {
            Start::Actor(index) => {
                let script = self.actors.get(usize::from(index)).map(|actor| actor.script.clone());
                match script {
                    Some(script) => script(self),
                    None => Ok(()),
                }
            }
            Start::Thread { routine, argument } => crate::ps::thread::main(self, routine, argument),
            Start::WorkItem { routine, arguments, device, item } => {
                crate::io::work_item::main(self, routine, arguments, device, item)
            }
            Start::Dpc(dpc) => crate::ke::dpc::main(self, dpc),
            Start::Interrupt(interrupt) => crate::io::interrupt::main(self, interrupt),
            Start::BusCompletion(irp) => crate::pnp::bus::main(self, irp),
            Start::PowerRequest(irp) => crate::po::irp::main(self, irp),
            Start::TargetChange { pdo, copy, callback, context } => {
                crate::io::notification::main(self, pdo, copy, (callback, context))
            }
            Start::AskAgain { pdo, state } => crate::pnp::children::main(self, pdo, state),
            Start::Blocked => self.resume_blocked(),
        };
        match result {
            Ok(()) | Err(Stop::Thread) => {
                if self.state.contexts[usize::from(context)].thread != 0 {
                    crate::ps::thread::ended(self);
                }
            }
            Err(Stop::Run | Stop::Resumed | Stop::Unwinding | Stop::Unwound) => {}
        }
    }
}

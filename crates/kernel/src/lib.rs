//! A simulated NT kernel: ntoskrnl and HAL as far as drivers see them.
//!
//! | file | holds |
//! | --- | --- |
//! | `world` | one machine: who may run, choices carried out, baseline and restore |
//! | `context` | coroutines (the only room with `unsafe`) |
//! | `cx` | what a service works with: arguments, memory, calls into the driver, blocking |
//! | `service`, `registry` | how services are declared and found |
//! | `refused` | routines that are refused, and why |
//! | `state` | what a run changes outside guest memory |
//! | `event` | what the verifier's rules see and say |
//! | `live` | runs without an end: what is finished is used again |
//! | `low_resources` | services that fail when memory is short |
//! | `record` | the record of a run, with call stacks |
//! | `words` | addresses by the names that driver writers use |
//! | `map`, `boot`, `module` | the address space, what is in it, driver images |
//! | `bus`, `device` | what the interpreter sees; the device in its slot |
//! | `ke` `ex` `hal` `io` `mm` `ob` `ps` `rtl` `dbg` `pnp` `po` | the services |
#![warn(missing_docs)]
// C prototypes of the DDK have up to eleven parameters.
#![allow(clippy::too_many_arguments)]

mod boot;
mod bus;
mod context;
mod cx;
pub mod device;
pub mod event;
pub mod live;
pub mod low_resources;
pub mod map;
mod module;
mod record;
mod refused;
mod registry;
pub mod service;
pub mod state;
mod state_pnp;
pub mod words;
mod world;

// Services bear the names under which drivers import them.
#[allow(non_snake_case)]
pub mod cm;
#[allow(non_snake_case)]
pub mod dbg;
#[allow(non_snake_case)]
pub mod ex;
#[allow(non_snake_case)]
pub mod hal;
#[allow(non_snake_case)]
pub mod io;
#[allow(non_snake_case)]
pub mod ke;
#[allow(non_snake_case)]
pub mod mm;
#[allow(non_snake_case)]
pub mod ob;
#[allow(non_snake_case)]
pub mod pnp;
#[allow(non_snake_case)]
pub mod po;
#[allow(non_snake_case)]
pub mod ps;
#[allow(non_snake_case)]
pub mod rtl;
#[allow(non_snake_case)]
pub mod se;

pub use boot::VERSION;
pub use bus::{BusStop, GuestBus, What};
pub use context::Machine;
pub use cx::{Cx, Stop};
pub use module::{Image, Import, Module, Role, Section, image_base};
pub use record::{Did, Record, Recorder, Unwinder};
pub use registry::{Registry, Support};
pub use world::{Actor, BUDGET, CLOCK, NOBODY, Outcome, Script, World};

//! An x86-64 interpreter for kernel-mode driver code.
//!
//! [`Cpu::run`] executes 64-bit long-mode code over a [`Bus`]: every memory access, port, CR8 and
//! time-stamp read goes through it, and any of them may refuse, which leaves the processor exactly
//! as it was before the instruction. Code is decoded once into basic blocks that live in a
//! [`CodeCache`]; the cache does not depend on the bus, so one cache serves many runs.
//!
//! An instruction is right or refused: what is not implemented leaves with [`Exit::Unsupported`].
//! Semantics follow the AMD64 Architecture Programmer's Manual volumes 3 and 4 (AMD 24594, 26568)
//! and the Intel SDM volume 2.
//!
//! | file | holds |
//! | --- | --- |
//! | `bus` | what the interpreter asks of the world |
//! | `state` | registers, exits |
//! | `flags` | the six arithmetic flags, evaluated when read |
//! | `cache` | blocks by address, links between them, invalidation |
//! | `decode` | bytes to blocks of `op::Op` |
//! | `exec` | one small function for each op, and the table of them |
//! | `run` | the loop |
#![warn(missing_docs)]

mod bus;
mod cache;
mod decode;
mod exec;
mod flags;
mod fuzz_entry;
mod op;
mod run;
mod state;

pub use bus::Bus;
pub use cache::CodeCache;
#[doc(hidden)]
pub use fuzz_entry::fuzz_decode;
pub use state::{Cpu, Exit};

#[cfg(test)]
mod tests;

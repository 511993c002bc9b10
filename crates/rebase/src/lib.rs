//! Which images of a set want the same addresses, and where each of them may stand instead.
//!
//! A process that is made by `fork` on Windows - Cygwin, MSYS2 - has to have every library at the address at which its
//! parent has it. Two libraries that were linked for overlapping addresses cannot both be there, so that one of them is
//! moved by the loader, in each process to wherever there is room. [`plan`] gives each its own address, as
//! Cygwin's `rebaseall` does; [`pe::Image::rebased`] makes the file of it.
//!
//! Sources: README of Cygwin's rebase 4.x (its defaults, ranges and order), the Cygwin User's Guide and FAQ on
//! `fork`; Microsoft "PE Format" (`ImageBase`); linker options `/DYNAMICBASE`, `/LARGEADDRESSAWARE`.

#![forbid(unsafe_code)]

mod member;
mod plan;
mod space;

pub use member::{Member, Moves, Stays};
pub use plan::{Order, Place, Plan, Wish, plan};

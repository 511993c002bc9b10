//! Launches and ends of processes: a ledger that joins them, and the readers of records that tell of them.
//!
//! The sum is: launched = seen + lost. What a source lost is an event of its own and stands where it was
//! lost. Live sources are in `crates/process-sources`; nothing here touches the machine.

#![forbid(unsafe_code)]

mod event;
mod filter;
mod ledger;
pub mod records;
mod signal;
mod summary;
mod time;

pub use event::{Command, End, Event, How, Image, Lost, Start, What};
pub use filter::{Filter, Pattern};
pub use ledger::{Entry, Ledger, Process, State, Told};
pub use signal::signal_name;
pub use summary::{Counted, Summary, Tree};
pub use time::{Civil, Time};

//! Ledgers of processes: from this machine or from records.

mod live;
mod records;
mod teller;

pub(crate) use live::run as live;
pub(crate) use records::run as records;

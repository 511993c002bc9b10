//! Ledgers of processes: from records.

mod records;
mod teller;

pub(crate) use records::run as records;

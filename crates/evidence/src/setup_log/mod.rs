//! Text logs of SetupAPI: `setupapi.dev.log`, `.app.log`, `.setup.log`, `.offline.log`, Windows Vista and later.
//!
//! [`Lines`] hands out lines, borrowed where the file has one byte a character, and [`Line::row`] says what
//! each is. [`Pieces`] walks over sections, boot sessions and entries outside of sections without keeping
//! anything, so that a log of any length takes the same memory; a [`Section`] is read again from its own
//! lines. The form is that of the driver kit's pages, which write of an older one than Windows 7 and later
//! make: both are read.
//! <https://learn.microsoft.com/windows-hardware/drivers/install/setupapi-text-logs>

mod entry;
mod kind;
mod lines;
mod row;
mod section;
#[cfg(test)]
mod tests;
mod text;
mod time;

pub use entry::{Brace, Entry, Level};
pub use kind::{is_setup_log, other_log};
pub use lines::{Encoding, Line, Lines, MOST_LINE};
pub use row::{Exit, Row, Title};
pub use section::{Header, Piece, Pieces, Section};
pub use text::text;
pub use time::{Clock, Stamp};

//! System logs: syslog in its dialects, the kernel's ring buffer, exports of the journal, plain lines.
//!
//! [`Reader`] is fed with the bytes of a log in pieces of any size and hands out [`Record`]s that borrow from
//! them, so that a log of any length takes the same memory, mapped or from a pipe. Dialects may be mixed from
//! line to line, as they are in files that several daemons write; only the journal's export form is known by
//! the file's beginning, for its records have several lines.
//!
//! Sources: RFC 3164 section 4, RFC 5424 section 6, RFC 3339 section 5.6; rsyslog's templates
//! RSYSLOG_FileFormat and RSYSLOG_SyslogProtocol23Format; `Documentation/ABI/testing/dev-kmsg` of Linux;
//! <https://systemd.io/JOURNAL_EXPORT_FORMATS/>.

mod detect;
mod export;
mod header;
mod json;
mod lines;
mod reader;
mod rfc5424;
#[cfg(test)]
mod tests;
mod time;

pub use detect::{Format, is_plain_text, other_form};
pub use lines::MOST_LINE;
pub use reader::{Reader, Record};
pub use time::{Basis, Time};

//! A timestamp authority (RFC 3161) over HTTP: for tests, closed networks and continuous integration.
//!
//! [`Authority`] turns a query into a reply; [`Serials`] hands out numbers that never repeat, whatever ends the
//! process; [`http`] takes queries from the network within limits.

#![forbid(unsafe_code)]

mod authority;
mod certificate;
mod der;
pub mod http;
mod key;
mod serials;
mod settings;

pub use authority::Authority;
pub use serials::Serials;
pub use settings::Settings;

//! Plug and play: the bench's bus driver and what it gives a function driver.

pub mod bus;
pub mod manager;
pub(crate) mod questions;
pub mod resources;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [bus::services(), questions::services()].into_iter().flatten().collect()
}

//! Hardware abstraction layer: I/O ports, device registers and configuration space as services.

pub mod bus_data;
pub mod ports;
pub mod registers;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [bus_data::services(), ports::services(), registers::services()].into_iter().flatten().collect()
}

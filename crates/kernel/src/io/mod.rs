//! I/O manager.

pub mod build;
pub mod call;
pub mod cancel;
pub mod complete;
pub mod csq;
pub mod device;
pub mod disk;
pub mod dma;
#[cfg(test)]
mod dma_tests;
mod dma_transfer;
pub mod error_log;
pub mod file;
pub mod interface;
pub mod interrupt;
pub mod irp;
pub mod mdl;
pub mod notices;
pub mod notification;
pub mod order;
pub mod property;
pub mod property_data;
pub mod questions;
pub mod registered;
pub mod remove_lock;
pub mod request;
pub mod start_io;
pub mod symbolic_link;
pub mod wmi;
mod wmi_answers;
pub mod wmi_library;
mod wmi_questions;
pub mod work_item;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [
        build::services(),
        call::services(),
        cancel::services(),
        complete::services(),
        csq::services(),
        device::services(),
        error_log::services(),
        file::services(),
        interface::services(),
        dma::services(),
        interrupt::services(),
        irp::services(),
        mdl::services(),
        notification::services(),
        property::services(),
        property_data::services(),
        questions::services(),
        remove_lock::services(),
        start_io::services(),
        symbolic_link::services(),
        wmi::services(),
        wmi_library::services(),
        work_item::services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

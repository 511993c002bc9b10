//! I/O manager.

pub mod call;
pub mod cancel;
pub mod complete;
pub mod csq;
pub mod device;
pub mod dma;
mod dma_transfer;
pub mod interrupt;
pub mod irp;
pub mod mdl;
pub mod remove_lock;
pub mod request;
pub mod symbolic_link;
pub mod work_item;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [
        call::services(),
        cancel::services(),
        complete::services(),
        csq::services(),
        device::services(),
        dma::services(),
        interrupt::services(),
        irp::services(),
        mdl::services(),
        remove_lock::services(),
        symbolic_link::services(),
        work_item::services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

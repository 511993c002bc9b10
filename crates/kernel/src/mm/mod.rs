//! Memory manager.

pub mod io_space;
pub mod misc;
pub mod probe;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [io_space::services(), misc::services(), probe::services()].into_iter().flatten().collect()
}

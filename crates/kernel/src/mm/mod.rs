//! Memory manager.

pub mod contiguous;
pub mod io_space;
pub mod misc;
pub mod paging;
pub mod physical;
pub mod probe;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [
        contiguous::services(),
        io_space::services(),
        misc::services(),
        paging::services(),
        physical::services(),
        probe::services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

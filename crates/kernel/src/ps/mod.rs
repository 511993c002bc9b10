//! Processes and threads.

pub mod process;
pub mod thread;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [process::services(), thread::services()].into_iter().flatten().collect()
}

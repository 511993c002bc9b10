//! Processes and threads.

pub mod end;
pub mod notify;
pub mod process;
pub mod thread;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [notify::services(), process::services(), thread::services()].into_iter().flatten().collect()
}

//! Executive: pool, lists, locks for threads.

pub mod callback;
pub mod etw;
pub mod fast_mutex;
pub mod lists;
pub mod lookaside;
pub mod misc;
pub mod pool;
pub mod push_lock;
pub mod resource;
pub mod timer;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [
        callback::services(),
        etw::services(),
        fast_mutex::services(),
        lists::services(),
        lookaside::services(),
        misc::services(),
        pool::services(),
        push_lock::services(),
        resource::services(),
        timer::services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

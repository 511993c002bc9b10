//! Kernel core: IRQL, spin locks, dispatcher objects, DPCs, timers.

pub mod affinity;
pub mod critical_region;
pub mod device_queue;
pub mod dpc;
pub mod event;
pub mod irql;
pub mod mutex;
pub mod queue;
pub mod semaphore;
pub mod shared_spin_lock;
pub mod spin_lock;
pub mod time;
pub mod timer;
pub mod wait;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [
        affinity::services(),
        critical_region::services(),
        device_queue::services(),
        dpc::services(),
        event::services(),
        irql::services(),
        mutex::services(),
        queue::services(),
        semaphore::services(),
        shared_spin_lock::services(),
        spin_lock::services(),
        time::services(),
        timer::services(),
        wait::services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

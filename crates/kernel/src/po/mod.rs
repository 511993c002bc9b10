//! The power manager.
//!
//! | file | holds |
//! | --- | --- |
//! | `irp` | power requests: made, sent one at a time, completed with a callback |
//! | `system` | the system goes to sleep and wakes |
//! | `wake` | wait/wake requests, as the bus driver holds them |
//! | `idle` | idle detection |
//! | `setting` | power settings that drivers registered for |
//! | `device` | states that drivers tell, registrations |

pub mod device;
pub mod idle;
pub mod irp;
pub mod setting;
pub mod system;
pub mod wake;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [device::services(), idle::services(), irp::services(), setting::services(), wake::services()]
        .into_iter()
        .flatten()
        .collect()
}

//! Debug output and bug checks.

pub mod bugcheck;
pub mod output;

use crate::service::Service;

pub(crate) fn services() -> Vec<Service> {
    [bugcheck::services(), output::services()].into_iter().flatten().collect()
}

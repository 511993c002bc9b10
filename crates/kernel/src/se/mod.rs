//! Security: descriptors, lists of access rights, identifiers, privileges.

pub mod access;
pub mod descriptor;
pub mod exports;
pub mod sid;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [access::services(), descriptor::services(), sid::services()].into_iter().flatten().collect()
}

//! Configuration manager: the registry.

pub(crate) mod filter;
pub mod hive;
pub mod information;
pub mod installed;
pub mod key;
pub mod query_table;
pub mod rtl;
pub mod value;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [key::services(), query_table::services(), rtl::services(), value::services()]
        .into_iter()
        .flatten()
        .collect()
}

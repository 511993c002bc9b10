//! Plug and play: the bench's bus driver and what it gives a function driver.
//!
//! | file | holds |
//! | --- | --- |
//! | `manager` | what the PnP manager does with a driver and a device |
//! | `ask` | what it asks |
//! | `bus` | the bus driver below every stack |
//! | `questions`, `query` | what that answers |
//! | `children` | devices that a driver finds on a bus of its own |
//! | `filter` | filters of the bench's own in the stack |
//! | `properties` | properties of device objects that the registry sets |
//! | `resources` | resource lists |

pub mod ask;
pub mod bus;
pub mod children;
pub mod filter;
pub mod images;
pub mod manager;
pub(crate) mod properties;
pub(crate) mod query;
pub(crate) mod questions;
pub mod resources;

pub(crate) fn services() -> Vec<crate::service::Service> {
    [bus::services(), filter::services(), questions::services()].into_iter().flatten().collect()
}

//! Run-time library: memory, strings, formatted text, time, versions, and the C library's routines
//! that ntoskrnl exports.

pub mod ansi;
pub mod bitmap;
pub mod characters;
pub mod compare;
pub mod convert;
pub mod crt;
pub mod format;
pub mod memory;
pub mod misc;
pub mod print;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
pub(crate) mod test_machine;
pub mod text;
pub mod time;
pub mod unicode;
pub mod version;

use crate::service::Service;

pub(crate) fn services() -> Vec<Service> {
    [
        ansi::services(),
        bitmap::services(),
        compare::services(),
        convert::services(),
        crt::services(),
        memory::services(),
        misc::services(),
        print::services(),
        time::services(),
        unicode::services(),
        version::services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

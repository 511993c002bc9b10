//! Run-time library: memory, strings, formatted text, time, versions, and the C library's routines
//! that ntoskrnl exports.

pub mod ansi;
pub mod bitmap;
pub mod characters;
pub mod compare;
pub mod convert;
pub mod crt;
pub mod crt_convert;
pub mod crt_tools;
pub mod exception;
pub mod format;
pub mod generic_table;
pub mod memory;
pub mod misc;
pub mod print;
pub mod run_once;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
pub(crate) mod test_machine;
pub mod text;
pub mod time;
mod tree;
pub mod unicode;
pub mod utf8;
pub mod version;

use crate::service::Service;

pub(crate) fn services() -> Vec<Service> {
    [
        ansi::services(),
        bitmap::services(),
        compare::services(),
        convert::services(),
        crt::services(),
        crt_convert::services(),
        crt_tools::services(),
        exception::services(),
        generic_table::services(),
        memory::services(),
        misc::services(),
        print::services(),
        run_once::services(),
        time::services(),
        unicode::services(),
        utf8::services(),
        version::services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

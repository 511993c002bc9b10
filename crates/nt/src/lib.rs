//! Facts of Windows NT on x64: codes, names, access masks, structure layouts, IRQL limits.
//!
//! Nothing here behaves; every table names the header or document it was taken from.

pub mod access;
pub mod bugcheck;
pub mod ddi;
pub mod device_type;
pub mod flags;
pub mod imports;
pub mod ioctl;
pub mod irp;
pub mod irql;
pub mod layout;
pub mod pool;
pub mod status;
pub mod string;

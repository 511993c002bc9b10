//! FUSE without a library: the few operations that plain files need, in one thread that also runs the
//! driver.
//!
//! Why not a crate: those that exist answer FUSE_INTERRUPT with ENOSYS, from which on the kernel sends
//! none, and a killed reader waits for ever; and they call back from threads of their own, while a
//! machine stays on one.

pub mod device;
pub mod wire;

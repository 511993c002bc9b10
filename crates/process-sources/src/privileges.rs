//! Capabilities: what is needed is needed for setting up only.

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities,
};
use std::io;

/// Gives up every capability of this thread, for good. Another program that it runs gets what its user and its file
/// give it, as usual.
///
/// # Errors
/// What the kernel says.
pub fn drop_privileges() -> io::Result<()> {
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    Ok(set_capabilities(None, sets)?)
}

//! Images of a set: found on disk, and replaced there.

pub(crate) mod find;
pub(crate) mod replace;

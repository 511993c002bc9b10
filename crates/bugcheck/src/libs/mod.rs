//! `libs`: the files of a root, and which form of input a path is.

pub(crate) mod process;
pub(crate) mod root;

pub(crate) use root::Root;

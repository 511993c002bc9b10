//! Why an access was refused.

/// Kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A data read.
    Read,
    /// A data write.
    Write,
    /// An instruction fetch.
    Execute,
}

/// A refused access. Nothing was read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// First byte that is refused.
    pub address: u64,
    /// Bytes of the whole access.
    pub bytes: u8,
    /// Kind of access.
    pub access: Access,
    /// Why.
    pub cause: FaultCause,
}

/// Why an access was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultCause {
    /// Bits 48 to 63 do not repeat bit 47.
    NonCanonical,
    /// No page there.
    Unmapped,
    /// A page is there, but its flags refuse: the flags that did.
    Flags(u16),
    /// A page is there, but the byte belongs to no live object.
    Invalid,
}

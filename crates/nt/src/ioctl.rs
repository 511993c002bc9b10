//! I/O control codes: device type, access, function and method in 32 bits.
//!
//! Source: `CTL_CODE` in wdm.h.

use std::fmt;

/// How a control code's buffers travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// The I/O manager copies input and output through one system buffer.
    Buffered = 0,
    /// Input is copied, the output buffer is an MDL that the driver reads.
    InDirect = 1,
    /// Input is copied, the output buffer is an MDL that the driver writes.
    OutDirect = 2,
    /// The driver gets the caller's addresses unchecked.
    Neither = 3,
}

impl Method {
    /// The low two bits of a control code.
    #[must_use]
    pub const fn of(code: u32) -> Self {
        match code & 3 {
            0 => Self::Buffered,
            1 => Self::InDirect,
            2 => Self::OutDirect,
            _ => Self::Neither,
        }
    }

    /// C name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buffered => "METHOD_BUFFERED",
            Self::InDirect => "METHOD_IN_DIRECT",
            Self::OutDirect => "METHOD_OUT_DIRECT",
            Self::Neither => "METHOD_NEITHER",
        }
    }
}

/// `FILE_ANY_ACCESS`: any handle may send the code.
pub const FILE_ANY_ACCESS: u8 = 0;
/// `FILE_READ_ACCESS`: the handle must be open for reading.
pub const FILE_READ_ACCESS: u8 = 1;
/// `FILE_WRITE_ACCESS`: the handle must be open for writing.
pub const FILE_WRITE_ACCESS: u8 = 2;

/// A control code taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ControlCode {
    /// Device type; from 0x8000 on it is a vendor's own.
    pub device_type: u16,
    /// Required access, two bits: [`FILE_READ_ACCESS`], [`FILE_WRITE_ACCESS`].
    pub access: u8,
    /// Function, 12 bits; from 0x800 on it is a vendor's own.
    pub function: u16,
    /// Buffer method.
    pub method: Method,
}

impl ControlCode {
    /// Takes a code apart. Every 32-bit number is a control code.
    #[must_use]
    pub const fn decode(code: u32) -> Self {
        Self {
            device_type: (code >> 16) as u16,
            access: (code >> 14 & 3) as u8,
            function: (code >> 2 & 0xFFF) as u16,
            method: Method::of(code),
        }
    }

    /// `CTL_CODE`; bits of `access` and `function` that do not fit are cut off.
    #[must_use]
    pub const fn encode(self) -> u32 {
        (self.device_type as u32) << 16
            | (self.access as u32 & 3) << 14
            | (self.function as u32 & 0xFFF) << 2
            | self.method as u32
    }

    /// C expression of the access.
    #[must_use]
    pub const fn access_name(self) -> &'static str {
        match self.access & 3 {
            FILE_ANY_ACCESS => "FILE_ANY_ACCESS",
            FILE_READ_ACCESS => "FILE_READ_ACCESS",
            FILE_WRITE_ACCESS => "FILE_WRITE_ACCESS",
            _ => "FILE_READ_ACCESS | FILE_WRITE_ACCESS",
        }
    }
}

/// As it stands in a header:
/// `CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)`.
impl fmt::Display for ControlCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CTL_CODE(")?;
        match crate::device_type::name(u32::from(self.device_type)) {
            Some(name) => f.write_str(name)?,
            None => write!(f, "0x{:X}", self.device_type)?,
        }
        write!(f, ", 0x{:X}, {}, {})", self.function, self.method.name(), self.access_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_apart_and_shown() {
        let code = ControlCode::decode(0x0022_2000);
        assert_eq!((code.device_type, code.function, code.access), (0x22, 0x800, 0));
        let text = "CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)";
        assert_eq!(code.to_string(), text);
        let vendor = ControlCode::decode(0x9C40_E00F).to_string();
        assert_eq!(
            vendor,
            "CTL_CODE(0x9C40, 0x803, METHOD_NEITHER, FILE_READ_ACCESS | FILE_WRITE_ACCESS)"
        );
    }

    #[test]
    fn taking_apart_and_putting_together_lose_nothing() {
        let mut code = 1u32;
        for _ in 0..1000 {
            code = code.wrapping_mul(0x9E37_79B1).wrapping_add(0x7F4A_7C15);
            assert_eq!(ControlCode::decode(code).encode(), code);
        }
    }
}

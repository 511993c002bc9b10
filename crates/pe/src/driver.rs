//! Whether a file is a driver that can be run at all, and if not, why in one sentence.

use crate::bytes::array;
use crate::error::{Error, Place};
use crate::headers::{Machine, Subsystem};
use crate::image::Image;
use std::fmt;

const EXECUTABLE_IMAGE: u16 = 0x0002;
const SYSTEM_MODULES_OF_USER_MODE: [&str; 4] =
    ["ntdll.dll", "kernel32.dll", "kernelbase.dll", "user32.dll"];

/// Why a file is not a driver that the bench can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotADriver {
    /// Byte offset in the file of the field that says so.
    pub offset: u64,
    /// What it is instead: a clause without a full stop.
    pub reason: String,
    /// What to do about it: a clause without a full stop.
    pub remedy: &'static str,
}

impl fmt::Display for NotADriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (file offset {:#x}); {}", self.reason, self.offset, self.remedy)
    }
}

impl std::error::Error for NotADriver {}

/// Reads `data` as a driver for x86-64: [`Image::parse`] and [`Image::check_driver`] in one.
///
/// # Errors
/// The first reason why it is none.
pub fn check_driver(data: &[u8]) -> Result<Image<'_>, NotADriver> {
    let image = Image::parse(data).map_err(|error| unreadable(data, error))?;
    image.check_driver()?;
    Ok(image)
}

fn unreadable(data: &[u8], error: Error) -> NotADriver {
    let start = array::<8>(data, Place::new(0, "start")).unwrap_or_default();
    let (reason, remedy) = match start {
        [0x7f, b'E', b'L', b'F', ..] => (
            "this is an ELF file (Linux), not a Windows driver".into(),
            "build the driver for Windows",
        ),
        [0x64, 0x86, ..] => (
            "this is a COFF object file, not a linked driver".into(),
            "link it with /DRIVER /SUBSYSTEM:NATIVE first",
        ),
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n'] => (
            "this is a library of object files, not a linked driver".into(),
            "link a driver with it first",
        ),
        [b'M', b'Z', ..] => (
            format!("this image cannot be read: {}: {}", error.field, error.problem),
            "copy or build the file again",
        ),
        _ => {
            let what =
                if data.is_empty() { "it is empty" } else { "it does not start with \"MZ\"" };
            (format!("this is no Windows image: {what}"), "give the driver's .sys file")
        }
    };
    NotADriver { offset: error.offset, reason, remedy }
}

impl Image<'_> {
    /// Whether this is a kernel-mode driver for x86-64.
    ///
    /// The `DLL` flag does not matter: export drivers carry it, and mingw-w64 sets it on every driver.
    ///
    /// # Errors
    /// The first reason why it is none, with the offset of the field that says so.
    pub fn check_driver(&self) -> Result<(), NotADriver> {
        let h = &self.headers;
        let not = |offset, reason: String, remedy| Err(NotADriver { offset, reason, remedy });
        match self.machine() {
            Machine::Amd64 if h.is_64bit => {}
            Machine::Amd64 => {
                let reason =
                    "the image is for x86-64 but has the header of a 32-bit one (PE32)".into();
                return not(h.optional, reason, "link the driver again");
            }
            other => {
                let reason = format!("the driver is for {other}; the bench runs x86-64 drivers");
                return not(h.machine.offset, reason, "build the x64 configuration of the driver");
            }
        }
        if h.characteristics & EXECUTABLE_IMAGE == 0 {
            let reason = "the linker marked the image as not runnable".into();
            return not(h.machine.offset + 18, reason, "fix the link errors and link it again");
        }
        let is_dll = h.characteristics & 0x2000 != 0;
        match self.subsystem() {
            Subsystem::Native => {}
            Subsystem::WindowsGui | Subsystem::WindowsConsole if is_dll => {
                let reason = "this is a user-mode DLL, not a kernel-mode driver".into();
                return not(
                    h.optional + 68,
                    reason,
                    "give the .sys file; UMDF drivers cannot be run",
                );
            }
            Subsystem::WindowsGui | Subsystem::WindowsConsole => {
                let reason = "this is a user-mode program, not a kernel-mode driver".into();
                return not(h.optional + 68, reason, "give the .sys file");
            }
            other => {
                let reason =
                    format!("the image is for another environment ({other}), not the kernel");
                return not(h.optional + 68, reason, "link the driver with /SUBSYSTEM:NATIVE");
            }
        }
        let entry = h.entry_rva;
        let entry_at = h.optional + 16;
        if entry == 0 {
            let reason = "the image has no entry point, so it has no DriverEntry to call".into();
            return not(
                entry_at,
                reason,
                "link the driver with /ENTRY or give the driver that uses it",
            );
        }
        if !self.section_at(entry).is_some_and(|s| s.is_code()) {
            let reason = format!("the entry point {entry:#x} is not in a code section");
            return not(entry_at, reason, "link the driver again");
        }
        let imports = self.imports().map_err(|error| NotADriver {
            offset: error.offset,
            reason: format!(
                "the driver's imports cannot be read: {}: {}",
                error.field, error.problem
            ),
            remedy: "copy or build the file again",
        })?;
        let user = imports
            .iter()
            .find(|m| SYSTEM_MODULES_OF_USER_MODE.iter().any(|s| s.eq_ignore_ascii_case(&m.name)));
        if let Some(module) = user {
            let reason = format!("this runs in user mode: it imports from {}", module.name);
            return not(h.optional + 120, reason, "give a kernel-mode driver");
        }
        Ok(())
    }
}

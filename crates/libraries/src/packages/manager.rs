//! Package managers: which one is here, and what to ask those whose databases are not read.

use super::Offer;
use crate::elf::{Abi, Class};
use crate::files::{Files, base};
use crate::survey::{Lack, Need};

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Debian's and its heirs'.
    Dpkg,
    /// Red Hat's, SUSE's.
    Rpm,
    /// Arch's.
    Pacman,
    /// Alpine's.
    Apk,
}

/// Files that show one.
const SHOWN_BY: &[(&str, Manager)] = &[
    ("/var/lib/dpkg/status", Manager::Dpkg),
    ("/usr/lib/sysimage/rpm", Manager::Rpm),
    ("/var/lib/rpm", Manager::Rpm),
    ("/var/lib/pacman/local", Manager::Pacman),
    ("/lib/apk/db/installed", Manager::Apk),
    ("/usr/lib/apk/db/installed", Manager::Apk),
];

impl Manager {
    /// The one that the system has.
    pub fn of(files: &dyn Files) -> Option<Manager> {
        SHOWN_BY.iter().find(|(path, _)| files.real(path).is_some()).map(|(_, manager)| *manager)
    }

    /// What to run. Each of them finds packages by what they have: rpm's by the name of a library with its width
    /// (rpm-dependency-generators(7)) or by path, apk's by `so:`.
    pub(super) fn offer(self, lack: &Lack, abi: Abi) -> Offer {
        let name = base(&lack.what);
        let library = matches!(lack.need, Need::Library | Need::Opened) && !lack.what.contains('/');
        let command = match self {
            Manager::Dpkg => return Offer::default(),
            Manager::Rpm if library => {
                let width = if abi.class == Class::Bits64 { "()(64bit)" } else { "" };
                format!("dnf install '{name}{width}'")
            }
            Manager::Rpm if lack.need == Need::Interpreter => format!("dnf install {}", lack.what),
            Manager::Rpm => {
                let folder = if abi.class == Class::Bits64 { "lib64" } else { "lib" };
                let tail = lack.what.trim_start_matches('/');
                format!("dnf install '/usr/{folder}/{tail}'")
            }
            Manager::Pacman => format!("pacman -F {name}"),
            Manager::Apk if library => format!("apk add so:{name}"),
            Manager::Apk => format!("apk search --all {name}"),
        };
        let note = match self {
            Manager::Rpm => {
                "packages are rpm's here, whose database is not read; dnf (or zypper) finds the package."
            }
            Manager::Pacman => {
                "packages are pacman's here, whose database is not read; 32-bit ones are called lib32-."
            }
            Manager::Apk | Manager::Dpkg => "packages are apk's here, whose database is not read.",
        };
        Offer { commands: vec![command], note: Some(note.to_owned()), ..Offer::default() }
    }
}

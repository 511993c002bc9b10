//! Class and processor: who may load whom.

use super::{fault, is_elf};
use evidence::Error;
use object::elf;
use std::fmt;

/// Width of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// ELFCLASS32.
    Bits32,
    /// ELFCLASS64.
    Bits64,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Bits32 => "32-bit",
            Class::Bits64 => "64-bit",
        })
    }
}

/// What a library must share with the program that loads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Abi {
    /// Width of addresses.
    pub class: Class,
    /// `e_machine`.
    pub machine: u16,
    /// Whether the high byte comes first.
    pub is_big: bool,
    /// Arguments in floating point registers: of ARM only.
    pub is_hard_float: bool,
}

impl Abi {
    /// Reads it from the head of a file.
    ///
    /// # Errors
    /// What glibc's loader refuses outright: no ELF file, one cut short, an unknown class, byte order or version.
    pub fn of(data: &[u8]) -> Result<Abi, Error> {
        if !is_elf(data) {
            return Err(fault(0, "e_ident", "it does not begin as an ELF file does"));
        }
        let byte = |at: usize, field| {
            data.get(at).copied().ok_or_else(|| fault(at as u64, field, "the file ends before it"))
        };
        let class = match byte(4, "EI_CLASS")? {
            elf::ELFCLASS32 => Class::Bits32,
            elf::ELFCLASS64 => Class::Bits64,
            other => return Err(fault(4, "EI_CLASS", &format!("there is no class {other}"))),
        };
        let is_big = match byte(5, "EI_DATA")? {
            elf::ELFDATA2LSB => false,
            elf::ELFDATA2MSB => true,
            other => return Err(fault(5, "EI_DATA", &format!("there is no byte order {other}"))),
        };
        if byte(6, "EI_VERSION")? != elf::EV_CURRENT {
            return Err(fault(6, "EI_VERSION", "there is no version but 1"));
        }
        let pair = [byte(18, "e_machine")?, byte(19, "e_machine")?];
        let machine = if is_big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        let at = if class == Class::Bits32 { 36 } else { 48 };
        let mut flags = [0; 4];
        for (index, slot) in flags.iter_mut().enumerate() {
            *slot = byte(at + index, "e_flags")?;
        }
        let flags = if is_big { u32::from_be_bytes(flags) } else { u32::from_le_bytes(flags) };
        let is_hard_float = machine == elf::EM_ARM && flags & elf::EF_ARM_ABI_FLOAT_HARD != 0;
        Ok(Abi { class, machine, is_big, is_hard_float })
    }

    /// Of x86-64 programs.
    pub const AMD64: Abi =
        Abi { class: Class::Bits64, machine: elf::EM_X86_64, is_big: false, is_hard_float: false };

    /// Of 32-bit x86 programs.
    pub const I386: Abi =
        Abi { class: Class::Bits32, machine: elf::EM_386, is_big: false, is_hard_float: false };

    /// Whether glibc's loader passes a library of `other` by and looks on, as if it were not there. One of another
    /// byte order it does not pass by.
    pub fn passes_by(self, other: Abi) -> bool {
        other.class != self.class || other.machine != self.machine
    }

    /// The processor, as manuals call it.
    pub fn processor(self) -> String {
        let wide = self.class == Class::Bits64;
        match self.machine {
            elf::EM_386 => "x86",
            elf::EM_X86_64 if wide => "x86-64",
            elf::EM_X86_64 => "x32",
            elf::EM_ARM => "ARM",
            elf::EM_AARCH64 => "ARM64",
            elf::EM_RISCV => "RISC-V",
            elf::EM_PPC => "PowerPC",
            elf::EM_PPC64 => "PowerPC 64",
            elf::EM_S390 => "s390",
            elf::EM_MIPS => "MIPS",
            elf::EM_LOONGARCH => "LoongArch",
            elf::EM_IA_64 => "Itanium",
            elf::EM_SPARCV9 => "SPARC",
            other => return format!("machine {other}"),
        }
        .to_owned()
    }

    /// Debian's name of the architecture, where it has or had one
    /// (<https://www.debian.org/doc/debian-policy/ch-customized-programs.html>, dpkg's `cputable`).
    pub fn debian(self) -> Option<&'static str> {
        Some(match (self.machine, self.class, self.is_big) {
            (elf::EM_386, ..) => "i386",
            (elf::EM_X86_64, Class::Bits64, _) => "amd64",
            (elf::EM_X86_64, Class::Bits32, _) => "x32",
            (elf::EM_AARCH64, ..) => "arm64",
            (elf::EM_ARM, ..) if self.is_hard_float => "armhf",
            (elf::EM_ARM, ..) => "armel",
            (elf::EM_RISCV, Class::Bits64, _) => "riscv64",
            (elf::EM_PPC64, _, false) => "ppc64el",
            (elf::EM_PPC64, _, true) => "ppc64",
            (elf::EM_PPC, ..) => "powerpc",
            (elf::EM_S390, Class::Bits64, _) => "s390x",
            (elf::EM_MIPS, Class::Bits64, false) => "mips64el",
            (elf::EM_LOONGARCH, Class::Bits64, _) => "loong64",
            (elf::EM_SPARCV9, ..) => "sparc64",
            _ => return None,
        })
    }

    /// The folder below `/usr/lib` of Debian's multiarch
    /// (<https://wiki.debian.org/Multiarch/Tuples>).
    pub fn triplet(self) -> Option<&'static str> {
        Some(match self.debian()? {
            "i386" => "i386-linux-gnu",
            "amd64" => "x86_64-linux-gnu",
            "x32" => "x86_64-linux-gnux32",
            "arm64" => "aarch64-linux-gnu",
            "armhf" => "arm-linux-gnueabihf",
            "armel" => "arm-linux-gnueabi",
            "riscv64" => "riscv64-linux-gnu",
            "ppc64el" => "powerpc64le-linux-gnu",
            "ppc64" => "powerpc64-linux-gnu",
            "powerpc" => "powerpc-linux-gnu",
            "s390x" => "s390x-linux-gnu",
            "mips64el" => "mips64el-linux-gnuabi64",
            "loong64" => "loongarch64-linux-gnu",
            "sparc64" => "sparc64-linux-gnu",
            _ => return None,
        })
    }

    /// What `rpm` calls it.
    pub fn rpm(self) -> Option<&'static str> {
        Some(match self.debian()? {
            "i386" => "i686",
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "armhf" => "armv7hl",
            "ppc64el" => "ppc64le",
            "s390x" => "s390x",
            "riscv64" => "riscv64",
            "loong64" => "loongarch64",
            _ => return None,
        })
    }

    /// The value of `$PLATFORM` (AT_PLATFORM, from the kernel's `ELF_PLATFORM` of the architecture).
    pub fn platform(self) -> Option<&'static str> {
        Some(match self.debian()? {
            "i386" => "i686",
            "amd64" | "x32" => "x86_64",
            "arm64" => "aarch64",
            "armhf" | "armel" => "v7l",
            "loong64" => "loongarch",
            _ => return None,
        })
    }

    /// What a cache of glibc's loader says of its libraries: `_DL_CACHE_DEFAULT_ID` of the architecture
    /// (glibc 2.40, sysdeps/generic/ldconfig.h and each dl-cache.h). Where floats of RISC-V or LoongArch go is not
    /// told apart: double precision is taken, as distributions have it.
    pub fn cache_flags(self) -> u32 {
        let required = match (self.machine, self.class) {
            (elf::EM_X86_64, Class::Bits64) => 0x0300,
            (elf::EM_X86_64, Class::Bits32) => 0x0800,
            (elf::EM_IA_64, _) => 0x0200,
            (elf::EM_SPARCV9, Class::Bits64) => 0x0100,
            (elf::EM_S390, Class::Bits64) => 0x0400,
            (elf::EM_PPC64, _) => 0x0500,
            (elf::EM_MIPS, Class::Bits64) => 0x0700,
            (elf::EM_ARM, _) if self.is_hard_float => 0x0900,
            (elf::EM_ARM, _) => 0x0b00,
            (elf::EM_AARCH64, _) => 0x0a00,
            (elf::EM_RISCV, _) => 0x1000,
            (elf::EM_LOONGARCH, _) => 0x1200,
            _ => 0,
        };
        required | 3
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let big =
            if self.is_big && self.machine != elf::EM_S390 { ", high byte first" } else { "" };
        write!(f, "{} {}{big}", self.class, self.processor())
    }
}

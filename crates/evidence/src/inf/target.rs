//! The systems that a section is for: `NTamd64.10.0...14393`.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/combining-platform-extensions-with-operating-system-versions>

use std::fmt;

/// What a processor is called in an INF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// 32-bit x86.
    X86,
    /// Itanium.
    Ia64,
    /// x64.
    Amd64,
    /// 32-bit ARM.
    Arm,
    /// 64-bit ARM.
    Arm64,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 5] = [
        Architecture::X86,
        Architecture::Ia64,
        Architecture::Amd64,
        Architecture::Arm,
        Architecture::Arm64,
    ];

    /// As it is written behind `NT`.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::X86 => "x86",
            Architecture::Ia64 => "ia64",
            Architecture::Amd64 => "amd64",
            Architecture::Arm => "arm",
            Architecture::Arm64 => "arm64",
        }
    }

    /// Which one is called `name`, in any case.
    pub fn named(name: &str) -> Option<Architecture> {
        Architecture::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// The systems that a Models section is for. What is absent fits every system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Processor. None fits x86 alone, since Windows Server 2003 SP1.
    pub architecture: Option<Architecture>,
    /// Major version of Windows, at least.
    pub major: Option<u32>,
    /// Minor version, at least.
    pub minor: Option<u32>,
    /// VER_NT_WORKSTATION (1), VER_NT_DOMAIN_CONTROLLER (2) or VER_NT_SERVER (3), exactly.
    pub product: Option<u32>,
    /// VER_SUITE_...: all these bits.
    pub suite: Option<u32>,
    /// Build, at least, if the version is just this.
    pub build: Option<u32>,
}

/// A system that something is installed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct System {
    /// Processor.
    pub architecture: Architecture,
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Build.
    pub build: u32,
    /// VER_NT_WORKSTATION (1), VER_NT_DOMAIN_CONTROLLER (2) or VER_NT_SERVER (3).
    pub product: u32,
    /// VER_SUITE_... bits.
    pub suite: u32,
}

/// A number in decimal or, after `0x`, in hexadecimal, as everywhere in an INF.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let low = text.to_ascii_lowercase();
    match low.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|it| it.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None if text.bytes().all(|it| it.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// What stands for a platform until the build replaces it, in lower case.
pub(super) const ARCH_TOKEN: &str = "$arch$";

impl Target {
    /// Reads a decoration. The token that the build replaces by a platform is taken for x64.
    pub fn parse(text: &str) -> Option<Target> {
        let mut parts = text.split('.');
        let platform = parts.next()?.to_ascii_lowercase();
        let name = platform.strip_prefix("nt")?;
        let name = if name == ARCH_TOKEN { "amd64" } else { name };
        let architecture = if name.is_empty() { None } else { Some(Architecture::named(name)?) };
        let mut numbers = [None; 5];
        for (slot, part) in numbers.iter_mut().zip(&mut parts) {
            *slot = if part.is_empty() { None } else { Some(number(part)?) };
        }
        let [major, minor, product, suite, build] = numbers;
        let whole = parts.next().is_none() && (minor.is_none() || major.is_some());
        whole.then_some(Target { architecture, major, minor, product, suite, build })
    }

    /// Whether a section for these systems can be used on `system`.
    pub fn fits(&self, system: &System) -> bool {
        let version = (self.major.unwrap_or_default(), self.minor.unwrap_or_default());
        let own = (system.major, system.minor);
        self.architecture.unwrap_or(Architecture::X86) == system.architecture
            && version <= own
            && (version != own || self.build.unwrap_or_default() <= system.build)
            && self.product.is_none_or(|it| it == system.product)
            && self.suite.is_none_or(|it| it & system.suite == it)
    }

    /// Orders those that fit a system: the greatest is the closest. The version goes before product and
    /// suite.
    pub fn closeness(&self) -> impl Ord + use<> {
        (
            self.major.unwrap_or_default(),
            self.minor.unwrap_or_default(),
            self.build.unwrap_or_default(),
            self.product.is_some(),
            self.suite.unwrap_or_default().count_ones(),
            self.architecture.is_some(),
        )
    }

    /// Whether its build is too early for the decoration to be understood: builds are known since 10.0
    /// build 14310.
    pub fn build_too_early(&self) -> bool {
        let version = (self.major.unwrap_or_default(), self.minor.unwrap_or_default());
        self.build.is_some_and(|build| version < (10, 0) || (version == (10, 0) && build < 14310))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("NT")?;
        if let Some(architecture) = self.architecture {
            to.write_str(architecture.name())?;
        }
        let numbers = [self.major, self.minor, self.product, self.suite, self.build];
        let count =
            numbers.iter().rposition(Option::is_some).map_or(0, |last| last.saturating_add(1));
        for number in numbers.iter().take(count) {
            to.write_str(".")?;
            if let Some(number) = number {
                write!(to, "{number}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for System {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let System { major, minor, build, .. } = self;
        write!(to, "{major}.{minor}.{build} {}", self.architecture.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x64(major: u32, minor: u32, build: u32) -> System {
        System { architecture: Architecture::Amd64, major, minor, build, product: 1, suite: 0x100 }
    }

    #[test]
    fn decorations_are_read_and_written() {
        for text in [
            "NT",
            "NTamd64",
            "NTx86.5.1",
            "NTarm64.10.0...14393",
            "NTamd64.6.0.1.256",
            "NT.5.1..128",
        ] {
            let target = Target::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(target.to_string(), text);
        }
        for text in
            ["amd64", "NTx64", "NT10", "NTamd64.ten", "NTamd64.10.0....14393.1", "NT..1", ""]
        {
            assert_eq!(Target::parse(text), None, "{text}");
        }
        assert_eq!(Target::parse("nt.0x6.0x1.0x3").map(|it| it.product), Some(Some(3)));
    }

    #[test]
    fn what_fits_and_what_is_closest() {
        let parse = |text| Target::parse(text).unwrap();
        assert!(parse("NTamd64.10.0...14393").fits(&x64(10, 0, 14393)));
        assert!(!parse("NTamd64.10.0...14393").fits(&x64(10, 0, 14392)));
        // A later version fits whatever its build.
        assert!(parse("NTamd64.10.0...14393").fits(&x64(10, 1, 1)));
        assert!(!parse("NTamd64.10.0").fits(&x64(6, 3, 9600)));
        assert!(!parse("NT").fits(&x64(10, 0, 1)), "without a platform it is for x86");
        assert!(parse("NTamd64.6.0.1").fits(&x64(10, 0, 1)));
        assert!(!parse("NTamd64.6.0.3").fits(&x64(10, 0, 1)));
        assert!(!parse("NTamd64.6.0..0x80").fits(&x64(10, 0, 1)));
        assert!(parse("NTamd64.6.1").closeness() > parse("NTamd64.6.0.1.256").closeness());
        assert!(parse("NTamd64.6.1.1").closeness() > parse("NTamd64.6.1").closeness());
        assert!(parse("NTamd64.10.0...10240").build_too_early());
        assert!(parse("NTamd64.6.1...17000").build_too_early());
        assert!(!parse("NTamd64.10.0...14310").build_too_early());
    }
}

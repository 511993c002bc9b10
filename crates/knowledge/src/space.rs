//! The spaces that a number can belong to.

macro_rules! spaces {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $title:literal, [$($context:literal),*];)*) => {
        /// A space of codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Space {
            $($(#[$doc])* $name,)*
        }

        impl Space {
            /// Every space.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its word on the command line and in JSON.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What a person calls it.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Words that speak for it where it was found; longer ones say more.
            const fn context(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($context),*],)* }
            }
        }
    };
}

spaces! {
    /// NTSTATUS values.
    NtStatus = "ntstatus", "NTSTATUS", ["ntstatus", "status", "iostatus", "exception"];
    /// HRESULT values.
    HResult = "hresult", "HRESULT", ["hresult", "com error"];
    /// Win32 error codes.
    Win32 = "win32", "Win32 error", ["win32", "createfile", "getlasterror", "deviceiocontrol error", "error", "errno", "service"];
    /// SetupAPI errors.
    SetupApi = "setupapi", "SetupAPI error", ["setupapi", "setup log", "inf", "install", "exit status", "dif_", "pnputil"];
    /// Return codes of the configuration manager.
    ConfigRet = "configret", "CONFIGRET", ["configret", "cm_", "configuration manager"];
    /// Problem codes of devices.
    CmProb = "cm-prob", "device problem", ["device manager", "problem", "devnode", "cm_prob"];
    /// Bug check codes.
    BugCheck = "bugcheck", "bug check", ["bug check", "bugcheck", "blue screen", "stop code", "stop", "event 1001", "minidump"];
    /// Parameters of bug checks.
    Parameter = "bugcheck-parameter", "bug check parameter", ["bug check parameter", "bugcheck parameter"];
    /// Major functions.
    IrpMajor = "irp-major", "IRP major function", ["majorfunction", "major", "irp_mj"];
    /// Minor functions.
    IrpMinor = "irp-minor", "IRP minor function", ["minorfunction", "minor", "irp_mn"];
    /// I/O control codes.
    Ioctl = "ioctl", "I/O control code", ["ioctl", "control code", "iocontrolcode", "deviceiocontrol", "fsctl"];
    /// Access masks.
    Access = "access", "access mask", ["desiredaccess", "access mask", "granted", "access"];
    /// Options of Driver Verifier.
    Verifier = "verifier", "Driver Verifier options", ["verifier", "/flags", "verifydriverlevel"];
    /// IRQLs.
    Irql = "irql", "IRQL", ["irql", "cr8"];
    /// Device types.
    DeviceType = "device-type", "device type", ["device type", "devicetype", "iocreatedevice"];
    /// Pool tags.
    PoolTag = "pool-tag", "pool tag", ["pool tag", "pooltag", "tag", "exallocatepool"];
    /// Levels of SetupAPI's log.
    LogLevel = "loglevel", "SetupAPI log level", ["loglevel", "log level", "registry value"];
    /// Addresses.
    Address = "address", "address", ["address", "pointer", "rip", "memory"];
}

impl Space {
    /// Space by its word.
    #[must_use]
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|space| space.word() == word).copied()
    }

    /// How much `context`, in lower case, speaks for the space: the length of the longest word.
    pub fn spoken_for(self, context: &str) -> usize {
        let said = self.context().iter().filter(|word| context.contains(**word));
        said.map(|word| word.len()).max().unwrap_or(0)
    }
}

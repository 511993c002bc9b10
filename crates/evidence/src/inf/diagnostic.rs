//! What is wrong with an INF, and where.

use super::lex::{Field, Position};
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Windows does not install it, or does something else than is written.
    Error,
    /// Often a symptom of something else that is wrong.
    Warning,
}

impl Severity {
    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $number:expr;)*) => {
        /// What kind of thing is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the name in the table says it")]
        pub enum Code { $($variant,)* }

        impl Code {
            /// All of them, in the order of the file's parts.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// Its name, kebab case.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }

            /// The number under which InfVerif reports the like; 0 where the manual lists none.
            /// <https://learn.microsoft.com/windows-hardware/drivers/devtest/inf-validation-errors-and-warnings>
            pub fn infverif(self) -> u16 {
                match self { $(Code::$variant => $number,)* }
            }
        }
    };
}

codes! {
    EncodingWrong "encoding-wrong" Error 1003;
    EncodingUnsure "encoding-unsure" Warning 1003;
    SectionNotClosed "section-not-closed" Error 1002;
    LineBeforeSection "line-before-section" Error 1002;
    QuoteNotClosed "quote-not-closed" Error 1002;
    TooLong "too-long" Error 1286;
    SectionTwice "section-twice" Warning 1209;
    StringNotDefined "string-not-defined" Error 1235;
    StringTwice "string-twice" Error 1294;
    StringsDiffer "strings-differ" Warning 1295;
    ArchToken "arch-token" Error 1274;
    VersionMissing "version-missing" Error 1001;
    SignatureWrong "signature-wrong" Error 1001;
    VersionKeyMissing "version-key-missing" Error 1234;
    ClassGuidMalformed "class-guid-malformed" Error 1010;
    ClassMismatch "class-mismatch" Error 1281;
    ClassReserved "class-reserved" Warning 1284;
    ClassOfWindows "class-of-windows" Error 1285;
    ProviderMicrosoft "provider-microsoft" Error 1204;
    CatalogMissing "catalog-missing" Error 1233;
    CatalogName "catalog-name" Error 1214;
    DriverDate "driver-date" Error 1218;
    DriverDateFuture "driver-date-future" Warning 0;
    DriverVersion "driver-version" Error 1217;
    LockDown "lock-down" Warning 1324;
    ExtensionId "extension-id" Error 1381;
    NothingInstalled "nothing-installed" Error 1297;
    ModelsNameMissing "models-name-missing" Error 1011;
    SectionMissing "section-missing" Error 1203;
    TargetMalformed "target-malformed" Error 1287;
    TargetBuild "target-build" Error 1288;
    TargetUndecorated "target-undecorated" Warning 2010;
    TargetNotX64 "target-not-x64" Warning 0;
    InstallNameMissing "install-name-missing" Error 1271;
    InstallSectionMissing "install-section-missing" Error 1261;
    HardwareIdMissing "hardware-id-missing" Error 1261;
    HardwareIdMalformed "hardware-id-malformed" Error 1014;
    HardwareIdTwice "hardware-id-twice" Warning 1294;
    ServiceNone "service-none" Error 1296;
    ServiceSeveral "service-several" Error 1211;
    FeatureScore "feature-score" Error 1245;
    FileNotListed "file-not-listed" Error 1230;
    FileNotCopied "file-not-copied" Warning 0;
    DiskIdMissing "disk-id-missing" Error 1008;
    DiskIdUnknown "disk-id-unknown" Error 1273;
    CatalogListed "catalog-listed" Error 1213;
    DestinationMissing "destination-missing" Error 1275;
    DestinationUnused "destination-unused" Warning 0;
    DirIdMalformed "dirid-malformed" Error 1243;
    DirIdUnknown "dirid-unknown" Error 1242;
    StoreRename "store-rename" Error 1100;
    CopyFlags "copy-flags" Error 1081;
    CopyInf "copy-inf" Error 1110;
    ServiceSectionMissing "service-section-missing" Error 2006;
    ServiceKeyMissing "service-key-missing" Error 1013;
    ServiceValue "service-value" Error 1014;
    ServiceDisabled "service-disabled" Error 1251;
    ServiceStart "service-start" Warning 0;
    ServiceNotCopied "service-not-copied" Warning 2084;
    ServicePath "service-path" Error 2085;
    RegistryRoot "registry-root" Error 1224;
    RegistryFlags "registry-flags" Error 1263;
    RegistryNumber "registry-number" Error 1268;
    RegistryBytes "registry-bytes" Error 1267;
    RegistryType "registry-type" Error 1431;
    RegistryRelative "registry-relative" Error 0;
    InterfaceGuid "interface-guid" Error 1019;
    FrameworkVersion "framework-version" Error 1084;
    NeedsNotFound "needs-not-found" Error 1315;
    DirectiveUnknown "directive-unknown" Warning 1290;
    DirectiveEmpty "directive-empty" Error 1006;
    SectionUnused "section-unused" Warning 2083;
}

impl fmt::Display for Code {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of thing.
    pub code: Code,
    /// Where it shows.
    pub at: Position,
    /// Characters of that line that it is about; at least 1.
    pub width: u32,
    /// What is wrong: a clause without a full stop.
    pub problem: String,
    /// What to do, or what was perhaps meant; empty where that is plain.
    pub help: String,
}

impl Diagnostic {
    pub(super) fn new(code: Code, at: Position, problem: impl Into<String>) -> Diagnostic {
        Diagnostic { code, at, width: 1, problem: problem.into(), help: String::new() }
    }

    /// About a field.
    pub(super) fn of(code: Code, field: &Field, problem: impl Into<String>) -> Diagnostic {
        Diagnostic { width: field.width, ..Diagnostic::new(code, field.at, problem) }
    }

    /// With advice.
    pub(super) fn help(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: help.into(), ..self }
    }
}

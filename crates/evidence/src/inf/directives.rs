//! Which directives a section may hold, and which sections they lead to.
//!
//! The page of each kind of section lists them:
//! <https://learn.microsoft.com/windows-hardware/drivers/install/summary-of-inf-directives>

/// What a section is for, by what refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Version,
    Install,
    Hardware,
    Services,
    CoInstallers,
    Interfaces,
    Framework,
    Events,
    Filters,
    Components,
    Software,
    Com,
    Wmi,
    LogConfigOverride,
    FactDef,
    ClassInstall,
    Service,
    FrameworkService,
    EventLog,
    Interface,
    InterfaceInstall,
    FilterInstall,
    Copies,
    Deletes,
    Renames,
    AddReg,
    DelReg,
    /// Of a form that is not looked into.
    Other,
}

/// Which values of a directive name sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// None.
    No,
    /// All of them, but for those that begin with `@`.
    All,
    /// The one at this place, from 0.
    At(usize),
}

/// A directive: its name, which values name sections, of what kind these are.
pub(super) type Directive = (&'static str, Names, Kind);

const VERSION: &[&str] = &[
    "Signature",
    "Class",
    "ClassGuid",
    "Provider",
    "ExtensionId",
    "LayoutFile",
    "CatalogFile",
    "CatalogFile.nt",
    "CatalogFile.ntx86",
    "CatalogFile.ntia64",
    "CatalogFile.ntamd64",
    "CatalogFile.ntarm",
    "CatalogFile.ntarm64",
    "DriverVer",
    "PnpLockDown",
    "DriverPackageDisplayName",
    "DriverPackageType",
    "ClassVer",
];

/// Directives of every section that installs something.
const COMMON: &[Directive] = &[
    ("CopyFiles", Names::All, Kind::Copies),
    ("DelFiles", Names::All, Kind::Deletes),
    ("RenFiles", Names::All, Kind::Renames),
    ("AddReg", Names::All, Kind::AddReg),
    ("DelReg", Names::All, Kind::DelReg),
    ("BitReg", Names::All, Kind::Other),
    ("AddProperty", Names::All, Kind::Other),
    ("DelProperty", Names::All, Kind::Other),
    ("UpdateInis", Names::All, Kind::Other),
    ("UpdateIniFields", Names::All, Kind::Other),
    ("Ini2Reg", Names::All, Kind::Other),
    ("Include", Names::No, Kind::Other),
    ("Needs", Names::No, Kind::Other),
];

const INSTALL: &[Directive] = &[
    ("DriverVer", Names::No, Kind::Other),
    ("CopyInf", Names::No, Kind::Other),
    ("FeatureScore", Names::No, Kind::Other),
    ("LogConfig", Names::All, Kind::Other),
    ("ProfileItems", Names::All, Kind::Other),
    ("RegisterDlls", Names::All, Kind::Other),
    ("UnregisterDlls", Names::All, Kind::Other),
    ("ExcludeId", Names::No, Kind::Other),
    ("AddPowerSetting", Names::All, Kind::Other),
    ("Reboot", Names::No, Kind::Other),
];

const SERVICE: &[Directive] = &[
    ("DisplayName", Names::No, Kind::Other),
    ("Description", Names::No, Kind::Other),
    ("ServiceType", Names::No, Kind::Other),
    ("StartType", Names::No, Kind::Other),
    ("ErrorControl", Names::No, Kind::Other),
    ("ServiceBinary", Names::No, Kind::Other),
    ("StartName", Names::No, Kind::Other),
    ("AddReg", Names::All, Kind::AddReg),
    ("DelReg", Names::All, Kind::DelReg),
    ("BitReg", Names::All, Kind::Other),
    ("LoadOrderGroup", Names::No, Kind::Other),
    ("Dependencies", Names::No, Kind::Other),
    ("Security", Names::No, Kind::Other),
    ("RequiredPrivileges", Names::No, Kind::Other),
    ("ServiceSidType", Names::No, Kind::Other),
    ("DelayedAutoStart", Names::No, Kind::Other),
    ("AddTrigger", Names::All, Kind::Other),
    ("FailureActions", Names::At(0), Kind::Other),
    ("BootFlags", Names::No, Kind::Other),
];

const NEEDS: &[Directive] =
    &[("Include", Names::No, Kind::Other), ("Needs", Names::No, Kind::Other)];

const SERVICES: &[Directive] = &[
    ("AddService", Names::At(2), Kind::Service),
    ("AddService", Names::At(3), Kind::EventLog),
    ("DelService", Names::No, Kind::Other),
];

const INTERFACES: &[Directive] = &[("AddInterface", Names::At(2), Kind::Interface)];

const EVENTS: &[Directive] = &[
    ("AddEventProvider", Names::At(1), Kind::Other),
    ("AddAutoLogger", Names::At(2), Kind::Other),
    ("UpdateAutoLogger", Names::At(1), Kind::Other),
];

const FRAMEWORK: &[Directive] = &[
    ("KmdfService", Names::At(1), Kind::FrameworkService),
    ("UmdfService", Names::At(1), Kind::FrameworkService),
    ("UmdfServiceOrder", Names::No, Kind::Other),
    ("UmdfHostProcessSharing", Names::No, Kind::Other),
    ("UmdfDirectHardwareAccess", Names::No, Kind::Other),
    ("UmdfHostPriority", Names::No, Kind::Other),
    ("UmdfRegisterAccessMode", Names::No, Kind::Other),
    ("UmdfImpersonationLevel", Names::No, Kind::Other),
    ("UmdfMethodNeitherAction", Names::No, Kind::Other),
    ("UmdfDispatcher", Names::No, Kind::Other),
    ("UmdfKernelModeClientPolicy", Names::No, Kind::Other),
    ("UmdfFileObjectPolicy", Names::No, Kind::Other),
    ("UmdfFsContextUsePolicy", Names::No, Kind::Other),
];

const FRAMEWORK_SERVICE: &[Directive] = &[
    ("KmdfLibraryVersion", Names::No, Kind::Other),
    ("UmdfLibraryVersion", Names::No, Kind::Other),
    ("ServiceBinary", Names::No, Kind::Other),
    ("DriverCLSID", Names::No, Kind::Other),
    ("UmdfExtensions", Names::No, Kind::Other),
];

const EVENT_LOG: &[Directive] = &[
    ("AddReg", Names::All, Kind::AddReg),
    ("DelReg", Names::All, Kind::DelReg),
    ("BitReg", Names::All, Kind::Other),
];

const FILTERS: &[Directive] = &[("AddFilter", Names::At(2), Kind::FilterInstall)];
const FILTER: &[Directive] =
    &[("FilterLevel", Names::No, Kind::Other), ("FilterPosition", Names::No, Kind::Other)];
const COMPONENTS: &[Directive] = &[("AddComponent", Names::At(2), Kind::Other)];
const SOFTWARE: &[Directive] = &[("AddSoftware", Names::At(2), Kind::Other)];
const COM: &[Directive] = &[("AddComServer", Names::At(2), Kind::Other)];
const WMI: &[Directive] = &[("WmiInterface", Names::At(2), Kind::Other)];
const LOG_CONFIG: &[Directive] = &[("LogConfig", Names::All, Kind::Other)];
const NOTHING: &[Directive] = &[];

/// Extensions of an install section's name, and what such a section is for.
pub(super) const EXTENSIONS: &[(&str, Kind)] = &[
    ("Services", Kind::Services),
    ("HW", Kind::Hardware),
    ("CoInstallers", Kind::CoInstallers),
    ("Interfaces", Kind::Interfaces),
    ("Wdf", Kind::Framework),
    ("Events", Kind::Events),
    ("Filters", Kind::Filters),
    ("Components", Kind::Components),
    ("Software", Kind::Software),
    ("COM", Kind::Com),
    ("WMI", Kind::Wmi),
    ("LogConfigOverride", Kind::LogConfigOverride),
    ("FactDef", Kind::FactDef),
];

impl Kind {
    /// Its directives, in two tables.
    pub fn directives(self) -> [&'static [Directive]; 2] {
        match self {
            Kind::Install | Kind::ClassInstall => [COMMON, INSTALL],
            Kind::Hardware | Kind::CoInstallers | Kind::Interface | Kind::InterfaceInstall => {
                [COMMON, NOTHING]
            }
            Kind::Services => [SERVICES, NEEDS],
            Kind::Interfaces => [INTERFACES, NEEDS],
            Kind::Framework => [FRAMEWORK, NEEDS],
            Kind::Events => [EVENTS, NEEDS],
            Kind::Filters => [FILTERS, NEEDS],
            Kind::Components => [COMPONENTS, NEEDS],
            Kind::Software => [SOFTWARE, NEEDS],
            Kind::Com => [COM, NEEDS],
            Kind::Wmi => [WMI, NEEDS],
            Kind::LogConfigOverride => [LOG_CONFIG, NEEDS],
            Kind::Service => [SERVICE, NOTHING],
            Kind::FrameworkService => [FRAMEWORK_SERVICE, NOTHING],
            Kind::EventLog => [EVENT_LOG, NOTHING],
            Kind::FilterInstall => [FILTER, NOTHING],
            Kind::Version
            | Kind::Copies
            | Kind::Deletes
            | Kind::Renames
            | Kind::AddReg
            | Kind::DelReg
            | Kind::FactDef
            | Kind::Other => [NOTHING, NOTHING],
        }
    }

    /// The names of directives, for sections that have any.
    pub fn names(self) -> Vec<&'static str> {
        let rows = self.directives().into_iter().flatten().map(|(name, ..)| *name);
        let own: &[&str] = if self == Kind::Version { VERSION } else { &[] };
        rows.chain(own.iter().copied()).collect()
    }

    /// Whether sections of this kind hold nothing but these directives. Others belong to class installers as
    /// well, which have their own.
    pub fn is_closed(self) -> bool {
        matches!(
            self,
            Kind::Services
                | Kind::Interfaces
                | Kind::Service
                | Kind::Hardware
                | Kind::EventLog
                | Kind::Filters
                | Kind::Components
                | Kind::Software
                | Kind::Wmi
        )
    }
}

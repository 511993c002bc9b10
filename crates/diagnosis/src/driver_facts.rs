//! What of a driver's image concerns its INF, and what it does to the IRQL: told by names alone.

use pe::{Image, ImportModule, ImportTarget, Machine, Version};

/// Routines that raise or lower the IRQL of their caller ("Managing Hardware Priorities", and the pages of each).
/// `KeRaiseIrql` and `KeLowerIrql` of x64 are not among a driver's imports: they are compiled into it.
const IRQL: &[&str] = &[
    "KfRaiseIrql",
    "KeRaiseIrql",
    "KfLowerIrql",
    "KeLowerIrql",
    "KeRaiseIrqlToDpcLevel",
    "KeRaiseIrqlToSynchLevel",
    "KfAcquireSpinLock",
    "KfReleaseSpinLock",
    "KeAcquireSpinLock",
    "KeAcquireSpinLockRaiseToDpc",
    "KeReleaseSpinLock",
    "KeAcquireSpinLockForDpc",
    "KeReleaseSpinLockForDpc",
    "KeAcquireInStackQueuedSpinLock",
    "KeReleaseInStackQueuedSpinLock",
    "KeAcquireInStackQueuedSpinLockForDpc",
    "KeReleaseInStackQueuedSpinLockForDpc",
    "KeAcquireInterruptSpinLock",
    "KeReleaseInterruptSpinLock",
    "KeSynchronizeExecution",
    "IoAcquireCancelSpinLock",
    "IoReleaseCancelSpinLock",
    "ExAcquireSpinLockShared",
    "ExAcquireSpinLockExclusive",
    "ExReleaseSpinLockShared",
    "ExReleaseSpinLockExclusive",
    "ExAcquireFastMutex",
    "ExReleaseFastMutex",
    "ExTryToAcquireFastMutex",
    "KeAcquireGuardedMutex",
    "KeReleaseGuardedMutex",
];

/// Modules that only drivers of one kind import from, and the setup class of their INFs ("System-Defined Device
/// Setup Classes Available to Vendors").
const CLASSES: &[(&str, &str)] = &[
    ("ndis.sys", "Net"),
    ("storport.sys", "SCSIAdapter"),
    ("scsiport.sys", "SCSIAdapter"),
    ("portcls.sys", "MEDIA"),
    ("ks.sys", "MEDIA, Camera or another that streams"),
    ("hidclass.sys", "HIDClass"),
    ("fltmgr.sys", "ActivityMonitor or another of the file system filters"),
    ("dxgkrnl.sys", "Display"),
    ("videoprt.sys", "Display"),
    ("usbd.sys", "USB, or what the device does"),
    ("bthport.sys", "Bluetooth"),
    ("classpnp.sys", "DiskDrive, CDROM or another of storage"),
];

/// Imports that raise or lower the IRQL, by name.
pub fn irql_routines(imports: &[ImportModule]) -> Vec<String> {
    let names = imports.iter().flat_map(|module| &module.entries);
    names
        .filter_map(|import| match &import.target {
            ImportTarget::Name { name, .. } if IRQL.contains(&name.as_str()) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// What the INF of a driver has to agree with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForInf {
    /// Decoration of its models section: `NTamd64`; `None` for a processor that Windows no longer installs for.
    pub decoration: Option<&'static str>,
    /// Oldest Windows that loads it, for the same decoration: major, minor.
    pub oldest: [u16; 2],
    /// Version for `DriverVer`, which should be that of the file.
    pub version: Option<String>,
    /// Name under which the file was built.
    pub file: Option<String>,
    /// `ServiceType`: 1 for a kernel driver, 2 for one of a file system.
    pub service_type: u8,
    /// Setup class that its imports speak for.
    pub class: Option<&'static str>,
    /// Whether it is built on KMDF, so that the INF has a Wdf section.
    pub is_kmdf: bool,
    /// Whether it is an export driver: no device, only functions for other drivers.
    pub is_export_driver: bool,
}

/// What can be seen of it in the image.
pub fn for_inf(image: &Image<'_>, imports: &[ImportModule], version: Option<&Version>) -> ForInf {
    let from = |name: &str| imports.iter().any(|module| module.name.eq_ignore_ascii_case(name));
    let four = |[a, b, c, d]: [u16; 4]| format!("{a}.{b}.{c}.{d}");
    ForInf {
        decoration: match image.machine() {
            Machine::I386 => Some("NTx86"),
            Machine::Amd64 => Some("NTamd64"),
            Machine::Arm64 => Some("NTarm64"),
            Machine::ArmNt => Some("NTarm"),
            Machine::Ia64 => Some("NTia64"),
            _ => None,
        },
        oldest: image.subsystem_version(),
        version: version.and_then(|it| it.file).map(four),
        file: version.and_then(|it| it.string("OriginalFilename")).map(str::to_owned),
        service_type: if from("fltmgr.sys") { 2 } else { 1 },
        class: CLASSES.iter().find(|(module, _)| from(module)).map(|(_, class)| *class),
        is_kmdf: from("wdfldr.sys"),
        is_export_driver: image.is_dll() && image.exports().is_ok_and(|all| all.len() > 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pe::Import;

    #[test]
    fn routines_of_the_irql_are_found_by_name() {
        let import = |name: &str| Import {
            target: ImportTarget::Name { hint: 0, name: name.to_owned() },
            iat_rva: 0,
        };
        let names = ["IoCreateDevice", "KeAcquireSpinLockRaiseToDpc", "KeSetEvent"];
        let entries = names.into_iter().map(import).collect();
        let modules = [ImportModule { name: "ntoskrnl.exe".to_owned(), entries }];
        assert_eq!(irql_routines(&modules), ["KeAcquireSpinLockRaiseToDpc"]);
    }

    #[test]
    fn every_routine_of_the_irql_is_one_of_the_kernel() {
        for (index, name) in IRQL.iter().enumerate() {
            assert!(!IRQL[..index].contains(name), "{name} twice");
            assert!(["Ke", "Kf", "Ex", "Io"].contains(&&name[..2]), "{name}");
        }
    }
}

//! Kernel routines that the bench knows and refuses: what is asked for does not exist in it, or
//! could not be done honestly. Importing one costs nothing; calling one ends the run as
//! unsupported, with the reason given here.

const SECTIONS: &str =
    "section objects map files or physical memory, which the bench does not have";
const OTHER_PROCESS: &str =
    "it acts on a process from outside, and the bench has no processes of that kind";
const SYSTEM_TABLES: &str = "it reads or changes system-wide tables that the bench does not have";
const FILE_SYSTEM: &str = "it belongs to file systems, which the bench does not run";
const FILTERS: &str = "it belongs to file system filters, and the bench runs no file system";
const PHYSICAL: &str =
    "it asks for physical memory as such; the bench has pages only where something is allocated";
const UNDOCUMENTED: &str = "what it does is documented nowhere in public";
const UNWIND32: &str = "it belongs to exceptions of 32-bit code";
const PURE: &str = "it is the end of a program that calls a virtual function that is not there";
const LOAD: &str = "the bench loads the drivers that it was given, and no others";
const DIRECTORY: &str =
    "the object manager has devices, links and events here, but no directories to list";
const TOKENS: &str = "who asks is not modelled: the bench has one token for everybody";
const TRANSLATE: &str =
    "obsolete since Windows 2000; translated addresses come with IRP_MN_START_DEVICE";
const PORTS: &str = "local procedure calls need a second process that answers";

/// Name and reason, by rising name.
const REFUSED: &[(&str, &str)] = &[
    ("ExEnumHandleTable", UNDOCUMENTED),
    ("FltBuildDefaultSecurityDescriptor", FILTERS),
    ("FltCloseCommunicationPort", FILTERS),
    ("FltCreateCommunicationPort", FILTERS),
    ("FltGetFileNameInformation", FILTERS),
    ("FltObjectDereference", FILTERS),
    ("FltParseFileNameInformation", FILTERS),
    ("FltRegisterFilter", FILTERS),
    ("FltReleaseFileNameInformation", FILTERS),
    ("FltSendMessage", FILTERS),
    ("FltStartFiltering", FILTERS),
    ("FltUnregisterFilter", FILTERS),
    ("FsRtlIsNameInExpression", FILE_SYSTEM),
    ("HalPrivateDispatchTable", UNDOCUMENTED),
    ("HalTranslateBusAddress", TRANSLATE),
    ("IoAcquireVpbSpinLock", FILE_SYSTEM),
    ("IoReleaseVpbSpinLock", FILE_SYSTEM),
    ("KeAddSystemServiceTable", SYSTEM_TABLES),
    ("KeInitializeApc", UNDOCUMENTED),
    ("KeInsertQueueApc", UNDOCUMENTED),
    ("KeServiceDescriptorTable", SYSTEM_TABLES),
    ("MmAllocatePagesForMdl", PHYSICAL),
    ("MmCopyVirtualMemory", OTHER_PROCESS),
    ("MmFreePagesFromMdl", PHYSICAL),
    ("MmGetPhysicalMemoryRanges", PHYSICAL),
    ("MmGetVirtualForPhysical", PHYSICAL),
    ("NtAdjustPrivilegesToken", TOKENS),
    ("NtOpenProcess", OTHER_PROCESS),
    ("NtQueryInformationProcess", OTHER_PROCESS),
    ("NtQuerySystemInformation", SYSTEM_TABLES),
    ("ObCreateObject", UNDOCUMENTED),
    ("ObInsertObject", UNDOCUMENTED),
    ("ObOpenObjectByName", UNDOCUMENTED),
    ("ObReferenceObjectByName", UNDOCUMENTED),
    ("PsGetProcessImageFileName", UNDOCUMENTED),
    ("PsGetProcessPeb", UNDOCUMENTED),
    ("SeCaptureSecurityDescriptor", UNDOCUMENTED),
    ("SeCreateClientSecurity", TOKENS),
    ("SeImpersonateClient", TOKENS),
    ("ZwAllocateVirtualMemory", OTHER_PROCESS),
    ("ZwConnectPort", PORTS),
    ("ZwCreateDirectoryObject", DIRECTORY),
    ("ZwCreateSection", SECTIONS),
    ("ZwDuplicateObject", OTHER_PROCESS),
    ("ZwFreeVirtualMemory", OTHER_PROCESS),
    ("ZwFsControlFile", FILE_SYSTEM),
    ("ZwLoadDriver", LOAD),
    ("ZwMapViewOfSection", SECTIONS),
    ("ZwOpenDirectoryObject", DIRECTORY),
    ("ZwOpenProcessToken", TOKENS),
    ("ZwOpenProcessTokenEx", TOKENS),
    ("ZwOpenSection", SECTIONS),
    ("ZwOpenThreadTokenEx", TOKENS),
    ("ZwQueryDirectoryFile", FILE_SYSTEM),
    ("ZwQueryDirectoryObject", DIRECTORY),
    ("ZwQueryInformationProcess", OTHER_PROCESS),
    ("ZwQueryInformationToken", TOKENS),
    ("ZwQuerySystemInformation", SYSTEM_TABLES),
    ("ZwQueryVolumeInformationFile", FILE_SYSTEM),
    ("ZwRequestWaitReplyPort", PORTS),
    ("ZwSetSystemInformation", SYSTEM_TABLES),
    ("ZwTerminateProcess", OTHER_PROCESS),
    ("ZwUnloadDriver", LOAD),
    ("ZwUnmapViewOfSection", SECTIONS),
    ("_except_handler3", UNWIND32),
    ("_purecall", PURE),
];

/// Why a routine is refused, if it is.
pub fn reason(name: &str) -> Option<&'static str> {
    let at = REFUSED.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(REFUSED[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Support;
    use crate::world::World;

    #[test]
    fn the_table_is_in_order_and_refuses_nothing_that_works() {
        assert!(REFUSED.is_sorted_by_key(|(name, _)| name));
        let world = World::new(2, &[]);
        for (name, _) in REFUSED {
            let support = world.registry.support(name);
            assert!(matches!(support, Support::Refused(_)), "{name} is refused and implemented");
        }
    }

    #[test]
    fn what_drivers_import_most_is_implemented_or_refused() {
        let world = World::new(2, &[]);
        let lacking: Vec<&str> = nt::imports::all()[..FIRST]
            .iter()
            .map(|row| row.name)
            .filter(|name| matches!(world.registry.support(name), Support::Missing))
            .collect();
        assert!(lacking.is_empty(), "implement these, or refuse them with a reason: {lacking:?}");
    }

    /// How many names of the list are spoken for.
    const FIRST: usize = 200;

    #[test]
    #[ignore = "prints what to do next"]
    fn what_is_next() {
        let world = World::new(2, &[]);
        for row in nt::imports::all() {
            if world.registry.support(row.name) == Support::Missing {
                println!("{} {}", row.rank, row.name);
            }
        }
    }
}

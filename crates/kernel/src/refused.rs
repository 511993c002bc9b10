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
const ARITHMETIC32: &str = "it is arithmetic that a compiler calls for on 32-bit machines only";
const OBJECTS: &str = "what a handle's object is called and who inherits it is not modelled";
const POWER: &str =
    "it belongs to the power manager's policy, and the bench has the states but no policy";
const POFX: &str = "the power management framework for components of a device is not there";
const DEVICE_HANDLES: &str = "handles to devices are opened by the bench's applications only";
const REGISTRY_NOTICE: &str =
    "nobody but the driver changes the registry here, and it is not watched";
const WMI: &str = "the driver is the only provider of WMI data";
const TRACING: &str = "nobody traces: the bench has no sessions and no activities";
const DUMPS: &str = "the bench writes no dumps";
const DEBUGGER: &str = "no debugger is there to answer";
const ARBITERS: &str = "it belongs to bus drivers that divide resources among devices";
const HYPERVISOR: &str = "it asks a hypervisor, and none is there";
const PROCESSORS: &str = "processors neither come nor go";
const INTERRUPT_STATE: &str = "an interrupt that is connected stays active";
const PORTS_CLASS: &str =
    "it is exported by another driver, which has to be loaded beside this one";
const NETWORK: &str = "it belongs to network drivers, which the bench does not run";
const PORTS: &str = "local procedure calls need a second process that answers";

/// Name and reason, by rising name.
const REFUSED: &[(&str, &str)] = &[
    ("ClassInitialize", PORTS_CLASS),
    ("CmCallbackGetKeyObjectID", REGISTRY_NOTICE),
    ("DbgCommandString", UNDOCUMENTED),
    ("DbgPrompt", DEBUGGER),
    ("DbgkWerCaptureLiveKernelDump", DUMPS),
    ("EmClientQueryRuleState", UNDOCUMENTED),
    ("EmClientRuleEvaluate", UNDOCUMENTED),
    ("EmProviderRegister", UNDOCUMENTED),
    ("EtwActivityIdControl", TRACING),
    ("ExEnumHandleTable", UNDOCUMENTED),
    ("ExQueryWnfStateData", UNDOCUMENTED),
    ("ExSubscribeWnfStateChange", UNDOCUMENTED),
    ("ExTryQueueWorkItem", UNDOCUMENTED),
    ("ExUnsubscribeWnfStateChange", UNDOCUMENTED),
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
    ("FsRtlGetFileSize", FILE_SYSTEM),
    ("FsRtlIsNameInExpression", FILE_SYSTEM),
    ("FwpmCalloutAdd0", NETWORK),
    ("FwpmEngineClose0", NETWORK),
    ("FwpmEngineOpen0", NETWORK),
    ("FwpmFilterAdd0", NETWORK),
    ("FwpmSubLayerAdd0", NETWORK),
    ("FwpmSubLayerDeleteByKey0", NETWORK),
    ("FwpmTransactionAbort0", NETWORK),
    ("FwpmTransactionBegin0", NETWORK),
    ("FwpmTransactionCommit0", NETWORK),
    ("FwpsAcquireClassifyHandle0", NETWORK),
    ("FwpsAcquireWritableLayerDataPointer0", NETWORK),
    ("FwpsAllocateNetBufferAndNetBufferList0", NETWORK),
    ("FwpsApplyModifiedLayerData0", NETWORK),
    ("FwpsCalloutRegister1", NETWORK),
    ("FwpsCompleteClassify0", NETWORK),
    ("FwpsFlowAssociateContext0", NETWORK),
    ("FwpsFreeCloneNetBufferList0", NETWORK),
    ("FwpsFreeNetBufferList0", NETWORK),
    ("FwpsInjectionHandleCreate0", NETWORK),
    ("FwpsInjectionHandleDestroy0", NETWORK),
    ("FwpsQueryPacketInjectionState0", NETWORK),
    ("FwpsReleaseClassifyHandle0", NETWORK),
    ("HalConvertDeviceIdtToIrql", UNDOCUMENTED),
    ("HalGetInterruptTargetInformation", UNDOCUMENTED),
    ("HalGetMemoryCachingRequirements", UNDOCUMENTED),
    ("HalGetMessageRoutingInfo", UNDOCUMENTED),
    ("HalGetProcessorIdByNtNumber", UNDOCUMENTED),
    ("HalPrivateDispatchTable", UNDOCUMENTED),
    ("HalTranslateBusAddress", TRANSLATE),
    ("HeadlessDispatch", UNDOCUMENTED),
    ("HviGetHypervisorFeatures", HYPERVISOR),
    ("HviIsAnyHypervisorPresent", HYPERVISOR),
    ("HvlGetLpIndexFromApicId", HYPERVISOR),
    ("HvlGetLpIndexFromProcessorIndex", HYPERVISOR),
    ("HvlQueryActiveHypervisorProcessorCount", HYPERVISOR),
    ("HvlQueryActiveProcessors", HYPERVISOR),
    ("HvlQueryProcessorTopology", HYPERVISOR),
    ("HvlQueryStartedProcessors", HYPERVISOR),
    ("HvlReadPerformanceStateCounters", HYPERVISOR),
    ("HvlUpdatePerformanceStateCountersForLp", HYPERVISOR),
    ("IoAcquireVpbSpinLock", FILE_SYSTEM),
    ("IoCreateFileSpecifyDeviceObjectHint", DEVICE_HANDLES),
    ("IoDuplicateDependency", UNDOCUMENTED),
    ("IoGetActivityIdIrp", TRACING),
    ("IoGetBaseFileSystemDeviceObject", FILE_SYSTEM),
    ("IoGetConfigurationInformation", SYSTEM_TABLES),
    ("IoGetFileObjectGenericMapping", TOKENS),
    ("IoQueryFileDosDeviceName", FILE_SYSTEM),
    ("IoReleaseVpbSpinLock", FILE_SYSTEM),
    ("IoReportInterruptActive", INTERRUPT_STATE),
    ("IoReportInterruptInactive", INTERRUPT_STATE),
    ("IoRequestDeviceRemovalForReset", UNDOCUMENTED),
    ("IoReserveDependency", UNDOCUMENTED),
    ("IoResolveDependency", UNDOCUMENTED),
    ("IoSetActivityIdIrp", TRACING),
    ("IoSetDependency", UNDOCUMENTED),
    ("IoSynchronousCallDriver", UNDOCUMENTED),
    ("IoTestDependency", UNDOCUMENTED),
    ("IoWMIExecuteMethod", WMI),
    ("IoWMIOpenBlock", WMI),
    ("IoWMIQueryAllData", WMI),
    ("KdComPortInUse", UNDOCUMENTED),
    ("KdHvComPortInUse", UNDOCUMENTED),
    ("KeAddGroupAffinityEx", UNDOCUMENTED),
    ("KeAddProcessorAffinityEx", UNDOCUMENTED),
    ("KeAddSystemServiceTable", SYSTEM_TABLES),
    ("KeAndAffinityEx", UNDOCUMENTED),
    ("KeCancelTimer2", UNDOCUMENTED),
    ("KeCheckProcessorAffinityEx", UNDOCUMENTED),
    ("KeCopyAffinityEx", UNDOCUMENTED),
    ("KeCountSetBitsAffinityEx", UNDOCUMENTED),
    ("KeEnumerateNextProcessor", UNDOCUMENTED),
    ("KeFindFirstSetLeftGroupAffinity", UNDOCUMENTED),
    ("KeFlushWriteBuffer", UNDOCUMENTED),
    ("KeInitializeAffinityEx", UNDOCUMENTED),
    ("KeInitializeApc", UNDOCUMENTED),
    ("KeInitializeEnumerationContext", UNDOCUMENTED),
    ("KeInitializeEnumerationContextFromGroup", UNDOCUMENTED),
    ("KeInitializeTimer2", UNDOCUMENTED),
    ("KeInsertQueueApc", UNDOCUMENTED),
    ("KeIsEmptyAffinityEx", UNDOCUMENTED),
    ("KeIsEqualAffinityEx", UNDOCUMENTED),
    ("KeOrAffinityEx", UNDOCUMENTED),
    ("KeProcessorGroupAffinity", UNDOCUMENTED),
    ("KeQueryActiveProcessorAffinity", UNDOCUMENTED),
    ("KeQueryLogicalProcessorRelationship", SYSTEM_TABLES),
    ("KeRegisterProcessorChangeCallback", PROCESSORS),
    ("KeRemoveProcessorAffinityEx", UNDOCUMENTED),
    ("KeReportCacheIncoherentDevice", UNDOCUMENTED),
    ("KeServiceDescriptorTable", SYSTEM_TABLES),
    ("KeSetTimer2", UNDOCUMENTED),
    ("KeStartDynamicProcessor", UNDOCUMENTED),
    ("KiBugCheckData", UNDOCUMENTED),
    ("MmAllocatePagesForMdl", PHYSICAL),
    ("MmCopyVirtualMemory", OTHER_PROCESS),
    ("MmFreePagesFromMdl", PHYSICAL),
    ("MmGetPhysicalMemoryRanges", PHYSICAL),
    ("MmGetVirtualForPhysical", PHYSICAL),
    ("NdisAdvanceNetBufferDataStart", NETWORK),
    ("NdisAllocateGenericObject", NETWORK),
    ("NdisAllocateNetBufferListPool", NETWORK),
    ("NdisFreeGenericObject", NETWORK),
    ("NdisFreeNetBufferListPool", NETWORK),
    ("NdisGetDataBuffer", NETWORK),
    ("NdisRetreatNetBufferDataStart", NETWORK),
    ("NicmCreateInstance", PORTS_CLASS),
    ("NtAdjustPrivilegesToken", TOKENS),
    ("NtOpenProcess", OTHER_PROCESS),
    ("NtQueryInformationProcess", OTHER_PROCESS),
    ("NtQuerySystemInformation", SYSTEM_TABLES),
    ("NtQuerySystemInformationEx", SYSTEM_TABLES),
    ("ObCreateObject", UNDOCUMENTED),
    ("ObGetObjectSecurity", TOKENS),
    ("ObInsertObject", UNDOCUMENTED),
    ("ObOpenObjectByName", UNDOCUMENTED),
    ("ObReferenceObjectByName", UNDOCUMENTED),
    ("ObReleaseObjectSecurity", TOKENS),
    ("PoCreateThermalRequest", POWER),
    ("PoDeleteThermalRequest", POWER),
    ("PoEnergyEstimationEnabled", UNDOCUMENTED),
    ("PoFxActivateComponent", POFX),
    ("PoFxCompleteDevicePowerNotRequired", POFX),
    ("PoFxCompleteDirectedPowerDown", POFX),
    ("PoFxCompleteIdleCondition", POFX),
    ("PoFxCompleteIdleState", POFX),
    ("PoFxIdleComponent", POFX),
    ("PoFxNotifySurprisePowerOn", POFX),
    ("PoFxProcessorNotification", POFX),
    ("PoFxRegisterDevice", POFX),
    ("PoFxReportDevicePoweredOn", POFX),
    ("PoFxSetDeviceIdleTimeout", POFX),
    ("PoFxStartDevicePowerManagement", POFX),
    ("PoFxUnregisterDevice", POFX),
    ("PoGetSystemWake", POWER),
    ("PoGetThermalRequestSupport", POWER),
    ("PoSetHiberRange", UNDOCUMENTED),
    ("PoSetSystemWake", POWER),
    ("PoSetThermalActiveCooling", POWER),
    ("PoSetThermalPassiveCooling", POWER),
    ("PoShutdownBugCheck", UNDOCUMENTED),
    ("PsGetProcessExitTime", UNDOCUMENTED),
    ("PsGetProcessImageFileName", UNDOCUMENTED),
    ("PsGetProcessPeb", UNDOCUMENTED),
    ("PsGetProcessSectionBaseAddress", UNDOCUMENTED),
    ("RtlAddRange", ARBITERS),
    ("RtlAnsiCharToUnicodeChar", UNDOCUMENTED),
    ("RtlCmDecodeMemIoResource", UNDOCUMENTED),
    ("RtlCmEncodeMemIoResource", UNDOCUMENTED),
    ("RtlCopyRangeList", ARBITERS),
    ("RtlDeleteOwnersRanges", ARBITERS),
    ("RtlDeleteRange", ARBITERS),
    ("RtlFindRange", ARBITERS),
    ("RtlFreeRangeList", ARBITERS),
    ("RtlGetFirstRange", ARBITERS),
    ("RtlGetNextRange", ARBITERS),
    ("RtlImageNtHeader", UNDOCUMENTED),
    ("RtlInitializeRangeList", ARBITERS),
    ("RtlInvertRangeList", ARBITERS),
    ("RtlInvertRangeListEx", ARBITERS),
    ("RtlIoDecodeMemIoResource", ARBITERS),
    ("RtlIoEncodeMemIoResource", ARBITERS),
    ("RtlIsRangeAvailable", ARBITERS),
    ("RtlVolumeDeviceToDosName", FILE_SYSTEM),
    ("SeCaptureSecurityDescriptor", UNDOCUMENTED),
    ("SeCreateAccessState", TOKENS),
    ("SeCreateClientSecurity", TOKENS),
    ("SeImpersonateClient", TOKENS),
    ("VslQuerySecureDevice", UNDOCUMENTED),
    ("WmiQueryTraceInformation", TRACING),
    ("WmiTraceMessageVa", TRACING),
    ("ZwAllocateVirtualMemory", OTHER_PROCESS),
    ("ZwConnectPort", PORTS),
    ("ZwCreateDirectoryObject", DIRECTORY),
    ("ZwCreateSection", SECTIONS),
    ("ZwDeviceIoControlFile", DEVICE_HANDLES),
    ("ZwDuplicateObject", OTHER_PROCESS),
    ("ZwFreeVirtualMemory", OTHER_PROCESS),
    ("ZwFsControlFile", FILE_SYSTEM),
    ("ZwInitiatePowerAction", POWER),
    ("ZwLoadDriver", LOAD),
    ("ZwMapViewOfSection", SECTIONS),
    ("ZwNotifyChangeKey", REGISTRY_NOTICE),
    ("ZwOpenDirectoryObject", DIRECTORY),
    ("ZwOpenProcessToken", TOKENS),
    ("ZwOpenProcessTokenEx", TOKENS),
    ("ZwOpenSection", SECTIONS),
    ("ZwOpenThread", OTHER_PROCESS),
    ("ZwOpenThreadTokenEx", TOKENS),
    ("ZwPowerInformation", POWER),
    ("ZwQueryDirectoryFile", FILE_SYSTEM),
    ("ZwQueryDirectoryObject", DIRECTORY),
    ("ZwQueryInformationProcess", OTHER_PROCESS),
    ("ZwQueryInformationThread", OTHER_PROCESS),
    ("ZwQueryInformationToken", TOKENS),
    ("ZwQueryObject", OBJECTS),
    ("ZwQuerySecurityObject", TOKENS),
    ("ZwQuerySystemInformation", SYSTEM_TABLES),
    ("ZwQuerySystemInformationEx", SYSTEM_TABLES),
    ("ZwQueryVolumeInformationFile", FILE_SYSTEM),
    ("ZwRequestWaitReplyPort", PORTS),
    ("ZwSetInformationObject", OBJECTS),
    ("ZwSetInformationThread", OTHER_PROCESS),
    ("ZwSetSystemInformation", SYSTEM_TABLES),
    ("ZwTerminateProcess", OTHER_PROCESS),
    ("ZwUnloadDriver", LOAD),
    ("ZwUnmapViewOfSection", SECTIONS),
    ("_allmul", ARITHMETIC32),
    ("_allrem", ARITHMETIC32),
    ("_allshr", ARITHMETIC32),
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
        let lacking: Vec<&str> = nt::imports::all()
            .iter()
            .map(|row| row.name)
            .filter(|name| matches!(world.registry.support(name), Support::Missing))
            .collect();
        assert!(lacking.is_empty(), "implement these, or refuse them with a reason: {lacking:?}");
    }

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

//! `KDDEBUGGER_DATA64`: the debugger's block, built from the order of its fields.
//!
//! Source: wdbgexts.h of the Windows SDK, whose comments also say which Windows added what. Each field lies at
//! the next multiple of its size; a build has the block up to the last group that it knows.

/// A group of fields: the first build that has them, then name and bytes of each.
type Group = (u32, &'static [(&'static str, usize)]);

const GROUPS: &[Group] = &[
    (
        0,
        &[
            ("Flink", 8),
            ("Blink", 8),
            ("OwnerTag", 4),
            ("Size", 4),
            ("KernBase", 8),
            ("BreakpointWithStatus", 8),
            ("SavedContext", 8),
            ("ThCallbackStack", 2),
            ("NextCallback", 2),
            ("FramePointer", 2),
            ("PaeEnabled", 2),
            ("KiCallUserMode", 8),
            ("KeUserCallbackDispatcher", 8),
            ("PsLoadedModuleList", 8),
            ("PsActiveProcessHead", 8),
            ("PspCidTable", 8),
            ("ExpSystemResourcesList", 8),
            ("ExpPagedPoolDescriptor", 8),
            ("ExpNumberOfPagedPools", 8),
            ("KeTimeIncrement", 8),
            ("KeBugCheckCallbackListHead", 8),
            ("KiBugcheckData", 8),
            ("IopErrorLogListHead", 8),
            ("ObpRootDirectoryObject", 8),
            ("ObpTypeObjectType", 8),
            ("MmSystemCacheStart", 8),
            ("MmSystemCacheEnd", 8),
            ("MmSystemCacheWs", 8),
            ("MmPfnDatabase", 8),
            ("MmSystemPtesStart", 8),
            ("MmSystemPtesEnd", 8),
            ("MmSubsectionBase", 8),
            ("MmNumberOfPagingFiles", 8),
            ("MmLowestPhysicalPage", 8),
            ("MmHighestPhysicalPage", 8),
            ("MmNumberOfPhysicalPages", 8),
            ("MmMaximumNonPagedPoolInBytes", 8),
            ("MmNonPagedSystemStart", 8),
            ("MmNonPagedPoolStart", 8),
            ("MmNonPagedPoolEnd", 8),
            ("MmPagedPoolStart", 8),
            ("MmPagedPoolEnd", 8),
            ("MmPagedPoolInformation", 8),
            ("MmPageSize", 8),
            ("MmSizeOfPagedPoolInBytes", 8),
            ("MmTotalCommitLimit", 8),
            ("MmTotalCommittedPages", 8),
            ("MmSharedCommit", 8),
            ("MmDriverCommit", 8),
            ("MmProcessCommit", 8),
            ("MmPagedPoolCommit", 8),
            ("MmExtendedCommit", 8),
            ("MmZeroedPageListHead", 8),
            ("MmFreePageListHead", 8),
            ("MmStandbyPageListHead", 8),
            ("MmModifiedPageListHead", 8),
            ("MmModifiedNoWritePageListHead", 8),
            ("MmAvailablePages", 8),
            ("MmResidentAvailablePages", 8),
            ("PoolTrackTable", 8),
            ("NonPagedPoolDescriptor", 8),
            ("MmHighestUserAddress", 8),
            ("MmSystemRangeStart", 8),
            ("MmUserProbeAddress", 8),
            ("KdPrintCircularBuffer", 8),
            ("KdPrintCircularBufferEnd", 8),
            ("KdPrintWritePointer", 8),
            ("KdPrintRolloverCount", 8),
            ("MmLoadedUserImageList", 8),
            // Windows XP.
            ("NtBuildLab", 8),
            ("KiNormalSystemCall", 8),
            ("KiProcessorBlock", 8),
            ("MmUnloadedDrivers", 8),
            ("MmLastUnloadedDriver", 8),
            ("MmTriageActionTaken", 8),
            ("MmSpecialPoolTag", 8),
            ("KernelVerifier", 8),
            ("MmVerifierData", 8),
            ("MmAllocatedNonPagedPool", 8),
            ("MmPeakCommitment", 8),
            ("MmTotalCommitLimitMaximum", 8),
            ("CmNtCSDVersion", 8),
            ("MmPhysicalMemoryBlock", 8),
            ("MmSessionBase", 8),
            ("MmSessionSize", 8),
            ("MmSystemParentTablePage", 8),
        ],
    ),
    // Windows Server 2003.
    (
        3790,
        &[
            ("MmVirtualTranslationBase", 8),
            ("OffsetKThreadNextProcessor", 2),
            ("OffsetKThreadTeb", 2),
            ("OffsetKThreadKernelStack", 2),
            ("OffsetKThreadInitialStack", 2),
            ("OffsetKThreadApcProcess", 2),
            ("OffsetKThreadState", 2),
            ("OffsetKThreadBStore", 2),
            ("OffsetKThreadBStoreLimit", 2),
            ("SizeEProcess", 2),
            ("OffsetEprocessPeb", 2),
            ("OffsetEprocessParentCID", 2),
            ("OffsetEprocessDirectoryTableBase", 2),
            ("SizePrcb", 2),
            ("OffsetPrcbDpcRoutine", 2),
            ("OffsetPrcbCurrentThread", 2),
            ("OffsetPrcbMhz", 2),
            ("OffsetPrcbCpuType", 2),
            ("OffsetPrcbVendorString", 2),
            ("OffsetPrcbProcStateContext", 2),
            ("OffsetPrcbNumber", 2),
            ("SizeEThread", 2),
            ("KdPrintCircularBufferPtr", 8),
            ("KdPrintBufferSize", 8),
            ("KeLoaderBlock", 8),
            ("SizePcr", 2),
            ("OffsetPcrSelfPcr", 2),
            ("OffsetPcrCurrentPrcb", 2),
            ("OffsetPcrContainedPrcb", 2),
            ("OffsetPcrInitialBStore", 2),
            ("OffsetPcrBStoreLimit", 2),
            ("OffsetPcrInitialStack", 2),
            ("OffsetPcrStackLimit", 2),
            ("OffsetPrcbPcrPage", 2),
            ("OffsetPrcbProcStateSpecialReg", 2),
            ("GdtR0Code", 2),
            ("GdtR0Data", 2),
            ("GdtR0Pcr", 2),
            ("GdtR3Code", 2),
            ("GdtR3Data", 2),
            ("GdtR3Teb", 2),
            ("GdtLdt", 2),
            ("GdtTss", 2),
            ("Gdt64R3CmCode", 2),
            ("Gdt64R3CmTeb", 2),
            ("IopNumTriageDumpDataBlocks", 8),
            ("IopTriageDumpDataBlocks", 8),
        ],
    ),
    // Windows Vista.
    (
        6001,
        &[
            ("VfCrashDataBlock", 8),
            ("MmBadPagesDetected", 8),
            ("MmZeroedPageSingleBitErrorsDetected", 8),
        ],
    ),
    // Windows 7.
    (7600, &[("EtwpDebuggerData", 8), ("OffsetPrcbContext", 2)]),
    // Windows 8 and 8.1.
    (
        9200,
        &[
            ("OffsetPrcbMaxBreakpoints", 2),
            ("OffsetPrcbMaxWatchpoints", 2),
            ("OffsetKThreadStackLimit", 4),
            ("OffsetKThreadStackBase", 4),
            ("OffsetKThreadQueueListEntry", 4),
            ("OffsetEThreadIrpList", 4),
            ("OffsetPrcbIdleThread", 2),
            ("OffsetPrcbNormalDpcState", 2),
            ("OffsetPrcbDpcStack", 2),
            ("OffsetPrcbIsrStack", 2),
            ("SizeKDPC_STACK_FRAME", 2),
            ("OffsetKPriQueueThreadListHead", 2),
            ("OffsetKThreadWaitReason", 2),
        ],
    ),
    // Windows 10 1607 and 1809.
    (14393, &[("Padding", 2), ("PteBase", 8)]),
    (
        17763,
        &[
            ("RetpolineStubFunctionTable", 8),
            ("RetpolineStubFunctionTableSize", 4),
            ("RetpolineStubOffset", 4),
            ("RetpolineStubSize", 4),
        ],
    ),
];

/// The block of `build`; fields that it does not know are dropped, others are 0.
///
/// # Panics
/// On a name that is no field, which is a mistake of this crate.
pub(crate) fn block(build: u32, values: &[(&str, u64)]) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut places = Vec::new();
    for (_, fields) in GROUPS.iter().filter(|(first, _)| *first <= build) {
        for (name, size) in *fields {
            let at = bytes.len().next_multiple_of(*size);
            bytes.resize(at + size, 0);
            places.push((*name, at, *size));
        }
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let own = [("OwnerTag", u64::from(u32::from_le_bytes(*b"KDBG"))), ("Size", bytes.len() as u64)];
    for (name, value) in own.iter().chain(values) {
        assert!(
            GROUPS.iter().any(|(_, fields)| fields.iter().any(|(own, _)| own == name)),
            "{name}"
        );
        if let Some((_, at, size)) = places.iter().find(|(own, ..)| own == name) {
            bytes[*at..at + size].copy_from_slice(&value.to_le_bytes()[..*size]);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::block;

    /// The sizes by which memory forensics knows the block: volatility's signatures of it.
    #[test]
    fn the_block_is_as_long_as_the_build_makes_it() {
        let sizes = [(2600, 0x290), (3790, 0x318), (6001, 0x330), (7601, 0x340), (9200, 0x360)];
        for (build, size) in sizes {
            let bytes = block(build, &[]);
            assert_eq!((build, bytes.len()), (build, size));
            assert_eq!(&bytes[0x10..0x14], b"KDBG");
            assert_eq!(bytes[0x14..0x18], (size as u32).to_le_bytes());
        }
        // As real small dumps of build 19041 have it.
        assert_eq!(block(19041, &[]).len(), 0x380);
    }
}

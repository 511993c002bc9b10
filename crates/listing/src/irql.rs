//! What kernel routines do to the IRQL, and which locks they take.
//!
//! Source: the pages of these routines in the WDK reference (learn.microsoft.com/windows-hardware/drivers/ddi).

/// What a call to a kernel routine does, in a few words; `None` for a routine that leaves IRQL and locks alone.
pub(crate) fn effect(routine: &str) -> Option<&'static str> {
    let found = TABLE.binary_search_by_key(&routine, |row| row.0).ok()?;
    Some(TABLE[found].1)
}

const TAKES: &str = "acquires a spin lock; IRQL to DISPATCH_LEVEL";
const GIVES: &str = "releases a spin lock; IRQL back";
const TAKES_AT: &str = "acquires a spin lock; stays at DISPATCH_LEVEL";
const GIVES_AT: &str = "releases a spin lock; stays at DISPATCH_LEVEL";
const TAKES_QUEUED: &str = "acquires a queued spin lock; IRQL to DISPATCH_LEVEL";
const GIVES_QUEUED: &str = "releases a queued spin lock; IRQL back";
const TAKES_QUEUED_AT: &str = "acquires a queued spin lock; stays at DISPATCH_LEVEL";
const GIVES_QUEUED_AT: &str = "releases a queued spin lock; stays at DISPATCH_LEVEL";
const READS: &str = "acquires a reader/writer spin lock, shared; IRQL to DISPATCH_LEVEL";
const WRITES: &str = "acquires a reader/writer spin lock, exclusive; IRQL to DISPATCH_LEVEL";
const UNREADS: &str = "releases a reader/writer spin lock, shared; IRQL back";
const UNWRITES: &str = "releases a reader/writer spin lock, exclusive; IRQL back";
const FAST: &str = "acquires a fast mutex; IRQL to APC_LEVEL";
const UNFAST: &str = "releases a fast mutex; IRQL back";
const FAST_AT: &str = "acquires a fast mutex; IRQL as it is";
const UNFAST_AT: &str = "releases a fast mutex; IRQL as it is";
const GUARD: &str = "acquires a guarded mutex; APCs off";
const UNGUARD: &str = "releases a guarded mutex; APCs on";

/// In order of name.
const TABLE: &[(&str, &str)] = &[
    ("ExAcquireFastMutex", FAST),
    ("ExAcquireFastMutexUnsafe", FAST_AT),
    ("ExAcquirePushLockExclusiveEx", "acquires a push lock, exclusive"),
    ("ExAcquirePushLockSharedEx", "acquires a push lock, shared"),
    ("ExAcquireResourceExclusiveLite", "acquires a resource, exclusive"),
    ("ExAcquireResourceSharedLite", "acquires a resource, shared"),
    ("ExAcquireRundownProtection", "acquires run-down protection"),
    ("ExAcquireSharedStarveExclusive", "acquires a resource, shared"),
    ("ExAcquireSharedWaitForExclusive", "acquires a resource, shared"),
    ("ExAcquireSpinLockExclusive", WRITES),
    ("ExAcquireSpinLockExclusiveAtDpcLevel", "acquires a reader/writer spin lock, exclusive"),
    ("ExAcquireSpinLockShared", READS),
    ("ExAcquireSpinLockSharedAtDpcLevel", "acquires a reader/writer spin lock, shared"),
    (
        "ExEnterCriticalRegionAndAcquireResourceExclusive",
        "acquires a resource, exclusive; normal APCs off",
    ),
    ("ExReleaseFastMutex", UNFAST),
    ("ExReleaseFastMutexUnsafe", UNFAST_AT),
    ("ExReleasePushLockExclusiveEx", "releases a push lock"),
    ("ExReleasePushLockSharedEx", "releases a push lock"),
    ("ExReleaseResourceAndLeaveCriticalRegion", "releases a resource; normal APCs on"),
    ("ExReleaseResourceLite", "releases a resource"),
    ("ExReleaseRundownProtection", "releases run-down protection"),
    ("ExReleaseSpinLockExclusive", UNWRITES),
    ("ExReleaseSpinLockExclusiveFromDpcLevel", "releases a reader/writer spin lock, exclusive"),
    ("ExReleaseSpinLockShared", UNREADS),
    ("ExReleaseSpinLockSharedFromDpcLevel", "releases a reader/writer spin lock, shared"),
    ("ExTryToAcquireFastMutex", "tries for a fast mutex; IRQL to APC_LEVEL if it gets it"),
    ("ExfAcquirePushLockExclusive", "acquires a push lock, exclusive"),
    ("ExfAcquirePushLockShared", "acquires a push lock, shared"),
    ("ExfReleasePushLockExclusive", "releases a push lock"),
    ("ExfReleasePushLockShared", "releases a push lock"),
    ("IoAcquireCancelSpinLock", "acquires the cancel spin lock; IRQL to DISPATCH_LEVEL"),
    ("IoAcquireRemoveLockEx", "acquires a remove lock"),
    ("IoReleaseCancelSpinLock", "releases the cancel spin lock; IRQL back"),
    ("IoReleaseRemoveLockAndWaitEx", "releases a remove lock and waits for the others"),
    ("IoReleaseRemoveLockEx", "releases a remove lock"),
    ("KeAcquireGuardedMutex", GUARD),
    ("KeAcquireGuardedMutexUnsafe", "acquires a guarded mutex"),
    ("KeAcquireInStackQueuedSpinLock", TAKES_QUEUED),
    ("KeAcquireInStackQueuedSpinLockAtDpcLevel", TAKES_QUEUED_AT),
    (
        "KeAcquireInStackQueuedSpinLockForDpc",
        "acquires a queued spin lock; IRQL to DISPATCH_LEVEL unless in a DPC",
    ),
    ("KeAcquireInterruptSpinLock", "acquires an interrupt's spin lock; IRQL to its DIRQL"),
    ("KeAcquireSpinLock", TAKES),
    ("KeAcquireSpinLockAtDpcLevel", TAKES_AT),
    ("KeAcquireSpinLockForDpc", "acquires a spin lock; IRQL to DISPATCH_LEVEL unless in a DPC"),
    ("KeAcquireSpinLockRaiseToDpc", TAKES),
    ("KeEnterCriticalRegion", "normal APCs off"),
    ("KeEnterGuardedRegion", "APCs off"),
    ("KeLeaveCriticalRegion", "normal APCs on"),
    ("KeLeaveGuardedRegion", "APCs on"),
    ("KeLowerIrql", "lowers the IRQL"),
    ("KeRaiseIrql", "raises the IRQL"),
    ("KeRaiseIrqlToDpcLevel", "raises the IRQL to DISPATCH_LEVEL"),
    ("KeRaiseIrqlToSynchLevel", "raises the IRQL"),
    ("KeReleaseGuardedMutex", UNGUARD),
    ("KeReleaseGuardedMutexUnsafe", "releases a guarded mutex"),
    ("KeReleaseInStackQueuedSpinLock", GIVES_QUEUED),
    (
        "KeReleaseInStackQueuedSpinLockForDpc",
        "releases a queued spin lock; IRQL back unless in a DPC",
    ),
    ("KeReleaseInStackQueuedSpinLockFromDpcLevel", GIVES_QUEUED_AT),
    ("KeReleaseInterruptSpinLock", "releases an interrupt's spin lock; IRQL back"),
    ("KeReleaseMutex", "releases a mutex"),
    ("KeReleaseSpinLock", GIVES),
    ("KeReleaseSpinLockForDpc", "releases a spin lock; IRQL back unless in a DPC"),
    ("KeReleaseSpinLockFromDpcLevel", GIVES_AT),
    ("KeSynchronizeExecution", "calls a routine at an interrupt's DIRQL, under its spin lock"),
    ("KeTryToAcquireGuardedMutex", "tries for a guarded mutex; APCs off if it gets it"),
    ("KeTryToAcquireSpinLockAtDpcLevel", "tries for a spin lock; stays at DISPATCH_LEVEL"),
    ("KefAcquireSpinLockAtDpcLevel", TAKES_AT),
    ("KefReleaseSpinLockFromDpcLevel", GIVES_AT),
    ("KfAcquireSpinLock", TAKES),
    ("KfLowerIrql", "lowers the IRQL"),
    ("KfRaiseIrql", "raises the IRQL"),
    ("KfReleaseSpinLock", GIVES),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn routines_are_found() {
        assert_eq!(effect("KeReleaseSpinLock"), Some(GIVES));
        assert_eq!(effect("KeSetEvent"), None);
    }
}

/* build: gcc -O2 */
/*
 * Pool, look-aside lists, interlocked lists and numbers, resources, run-down protection, timers and
 * callbacks of the executive, as one thread sees them. Each routine is called by DriverEntry with
 * what its page says about it, and what comes of it is checked; a wrong result stops the machine.
 */
#include "expect.h"

#define TAG 'xEuR'
#define BYTES 96

NTSYSAPI PSLIST_ENTRY NTAPI IMPORT_AS(PopEntrySList(PSLIST_HEADER Head, PKSPIN_LOCK Lock),
                                      ExInterlockedPopEntrySList);
NTSYSAPI PSLIST_ENTRY NTAPI IMPORT_AS(PushEntrySList(PSLIST_HEADER Head, PSLIST_ENTRY Entry,
                                                     PKSPIN_LOCK Lock),
                                      ExInterlockedPushEntrySList);
NTSYSAPI PSLIST_ENTRY NTAPI IMPORT_AS(FirstSList(PSLIST_HEADER Head), FirstEntrySList);
NTSYSAPI VOID NTAPI IMPORT_AS(InitializeSList(PSLIST_HEADER Head), InitializeSListHead);
NTSYSAPI ERESOURCE_THREAD NTAPI IMPORT_AS(CurrentThread(VOID), PsGetCurrentThread);
NTSYSAPI VOID NTAPI IMPORT_AS(InitializeFastMutex(PFAST_MUTEX Mutex), ExInitializeFastMutex);
NTSYSAPI PVOID NTAPI ExAllocatePool2(ULONG64 Flags, SIZE_T Bytes, ULONG Tag);
NTSYSAPI VOID NTAPI ExQueryTimerResolution(PULONG Maximum, PULONG Minimum, PULONG Current);
typedef VOID(NTAPI *EX_TIMER_CALLBACK)(PVOID Timer, PVOID Context);
NTSYSAPI PVOID NTAPI IMPORT_AS(AllocateTimer(EX_TIMER_CALLBACK Callback, PVOID Context, ULONG Flags),
                               ExAllocateTimer);
NTSYSAPI BOOLEAN NTAPI IMPORT_AS(SetTimer(PVOID Timer, LONGLONG Due, LONGLONG Period, PVOID More),
                                 ExSetTimer);
NTSYSAPI BOOLEAN NTAPI IMPORT_AS(CancelTimer(PVOID Timer, PVOID More), ExCancelTimer);
NTSYSAPI BOOLEAN NTAPI IMPORT_AS(DeleteTimer(PVOID Timer, BOOLEAN Cancel, BOOLEAN Wait, PVOID More),
                                 ExDeleteTimer);

static KSPIN_LOCK Lock;
static ERESOURCE Resource;
static KEVENT Told;

INIT_CODE static NTSTATUS Pool(VOID)
{
    UCHAR *Block;
    ULONG Index;

    if (!(Block = ExAllocatePool2(0x40 /* POOL_FLAG_NON_PAGED */, BYTES, TAG)))
        return STATUS_INSUFFICIENT_RESOURCES;
    for (Index = 0; Index < BYTES; Index++)
        EXPECT(Block[Index] == 0);
    EXPECT(((ULONG_PTR)Block & 15) == 0);
    ExFreePoolWithTag(Block, TAG);
    if (!(Block = ExAllocatePool(NonPagedPool, PAGE_SIZE)))
        return STATUS_INSUFFICIENT_RESOURCES;
    EXPECT(((ULONG_PTR)Block & (PAGE_SIZE - 1)) == 0);
    ExFreePool(Block);
    Block = ExAllocatePoolWithQuotaTag(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, BYTES, TAG);
    if (!Block)
        return STATUS_INSUFFICIENT_RESOURCES;
    Block[BYTES - 1] = 1;
    ExFreePoolWithTag(Block, TAG);
    Block = ExAllocatePoolWithQuota(NonPagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, BYTES);
    if (!Block)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePool(Block);
    return STATUS_SUCCESS;
}

INIT_CODE static NTSTATUS LookAside(VOID)
{
    static PAGED_LOOKASIDE_LIST Paged;
    static NPAGED_LOOKASIDE_LIST NonPaged;
    static LOOKASIDE_LIST_EX List;
    PVOID One, Two;

    ExInitializePagedLookasideList(&Paged, NULL, NULL, 0, BYTES, TAG, 0);
    ExInitializeNPagedLookasideList(&NonPaged, NULL, NULL, 0, BYTES, TAG, 0);
    One = ExAllocateFromPagedLookasideList(&Paged);
    Two = ExAllocateFromNPagedLookasideList(&NonPaged);
    EXPECT(!One || One != Two);
    if (One)
        ExFreeToPagedLookasideList(&Paged, One);
    if (Two)
        ExFreeToNPagedLookasideList(&NonPaged, Two);
    ExDeletePagedLookasideList(&Paged);
    ExDeleteNPagedLookasideList(&NonPaged);

    NEED(ExInitializeLookasideListEx(&List, NULL, NULL, NonPagedPool, 0, BYTES, TAG, 0));
    One = ExAllocateFromLookasideListEx(&List);
    if (One)
        ExFreeToLookasideListEx(&List, One);
    ExFlushLookasideListEx(&List);
    ExDeleteLookasideListEx(&List);
    return STATUS_SUCCESS;
}

INIT_CODE static VOID Lists(VOID)
{
    static LIST_ENTRY Head, One, Two;
    static SINGLE_LIST_ENTRY Single, A, B;
    static DECLSPEC_ALIGN(16) SLIST_HEADER Stack;
    static DECLSPEC_ALIGN(16) SLIST_ENTRY S, T;
    PSLIST_ENTRY Chain;

    KeInitializeSpinLock(&Lock);
    InitializeListHead(&Head);
    EXPECT(ExInterlockedRemoveHeadList(&Head, &Lock) == NULL);
    EXPECT(ExInterlockedInsertHeadList(&Head, &One, &Lock) == NULL);
    EXPECT(ExInterlockedInsertHeadList(&Head, &Two, &Lock) == &One && Head.Flink == &Two);
    EXPECT(ExInterlockedRemoveHeadList(&Head, &Lock) == &Two);
    EXPECT(ExInterlockedInsertTailList(&Head, &Two, &Lock) == &One && Head.Blink == &Two);
    EXPECT(ExInterlockedRemoveHeadList(&Head, &Lock) == &One);

    EXPECT(ExInterlockedPopEntryList(&Single, &Lock) == NULL);
    EXPECT(ExInterlockedPushEntryList(&Single, &A, &Lock) == NULL);
    EXPECT(ExInterlockedPushEntryList(&Single, &B, &Lock) == &A);
    EXPECT(ExInterlockedPopEntryList(&Single, &Lock) == &B && Single.Next == &A);

    InitializeSList(&Stack);
    EXPECT(ExQueryDepthSList(&Stack) == 0 && FirstSList(&Stack) == NULL);
    EXPECT(PushEntrySList(&Stack, &S, &Lock) == NULL && PushEntrySList(&Stack, &T, &Lock) == &S);
    EXPECT(ExQueryDepthSList(&Stack) == 2 && FirstSList(&Stack) == &T);
    EXPECT(PopEntrySList(&Stack, &Lock) == &T && ExQueryDepthSList(&Stack) == 1);
    EXPECT(ExpInterlockedPushEntrySList(&Stack, &T) == &S);
    Chain = ExpInterlockedFlushSList(&Stack);
    EXPECT(Chain == &T && T.Next == &S && S.Next == NULL && ExQueryDepthSList(&Stack) == 0);
    EXPECT(ExpInterlockedPopEntrySList(&Stack) == NULL);
    EXPECT(ExpInterlockedFlushSList(&Stack) == NULL);
}

INIT_CODE static VOID Numbers(VOID)
{
    LARGE_INTEGER Big = {.QuadPart = 0xFFFFFFFF}, One = {.QuadPart = 1}, Time, Back;
    ULONG Small = 5, Maximum, Minimum, Current;
    UUID First, Second;

    EXPECT(ExInterlockedAddUlong(&Small, (ULONG)-2, &Lock) == 5 && Small == 3);
    EXPECT(ExInterlockedAddLargeInteger(&Big, One, &Lock).QuadPart == 0xFFFFFFFF);
    EXPECT(Big.QuadPart == 0x100000000ll);
    Time.QuadPart = 130000000000000000ll;
    ExSystemTimeToLocalTime(&Time, &Big);
    ExLocalTimeToSystemTime(&Big, &Back);
    EXPECT(Back.QuadPart == Time.QuadPart);
    EXPECT(ExUuidCreate(&First) == STATUS_SUCCESS && ExUuidCreate(&Second) == STATUS_SUCCESS);
    EXPECT(!SameBytes(&First, &Second, sizeof(UUID)));
    ExQueryTimerResolution(&Maximum, &Minimum, &Current); /* the longest interval, the shortest */
    EXPECT(Maximum >= Current && Current >= Minimum && Minimum > 0);
    EXPECT(ExSetTimerResolution(Minimum, TRUE) >= Minimum);
    EXPECT(ExSetTimerResolution(0, FALSE) <= Maximum);
    EXPECT(ExGetPreviousMode() == KernelMode);
}

INIT_CODE static VOID Resources(VOID)
{
    ERESOURCE_THREAD Me = CurrentThread();
    PVOID Owner = (PVOID)((ULONG_PTR)&Resource | 3); /* an address in system space, two bits set */

    EXPECT(ExInitializeResourceLite(&Resource) == STATUS_SUCCESS);
    KeEnterCriticalRegion();
    EXPECT(!ExIsResourceAcquiredExclusiveLite(&Resource) && !ExIsResourceAcquiredSharedLite(&Resource));
    EXPECT(ExAcquireResourceExclusiveLite(&Resource, FALSE));
    EXPECT(ExAcquireResourceExclusiveLite(&Resource, FALSE)); /* once more by its owner */
    EXPECT(ExIsResourceAcquiredExclusiveLite(&Resource));
    EXPECT(ExIsResourceAcquiredSharedLite(&Resource) == 2); /* exclusive owners count as well */
    EXPECT(ExAcquireResourceSharedLite(&Resource, FALSE));
    EXPECT(ExGetExclusiveWaiterCount(&Resource) == 0 && ExGetSharedWaiterCount(&Resource) == 0);
    ExReleaseResourceLite(&Resource);
    ExReleaseResourceLite(&Resource);
    ExConvertExclusiveToSharedLite(&Resource);
    EXPECT(!ExIsResourceAcquiredExclusiveLite(&Resource) && ExIsResourceAcquiredSharedLite(&Resource));
    EXPECT(!ExAcquireResourceExclusiveLite(&Resource, FALSE)); /* shared, by ourselves even */
    EXPECT(ExAcquireSharedStarveExclusive(&Resource, FALSE));
    EXPECT(ExAcquireSharedWaitForExclusive(&Resource, FALSE));
    EXPECT(ExIsResourceAcquiredSharedLite(&Resource) == 3);
    ExReleaseResourceLite(&Resource);
    ExReleaseResourceLite(&Resource);
    ExReleaseResourceForThreadLite(&Resource, Me);
    EXPECT(ExIsResourceAcquiredSharedLite(&Resource) == 0);

    EXPECT(ExAcquireResourceExclusiveLite(&Resource, TRUE));
    ExSetResourceOwnerPointer(&Resource, Owner);
    EXPECT(!ExIsResourceAcquiredExclusiveLite(&Resource)); /* not this thread's any more */
    ExReleaseResourceForThreadLite(&Resource, (ERESOURCE_THREAD)Owner);
    KeLeaveCriticalRegion();

    EXPECT(ExReinitializeResourceLite(&Resource) == STATUS_SUCCESS);
    ExEnterCriticalRegionAndAcquireResourceExclusive(&Resource);
    EXPECT(KeAreApcsDisabled() && ExIsResourceAcquiredExclusiveLite(&Resource));
    ExReleaseResourceAndLeaveCriticalRegion(&Resource);
    EXPECT(!KeAreApcsDisabled());
    ExEnterCriticalRegionAndAcquireResourceShared(&Resource);
    EXPECT(KeAreApcsDisabled() && ExIsResourceAcquiredSharedLite(&Resource) == 1);
    ExReleaseResourceAndLeaveCriticalRegion(&Resource);
    EXPECT(ExDeleteResourceLite(&Resource) == STATUS_SUCCESS);
}

INIT_CODE static VOID RunDown(VOID)
{
    static EX_RUNDOWN_REF Ref;

    ExInitializeRundownProtection(&Ref);
    EXPECT(ExAcquireRundownProtection(&Ref) && ExAcquireRundownProtectionEx(&Ref, 2));
    ExReleaseRundownProtection(&Ref);
    ExReleaseRundownProtectionEx(&Ref, 2);
    ExWaitForRundownProtectionRelease(&Ref); /* nobody is left */
    EXPECT(!ExAcquireRundownProtection(&Ref) && !ExAcquireRundownProtectionEx(&Ref, 1));
    ExRundownCompleted(&Ref);
    EXPECT(!ExAcquireRundownProtection(&Ref));
    ExReInitializeRundownProtection(&Ref);
    EXPECT(ExAcquireRundownProtection(&Ref));
    ExReleaseRundownProtection(&Ref);
}

static VOID NTAPI OnTimer(PVOID Timer, PVOID Context)
{
    EXPECT(KeGetCurrentIrql() == DISPATCH_LEVEL);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
}

INIT_CODE static NTSTATUS Timers(VOID)
{
    PVOID Timer;

    KeInitializeEvent(&Told, SynchronizationEvent, FALSE);
    if (!(Timer = AllocateTimer(OnTimer, &Told, 0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    EXPECT(!CancelTimer(Timer, NULL));
    EXPECT(!SetTimer(Timer, -600 * 10000000ll, 0, NULL));
    if (!CancelTimer(Timer, NULL)) /* this thread was held up for that long: it expired */
        KeWaitForSingleObject(&Told, Executive, KernelMode, FALSE, NULL);
    EXPECT(!CancelTimer(Timer, NULL));
    EXPECT(!SetTimer(Timer, -10000, 0, NULL));
    KeWaitForSingleObject(&Told, Executive, KernelMode, FALSE, NULL);
    EXPECT(!CancelTimer(Timer, NULL)); /* it has expired */
    SetTimer(Timer, -600 * 10000000ll, 0, NULL);
    DeleteTimer(Timer, TRUE, TRUE, NULL); /* takes it back, or waits for its routine */
    return STATUS_SUCCESS;
}

static VOID NTAPI OnCallback(PVOID Context, PVOID One, PVOID Two)
{
    *(ULONG_PTR *)Context += (ULONG_PTR)One + (ULONG_PTR)Two;
}

INIT_CODE static NTSTATUS Callbacks(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Callback\\RoutinesExecutive");
    OBJECT_ATTRIBUTES Attributes;
    PCALLBACK_OBJECT Object;
    ULONG_PTR Sum = 0;
    PVOID Registration;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    EXPECT(!NT_SUCCESS(ExCreateCallback(&Object, &Attributes, FALSE, TRUE))); /* nobody made it */
    NEED(ExCreateCallback(&Object, &Attributes, TRUE, TRUE));
    Registration = ExRegisterCallback(Object, OnCallback, &Sum);
    if (Registration) {
        ExNotifyCallback(Object, (PVOID)40, (PVOID)2);
        EXPECT(Sum == 42);
        ExUnregisterCallback(Registration);
        ExNotifyCallback(Object, (PVOID)40, (PVOID)2);
        EXPECT(Sum == 42);
    }
    ObDereferenceObject(Object);
    return STATUS_SUCCESS;
}

INIT_CODE static VOID Mutexes(VOID)
{
    static FAST_MUTEX Mutex;
    static KGUARDED_MUTEX Guarded;

    InitializeFastMutex(&Mutex);
    ExAcquireFastMutex(&Mutex);
    EXPECT(KeGetCurrentIrql() == APC_LEVEL && !ExTryToAcquireFastMutex(&Mutex));
    ExReleaseFastMutex(&Mutex);
    EXPECT(KeGetCurrentIrql() == PASSIVE_LEVEL && ExTryToAcquireFastMutex(&Mutex));
    ExReleaseFastMutex(&Mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&Mutex);
    EXPECT(KeGetCurrentIrql() == PASSIVE_LEVEL && !ExTryToAcquireFastMutex(&Mutex));
    ExReleaseFastMutexUnsafe(&Mutex);
    KeLeaveCriticalRegion();

    KeInitializeGuardedMutex(&Guarded);
    KeAcquireGuardedMutex(&Guarded);
    EXPECT(KeAreAllApcsDisabled() && !KeTryToAcquireGuardedMutex(&Guarded));
    KeReleaseGuardedMutex(&Guarded);
    EXPECT(!KeAreAllApcsDisabled() && KeTryToAcquireGuardedMutex(&Guarded));
    KeReleaseGuardedMutex(&Guarded);
    KeEnterGuardedRegion();
    KeAcquireGuardedMutexUnsafe(&Guarded);
    KeReleaseGuardedMutexUnsafe(&Guarded);
    KeLeaveGuardedRegion();
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->DriverUnload = Unload;
    Lists();
    Numbers();
    Resources();
    RunDown();
    Mutexes();
    NEED(Pool());
    NEED(LookAside());
    NEED(Timers());
    NEED(Callbacks());
    return STATUS_SUCCESS;
}

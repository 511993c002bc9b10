/* build: clang -O2 */
/*
 * Dispatcher objects, spin locks, IRQL, timers, device queues and processors, as one thread sees
 * them. Each routine is called by DriverEntry with what its page says about it, and what comes of
 * it is checked; a wrong result stops the machine. What several threads see: lock-kinds.
 */
#include "expect.h"

/* The headers inline these, or make macros of them. */
NTSYSAPI KIRQL NTAPI IMPORT_AS(GetCurrentIrql(VOID), KeGetCurrentIrql);
NTSYSAPI KIRQL NTAPI IMPORT_AS(RaiseToDpc(VOID), KeRaiseIrqlToDpcLevel);
NTSYSAPI VOID NTAPI IMPORT_AS(LowerIrql(KIRQL Irql), KfLowerIrql);
NTSYSAPI VOID NTAPI IMPORT_AS(InitializeSpinLock(PKSPIN_LOCK Lock), KeInitializeSpinLock);
NTSYSAPI KIRQL NTAPI IMPORT_AS(AcquireSpinLock(PKSPIN_LOCK Lock), KfAcquireSpinLock);
NTSYSAPI VOID NTAPI IMPORT_AS(ReleaseSpinLock(PKSPIN_LOCK Lock, KIRQL Irql), KfReleaseSpinLock);
NTSYSAPI PKTHREAD NTAPI IMPORT_AS(GetCurrentThread(VOID), KeGetCurrentThread);
NTSYSAPI VOID NTAPI IMPORT_AS(SystemTime(PLARGE_INTEGER Time), KeQuerySystemTime);
NTSYSAPI VOID NTAPI IMPORT_AS(SystemTimePrecise(PLARGE_INTEGER Time), KeQuerySystemTimePrecise);
NTSYSAPI ULONGLONG NTAPI IMPORT_AS(InterruptTime(VOID), KeQueryInterruptTime);
NTSYSAPI ULONGLONG NTAPI IMPORT_AS(InterruptTimePrecise(PULONG64 Counter), KeQueryInterruptTimePrecise);
NTSYSAPI VOID NTAPI IMPORT_AS(TickCount(PLARGE_INTEGER Count), KeQueryTickCount);
NTSYSAPI VOID NTAPI FsRtlEnterFileSystem(VOID);
NTSYSAPI VOID NTAPI FsRtlExitFileSystem(VOID);

static LARGE_INTEGER Now; /* 0: an interval that is over at once */
static KEVENT Event, Other;
static KMUTEX Mutex;
static KSEMAPHORE Semaphore;
static KTIMER Timer;
static KDPC Dpc;
static KQUEUE Queue;
static KDEVICE_QUEUE DeviceQueue;
static KSPIN_LOCK Lock;
static KBUGCHECK_CALLBACK_RECORD BugCheckRecord;

INIT_CODE static NTSTATUS Poll(PVOID Object)
{
    return KeWaitForSingleObject(Object, Executive, KernelMode, FALSE, &Now);
}

INIT_CODE static VOID Events(VOID)
{
    PVOID Both[2] = {&Event, &Other};

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    EXPECT(KeReadStateEvent(&Event) == 0 && Poll(&Event) == STATUS_TIMEOUT);
    EXPECT(KeSetEvent(&Event, IO_NO_INCREMENT, FALSE) == 0);
    EXPECT(KeSetEvent(&Event, IO_NO_INCREMENT, FALSE) != 0);
    EXPECT(Poll(&Event) == STATUS_SUCCESS && KeReadStateEvent(&Event) != 0);
    EXPECT(KeResetEvent(&Event) != 0 && KeResetEvent(&Event) == 0);
    EXPECT(KePulseEvent(&Event, IO_NO_INCREMENT, FALSE) == 0 && KeReadStateEvent(&Event) == 0);

    KeInitializeEvent(&Other, SynchronizationEvent, TRUE);
    EXPECT(Poll(&Other) == STATUS_SUCCESS && Poll(&Other) == STATUS_TIMEOUT); /* reset by the wait */
    KeSetEvent(&Other, IO_NO_INCREMENT, FALSE);
    EXPECT(KeWaitForMultipleObjects(2, Both, WaitAll, Executive, KernelMode, FALSE, &Now, NULL) ==
           STATUS_TIMEOUT);
    EXPECT(KeReadStateEvent(&Other) != 0); /* nothing is taken unless all is there */
    EXPECT(KeWaitForMultipleObjects(2, Both, WaitAny, Executive, KernelMode, FALSE, NULL, NULL) ==
           STATUS_WAIT_1);
    EXPECT(KeReadStateEvent(&Other) == 0);
    KeSetEvent(&Event, IO_NO_INCREMENT, FALSE);
    KeSetEvent(&Other, IO_NO_INCREMENT, FALSE);
    EXPECT(KeWaitForMultipleObjects(2, Both, WaitAll, Executive, KernelMode, FALSE, NULL, NULL) ==
           STATUS_SUCCESS);
    EXPECT(KeReadStateEvent(&Event) != 0 && KeReadStateEvent(&Other) == 0);
    KeClearEvent(&Event);
    EXPECT(KeReadStateEvent(&Event) == 0);
}

INIT_CODE static VOID Counted(VOID)
{
    KeInitializeMutex(&Mutex, 0);
    EXPECT(KeReadStateMutex(&Mutex) == 1);
    EXPECT(Poll(&Mutex) == STATUS_SUCCESS && KeReadStateMutex(&Mutex) == 0);
    EXPECT(Poll(&Mutex) == STATUS_SUCCESS); /* its owner again */
    EXPECT(KeReleaseMutex(&Mutex, FALSE) != 0 && KeReadStateMutex(&Mutex) != 1);
    EXPECT(KeReleaseMutex(&Mutex, FALSE) == 0 && KeReadStateMutex(&Mutex) == 1);

    KeInitializeSemaphore(&Semaphore, 1, 3);
    EXPECT(KeReadStateSemaphore(&Semaphore) == 1 && Poll(&Semaphore) == STATUS_SUCCESS);
    EXPECT(Poll(&Semaphore) == STATUS_TIMEOUT);
    EXPECT(KeReleaseSemaphore(&Semaphore, IO_NO_INCREMENT, 2, FALSE) == 0);
    EXPECT(KeReleaseSemaphore(&Semaphore, IO_NO_INCREMENT, 1, FALSE) == 2);
    EXPECT(KeReadStateSemaphore(&Semaphore) == 3);
}

INIT_CODE static VOID Queues(VOID)
{
    static LIST_ENTRY One, Two, Three;
    LIST_ENTRY *Left;

    KeInitializeQueue(&Queue, 0);
    EXPECT(KeReadStateQueue(&Queue) == 0);
    EXPECT(KeRemoveQueue(&Queue, KernelMode, &Now) == (PLIST_ENTRY)(ULONG_PTR)STATUS_TIMEOUT);
    EXPECT(KeInsertQueue(&Queue, &One) == 0 && KeInsertQueue(&Queue, &Two) == 1);
    EXPECT(KeInsertHeadQueue(&Queue, &Three) == 2 && KeReadStateQueue(&Queue) == 3);
    EXPECT(KeRemoveQueue(&Queue, KernelMode, NULL) == &Three);
    Left = KeRundownQueue(&Queue);
    EXPECT(Left == &One && Left->Flink == &Two && Two.Flink == &One); /* a ring without its head */
    KeInitializeQueue(&Queue, 0);
    EXPECT(KeRundownQueue(&Queue) == NULL);
}

/* A queue that is not busy does not take the entry, and is busy from then on. */
INIT_CODE static VOID DeviceQueues(VOID)
{
    static KDEVICE_QUEUE_ENTRY One, Two, Three;
    KIRQL Irql = RaiseToDpc();

    KeInitializeDeviceQueue(&DeviceQueue);
    EXPECT(!KeInsertDeviceQueue(&DeviceQueue, &One) && !One.Inserted);
    EXPECT(KeInsertDeviceQueue(&DeviceQueue, &One) && One.Inserted);
    EXPECT(KeInsertByKeyDeviceQueue(&DeviceQueue, &Two, 5));
    EXPECT(KeInsertByKeyDeviceQueue(&DeviceQueue, &Three, 3));
    EXPECT(KeRemoveEntryDeviceQueue(&DeviceQueue, &One));
    EXPECT(!KeRemoveEntryDeviceQueue(&DeviceQueue, &One));
    EXPECT(KeRemoveByKeyDeviceQueue(&DeviceQueue, 4) == &Two); /* the first with that key or above */
    EXPECT(KeRemoveDeviceQueue(&DeviceQueue) == &Three);
    EXPECT(KeRemoveDeviceQueue(&DeviceQueue) == NULL); /* and it is not busy any more */
    EXPECT(!KeInsertDeviceQueue(&DeviceQueue, &One));
    LowerIrql(Irql);
}

INIT_CODE static VOID Timers(VOID)
{
    LARGE_INTEGER Soon = {.QuadPart = -10 * 1000}, Late = {.QuadPart = -600 * 10000000ll};
    ULONGLONG Start, End;

    KeInitializeTimerEx(&Timer, SynchronizationTimer);
    EXPECT(!KeReadStateTimer(&Timer) && !KeCancelTimer(&Timer));
    EXPECT(!KeSetTimerEx(&Timer, Late, 0, NULL));
    if (KeCancelTimer(&Timer))
        EXPECT(!KeReadStateTimer(&Timer));
    else /* this thread was held up for that long */
        EXPECT(KeReadStateTimer(&Timer));
    EXPECT(!KeCancelTimer(&Timer));
    EXPECT(!KeSetTimerEx(&Timer, Soon, 1, NULL)); /* every millisecond */
    EXPECT(KeWaitForSingleObject(&Timer, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    EXPECT(KeWaitForSingleObject(&Timer, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    EXPECT(KeCancelTimer(&Timer)); /* a periodic timer stays set */
    EXPECT(!KeSetCoalescableTimer(&Timer, Soon, 0, 10, NULL));
    EXPECT(KeWaitForSingleObject(&Timer, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    EXPECT(!KeReadStateTimer(&Timer)); /* the wait took it */

    Start = InterruptTime();
    EXPECT(KeDelayExecutionThread(KernelMode, FALSE, &Soon) == STATUS_SUCCESS);
    End = InterruptTime();
    EXPECT(End - Start >= 10 * 1000);
}

INIT_CODE static VOID Time(VOID)
{
    LARGE_INTEGER One, Two, Frequency;
    ULONG64 Counter, Start;

    SystemTime(&One);
    SystemTimePrecise(&Two);
    EXPECT(One.QuadPart > 125911584000000000ll /* year 2000 */ && Two.QuadPart >= One.QuadPart);
    Start = InterruptTime();
    EXPECT(InterruptTimePrecise(&Counter) >= Start && Counter > 0);
    Start = KeQueryUnbiasedInterruptTime(); /* without the time asleep */
    EXPECT(Start <= InterruptTimePrecise(&Counter));
    TickCount(&One);
    EXPECT((ULONGLONG)One.QuadPart <= InterruptTime() / KeQueryTimeIncrement() + 1);
    One = KeQueryPerformanceCounter(&Frequency);
    EXPECT(Frequency.QuadPart > 0);
    KeStallExecutionProcessor(5);
    Two = KeQueryPerformanceCounter(NULL);
    EXPECT(Two.QuadPart >= One.QuadPart);
}

static RESIDENT_FN VOID SpinLocks(VOID)
{
    KLOCK_QUEUE_HANDLE Handle;
    KIRQL Irql;

    InitializeSpinLock(&Lock);
    EXPECT(KeTestSpinLock(&Lock));
    Irql = AcquireSpinLock(&Lock);
    EXPECT(Irql == PASSIVE_LEVEL && GetCurrentIrql() == DISPATCH_LEVEL && !KeTestSpinLock(&Lock));
    EXPECT(!KeTryToAcquireSpinLockAtDpcLevel(&Lock));
    ReleaseSpinLock(&Lock, Irql);
    EXPECT(GetCurrentIrql() == PASSIVE_LEVEL);
    Irql = RaiseToDpc();
    EXPECT(Irql == PASSIVE_LEVEL && KeTryToAcquireSpinLockAtDpcLevel(&Lock));
    KeReleaseSpinLockFromDpcLevel(&Lock);
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&Lock, &Handle);
    EXPECT(!KeTestSpinLock(&Lock));
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Handle);
    LowerIrql(Irql);
    KeAcquireInStackQueuedSpinLock(&Lock, &Handle);
    EXPECT(GetCurrentIrql() == DISPATCH_LEVEL);
    KeReleaseInStackQueuedSpinLock(&Handle);
    EXPECT(GetCurrentIrql() == PASSIVE_LEVEL && KeTestSpinLock(&Lock));
}

INIT_CODE static VOID Regions(VOID)
{
    KIRQL Irql;

    EXPECT(!KeAreApcsDisabled() && !KeAreAllApcsDisabled());
    KeEnterCriticalRegion();
    KeEnterCriticalRegion();
    KeLeaveCriticalRegion();
    EXPECT(KeAreApcsDisabled() && !KeAreAllApcsDisabled());
    KeLeaveCriticalRegion();
    EXPECT(!KeAreApcsDisabled());
    KeEnterGuardedRegion();
    EXPECT(KeAreApcsDisabled() && KeAreAllApcsDisabled());
    KeLeaveGuardedRegion();
    KeRaiseIrql(APC_LEVEL, &Irql);
    EXPECT(KeAreAllApcsDisabled());
    KeLowerIrql(Irql);
    FsRtlEnterFileSystem();
    EXPECT(KeAreApcsDisabled());
    FsRtlExitFileSystem();
    EXPECT(!KeAreApcsDisabled());
}

INIT_CODE static VOID Processors(VOID)
{
    ULONG Count = KeQueryActiveProcessorCount(NULL), Index;
    PROCESSOR_NUMBER Number;
    GROUP_AFFINITY Group = {0}, Old = {0};
    KAFFINITY Mask, Before;
    USHORT Nodes;

    EXPECT(Count >= 1 && Count == KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS));
    EXPECT(KeQueryMaximumProcessorCount() >= Count);
    EXPECT(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS) >= Count);
    EXPECT(KeQueryActiveGroupCount() >= 1 && KeQueryMaximumGroupCount() >= KeQueryActiveGroupCount());
    Mask = KeQueryActiveProcessors();
    EXPECT(RtlNumberOfSetBitsUlongPtr(Mask) == Count && KeQueryGroupAffinity(0) == Mask);
    KeQueryNodeActiveAffinity(KeQueryHighestNodeNumber(), &Group, &Nodes);
    EXPECT(Group.Mask != 0 && Nodes >= 1);
    for (Index = 0; Index < Count; Index++) {
        EXPECT(KeGetProcessorNumberFromIndex(Index, &Number) == STATUS_SUCCESS);
        EXPECT(KeGetProcessorIndexFromNumber(&Number) == Index);
    }
    EXPECT(KeGetProcessorNumberFromIndex(4096, &Number) == STATUS_INVALID_PARAMETER);
    Number = (PROCESSOR_NUMBER){.Group = 77};
    EXPECT(KeGetProcessorIndexFromNumber(&Number) == INVALID_PROCESSOR_INDEX);
    EXPECT(KeGetCurrentProcessorNumberEx(&Number) < Count);

    KeSetSystemAffinityThread(1);
    KeRevertToUserAffinityThread();
    Before = KeSetSystemAffinityThreadEx(1);
    EXPECT(Before == 0); /* no affinity was set before */
    EXPECT(KeSetSystemAffinityThreadEx(Mask) == 1);
    KeRevertToUserAffinityThreadEx(1);
    KeRevertToUserAffinityThreadEx(Before);
    Group = (GROUP_AFFINITY){.Mask = 1};
    KeSetSystemGroupAffinityThread(&Group, &Old);
    KeRevertToUserGroupAffinityThread(&Old);
    EXPECT(KeQueryPriorityThread(GetCurrentThread()) > 0);
}

static VOID NTAPI DpcRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXPECT(GetCurrentIrql() == DISPATCH_LEVEL && Argument1 == &Lock && Argument2 == NULL);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI OnBugCheck(PVOID Buffer, ULONG Length)
{
}

INIT_CODE static VOID Calls(VOID)
{
    PKBUGCHECK_CALLBACK_RECORD Record = &BugCheckRecord;
    PROCESSOR_NUMBER Number = {0};

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    KeInitializeDpc(&Dpc, DpcRoutine, &Event);
    KeSetImportanceDpc(&Dpc, HighImportance);
    KeSetTargetProcessorDpc(&Dpc, 0);
    EXPECT(KeSetTargetProcessorDpcEx(&Dpc, &Number) == STATUS_SUCCESS);
    EXPECT(!KeRemoveQueueDpc(&Dpc));
    EXPECT(KeInsertQueueDpc(&Dpc, &Lock, NULL));
    EXPECT(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
    KeFlushQueuedDpcs();
    EXPECT(!KeRemoveQueueDpc(&Dpc));

    KeInitializeCallbackRecord(Record);
    EXPECT(!KeDeregisterBugCheckCallback(Record));
    EXPECT(KeRegisterBugCheckCallback(Record, OnBugCheck, NULL, 0, (PUCHAR) "routines"));
    EXPECT(!KeRegisterBugCheckCallback(Record, OnBugCheck, NULL, 0, (PUCHAR) "routines"));
    EXPECT(KeDeregisterBugCheckCallback(Record));
}

INIT_CODE static VOID Threads(VOID)
{
    PKTHREAD Thread = GetCurrentThread();
    KPRIORITY Old;

    EXPECT(Thread == (PKTHREAD)PsGetCurrentThread());
    Old = KeSetPriorityThread(Thread, 12);
    EXPECT(KeQueryPriorityThread(Thread) == 12 && KeSetPriorityThread(Thread, Old) == 12);
    EXPECT(KeSetBasePriorityThread(Thread, 2) == 0 && KeSetBasePriorityThread(Thread, 0) == 2);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->DriverUnload = Unload;
    Events();
    Counted();
    Queues();
    DeviceQueues();
    Timers();
    Time();
    SpinLocks();
    Regions();
    Processors();
    Calls();
    Threads();
    return STATUS_SUCCESS;
}

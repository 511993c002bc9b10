/* build: gcc -O2 */
/*
 * Two counts that have to be equal whenever a lock is free, once for each kind of lock. A write
 * raises both, the second one late; a read, which takes the lock shared where it has shared owners,
 * checks them. A lock that lets two in stops the machine.
 */
#include "expect.h"

NTSYSAPI VOID NTAPI ExInitializePushLock(PEX_PUSH_LOCK Lock);
NTSYSAPI VOID NTAPI ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK Lock, ULONG Flags);
NTSYSAPI VOID NTAPI ExAcquirePushLockSharedEx(PEX_PUSH_LOCK Lock, ULONG Flags);
NTSYSAPI VOID NTAPI ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK Lock, ULONG Flags);
NTSYSAPI VOID NTAPI ExReleasePushLockSharedEx(PEX_PUSH_LOCK Lock, ULONG Flags);
typedef volatile LONG SHARED_SPIN_LOCK;
NTSYSAPI KIRQL NTAPI ExAcquireSpinLockExclusive(SHARED_SPIN_LOCK *Lock);
NTSYSAPI KIRQL NTAPI ExAcquireSpinLockShared(SHARED_SPIN_LOCK *Lock);
NTSYSAPI VOID NTAPI ExReleaseSpinLockExclusive(SHARED_SPIN_LOCK *Lock, KIRQL Irql);
NTSYSAPI VOID NTAPI ExReleaseSpinLockShared(SHARED_SPIN_LOCK *Lock, KIRQL Irql);
NTSYSAPI VOID NTAPI ExAcquireSpinLockExclusiveAtDpcLevel(SHARED_SPIN_LOCK *Lock);
NTSYSAPI VOID NTAPI ExAcquireSpinLockSharedAtDpcLevel(SHARED_SPIN_LOCK *Lock);
NTSYSAPI VOID NTAPI ExReleaseSpinLockExclusiveFromDpcLevel(SHARED_SPIN_LOCK *Lock);
NTSYSAPI VOID NTAPI ExReleaseSpinLockSharedFromDpcLevel(SHARED_SPIN_LOCK *Lock);

enum { PUSH, RESOURCE, SHARED_SPIN, QUEUED_SPIN, GUARDED, FAST, OWNED, COUNTING, KINDS };

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\LockKinds");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\LockKinds");

static struct {
    volatile LONG First, Second;
} Counts[KINDS];
static EX_PUSH_LOCK PushLock;
static ERESOURCE Resource;
static SHARED_SPIN_LOCK SharedSpinLock;
static KSPIN_LOCK QueuedSpinLock;
static KGUARDED_MUTEX GuardedMutex;
static FAST_MUTEX FastMutex;
static KMUTEX Mutex;
static KSEMAPHORE Semaphore;

/* With the lock held for oneself. Others get a turn at the interlocked operation. */
static RESIDENT_FN VOID Raise(ULONG Kind)
{
    LONG First = InterlockedIncrement(&Counts[Kind].First);

    EXPECT(Counts[Kind].Second == First - 1);
    Counts[Kind].Second = First;
}

static RESIDENT_FN VOID Check(ULONG Kind)
{
    EXPECT(InterlockedCompareExchange(&Counts[Kind].First, 0, 0) == Counts[Kind].Second);
}

static VOID Sleeping(VOID (*Do)(ULONG), BOOLEAN Shared)
{
    KeEnterCriticalRegion();
    if (Shared)
        ExAcquirePushLockSharedEx(&PushLock, 0);
    else
        ExAcquirePushLockExclusiveEx(&PushLock, 0);
    Do(PUSH);
    if (Shared)
        ExReleasePushLockSharedEx(&PushLock, 0);
    else
        ExReleasePushLockExclusiveEx(&PushLock, 0);
    if (Shared)
        ExAcquireResourceSharedLite(&Resource, TRUE);
    else
        ExAcquireResourceExclusiveLite(&Resource, TRUE);
    Do(RESOURCE);
    ExReleaseResourceLite(&Resource);
    KeLeaveCriticalRegion();

    KeAcquireGuardedMutex(&GuardedMutex);
    Do(GUARDED);
    KeReleaseGuardedMutex(&GuardedMutex);
    ExAcquireFastMutex(&FastMutex);
    Do(FAST);
    ExReleaseFastMutex(&FastMutex);
    KeWaitForSingleObject(&Mutex, Executive, KernelMode, FALSE, NULL);
    Do(OWNED);
    KeReleaseMutex(&Mutex, FALSE);
    KeWaitForSingleObject(&Semaphore, Executive, KernelMode, FALSE, NULL);
    Do(COUNTING);
    KeReleaseSemaphore(&Semaphore, IO_NO_INCREMENT, 1, FALSE);
}

static RESIDENT_FN VOID Spinning(VOID (*Do)(ULONG), BOOLEAN Shared)
{
    KLOCK_QUEUE_HANDLE Handle;
    KIRQL Irql;

    if (Shared) {
        Irql = ExAcquireSpinLockShared(&SharedSpinLock);
        Do(SHARED_SPIN);
        ExReleaseSpinLockShared(&SharedSpinLock, Irql);
    } else {
        Irql = ExAcquireSpinLockExclusive(&SharedSpinLock);
        Do(SHARED_SPIN);
        ExReleaseSpinLockExclusive(&SharedSpinLock, Irql);
    }
    KeAcquireInStackQueuedSpinLock(&QueuedSpinLock, &Handle);
    Do(QUEUED_SPIN);
    /* The other way to take the first one, where the IRQL is right already. */
    if (Shared) {
        ExAcquireSpinLockSharedAtDpcLevel(&SharedSpinLock);
        Do(SHARED_SPIN);
        ExReleaseSpinLockSharedFromDpcLevel(&SharedSpinLock);
    } else {
        ExAcquireSpinLockExclusiveAtDpcLevel(&SharedSpinLock);
        Do(SHARED_SPIN);
        ExReleaseSpinLockExclusiveFromDpcLevel(&SharedSpinLock);
    }
    KeReleaseInStackQueuedSpinLock(&Handle);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    Sleeping(Raise, FALSE);
    Spinning(Raise, FALSE);
    return CompleteIrp(Irp, STATUS_SUCCESS, IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    Sleeping(Check, TRUE);
    Spinning(Check, TRUE);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* CREATE, CLEANUP and CLOSE have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
    ExDeleteResourceLite(&Resource);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    Status = IoCreateDevice(Driver, 0, &DeviceName, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    ExInitializePushLock(&PushLock);
    ExInitializeResourceLite(&Resource);
    KeInitializeSpinLock(&QueuedSpinLock);
    KeInitializeGuardedMutex(&GuardedMutex);
    ExInitializeFastMutex(&FastMutex);
    KeInitializeMutex(&Mutex, 0);
    KeInitializeSemaphore(&Semaphore, 1, 1);

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

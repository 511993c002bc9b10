/* build: clang -O2 */
/*
 * Reads wait in a cancel-safe queue until a write hands over a value; a DPC pairs the two.
 *
 * Wrong: DispatchRead looks at the IRP's stack location after IoCsqInsertIrp(). Needs one preemption,
 * between the two: a write and the DPC, or a cancellation, completes the read.
 *
 * Locks: MatchLock guards the ring of values and is taken before QueueLock, which guards the
 * cancel-safe queue. Nothing is completed under either of them.
 */
#include "driver.h"

#define RING_SIZE 16 /* values written and not yet read; a power of two */

typedef struct {
    IO_CSQ Csq;
    KSPIN_LOCK QueueLock;
    LIST_ENTRY Queue;
    KDPC Dpc;
    KSPIN_LOCK MatchLock;
    ULONG Head, Tail;
    ULONG Ring[RING_SIZE];
    LONG Asked; /* bytes that reads had room for */
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\IrpTouchedAfterCompletionCsq");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\IrpTouchedAfterCompletionCsq");

static VOID NTAPI CsqInsert(PIO_CSQ Csq, PIRP Irp)
{
    EXTENSION *Ext = CONTAINING_RECORD(Csq, EXTENSION, Csq);
    InsertTailList(&Ext->Queue, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI CsqRemove(PIO_CSQ Csq, PIRP Irp)
{
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* PeekContext is the file object whose reads are wanted, or NULL for any. */
static PIRP NTAPI CsqPeekNext(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext)
{
    EXTENSION *Ext = CONTAINING_RECORD(Csq, EXTENSION, Csq);
    PLIST_ENTRY Entry = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Ext->Queue.Flink;

    for (; Entry != &Ext->Queue; Entry = Entry->Flink) {
        PIRP Next = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (!PeekContext || IoGetCurrentIrpStackLocation(Next)->FileObject == PeekContext)
            return Next;
    }
    return NULL;
}

static VOID NTAPI CsqLock(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&CONTAINING_RECORD(Csq, EXTENSION, Csq)->QueueLock, Irql);
}

static VOID NTAPI CsqUnlock(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&CONTAINING_RECORD(Csq, EXTENSION, Csq)->QueueLock, Irql);
}

static VOID NTAPI CsqCompleteCanceled(PIO_CSQ Csq, PIRP Irp)
{
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

/* Pairs values with waiting reads, oldest with oldest, until one of the two runs out. */
static VOID NTAPI MatchDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *Ext = Context;

    for (;;) {
        PIRP Irp = NULL;
        ULONG Value = 0;

        KeAcquireSpinLockAtDpcLevel(&Ext->MatchLock);
        if (Ext->Head != Ext->Tail) {
            Irp = IoCsqRemoveNextIrp(&Ext->Csq, NULL);
            if (Irp)
                Value = Ext->Ring[Ext->Head++ % RING_SIZE];
        }
        KeReleaseSpinLockFromDpcLevel(&Ext->MatchLock);

        if (!Irp)
            return;
        *(ULONG *)Irp->AssociatedIrp.SystemBuffer = Value;
        CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
    }
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    if (Stack->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);

    IoCsqInsertIrp(&Ext->Csq, Irp, NULL);
    /* BUG: Stack is a part of the IRP, and that is not ours any more. */
    InterlockedExchangeAdd(&Ext->Asked, (LONG)Stack->Parameters.Read.Length);
    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    BOOLEAN Full;
    KIRQL Irql;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);

    KeAcquireSpinLock(&Ext->MatchLock, &Irql);
    Full = Ext->Tail - Ext->Head == RING_SIZE;
    if (!Full)
        Ext->Ring[Ext->Tail++ % RING_SIZE] = *(ULONG *)Irp->AssociatedIrp.SystemBuffer;
    KeReleaseSpinLock(&Ext->MatchLock, Irql);

    if (Full)
        return CompleteIrp(Irp, STATUS_DEVICE_BUSY, 0);
    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
}

/* CREATE, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PVOID File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP Waiting;

    while ((Waiting = IoCsqRemoveNextIrp(&Ext->Csq, File)) != NULL)
        CompleteIrp(Waiting, STATUS_CANCELLED, 0);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    EXTENSION *Ext = Driver->DeviceObject->DeviceExtension;

    KeRemoveQueueDpc(&Ext->Dpc);
    KeFlushQueuedDpcs(); /* one may be running on another processor */
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    Status = IoCreateDevice(Driver, sizeof(EXTENSION), &DeviceName, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;

    Ext = Device->DeviceExtension;
    InitializeListHead(&Ext->Queue);
    KeInitializeSpinLock(&Ext->QueueLock);
    KeInitializeSpinLock(&Ext->MatchLock);
    KeInitializeDpc(&Ext->Dpc, MatchDpc, Ext);
    Status = IoCsqInitialize(&Ext->Csq, CsqInsert, CsqRemove, CsqPeekNext, CsqLock, CsqUnlock,
                             CsqCompleteCanceled);
    if (NT_SUCCESS(Status))
        Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

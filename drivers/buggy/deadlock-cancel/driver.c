/* build: clang -O2 */
/*
 * Reads wait in a hand-made queue until writes release them, one each; a DPC completes them with a
 * running number.
 *
 * Wrong: the cancel routine acquires the queue's lock with the system's cancel lock held, and
 * whoever dequeues a read acquires them the other way round. Needs two processors and one
 * preemption: a cancellation that has the cancel lock, the DPC that has the queue's.
 */
#include "driver.h"

typedef struct {
    KSPIN_LOCK Lock;
    LIST_ENTRY Queue;
    KDPC Dpc;
    ULONG Released; /* writes that no read has been completed for */
    ULONG Number;   /* of reads completed */
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\DeadlockCancel");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\DeadlockCancel");

/* The oldest read that is not being cancelled, or NULL. Called with the lock held. */
static PIRP Dequeue(EXTENSION *Ext)
{
    while (!IsListEmpty(&Ext->Queue)) {
        PLIST_ENTRY Entry = RemoveHeadList(&Ext->Queue);
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        PDRIVER_CANCEL Routine;
        KIRQL Irql;

        IoAcquireCancelSpinLock(&Irql); /* BUG: CancelRead() has this one and waits for Lock. */
        Routine = IoSetCancelRoutine(Irp, NULL);
        IoReleaseCancelSpinLock(Irql);
        if (Routine)
            return Irp;
        InitializeListHead(Entry); /* so that the cancel routine can take it out once more */
    }
    return NULL;
}

static VOID NTAPI CancelRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    KeAcquireSpinLockAtDpcLevel(&Ext->Lock);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLockFromDpcLevel(&Ext->Lock);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static VOID NTAPI ReadDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *Ext = Context;

    for (;;) {
        PIRP Irp = NULL;
        ULONG Number = 0;

        KeAcquireSpinLockAtDpcLevel(&Ext->Lock);
        if (Ext->Released && (Irp = Dequeue(Ext)) != NULL) {
            Ext->Released--;
            Number = ++Ext->Number;
        }
        KeReleaseSpinLockFromDpcLevel(&Ext->Lock);

        if (!Irp)
            return;
        *(ULONG *)Irp->AssociatedIrp.SystemBuffer = Number;
        CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
    }
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);

    IoMarkIrpPending(Irp);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    IoSetCancelRoutine(Irp, CancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
        /* Cancelled before there was a routine to call: nobody else will complete it. */
        KeReleaseSpinLock(&Ext->Lock, Irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    InsertTailList(&Ext->Queue, &Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&Ext->Lock, Irql);

    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->Released++;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return CompleteIrp(Irp, STATUS_SUCCESS, Length);
}

/* Takes the handle's reads out of the queue, then completes them without the lock. */
static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PLIST_ENTRY Entry, Next;
    LIST_ENTRY Taken;
    KIRQL Irql;

    InitializeListHead(&Taken);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    for (Entry = Ext->Queue.Flink; Entry != &Ext->Queue; Entry = Next) {
        PIRP Waiting = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        Next = Entry->Flink;
        if (IoGetCurrentIrpStackLocation(Waiting)->FileObject != File)
            continue;
        if (!IoSetCancelRoutine(Waiting, NULL))
            continue;
        RemoveEntryList(Entry);
        InsertTailList(&Taken, Entry);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);

    while (!IsListEmpty(&Taken)) {
        Entry = RemoveHeadList(&Taken);
        CompleteIrp(CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry), STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* CREATE, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
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
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }

    Ext = Device->DeviceExtension;
    KeInitializeSpinLock(&Ext->Lock);
    InitializeListHead(&Ext->Queue);
    KeInitializeDpc(&Ext->Dpc, ReadDpc, Ext);

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

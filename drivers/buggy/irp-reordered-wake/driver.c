/* build: gcc -O2 */
/*
 * Function driver whose reads wait for writes, which answer the oldest. While the device is held - the
 * system sleeps, or plug and play has it stopped or asks whether it may be - reads wait in Offline, and
 * nothing is answered. When the system wakes, the request that says so is completed at once, and a work
 * item moves the held reads back to Active; when plug and play lets go, its own thread does.
 *
 * Wrong: a read that was taken for that when the device is held once more is held like a new one: behind
 * those that came after it. Needs reads in flight, a system that wakes, and a query-stop while the work
 * item runs.
 */
#include "driver.h"

typedef struct {
    PDEVICE_OBJECT Lower;
    KSPIN_LOCK Lock; /* guards what follows */
    BOOLEAN Held;
    BOOLEAN Gone;
    BOOLEAN Replaying; /* somebody moves reads from Offline to Active, or is about to */
    LIST_ENTRY Active;
    LIST_ENTRY Offline;
    ULONG Answers;

    PIO_WORKITEM Replayer;
    KEVENT Replayed; /* set while Replaying is FALSE */
} EXTENSION;

/* --- the queues; called with the lock held, unless they say otherwise --- */

/* The oldest read that is not being cancelled, or NULL. */
static PIRP Dequeue(PLIST_ENTRY Queue)
{
    while (!IsListEmpty(Queue)) {
        PLIST_ENTRY Entry = RemoveHeadList(Queue);
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (IoSetCancelRoutine(Irp, NULL))
            return Irp;
        InitializeListHead(Entry); /* so that the cancel routine can take it out once more */
    }
    return NULL;
}

static VOID NTAPI CancelRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&Ext->Lock, Irql);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

/* Decides where a read waits, a new one or one that is replayed; called without the lock. */
static VOID Enqueue(EXTENSION *Ext, PIRP Irp, BOOLEAN Replayed)
{
    NTSTATUS Status = STATUS_PENDING;
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    IoSetCancelRoutine(Irp, CancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
        Status = STATUS_CANCELLED;
    } else if (Ext->Gone) {
        if (IoSetCancelRoutine(Irp, NULL))
            Status = STATUS_DELETE_PENDING;
        else
            InitializeListHead(&Irp->Tail.Overlay.ListEntry); /* for its cancel routine */
    } else if (Ext->Held || (Ext->Replaying && !Replayed)) {
        /* BUG: one that is replayed is older than all that are held, and belongs at their head */
        InsertTailList(&Ext->Offline, &Irp->Tail.Overlay.ListEntry);
    } else {
        InsertTailList(&Ext->Active, &Irp->Tail.Overlay.ListEntry);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);
    if (Status != STATUS_PENDING)
        CompleteIrp(Irp, Status, 0);
}

/* Completes the reads that wait in a queue, of one file object or all (NULL); without the lock. */
static VOID Flush(EXTENSION *Ext, PLIST_ENTRY Queue, PFILE_OBJECT File, NTSTATUS Status)
{
    PLIST_ENTRY Entry, Next;
    LIST_ENTRY Taken;
    KIRQL Irql;

    InitializeListHead(&Taken);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    for (Entry = Queue->Flink; Entry != Queue; Entry = Next) {
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        Next = Entry->Flink;
        if (File && IoGetCurrentIrpStackLocation(Irp)->FileObject != File)
            continue;
        if (!IoSetCancelRoutine(Irp, NULL))
            continue; /* its cancel routine is on its way */
        RemoveEntryList(Entry);
        InsertTailList(&Taken, Entry);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);

    while (!IsListEmpty(&Taken)) {
        Entry = RemoveHeadList(&Taken);
        CompleteIrp(CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry), Status, 0);
    }
}

/* --- holding; called without the lock --- */

/* From here on reads wait in Offline, those of Active before those that came while it was replayed. */
static VOID Hold(EXTENSION *Ext)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->Held = TRUE;
    while (!IsListEmpty(&Ext->Active))
        InsertHeadList(&Ext->Offline, RemoveTailList(&Ext->Active));
    KeReleaseSpinLock(&Ext->Lock, Irql);
}

/* Moves reads from Offline to Active, oldest first, until there is none or the device is held. */
static VOID Replay(EXTENSION *Ext)
{
    KIRQL Irql;
    PIRP Irp;

    for (;;) {
        KeAcquireSpinLock(&Ext->Lock, &Irql);
        Irp = Ext->Held ? NULL : Dequeue(&Ext->Offline);
        if (!Irp) {
            Ext->Replaying = FALSE;
            KeSetEvent(&Ext->Replayed, IO_NO_INCREMENT, FALSE);
        }
        KeReleaseSpinLock(&Ext->Lock, Irql);
        if (!Irp)
            return;
        Enqueue(Ext, Irp, TRUE);
    }
}

static VOID NTAPI ReplayLater(PDEVICE_OBJECT Device, PVOID Context)
{
    Replay(Device->DeviceExtension);
}

/* The device is not held any more. True if the caller is to see that held reads are replayed. */
static BOOLEAN Release(EXTENSION *Ext)
{
    BOOLEAN Mine;
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->Held = FALSE;
    Mine = !Ext->Replaying;
    Ext->Replaying = TRUE;
    KeClearEvent(&Ext->Replayed);
    KeReleaseSpinLock(&Ext->Lock, Irql);
    return Mine;
}

/* The device is gone: all that wait fail, and nobody replays any more. */
static VOID Shut(EXTENSION *Ext, NTSTATUS Status)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->Gone = TRUE;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    Flush(Ext, &Ext->Active, NULL, Status);
    Flush(Ext, &Ext->Offline, NULL, Status);
    KeWaitForSingleObject(&Ext->Replayed, Executive, KernelMode, FALSE, NULL);
}

/* --- requests --- */

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
    IoMarkIrpPending(Irp);
    Enqueue(Device->DeviceExtension, Irp, FALSE);
    return STATUS_PENDING;
}

/* A write answers the oldest read, if there is one that may be answered. */
static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Answer;
    KIRQL Irql;
    PIRP Read;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Read = Dequeue(&Ext->Active);
    Answer = ++Ext->Answers;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    if (Read) {
        *(PULONG)Read->AssociatedIrp.SystemBuffer = Answer;
        CompleteIrp(Read, STATUS_SUCCESS, sizeof(ULONG));
    }
    return CompleteIrp(Irp, STATUS_SUCCESS,
                       IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length);
}

/* CREATE, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;

    Flush(Ext, &Ext->Active, File, STATUS_CANCELLED);
    Flush(Ext, &Ext->Offline, File, STATUS_CANCELLED);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* --- plug and play, power --- */

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status;

    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE: /* the bus goes first */
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = IoForwardIrpSynchronously(Ext->Lower, Irp) ? Irp->IoStatus.Status
                                                            : STATUS_UNSUCCESSFUL;
        if (NT_SUCCESS(Status) && Release(Ext))
            Replay(Ext);
        return CompleteIrp(Irp, Status, 0);

    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_STOP_DEVICE:
        Hold(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_SURPRISE_REMOVAL:
        Shut(Ext, STATUS_DEVICE_DOES_NOT_EXIST);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        Shut(Ext, STATUS_DELETE_PENDING);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Ext->Lower, Irp);
        IoDetachDevice(Ext->Lower);
        IoFreeWorkItem(Ext->Replayer);
        IoDeleteDevice(Device);
        return Status;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Ext->Lower, Irp);
}

/* The drivers below know that the system works again. */
static NTSTATUS NTAPI WokenUp(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EXTENSION *Ext = Device->DeviceExtension;

    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    if (Release(Ext))
        IoQueueWorkItem(Ext->Replayer, ReplayLater, DelayedWorkQueue, NULL);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    PoStartNextPowerIrp(Irp);
    if (Stack->MinorFunction == IRP_MN_SET_POWER &&
        Stack->Parameters.Power.Type == SystemPowerState) {
        if (Stack->Parameters.Power.State.SystemState == PowerSystemWorking) {
            IoCopyCurrentIrpStackLocationToNext(Irp);
            IoSetCompletionRoutine(Irp, WokenUp, NULL, TRUE, TRUE, TRUE);
            return PoCallDriver(Ext->Lower, Irp);
        }
        Hold(Ext);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(Ext->Lower, Irp);
}

static PAGED_FN NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    PAGED_CODE();
    Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;

    Ext = Device->DeviceExtension;
    KeInitializeSpinLock(&Ext->Lock);
    InitializeListHead(&Ext->Active);
    InitializeListHead(&Ext->Offline);
    Ext->Held = TRUE;
    KeInitializeEvent(&Ext->Replayed, NotificationEvent, TRUE);
    Ext->Replayer = IoAllocateWorkItem(Device);
    if (!Ext->Replayer) {
        IoDeleteDevice(Device);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoFreeWorkItem(Ext->Replayer);
        IoDeleteDevice(Device);
        return STATUS_NO_SUCH_DEVICE;
    }
    Device->Flags |= DO_BUFFERED_IO | (Ext->Lower->Flags & DO_POWER_PAGABLE);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    /* Every device has been removed by now, and with it everything that this driver had. */
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

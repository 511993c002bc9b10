/* build: gcc -O2 */
/*
 * Function driver that performs one request at a time and has two queues: Active, for requests that
 * wait for the device, and Offline, for those held back while plug and play has the device stopped or
 * asks whether it may be. Query-stop withdraws what is in Active into Offline; when the device may be
 * used again, a work item replays Offline, oldest first. Registers are used by the DPC of Current
 * only; before they go, Hold() waits until no request is outstanding.
 *
 * Wrong: the order of requests is lost in two ways. One is withdrawn after State was set and the lock
 * given back, so that a request which arrives between is in Offline before it. And one that was taken
 * for replay while State goes back to Hold is put back at the tail, behind those that came after it.
 * Needs requests in flight over a stop: the first way if one arrives at the wrong moment,
 * the second if the device is stopped again while the work item runs.
 */
#include "driver.h"
#include "benchdev.h"

typedef enum {
    Hold,  /* requests go to Offline; also before the first start */
    Allow, /* requests are performed, once Offline is empty */
    Fail   /* requests are refused: the device has been removed */
} STATE;

typedef struct {
    PDEVICE_OBJECT Lower;
    PUCHAR Registers;

    KSPIN_LOCK Lock; /* guards what follows */
    STATE State;
    BOOLEAN Replaying; /* the work item is queued or runs */
    LIST_ENTRY Active;
    LIST_ENTRY Offline;
    PIRP Current;
    ULONG Outstanding; /* 1 while there is a Current */

    KDPC Dpc;
    PIO_WORKITEM Replay;
    KEVENT Idle;     /* set while Outstanding is 0 */
    KEVENT Replayed; /* set while Replaying is FALSE */
} EXTENSION;

/* --- the queues --- */

/* The oldest request that is not being cancelled, or NULL. Called with the lock held. */
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

static VOID NTAPI CancelRequest(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&Ext->Lock, Irql);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

/* Makes a request ready to wait in a queue; FALSE if it was cancelled before. With the lock held. */
static BOOLEAN MayWait(PIRP Irp)
{
    IoSetCancelRoutine(Irp, CancelRequest);
    return !Irp->Cancel || !IoSetCancelRoutine(Irp, NULL);
}

/* Makes the oldest request current, if one may be. Called with the lock held. */
static VOID StartNext(EXTENSION *Ext)
{
    if (Ext->State != Allow || Ext->Current)
        return;
    Ext->Current = Dequeue(&Ext->Active);
    if (Ext->Current) {
        Ext->Outstanding = 1;
        KeClearEvent(&Ext->Idle);
        KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    }
}

/* Completes the requests that wait in a queue, of one file object or all (NULL). */
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

/* Moves what waits for the device to Offline. */
static VOID WithdrawActive(EXTENSION *Ext)
{
    LIST_ENTRY Cancelled;
    KIRQL Irql;
    PIRP Irp;

    InitializeListHead(&Cancelled);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    while ((Irp = Dequeue(&Ext->Active)) != NULL) {
        PLIST_ENTRY To = MayWait(Irp) ? &Ext->Offline : &Cancelled;
        InsertTailList(To, &Irp->Tail.Overlay.ListEntry);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);

    while (!IsListEmpty(&Cancelled)) {
        PLIST_ENTRY Entry = RemoveHeadList(&Cancelled);
        CompleteIrp(CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry), STATUS_CANCELLED, 0);
    }
}

/* --- performing requests --- */

/* Performs the current request, and makes the next one current. */
static VOID NTAPI RequestDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *Ext = Context;
    PIRP Irp = Ext->Current; /* nobody else changes it while it is not NULL */
    PULONG Buffer = Irp->AssociatedIrp.SystemBuffer;

    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_READ)
        *Buffer = READ_REGISTER_ULONG((PULONG)(Ext->Registers + BENCHDEV_DATA_IN));
    else
        WRITE_REGISTER_ULONG((PULONG)(Ext->Registers + BENCHDEV_DATA_OUT), *Buffer);
    CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));

    KeAcquireSpinLockAtDpcLevel(&Ext->Lock);
    Ext->Current = NULL;
    Ext->Outstanding = 0;
    StartNext(Ext);
    if (!Ext->Outstanding)
        KeSetEvent(&Ext->Idle, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLockFromDpcLevel(&Ext->Lock);
}

/* Gives the held requests to the device, oldest first. */
static VOID NTAPI ReplayOffline(PDEVICE_OBJECT Device, PVOID Context)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status;
    KIRQL Irql;
    PIRP Irp;

    for (;;) {
        KeAcquireSpinLock(&Ext->Lock, &Irql);
        Irp = Ext->State == Hold ? NULL : Dequeue(&Ext->Offline);
        if (!Irp) {
            Ext->Replaying = FALSE;
            KeSetEvent(&Ext->Replayed, IO_NO_INCREMENT, FALSE);
            KeReleaseSpinLock(&Ext->Lock, Irql);
            return;
        }
        /* From here on nobody knows that this request is older than those in Offline. */
        KeReleaseSpinLock(&Ext->Lock, Irql);

        Status = STATUS_PENDING;
        KeAcquireSpinLock(&Ext->Lock, &Irql);
        if (Ext->State == Fail) {
            Status = STATUS_DELETE_PENDING;
        } else if (!MayWait(Irp)) {
            Status = STATUS_CANCELLED;
        } else if (Ext->State == Hold) {
            InsertTailList(&Ext->Offline, &Irp->Tail.Overlay.ListEntry); /* BUG: not at the head */
        } else {
            InsertTailList(&Ext->Active, &Irp->Tail.Overlay.ListEntry);
            StartNext(Ext);
        }
        KeReleaseSpinLock(&Ext->Lock, Irql);
        if (Status != STATUS_PENDING)
            CompleteIrp(Irp, Status, 0);
    }
}

/* Lets no further request start, and returns when none is outstanding any more. */
static VOID SetState(EXTENSION *Ext, STATE State)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->State = State;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    WithdrawActive(Ext); /* wrong, too: requests that arrived since are in Offline */
    KeWaitForSingleObject(&Ext->Idle, Executive, KernelMode, FALSE, NULL);
    KeFlushQueuedDpcs(); /* the DPC that set the event may still be releasing the lock */
}

/* Goes on with what was held, if the device has its resources. */
static VOID Resume(PDEVICE_OBJECT Device)
{
    EXTENSION *Ext = Device->DeviceExtension;
    BOOLEAN Queue = FALSE;
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    if (Ext->Registers) {
        Ext->State = Allow;
        Queue = !Ext->Replaying;
        Ext->Replaying = TRUE;
        KeClearEvent(&Ext->Replayed);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);
    if (Queue)
        IoQueueWorkItem(Ext->Replay, ReplayOffline, DelayedWorkQueue, NULL);
}

/* The device is gone: no request starts, all that wait fail, and the work item is done. */
static VOID Shut(EXTENSION *Ext, NTSTATUS Status)
{
    SetState(Ext, Fail);
    Flush(Ext, &Ext->Offline, NULL, Status);
    KeWaitForSingleObject(&Ext->Replayed, Executive, KernelMode, FALSE, NULL);
}

/* --- requests --- */

/* READ and WRITE: one register each. */
static NTSTATUS NTAPI DispatchQueue(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = STATUS_PENDING;
    KIRQL Irql;

    /* Read and Write have their lengths at the same place. */
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    if (Ext->State == Fail) {
        KeReleaseSpinLock(&Ext->Lock, Irql);
        return CompleteIrp(Irp, STATUS_DELETE_PENDING, 0);
    }
    IoMarkIrpPending(Irp);
    /* While older requests are held, or being replayed, this one has to wait behind them. */
    if (!MayWait(Irp)) {
        Status = STATUS_CANCELLED;
    } else if (Ext->State == Hold || Ext->Replaying) {
        InsertTailList(&Ext->Offline, &Irp->Tail.Overlay.ListEntry);
    } else {
        InsertTailList(&Ext->Active, &Irp->Tail.Overlay.ListEntry);
        StartNext(Ext);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);

    if (Status == STATUS_CANCELLED)
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
    return STATUS_PENDING;
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

/* --- plug and play --- */

static VOID Unmap(EXTENSION *Ext)
{
    if (Ext->Registers)
        MmUnmapIoSpace(Ext->Registers, BENCHDEV_BAR_SIZE);
    Ext->Registers = NULL;
}

static PAGED_FN NTSTATUS Map(EXTENSION *Ext, PCM_RESOURCE_LIST Resources)
{
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Each;
    PCM_PARTIAL_RESOURCE_LIST List;
    ULONG Index;

    PAGED_CODE();
    if (!Resources || Resources->Count != 1)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    /* By pointer: the array is declared with one element, and a compiler may count on that. */
    List = &Resources->List[0].PartialResourceList;
    Each = List->PartialDescriptors;
    for (Index = 0; Index < List->Count; Index++, Each++) {
        if (Each->Type != CmResourceTypeMemory || Each->u.Memory.Length < BENCHDEV_BAR_SIZE)
            continue;
        Ext->Registers = MmMapIoSpace(Each->u.Memory.Start, BENCHDEV_BAR_SIZE, MmNonCached);
        return Ext->Registers ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_DEVICE_CONFIGURATION_ERROR;
}

static NTSTATUS PassDownAndWait(EXTENSION *Ext, PIRP Irp)
{
    return IoForwardIrpSynchronously(Ext->Lower, Irp) ? Irp->IoStatus.Status : STATUS_UNSUCCESSFUL;
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status;

    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE: /* the bus starts first */
        Status = PassDownAndWait(Ext, Irp);
        if (NT_SUCCESS(Status))
            Status = Map(Ext, Stack->Parameters.StartDevice.AllocatedResourcesTranslated);
        if (NT_SUCCESS(Status))
            Resume(Device);
        return CompleteIrp(Irp, Status, 0);

    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE: /* the bus goes on first */
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDownAndWait(Ext, Irp);
        Resume(Device);
        return CompleteIrp(Irp, Status, 0);

    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
        SetState(Ext, Hold);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_STOP_DEVICE: /* what waits now is performed after the next start */
        SetState(Ext, Hold);
        Unmap(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_SURPRISE_REMOVAL:
        Shut(Ext, STATUS_DEVICE_DOES_NOT_EXIST);
        Unmap(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        Shut(Ext, STATUS_DELETE_PENDING);
        Unmap(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Ext->Lower, Irp);
        IoDetachDevice(Ext->Lower);
        IoFreeWorkItem(Ext->Replay);
        IoDeleteDevice(Device);
        return Status;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Ext->Lower, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    PoStartNextPowerIrp(Irp);
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
    KeInitializeDpc(&Ext->Dpc, RequestDpc, Ext);
    KeInitializeEvent(&Ext->Idle, NotificationEvent, TRUE);
    KeInitializeEvent(&Ext->Replayed, NotificationEvent, TRUE);
    Ext->Replay = IoAllocateWorkItem(Device);
    if (!Ext->Replay) {
        IoDeleteDevice(Device);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoFreeWorkItem(Ext->Replay);
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
    Driver->MajorFunction[IRP_MJ_READ] = DispatchQueue;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchQueue;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

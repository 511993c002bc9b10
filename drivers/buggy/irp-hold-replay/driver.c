/* build: gcc -O2 */
/* rule: irp-reordered */
/*
 * Function driver with a state that says what becomes of requests - Allow, Hold, Fail - and two queues:
 * Active, for requests that wait for the device, and Offline, for those held back while plug and play
 * has the device stopped or asks whether it may be. Query-stop sets Hold, withdraws what is in Active
 * into Offline and waits until no request is outstanding, for then the registers may go. When the device
 * may be used again, a work item replays Offline, oldest first, through the dispatch routine's own path.
 * A request is outstanding from when it is put into Active or given to the device until it is completed
 * or withdrawn; those in Offline are not.
 *
 * Wrong: the order of requests is lost in two ways. The state is set first and requests are withdrawn
 * afterwards, so that one which arrives between the two is in Offline before them. And a request that
 * was taken for replay when the state goes back to Hold is held like a new one: behind those that came
 * after it. Needs requests in flight over a query-stop: the first way if one arrives at the wrong moment,
 * the second if the device is held again while the work item replays.
 */
#include "driver.h"
#include "benchdev.h"

typedef enum {
    Hold,  /* requests go to Offline; also before the first start */
    Allow, /* requests go to Active, once Offline is empty */
    Fail   /* requests are refused: the device has been removed */
} QUEUE_STATE;

typedef struct {
    PDEVICE_OBJECT Lower;
    PUCHAR Registers;

    KSPIN_LOCK Lock; /* guards what follows */
    QUEUE_STATE State;
    BOOLEAN Replaying; /* the work item is queued or runs */
    LIST_ENTRY Active;
    LIST_ENTRY Offline;
    PIRP Current;
    ULONG Outstanding; /* requests in Active, and Current */

    KDPC Dpc;
    PIO_WORKITEM Replayer;
    KEVENT Idle;     /* set while Outstanding is 0 */
    KEVENT Replayed; /* set while Replaying is FALSE */
} EXTENSION;

/* --- the queues; called with the lock held, unless they say otherwise --- */

/* The oldest request that is not being cancelled, or NULL. */
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

/* A request more, or less, that the device's resources have to wait for. */
static VOID CountOutstanding(EXTENSION *Ext, LONG By)
{
    Ext->Outstanding += By;
    if (Ext->Outstanding)
        KeClearEvent(&Ext->Idle);
    else
        KeSetEvent(&Ext->Idle, IO_NO_INCREMENT, FALSE);
}

static VOID TakeOut(EXTENSION *Ext, PIRP Irp, LONG Counted)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    if (Counted)
        CountOutstanding(Ext, -Counted);
    KeReleaseSpinLock(&Ext->Lock, Irql);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static VOID NTAPI CancelActive(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    TakeOut(Device->DeviceExtension, Irp, 1);
}

static VOID NTAPI CancelOffline(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    TakeOut(Device->DeviceExtension, Irp, 0);
}

/* Puts a request at the end of a queue; FALSE if it was cancelled before. */
static BOOLEAN Enqueue(PLIST_ENTRY Queue, PIRP Irp, PDRIVER_CANCEL Cancel)
{
    IoSetCancelRoutine(Irp, Cancel);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL))
        return FALSE;
    InsertTailList(Queue, &Irp->Tail.Overlay.ListEntry);
    return TRUE;
}

/* Holds a request back. It is not outstanding. */
static RESIDENT_FN BOOLEAN HoldRequest(EXTENSION *Ext, PIRP Irp)
{
    return Enqueue(&Ext->Offline, Irp, CancelOffline);
}

/* Makes the oldest request current, if one may be. */
static VOID StartNext(EXTENSION *Ext)
{
    if (Ext->State != Allow || Ext->Current)
        return;
    Ext->Current = Dequeue(&Ext->Active);
    if (Ext->Current)
        KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
}

/* Decides what becomes of a request, a new one or one that is replayed; called without the lock. */
static NTSTATUS Dispatch(EXTENSION *Ext, PIRP Irp, BOOLEAN Replayed)
{
    NTSTATUS Status = STATUS_PENDING;
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    if (Ext->State == Fail) {
        Status = STATUS_DELETE_PENDING;
    } else if (Ext->State == Hold || (Ext->Replaying && !Replayed)) {
        /* BUG: one that is replayed is older than all that are held, and belongs at their head */
        if (!HoldRequest(Ext, Irp))
            Status = STATUS_CANCELLED;
    } else if (Enqueue(&Ext->Active, Irp, CancelActive)) {
        CountOutstanding(Ext, 1);
        StartNext(Ext);
    } else {
        Status = STATUS_CANCELLED;
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);
    if (Status != STATUS_PENDING)
        CompleteIrp(Irp, Status, 0);
    return STATUS_PENDING;
}

/* Completes the requests that wait in a queue, of one file object or all (NULL); without the lock. */
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
        if (Queue == &Ext->Active)
            CountOutstanding(Ext, -1);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);

    while (!IsListEmpty(&Taken)) {
        Entry = RemoveHeadList(&Taken);
        CompleteIrp(CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry), Status, 0);
    }
}

/* Moves what waits for the device to Offline; without the lock. */
static VOID WithdrawActive(EXTENSION *Ext)
{
    LIST_ENTRY Cancelled;
    KIRQL Irql;
    PIRP Irp;

    InitializeListHead(&Cancelled);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    while ((Irp = Dequeue(&Ext->Active)) != NULL) {
        CountOutstanding(Ext, -1);
        if (!HoldRequest(Ext, Irp))
            InsertTailList(&Cancelled, &Irp->Tail.Overlay.ListEntry);
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
    CountOutstanding(Ext, -1);
    StartNext(Ext);
    KeReleaseSpinLockFromDpcLevel(&Ext->Lock);
}

/* Dispatches the held requests once more, oldest first. */
static VOID NTAPI ReplayOffline(PDEVICE_OBJECT Device, PVOID Context)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;
    PIRP Irp;

    for (;;) {
        KeAcquireSpinLock(&Ext->Lock, &Irql);
        Irp = Ext->State == Hold ? NULL : Dequeue(&Ext->Offline);
        if (!Irp) {
            Ext->Replaying = FALSE;
            KeSetEvent(&Ext->Replayed, IO_NO_INCREMENT, FALSE);
        }
        KeReleaseSpinLock(&Ext->Lock, Irql);
        if (!Irp)
            return;
        Dispatch(Ext, Irp, TRUE);
    }
}

/* Lets no further request start, and returns when none is outstanding any more. */
static VOID SetState(EXTENSION *Ext, QUEUE_STATE State)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->State = State;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    WithdrawActive(Ext); /* wrong, too: requests that arrived since are in Offline already */
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
        IoQueueWorkItem(Ext->Replayer, ReplayOffline, DelayedWorkQueue, NULL);
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
static NTSTATUS NTAPI DispatchReadWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    /* Read and Write have their lengths at the same place. */
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
    IoMarkIrpPending(Irp);
    return Dispatch(Device->DeviceExtension, Irp, FALSE);
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
        IoFreeWorkItem(Ext->Replayer);
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
    Driver->MajorFunction[IRP_MJ_READ] = DispatchReadWrite;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchReadWrite;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

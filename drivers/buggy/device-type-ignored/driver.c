/* build: gcc -O2 */
/*
 * Function driver that performs one request at a time, in the order of arrival, and holds requests
 * back while plug and play has the device stopped or asks whether it may be.
 *
 * A request is in Queue (with a cancel routine), or it is Current (without one, and its DPC is queued
 * or running), or it is completed. Registers may be used only by the DPC of Current; before they go,
 * Hold() keeps a new request from becoming Current and waits for the present one.
 *
 * Wrong: the device type is given to IoCreateDevice only, and not by the INF file.
 * Deterministic: an application asks what it has open, as fopen does.
 */
#include "driver.h"
#include "benchdev.h"

typedef enum {
    Held,    /* requests wait; also before the first start */
    Running, /* requests are performed */
    Gone     /* requests are refused: the device has been removed */
} STATE;

typedef struct {
    PDEVICE_OBJECT Lower;
    PUCHAR Registers;

    KSPIN_LOCK Lock; /* guards State, Queue and Current */
    STATE State;
    LIST_ENTRY Queue;
    PIRP Current;
    KDPC Dpc;
    KEVENT Idle; /* set while Current is NULL */
} EXTENSION;

/* --- the queue --- */

/* The oldest request that is not being cancelled, or NULL. Called with the lock held. */
static PIRP Dequeue(EXTENSION *Ext)
{
    while (!IsListEmpty(&Ext->Queue)) {
        PLIST_ENTRY Entry = RemoveHeadList(&Ext->Queue);
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (IoSetCancelRoutine(Irp, NULL))
            return Irp;
        InitializeListHead(Entry); /* so that the cancel routine can take it out once more */
    }
    return NULL;
}

/* Makes the oldest request current, if one may be. Called with the lock held. */
static VOID StartNext(EXTENSION *Ext)
{
    if (Ext->State != Running || Ext->Current)
        return;
    Ext->Current = Dequeue(Ext);
    if (Ext->Current) {
        KeClearEvent(&Ext->Idle);
        KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    }
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

/* Withdraws the waiting requests of one file object, or of all (NULL). */
static VOID Withdraw(EXTENSION *Ext, PFILE_OBJECT File, NTSTATUS Status)
{
    PLIST_ENTRY Entry, Next;
    LIST_ENTRY Taken;
    KIRQL Irql;

    InitializeListHead(&Taken);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    for (Entry = Ext->Queue.Flink; Entry != &Ext->Queue; Entry = Next) {
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
    StartNext(Ext);
    if (!Ext->Current)
        KeSetEvent(&Ext->Idle, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLockFromDpcLevel(&Ext->Lock);
}

/* Lets no further request start, and returns when none is being performed any more. */
static VOID Hold(EXTENSION *Ext, STATE State)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->State = State;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    KeWaitForSingleObject(&Ext->Idle, Executive, KernelMode, FALSE, NULL);
    KeFlushQueuedDpcs(); /* the DPC that set the event may still be releasing the lock */
}

/* Goes on with what was held, oldest first, if the device has its resources. */
static VOID Resume(EXTENSION *Ext)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    if (Ext->Registers) {
        Ext->State = Running;
        StartNext(Ext);
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);
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
    if (Ext->State == Gone) {
        KeReleaseSpinLock(&Ext->Lock, Irql);
        return CompleteIrp(Irp, STATUS_DELETE_PENDING, 0);
    }
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, CancelRequest);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
        Status = STATUS_CANCELLED; /* before there was a routine to call */
    } else {
        InsertTailList(&Ext->Queue, &Irp->Tail.Overlay.ListEntry);
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
    Withdraw(Device->DeviceExtension, IoGetCurrentIrpStackLocation(Irp)->FileObject,
             STATUS_CANCELLED);
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
            Resume(Ext);
        return CompleteIrp(Irp, Status, 0);

    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE: /* the bus goes on first */
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDownAndWait(Ext, Irp);
        Resume(Ext);
        return CompleteIrp(Irp, Status, 0);

    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
        Hold(Ext, Held);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_STOP_DEVICE: /* what waits now is performed after the next start */
        Hold(Ext, Held);
        Unmap(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_SURPRISE_REMOVAL:
        Hold(Ext, Gone);
        Withdraw(Ext, NULL, STATUS_DEVICE_DOES_NOT_EXIST);
        Unmap(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        Hold(Ext, Gone);
        Withdraw(Ext, NULL, STATUS_DELETE_PENDING);
        Unmap(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Ext->Lower, Irp);
        IoDetachDevice(Ext->Lower);
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
    /* BUG: the physical device object has another type, and that one counts */
    Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, FILE_DEVICE_SERIAL_PORT,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;

    Ext = Device->DeviceExtension;
    KeInitializeSpinLock(&Ext->Lock);
    InitializeListHead(&Ext->Queue);
    KeInitializeDpc(&Ext->Dpc, RequestDpc, Ext);
    KeInitializeEvent(&Ext->Idle, NotificationEvent, TRUE);
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
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

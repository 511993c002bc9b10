/* build: gcc -O2 */
/*
 * A filter that passes everything down and looks at each result on its way back up.
 *
 * Wrong: the filter's own IRP has a location for each driver below, but the filter takes one of
 * them for itself, so that the lowest driver gets none. Deterministic: start.
 */
#include "driver.h"

#define TAG 'tliF'

typedef struct {
    PDEVICE_OBJECT Lower;
    IO_REMOVE_LOCK RemoveLock;
    LONG Passed; /* IRPs that came back up */
    LONG Failed; /* of these, the unsuccessful ones */
} EXTENSION;

/* Lets the IRP go on upwards. */
static NTSTATUS NTAPI PassedUp(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EXTENSION *Ext = Context;

    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    InterlockedIncrement(&Ext->Passed);
    if (!NT_SUCCESS(Irp->IoStatus.Status))
        InterlockedIncrement(&Ext->Failed);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}

/* Stops the IRP here; PassDownAndWait() goes on with it. */
static NTSTATUS NTAPI SignalEvent(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    if (Irp->PendingReturned)
        KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Afterwards the IRP is the filter's again and wants completing. */
static NTSTATUS PassDownAndWait(EXTENSION *Ext, PIRP Irp)
{
    NTSTATUS Status;
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, SignalEvent, &Event, TRUE, TRUE, TRUE);
    Status = IoCallDriver(Ext->Lower, Irp);
    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Irp->IoStatus.Status;
    }
    return Status;
}

/* Asks the drivers below for the device's capabilities, with an IRP of the filter's own. */
static NTSTATUS QueryCapabilities(EXTENSION *Ext, PDEVICE_CAPABILITIES Capabilities)
{
    PIO_STACK_LOCATION Stack;
    NTSTATUS Status;
    KEVENT Event;
    PIRP Irp;

    RtlZeroMemory(Capabilities, sizeof(*Capabilities));
    Capabilities->Size = sizeof(*Capabilities);
    Capabilities->Version = 1;
    Capabilities->Address = MAXULONG;
    Capabilities->UINumber = MAXULONG;

    Irp = IoAllocateIrp(Ext->Lower->StackSize, FALSE); /* BUG: + 1 for the next line. */
    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoSetNextIrpStackLocation(Irp);
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = IRP_MJ_PNP;
    Stack->MinorFunction = IRP_MN_QUERY_CAPABILITIES;
    Stack->Parameters.DeviceCapabilities.Capabilities = Capabilities;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoSetCompletionRoutine(Irp, SignalEvent, &Event, TRUE, TRUE, TRUE);
    if (IoCallDriver(Ext->Lower, Irp) == STATUS_PENDING)
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    Status = Irp->IoStatus.Status;
    IoFreeIrp(Irp);
    return Status;
}

/* Everything but PnP and power. */
static NTSTATUS NTAPI DispatchPass(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, PassedUp, Ext, TRUE, TRUE, TRUE);
    return IoCallDriver(Ext->Lower, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    PoStartNextPowerIrp(Irp);
    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, PassedUp, Ext, TRUE, TRUE, TRUE);
    return PoCallDriver(Ext->Lower, Irp);
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    UCHAR Minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    NTSTATUS Status;

    if (Minor != IRP_MN_START_DEVICE && Minor != IRP_MN_REMOVE_DEVICE)
        return DispatchPass(Device, Irp);

    Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);

    if (Minor == IRP_MN_START_DEVICE) {
        DEVICE_CAPABILITIES Capabilities;

        Status = PassDownAndWait(Ext, Irp);
        if (NT_SUCCESS(Status) && NT_SUCCESS(QueryCapabilities(Ext, &Capabilities)) &&
            Capabilities.Removable)
            Device->Characteristics |= FILE_REMOVABLE_MEDIA; /* known only once it is started */
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
        return Status;
    }

    IoReleaseRemoveLockAndWait(&Ext->RemoveLock, Irp);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Ext->Lower, Irp);
    IoDetachDevice(Ext->Lower);
    IoDeleteDevice(Device);
    return Status;
}

static PAGED_FN NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    PAGED_CODE();
    Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, Pdo->DeviceType, 0, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Ext = Device->DeviceExtension;
    IoInitializeRemoveLock(&Ext->RemoveLock, TAG, 0, 0);
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoDeleteDevice(Device);
        return STATUS_NO_SUCH_DEVICE;
    }
    /* How buffers are passed, and when power may change, is the lower device's to say. */
    Device->Flags |= Ext->Lower->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO | DO_POWER_PAGABLE);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    /* Every device has been removed by now, and with it everything that this driver had. */
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    ULONG Major;

    for (Major = 0; Major <= IRP_MJ_MAXIMUM_FUNCTION; Major++)
        Driver->MajorFunction[Major] = DispatchPass;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

/* build: clang -O2 */
/*
 * A device that its driver may find to have failed: with the control code FAIL it says so to the PnP
 * manager, which asks for the state and then takes the device away as if it had been pulled out. With
 * CHANGED it reports a change to whoever watches the device.
 */
#include "driver.h"

#define TAG 'liaF'
#define IOCTL_FAIL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_CHANGED CTL_CODE(FILE_DEVICE_UNKNOWN, 0x812, METHOD_BUFFERED, FILE_ANY_ACCESS)

/* {d2b4bf61-5f0c-4f7e-8a36-5d1c6a2e9b01} */
static const GUID ChangedGuid = {
    0xd2b4bf61, 0x5f0c, 0x4f7e, {0x8a, 0x36, 0x5d, 0x1c, 0x6a, 0x2e, 0x9b, 0x01}};
/* GUID_TARGET_DEVICE_QUERY_REMOVE: not for drivers to report */
static const GUID SystemsGuid = {
    0xcb3a4006, 0x46f0, 0x11d0, {0xb0, 0x8f, 0x00, 0x60, 0x97, 0x13, 0x05, 0x3f}};

typedef struct {
    PDEVICE_OBJECT Lower, Pdo;
    IO_REMOVE_LOCK RemoveLock;
    volatile LONG Failed;  /* the driver has found out */
    volatile LONG Removed; /* surprise removal came */
} EXTENSION;

static VOID Expect(BOOLEAN Holds, ULONG Line)
{
    if (!Holds)
        KeBugCheckEx(0xE2 /* MANUALLY_INITIATED_CRASH */, Line, 0, 0, 0);
}

static NTSTATUS PassDown(EXTENSION *Ext, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Ext->Lower, Irp);
}

/* Everybody has been told; the lock was taken for this call. */
static VOID NTAPI Told(PVOID Context)
{
    EXTENSION *Ext = Context;

    Expect(KeGetCurrentIrql() == PASSIVE_LEVEL, __LINE__);
    IoReleaseRemoveLock(&Ext->RemoveLock, NULL);
}

static NTSTATUS Changed(EXTENSION *Ext)
{
    TARGET_DEVICE_CUSTOM_NOTIFICATION Change;
    NTSTATUS Status;

    RtlZeroMemory(&Change, sizeof(Change));
    Change.Version = 1;
    Change.Size = sizeof(Change);
    Change.NameBufferOffset = -1;
    Change.Event = SystemsGuid;
    Expect(IoReportTargetDeviceChange(Ext->Pdo, &Change) == STATUS_INVALID_DEVICE_REQUEST, __LINE__);
    Change.Event = ChangedGuid;
    Status = IoReportTargetDeviceChange(Ext->Pdo, &Change);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoAcquireRemoveLock(&Ext->RemoveLock, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoReportTargetDeviceChangeAsynchronous(Ext->Pdo, &Change, Told, Ext);
    if (!NT_SUCCESS(Status))
        IoReleaseRemoveLock(&Ext->RemoveLock, NULL);
    return NT_SUCCESS(Status) ? STATUS_SUCCESS : Status;
}

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    switch (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_FAIL:
        if (Ext->Removed || InterlockedExchange(&Ext->Failed, TRUE))
            Status = STATUS_DEVICE_REMOVED;
        else
            IoInvalidateDeviceState(Ext->Pdo);
        break;
    case IOCTL_CHANGED:
        Status = Ext->Removed ? STATUS_DEVICE_REMOVED : Changed(Ext);
        break;
    default:
        Status = STATUS_INVALID_DEVICE_REQUEST;
    }
    CompleteIrp(Irp, Status, 0);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

/* Everything but PnP and control codes. */
static NTSTATUS NTAPI DispatchPass(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    Status = PassDown(Ext, Irp);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

/* CREATE, CLEANUP and CLOSE have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        Status = STATUS_NO_SUCH_DEVICE;
        if (IoForwardIrpSynchronously(Ext->Lower, Irp))
            Status = Irp->IoStatus.Status;
        CompleteIrp(Irp, Status, 0);
        break;
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        if (Ext->Failed)
            Irp->IoStatus.Information |= PNP_DEVICE_FAILED;
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Ext, Irp);
        break;
    case IRP_MN_SURPRISE_REMOVAL:
        Ext->Removed = TRUE;
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Ext, Irp);
        break;
    case IRP_MN_REMOVE_DEVICE:
        IoReleaseRemoveLockAndWait(&Ext->RemoveLock, Irp);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Ext, Irp);
        IoDetachDevice(Ext->Lower);
        IoDeleteDevice(Device);
        return Status;
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Ext, Irp);
        break;
    default:
        Status = PassDown(Ext, Irp);
    }
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

static PAGED_FN NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    PAGED_CODE();
    Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, Pdo->DeviceType,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Ext = Device->DeviceExtension;
    Ext->Pdo = Pdo;
    IoInitializeRemoveLock(&Ext->RemoveLock, TAG, 0, 0);
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoDeleteDevice(Device);
        return STATUS_NO_SUCH_DEVICE;
    }
    Device->Flags |= Ext->Lower->Flags & DO_POWER_PAGABLE;
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
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

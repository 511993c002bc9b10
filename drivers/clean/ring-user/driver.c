/* build: clang -O2 */
/* with: beside/ring-library */
/*
 * What is written is read again, in order: the bytes lie in a ring of an export driver's.
 */
#include "ring.h"

#define RING_BYTES 256

typedef struct {
    RING *Ring;
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\RingUser");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\RingUser");

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Bytes = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;

    if (Bytes == 0)
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    Bytes = RingPut(Ext->Ring, Irp->AssociatedIrp.SystemBuffer, Bytes);
    return CompleteIrp(Irp, Bytes ? STATUS_SUCCESS : STATUS_DEVICE_BUSY, Bytes);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Bytes = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;

    if (Bytes)
        Bytes = RingTake(Ext->Ring, Irp->AssociatedIrp.SystemBuffer, Bytes);
    return CompleteIrp(Irp, STATUS_SUCCESS, Bytes);
}

static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    EXTENSION *Ext = Driver->DeviceObject->DeviceExtension;

    RingDelete(Ext->Ring);
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
    Ext->Ring = RingCreate(RING_BYTES);
    Status = Ext->Ring ? IoCreateSymbolicLink(&LinkName, &DeviceName) : STATUS_INSUFFICIENT_RESOURCES;
    if (!NT_SUCCESS(Status)) {
        if (Ext->Ring)
            RingDelete(Ext->Ring);
        IoDeleteDevice(Device);
        return Status;
    }

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

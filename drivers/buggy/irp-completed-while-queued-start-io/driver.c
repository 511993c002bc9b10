/* build: gcc -O2 */
/*
 * Reads one at a time, through the I/O manager's queue to a StartIo routine. The device is a DPC.
 *
 * Wrong: the cancel routine completes a read that waits and leaves it in the device's queue.
 * Deterministic: two reads, then a cancel before the DPC of the first.
 */
#include "driver.h"

typedef struct {
    ULONG Number; /* of reads completed */
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\IrpCompletedWhileQueuedStartIo");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\IrpCompletedWhileQueuedStartIo");

/* The I/O manager calls it with one request, and the next after IoStartNextPacket. */
static VOID NTAPI StartRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoRequestDpc(Device, Irp, NULL);
}

static VOID NTAPI ReadDone(PKDPC Dpc, PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EXTENSION *Ext = Device->DeviceExtension;

    *(ULONG *)Irp->AssociatedIrp.SystemBuffer = ++Ext->Number;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = sizeof(ULONG);
    IoStartNextPacket(Device, TRUE);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

/* Called for a read that waits: the queue is the device object's. */
static VOID NTAPI CancelRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    /* BUG: the request stays in the device's queue, and StartIo gets it after its end. */
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    IoMarkIrpPending(Irp);
    IoStartPacket(Device, Irp, NULL, CancelRead);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    KeFlushQueuedDpcs(); /* their requests are done, but the routines may run still */
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
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

    IoInitializeDpcRequest(Device, ReadDone);
    IoSetStartIoAttributes(Device, TRUE, TRUE);

    Device->Flags |= DO_BUFFERED_IO;
    Driver->DriverStartIo = StartRead;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

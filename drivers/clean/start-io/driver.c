/* build: clang -O2 */
/*
 * Requests one at a time. Reads go through the I/O manager's queue to a StartIo routine; writes wait
 * in a device queue of the driver's own, ordered by where they write. The device is a DPC.
 *
 * The I/O manager takes the cancel routine out of a read before StartIo sees it (NonCancelable), and
 * the driver does the same with writes. So only requests that wait can be cancelled, and whoever
 * holds the cancel spin lock sees each either in its queue with a cancel routine, or neither.
 */
#include "driver.h"

typedef struct {
    KDEVICE_QUEUE Writes;
    KDPC WriteDpc;
    PIRP Writing;   /* the write that the device works on */
    ULONG Position; /* where the last write ended */
    ULONG Number;   /* of reads completed */
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\StartIo");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\StartIo");

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
    KeRemoveEntryDeviceQueue(&Device->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry);
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

static VOID StartWrite(EXTENSION *Ext, PIRP Irp)
{
    Ext->Writing = Irp;
    KeInsertQueueDpc(&Ext->WriteDpc, NULL, NULL);
}

static VOID NTAPI WriteDone(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *Ext = Context;
    PIRP Irp = Ext->Writing;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PKDEVICE_QUEUE_ENTRY Entry;
    KIRQL Irql;

    Ext->Position = Stack->Parameters.Write.ByteOffset.LowPart + Stack->Parameters.Write.Length;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = Stack->Parameters.Write.Length;

    IoAcquireCancelSpinLock(&Irql);
    Entry = KeRemoveByKeyDeviceQueue(&Ext->Writes, Ext->Position);
    if (Entry)
        IoSetCancelRoutine(CONTAINING_RECORD(Entry, IRP, Tail.Overlay.DeviceQueueEntry), NULL);
    IoReleaseCancelSpinLock(Irql);
    if (Entry)
        StartWrite(Ext, CONTAINING_RECORD(Entry, IRP, Tail.Overlay.DeviceQueueEntry));
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

static VOID NTAPI CancelWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    KeRemoveEntryDeviceQueue(&Ext->Writes, &Irp->Tail.Overlay.DeviceQueueEntry);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN Waits;
    KIRQL Irql;

    IoMarkIrpPending(Irp);
    IoAcquireCancelSpinLock(&Irql);
    if (Irp->Cancel) {
        IoReleaseCancelSpinLock(Irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    Waits = KeInsertByKeyDeviceQueue(&Ext->Writes, &Irp->Tail.Overlay.DeviceQueueEntry,
                                     Stack->Parameters.Write.ByteOffset.LowPart);
    if (Waits)
        IoSetCancelRoutine(Irp, CancelWrite);
    IoReleaseCancelSpinLock(Irql);
    if (!Waits)
        StartWrite(Ext, Irp);
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
    KeInitializeDeviceQueue(&Ext->Writes);
    KeInitializeDpc(&Ext->WriteDpc, WriteDone, Ext);
    IoInitializeDpcRequest(Device, ReadDone);
    IoSetStartIoAttributes(Device, TRUE, TRUE);

    Device->Flags |= DO_BUFFERED_IO;
    Driver->DriverStartIo = StartRead;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

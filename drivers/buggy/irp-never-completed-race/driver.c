/* build: gcc -O2 */
/*
 * A write stays pending in a slot until its DPC or a read, whichever comes first, completes it.
 *
 * Wrong: a write looks whether the slot is empty, and fills it later. Needs one preemption, between
 * the two: another write does the same; the first IRP to go into the slot is overwritten and nobody
 * knows it any more.
 */
#include "driver.h"

typedef struct {
    PIRP Slot; /* the write that is pending, or NULL */
    KDPC Dpc;
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\IrpNeverCompletedRace");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\IrpNeverCompletedRace");

/* Completes the write in the slot, if there is one. */
static VOID FinishWrite(EXTENSION *Ext)
{
    PIRP Irp = InterlockedExchangePointer((PVOID *)&Ext->Slot, NULL);

    if (Irp)
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

static VOID NTAPI WriteDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    FinishWrite(Context);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    IoMarkIrpPending(Irp);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    if (READ_ONCE(Ext->Slot) == NULL) {
        InterlockedExchangePointer((PVOID *)&Ext->Slot, Irp); /* BUG: it may be full by now. */
        KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    } else {
        CompleteIrp(Irp, STATUS_DEVICE_BUSY, 0);
    }
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    FinishWrite(Device->DeviceExtension);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* CREATE, CLEANUP, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
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
    KeInitializeDpc(&Ext->Dpc, WriteDpc, Ext);

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

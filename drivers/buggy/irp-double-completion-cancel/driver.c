/* build: gcc -O2 */
/*
 * One read at a time waits until a write lets a DPC complete it with a running number. The system's
 * cancel spin lock guards the waiting read and its cancel routine, as in drivers of old.
 *
 * Wrong: the cancel routine gives the cancel spin lock up before it takes the read out, under the
 * same lock acquired once more. Needs one preemption, between the two: the DPC finds the read, and
 * both complete it. Neither touches the IRP outside the lock, so nothing else goes wrong before.
 */
#include "driver.h"

typedef struct {
    KDPC Dpc;
    PIRP Waiting;   /* NULL or the read that waits; the cancel spin lock guards what begins here */
    ULONG Released; /* writes that no read has been completed for */
    ULONG Number;   /* of reads completed */
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\IrpDoubleCompletionCancel");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\IrpDoubleCompletionCancel");

/* Called with the cancel spin lock held. */
static VOID NTAPI CancelRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    Irp->IoStatus.Status = STATUS_CANCELLED;
    Irp->IoStatus.Information = 0;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    /* BUG: here the read still waits, and whoever finds it completes it too. */
    IoAcquireCancelSpinLock(&Irql);
    if (Ext->Waiting == Irp)
        Ext->Waiting = NULL;
    IoReleaseCancelSpinLock(Irql);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

static VOID NTAPI ReadDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *Ext = Context;
    PIRP Irp = NULL;
    KIRQL Irql;

    IoAcquireCancelSpinLock(&Irql);
    if (Ext->Released && (Irp = Ext->Waiting) != NULL) {
        Ext->Waiting = NULL;
        Ext->Released--;
        IoSetCancelRoutine(Irp, NULL);
        *(ULONG *)Irp->AssociatedIrp.SystemBuffer = ++Ext->Number;
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Irp->IoStatus.Information = sizeof(ULONG);
    }
    IoReleaseCancelSpinLock(Irql);
    if (Irp)
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);

    IoAcquireCancelSpinLock(&Irql);
    if (Irp->Cancel || Ext->Waiting) {
        NTSTATUS Status = Irp->Cancel ? STATUS_CANCELLED : STATUS_DEVICE_BUSY;
        IoReleaseCancelSpinLock(Irql);
        return CompleteIrp(Irp, Status, 0);
    }
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, CancelRead);
    Ext->Waiting = Irp;
    IoReleaseCancelSpinLock(Irql);

    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    KIRQL Irql;

    IoAcquireCancelSpinLock(&Irql);
    Ext->Released++;
    IoReleaseCancelSpinLock(Irql);
    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return CompleteIrp(Irp, STATUS_SUCCESS, Length);
}

/* Cancels the read that waits, if it is the handle's. */
static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP Waiting;
    KIRQL Irql;

    IoAcquireCancelSpinLock(&Irql);
    Waiting = Ext->Waiting;
    if (Waiting && IoGetCurrentIrpStackLocation(Waiting)->FileObject == File) {
        Ext->Waiting = NULL;
        IoSetCancelRoutine(Waiting, NULL);
        Waiting->IoStatus.Status = STATUS_CANCELLED;
        Waiting->IoStatus.Information = 0;
    } else {
        Waiting = NULL;
    }
    IoReleaseCancelSpinLock(Irql);
    if (Waiting)
        IoCompleteRequest(Waiting, IO_NO_INCREMENT);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* CREATE, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
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
    KeInitializeDpc(&Ext->Dpc, ReadDpc, Ext);

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

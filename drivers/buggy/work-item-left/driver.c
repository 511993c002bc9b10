/* build: gcc -O2 */
/*
 * The lengths of writes are gathered; a work item adds them to the sum that a read returns.
 *
 * Wrong: Unload does not wait for the work item, and as that is of the kind without a device object,
 * neither does the I/O manager. Deterministic: write, close, unload, while the worker is late.
 */
#include "driver.h"

static LONG Fresh; /* bytes written that Sum does not hold yet */
static LONG Sum;
static LONG Queued; /* 1 from the queueing to the start of the work routine */
static WORK_QUEUE_ITEM Item;
static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\WorkItemLeft");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\WorkItemLeft");

static VOID NTAPI WorkRoutine(PVOID Context)
{
    InterlockedExchange(&Queued, 0); /* what comes now may not be seen by this round */
    InterlockedExchangeAdd(&Sum, InterlockedExchange(&Fresh, 0));
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;

    InterlockedExchangeAdd(&Fresh, (LONG)Length);
    if (InterlockedExchange(&Queued, 1) == 0)
        ExQueueWorkItem(&Item, DelayedWorkQueue);
    return CompleteIrp(Irp, STATUS_SUCCESS, Length);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(LONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    *(LONG *)Irp->AssociatedIrp.SystemBuffer = InterlockedExchangeAdd(&Sum, 0);
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(LONG));
}

/* CREATE, CLEANUP, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    /* BUG: the work item may be queued, or its routine running. */
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    Status = IoCreateDevice(Driver, 0, &DeviceName, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }

    ExInitializeWorkItem(&Item, WorkRoutine, NULL);

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

/* build: gcc -O2 */
/*
 * The lengths of writes are gathered; a second after the last one a timer's DPC adds them to the sum
 * that a read returns.
 *
 * Wrong: Unload does not cancel the timer. Deterministic: write, close, unload within a second.
 */
#include "driver.h"

#define DELAY (-10 * 1000 * 1000) /* one second from now, in units of 100 ns */

static LONG Fresh; /* bytes written that Sum does not hold yet */
static LONG Sum;
static KTIMER Timer;
static KDPC Dpc;
static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\TimerLeft");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\TimerLeft");

static VOID NTAPI TimerDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    InterlockedExchangeAdd(&Sum, InterlockedExchange(&Fresh, 0));
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    LARGE_INTEGER Delay;

    InterlockedExchangeAdd(&Fresh, (LONG)Length);
    Delay.QuadPart = DELAY;
    KeSetTimer(&Timer, Delay, &Dpc);
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
    /* BUG: no KeCancelTimer(). */
    KeFlushQueuedDpcs(); /* the timer may have expired just before */
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

    KeInitializeTimer(&Timer);
    KeInitializeDpc(&Dpc, TimerDpc, NULL);

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

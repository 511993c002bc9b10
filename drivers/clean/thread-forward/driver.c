/* build: gcc -O2 */
/*
 * A thread of the driver's asks its own device for work by internal control requests; the dispatch
 * routine waits until a write brings some.
 *
 * So the thread spends its life inside a dispatch routine that the kernel calls for it.
 */
#include "driver.h"

#define IOCTL_NEXT CTL_CODE(FILE_DEVICE_UNKNOWN, 0x900, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct {
    KSEMAPHORE Work; /* one for each write, and one for the end */
    PVOID Thread;
    LONG Stopping;
    LONG Written;
    LONG Done;
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\ThreadForward");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\ThreadForward");

static NTSTATUS NTAPI DispatchInternal(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    if (Irp->RequestorMode != KernelMode ||
        Stack->Parameters.DeviceIoControl.IoControlCode != IOCTL_NEXT)
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    KeWaitForSingleObject(&Ext->Work, Executive, KernelMode, FALSE, NULL);
    if (InterlockedCompareExchange(&Ext->Stopping, 0, 0))
        return CompleteIrp(Irp, STATUS_DEVICE_NOT_READY, 0);
    InterlockedIncrement(&Ext->Done);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Forward(PVOID Context)
{
    PDEVICE_OBJECT Device = Context;
    NTSTATUS Status = STATUS_SUCCESS;

    while (NT_SUCCESS(Status)) {
        IO_STATUS_BLOCK Result;
        KEVENT Event;
        PIRP Irp;

        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        Irp = IoBuildDeviceIoControlRequest(IOCTL_NEXT, Device, NULL, 0, NULL, 0, TRUE, &Event,
                                            &Result);
        if (!Irp)
            break;
        Status = IoCallDriver(Device, Irp);
        if (Status == STATUS_PENDING) {
            KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
            Status = Result.Status;
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Bytes = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;

    InterlockedIncrement(&Ext->Written);
    KeReleaseSemaphore(&Ext->Work, IO_NO_INCREMENT, 1, FALSE);
    return CompleteIrp(Irp, STATUS_SUCCESS, Bytes);
}

static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    EXTENSION *Ext = Driver->DeviceObject->DeviceExtension;

    InterlockedExchange(&Ext->Stopping, 1);
    KeReleaseSemaphore(&Ext->Work, IO_NO_INCREMENT, 1, FALSE);
    KeWaitForSingleObject(Ext->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Ext->Thread);
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;
    HANDLE Handle;

    Status = IoCreateDevice(Driver, sizeof(EXTENSION), &DeviceName, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = DispatchInternal;
    Driver->DriverUnload = Unload;
    Device->Flags |= DO_BUFFERED_IO;

    Ext = Device->DeviceExtension;
    KeInitializeSemaphore(&Ext->Work, 0, MAXLONG);
    Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Forward, Device);
    if (!NT_SUCCESS(Status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(Device);
        return Status;
    }
    ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, NULL, KernelMode, &Ext->Thread, NULL);
    ZwClose(Handle);
    return STATUS_SUCCESS;
}

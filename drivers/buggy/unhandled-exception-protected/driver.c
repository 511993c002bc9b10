/* build: clang -O2 */
/*
 * Locks the caller's buffer, METHOD_NEITHER, fills it, and returns its length.
 *
 * Wrong: the pages are locked for reading inside __try, to see that they are there, and a second time,
 * for writing, outside of it. Needs 1 preemption: between the two the application makes its buffer
 * read-only, and MmProbeAndLockPages raises.
 */
#include "driver.h"

#define MAX_LENGTH 4096

#define IOCTL_FILL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_NEITHER, FILE_ANY_ACCESS)

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\UnhandledExceptionProtected");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\UnhandledExceptionProtected");

static NTSTATUS Fill(PVOID Out, ULONG OutLength)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Mapped;
    PMDL Mdl;

    if (!OutLength || OutLength > MAX_LENGTH)
        return STATUS_INVALID_PARAMETER;
    Mdl = IoAllocateMdl(Out, OutLength, FALSE, FALSE, NULL);
    if (!Mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    __try {
        MmProbeAndLockPages(Mdl, UserMode, IoReadAccess);
        MmUnlockPages(Mdl);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    if (NT_SUCCESS(Status)) {
        MmProbeAndLockPages(Mdl, UserMode, IoWriteAccess); /* BUG: not inside __try */
        Mapped = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);
        if (Mapped)
            RtlFillMemory(Mapped, OutLength, 0x5a);
        else
            Status = STATUS_INSUFFICIENT_RESOURCES;
        MmUnlockPages(Mdl);
    }
    IoFreeMdl(Mdl);
    return Status;
}

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;

    if (Stack->Parameters.DeviceIoControl.IoControlCode == IOCTL_FILL)
        Status = Fill(Irp->UserBuffer, Stack->Parameters.DeviceIoControl.OutputBufferLength);
    return CompleteIrp(Irp, Status, 0);
}

/* CREATE, CLEANUP and CLOSE have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
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

    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

/* build: clang -O2 */
/*
 * Takes a message with a length in front, METHOD_NEITHER, and returns the sum of its bytes.
 *
 * Wrong: the length is fetched twice from the caller's memory, once to check it and once to copy.
 * Needs 1 preemption: between the two the application writes to its buffer.
 */
#include "driver.h"

#define TAG 'hctF'
#define MAX_TEXT 60

#define IOCTL_SUM CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_NEITHER, FILE_ANY_ACCESS)

typedef struct {
    ULONG Length;
    UCHAR Text[MAX_TEXT];
} MESSAGE;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\PoolOverrunDoubleFetch");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\PoolOverrunDoubleFetch");

/* Apart, because only calls, not plain accesses, are sure to be covered by the caller's __try. */
static __attribute__((noinline)) NTSTATUS Fetch(MESSAGE *Copy, const volatile MESSAGE *User,
                                                ULONG InLength)
{
    ULONG Index, Length;

    ProbeForRead((PVOID)User, InLength, sizeof(ULONG));
    Length = User->Length;
    if (Length > MAX_TEXT || Length > InLength - sizeof(ULONG))
        return STATUS_INVALID_PARAMETER;
    Copy->Length = Length;
    for (Index = 0; Index < User->Length; Index++) /* BUG: Length */
        Copy->Text[Index] = User->Text[Index];
    return STATUS_SUCCESS;
}

static NTSTATUS Sum(PVOID In, ULONG InLength, ULONG *Result)
{
    NTSTATUS Status = STATUS_SUCCESS;
    MESSAGE *Copy;
    ULONG Index;

    if (InLength < sizeof(MESSAGE))
        return STATUS_INVALID_PARAMETER;
    Copy = ExAllocatePoolWithTag(NonPagedPool, sizeof(MESSAGE), TAG);
    if (!Copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    __try {
        Status = Fetch(Copy, In, InLength);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    if (NT_SUCCESS(Status))
        for (Index = 0; Index < Copy->Length; Index++)
            *Result += Copy->Text[Index];
    ExFreePoolWithTag(Copy, TAG);
    return Status;
}

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Result = 0;
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;

    if (Stack->Parameters.DeviceIoControl.IoControlCode == IOCTL_SUM)
        Status = Sum(Stack->Parameters.DeviceIoControl.Type3InputBuffer,
                     Stack->Parameters.DeviceIoControl.InputBufferLength, &Result);
    return CompleteIrp(Irp, Status, NT_SUCCESS(Status) ? Result : 0);
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

/* build: clang -O2 */
/*
 * One control code for each way of passing buffers. Each turns the bytes of its input round.
 *
 * Wrong: a METHOD_NEITHER input buffer is probed before the __try block begins.
 * Deterministic: the control code 0x803 with a pointer into the system's half.
 */
#include "driver.h"

#define TAG 'tieN'
#define MAX_LENGTH 4096

#define IOCTL_TURN_BUFFERED CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_TURN_IN_DIRECT CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_IN_DIRECT, FILE_ANY_ACCESS)
#define IOCTL_TURN_OUT_DIRECT                                                                      \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)
#define IOCTL_TURN_NEITHER CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_FILL_LOCKED CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_NEITHER, FILE_ANY_ACCESS)

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\UnhandledException");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\UnhandledException");

static VOID Turn(UCHAR *Bytes, ULONG Length)
{
    ULONG Low, High;

    for (Low = 0, High = Length; Low + 1 < High; Low++) {
        UCHAR Byte = Bytes[Low];
        Bytes[Low] = Bytes[--High];
        Bytes[High] = Byte;
    }
}

static NTSTATUS TurnBuffered(PIRP Irp, ULONG InLength, ULONG OutLength, PULONG_PTR Information)
{
    if (OutLength < InLength)
        return STATUS_BUFFER_TOO_SMALL;
    if (InLength)
        Turn(Irp->AssociatedIrp.SystemBuffer, InLength);
    *Information = InLength;
    return STATUS_SUCCESS;
}

/* The system buffer holds the input; the MDL describes the "output", here a second input. */
static NTSTATUS TurnInDirect(PIRP Irp, ULONG InLength, ULONG OutLength, PULONG_PTR Information)
{
    UCHAR *Second, *First = Irp->AssociatedIrp.SystemBuffer;
    ULONG Index, Sum = 0;

    if (!Irp->MdlAddress || InLength < sizeof(ULONG))
        return STATUS_INVALID_PARAMETER;
    Second = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    if (!Second)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (Index = 0; Index < OutLength; Index++)
        Sum += Second[Index];
    *(ULONG *)First ^= Sum; /* seen by nobody: the system buffer is not copied back */
    *Information = OutLength;
    return STATUS_SUCCESS;
}

static NTSTATUS TurnOutDirect(PIRP Irp, ULONG InLength, ULONG OutLength, PULONG_PTR Information)
{
    UCHAR *Out;

    if (OutLength < InLength)
        return STATUS_BUFFER_TOO_SMALL;
    if (!InLength)
        return STATUS_SUCCESS;
    Out = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    if (!Out)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(Out, Irp->AssociatedIrp.SystemBuffer, InLength);
    Turn(Out, InLength);
    *Information = InLength;
    return STATUS_SUCCESS;
}

/* Apart, because only calls, not plain accesses, are sure to be covered by the caller's __try. */
static __attribute__((noinline)) VOID CopyIn(PVOID Kernel, PVOID User, ULONG Length)
{
    RtlCopyMemory(Kernel, User, Length);
}

static __attribute__((noinline)) VOID CopyOut(PVOID User, PVOID Kernel, ULONG Length)
{
    ProbeForWrite(User, Length, 1);
    RtlCopyMemory(User, Kernel, Length);
}

static NTSTATUS TurnNeither(PIRP Irp, ULONG InLength, ULONG OutLength, PULONG_PTR Information)
{
    PVOID In = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.Type3InputBuffer;
    NTSTATUS Status = STATUS_SUCCESS;
    UCHAR *Copy;

    if (InLength > MAX_LENGTH)
        return STATUS_INVALID_PARAMETER;
    if (OutLength < InLength)
        return STATUS_BUFFER_TOO_SMALL;
    if (!InLength)
        return STATUS_SUCCESS;
    ProbeForRead(In, InLength, 1); /* BUG: outside of __try. */
    Copy = ExAllocatePoolWithTag(NonPagedPool, InLength, TAG);
    if (!Copy)
        return STATUS_INSUFFICIENT_RESOURCES;

    __try {
        CopyIn(Copy, In, InLength);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    if (NT_SUCCESS(Status)) {
        Turn(Copy, InLength);
        __try {
            CopyOut(Irp->UserBuffer, Copy, InLength);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            Status = GetExceptionCode();
        }
    }
    ExFreePoolWithTag(Copy, TAG);
    if (NT_SUCCESS(Status))
        *Information = InLength;
    return Status;
}

/* The other way to use a caller's pointer: lock its pages and map them into the system's half. */
static NTSTATUS FillLocked(PIRP Irp, ULONG OutLength, PULONG_PTR Information)
{
    NTSTATUS Status = STATUS_SUCCESS;
    UCHAR *Mapped;
    PMDL Mdl;

    if (OutLength == 0 || OutLength > MAX_LENGTH)
        return STATUS_INVALID_PARAMETER;
    Mdl = IoAllocateMdl(Irp->UserBuffer, OutLength, FALSE, FALSE, NULL);
    if (!Mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    __try {
        MmProbeAndLockPages(Mdl, UserMode, IoWriteAccess);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    if (NT_SUCCESS(Status)) {
        Mapped = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);
        if (Mapped) {
            RtlFillMemory(Mapped, OutLength, 0x5A);
            *Information = OutLength;
        } else {
            Status = STATUS_INSUFFICIENT_RESOURCES;
        }
        MmUnlockPages(Mdl);
    }
    IoFreeMdl(Mdl);
    return Status;
}

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG InLength = Stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG OutLength = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    ULONG_PTR Information = 0;
    NTSTATUS Status;

    switch (Stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_TURN_BUFFERED:
        Status = TurnBuffered(Irp, InLength, OutLength, &Information);
        break;
    case IOCTL_TURN_IN_DIRECT:
        Status = TurnInDirect(Irp, InLength, OutLength, &Information);
        break;
    case IOCTL_TURN_OUT_DIRECT:
        Status = TurnOutDirect(Irp, InLength, OutLength, &Information);
        break;
    case IOCTL_TURN_NEITHER:
        Status = TurnNeither(Irp, InLength, OutLength, &Information);
        break;
    case IOCTL_FILL_LOCKED:
        Status = FillLocked(Irp, OutLength, &Information);
        break;
    default:
        Status = STATUS_INVALID_DEVICE_REQUEST;
    }
    return CompleteIrp(Irp, Status, Information);
}

/* CREATE, CLEANUP, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
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
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

/* build: gcc -O2 */
/*
 * The image is entered where Microsoft's linker has it entered: at a routine that sets the security cookie
 * and hands everything on to DriverEntry. Its operations are chosen by a jump table.
 */
#include "driver.h"

#define IOCTL_OF(n) CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (n), METHOD_BUFFERED, FILE_ANY_ACCESS)

/* The value of a cookie that nobody has set. */
#define UNSET 0x00002B992DDFA232ull

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\CookieEntry");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\CookieEntry");
static ULONG64 Cookie = UNSET, Complement = ~UNSET;
static volatile LONG Opened, Closed, Cleaned;

static NTSTATUS DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    InterlockedIncrement(&Opened);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DispatchClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    InterlockedIncrement(&Closed);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    InterlockedIncrement(&Cleaned);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

typedef struct {
    ULONG Operation, A, B;
} CALCULATION;

static NTSTATUS Calculate(const CALCULATION *Wanted, PULONG Result)
{
    const ULONG A = Wanted->A, B = Wanted->B;

    switch (Wanted->Operation) {
    case 0:
        *Result = A + B;
        break;
    case 1:
        *Result = A - B;
        break;
    case 2:
        *Result = A * B;
        break;
    case 3:
        if (B == 0)
            return STATUS_INTEGER_DIVIDE_BY_ZERO;
        *Result = A / B;
        break;
    case 4:
        *Result = A & B;
        break;
    case 5:
        *Result = A | B;
        break;
    case 6:
        *Result = A ^ B;
        break;
    case 7:
        *Result = A << (B % 32);
        break;
    default:
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS DispatchControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;
    volatile LONG *Counter;
    ULONG Result = 0;
    NTSTATUS Status;

    if (Stack->Parameters.DeviceIoControl.OutputBufferLength < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    switch (Stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_OF(0):
        Counter = &Opened;
        break;
    case IOCTL_OF(1):
        Counter = &Closed;
        break;
    case IOCTL_OF(2):
        Counter = &Cleaned;
        break;
    case IOCTL_OF(3):
        if (Stack->Parameters.DeviceIoControl.InputBufferLength < sizeof(CALCULATION))
            return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
        Status = Calculate(Buffer, &Result);
        if (!NT_SUCCESS(Status))
            return CompleteIrp(Irp, Status, 0);
        *(PULONG)Buffer = Result;
        return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
    default:
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    *(PULONG)Buffer = (ULONG)*Counter;
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
}

static VOID DriverUnload(PDRIVER_OBJECT Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

/* Not inlined, as it lies in another object of Microsoft's run-time. */
static __attribute__((noinline)) VOID SetCookie(VOID)
{
    ULONG64 New = Cookie;

    if (New == 0 || New == UNSET) {
        New = (ULONG64)&Cookie ^ *(volatile ULONG64 *)0xFFFFF78000000320ull; /* the tick count */
        New &= 0x0000FFFFFFFFFFFFull;
        if (New == 0)
            New = UNSET;
        Cookie = New;
    }
    Complement = ~New;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Registry);

NTSTATUS GsDriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Registry)
{
    SetCookie();
    return DriverEntry(Driver, Registry);
}

__attribute__((noinline)) NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Registry)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    Driver->DriverUnload = DriverUnload;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchControl;
    Status = IoCreateDevice(Driver, 0, &DeviceName, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(Device);
    return Status;
}

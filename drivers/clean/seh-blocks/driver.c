/* build: clang -O2 */
/*
 * Structured exceptions: filters that choose, termination handlers that release what was taken,
 * exceptions raised across several frames, one that execution goes on after, some that the
 * processor raises. One control code for each, all METHOD_NEITHER. What must hold afterwards is
 * checked with KeBugCheckEx.
 */
#include "driver.h"

#define TAG 'hebS'
#define MAX_LENGTH 4096
/* An exception of the driver's own: customer bit set, severity error. */
#define STATUS_PARCEL_TORN ((NTSTATUS)0xE0420001)

#define IOCTL_SUM CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_STORE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x811, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_RAISE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x823, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_RESUME CTL_CODE(FILE_DEVICE_UNKNOWN, 0x840, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_TRAP CTL_CODE(FILE_DEVICE_UNKNOWN, 0x8a1, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_LOCK CTL_CODE(FILE_DEVICE_UNKNOWN, 0x887, METHOD_NEITHER, FILE_ANY_ACCESS)

NTSYSAPI VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD Record);

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\SehBlocks");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\SehBlocks");

static VOID Expect(BOOLEAN Holds, ULONG Line)
{
    if (!Holds)
        KeBugCheckEx(0xE2 /* MANUALLY_INITIATED_CRASH */, Line, 0, 0, 0);
}

/* Calls, not plain accesses, are what the compiler is sure to cover: so each access has a function. */
static __attribute__((noinline)) ULONG SumBytes(const UCHAR *User, ULONG Length)
{
    ULONG Index, Sum = 0;

    for (Index = 0; Index < Length; Index++)
        Sum += ((const volatile UCHAR *)User)[Index];
    return Sum;
}

static __attribute__((noinline)) VOID StoreLong(ULONG *User, ULONG Value)
{
    *(volatile ULONG *)User = Value;
}

/* Only what a bad pointer of the caller's can cause; anything else is a bug and nobody's here. */
static LONG CallersFault(NTSTATUS Code)
{
    if (Code == STATUS_ACCESS_VIOLATION || Code == STATUS_DATATYPE_MISALIGNMENT)
        return EXCEPTION_EXECUTE_HANDLER;
    return EXCEPTION_CONTINUE_SEARCH;
}

static NTSTATUS Sum(PVOID In, ULONG InLength, ULONG *Result)
{
    NTSTATUS Status = STATUS_SUCCESS;

    __try {
        ProbeForRead(In, InLength, 1);
        *Result = SumBytes(In, InLength);
    } __except (CallersFault(GetExceptionCode())) {
        Status = GetExceptionCode();
        Expect(CallersFault(Status), __LINE__);
    }
    return Status;
}

/* The copy is freed on both ways out. */
static NTSTATUS Store(PVOID Out, ULONG OutLength)
{
    volatile ULONG Freed = 0;
    NTSTATUS Status = STATUS_SUCCESS;

    if (OutLength < sizeof(ULONG))
        return STATUS_BUFFER_TOO_SMALL;
    __try {
        ULONG *Copy = ExAllocatePoolWithTag(NonPagedPool, sizeof(ULONG), TAG);

        if (!Copy)
            return STATUS_INSUFFICIENT_RESOURCES;
        __try {
            *Copy = 42;
            ProbeForWrite(Out, sizeof(ULONG), sizeof(ULONG));
            StoreLong(Out, *Copy);
        } __finally {
            Freed++;
            ExFreePoolWithTag(Copy, TAG);
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    Expect(Freed == 1, __LINE__);
    return Status;
}

struct Trail {
    ULONG Inner, Outer, Deep;
    NTSTATUS Seen;
};

static __attribute__((noinline)) VOID RaiseDeep(NTSTATUS Status, ULONG Depth, struct Trail *Trail)
{
    if (Depth) {
        RaiseDeep(Status, Depth - 1, Trail);
        Trail->Deep++; /* never reached */
    } else {
        ExRaiseStatus(Status);
    }
    Trail->Deep++; /* likewise */
}

static __attribute__((noinline)) VOID Guarded(NTSTATUS Status, struct Trail *Trail)
{
    __try {
        RaiseDeep(Status, 3, Trail);
    } __finally {
        Expect(AbnormalTermination(), __LINE__);
        Trail->Inner++;
    }
    Trail->Deep++;
}

static LONG Note(PEXCEPTION_POINTERS Pointers, struct Trail *Trail)
{
    Trail->Seen = Pointers->ExceptionRecord->ExceptionCode;
    Expect(Trail->Inner == 0, __LINE__); /* nothing is unwound while handlers are looked for */
    Expect(Pointers->ExceptionRecord->ExceptionAddress != NULL, __LINE__);
    Expect(Pointers->ContextRecord != NULL, __LINE__);
    return Trail->Seen == STATUS_PARCEL_TORN ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

/* Through two functions, a filter that declines, and a block that ends well. */
static NTSTATUS Raise(VOID)
{
    struct Trail Trail = {0};
    NTSTATUS Status = STATUS_UNSUCCESSFUL;

    __try {
        __try {
            __try {
                Guarded(STATUS_PARCEL_TORN, &Trail);
            } __except (GetExceptionCode() == STATUS_ACCESS_VIOLATION) {
                Expect(FALSE, __LINE__);
            }
        } __finally {
            Expect(Trail.Inner == 1, __LINE__);
            Trail.Outer++;
        }
    } __except (Note(GetExceptionInformation(), &Trail)) {
        Status = GetExceptionCode();
    }
    Expect(Status == STATUS_PARCEL_TORN && Trail.Seen == Status, __LINE__);
    Expect(Trail.Outer == 1 && Trail.Deep == 0, __LINE__);
    return STATUS_SUCCESS;
}

static LONG GoOn(PEXCEPTION_POINTERS Pointers, volatile ULONG *Told)
{
    *Told = (ULONG)Pointers->ExceptionRecord->ExceptionInformation[0];
    return EXCEPTION_CONTINUE_EXECUTION;
}

static NTSTATUS Resume(VOID)
{
    volatile ULONG Told = 0, Behind = 0;
    EXCEPTION_RECORD Record;

    RtlZeroMemory(&Record, sizeof(Record));
    Record.ExceptionCode = STATUS_PARCEL_TORN;
    Record.NumberParameters = 1;
    Record.ExceptionInformation[0] = 7;
    __try {
        RtlRaiseException(&Record);
        Behind++;
    } __except (GoOn(GetExceptionInformation(), &Told)) {
        Expect(FALSE, __LINE__);
    }
    Expect(Told == 7 && Behind == 1, __LINE__);
    return STATUS_SUCCESS;
}

static NTSTATUS LockPages(PVOID Out, ULONG OutLength)
{
    BOOLEAN Locked = FALSE;
    NTSTATUS Status = STATUS_SUCCESS;
    PMDL Mdl;

    if (!OutLength || OutLength > MAX_LENGTH)
        return STATUS_INVALID_PARAMETER;
    Mdl = IoAllocateMdl(Out, OutLength, FALSE, FALSE, NULL);
    if (!Mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    __try {
        MmProbeAndLockPages(Mdl, UserMode, IoWriteAccess);
        Locked = TRUE;
    } __except (CallersFault(GetExceptionCode())) {
        Status = GetExceptionCode();
    }
    if (Locked)
        MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    return Status;
}

static __attribute__((noinline)) VOID DivideBy(volatile ULONG *Number, ULONG Divisor)
{
    *Number = *Number / Divisor;
}

static __attribute__((noinline)) VOID NoInstruction(VOID)
{
    __asm__ volatile("ud2");
}

/* Exceptions of the processor's, each with its own code. */
static NTSTATUS Trap(VOID)
{
    volatile ULONG Number = 1000, Zero = 0;
    volatile NTSTATUS Code = STATUS_SUCCESS;

    __try {
        DivideBy(&Number, Zero);
    } __except (GetExceptionCode() == STATUS_INTEGER_DIVIDE_BY_ZERO ? EXCEPTION_EXECUTE_HANDLER
                                                                    : EXCEPTION_CONTINUE_SEARCH) {
        Code = GetExceptionCode();
    }
    Expect(Code == STATUS_INTEGER_DIVIDE_BY_ZERO && Number == 1000, __LINE__);
    __try {
        NoInstruction();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Code = GetExceptionCode();
    }
    Expect(Code == STATUS_ILLEGAL_INSTRUCTION, __LINE__);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG InLength = Stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG OutLength = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    PVOID In = Stack->Parameters.DeviceIoControl.Type3InputBuffer;
    ULONG Result = 0;
    NTSTATUS Status;

    switch (Stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_SUM:
        Status = Sum(In, InLength, &Result);
        break;
    case IOCTL_STORE:
        Status = Store(Irp->UserBuffer, OutLength);
        break;
    case IOCTL_RAISE:
        Status = Raise();
        break;
    case IOCTL_RESUME:
        Status = Resume();
        break;
    case IOCTL_TRAP:
        Status = Trap();
        break;
    case IOCTL_LOCK:
        Status = LockPages(Irp->UserBuffer, OutLength);
        break;
    default:
        Status = STATUS_INVALID_DEVICE_REQUEST;
    }
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

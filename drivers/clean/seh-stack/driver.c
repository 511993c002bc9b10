/* build: clang -O2 */
/*
 * Exceptions that leave a lower driver's routine for a handler of the one above: three devices of
 * one stack, the kernel's frames of IoCallDriver and IoCompleteRequest between them. The bottom
 * raises, the middle releases in __finally, the top handles. What must hold afterwards is checked
 * with KeBugCheckEx.
 */
#include "driver.h"

#define TAG 'kchS'
/* An exception of the driver's own: customer bit set, severity error. */
#define STATUS_LAYER_TORN ((NTSTATUS)0xE0420002)

#define IOCTL_SUM CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_LATE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x812, METHOD_NEITHER, FILE_ANY_ACCESS)

struct Extension {
    PDEVICE_OBJECT Lower; /* NULL for the bottom */
    BOOLEAN Top;
};

/* What happened, in order. */
struct Trail {
    ULONG Steps, Completion, Bottom, Middle;
    ULONG Behind; /* never */
};

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\SehStack");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\SehStack");

static VOID Expect(BOOLEAN Holds, ULONG Line)
{
    if (!Holds)
        KeBugCheckEx(0xE2 /* MANUALLY_INITIATED_CRASH */, Line, 0, 0, 0);
}

static struct Trail *TrailOf(PIRP Irp)
{
    return Irp->Tail.Overlay.DriverContext[0];
}

/* The top: the request goes down inside __try, and is the top's again if it comes back that way. */
static NTSTATUS Forward(PDEVICE_OBJECT Lower, PIRP Irp)
{
    struct Trail Trail = {0};
    volatile NTSTATUS Status = STATUS_UNSUCCESSFUL;
    volatile BOOLEAN Raised = FALSE;

    IoCopyCurrentIrpStackLocationToNext(Irp);
    Irp->Tail.Overlay.DriverContext[0] = &Trail;
    __try {
        Status = IoCallDriver(Lower, Irp);
    } __except (Trail.Middle == 0 ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) {
        Status = GetExceptionCode();
        Raised = TRUE;
    }
    Expect(Trail.Middle == Trail.Steps && Trail.Behind == !Raised, __LINE__);
    return Raised ? CompleteIrp(Irp, Status, 0) : Status;
}

/* A request of the top's own, whose completion routine in the middle raises. */
static NTSTATUS Late(PDEVICE_OBJECT Lower)
{
    struct Trail Trail = {0};
    volatile NTSTATUS Code = STATUS_SUCCESS;
    PIRP Own = IoAllocateIrp(Lower->StackSize, FALSE);
    PIO_STACK_LOCATION Next;

    if (!Own)
        return STATUS_INSUFFICIENT_RESOURCES;
    Next = IoGetNextIrpStackLocation(Own);
    Next->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    Next->Parameters.DeviceIoControl.IoControlCode = IOCTL_LATE;
    Own->Tail.Overlay.DriverContext[0] = &Trail;
    __try {
        __try {
            IoCallDriver(Lower, Own);
            Trail.Behind++;
        } __finally {
            Expect(AbnormalTermination(), __LINE__);
            IoFreeIrp(Own);
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Code = GetExceptionCode();
    }
    Expect(Code == STATUS_LAYER_TORN && Trail.Behind == 0, __LINE__);
    /* Nothing has happened where the middle had no memory. */
    Expect(Trail.Steps == 0 ||
               (Trail.Completion == 1 && Trail.Bottom == 2 && Trail.Middle == 3),
           __LINE__);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI TornCompletion(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    struct Trail *Trail = TrailOf(Irp);

    Trail->Completion = ++Trail->Steps;
    ExRaiseStatus(STATUS_LAYER_TORN);
    return STATUS_SUCCESS;
}

/* The middle: what it took for the call is given back whichever way the call ends. */
static NTSTATUS Middle(PDEVICE_OBJECT Lower, PIRP Irp, ULONG Code)
{
    struct Trail *Trail = TrailOf(Irp);
    volatile NTSTATUS Status = STATUS_UNSUCCESSFUL;
    PVOID Note = ExAllocatePoolWithTag(NonPagedPool, 32, TAG);

    if (!Note) {
        if (Code == IOCTL_LATE)
            ExRaiseStatus(STATUS_LAYER_TORN);
        Trail->Behind++;
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    IoCopyCurrentIrpStackLocationToNext(Irp);
    if (Code == IOCTL_LATE)
        IoSetCompletionRoutine(Irp, TornCompletion, NULL, TRUE, TRUE, TRUE);
    __try {
        Status = IoCallDriver(Lower, Irp);
        Trail->Behind++;
    } __finally {
        Trail->Middle = ++Trail->Steps;
        ExFreePoolWithTag(Note, TAG);
    }
    return Status;
}

static __attribute__((noinline)) ULONG SumBytes(const UCHAR *User, ULONG Length)
{
    ULONG Index, Sum = 0;

    ProbeForRead(User, Length, 1);
    for (Index = 0; Index < Length; Index++)
        Sum += ((const volatile UCHAR *)User)[Index];
    return Sum;
}

/* The bottom has no handler. */
static NTSTATUS Bottom(PIRP Irp, ULONG Code)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    struct Trail *Trail = TrailOf(Irp);
    ULONG Sum;

    if (Code == IOCTL_SUM) {
        Sum = SumBytes(Stack->Parameters.DeviceIoControl.Type3InputBuffer,
                       Stack->Parameters.DeviceIoControl.InputBufferLength);
        return CompleteIrp(Irp, STATUS_SUCCESS, Sum);
    }
    __try {
        CompleteIrp(Irp, STATUS_SUCCESS, 0);
        Trail->Behind++;
    } __finally {
        Trail->Bottom = ++Trail->Steps;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    struct Extension *Ext = Device->DeviceExtension;
    ULONG Code = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode;

    if (!Ext->Lower)
        return Bottom(Irp, Code);
    if (!Ext->Top)
        return Middle(Ext->Lower, Irp, Code);
    switch (Code) {
    case IOCTL_SUM:
        return Forward(Ext->Lower, Irp);
    case IOCTL_LATE:
        return CompleteIrp(Irp, Late(Ext->Lower), 0);
    default:
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

/* CREATE, CLEANUP and CLOSE have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* From the top down: the list of a driver's devices begins with the one made last. */
static VOID DeleteDevices(PDRIVER_OBJECT Driver)
{
    while (Driver->DeviceObject) {
        struct Extension *Ext = Driver->DeviceObject->DeviceExtension;

        if (Ext->Lower)
            IoDetachDevice(Ext->Lower);
        IoDeleteDevice(Driver->DeviceObject);
    }
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    DeleteDevices(Driver);
}

INIT_CODE static NTSTATUS AddLayer(PDRIVER_OBJECT Driver, PDEVICE_OBJECT *Above, BOOLEAN Top)
{
    PDEVICE_OBJECT Device;
    struct Extension *Ext;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(*Ext), Top ? &DeviceName : NULL,
                                     FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &Device);

    if (!NT_SUCCESS(Status))
        return Status;
    Ext = Device->DeviceExtension;
    Ext->Top = Top;
    if (*Above && !(Ext->Lower = IoAttachDeviceToDeviceStack(Device, *Above))) {
        IoDeleteDevice(Device);
        return STATUS_UNSUCCESSFUL;
    }
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    *Above = Device;
    return STATUS_SUCCESS;
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device = NULL;
    NTSTATUS Status = AddLayer(Driver, &Device, FALSE);

    if (NT_SUCCESS(Status))
        Status = AddLayer(Driver, &Device, FALSE);
    if (NT_SUCCESS(Status))
        Status = AddLayer(Driver, &Device, TRUE);
    if (NT_SUCCESS(Status))
        Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        DeleteDevices(Driver);
        return Status;
    }

    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

/* build: clang -O2 */
/*
 * Wrong: a greeting is freed on failure, and once more where the failure is unwound.
 * Needs a run in which the link cannot be made for want of memory, and in no other.
 *
 * Each open handle keeps the last message written to it; a read returns a copy.
 *
 * A handle's context hangs off its file object from CREATE to CLOSE. Its lock guards the pointer to
 * the message and, while it is being copied, the message itself.
 */
#include "driver.h"

#define TAG 'fubH'

typedef struct {
    ULONG Length; /* of Data, in bytes */
    UCHAR Data[];
} MESSAGE;

typedef struct {
    KSPIN_LOCK Lock;
    MESSAGE *Message; /* NULL until something has been written */
} HANDLE_CONTEXT;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\PoolDoubleFreeLowMemory");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\PoolDoubleFreeLowMemory");

/* What a handle reads before anything has been written to it. */
static MESSAGE *Greeting;

static HANDLE_CONTEXT *ContextOf(PIRP Irp)
{
    return IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext;
}

/* Puts a message (or none) in the place of the handle's present one and frees that. */
static VOID ReplaceMessage(HANDLE_CONTEXT *Context, MESSAGE *Message)
{
    MESSAGE *Old;
    KIRQL Irql;

    KeAcquireSpinLock(&Context->Lock, &Irql);
    Old = Context->Message;
    Context->Message = Message;
    KeReleaseSpinLock(&Context->Lock, Irql);
    if (Old)
        ExFreePoolWithTag(Old, TAG);
}

static NTSTATUS NTAPI DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    HANDLE_CONTEXT *Context = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Context), TAG);

    if (!Context)
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    KeInitializeSpinLock(&Context->Lock);
    Context->Message = NULL;
    IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext = Context;
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    MESSAGE *Message;

    if (Length == 0)
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    if (Length > MAXULONG - sizeof(MESSAGE))
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);

    Message = ExAllocatePoolWithTag(NonPagedPool, sizeof(MESSAGE) + Length, TAG);
    if (!Message)
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    Message->Length = Length;
    RtlCopyMemory(Message->Data, Irp->AssociatedIrp.SystemBuffer, Length);
    ReplaceMessage(ContextOf(Irp), Message);
    return CompleteIrp(Irp, STATUS_SUCCESS, Length);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    HANDLE_CONTEXT *Context = ContextOf(Irp);
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;
    MESSAGE *Message;
    KIRQL Irql;

    KeAcquireSpinLock(&Context->Lock, &Irql);
    Message = Context->Message;
    if (!Message)
        Message = Greeting;
    if (Length > Message->Length)
        Length = Message->Length;
    if (Length)
        RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, Message->Data, Length);
    KeReleaseSpinLock(&Context->Lock, Irql);
    return CompleteIrp(Irp, STATUS_SUCCESS, Length);
}

/* CLEANUP and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    HANDLE_CONTEXT *Context = ContextOf(Irp);

    ReplaceMessage(Context, NULL);
    ExFreePoolWithTag(Context, TAG);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
    ExFreePoolWithTag(Greeting, TAG);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    Status = IoCreateDevice(Driver, 0, &DeviceName, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Greeting = ExAllocatePoolWithTag(NonPagedPool, sizeof(MESSAGE) + 4, TAG);
    if (!Greeting) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto DeleteDevice;
    }
    Greeting->Length = 4;
    RtlCopyMemory(Greeting->Data, "none", 4);
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        ExFreePoolWithTag(Greeting, TAG); /* BUG: and once more below */
        goto FreeGreeting;
    }

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;

FreeGreeting:
    ExFreePoolWithTag(Greeting, TAG);
DeleteDevice:
    IoDeleteDevice(Device);
    return Status;
}

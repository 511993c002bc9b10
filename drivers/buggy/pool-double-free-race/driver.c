/* build: clang -O2 */
/*
 * Each open handle keeps the last message written to it, at first an empty one; a read returns a
 * copy.
 *
 * Wrong: the old message is looked up under one hold of the lock and replaced under another. Needs
 * one preemption, between the two: another thread writes to the same handle, gets the same old
 * message, and both free it.
 */
#include "driver.h"

#define TAG 'fubH'

typedef struct {
    ULONG Length; /* of Data, in bytes */
    UCHAR Data[];
} MESSAGE;

typedef struct {
    KSPIN_LOCK Lock;
    MESSAGE *Message; /* NULL only once the handle is being closed */
} HANDLE_CONTEXT;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\PoolDoubleFreeRace");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\PoolDoubleFreeRace");

static HANDLE_CONTEXT *ContextOf(PIRP Irp)
{
    return IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext;
}

/* A message with a copy of these bytes; NULL if there is no memory. */
static MESSAGE *NewMessage(PVOID Data, ULONG Length)
{
    MESSAGE *Message = ExAllocatePoolWithTag(NonPagedPool, sizeof(MESSAGE) + Length, TAG);

    if (Message) {
        Message->Length = Length;
        if (Length)
            RtlCopyMemory(Message->Data, Data, Length);
    }
    return Message;
}

/* Puts a message (or none) in the place of the handle's present one and frees that. */
static VOID ReplaceMessage(HANDLE_CONTEXT *Context, MESSAGE *Message)
{
    MESSAGE *Old;
    KIRQL Irql;

    KeAcquireSpinLock(&Context->Lock, &Irql);
    Old = Context->Message;
    KeReleaseSpinLock(&Context->Lock, Irql);
    /* BUG: Old is not this thread's alone until Context->Message points elsewhere. */
    KeAcquireSpinLock(&Context->Lock, &Irql);
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
    Context->Message = NewMessage(NULL, 0);
    if (!Context->Message) {
        ExFreePoolWithTag(Context, TAG);
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
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

    Message = NewMessage(Irp->AssociatedIrp.SystemBuffer, Length);
    if (!Message)
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
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
    if (!Message) {
        KeReleaseSpinLock(&Context->Lock, Irql);
        return CompleteIrp(Irp, STATUS_NO_DATA_DETECTED, 0);
    }
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

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

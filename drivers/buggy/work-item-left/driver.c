/* build: gcc -O2 */
/*
 * Writes are gathered; when a timer finds that it is time, a work item adds them up and a system
 * thread takes note. A read returns the sum.
 *
 * Wrong: Unload frees the work item without waiting for its routine. Needs one preemption, or a
 * worker that is late: write, let the timer expire, close, unload before the routine has run.
 */
#include "driver.h"

#define TAG 'kwrT'
#define DELAY (-10 * 1000 * 1000) /* one second from now, in units of 100 ns */

typedef struct {
    LIST_ENTRY Link;
    ULONG Value;
} ENTRY;

typedef struct {
    KSPIN_LOCK EntriesLock;
    LIST_ENTRY Entries;
    KTIMER Timer;
    KDPC Dpc;

    PIO_WORKITEM WorkItem;
    LONG WorkQueued;  /* 1 from the queueing to the start of the work routine */
    LONG Outstanding; /* work routines queued or running, and one for the driver itself */
    KEVENT Idle;      /* Outstanding has become 0 */

    PVOID Thread;
    LONG Stop;
    KEVENT Wake;

    KMUTEX Mutex; /* guards what follows */
    ULONG Sum;
    ULONG Wakes;
} EXTENSION;

static NPAGED_LOOKASIDE_LIST EntryPool; /* static, because it wants more alignment than 16 */
static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\WorkItemLeft");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\WorkItemLeft");

/* Adds up and frees all entries. */
static ULONG Drain(EXTENSION *Ext)
{
    PLIST_ENTRY Link;
    ULONG Sum = 0;

    while ((Link = ExInterlockedRemoveHeadList(&Ext->Entries, &Ext->EntriesLock)) != NULL) {
        ENTRY *Entry = CONTAINING_RECORD(Link, ENTRY, Link);
        Sum += Entry->Value;
        ExFreeToNPagedLookasideList(&EntryPool, Entry);
    }
    return Sum;
}

static VOID NTAPI WorkRoutine(PDEVICE_OBJECT Device, PVOID Context)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Sum;

    InterlockedExchange(&Ext->WorkQueued, 0); /* what comes now may not be seen by this round */
    Sum = Drain(Ext);
    KeWaitForSingleObject(&Ext->Mutex, Executive, KernelMode, FALSE, NULL);
    Ext->Sum += Sum;
    KeReleaseMutex(&Ext->Mutex, FALSE);
    if (InterlockedDecrement(&Ext->Outstanding) == 0)
        KeSetEvent(&Ext->Idle, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI TimerDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_OBJECT Device = Context;
    EXTENSION *Ext = Device->DeviceExtension;

    if (InterlockedExchange(&Ext->WorkQueued, 1) == 0) {
        InterlockedIncrement(&Ext->Outstanding);
        IoQueueWorkItem(Ext->WorkItem, WorkRoutine, DelayedWorkQueue, NULL);
    }
    KeSetEvent(&Ext->Wake, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI ThreadRoutine(PVOID Context)
{
    EXTENSION *Ext = Context;

    for (;;) {
        KeWaitForSingleObject(&Ext->Wake, Executive, KernelMode, FALSE, NULL);
        if (READ_ONCE(Ext->Stop))
            break;
        KeWaitForSingleObject(&Ext->Mutex, Executive, KernelMode, FALSE, NULL);
        Ext->Wakes++;
        KeReleaseMutex(&Ext->Mutex, FALSE);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    ENTRY *Entry = ExAllocateFromNPagedLookasideList(&EntryPool);
    LARGE_INTEGER Delay;

    if (!Entry)
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    Entry->Value = Length;
    ExInterlockedInsertTailList(&Ext->Entries, &Entry->Link, &Ext->EntriesLock);
    Delay.QuadPart = DELAY;
    KeSetTimer(&Ext->Timer, Delay, &Ext->Dpc);
    return CompleteIrp(Irp, STATUS_SUCCESS, Length);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    KeWaitForSingleObject(&Ext->Mutex, Executive, KernelMode, FALSE, NULL);
    *(ULONG *)Irp->AssociatedIrp.SystemBuffer = Ext->Sum;
    KeReleaseMutex(&Ext->Mutex, FALSE);
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
}

/* CREATE, CLEANUP, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    EXTENSION *Ext = Driver->DeviceObject->DeviceExtension;

    KeCancelTimer(&Ext->Timer);
    KeFlushQueuedDpcs(); /* the timer may have expired just before */

    /* BUG: Ext->Outstanding is not waited for. */
    IoFreeWorkItem(Ext->WorkItem);

    InterlockedExchange(&Ext->Stop, 1);
    KeSetEvent(&Ext->Wake, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(Ext->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Ext->Thread);

    Drain(Ext); /* what the timer was cancelled for */
    ExDeleteNPagedLookasideList(&EntryPool);
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

/* Starts the thread and keeps its object, to be waited for. */
static INIT_CODE NTSTATUS StartThread(EXTENSION *Ext)
{
    OBJECT_ATTRIBUTES Attributes;
    NTSTATUS Status;
    HANDLE Handle;

    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL,
                                  ThreadRoutine, Ext);
    if (!NT_SUCCESS(Status))
        return Status;
    /* Cannot fail: the handle is good and the caller is the kernel. */
    ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, NULL, KernelMode, &Ext->Thread, NULL);
    ZwClose(Handle);
    return STATUS_SUCCESS;
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    Status = IoCreateDevice(Driver, sizeof(EXTENSION), &DeviceName, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;

    Ext = Device->DeviceExtension;
    KeInitializeSpinLock(&Ext->EntriesLock);
    InitializeListHead(&Ext->Entries);
    KeInitializeTimer(&Ext->Timer);
    KeInitializeDpc(&Ext->Dpc, TimerDpc, Device);
    KeInitializeEvent(&Ext->Idle, NotificationEvent, FALSE);
    KeInitializeEvent(&Ext->Wake, SynchronizationEvent, FALSE);
    KeInitializeMutex(&Ext->Mutex, 0);
    Ext->Outstanding = 1;
    ExInitializeNPagedLookasideList(&EntryPool, NULL, NULL, 0, sizeof(ENTRY), TAG, 0);

    Status = STATUS_INSUFFICIENT_RESOURCES;
    Ext->WorkItem = IoAllocateWorkItem(Device);
    if (!Ext->WorkItem)
        goto NoWorkItem;
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status))
        goto NoLink;
    Status = StartThread(Ext);
    if (!NT_SUCCESS(Status))
        goto NoThread;

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;

NoThread:
    IoDeleteSymbolicLink(&LinkName);
NoLink:
    IoFreeWorkItem(Ext->WorkItem);
NoWorkItem:
    ExDeleteNPagedLookasideList(&EntryPool);
    IoDeleteDevice(Device);
    return Status;
}

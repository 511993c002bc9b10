/* build: clang -O2 */
/*
 * Function driver of the bench's device: a write starts an operation, the interrupt that ends it
 * completes the oldest read with what the device has to say.
 *
 * Reads wait in a cancel-safe queue. The remove lock is held for each IRP from its arrival to its
 * completion. RegistersLock guards the pointer to the registers: it is NULL while the device has no
 * resources, and a DPC or a write that comes late sees that.
 *
 * Wrong: the service routine takes the all ones that a device reads as which was pulled out for its
 * interrupt. Needs another device on the line that interrupts before the routine is disconnected.
 */
#include "driver.h"
#include "benchdev.h"

#define TAG 'tinP'

typedef struct {
    PDEVICE_OBJECT Lower;
    IO_REMOVE_LOCK RemoveLock;
    LONG Gone; /* 1 once the device has been removed, by surprise or not */

    IO_CSQ Csq;
    KSPIN_LOCK QueueLock;
    LIST_ENTRY Queue;

    KSPIN_LOCK RegistersLock;
    PUCHAR Registers;    /* for threads and DPCs; NULL while the device is not started */
    PUCHAR IsrRegisters; /* for the ISR: set before it is connected, kept while it is */
    PKINTERRUPT Interrupt;
    KDPC Dpc;
} EXTENSION;

/* A remove lock's tag for the routine itself, where Irp is the tag of the IRP. */
#define ROUTINE_TAG ((PVOID)1)

static ULONG ReadRegister(PUCHAR Registers, ULONG Offset)
{
    return READ_REGISTER_ULONG((PULONG)(Registers + Offset));
}

static VOID WriteRegister(PUCHAR Registers, ULONG Offset, ULONG Value)
{
    WRITE_REGISTER_ULONG((PULONG)(Registers + Offset), Value);
}

/* --- the queue of reads --- */

static VOID NTAPI CsqInsert(PIO_CSQ Csq, PIRP Irp)
{
    EXTENSION *Ext = CONTAINING_RECORD(Csq, EXTENSION, Csq);
    InsertTailList(&Ext->Queue, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI CsqRemove(PIO_CSQ Csq, PIRP Irp)
{
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* PeekContext is the file object whose reads are wanted, or NULL for any. */
static PIRP NTAPI CsqPeekNext(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext)
{
    EXTENSION *Ext = CONTAINING_RECORD(Csq, EXTENSION, Csq);
    PLIST_ENTRY Entry = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Ext->Queue.Flink;

    for (; Entry != &Ext->Queue; Entry = Entry->Flink) {
        PIRP Next = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (!PeekContext || IoGetCurrentIrpStackLocation(Next)->FileObject == PeekContext)
            return Next;
    }
    return NULL;
}

static VOID NTAPI CsqLock(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&CONTAINING_RECORD(Csq, EXTENSION, Csq)->QueueLock, Irql);
}

static VOID NTAPI CsqUnlock(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&CONTAINING_RECORD(Csq, EXTENSION, Csq)->QueueLock, Irql);
}

/* Completes an IRP that holds the remove lock, and releases that last. */
static NTSTATUS Finish(EXTENSION *Ext, PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    CompleteIrp(Irp, Status, Information);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

static VOID NTAPI CsqCompleteCanceled(PIO_CSQ Csq, PIRP Irp)
{
    Finish(CONTAINING_RECORD(Csq, EXTENSION, Csq), Irp, STATUS_CANCELLED, 0);
}

/* Completes the waiting reads of one file object, or of all (NULL). */
static VOID FailReads(EXTENSION *Ext, PFILE_OBJECT File, NTSTATUS Status)
{
    PIRP Irp;

    while ((Irp = IoCsqRemoveNextIrp(&Ext->Csq, File)) != NULL)
        Finish(Ext, Irp, Status, 0);
}

/* --- the device --- */

static BOOLEAN NTAPI Isr(PKINTERRUPT Interrupt, PVOID Context)
{
    EXTENSION *Ext = Context;
    ULONG Status = ReadRegister(Ext->IsrRegisters, BENCHDEV_STATUS);

    if (!(Status & BENCHDEV_STATUS_INTERRUPT)) /* BUG: set as well in all ones */
        return FALSE;                          /* another device on this line */
    WriteRegister(Ext->IsrRegisters, BENCHDEV_ACK, 1);
    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return TRUE;
}

static VOID NTAPI InterruptDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *Ext = Context;
    BOOLEAN Started;
    ULONG Value = 0;
    PIRP Irp;

    KeAcquireSpinLockAtDpcLevel(&Ext->RegistersLock);
    Started = Ext->Registers != NULL;
    if (Started)
        Value = ReadRegister(Ext->Registers, BENCHDEV_DATA_IN);
    KeReleaseSpinLockFromDpcLevel(&Ext->RegistersLock);

    if (!Started || (Irp = IoCsqRemoveNextIrp(&Ext->Csq, NULL)) == NULL)
        return;
    *(ULONG *)Irp->AssociatedIrp.SystemBuffer = Value;
    Finish(Ext, Irp, STATUS_SUCCESS, sizeof(ULONG));
}

/* Writes a value and rings the bell; FALSE if the device is not started. */
static BOOLEAN StartOperation(EXTENSION *Ext, ULONG Value)
{
    BOOLEAN Started;
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->RegistersLock, &Irql);
    Started = Ext->Registers != NULL;
    if (Started) {
        WriteRegister(Ext->Registers, BENCHDEV_DATA_OUT, Value);
        WriteRegister(Ext->Registers, BENCHDEV_DOORBELL, 1);
    }
    KeReleaseSpinLock(&Ext->RegistersLock, Irql);
    return Started;
}

static RESIDENT_FN VOID SetRegisters(EXTENSION *Ext, PUCHAR Registers)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->RegistersLock, &Irql);
    Ext->Registers = Registers;
    KeReleaseSpinLock(&Ext->RegistersLock, Irql);
}

/* Gives the resources back. `Present` is FALSE when the device is no longer there to be told. */
static PAGED_FN VOID ReleaseHardware(EXTENSION *Ext, BOOLEAN Present)
{
    PAGED_CODE();
    if (!Ext->IsrRegisters)
        return;
    SetRegisters(Ext, NULL); /* from here on neither DPC nor write touches the device */
    if (Present)
        WriteRegister(Ext->IsrRegisters, BENCHDEV_ENABLE, 0);
    if (Ext->Interrupt)
        IoDisconnectInterrupt(Ext->Interrupt);
    KeRemoveQueueDpc(&Ext->Dpc);
    KeFlushQueuedDpcs();
    MmUnmapIoSpace(Ext->IsrRegisters, BENCHDEV_BAR_SIZE);
    Ext->Interrupt = NULL;
    Ext->IsrRegisters = NULL;
}

static PAGED_FN NTSTATUS StartHardware(EXTENSION *Ext, PCM_RESOURCE_LIST Resources)
{
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Each, Memory = NULL, Line = NULL;
    PCM_PARTIAL_RESOURCE_LIST List;
    NTSTATUS Status;
    ULONG Index;

    PAGED_CODE();
    if (!Resources || Resources->Count != 1)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    /* By pointer: the array is declared with one element, and a compiler may count on that. */
    List = &Resources->List[0].PartialResourceList;
    Each = List->PartialDescriptors;
    for (Index = 0; Index < List->Count; Index++, Each++) {
        if (Each->Type == CmResourceTypeMemory)
            Memory = Each;
        else if (Each->Type == CmResourceTypeInterrupt)
            Line = Each;
    }
    if (!Memory || !Line || Memory->u.Memory.Length < BENCHDEV_BAR_SIZE)
        return STATUS_DEVICE_CONFIGURATION_ERROR;

    Ext->IsrRegisters = MmMapIoSpace(Memory->u.Memory.Start, BENCHDEV_BAR_SIZE, MmNonCached);
    if (!Ext->IsrRegisters)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (ReadRegister(Ext->IsrRegisters, BENCHDEV_ID) != BENCHDEV_ID_VALUE) {
        ReleaseHardware(Ext, FALSE);
        return STATUS_NO_SUCH_DEVICE;
    }
    Status = IoConnectInterrupt(&Ext->Interrupt, Isr, Ext, NULL, Line->u.Interrupt.Vector,
                                (KIRQL)Line->u.Interrupt.Level, (KIRQL)Line->u.Interrupt.Level,
                                Line->Flags & CM_RESOURCE_INTERRUPT_LATCHED ? Latched
                                                                            : LevelSensitive,
                                Line->ShareDisposition == CmResourceShareShared,
                                Line->u.Interrupt.Affinity, FALSE);
    if (!NT_SUCCESS(Status)) {
        Ext->Interrupt = NULL;
        ReleaseHardware(Ext, FALSE);
        return Status;
    }
    SetRegisters(Ext, Ext->IsrRegisters);
    WriteRegister(Ext->IsrRegisters, BENCHDEV_ENABLE, BENCHDEV_ENABLE_INTERRUPT);
    return STATUS_SUCCESS;
}

/* --- requests --- */

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return Finish(Ext, Irp, STATUS_BUFFER_TOO_SMALL, 0);
    Status = IoAcquireRemoveLock(&Ext->RemoveLock, ROUTINE_TAG);
    if (!NT_SUCCESS(Status))
        return Finish(Ext, Irp, Status, 0);

    IoCsqInsertIrp(&Ext->Csq, Irp, NULL); /* marks it pending; its hold on the lock goes with it */
    if (READ_ONCE(Ext->Gone)) /* too late for the removal to find this read in the queue */
        FailReads(Ext, NULL, STATUS_DEVICE_DOES_NOT_EXIST);
    IoReleaseRemoveLock(&Ext->RemoveLock, ROUTINE_TAG);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length < sizeof(ULONG))
        return Finish(Ext, Irp, STATUS_INVALID_PARAMETER, 0);
    if (!StartOperation(Ext, *(ULONG *)Irp->AssociatedIrp.SystemBuffer))
        return Finish(Ext, Irp, STATUS_DEVICE_NOT_READY, 0);
    return Finish(Ext, Irp, STATUS_SUCCESS, sizeof(ULONG));
}

/* CREATE, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    FailReads(Device->DeviceExtension, IoGetCurrentIrpStackLocation(Irp)->FileObject,
              STATUS_CANCELLED);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* --- plug and play --- */

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);

    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE: /* the bus starts first */
        Status = STATUS_UNSUCCESSFUL;
        if (IoForwardIrpSynchronously(Ext->Lower, Irp))
            Status = Irp->IoStatus.Status;
        if (NT_SUCCESS(Status))
            Status = StartHardware(Ext, Stack->Parameters.StartDevice.AllocatedResourcesTranslated);
        return Finish(Ext, Irp, Status, 0);

    case IRP_MN_STOP_DEVICE: /* reads stay queued until the device is started again */
        ReleaseHardware(Ext, TRUE);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_SURPRISE_REMOVAL:
        ReleaseHardware(Ext, FALSE);
        InterlockedExchange(&Ext->Gone, 1);
        FailReads(Ext, NULL, STATUS_DEVICE_DOES_NOT_EXIST);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        ReleaseHardware(Ext, TRUE);
        InterlockedExchange(&Ext->Gone, 1);
        FailReads(Ext, NULL, STATUS_DELETE_PENDING);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Ext->Lower, Irp);
        IoReleaseRemoveLockAndWait(&Ext->RemoveLock, Irp);
        IoDetachDevice(Ext->Lower);
        IoDeleteDevice(Device);
        return Status;

    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Ext->Lower, Irp);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    PoStartNextPowerIrp(Irp);
    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    IoSkipCurrentIrpStackLocation(Irp);
    Status = PoCallDriver(Ext->Lower, Irp);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

static PAGED_FN NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    PAGED_CODE();
    Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;

    Ext = Device->DeviceExtension;
    IoInitializeRemoveLock(&Ext->RemoveLock, TAG, 0, 0);
    InitializeListHead(&Ext->Queue);
    KeInitializeSpinLock(&Ext->QueueLock);
    KeInitializeSpinLock(&Ext->RegistersLock);
    KeInitializeDpc(&Ext->Dpc, InterruptDpc, Ext);
    Status = IoCsqInitialize(&Ext->Csq, CsqInsert, CsqRemove, CsqPeekNext, CsqLock, CsqUnlock,
                             CsqCompleteCanceled);
    if (NT_SUCCESS(Status)) {
        Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
        if (!Ext->Lower)
            Status = STATUS_NO_SUCH_DEVICE;
    }
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    Device->Flags |= DO_BUFFERED_IO | (Ext->Lower->Flags & DO_POWER_PAGABLE);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    /* Every device has been removed by now, and with it everything that this driver had. */
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

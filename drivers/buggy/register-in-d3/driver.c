/* build: gcc -O2 */
/*
 * Function driver that owns the power policy of its device: it turns the device off when the system
 * sleeps or nobody uses it, on when it is needed, and lets it wake the system.
 *
 * Reads get a word from the device. While the device is off or stopped they wait in a cancel-safe
 * queue. A read is performed under Lock, with Started and Powered set; each is cleared under Lock
 * before the device is stopped or turned off, when it has no registers.
 *
 * Wrong: Powered is cleared when the request to turn the device off comes back, not before it is
 * passed down. Needs one preemption: a read is performed when the bus has done its part.
 *
 * A system power request is passed down first. When it comes back, its completion routine asks for
 * the fitting device power request, and that one's callback lets the system request go on.
 */
#include "driver.h"
#include "benchdev.h"

typedef struct {
    PDEVICE_OBJECT Self;
    PDEVICE_OBJECT Lower;
    IO_REMOVE_LOCK RemoveLock;
    PULONG Idle; /* idle counter, or NULL */

    KSPIN_LOCK Lock; /* guards what follows, down to Gone */
    BOOLEAN Started;
    BOOLEAN Powered;
    BOOLEAN Awake; /* the system is */
    BOOLEAN Gone;

    PUCHAR Registers; /* mapped before Started is set, and until after it is cleared */

    IO_CSQ Csq;
    LIST_ENTRY Queue; /* guarded by QueueLock */
    KSPIN_LOCK QueueLock;

    LONG PoweringUp; /* a request for D0 of ours is under way */
    LONG Armed;      /* the device may wake the system */
    LONG WakeState;
    PIRP WakeIrp;
} EXTENSION;

/* WakeState: who may complete or cancel WakeIrp. */
enum { WakeNone, WakeWaiting, WakeCancelling, WakeHeld };

/* --- the queue --- */

static VOID NTAPI CsqInsert(PIO_CSQ Csq, PIRP Irp)
{
    EXTENSION *Ext = CONTAINING_RECORD(Csq, EXTENSION, Csq);
    InsertTailList(&Ext->Queue, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI CsqRemove(PIO_CSQ Csq, PIRP Irp)
{
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* The next request, or the next one of a file object. */
static PIRP NTAPI CsqPeekNext(PIO_CSQ Csq, PIRP Irp, PVOID File)
{
    EXTENSION *Ext = CONTAINING_RECORD(Csq, EXTENSION, Csq);
    PLIST_ENTRY Each = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Ext->Queue.Flink;

    for (; Each != &Ext->Queue; Each = Each->Flink) {
        Irp = CONTAINING_RECORD(Each, IRP, Tail.Overlay.ListEntry);
        if (!File || IoGetCurrentIrpStackLocation(Irp)->FileObject == File)
            return Irp;
    }
    return NULL;
}

static VOID NTAPI CsqAcquire(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&CONTAINING_RECORD(Csq, EXTENSION, Csq)->QueueLock, Irql);
}

static VOID NTAPI CsqRelease(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&CONTAINING_RECORD(Csq, EXTENSION, Csq)->QueueLock, Irql);
}

static VOID NTAPI CsqCancelled(PIO_CSQ Csq, PIRP Irp)
{
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static VOID Withdraw(EXTENSION *Ext, PFILE_OBJECT File, NTSTATUS Status)
{
    PIRP Irp;

    while ((Irp = IoCsqRemoveNextIrp(&Ext->Csq, File)) != NULL)
        CompleteIrp(Irp, Status, 0);
}

/* --- performing requests --- */

static VOID PowerUp(EXTENSION *Ext);

/* Performs what waits, if the device may be used; else turns it on, if that is what it lacks. */
static VOID Perform(EXTENSION *Ext)
{
    BOOLEAN Off;
    ULONG Word;
    KIRQL Irql;
    PIRP Irp;

    for (;;) {
        Irp = NULL;
        Word = 0;
        KeAcquireSpinLock(&Ext->Lock, &Irql);
        Off = Ext->Started && Ext->Awake && !Ext->Powered;
        if (Ext->Started && Ext->Powered) {
            Irp = IoCsqRemoveNextIrp(&Ext->Csq, NULL);
            if (Irp)
                Word = READ_REGISTER_ULONG((PULONG)(Ext->Registers + BENCHDEV_DATA_IN));
        }
        KeReleaseSpinLock(&Ext->Lock, Irql);
        if (!Irp)
            break;
        *(PULONG)Irp->AssociatedIrp.SystemBuffer = Word;
        CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
    }
    if (Off && !IsListEmpty(&Ext->Queue))
        PowerUp(Ext);
}

static VOID NTAPI PowerUpDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                              PIO_STATUS_BLOCK IoStatus)
{
    EXTENSION *Ext = Context;

    InterlockedExchange(&Ext->PoweringUp, 0);
    if (NT_SUCCESS(IoStatus->Status))
        Perform(Ext); /* it may have been turned off again meanwhile */
    IoReleaseRemoveLock(&Ext->RemoveLock, Ext);
}

static VOID PowerUp(EXTENSION *Ext)
{
    POWER_STATE State;

    if (InterlockedExchange(&Ext->PoweringUp, 1))
        return;
    if (!NT_SUCCESS(IoAcquireRemoveLock(&Ext->RemoveLock, Ext))) {
        InterlockedExchange(&Ext->PoweringUp, 0);
        return;
    }
    State.DeviceState = PowerDeviceD0;
    if (PoRequestPowerIrp(Ext->Self, IRP_MN_SET_POWER, State, PowerUpDone, Ext, NULL) !=
        STATUS_PENDING) {
        InterlockedExchange(&Ext->PoweringUp, 0);
        IoReleaseRemoveLock(&Ext->RemoveLock, Ext);
    }
}

/* Changes one of the flags that say whether the device may be used. */
static VOID Set(EXTENSION *Ext, BOOLEAN *Flag, BOOLEAN Value)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    *Flag = Value;
    KeReleaseSpinLock(&Ext->Lock, Irql);
}

/* --- requests --- */

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
    Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    if (READ_ONCE(Ext->Gone)) {
        IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
        return CompleteIrp(Irp, STATUS_DEVICE_DOES_NOT_EXIST, 0);
    }
    if (Ext->Idle)
        PoSetDeviceBusyEx(Ext->Idle);
    IoCsqInsertIrp(&Ext->Csq, Irp, NULL); /* marks it pending */
    Perform(Ext);
    if (READ_ONCE(Ext->Gone)) /* and it went in too late to be withdrawn */
        Withdraw(Ext, NULL, STATUS_DEVICE_DOES_NOT_EXIST);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return STATUS_PENDING;
}

static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    Withdraw(Device->DeviceExtension, IoGetCurrentIrpStackLocation(Irp)->FileObject,
             STATUS_CANCELLED);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* --- power --- */

/* The device's request that belongs to a system request is done, and so is the system's. */
static VOID NTAPI DeviceDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                             PIO_STATUS_BLOCK IoStatus)
{
    CompleteIrp(Context, IoStatus->Status, 0);
}

/* The drivers below are done with a system request. */
static NTSTATUS NTAPI SystemDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EXTENSION *Ext = Context;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN Working = Stack->Parameters.Power.State.SystemState == PowerSystemWorking;
    POWER_STATE State;
    NTSTATUS Status;

    if (!NT_SUCCESS(Irp->IoStatus.Status))
        return STATUS_CONTINUE_COMPLETION;
    if (Stack->MinorFunction == IRP_MN_SET_POWER)
        Set(Ext, &Ext->Awake, Working);
    State.DeviceState = Working ? PowerDeviceD0 : PowerDeviceD3;
    Status = PoRequestPowerIrp(Ext->Self, Stack->MinorFunction, State, DeviceDone, Irp, NULL);
    if (Status == STATUS_PENDING)
        return STATUS_MORE_PROCESSING_REQUIRED;
    Irp->IoStatus.Status = Status;
    return STATUS_CONTINUE_COMPLETION;
}

/* The bus has turned the device on. */
static NTSTATUS NTAPI OnDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EXTENSION *Ext = Context;

    if (NT_SUCCESS(Irp->IoStatus.Status)) {
        PoSetPowerState(Ext->Self, DevicePowerState,
                        IoGetCurrentIrpStackLocation(Irp)->Parameters.Power.State);
        Set(Ext, &Ext->Powered, TRUE);
        Perform(Ext);
    }
    return STATUS_CONTINUE_COMPLETION;
}

/* The bus has turned the device off. */
static NTSTATUS NTAPI OffDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EXTENSION *Ext = Context;

    Set(Ext, &Ext->Powered, FALSE);
    PoSetPowerState(Ext->Self, DevicePowerState,
                    IoGetCurrentIrpStackLocation(Irp)->Parameters.Power.State);
    return STATUS_CONTINUE_COMPLETION;
}

/* The bus is done with the wait/wake request; somebody may be cancelling it. */
static NTSTATUS NTAPI WakeArrived(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    EXTENSION *Ext = Context;

    if (InterlockedExchange(&Ext->WakeState, WakeHeld) == WakeCancelling)
        return STATUS_MORE_PROCESSING_REQUIRED; /* the canceller lets it go on */
    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static VOID NTAPI WakeDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                           PIO_STATUS_BLOCK IoStatus)
{
    EXTENSION *Ext = Context;

    IoReleaseRemoveLock(&Ext->RemoveLock, Ext);
}

/* Lets the device wake the system, once. */
static VOID Arm(EXTENSION *Ext)
{
    POWER_STATE State;

    if (!NT_SUCCESS(IoAcquireRemoveLock(&Ext->RemoveLock, Ext)))
        return;
    InterlockedExchange(&Ext->Armed, 1);
    State.SystemState = PowerSystemSleeping3;
    if (PoRequestPowerIrp(Ext->Self, IRP_MN_WAIT_WAKE, State, WakeDone, Ext, NULL) !=
        STATUS_PENDING)
        IoReleaseRemoveLock(&Ext->RemoveLock, Ext);
}

static VOID Disarm(EXTENSION *Ext)
{
    InterlockedExchange(&Ext->Armed, 0);
    if (InterlockedCompareExchange(&Ext->WakeState, WakeCancelling, WakeWaiting) != WakeWaiting)
        return;
    IoCancelIrp(Ext->WakeIrp);
    if (InterlockedExchange(&Ext->WakeState, WakeNone) == WakeHeld)
        IoCompleteRequest(Ext->WakeIrp, IO_NO_INCREMENT);
}

static NTSTATUS PassWake(EXTENSION *Ext, PIRP Irp)
{
    Ext->WakeIrp = Irp;
    InterlockedExchange(&Ext->WakeState, WakeWaiting);
    if (!InterlockedCompareExchange(&Ext->Armed, 0, 0) &&
        InterlockedCompareExchange(&Ext->WakeState, WakeNone, WakeWaiting) == WakeWaiting)
        return CompleteIrp(Irp, STATUS_CANCELLED, 0); /* disarmed before it got here */
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, WakeArrived, Ext, TRUE, TRUE, TRUE);
    return PoCallDriver(Ext->Lower, Irp);
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PIO_COMPLETION_ROUTINE Done = NULL;

    if (Stack->MinorFunction == IRP_MN_WAIT_WAKE)
        return PassWake(Ext, Irp);
    if (Stack->MinorFunction == IRP_MN_SET_POWER || Stack->MinorFunction == IRP_MN_QUERY_POWER) {
        BOOLEAN Set0 = Stack->MinorFunction == IRP_MN_SET_POWER;

        if (Stack->Parameters.Power.Type == SystemPowerState) {
            Done = SystemDone;
        } else if (Set0 && Stack->Parameters.Power.State.DeviceState == PowerDeviceD0) {
            Done = OnDone;
        } else if (Set0) {
            Done = OffDone; /* BUG: off is first this driver's, then the bus's */
        }
    }
    if (!Done) {
        IoSkipCurrentIrpStackLocation(Irp);
        return PoCallDriver(Ext->Lower, Irp);
    }
    IoMarkIrpPending(Irp);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Done, Ext, TRUE, TRUE, TRUE);
    PoCallDriver(Ext->Lower, Irp);
    return STATUS_PENDING;
}

/* --- plug and play --- */

/* The registers among the resources, mapped. */
static NTSTATUS Map(EXTENSION *Ext, PCM_RESOURCE_LIST Resources)
{
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Each;
    PCM_PARTIAL_RESOURCE_LIST List;
    ULONG Index;

    if (!Resources || Resources->Count != 1)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    /* By pointer: the array is declared with one element, and a compiler may count on that. */
    List = &Resources->List[0].PartialResourceList;
    Each = List->PartialDescriptors;
    for (Index = 0; Index < List->Count; Index++, Each++) {
        if (Each->Type == CmResourceTypeMemory && Each->u.Memory.Length >= BENCHDEV_BAR_SIZE) {
            Ext->Registers = MmMapIoSpace(Each->u.Memory.Start, BENCHDEV_BAR_SIZE, MmNonCached);
            return Ext->Registers ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    return STATUS_DEVICE_CONFIGURATION_ERROR;
}

static VOID Start(EXTENSION *Ext)
{
    POWER_STATE On;

    On.DeviceState = PowerDeviceD0;
    PoSetPowerState(Ext->Self, DevicePowerState, On); /* the bus has turned it on */
    Set(Ext, &Ext->Powered, TRUE);
    Set(Ext, &Ext->Started, TRUE);
    Ext->Idle = PoRegisterDeviceForIdleDetection(Ext->Self, 10, 10, PowerDeviceD3);
    Arm(Ext);
    Perform(Ext);
}

static VOID Stop(EXTENSION *Ext)
{
    Set(Ext, &Ext->Started, FALSE);
    Disarm(Ext);
    if (Ext->Registers)
        MmUnmapIoSpace(Ext->Registers, BENCHDEV_BAR_SIZE);
    Ext->Registers = NULL;
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status;

    switch (Stack->MinorFunction) {
    case IRP_MN_START_DEVICE: /* the bus starts first */
        Status = STATUS_UNSUCCESSFUL;
        if (IoForwardIrpSynchronously(Ext->Lower, Irp))
            Status = Irp->IoStatus.Status;
        if (NT_SUCCESS(Status))
            Status = Map(Ext, Stack->Parameters.StartDevice.AllocatedResourcesTranslated);
        if (NT_SUCCESS(Status))
            Start(Ext);
        return CompleteIrp(Irp, Status, 0);

    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_STOP_DEVICE:
        Stop(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_SURPRISE_REMOVAL:
        Stop(Ext);
        Set(Ext, &Ext->Gone, TRUE);
        Withdraw(Ext, NULL, STATUS_DEVICE_DOES_NOT_EXIST);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
        Stop(Ext);
        Set(Ext, &Ext->Gone, TRUE);
        Withdraw(Ext, NULL, STATUS_DELETE_PENDING);
        IoReleaseRemoveLockAndWait(&Ext->RemoveLock, Irp);
        if (Ext->Idle)
            PoRegisterDeviceForIdleDetection(Device, 0, 0, PowerDeviceD3);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Ext->Lower, Irp);
        IoDetachDevice(Ext->Lower);
        IoDeleteDevice(Device);
        return Status;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Ext->Lower, Irp);
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
    Ext->Self = Device;
    Ext->Awake = TRUE;
    KeInitializeSpinLock(&Ext->Lock);
    KeInitializeSpinLock(&Ext->QueueLock);
    InitializeListHead(&Ext->Queue);
    IoInitializeRemoveLock(&Ext->RemoveLock, 'rwoP', 0, 0);
    IoCsqInitialize(&Ext->Csq, CsqInsert, CsqRemove, CsqPeekNext, CsqAcquire, CsqRelease,
                    CsqCancelled);
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoDeleteDevice(Device);
        return STATUS_NO_SUCH_DEVICE;
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
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

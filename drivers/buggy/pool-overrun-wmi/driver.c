/* build: clang -O2 */
/*
 * A WMI provider that lets the WMI library answer: counters of two ports, limits that may be set and
 * reset by a method, and an event. It registers when the device starts, and is no provider any more
 * when the device is removed or gone.
 *
 * Wrong: there has to be room for one instance, and all of them are copied. Deterministic: WMI asks
 * for all data with room for one.
 */
#include "driver.h"
#include <wmistr.h>
#include <wmilib.h>

#define TAG 'tmiW'
#define PORTS 2
#define RESET 1 /* the method's number */

typedef struct {
    ULONG64 Received, Sent;
} COUNTERS;

typedef struct {
    ULONG Rate, Burst;
} LIMITS;

typedef struct {
    PDEVICE_OBJECT Lower, Pdo;
    IO_REMOVE_LOCK RemoveLock;
    KSPIN_LOCK Lock; /* for all that follows */
    COUNTERS Counters[PORTS];
    LIMITS Limits;
    BOOLEAN EventOn;
    /* Only the PnP manager's requests, one at a time. */
    BOOLEAN Provider;
} EXTENSION;

static const GUID CountersGuid = {
    0x6b1d9a51, 0x3f0e, 0x4c12, {0x9a, 0x77, 0x10, 0x52, 0xe0, 0x4c, 0x11, 0x01}};
static const GUID LimitsGuid = {
    0x6b1d9a52, 0x3f0e, 0x4c12, {0x9a, 0x77, 0x10, 0x52, 0xe0, 0x4c, 0x11, 0x01}};
static const GUID LimitsEventGuid = {
    0x6b1d9a53, 0x3f0e, 0x4c12, {0x9a, 0x77, 0x10, 0x52, 0xe0, 0x4c, 0x11, 0x01}};

enum { COUNTERS_BLOCK, LIMITS_BLOCK, LIMITS_EVENT };

static WMIGUIDREGINFO Blocks[] = {
    {&CountersGuid, PORTS, WMIREG_FLAG_EXPENSIVE},
    {&LimitsGuid, 1, 0},
    {&LimitsEventGuid, 1, WMIREG_FLAG_EVENT_ONLY_GUID},
};

static UNICODE_STRING RegistryPathCopy;

static NTSTATUS NTAPI QueryRegInfo(PDEVICE_OBJECT Device, PULONG Flags, PUNICODE_STRING Name,
                                   PUNICODE_STRING *Path, PUNICODE_STRING Mof, PDEVICE_OBJECT *Pdo)
{
    EXTENSION *Ext = Device->DeviceExtension;

    *Flags = WMIREG_FLAG_INSTANCE_PDO;
    *Path = &RegistryPathCopy;
    *Pdo = Ext->Pdo;
    RtlInitUnicodeString(Mof, L"PortCounters");
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI QueryDataBlock(PDEVICE_OBJECT Device, PIRP Irp, ULONG Guid, ULONG Instance,
                                     ULONG Count, PULONG Lengths, ULONG Avail, PUCHAR Buffer)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Each = Guid == COUNTERS_BLOCK ? sizeof(COUNTERS) : sizeof(LIMITS);
    ULONG Have = Guid == COUNTERS_BLOCK ? PORTS : 1;
    ULONG Needed = Each * Count; /* both are multiples of 8 */
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Index;
    KIRQL Irql;

    if (Guid > LIMITS_BLOCK)
        return WmiCompleteRequest(Device, Irp, STATUS_WMI_GUID_NOT_FOUND, 0, IO_NO_INCREMENT);
    if (Instance >= Have || Count > Have - Instance)
        return WmiCompleteRequest(Device, Irp, STATUS_WMI_INSTANCE_NOT_FOUND, 0, IO_NO_INCREMENT);
    if (Avail < Each) /* BUG: Needed */
        return WmiCompleteRequest(Device, Irp, STATUS_BUFFER_TOO_SMALL, Needed, IO_NO_INCREMENT);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    for (Index = 0; Index < Count; Index++) {
        if (Guid == COUNTERS_BLOCK)
            ((COUNTERS *)Buffer)[Index] = Ext->Counters[Instance + Index];
        else
            *(LIMITS *)Buffer = Ext->Limits;
        Lengths[Index] = Each;
    }
    Ext->Counters[0].Sent += Needed;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    return WmiCompleteRequest(Device, Irp, Status, Needed, IO_NO_INCREMENT);
}

/* Tells of limits that were reset, without the library. WMI frees the item if it takes it. */
static VOID LimitsReset(PDEVICE_OBJECT Device)
{
    ULONG Size = sizeof(WNODE_SINGLE_INSTANCE) + sizeof(LIMITS);
    WNODE_SINGLE_INSTANCE *Wnode = ExAllocatePoolWithTag(NonPagedPool, Size, TAG);

    if (!Wnode)
        return;
    RtlZeroMemory(Wnode, Size);
    Wnode->WnodeHeader.BufferSize = Size;
    Wnode->WnodeHeader.ProviderId = IoWMIDeviceObjectToProviderId(Device);
    Wnode->WnodeHeader.Guid = LimitsEventGuid;
    Wnode->WnodeHeader.Flags =
        WNODE_FLAG_SINGLE_INSTANCE | WNODE_FLAG_EVENT_ITEM | WNODE_FLAG_STATIC_INSTANCE_NAMES;
    KeQuerySystemTime(&Wnode->WnodeHeader.TimeStamp);
    Wnode->DataBlockOffset = sizeof(*Wnode);
    Wnode->SizeDataBlock = sizeof(LIMITS);
    if (!NT_SUCCESS(IoWMIWriteEvent(Wnode)))
        ExFreePoolWithTag(Wnode, TAG);
}

/* Tells of new limits, if somebody wants to know. The library frees the data. */
static VOID LimitsChanged(PDEVICE_OBJECT Device, LIMITS Limits, BOOLEAN EventOn)
{
    LIMITS *Data;

    if (!EventOn)
        return;
    if (!Limits.Rate && !Limits.Burst) {
        LimitsReset(Device);
        return;
    }
    Data = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Data), TAG);
    if (!Data)
        return;
    *Data = Limits;
    WmiFireEvent(Device, &LimitsEventGuid, 0, sizeof(*Data), Data);
}

static BOOLEAN SetLimits(EXTENSION *Ext, LIMITS Limits)
{
    BOOLEAN EventOn;
    KIRQL Irql;

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Ext->Limits = Limits;
    EventOn = Ext->EventOn;
    KeReleaseSpinLock(&Ext->Lock, Irql);
    return EventOn;
}

static NTSTATUS NTAPI SetDataBlock(PDEVICE_OBJECT Device, PIRP Irp, ULONG Guid, ULONG Instance,
                                   ULONG Length, PUCHAR Buffer)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = STATUS_SUCCESS;
    LIMITS Limits;

    if (Guid != LIMITS_BLOCK)
        Status = Guid == COUNTERS_BLOCK ? STATUS_WMI_READ_ONLY : STATUS_WMI_GUID_NOT_FOUND;
    else if (Instance != 0)
        Status = STATUS_WMI_INSTANCE_NOT_FOUND;
    else if (Length < sizeof(Limits))
        Status = STATUS_WMI_SET_FAILURE;
    if (NT_SUCCESS(Status)) {
        RtlCopyMemory(&Limits, Buffer, sizeof(Limits));
        LimitsChanged(Device, Limits, SetLimits(Ext, Limits));
    }
    return WmiCompleteRequest(Device, Irp, Status, 0, IO_NO_INCREMENT);
}

/* Resets the limits; the output is what they were. */
static NTSTATUS NTAPI ExecuteMethod(PDEVICE_OBJECT Device, PIRP Irp, ULONG Guid, ULONG Instance,
                                    ULONG Method, ULONG InLength, ULONG OutLength, PUCHAR Buffer)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Used = 0;
    LIMITS Old;
    KIRQL Irql;

    if (Guid != LIMITS_BLOCK)
        Status = STATUS_WMI_GUID_NOT_FOUND;
    else if (Instance != 0)
        Status = STATUS_WMI_INSTANCE_NOT_FOUND;
    else if (Method != RESET)
        Status = STATUS_WMI_ITEMID_NOT_FOUND;
    else if (OutLength < (Used = sizeof(Old)))
        Status = STATUS_BUFFER_TOO_SMALL;
    if (NT_SUCCESS(Status)) {
        LIMITS None = {0, 0};

        KeAcquireSpinLock(&Ext->Lock, &Irql);
        Old = Ext->Limits;
        KeReleaseSpinLock(&Ext->Lock, Irql);
        LimitsChanged(Device, None, SetLimits(Ext, None));
        RtlCopyMemory(Buffer, &Old, sizeof(Old));
    }
    return WmiCompleteRequest(Device, Irp, Status, Used, IO_NO_INCREMENT);
}

static NTSTATUS NTAPI FunctionControl(PDEVICE_OBJECT Device, PIRP Irp, ULONG Guid,
                                      WMIENABLEDISABLECONTROL Function, BOOLEAN Enable)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    if (Function == WmiEventControl && Guid == LIMITS_EVENT) {
        KeAcquireSpinLock(&Ext->Lock, &Irql);
        Ext->EventOn = Enable;
        KeReleaseSpinLock(&Ext->Lock, Irql);
    }
    return WmiCompleteRequest(Device, Irp, STATUS_SUCCESS, 0, IO_NO_INCREMENT);
}

static WMILIB_CONTEXT Library = {
    sizeof(Blocks) / sizeof(Blocks[0]),
    Blocks,
    QueryRegInfo,
    QueryDataBlock,
    SetDataBlock,
    NULL,
    ExecuteMethod,
    FunctionControl,
};

static NTSTATUS PassDown(EXTENSION *Ext, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Ext->Lower, Irp);
}

static NTSTATUS NTAPI DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    SYSCTL_IRP_DISPOSITION Disposition;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    Status = WmiSystemControl(&Library, Device, Irp, &Disposition);
    switch (Disposition) {
    case IrpProcessed:
        break;
    case IrpNotCompleted:
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        break;
    default:
        Status = PassDown(Ext, Irp);
    }
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

/* Everything but PnP and WMI. */
static NTSTATUS NTAPI DispatchPass(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    Status = PassDown(Ext, Irp);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

/* CREATE, CLEANUP and CLOSE have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID StartProviding(PDEVICE_OBJECT Device, EXTENSION *Ext)
{
    if (!Ext->Provider)
        Ext->Provider = NT_SUCCESS(IoWMIRegistrationControl(Device, WMIREG_ACTION_REGISTER));
}

/* Waits for WMI's requests; no other comes afterwards. */
static VOID StopProviding(PDEVICE_OBJECT Device, EXTENSION *Ext)
{
    if (Ext->Provider)
        IoWMIRegistrationControl(Device, WMIREG_ACTION_DEREGISTER);
    Ext->Provider = FALSE;
}

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        Status = STATUS_NO_SUCH_DEVICE;
        if (IoForwardIrpSynchronously(Ext->Lower, Irp))
            Status = Irp->IoStatus.Status;
        if (NT_SUCCESS(Status))
            StartProviding(Device, Ext);
        CompleteIrp(Irp, Status, 0);
        break;
    case IRP_MN_SURPRISE_REMOVAL:
        StopProviding(Device, Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Ext, Irp);
        break;
    case IRP_MN_REMOVE_DEVICE:
        StopProviding(Device, Ext);
        IoReleaseRemoveLockAndWait(&Ext->RemoveLock, Irp);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Ext, Irp);
        IoDetachDevice(Ext->Lower);
        IoDeleteDevice(Device);
        return Status;
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Ext, Irp);
        break;
    default:
        Status = PassDown(Ext, Irp);
    }
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

static PAGED_FN NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    PAGED_CODE();
    Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, Pdo->DeviceType,
                            FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Ext = Device->DeviceExtension;
    Ext->Pdo = Pdo;
    KeInitializeSpinLock(&Ext->Lock);
    IoInitializeRemoveLock(&Ext->RemoveLock, TAG, 0, 0);
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoDeleteDevice(Device);
        return STATUS_NO_SUCH_DEVICE;
    }
    Device->Flags |= Ext->Lower->Flags & DO_POWER_PAGABLE;
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    ExFreePoolWithTag(RegistryPathCopy.Buffer, TAG);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    ULONG Major;

    /* The path is the system's, and gone after this routine. */
    RegistryPathCopy.Buffer = ExAllocatePoolWithTag(PagedPool, RegistryPath->Length, TAG);
    if (!RegistryPathCopy.Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    RegistryPathCopy.MaximumLength = RegistryPath->Length;
    RtlCopyUnicodeString(&RegistryPathCopy, RegistryPath);

    for (Major = 0; Major <= IRP_MJ_MAXIMUM_FUNCTION; Major++)
        Driver->MajorFunction[Major] = DispatchPass;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

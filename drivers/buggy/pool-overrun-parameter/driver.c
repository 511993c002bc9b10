/* build: gcc -O2 */
/* installed by: pool-overrun-parameter.inf, section Ring_Install.NT */
/*
 * Function driver whose INF file says how much it keeps: writes go round in a ring of Depth values, and a
 * read gets the one that was written last.
 *
 * Depth lies in Parameters below the service's key and is read once, Mask below the device's own key, for
 * each device. Either may be missing, of another type, or absurd: what is in the registry is no better than
 * what a user types. The remove lock is held for the length of each request.
 *
 * Wrong: there is room for as many values as there are without a setting.
 * Deterministic: when the device is added, where the INF file has been installed.
 */
#include "driver.h"

#define TAG 'gniR'
#define DEFAULT_DEPTH 8
#define MOST_DEPTH 1024

/* mingw-w64's wdm.h lacks these. */
#ifndef RTL_QUERY_REGISTRY_TYPECHECK
#define RTL_QUERY_REGISTRY_TYPECHECK 0x100
#define RTL_QUERY_REGISTRY_TYPECHECK_SHIFT 24
#endif

typedef struct {
    PDEVICE_OBJECT Lower;
    IO_REMOVE_LOCK RemoveLock;
    ULONG Mask;

    KSPIN_LOCK Lock; /* guards the rest */
    ULONG Next;
    ULONG Depth;
    ULONG *Values; /* Depth of them */
} EXTENSION;

static ULONG Depth = DEFAULT_DEPTH;

/* --- settings --- */

/* Reads Depth from the key of the service. */
static PAGED_FN VOID ReadDepth(PUNICODE_STRING RegistryPath)
{
    RTL_QUERY_REGISTRY_TABLE Query[3];
    ULONG Default = DEFAULT_DEPTH, Value = DEFAULT_DEPTH;
    WCHAR Path[256];
    USHORT Length = RegistryPath->Length / sizeof(WCHAR);

    PAGED_CODE();
    if (Length >= RTL_NUMBER_OF(Path))
        return;
    /* RtlQueryRegistryValues wants an end, which a counted string need not have. */
    RtlCopyMemory(Path, RegistryPath->Buffer, RegistryPath->Length);
    Path[Length] = 0;

    RtlZeroMemory(Query, sizeof(Query));
    Query[0].Flags = RTL_QUERY_REGISTRY_SUBKEY;
    Query[0].Name = (PWSTR)L"Parameters";
    Query[1].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
    Query[1].Name = (PWSTR)L"Depth";
    Query[1].EntryContext = &Value;
    Query[1].DefaultType = (REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT) | REG_DWORD;
    Query[1].DefaultData = &Default;
    Query[1].DefaultLength = sizeof(Default);
    if (!NT_SUCCESS(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, Path, Query, NULL, NULL)))
        return;
    if (Value >= 1 && Value <= MOST_DEPTH)
        Depth = Value;
}

/* Reads Mask from the key of the device. */
static PAGED_FN ULONG ReadMask(PDEVICE_OBJECT Pdo)
{
    union {
        KEY_VALUE_PARTIAL_INFORMATION Value;
        UCHAR Room[sizeof(KEY_VALUE_PARTIAL_INFORMATION) + sizeof(ULONG)];
    } Read;
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"Mask");
    ULONG Length, Mask = ~0u;
    NTSTATUS Status;
    HANDLE Key;

    PAGED_CODE();
    if (!NT_SUCCESS(IoOpenDeviceRegistryKey(Pdo, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &Key)))
        return Mask;
    Status = ZwQueryValueKey(Key, &Name, KeyValuePartialInformation, &Read, sizeof(Read), &Length);
    if (NT_SUCCESS(Status) && Read.Value.Type == REG_DWORD && Read.Value.DataLength == sizeof(ULONG))
        RtlCopyMemory(&Mask, Read.Value.Data, sizeof(ULONG));
    ZwClose(Key);
    return Mask;
}

/* --- requests --- */

/* Completes a request that holds the remove lock, and releases that last. */
static NTSTATUS Finish(EXTENSION *Ext, PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    CompleteIrp(Irp, Status, Information);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

static NTSTATUS NTAPI DispatchTransfer(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PULONG Buffer = Irp->AssociatedIrp.SystemBuffer;
    NTSTATUS Status;
    KIRQL Irql;

    Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    /* Read and Write have their lengths at the same place. */
    if (Stack->Parameters.Read.Length < sizeof(ULONG))
        return Finish(Ext, Irp, STATUS_INVALID_PARAMETER, 0);

    KeAcquireSpinLock(&Ext->Lock, &Irql);
    if (Stack->MajorFunction == IRP_MJ_WRITE) {
        Ext->Next = (Ext->Next + 1) % Ext->Depth;
        Ext->Values[Ext->Next] = *Buffer & Ext->Mask;
    } else {
        *Buffer = Ext->Values[Ext->Next];
    }
    KeReleaseSpinLock(&Ext->Lock, Irql);
    return Finish(Ext, Irp, STATUS_SUCCESS, sizeof(ULONG));
}

/* CREATE, CLEANUP, CLOSE and SET_INFORMATION have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* --- plug and play --- */

static NTSTATUS NTAPI DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status;

    Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);

    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE: /* the bus starts first */
        Status = IoForwardIrpSynchronously(Ext->Lower, Irp) ? Irp->IoStatus.Status
                                                            : STATUS_UNSUCCESSFUL;
        return Finish(Ext, Irp, Status, 0);

    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL: /* there are no registers that could go */
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        IoReleaseRemoveLockAndWait(&Ext->RemoveLock, Irp);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Ext->Lower, Irp);
        IoDetachDevice(Ext->Lower);
        ExFreePoolWithTag(Ext->Values, TAG);
        IoDeleteDevice(Device);
        return Status;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Ext->Lower, Irp);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

static NTSTATUS NTAPI DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status;

    PoStartNextPowerIrp(Irp);
    Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
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
    KeInitializeSpinLock(&Ext->Lock);
    IoInitializeRemoveLock(&Ext->RemoveLock, TAG, 0, 0);
    Ext->Mask = ReadMask(Pdo);
    Ext->Depth = Depth;
    /* BUG: room for the default, whatever the INF file says */
    Ext->Values = ExAllocatePoolWithTag(NonPagedPoolNx, DEFAULT_DEPTH * sizeof(ULONG), TAG);
    if (!Ext->Values) {
        IoDeleteDevice(Device);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Ext->Values, Ext->Depth * sizeof(ULONG));
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        ExFreePoolWithTag(Ext->Values, TAG);
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
    ReadDepth(RegistryPath);
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchTransfer;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchTransfer;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

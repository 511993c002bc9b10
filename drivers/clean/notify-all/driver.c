/* build: clang -O2 */
/*
 * Counts what happens in the system: processes, threads and images, device interfaces that come and
 * go, the power source; a read returns the counts. At shutdown it counts no more. What it keeps of
 * each is in an ordered table under a fast mutex, which every registered routine may wait for.
 */
#include "driver.h"
#include <ntddk.h>

#define TAG 'toNB'

typedef struct {
    ULONG What; /* the key */
    ULONG Count;
} COUNTER;

enum { PROCESSES = 1, THREADS, IMAGES, INTERFACES, POWER, SETTINGS };

static struct {
    FAST_MUTEX Lock; /* guards Table */
    RTL_AVL_TABLE Table;
    PCALLBACK_OBJECT PowerState;
    PVOID PowerHandle;
    PVOID InterfaceHandle;
    PVOID SettingHandle;
    BOOLEAN Processes, Threads, Images;
} Global;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\NotifyAll");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\NotifyAll");
static UNICODE_STRING PowerName = RTL_CONSTANT_STRING(L"\\Callback\\PowerState");

/* A class of device interfaces of somebody else's. */
static const GUID Class = {0x4d36e978, 0xe325, 0x11ce, {0xbf, 0xc1, 8, 0, 0x2b, 0xe1, 3, 0x18}};
/* GUID_ACDC_POWER_SOURCE */
static const GUID Source = {0x5d3e9a59, 0xe9d5, 0x4b00, {0xa6, 0xbd, 0xff, 0x34, 0xff, 0x51, 0x65, 0x48}};

static RTL_GENERIC_COMPARE_RESULTS NTAPI Compare(PRTL_AVL_TABLE Table, PVOID One, PVOID Two)
{
    ULONG A = ((COUNTER *)One)->What, B = ((COUNTER *)Two)->What;

    return A < B ? GenericLessThan : A > B ? GenericGreaterThan : GenericEqual;
}

static PVOID NTAPI Allocate(PRTL_AVL_TABLE Table, CLONG Bytes)
{
    return ExAllocatePoolWithTag(PagedPool, Bytes, TAG);
}

static VOID NTAPI Free(PRTL_AVL_TABLE Table, PVOID Element)
{
    ExFreePoolWithTag(Element, TAG);
}

/* One more of this; forgotten where there is no memory. */
static VOID Count(ULONG What)
{
    COUNTER Key = {What, 0}, *Counter;

    ExAcquireFastMutex(&Global.Lock);
    Counter = RtlInsertElementGenericTableAvl(&Global.Table, &Key, sizeof(Key), NULL);
    if (Counter)
        Counter->Count++;
    ExReleaseFastMutex(&Global.Lock);
}

static VOID NTAPI OnProcess(HANDLE Parent, HANDLE Process, BOOLEAN Create)
{
    Count(PROCESSES);
}

static VOID NTAPI OnThread(HANDLE Process, HANDLE Thread, BOOLEAN Create)
{
    Count(THREADS);
}

static VOID NTAPI OnImage(PUNICODE_STRING Name, HANDLE Process, PIMAGE_INFO Image)
{
    if (Name && Name->Length && Image->ImageBase)
        Count(IMAGES);
}

static NTSTATUS NTAPI OnInterface(PVOID Structure, PVOID Context)
{
    PDEVICE_INTERFACE_CHANGE_NOTIFICATION Change = Structure;

    if (Change->SymbolicLinkName->Length)
        Count(INTERFACES);
    return STATUS_SUCCESS;
}

static VOID NTAPI OnPower(PVOID Context, PVOID What, PVOID How)
{
    if ((ULONG_PTR)What == PO_CB_AC_STATUS && KeGetCurrentIrql() < DISPATCH_LEVEL)
        Count(POWER);
}

static NTSTATUS NTAPI OnSetting(LPCGUID Setting, PVOID Value, ULONG Bytes, PVOID Context)
{
    if (Bytes == sizeof(ULONG))
        Count(SETTINGS);
    return STATUS_SUCCESS;
}

/* Takes back what was registered. The routines do not run any more after that. */
static VOID Deregister(VOID)
{
    if (Global.SettingHandle)
        PoUnregisterPowerSettingCallback(Global.SettingHandle);
    if (Global.PowerHandle)
        ExUnregisterCallback(Global.PowerHandle);
    if (Global.PowerState)
        ObDereferenceObject(Global.PowerState);
    if (Global.InterfaceHandle)
        IoUnregisterPlugPlayNotification(Global.InterfaceHandle);
    if (Global.Images)
        PsRemoveLoadImageNotifyRoutine(OnImage);
    if (Global.Threads)
        PsRemoveCreateThreadNotifyRoutine(OnThread);
    if (Global.Processes)
        PsSetCreateProcessNotifyRoutine(OnProcess, TRUE);
}

static VOID Forget(VOID)
{
    COUNTER *Counter;

    while ((Counter = RtlGetElementGenericTableAvl(&Global.Table, 0)) != NULL)
        RtlDeleteElementGenericTableAvl(&Global.Table, Counter);
}

static NTSTATUS Register(PDRIVER_OBJECT Driver)
{
    OBJECT_ATTRIBUTES Attributes;
    NTSTATUS Status;

    Status = PsSetCreateProcessNotifyRoutine(OnProcess, FALSE);
    if (!NT_SUCCESS(Status))
        return Status;
    Global.Processes = TRUE;
    Status = PsSetCreateThreadNotifyRoutine(OnThread);
    if (!NT_SUCCESS(Status))
        return Status;
    Global.Threads = TRUE;
    Status = PsSetLoadImageNotifyRoutine(OnImage);
    if (!NT_SUCCESS(Status))
        return Status;
    Global.Images = TRUE;
    Status = IoRegisterPlugPlayNotification(
        EventCategoryDeviceInterfaceChange, PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES,
        (PVOID)&Class, Driver, OnInterface, NULL, &Global.InterfaceHandle);
    if (!NT_SUCCESS(Status))
        return Status;
    InitializeObjectAttributes(&Attributes, &PowerName, OBJ_CASE_INSENSITIVE, NULL, NULL);
    Status = ExCreateCallback(&Global.PowerState, &Attributes, FALSE, TRUE);
    if (!NT_SUCCESS(Status))
        return Status;
    Global.PowerHandle = ExRegisterCallback(Global.PowerState, OnPower, NULL);
    if (!Global.PowerHandle)
        return STATUS_INSUFFICIENT_RESOURCES;
    return PoRegisterPowerSettingCallback(NULL, &Source, OnSetting, NULL, &Global.SettingHandle);
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    ULONG Room = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length / sizeof(COUNTER);
    COUNTER *To = Irp->AssociatedIrp.SystemBuffer, *Counter;
    PVOID Key = NULL;
    ULONG Done = 0;

    ExAcquireFastMutex(&Global.Lock);
    while (Done < Room) {
        Counter = RtlEnumerateGenericTableWithoutSplayingAvl(&Global.Table, &Key);
        if (!Counter)
            break;
        To[Done++] = *Counter;
    }
    ExReleaseFastMutex(&Global.Lock);
    return CompleteIrp(Irp, STATUS_SUCCESS, Done * sizeof(COUNTER));
}

static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The system's end: nothing needs to be counted, and nobody will unload the driver. */
static NTSTATUS NTAPI DispatchShutdown(PDEVICE_OBJECT Device, PIRP Irp)
{
    Deregister();
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    Deregister();
    Forget();
    IoUnregisterShutdownNotification(Driver->DeviceObject);
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
    ExInitializeFastMutex(&Global.Lock);
    RtlInitializeGenericTableAvl(&Global.Table, Compare, Allocate, Free, NULL);
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    Status = IoRegisterShutdownNotification(Device);
    if (NT_SUCCESS(Status)) {
        Status = Register(Driver);
        if (!NT_SUCCESS(Status)) {
            Deregister();
            Forget();
            IoUnregisterShutdownNotification(Device);
        }
    }
    if (!NT_SUCCESS(Status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(Device);
        return Status;
    }

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_SHUTDOWN] = DispatchShutdown;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

/* build: clang -O2 */
/*
 * A mailbox whose code and data may be paged out while nobody has it open.
 *
 * Wrong: what is used under the spin lock is locked while a handle is made, and not as long as there
 * is one. Deterministic: write.
 */
#include "driver.h"

/* wdm.h of mingw-w64 lacks it. */
NTKERNELAPI VOID NTAPI MmLockPagableSectionByHandle(PVOID Handle);

#define LOCKED_FN __attribute__((noinline, section("PAGEMAIL")))
#define LOCKED_DATA __attribute__((section("PAGEDATA")))

typedef struct {
    KSPIN_LOCK Lock; /* guards Mail */
    PVOID Code;
    PVOID Data;
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\PagedAtDispatchUnlocked");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\PagedAtDispatchUnlocked");

/* The last values that were written, and how many. */
static LOCKED_DATA struct {
    ULONG Count;
    ULONG Value[15];
} Mail = {0, {1}};

/* Both are called with the lock held, at DISPATCH_LEVEL. */
static LOCKED_FN VOID Put(ULONG Value)
{
    Mail.Value[Mail.Count++ % 15] = Value;
}

static LOCKED_FN ULONG Last(VOID)
{
    return Mail.Count ? Mail.Value[(Mail.Count - 1) % 15] : 0;
}

static NTSTATUS NTAPI DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    MmLockPagableSectionByHandle(Ext->Code);
    MmLockPagableSectionByHandle(Ext->Data);
    /* ... */
    MmUnlockPagableImageSection(Ext->Data); /* BUG: belongs into DispatchClose */
    MmUnlockPagableImageSection(Ext->Code);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    Put(*(ULONG *)Irp->AssociatedIrp.SystemBuffer);
    KeReleaseSpinLock(&Ext->Lock, Irql);
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    KIRQL Irql;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length < sizeof(ULONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    KeAcquireSpinLock(&Ext->Lock, &Irql);
    *(ULONG *)Irp->AssociatedIrp.SystemBuffer = Last();
    KeReleaseSpinLock(&Ext->Lock, Irql);
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(ULONG));
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
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
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }

    Ext = Device->DeviceExtension;
    KeInitializeSpinLock(&Ext->Lock);
    /* Handles stay good when nothing is locked. */
    Ext->Code = MmLockPagableCodeSection((PVOID)Put);
    Ext->Data = MmLockPagableDataSection((PVOID)&Mail);
    MmUnlockPagableImageSection(Ext->Data);
    MmUnlockPagableImageSection(Ext->Code);

    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

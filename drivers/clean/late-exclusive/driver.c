/* build: clang -O2 */
/*
 * An exclusive device that is made ready by reinitialization routines: one that is called twice, after
 * DriverEntry, and one for when all devices are started. Only one handle is open at a time: the I/O
 * manager sees to that. What must hold is checked with KeBugCheckEx.
 */
#include "driver.h"
#include <ntddk.h>

typedef struct {
    ULONG Calls;     /* of the routine that asks to be called again */
    ULONG BootCalls; /* of the one for boot drivers */
    LONG Handles;    /* open */
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\LateExclusive");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\LateExclusive");

static VOID Expect(BOOLEAN Holds, ULONG Line)
{
    if (!Holds)
        KeBugCheckEx(0xE2 /* MANUALLY_INITIATED_CRASH */, Line, 0, 0, 0);
}

static VOID NTAPI Reinitialize(PDRIVER_OBJECT Driver, PVOID Context, ULONG Count)
{
    EXTENSION *Ext = Context;

    Expect(Driver->DeviceObject->DeviceExtension == Ext, __LINE__);
    Expect(++Ext->Calls == Count, __LINE__);
    if (Count == 1)
        IoRegisterDriverReinitialization(Driver, Reinitialize, Ext);
}

static VOID NTAPI BootReinitialize(PDRIVER_OBJECT Driver, PVOID Context, ULONG Count)
{
    EXTENSION *Ext = Context;

    Expect(Ext->Calls == 2 && Count == 1, __LINE__);
    Ext->BootCalls++;
}

static NTSTATUS NTAPI DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    Expect(Ext->Calls == 2 && Ext->BootCalls == 1, __LINE__);
    Expect(InterlockedIncrement(&Ext->Handles) == 1, __LINE__);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* There is nothing to read, and no room to write. */
static NTSTATUS NTAPI DispatchTransfer(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    Expect(Ext->Handles == 1, __LINE__);
    return CompleteIrp(Irp, STATUS_END_OF_FILE, 0);
}

static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    Expect(InterlockedDecrement(&Ext->Handles) == 0, __LINE__);
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

    Status = IoCreateDevice(Driver, sizeof(EXTENSION), &DeviceName, FILE_DEVICE_UNKNOWN,
                            FILE_DEVICE_SECURE_OPEN, TRUE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Expect((Device->Flags & DO_EXCLUSIVE) != 0, __LINE__);
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    IoRegisterBootDriverReinitialization(Driver, BootReinitialize, Device->DeviceExtension);
    IoRegisterDriverReinitialization(Driver, Reinitialize, Device->DeviceExtension);

    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchTransfer;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchTransfer;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

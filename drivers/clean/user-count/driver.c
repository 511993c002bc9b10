/* build: clang -O2 */
/*
 * An application leaves a buffer with the driver, in which each write is counted from then on.
 * With its handle the buffer is forgotten, and no thread but those of its process touches it.
 */
#include "driver.h"

#define IOCTL_COUNT_HERE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_NEITHER, FILE_ANY_ACCESS)

typedef struct {
    FAST_MUTEX Mutex;
    PFILE_OBJECT File; /* the handle that the buffer came with, or NULL */
    PEPROCESS Process; /* and its process */
    volatile LONG *Count;
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\UserCount");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\UserCount");

/* Apart, because only calls, not plain accesses, are sure to be covered by the caller's __try. */
static __attribute__((noinline)) VOID Probe(PVOID Buffer)
{
    ProbeForWrite(Buffer, sizeof(LONG), sizeof(LONG));
}

static __attribute__((noinline)) VOID Count(volatile LONG *Count)
{
    ++*Count;
}

static NTSTATUS CountHere(EXTENSION *Ext, PFILE_OBJECT File, PVOID Buffer)
{
    NTSTATUS Status = STATUS_SUCCESS;

    __try {
        Probe(Buffer);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Status = GetExceptionCode();
    }
    if (!NT_SUCCESS(Status))
        return Status;
    ExAcquireFastMutex(&Ext->Mutex);
    Ext->Count = Buffer;
    Ext->Process = PsGetCurrentProcess();
    Ext->File = File;
    ExReleaseFastMutex(&Ext->Mutex);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;

    if (Stack->Parameters.DeviceIoControl.IoControlCode == IOCTL_COUNT_HERE) {
        Status = STATUS_BUFFER_TOO_SMALL;
        if (Stack->Parameters.DeviceIoControl.OutputBufferLength >= sizeof(LONG))
            Status = CountHere(Device->DeviceExtension, Stack->FileObject, Irp->UserBuffer);
    }
    return CompleteIrp(Irp, Status, 0);
}

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Bytes = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;

    ExAcquireFastMutex(&Ext->Mutex);
    if (Ext->File && Ext->Process == PsGetCurrentProcess()) {
        __try {
            Count(Ext->Count);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            Ext->File = NULL; /* the application took it away */
        }
    }
    ExReleaseFastMutex(&Ext->Mutex);
    return CompleteIrp(Irp, STATUS_SUCCESS, Bytes);
}

static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;

    ExAcquireFastMutex(&Ext->Mutex);
    if (Ext->File == IoGetCurrentIrpStackLocation(Irp)->FileObject)
        Ext->File = NULL;
    ExReleaseFastMutex(&Ext->Mutex);
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
    ExInitializeFastMutex(&Ext->Mutex);
    Device->Flags |= DO_BUFFERED_IO;
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchDeviceControl;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

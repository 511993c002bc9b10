/* build: clang -O2 */
/*
 * Watches what others do with the registry: counts keys that are made, and sees that what it notes
 * before an operation comes back after it. A read returns the count. What must hold is checked with
 * KeBugCheckEx.
 */
#include "driver.h"

typedef struct {
    LARGE_INTEGER Cookie;
    LONG Made;   /* keys */
    LONG Others; /* operations that a value or a key comes to its end by */
} EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\RegistryWatch");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\RegistryWatch");
static UNICODE_STRING Altitude = RTL_CONSTANT_STRING(L"380123.5");

static VOID Expect(BOOLEAN Holds, ULONG Line)
{
    if (!Holds)
        KeBugCheckEx(0xE2 /* MANUALLY_INITIATED_CRASH */, Line, 0, 0, 0);
}

static NTSTATUS NTAPI Watch(PVOID Context, PVOID Class, PVOID Information)
{
    EXTENSION *Ext = Context;

    Expect(KeGetCurrentIrql() == PASSIVE_LEVEL, __LINE__);
    switch ((REG_NOTIFY_CLASS)(ULONG_PTR)Class) {
    case RegNtPreCreateKeyEx: {
        REG_CREATE_KEY_INFORMATION *Create = Information;

        Expect(Create->CompleteName->Length > 0 && Create->DesiredAccess != 0, __LINE__);
        Create->CallContext = Ext;
        break;
    }
    case RegNtPostCreateKeyEx: {
        REG_POST_OPERATION_INFORMATION *Post = Information;

        Expect(Post->CallContext == Ext && Post->PreInformation != NULL, __LINE__);
        if (NT_SUCCESS(Post->Status)) {
            Expect(Post->Object != NULL, __LINE__);
            InterlockedIncrement(&Ext->Made);
        }
        break;
    }
    case RegNtPreSetValueKey: {
        REG_SET_VALUE_KEY_INFORMATION *Set = Information;

        Expect(Set->Type != REG_DWORD || Set->DataSize == sizeof(ULONG), __LINE__);
        Expect(*(ULONG *)Set->Data == 0, __LINE__);
        break;
    }
    case RegNtPostQueryValueKey: {
        REG_POST_OPERATION_INFORMATION *Post = Information;
        REG_QUERY_VALUE_KEY_INFORMATION *Query = Post->PreInformation;

        Expect(Post->CallContext == NULL && *Query->ResultLength <= Query->Length, __LINE__);
        break;
    }
    case RegNtPostDeleteValueKey:
    case RegNtPostDeleteKey:
    case RegNtPostKeyHandleClose:
        InterlockedIncrement(&Ext->Others);
        break;
    default:
        break;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;

    if (Length < sizeof(LONG))
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    *(LONG *)Irp->AssociatedIrp.SystemBuffer = InterlockedCompareExchange(&Ext->Made, 0, 0);
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(LONG));
}

/* CREATE, CLEANUP and CLOSE have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    EXTENSION *Ext = Driver->DeviceObject->DeviceExtension;

    Expect(CmUnRegisterCallback(Ext->Cookie) == STATUS_SUCCESS, __LINE__);
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
    Device->Flags |= DO_BUFFERED_IO;
    Ext = Device->DeviceExtension;
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (NT_SUCCESS(Status)) {
        Status = CmRegisterCallbackEx(Watch, &Altitude, Driver, Ext, &Ext->Cookie, NULL);
        if (!NT_SUCCESS(Status))
            IoDeleteSymbolicLink(&LinkName);
    }
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }

    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

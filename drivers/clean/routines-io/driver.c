/* build: gcc -O2 */
/*
 * Devices, requests of the driver's own, work items, MDLs and memory. Each routine is called by
 * DriverEntry with what its page says about it, and what comes of it is checked; a wrong result
 * stops the machine.
 */
#include "expect.h"

NTSYSAPI NTSTATUS NTAPI IoSetCompletionRoutineEx(PDEVICE_OBJECT Device, PIRP Irp,
                                                 PIO_COMPLETION_ROUTINE Routine, PVOID Context,
                                                 BOOLEAN Success, BOOLEAN Error, BOOLEAN Cancel);
NTSYSAPI VOID NTAPI IMPORT_AS(FlushIoBuffers(PMDL Mdl, BOOLEAN Read, BOOLEAN Dma), KeFlushIoBuffers);

#define TAG 'oIuR'
#define BYTES 128

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\RoutinesIo");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\RoutinesIo");
static KEVENT Done;

static NTSTATUS NTAPI DispatchDeviceControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 7);
}

/* Only what Below() opens has a name of its own; whether that came with it. */
static BOOLEAN Named;

static NTSTATUS NTAPI DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    PUNICODE_STRING Name = &IoGetCurrentIrpStackLocation(Irp)->FileObject->FileName;

    if (Name->Length) {
        Named = IS_WIDE(Name, L"\\Part\\One");
        if (!Named)
            return CompleteIrp(Irp, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* CLEANUP and CLOSE have nothing to do here but to succeed. */
static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI Completed(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    ++*(ULONG *)Context;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

INIT_CODE static VOID Send(PDEVICE_OBJECT Device, PIRP Irp, ULONG *Calls)
{
    IoGetNextIrpStackLocation(Irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
    EXPECT(IoCallDriver(Device, Irp) == STATUS_SUCCESS && *Calls == 1);
    EXPECT(Irp->IoStatus.Status == STATUS_SUCCESS && Irp->IoStatus.Information == 7);
}

INIT_CODE static NTSTATUS Requests(PDEVICE_OBJECT Device)
{
    ULONG Calls = 0;
    PIRP Irp = IoAllocateIrp(Device->StackSize, FALSE);

    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    NEED(IoSetCompletionRoutineEx(Device, Irp, Completed, &Calls, TRUE, TRUE, TRUE));
    Send(Device, Irp, &Calls);
    IoReuseIrp(Irp, STATUS_NOT_SUPPORTED);
    EXPECT(Irp->IoStatus.Status == STATUS_NOT_SUPPORTED && !Irp->Cancel);
    Calls = 0;
    IoSetCompletionRoutine(Irp, Completed, &Calls, TRUE, TRUE, TRUE);
    Send(Device, Irp, &Calls);
    IoFreeIrp(Irp);
    return STATUS_SUCCESS;
}

/* A packet in memory of the driver's own, used three times, and ended with the block it lies in. */
INIT_CODE static NTSTATUS OwnPacket(PDEVICE_OBJECT Device)
{
    USHORT Size = IoSizeOfIrp(Device->StackSize);
    ULONG Calls, Use;
    PIRP Irp = ExAllocatePoolWithTag(NonPagedPool, Size, TAG);

    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (Use = 0; Use < 3; ++Use) {
        Calls = 0;
        if (Use < 2)
            IoInitializeIrp(Irp, Size, Device->StackSize);
        else
            IoReuseIrp(Irp, STATUS_NOT_SUPPORTED);
        EXPECT(Irp->Type == IO_TYPE_IRP && Irp->Size == Size && !Irp->Cancel);
        EXPECT(Irp->StackCount == Device->StackSize);
        EXPECT(Irp->CurrentLocation == Device->StackSize + 1 && !Irp->PendingReturned);
        IoSetCompletionRoutine(Irp, Completed, &Calls, TRUE, TRUE, TRUE);
        Send(Device, Irp, &Calls);
    }
    ExFreePoolWithTag(Irp, TAG);
    return STATUS_SUCCESS;
}

INIT_CODE static NTSTATUS Devices(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Device)
{
    static ULONG Identity;
    PDEVICE_OBJECT List[2] = {NULL, NULL}, Top;
    PVOID Extension = NULL;
    ULONG_PTR Low, High;
    ULONG Count = 0;

    EXPECT(IoEnumerateDeviceObjectList(Driver, NULL, 0, &Count) == STATUS_BUFFER_TOO_SMALL);
    EXPECT(Count == 1);
    EXPECT(IoEnumerateDeviceObjectList(Driver, List, sizeof(List), &Count) == STATUS_SUCCESS);
    EXPECT(Count == 1 && List[0] == Device);
    ObDereferenceObject(List[0]); /* each is referenced */
    Top = IoGetAttachedDeviceReference(Device);
    EXPECT(Top == Device);
    ObDereferenceObject(Top);
    EXPECT(IoGetLowerDeviceObject(Device) == NULL); /* nothing is below */
    Top = IoGetDeviceAttachmentBaseRef(Device);
    EXPECT(Top == Device);
    ObDereferenceObject(Top);

    EXPECT(IoGetDriverObjectExtension(Driver, &Identity) == NULL);
    NEED(IoAllocateDriverObjectExtension(Driver, &Identity, 40, &Extension));
    EXPECT(IoGetDriverObjectExtension(Driver, &Identity) == Extension);
    EXPECT(IoAllocateDriverObjectExtension(Driver, &Identity, 40, &Extension) ==
               STATUS_OBJECT_NAME_COLLISION ||
           IoGetDriverObjectExtension(Driver, &Identity) != NULL);
    IoGetStackLimits(&Low, &High);
    EXPECT(Low < (ULONG_PTR)&Low && (ULONG_PTR)&Low < High);
    EXPECT((ULONG_PTR)IoGetInitialStack() <= High && (ULONG_PTR)IoGetInitialStack() > Low);
    return STATUS_SUCCESS;
}

static VOID NTAPI WorkEx(PVOID Object, PVOID Context, PIO_WORKITEM Item)
{
    EXPECT(KeGetCurrentIrql() == PASSIVE_LEVEL && Item == Context);
    KeSetEvent(&Done, IO_NO_INCREMENT, FALSE);
}

INIT_CODE static NTSTATUS Work(PDEVICE_OBJECT Device)
{
    PIO_WORKITEM Item;

    EXPECT(IoSizeofWorkItem() > 0);
    Item = ExAllocatePoolWithTag(NonPagedPool, IoSizeofWorkItem(), TAG);
    if (!Item)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    IoInitializeWorkItem(Device, Item);
    IoQueueWorkItemEx(Item, WorkEx, DelayedWorkQueue, Item);
    KeWaitForSingleObject(&Done, Executive, KernelMode, FALSE, NULL);
    IoUninitializeWorkItem(Item);
    ExFreePoolWithTag(Item, TAG);
    return STATUS_SUCCESS;
}

INIT_CODE static NTSTATUS Memory(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"KeSetEvent"), None = RTL_CONSTANT_STRING(L"NoSuch");
    PHYSICAL_ADDRESS Highest = {.QuadPart = -1}, Zero = {.QuadPart = 0};
    UCHAR *Block;
    PMDL Mdl, Part;

    EXPECT(MmGetSystemRoutineAddress(&Name) != NULL && MmGetSystemRoutineAddress(&None) == NULL);
    EXPECT(MmIsAddressValid(&Done) && !MmIsAddressValid((PVOID)8));
    EXPECT(MmSizeOfMdl((PVOID)0x1fff, 2) == sizeof(MDL) + 2 * sizeof(PFN_NUMBER));
    Block = MmAllocateContiguousMemorySpecifyCache(PAGE_SIZE, Zero, Highest, Zero, MmCached);
    if (!Block)
        return STATUS_INSUFFICIENT_RESOURCES;
    EXPECT(((ULONG_PTR)Block & (PAGE_SIZE - 1)) == 0);
    EXPECT(MmGetPhysicalAddress(Block + 5).QuadPart == MmGetPhysicalAddress(Block).QuadPart + 5);
    MmFreeContiguousMemorySpecifyCache(Block, PAGE_SIZE, MmCached);
    if (!(Block = MmAllocateContiguousMemory(PAGE_SIZE, Highest)))
        return STATUS_INSUFFICIENT_RESOURCES;
    MmFreeContiguousMemory(Block);
    if (!(Block = MmAllocateNonCachedMemory(PAGE_SIZE)))
        return STATUS_INSUFFICIENT_RESOURCES;
    MmFreeNonCachedMemory(Block, PAGE_SIZE);

    if (!(Block = ExAllocatePoolWithTag(NonPagedPool, BYTES, TAG)))
        return STATUS_INSUFFICIENT_RESOURCES;
    Mdl = IoAllocateMdl(Block, BYTES, FALSE, FALSE, NULL);
    Part = IoAllocateMdl(Block, BYTES, FALSE, FALSE, NULL);
    if (Mdl && Part) {
        MmBuildMdlForNonPagedPool(Mdl);
        EXPECT(Mdl->MdlFlags & MDL_SOURCE_IS_NONPAGED_POOL && Mdl->MappedSystemVa == Block);
        EXPECT(MmGetMdlByteCount(Mdl) == BYTES && MmGetMdlVirtualAddress(Mdl) == Block);
        IoBuildPartialMdl(Mdl, Part, Block + 16, 32);
        EXPECT(MmGetMdlByteCount(Part) == 32 && MmGetMdlVirtualAddress(Part) == Block + 16);
        EXPECT(Part->MdlFlags & MDL_PARTIAL);
        FlushIoBuffers(Mdl, TRUE, FALSE);
    }
    if (Part)
        IoFreeMdl(Part);
    if (Mdl)
        IoFreeMdl(Mdl);
    ExFreePoolWithTag(Block, TAG);
    return STATUS_SUCCESS;
}

INIT_CODE static NTSTATUS Opened(PDEVICE_OBJECT Device)
{
    PDEVICE_OBJECT Found;
    PFILE_OBJECT File;
    NTSTATUS Status;

    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    Status = IoGetDeviceObjectPointer(&DeviceName, FILE_READ_DATA, &File, &Found);
    EXPECT(Status == STATUS_SUCCESS && Found == Device && File->DeviceObject == Device);
    EXPECT(IoGetRelatedDeviceObject(File) == Device);
    ObDereferenceObject(File);
    return STATUS_SUCCESS;
}

/* Names below the device are the driver's, by the device's own name and by a link. */
INIT_CODE static VOID Below(VOID)
{
    UNICODE_STRING Names[3] = {RTL_CONSTANT_STRING(L"\\Device\\RoutinesIo\\Part\\One"),
                               RTL_CONSTANT_STRING(L"\\DosDevices\\RoutinesIo\\Part\\One"),
                               RTL_CONSTANT_STRING(L"\\Device\\RoutinesIo\\Part")};
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Block;
    NTSTATUS Status;
    HANDLE File;
    ULONG Index;

    for (Index = 0; Index < 3; ++Index) {
        InitializeObjectAttributes(&Attributes, &Names[Index], OBJ_KERNEL_HANDLE, NULL, NULL);
        Status = ZwOpenFile(&File, FILE_READ_DATA, &Attributes, &Block, FILE_SHARE_READ, 0);
        EXPECT(Named == (Index < 2) && Block.Status == Status);
        EXPECT(Status == (Named ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND));
        if (NT_SUCCESS(Status))
            ZwClose(File);
    }
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

INIT_CODE static NTSTATUS Check(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Device)
{
    NEED(Devices(Driver, Device));
    NEED(Requests(Device));
    NEED(OwnPacket(Device));
    NEED(Work(Device));
    NEED(Memory());
    NEED(Opened(Device));
    Below();
    return STATUS_SUCCESS;
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status;

    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = DispatchDeviceControl;
    Driver->DriverUnload = Unload;
    Status = IoCreateDevice(Driver, 0, &DeviceName, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = IoCreateUnprotectedSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    Status = Check(Driver, Device);
    if (!NT_SUCCESS(Status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(Device);
    }
    return Status;
}

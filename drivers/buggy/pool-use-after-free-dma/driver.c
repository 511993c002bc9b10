/* build: clang -O2 */
/* device: dma */
/*
 * dma-copy, with one bug.
 *
 * Wrong: a transfer that takes too long is given up, but the device is not stopped. It goes on reading
 * the caller's pages, which are unlocked by then and somebody else's. Needs the timeout to be over
 * before the device is done.
 */
#include "driver.h"
#include "benchdma.h"

#define TAG 'ymaD'
#define ROOM 0x2000
#define MOST 16

typedef struct {
    BENCHDMA_DESCRIPTOR List[MOST];
    UCHAR Data[ROOM];
} SHARED;

typedef struct {
    PDEVICE_OBJECT Lower;
    PDEVICE_OBJECT Pdo;
    IO_REMOVE_LOCK RemoveLock;
    KEVENT Free; /* signalled while nobody has the device */
    KEVENT Done;
    KDPC Dpc;

    PUCHAR Registers; /* NULL while the device is not started; changed by who has it */
    PIO_INTERRUPT_MESSAGE_INFO Messages;
    PDMA_ADAPTER Adapter;
    SHARED *Shared;
    PHYSICAL_ADDRESS SharedAddress;

    PSCATTER_GATHER_LIST List;
    ULONG Count;
} EXTENSION;

static ULONG ReadRegister(EXTENSION *Ext, ULONG Offset)
{
    return READ_REGISTER_ULONG((PULONG)(Ext->Registers + Offset));
}

static VOID WriteRegister(EXTENSION *Ext, ULONG Offset, ULONG Value)
{
    WRITE_REGISTER_ULONG((PULONG)(Ext->Registers + Offset), Value);
}

static NTSTATUS Finish(EXTENSION *Ext, PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    CompleteIrp(Irp, Status, Information);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

/* --- the device --- */

static BOOLEAN NTAPI MessageIsr(PKINTERRUPT Interrupt, PVOID Context, ULONG Message)
{
    EXTENSION *Ext = Context;

    WriteRegister(Ext, BENCHDMA_STATUS, 1u << Message);
    KeInsertQueueDpc(&Ext->Dpc, NULL, NULL);
    return TRUE;
}

static VOID NTAPI DoneDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    KeSetEvent(&((EXTENSION *)Context)->Done, IO_NO_INCREMENT, FALSE);
}

/* Gives the device, which the caller has, its list. */
static VOID NTAPI ListReady(PDEVICE_OBJECT Device, PIRP Irp, PSCATTER_GATHER_LIST List,
                            PVOID Context)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Index, At = 0;

    Ext->List = List;
    Ext->Count = 0;
    if (List->NumberOfElements > MOST)
        return;
    for (Index = 0; Index < List->NumberOfElements; Index++) {
        BENCHDMA_DESCRIPTOR *Each = &Ext->Shared->List[Index];

        Each->From = List->Elements[Index].Address.LowPart;
        Each->To = Ext->SharedAddress.LowPart + FIELD_OFFSET(SHARED, Data) + At;
        Each->Bytes = List->Elements[Index].Length;
        Each->Result = 0;
        At += Each->Bytes;
    }
    Ext->Count = List->NumberOfElements;
    WriteRegister(Ext, BENCHDMA_LIST, Ext->SharedAddress.LowPart);
    WriteRegister(Ext, BENCHDMA_COUNT, Ext->Count);
}

/* Waits until the device is done, or for long enough. A late DPC may signal Done too early. */
static NTSTATUS WaitForDevice(EXTENSION *Ext)
{
    LARGE_INTEGER Timeout;
    NTSTATUS Status = STATUS_SUCCESS;

    Timeout.QuadPart = -10 * 1000 * 1000;
    while (Status == STATUS_SUCCESS && ReadRegister(Ext, BENCHDMA_COUNT) != 0)
        Status = KeWaitForSingleObject(&Ext->Done, Executive, KernelMode, FALSE, &Timeout);
    /* BUG: WriteRegister(Ext, BENCHDMA_COUNT, 0) is missing here. */
    if (Status != STATUS_SUCCESS)
        return STATUS_IO_TIMEOUT;
    return STATUS_SUCCESS;
}

/* Copies by the device, which the caller has. */
static NTSTATUS Copy(PDEVICE_OBJECT Device, PIRP Irp, ULONG Bytes)
{
    EXTENSION *Ext = Device->DeviceExtension;
    NTSTATUS Status;
    KIRQL Irql;

    if (!Ext->Registers)
        return STATUS_DEVICE_NOT_READY;
    KeClearEvent(&Ext->Done);
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    Status = Ext->Adapter->DmaOperations->GetScatterGatherList(
        Ext->Adapter, Device, Irp->MdlAddress, MmGetMdlVirtualAddress(Irp->MdlAddress), Bytes,
        ListReady, NULL, TRUE);
    KeLowerIrql(Irql);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = Ext->Count ? WaitForDevice(Ext) : STATUS_BUFFER_OVERFLOW;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    Ext->Adapter->DmaOperations->PutScatterGatherList(Ext->Adapter, Ext->List, TRUE);
    KeLowerIrql(Irql);
    return Status;
}

static PAGED_FN VOID ReleaseHardware(EXTENSION *Ext)
{
    IO_DISCONNECT_INTERRUPT_PARAMETERS Parameters;

    PAGED_CODE();
    KeWaitForSingleObject(&Ext->Free, Executive, KernelMode, FALSE, NULL);
    if (Ext->Registers) {
        WriteRegister(Ext, BENCHDMA_ENABLE, 0);
        WriteRegister(Ext, BENCHDMA_COUNT, 0);
    }
    if (Ext->Messages) {
        Parameters.Version = CONNECT_MESSAGE_BASED;
        Parameters.ConnectionContext.InterruptMessageTable = Ext->Messages;
        IoDisconnectInterruptEx(&Parameters);
        Ext->Messages = NULL;
        KeRemoveQueueDpc(&Ext->Dpc);
        KeFlushQueuedDpcs();
    }
    if (Ext->Shared)
        Ext->Adapter->DmaOperations->FreeCommonBuffer(Ext->Adapter, sizeof(SHARED),
                                                      Ext->SharedAddress, Ext->Shared, FALSE);
    Ext->Shared = NULL;
    if (Ext->Adapter)
        Ext->Adapter->DmaOperations->PutDmaAdapter(Ext->Adapter);
    Ext->Adapter = NULL;
    if (Ext->Registers)
        MmUnmapIoSpace(Ext->Registers, BENCHDMA_BAR_SIZE);
    Ext->Registers = NULL;
    KeSetEvent(&Ext->Free, IO_NO_INCREMENT, FALSE);
}

static PAGED_FN NTSTATUS ConnectMessages(EXTENSION *Ext)
{
    IO_CONNECT_INTERRUPT_PARAMETERS Parameters;

    PAGED_CODE();
    RtlZeroMemory(&Parameters, sizeof(Parameters));
    Parameters.Version = CONNECT_MESSAGE_BASED;
    Parameters.MessageBased.PhysicalDeviceObject = Ext->Pdo;
    Parameters.MessageBased.ConnectionContext.InterruptMessageTable = &Ext->Messages;
    Parameters.MessageBased.MessageServiceRoutine = MessageIsr;
    Parameters.MessageBased.ServiceContext = Ext;
    return IoConnectInterruptEx(&Parameters);
}

static PAGED_FN NTSTATUS PrepareDma(EXTENSION *Ext)
{
    DEVICE_DESCRIPTION About;
    ULONG Registers;

    PAGED_CODE();
    RtlZeroMemory(&About, sizeof(About));
    About.Version = DEVICE_DESCRIPTION_VERSION;
    About.Master = TRUE;
    About.ScatterGather = TRUE;
    About.Dma32BitAddresses = TRUE;
    About.InterfaceType = PCIBus;
    About.MaximumLength = ROOM;
    Ext->Adapter = IoGetDmaAdapter(Ext->Pdo, &About, &Registers);
    if (!Ext->Adapter)
        return STATUS_INSUFFICIENT_RESOURCES;
    Ext->Shared = Ext->Adapter->DmaOperations->AllocateCommonBuffer(Ext->Adapter, sizeof(SHARED),
                                                                    &Ext->SharedAddress, FALSE);
    return Ext->Shared ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static PAGED_FN NTSTATUS StartHardware(EXTENSION *Ext, PCM_RESOURCE_LIST Resources)
{
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Each, Memory = NULL;
    PCM_PARTIAL_RESOURCE_LIST List;
    NTSTATUS Status;
    ULONG Index;

    PAGED_CODE();
    if (!Resources || Resources->Count != 1)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    List = &Resources->List[0].PartialResourceList;
    Each = List->PartialDescriptors;
    for (Index = 0; Index < List->Count; Index++, Each++) {
        if (Each->Type == CmResourceTypeMemory)
            Memory = Each;
    }
    if (!Memory || Memory->u.Memory.Length < BENCHDMA_BAR_SIZE)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    Status = PrepareDma(Ext);
    if (NT_SUCCESS(Status)) {
        Ext->Registers = MmMapIoSpace(Memory->u.Memory.Start, BENCHDMA_BAR_SIZE, MmNonCached);
        if (!Ext->Registers)
            Status = STATUS_INSUFFICIENT_RESOURCES;
        else if (ReadRegister(Ext, BENCHDMA_ID) != BENCHDMA_ID_VALUE)
            Status = STATUS_NO_SUCH_DEVICE;
        else
            Status = ConnectMessages(Ext);
    }
    if (NT_SUCCESS(Status))
        WriteRegister(Ext, BENCHDMA_ENABLE, 1);
    else
        ReleaseHardware(Ext);
    return Status;
}

/* --- requests --- */

static NTSTATUS NTAPI DispatchWrite(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    ULONG Bytes = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    if (Bytes == 0 || Bytes > ROOM)
        return Finish(Ext, Irp, STATUS_INVALID_PARAMETER, 0);
    KeWaitForSingleObject(&Ext->Free, Executive, KernelMode, FALSE, NULL);
    Status = Copy(Device, Irp, Bytes);
    KeSetEvent(&Ext->Free, IO_NO_INCREMENT, FALSE);
    return Finish(Ext, Irp, Status, NT_SUCCESS(Status) ? Bytes : 0);
}

static NTSTATUS NTAPI DispatchSucceed(PDEVICE_OBJECT Device, PIRP Irp)
{
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

    case IRP_MN_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        ReleaseHardware(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        ReleaseHardware(Ext);
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
    Ext->Pdo = Pdo;
    IoInitializeRemoveLock(&Ext->RemoveLock, TAG, 0, 0);
    KeInitializeEvent(&Ext->Free, SynchronizationEvent, TRUE);
    KeInitializeEvent(&Ext->Done, SynchronizationEvent, FALSE);
    KeInitializeDpc(&Ext->Dpc, DoneDpc, Ext);
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoDeleteDevice(Device);
        return STATUS_NO_SUCH_DEVICE;
    }
    Device->Flags |= DO_DIRECT_IO | DO_POWER_PAGABLE;
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchSucceed;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchWrite;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

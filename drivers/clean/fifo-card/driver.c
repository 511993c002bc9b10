/* build: clang -O2 */
/* device: fifo-card */
/*
 * Shows the streams of the bench's FIFO card as files: \\.\FifoCard0\NAME, and the first stream as
 * \\.\FifoCard0 itself. Any number of cards, streams and handles.
 *
 * Synchronous streams: the card moves data straight to and from the pages of the request at hand.
 * A read ends with what there is, at least one byte; a write when the card has taken all of it.
 * Asynchronous streams: the card reads ahead into buffers of the driver while somebody has the
 * stream open for reading, and writes are done as soon as they lie in such buffers. A write of
 * length nought, and a flush, wait until the card has taken all that was written before.
 *
 * Each direction of a stream is a channel (channel.h). A channel's Lock guards its registers, ring,
 * buffers and Current; the lock of its cancel-safe queue is taken below it. Nothing is completed
 * under either. Whoever takes a request out of the queue, or Current from its channel, completes it.
 */
#include "driver.h"
#include "fifocard.h"
#include "channel.h"

typedef struct EXTENSION {
    PDEVICE_OBJECT Self;
    PDEVICE_OBJECT Lower;
    PDEVICE_OBJECT Pdo;
    IO_REMOVE_LOCK RemoveLock;
    WCHAR LinkBuffer[32];
    UNICODE_STRING Link;

    PUCHAR Registers; /* NULL while the device is not started; changed by PnP requests only */
    PIO_INTERRUPT_MESSAGE_INFO Messages;
    PDMA_ADAPTER Adapter;
    CHANNEL *Channels; /* those of stream n are 2n and 2n+1; made by the first start */
    ULONG Streams;
    LONG Events[2]; /* of each direction, from its ISR to its DPC */
    KDPC Dpcs[2];
} EXTENSION;

#include "channel.c"

/* --- interrupts --- */

static BOOLEAN NTAPI MessageIsr(PKINTERRUPT Interrupt, PVOID Context, ULONG Message)
{
    EXTENSION *Ext = Context;
    ULONG Direction = Message & 1;
    ULONG Events = READ_REGISTER_ULONG((PULONG)(Ext->Registers + FIFO_EVENTS(Direction)));

    WRITE_REGISTER_ULONG((PULONG)(Ext->Registers + FIFO_EVENTS(Direction)), Events);
    InterlockedOr(&Ext->Events[Direction], Events);
    KeInsertQueueDpc(&Ext->Dpcs[Direction], NULL, NULL);
    return TRUE;
}

static VOID NTAPI EventDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    EXTENSION *Ext = Context;
    ULONG Direction = Dpc == &Ext->Dpcs[1];
    ULONG Events = InterlockedExchange(&Ext->Events[Direction], 0);
    ULONG Stream;

    /* A card that is gone reads as all ones. */
    for (Stream = 0; Stream < Ext->Streams; Stream++) {
        if (Events & (1u << Stream))
            Pump(&Ext->Channels[2 * Stream + Direction], TRUE);
    }
}

/* --- requests --- */

static NTSTATUS Finish(EXTENSION *Ext, PIRP Irp, NTSTATUS Status)
{
    CompleteIrp(Irp, Status, 0);
    IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return Status;
}

/* The stream that a name below the device means; the device itself is the first one. */
static LONG FindStream(EXTENSION *Ext, PUNICODE_STRING Name)
{
    ULONG Stream, Count, Index;

    if (Name->Length == 0)
        return 0;
    Count = Name->Length / sizeof(WCHAR) - 1;
    for (Stream = 0; Stream < Ext->Streams; Stream++) {
        const CHAR *Known = Ext->Channels[2 * Stream].Name;

        for (Index = 0; Index < Count && Index < 15 && Known[Index]; Index++) {
            if (RtlUpcaseUnicodeChar(Name->Buffer[Index + 1]) != RtlUpcaseUnicodeChar(Known[Index]))
                break;
        }
        if (Index == Count && !Known[Index])
            return Stream;
    }
    return -1;
}

static NTSTATUS NTAPI DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
    LONG Stream;

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    if (!Ext->Channels)
        return Finish(Ext, Irp, STATUS_DEVICE_NOT_READY);
    Stream = FindStream(Ext, &File->FileName);
    if (Stream < 0)
        return Finish(Ext, Irp, STATUS_OBJECT_NAME_NOT_FOUND);
    if ((File->ReadAccess && !Ext->Channels[2 * Stream].Exists) ||
        (File->WriteAccess && !Ext->Channels[2 * Stream + 1].Exists))
        return Finish(Ext, Irp, STATUS_ACCESS_DENIED);
    File->FsContext = &Ext->Channels[2 * Stream];
    if (File->ReadAccess)
        OpenChannel(&Ext->Channels[2 * Stream]);
    if (File->WriteAccess)
        OpenChannel(&Ext->Channels[2 * Stream + 1]);
    return Finish(Ext, Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI DispatchCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    CHANNEL *Channels = File->FsContext;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);

    if (Channels) {
        CancelAll(&Channels[FIFO_TO_HOST], File, STATUS_CANCELLED);
        CancelAll(&Channels[FIFO_FROM_HOST], File, STATUS_CANCELLED);
        if (File->ReadAccess)
            CloseChannel(&Channels[FIFO_TO_HOST]);
        if (File->WriteAccess)
            CloseChannel(&Channels[FIFO_FROM_HOST]);
    }
    CompleteIrp(Irp, STATUS_SUCCESS, 0);
    if (NT_SUCCESS(Status))
        IoReleaseRemoveLock(&Ext->RemoveLock, Irp);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI DispatchClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* Where a request on a seekable stream begins. */
static NTSTATUS ChoosePlace(CHANNEL *Channel, PIRP Irp, LARGE_INTEGER Offset)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    if (Offset.LowPart == FILE_USE_FILE_POINTER_POSITION && Offset.HighPart == -1)
        Offset = Stack->FileObject->CurrentByteOffset;
    else if (Offset.LowPart == FILE_WRITE_TO_END_OF_FILE && Offset.HighPart == -1)
        Offset.QuadPart = Channel->Memory;
    if (Offset.QuadPart < 0 || Offset.QuadPart % Channel->Width)
        return STATUS_INVALID_PARAMETER;
    if (Offset.QuadPart >= Channel->Memory)
        return STATUS_END_OF_FILE;
    REQUEST_PLACE(Irp) = (PVOID)(ULONG_PTR)Offset.LowPart;
    return STATUS_SUCCESS;
}

/* Reads, writes and flushes. */
static NTSTATUS NTAPI DispatchTransfer(PDEVICE_OBJECT Device, PIRP Irp)
{
    EXTENSION *Ext = Device->DeviceExtension;
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Direction = Stack->MajorFunction == IRP_MJ_READ ? FIFO_TO_HOST : FIFO_FROM_HOST;
    BOOLEAN Flushes = Stack->MajorFunction == IRP_MJ_FLUSH_BUFFERS;
    NTSTATUS Status = IoAcquireRemoveLock(&Ext->RemoveLock, Irp);
    CHANNEL *Channel = Stack->FileObject->FsContext;
    ULONG Length = 0;

    if (!NT_SUCCESS(Status))
        return CompleteIrp(Irp, Status, 0);
    if (!Channel)
        return Finish(Ext, Irp, STATUS_INVALID_DEVICE_REQUEST);
    Channel += Direction;
    /* A handle that is not for writing has nothing to flush. */
    if (Flushes && !Stack->FileObject->WriteAccess)
        return Finish(Ext, Irp, STATUS_SUCCESS);
    if (!Channel->Exists)
        return Finish(Ext, Irp, STATUS_INVALID_DEVICE_REQUEST);
    if (!Flushes)
        Length = Stack->Parameters.Read.Length; /* of a write, at the same place */
    if (Length % Channel->Width)
        return Finish(Ext, Irp, STATUS_INVALID_PARAMETER);
    if (Length == 0 && Direction == FIFO_TO_HOST)
        return Finish(Ext, Irp, STATUS_SUCCESS);
    if (Channel->Memory && Length) {
        Status = ChoosePlace(Channel, Irp, Stack->Parameters.Read.ByteOffset);
        if (!NT_SUCCESS(Status))
            return Finish(Ext, Irp, Status);
    }
    REQUEST_DONE(Irp) = 0;
    REQUEST_LENGTH(Irp) = (PVOID)(ULONG_PTR)Length;
    IoCsqInsertIrp(&Channel->Csq, Irp, NULL); /* marks it pending; from here on it is not ours */
    Pump(Channel, FALSE);
    return STATUS_PENDING;
}

/* Programs that truncate a file that they write to, or ask where they are, are told that all is well. */
static NTSTATUS NTAPI DispatchSetInformation(PDEVICE_OBJECT Device, PIRP Irp)
{
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* --- plug and play --- */

static PAGED_FN VOID DisconnectInterrupts(EXTENSION *Ext)
{
    IO_DISCONNECT_INTERRUPT_PARAMETERS Parameters;

    PAGED_CODE();
    if (!Ext->Messages)
        return;
    Parameters.Version = CONNECT_MESSAGE_BASED;
    Parameters.ConnectionContext.InterruptMessageTable = Ext->Messages;
    IoDisconnectInterruptEx(&Parameters);
    Ext->Messages = NULL;
    KeRemoveQueueDpc(&Ext->Dpcs[0]);
    KeRemoveQueueDpc(&Ext->Dpcs[1]);
    KeFlushQueuedDpcs();
}

/* What the card holds is given back; requests wait for the next start. */
static PAGED_FN VOID ReleaseHardware(EXTENSION *Ext)
{
    ULONG Index;

    PAGED_CODE();
    if (!Ext->Registers)
        return;
    for (Index = 0; Index < 2 * Ext->Streams; Index++)
        PauseChannel(&Ext->Channels[Index]);
    WRITE_REGISTER_ULONG((PULONG)(Ext->Registers + FIFO_CONTROL), 0);
    DisconnectInterrupts(Ext);
    MmUnmapIoSpace(Ext->Registers, FIFO_BAR_SIZE);
    Ext->Registers = NULL;
}

/* There will be no next start: nobody waits for one. */
static VOID GiveUp(EXTENSION *Ext)
{
    ULONG Index;

    for (Index = 0; Index < 2 * Ext->Streams; Index++)
        CloseDown(&Ext->Channels[Index]);
}

static PAGED_FN VOID ReleaseChannels(EXTENSION *Ext)
{
    ULONG Index;

    PAGED_CODE();
    for (Index = 0; Ext->Channels && Index < 2 * Ext->Streams; Index++)
        FreeChannel(&Ext->Channels[Index]);
    if (Ext->Channels)
        ExFreePoolWithTag(Ext->Channels, TAG);
    Ext->Channels = NULL;
    if (Ext->Adapter)
        Ext->Adapter->DmaOperations->PutDmaAdapter(Ext->Adapter);
    Ext->Adapter = NULL;
}

static PAGED_FN NTSTATUS MakeChannels(EXTENSION *Ext)
{
    ULONG Streams = READ_REGISTER_ULONG((PULONG)(Ext->Registers + FIFO_STREAMS));
    DEVICE_DESCRIPTION About;
    CHANNEL *Channels;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Index, Registers;

    PAGED_CODE();
    if (Streams == 0 || Streams > FIFO_MOST_STREAMS)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    RtlZeroMemory(&About, sizeof(About));
    About.Version = DEVICE_DESCRIPTION_VERSION;
    About.Master = TRUE;
    About.ScatterGather = TRUE;
    About.Dma32BitAddresses = TRUE;
    About.Dma64BitAddresses = TRUE;
    About.InterfaceType = PCIBus;
    About.MaximumLength = MOST_PAGES * PAGE_SIZE;
    Ext->Adapter = IoGetDmaAdapter(Ext->Pdo, &About, &Registers);
    if (!Ext->Adapter)
        return STATUS_INSUFFICIENT_RESOURCES;
    Channels = ExAllocatePoolWithTag(NonPagedPool, 2 * Streams * sizeof(CHANNEL), TAG);
    if (!Channels)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Channels, 2 * Streams * sizeof(CHANNEL));
    Ext->Streams = Streams;
    for (Index = 0; Index < 2 * Streams && NT_SUCCESS(Status); Index++)
        Status = MakeChannel(Ext, &Channels[Index], Index / 2, Index % 2);
    Ext->Channels = Channels;
    return Status;
}

static PAGED_FN NTSTATUS ConnectInterrupts(EXTENSION *Ext)
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

static PAGED_FN NTSTATUS StartHardware(EXTENSION *Ext, PCM_RESOURCE_LIST Resources)
{
    PCM_PARTIAL_RESOURCE_DESCRIPTOR Each, Memory = NULL;
    PCM_PARTIAL_RESOURCE_LIST List;
    NTSTATUS Status = STATUS_SUCCESS;
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
    if (!Memory || Memory->u.Memory.Length < FIFO_BAR_SIZE)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    Ext->Registers = MmMapIoSpace(Memory->u.Memory.Start, FIFO_BAR_SIZE, MmNonCached);
    if (!Ext->Registers)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (READ_REGISTER_ULONG((PULONG)(Ext->Registers + FIFO_ID)) != FIFO_ID_VALUE)
        Status = STATUS_NO_SUCH_DEVICE;
    if (NT_SUCCESS(Status) && !Ext->Channels) {
        /* Nobody's bytes are in the card yet; what is there after a stop is somebody's. */
        WRITE_REGISTER_ULONG((PULONG)(Ext->Registers + FIFO_CONTROL), FIFO_CONTROL_RESET);
        Status = MakeChannels(Ext);
        if (!NT_SUCCESS(Status))
            ReleaseChannels(Ext);
    }
    if (NT_SUCCESS(Status))
        Status = ConnectInterrupts(Ext);
    if (!NT_SUCCESS(Status)) {
        MmUnmapIoSpace(Ext->Registers, FIFO_BAR_SIZE);
        Ext->Registers = NULL;
        return Status;
    }
    WRITE_REGISTER_ULONG((PULONG)(Ext->Registers + FIFO_CONTROL), FIFO_CONTROL_ENABLE);
    for (Index = 0; Index < 2 * Ext->Streams; Index++)
        ResumeChannel(&Ext->Channels[Index], Ext->Registers);
    return STATUS_SUCCESS;
}

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
        return Finish(Ext, Irp, Status);

    case IRP_MN_STOP_DEVICE:
        ReleaseHardware(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_SURPRISE_REMOVAL:
        ReleaseHardware(Ext);
        GiveUp(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;

    case IRP_MN_REMOVE_DEVICE:
        ReleaseHardware(Ext);
        GiveUp(Ext);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        IoSkipCurrentIrpStackLocation(Irp);
        Status = IoCallDriver(Ext->Lower, Irp);
        IoReleaseRemoveLockAndWait(&Ext->RemoveLock, Irp);
        ReleaseChannels(Ext);
        IoDeleteSymbolicLink(&Ext->Link);
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

/* The card stays on: power requests go down as they come. */
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

/* The first names FifoCard0 to FifoCard9 that are free. */
static PAGED_FN NTSTATUS MakeDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT *Device)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\FifoCard0");
    WCHAR Buffer[sizeof(L"\\Device\\FifoCard0") / sizeof(WCHAR)];
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\FifoCard0");
    NTSTATUS Status;
    EXTENSION *Ext;
    WCHAR Digit;

    PAGED_CODE();
    RtlCopyMemory(Buffer, Name.Buffer, Name.Length);
    Name.Buffer = Buffer;
    for (Digit = L'0'; Digit <= L'9'; Digit++) {
        Buffer[Name.Length / sizeof(WCHAR) - 1] = Digit;
        Status = IoCreateDevice(Driver, sizeof(EXTENSION), &Name, FILE_DEVICE_UNKNOWN,
                                FILE_DEVICE_SECURE_OPEN, FALSE, Device);
        if (Status != STATUS_OBJECT_NAME_COLLISION)
            break;
    }
    if (!NT_SUCCESS(Status))
        return Status;
    Ext = (*Device)->DeviceExtension;
    Ext->Self = *Device;
    RtlCopyMemory(Ext->LinkBuffer, Link.Buffer, Link.Length);
    Ext->Link = Link;
    Ext->Link.Buffer = Ext->LinkBuffer;
    Ext->Link.MaximumLength = Link.Length;
    Ext->LinkBuffer[Link.Length / sizeof(WCHAR) - 1] = Digit;
    Status = IoCreateSymbolicLink(&Ext->Link, &Name);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(*Device);
    return Status;
}

static PAGED_FN NTSTATUS NTAPI AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Device;
    EXTENSION *Ext;
    NTSTATUS Status;

    PAGED_CODE();
    Status = MakeDevice(Driver, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Ext = Device->DeviceExtension;
    Ext->Pdo = Pdo;
    IoInitializeRemoveLock(&Ext->RemoveLock, TAG, 0, 0);
    KeInitializeDpc(&Ext->Dpcs[0], EventDpc, Ext);
    KeInitializeDpc(&Ext->Dpcs[1], EventDpc, Ext);
    Ext->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    if (!Ext->Lower) {
        IoDeleteSymbolicLink(&Ext->Link);
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
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = DispatchCleanup;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchTransfer;
    Driver->MajorFunction[IRP_MJ_WRITE] = DispatchTransfer;
    Driver->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = DispatchTransfer;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = DispatchSetInformation;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

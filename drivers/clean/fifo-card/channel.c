/*
 * One direction of a stream; see channel.h, and driver.c for what it is for. Included by driver.c.
 */

static ULONG ReadChannel(CHANNEL *Channel, ULONG Offset)
{
    return READ_REGISTER_ULONG(
        (PULONG)(Channel->Registers + FIFO_CHANNEL(Channel->Stream, Channel->Direction) + Offset));
}

static VOID WriteChannel(CHANNEL *Channel, ULONG Offset, ULONG Value)
{
    WRITE_REGISTER_ULONG(
        (PULONG)(Channel->Registers + FIFO_CHANNEL(Channel->Stream, Channel->Direction) + Offset),
        Value);
}

static VOID Complete(CHANNEL *Channel, PIRP Irp, NTSTATUS Status)
{
    ULONG Done = (ULONG)(ULONG_PTR)REQUEST_DONE(Irp);
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;

    /* Bytes that were moved are moved, whatever happened then. */
    if (Done)
        Status = STATUS_SUCCESS;
    if (Channel->Memory && Done && (File->Flags & FO_SYNCHRONOUS_IO))
        File->CurrentByteOffset.QuadPart = (ULONG)(ULONG_PTR)REQUEST_PLACE(Irp) + Done;
    CompleteIrp(Irp, Status, Done);
    IoReleaseRemoveLock(&Channel->Ext->RemoveLock, Irp);
}

/* --- the queue --- */

static VOID NTAPI CsqInsert(PIO_CSQ Csq, PIRP Irp)
{
    InsertTailList(&CONTAINING_RECORD(Csq, CHANNEL, Csq)->Queue, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI CsqRemove(PIO_CSQ Csq, PIRP Irp)
{
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* PeekContext is the file object whose requests are wanted, or NULL for any. */
static PIRP NTAPI CsqPeekNext(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext)
{
    CHANNEL *Channel = CONTAINING_RECORD(Csq, CHANNEL, Csq);
    PLIST_ENTRY Entry = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Channel->Queue.Flink;

    for (; Entry != &Channel->Queue; Entry = Entry->Flink) {
        PIRP Next = CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
        if (!PeekContext || IoGetCurrentIrpStackLocation(Next)->FileObject == PeekContext)
            return Next;
    }
    return NULL;
}

static VOID NTAPI CsqLock(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&CONTAINING_RECORD(Csq, CHANNEL, Csq)->QueueLock, Irql);
}

static VOID NTAPI CsqUnlock(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&CONTAINING_RECORD(Csq, CHANNEL, Csq)->QueueLock, Irql);
}

static VOID NTAPI CsqCompleteCanceled(PIO_CSQ Csq, PIRP Irp)
{
    Complete(CONTAINING_RECORD(Csq, CHANNEL, Csq), Irp, STATUS_CANCELLED);
}

/* --- the card's side; the caller has the lock --- */

/* The card does nothing on this channel any more, and what it did stands in the ring. */
static VOID Halt(CHANNEL *Channel)
{
    if (!Channel->Running)
        return;
    WriteChannel(Channel, FIFO_CHANNEL_CONTROL, 0);
    ReadChannel(Channel, FIFO_STATUS); /* when this has come back, all DMA is over */
    Channel->Running = FALSE;
}

/* Starts the channel if it does not run; a link that went down and came back has stopped it. */
static BOOLEAN Run(CHANNEL *Channel)
{
    ULONG Status = ReadChannel(Channel, FIFO_STATUS);

    if (Status == 0xFFFFFFFF)
        return FALSE;
    if (Channel->Running && (Status & FIFO_STATUS_RUNS))
        return TRUE;
    WRITE_REGISTER_ULONG((PULONG)(Channel->Registers + FIFO_CONTROL), FIFO_CONTROL_ENABLE);
    WriteChannel(Channel, FIFO_RING_LOW, Channel->RingAddress.LowPart);
    WriteChannel(Channel, FIFO_RING_HIGH, Channel->RingAddress.HighPart);
    WriteChannel(Channel, FIFO_SIZE, RING);
    WriteChannel(Channel, FIFO_CHANNEL_CONTROL, FIFO_RUN);
    Channel->Running = TRUE;
    Channel->Head = 0;
    Channel->Given = Channel->Base = Channel->Filled; /* it has forgotten what it was given */
    return TRUE;
}

static VOID Describe(CHANNEL *Channel, PHYSICAL_ADDRESS Address, ULONG Length)
{
    FIFO_DESCRIPTOR *Each = &Channel->Ring[Channel->Head++ % RING];

    Each->AddressLow = Address.LowPart;
    Each->AddressHigh = Address.HighPart;
    Each->Length = Length;
    Each->Result = 0;
}

static VOID Ring(CHANNEL *Channel)
{
    /* The processor keeps the order of writes; the compiler must, too. */
    __asm__ __volatile__("" ::: "memory");
    WriteChannel(Channel, FIFO_HEAD, Channel->Head);
}

/* --- synchronous streams --- */

/* Whether the card is done with the request at hand. */
static BOOLEAN IsDone(CHANNEL *Channel)
{
    return (READ_ONCE(Channel->Ring[(Channel->First + Channel->Count - 1) % RING].Result) &
            FIFO_DONE) != 0;
}

/* Notes what the card did of the request at hand, which it works on no more; how the stream goes on. */
static ULONG Harvest(CHANNEL *Channel, BOOLEAN Stopped)
{
    ULONG Index, Result = 0, Bytes = 0;

    for (Index = 0; Index < Channel->Count; Index++) {
        Result = READ_ONCE(Channel->Ring[(Channel->First + Index) % RING].Result);
        if (!(Result & FIFO_DONE))
            break;
        Bytes += Result & FIFO_LENGTH;
    }
    if (Stopped && Index < Channel->Count && Channel->Registers) {
        ULONG Partial = ReadChannel(Channel, FIFO_PARTIAL);

        /* A card that is gone reads as all ones. */
        if (Partial <= (Channel->Ring[(Channel->First + Index) % RING].Length & FIFO_LENGTH))
            Bytes += Partial;
    }
    REQUEST_DONE(Channel->Current) = (PVOID)((ULONG_PTR)REQUEST_DONE(Channel->Current) + Bytes);
    return Result;
}

/* The pages of the request at hand are the card's no more. */
static VOID PutList(CHANNEL *Channel)
{
    PDMA_ADAPTER Adapter = Channel->Ext->Adapter;

    if (Channel->List)
        Adapter->DmaOperations->PutScatterGatherList(Adapter, Channel->List,
                                                     Channel->Direction == FIFO_FROM_HOST);
    Channel->List = NULL;
}

/* Takes the request at hand away from the channel. */
static PIRP TakeCurrent(CHANNEL *Channel)
{
    PIRP Irp = Channel->Current;

    if (Channel->State == AT_CARD) {
        Halt(Channel);
        Harvest(Channel, TRUE);
    }
    PutList(Channel);
    Channel->Current = NULL;
    Channel->State = IDLE;
    Channel->Unwanted = FALSE;
    return Irp;
}

static VOID Pump(CHANNEL *Channel, BOOLEAN Event);

/* The request at hand is cancelled: no event may ever come. */
static RESIDENT_FN VOID NTAPI CancelCurrent(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    CHANNEL *Channel = Stack->FileObject->FsContext;
    KIRQL Irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    if (Stack->MajorFunction != IRP_MJ_READ)
        Channel++;
    /* Whoever else would have taken it found that it is being cancelled, and left it here. */
    KeAcquireSpinLock(&Channel->Lock, &Irql);
    TakeCurrent(Channel);
    KeReleaseSpinLock(&Channel->Lock, Irql);
    Complete(Channel, Irp, STATUS_CANCELLED);
    Pump(Channel, FALSE);
}

/* From here on the request at hand may be cancelled, unless it was already: then it is still the
   caller's. If the routine runs by now, it waits for the lock. */
static BOOLEAN LetCancel(PIRP Irp)
{
    IoSetCancelRoutine(Irp, CancelCurrent);
    return !Irp->Cancel || !IoSetCancelRoutine(Irp, NULL);
}

/* The pages of the request at hand are known: the card gets them. */
static VOID NTAPI ListReady(PDEVICE_OBJECT Device, PIRP Unused, PSCATTER_GATHER_LIST List,
                            PVOID Context)
{
    CHANNEL *Channel = Context;
    ULONG Index, Count = List->NumberOfElements;
    NTSTATUS Status = STATUS_PENDING;
    PIRP Irp;

    KeAcquireSpinLockAtDpcLevel(&Channel->Lock);
    Channel->List = List;
    Irp = Channel->Current;
    if (Channel->Unwanted) {
        Status = STATUS_CANCELLED;
    } else if (Channel->Down) {
        Status = STATUS_DEVICE_NOT_CONNECTED;
    } else if (!Channel->Registers) { /* stopped meanwhile: the next start goes on with it */
        PutList(Channel);
        Channel->State = WAITING;
        if (!LetCancel(Irp))
            Status = STATUS_CANCELLED;
    } else if (Count > RING || !Run(Channel)) {
        Status = STATUS_IO_DEVICE_ERROR;
    } else {
        Channel->First = Channel->Head;
        Channel->Count = Count;
        if (Channel->Memory)
            WriteChannel(Channel, FIFO_PLACE, (ULONG)((ULONG_PTR)REQUEST_PLACE(Irp) +
                                                      (ULONG_PTR)REQUEST_DONE(Irp)));
        for (Index = 0; Index < Count; Index++) {
            ULONG Last = Index == Count - 1 ? FIFO_LAST : 0;

            Describe(Channel, List->Elements[Index].Address, List->Elements[Index].Length | Last);
        }
        Channel->State = AT_CARD;
        if (LetCancel(Irp)) {
            Ring(Channel);
        } else {
            Channel->State = MAPPING; /* the card knows nothing of it */
            Channel->Head -= Count;
            Status = STATUS_CANCELLED;
        }
    }
    if (Status != STATUS_PENDING)
        TakeCurrent(Channel);
    KeReleaseSpinLockFromDpcLevel(&Channel->Lock);
    if (Status != STATUS_PENDING)
        Complete(Channel, Irp, Status);
}

/* Tells the adapter of the pages that the request at hand is about next; at DISPATCH_LEVEL. */
static VOID Map(CHANNEL *Channel, PIRP Irp)
{
    PDMA_ADAPTER Adapter = Channel->Ext->Adapter;
    ULONG Done = (ULONG)(ULONG_PTR)REQUEST_DONE(Irp);
    ULONG Length = (ULONG)(ULONG_PTR)REQUEST_LENGTH(Irp) - Done;
    PUCHAR Start = (PUCHAR)MmGetMdlVirtualAddress(Irp->MdlAddress) + Done;
    NTSTATUS Status;

    if (Length > MOST_BYTES)
        Length = MOST_BYTES;
    Status = Adapter->DmaOperations->GetScatterGatherList(
        Adapter, Channel->Ext->Self, Irp->MdlAddress, Start, Length, ListReady, Channel,
        Channel->Direction == FIFO_FROM_HOST);
    if (NT_SUCCESS(Status))
        return;
    KeAcquireSpinLockAtDpcLevel(&Channel->Lock);
    TakeCurrent(Channel);
    KeReleaseSpinLockFromDpcLevel(&Channel->Lock);
    Complete(Channel, Irp, Status);
}

/* Gives the card a request, if it has none; at DISPATCH_LEVEL. Whether it might take more. */
static BOOLEAN GiveNext(CHANNEL *Channel)
{
    BOOLEAN AtOnce = FALSE;
    NTSTATUS Status = STATUS_SUCCESS;
    PIRP Irp = NULL;

    KeAcquireSpinLockAtDpcLevel(&Channel->Lock);
    if (Channel->Registers && !Channel->Current) {
        Irp = IoCsqRemoveNextIrp(&Channel->Csq, NULL);
        if (Irp && Channel->Ended) {
            Channel->Ended = FALSE;
            Status = STATUS_END_OF_FILE;
            AtOnce = TRUE;
        } else if (Irp && !REQUEST_LENGTH(Irp)) { /* a flush: whatever was before it is done */
            AtOnce = TRUE;
        } else if (Irp) {
            Channel->Current = Irp;
            Channel->State = MAPPING;
        }
    } else if (Channel->Registers && Channel->State == WAITING &&
               IoSetCancelRoutine(Channel->Current, NULL)) {
        Irp = Channel->Current;
        Channel->State = MAPPING;
    }
    KeReleaseSpinLockFromDpcLevel(&Channel->Lock);
    if (!Irp)
        return FALSE;
    if (AtOnce)
        Complete(Channel, Irp, Status);
    else
        Map(Channel, Irp);
    return TRUE;
}

/* Whether the card found the ring or an address wrong. */
static BOOLEAN IsWrong(CHANNEL *Channel)
{
    ULONG Status;

    if (!Channel->Registers)
        return FALSE;
    Status = ReadChannel(Channel, FIFO_STATUS);
    return Status != 0xFFFFFFFF && (Status & FIFO_STATUS_WRONG) != 0;
}

/* Ends the request at hand if the card is done with it; at DISPATCH_LEVEL. Event says that the card
   told of something. */
static VOID EndCurrent(CHANNEL *Channel, BOOLEAN Event)
{
    NTSTATUS Status = STATUS_SUCCESS;
    BOOLEAN Done, Wrong, More = FALSE;
    ULONG_PTR Before;
    ULONG Result;
    PIRP Irp;

    KeAcquireSpinLockAtDpcLevel(&Channel->Lock);
    Irp = Channel->State == AT_CARD ? Channel->Current : NULL;
    Done = Irp && IsDone(Channel);
    Wrong = Irp && !Done && Event && IsWrong(Channel);
    if ((!Done && !Wrong) || !IoSetCancelRoutine(Irp, NULL)) {
        KeReleaseSpinLockFromDpcLevel(&Channel->Lock);
        return;
    }
    if (Wrong) {
        TakeCurrent(Channel);
        Status = STATUS_IO_DEVICE_ERROR;
    } else {
        Before = (ULONG_PTR)REQUEST_DONE(Irp);
        Result = Harvest(Channel, FALSE);
        Channel->State = MAPPING;
        if (Result & FIFO_END_OF_STREAM) {
            Status = STATUS_END_OF_FILE;
            Channel->Ended = Channel->Direction == FIFO_TO_HOST && !Channel->Memory &&
                             REQUEST_DONE(Irp) != NULL;
        } else if (Channel->Direction == FIFO_FROM_HOST &&
                   REQUEST_DONE(Irp) == (PVOID)Before) {
            Status = STATUS_IO_DEVICE_ERROR; /* it has taken nothing */
        }
        /* A long write goes on where its first pages end, unless the card took less than those. */
        More = Channel->Direction == FIFO_FROM_HOST && Status == STATUS_SUCCESS &&
               (ULONG_PTR)REQUEST_DONE(Irp) - Before == MOST_BYTES &&
               REQUEST_DONE(Irp) < REQUEST_LENGTH(Irp);
        if (More)
            PutList(Channel);
        else
            TakeCurrent(Channel);
    }
    KeReleaseSpinLockFromDpcLevel(&Channel->Lock);
    if (More)
        Map(Channel, Irp);
    else
        Complete(Channel, Irp, Status);
}

/* --- asynchronous streams --- */

static BUFFER *Nth(CHANNEL *Channel, ULONG Number)
{
    return &Channel->Buffer[Number % Channel->Buffers];
}

/* Notes which buffers the card is done with. */
static VOID Collect(CHANNEL *Channel)
{
    while (Channel->Filled != Channel->Given) {
        ULONG Result = READ_ONCE(Channel->Ring[(Channel->Filled - Channel->Base) % RING].Result);
        BUFFER *Each = Nth(Channel, Channel->Filled);

        if (!(Result & FIFO_DONE))
            break;
        if (Channel->Direction == FIFO_TO_HOST)
            Each->Bytes = Result & FIFO_LENGTH;
        else
            Channel->Offset = 0;
        Each->Flags = Result;
        Channel->Filled++;
    }
    if (Channel->Direction == FIFO_FROM_HOST) {
        Channel->Taken = Channel->Filled;
        if (Channel->Filled == Channel->Posted)
            KeSetEvent(&Channel->Drained, IO_NO_INCREMENT, FALSE);
    }
}

/* Gives the card all buffers that are posted. */
static VOID Post(CHANNEL *Channel)
{
    if (!Channel->Registers || Channel->Filled == Channel->Posted || !Run(Channel) ||
        Channel->Given == Channel->Posted)
        return;
    for (; Channel->Given != Channel->Posted; Channel->Given++) {
        BUFFER *Each = Nth(Channel, Channel->Given);
        PHYSICAL_ADDRESS Address = Each->Address;
        ULONG Bytes = Channel->BufferBytes, Skip = 0;

        if (Channel->Direction == FIFO_FROM_HOST) {
            Bytes = Each->Bytes;
            Skip = Channel->Given == Channel->Filled ? Channel->Offset : 0;
        }
        Address.QuadPart += Skip;
        Describe(Channel, Address, (Bytes - Skip) | FIFO_LAST);
    }
    Ring(Channel);
}

/* Stops the card on this channel; what it was about is noted, so that it can go on. */
static VOID Interrupt(CHANNEL *Channel)
{
    ULONG Partial = 0;

    Halt(Channel);
    Collect(Channel);
    if (Channel->Filled != Channel->Given && Channel->Registers)
        Partial = ReadChannel(Channel, FIFO_PARTIAL);
    if (Partial > Channel->BufferBytes)
        Partial = 0; /* gone: it reads as all ones */
    if (Channel->Direction == FIFO_FROM_HOST) {
        Channel->Offset += Partial;
    } else if (Partial) {
        Nth(Channel, Channel->Filled)->Bytes = Partial;
        Nth(Channel, Channel->Filled)->Flags = 0;
        Channel->Filled++;
    }
    Channel->Given = Channel->Filled;
    if (Channel->Direction == FIFO_TO_HOST)
        Channel->Posted = Channel->Filled;
}

/* Reading ahead: every buffer that nobody reads from is the card's. */
static VOID ReadAhead(CHANNEL *Channel)
{
    if (!Channel->Registers || !Channel->Opened)
        return;
    Channel->Posted = Channel->Taken + Channel->Buffers;
    Post(Channel);
}

/* Copies into a request what was read ahead; how the request ends. */
static NTSTATUS FillRequest(CHANNEL *Channel, PIRP Irp, PUCHAR Room)
{
    ULONG Length = (ULONG)(ULONG_PTR)REQUEST_LENGTH(Irp);
    ULONG Done = 0;

    while (Channel->Taken != Channel->Filled) {
        BUFFER *Each = Nth(Channel, Channel->Taken);
        ULONG Bytes = Each->Bytes - Channel->Offset;

        if (Bytes > Length - Done)
            Bytes = Length - Done;
        RtlCopyMemory(Room + Done, Each->Data + Channel->Offset, Bytes);
        Done += Bytes;
        Channel->Offset += Bytes;
        REQUEST_DONE(Irp) = (PVOID)(ULONG_PTR)Done;
        /* The end of the stream is for the next request, if this one got bytes. */
        if (Channel->Offset < Each->Bytes || (Done && (Each->Flags & FIFO_END_OF_STREAM)))
            break;
        Channel->Offset = 0;
        Channel->Taken++;
        if (Each->Flags & FIFO_END_OF_STREAM)
            return STATUS_END_OF_FILE;
        if (Each->Flags & FIFO_END_OF_MESSAGE)
            break;
    }
    return STATUS_SUCCESS;
}

/* Copies from a request into free buffers; whether it is done. */
static BOOLEAN EmptyRequest(CHANNEL *Channel, PIRP Irp, PUCHAR Data)
{
    ULONG Length = (ULONG)(ULONG_PTR)REQUEST_LENGTH(Irp);
    ULONG Done = (ULONG)(ULONG_PTR)REQUEST_DONE(Irp);

    if (Length == 0)
        return Channel->Filled == Channel->Posted;
    while (Done < Length && Channel->Posted - Channel->Taken < Channel->Buffers) {
        BUFFER *Each = Nth(Channel, Channel->Posted);

        Each->Bytes = Length - Done < Channel->BufferBytes ? Length - Done : Channel->BufferBytes;
        RtlCopyMemory(Each->Data, Data + Done, Each->Bytes);
        Done += Each->Bytes;
        Channel->Posted++;
        KeClearEvent(&Channel->Drained);
    }
    REQUEST_DONE(Irp) = (PVOID)(ULONG_PTR)Done;
    return Done == Length;
}

/* Where the processor sees a request's data; NULL for a flush, or if there is no room. */
static PUCHAR View(PIRP Irp)
{
    if (!REQUEST_LENGTH(Irp))
        return NULL;
    return MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
}

/* Serves a read that waits, if there is anything for it; at DISPATCH_LEVEL. Whether it did. */
static BOOLEAN ServeRead(CHANNEL *Channel)
{
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;
    PIRP Irp = NULL;
    PUCHAR Room;

    KeAcquireSpinLockAtDpcLevel(&Channel->Lock);
    Collect(Channel);
    if (Channel->Taken != Channel->Filled)
        Irp = IoCsqRemoveNextIrp(&Channel->Csq, NULL);
    Room = Irp ? View(Irp) : NULL;
    if (Room)
        Status = FillRequest(Channel, Irp, Room);
    ReadAhead(Channel);
    KeReleaseSpinLockFromDpcLevel(&Channel->Lock);
    if (Irp)
        Complete(Channel, Irp, Status);
    return Irp != NULL;
}

/* Gets on with the write at hand, or the next one; at DISPATCH_LEVEL. Whether it is done. */
static BOOLEAN ServeWrite(CHANNEL *Channel)
{
    NTSTATUS Status = STATUS_SUCCESS;
    BOOLEAN Done = FALSE;
    PUCHAR Data;
    PIRP Irp;

    KeAcquireSpinLockAtDpcLevel(&Channel->Lock);
    Collect(Channel);
    Irp = Channel->Current;
    if (!Irp)
        Irp = IoCsqRemoveNextIrp(&Channel->Csq, NULL);
    else if (!IoSetCancelRoutine(Irp, NULL))
        Irp = NULL;
    if (Irp) {
        Channel->Current = Irp;
        Channel->State = WAITING;
        Data = View(Irp);
        Done = TRUE;
        if (REQUEST_LENGTH(Irp) && !Data) {
            Status = STATUS_INSUFFICIENT_RESOURCES;
        } else if (!EmptyRequest(Channel, Irp, Data)) {
            Done = !LetCancel(Irp);
            Status = STATUS_CANCELLED;
        }
        if (Done)
            TakeCurrent(Channel);
    }
    Post(Channel);
    KeReleaseSpinLockFromDpcLevel(&Channel->Lock);
    if (Done)
        Complete(Channel, Irp, Status);
    return Done;
}

/* --- what the driver does with a channel --- */

/* Gets on with whatever can be got on with. Event says that the card told of something. */
static RESIDENT_FN VOID Pump(CHANNEL *Channel, BOOLEAN Event)
{
    KIRQL Irql;
    PIRP Irp;

    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    if (READ_ONCE(Channel->Down)) {
        while ((Irp = IoCsqRemoveNextIrp(&Channel->Csq, NULL)) != NULL)
            Complete(Channel, Irp, STATUS_DEVICE_NOT_CONNECTED);
    } else if (!Channel->Asynchronous) {
        do
            EndCurrent(Channel, Event);
        while (GiveNext(Channel));
    } else if (Channel->Direction == FIFO_TO_HOST) {
        while (ServeRead(Channel))
            ;
    } else {
        while (ServeWrite(Channel))
            ;
    }
    KeLowerIrql(Irql);
}

/* Ends all requests of a file, or everybody's. */
static RESIDENT_FN VOID CancelAll(CHANNEL *Channel, PFILE_OBJECT File, NTSTATUS Status)
{
    KIRQL Irql;
    PIRP Irp;

    if (!Channel->Exists)
        return;
    while ((Irp = IoCsqRemoveNextIrp(&Channel->Csq, File)) != NULL)
        Complete(Channel, Irp, Status);
    KeAcquireSpinLock(&Channel->Lock, &Irql);
    Irp = Channel->Current;
    if (Irp && File && IoGetCurrentIrpStackLocation(Irp)->FileObject != File)
        Irp = NULL;
    if (Irp && Channel->State == MAPPING)
        Channel->Unwanted = TRUE;
    if (Irp && Channel->State != MAPPING && IoSetCancelRoutine(Irp, NULL))
        TakeCurrent(Channel);
    else
        Irp = NULL;
    KeReleaseSpinLock(&Channel->Lock, Irql);
    if (Irp)
        Complete(Channel, Irp, Status);
    Pump(Channel, FALSE);
}

static RESIDENT_FN VOID OpenChannel(CHANNEL *Channel)
{
    KIRQL Irql;

    KeAcquireSpinLock(&Channel->Lock, &Irql);
    Channel->Opened++;
    if (Channel->Asynchronous && Channel->Direction == FIFO_TO_HOST)
        ReadAhead(Channel);
    KeReleaseSpinLock(&Channel->Lock, Irql);
}

/* The last one to write ends the stream, once the card has all of it; nobody waits for ever. */
static RESIDENT_FN VOID CloseChannel(CHANNEL *Channel)
{
    LARGE_INTEGER Timeout;
    BOOLEAN Last;
    KIRQL Irql;

    KeAcquireSpinLock(&Channel->Lock, &Irql);
    Last = --Channel->Opened == 0;
    KeReleaseSpinLock(&Channel->Lock, Irql);
    if (!Last)
        return;
    if (Channel->Asynchronous && Channel->Direction == FIFO_FROM_HOST) {
        Timeout.QuadPart = -10 * 1000 * 1000; /* 1 s */
        KeWaitForSingleObject(&Channel->Drained, Executive, KernelMode, FALSE, &Timeout);
    }
    KeAcquireSpinLock(&Channel->Lock, &Irql);
    if (!Channel->Opened && Channel->Asynchronous) {
        /* What was read ahead, or is not sent yet, is nobody's any more. */
        Interrupt(Channel);
        Channel->Taken = Channel->Filled = Channel->Given = Channel->Posted;
        Channel->Offset = 0;
        KeSetEvent(&Channel->Drained, IO_NO_INCREMENT, FALSE);
    }
    if (!Channel->Opened && Channel->Registers && Channel->Direction == FIFO_FROM_HOST)
        WriteChannel(Channel, FIFO_CHANNEL_CONTROL, FIFO_END | (Channel->Running ? FIFO_RUN : 0));
    KeReleaseSpinLock(&Channel->Lock, Irql);
}

/* The card is about to go, for a while or for good. The request at hand goes on at the next start. */
static RESIDENT_FN VOID PauseChannel(CHANNEL *Channel)
{
    PIRP Irp = NULL;
    KIRQL Irql;

    if (!Channel->Exists)
        return;
    KeAcquireSpinLock(&Channel->Lock, &Irql);
    if (Channel->Asynchronous) {
        Interrupt(Channel);
    } else if (Channel->State == AT_CARD) {
        Halt(Channel);
        Harvest(Channel, TRUE);
        PutList(Channel);
        Channel->State = WAITING;
        /* A read that has bytes need not wait. */
        if (Channel->Direction == FIFO_TO_HOST && REQUEST_DONE(Channel->Current) &&
            IoSetCancelRoutine(Channel->Current, NULL))
            Irp = TakeCurrent(Channel);
    } else {
        Halt(Channel);
    }
    Channel->Registers = NULL;
    KeReleaseSpinLock(&Channel->Lock, Irql);
    if (Irp)
        Complete(Channel, Irp, STATUS_SUCCESS);
}

static RESIDENT_FN VOID ResumeChannel(CHANNEL *Channel, PUCHAR Registers)
{
    KIRQL Irql;

    if (!Channel->Exists)
        return;
    KeAcquireSpinLock(&Channel->Lock, &Irql);
    Channel->Registers = Registers;
    KeReleaseSpinLock(&Channel->Lock, Irql);
    Pump(Channel, FALSE);
}

/* There is no card any more. */
static RESIDENT_FN VOID CloseDown(CHANNEL *Channel)
{
    KIRQL Irql;

    if (!Channel->Exists)
        return;
    KeAcquireSpinLock(&Channel->Lock, &Irql);
    Channel->Down = TRUE;
    KeSetEvent(&Channel->Drained, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&Channel->Lock, Irql);
    CancelAll(Channel, NULL, STATUS_DEVICE_NOT_CONNECTED);
}

static PAGED_FN VOID FreeChannel(CHANNEL *Channel)
{
    PDMA_ADAPTER Adapter = Channel->Ext ? Channel->Ext->Adapter : NULL;
    ULONG Index;

    PAGED_CODE();
    if (!Adapter)
        return;
    for (Index = 0; Index < Channel->Buffers && Channel->Buffer[Index].Data; Index++)
        Adapter->DmaOperations->FreeCommonBuffer(Adapter, Channel->BufferBytes,
                                                 Channel->Buffer[Index].Address,
                                                 Channel->Buffer[Index].Data, TRUE);
    if (Channel->Ring)
        Adapter->DmaOperations->FreeCommonBuffer(Adapter, RING * sizeof(FIFO_DESCRIPTOR),
                                                 Channel->RingAddress, Channel->Ring, TRUE);
}

static PAGED_FN NTSTATUS MakeChannel(struct EXTENSION *Ext, CHANNEL *Channel, ULONG Stream,
                                     ULONG Direction)
{
    PDMA_ADAPTER Adapter = Ext->Adapter;
    PUCHAR About = Ext->Registers + FIFO_STREAM(Stream);
    ULONG Flags, Index;

    PAGED_CODE();
    Flags = READ_REGISTER_ULONG((PULONG)(About + FIFO_STREAM_FLAGS));
    Channel->Ext = Ext;
    Channel->Stream = Stream;
    Channel->Direction = Direction;
    Channel->Exists = (Flags & (FIFO_FLAG_TO_HOST << Direction)) != 0;
    Channel->Asynchronous = (Flags & FIFO_FLAG_ASYNCHRONOUS) != 0;
    Channel->Width = FIFO_FLAG_WIDTH(Flags);
    if (Channel->Width != 1 && Channel->Width != 2 && Channel->Width != 4)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    if (Flags & FIFO_FLAG_SEEKABLE)
        Channel->Memory = READ_REGISTER_ULONG((PULONG)(About + FIFO_STREAM_MEMORY));
    for (Index = 0; Index < 4; Index++)
        ((ULONG *)Channel->Name)[Index] =
            READ_REGISTER_ULONG((PULONG)(About + FIFO_STREAM_NAME + 4 * Index));
    InitializeListHead(&Channel->Queue);
    KeInitializeSpinLock(&Channel->QueueLock);
    KeInitializeSpinLock(&Channel->Lock);
    KeInitializeEvent(&Channel->Drained, NotificationEvent, TRUE);
    IoCsqInitialize(&Channel->Csq, CsqInsert, CsqRemove, CsqPeekNext, CsqLock, CsqUnlock,
                    CsqCompleteCanceled);
    if (!Channel->Exists)
        return STATUS_SUCCESS;
    Channel->Ring = Adapter->DmaOperations->AllocateCommonBuffer(
        Adapter, RING * sizeof(FIFO_DESCRIPTOR), &Channel->RingAddress, TRUE);
    if (!Channel->Ring)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!Channel->Asynchronous)
        return STATUS_SUCCESS;
    Channel->Buffers = READ_REGISTER_ULONG((PULONG)(About + FIFO_STREAM_BUFFERS));
    Channel->BufferBytes = READ_REGISTER_ULONG((PULONG)(About + FIFO_STREAM_BUFFER_BYTES));
    if (Channel->Buffers == 0 || Channel->BufferBytes == 0 || Channel->BufferBytes > FIFO_LENGTH)
        return STATUS_DEVICE_CONFIGURATION_ERROR;
    if (Channel->Buffers > MOST_BUFFERS)
        Channel->Buffers = MOST_BUFFERS;
    for (Index = 0; Index < Channel->Buffers; Index++) {
        BUFFER *Each = &Channel->Buffer[Index];

        Each->Data = Adapter->DmaOperations->AllocateCommonBuffer(Adapter, Channel->BufferBytes,
                                                                  &Each->Address, TRUE);
        if (!Each->Data)
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
}

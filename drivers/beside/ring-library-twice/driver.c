/* build: gcc -O2 */
/*
 * The export driver of pool-double-free-library.
 *
 * Wrong: a ring's bytes are freed where it is emptied and once more with the ring.
 * Deterministic: the driver that uses it deletes its ring when it is unloaded.
 */
#define RING_API
#include "ring.h"

#define TAG 'gniR'

struct RING {
    KSPIN_LOCK Lock;
    ULONG Size;
    ULONG First; /* where the next byte is taken from */
    ULONG Used;
    UCHAR *Bytes;
};

/* How many rings there are and were: shared by all drivers. */
static struct {
    LONG Now;
    LONG Ever;
} *Count;

RING *NTAPI RingCreate(ULONG Bytes)
{
    RING *Ring = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Ring), TAG);

    if (!Ring)
        return NULL;
    Ring->Bytes = ExAllocatePoolWithTag(NonPagedPool, Bytes, TAG);
    if (!Ring->Bytes) {
        ExFreePoolWithTag(Ring, TAG);
        return NULL;
    }
    KeInitializeSpinLock(&Ring->Lock);
    Ring->Size = Bytes;
    Ring->First = 0;
    Ring->Used = 0;
    InterlockedIncrement(&Count->Now);
    InterlockedIncrement(&Count->Ever);
    return Ring;
}

ULONG NTAPI RingPut(RING *Ring, const UCHAR *From, ULONG Bytes)
{
    ULONG Done;
    KIRQL Irql;

    KeAcquireSpinLock(&Ring->Lock, &Irql);
    for (Done = 0; Done < Bytes && Ring->Used < Ring->Size; Done++, Ring->Used++)
        Ring->Bytes[(Ring->First + Ring->Used) % Ring->Size] = From[Done];
    KeReleaseSpinLock(&Ring->Lock, Irql);
    return Done;
}

ULONG NTAPI RingTake(RING *Ring, UCHAR *To, ULONG Bytes)
{
    ULONG Done;
    KIRQL Irql;

    KeAcquireSpinLock(&Ring->Lock, &Irql);
    for (Done = 0; Done < Bytes && Ring->Used > 0; Done++, Ring->Used--) {
        To[Done] = Ring->Bytes[Ring->First];
        Ring->First = (Ring->First + 1) % Ring->Size;
    }
    KeReleaseSpinLock(&Ring->Lock, Irql);
    return Done;
}

/* Leaves nothing in a ring. */
static VOID Empty(RING *Ring)
{
    ExFreePoolWithTag(Ring->Bytes, TAG);
    Ring->Used = 0;
}

VOID NTAPI RingDelete(RING *Ring)
{
    Empty(Ring);
    InterlockedDecrement(&Count->Now);
    ExFreePoolWithTag(Ring->Bytes, TAG); /* BUG: Empty() has freed it */
    ExFreePoolWithTag(Ring, TAG);
}

NTSTATUS NTAPI DllInitialize(PUNICODE_STRING RegistryPath)
{
    Count = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Count), TAG);
    if (!Count)
        return STATUS_INSUFFICIENT_RESOURCES;
    Count->Now = 0;
    Count->Ever = 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI DllUnload(VOID)
{
    ExFreePoolWithTag(Count, TAG);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    return STATUS_UNSUCCESSFUL;
}

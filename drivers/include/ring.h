/*
 * What drivers see of ring-library: rings of bytes, for any IRQL up to DISPATCH_LEVEL.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "driver.h"

#ifndef RING_API
#define RING_API __declspec(dllimport)
#endif

typedef struct RING RING;

/* A ring for so many bytes; NULL if memory is short. */
RING_API RING *NTAPI RingCreate(ULONG Bytes);
/* Puts bytes in as far as there is room, or takes some out; how many. */
RING_API ULONG NTAPI RingPut(RING *Ring, const UCHAR *From, ULONG Bytes);
RING_API ULONG NTAPI RingTake(RING *Ring, UCHAR *To, ULONG Bytes);
/* Exported by ordinal only. */
RING_API VOID NTAPI RingDelete(RING *Ring);

#endif

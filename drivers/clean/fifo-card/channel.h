/*
 * One direction of a stream.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#define TAG 'ofiF'

#define RING 64       /* descriptors of a ring; a power of two */
#define MOST_PAGES 62 /* of one transfer: as many descriptors as fit, should no two pages be neighbours */
#define MOST_BYTES ((MOST_PAGES - 1) * PAGE_SIZE)
#define MOST_BUFFERS 32

/* What the driver notes in a request. DriverContext[3] is the cancel-safe queue's. */
#define REQUEST_DONE(Irp) ((Irp)->Tail.Overlay.DriverContext[0])   /* bytes moved so far */
#define REQUEST_LENGTH(Irp) ((Irp)->Tail.Overlay.DriverContext[1]) /* bytes asked for */
#define REQUEST_PLACE(Irp) ((Irp)->Tail.Overlay.DriverContext[2])  /* of a seekable stream */

/* A buffer of an asynchronous stream. */
typedef struct {
    PUCHAR Data;
    PHYSICAL_ADDRESS Address;
    ULONG Bytes; /* that lie in it */
    ULONG Flags; /* how the card ended it */
} BUFFER;

typedef enum {
    IDLE,
    MAPPING, /* its pages are being told to the adapter: it cannot be cancelled */
    AT_CARD,
    WAITING  /* for the card to be started, or for a free buffer */
} STATE;

typedef struct CHANNEL {
    struct EXTENSION *Ext;
    ULONG Stream;
    ULONG Direction;
    CHAR Name[16];
    BOOLEAN Exists;
    BOOLEAN Asynchronous;
    ULONG Width;        /* bytes of a word */
    LONGLONG Memory;    /* bytes behind a seekable stream, 0 for others */

    IO_CSQ Csq;
    KSPIN_LOCK QueueLock;
    LIST_ENTRY Queue;

    KSPIN_LOCK Lock;    /* all that follows */
    PUCHAR Registers;   /* NULL while the device is not started */
    BOOLEAN Down;       /* it will not be started again */
    BOOLEAN Ended;      /* the stream ended behind the bytes of the last read: the next one is told */
    ULONG Opened;       /* handles */
    FIFO_DESCRIPTOR *Ring;
    PHYSICAL_ADDRESS RingAddress;
    BOOLEAN Running;    /* the card's channel was started */
    ULONG Head;         /* descriptors given to the card since then */

    /* The request at hand. What may be cancelled has CancelCurrent as its cancel routine. */
    PIRP Current;
    STATE State;
    BOOLEAN Unwanted;   /* its pages are not there yet, and it was cancelled already */
    PSCATTER_GATHER_LIST List;
    ULONG First;        /* number of its first descriptor, and how many it has */
    ULONG Count;

    /* Asynchronous: buffers are used in turn. Numbers only go up: Taken <= Filled <= Given <= Posted,
       and Posted - Taken is at most Buffers. A buffer is posted for the card, given to it, filled (or
       sent) by it, and taken by a request (or free). */
    BUFFER Buffer[MOST_BUFFERS];
    ULONG Buffers;
    ULONG BufferBytes;
    ULONG Taken;
    ULONG Filled;
    ULONG Given;
    ULONG Posted;
    ULONG Base;         /* number of the buffer that descriptor 0 stands for */
    ULONG Offset;       /* bytes that are done with, of buffer Taken or, from the computer, Filled */
    KEVENT Drained;     /* signalled when the card has all that was posted */
} CHANNEL;

#endif

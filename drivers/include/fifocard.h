/*
 * The bench's card of streams (`--device fifo-card`); crates/devices/fifo-card.md is its datasheet.
 * One memory BAR of 16 KiB, two messages. All registers are 32 bits wide.
 */
#ifndef FIFOCARD_H
#define FIFOCARD_H

#define FIFO_BAR_SIZE 0x4000
#define FIFO_MOST_STREAMS 32

/* Directions: each has its message, its event register and its channel of a stream. */
#define FIFO_TO_HOST 0
#define FIFO_FROM_HOST 1

/* Registers of the card. */
#define FIFO_ID 0x00
#define FIFO_VERSION 0x04
#define FIFO_CONTROL 0x08
#define FIFO_STREAMS 0x0C
#define FIFO_EVENTS(Direction) (0x10 + 4 * (Direction)) /* a bit a stream; writing 1 clears */

#define FIFO_ID_VALUE 0x42434634
#define FIFO_CONTROL_ENABLE 1
#define FIFO_CONTROL_RESET 2

/* Registers of a stream, read only. */
#define FIFO_STREAM(Number) (0x1000 + 0x100 * (Number))
#define FIFO_STREAM_FLAGS 0x00
#define FIFO_STREAM_BUFFERS 0x04
#define FIFO_STREAM_BUFFER_BYTES 0x08
#define FIFO_STREAM_MEMORY 0x0C
#define FIFO_STREAM_NAME 0x10 /* 16 bytes, filled up with noughts */

#define FIFO_FLAG_TO_HOST 0x01
#define FIFO_FLAG_FROM_HOST 0x02
#define FIFO_FLAG_ASYNCHRONOUS 0x04
#define FIFO_FLAG_SEEKABLE 0x08
#define FIFO_FLAG_MESSAGES 0x10
#define FIFO_FLAG_WIDTH(Flags) (((Flags) >> 8) & 0xFF) /* bytes of a word */

/* Registers of a channel. */
#define FIFO_CHANNEL(Number, Direction) (FIFO_STREAM(Number) + 0x40 + 0x40 * (Direction))
#define FIFO_RING_LOW 0x00
#define FIFO_RING_HIGH 0x04
#define FIFO_SIZE 0x08
#define FIFO_HEAD 0x0C
#define FIFO_TAIL 0x10
#define FIFO_CHANNEL_CONTROL 0x14
#define FIFO_STATUS 0x18
#define FIFO_PARTIAL 0x1C
#define FIFO_PLACE 0x20
#define FIFO_LEVEL 0x24

#define FIFO_RUN 1
#define FIFO_END 2
#define FIFO_CLEAR 4
#define FIFO_STATUS_RUNS 1
#define FIFO_STATUS_WRONG 2

typedef struct {
    ULONG AddressLow;
    ULONG AddressHigh;
    ULONG Length; /* bytes, and FIFO_LAST */
    ULONG Result; /* written by the card */
} FIFO_DESCRIPTOR;

#define FIFO_LENGTH 0x00FFFFFF
#define FIFO_LAST 0x80000000
#define FIFO_DONE 0x80000000
#define FIFO_END_OF_STREAM 0x40000000
#define FIFO_END_OF_MESSAGE 0x20000000
#define FIFO_WRONG 0x10000000

#endif

/*
 * The bench's DMA device (`--device dma`): one memory BAR of 4 KiB, two messages. All registers are
 * 32 bits wide. It carries out a list of descriptors, one after another.
 */
#ifndef BENCHDMA_H
#define BENCHDMA_H

#define BENCHDMA_BAR_SIZE 4096

#define BENCHDMA_ID 0x00     /* read only: BENCHDMA_ID_VALUE */
#define BENCHDMA_STATUS 0x04 /* bit 0 = a list is done, bit 1 = it failed; writing 1 clears */
#define BENCHDMA_ENABLE 0x08 /* bit 0 = messages enabled: 0 when a list is done, 1 when it failed */
#define BENCHDMA_LIST 0x0C   /* bus address of the list, a multiple of 4 */
#define BENCHDMA_COUNT 0x10  /* writing starts as many descriptors, writing 0 stops; reads: left */
#define BENCHDMA_DONE 0x14   /* read only: descriptors carried out */

#define BENCHDMA_ID_VALUE 0x42434B32

typedef struct {
    ULONG From; /* bus addresses */
    ULONG To;
    ULONG Bytes;  /* up to 64 KiB */
    ULONG Result; /* bytes copied, and bit 31 once that is so */
} BENCHDMA_DESCRIPTOR;

#endif

/*
 * The bench's device: one memory BAR of 4 KiB, one interrupt line that may be shared (with
 * `--device bench-msi`: one message instead). All registers are 32 bits wide.
 */
#ifndef BENCHDEV_H
#define BENCHDEV_H

#define BENCHDEV_BAR_SIZE 4096

#define BENCHDEV_ID 0x00       /* read only: BENCHDEV_ID_VALUE */
#define BENCHDEV_STATUS 0x04   /* read only: bit 0 = the device asserts its interrupt */
#define BENCHDEV_ACK 0x08      /* writing 1 clears bit 0 of STATUS */
#define BENCHDEV_ENABLE 0x0C   /* bit 0 = interrupts enabled */
#define BENCHDEV_DATA_IN 0x10  /* read only: what the device has for the driver */
#define BENCHDEV_DATA_OUT 0x14 /* write only: what the driver has for the device */
#define BENCHDEV_DOORBELL 0x18 /* any write starts an operation; STATUS bit 0 follows some time later */

#define BENCHDEV_ID_VALUE 0x42434B31
#define BENCHDEV_STATUS_INTERRUPT 1u
#define BENCHDEV_ENABLE_INTERRUPT 1u
#define BENCHDEV_NOT_THERE 0xFFFFFFFF /* what any register reads as once the device was pulled out */

#endif

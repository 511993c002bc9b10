/*
 * For the drivers that call kernel routines and check what comes of it: `clean/routines-...`.
 * Include it in place of driver.h.
 */
#ifndef BENCH_EXPECT_H
#define BENCH_EXPECT_H

#include <ntifs.h>
#include <wdmguid.h>
#include "driver.h"

/* What has to hold, whoever is short of memory. If it does not, the machine stops with the line. */
#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            KeBugCheckEx(0xE2 /* MANUALLY_INITIATED_CRASH */, __LINE__, 0, 0, 0);                  \
    } while (0)

/* A call that has to succeed but for want of memory, which ends the routine that makes it. */
#define NEED(call)                                                                                 \
    do {                                                                                           \
        NTSTATUS Needed = (call);                                                                  \
        if (Needed == STATUS_INSUFFICIENT_RESOURCES || Needed == STATUS_NO_MEMORY)                 \
            return Needed;                                                                         \
        EXPECT(Needed == STATUS_SUCCESS);                                                          \
    } while (0)

/* A routine of the kernel under another name, where the headers make its own name a macro or inline. */
#define IMPORT_AS(name, of) name __asm__(#of)

static inline BOOLEAN SameBytes(const VOID *A, const VOID *B, SIZE_T Bytes)
{
    const UCHAR *One = A, *Other = B;

    while (Bytes--)
        if (*One++ != *Other++)
            return FALSE;
    return TRUE;
}

/* Whether a counted string is this literal. */
#define IS_WIDE(s, literal)                                                                        \
    ((s)->Length == sizeof(literal) - sizeof(WCHAR) && SameBytes((s)->Buffer, literal, (s)->Length))
#define IS_NARROW(s, literal)                                                                      \
    ((s)->Length == sizeof(literal) - 1 && SameBytes((s)->Buffer, literal, (s)->Length))

#endif

/*
 * What every driver here includes: the DDK header, and the few things that it lacks or that a
 * driver built by gcc or clang without a C run-time has to say for itself.
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <wdm.h>
#include <csq.h>

/* Code that is thrown away after DriverEntry, and code that may be paged out. */
#define INIT_CODE __attribute__((noinline, section("INIT")))
#define PAGED_FN __attribute__((noinline, section("PAGE")))

/*
 * For a helper that raises the IRQL and is called by pageable code. Inlined, its body would lie in
 * the caller's section, and be fetched from memory that may be paged out at DISPATCH_LEVEL.
 */
#define RESIDENT_FN __attribute__((noinline))

/* The header's PAGED_CODE() is empty without DBG; this one always stops the machine. */
#undef PAGED_CODE
#define PAGED_CODE()                                                                               \
    do {                                                                                           \
        if (KeGetCurrentIrql() > APC_LEVEL)                                                        \
            KeBugCheckEx(0xC8 /* IRQL_UNEXPECTED_VALUE */, KeGetCurrentIrql(), APC_LEVEL, 0, 0);   \
    } while (0)

/* Keeps a condition that another processor changes from being read once and kept. */
#define READ_ONCE(x) (*(volatile __typeof__(x) *)&(x))

static inline NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

#endif

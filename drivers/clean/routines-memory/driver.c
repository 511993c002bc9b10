/* build: clang -O2 */
/*
 * Memory, bitmaps, time, versions, one-time initialization and the debugger's routines. Each is
 * called by DriverEntry with what its page says about it, the edges too, and what comes of it is
 * checked; a wrong result stops the machine.
 */
#include "expect.h"

#define NONE 0xFFFFFFFF

/* The headers make macros of these. */
NTSYSAPI VOID NTAPI IMPORT_AS(CopyMemory(VOID *To, const VOID *From, SIZE_T Bytes), RtlCopyMemory);
NTSYSAPI VOID NTAPI IMPORT_AS(MoveMemory(VOID *To, const VOID *From, SIZE_T Bytes), RtlMoveMemory);
NTSYSAPI VOID NTAPI IMPORT_AS(FillMemory(VOID *To, SIZE_T Bytes, UCHAR Value), RtlFillMemory);
NTSYSAPI VOID NTAPI IMPORT_AS(ZeroMemory(VOID *To, SIZE_T Bytes), RtlZeroMemory);
NTSYSAPI VOID NTAPI IMPORT_AS(FillUlong(VOID *To, SIZE_T Bytes, ULONG Value), RtlFillMemoryUlong);
NTSYSAPI LUID NTAPI IMPORT_AS(UlongToLuid(ULONG Value), RtlConvertUlongToLuid);
NTSYSAPI LUID NTAPI IMPORT_AS(LongToLuid(LONG Value), RtlConvertLongToLuid);
NTSYSAPI BOOLEAN NTAPI IMPORT_AS(DdiVersion(ULONG Version), RtlIsNtDdiVersionAvailable);
NTSYSAPI BOOLEAN NTAPI IMPORT_AS(ServicePack(ULONG Version), RtlIsServicePackVersionInstalled);
NTSYSAPI VOID NTAPI RtlCopyMemoryNonTemporal(VOID *To, const VOID *From, SIZE_T Bytes);

INIT_CODE static VOID Memory(VOID)
{
    UCHAR Bytes[16], Other[16];
    ULONG Words[4];

    FillMemory(Bytes, sizeof(Bytes), 0xa5);
    EXPECT(Bytes[0] == 0xa5 && Bytes[15] == 0xa5);
    ZeroMemory(Bytes + 4, 8);
    EXPECT(Bytes[3] == 0xa5 && Bytes[4] == 0 && Bytes[11] == 0 && Bytes[12] == 0xa5);
    CopyMemory(Other, Bytes, 16);
    EXPECT(RtlCompareMemory(Other, Bytes, 16) == 16);
    Other[9] = 1;
    EXPECT(RtlCompareMemory(Other, Bytes, 16) == 9 && RtlCompareMemory(Other, Bytes, 0) == 0);
    RtlCopyMemoryNonTemporal(Other, Bytes, 16);
    EXPECT(RtlCompareMemory(Other, Bytes, 16) == 16);
    MoveMemory(Bytes + 2, Bytes, 4); /* they overlap */
    EXPECT(Bytes[2] == 0xa5 && Bytes[5] == 0xa5 && Bytes[6] == 0);
    FillUlong(Words, sizeof(Words), 0x12345678);
    EXPECT(Words[0] == 0x12345678 && Words[3] == 0x12345678);
    EXPECT(RtlCompareMemoryUlong(Words, sizeof(Words), 0x12345678) == 16);
    Words[2] = 0;
    EXPECT(RtlCompareMemoryUlong(Words, sizeof(Words), 0x12345678) == 8);
    EXPECT(RtlCompareMemoryUlong(Words, 7, 0x12345678) == 0);
    EXPECT(RtlCompareMemoryUlong((UCHAR *)Words + 1, 8, 0x12345678) == 0);
    RtlPrefetchMemoryNonTemporal(Words, sizeof(Words));
}

INIT_CODE static VOID Bitmap(VOID)
{
    ULONG Bits[2], Index = 0;
    RTL_BITMAP Map;

    RtlInitializeBitMap(&Map, Bits, 40);
    EXPECT(Map.SizeOfBitMap == 40 && Map.Buffer == Bits);
    RtlClearAllBits(&Map);
    EXPECT(RtlNumberOfClearBits(&Map) == 40 && RtlNumberOfSetBits(&Map) == 0);
    RtlSetBits(&Map, 30, 5);
    EXPECT(Bits[0] == 0xC0000000 && Bits[1] == 7 && RtlNumberOfSetBits(&Map) == 5);
    EXPECT(RtlAreBitsSet(&Map, 30, 5) && !RtlAreBitsSet(&Map, 29, 5));
    EXPECT(!RtlAreBitsSet(&Map, 30, 0) && !RtlAreBitsSet(&Map, 38, 5));
    EXPECT(RtlAreBitsClear(&Map, 0, 30) && !RtlAreBitsClear(&Map, 0, 31));
    EXPECT(!RtlAreBitsClear(&Map, 0, 0) && !RtlAreBitsClear(&Map, 36, 5));
    EXPECT(RtlTestBit(&Map, 34) && !RtlTestBit(&Map, 35));
    RtlSetBit(&Map, 35);
    RtlClearBit(&Map, 30);
    EXPECT(RtlAreBitsSet(&Map, 31, 5) && !RtlTestBit(&Map, 30));
    RtlClearBits(&Map, 35, 1);

    /* Set: 31 to 34. Clear: 0 to 30, 35 to 39. */
    EXPECT(RtlFindClearBits(&Map, 5, 32) == 35);
    EXPECT(RtlFindClearBits(&Map, 6, 32) == 0); /* searched from the beginning again */
    EXPECT(RtlFindClearBits(&Map, 32, 0) == NONE);
    EXPECT(RtlFindSetBits(&Map, 4, 0) == 31 && RtlFindSetBits(&Map, 5, 0) == NONE);
    EXPECT(RtlFindClearBitsAndSet(&Map, 2, 36) == 36 && RtlAreBitsSet(&Map, 36, 2));
    EXPECT(RtlFindClearBitsAndSet(&Map, 39, 0) == NONE);
    EXPECT(RtlFindSetBitsAndClear(&Map, 2, 36) == 36 && RtlAreBitsClear(&Map, 35, 5));
    EXPECT(RtlFindFirstRunClear(&Map, &Index) == 31 && Index == 0);
    EXPECT(RtlFindNextForwardRunClear(&Map, 31, &Index) == 5 && Index == 35);
    EXPECT(RtlFindNextForwardRunClear(&Map, 37, &Index) == 3 && Index == 37);
    RtlSetBits(&Map, 0, 28);
    EXPECT(RtlFindLongestRunClear(&Map, &Index) == 5 && Index == 35);
    RtlSetAllBits(&Map);
    EXPECT(RtlFindFirstRunClear(&Map, &Index) == 0 && RtlFindLongestRunClear(&Map, &Index) == 0);
    EXPECT(RtlNumberOfSetBits(&Map) == 40);

    EXPECT(RtlFindLeastSignificantBit(0) == -1 && RtlFindMostSignificantBit(0) == -1);
    EXPECT(RtlFindLeastSignificantBit(0x60) == 5 && RtlFindMostSignificantBit(0x60) == 6);
    EXPECT(RtlFindMostSignificantBit(1ull << 63) == 63);
    EXPECT(RtlNumberOfSetBitsUlongPtr(0xF0000000000000F1ull) == 9);
}

INIT_CODE static VOID Time(VOID)
{
    TIME_FIELDS Fields;
    LARGE_INTEGER At, Back;
    ULONG Seconds;

    /* 29 February 2000, a Tuesday. */
    Fields = (TIME_FIELDS){2000, 2, 29, 12, 34, 56, 789, 0};
    EXPECT(RtlTimeFieldsToTime(&Fields, &At));
    RtlTimeToTimeFields(&At, &Fields);
    EXPECT(Fields.Year == 2000 && Fields.Month == 2 && Fields.Day == 29 && Fields.Weekday == 2);
    EXPECT(Fields.Hour == 12 && Fields.Minute == 34 && Fields.Second == 56);
    EXPECT(Fields.Milliseconds == 789);
    Fields.Year = 1900; /* no leap year */
    EXPECT(!RtlTimeFieldsToTime(&Fields, &Back));
    At.QuadPart = 0;
    RtlTimeToTimeFields(&At, &Fields);
    EXPECT(Fields.Year == 1601 && Fields.Month == 1 && Fields.Day == 1 && Fields.Weekday == 1);

    RtlSecondsSince1970ToTime(951827696, &At); /* the same second of 2000 */
    RtlTimeToTimeFields(&At, &Fields);
    EXPECT(Fields.Year == 2000 && Fields.Day == 29 && Fields.Second == 56 && !Fields.Milliseconds);
    EXPECT(RtlTimeToSecondsSince1970(&At, &Seconds) && Seconds == 951827696);
    EXPECT(RtlTimeToSecondsSince1980(&At, &Seconds));
    EXPECT(951827696 - Seconds == 315532800);
    RtlSecondsSince1980ToTime(Seconds, &Back);
    EXPECT(Back.QuadPart == At.QuadPart);
    At.QuadPart = 0;
    EXPECT(!RtlTimeToSecondsSince1970(&At, &Seconds) && !RtlTimeToSecondsSince1980(&At, &Seconds));
}

INIT_CODE static VOID Version(VOID)
{
    RTL_OSVERSIONINFOEXW Info = {.dwOSVersionInfoSize = sizeof(RTL_OSVERSIONINFOEXW)}, Wanted;
    ULONG Major, Minor, Build;
    ULONGLONG Mask = 0;

    EXPECT(RtlGetVersion((PRTL_OSVERSIONINFOW)&Info) == STATUS_SUCCESS);
    EXPECT(Info.dwMajorVersion >= 6 && Info.dwPlatformId == VER_PLATFORM_WIN32_NT);
    PsGetVersion(&Major, &Minor, &Build, NULL);
    EXPECT(Major == Info.dwMajorVersion && Minor == Info.dwMinorVersion);
    EXPECT(Build == Info.dwBuildNumber);

    Mask = VerSetConditionMask(Mask, VER_MAJORVERSION, VER_GREATER_EQUAL);
    Mask = VerSetConditionMask(Mask, VER_MINORVERSION, VER_GREATER_EQUAL);
    RtlZeroMemory(&Wanted, sizeof(Wanted));
    Wanted.dwOSVersionInfoSize = sizeof(Wanted);
    Wanted.dwMajorVersion = Major - 1;
    Wanted.dwMinorVersion = Minor + 1; /* not looked at, the major version being above */
    EXPECT(RtlVerifyVersionInfo(&Wanted, VER_MAJORVERSION | VER_MINORVERSION, Mask) == STATUS_SUCCESS);
    Wanted.dwMajorVersion = Major + 1;
    EXPECT(RtlVerifyVersionInfo(&Wanted, VER_MAJORVERSION, Mask) == STATUS_REVISION_MISMATCH);
    EXPECT(RtlVerifyVersionInfo(&Wanted, 0, Mask) == STATUS_INVALID_PARAMETER);
    EXPECT(DdiVersion(0x06000000) && !DdiVersion(0x7F000000));
    EXPECT(ServicePack(Major << 24 | Minor << 16) && !ServicePack(0x06000100)); /* another system */
    EXPECT(IoIsWdmVersionAvailable(1, 0x10) && !IoIsWdmVersionAvailable(9, 0));
    EXPECT(ExIsProcessorFeaturePresent(10 /* PF_XMMI64_INSTRUCTIONS_AVAILABLE: SSE2 */));
    EXPECT(MmQuerySystemSize() <= MmLargeSystem);
    (VOID)MmIsThisAnNtAsSystem();
}

INIT_CODE static VOID Numbers(VOID)
{
    ULONG Seed = 7, Index, Differ = 0, Value, Last = 0;
    LUID Luid;

    for (Index = 0; Index < 16; Index++, Last = Value) {
        Value = Index & 1 ? RtlRandom(&Seed) : RtlRandomEx(&Seed);
        EXPECT(Value < MAXLONG);
        Differ += Value != Last;
    }
    EXPECT(Differ > 8);
    Luid = UlongToLuid(0x80000001);
    EXPECT(Luid.LowPart == 0x80000001 && Luid.HighPart == 0);
    Luid = LongToLuid(-2);
    EXPECT(Luid.LowPart == 0xFFFFFFFE && Luid.HighPart == -1);
}

INIT_CODE static ULONG NTAPI InitializeOnce(PRTL_RUN_ONCE Once, PVOID Parameter, PVOID *Context)
{
    ++*(ULONG *)Parameter;
    *Context = Parameter;
    return TRUE;
}

INIT_CODE static ULONG NTAPI InitializeNever(PRTL_RUN_ONCE Once, PVOID Parameter, PVOID *Context)
{
    ++*(ULONG *)Parameter;
    return FALSE;
}

INIT_CODE static VOID OnlyOnce(VOID)
{
    __attribute__((aligned(8))) ULONG Calls = 0, Fails = 0;
    RTL_RUN_ONCE Once;
    PVOID Context = NULL;

    RtlRunOnceInitialize(&Once);
    EXPECT(RtlRunOnceBeginInitialize(&Once, RTL_RUN_ONCE_CHECK_ONLY, &Context) == STATUS_UNSUCCESSFUL);
    EXPECT(RtlRunOnceBeginInitialize(&Once, 0, &Context) == STATUS_PENDING);
    EXPECT(RtlRunOnceComplete(&Once, RTL_RUN_ONCE_INIT_FAILED, NULL) == STATUS_SUCCESS);
    EXPECT(RtlRunOnceBeginInitialize(&Once, 0, &Context) == STATUS_PENDING);
    EXPECT(RtlRunOnceComplete(&Once, 0, &Calls) == STATUS_SUCCESS);
    EXPECT(RtlRunOnceBeginInitialize(&Once, 0, &Context) == STATUS_SUCCESS && Context == &Calls);

    RtlRunOnceInitialize(&Once);
    EXPECT(!NT_SUCCESS(RtlRunOnceExecuteOnce(&Once, InitializeNever, &Fails, &Context)) && Fails == 1);
    EXPECT(RtlRunOnceExecuteOnce(&Once, InitializeOnce, &Calls, &Context) == STATUS_SUCCESS);
    Context = NULL;
    EXPECT(RtlRunOnceExecuteOnce(&Once, InitializeOnce, &Calls, &Context) == STATUS_SUCCESS);
    EXPECT(Calls == 1 && Context == &Calls);
}

INIT_CODE static VOID Printed(PCCH Format, ...)
{
    va_list List;

    va_start(List, Format);
    vDbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, Format, List);
    va_end(List);
    va_start(List, Format);
    vDbgPrintExWithPrefix("routines: ", DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, Format, List);
    va_end(List);
}

INIT_CODE static VOID Debugger(VOID)
{
    DbgPrint("routines-memory: %d %wZ\n", 7, NULL);
    DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "%s\n", "text");
    Printed("%u\n", 1);
    EXPECT(NT_SUCCESS(DbgSetDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_TRACE_LEVEL, TRUE)));
    (VOID)DbgQueryDebugFilterState(DPFLTR_IHVDRIVER_ID, DPFLTR_TRACE_LEVEL);
    if (KdRefreshDebuggerNotPresent()) /* TRUE without a debugger */
        EXPECT(!NT_SUCCESS(KdDisableDebugger()) && !NT_SUCCESS(KdEnableDebugger()));
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->DriverUnload = Unload;
    Memory();
    Bitmap();
    Time();
    Version();
    Numbers();
    OnlyOnce();
    Debugger();
    return STATUS_SUCCESS;
}

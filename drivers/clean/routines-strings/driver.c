/* build: gcc -O2 */
/*
 * Strings of the run-time library, counted and terminated: made, compared, joined, converted. Each
 * routine is called by DriverEntry with what its page says about it, the edges too, and what
 * comes of it is checked; a wrong result stops the machine.
 */
#include "expect.h"

NTSYSAPI BOOLEAN NTAPI RtlPrefixString(const STRING *A, const STRING *B, BOOLEAN IgnoreCase);

INIT_CODE static VOID Made(VOID)
{
    static const WCHAR Long[] = L"0123456789";
    UNICODE_STRING Wide;
    ANSI_STRING Narrow;

    RtlInitUnicodeString(&Wide, L"abc");
    EXPECT(Wide.Length == 6 && Wide.MaximumLength == 8);
    RtlInitUnicodeString(&Wide, NULL);
    EXPECT(Wide.Length == 0 && Wide.MaximumLength == 0 && Wide.Buffer == NULL);
    EXPECT(RtlInitUnicodeStringEx(&Wide, Long) == STATUS_SUCCESS);
    EXPECT(Wide.Length == 20 && Wide.MaximumLength == 22 && Wide.Buffer == Long);
    RtlInitAnsiString(&Narrow, "abc");
    EXPECT(Narrow.Length == 3 && Narrow.MaximumLength == 4);
    RtlInitAnsiString(&Narrow, NULL);
    EXPECT(Narrow.Length == 0 && Narrow.MaximumLength == 0 && Narrow.Buffer == NULL);
    RtlInitString(&Narrow, "de");
    EXPECT(Narrow.Length == 2 && Narrow.MaximumLength == 3);
}

INIT_CODE static VOID Compared(VOID)
{
    UNICODE_STRING Ab = RTL_CONSTANT_STRING(L"ab"), AB = RTL_CONSTANT_STRING(L"AB");
    UNICODE_STRING Abc = RTL_CONSTANT_STRING(L"abc"), Empty = {0, 0, NULL};
    UNICODE_STRING Umlaut = RTL_CONSTANT_STRING(L"\xe4"), UMLAUT = RTL_CONSTANT_STRING(L"\xc4");
    STRING Narrow = RTL_CONSTANT_STRING("ab"), NARROW = RTL_CONSTANT_STRING("AB");
    STRING NarrowLong = RTL_CONSTANT_STRING("abc"), B = RTL_CONSTANT_STRING("b");

    EXPECT(RtlCompareUnicodeString(&Ab, &Ab, FALSE) == 0);
    EXPECT(RtlCompareUnicodeString(&Ab, &AB, FALSE) > 0);
    EXPECT(RtlCompareUnicodeString(&AB, &Ab, FALSE) < 0);
    EXPECT(RtlCompareUnicodeString(&Ab, &AB, TRUE) == 0);
    EXPECT(RtlCompareUnicodeString(&Ab, &Abc, TRUE) < 0);
    EXPECT(RtlCompareUnicodeString(&Abc, &Ab, TRUE) > 0);
    EXPECT(RtlCompareUnicodeString(&Empty, &Ab, TRUE) < 0);
    EXPECT(RtlCompareUnicodeStrings(L"ab", 2, L"AB", 2, TRUE) == 0);
    EXPECT(RtlCompareUnicodeStrings(L"ab", 2, L"abc", 3, FALSE) < 0);
    EXPECT(RtlEqualUnicodeString(&Umlaut, &UMLAUT, TRUE));
    EXPECT(!RtlEqualUnicodeString(&Umlaut, &UMLAUT, FALSE));
    EXPECT(!RtlEqualUnicodeString(&Ab, &Abc, FALSE));
    EXPECT(RtlPrefixUnicodeString(&AB, &Abc, TRUE) && !RtlPrefixUnicodeString(&AB, &Abc, FALSE));
    EXPECT(RtlPrefixUnicodeString(&Empty, &Abc, FALSE) && !RtlPrefixUnicodeString(&Abc, &Ab, FALSE));

    EXPECT(RtlCompareString(&Narrow, &NARROW, TRUE) == 0);
    EXPECT(RtlCompareString(&Narrow, &NARROW, FALSE) > 0);
    EXPECT(RtlCompareString(&NarrowLong, &B, FALSE) < 0);
    EXPECT(RtlEqualString(&Narrow, &NARROW, TRUE) && !RtlEqualString(&Narrow, &NARROW, FALSE));
    EXPECT(RtlPrefixString(&NARROW, &NarrowLong, TRUE));
    EXPECT(!RtlPrefixString(&NarrowLong, &Narrow, TRUE));
}

/* Nothing but the length and the bytes in use may change; what does not fit is left out whole. */
INIT_CODE static VOID Joined(VOID)
{
    WCHAR Room[6] = {0};
    UNICODE_STRING To = {0, sizeof(Room), Room}, Abc = RTL_CONSTANT_STRING(L"abc");
    CHAR NarrowRoom[4] = {'x', 'x', 'x', 'x'};
    STRING Narrow = {0, sizeof(NarrowRoom), NarrowRoom}, Ab = RTL_CONSTANT_STRING("ab");

    RtlCopyUnicodeString(&To, &Abc);
    EXPECT(IS_WIDE(&To, L"abc") && Room[3] == 0 && To.MaximumLength == sizeof(Room));
    EXPECT(RtlAppendUnicodeStringToString(&To, &Abc) == STATUS_SUCCESS);
    EXPECT(IS_WIDE(&To, L"abcabc"));
    EXPECT(RtlAppendUnicodeStringToString(&To, &Abc) == STATUS_BUFFER_TOO_SMALL);
    EXPECT(IS_WIDE(&To, L"abcabc"));
    To.Length = 8;
    EXPECT(RtlAppendUnicodeToString(&To, L"xyz") == STATUS_BUFFER_TOO_SMALL && To.Length == 8);
    EXPECT(RtlAppendUnicodeToString(&To, L"yz") == STATUS_SUCCESS && IS_WIDE(&To, L"abcayz"));
    EXPECT(RtlAppendUnicodeToString(&To, NULL) == STATUS_SUCCESS && To.Length == 12);
    To.MaximumLength = 4;
    RtlCopyUnicodeString(&To, &Abc); /* as much as there is room for */
    EXPECT(IS_WIDE(&To, L"ab") && Room[2] == L'c');
    RtlCopyUnicodeString(&To, NULL);
    EXPECT(To.Length == 0 && To.MaximumLength == 4 && To.Buffer == Room);

    RtlCopyString(&Narrow, &Ab);
    EXPECT(IS_NARROW(&Narrow, "ab") && NarrowRoom[2] == 'x');
    EXPECT(RtlAppendStringToString(&Narrow, &Ab) == STATUS_SUCCESS && IS_NARROW(&Narrow, "abab"));
    EXPECT(RtlAppendStringToString(&Narrow, &Ab) == STATUS_BUFFER_TOO_SMALL && Narrow.Length == 4);
    RtlUpperString(&Narrow, &Ab);
    EXPECT(IS_NARROW(&Narrow, "AB"));
    RtlCopyString(&Narrow, NULL);
    EXPECT(Narrow.Length == 0 && Narrow.MaximumLength == 4);
}

INIT_CODE static VOID Cased(VOID)
{
    WCHAR Room[3];
    UNICODE_STRING To = {0, sizeof(Room), Room}, Mixed = RTL_CONSTANT_STRING(L"aB\xe4");
    UNICODE_STRING Long = RTL_CONSTANT_STRING(L"four");

    EXPECT(RtlUpcaseUnicodeChar(L'a') == L'A' && RtlUpcaseUnicodeChar(0xe4) == 0xc4);
    EXPECT(RtlUpcaseUnicodeChar(L'1') == L'1' && RtlDowncaseUnicodeChar(L'Z') == L'z');
    EXPECT(RtlUpperChar('q') == 'Q' && RtlUpperChar('Q') == 'Q' && RtlUpperChar('-') == '-');
    EXPECT(RtlUpcaseUnicodeString(&To, &Mixed, FALSE) == STATUS_SUCCESS && IS_WIDE(&To, L"AB\xc4"));
    EXPECT(RtlDowncaseUnicodeString(&To, &Mixed, FALSE) == STATUS_SUCCESS);
    EXPECT(IS_WIDE(&To, L"ab\xe4"));
    EXPECT(!NT_SUCCESS(RtlUpcaseUnicodeString(&To, &Long, FALSE)));
    EXPECT(!NT_SUCCESS(RtlDowncaseUnicodeString(&To, &Long, FALSE)));
}

/* The examples of its page, and more. */
INIT_CODE static VOID ToNumbers(VOID)
{
    static const struct {
        const WCHAR *Text;
        ULONG Base, Value;
    } Cases[] = {
        {L"123", 10, 123},  {L"-345", 10, (ULONG)-345}, {L"xyz", 10, 0},   {L"+678abc", 10, 678},
        {L"+678abc", 16, 6785724}, {L"007", 10, 7},     {L"789", 8, 7},    {L"FGH", 16, 15},
        {L" ", 10, 0},      {L" \t12", 10, 12},         {L"0x1f", 0, 31},  {L"0o17", 0, 15},
        {L"0b101", 0, 5},   {L"019", 0, 19},            {L"4294967295", 10, 0xFFFFFFFF},
    };
    UNICODE_STRING Text;
    ULONG Index, Value;

    for (Index = 0; Index < RTL_NUMBER_OF(Cases); Index++) {
        RtlInitUnicodeString(&Text, Cases[Index].Text);
        Value = 99;
        EXPECT(RtlUnicodeStringToInteger(&Text, Cases[Index].Base, &Value) == STATUS_SUCCESS);
        EXPECT(Value == Cases[Index].Value);
    }
    EXPECT(RtlUnicodeStringToInteger(&Text, 7, &Value) == STATUS_INVALID_PARAMETER);
    EXPECT(RtlCharToInteger("-12", 10, &Value) == STATUS_SUCCESS && Value == (ULONG)-12);
    EXPECT(RtlCharToInteger("0xff", 0, &Value) == STATUS_SUCCESS && Value == 255);
    EXPECT(RtlCharToInteger("11", 2, &Value) == STATUS_SUCCESS && Value == 3);
    EXPECT(RtlCharToInteger("1", 3, &Value) == STATUS_INVALID_PARAMETER);
}

INIT_CODE static VOID FromNumbers(VOID)
{
    WCHAR Room[40];
    UNICODE_STRING To = {0, sizeof(Room), Room};

    EXPECT(RtlIntegerToUnicodeString(4294967295u, 0, &To) == STATUS_SUCCESS);
    EXPECT(IS_WIDE(&To, L"4294967295"));
    EXPECT(RtlIntegerToUnicodeString(0, 10, &To) == STATUS_SUCCESS && IS_WIDE(&To, L"0"));
    EXPECT(RtlIntegerToUnicodeString(0xBEEF, 16, &To) == STATUS_SUCCESS && IS_WIDE(&To, L"BEEF"));
    EXPECT(RtlIntegerToUnicodeString(8, 8, &To) == STATUS_SUCCESS && IS_WIDE(&To, L"10"));
    EXPECT(RtlIntegerToUnicodeString(5, 2, &To) == STATUS_SUCCESS && IS_WIDE(&To, L"101"));
    EXPECT(RtlIntegerToUnicodeString(5, 3, &To) == STATUS_INVALID_PARAMETER);
    EXPECT(RtlInt64ToUnicodeString(~0ull, 10, &To) == STATUS_SUCCESS);
    EXPECT(IS_WIDE(&To, L"18446744073709551615"));
    EXPECT(RtlInt64ToUnicodeString(1ull << 32, 16, &To) == STATUS_SUCCESS);
    EXPECT(IS_WIDE(&To, L"100000000"));
    To.MaximumLength = 4;
    EXPECT(RtlIntegerToUnicodeString(12, 10, &To) == STATUS_BUFFER_OVERFLOW);
    EXPECT(RtlInt64ToUnicodeString(12, 10, &To) == STATUS_BUFFER_OVERFLOW);
    EXPECT(RtlInt64ToUnicodeString(1, 36, &To) == STATUS_INVALID_PARAMETER);
}

INIT_CODE static VOID CodePages(VOID)
{
    STRING Narrow = RTL_CONSTANT_STRING("ab"), Out;
    UNICODE_STRING Wide = RTL_CONSTANT_STRING(L"cde"), To;
    WCHAR Room[4];
    CHAR NarrowRoom[4];
    ULONG Bytes;

    EXPECT(RtlxAnsiStringToUnicodeSize(&Narrow) == 6);
    EXPECT(RtlxUnicodeStringToAnsiSize(&Wide) == 4);
    To = (UNICODE_STRING){0, sizeof(Room), Room};
    EXPECT(RtlAnsiStringToUnicodeString(&To, &Narrow, FALSE) == STATUS_SUCCESS);
    EXPECT(IS_WIDE(&To, L"ab") && Room[2] == 0);
    To.MaximumLength = 4; /* no room for the terminator */
    EXPECT(RtlAnsiStringToUnicodeString(&To, &Narrow, FALSE) == STATUS_BUFFER_OVERFLOW);
    Out = (STRING){0, sizeof(NarrowRoom), NarrowRoom};
    EXPECT(RtlUnicodeStringToAnsiString(&Out, &Wide, FALSE) == STATUS_SUCCESS);
    EXPECT(IS_NARROW(&Out, "cde") && NarrowRoom[3] == 0);
    Wide.Length -= sizeof(WCHAR);
    Out.MaximumLength = 2; /* likewise: nothing is converted */
    EXPECT(RtlUnicodeStringToAnsiString(&Out, &Wide, FALSE) == STATUS_BUFFER_OVERFLOW);
    EXPECT(SameBytes(NarrowRoom, "cde", 4) && Out.Length == 3);

    EXPECT(RtlMultiByteToUnicodeSize(&Bytes, "abc", 3) == STATUS_SUCCESS && Bytes == 6);
    EXPECT(RtlUnicodeToMultiByteSize(&Bytes, L"abc", 6) == STATUS_SUCCESS && Bytes == 3);
    EXPECT(RtlMultiByteToUnicodeN(Room, 4, &Bytes, "xyz", 3) == STATUS_SUCCESS && Bytes == 4);
    EXPECT(Room[0] == L'x' && Room[1] == L'y');
    EXPECT(RtlUnicodeToMultiByteN(NarrowRoom, 4, &Bytes, L"hi", 6) == STATUS_SUCCESS && Bytes == 3);
    EXPECT(SameBytes(NarrowRoom, "hi", 3)); /* with the terminator that was counted */
}

INIT_CODE static VOID Utf8(VOID)
{
    static const CHAR Text[] = "\xc3\xa4\xf0\x9f\x98\x80"; /* a umlaut, a face */
    static const WCHAR Wide[] = {0xe4, 0xd83d, 0xde00};
    static const WCHAR Torn[] = {'a', 0xd83d, 'b'};
    WCHAR Room[8];
    CHAR Narrow[8];
    ULONG Bytes;

    EXPECT(RtlUTF8ToUnicodeN(NULL, 0, &Bytes, Text, 6) == STATUS_SUCCESS && Bytes == 6);
    EXPECT(RtlUTF8ToUnicodeN(Room, sizeof(Room), &Bytes, Text, 6) == STATUS_SUCCESS);
    EXPECT(Bytes == 6 && SameBytes(Room, Wide, 6));
    EXPECT(RtlUTF8ToUnicodeN(Room, 2, &Bytes, "ab", 2) == STATUS_BUFFER_TOO_SMALL);
    EXPECT(Room[0] == L'a' && Bytes == 2);
    EXPECT(RtlUTF8ToUnicodeN(Room, sizeof(Room), &Bytes, "\xff", 1) == STATUS_SOME_NOT_MAPPED);
    EXPECT(Bytes == 2 && Room[0] == 0xfffd);
    EXPECT(RtlUTF8ToUnicodeN(NULL, 0, NULL, Text, 6) == STATUS_INVALID_PARAMETER);
    EXPECT(RtlUTF8ToUnicodeN(Room, 2, &Bytes, NULL, 6) == STATUS_INVALID_PARAMETER_4);

    EXPECT(RtlUnicodeToUTF8N(NULL, 0, &Bytes, Wide, 6) == STATUS_SUCCESS && Bytes == 6);
    EXPECT(RtlUnicodeToUTF8N(Narrow, sizeof(Narrow), &Bytes, Wide, 6) == STATUS_SUCCESS);
    EXPECT(Bytes == 6 && SameBytes(Narrow, Text, 6));
    EXPECT(RtlUnicodeToUTF8N(Narrow, sizeof(Narrow), &Bytes, Torn, 6) == STATUS_SOME_NOT_MAPPED);
    EXPECT(Bytes == 5 && SameBytes(Narrow, "a\xef\xbf\xbd" "b", 5));
    EXPECT(RtlUnicodeToUTF8N(Narrow, 2, &Bytes, L"abc", 6) == STATUS_BUFFER_TOO_SMALL && Bytes == 2);
    EXPECT(RtlUnicodeToUTF8N(NULL, 0, NULL, Wide, 6) == STATUS_INVALID_PARAMETER);
    EXPECT(RtlUnicodeToUTF8N(Narrow, 2, &Bytes, NULL, 6) == STATUS_INVALID_PARAMETER_4);
    EXPECT(RtlUnicodeToUTF8N(Narrow, 2, &Bytes, Wide, 3) == STATUS_INVALID_PARAMETER_5);
}

INIT_CODE static VOID Hashed(VOID)
{
    UNICODE_STRING Ab = RTL_CONSTANT_STRING(L"ab"), AB = RTL_CONSTANT_STRING(L"AB");
    ULONG One, Other;

    EXPECT(RtlHashUnicodeString(&Ab, TRUE, HASH_STRING_ALGORITHM_X65599, &One) == STATUS_SUCCESS);
    EXPECT(RtlHashUnicodeString(&AB, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &Other) == STATUS_SUCCESS);
    EXPECT(One == Other && One == 'A' * 65599u + 'B');
    EXPECT(RtlHashUnicodeString(&Ab, FALSE, HASH_STRING_ALGORITHM_DEFAULT, &Other) == STATUS_SUCCESS);
    EXPECT(Other == 'a' * 65599u + 'b');
    EXPECT(RtlHashUnicodeString(&Ab, FALSE, 7, &Other) == STATUS_INVALID_PARAMETER);
    EXPECT(RtlHashUnicodeString(NULL, FALSE, 0, &Other) == STATUS_INVALID_PARAMETER);
    EXPECT(RtlHashUnicodeString(&Ab, FALSE, 0, NULL) == STATUS_INVALID_PARAMETER);
}

/* Those that make the buffer; each is freed before the next, so that want of memory leaks nothing. */
INIT_CODE static NTSTATUS Allocated(VOID)
{
    static const GUID Guid = {0x12345678, 0x9abc, 0xdef0, {1, 2, 3, 4, 5, 6, 7, 8}};
    UNICODE_STRING Mixed = RTL_CONSTANT_STRING(L"aB"), To, Bad = RTL_CONSTANT_STRING(L"{1234}");
    STRING Narrow = RTL_CONSTANT_STRING("cd"), Out;
    GUID Back;

    NEED(RtlAnsiStringToUnicodeString(&To, &Narrow, TRUE));
    EXPECT(IS_WIDE(&To, L"cd") && To.MaximumLength >= 6 && To.Buffer[2] == 0);
    RtlFreeUnicodeString(&To);
    EXPECT(To.Buffer == NULL && To.Length == 0 && To.MaximumLength == 0);
    RtlFreeUnicodeString(&To); /* nothing to do */
    NEED(RtlUnicodeStringToAnsiString(&Out, &Mixed, TRUE));
    EXPECT(IS_NARROW(&Out, "aB"));
    RtlFreeAnsiString(&Out);
    EXPECT(Out.Buffer == NULL);
    NEED(RtlUpcaseUnicodeString(&To, &Mixed, TRUE));
    EXPECT(IS_WIDE(&To, L"AB"));
    RtlFreeUnicodeString(&To);
    NEED(RtlDowncaseUnicodeString(&To, &Mixed, TRUE));
    EXPECT(IS_WIDE(&To, L"ab"));
    RtlFreeUnicodeString(&To);
    NEED(RtlDuplicateUnicodeString(RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE, &Mixed, &To));
    EXPECT(IS_WIDE(&To, L"aB") && To.MaximumLength == 6 && To.Buffer[2] == 0);
    RtlFreeUnicodeString(&To);
    if (!RtlCreateUnicodeString(&To, L"made"))
        return STATUS_INSUFFICIENT_RESOURCES;
    EXPECT(IS_WIDE(&To, L"made") && To.MaximumLength == 10);
    RtlFreeUnicodeString(&To);

    NEED(RtlStringFromGUID(&Guid, &To));
    EXPECT(IS_WIDE(&To, L"{12345678-9ABC-DEF0-0102-030405060708}"));
    EXPECT(RtlGUIDFromString(&To, &Back) == STATUS_SUCCESS);
    EXPECT(SameBytes(&Back, &Guid, sizeof(Guid)));
    RtlFreeUnicodeString(&To);
    EXPECT(RtlGUIDFromString(&Bad, &Back) == STATUS_INVALID_PARAMETER);
    return STATUS_SUCCESS;
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->DriverUnload = Unload;
    Made();
    Compared();
    Joined();
    Cased();
    ToNumbers();
    FromNumbers();
    CodePages();
    Utf8();
    Hashed();
    return Allocated();
}

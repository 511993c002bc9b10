/* build: gcc -O2 */
/*
 * What the kernel has of the C run-time: strings, conversions, formatted output, sorting. Each
 * routine is called by DriverEntry, the edges too, and what comes of it is checked; a wrong result
 * stops the machine.
 */
#include "expect.h"

#define TRUNCATE ((SIZE_T)-1)
#define STRUNCATE 80
#define ERANGE_ 34
#define EINVAL_ 22

/* Under names of our own: the headers have some of them inline, and declare others otherwise. */
#define C(returns, name, ...) returns __cdecl IMPORT_AS(C_##name(__VA_ARGS__), name)
C(SIZE_T, strlen, const CHAR *);
C(SIZE_T, strnlen, const CHAR *, SIZE_T);
C(CHAR *, strcpy, CHAR *, const CHAR *);
C(CHAR *, strncpy, CHAR *, const CHAR *, SIZE_T);
C(CHAR *, strcat, CHAR *, const CHAR *);
C(CHAR *, strncat, CHAR *, const CHAR *, SIZE_T);
C(int, strcmp, const CHAR *, const CHAR *);
C(int, strncmp, const CHAR *, const CHAR *, SIZE_T);
C(int, _stricmp, const CHAR *, const CHAR *);
C(int, _strnicmp, const CHAR *, const CHAR *, SIZE_T);
C(CHAR *, strchr, const CHAR *, int);
C(CHAR *, strrchr, const CHAR *, int);
C(CHAR *, strstr, const CHAR *, const CHAR *);
C(SIZE_T, strspn, const CHAR *, const CHAR *);
C(SIZE_T, strcspn, const CHAR *, const CHAR *);
C(CHAR *, _strlwr, CHAR *);
C(CHAR *, _strupr, CHAR *);
C(int, strcpy_s, CHAR *, SIZE_T, const CHAR *);
C(int, strcat_s, CHAR *, SIZE_T, const CHAR *);
C(int, strncpy_s, CHAR *, SIZE_T, const CHAR *, SIZE_T);
C(CHAR *, strtok_s, CHAR *, const CHAR *, CHAR **);
C(SIZE_T, wcslen, const WCHAR *);
C(SIZE_T, wcsnlen, const WCHAR *, SIZE_T);
C(WCHAR *, wcscpy, WCHAR *, const WCHAR *);
C(WCHAR *, wcsncpy, WCHAR *, const WCHAR *, SIZE_T);
C(WCHAR *, wcscat, WCHAR *, const WCHAR *);
C(WCHAR *, wcsncat, WCHAR *, const WCHAR *, SIZE_T);
C(int, wcscmp, const WCHAR *, const WCHAR *);
C(int, wcsncmp, const WCHAR *, const WCHAR *, SIZE_T);
C(int, _wcsicmp, const WCHAR *, const WCHAR *);
C(int, _wcsnicmp, const WCHAR *, const WCHAR *, SIZE_T);
C(WCHAR *, wcschr, const WCHAR *, WCHAR);
C(WCHAR *, wcsrchr, const WCHAR *, WCHAR);
C(WCHAR *, wcsstr, const WCHAR *, const WCHAR *);
C(SIZE_T, wcsspn, const WCHAR *, const WCHAR *);
C(SIZE_T, wcscspn, const WCHAR *, const WCHAR *);
C(WCHAR *, _wcslwr, WCHAR *);
C(WCHAR *, _wcsupr, WCHAR *);
C(int, wcscpy_s, WCHAR *, SIZE_T, const WCHAR *);
C(int, wcscat_s, WCHAR *, SIZE_T, const WCHAR *);
C(int, wcsncpy_s, WCHAR *, SIZE_T, const WCHAR *, SIZE_T);
C(SIZE_T, mbstowcs, WCHAR *, const CHAR *, SIZE_T);
C(SIZE_T, wcstombs, CHAR *, const WCHAR *, SIZE_T);
C(int, toupper, int);
C(int, tolower, int);
C(WCHAR, towupper, WCHAR);
C(WCHAR, towlower, WCHAR);
C(int, isdigit, int);
C(int, isxdigit, int);
C(int, isspace, int);
C(int, isupper, int);
C(int, islower, int);
C(int, isprint, int);
C(int, atoi, const CHAR *);
C(LONG, atol, const CHAR *);
C(int, _wtoi, const WCHAR *);
C(LONG, _wtol, const WCHAR *);
C(LONG, strtol, const CHAR *, CHAR **, int);
C(ULONG, strtoul, const CHAR *, CHAR **, int);
C(ULONG, wcstoul, const WCHAR *, WCHAR **, int);
C(ULONGLONG, _strtoui64, const CHAR *, CHAR **, int);
C(int, _itoa_s, int, CHAR *, SIZE_T, int);
C(VOID *, memchr, const VOID *, int, SIZE_T);
C(int, memcmp, const VOID *, const VOID *, SIZE_T);
C(VOID *, memmove, VOID *, const VOID *, SIZE_T);
C(int, memcpy_s, VOID *, SIZE_T, const VOID *, SIZE_T);
typedef int(__cdecl *ORDER)(const VOID *, const VOID *);
C(VOID, qsort, VOID *, SIZE_T, SIZE_T, ORDER);
C(VOID *, bsearch, const VOID *, const VOID *, SIZE_T, SIZE_T, ORDER);
C(int, sprintf, CHAR *, const CHAR *, ...);
C(int, vsprintf, CHAR *, const CHAR *, va_list);
C(int, _snprintf, CHAR *, SIZE_T, const CHAR *, ...);
C(int, _vsnprintf, CHAR *, SIZE_T, const CHAR *, va_list);
C(int, sprintf_s, CHAR *, SIZE_T, const CHAR *, ...);
C(int, vsprintf_s, CHAR *, SIZE_T, const CHAR *, va_list);
C(int, _snprintf_s, CHAR *, SIZE_T, SIZE_T, const CHAR *, ...);
C(int, _vsnprintf_s, CHAR *, SIZE_T, SIZE_T, const CHAR *, va_list);
C(int, swprintf, WCHAR *, const WCHAR *, ...);
C(int, _swprintf, WCHAR *, const WCHAR *, ...);
C(int, _vswprintf, WCHAR *, const WCHAR *, va_list);
C(int, _snwprintf, WCHAR *, SIZE_T, const WCHAR *, ...);
C(int, _vsnwprintf, WCHAR *, SIZE_T, const WCHAR *, va_list);
C(int, swprintf_s, WCHAR *, SIZE_T, const WCHAR *, ...);
C(int, vswprintf_s, WCHAR *, SIZE_T, const WCHAR *, va_list);
C(int, _snwprintf_s, WCHAR *, SIZE_T, SIZE_T, const WCHAR *, ...);
C(int, _vsnwprintf_s, WCHAR *, SIZE_T, SIZE_T, const WCHAR *, va_list);

#define IS(room, literal) SameBytes(room, literal, sizeof(literal))

INIT_CODE static VOID Narrow(VOID)
{
    CHAR Room[8], Line[] = "one,,two", *Rest;

    EXPECT(C_strlen("abc") == 3 && C_strlen("") == 0);
    EXPECT(C_strnlen("abc", 2) == 2 && C_strnlen("abc", 9) == 3);
    EXPECT(C_strcpy(Room, "ab") == Room && IS(Room, "ab"));
    EXPECT(C_strcat(Room, "cd") == Room && IS(Room, "abcd"));
    EXPECT(C_strncat(Room, "xyz", 2) == Room && IS(Room, "abcdxy"));
    Room[4] = 'k';
    C_strncpy(Room, "abcd", 3); /* no terminator where it does not fit */
    EXPECT(SameBytes(Room, "abcdk", 5));
    C_strncpy(Room, "a", 4); /* zeroes behind */
    EXPECT(SameBytes(Room, "a\0\0\0k", 5));
    EXPECT(C_strcmp("a", "b") < 0 && C_strcmp("b", "a") > 0 && C_strcmp("a", "a") == 0);
    EXPECT(C_strcmp("\xff", "a") > 0); /* characters are unsigned */
    EXPECT(C_strncmp("abc", "abd", 2) == 0 && C_strncmp("abc", "abd", 3) < 0);
    EXPECT(C__stricmp("aBc", "AbC") == 0 && C__strnicmp("abX", "ABy", 2) == 0);
    EXPECT(C__strnicmp("abX", "ABy", 3) < 0);
    EXPECT(C_strchr("hello", 'l')[1] == 'l' && C_strrchr("hello", 'l')[1] == 'o');
    EXPECT(C_strchr("hello", 'z') == NULL && *C_strchr("hello", 0) == 0);
    EXPECT(C_strstr("hello", "lo")[2] == 0 && C_strstr("hello", "ol") == NULL);
    EXPECT(*C_strstr("hello", "") == 'h');
    EXPECT(C_strspn("aabc", "ab") == 3 && C_strcspn("aabc", "cb") == 2);
    C_strcpy(Room, "aBc1");
    EXPECT(C__strupr(Room) == Room && IS(Room, "ABC1"));
    EXPECT(C__strlwr(Room) == Room && IS(Room, "abc1"));
    EXPECT(C_strcpy_s(Room, 4, "abc") == 0 && IS(Room, "abc"));
    EXPECT(C_strcpy_s(Room, 3, "abc") == ERANGE_ && Room[0] == 0);
    EXPECT(C_strncpy_s(Room, 3, "abcdef", TRUNCATE) == STRUNCATE && IS(Room, "ab"));
    EXPECT(C_strncpy_s(Room, 8, "abcdef", 2) == 0 && IS(Room, "ab"));
    EXPECT(C_strcat_s(Room, 4, "c") == 0 && IS(Room, "abc"));
    EXPECT(C_strcat_s(Room, 4, "d") == ERANGE_ && Room[0] == 0);
    EXPECT(C_strcpy_s(Room, 8, NULL) == EINVAL_ && Room[0] == 0);
    EXPECT(IS(C_strtok_s(Line, ",", &Rest), "one") && IS(C_strtok_s(NULL, ",", &Rest), "two"));
    EXPECT(C_strtok_s(NULL, ",", &Rest) == NULL);
}

INIT_CODE static VOID Wide(VOID)
{
    WCHAR Room[8];
    CHAR Back[8];

    EXPECT(C_wcslen(L"abc") == 3 && C_wcsnlen(L"abc", 2) == 2);
    EXPECT(C_wcscpy(Room, L"ab") == Room && C_wcscat(Room, L"cd") == Room && IS(Room, L"abcd"));
    EXPECT(C_wcsncat(Room, L"xyz", 2) == Room && IS(Room, L"abcdxy"));
    C_wcsncpy(Room, L"zz", 2);
    EXPECT(IS(Room, L"zzcdxy"));
    EXPECT(C_wcscmp(L"a", L"b") < 0 && C_wcsncmp(L"ax", L"ay", 1) == 0);
    EXPECT(C__wcsicmp(L"aB", L"Ab") == 0 && C__wcsnicmp(L"aBx", L"AbY", 2) == 0);
    EXPECT(C_wcschr(L"hello", L'l')[1] == L'l' && C_wcsrchr(L"hello", L'l')[1] == L'o');
    EXPECT(C_wcsstr(L"hello", L"ll")[2] == L'o' && C_wcsstr(L"a", L"b") == NULL);
    EXPECT(C_wcsspn(L"aab", L"a") == 2 && C_wcscspn(L"aab", L"b") == 2);
    EXPECT(IS(C__wcsupr(C_wcscpy(Room, L"aB")), L"AB") && IS(C__wcslwr(Room), L"ab"));
    EXPECT(C_wcscpy_s(Room, 3, L"ab") == 0 && C_wcscpy_s(Room, 2, L"ab") == ERANGE_ && !Room[0]);
    EXPECT(C_wcsncpy_s(Room, 8, L"abc", 2) == 0 && C_wcscat_s(Room, 8, L"z") == 0);
    EXPECT(IS(Room, L"abz"));
    EXPECT(C_mbstowcs(Room, "hi", 8) == 2 && IS(Room, L"hi") && C_mbstowcs(NULL, "four", 0) == 4);
    EXPECT(C_wcstombs(Back, L"hi", 8) == 2 && IS(Back, "hi") && C_wcstombs(Back, L"abc", 2) == 2);
    EXPECT(C_toupper('a') == 'A' && C_toupper('1') == '1' && C_tolower('Z') == 'z');
    EXPECT(C_towupper(L'a') == L'A' && C_towlower(L'Z') == L'z');
    EXPECT(C_isdigit('7') && !C_isdigit('a') && C_isxdigit('f') && !C_isxdigit('g'));
    EXPECT(C_isspace('\t') && !C_isspace('x') && C_isupper('A') && !C_isupper('a'));
    EXPECT(C_islower('a') && !C_islower('A') && C_isprint(' ') && !C_isprint('\n'));
}

INIT_CODE static VOID Numbers(VOID)
{
    const CHAR *Text = " -12x";
    CHAR *End, Room[12];
    WCHAR *WideEnd;

    EXPECT(C_atoi(Text) == -12 && C_atol("+34") == 34 && C_atoi("x") == 0);
    EXPECT(C__wtoi(L"-7") == -7 && C__wtol(L"8 9") == 8);
    EXPECT(C_strtol(Text, &End, 10) == -12 && *End == 'x');
    EXPECT(C_strtol("x", &End, 10) == 0 && *End == 'x');
    EXPECT(C_strtol("99999999999", NULL, 10) == MAXLONG);
    EXPECT(C_strtoul("0x1F", NULL, 0) == 31 && C_strtoul("017", NULL, 0) == 15);
    EXPECT(C_strtoul("0x1F", NULL, 16) == 31 && C_strtoul("zz", NULL, 36) == 1295);
    EXPECT(C_wcstoul(L"12z", &WideEnd, 10) == 12 && *WideEnd == L'z');
    EXPECT(C__strtoui64("18446744073709551615", NULL, 10) == ~0ull);
    EXPECT(C__itoa_s(-12, Room, sizeof(Room), 10) == 0 && IS(Room, "-12"));
    EXPECT(C__itoa_s(255, Room, sizeof(Room), 16) == 0 && IS(Room, "ff"));
    EXPECT(C__itoa_s(1234, Room, 4, 10) == ERANGE_ && Room[0] == 0);
}

INIT_CODE static int __cdecl ByValue(const VOID *A, const VOID *B)
{
    ULONG One = *(const ULONG *)A, Other = *(const ULONG *)B;

    return One < Other ? -1 : One > Other;
}

INIT_CODE static VOID Blocks(VOID)
{
    ULONG Values[] = {5, 1, 4, 1, 3}, Sorted[] = {1, 1, 3, 4, 5}, Key = 4;
    CHAR Room[] = "abcdef";

    EXPECT(C_memchr(Room, 'c', 6) == Room + 2 && C_memchr(Room, 'c', 2) == NULL);
    EXPECT(C_memcmp("ab", "ac", 2) < 0 && C_memcmp("ab", "ac", 1) == 0);
    EXPECT(C_memmove(Room + 1, Room, 3) == Room + 1 && IS(Room, "aabcef"));
    EXPECT(C_memcpy_s(Room, 6, "xy", 2) == 0 && SameBytes(Room, "xybcef", 6));
    EXPECT(C_memcpy_s(Room, 1, "xy", 2) == ERANGE_ && Room[0] == 0);
    C_qsort(Values, 5, sizeof(ULONG), ByValue);
    EXPECT(SameBytes(Values, Sorted, sizeof(Sorted)));
    EXPECT(C_bsearch(&Key, Sorted, 5, sizeof(ULONG), ByValue) == &Sorted[3]);
    Key = 2;
    EXPECT(C_bsearch(&Key, Sorted, 5, sizeof(ULONG), ByValue) == NULL);
}

INIT_CODE static VOID ByList(const CHAR *Format, const WCHAR *WideFormat, ...)
{
    CHAR Room[12];
    WCHAR WideRoom[12];
    va_list List;

    va_start(List, WideFormat);
    EXPECT(C_vsprintf(Room, Format, List) == 5 && IS(Room, "7-abc"));
    EXPECT(C__vsnprintf(Room, 12, Format, List) == 5 && C__vsnprintf(Room, 4, Format, List) == -1);
    EXPECT(C_vsprintf_s(Room, 6, Format, List) == 5);
    EXPECT(C__vsnprintf_s(Room, 12, 3, Format, List) == -1 && IS(Room, "7-a"));
    EXPECT(C__vswprintf(WideRoom, WideFormat, List) == 5 && IS(WideRoom, L"7-abc"));
    EXPECT(C__vsnwprintf(WideRoom, 5, WideFormat, List) == 5);
    EXPECT(C_vswprintf_s(WideRoom, 12, WideFormat, List) == 5);
    EXPECT(C__vsnwprintf_s(WideRoom, 4, TRUNCATE, WideFormat, List) == -1 && IS(WideRoom, L"7-a"));
    va_end(List);
}

INIT_CODE static VOID Formatted(VOID)
{
    UNICODE_STRING Counted = RTL_CONSTANT_STRING(L"counted");
    CHAR Room[64];
    WCHAR WideRoom[64];

    EXPECT(C_sprintf(Room, "%d %5u|%-4x|%04X", -1, 42u, 0xabu, 0xcdu) == 18);
    EXPECT(IS(Room, "-1    42|ab  |00CD"));
    C_sprintf(Room, "%I64d %lld %p", -5000000000ll, 1ll << 40, (VOID *)0x1234);
    EXPECT(IS(Room, "-5000000000 1099511627776 0000000000001234"));
    C_sprintf(Room, "%s %.2s %c %%", "text", "cut", 'z');
    EXPECT(IS(Room, "text cu z %"));
    C_sprintf(Room, "%S %ws %wZ %+d %#x", L"wide", L"too", &Counted, 3, 255);
    EXPECT(IS(Room, "wide too counted +3 0xff"));
    Room[3] = 'k';
    EXPECT(C__snprintf(Room, 3, "%d", 12345) == -1 && SameBytes(Room, "123k", 4));
    EXPECT(C__snprintf(Room, 5, "%d", 12345) == 5);
    EXPECT(C_sprintf_s(Room, 6, "%d", 12345) == 5 && IS(Room, "12345"));
    EXPECT(C__snprintf_s(Room, 4, TRUNCATE, "%d", 12345) == -1 && IS(Room, "123"));
    EXPECT(C_swprintf(WideRoom, L"%s %d", L"wide", 5) == 6 && IS(WideRoom, L"wide 5"));
    EXPECT(C__swprintf(WideRoom, L"%S", "narrow") == 6 && IS(WideRoom, L"narrow"));
    EXPECT(C__snwprintf(WideRoom, 2, L"%d", 123) == -1);
    EXPECT(C_swprintf_s(WideRoom, 8, L"%hs", "narrow") == 6 && IS(WideRoom, L"narrow"));
    EXPECT(C__snwprintf_s(WideRoom, 8, 2, L"%d", 123) == -1 && IS(WideRoom, L"12"));
    ByList("%d-%s", L"%d-%S", 7, "abc");
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->DriverUnload = Unload;
    Narrow();
    Wide();
    Numbers();
    Blocks();
    Formatted();
    /* A page and a half of stack may be used; RAX says how much. */
    __asm__ volatile("call *__imp___chkstk(%%rip)" : : "a"(6000ull) : "r10", "r11", "cc", "memory");
    return STATUS_SUCCESS;
}

/* build: gcc -O2 */
/*
 * Registry keys, files, events, symbolic links, processes and threads, by handle and by pointer.
 * Each routine is called by DriverEntry with what its page says about it, and what comes of it is
 * checked; a wrong result stops the machine. Everything made here is gone at the end.
 */
#include "expect.h"

NTSYSAPI NTSTATUS NTAPI RtlQueryRegistryValuesEx(ULONG RelativeTo, PCWSTR Path,
                                                 PRTL_QUERY_REGISTRY_TABLE Table, PVOID Context,
                                                 PVOID Environment);
NTSYSAPI NTSTATUS NTAPI ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode);
NTSYSAPI BOOLEAN NTAPI ObReferenceObjectSafe(PVOID Object);
NTSYSAPI PEPROCESS NTAPI IMPORT_AS(CurrentProcess(VOID), PsGetCurrentProcess);
NTSYSAPI PETHREAD NTAPI IMPORT_AS(CurrentThread(VOID), PsGetCurrentThread);
NTSYSAPI PEPROCESS NTAPI IMPORT_AS(ThreadProcess(PETHREAD Thread), PsGetThreadProcess);
NTSYSAPI PVOID NTAPI IMPORT_AS(Wow64Process(PEPROCESS Process), PsGetProcessWow64Process);

/* The headers take these for variables one step further away than they are. */
extern POBJECT_TYPE *const IMPORT_AS(EventType, __imp_ExEventObjectType);
extern POBJECT_TYPE *const IMPORT_AS(FileType, __imp_IoFileObjectType);
extern POBJECT_TYPE *const IMPORT_AS(ThreadType, __imp_PsThreadType);

#define TAG 'bOuR'
#define ATTRIBUTES(a, name, root)                                                                  \
    InitializeObjectAttributes(a, name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, root, NULL)

static UNICODE_STRING ValueName = RTL_CONSTANT_STRING(L"Speed");
static UNICODE_STRING Nothing = RTL_CONSTANT_STRING(L"Nothing");
static LARGE_INTEGER Now;

INIT_CODE static VOID Values(HANDLE Key)
{
    UCHAR Room[64];
    KEY_VALUE_PARTIAL_INFORMATION *Partial = (VOID *)Room;
    KEY_VALUE_FULL_INFORMATION *Full = (VOID *)Room;
    ULONG Value = 9600, Length;

    EXPECT(ZwSetValueKey(Key, &ValueName, 0, REG_DWORD, &Value, sizeof(Value)) == STATUS_SUCCESS);
    EXPECT(ZwQueryValueKey(Key, &ValueName, KeyValuePartialInformation, Room, sizeof(Room), &Length) ==
           STATUS_SUCCESS);
    EXPECT(Partial->Type == REG_DWORD && Partial->DataLength == 4 && *(ULONG *)Partial->Data == 9600);
    EXPECT(Length == FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + 4);
    EXPECT(ZwQueryValueKey(Key, &ValueName, KeyValuePartialInformation, Room, 12, &Length) ==
           STATUS_BUFFER_OVERFLOW); /* the fixed part fits, the data does not */
    EXPECT(Length == FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + 4);
    EXPECT(ZwQueryValueKey(Key, &ValueName, KeyValuePartialInformation, NULL, 0, &Length) ==
           STATUS_BUFFER_TOO_SMALL);
    EXPECT(ZwQueryValueKey(Key, &Nothing, KeyValuePartialInformation, Room, sizeof(Room), &Length) ==
           STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(ZwEnumerateValueKey(Key, 0, KeyValueFullInformation, Room, sizeof(Room), &Length) ==
           STATUS_SUCCESS);
    EXPECT(Full->NameLength == 10 && SameBytes(Full->Name, L"Speed", 10));
    EXPECT(*(ULONG *)(Room + Full->DataOffset) == 9600);
    EXPECT(ZwEnumerateValueKey(Key, 1, KeyValueFullInformation, Room, sizeof(Room), &Length) ==
           STATUS_NO_MORE_ENTRIES);
    EXPECT(ZwDeleteValueKey(Key, &ValueName) == STATUS_SUCCESS);
    EXPECT(ZwDeleteValueKey(Key, &ValueName) == STATUS_OBJECT_NAME_NOT_FOUND);
}

INIT_CODE static VOID Keys(PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING ChildName = RTL_CONSTANT_STRING(L"Child");
    UCHAR Room[64];
    KEY_BASIC_INFORMATION *Basic = (VOID *)Room;
    KEY_FULL_INFORMATION *Full = (VOID *)Room;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key, Child, Again;
    ULONG How, Length;

    ATTRIBUTES(&Attributes, RegistryPath, NULL);
    EXPECT(ZwOpenKey(&Key, KEY_ALL_ACCESS, &Attributes) == STATUS_SUCCESS);
    ATTRIBUTES(&Attributes, &ChildName, Key);
    EXPECT(ZwOpenKeyEx(&Child, KEY_READ, &Attributes, 0) == STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(ZwCreateKey(&Child, KEY_ALL_ACCESS, &Attributes, 0, NULL, REG_OPTION_VOLATILE, &How) ==
           STATUS_SUCCESS);
    EXPECT(How == REG_CREATED_NEW_KEY);
    EXPECT(ZwCreateKey(&Again, KEY_ALL_ACCESS, &Attributes, 0, NULL, REG_OPTION_VOLATILE, &How) ==
           STATUS_SUCCESS);
    EXPECT(How == REG_OPENED_EXISTING_KEY && ZwClose(Again) == STATUS_SUCCESS);
    Values(Child);
    EXPECT(ZwQueryKey(Key, KeyFullInformation, Room, sizeof(Room), &Length) == STATUS_SUCCESS);
    EXPECT(Full->SubKeys >= 1 && Full->MaxNameLen >= 10);
    EXPECT(ZwEnumerateKey(Child, 0, KeyBasicInformation, Room, sizeof(Room), &Length) ==
           STATUS_NO_MORE_ENTRIES);
    EXPECT(ZwQueryKey(Child, KeyBasicInformation, Room, sizeof(Room), &Length) == STATUS_SUCCESS);
    EXPECT(Basic->NameLength == 10 && SameBytes(Basic->Name, L"Child", 10));
    EXPECT(ZwEnumerateKey(Key, 0, KeyBasicInformation, Room, sizeof(Room), &Length) == STATUS_SUCCESS);
    EXPECT(ZwFlushKey(Child) == STATUS_SUCCESS);
    EXPECT(ZwDeleteKey(Child) == STATUS_SUCCESS && ZwClose(Child) == STATUS_SUCCESS);
    EXPECT(ZwOpenKey(&Child, KEY_READ, &Attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(NtClose(Key) == STATUS_SUCCESS);
}

INIT_CODE static NTSTATUS NTAPI QueryRoutine(PWSTR Name, ULONG Type, PVOID Data, ULONG Length,
                                             PVOID Context, PVOID EntryContext)
{
    EXPECT(Type == REG_DWORD && Length == 4 && *(ULONG *)Data == 7 && EntryContext == &ValueName);
    ++*(ULONG *)Context;
    return STATUS_SUCCESS;
}

INIT_CODE static VOID Tables(PCWSTR Path)
{
    ULONG Value = 7, Calls = 0, Direct = 0, Missing = 0, Default = 42;
    RTL_QUERY_REGISTRY_TABLE Table[4];

    RtlZeroMemory(Table, sizeof(Table));
    EXPECT(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"NoSuchDriver") ==
           STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, (PWSTR)Path) == STATUS_SUCCESS);
    EXPECT(RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, Path, L"Depth", REG_DWORD, &Value, 4) ==
           STATUS_SUCCESS);
    Table[0].QueryRoutine = QueryRoutine;
    Table[0].Name = (PWSTR)L"Depth";
    Table[0].EntryContext = &ValueName;
    Table[1].Flags = RTL_QUERY_REGISTRY_DIRECT;
    Table[1].Name = (PWSTR)L"Depth";
    Table[1].EntryContext = &Direct;
    Table[2].Flags = RTL_QUERY_REGISTRY_DIRECT;
    Table[2].Name = (PWSTR)L"Nothing";
    Table[2].EntryContext = &Missing;
    Table[2].DefaultType = REG_DWORD;
    Table[2].DefaultData = &Default;
    Table[2].DefaultLength = sizeof(Default);
    EXPECT(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, Path, Table, &Calls, NULL) == STATUS_SUCCESS);
    EXPECT(Calls == 1 && Direct == 7 && Missing == 42);
    RtlZeroMemory(&Table[2], sizeof(Table[2]));
    EXPECT(RtlQueryRegistryValuesEx(RTL_REGISTRY_ABSOLUTE, Path, Table, &Calls, NULL) == STATUS_SUCCESS);
    EXPECT(Calls == 2);
    Table[1].Flags |= RTL_QUERY_REGISTRY_REQUIRED;
    Table[1].Name = (PWSTR)L"Nothing";
    EXPECT(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, Path, Table, &Calls, NULL) ==
           STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(RtlDeleteRegistryValue(RTL_REGISTRY_ABSOLUTE, Path, L"Depth") == STATUS_SUCCESS);
    EXPECT(RtlDeleteRegistryValue(RTL_REGISTRY_ABSOLUTE, Path, L"Depth") ==
           STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"RoutinesObjects\\Made") ==
           STATUS_SUCCESS);
    EXPECT(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)L"RoutinesObjects\\Made") ==
           STATUS_SUCCESS);
}

INIT_CODE static NTSTATUS Events(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\RoutinesObjects");
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle, Again;
    PKEVENT Event, ByHandle;
    LONG Before = 7;

    ATTRIBUTES(&Attributes, &Name, NULL);
    EXPECT(ZwOpenEvent(&Handle, EVENT_ALL_ACCESS, &Attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(ZwCreateEvent(&Handle, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, FALSE) ==
           STATUS_SUCCESS);
    EXPECT(ZwCreateEvent(&Again, EVENT_ALL_ACCESS, &Attributes, NotificationEvent, FALSE) ==
           STATUS_OBJECT_NAME_EXISTS);
    EXPECT(ZwSetEvent(Again, &Before) == STATUS_SUCCESS && Before == 0);
    EXPECT(ZwWaitForSingleObject(Handle, FALSE, &Now) == STATUS_SUCCESS);
    EXPECT(ZwResetEvent(Handle, &Before) == STATUS_SUCCESS && Before != 0);
    EXPECT(ZwWaitForSingleObject(Handle, FALSE, &Now) == STATUS_TIMEOUT);
    EXPECT(ZwPulseEvent(Handle, &Before) == STATUS_SUCCESS && Before == 0);
    EXPECT(ZwClearEvent(Handle) == STATUS_SUCCESS);
    EXPECT(ObReferenceObjectByHandle(Handle, EVENT_ALL_ACCESS, *EventType, KernelMode,
                                     (PVOID *)&ByHandle, NULL) == STATUS_SUCCESS);
    EXPECT(KeReadStateEvent(ByHandle) == 0);
    EXPECT(ObReferenceObjectByHandle(Handle, 0, *FileType, KernelMode, (PVOID *)&Event, NULL) ==
           STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT(ObReferenceObjectByPointer(ByHandle, EVENT_ALL_ACCESS, *EventType, KernelMode) ==
           STATUS_SUCCESS);
    EXPECT(ObReferenceObjectSafe(ByHandle));
    ObDereferenceObject(ByHandle);
    ObDereferenceObject(ByHandle);
    EXPECT(ZwClose(Again) == STATUS_SUCCESS && ZwClose(Handle) == STATUS_SUCCESS);
    EXPECT(KeReadStateEvent(ByHandle) == 0); /* the reference keeps it */
    ObDereferenceObjectDeferDelete(ByHandle);
    EXPECT(ZwOpenEvent(&Handle, EVENT_ALL_ACCESS, &Attributes) == STATUS_OBJECT_NAME_NOT_FOUND);

    Event = IoCreateNotificationEvent(&Name, &Handle);
    if (!Event)
        return STATUS_INSUFFICIENT_RESOURCES;
    EXPECT(KeReadStateEvent(Event) != 0); /* made signalled */
    EXPECT(ZwClose(Handle) == STATUS_SUCCESS);
    Event = IoCreateSynchronizationEvent(&Name, &Handle);
    if (!Event)
        return STATUS_INSUFFICIENT_RESOURCES;
    EXPECT(KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, &Now) == STATUS_SUCCESS);
    EXPECT(KeReadStateEvent(Event) == 0);
    EXPECT(ObCloseHandle(Handle, KernelMode) == STATUS_SUCCESS);
    return STATUS_SUCCESS;
}

INIT_CODE static VOID Files(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\SystemRoot\\Temp\\routines-objects.log");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Io;
    FILE_STANDARD_INFORMATION Standard;
    FILE_POSITION_INFORMATION Position = {{.QuadPart = 2}};
    LARGE_INTEGER Start = {.QuadPart = 0}, Far = {.QuadPart = 100};
    CHAR Room[8];
    HANDLE File;

    ATTRIBUTES(&Attributes, &Name, NULL);
    EXPECT(ZwOpenFile(&File, GENERIC_READ | SYNCHRONIZE, &Attributes, &Io, FILE_SHARE_READ,
                      FILE_SYNCHRONOUS_IO_NONALERT) == STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT(ZwCreateFile(&File, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &Attributes, &Io, NULL,
                        FILE_ATTRIBUTE_NORMAL, 0, FILE_CREATE, FILE_SYNCHRONOUS_IO_NONALERT, NULL,
                        0) == STATUS_SUCCESS);
    EXPECT(Io.Information == FILE_CREATED);
    EXPECT(ZwWriteFile(File, NULL, NULL, NULL, &Io, "abcdef", 6, &Start, NULL) == STATUS_SUCCESS);
    EXPECT(Io.Information == 6);
    EXPECT(ZwQueryInformationFile(File, &Io, &Standard, sizeof(Standard), FileStandardInformation) ==
           STATUS_SUCCESS);
    EXPECT(Standard.EndOfFile.QuadPart == 6 && !Standard.Directory);
    EXPECT(ZwSetInformationFile(File, &Io, &Position, sizeof(Position), FilePositionInformation) ==
           STATUS_SUCCESS);
    EXPECT(ZwReadFile(File, NULL, NULL, NULL, &Io, Room, 8, NULL, NULL) == STATUS_SUCCESS);
    EXPECT(Io.Information == 4 && SameBytes(Room, "cdef", 4));
    EXPECT(ZwReadFile(File, NULL, NULL, NULL, &Io, Room, 8, &Far, NULL) == STATUS_END_OF_FILE);
    EXPECT(ZwFlushBuffersFile(File, &Io) == STATUS_SUCCESS && ZwClose(File) == STATUS_SUCCESS);
    EXPECT(IoCreateFile(&File, GENERIC_READ | SYNCHRONIZE, &Attributes, &Io, NULL, 0, FILE_SHARE_READ,
                        FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0, CreateFileTypeNone, NULL,
                        0) == STATUS_SUCCESS);
    EXPECT(Io.Information == FILE_OPENED && ZwClose(File) == STATUS_SUCCESS);
    EXPECT(ZwDeleteFile(&Attributes) == STATUS_SUCCESS);
    EXPECT(ZwDeleteFile(&Attributes) == STATUS_OBJECT_NAME_NOT_FOUND);
}

INIT_CODE static VOID Threads(VOID)
{
    CLIENT_ID Id = {PsGetProcessId(PsInitialSystemProcess), NULL};
    PEPROCESS Process = CurrentProcess(), Other;
    PETHREAD Thread = CurrentThread(), Same;
    OBJECT_ATTRIBUTES Attributes;
    KAPC_STATE State;
    HANDLE Handle;

    EXPECT(PsGetProcessId(Process) == PsGetCurrentProcessId());
    EXPECT(PsGetThreadId(Thread) == PsGetCurrentThreadId());
    EXPECT(ThreadProcess(Thread) == Process && IoThreadToProcess(Thread) == Process);
    EXPECT(PsGetThreadProcessId(Thread) == PsGetCurrentProcessId());
    EXPECT(!PsIsThreadTerminating(Thread) && Wow64Process(Process) == NULL);
    EXPECT(PsLookupProcessByProcessId(Id.UniqueProcess, &Other) == STATUS_SUCCESS);
    EXPECT(Other == PsInitialSystemProcess);
    ObDereferenceObject(Other);
    EXPECT(PsLookupProcessByProcessId((HANDLE)0x7ffffff0, &Other) == STATUS_INVALID_CID);
    EXPECT(PsLookupThreadByThreadId(PsGetCurrentThreadId(), &Same) == STATUS_SUCCESS && Same == Thread);
    ObDereferenceObject(Same);
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    EXPECT(ZwOpenProcess(&Handle, PROCESS_ALL_ACCESS, &Attributes, &Id) == STATUS_SUCCESS);
    EXPECT(ZwClose(Handle) == STATUS_SUCCESS);
    EXPECT(ObOpenObjectByPointer(Thread, OBJ_KERNEL_HANDLE, NULL, THREAD_ALL_ACCESS, *ThreadType,
                                 KernelMode, &Handle) == STATUS_SUCCESS);
    EXPECT(ZwClose(Handle) == STATUS_SUCCESS);
    KeAttachProcess((PKPROCESS)PsInitialSystemProcess);
    EXPECT(CurrentProcess() == PsInitialSystemProcess);
    KeDetachProcess();
    KeStackAttachProcess((PKPROCESS)PsInitialSystemProcess, &State);
    EXPECT(CurrentProcess() == PsInitialSystemProcess);
    KeUnstackDetachProcess(&State);
    EXPECT(CurrentProcess() == Process);
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PWSTR Path;

    Driver->DriverUnload = Unload;
    Keys(RegistryPath);
    Path = ExAllocatePoolWithTag(PagedPool, RegistryPath->Length + sizeof(WCHAR), TAG);
    if (!Path)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(Path, RegistryPath->Buffer, RegistryPath->Length);
    Path[RegistryPath->Length / sizeof(WCHAR)] = 0;
    Tables(Path);
    ExFreePoolWithTag(Path, TAG);
    Files();
    Threads();
    NEED(Events());
    return STATUS_SUCCESS;
}

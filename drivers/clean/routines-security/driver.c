/* build: clang -O2 */
/*
 * Security identifiers, access control lists, descriptors, tokens, and generic tables. Each routine
 * is called by DriverEntry with what its page says about it, and what comes of it is checked; a
 * wrong result stops the machine.
 */
#include "expect.h"

NTSYSAPI NTSTATUS NTAPI RtlAddAccessDeniedAce(PACL Acl, ULONG Revision, ACCESS_MASK Mask, PSID Sid);

#define ELEMENTS 8
#define SPACE 64

typedef struct {
    ULONG Key, Value;
} ELEMENT;

static ULONG_PTR Nodes[ELEMENTS][SPACE / sizeof(ULONG_PTR)];
static ULONG Used; /* bit N: Nodes[N] is in a table */

/* Any place but a table's own fields will do for nodes. */
INIT_CODE static PVOID Allocate(ULONG Bytes)
{
    ULONG Index;

    EXPECT(Bytes <= SPACE);
    for (Index = 0; Index < ELEMENTS; Index++)
        if (!(Used & 1u << Index)) {
            Used |= 1u << Index;
            return Nodes[Index];
        }
    return NULL;
}

INIT_CODE static VOID Free(PVOID Node)
{
    ULONG Index = (ULONG)(((ULONG_PTR)Node - (ULONG_PTR)Nodes) / SPACE);

    EXPECT(Index < ELEMENTS && Used & 1u << Index);
    Used &= ~(1u << Index);
}

INIT_CODE static RTL_GENERIC_COMPARE_RESULTS Order(PVOID A, PVOID B)
{
    ULONG One = ((ELEMENT *)A)->Key, Other = ((ELEMENT *)B)->Key;

    return One < Other ? GenericLessThan : One > Other ? GenericGreaterThan : GenericEqual;
}

INIT_CODE static RTL_GENERIC_COMPARE_RESULTS NTAPI Compare(PRTL_GENERIC_TABLE T, PVOID A, PVOID B)
{
    return Order(A, B);
}

INIT_CODE static PVOID NTAPI AllocateNode(PRTL_GENERIC_TABLE Table, CLONG Bytes)
{
    return Allocate(Bytes);
}

INIT_CODE static VOID NTAPI FreeNode(PRTL_GENERIC_TABLE Table, PVOID Node)
{
    Free(Node);
}

INIT_CODE static RTL_GENERIC_COMPARE_RESULTS NTAPI CompareAvl(PRTL_AVL_TABLE T, PVOID A, PVOID B)
{
    return Order(A, B);
}

INIT_CODE static PVOID NTAPI AllocateAvl(PRTL_AVL_TABLE Table, CLONG Bytes)
{
    return Allocate(Bytes);
}

INIT_CODE static VOID NTAPI FreeAvl(PRTL_AVL_TABLE Table, PVOID Node)
{
    Free(Node);
}

INIT_CODE static VOID Splayed(VOID)
{
    static const ULONG Keys[] = {5, 2, 9, 7};
    RTL_GENERIC_TABLE Table;
    ELEMENT Wanted = {0, 0}, *Found;
    BOOLEAN New;
    ULONG Index, Last = 0;
    PVOID Restart = NULL;

    RtlInitializeGenericTable(&Table, Compare, AllocateNode, FreeNode, &Used);
    EXPECT(RtlIsGenericTableEmpty(&Table) && RtlNumberGenericTableElements(&Table) == 0);
    EXPECT(RtlEnumerateGenericTable(&Table, TRUE) == NULL);
    for (Index = 0; Index < 4; Index++) {
        Wanted = (ELEMENT){Keys[Index], Index};
        Found = RtlInsertElementGenericTable(&Table, &Wanted, sizeof(Wanted), &New);
        EXPECT(New && Found != &Wanted && Found->Key == Keys[Index]);
    }
    Wanted = (ELEMENT){7, 99};
    Found = RtlInsertElementGenericTable(&Table, &Wanted, sizeof(Wanted), &New);
    EXPECT(!New && Found->Value == 3); /* the old one stays */
    EXPECT(RtlNumberGenericTableElements(&Table) == 4 && !RtlIsGenericTableEmpty(&Table));
    for (Found = RtlEnumerateGenericTable(&Table, TRUE); Found;
         Found = RtlEnumerateGenericTable(&Table, FALSE)) {
        EXPECT(Found->Key > Last); /* in order */
        Last = Found->Key;
    }
    EXPECT(Last == 9);
    for (Last = 0; (Found = RtlEnumerateGenericTableWithoutSplaying(&Table, &Restart));) {
        EXPECT(Found->Key > Last);
        Last = Found->Key;
    }
    for (Index = 0; Index < 4; Index++) { /* by number: as they were inserted */
        Found = RtlGetElementGenericTable(&Table, Index);
        EXPECT(Found && Found->Key == Keys[Index]);
    }
    EXPECT(RtlGetElementGenericTable(&Table, 4) == NULL);
    Wanted.Key = 2;
    Found = RtlLookupElementGenericTable(&Table, &Wanted);
    EXPECT(Found && Found->Value == 1);
    EXPECT(RtlDeleteElementGenericTable(&Table, &Wanted));
    EXPECT(!RtlDeleteElementGenericTable(&Table, &Wanted));
    EXPECT(RtlLookupElementGenericTable(&Table, &Wanted) == NULL);
    while ((Found = RtlGetElementGenericTable(&Table, 0)))
        EXPECT(RtlDeleteElementGenericTable(&Table, Found));
    EXPECT(RtlIsGenericTableEmpty(&Table) && Used == 0);
}

INIT_CODE static VOID Balanced(VOID)
{
    RTL_AVL_TABLE Table;
    ELEMENT Wanted, *Found;
    TABLE_SEARCH_RESULT Where;
    BOOLEAN New;
    ULONG Key, Last = 0;
    PVOID Node, Restart = NULL;

    RtlInitializeGenericTableAvl(&Table, CompareAvl, AllocateAvl, FreeAvl, NULL);
    EXPECT(RtlIsGenericTableEmptyAvl(&Table));
    for (Key = 1; Key <= 7; Key++) {
        Wanted = (ELEMENT){Key, Key * Key};
        if (Key & 1)
            RtlInsertElementGenericTableAvl(&Table, &Wanted, sizeof(Wanted), &New);
        else {
            EXPECT(RtlLookupElementGenericTableFullAvl(&Table, &Wanted, &Node, &Where) == NULL);
            EXPECT(Where != TableFoundNode && Where != TableEmptyTree);
            RtlInsertElementGenericTableFullAvl(&Table, &Wanted, sizeof(Wanted), &New, Node, Where);
        }
        EXPECT(New);
    }
    EXPECT(RtlNumberGenericTableElementsAvl(&Table) == 7);
    Wanted.Key = 4;
    Found = RtlLookupElementGenericTableFullAvl(&Table, &Wanted, &Node, &Where);
    EXPECT(Found && Found->Value == 16 && Where == TableFoundNode);
    EXPECT(RtlLookupElementGenericTableAvl(&Table, &Wanted) == Found);
    EXPECT(RtlLookupFirstMatchingElementGenericTableAvl(&Table, &Wanted, &Restart) == Found);
    Found = RtlGetElementGenericTableAvl(&Table, 2); /* in order */
    EXPECT(Found && Found->Key == 3 && !RtlGetElementGenericTableAvl(&Table, 7));
    for (Found = RtlEnumerateGenericTableAvl(&Table, TRUE); Found;
         Found = RtlEnumerateGenericTableAvl(&Table, FALSE))
        EXPECT(Found->Key == ++Last);
    EXPECT(Last == 7);
    while ((Found = RtlGetElementGenericTableAvl(&Table, 0)))
        EXPECT(RtlDeleteElementGenericTableAvl(&Table, Found));
    EXPECT(RtlIsGenericTableEmptyAvl(&Table) && Used == 0);
}

static SID_IDENTIFIER_AUTHORITY Authority = {SECURITY_NT_AUTHORITY};
static ULONG Users[4], Copy[4], Lists[32], Whole[64]; /* S-1-5-32-545 takes 16 bytes */

INIT_CODE static NTSTATUS Identifiers(VOID)
{
    UNICODE_STRING Text;
    WCHAR Room[16];

    EXPECT(RtlLengthRequiredSid(2) == 16);
    EXPECT(RtlInitializeSid(Users, &Authority, 2) == STATUS_SUCCESS);
    *RtlSubAuthoritySid(Users, 0) = SECURITY_BUILTIN_DOMAIN_RID;
    *RtlSubAuthoritySid(Users, 1) = DOMAIN_ALIAS_RID_USERS;
    EXPECT(*RtlSubAuthorityCountSid(Users) == 2 && RtlLengthSid(Users) == 16);
    EXPECT(RtlValidSid(Users));
    EXPECT(RtlCopySid(12, Copy, Users) == STATUS_BUFFER_TOO_SMALL);
    EXPECT(RtlCopySid(16, Copy, Users) == STATUS_SUCCESS && RtlEqualSid(Copy, Users));
    ++*RtlSubAuthoritySid(Copy, 1);
    EXPECT(!RtlEqualSid(Copy, Users));
    ((SID *)Copy)->Revision = 9;
    EXPECT(!RtlValidSid(Copy));

    Text = (UNICODE_STRING){0, sizeof(Room), Room};
    EXPECT(RtlConvertSidToUnicodeString(&Text, Users, FALSE) == STATUS_SUCCESS);
    EXPECT(IS_WIDE(&Text, L"S-1-5-32-545"));
    Text.MaximumLength = 8;
    EXPECT(RtlConvertSidToUnicodeString(&Text, Users, FALSE) == STATUS_BUFFER_OVERFLOW);
    EXPECT(RtlConvertSidToUnicodeString(&Text, Copy, FALSE) == STATUS_INVALID_SID);
    NEED(RtlConvertSidToUnicodeString(&Text, Users, TRUE));
    EXPECT(IS_WIDE(&Text, L"S-1-5-32-545"));
    RtlFreeUnicodeString(&Text);
    return STATUS_SUCCESS;
}

INIT_CODE static VOID Descriptors(VOID)
{
    SECURITY_DESCRIPTOR Descriptor;
    PACL List = (PACL)Lists, Given;
    ACCESS_ALLOWED_ACE *Ace;
    BOOLEAN Present, Defaulted;
    ULONG Bytes;
    PSID Sid;

    EXPECT(RtlCreateAcl(List, sizeof(ACL) - 1, ACL_REVISION) == STATUS_BUFFER_TOO_SMALL);
    EXPECT(RtlCreateAcl(List, sizeof(Lists), 99) == STATUS_INVALID_PARAMETER);
    EXPECT(RtlCreateAcl(List, 56, ACL_REVISION) == STATUS_SUCCESS && List->AceCount == 0);
    EXPECT(RtlAddAccessDeniedAce(List, ACL_REVISION, FILE_WRITE_DATA, Users) == STATUS_SUCCESS);
    EXPECT(RtlAddAccessAllowedAce(List, ACL_REVISION, FILE_READ_DATA, Users) == STATUS_SUCCESS);
    EXPECT(RtlAddAccessAllowedAce(List, ACL_REVISION, 1, Users) == STATUS_ALLOTTED_SPACE_EXCEEDED);
    EXPECT(RtlAddAccessAllowedAce(List, ACL_REVISION, 1, Copy) == STATUS_INVALID_SID);
    EXPECT(RtlGetAce(List, 1, (PVOID *)&Ace) == STATUS_SUCCESS);
    EXPECT(Ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE && Ace->Mask == FILE_READ_DATA);
    EXPECT(RtlEqualSid(&Ace->SidStart, Users) && List->AceCount == 2);
    EXPECT(!NT_SUCCESS(RtlGetAce(List, 2, (PVOID *)&Ace)));

    EXPECT(RtlCreateSecurityDescriptor(&Descriptor, 7) == STATUS_UNKNOWN_REVISION);
    EXPECT(RtlCreateSecurityDescriptor(&Descriptor, SECURITY_DESCRIPTOR_REVISION) == STATUS_SUCCESS);
    EXPECT(RtlGetDaclSecurityDescriptor(&Descriptor, &Present, &Given, &Defaulted) == STATUS_SUCCESS);
    EXPECT(!Present);
    EXPECT(RtlSetDaclSecurityDescriptor(&Descriptor, TRUE, List, FALSE) == STATUS_SUCCESS);
    EXPECT(RtlSetOwnerSecurityDescriptor(&Descriptor, Users, FALSE) == STATUS_SUCCESS);
    EXPECT(RtlSetGroupSecurityDescriptor(&Descriptor, Users, TRUE) == STATUS_SUCCESS);
    EXPECT(RtlValidSecurityDescriptor(&Descriptor));
    EXPECT(RtlGetDaclSecurityDescriptor(&Descriptor, &Present, &Given, &Defaulted) == STATUS_SUCCESS);
    EXPECT(Present && Given == List && !Defaulted);
    EXPECT(RtlGetSaclSecurityDescriptor(&Descriptor, &Present, &Given, &Defaulted) == STATUS_SUCCESS);
    EXPECT(!Present);
    EXPECT(RtlGetOwnerSecurityDescriptor(&Descriptor, &Sid, &Defaulted) == STATUS_SUCCESS);
    EXPECT(Sid == Users && !Defaulted);
    EXPECT(RtlGetGroupSecurityDescriptor(&Descriptor, &Sid, &Defaulted) == STATUS_SUCCESS);
    EXPECT(Sid == Users && Defaulted);

    EXPECT(RtlLengthSecurityDescriptor(&Descriptor) >= sizeof(Descriptor) + 56 + 16 + 16);
    Bytes = 20; /* the head alone */
    EXPECT(RtlAbsoluteToSelfRelativeSD(&Descriptor, Whole, &Bytes) == STATUS_BUFFER_TOO_SMALL);
    EXPECT(Bytes <= sizeof(Whole));
    EXPECT(RtlAbsoluteToSelfRelativeSD(&Descriptor, Whole, &Bytes) == STATUS_SUCCESS);
    EXPECT(((SECURITY_DESCRIPTOR *)Whole)->Control & SE_SELF_RELATIVE);
    EXPECT(RtlGetOwnerSecurityDescriptor(Whole, &Sid, &Defaulted) == STATUS_SUCCESS);
    EXPECT(Sid > (PSID)Whole && Sid < (PSID)(Whole + 64) && RtlEqualSid(Sid, Users));
    EXPECT(!NT_SUCCESS(RtlAbsoluteToSelfRelativeSD(Whole, Lists, &Bytes)));
}

INIT_CODE static VOID Tokens(VOID)
{
    SECURITY_SUBJECT_CONTEXT Context;
    GENERIC_MAPPING Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                               FILE_ALL_ACCESS};
    PRIVILEGE_SET Set = {1, PRIVILEGE_SET_ALL_NECESSARY, {{{SE_LOAD_DRIVER_PRIVILEGE, 0}, 0}}};
    SECURITY_DESCRIPTOR Descriptor;
    ACCESS_MASK Granted = 0;
    NTSTATUS Status = STATUS_UNSUCCESSFUL;
    PACCESS_TOKEN Token;

    EXPECT(RtlCreateSecurityDescriptor(&Descriptor, SECURITY_DESCRIPTOR_REVISION) == STATUS_SUCCESS);
    EXPECT(RtlSetDaclSecurityDescriptor(&Descriptor, TRUE, NULL, FALSE) == STATUS_SUCCESS);
    SeCaptureSubjectContext(&Context);
    SeLockSubjectContext(&Context);
    /* A list that is NULL grants everything. */
    EXPECT(SeAccessCheck(&Descriptor, &Context, TRUE, FILE_READ_DATA, 0, NULL, &Mapping, UserMode,
                         &Granted, &Status));
    EXPECT(Status == STATUS_SUCCESS && Granted & FILE_READ_DATA);
    EXPECT(SePrivilegeCheck(&Set, &Context, KernelMode)); /* the kernel has all privileges */
    SeUnlockSubjectContext(&Context);
    SeReleaseSubjectContext(&Context);
    EXPECT(SeSinglePrivilegeCheck(Set.Privilege[0].Luid, KernelMode));
    Token = PsReferencePrimaryToken(PsInitialSystemProcess);
    EXPECT(Token && SeTokenType(Token) == TokenPrimary && SeTokenIsAdmin(Token));
    PsDereferencePrimaryToken(Token);
    PsRevertToSelf(); /* nobody is impersonated */
}

static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
{
}

INIT_CODE NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    Driver->DriverUnload = Unload;
    Splayed();
    Balanced();
    NEED(Identifiers());
    Descriptors();
    Tokens();
    return STATUS_SUCCESS;
}

//! Counted strings, lists, identifiers, times: what every other structure is made of.

layouts! {
    /// A link of a doubly linked list, or its head.
    list_entry = "LIST_ENTRY", "wdm.h", 0x10 {
        FLINK = "Flink", 0x0, 0x8;
        BLINK = "Blink", 0x8, 0x8;
    }

    /// A link of a singly linked list.
    single_list_entry = "SINGLE_LIST_ENTRY", "wdm.h", 0x8 {
        NEXT = "Next", 0x0, 0x8;
    }

    /// Head of an interlocked list; 16-byte aligned, changed with CMPXCHG16B. The first
    /// quadword holds depth (bits 0..15) and sequence (16..63), the second the address of the
    /// first entry in bits 4..63.
    slist_header = "SLIST_HEADER", "wdm.h", 0x10 {
        ALIGNMENT = "Alignment", 0x0, 0x8;
        REGION = "Region", 0x8, 0x8;
    }

    /// An entry of an interlocked list; 16-byte aligned.
    slist_entry = "SLIST_ENTRY", "wdm.h", 0x10 {
        NEXT = "Next", 0x0, 0x8;
    }

    /// A counted UTF-16 string; lengths in bytes, not necessarily terminated.
    unicode_string = "UNICODE_STRING", "ntdef.h", 0x10 {
        LENGTH = "Length", 0x0, 0x2;
        MAXIMUM_LENGTH = "MaximumLength", 0x2, 0x2;
        BUFFER = "Buffer", 0x8, 0x8;
    }

    /// A counted string of bytes; lengths in bytes, not necessarily terminated.
    ansi_string = "ANSI_STRING", "ntdef.h", 0x10 {
        LENGTH = "Length", 0x0, 0x2;
        MAXIMUM_LENGTH = "MaximumLength", 0x2, 0x2;
        BUFFER = "Buffer", 0x8, 0x8;
    }

    /// How an object is named and protected when opened or created.
    object_attributes = "OBJECT_ATTRIBUTES", "ntdef.h", 0x30 {
        LENGTH = "Length", 0x0, 0x4;
        ROOT_DIRECTORY = "RootDirectory", 0x8, 0x8;
        OBJECT_NAME = "ObjectName", 0x10, 0x8;
        ATTRIBUTES = "Attributes", 0x18, 0x4;
        SECURITY_DESCRIPTOR = "SecurityDescriptor", 0x20, 0x8;
        SECURITY_QUALITY_OF_SERVICE = "SecurityQualityOfService", 0x28, 0x8;
    }

    /// A globally unique identifier; the first three fields are little-endian.
    guid = "GUID", "guiddef.h", 0x10 {
        DATA1 = "Data1", 0x0, 0x4;
        DATA2 = "Data2", 0x4, 0x2;
        DATA3 = "Data3", 0x6, 0x2;
        DATA4 = "Data4", 0x8, 0x8;
    }

    /// Process and thread identifier.
    client_id = "CLIENT_ID", "wdm.h", 0x10 {
        UNIQUE_PROCESS = "UniqueProcess", 0x0, 0x8;
        UNIQUE_THREAD = "UniqueThread", 0x8, 0x8;
    }

    /// A 64-bit number that C can take apart.
    large_integer = "LARGE_INTEGER", "ntdef.h", 0x8 {
        U_LOW_PART = "u.LowPart", 0x0, 0x4;
        U_HIGH_PART = "u.HighPart", 0x4, 0x4;
        QUAD_PART = "QuadPart", 0x0, 0x8;
    }

    /// A locally unique identifier, for privileges.
    luid = "LUID", "ntdef.h", 0x8 {
        LOW_PART = "LowPart", 0x0, 0x4;
        HIGH_PART = "HighPart", 0x4, 0x4;
    }

    /// Calendar time as RtlTimeToTimeFields gives it; every field 16 bits.
    time_fields = "TIME_FIELDS", "wdm.h", 0x10 {
        YEAR = "Year", 0x0, 0x2;
        MONTH = "Month", 0x2, 0x2;
        DAY = "Day", 0x4, 0x2;
        HOUR = "Hour", 0x6, 0x2;
        MINUTE = "Minute", 0x8, 0x2;
        SECOND = "Second", 0xa, 0x2;
        MILLISECONDS = "Milliseconds", 0xc, 0x2;
        WEEKDAY = "Weekday", 0xe, 0x2;
    }

    /// A bitmap; size in bits, buffer of 32-bit words.
    rtl_bitmap = "RTL_BITMAP", "wdm.h", 0x10 {
        SIZE_OF_BIT_MAP = "SizeOfBitMap", 0x0, 0x4;
        BUFFER = "Buffer", 0x8, 0x8;
    }

    /// Version as RtlGetVersion fills it in.
    rtl_osversioninfow = "RTL_OSVERSIONINFOW", "ntddk.h", 0x114 {
        DW_OS_VERSION_INFO_SIZE = "dwOSVersionInfoSize", 0x0, 0x4;
        DW_MAJOR_VERSION = "dwMajorVersion", 0x4, 0x4;
        DW_MINOR_VERSION = "dwMinorVersion", 0x8, 0x4;
        DW_BUILD_NUMBER = "dwBuildNumber", 0xc, 0x4;
        DW_PLATFORM_ID = "dwPlatformId", 0x10, 0x4;
        SZ_CSD_VERSION = "szCSDVersion", 0x14, 0x100;
    }

    /// Version with service pack and suite, the longer form that RtlGetVersion accepts.
    osversioninfoexw = "OSVERSIONINFOEXW", "ntddk.h", 0x11c {
        DW_OS_VERSION_INFO_SIZE = "dwOSVersionInfoSize", 0x0, 0x4;
        DW_MAJOR_VERSION = "dwMajorVersion", 0x4, 0x4;
        DW_MINOR_VERSION = "dwMinorVersion", 0x8, 0x4;
        DW_BUILD_NUMBER = "dwBuildNumber", 0xc, 0x4;
        DW_PLATFORM_ID = "dwPlatformId", 0x10, 0x4;
        SZ_CSD_VERSION = "szCSDVersion", 0x14, 0x100;
        W_SERVICE_PACK_MAJOR = "wServicePackMajor", 0x114, 0x2;
        W_SERVICE_PACK_MINOR = "wServicePackMinor", 0x116, 0x2;
        W_SUITE_MASK = "wSuiteMask", 0x118, 0x2;
        W_PRODUCT_TYPE = "wProductType", 0x11a, 0x1;
        W_RESERVED = "wReserved", 0x11b, 0x1;
    }
}

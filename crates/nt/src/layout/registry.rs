//! What registry routines read and write.

layouts! {
    /// A value's name and type; lengths in bytes.
    key_value_basic_information = "KEY_VALUE_BASIC_INFORMATION", "wdm.h", 0x10 {
        TITLE_INDEX = "TitleIndex", 0x0, 0x4;
        TYPE = "Type", 0x4, 0x4;
        NAME_LENGTH = "NameLength", 0x8, 0x4;
        NAME = "Name", 0xc, 0x2;
    }

    /// A value's type and data; lengths in bytes.
    key_value_partial_information = "KEY_VALUE_PARTIAL_INFORMATION", "wdm.h", 0x10 {
        TITLE_INDEX = "TitleIndex", 0x0, 0x4;
        TYPE = "Type", 0x4, 0x4;
        DATA_LENGTH = "DataLength", 0x8, 0x4;
        DATA = "Data", 0xc, 0x1;
    }

    /// A value's name, type and data; lengths in bytes.
    key_value_full_information = "KEY_VALUE_FULL_INFORMATION", "wdm.h", 0x18 {
        TITLE_INDEX = "TitleIndex", 0x0, 0x4;
        TYPE = "Type", 0x4, 0x4;
        DATA_OFFSET = "DataOffset", 0x8, 0x4;
        DATA_LENGTH = "DataLength", 0xc, 0x4;
        NAME_LENGTH = "NameLength", 0x10, 0x4;
        NAME = "Name", 0x14, 0x2;
    }

    /// A subkey's name and time.
    key_basic_information = "KEY_BASIC_INFORMATION", "wdm.h", 0x18 {
        LAST_WRITE_TIME = "LastWriteTime", 0x0, 0x8;
        TITLE_INDEX = "TitleIndex", 0x8, 0x4;
        NAME_LENGTH = "NameLength", 0xc, 0x4;
        NAME = "Name", 0x10, 0x2;
    }

    /// A key's counts.
    key_full_information = "KEY_FULL_INFORMATION", "wdm.h", 0x30 {
        LAST_WRITE_TIME = "LastWriteTime", 0x0, 0x8;
        TITLE_INDEX = "TitleIndex", 0x8, 0x4;
        CLASS_OFFSET = "ClassOffset", 0xc, 0x4;
        CLASS_LENGTH = "ClassLength", 0x10, 0x4;
        SUB_KEYS = "SubKeys", 0x14, 0x4;
        MAX_NAME_LEN = "MaxNameLen", 0x18, 0x4;
        MAX_CLASS_LEN = "MaxClassLen", 0x1c, 0x4;
        VALUES = "Values", 0x20, 0x4;
        MAX_VALUE_NAME_LEN = "MaxValueNameLen", 0x24, 0x4;
        MAX_VALUE_DATA_LEN = "MaxValueDataLen", 0x28, 0x4;
        CLASS = "Class", 0x2c, 0x2;
    }

    /// One entry of RtlQueryRegistryValues; a zeroed one ends the table.
    rtl_query_registry_table = "RTL_QUERY_REGISTRY_TABLE", "wdm.h", 0x38 {
        QUERY_ROUTINE = "QueryRoutine", 0x0, 0x8;
        FLAGS = "Flags", 0x8, 0x4;
        NAME = "Name", 0x10, 0x8;
        ENTRY_CONTEXT = "EntryContext", 0x18, 0x8;
        DEFAULT_TYPE = "DefaultType", 0x20, 0x4;
        DEFAULT_DATA = "DefaultData", 0x28, 0x8;
        DEFAULT_LENGTH = "DefaultLength", 0x30, 0x4;
    }
}

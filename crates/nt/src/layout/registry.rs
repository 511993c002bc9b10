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

    /// A key is created, or opened by those who would create it.
    reg_create_key_information = "REG_CREATE_KEY_INFORMATION", "wdm.h", 0x70 {
        COMPLETE_NAME = "CompleteName", 0x0, 0x8;
        ROOT_OBJECT = "RootObject", 0x8, 0x8;
        OBJECT_TYPE = "ObjectType", 0x10, 0x8;
        CREATE_OPTIONS = "CreateOptions", 0x18, 0x4;
        DESIRED_ACCESS = "DesiredAccess", 0x38, 0x4;
        GRANTED_ACCESS = "GrantedAccess", 0x3c, 0x4;
        DISPOSITION = "Disposition", 0x40, 0x8;
        RESULT_OBJECT = "ResultObject", 0x48, 0x8;
        CALL_CONTEXT = "CallContext", 0x50, 0x8;
    }

    /// A value is set.
    reg_set_value_key_information = "REG_SET_VALUE_KEY_INFORMATION", "wdm.h", 0x40 {
        OBJECT = "Object", 0x0, 0x8;
        VALUE_NAME = "ValueName", 0x8, 0x8;
        TYPE = "Type", 0x14, 0x4;
        DATA = "Data", 0x18, 0x8;
        DATA_SIZE = "DataSize", 0x20, 0x4;
        CALL_CONTEXT = "CallContext", 0x28, 0x8;
    }

    /// A value is asked for.
    reg_query_value_key_information = "REG_QUERY_VALUE_KEY_INFORMATION", "wdm.h", 0x48 {
        OBJECT = "Object", 0x0, 0x8;
        VALUE_NAME = "ValueName", 0x8, 0x8;
        KEY_VALUE_INFORMATION_CLASS = "KeyValueInformationClass", 0x10, 0x4;
        KEY_VALUE_INFORMATION = "KeyValueInformation", 0x18, 0x8;
        LENGTH = "Length", 0x20, 0x4;
        RESULT_LENGTH = "ResultLength", 0x28, 0x8;
        CALL_CONTEXT = "CallContext", 0x30, 0x8;
    }

    /// A value is deleted.
    reg_delete_value_key_information = "REG_DELETE_VALUE_KEY_INFORMATION", "wdm.h", 0x28 {
        OBJECT = "Object", 0x0, 0x8;
        VALUE_NAME = "ValueName", 0x8, 0x8;
        CALL_CONTEXT = "CallContext", 0x10, 0x8;
    }

    /// A key is deleted.
    reg_delete_key_information = "REG_DELETE_KEY_INFORMATION", "wdm.h", 0x20 {
        OBJECT = "Object", 0x0, 0x8;
        CALL_CONTEXT = "CallContext", 0x8, 0x8;
    }

    /// The last handle of an opening is closed.
    reg_key_handle_close_information = "REG_KEY_HANDLE_CLOSE_INFORMATION", "wdm.h", 0x20 {
        OBJECT = "Object", 0x0, 0x8;
        CALL_CONTEXT = "CallContext", 0x8, 0x8;
    }

    /// What came of an operation.
    reg_post_operation_information = "REG_POST_OPERATION_INFORMATION", "wdm.h", 0x38 {
        OBJECT = "Object", 0x0, 0x8;
        STATUS = "Status", 0x8, 0x4;
        PRE_INFORMATION = "PreInformation", 0x10, 0x8;
        RETURN_STATUS = "ReturnStatus", 0x18, 0x4;
        CALL_CONTEXT = "CallContext", 0x20, 0x8;
        OBJECT_CONTEXT = "ObjectContext", 0x28, 0x8;
    }
}

//! Windows Management Instrumentation: what drivers register, and data on its way.

layouts! {
    /// Begins everything that WMI and drivers pass each other; `BufferSize` in bytes, header and all.
    wnode_header = "WNODE_HEADER", "wmistr.h", 0x30 {
        BUFFER_SIZE = "BufferSize", 0x0, 0x4;
        PROVIDER_ID = "ProviderId", 0x4, 0x4;
        TIME_STAMP = "TimeStamp", 0x10, 0x8;
        GUID = "Guid", 0x18, 0x10;
        CLIENT_CONTEXT = "ClientContext", 0x28, 0x4;
        FLAGS = "Flags", 0x2c, 0x4;
    }

    /// All instances of a block; offsets from its beginning.
    wnode_all_data = "WNODE_ALL_DATA", "wmistr.h", 0x48 {
        DATA_BLOCK_OFFSET = "DataBlockOffset", 0x30, 0x4;
        INSTANCE_COUNT = "InstanceCount", 0x34, 0x4;
        OFFSET_INSTANCE_NAME_OFFSETS = "OffsetInstanceNameOffsets", 0x38, 0x4;
        FIXED_INSTANCE_SIZE = "FixedInstanceSize", 0x3c, 0x4;
        OFFSET_INSTANCE_DATA_AND_LENGTH = "OffsetInstanceDataAndLength", 0x3c, 0x8;
    }

    /// One instance of a block.
    wnode_single_instance = "WNODE_SINGLE_INSTANCE", "wmistr.h", 0x40 {
        OFFSET_INSTANCE_NAME = "OffsetInstanceName", 0x30, 0x4;
        INSTANCE_INDEX = "InstanceIndex", 0x34, 0x4;
        DATA_BLOCK_OFFSET = "DataBlockOffset", 0x38, 0x4;
        SIZE_DATA_BLOCK = "SizeDataBlock", 0x3c, 0x4;
    }

    /// One item of an instance.
    wnode_single_item = "WNODE_SINGLE_ITEM", "wmistr.h", 0x48 {
        INSTANCE_INDEX = "InstanceIndex", 0x34, 0x4;
        ITEM_ID = "ItemId", 0x38, 0x4;
        DATA_BLOCK_OFFSET = "DataBlockOffset", 0x3c, 0x4;
        SIZE_DATA_ITEM = "SizeDataItem", 0x40, 0x4;
    }

    /// A call of a method, and what comes of it.
    wnode_method_item = "WNODE_METHOD_ITEM", "wmistr.h", 0x48 {
        INSTANCE_INDEX = "InstanceIndex", 0x34, 0x4;
        METHOD_ID = "MethodId", 0x38, 0x4;
        DATA_BLOCK_OFFSET = "DataBlockOffset", 0x3c, 0x4;
        SIZE_DATA_BLOCK = "SizeDataBlock", 0x40, 0x4;
    }

    /// In place of an answer: the bytes that it takes.
    wnode_too_small = "WNODE_TOO_SMALL", "wmistr.h", 0x38 {
        SIZE_NEEDED = "SizeNeeded", 0x30, 0x4;
    }

    /// A block that a driver registers. The last field is an offset, or a pointer to the device.
    wmiregguidw = "WMIREGGUIDW", "wmistr.h", 0x20 {
        GUID = "Guid", 0x0, 0x10;
        FLAGS = "Flags", 0x10, 0x4;
        INSTANCE_COUNT = "InstanceCount", 0x14, 0x4;
        INSTANCE_NAME_LIST = "InstanceNameList", 0x18, 0x4;
        BASE_NAME_OFFSET = "BaseNameOffset", 0x18, 0x4;
        PDO = "Pdo", 0x18, 0x8;
    }

    /// What a driver registers; offsets from its beginning, to strings that begin with their length.
    wmireginfow = "WMIREGINFOW", "wmistr.h", 0x18 {
        BUFFER_SIZE = "BufferSize", 0x0, 0x4;
        NEXT_WMI_REG_INFO = "NextWmiRegInfo", 0x4, 0x4;
        REGISTRY_PATH = "RegistryPath", 0x8, 0x4;
        MOF_RESOURCE_NAME = "MofResourceName", 0xc, 0x4;
        GUID_COUNT = "GuidCount", 0x10, 0x4;
    }

    /// A block, as the WMI library is told of it.
    wmiguidreginfo = "WMIGUIDREGINFO", "wmilib.h", 0x10 {
        GUID = "Guid", 0x0, 0x8;
        INSTANCE_COUNT = "InstanceCount", 0x8, 0x4;
        FLAGS = "Flags", 0xc, 0x4;
    }

    /// What the WMI library is told of a driver.
    wmilib_context = "WMILIB_CONTEXT", "wmilib.h", 0x40 {
        GUID_COUNT = "GuidCount", 0x0, 0x4;
        GUID_LIST = "GuidList", 0x8, 0x8;
        QUERY_WMI_REG_INFO = "QueryWmiRegInfo", 0x10, 0x8;
        QUERY_WMI_DATA_BLOCK = "QueryWmiDataBlock", 0x18, 0x8;
        SET_WMI_DATA_BLOCK = "SetWmiDataBlock", 0x20, 0x8;
        SET_WMI_DATA_ITEM = "SetWmiDataItem", 0x28, 0x8;
        EXECUTE_WMI_METHOD = "ExecuteWmiMethod", 0x30, 0x8;
        WMI_FUNCTION_CONTROL = "WmiFunctionControl", 0x38, 0x8;
    }
}

//! Information classes of files, as drivers answer them.

layouts! {
    /// Times (100 ns since 1601) and attributes.
    file_basic_information = "FILE_BASIC_INFORMATION", "wdm.h", 0x28 {
        CREATION_TIME = "CreationTime", 0x0, 0x8;
        LAST_ACCESS_TIME = "LastAccessTime", 0x8, 0x8;
        LAST_WRITE_TIME = "LastWriteTime", 0x10, 0x8;
        CHANGE_TIME = "ChangeTime", 0x18, 0x8;
        FILE_ATTRIBUTES = "FileAttributes", 0x20, 0x4;
    }

    /// Sizes in bytes, links, deletion.
    file_standard_information = "FILE_STANDARD_INFORMATION", "wdm.h", 0x18 {
        ALLOCATION_SIZE = "AllocationSize", 0x0, 0x8;
        END_OF_FILE = "EndOfFile", 0x8, 0x8;
        NUMBER_OF_LINKS = "NumberOfLinks", 0x10, 0x4;
        DELETE_PENDING = "DeletePending", 0x14, 0x1;
        DIRECTORY = "Directory", 0x15, 0x1;
    }

    /// Current byte offset.
    file_position_information = "FILE_POSITION_INFORMATION", "wdm.h", 0x8 {
        CURRENT_BYTE_OFFSET = "CurrentByteOffset", 0x0, 0x8;
    }

    /// New end of file, in bytes.
    file_end_of_file_information = "FILE_END_OF_FILE_INFORMATION", "ntddk.h", 0x8 {
        END_OF_FILE = "EndOfFile", 0x0, 0x8;
    }

    /// Buffer alignment that the device needs.
    file_alignment_information = "FILE_ALIGNMENT_INFORMATION", "ntddk.h", 0x4 {
        ALIGNMENT_REQUIREMENT = "AlignmentRequirement", 0x0, 0x4;
    }

    /// Name of a file; length in bytes.
    file_name_information = "FILE_NAME_INFORMATION", "ntddk.h", 0x8 {
        FILE_NAME_LENGTH = "FileNameLength", 0x0, 0x4;
        FILE_NAME = "FileName", 0x4, 0x2;
    }

    /// Whether to delete on close.
    file_disposition_information = "FILE_DISPOSITION_INFORMATION", "ntddk.h", 0x1 {
        DELETE_FILE = "DeleteFile", 0x0, 0x1;
    }

    /// New allocation size, in bytes.
    file_allocation_information = "FILE_ALLOCATION_INFORMATION", "ntifs.h", 0x8 {
        ALLOCATION_SIZE = "AllocationSize", 0x0, 0x8;
    }

    /// Times, sizes and attributes in one.
    file_network_open_information = "FILE_NETWORK_OPEN_INFORMATION", "wdm.h", 0x38 {
        CREATION_TIME = "CreationTime", 0x0, 0x8;
        LAST_ACCESS_TIME = "LastAccessTime", 0x8, 0x8;
        LAST_WRITE_TIME = "LastWriteTime", 0x10, 0x8;
        CHANGE_TIME = "ChangeTime", 0x18, 0x8;
        ALLOCATION_SIZE = "AllocationSize", 0x20, 0x8;
        END_OF_FILE = "EndOfFile", 0x28, 0x8;
        FILE_ATTRIBUTES = "FileAttributes", 0x30, 0x4;
    }

    /// One extended attribute; the value follows the name.
    file_full_ea_information = "FILE_FULL_EA_INFORMATION", "wdm.h", 0xc {
        NEXT_ENTRY_OFFSET = "NextEntryOffset", 0x0, 0x4;
        FLAGS = "Flags", 0x4, 0x1;
        EA_NAME_LENGTH = "EaNameLength", 0x5, 0x1;
        EA_VALUE_LENGTH = "EaValueLength", 0x6, 0x2;
        EA_NAME = "EaName", 0x8, 0x1;
    }

    /// Device type and characteristics.
    file_fs_device_information = "FILE_FS_DEVICE_INFORMATION", "wdm.h", 0x8 {
        DEVICE_TYPE = "DeviceType", 0x0, 0x4;
        CHARACTERISTICS = "Characteristics", 0x4, 0x4;
    }
}

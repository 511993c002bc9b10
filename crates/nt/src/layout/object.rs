//! Driver, device and file objects.

layouts! {
    /// A device object. The structure is aligned to 16 bytes on Windows, hence 0x150; the
    /// device extension follows it.
    device_object = "DEVICE_OBJECT", "wdm.h", 0x150 {
        TYPE = "Type", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        REFERENCE_COUNT = "ReferenceCount", 0x4, 0x4;
        DRIVER_OBJECT = "DriverObject", 0x8, 0x8;
        NEXT_DEVICE = "NextDevice", 0x10, 0x8;
        ATTACHED_DEVICE = "AttachedDevice", 0x18, 0x8;
        CURRENT_IRP = "CurrentIrp", 0x20, 0x8;
        TIMER = "Timer", 0x28, 0x8;
        FLAGS = "Flags", 0x30, 0x4;
        CHARACTERISTICS = "Characteristics", 0x34, 0x4;
        VPB = "Vpb", 0x38, 0x8;
        DEVICE_EXTENSION = "DeviceExtension", 0x40, 0x8;
        DEVICE_TYPE = "DeviceType", 0x48, 0x4;
        STACK_SIZE = "StackSize", 0x4c, 0x1;
        QUEUE = "Queue", 0x50, 0x48;
        QUEUE_LIST_ENTRY = "Queue.ListEntry", 0x50, 0x10;
        QUEUE_WCB = "Queue.Wcb", 0x50, 0x48;
        ALIGNMENT_REQUIREMENT = "AlignmentRequirement", 0x98, 0x4;
        DEVICE_QUEUE = "DeviceQueue", 0xa0, 0x28;
        DPC = "Dpc", 0xc8, 0x40;
        ACTIVE_THREAD_COUNT = "ActiveThreadCount", 0x108, 0x4;
        SECURITY_DESCRIPTOR = "SecurityDescriptor", 0x110, 0x8;
        DEVICE_LOCK = "DeviceLock", 0x118, 0x18;
        SECTOR_SIZE = "SectorSize", 0x130, 0x2;
        SPARE1 = "Spare1", 0x132, 0x2;
        DEVICE_OBJECT_EXTENSION = "DeviceObjectExtension", 0x138, 0x8;
        RESERVED = "Reserved", 0x140, 0x8;
    }

    /// What the I/O manager keeps for a device object. The DDK headers show the first three
    /// fields; the others and the size are those of Windows 10's public symbols.
    devobj_extension = "DEVOBJ_EXTENSION", "wdm.h", 0x70 {
        TYPE = "Type", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        DEVICE_OBJECT = "DeviceObject", 0x8, 0x8;
        POWER_FLAGS = "PowerFlags", 0x10, 0x4;
        DOPE = "Dope", 0x18, 0x8;
        EXTENSION_FLAGS = "ExtensionFlags", 0x20, 0x4;
        DEVICE_NODE = "DeviceNode", 0x28, 0x8;
        ATTACHED_TO = "AttachedTo", 0x30, 0x8;
        START_IO_COUNT = "StartIoCount", 0x38, 0x4;
        START_IO_KEY = "StartIoKey", 0x3c, 0x4;
        START_IO_FLAGS = "StartIoFlags", 0x40, 0x4;
        VPB = "Vpb", 0x48, 0x8;
    }

    /// A driver object.
    driver_object = "DRIVER_OBJECT", "wdm.h", 0x150 {
        TYPE = "Type", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        DEVICE_OBJECT = "DeviceObject", 0x8, 0x8;
        FLAGS = "Flags", 0x10, 0x4;
        DRIVER_START = "DriverStart", 0x18, 0x8;
        DRIVER_SIZE = "DriverSize", 0x20, 0x4;
        DRIVER_SECTION = "DriverSection", 0x28, 0x8;
        DRIVER_EXTENSION = "DriverExtension", 0x30, 0x8;
        DRIVER_NAME = "DriverName", 0x38, 0x10;
        HARDWARE_DATABASE = "HardwareDatabase", 0x48, 0x8;
        FAST_IO_DISPATCH = "FastIoDispatch", 0x50, 0x8;
        DRIVER_INIT = "DriverInit", 0x58, 0x8;
        DRIVER_START_IO = "DriverStartIo", 0x60, 0x8;
        DRIVER_UNLOAD = "DriverUnload", 0x68, 0x8;
        MAJOR_FUNCTION = "MajorFunction", 0x70, 0xe0;
    }

    /// What belongs to a driver object beside it; Windows has private fields behind.
    driver_extension = "DRIVER_EXTENSION", "wdm.h", 0x28 {
        DRIVER_OBJECT = "DriverObject", 0x0, 0x8;
        ADD_DEVICE = "AddDevice", 0x8, 0x8;
        COUNT = "Count", 0x10, 0x4;
        SERVICE_KEY_NAME = "ServiceKeyName", 0x18, 0x10;
    }

    /// An open file.
    file_object = "FILE_OBJECT", "wdm.h", 0xd8 {
        TYPE = "Type", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        DEVICE_OBJECT = "DeviceObject", 0x8, 0x8;
        VPB = "Vpb", 0x10, 0x8;
        FS_CONTEXT = "FsContext", 0x18, 0x8;
        FS_CONTEXT2 = "FsContext2", 0x20, 0x8;
        SECTION_OBJECT_POINTER = "SectionObjectPointer", 0x28, 0x8;
        PRIVATE_CACHE_MAP = "PrivateCacheMap", 0x30, 0x8;
        FINAL_STATUS = "FinalStatus", 0x38, 0x4;
        RELATED_FILE_OBJECT = "RelatedFileObject", 0x40, 0x8;
        LOCK_OPERATION = "LockOperation", 0x48, 0x1;
        DELETE_PENDING = "DeletePending", 0x49, 0x1;
        READ_ACCESS = "ReadAccess", 0x4a, 0x1;
        WRITE_ACCESS = "WriteAccess", 0x4b, 0x1;
        DELETE_ACCESS = "DeleteAccess", 0x4c, 0x1;
        SHARED_READ = "SharedRead", 0x4d, 0x1;
        SHARED_WRITE = "SharedWrite", 0x4e, 0x1;
        SHARED_DELETE = "SharedDelete", 0x4f, 0x1;
        FLAGS = "Flags", 0x50, 0x4;
        FILE_NAME = "FileName", 0x58, 0x10;
        CURRENT_BYTE_OFFSET = "CurrentByteOffset", 0x68, 0x8;
        WAITERS = "Waiters", 0x70, 0x4;
        BUSY = "Busy", 0x74, 0x4;
        LAST_LOCK = "LastLock", 0x78, 0x8;
        LOCK = "Lock", 0x80, 0x18;
        EVENT = "Event", 0x98, 0x18;
        COMPLETION_CONTEXT = "CompletionContext", 0xb0, 0x8;
        IRP_LIST_LOCK = "IrpListLock", 0xb8, 0x8;
        IRP_LIST = "IrpList", 0xc0, 0x10;
        FILE_OBJECT_EXTENSION = "FileObjectExtension", 0xd0, 0x8;
    }

    /// A volume parameter block.
    vpb = "VPB", "wdm.h", 0x60 {
        TYPE = "Type", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        FLAGS = "Flags", 0x4, 0x2;
        VOLUME_LABEL_LENGTH = "VolumeLabelLength", 0x6, 0x2;
        DEVICE_OBJECT = "DeviceObject", 0x8, 0x8;
        REAL_DEVICE = "RealDevice", 0x10, 0x8;
        SERIAL_NUMBER = "SerialNumber", 0x18, 0x4;
        REFERENCE_COUNT = "ReferenceCount", 0x1c, 0x4;
        VOLUME_LABEL = "VolumeLabel", 0x20, 0x40;
    }

    /// A device's place in the queue for a DMA adapter.
    wait_context_block = "WAIT_CONTEXT_BLOCK", "wdm.h", 0x48 {
        WAIT_QUEUE_ENTRY = "WaitQueueEntry", 0x0, 0x18;
        DEVICE_ROUTINE = "DeviceRoutine", 0x18, 0x8;
        DEVICE_CONTEXT = "DeviceContext", 0x20, 0x8;
        NUMBER_OF_MAP_REGISTERS = "NumberOfMapRegisters", 0x28, 0x4;
        DEVICE_OBJECT = "DeviceObject", 0x30, 0x8;
        CURRENT_IRP = "CurrentIrp", 0x38, 0x8;
        BUFFER_CHAINING_DPC = "BufferChainingDpc", 0x40, 0x8;
    }

    /// A work item that belongs to a device. Drivers know neither fields nor size
    /// (IoSizeofWorkItem tells).
    io_workitem = "IO_WORKITEM", "opaque", 0x58 {
    }

    /// Entry points that bypass IRPs.
    fast_io_dispatch = "FAST_IO_DISPATCH", "wdm.h", 0xe0 {
        SIZE_OF_FAST_IO_DISPATCH = "SizeOfFastIoDispatch", 0x0, 0x4;
        FAST_IO_CHECK_IF_POSSIBLE = "FastIoCheckIfPossible", 0x8, 0x8;
        FAST_IO_READ = "FastIoRead", 0x10, 0x8;
        FAST_IO_WRITE = "FastIoWrite", 0x18, 0x8;
        FAST_IO_QUERY_BASIC_INFO = "FastIoQueryBasicInfo", 0x20, 0x8;
        FAST_IO_QUERY_STANDARD_INFO = "FastIoQueryStandardInfo", 0x28, 0x8;
        FAST_IO_DEVICE_CONTROL = "FastIoDeviceControl", 0x50, 0x8;
    }

    /// What the cache and memory managers keep for a file.
    section_object_pointers = "SECTION_OBJECT_POINTERS", "wdm.h", 0x18 {
        DATA_SECTION_OBJECT = "DataSectionObject", 0x0, 0x8;
        SHARED_CACHE_MAP = "SharedCacheMap", 0x8, 0x8;
        IMAGE_SECTION_OBJECT = "ImageSectionObject", 0x10, 0x8;
    }

    /// Counts of the ways in which a file is open.
    share_access = "SHARE_ACCESS", "wdm.h", 0x1c {
        OPEN_COUNT = "OpenCount", 0x0, 0x4;
        READERS = "Readers", 0x4, 0x4;
        WRITERS = "Writers", 0x8, 0x4;
        DELETERS = "Deleters", 0xc, 0x4;
        SHARED_READ = "SharedRead", 0x10, 0x4;
        SHARED_WRITE = "SharedWrite", 0x14, 0x4;
        SHARED_DELETE = "SharedDelete", 0x18, 0x4;
    }
}

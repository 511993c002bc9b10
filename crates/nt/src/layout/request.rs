//! The I/O request packet and its stack locations.

layouts! {
    /// An I/O request packet; stack locations follow it directly.
    irp = "IRP", "wdm.h", 0xd0 {
        TYPE = "Type", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        MDL_ADDRESS = "MdlAddress", 0x8, 0x8;
        FLAGS = "Flags", 0x10, 0x4;
        ASSOCIATED_IRP_MASTER_IRP = "AssociatedIrp.MasterIrp", 0x18, 0x8;
        ASSOCIATED_IRP_IRP_COUNT = "AssociatedIrp.IrpCount", 0x18, 0x4;
        ASSOCIATED_IRP_SYSTEM_BUFFER = "AssociatedIrp.SystemBuffer", 0x18, 0x8;
        THREAD_LIST_ENTRY = "ThreadListEntry", 0x20, 0x10;
        IO_STATUS = "IoStatus", 0x30, 0x10;
        IO_STATUS_STATUS = "IoStatus.Status", 0x30, 0x4;
        IO_STATUS_POINTER = "IoStatus.Pointer", 0x30, 0x8;
        IO_STATUS_INFORMATION = "IoStatus.Information", 0x38, 0x8;
        REQUESTOR_MODE = "RequestorMode", 0x40, 0x1;
        PENDING_RETURNED = "PendingReturned", 0x41, 0x1;
        STACK_COUNT = "StackCount", 0x42, 0x1;
        CURRENT_LOCATION = "CurrentLocation", 0x43, 0x1;
        CANCEL = "Cancel", 0x44, 0x1;
        CANCEL_IRQL = "CancelIrql", 0x45, 0x1;
        APC_ENVIRONMENT = "ApcEnvironment", 0x46, 0x1;
        ALLOCATION_FLAGS = "AllocationFlags", 0x47, 0x1;
        USER_IOSB = "UserIosb", 0x48, 0x8;
        USER_EVENT = "UserEvent", 0x50, 0x8;
        OVERLAY_ASYNCHRONOUS_PARAMETERS_USER_APC_ROUTINE = "Overlay.AsynchronousParameters.UserApcRoutine", 0x58, 0x8;
        OVERLAY_ASYNCHRONOUS_PARAMETERS_ISSUING_PROCESS = "Overlay.AsynchronousParameters.IssuingProcess", 0x58, 0x8;
        OVERLAY_ASYNCHRONOUS_PARAMETERS_USER_APC_CONTEXT = "Overlay.AsynchronousParameters.UserApcContext", 0x60, 0x8;
        OVERLAY_ALLOCATION_SIZE = "Overlay.AllocationSize", 0x58, 0x8;
        CANCEL_ROUTINE = "CancelRoutine", 0x68, 0x8;
        USER_BUFFER = "UserBuffer", 0x70, 0x8;
        TAIL_OVERLAY_DEVICE_QUEUE_ENTRY = "Tail.Overlay.DeviceQueueEntry", 0x78, 0x18;
        TAIL_OVERLAY_DRIVER_CONTEXT = "Tail.Overlay.DriverContext", 0x78, 0x20;
        TAIL_OVERLAY_THREAD = "Tail.Overlay.Thread", 0x98, 0x8;
        TAIL_OVERLAY_AUXILIARY_BUFFER = "Tail.Overlay.AuxiliaryBuffer", 0xa0, 0x8;
        TAIL_OVERLAY_LIST_ENTRY = "Tail.Overlay.ListEntry", 0xa8, 0x10;
        TAIL_OVERLAY_CURRENT_STACK_LOCATION = "Tail.Overlay.CurrentStackLocation", 0xb8, 0x8;
        TAIL_OVERLAY_PACKET_TYPE = "Tail.Overlay.PacketType", 0xb8, 0x4;
        TAIL_OVERLAY_ORIGINAL_FILE_OBJECT = "Tail.Overlay.OriginalFileObject", 0xc0, 0x8;
        TAIL_APC = "Tail.Apc", 0x78, 0x58;
        TAIL_COMPLETION_KEY = "Tail.CompletionKey", 0x78, 0x8;
    }

    /// One driver's parameters in an IRP.
    io_stack_location = "IO_STACK_LOCATION", "wdm.h", 0x48 {
        MAJOR_FUNCTION = "MajorFunction", 0x0, 0x1;
        MINOR_FUNCTION = "MinorFunction", 0x1, 0x1;
        FLAGS = "Flags", 0x2, 0x1;
        CONTROL = "Control", 0x3, 0x1;
        PARAMETERS = "Parameters", 0x8, 0x20;
        PARAMETERS_CREATE_SECURITY_CONTEXT = "Parameters.Create.SecurityContext", 0x8, 0x8;
        PARAMETERS_CREATE_OPTIONS = "Parameters.Create.Options", 0x10, 0x4;
        PARAMETERS_CREATE_FILE_ATTRIBUTES = "Parameters.Create.FileAttributes", 0x18, 0x2;
        PARAMETERS_CREATE_SHARE_ACCESS = "Parameters.Create.ShareAccess", 0x1a, 0x2;
        PARAMETERS_CREATE_EA_LENGTH = "Parameters.Create.EaLength", 0x20, 0x4;
        PARAMETERS_READ_LENGTH = "Parameters.Read.Length", 0x8, 0x4;
        PARAMETERS_READ_KEY = "Parameters.Read.Key", 0x10, 0x4;
        PARAMETERS_READ_FLAGS = "Parameters.Read.Flags", 0x14, 0x4;
        PARAMETERS_READ_BYTE_OFFSET = "Parameters.Read.ByteOffset", 0x18, 0x8;
        PARAMETERS_WRITE_LENGTH = "Parameters.Write.Length", 0x8, 0x4;
        PARAMETERS_WRITE_KEY = "Parameters.Write.Key", 0x10, 0x4;
        PARAMETERS_WRITE_FLAGS = "Parameters.Write.Flags", 0x14, 0x4;
        PARAMETERS_WRITE_BYTE_OFFSET = "Parameters.Write.ByteOffset", 0x18, 0x8;
        PARAMETERS_QUERY_DIRECTORY_LENGTH = "Parameters.QueryDirectory.Length", 0x8, 0x4;
        PARAMETERS_QUERY_DIRECTORY_FILE_NAME = "Parameters.QueryDirectory.FileName", 0x10, 0x8;
        PARAMETERS_QUERY_DIRECTORY_FILE_INFORMATION_CLASS = "Parameters.QueryDirectory.FileInformationClass", 0x18, 0x4;
        PARAMETERS_QUERY_DIRECTORY_FILE_INDEX = "Parameters.QueryDirectory.FileIndex", 0x20, 0x4;
        PARAMETERS_QUERY_FILE_LENGTH = "Parameters.QueryFile.Length", 0x8, 0x4;
        PARAMETERS_QUERY_FILE_FILE_INFORMATION_CLASS = "Parameters.QueryFile.FileInformationClass", 0x10, 0x4;
        PARAMETERS_SET_FILE_LENGTH = "Parameters.SetFile.Length", 0x8, 0x4;
        PARAMETERS_SET_FILE_FILE_INFORMATION_CLASS = "Parameters.SetFile.FileInformationClass", 0x10, 0x4;
        PARAMETERS_SET_FILE_FILE_OBJECT = "Parameters.SetFile.FileObject", 0x18, 0x8;
        PARAMETERS_SET_FILE_REPLACE_IF_EXISTS = "Parameters.SetFile.ReplaceIfExists", 0x20, 0x1;
        PARAMETERS_SET_FILE_ADVANCE_ONLY = "Parameters.SetFile.AdvanceOnly", 0x21, 0x1;
        PARAMETERS_SET_FILE_CLUSTER_COUNT = "Parameters.SetFile.ClusterCount", 0x20, 0x4;
        PARAMETERS_SET_FILE_DELETE_HANDLE = "Parameters.SetFile.DeleteHandle", 0x20, 0x8;
        PARAMETERS_QUERY_VOLUME_LENGTH = "Parameters.QueryVolume.Length", 0x8, 0x4;
        PARAMETERS_QUERY_VOLUME_FS_INFORMATION_CLASS = "Parameters.QueryVolume.FsInformationClass", 0x10, 0x4;
        PARAMETERS_FILE_SYSTEM_CONTROL_OUTPUT_BUFFER_LENGTH = "Parameters.FileSystemControl.OutputBufferLength", 0x8, 0x4;
        PARAMETERS_FILE_SYSTEM_CONTROL_INPUT_BUFFER_LENGTH = "Parameters.FileSystemControl.InputBufferLength", 0x10, 0x4;
        PARAMETERS_FILE_SYSTEM_CONTROL_FS_CONTROL_CODE = "Parameters.FileSystemControl.FsControlCode", 0x18, 0x4;
        PARAMETERS_FILE_SYSTEM_CONTROL_TYPE3_INPUT_BUFFER = "Parameters.FileSystemControl.Type3InputBuffer", 0x20, 0x8;
        PARAMETERS_DEVICE_IO_CONTROL_OUTPUT_BUFFER_LENGTH = "Parameters.DeviceIoControl.OutputBufferLength", 0x8, 0x4;
        PARAMETERS_DEVICE_IO_CONTROL_INPUT_BUFFER_LENGTH = "Parameters.DeviceIoControl.InputBufferLength", 0x10, 0x4;
        PARAMETERS_DEVICE_IO_CONTROL_IO_CONTROL_CODE = "Parameters.DeviceIoControl.IoControlCode", 0x18, 0x4;
        PARAMETERS_DEVICE_IO_CONTROL_TYPE3_INPUT_BUFFER = "Parameters.DeviceIoControl.Type3InputBuffer", 0x20, 0x8;
        PARAMETERS_QUERY_SECURITY_SECURITY_INFORMATION = "Parameters.QuerySecurity.SecurityInformation", 0x8, 0x4;
        PARAMETERS_QUERY_SECURITY_LENGTH = "Parameters.QuerySecurity.Length", 0x10, 0x4;
        PARAMETERS_SET_SECURITY_SECURITY_INFORMATION = "Parameters.SetSecurity.SecurityInformation", 0x8, 0x4;
        PARAMETERS_SET_SECURITY_SECURITY_DESCRIPTOR = "Parameters.SetSecurity.SecurityDescriptor", 0x10, 0x8;
        PARAMETERS_MOUNT_VOLUME_VPB = "Parameters.MountVolume.Vpb", 0x8, 0x8;
        PARAMETERS_MOUNT_VOLUME_DEVICE_OBJECT = "Parameters.MountVolume.DeviceObject", 0x10, 0x8;
        PARAMETERS_SCSI_SRB = "Parameters.Scsi.Srb", 0x8, 0x8;
        PARAMETERS_START_DEVICE_ALLOCATED_RESOURCES = "Parameters.StartDevice.AllocatedResources", 0x8, 0x8;
        PARAMETERS_START_DEVICE_ALLOCATED_RESOURCES_TRANSLATED = "Parameters.StartDevice.AllocatedResourcesTranslated", 0x10, 0x8;
        PARAMETERS_QUERY_DEVICE_RELATIONS_TYPE = "Parameters.QueryDeviceRelations.Type", 0x8, 0x4;
        PARAMETERS_QUERY_INTERFACE_INTERFACE_TYPE = "Parameters.QueryInterface.InterfaceType", 0x8, 0x8;
        PARAMETERS_QUERY_INTERFACE_SIZE = "Parameters.QueryInterface.Size", 0x10, 0x2;
        PARAMETERS_QUERY_INTERFACE_VERSION = "Parameters.QueryInterface.Version", 0x12, 0x2;
        PARAMETERS_QUERY_INTERFACE_INTERFACE = "Parameters.QueryInterface.Interface", 0x18, 0x8;
        PARAMETERS_QUERY_INTERFACE_INTERFACE_SPECIFIC_DATA = "Parameters.QueryInterface.InterfaceSpecificData", 0x20, 0x8;
        PARAMETERS_DEVICE_CAPABILITIES_CAPABILITIES = "Parameters.DeviceCapabilities.Capabilities", 0x8, 0x8;
        PARAMETERS_FILTER_RESOURCE_REQUIREMENTS_IO_RESOURCE_REQUIREMENT_LIST = "Parameters.FilterResourceRequirements.IoResourceRequirementList", 0x8, 0x8;
        PARAMETERS_READ_WRITE_CONFIG_WHICH_SPACE = "Parameters.ReadWriteConfig.WhichSpace", 0x8, 0x4;
        PARAMETERS_READ_WRITE_CONFIG_BUFFER = "Parameters.ReadWriteConfig.Buffer", 0x10, 0x8;
        PARAMETERS_READ_WRITE_CONFIG_OFFSET = "Parameters.ReadWriteConfig.Offset", 0x18, 0x4;
        PARAMETERS_READ_WRITE_CONFIG_LENGTH = "Parameters.ReadWriteConfig.Length", 0x20, 0x4;
        PARAMETERS_SET_LOCK_LOCK = "Parameters.SetLock.Lock", 0x8, 0x1;
        PARAMETERS_QUERY_ID_ID_TYPE = "Parameters.QueryId.IdType", 0x8, 0x4;
        PARAMETERS_QUERY_DEVICE_TEXT_DEVICE_TEXT_TYPE = "Parameters.QueryDeviceText.DeviceTextType", 0x8, 0x4;
        PARAMETERS_QUERY_DEVICE_TEXT_LOCALE_ID = "Parameters.QueryDeviceText.LocaleId", 0x10, 0x4;
        PARAMETERS_USAGE_NOTIFICATION_IN_PATH = "Parameters.UsageNotification.InPath", 0x8, 0x1;
        PARAMETERS_USAGE_NOTIFICATION_TYPE = "Parameters.UsageNotification.Type", 0x10, 0x4;
        PARAMETERS_WAIT_WAKE_POWER_STATE = "Parameters.WaitWake.PowerState", 0x8, 0x4;
        PARAMETERS_POWER_SEQUENCE_POWER_SEQUENCE = "Parameters.PowerSequence.PowerSequence", 0x8, 0x8;
        PARAMETERS_POWER_SYSTEM_CONTEXT = "Parameters.Power.SystemContext", 0x8, 0x4;
        PARAMETERS_POWER_SYSTEM_POWER_STATE_CONTEXT = "Parameters.Power.SystemPowerStateContext", 0x8, 0x4;
        PARAMETERS_POWER_TYPE = "Parameters.Power.Type", 0x10, 0x4;
        PARAMETERS_POWER_STATE = "Parameters.Power.State", 0x18, 0x4;
        PARAMETERS_POWER_SHUTDOWN_TYPE = "Parameters.Power.ShutdownType", 0x20, 0x4;
        PARAMETERS_WMI_PROVIDER_ID = "Parameters.WMI.ProviderId", 0x8, 0x8;
        PARAMETERS_WMI_DATA_PATH = "Parameters.WMI.DataPath", 0x10, 0x8;
        PARAMETERS_WMI_BUFFER_SIZE = "Parameters.WMI.BufferSize", 0x18, 0x4;
        PARAMETERS_WMI_BUFFER = "Parameters.WMI.Buffer", 0x20, 0x8;
        PARAMETERS_OTHERS_ARGUMENT1 = "Parameters.Others.Argument1", 0x8, 0x8;
        PARAMETERS_OTHERS_ARGUMENT2 = "Parameters.Others.Argument2", 0x10, 0x8;
        PARAMETERS_OTHERS_ARGUMENT3 = "Parameters.Others.Argument3", 0x18, 0x8;
        PARAMETERS_OTHERS_ARGUMENT4 = "Parameters.Others.Argument4", 0x20, 0x8;
        DEVICE_OBJECT = "DeviceObject", 0x28, 0x8;
        FILE_OBJECT = "FileObject", 0x30, 0x8;
        COMPLETION_ROUTINE = "CompletionRoutine", 0x38, 0x8;
        CONTEXT = "Context", 0x40, 0x8;
    }

    /// Result of a request.
    io_status_block = "IO_STATUS_BLOCK", "wdm.h", 0x10 {
        STATUS = "Status", 0x0, 0x4;
        POINTER = "Pointer", 0x0, 0x8;
        INFORMATION = "Information", 0x8, 0x8;
    }

    /// Who asks for which access in a create request.
    io_security_context = "IO_SECURITY_CONTEXT", "wdm.h", 0x18 {
        SECURITY_QOS = "SecurityQos", 0x0, 0x8;
        ACCESS_STATE = "AccessState", 0x8, 0x8;
        DESIRED_ACCESS = "DesiredAccess", 0x10, 0x4;
        FULL_CREATE_OPTIONS = "FullCreateOptions", 0x14, 0x4;
    }

    /// A cancel-safe queue.
    io_csq = "IO_CSQ", "csq.h", 0x40 {
        TYPE = "Type", 0x0, 0x4;
        CSQ_INSERT_IRP = "CsqInsertIrp", 0x8, 0x8;
        CSQ_REMOVE_IRP = "CsqRemoveIrp", 0x10, 0x8;
        CSQ_PEEK_NEXT_IRP = "CsqPeekNextIrp", 0x18, 0x8;
        CSQ_ACQUIRE_LOCK = "CsqAcquireLock", 0x20, 0x8;
        CSQ_RELEASE_LOCK = "CsqReleaseLock", 0x28, 0x8;
        CSQ_COMPLETE_CANCELED_IRP = "CsqCompleteCanceledIrp", 0x30, 0x8;
        RESERVE_POINTER = "ReservePointer", 0x38, 0x8;
    }

    /// Names one IRP of a cancel-safe queue.
    io_csq_irp_context = "IO_CSQ_IRP_CONTEXT", "csq.h", 0x18 {
        TYPE = "Type", 0x0, 0x4;
        IRP = "Irp", 0x8, 0x8;
        CSQ = "Csq", 0x10, 0x8;
    }

    /// The part of a remove lock that free and checked builds share.
    io_remove_lock_common_block = "IO_REMOVE_LOCK_COMMON_BLOCK", "wdm.h", 0x20 {
        REMOVED = "Removed", 0x0, 0x1;
        RESERVED = "Reserved", 0x1, 0x3;
        IO_COUNT = "IoCount", 0x4, 0x4;
        REMOVE_EVENT = "RemoveEvent", 0x8, 0x18;
    }

    /// A remove lock as free builds of a driver lay it out.
    io_remove_lock = "IO_REMOVE_LOCK", "wdm.h", 0x20 {
        COMMON = "Common", 0x0, 0x20;
        COMMON_REMOVED = "Common.Removed", 0x0, 0x1;
        COMMON_IO_COUNT = "Common.IoCount", 0x4, 0x4;
        COMMON_REMOVE_EVENT = "Common.RemoveEvent", 0x8, 0x18;
    }

    /// What checked builds of a driver put behind the common block.
    io_remove_lock_dbg_block = "IO_REMOVE_LOCK_DBG_BLOCK", "wdm.h", 0x58 {
        SIGNATURE = "Signature", 0x0, 0x4;
        HIGH_WATERMARK = "HighWatermark", 0x4, 0x4;
        MAX_LOCKED_TICKS = "MaxLockedTicks", 0x8, 0x8;
        ALLOCATE_TAG = "AllocateTag", 0x10, 0x4;
        LOCK_LIST = "LockList", 0x18, 0x10;
        SPIN = "Spin", 0x28, 0x8;
        LOW_MEMORY_COUNT = "LowMemoryCount", 0x30, 0x4;
        RESERVED1 = "Reserved1", 0x34, 0x10;
        RESERVED2 = "Reserved2", 0x48, 0x8;
        BLOCKS = "Blocks", 0x50, 0x8;
    }

    /// A driver's entry for the system log.
    io_error_log_packet = "IO_ERROR_LOG_PACKET", "wdm.h", 0x30 {
        MAJOR_FUNCTION_CODE = "MajorFunctionCode", 0x0, 0x1;
        RETRY_COUNT = "RetryCount", 0x1, 0x1;
        DUMP_DATA_SIZE = "DumpDataSize", 0x2, 0x2;
        NUMBER_OF_STRINGS = "NumberOfStrings", 0x4, 0x2;
        STRING_OFFSET = "StringOffset", 0x6, 0x2;
        EVENT_CATEGORY = "EventCategory", 0x8, 0x2;
        ERROR_CODE = "ErrorCode", 0xc, 0x4;
        UNIQUE_ERROR_VALUE = "UniqueErrorValue", 0x10, 0x4;
        FINAL_STATUS = "FinalStatus", 0x14, 0x4;
        SEQUENCE_NUMBER = "SequenceNumber", 0x18, 0x4;
        IO_CONTROL_CODE = "IoControlCode", 0x1c, 0x4;
        DEVICE_OFFSET = "DeviceOffset", 0x20, 0x8;
        DUMP_DATA = "DumpData", 0x28, 0x4;
    }
}

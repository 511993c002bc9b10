//! Hardware resources: what START_DEVICE hands over and what interrupts are connected with.

layouts! {
    /// Resources of one device: a count, then full descriptors of variable size.
    cm_resource_list = "CM_RESOURCE_LIST", "wdm.h", 0x28 {
        COUNT = "Count", 0x0, 0x4;
        LIST = "List", 0x4, 0x24;
    }

    /// Resources on one bus.
    cm_full_resource_descriptor = "CM_FULL_RESOURCE_DESCRIPTOR", "wdm.h", 0x24 {
        INTERFACE_TYPE = "InterfaceType", 0x0, 0x4;
        BUS_NUMBER = "BusNumber", 0x4, 0x4;
        PARTIAL_RESOURCE_LIST = "PartialResourceList", 0x8, 0x1c;
    }

    /// Descriptors on one bus.
    cm_partial_resource_list = "CM_PARTIAL_RESOURCE_LIST", "wdm.h", 0x1c {
        VERSION = "Version", 0x0, 0x2;
        REVISION = "Revision", 0x2, 0x2;
        COUNT = "Count", 0x4, 0x4;
        PARTIAL_DESCRIPTORS = "PartialDescriptors", 0x8, 0x14;
    }

    /// One resource; packed to 4 bytes.
    cm_partial_resource_descriptor = "CM_PARTIAL_RESOURCE_DESCRIPTOR", "wdm.h", 0x14 {
        TYPE = "Type", 0x0, 0x1;
        SHARE_DISPOSITION = "ShareDisposition", 0x1, 0x1;
        FLAGS = "Flags", 0x2, 0x2;
        U_GENERIC_START = "u.Generic.Start", 0x4, 0x8;
        U_GENERIC_LENGTH = "u.Generic.Length", 0xc, 0x4;
        U_PORT_START = "u.Port.Start", 0x4, 0x8;
        U_PORT_LENGTH = "u.Port.Length", 0xc, 0x4;
        U_INTERRUPT_LEVEL = "u.Interrupt.Level", 0x4, 0x2;
        U_INTERRUPT_GROUP = "u.Interrupt.Group", 0x6, 0x2;
        U_INTERRUPT_VECTOR = "u.Interrupt.Vector", 0x8, 0x4;
        U_INTERRUPT_AFFINITY = "u.Interrupt.Affinity", 0xc, 0x8;
        U_MESSAGE_INTERRUPT_RAW_GROUP = "u.MessageInterrupt.Raw.Group", 0x4, 0x2;
        U_MESSAGE_INTERRUPT_RAW_MESSAGE_COUNT = "u.MessageInterrupt.Raw.MessageCount", 0x6, 0x2;
        U_MESSAGE_INTERRUPT_RAW_VECTOR = "u.MessageInterrupt.Raw.Vector", 0x8, 0x4;
        U_MESSAGE_INTERRUPT_RAW_AFFINITY = "u.MessageInterrupt.Raw.Affinity", 0xc, 0x8;
        U_MESSAGE_INTERRUPT_TRANSLATED_LEVEL = "u.MessageInterrupt.Translated.Level", 0x4, 0x2;
        U_MESSAGE_INTERRUPT_TRANSLATED_GROUP = "u.MessageInterrupt.Translated.Group", 0x6, 0x2;
        U_MESSAGE_INTERRUPT_TRANSLATED_VECTOR = "u.MessageInterrupt.Translated.Vector", 0x8, 0x4;
        U_MESSAGE_INTERRUPT_TRANSLATED_AFFINITY = "u.MessageInterrupt.Translated.Affinity", 0xc, 0x8;
        U_MEMORY_START = "u.Memory.Start", 0x4, 0x8;
        U_MEMORY_LENGTH = "u.Memory.Length", 0xc, 0x4;
        U_DMA_CHANNEL = "u.Dma.Channel", 0x4, 0x4;
        U_DMA_PORT = "u.Dma.Port", 0x8, 0x4;
        U_DMA_RESERVED1 = "u.Dma.Reserved1", 0xc, 0x4;
        U_DEVICE_PRIVATE_DATA = "u.DevicePrivate.Data", 0x4, 0xc;
        U_BUS_NUMBER_START = "u.BusNumber.Start", 0x4, 0x4;
        U_BUS_NUMBER_LENGTH = "u.BusNumber.Length", 0x8, 0x4;
        U_DEVICE_SPECIFIC_DATA_DATA_SIZE = "u.DeviceSpecificData.DataSize", 0x4, 0x4;
        U_MEMORY40_START = "u.Memory40.Start", 0x4, 0x8;
        U_MEMORY40_LENGTH40 = "u.Memory40.Length40", 0xc, 0x4;
        U_MEMORY48_LENGTH48 = "u.Memory48.Length48", 0xc, 0x4;
        U_MEMORY64_LENGTH64 = "u.Memory64.Length64", 0xc, 0x4;
    }

    /// One resource that a device can do with.
    io_resource_descriptor = "IO_RESOURCE_DESCRIPTOR", "wdm.h", 0x20 {
        OPTION = "Option", 0x0, 0x1;
        TYPE = "Type", 0x1, 0x1;
        SHARE_DISPOSITION = "ShareDisposition", 0x2, 0x1;
        SPARE1 = "Spare1", 0x3, 0x1;
        FLAGS = "Flags", 0x4, 0x2;
        SPARE2 = "Spare2", 0x6, 0x2;
        U_PORT_LENGTH = "u.Port.Length", 0x8, 0x4;
        U_PORT_ALIGNMENT = "u.Port.Alignment", 0xc, 0x4;
        U_PORT_MINIMUM_ADDRESS = "u.Port.MinimumAddress", 0x10, 0x8;
        U_PORT_MAXIMUM_ADDRESS = "u.Port.MaximumAddress", 0x18, 0x8;
        U_MEMORY_LENGTH = "u.Memory.Length", 0x8, 0x4;
        U_MEMORY_ALIGNMENT = "u.Memory.Alignment", 0xc, 0x4;
        U_MEMORY_MINIMUM_ADDRESS = "u.Memory.MinimumAddress", 0x10, 0x8;
        U_MEMORY_MAXIMUM_ADDRESS = "u.Memory.MaximumAddress", 0x18, 0x8;
        U_INTERRUPT_MINIMUM_VECTOR = "u.Interrupt.MinimumVector", 0x8, 0x4;
        U_INTERRUPT_MAXIMUM_VECTOR = "u.Interrupt.MaximumVector", 0xc, 0x4;
        U_DEVICE_PRIVATE_DATA = "u.DevicePrivate.Data", 0x8, 0xc;
    }

    /// One alternative of resource requirements.
    io_resource_list = "IO_RESOURCE_LIST", "wdm.h", 0x28 {
        VERSION = "Version", 0x0, 0x2;
        REVISION = "Revision", 0x2, 0x2;
        COUNT = "Count", 0x4, 0x4;
        DESCRIPTORS = "Descriptors", 0x8, 0x20;
    }

    /// A device's resource requirements; size in bytes.
    io_resource_requirements_list = "IO_RESOURCE_REQUIREMENTS_LIST", "wdm.h", 0x48 {
        LIST_SIZE = "ListSize", 0x0, 0x4;
        INTERFACE_TYPE = "InterfaceType", 0x4, 0x4;
        BUS_NUMBER = "BusNumber", 0x8, 0x4;
        SLOT_NUMBER = "SlotNumber", 0xc, 0x4;
        RESERVED = "Reserved", 0x10, 0xc;
        ALTERNATIVE_LISTS = "AlternativeLists", 0x1c, 0x4;
        LIST = "List", 0x20, 0x28;
    }

    /// Argument of IoConnectInterruptEx; `Version` says which arm holds.
    io_connect_interrupt_parameters = "IO_CONNECT_INTERRUPT_PARAMETERS", "wdm.h", 0x50 {
        VERSION = "Version", 0x0, 0x4;
        FULLY_SPECIFIED_PHYSICAL_DEVICE_OBJECT = "FullySpecified.PhysicalDeviceObject", 0x8, 0x8;
        FULLY_SPECIFIED_INTERRUPT_OBJECT = "FullySpecified.InterruptObject", 0x10, 0x8;
        FULLY_SPECIFIED_SERVICE_ROUTINE = "FullySpecified.ServiceRoutine", 0x18, 0x8;
        FULLY_SPECIFIED_SERVICE_CONTEXT = "FullySpecified.ServiceContext", 0x20, 0x8;
        FULLY_SPECIFIED_SPIN_LOCK = "FullySpecified.SpinLock", 0x28, 0x8;
        FULLY_SPECIFIED_SYNCHRONIZE_IRQL = "FullySpecified.SynchronizeIrql", 0x30, 0x1;
        FULLY_SPECIFIED_FLOATING_SAVE = "FullySpecified.FloatingSave", 0x31, 0x1;
        FULLY_SPECIFIED_SHARE_VECTOR = "FullySpecified.ShareVector", 0x32, 0x1;
        FULLY_SPECIFIED_VECTOR = "FullySpecified.Vector", 0x34, 0x4;
        FULLY_SPECIFIED_IRQL = "FullySpecified.Irql", 0x38, 0x1;
        FULLY_SPECIFIED_INTERRUPT_MODE = "FullySpecified.InterruptMode", 0x3c, 0x4;
        FULLY_SPECIFIED_PROCESSOR_ENABLE_MASK = "FullySpecified.ProcessorEnableMask", 0x40, 0x8;
        FULLY_SPECIFIED_GROUP = "FullySpecified.Group", 0x48, 0x2;
        LINE_BASED_PHYSICAL_DEVICE_OBJECT = "LineBased.PhysicalDeviceObject", 0x8, 0x8;
        LINE_BASED_INTERRUPT_OBJECT = "LineBased.InterruptObject", 0x10, 0x8;
        LINE_BASED_SERVICE_ROUTINE = "LineBased.ServiceRoutine", 0x18, 0x8;
        LINE_BASED_SERVICE_CONTEXT = "LineBased.ServiceContext", 0x20, 0x8;
        LINE_BASED_SPIN_LOCK = "LineBased.SpinLock", 0x28, 0x8;
        LINE_BASED_SYNCHRONIZE_IRQL = "LineBased.SynchronizeIrql", 0x30, 0x1;
        LINE_BASED_FLOATING_SAVE = "LineBased.FloatingSave", 0x31, 0x1;
        MESSAGE_BASED_PHYSICAL_DEVICE_OBJECT = "MessageBased.PhysicalDeviceObject", 0x8, 0x8;
        MESSAGE_BASED_CONNECTION_CONTEXT = "MessageBased.ConnectionContext", 0x10, 0x8;
        MESSAGE_BASED_MESSAGE_SERVICE_ROUTINE = "MessageBased.MessageServiceRoutine", 0x18, 0x8;
        MESSAGE_BASED_SERVICE_CONTEXT = "MessageBased.ServiceContext", 0x20, 0x8;
        MESSAGE_BASED_SPIN_LOCK = "MessageBased.SpinLock", 0x28, 0x8;
        MESSAGE_BASED_SYNCHRONIZE_IRQL = "MessageBased.SynchronizeIrql", 0x30, 0x1;
        MESSAGE_BASED_FLOATING_SAVE = "MessageBased.FloatingSave", 0x31, 0x1;
        MESSAGE_BASED_FALL_BACK_SERVICE_ROUTINE = "MessageBased.FallBackServiceRoutine", 0x38, 0x8;
    }

    /// Argument of IoDisconnectInterruptEx.
    io_disconnect_interrupt_parameters = "IO_DISCONNECT_INTERRUPT_PARAMETERS", "wdm.h", 0x10 {
        VERSION = "Version", 0x0, 0x4;
        CONNECTION_CONTEXT = "ConnectionContext", 0x8, 0x8;
        CONNECTION_CONTEXT_INTERRUPT_OBJECT = "ConnectionContext.InterruptObject", 0x8, 0x8;
        CONNECTION_CONTEXT_INTERRUPT_MESSAGE_TABLE = "ConnectionContext.InterruptMessageTable", 0x8, 0x8;
    }

    /// The messages that IoConnectInterruptEx connected; entries follow.
    io_interrupt_message_info = "IO_INTERRUPT_MESSAGE_INFO", "wdm.h", 0x38 {
        UNIFIED_IRQL = "UnifiedIrql", 0x0, 0x1;
        MESSAGE_COUNT = "MessageCount", 0x4, 0x4;
        MESSAGE_INFO = "MessageInfo", 0x8, 0x30;
    }

    /// One connected message.
    io_interrupt_message_info_entry = "IO_INTERRUPT_MESSAGE_INFO_ENTRY", "wdm.h", 0x30 {
        MESSAGE_ADDRESS = "MessageAddress", 0x0, 0x8;
        TARGET_PROCESSOR_SET = "TargetProcessorSet", 0x8, 0x8;
        INTERRUPT_OBJECT = "InterruptObject", 0x10, 0x8;
        MESSAGE_DATA = "MessageData", 0x18, 0x4;
        VECTOR = "Vector", 0x1c, 0x4;
        IRQL = "Irql", 0x20, 0x1;
        MODE = "Mode", 0x24, 0x4;
        POLARITY = "Polarity", 0x28, 0x4;
    }

    /// A DMA adapter as drivers see it.
    dma_adapter = "DMA_ADAPTER", "wdm.h", 0x10 {
        VERSION = "Version", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        DMA_OPERATIONS = "DmaOperations", 0x8, 0x8;
    }

    /// Entry points of a DMA adapter, versions 1 and 2; size in bytes.
    dma_operations = "DMA_OPERATIONS", "wdm.h", 0x80 {
        SIZE_FIELD = "Size", 0x0, 0x4;
        PUT_DMA_ADAPTER = "PutDmaAdapter", 0x8, 0x8;
        ALLOCATE_COMMON_BUFFER = "AllocateCommonBuffer", 0x10, 0x8;
        FREE_COMMON_BUFFER = "FreeCommonBuffer", 0x18, 0x8;
        ALLOCATE_ADAPTER_CHANNEL = "AllocateAdapterChannel", 0x20, 0x8;
        FLUSH_ADAPTER_BUFFERS = "FlushAdapterBuffers", 0x28, 0x8;
        FREE_ADAPTER_CHANNEL = "FreeAdapterChannel", 0x30, 0x8;
        FREE_MAP_REGISTERS = "FreeMapRegisters", 0x38, 0x8;
        MAP_TRANSFER = "MapTransfer", 0x40, 0x8;
        GET_DMA_ALIGNMENT = "GetDmaAlignment", 0x48, 0x8;
        READ_DMA_COUNTER = "ReadDmaCounter", 0x50, 0x8;
        GET_SCATTER_GATHER_LIST = "GetScatterGatherList", 0x58, 0x8;
        PUT_SCATTER_GATHER_LIST = "PutScatterGatherList", 0x60, 0x8;
        CALCULATE_SCATTER_GATHER_LIST = "CalculateScatterGatherList", 0x68, 0x8;
        BUILD_SCATTER_GATHER_LIST = "BuildScatterGatherList", 0x70, 0x8;
        BUILD_MDL_FROM_SCATTER_GATHER_LIST = "BuildMdlFromScatterGatherList", 0x78, 0x8;
    }

    /// What a device tells IoGetDmaAdapter.
    device_description = "DEVICE_DESCRIPTION", "wdm.h", 0x28 {
        VERSION = "Version", 0x0, 0x4;
        MASTER = "Master", 0x4, 0x1;
        SCATTER_GATHER = "ScatterGather", 0x5, 0x1;
        DEMAND_MODE = "DemandMode", 0x6, 0x1;
        AUTO_INITIALIZE = "AutoInitialize", 0x7, 0x1;
        DMA32_BIT_ADDRESSES = "Dma32BitAddresses", 0x8, 0x1;
        IGNORE_COUNT = "IgnoreCount", 0x9, 0x1;
        DMA64_BIT_ADDRESSES = "Dma64BitAddresses", 0xb, 0x1;
        BUS_NUMBER = "BusNumber", 0xc, 0x4;
        DMA_CHANNEL = "DmaChannel", 0x10, 0x4;
        INTERFACE_TYPE = "InterfaceType", 0x14, 0x4;
        DMA_WIDTH = "DmaWidth", 0x18, 0x4;
        DMA_SPEED = "DmaSpeed", 0x1c, 0x4;
        MAXIMUM_LENGTH = "MaximumLength", 0x20, 0x4;
        DMA_PORT = "DmaPort", 0x24, 0x4;
    }

    /// Bus addresses of a transfer.
    scatter_gather_list = "SCATTER_GATHER_LIST", "wdm.h", 0x28 {
        NUMBER_OF_ELEMENTS = "NumberOfElements", 0x0, 0x4;
        RESERVED = "Reserved", 0x8, 0x8;
        ELEMENTS = "Elements", 0x10, 0x18;
    }

    /// One run of bus addresses; length in bytes.
    scatter_gather_element = "SCATTER_GATHER_ELEMENT", "wdm.h", 0x18 {
        ADDRESS = "Address", 0x0, 0x8;
        LENGTH = "Length", 0x8, 0x4;
        RESERVED = "Reserved", 0x10, 0x8;
    }

    /// Configuration space of a PCI function, type 0 fields.
    pci_common_header = "PCI_COMMON_HEADER", "wdm.h", 0x40 {
        VENDOR_ID = "VendorID", 0x0, 0x2;
        DEVICE_ID = "DeviceID", 0x2, 0x2;
        COMMAND = "Command", 0x4, 0x2;
        STATUS = "Status", 0x6, 0x2;
        REVISION_ID = "RevisionID", 0x8, 0x1;
        PROG_IF = "ProgIf", 0x9, 0x1;
        SUB_CLASS = "SubClass", 0xa, 0x1;
        BASE_CLASS = "BaseClass", 0xb, 0x1;
        CACHE_LINE_SIZE = "CacheLineSize", 0xc, 0x1;
        LATENCY_TIMER = "LatencyTimer", 0xd, 0x1;
        HEADER_TYPE = "HeaderType", 0xe, 0x1;
        BIST = "BIST", 0xf, 0x1;
        U_TYPE0_BASE_ADDRESSES = "u.type0.BaseAddresses", 0x10, 0x18;
        U_TYPE0_CIS = "u.type0.CIS", 0x28, 0x4;
        U_TYPE0_SUB_VENDOR_ID = "u.type0.SubVendorID", 0x2c, 0x2;
        U_TYPE0_SUB_SYSTEM_ID = "u.type0.SubSystemID", 0x2e, 0x2;
        U_TYPE0_ROM_BASE_ADDRESS = "u.type0.ROMBaseAddress", 0x30, 0x4;
        U_TYPE0_CAPABILITIES_PTR = "u.type0.CapabilitiesPtr", 0x34, 0x1;
        U_TYPE0_INTERRUPT_LINE = "u.type0.InterruptLine", 0x3c, 0x1;
        U_TYPE0_INTERRUPT_PIN = "u.type0.InterruptPin", 0x3d, 0x1;
        U_TYPE0_MINIMUM_GRANT = "u.type0.MinimumGrant", 0x3e, 0x1;
        U_TYPE0_MAXIMUM_LATENCY = "u.type0.MaximumLatency", 0x3f, 0x1;
    }
}

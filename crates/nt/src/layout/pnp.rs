//! Plug and Play: capabilities, relations, interfaces, notifications.

layouts! {
    /// Answer to IRP_MN_QUERY_CAPABILITIES. The bit fields from `DeviceD1` on share the word at
    /// offset 4.
    device_capabilities = "DEVICE_CAPABILITIES", "wdm.h", 0x40 {
        SIZE_FIELD = "Size", 0x0, 0x2;
        VERSION = "Version", 0x2, 0x2;
        FLAGS = "Flags", 0x4, 0x4;
        ADDRESS = "Address", 0x8, 0x4;
        UI_NUMBER = "UINumber", 0xc, 0x4;
        DEVICE_STATE = "DeviceState", 0x10, 0x1c;
        SYSTEM_WAKE = "SystemWake", 0x2c, 0x4;
        DEVICE_WAKE = "DeviceWake", 0x30, 0x4;
        D1_LATENCY = "D1Latency", 0x34, 0x4;
        D2_LATENCY = "D2Latency", 0x38, 0x4;
        D3_LATENCY = "D3Latency", 0x3c, 0x4;
    }

    /// Answer to IRP_MN_QUERY_DEVICE_RELATIONS; allocated from paged pool, objects referenced.
    device_relations = "DEVICE_RELATIONS", "wdm.h", 0x10 {
        COUNT = "Count", 0x0, 0x4;
        OBJECTS = "Objects", 0x8, 0x8;
    }

    /// Head of every interface that IRP_MN_QUERY_INTERFACE hands out.
    interface = "INTERFACE", "wdm.h", 0x20 {
        SIZE_FIELD = "Size", 0x0, 0x2;
        VERSION = "Version", 0x2, 0x2;
        CONTEXT = "Context", 0x8, 0x8;
        INTERFACE_REFERENCE = "InterfaceReference", 0x10, 0x8;
        INTERFACE_DEREFERENCE = "InterfaceDereference", 0x18, 0x8;
    }

    /// Access to a device's bus.
    bus_interface_standard = "BUS_INTERFACE_STANDARD", "wdm.h", 0x40 {
        SIZE_FIELD = "Size", 0x0, 0x2;
        VERSION = "Version", 0x2, 0x2;
        CONTEXT = "Context", 0x8, 0x8;
        INTERFACE_REFERENCE = "InterfaceReference", 0x10, 0x8;
        INTERFACE_DEREFERENCE = "InterfaceDereference", 0x18, 0x8;
        TRANSLATE_BUS_ADDRESS = "TranslateBusAddress", 0x20, 0x8;
        GET_DMA_ADAPTER = "GetDmaAdapter", 0x28, 0x8;
        SET_BUS_DATA = "SetBusData", 0x30, 0x8;
        GET_BUS_DATA = "GetBusData", 0x38, 0x8;
    }

    /// Head of a notification.
    plugplay_notification_header = "PLUGPLAY_NOTIFICATION_HEADER", "wdm.h", 0x14 {
        VERSION = "Version", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        EVENT = "Event", 0x4, 0x10;
    }

    /// A device interface came or went.
    device_interface_change_notification = "DEVICE_INTERFACE_CHANGE_NOTIFICATION", "wdm.h", 0x30 {
        VERSION = "Version", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        EVENT = "Event", 0x4, 0x10;
        INTERFACE_CLASS_GUID = "InterfaceClassGuid", 0x14, 0x10;
        SYMBOLIC_LINK_NAME = "SymbolicLinkName", 0x28, 0x8;
    }

    /// A device is about to go, or went.
    target_device_removal_notification = "TARGET_DEVICE_REMOVAL_NOTIFICATION", "wdm.h", 0x20 {
        VERSION = "Version", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        EVENT = "Event", 0x4, 0x10;
        FILE_OBJECT = "FileObject", 0x18, 0x8;
    }

    /// Answer to IRP_MN_QUERY_BUS_INFORMATION.
    pnp_bus_information = "PNP_BUS_INFORMATION", "wdm.h", 0x18 {
        BUS_TYPE_GUID = "BusTypeGuid", 0x0, 0x10;
        LEGACY_BUS_TYPE = "LegacyBusType", 0x10, 0x4;
        BUS_NUMBER = "BusNumber", 0x14, 0x4;
    }
}

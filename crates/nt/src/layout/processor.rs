//! Processors, threads, processes and the page that the kernel shares with everyone.

layouts! {
    /// A time that is read without a lock: low part, first and second high part; read again
    /// when the high parts differ.
    ksystem_time = "KSYSTEM_TIME", "ntddk.h", 0xc {
        LOW_PART = "LowPart", 0x0, 0x4;
        HIGH1_TIME = "High1Time", 0x4, 0x4;
        HIGH2_TIME = "High2Time", 0x8, 0x4;
    }

    /// The shared page, at FFFFF780_00000000 in the kernel. Times in 100 ns; `TickCount` in
    /// clock ticks. The part that all versions share has kept its places; what follows 0x3C4 is
    /// as in Windows 10 version 2004 to 22H2.
    kuser_shared_data = "KUSER_SHARED_DATA", "ntddk.h", 0x720 {
        TICK_COUNT_LOW_DEPRECATED = "TickCountLowDeprecated", 0x0, 0x4;
        TICK_COUNT_MULTIPLIER = "TickCountMultiplier", 0x4, 0x4;
        INTERRUPT_TIME = "InterruptTime", 0x8, 0xc;
        SYSTEM_TIME = "SystemTime", 0x14, 0xc;
        TIME_ZONE_BIAS = "TimeZoneBias", 0x20, 0xc;
        IMAGE_NUMBER_LOW = "ImageNumberLow", 0x2c, 0x2;
        IMAGE_NUMBER_HIGH = "ImageNumberHigh", 0x2e, 0x2;
        NT_SYSTEM_ROOT = "NtSystemRoot", 0x30, 0x208;
        MAX_STACK_TRACE_DEPTH = "MaxStackTraceDepth", 0x238, 0x4;
        CRYPTO_EXPONENT = "CryptoExponent", 0x23c, 0x4;
        TIME_ZONE_ID = "TimeZoneId", 0x240, 0x4;
        LARGE_PAGE_MINIMUM = "LargePageMinimum", 0x244, 0x4;
        NT_BUILD_NUMBER = "NtBuildNumber", 0x260, 0x4;
        NT_PRODUCT_TYPE = "NtProductType", 0x264, 0x4;
        PRODUCT_TYPE_IS_VALID = "ProductTypeIsValid", 0x268, 0x1;
        NATIVE_PROCESSOR_ARCHITECTURE = "NativeProcessorArchitecture", 0x26a, 0x2;
        NT_MAJOR_VERSION = "NtMajorVersion", 0x26c, 0x4;
        NT_MINOR_VERSION = "NtMinorVersion", 0x270, 0x4;
        PROCESSOR_FEATURES = "ProcessorFeatures", 0x274, 0x40;
        TIME_SLIP = "TimeSlip", 0x2bc, 0x4;
        SYSTEM_EXPIRATION_DATE = "SystemExpirationDate", 0x2c8, 0x8;
        SUITE_MASK = "SuiteMask", 0x2d0, 0x4;
        KD_DEBUGGER_ENABLED = "KdDebuggerEnabled", 0x2d4, 0x1;
        NX_SUPPORT_POLICY = "NXSupportPolicy", 0x2d5, 0x1;
        ACTIVE_CONSOLE_ID = "ActiveConsoleId", 0x2d8, 0x4;
        NUMBER_OF_PHYSICAL_PAGES = "NumberOfPhysicalPages", 0x2e8, 0x4;
        SAFE_BOOT_MODE = "SafeBootMode", 0x2ec, 0x1;
        SHARED_DATA_FLAGS = "SharedDataFlags", 0x2f0, 0x4;
        TEST_RET_INSTRUCTION = "TestRetInstruction", 0x2f8, 0x8;
        QPC_FREQUENCY = "QpcFrequency", 0x300, 0x8;
        TICK_COUNT = "TickCount", 0x320, 0xc;
        TICK_COUNT_QUAD = "TickCountQuad", 0x320, 0x8;
        COOKIE = "Cookie", 0x330, 0x4;
        INTERRUPT_TIME_BIAS = "InterruptTimeBias", 0x3b0, 0x8;
        QPC_BIAS = "QpcBias", 0x3b8, 0x8;
        ACTIVE_PROCESSOR_COUNT = "ActiveProcessorCount", 0x3c0, 0x4;
        ACTIVE_GROUP_COUNT = "ActiveGroupCount", 0x3c4, 0x1;
        QPC_DATA = "QpcData", 0x3c6, 0x2;
        TIME_ZONE_BIAS_EFFECTIVE_START = "TimeZoneBiasEffectiveStart", 0x3c8, 0x8;
        TIME_ZONE_BIAS_EFFECTIVE_END = "TimeZoneBiasEffectiveEnd", 0x3d0, 0x8;
        X_STATE = "XState", 0x3d8, 0x338;
    }

    /// Processor control region, at GS:0 in the kernel. The processor block follows at `PRCB`,
    /// aligned to 64 bytes.
    kpcr = "KPCR", "ntddk.h", 0x180 {
        GDT_BASE = "GdtBase", 0x0, 0x8;
        TSS_BASE = "TssBase", 0x8, 0x8;
        USER_RSP = "UserRsp", 0x10, 0x8;
        SELF = "Self", 0x18, 0x8;
        CURRENT_PRCB = "CurrentPrcb", 0x20, 0x8;
        LOCK_ARRAY = "LockArray", 0x28, 0x8;
        USED_SELF = "Used_Self", 0x30, 0x8;
        IDT_BASE = "IdtBase", 0x38, 0x8;
        IRQL = "Irql", 0x50, 0x1;
        MAJOR_VERSION = "MajorVersion", 0x60, 0x2;
        MINOR_VERSION = "MinorVersion", 0x62, 0x2;
        STALL_SCALE_FACTOR = "StallScaleFactor", 0x64, 0x4;
        KD_VERSION_BLOCK = "KdVersionBlock", 0x108, 0x8;
        PRCB = "Prcb", 0x180, 0x0;
    }

    /// Processor control block, the first fields, which have kept their places since Windows
    /// Vista; `CurrentThread` is what KeGetCurrentThread reads at GS:188h. The size here
    /// covers only these.
    kprcb = "KPRCB", "private", 0x40 {
        MX_CSR = "MxCsr", 0x0, 0x4;
        LEGACY_NUMBER = "LegacyNumber", 0x4, 0x1;
        INTERRUPT_REQUEST = "InterruptRequest", 0x6, 0x1;
        IDLE_HALT = "IdleHalt", 0x7, 0x1;
        CURRENT_THREAD = "CurrentThread", 0x8, 0x8;
        NEXT_THREAD = "NextThread", 0x10, 0x8;
        IDLE_THREAD = "IdleThread", 0x18, 0x8;
        NESTING_LEVEL = "NestingLevel", 0x20, 0x1;
        NUMBER = "Number", 0x24, 0x4;
        RSP_BASE = "RspBase", 0x28, 0x8;
    }

    /// A thread, first fields; size as in Windows 10 version 2004 to 22H2. Drivers must treat
    /// it as opaque.
    kthread = "KTHREAD", "private", 0x430 {
        HEADER = "Header", 0x0, 0x18;
        INITIAL_STACK = "InitialStack", 0x28, 0x8;
        STACK_LIMIT = "StackLimit", 0x30, 0x8;
        STACK_BASE = "StackBase", 0x38, 0x8;
    }

    /// A thread as the executive sees it; size as in Windows 10 version 2004 to 22H2. Opaque.
    ethread = "ETHREAD", "private", 0x898 {
        TCB = "Tcb", 0x0, 0x430;
    }

    /// A process; size as in Windows 10 version 2004 to 22H2. Opaque.
    eprocess = "EPROCESS", "private", 0xa40 {
        PCB = "Pcb", 0x0, 0x438;
    }

    /// What a process creation callback receives.
    ps_create_notify_info = "PS_CREATE_NOTIFY_INFO", "ntddk.h", 0x48 {
        SIZE_FIELD = "Size", 0x0, 0x8;
        FLAGS = "Flags", 0x8, 0x4;
        PARENT_PROCESS_ID = "ParentProcessId", 0x10, 0x8;
        CREATING_THREAD_ID = "CreatingThreadId", 0x18, 0x10;
        FILE_OBJECT = "FileObject", 0x28, 0x8;
        IMAGE_FILE_NAME = "ImageFileName", 0x30, 0x8;
        COMMAND_LINE = "CommandLine", 0x38, 0x8;
        CREATION_STATUS = "CreationStatus", 0x40, 0x4;
    }

    /// What an image load callback receives.
    image_info = "IMAGE_INFO", "ntddk.h", 0x28 {
        PROPERTIES = "Properties", 0x0, 0x4;
        IMAGE_BASE = "ImageBase", 0x8, 0x8;
        IMAGE_SELECTOR = "ImageSelector", 0x10, 0x4;
        IMAGE_SIZE = "ImageSize", 0x18, 0x8;
        IMAGE_SECTION_NUMBER = "ImageSectionNumber", 0x20, 0x4;
    }
}

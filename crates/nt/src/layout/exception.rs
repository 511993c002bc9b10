//! Exceptions: records, processor context, and what the unwinder hands to language handlers.

layouts! {
    /// One exception.
    exception_record = "EXCEPTION_RECORD", "ntdef.h", 0x98 {
        EXCEPTION_CODE = "ExceptionCode", 0x0, 0x4;
        EXCEPTION_FLAGS = "ExceptionFlags", 0x4, 0x4;
        EXCEPTION_RECORD = "ExceptionRecord", 0x8, 0x8;
        EXCEPTION_ADDRESS = "ExceptionAddress", 0x10, 0x8;
        NUMBER_PARAMETERS = "NumberParameters", 0x18, 0x4;
        EXCEPTION_INFORMATION = "ExceptionInformation", 0x20, 0x78;
    }

    /// What GetExceptionInformation gives a filter.
    exception_pointers = "EXCEPTION_POINTERS", "ntdef.h", 0x10 {
        EXCEPTION_RECORD = "ExceptionRecord", 0x0, 0x8;
        CONTEXT_RECORD = "ContextRecord", 0x8, 0x8;
    }

    /// An XMM register.
    m128a = "M128A", "ntdef.h", 0x10 {
        LOW = "Low", 0x0, 0x8;
        HIGH = "High", 0x8, 0x8;
    }

    /// Processor context; 16-byte aligned.
    context = "CONTEXT", "ntdef.h", 0x4d0 {
        P1_HOME = "P1Home", 0x0, 0x8;
        P2_HOME = "P2Home", 0x8, 0x8;
        P3_HOME = "P3Home", 0x10, 0x8;
        P4_HOME = "P4Home", 0x18, 0x8;
        P5_HOME = "P5Home", 0x20, 0x8;
        P6_HOME = "P6Home", 0x28, 0x8;
        CONTEXT_FLAGS = "ContextFlags", 0x30, 0x4;
        MX_CSR = "MxCsr", 0x34, 0x4;
        SEG_CS = "SegCs", 0x38, 0x2;
        SEG_DS = "SegDs", 0x3a, 0x2;
        SEG_ES = "SegEs", 0x3c, 0x2;
        SEG_FS = "SegFs", 0x3e, 0x2;
        SEG_GS = "SegGs", 0x40, 0x2;
        SEG_SS = "SegSs", 0x42, 0x2;
        E_FLAGS = "EFlags", 0x44, 0x4;
        DR0 = "Dr0", 0x48, 0x8;
        DR1 = "Dr1", 0x50, 0x8;
        DR2 = "Dr2", 0x58, 0x8;
        DR3 = "Dr3", 0x60, 0x8;
        DR6 = "Dr6", 0x68, 0x8;
        DR7 = "Dr7", 0x70, 0x8;
        RAX = "Rax", 0x78, 0x8;
        RCX = "Rcx", 0x80, 0x8;
        RDX = "Rdx", 0x88, 0x8;
        RBX = "Rbx", 0x90, 0x8;
        RSP = "Rsp", 0x98, 0x8;
        RBP = "Rbp", 0xa0, 0x8;
        RSI = "Rsi", 0xa8, 0x8;
        RDI = "Rdi", 0xb0, 0x8;
        R8 = "R8", 0xb8, 0x8;
        R9 = "R9", 0xc0, 0x8;
        R10 = "R10", 0xc8, 0x8;
        R11 = "R11", 0xd0, 0x8;
        R12 = "R12", 0xd8, 0x8;
        R13 = "R13", 0xe0, 0x8;
        R14 = "R14", 0xe8, 0x8;
        R15 = "R15", 0xf0, 0x8;
        RIP = "Rip", 0xf8, 0x8;
        FLT_SAVE = "FltSave", 0x100, 0x200;
        HEADER = "Header", 0x100, 0x20;
        LEGACY = "Legacy", 0x120, 0x80;
        XMM0 = "Xmm0", 0x1a0, 0x10;
        XMM1 = "Xmm1", 0x1b0, 0x10;
        XMM2 = "Xmm2", 0x1c0, 0x10;
        XMM3 = "Xmm3", 0x1d0, 0x10;
        XMM4 = "Xmm4", 0x1e0, 0x10;
        XMM5 = "Xmm5", 0x1f0, 0x10;
        XMM6 = "Xmm6", 0x200, 0x10;
        XMM7 = "Xmm7", 0x210, 0x10;
        XMM8 = "Xmm8", 0x220, 0x10;
        XMM9 = "Xmm9", 0x230, 0x10;
        XMM10 = "Xmm10", 0x240, 0x10;
        XMM11 = "Xmm11", 0x250, 0x10;
        XMM12 = "Xmm12", 0x260, 0x10;
        XMM13 = "Xmm13", 0x270, 0x10;
        XMM14 = "Xmm14", 0x280, 0x10;
        XMM15 = "Xmm15", 0x290, 0x10;
        VECTOR_REGISTER = "VectorRegister", 0x300, 0x1a0;
        VECTOR_CONTROL = "VectorControl", 0x4a0, 0x8;
        DEBUG_CONTROL = "DebugControl", 0x4a8, 0x8;
        LAST_BRANCH_TO_RIP = "LastBranchToRip", 0x4b0, 0x8;
        LAST_BRANCH_FROM_RIP = "LastBranchFromRip", 0x4b8, 0x8;
        LAST_EXCEPTION_TO_RIP = "LastExceptionToRip", 0x4c0, 0x8;
        LAST_EXCEPTION_FROM_RIP = "LastExceptionFromRip", 0x4c8, 0x8;
    }

    /// What the unwinder hands to a language handler (x64).
    dispatcher_context = "DISPATCHER_CONTEXT", "winnt.h", 0x50 {
        CONTROL_PC = "ControlPc", 0x0, 0x8;
        IMAGE_BASE = "ImageBase", 0x8, 0x8;
        FUNCTION_ENTRY = "FunctionEntry", 0x10, 0x8;
        ESTABLISHER_FRAME = "EstablisherFrame", 0x18, 0x8;
        TARGET_IP = "TargetIp", 0x20, 0x8;
        CONTEXT_RECORD = "ContextRecord", 0x28, 0x8;
        LANGUAGE_HANDLER = "LanguageHandler", 0x30, 0x8;
        HANDLER_DATA = "HandlerData", 0x38, 0x8;
        HISTORY_TABLE = "HistoryTable", 0x40, 0x8;
        SCOPE_INDEX = "ScopeIndex", 0x48, 0x4;
    }
}

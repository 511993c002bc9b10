//! Memory descriptors and look-aside lists.

layouts! {
    /// Describes the pages of a buffer; the page frame numbers (8 bytes each) follow at `SIZE`.
    /// Byte counts and offsets in bytes.
    mdl = "MDL", "wdm.h", 0x30 {
        NEXT = "Next", 0x0, 0x8;
        SIZE_FIELD = "Size", 0x8, 0x2;
        MDL_FLAGS = "MdlFlags", 0xa, 0x2;
        PROCESS = "Process", 0x10, 0x8;
        MAPPED_SYSTEM_VA = "MappedSystemVa", 0x18, 0x8;
        START_VA = "StartVa", 0x20, 0x8;
        BYTE_COUNT = "ByteCount", 0x28, 0x4;
        BYTE_OFFSET = "ByteOffset", 0x2c, 0x4;
    }

    /// A look-aside list; depth in entries, size in bytes. Aligned to a cache line.
    general_lookaside = "GENERAL_LOOKASIDE", "wdm.h", 0x80 {
        LIST_HEAD = "ListHead", 0x0, 0x10;
        SINGLE_LIST_HEAD = "SingleListHead", 0x0, 0x8;
        DEPTH = "Depth", 0x10, 0x2;
        MAXIMUM_DEPTH = "MaximumDepth", 0x12, 0x2;
        TOTAL_ALLOCATES = "TotalAllocates", 0x14, 0x4;
        ALLOCATE_MISSES = "AllocateMisses", 0x18, 0x4;
        ALLOCATE_HITS = "AllocateHits", 0x18, 0x4;
        TOTAL_FREES = "TotalFrees", 0x1c, 0x4;
        FREE_MISSES = "FreeMisses", 0x20, 0x4;
        FREE_HITS = "FreeHits", 0x20, 0x4;
        TYPE = "Type", 0x24, 0x4;
        TAG = "Tag", 0x28, 0x4;
        SIZE_FIELD = "Size", 0x2c, 0x4;
        ALLOCATE_EX = "AllocateEx", 0x30, 0x8;
        ALLOCATE = "Allocate", 0x30, 0x8;
        FREE_EX = "FreeEx", 0x38, 0x8;
        FREE = "Free", 0x38, 0x8;
        LIST_ENTRY = "ListEntry", 0x40, 0x10;
        LAST_TOTAL_ALLOCATES = "LastTotalAllocates", 0x50, 0x4;
        LAST_ALLOCATE_MISSES = "LastAllocateMisses", 0x54, 0x4;
        LAST_ALLOCATE_HITS = "LastAllocateHits", 0x54, 0x4;
        FUTURE = "Future", 0x58, 0x8;
    }

    /// Non-paged look-aside list.
    npaged_lookaside_list = "NPAGED_LOOKASIDE_LIST", "wdm.h", 0x80 {
        L = "L", 0x0, 0x80;
        L_LIST_HEAD = "L.ListHead", 0x0, 0x10;
        L_DEPTH = "L.Depth", 0x10, 0x2;
        L_TOTAL_ALLOCATES = "L.TotalAllocates", 0x14, 0x4;
        L_ALLOCATE_MISSES = "L.AllocateMisses", 0x18, 0x4;
        L_TOTAL_FREES = "L.TotalFrees", 0x1c, 0x4;
        L_FREE_MISSES = "L.FreeMisses", 0x20, 0x4;
        L_TYPE = "L.Type", 0x24, 0x4;
        L_TAG = "L.Tag", 0x28, 0x4;
        L_SIZE = "L.Size", 0x2c, 0x4;
        L_ALLOCATE = "L.Allocate", 0x30, 0x8;
        L_FREE = "L.Free", 0x38, 0x8;
    }

    /// Paged look-aside list; headers after this one align it like the non-paged one.
    paged_lookaside_list = "PAGED_LOOKASIDE_LIST", "wdm.h", 0x80 {
        L = "L", 0x0, 0x80;
        L_LIST_HEAD = "L.ListHead", 0x0, 0x10;
        L_DEPTH = "L.Depth", 0x10, 0x2;
        L_TOTAL_ALLOCATES = "L.TotalAllocates", 0x14, 0x4;
        L_ALLOCATE_MISSES = "L.AllocateMisses", 0x18, 0x4;
        L_TOTAL_FREES = "L.TotalFrees", 0x1c, 0x4;
        L_FREE_MISSES = "L.FreeMisses", 0x20, 0x4;
        L_TYPE = "L.Type", 0x24, 0x4;
        L_TAG = "L.Tag", 0x28, 0x4;
        L_SIZE = "L.Size", 0x2c, 0x4;
        L_ALLOCATE = "L.Allocate", 0x30, 0x8;
        L_FREE = "L.Free", 0x38, 0x8;
    }

    /// Look-aside list of ExInitializeLookasideListEx; not aligned to a cache line.
    lookaside_list_ex = "LOOKASIDE_LIST_EX", "wdm.h", 0x60 {
        L = "L", 0x0, 0x60;
        L_LIST_HEAD = "L.ListHead", 0x0, 0x10;
        L_DEPTH = "L.Depth", 0x10, 0x2;
        L_TOTAL_ALLOCATES = "L.TotalAllocates", 0x14, 0x4;
        L_ALLOCATE_MISSES = "L.AllocateMisses", 0x18, 0x4;
        L_TOTAL_FREES = "L.TotalFrees", 0x1c, 0x4;
        L_FREE_MISSES = "L.FreeMisses", 0x20, 0x4;
        L_TYPE = "L.Type", 0x24, 0x4;
        L_TAG = "L.Tag", 0x28, 0x4;
        L_SIZE = "L.Size", 0x2c, 0x4;
        L_ALLOCATE_EX = "L.AllocateEx", 0x30, 0x8;
        L_FREE_EX = "L.FreeEx", 0x38, 0x8;
    }
}

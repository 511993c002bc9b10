//! Generic tables and the trees that they are made of.

layouts! {
    /// Links of a node of a splay tree.
    rtl_splay_links = "RTL_SPLAY_LINKS", "ntddk.h", 0x18 {
        PARENT = "Parent", 0x0, 0x8;
        LEFT_CHILD = "LeftChild", 0x8, 0x8;
        RIGHT_CHILD = "RightChild", 0x10, 0x8;
    }

    /// Links of a node of a balanced tree; `Balance` is the right side's height less the left's.
    rtl_balanced_links = "RTL_BALANCED_LINKS", "ntddk.h", 0x20 {
        PARENT = "Parent", 0x0, 0x8;
        LEFT_CHILD = "LeftChild", 0x8, 0x8;
        RIGHT_CHILD = "RightChild", 0x10, 0x8;
        BALANCE = "Balance", 0x18, 0x1;
    }

    /// A generic table with a splay tree.
    rtl_generic_table = "RTL_GENERIC_TABLE", "ntddk.h", 0x48 {
        TABLE_ROOT = "TableRoot", 0x0, 0x8;
        INSERT_ORDER_LIST = "InsertOrderList", 0x8, 0x10;
        ORDERED_POINTER = "OrderedPointer", 0x18, 0x8;
        WHICH_ORDERED_ELEMENT = "WhichOrderedElement", 0x20, 0x4;
        NUMBER_GENERIC_TABLE_ELEMENTS = "NumberGenericTableElements", 0x24, 0x4;
        COMPARE_ROUTINE = "CompareRoutine", 0x28, 0x8;
        ALLOCATE_ROUTINE = "AllocateRoutine", 0x30, 0x8;
        FREE_ROUTINE = "FreeRoutine", 0x38, 0x8;
        TABLE_CONTEXT = "TableContext", 0x40, 0x8;
    }

    /// A generic table with a balanced tree.
    rtl_avl_table = "RTL_AVL_TABLE", "ntddk.h", 0x68 {
        BALANCED_ROOT = "BalancedRoot", 0x0, 0x20;
        ORDERED_POINTER = "OrderedPointer", 0x20, 0x8;
        WHICH_ORDERED_ELEMENT = "WhichOrderedElement", 0x28, 0x4;
        NUMBER_GENERIC_TABLE_ELEMENTS = "NumberGenericTableElements", 0x2c, 0x4;
        DEPTH_OF_TREE = "DepthOfTree", 0x30, 0x4;
        RESTART_KEY = "RestartKey", 0x38, 0x8;
        DELETE_COUNT = "DeleteCount", 0x40, 0x4;
        COMPARE_ROUTINE = "CompareRoutine", 0x48, 0x8;
        ALLOCATE_ROUTINE = "AllocateRoutine", 0x50, 0x8;
        FREE_ROUTINE = "FreeRoutine", 0x58, 0x8;
        TABLE_CONTEXT = "TableContext", 0x60, 0x8;
    }
}

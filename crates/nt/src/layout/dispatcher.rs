//! Objects of the dispatcher: what threads wait for, and DPCs, timers, APCs and locks.

layouts! {
    /// First member of everything that a thread can wait for.
    dispatcher_header = "DISPATCHER_HEADER", "wdm.h", 0x18 {
        TYPE = "Type", 0x0, 0x1;
        ABANDONED = "Abandoned", 0x1, 0x1;
        SIZE_FIELD = "Size", 0x2, 0x1;
        DPC_ACTIVE = "DpcActive", 0x3, 0x1;
        LOCK = "Lock", 0x0, 0x4;
        SIGNAL_STATE = "SignalState", 0x4, 0x4;
        WAIT_LIST_HEAD = "WaitListHead", 0x8, 0x10;
    }

    /// An event; `Type` 0 is notification, 1 synchronization.
    kevent = "KEVENT", "wdm.h", 0x18 {
        HEADER = "Header", 0x0, 0x18;
        HEADER_TYPE = "Header.Type", 0x0, 0x1;
        HEADER_SIGNAL_STATE = "Header.SignalState", 0x4, 0x4;
        HEADER_WAIT_LIST_HEAD = "Header.WaitListHead", 0x8, 0x10;
    }

    /// A semaphore.
    ksemaphore = "KSEMAPHORE", "wdm.h", 0x20 {
        HEADER = "Header", 0x0, 0x18;
        HEADER_SIGNAL_STATE = "Header.SignalState", 0x4, 0x4;
        HEADER_WAIT_LIST_HEAD = "Header.WaitListHead", 0x8, 0x10;
        LIMIT = "Limit", 0x18, 0x4;
    }

    /// A mutex object (KMUTEX is the same structure); `SignalState` 1 when free.
    kmutant = "KMUTANT", "wdm.h", 0x38 {
        HEADER = "Header", 0x0, 0x18;
        HEADER_SIGNAL_STATE = "Header.SignalState", 0x4, 0x4;
        HEADER_WAIT_LIST_HEAD = "Header.WaitListHead", 0x8, 0x10;
        MUTANT_LIST_ENTRY = "MutantListEntry", 0x18, 0x10;
        OWNER_THREAD = "OwnerThread", 0x28, 0x8;
        ABANDONED = "Abandoned", 0x30, 0x1;
        APC_DISABLE = "ApcDisable", 0x31, 0x1;
    }

    /// A timer; due time in 100 ns of interrupt time, period in ms.
    ktimer = "KTIMER", "wdm.h", 0x40 {
        HEADER = "Header", 0x0, 0x18;
        HEADER_TYPE = "Header.Type", 0x0, 0x1;
        HEADER_SIGNAL_STATE = "Header.SignalState", 0x4, 0x4;
        HEADER_WAIT_LIST_HEAD = "Header.WaitListHead", 0x8, 0x10;
        DUE_TIME = "DueTime", 0x18, 0x8;
        TIMER_LIST_ENTRY = "TimerListEntry", 0x20, 0x10;
        DPC = "Dpc", 0x30, 0x8;
        PROCESSOR = "Processor", 0x38, 0x4;
        PERIOD = "Period", 0x3c, 0x4;
    }

    /// One thread's wait for one object. Drivers only reserve room for it.
    kwait_block = "KWAIT_BLOCK", "wdm.h", 0x30 {
        WAIT_LIST_ENTRY = "WaitListEntry", 0x0, 0x10;
        WAIT_TYPE = "WaitType", 0x10, 0x1;
        BLOCK_STATE = "BlockState", 0x11, 0x1;
        WAIT_KEY = "WaitKey", 0x12, 0x2;
        THREAD = "Thread", 0x18, 0x8;
        OBJECT = "Object", 0x20, 0x8;
        SPARE_PTR = "SparePtr", 0x28, 0x8;
    }

    /// A deferred procedure call. Since Windows 8 the link is a single list entry followed by
    /// the processor history; older headers have a doubly linked one in the same 16 bytes.
    kdpc = "KDPC", "wdm.h", 0x40 {
        TYPE = "Type", 0x0, 0x1;
        IMPORTANCE = "Importance", 0x1, 0x1;
        NUMBER = "Number", 0x2, 0x2;
        DPC_LIST_ENTRY = "DpcListEntry", 0x8, 0x8;
        PROCESSOR_HISTORY = "ProcessorHistory", 0x10, 0x8;
        DEFERRED_ROUTINE = "DeferredRoutine", 0x18, 0x8;
        DEFERRED_CONTEXT = "DeferredContext", 0x20, 0x8;
        SYSTEM_ARGUMENT1 = "SystemArgument1", 0x28, 0x8;
        SYSTEM_ARGUMENT2 = "SystemArgument2", 0x30, 0x8;
        DPC_DATA = "DpcData", 0x38, 0x8;
    }

    /// An asynchronous procedure call.
    kapc = "KAPC", "wdm.h", 0x58 {
        TYPE = "Type", 0x0, 0x1;
        SPARE_BYTE0 = "SpareByte0", 0x1, 0x1;
        SIZE_FIELD = "Size", 0x2, 0x1;
        SPARE_BYTE1 = "SpareByte1", 0x3, 0x1;
        SPARE_LONG0 = "SpareLong0", 0x4, 0x4;
        THREAD = "Thread", 0x8, 0x8;
        APC_LIST_ENTRY = "ApcListEntry", 0x10, 0x10;
        NORMAL_CONTEXT = "NormalContext", 0x38, 0x8;
        SYSTEM_ARGUMENT1 = "SystemArgument1", 0x40, 0x8;
        SYSTEM_ARGUMENT2 = "SystemArgument2", 0x48, 0x8;
        APC_STATE_INDEX = "ApcStateIndex", 0x50, 0x1;
        APC_MODE = "ApcMode", 0x51, 0x1;
        INSERTED = "Inserted", 0x52, 0x1;
    }

    /// A processor's place in the queue for a spin lock.
    kspin_lock_queue = "KSPIN_LOCK_QUEUE", "wdm.h", 0x10 {
        NEXT = "Next", 0x0, 0x8;
        LOCK = "Lock", 0x8, 0x8;
    }

    /// What KeAcquireInStackQueuedSpinLock fills in.
    klock_queue_handle = "KLOCK_QUEUE_HANDLE", "wdm.h", 0x18 {
        LOCK_QUEUE = "LockQueue", 0x0, 0x10;
        LOCK_QUEUE_NEXT = "LockQueue.Next", 0x0, 0x8;
        LOCK_QUEUE_LOCK = "LockQueue.Lock", 0x8, 0x8;
        OLD_IRQL = "OldIrql", 0x10, 0x1;
    }

    /// A fast mutex; `Count` 1 when free. KGUARDED_MUTEX has the same layout.
    fast_mutex = "FAST_MUTEX", "wdm.h", 0x38 {
        COUNT = "Count", 0x0, 0x4;
        OWNER = "Owner", 0x8, 0x8;
        CONTENTION = "Contention", 0x10, 0x4;
        EVENT = "Event", 0x18, 0x18;
        OLD_IRQL = "OldIrql", 0x30, 0x4;
    }

    /// Who holds an ERESOURCE; in the first word of an owner table, the table's size.
    owner_entry = "OWNER_ENTRY", "wdm.h", 0x10 {
        OWNER_THREAD = "OwnerThread", 0x0, 0x8;
        TABLE_SIZE = "TableSize", 0x8, 0x4;
    }

    /// A reader-writer lock.
    eresource = "ERESOURCE", "wdm.h", 0x68 {
        SYSTEM_RESOURCES_LIST = "SystemResourcesList", 0x0, 0x10;
        OWNER_TABLE = "OwnerTable", 0x10, 0x8;
        ACTIVE_COUNT = "ActiveCount", 0x18, 0x2;
        FLAG = "Flag", 0x1a, 0x2;
        SHARED_WAITERS = "SharedWaiters", 0x20, 0x8;
        EXCLUSIVE_WAITERS = "ExclusiveWaiters", 0x28, 0x8;
        OWNER_ENTRY = "OwnerEntry", 0x30, 0x10;
        ACTIVE_ENTRIES = "ActiveEntries", 0x40, 0x4;
        CONTENTION_COUNT = "ContentionCount", 0x44, 0x4;
        NUMBER_OF_SHARED_WAITERS = "NumberOfSharedWaiters", 0x48, 0x4;
        NUMBER_OF_EXCLUSIVE_WAITERS = "NumberOfExclusiveWaiters", 0x4c, 0x4;
        RESERVED2 = "Reserved2", 0x50, 0x8;
        ADDRESS = "Address", 0x58, 0x8;
        SPIN_LOCK = "SpinLock", 0x60, 0x8;
    }

    /// Run-down protection; bit 0 set once run-down has begun, references count by 2.
    ex_rundown_ref = "EX_RUNDOWN_REF", "wdm.h", 0x8 {
        COUNT = "Count", 0x0, 0x8;
    }

    /// An item for a system worker thread.
    work_queue_item = "WORK_QUEUE_ITEM", "wdm.h", 0x20 {
        LIST = "List", 0x0, 0x10;
        WORKER_ROUTINE = "WorkerRoutine", 0x10, 0x8;
        PARAMETER = "Parameter", 0x18, 0x8;
    }

    /// A queue that threads wait for entries of.
    kqueue = "KQUEUE", "ntifs.h", 0x40 {
        HEADER = "Header", 0x0, 0x18;
        ENTRY_LIST_HEAD = "EntryListHead", 0x18, 0x10;
        CURRENT_COUNT = "CurrentCount", 0x28, 0x4;
        MAXIMUM_COUNT = "MaximumCount", 0x2c, 0x4;
        THREAD_LIST_HEAD = "ThreadListHead", 0x30, 0x10;
    }

    /// A queue of IRPs for drivers with StartIo.
    kdevice_queue = "KDEVICE_QUEUE", "wdm.h", 0x28 {
        TYPE = "Type", 0x0, 0x2;
        SIZE_FIELD = "Size", 0x2, 0x2;
        DEVICE_LIST_HEAD = "DeviceListHead", 0x8, 0x10;
        LOCK = "Lock", 0x18, 0x8;
        BUSY = "Busy", 0x20, 0x1;
    }

    /// A link in a device queue.
    kdevice_queue_entry = "KDEVICE_QUEUE_ENTRY", "wdm.h", 0x18 {
        DEVICE_LIST_ENTRY = "DeviceListEntry", 0x0, 0x10;
        SORT_KEY = "SortKey", 0x10, 0x4;
        INSERTED = "Inserted", 0x14, 0x1;
    }

    /// A registered bug check callback.
    kbugcheck_callback_record = "KBUGCHECK_CALLBACK_RECORD", "wdm.h", 0x40 {
        ENTRY = "Entry", 0x0, 0x10;
        CALLBACK_ROUTINE = "CallbackRoutine", 0x10, 0x8;
        BUFFER = "Buffer", 0x18, 0x8;
        LENGTH = "Length", 0x20, 0x4;
        COMPONENT = "Component", 0x28, 0x8;
        CHECKSUM = "Checksum", 0x30, 0x8;
        STATE = "State", 0x38, 0x1;
    }
}

//! Which errno a program sees for an NTSTATUS.
//!
//! A row follows what Cygwin's table does with the Win32 error that RtlNtStatusToDosError makes of the
//! status (winsup/cygwin/errno.cc, errmap[]), where it has one; `ours` marks rows by judgement of our
//! own, because Cygwin has none or because the row is about a device and not a disk. What is in no row
//! goes by its severity.

use rustix::io::Errno;

macro_rules! table {
    ($($errno:ident: $($status:ident)*;)*) => {
        const TABLE: &[(Errno, &[u32])] = &[$((Errno::$errno, &[$(nt::status::$status),*])),*];
    };
}

table! {
    PERM: STATUS_PRIVILEGE_NOT_HELD;
    NOENT: STATUS_NO_SUCH_FILE STATUS_OBJECT_NAME_NOT_FOUND STATUS_OBJECT_PATH_NOT_FOUND
        STATUS_OBJECT_NAME_INVALID STATUS_OBJECT_PATH_INVALID STATUS_OBJECT_PATH_SYNTAX_BAD;
    // ours: the caller was interrupted or killed, and asked for that.
    INTR: STATUS_CANCELLED STATUS_REQUEST_ABORTED;
    // ours: the device was there and has gone.
    NODEV: STATUS_DEVICE_REMOVED STATUS_DEVICE_DOES_NOT_EXIST STATUS_DELETE_PENDING
        STATUS_DEVICE_NOT_CONNECTED STATUS_FILE_FORCED_CLOSED STATUS_VOLUME_DISMOUNTED
        STATUS_FILE_CLOSED;
    NXIO: STATUS_NO_SUCH_DEVICE STATUS_DEVICE_OFF_LINE STATUS_DEVICE_POWERED_OFF;
    BADF: STATUS_INVALID_HANDLE;
    NOMEM: STATUS_NO_MEMORY STATUS_INSUFFICIENT_RESOURCES STATUS_QUOTA_EXCEEDED;
    ACCESS: STATUS_ACCESS_DENIED STATUS_MEDIA_WRITE_PROTECTED;
    FAULT: STATUS_ACCESS_VIOLATION STATUS_INVALID_ADDRESS;
    BUSY: STATUS_SHARING_VIOLATION STATUS_DEVICE_BUSY STATUS_PIPE_BUSY
        STATUS_DEVICE_ALREADY_ATTACHED STATUS_FILE_LOCK_CONFLICT STATUS_CONNECTION_IN_USE;
    EXIST: STATUS_OBJECT_NAME_COLLISION;
    NOTDIR: STATUS_NOT_A_DIRECTORY;
    ISDIR: STATUS_FILE_IS_A_DIRECTORY;
    INVAL: STATUS_INVALID_PARAMETER STATUS_INVALID_PARAMETER_1 STATUS_INVALID_PARAMETER_2
        STATUS_INVALID_PARAMETER_3 STATUS_INVALID_PARAMETER_4 STATUS_INVALID_PARAMETER_5
        STATUS_INVALID_PARAMETER_6 STATUS_INVALID_PARAMETER_7 STATUS_INVALID_PARAMETER_8
        STATUS_INVALID_PARAMETER_MIX STATUS_INVALID_BUFFER_SIZE STATUS_INFO_LENGTH_MISMATCH
        STATUS_BUFFER_TOO_SMALL STATUS_DATATYPE_MISALIGNMENT STATUS_INVALID_INFO_CLASS
        STATUS_ILLEGAL_FUNCTION;
    MFILE: STATUS_TOO_MANY_OPENED_FILES;
    // ours: what a driver says of a request that it does not know; ENOTTY where that is an ioctl.
    OPNOTSUPP: STATUS_INVALID_DEVICE_REQUEST STATUS_NOT_SUPPORTED STATUS_NOT_IMPLEMENTED;
    NOSPC: STATUS_DISK_FULL STATUS_END_OF_MEDIA;
    PIPE: STATUS_PIPE_DISCONNECTED STATUS_PIPE_CLOSING STATUS_INVALID_PIPE_STATE
        STATUS_PORT_DISCONNECTED STATUS_CONNECTION_DISCONNECTED;
    NAMETOOLONG: STATUS_NAME_TOO_LONG;
    // ours: the driver has nothing just now.
    AGAIN: STATUS_DEVICE_NOT_READY STATUS_PIPE_EMPTY STATUS_RETRY STATUS_DATA_NOT_ACCEPTED
        STATUS_CANT_WAIT;
    NOMEDIUM: STATUS_NO_MEDIA_IN_DEVICE;
    MSGSIZE: STATUS_BUFFER_OVERFLOW STATUS_PORT_MESSAGE_TOO_LONG;
    CONNRESET: STATUS_CONNECTION_RESET STATUS_CONNECTION_ABORTED;
    TIMEDOUT: STATUS_IO_TIMEOUT;
    // ours: bits were lost on the way.
    BADMSG: STATUS_CRC_ERROR STATUS_PARITY_ERROR;
    OVERFLOW: STATUS_DATA_OVERRUN;
}

/// The errno of a status that is no success; EIO for those of which nothing better is known.
pub fn errno(status: u32) -> i32 {
    let found = TABLE.iter().find(|(_, statuses)| statuses.contains(&status));
    found.map_or(Errno::IO, |(errno, _)| *errno).raw_os_error()
}

/// The errno of a control code's outcome: a code that the driver does not know is no ioctl of its.
pub fn of_control(status: u32) -> i32 {
    match status {
        nt::status::STATUS_INVALID_DEVICE_REQUEST
        | nt::status::STATUS_NOT_SUPPORTED
        | nt::status::STATUS_NOT_IMPLEMENTED => Errno::NOTTY.raw_os_error(),
        status => errno(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_status_stands_in_two_rows() {
        let mut seen = std::collections::BTreeSet::new();
        for status in TABLE.iter().flat_map(|(_, statuses)| statuses.iter()) {
            assert!(seen.insert(status), "{}", nt::status::text(*status));
        }
    }

    #[test]
    fn what_is_in_no_row_is_an_input_output_error() {
        assert_eq!(errno(nt::status::STATUS_IO_DEVICE_ERROR), 5);
        assert_eq!(errno(nt::status::STATUS_CANCELLED), 4);
        assert_eq!(of_control(nt::status::STATUS_INVALID_DEVICE_REQUEST), 25);
        assert_eq!(of_control(nt::status::STATUS_ACCESS_DENIED), 13);
    }
}

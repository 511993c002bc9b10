//! What somebody outside asks of the driver, and how it becomes requests.

use kernel::io::request::{self, Transfer, major};
use kernel::{Cx, Stop};
use nt::layout::file_object;

/// Number of a call, in the order in which they were made.
pub type CallId = u64;
/// Number of an open file, as long as it is open.
pub type FileId = u32;

/// FILE_OPEN and FILE_OVERWRITE_IF (wdm.h) in the top byte of the create options.
const OPEN: u32 = 1 << 24;
const OVERWRITE_IF: u32 = 5 << 24;
/// FILE_SYNCHRONOUS_IO_NONALERT, FILE_NON_DIRECTORY_FILE (wdm.h).
const OPTIONS: u32 = 0x20 | 0x40;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Opens what has this name: `\\.\Name`, `\??\Name`, `\Device\Name\rest`.
    Open {
        /// The name.
        name: String,
        /// Desired access (ACCESS_MASK).
        access: u32,
        /// What was there before is overwritten.
        overwrites: bool,
    },
    /// Reads.
    Read {
        /// From which file.
        file: FileId,
        /// How many bytes at most.
        bytes: u32,
        /// From where; `None` for where the file's position is.
        offset: Option<u64>,
    },
    /// Writes.
    Write {
        /// To which file.
        file: FileId,
        /// What.
        data: Vec<u8>,
        /// Where to; `None` for where the file's position is.
        offset: Option<u64>,
    },
    /// Sends an I/O control code.
    Control {
        /// To which file.
        file: FileId,
        /// The code.
        code: u32,
        /// What goes to the driver.
        input: Vec<u8>,
        /// Bytes that may come back.
        output: u32,
    },
    /// Wants everything written to have arrived.
    Flush {
        /// Of which file.
        file: FileId,
    },
    /// Closes the last handle.
    Close {
        /// To which file.
        file: FileId,
    },
}

impl Call {
    /// The file that it is about.
    pub fn file(&self) -> Option<FileId> {
        match self {
            Call::Open { .. } => None,
            Call::Read { file, .. }
            | Call::Write { file, .. }
            | Call::Control { file, .. }
            | Call::Flush { file }
            | Call::Close { file } => Some(*file),
        }
    }
}

/// What became of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// NTSTATUS.
    pub status: u32,
    /// IoStatus.Information: bytes read or written.
    pub information: u64,
    /// What was read, or came back.
    pub data: Vec<u8>,
    /// The file, of an open that succeeded.
    pub file: Option<FileId>,
}

impl Answer {
    /// An answer that is a status and nothing else.
    pub(crate) fn of(status: u32) -> Answer {
        Answer { status, ..Answer::default() }
    }

    /// Whether the call did what it was for, as far as NT_ERROR tells: a warning may come with data.
    pub fn succeeds(&self) -> bool {
        self.status < 0xc000_0000
    }
}

/// A call in terms of the kernel's.
#[derive(Debug)]
pub(super) enum Order {
    Open { target: u64, rest: String, access: u32, overwrites: bool },
    Transfer { file: u16, transfer: Transfer, data: Vec<u8>, position: Position },
    Close { file: u16 },
    Cancel { request: u16 },
}

/// What a transfer has to do with the file's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Nothing.
    None,
    /// It begins where the position is.
    Here,
    /// The position is moved first, as by SetFilePointer: no driver hears of it.
    At(u64),
}

/// What came of an order.
#[derive(Debug)]
pub(super) enum Done {
    File(u16),
    Status(u32),
    /// The request was given to the driver; `from` is where in the file it began.
    Request {
        index: u16,
        from: u64,
    },
}

/// A data request without pointers that lead astray.
pub(super) fn transfer(major: u8, code: u32, input: u64, output: u64) -> Transfer {
    Transfer { major, code, input, output, offset: 0, pointers: Default::default() }
}

/// Does what an order says, in an actor's context.
pub(super) fn perform(cx: &mut Cx, order: Order, tag: u16) -> Result<Done, Stop> {
    match order {
        Order::Open { target, rest, access, overwrites } => {
            cx.next_tag = tag;
            if let Some(live) = &mut cx.live {
                live.create_options = OPTIONS | if overwrites { OVERWRITE_IF } else { OPEN };
            }
            Ok(match request::open_below(cx, target, &rest, access)? {
                Ok(number) => Done::File(number),
                Err(status) => Done::Status(status),
            })
        }
        Order::Transfer { file, mut transfer, data, position } => {
            let place = cx.state.files[usize::from(file)].object + file_object::CURRENT_BYTE_OFFSET;
            match position {
                Position::None => {}
                Position::Here => transfer.offset = cx.bus.memory.peek64(place),
                Position::At(offset) => {
                    transfer.offset = offset;
                    cx.bus.memory.poke64(place, offset);
                }
            }
            cx.next_tag = tag;
            if let Some(live) = &mut cx.live {
                live.data = data;
            }
            let index = request::start(cx, file, transfer)?;
            Ok(Done::Request { index, from: transfer.offset })
        }
        Order::Close { file } => {
            request::close(cx, file)?;
            Ok(Done::Status(nt::status::STATUS_SUCCESS))
        }
        Order::Cancel { request } => {
            request::cancel_request(cx, request)?;
            Ok(Done::Status(nt::status::STATUS_SUCCESS))
        }
    }
}

/// Whether a request of this major function moves the file's position.
pub(super) fn moves_position(function: u8) -> bool {
    matches!(function, major::READ | major::WRITE)
}

//! FUSE as the Linux kernel speaks it over `/dev/fuse`: as much as plain files need.
//!
//! Source: `include/uapi/linux/fuse.h` of Linux 6.1, protocol 7.31 and what later ones add to it in
//! places that are zero here. Numbers are in the machine's own order of bytes.

/// The version spoken.
pub const MAJOR: u32 = 7;
/// See [`MAJOR`]: replies have the forms of 7.23 and later.
pub const MINOR: u32 = 31;
/// Bytes of a request's head and of a reply's.
pub const IN_HEADER: usize = 40;
/// See [`IN_HEADER`].
pub const OUT_HEADER: usize = 16;
/// The root's number.
pub const ROOT: u64 = 1;

/// `FUSE_*` operations.
pub mod op {
    #![allow(missing_docs)] // the names are fuse.h's
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const SETATTR: u32 = 4;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const WRITE: u32 = 16;
    pub const STATFS: u32 = 17;
    pub const RELEASE: u32 = 18;
    pub const FSYNC: u32 = 20;
    pub const FLUSH: u32 = 25;
    pub const INIT: u32 = 26;
    pub const OPENDIR: u32 = 27;
    pub const READDIR: u32 = 28;
    pub const RELEASEDIR: u32 = 29;
    pub const INTERRUPT: u32 = 36;
    pub const DESTROY: u32 = 38;
    pub const IOCTL: u32 = 39;
    pub const BATCH_FORGET: u32 = 42;
}

/// `FUSE_*` flags of INIT: opens truncate by themselves; writes of more than a page; requests of more
/// than 32 pages.
const ATOMIC_O_TRUNC: u32 = 1 << 3;
const BIG_WRITES: u32 = 1 << 5;
const MAX_PAGES: u32 = 1 << 22;

/// `FOPEN_*`: nothing is cached; the file has no position; nothing to do at each close; writes go on
/// side by side where the kernel can.
pub const DIRECT_IO: u32 = 1 << 0;
/// See [`DIRECT_IO`].
pub const NONSEEKABLE: u32 = 1 << 2;
/// See [`DIRECT_IO`].
pub const STREAM: u32 = 1 << 4;
/// See [`DIRECT_IO`].
pub const NOFLUSH: u32 = 1 << 5;
/// See [`DIRECT_IO`].
pub const PARALLEL_DIRECT_WRITES: u32 = 1 << 6;

/// Most bytes of a request.
pub const MOST_BYTES: u32 = 1 << 20;
/// Bytes to read a request into.
pub const BUFFER: usize = MOST_BYTES as usize + 0x1_0000;

/// A request as it came, cut into fields.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `op`
    pub opcode: u32,
    /// Names the request.
    pub unique: u64,
    /// The file or folder.
    pub node: u64,
    /// Who asks.
    pub pid: u32,
    /// What stands behind the head.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Cuts a request; `None` if it is shorter than it says.
    pub fn parse(bytes: &'a [u8]) -> Option<Request<'a>> {
        let body = bytes.get(IN_HEADER..)?;
        let whole = u32_at(bytes, 0)? as usize == bytes.len();
        whole.then_some(Request {
            opcode: u32_at(bytes, 4)?,
            unique: u64_at(bytes, 8)?,
            node: u64_at(bytes, 16)?,
            pid: u32_at(bytes, 32)?,
            body,
        })
    }

    /// The word of 32 bits at an offset behind the head; 0 where there is none.
    pub fn u32(&self, offset: usize) -> u32 {
        u32_at(self.body, offset).unwrap_or(0)
    }

    /// The same of 64 bits.
    pub fn u64(&self, offset: usize) -> u64 {
        u64_at(self.body, offset).unwrap_or(0)
    }

    /// The bytes from an offset on.
    pub fn rest(&self, offset: usize) -> &'a [u8] {
        self.body.get(offset..).unwrap_or_default()
    }

    /// The name that the body is, without its zero.
    pub fn name(&self) -> &'a [u8] {
        self.body.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|word| u64::from_ne_bytes(*word))
}

/// A reply's head; `error` is an errno or 0.
pub fn header(unique: u64, error: i32, body: usize) -> [u8; OUT_HEADER] {
    let mut head = [0; OUT_HEADER];
    head[..4].copy_from_slice(&((OUT_HEADER + body) as u32).to_ne_bytes());
    head[4..8].copy_from_slice(&error.wrapping_neg().to_ne_bytes());
    head[8..].copy_from_slice(&unique.to_ne_bytes());
    head
}

/// Fields one after another.
#[derive(Default)]
pub struct Body(pub Vec<u8>);

impl Body {
    /// A word of 16 bits.
    pub fn u16(mut self, value: u16) -> Body {
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// A word of 32 bits.
    pub fn u32(mut self, value: u32) -> Body {
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// A word of 64 bits.
    pub fn u64(mut self, value: u64) -> Body {
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// Zeros.
    pub fn zeros(mut self, count: usize) -> Body {
        self.0.resize(self.0.len() + count, 0);
        self
    }
}

/// The answer to INIT: `fuse_init_out`.
pub fn init(request: &Request<'_>) -> Vec<u8> {
    let wanted = ATOMIC_O_TRUNC | BIG_WRITES | MAX_PAGES;
    let body = Body::default()
        .u32(MAJOR)
        .u32(MINOR)
        .u32(request.u32(8)) // max_readahead
        .u32(request.u32(12) & wanted)
        .u16(64) // max_background
        .u16(48) // congestion_threshold
        .u32(MOST_BYTES)
        .u32(1) // time_gran
        .u16((MOST_BYTES / 4096) as u16);
    body.zeros(64 - 30).0
}

/// Bits of a node's number that say which file it is. Those above tell apart the times that it was looked
/// up: the kernel lets only one write to an inode at a time, beyond its size, so that a program would wait
/// where it cannot be killed until another one's write to the same file is done. So each open has its own.
pub const FILE: u64 = 0xffff;
/// The lowest of the bits above.
pub const NEXT_TIME: u64 = FILE + 1;

/// What `stat` tells of a node: `fuse_attr`.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Number.
    pub node: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Seconds since 1970 of all three times.
    pub seconds: u64,
}

impl Attributes {
    fn put(&self, body: Body) -> Body {
        body.u64(self.node & FILE)
            .zeros(16) // size, blocks
            .u64(self.seconds)
            .u64(self.seconds)
            .u64(self.seconds)
            .zeros(12) // parts of seconds
            .u32(self.mode)
            .u32(1) // nlink
            .u32(self.uid)
            .u32(self.gid)
            .zeros(4) // rdev
            .u32(MOST_BYTES)
            .zeros(4)
    }
}

/// Seconds for which the kernel may keep attributes.
const VALID: u64 = 1;

/// `fuse_entry_out`: the name is to be looked up each time.
pub fn entry(attributes: &Attributes) -> Vec<u8> {
    let body = Body::default().u64(attributes.node).zeros(16).u64(VALID).zeros(8);
    attributes.put(body).0
}

/// `fuse_attr_out`
pub fn attr(attributes: &Attributes) -> Vec<u8> {
    attributes.put(Body::default().u64(VALID).zeros(8)).0
}

/// `fuse_open_out`
pub fn open(handle: u64, flags: u32) -> Vec<u8> {
    Body::default().u64(handle).u32(flags).zeros(4).0
}

/// `fuse_write_out`
pub fn write(bytes: u32) -> Vec<u8> {
    Body::default().u32(bytes).zeros(4).0
}

/// `fuse_ioctl_out`, and the data.
pub fn ioctl(result: i32, data: &[u8]) -> Vec<u8> {
    let mut body = Body::default().u32(result as u32).zeros(12).0;
    body.extend_from_slice(data);
    body
}

/// `fuse_statfs_out`: nothing of everything.
pub fn statfs() -> Vec<u8> {
    Body::default().zeros(40).u32(4096).u32(255).u32(4096).zeros(28).0
}

/// Adds a `fuse_dirent`; false where `room` does not suffice.
pub fn entry_of_folder(body: &mut Vec<u8>, room: usize, node: u64, next: u64, name: &[u8]) -> bool {
    let bytes = (24 + name.len()).next_multiple_of(8);
    if body.len() + bytes > room {
        return false;
    }
    let (folder, file) = (4u32, 8u32); // DT_DIR, DT_REG (dirent.h)
    let kind = if name == b"." || name == b".." { folder } else { file };
    let head = Body::default().u64(node).u64(next).u32(name.len() as u32).u32(kind);
    body.extend(head.0);
    body.extend_from_slice(name);
    body.resize(body.len().next_multiple_of(8), 0);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(opcode: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Body::default()
            .u32((IN_HEADER + body.len()) as u32)
            .u32(opcode)
            .u64(7)
            .u64(2)
            .zeros(8)
            .u32(4711)
            .zeros(4)
            .0;
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn requests_are_cut_and_short_ones_are_none() {
        let bytes = request(op::LOOKUP, b"fifo\0");
        let cut = Request::parse(&bytes).expect("a request");
        assert_eq!((cut.opcode, cut.unique, cut.node, cut.pid), (1, 7, 2, 4711));
        assert_eq!((cut.name(), cut.u32(100), cut.rest(99)), (&b"fifo"[..], 0, &b""[..]));
        for length in 0..bytes.len() {
            assert!(Request::parse(&bytes[..length]).is_none());
        }
    }

    #[test]
    fn replies_have_the_sizes_of_the_header() {
        let bytes = request(op::INIT, &[0xff; 16]);
        let init = init(&Request::parse(&bytes).expect("a request"));
        assert_eq!(init.len(), 64);
        assert_eq!(&init[12..16], &(ATOMIC_O_TRUNC | BIG_WRITES | MAX_PAGES).to_ne_bytes());
        let it = Attributes { node: 2, mode: 0o100_666, uid: 1, gid: 1, seconds: 5 };
        assert_eq!((entry(&it).len(), attr(&it).len()), (128, 104));
        assert_eq!((open(1, 2).len(), write(1).len(), ioctl(0, &[]).len()), (16, 8, 16));
        assert_eq!(statfs().len(), 80);
        let head = header(9, 5, 8);
        assert_eq!(&head[..8], [24u32.to_ne_bytes(), (-5i32).to_ne_bytes()].concat());
    }

    #[test]
    fn a_folder_is_told_as_far_as_there_is_room() {
        let mut body = Vec::new();
        assert!(entry_of_folder(&mut body, 64, 1, 1, b"."));
        assert!(entry_of_folder(&mut body, 64, 2, 2, b"a"));
        assert_eq!((body.len(), body[24], body[20]), (64, b'.', 4));
        assert!(!entry_of_folder(&mut body, 64, 3, 3, b"b"));
    }
}

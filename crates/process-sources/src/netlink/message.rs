//! Messages of the process connector: nlmsghdr, cn_msg, proc_event (linux/netlink.h, linux/connector.h,
//! linux/cn_proc.h of Linux 6.12), in the byte order of the machine.

const NLMSG_DONE: u16 = 3;
/// CN_IDX_PROC, CN_VAL_PROC.
const IDENTITY: u32 = 1;
/// PROC_CN_MCAST_LISTEN.
const LISTEN: u32 = 1;

const FORK: u32 = 1;
const EXEC: u32 = 2;
const EXIT: u32 = 0x8000_0000;
/// Bytes before the event's own data: both headers, what, processor, time.
const DATA: usize = 16 + 20 + 16;

/// What a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// An answer to a request: an error number, 0 for none.
    Answer(u32),
    Fork {
        parent: u32,
        pid: u32,
        tgid: u32,
    },
    Exec {
        tgid: u32,
    },
    Exit {
        pid: u32,
        tgid: u32,
        status: u32,
    },
    /// Anything else, which has a number as well.
    Other,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Its number among those of its processor.
    pub sequence: u32,
    pub cpu: u32,
    /// Nanoseconds of the monotonic clock.
    pub time: u64,
    pub told: Told,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

impl Message {
    /// Reads a datagram; nothing if it is none of the process connector.
    pub fn read(bytes: &[u8]) -> Option<Message> {
        if word(bytes, 16)? != IDENTITY || word(bytes, 20)? != IDENTITY {
            return None;
        }
        let low = word(bytes, 44)?;
        let high = word(bytes, 48)?;
        let time = if cfg!(target_endian = "little") {
            u64::from(high) << 32 | u64::from(low)
        } else {
            u64::from(low) << 32 | u64::from(high)
        };
        let field = |index: usize| word(bytes, DATA + 4 * index);
        let told = match word(bytes, 36)? {
            0 => Told::Answer(field(0)?),
            // Parent's id and group, child's id and group.
            FORK => Told::Fork { parent: field(1)?, pid: field(2)?, tgid: field(3)? },
            EXEC => Told::Exec { tgid: field(1)? },
            EXIT => Told::Exit { pid: field(0)?, tgid: field(1)?, status: field(2)? },
            _ => Told::Other,
        };
        Some(Message { sequence: word(bytes, 24)?, cpu: word(bytes, 40)?, time, told })
    }
}

/// The request to be told of events.
pub(super) fn listen() -> Vec<u8> {
    let length = 16u32 + 20 + 4;
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(NLMSG_DONE.to_ne_bytes());
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend([0; 8]);
    // Connector: identity, number, answer to, length, flags.
    for value in [IDENTITY, IDENTITY, 0, 0] {
        bytes.extend(value.to_ne_bytes());
    }
    bytes.extend(4u16.to_ne_bytes());
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend(LISTEN.to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(what: u32, fields: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        for value in [1, 1, 7, 0, 40, what, 3] {
            bytes.extend(value.to_ne_bytes());
        }
        bytes.extend(5_000_000_000u64.to_ne_bytes());
        fields.iter().for_each(|field| bytes.extend(field.to_ne_bytes()));
        bytes
    }

    #[test]
    fn messages_are_taken_apart() {
        let fork = Message::read(&message(FORK, &[10, 10, 11, 11])).unwrap();
        assert_eq!((fork.sequence, fork.cpu, fork.time), (7, 3, 5_000_000_000));
        assert_eq!(fork.told, Told::Fork { parent: 10, pid: 11, tgid: 11 });
        let exit = Message::read(&message(EXIT, &[11, 11, 256, 17])).unwrap();
        assert_eq!(exit.told, Told::Exit { pid: 11, tgid: 11, status: 256 });
        assert_eq!(Message::read(&message(4, &[])).unwrap().told, Told::Other);
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let whole = message(FORK, &[10, 10, 11, 11]);
        for length in 0..whole.len() {
            assert_eq!(Message::read(&whole[..length]), None, "{length}");
        }
    }

    #[test]
    fn the_request_has_its_length() {
        assert_eq!(listen().len(), 40);
    }
}

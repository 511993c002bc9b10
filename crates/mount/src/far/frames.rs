//! Frames between bugcheck and a program that simulates logic, as `PROTOCOL.md` has them.

use devices::{Mark, StreamInfo};

/// The version spoken.
pub(super) const VERSION: u32 = 1;
/// Most bytes of a stream that are with the program untaken, and that it may send at once.
pub(super) const WINDOW: usize = 1 << 16;
/// Most bytes of a body.
const MOST_BODY: usize = 4 << 20;
const HEAD: usize = 8;

/// Kinds of frames.
pub(super) mod kind {
    pub const HELLO: u8 = 1;
    pub const RUN: u8 = 2;
    pub const RESET: u8 = 3;
    pub const END: u8 = 4;
    pub const ERROR: u8 = 5;
}

const MESSAGE: u8 = 1;
const STREAM_ENDS: u8 = 2;

/// A piece of a stream, to the program or from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub stream: u8,
    pub mark: Option<Mark>,
    /// To the program: most bytes that may come. From it: bytes that were taken.
    pub count: u32,
    pub bytes: Vec<u8>,
}

/// What the program did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    pub busy: bool,
    pub parts: Vec<Part>,
}

/// A frame.
pub(super) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend([kind, 0, 0, 0]);
    bytes.extend_from_slice(body);
    bytes
}

/// The first frame.
pub(super) fn hello(streams: &[StreamInfo]) -> Vec<u8> {
    let mut body = Vec::new();
    for word in [VERSION, WINDOW as u32, streams.len() as u32] {
        body.extend(word.to_le_bytes());
    }
    for (number, stream) in (0u8..).zip(streams) {
        let flags = [stream.to_host, stream.from_host, stream.messages];
        let flags = flags.iter().enumerate().map(|(bit, &on)| u8::from(on) << bit).sum();
        // A card's names are short.
        let name = &stream.name.as_bytes()[..stream.name.len().min(255)];
        body.extend([number, stream.width, flags, name.len() as u8]);
        body.extend_from_slice(name);
    }
    frame(kind::HELLO, &body)
}

/// Lets the clock tick.
pub(super) fn run(cycles: u32, parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(cycles.to_le_bytes());
    body.extend((parts.len() as u32).to_le_bytes());
    for part in parts {
        let mark = match part.mark {
            None => 0,
            Some(Mark::Message) => MESSAGE,
            Some(Mark::End) => STREAM_ENDS,
        };
        body.extend([part.stream, mark, 0, 0]);
        body.extend(part.count.to_le_bytes());
        body.extend((part.bytes.len() as u32).to_le_bytes());
        body.extend_from_slice(&part.bytes);
    }
    frame(kind::RUN, &body)
}

/// A frame's kind, its body, and how many bytes it takes up.
pub(super) type Frame<'a> = (u8, &'a [u8], usize);

/// The first frame in `bytes`; `None` while it is not complete.
pub(super) fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, String> {
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Ok(None) };
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length > MOST_BODY || head[5..] != [0, 0, 0] {
        return Err("what it sends is no frame".to_owned());
    }
    let body = bytes.get(HEAD..HEAD + length);
    Ok(body.map(|body| (head[4], body, HEAD + length)))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|word| u32::from_le_bytes(*word))
    }
}

/// The body of the program's answer to *run*; `None` if it makes no sense.
pub(super) fn ran(body: &[u8]) -> Option<Ran> {
    let mut reader = Reader(body);
    let (_cycles, flags, count) = (reader.word()?, reader.word()?, reader.word()?);
    let mut parts = Vec::new();
    for _ in 0..count {
        let [stream, mark, 0, 0] = *reader.take(4)?.first_chunk()? else { return None };
        let count = reader.word()?;
        let length = reader.word()? as usize;
        let bytes = reader.take(length)?.to_vec();
        let mark = match mark {
            0 => None,
            MESSAGE => Some(Mark::Message),
            STREAM_ENDS => Some(Mark::End),
            _ => return None,
        };
        parts.push(Part { stream, mark, count, bytes });
    }
    (reader.0.is_empty() && flags < 2).then_some(Ran { busy: flags & 1 != 0, parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_and_parts_are_read() {
        let part = Part { stream: 3, mark: Some(Mark::End), count: 8, bytes: b"abcd".to_vec() };
        let bytes = run(7, std::slice::from_ref(&part));
        for length in 0..bytes.len() {
            assert_eq!(first(&bytes[..length]), Ok(None));
        }
        let (kind, body, length) = first(&bytes).expect("a frame").expect("all of it");
        assert_eq!((kind, length), (kind::RUN, bytes.len()));
        // An answer has one word more in front of its parts.
        let answer = [&body[..4], &1u32.to_le_bytes(), &body[4..]].concat();
        assert_eq!(ran(&answer), Some(Ran { busy: true, parts: vec![part] }));
        for length in 0..answer.len() {
            assert_eq!(ran(&answer[..length]), None);
        }
        assert!(first(&[0xff; 8]).is_err());
    }

    #[test]
    fn a_greeting_tells_of_streams() {
        let name = "words".to_owned();
        let stream = StreamInfo {
            name,
            to_host: true,
            from_host: false,
            width: 4,
            seekable: false,
            messages: true,
            outside: true,
        };
        let bytes = hello(&[stream]);
        assert_eq!(&bytes[8..20], [1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
        assert_eq!(&bytes[20..], [&[0, 4, 5, 5][..], b"words"].concat());
    }
}

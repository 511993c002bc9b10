//! Logs that were compressed: unpacked as they are read, so that what is packed small and large inside takes no
//! more memory than any log, but for the packing's own window, which is bounded.

use super::{Told, Wish, system_log};
use crate::failure::Failure;
use ::evidence::system_log::Format;
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, Read};
use xz4rust::{XzDecoder, XzNextBlockResult};

/// What the kind is called.
pub(super) const NAME: &str = "logs packed by gzip, xz, zstd or bzip2";
/// Bytes that tell what is inside.
const HEAD: u64 = 1 << 16;
/// Largest window that is kept, in bytes: that of `zstd --long`, twice that of `xz -9`.
const MOST_WINDOW: usize = 128 << 20;
/// The window that `xz` has if nothing is asked for.
const USUAL_WINDOW: usize = xz4rust::DICT_SIZE_PROFILE_6;

/// A packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// RFC 1952.
    Gzip,
    /// The .xz file format, version 1.2.1.
    Xz,
    /// RFC 8878.
    Zstd,
    /// That of bzip2 1.0.
    Bzip2,
}

impl Packing {
    /// Of a file that begins with these bytes.
    pub(super) fn of(bytes: &[u8]) -> Option<Packing> {
        // A block, or the end of a stream without any (bzip2's decompress.c).
        let bzip2 = |rest: &[u8]| {
            matches!(rest.first(), Some(b'1'..=b'9'))
                && (rest[1..].starts_with(b"\x31\x41\x59\x26\x53\x59")
                    || rest[1..].starts_with(b"\x17\x72\x45\x38\x50\x90"))
        };
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            [b'B', b'Z', b'h', rest @ ..] if bzip2(rest) => Some(Packing::Bzip2),
            _ => None,
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Xz => "xz",
            Packing::Zstd => "zstd",
            Packing::Bzip2 => "bzip2",
        }
    }

    /// What is inside, from the beginning.
    pub(super) fn open<'b>(self, bytes: &'b [u8]) -> Box<dyn Read + 'b> {
        match self {
            Packing::Gzip => Box::new(MultiGzDecoder::new(bytes)),
            Packing::Xz => Box::new(Xz::new(bytes)),
            Packing::Zstd => Box::new(Zstd::new(bytes)),
            Packing::Bzip2 => Box::new(MultiBzDecoder::new(bytes)),
        }
    }
}

/// The beginning of what is inside of a file, and the rest of it.
pub(super) struct Inside<'b> {
    pub head: Vec<u8>,
    pub rest: Box<dyn Read + 'b>,
}

impl<'b> Inside<'b> {
    /// # Errors
    /// If it cannot be unpacked.
    pub(super) fn of(packing: Packing, bytes: &'b [u8]) -> io::Result<Inside<'b>> {
        let mut rest = packing.open(bytes);
        let mut head = Vec::new();
        (&mut rest).take(HEAD).read_to_end(&mut head)?;
        Ok(Inside { head, rest })
    }

    /// Whether it is a log.
    pub(super) fn is_log(&self) -> bool {
        Format::of(&self.head).is_some() || system_log::is_plain(&self.head)
    }
}

pub(super) fn is_one(bytes: &[u8]) -> bool {
    Packing::of(bytes).is_some()
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let Some(packing) = Packing::of(bytes) else {
        return Err(Failure::Input(format!("{name}: it is not packed.")));
    };
    let called = packing.name();
    let mut inside = Inside::of(packing, bytes).map_err(|error| {
        Failure::Input(format!("{name}: its {called} data cannot be unpacked: {error}."))
    })?;
    if !inside.is_log() {
        let what = ::evidence::looks_like(&inside.head);
        return Err(Failure::Unsupported(format!(
            "{name}: inside of {called} is no log, it looks like {what}; unpack it and give what was inside."
        )));
    }
    system_log::stream(name, &inside.head, &mut inside.rest, wish)
}

/// Streams of xz behind each other, with zeros between them.
struct Xz<'b> {
    rest: &'b [u8],
    decoder: Box<XzDecoder<'static>>,
    /// Whether a stream is under way.
    open: bool,
}

impl<'b> Xz<'b> {
    fn new(rest: &'b [u8]) -> Xz<'b> {
        let decoder = XzDecoder::in_heap_with_alloc_dict_size(USUAL_WINDOW, MOST_WINDOW);
        Xz { rest, decoder, open: false }
    }
}

impl Read for Xz<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.open {
                while let [0, rest @ ..] = self.rest {
                    self.rest = rest;
                }
                if self.rest.is_empty() {
                    return Ok(0);
                }
                self.decoder.reset();
                self.open = true;
            }
            let done = self.decoder.decode(self.rest, buffer);
            let done = done.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let (used, made) = (done.input_consumed(), done.output_produced());
            self.rest = self.rest.get(used..).unwrap_or_default();
            self.open = matches!(done, XzNextBlockResult::NeedMoreData(..));
            if made > 0 {
                return Ok(made);
            }
            if self.open && used == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Frames of zstd behind each other; those that are to be skipped are.
struct Zstd<'b> {
    rest: &'b [u8],
    decoder: FrameDecoder,
    /// Whether a frame is under way.
    open: bool,
}

impl<'b> Zstd<'b> {
    fn new(rest: &'b [u8]) -> Zstd<'b> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MOST_WINDOW as u64);
        Zstd { rest, decoder, open: false }
    }

    /// Begins the next frame; false if there is none.
    fn begin(&mut self) -> io::Result<bool> {
        // 0x184D2A50 to 0x184D2A5F: skippable frames (RFC 8878, section 3.1.2).
        while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, rest @ ..] = self.rest {
            let length = u32::from_le_bytes([*a, *b, *c, *d]);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            self.rest = rest.get(length..).ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        if self.rest.is_empty() {
            return Ok(false);
        }
        self.decoder.reset(&mut self.rest).map_err(invalid)?;
        self.open = true;
        Ok(true)
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.open && (self.decoder.can_collect() > 0 || buffer.is_empty()) {
                return self.decoder.read(buffer);
            }
            if self.open && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.rest, one).map_err(invalid)?;
                continue;
            }
            if self.open {
                self.open = false;
                let stated = self.decoder.get_checksum_from_data();
                if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
                    let sentence = "the checksum of a frame does not fit what it holds";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, sentence));
                }
            }
            if !self.begin()? {
                return Ok(0);
            }
        }
    }
}

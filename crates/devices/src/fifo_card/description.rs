//! The streams of a card, as a TOML file describes them.
//!
//! ```toml
//! model = "fifo-card"
//! [[stream]]
//! name = "samples"            # up to 15 letters, digits, - and _
//! direction = "to-host"       # or "from-host", "both"
//! width = 32                  # bits of a word: 8, 16 or 32
//! mode = "asynchronous"       # the driver reads ahead and writes behind; or "synchronous"
//! far-end = "outside"         # or "loop-back", "counter", "memory"
//! fifo = 4096                 # bytes of the FIFO in the card; of the memory, for a seekable stream
//! buffers = 4                 # DMA buffers that an asynchronous stream asks for
//! buffer-bytes = 4096         # and bytes of each
//! messages = false            # whether bounds between messages are kept
//! ```

use super::MOST_STREAMS;
use crate::described::{BadDescription, bad, toml_problem};
use crate::far_side::{Instead, StreamInfo};
use serde::{Deserialize, Serialize};

/// Longest name of a stream.
const LONGEST_NAME: usize = 15;
/// Most bytes of a FIFO or a memory.
const MOST_BYTES: u32 = 1 << 24;

/// What stands on the far side of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FarEnd {
    /// What the computer sends comes back.
    LoopBack,
    /// To the computer: words that count up. From it: everything is swallowed.
    Counter,
    /// Memory; the stream is seekable.
    Memory,
    /// Whoever uses [`crate::FarSide`].
    Outside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Direction {
    ToHost,
    FromHost,
    Both,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Synchronous,
    Asynchronous,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    name: String,
    direction: Direction,
    #[serde(default = "eight")]
    width: u8,
    #[serde(default)]
    mode: Mode,
    far_end: FarEnd,
    #[serde(default = "fifo")]
    fifo: u32,
    #[serde(default = "buffers")]
    buffers: u8,
    #[serde(default = "buffer_bytes")]
    buffer_bytes: u32,
    #[serde(default)]
    messages: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text {
    model: String,
    stream: Vec<Written>,
}

fn eight() -> u8 {
    8
}

fn fifo() -> u32 {
    4096
}

fn buffers() -> u8 {
    2
}

fn buffer_bytes() -> u32 {
    4096
}

/// One stream of a card.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub name: String,
    pub to_host: bool,
    pub from_host: bool,
    /// Bytes of a word.
    pub width: u8,
    pub asynchronous: bool,
    pub messages: bool,
    pub far_end: FarEnd,
    pub fifo: u32,
    pub buffers: u8,
    pub buffer_bytes: u32,
}

impl Kind {
    pub fn info(&self) -> StreamInfo {
        StreamInfo {
            name: self.name.clone(),
            to_host: self.to_host,
            from_host: self.from_host,
            width: self.width,
            seekable: self.far_end == FarEnd::Memory,
            messages: self.messages,
            outside: self.far_end == FarEnd::Outside,
        }
    }
}

/// The card that `--device fifo-card` means.
const STANDARD: &str = include_str!("standard.toml");

/// Streams of a card.
#[derive(Debug)]
pub(crate) struct Streams(pub Vec<Kind>);

impl Streams {
    /// Those of `--device fifo-card`.
    pub fn standard() -> Streams {
        // A test reads it; a card without streams would be found at once.
        Streams::parse(STANDARD).unwrap_or(Streams(Vec::new()))
    }

    /// Those that a text describes.
    pub fn parse(text: &str) -> Result<Streams, BadDescription> {
        let read: Text = toml::from_str(text).map_err(|error| toml_problem(text, &error))?;
        if read.stream.is_empty() || read.stream.len() > MOST_STREAMS {
            return bad(format!("a card has from one to {MOST_STREAMS} [[stream]]"));
        }
        let mut kinds: Vec<Kind> = Vec::new();
        for stream in read.stream {
            let kind = check(stream)?;
            if kinds.iter().any(|other| other.name == kind.name) {
                return bad(format!("two streams are called {}", kind.name));
            }
            kinds.push(kind);
        }
        Ok(Streams(kinds))
    }

    /// The same with something else on the far side of some streams, as a text that describes it.
    pub fn instead(text: Option<&str>, ends: &[(&str, Instead)]) -> Result<String, BadDescription> {
        let text = text.unwrap_or(STANDARD);
        let mut read: Text = toml::from_str(text).map_err(|error| toml_problem(text, &error))?;
        for (name, instead) in ends {
            let Some(stream) = read.stream.iter_mut().find(|stream| stream.name == *name) else {
                let known: Vec<&str> =
                    read.stream.iter().map(|stream| stream.name.as_str()).collect();
                return bad(format!(
                    "no stream is called {name:?}; there are {}",
                    known.join(", ")
                ));
            };
            stream.far_end = match instead {
                Instead::LoopBack => FarEnd::LoopBack,
                Instead::Outside => FarEnd::Outside,
            };
        }
        toml::to_string(&read).or_else(|error| bad(error.to_string()))
    }
}

fn check(stream: Written) -> Result<Kind, BadDescription> {
    let name = &stream.name;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(allowed) {
        return bad(format!(
            "stream {name:?}: a name has from one to {LONGEST_NAME} letters, digits, - and _"
        ));
    }
    if ![8, 16, 32].contains(&stream.width) {
        return bad(format!("stream {name}: width is 8, 16 or 32 bits"));
    }
    let range = |what: &str, value: u32, low: u32, high: u32| {
        if (low..=high).contains(&value) && value.is_multiple_of(4) {
            return Ok(());
        }
        bad(format!("stream {name}: {what} = {value} is no multiple of 4 from {low} to {high}"))
    };
    range("fifo", stream.fifo, 16, MOST_BYTES)?;
    range("buffer-bytes", stream.buffer_bytes, 16, 1 << 20)?;
    if !(1..=64).contains(&stream.buffers) {
        return bad(format!("stream {name}: buffers is a number from 1 to 64"));
    }
    let asynchronous = stream.mode == Mode::Asynchronous;
    match stream.far_end {
        FarEnd::LoopBack if stream.direction != Direction::Both => {
            return bad(format!("stream {name}: a loop has both directions"));
        }
        FarEnd::Memory if asynchronous || stream.messages => {
            return bad(format!("stream {name}: a memory is synchronous and has no messages"));
        }
        FarEnd::Counter if stream.messages => {
            return bad(format!("stream {name}: a counter has no messages"));
        }
        _ => {}
    }
    Ok(Kind {
        to_host: stream.direction != Direction::FromHost,
        from_host: stream.direction != Direction::ToHost,
        width: stream.width / 8,
        asynchronous,
        messages: stream.messages,
        far_end: stream.far_end,
        fifo: stream.fifo,
        buffers: stream.buffers,
        buffer_bytes: stream.buffer_bytes,
        name: stream.name,
    })
}

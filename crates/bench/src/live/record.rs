//! The record of a live session: everything that came from outside, in order. With the driver and the
//! device it makes the session again, to the bit.
//!
//! A file is a magic, a head in JSON with its length before it, and events to the end. An event is a
//! letter and numbers (LEB128, as in DWARF 5, section 7.6) and runs of bytes with their length before
//! them. A file that ends within an event was cut off there: what is before it counts.

use super::call::Call;
use crate::token::Token;
use devices::Mark;
use std::fmt;

/// The first bytes of a file.
pub const MAGIC: &[u8] = b"bugcheck session 1\n";
/// What a session is called where a scenario has a name.
pub const SESSION: &str = "session";
/// Most bytes of a head.
const MOST_HEAD: u64 = 4 << 20;

/// Who and what a session was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The driver, its device, the images beside it: a token of the scenario [`SESSION`].
    pub token: Token,
    /// Rules that were not asked.
    pub without: Vec<String>,
    /// What describes the device, where its name alone does not: TOML, as for `--device FILE.toml`.
    pub device: Option<String>,
}

/// One thing that came from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody calls.
    Call { who: String, call: Call },
    /// Somebody does not want to wait for a call any more.
    Cancel { call: u64 },
    /// It is so late, in 100 ns.
    Time { now: u64 },
    /// The device goes on by itself.
    GoOn,
    /// The far side of a stream sends bytes, and a mark right behind them.
    Offer { stream: u32, data: Vec<u8>, mark: Option<Mark> },
    /// It takes so many bytes of what the computer sent.
    Take { stream: u32, bytes: u64 },
    /// It takes the mark that comes next.
    TakeMark { stream: u32 },
    /// The session ends: everything is cancelled and closed, the device removed, the driver unloaded.
    End,
}

/// A file that is no record; one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// What is wrong.
    pub what: String,
    /// Where, in bytes from the start.
    pub offset: u64,
}

impl fmt::Display for BadRecord {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} at offset {:#x}", self.what, self.offset)
    }
}

impl std::error::Error for BadRecord {}

/// A record, read.
#[derive(Debug)]
pub struct Record<'a> {
    /// Who and what.
    pub head: Head,
    events: Reader<'a>,
}

impl<'a> Record<'a> {
    /// Reads the head.
    ///
    /// # Errors
    /// No record, or one whose head is damaged.
    pub fn read(bytes: &'a [u8]) -> Result<Record<'a>, BadRecord> {
        let bad = |what: &str, offset| BadRecord { what: what.to_owned(), offset };
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err(bad("no record of a session", 0));
        };
        let mut events = Reader { all: bytes, rest, last_now: 0 };
        let offset = events.offset();
        let length = events.number().filter(|&length| length <= MOST_HEAD);
        let head = length.and_then(|length| events.take(length));
        let head = head.ok_or_else(|| bad("the record's head is cut off", offset))?;
        let head = head_of(head).ok_or_else(|| bad("the record's head is damaged", offset))?;
        Ok(Record { head, events })
    }

    /// The events, in order; the last one may be damaged.
    pub(crate) fn events(&self) -> impl Iterator<Item = Result<Event, BadRecord>> + 'a {
        let mut events = Reader { ..self.events };
        let mut over = false;
        std::iter::from_fn(move || {
            if over || events.rest.is_empty() {
                return None;
            }
            let event = events.event();
            over = event.is_err();
            Some(event)
        })
    }

    /// How many events there are, and what is wrong with the one behind them; for fuzzing.
    pub fn count(&self) -> (u64, Option<BadRecord>) {
        let mut count = 0;
        for event in self.events() {
            match event {
                Ok(_) => count += 1,
                Err(bad) => return (count, Some(bad)),
            }
        }
        (count, None)
    }
}

fn head_of(bytes: &[u8]) -> Option<Head> {
    let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let without = json.get("without")?.as_array()?;
    Some(Head {
        token: json.get("token")?.as_str()?.parse().ok()?,
        without: without.iter().filter_map(|rule| rule.as_str()).map(str::to_owned).collect(),
        device: match json.get("device") {
            None => None,
            Some(text) => Some(text.as_str()?.to_owned()),
        },
    })
}

/// The first bytes of a record.
pub(crate) fn begin(head: &Head) -> Vec<u8> {
    let mut json = serde_json::json!({
        "token": head.token.to_string(),
        "without": head.without,
    });
    if let Some(text) = &head.device {
        json["device"] = text.as_str().into();
    }
    let json = json.to_string();
    let mut bytes = MAGIC.to_vec();
    run(&mut bytes, json.as_bytes());
    bytes
}

fn number(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn run(to: &mut Vec<u8>, bytes: &[u8]) {
    number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// Nought for `None`, else one more.
fn optional(to: &mut Vec<u8>, value: Option<u64>) {
    match value {
        None => to.push(0),
        Some(value) => {
            to.push(1);
            number(to, value);
        }
    }
}

/// Writes an event; `last_now` is the time of the last one that had any.
pub(crate) fn write(to: &mut Vec<u8>, event: &Event, last_now: &mut u64) {
    match event {
        Event::Call { who, call } => {
            to.push(match call {
                Call::Open { .. } => b'o',
                Call::Read { .. } => b'r',
                Call::Write { .. } => b'w',
                Call::Control { .. } => b'i',
                Call::Flush { .. } => b'f',
                Call::Close { .. } => b'c',
            });
            run(to, who.as_bytes());
            if let Some(file) = call.file() {
                number(to, u64::from(file));
            }
            match call {
                Call::Open { name, access, overwrites } => {
                    run(to, name.as_bytes());
                    number(to, u64::from(*access));
                    number(to, u64::from(*overwrites));
                }
                Call::Read { bytes, offset, .. } => {
                    number(to, u64::from(*bytes));
                    optional(to, *offset);
                }
                Call::Write { data, offset, .. } => {
                    optional(to, *offset);
                    run(to, data);
                }
                Call::Control { code, input, output, .. } => {
                    number(to, u64::from(*code));
                    number(to, u64::from(*output));
                    run(to, input);
                }
                Call::Flush { .. } | Call::Close { .. } => {}
            }
        }
        Event::Cancel { call } => {
            to.push(b'x');
            number(to, *call);
        }
        Event::Time { now } => {
            to.push(b't');
            number(to, now.wrapping_sub(*last_now));
            *last_now = *now;
        }
        Event::GoOn => to.push(b'g'),
        Event::Offer { stream, data, mark } => {
            to.push(match mark {
                None => b'>',
                Some(Mark::Message) => b'm',
                Some(Mark::End) => b'z',
            });
            number(to, u64::from(*stream));
            run(to, data);
        }
        Event::Take { stream, bytes } => {
            to.push(b'<');
            number(to, u64::from(*stream));
            number(to, *bytes);
        }
        Event::TakeMark { stream } => {
            to.push(b'k');
            number(to, u64::from(*stream));
        }
        Event::End => to.push(b'e'),
    }
}

#[derive(Debug)]
struct Reader<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    last_now: u64,
}

impl<'a> Reader<'a> {
    fn offset(&self) -> u64 {
        (self.all.len() - self.rest.len()) as u64
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn take(&mut self, bytes: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(bytes).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn run(&mut self) -> Option<&'a [u8]> {
        let bytes = self.number()?;
        self.take(bytes)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.run()?.to_vec()).ok()
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        Some(match self.byte()? {
            0 => None,
            _ => Some(self.number()?),
        })
    }

    fn event(&mut self) -> Result<Event, BadRecord> {
        let offset = self.offset();
        let letter = self.byte().unwrap_or(0);
        let event = match letter {
            b'o' | b'r' | b'w' | b'i' | b'f' | b'c' => self.call(letter),
            b'x' => self.number().map(|call| Event::Cancel { call }),
            b't' => self.number().map(|more| {
                self.last_now = self.last_now.wrapping_add(more);
                Event::Time { now: self.last_now }
            }),
            b'g' => Some(Event::GoOn),
            b'>' | b'm' | b'z' | b'<' | b'k' => self.far(letter),
            b'e' => Some(Event::End),
            _ => {
                let what = format!("no event begins with {letter:#04x}");
                return Err(BadRecord { what, offset });
            }
        };
        event.ok_or_else(|| BadRecord { what: "an event is cut off or damaged".to_owned(), offset })
    }

    fn far(&mut self, letter: u8) -> Option<Event> {
        let stream = self.small()?;
        Some(match letter {
            b'>' | b'm' | b'z' => {
                let mark = match letter {
                    b'm' => Some(Mark::Message),
                    b'z' => Some(Mark::End),
                    _ => None,
                };
                Event::Offer { stream, data: self.run()?.to_vec(), mark }
            }
            b'<' => Event::Take { stream, bytes: self.number()? },
            _ => Event::TakeMark { stream },
        })
    }

    fn call(&mut self, letter: u8) -> Option<Event> {
        let who = self.text()?;
        let call = match letter {
            b'o' => {
                let (name, access) = (self.text()?, self.small()?);
                Call::Open { name, access, overwrites: self.number()? != 0 }
            }
            b'r' => {
                let (file, bytes) = (self.small()?, self.small()?);
                Call::Read { file, bytes, offset: self.optional()? }
            }
            b'w' => {
                let (file, offset) = (self.small()?, self.optional()?);
                Call::Write { file, offset, data: self.run()?.to_vec() }
            }
            b'i' => {
                let (file, code, output) = (self.small()?, self.small()?, self.small()?);
                Call::Control { file, code, output, input: self.run()?.to_vec() }
            }
            b'f' => Call::Flush { file: self.small()? },
            _ => Call::Close { file: self.small()? },
        };
        Some(Event::Call { who, call })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<Event> {
        let call = |call| Event::Call { who: "cat 7".to_owned(), call };
        vec![
            call(Call::Open { name: "\\\\.\\ü".to_owned(), access: 0x12_019f, overwrites: true }),
            Event::Time { now: 1 << 40 },
            call(Call::Write { file: 1, data: vec![7; 300], offset: None }),
            call(Call::Read { file: 1, bytes: u32::MAX, offset: Some(u64::MAX) }),
            Event::Cancel { call: 3 },
            call(Call::Control { file: 1, code: 0x22_2004, input: Vec::new(), output: 8 }),
            Event::GoOn,
            Event::Offer { stream: 2, data: vec![1, 2], mark: None },
            Event::Offer { stream: 2, data: vec![3], mark: Some(Mark::Message) },
            Event::Offer { stream: 300, data: Vec::new(), mark: Some(Mark::End) },
            Event::Take { stream: 0, bytes: 1 << 33 },
            Event::TakeMark { stream: 0 },
            Event::Time { now: (1 << 40) + 5 },
            call(Call::Flush { file: 1 }),
            call(Call::Close { file: 1 }),
            Event::End,
        ]
    }

    fn head() -> Head {
        let token = Token {
            hash: 0xdead_beef,
            scenario: SESSION.to_owned(),
            schedule: Default::default(),
            path: "a/b.sys".to_owned(),
            device: "fifo-card".to_owned(),
            with: Vec::new(),
            installed: None,
        };
        let device = Some("model = \"fifo-card\"\n".to_owned());
        Head { token, without: vec!["hang".to_owned()], device }
    }

    fn written() -> Vec<u8> {
        let mut bytes = begin(&head());
        let mut now = 0;
        for event in events() {
            write(&mut bytes, &event, &mut now);
        }
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = written();
        let record = Record::read(&bytes).expect("a record");
        assert_eq!(record.head, head());
        let read: Vec<Event> = record.events().map(|event| event.expect("an event")).collect();
        assert_eq!(read, events());
    }

    #[test]
    fn what_is_cut_off_counts_up_to_there() {
        let bytes = written();
        let whole = Record::read(&bytes).expect("a record").count();
        assert_eq!(whole, (16, None));
        for length in 0..bytes.len() {
            if let Ok(record) = Record::read(&bytes[..length]) {
                let (count, bad) = record.count();
                assert!(count <= 16 && bad.is_none_or(|bad| bad.offset < length as u64));
            }
        }
    }

    #[test]
    fn what_is_no_record_says_so() {
        assert_eq!(Record::read(b"MZ").expect_err("no record").offset, 0);
        let mut bytes = written();
        let at = bytes.len();
        bytes.push(b'?');
        let (_, bad) = Record::read(&bytes).expect("a record").count();
        assert_eq!(bad.expect("damage").offset, at as u64);
        // Numbers that promise more than there is.
        let mut bytes = begin(&head());
        bytes.extend([b'w', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(Record::read(&bytes).expect("a record").count().0, 0);
    }
}

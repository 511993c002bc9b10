//! Elements of BER (ITU-T X.690), of which DER is the strict form: tag, length, content, with their offsets.
//!
//! What is in the wild is not always DER: lengths are indefinite or longer than they need to be, strings come
//! in pieces. All of that is read; [`Element::is_der`] tells. Nothing is copied but strings in pieces.

use crate::{Error, Irregularity};
use std::borrow::Cow;

/// Elements inside each other, at most. Real signatures with nested ones inside need some thirty.
pub const MOST_DEPTH: u32 = 96;

/// Class of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Of X.680: INTEGER, SEQUENCE.
    Universal,
    /// Of an application.
    Application,
    /// Of the structure that it stands in: `[0]`.
    Context,
    /// Of a company.
    Private,
}

/// A tag without its constructed bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// Whose it is.
    pub class: Class,
    /// Its number.
    pub number: u32,
}

impl Tag {
    /// A universal tag.
    pub const fn universal(number: u32) -> Self {
        Self { class: Class::Universal, number }
    }

    /// A context tag, `[number]`.
    pub const fn context(number: u32) -> Self {
        Self { class: Class::Context, number }
    }

    /// BOOLEAN.
    pub const BOOLEAN: Tag = Tag::universal(1);
    /// INTEGER.
    pub const INTEGER: Tag = Tag::universal(2);
    /// BIT STRING.
    pub const BIT_STRING: Tag = Tag::universal(3);
    /// OCTET STRING.
    pub const OCTET_STRING: Tag = Tag::universal(4);
    /// NULL.
    pub const NULL: Tag = Tag::universal(5);
    /// OBJECT IDENTIFIER.
    pub const OID: Tag = Tag::universal(6);
    /// ENUMERATED.
    pub const ENUMERATED: Tag = Tag::universal(10);
    /// UTF8String.
    pub const UTF8_STRING: Tag = Tag::universal(12);
    /// SEQUENCE.
    pub const SEQUENCE: Tag = Tag::universal(16);
    /// SET.
    pub const SET: Tag = Tag::universal(17);
    /// UTCTime.
    pub const UTC_TIME: Tag = Tag::universal(23);
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: Tag = Tag::universal(24);

    /// What the standard calls it: `SEQUENCE`, `[0]`.
    pub fn name(self) -> Cow<'static, str> {
        let number = self.number;
        Cow::Borrowed(match self.class {
            Class::Context => return Cow::Owned(format!("[{number}]")),
            Class::Application => return Cow::Owned(format!("[APPLICATION {number}]")),
            Class::Private => return Cow::Owned(format!("[PRIVATE {number}]")),
            Class::Universal => match number {
                0 => "end of contents",
                1 => "BOOLEAN",
                2 => "INTEGER",
                3 => "BIT STRING",
                4 => "OCTET STRING",
                5 => "NULL",
                6 => "OBJECT IDENTIFIER",
                7 => "ObjectDescriptor",
                8 => "EXTERNAL",
                9 => "REAL",
                10 => "ENUMERATED",
                12 => "UTF8String",
                13 => "RELATIVE-OID",
                16 => "SEQUENCE",
                17 => "SET",
                18 => "NumericString",
                19 => "PrintableString",
                20 => "TeletexString",
                22 => "IA5String",
                23 => "UTCTime",
                24 => "GeneralizedTime",
                26 => "VisibleString",
                27 => "GeneralString",
                28 => "UniversalString",
                30 => "BMPString",
                _ => return Cow::Owned(format!("[UNIVERSAL {number}]")),
            },
        })
    }
}

/// An element: borrowed from the file.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: Tag,
    /// Whether its content is elements.
    pub constructed: bool,
    /// Offset of its tag.
    pub offset: usize,
    /// All of it: tag, length, content, and the end mark of an indefinite length.
    pub raw: &'a [u8],
    /// Its content; without that end mark.
    pub content: &'a [u8],
    /// Bytes of tag and length.
    pub header: usize,
    /// Whether its length is not said ahead (X.690, 8.1.3.6).
    pub indefinite: bool,
    /// Whether tag and length are written as short as can be.
    pub shortest: bool,
    depth: u32,
}

impl<'a> Element<'a> {
    /// Offset of its content.
    pub fn content_offset(&self) -> usize {
        self.offset.saturating_add(self.header)
    }

    /// Its elements in turn.
    pub fn reader(&self) -> Reader<'a> {
        Reader { rest: self.content, at: self.content_offset(), depth: self.depth + 1 }
    }

    /// Whether tag and length are as DER has them; not what is inside.
    pub fn is_der(&self) -> bool {
        self.shortest && !self.indefinite
    }

    /// The octets of an OCTET STRING or of a string with a context tag, put together where it comes in pieces.
    ///
    /// # Errors
    /// If the pieces cannot be read.
    pub fn octets(&self) -> Result<Cow<'a, [u8]>, Error> {
        if !self.constructed {
            return Ok(Cow::Borrowed(self.content));
        }
        let mut whole = Vec::new();
        self.join(&mut whole)?;
        Ok(Cow::Owned(whole))
    }

    fn join(&self, whole: &mut Vec<u8>) -> Result<(), Error> {
        let mut pieces = self.reader();
        while let Some(piece) = pieces.next("a piece of an OCTET STRING")? {
            if piece.tag != Tag::OCTET_STRING {
                let problem = format!("it is {} and not OCTET STRING", piece.tag.name());
                return Err(Error::new(piece.offset, "a piece of an OCTET STRING", problem));
            }
            if piece.constructed { piece.join(whole)? } else { whole.extend(piece.content) }
        }
        Ok(())
    }

    /// What a string holds, where that is one whole element: of constructed form, or an integer, a string, or
    /// an identifier, as extensions have them.
    fn encapsulated(&self) -> Option<Reader<'a>> {
        let (inside, skipped) = match self.tag {
            Tag::OCTET_STRING => (self.content, 0),
            Tag::BIT_STRING => (self.content.strip_prefix(&[0])?, 1),
            _ => return None,
        };
        let at = self.content_offset().saturating_add(skipped);
        let reader = Reader { rest: inside, at, depth: self.depth + 1 };
        let mut ahead = reader;
        let first = ahead.next("element").ok()??;
        let plain = first.tag.class == Class::Universal && first.shortest && ahead.rest.is_empty();
        (plain && (first.constructed || matches!(first.tag, Tag::OCTET_STRING | Tag::BIT_STRING)))
            .then_some(reader)
    }

    /// The octets of a BIT STRING, whose last byte is whole.
    ///
    /// # Errors
    /// If bits are left over, or it comes in pieces.
    pub fn bits(&self, field: &'static str) -> Result<&'a [u8], Error> {
        match self.content.split_first() {
            _ if self.constructed => Err(Error::new(
                self.offset,
                field,
                "it is a BIT STRING in pieces, which is not read",
            )),
            Some((0, bytes)) => Ok(bytes),
            Some((unused, _)) => {
                Err(Error::new(self.offset, field, format!("{unused} of its bits are unused")))
            }
            None => Err(Error::new(self.offset, field, "it is empty")),
        }
    }

    /// The numbers of the bits that are set in a BIT STRING of named bits, from its first bit on; at most 64.
    pub fn named_bits(&self) -> u64 {
        let bytes = self.content.get(1..).unwrap_or_default();
        let mut set = 0;
        for (index, byte) in bytes.iter().take(8).enumerate() {
            for bit in 0..8 {
                if byte & (0x80 >> bit) != 0 {
                    set |= 1u64 << (index * 8 + bit);
                }
            }
        }
        set
    }

    /// A small number, at least 0.
    ///
    /// # Errors
    /// If it is negative or wider than 64 bits.
    pub fn unsigned(&self, field: &'static str) -> Result<u64, Error> {
        let error = |problem: &str| Err(Error::new(self.offset, field, problem));
        match self.content {
            [] => error("its content is empty"),
            [first, ..] if first & 0x80 != 0 => error("it is negative"),
            bytes => {
                let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
                if digits.len() > 8 {
                    return error("it is wider than 64 bits");
                }
                Ok(digits.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
            }
        }
    }

    /// The text of any of the string types; what is no valid character is `\u{fffd}`.
    pub fn text(&self) -> Cow<'a, str> {
        match self.tag {
            Tag { class: Class::Universal, number: 30 } => {
                let units =
                    self.content.chunks_exact(2).map(|it| u16::from_be_bytes([it[0], it[1]]));
                let chars = char::decode_utf16(units);
                Cow::Owned(chars.map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
            }
            Tag { class: Class::Universal, number: 28 } => {
                let chars = self.content.chunks_exact(4).map(|it| {
                    char::from_u32(u32::from_be_bytes([it[0], it[1], it[2], it[3]]))
                        .unwrap_or(char::REPLACEMENT_CHARACTER)
                });
                Cow::Owned(chars.collect())
            }
            // Written by everybody as if it were Latin 1.
            Tag { class: Class::Universal, number: 20 } if !self.content.is_ascii() => {
                Cow::Owned(self.content.iter().map(|byte| char::from(*byte)).collect())
            }
            _ => String::from_utf8_lossy(self.content),
        }
    }
}

/// Elements one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    /// Of a file, or a piece of one that begins at `base`.
    pub fn new(bytes: &'a [u8], base: usize) -> Self {
        Self { rest: bytes, at: base, depth: 0 }
    }

    /// Offset of what comes next.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next element, of any tag; none at the end.
    ///
    /// # Errors
    /// If what comes is no element, or one that does not fit.
    pub fn next(&mut self, field: &'static str) -> Result<Option<Element<'a>>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let element = element(self.rest, self.at, self.depth, field)?;
        self.rest = &self.rest[element.raw.len()..];
        self.at = self.at.saturating_add(element.raw.len());
        Ok(Some(element))
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// If there is none, or another.
    pub fn expect(&mut self, tag: Tag, field: &'static str) -> Result<Element<'a>, Error> {
        let Some(element) = self.next(field)? else {
            let problem =
                format!("it is not there; the structure ends where {} is due", tag.name());
            return Err(Error::new(self.at, field, problem));
        };
        if element.tag != tag {
            let problem = format!("it is {} and not {}", element.tag.name(), tag.name());
            return Err(Error::new(element.offset, field, problem));
        }
        Ok(element)
    }

    /// The next element if it has this tag.
    ///
    /// # Errors
    /// If what comes is no element.
    pub fn optional(
        &mut self,
        tag: Tag,
        field: &'static str,
    ) -> Result<Option<Element<'a>>, Error> {
        // The tags looked for are all of one byte; others are read to be sure.
        let mut ahead = *self;
        match ahead.next(field)? {
            Some(element) if element.tag == tag => {
                *self = ahead;
                Ok(Some(element))
            }
            _ => Ok(None),
        }
    }

    /// Notes what is left where nothing should be.
    pub fn end(&self, field: &str, irregular: &mut Vec<Irregularity>) {
        if !self.rest.is_empty() {
            let count = self.rest.len();
            let what = format!("{field} is followed by {count} bytes that nothing accounts for");
            irregular.push(Irregularity::new(self.at, what));
        }
    }
}

/// Tag, whether it is constructed, and its bytes.
fn tag(bytes: &[u8]) -> Result<(Tag, bool, usize, bool), &'static str> {
    let first = *bytes.first().ok_or("the data ends before its tag")?;
    let class = match first >> 6 {
        0 => Class::Universal,
        1 => Class::Application,
        2 => Class::Context,
        _ => Class::Private,
    };
    let constructed = first & 0x20 != 0;
    let mut number = u32::from(first & 0x1f);
    let mut used = 1;
    let mut shortest = true;
    if number == 0x1f {
        number = 0;
        loop {
            let byte = *bytes.get(used).ok_or("the data ends inside its tag")?;
            shortest &= used > 1 || byte != 0x80;
            used += 1;
            if used > 5 {
                return Err("its tag has more than four bytes");
            }
            number = number << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        shortest &= number >= 0x1f;
    }
    Ok((Tag { class, number }, constructed, used, shortest))
}

/// Length, none if indefinite; its bytes; whether it is as short as can be.
fn length(bytes: &[u8]) -> Result<(Option<usize>, usize, bool), &'static str> {
    let first = *bytes.first().ok_or("the data ends before its length")?;
    if first < 0x80 {
        return Ok((Some(usize::from(first)), 1, true));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 {
        return Ok((None, 1, true));
    }
    let digits = bytes.get(1..1 + count).ok_or("the data ends inside its length")?;
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    let digits = &digits[zeros..];
    if digits.len() > 4 {
        return Err("its length is above 4 GiB");
    }
    let value = digits.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let value = usize::try_from(value).map_err(|_| "its length is above what fits")?;
    Ok((Some(value), 1 + count, zeros == 0 && value >= 0x80))
}

fn element<'a>(
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    field: &'static str,
) -> Result<Element<'a>, Error> {
    let error = |problem: &str| Error::new(at, field, problem);
    if depth > MOST_DEPTH {
        return Err(error(&format!("it lies more than {MOST_DEPTH} elements deep")));
    }
    let (tag, constructed, tag_bytes, short_tag) = tag(bytes).map_err(error)?;
    let (length, length_bytes, short_length) = length(&bytes[tag_bytes..]).map_err(error)?;
    let header = tag_bytes + length_bytes;
    let after = &bytes[header..];
    let (content, whole) = match length {
        Some(length) if length <= after.len() => (&after[..length], header + length),
        Some(length) => {
            let left = after.len();
            return Err(error(&format!("its length is {length}, and only {left} bytes are left")));
        }
        None if !constructed => return Err(error("it is primitive and of indefinite length")),
        None => {
            let length = until_end(after, at.saturating_add(header), depth + 1, field)?;
            (&after[..length], header + length + 2)
        }
    };
    Ok(Element {
        tag,
        constructed,
        offset: at,
        raw: &bytes[..whole],
        content,
        header,
        indefinite: length.is_none(),
        shortest: short_tag && short_length,
        depth,
    })
}

/// Bytes up to the two zeros that end an indefinite length. Goes through them once for each level, of which
/// there are few.
fn until_end(bytes: &[u8], at: usize, depth: u32, field: &'static str) -> Result<usize, Error> {
    let mut used = 0;
    loop {
        let rest = &bytes[used..];
        if rest.starts_with(&[0, 0]) {
            return Ok(used);
        }
        let here = at.saturating_add(used);
        if rest.is_empty() {
            return Err(Error::new(here, field, "the data ends before the mark of its end"));
        }
        used += element(rest, here, depth, field)?.raw.len();
    }
}

/// An element of a tree.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// How deep it lies.
    pub depth: usize,
    /// Itself.
    pub element: Element<'a>,
    /// Whether it lies in a string that holds elements.
    pub in_string: bool,
}

/// Elements of a tree, at most.
const MOST_NODES: usize = 200_000;

/// Every element of a file in the order of the file, and what ended it early. A string whose content is
/// itself one whole element is gone into.
pub fn tree(bytes: &[u8], base: usize) -> (Vec<Node<'_>>, Option<Error>) {
    let mut nodes = Vec::new();
    let error = grow(Reader::new(bytes, base), false, &mut nodes).err();
    (nodes, error)
}

fn grow<'a>(
    mut reader: Reader<'a>,
    in_string: bool,
    nodes: &mut Vec<Node<'a>>,
) -> Result<(), Error> {
    const FIELD: &str = "element";
    while let Some(element) = reader.next(FIELD)? {
        if nodes.len() >= MOST_NODES {
            let problem = format!("there are more than {MOST_NODES} elements");
            return Err(Error::new(element.offset, FIELD, problem));
        }
        nodes.push(Node { depth: usize::try_from(element.depth).unwrap_or(0), element, in_string });
        if element.constructed {
            grow(element.reader(), in_string, nodes)?;
        } else if let Some(inside) = element.encapsulated() {
            let before = nodes.len();
            if grow(inside, true, nodes).is_err() {
                nodes.truncate(before);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> Result<Element<'_>, Error> {
        Reader::new(bytes, 0).next("x").map(|it| it.expect("an element"))
    }

    #[test]
    fn lengths_of_every_form_are_read() {
        let long = [&[0x04, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        assert_eq!(first(&long).unwrap().content, [7; 256]);
        let padded = first(&[0x04, 0x81, 0x01, 0x09]).unwrap();
        assert_eq!((padded.content, padded.is_der()), (&[9][..], false));
        let open = first(&[0x30, 0x80, 0x30, 0x80, 0x05, 0x00, 0, 0, 0, 0]).unwrap();
        assert_eq!((open.content.len(), open.raw.len(), open.is_der()), (6, 10, false));
    }

    #[test]
    fn strings_in_pieces_are_put_together() {
        let pieces = [0x24, 0x80, 0x04, 1, b'a', 0x24, 3, 0x04, 1, b'b', 0x04, 1, b'c', 0, 0];
        assert_eq!(*first(&pieces).unwrap().octets().unwrap(), *b"abc");
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        for (bytes, problem) in [
            (&[0x30, 0x05, 0x05][..], "its length is 5, and only 1 bytes are left"),
            (&[0x30, 0x80, 0x05, 0x00], "the data ends before the mark of its end"),
            (&[0x04, 0x80, 0, 0], "it is primitive and of indefinite length"),
            (&[0x30, 0x88, 1, 0, 0, 0, 0, 0, 0, 0], "its length is above 4 GiB"),
            (&[0x1f, 0xff, 0xff, 0xff, 0xff, 0x01], "its tag has more than four bytes"),
        ] {
            assert_eq!(first(bytes).unwrap_err().problem, problem);
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = [0x30, 0x80].repeat(5000);
        assert!(first(&deep).unwrap_err().problem.contains("deep"));
    }

    #[test]
    fn named_bits_are_counted_from_the_first() {
        assert_eq!(first(&[0x03, 0x02, 0x05, 0xa0]).unwrap().named_bits(), 0b101);
    }
}

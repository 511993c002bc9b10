//! Small parts that several structures share: algorithms, names, serial numbers.

use crate::asn1::{Element, Reader, Tag};
use crate::oid::{self, Oid};
use crate::{Error, Irregularity};
use std::fmt;

/// Reads an OBJECT IDENTIFIER.
pub(crate) fn oid<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<Oid<'a>, Error> {
    reader.expect(Tag::OID, field).map(|element| Oid(element.content))
}

/// An integer of any size, big-endian two's complement, as serial numbers and nonces are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Integer<'a>(pub &'a [u8]);

impl<'a> Integer<'a> {
    /// Without sign bytes that it does not need, so that equal numbers are equal.
    pub fn shortest(self) -> &'a [u8] {
        let mut digits = self.0;
        while let [first, second, ..] = digits {
            let needless = match first {
                0 => second & 0x80 == 0,
                0xff => second & 0x80 != 0,
                _ => false,
            };
            if !needless {
                break;
            }
            digits = &digits[1..];
        }
        digits
    }

    /// Whether both are the same number.
    pub fn is(self, other: Integer<'_>) -> bool {
        self.shortest() == other.shortest()
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.0.first().is_some_and(|first| first & 0x80 != 0)
    }
}

impl fmt::Display for Integer<'_> {
    /// Hexadecimal, two digits a byte; a sign and the absolute value for negative ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = self.shortest().to_vec();
        if self.is_negative() {
            f.write_str("-")?;
            let mut carry = true;
            for digit in digits.iter_mut().rev() {
                let (value, more) = (!*digit).overflowing_add(u8::from(carry));
                (*digit, carry) = (value, more);
            }
        }
        if digits.len() > 1 && digits[0] == 0 {
            digits.remove(0);
        }
        if digits.is_empty() {
            return f.write_str("0");
        }
        hex(f, &digits)
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Bytes as hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, self.0)
    }
}

/// AlgorithmIdentifier (RFC 5280, 4.1.1.2).
#[derive(Debug, Clone, Copy)]
pub struct Algorithm<'a> {
    /// Where it stands.
    pub offset: usize,
    /// Which.
    pub oid: Oid<'a>,
    /// Its parameters, if there are any.
    pub parameters: Option<Element<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(crate) fn parse(element: &Element<'a>, field: &'static str) -> Result<Self, Error> {
        let mut inside = element.reader();
        let oid = oid(&mut inside, field)?;
        Ok(Self { offset: element.offset, oid, parameters: inside.next(field)? })
    }

    pub(crate) fn read(reader: &mut Reader<'a>, field: &'static str) -> Result<Self, Error> {
        Self::parse(&reader.expect(Tag::SEQUENCE, field)?, field)
    }

    /// Whether it is the same, parameters included; absent ones and NULL are the same (RFC 3279, 4055).
    pub fn is(&self, other: &Algorithm<'_>) -> bool {
        let bytes = |parameters: &Option<Element<'_>>| {
            parameters.filter(|it| it.tag != Tag::NULL).map(|it| it.raw.to_vec())
        };
        self.oid == other.oid && bytes(&self.parameters) == bytes(&other.parameters)
    }

    /// In words: its name; for RSA-PSS with hash and salt, for a key with its curve.
    pub fn words(&self) -> String {
        if self.oid == oid::RSA_PSS {
            return match self.pss() {
                Ok(pss) => format!("RSA-PSS with {}, salt of {} bytes", pss.hash.words(), pss.salt),
                Err(_) => "RSA-PSS, parameters unreadable".to_owned(),
            };
        }
        if self.oid == oid::EC_KEY
            && let Some(Element { tag: Tag::OID, content, .. }) = self.parameters
        {
            return Oid(content).words();
        }
        self.oid.words()
    }

    /// The parameters of RSA-PSS (RFC 4055, 3.1), defaults filled in.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn pss(&self) -> Result<Pss<'a>, Error> {
        const FIELD: &str = "RSASSA-PSS-params";
        let sha1 = Oid(SHA1_BYTES);
        let mut pss = Pss { hash: sha1, mask: sha1, salt: 20 };
        let Some(parameters) = self.parameters else { return Ok(pss) };
        let mut inside = parameters.reader();
        while let Some(part) = inside.next(FIELD)? {
            let mut value = part.reader();
            match part.tag.number {
                0 => pss.hash = Algorithm::read(&mut value, FIELD)?.oid,
                1 => {
                    let mask = Algorithm::read(&mut value, FIELD)?;
                    let hash = mask.parameters.filter(|_| mask.oid == oid::MGF1);
                    let problem = "its mask generation function is not MGF1";
                    let hash = hash.ok_or_else(|| Error::new(part.offset, FIELD, problem))?;
                    pss.mask = Algorithm::parse(&hash, FIELD)?.oid;
                }
                2 => {
                    let salt = value.expect(Tag::INTEGER, FIELD)?;
                    pss.salt = usize::try_from(salt.unsigned(FIELD)?).unwrap_or(usize::MAX);
                }
                _ => {}
            }
        }
        Ok(pss)
    }
}

const SHA1_BYTES: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// Parameters of RSA-PSS.
#[derive(Debug, Clone, Copy)]
pub struct Pss<'a> {
    /// The hash of the message.
    pub hash: Oid<'a>,
    /// The hash of MGF1.
    pub mask: Oid<'a>,
    /// Bytes of salt.
    pub salt: usize,
}

/// A distinguished name.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a>(pub Element<'a>);

impl<'a> Name<'a> {
    /// Its attributes in the order of the file; what cannot be read is left out.
    pub fn attributes(&self) -> Vec<(Oid<'a>, Element<'a>)> {
        let mut all = Vec::new();
        let mut sets = self.0.reader();
        while let Ok(Some(set)) = sets.next("RelativeDistinguishedName") {
            let mut pairs = set.reader();
            while let Ok(Some(pair)) = pairs.next("AttributeTypeAndValue") {
                let mut inside = pair.reader();
                if let Ok(oid) = oid(&mut inside, "AttributeType")
                    && let Ok(Some(value)) = inside.next("AttributeValue")
                {
                    all.push((oid, value));
                }
            }
        }
        all
    }

    /// Whether both name the same (RFC 5280, 7.1): case and blanks do not count, nor does the kind of string.
    pub fn is(&self, other: &Name<'_>) -> bool {
        if self.0.raw == other.0.raw {
            return true;
        }
        let folded = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
            words.join(" ")
        };
        let (mine, its) = (self.attributes(), other.attributes());
        !mine.is_empty()
            && mine.len() == its.len()
            && mine.iter().zip(&its).all(|((a, x), (b, y))| {
                a.0 == b.0 && (x.raw == y.raw || folded(&x.text()) == folded(&y.text()))
            })
    }

    /// The value of the last attribute of a kind.
    pub fn last(&self, kind: oid::Known) -> Option<String> {
        let attributes = self.attributes();
        let found = attributes.iter().rev().find(|(oid, _)| *oid == kind);
        found.map(|(_, value)| value.text().into_owned())
    }

    /// Its common name, or else the unit, the organization, or all of it.
    pub fn short(&self) -> String {
        [oid::COMMON_NAME, oid::ORGANIZATIONAL_UNIT, oid::ORGANIZATION]
            .into_iter()
            .find_map(|kind| self.last(kind))
            .unwrap_or_else(|| self.to_string())
    }
}

impl fmt::Display for Name<'_> {
    /// `CN=..., O=..., C=...`: the most particular first, as RFC 4514 has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.attributes();
        if attributes.is_empty() {
            return f.write_str("(empty name)");
        }
        for (index, (oid, value)) in attributes.iter().rev().enumerate() {
            let text = value.text();
            let quote = text.contains([',', '=', '+', '"']);
            let (open, close) = if quote { ("\"", "\"") } else { ("", "") };
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}={open}{text}{close}", oid.words())?;
        }
        Ok(())
    }
}

/// GeneralName (RFC 5280, 4.2.1.6), in words.
pub(crate) fn general_name(element: &Element<'_>) -> String {
    let text = || String::from_utf8_lossy(element.content).into_owned();
    match element.tag.number {
        1 => format!("e-mail {}", text()),
        2 => format!("DNS {}", text()),
        4 => match element.reader().next("directoryName") {
            Ok(Some(name)) => Name(name).to_string(),
            _ => "(empty name)".to_owned(),
        },
        6 => text(),
        7 => match element.content {
            [a, b, c, d] => format!("IP {a}.{b}.{c}.{d}"),
            other => format!("IP {}", Hex(other)),
        },
        8 => format!("registered {}", Oid(element.content).words()),
        number => format!("[{number}] {}", Hex(element.content)),
    }
}

/// An extension (RFC 5280, 4.1).
#[derive(Debug, Clone, Copy)]
pub struct Extension<'a> {
    /// Where it stands.
    pub offset: usize,
    /// Which.
    pub oid: Oid<'a>,
    /// Whether who does not know it must not go on.
    pub critical: bool,
    /// Its value.
    pub value: &'a [u8],
    /// Where that stands.
    pub value_offset: usize,
}

impl<'a> Extension<'a> {
    /// The value's one element.
    ///
    /// # Errors
    /// If there is none.
    pub fn element(&self, field: &'static str) -> Result<Element<'a>, Error> {
        let element = Reader::new(self.value, self.value_offset).next(field)?;
        element.ok_or_else(|| Error::new(self.value_offset, field, "it is empty"))
    }
}

/// Extensions of one certificate, at most: each is compared with all before it.
const MOST_EXTENSIONS: usize = 500;

/// Reads `Extensions`; one that cannot be read is noted and passed over.
pub(crate) fn extensions<'a>(
    list: &Element<'a>,
    irregular: &mut Vec<Irregularity>,
) -> Result<Vec<Extension<'a>>, Error> {
    let mut all: Vec<Extension<'a>> = Vec::new();
    let mut reader = list.reader();
    while let Some(element) = reader.next("Extension")? {
        if all.len() >= MOST_EXTENSIONS {
            let problem = format!("there are more than {MOST_EXTENSIONS}");
            return Err(Error::new(element.offset, "extensions", problem));
        }
        let mut inside = element.reader();
        let mut one = || {
            let oid = oid(&mut inside, "extnID")?;
            let critical = inside.optional(Tag::BOOLEAN, "critical")?;
            let value = inside.expect(Tag::OCTET_STRING, "extnValue")?;
            let problem = "it comes in pieces, which is not read here";
            let value = (!value.constructed)
                .then_some(value)
                .ok_or_else(|| Error::new(value.offset, "extnValue", problem))?;
            Ok::<_, Error>(Extension {
                offset: element.offset,
                oid,
                critical: critical.is_some_and(|it| it.content.iter().any(|byte| *byte != 0)),
                value: value.content,
                value_offset: value.content_offset(),
            })
        };
        match one() {
            Ok(extension) => {
                if all.iter().any(|other| other.oid == extension.oid) {
                    let what = format!("the extension {} is there twice", extension.oid.words());
                    irregular.push(Irregularity::new(element.offset, what));
                }
                all.push(extension);
            }
            Err(error) => irregular.push(error.into()),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_and_shown_by_value() {
        assert!(Integer(&[0, 0, 5]).is(Integer(&[5])));
        assert!(!Integer(&[0, 0x85]).is(Integer(&[0x85])));
        for (bytes, shown) in [
            (&[0, 0x80][..], "80"),
            (&[0x05], "05"),
            (&[0xff], "-01"),
            (&[0x80], "-80"),
            (&[0xde, 0xad, 0xbe, 0xef], "-21524111"),
            (&[0], "00"),
            (&[], "0"),
        ] {
            assert_eq!(Integer(bytes).to_string(), shown);
        }
    }

    #[test]
    fn names_are_the_same_whatever_their_strings() {
        // CN=a b as PrintableString, CN=A  B as UTF8String.
        let name = |tag: u8, text: &str| {
            let length = u8::try_from(text.len()).unwrap();
            let mut bytes = vec![
                0x30,
                length + 11,
                0x31,
                length + 9,
                0x30,
                length + 7,
                6,
                3,
                0x55,
                4,
                3,
                tag,
                length,
            ];
            bytes.extend(text.bytes());
            bytes
        };
        let (one, two, three) = (name(0x13, "a b"), name(0x0c, "A  B"), name(0x0c, "ac"));
        let read = |bytes| Name(Reader::new(bytes, 0).next("x").unwrap().unwrap());
        let (one, two, three) = (read(&one), read(&two), read(&three));
        assert!(one.is(&two) && !one.is(&three));
        assert_eq!((one.to_string(), two.short()), ("CN=a b".to_owned(), "A  B".to_owned()));
    }
}

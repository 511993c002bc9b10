//! SpcSpOpusInfo (SPEC, Authenticode-Specific SignerInfo): what the signer calls the program.

use crate::Error;
use crate::asn1::{Element, Tag};

/// What the signer says of the program: a signed attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpusInfo {
    /// `programName`.
    pub program: Option<String>,
    /// `moreInfo`: an address.
    pub address: Option<String>,
}

impl OpusInfo {
    /// Reads the attribute's value.
    ///
    /// # Errors
    /// If it is no SpcSpOpusInfo.
    pub fn read(value: &Element<'_>) -> Result<Self, Error> {
        if value.tag != Tag::SEQUENCE {
            let problem = format!("it is {} and not SEQUENCE", value.tag.name());
            return Err(Error::new(value.offset, "SpcSpOpusInfo", problem));
        }
        let mut reader = value.reader();
        let mut info = OpusInfo::default();
        if let Some(name) = reader.optional(Tag::context(0), "SpcSpOpusInfo.programName")? {
            info.program = string(&name)?;
        }
        if let Some(link) = reader.optional(Tag::context(1), "SpcSpOpusInfo.moreInfo")? {
            info.address = match link.reader().next("SpcLink")? {
                Some(url) if url.tag == Tag::context(0) => {
                    Some(String::from_utf8_lossy(url.content).into_owned())
                }
                // A file, by its name.
                Some(file) if file.tag == Tag::context(2) => string(&file)?,
                _ => None,
            };
        }
        Ok(info)
    }
}

/// The SpcString inside an element: BMPString or IA5String, by its context tag.
fn string(outer: &Element<'_>) -> Result<Option<String>, Error> {
    let text = match outer.reader().next("SpcString")? {
        Some(text) if text.tag == Tag::context(0) => {
            let units = text.content.chunks_exact(2).map(|it| u16::from_be_bytes([it[0], it[1]]));
            char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        Some(text) if text.tag == Tag::context(1) => {
            String::from_utf8_lossy(text.content).into_owned()
        }
        _ => return Ok(None),
    };
    Ok((!text.is_empty()).then_some(text))
}

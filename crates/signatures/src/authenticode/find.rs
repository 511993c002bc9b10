//! Every signature of an image: those of its certificate table, and those nested in them.

use crate::cms::{SignedData, SignerInfo};
use crate::{Error, Irregularity, oid};
use pe::{CertificateTable, PKCS_SIGNED_DATA};

/// Signatures of one file that are read; `signtool` makes two or three.
const MOST: usize = 16;

/// Where a signature lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an entry of the certificate table, counted from 0.
    Entry(usize),
    /// In an unsigned attribute of the signature with this index.
    Nested(usize),
}

/// A signature.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// Where it lies.
    pub place: Place,
    /// It.
    pub data: SignedData<'a>,
}

/// The signatures of a file, in order: each followed by those nested in it.
#[derive(Debug, Clone, Default)]
pub struct AllFound<'a> {
    /// They.
    pub signatures: Vec<Found<'a>>,
    /// What could not be read, or is irregular about where they lie.
    pub irregular: Vec<Irregularity>,
}

impl<'a> AllFound<'a> {
    /// Those of an image with this certificate table; `file` is all of it.
    pub fn of_image(file: &'a [u8], table: &CertificateTable) -> Self {
        let mut all = AllFound::default();
        for (index, entry) in table.entries.iter().enumerate() {
            let mut odd =
                |what: String| all.irregular.push(Irregularity { offset: entry.offset, what });
            if entry.kind != PKCS_SIGNED_DATA {
                odd(format!("wCertificateType is {}: no Authenticode signature", entry.kind));
                continue;
            }
            if entry.revision != pe::REVISION_2 {
                odd(format!("wRevision is {:#x} and not {:#x}", entry.revision, pe::REVISION_2));
            }
            let content = file.get(entry.content.clone()).unwrap_or_default();
            match SignedData::parse(content, entry.content.start) {
                Ok(data) => all.add(Place::Entry(index), data),
                Err(error) => all.irregular.push(error.into()),
            }
        }
        all
    }

    /// That of a file which is a signature itself, as a catalog is.
    ///
    /// # Errors
    /// If it is none.
    pub fn of_file(file: &'a [u8]) -> Result<Self, Error> {
        let mut all = AllFound::default();
        all.add(Place::Entry(0), SignedData::parse(file, 0)?);
        Ok(all)
    }

    fn add(&mut self, place: Place, data: SignedData<'a>) {
        if self.signatures.len() >= MOST {
            let what = format!("there are more than {MOST} signatures; this one is not read");
            return self.irregular.push(Irregularity { offset: data.offset, what });
        }
        let index = self.signatures.len();
        let nested: Vec<_> = data.signers.iter().flat_map(nested).collect();
        self.signatures.push(Found { place, data });
        for data in nested {
            match data {
                Ok(data) => self.add(Place::Nested(index), data),
                Err(error) => self.irregular.push(error.into()),
            }
        }
    }
}

fn nested<'a>(signer: &SignerInfo<'a>) -> Vec<Result<SignedData<'a>, Error>> {
    let attributes = signer.unsigned.iter().filter(|it| it.oid == oid::SPC_NESTED_SIGNATURE);
    attributes.flat_map(|it| &it.values).take(MOST).map(SignedData::of).collect()
}

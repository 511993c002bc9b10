//! Timestamps in files: where they lie in each kind of file, what is told of them.

pub(crate) mod make;
mod pdf;
pub(crate) mod send;
pub(crate) mod within;

use pdf::Covered;
use signatures::timestamp::{Found, find};
use signatures::{Error, asn1, pem};

/// A piece of a file that is a query, a reply, a token or a signature.
pub(crate) struct Piece {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where they lie in the file.
    pub base: usize,
    /// What a signature of a PDF covers.
    pub covered: Option<Covered>,
}

/// Labels of PEM that hold signatures.
pub(crate) const LABELS: [&str; 5] =
    ["PKCS7", "CMS", "PKCS #7 SIGNED DATA", "TIME STAMP REQUEST", "TIME STAMP RESPONSE"];

/// The pieces of a file: of an image its signatures, of a PDF those of its signature fields, else the file.
///
/// # Errors
/// A clause that says why there is none.
pub(crate) fn pieces(file: &[u8]) -> Result<Vec<Piece>, String> {
    if file.starts_with(b"MZ") {
        return in_image(file);
    }
    if file.starts_with(b"%PDF-") {
        return pdf::pieces(file);
    }
    if pem::is_pem(file) {
        let blocks = pem::or_der(file, &LABELS)?;
        return Ok(blocks
            .into_iter()
            .map(|bytes| Piece { bytes, base: 0, covered: None })
            .collect());
    }
    Ok(vec![Piece { bytes: file.to_vec(), base: 0, covered: None }])
}

fn in_image(file: &[u8]) -> Result<Vec<Piece>, String> {
    let image = pe::Image::parse(file).map_err(|error| error.to_string())?;
    let table = image.certificate_table().ok_or("the image is not signed")?;
    let mut all = Vec::new();
    for entry in &table.entries {
        if entry.kind == pe::PKCS_SIGNED_DATA
            && let Some(bytes) = file.get(entry.content.clone())
        {
            all.push(Piece { bytes: bytes.to_vec(), base: entry.content.start, covered: None });
        }
    }
    if all.is_empty() {
        return Err("the image's certificate table holds no signature".to_owned());
    }
    Ok(all)
}

/// What pieces hold.
///
/// # Errors
/// Of the first piece that is nothing that is known.
pub(crate) fn found(pieces: &[Piece]) -> Result<Vec<Found<'_>>, Error> {
    let mut all = Vec::new();
    for piece in pieces {
        all.extend(find(&piece.bytes, piece.base)?);
    }
    Ok(all)
}

/// The elements of all pieces.
pub(crate) fn tree(pieces: &[Piece]) -> report::Tree {
    let mut nodes = Vec::new();
    let mut ended = None;
    for piece in pieces {
        let (more, error) = asn1::tree(&piece.bytes, piece.base);
        nodes.extend(more);
        ended = ended.or(error);
    }
    report::Tree::of(&nodes, ended.as_ref())
}

/// Whether a file looks like a query, a reply, a token or a signature of its own.
pub(crate) fn is_one(file: &[u8]) -> bool {
    if pem::is_pem(file) {
        return pem::or_der(file, &LABELS).is_ok();
    }
    signatures::timestamp::is_one(file)
}

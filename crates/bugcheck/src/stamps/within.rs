//! Timestamps inside of signed files: each held against what it stamps.

use super::Piece;
use signatures::timestamp::{Evidence, Found, Verdict, counter_signature, token_alone};
use signatures::{Check, Error};

/// Judges every timestamp of `file`, whose pieces these are, and hands each verdict on with the place of the
/// timestamp. How many there were. `evidence` brings certificates and revocation; what is stamped is found in the file.
///
/// # Errors
/// Of the first piece that is nothing that is known.
pub(crate) fn judge(
    file: &[u8],
    pieces: &[Piece],
    evidence: &Evidence<'_>,
    tell: &mut dyn FnMut(&str, &Verdict<'_>),
) -> Result<usize, Error> {
    let mut count = 0;
    for (index, piece) in pieces.iter().enumerate() {
        let named = |place: &str| match pieces.len() {
            1 => place.to_owned(),
            all => format!("{place} ({} of {all})", index + 1),
        };
        let mut told = |place: &str, verdict: &Verdict<'_>| {
            count += 1;
            tell(&named(place), verdict);
        };
        for found in signatures::timestamp::find(&piece.bytes, piece.base)? {
            match &found {
                Found::Token(place, token, Some(stamped)) => {
                    let evidence = Evidence { data: Some(stamped), query: None, ..*evidence };
                    told(place, &token_alone(token, &evidence));
                }
                // That of a document of its own (ETSI EN 319 142-1, 5.4.3).
                Found::Token(_, token, None) => {
                    let covered = piece.covered.as_ref().map(|it| it.of(file));
                    let evidence = Evidence { data: covered.as_deref(), query: None, ..*evidence };
                    let mut verdict = token_alone(token, &evidence);
                    verdict.checks.insert(0, match &piece.covered {
                        Some(covered) => covered.check(),
                        None => Check::failed(
                            "byte-range",
                            "nothing says what of the file it covers: there is no /ByteRange around it",
                            "get the file anew",
                        ),
                    });
                    if verdict.checks.iter().any(Check::is_failed) {
                        verdict.time = None;
                    }
                    told("document timestamp", &verdict);
                }
                Found::CounterSignature(counter) => {
                    told(&counter.place, &counter_signature(counter, evidence));
                }
                Found::Broken(place, error) => {
                    let words = format!("it cannot be read: {error}");
                    let checks =
                        vec![Check::failed("form", words, "get the file anew; it is damaged")];
                    told(place, &Verdict { checks, time: None, path: Vec::new() });
                }
                Found::Signature(..) | Found::Request(_) | Found::Response(_) => {}
            }
        }
    }
    Ok(count)
}

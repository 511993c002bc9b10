//! An image, as evidence: which build it is, and what its signatures are worth when.

use super::{Evidence, Said, Unit, build, file_of, values};
use crate::image::ImageFacts;
use crate::signed::{Link, Signature, Signing};
use evidence::system_log::Time;
use knowledge::messages::{Fact, Severity};
use pe::Image;

/// An image with its signatures. Only drivers can be unsigned to anybody's harm.
pub fn of_image(file: &str, image: &Image<'_>, facts: &ImageFacts, signing: &Signing) -> Evidence {
    let kind = if facts.is_driver { "driver" } else { "image" };
    let mut it = Evidence::new(file, kind);
    let driver = file_of(file);
    let own = build(facts.timestamp, facts.checksum, facts.size);
    let at = stamp_at(image.data());
    let version = facts.version.as_ref().and_then(|version| version.string("FileVersion"));
    let mut brief = version.map(|version| format!("version {version}, ")).unwrap_or_default();
    brief += &match &facts.time {
        Some(time) => format!("linked {time}Z"),
        None => format!("time stamp 0x{:08x}", facts.timestamp),
    };
    let build_words =
        format!("{driver}: time stamp 0x{:08x}, size of image 0x{:x}", facts.timestamp, facts.size);
    let said = values([("driver", driver.clone()), ("build", own)]);
    say(&mut it, "image", said, None, at, &build_words);
    if facts.time.is_some() {
        let time = Time::universal(i64::from(facts.timestamp).saturating_mul(1_000_000));
        it.happen(time, Unit::Offset, at, Severity::Note, format!("{driver} was linked"));
    }
    let of_driver = || values([("driver", driver.clone())]);
    if facts.is_driver && signing.signatures.is_empty() {
        brief += ", unsigned";
        let words = format!("{driver} has no signature of its own");
        say(&mut it, "image-unsigned", of_driver(), None, 0, &words);
        // It is a matter of the whole file.
        it.said.iter_mut().rev().take(1).for_each(|said| said.unit = Unit::Line);
    }
    for signature in &signing.signatures {
        let at = u64::try_from(signature.offset).unwrap_or(u64::MAX);
        let signer = signature.chain.first().map_or("nobody", |link| link.name.as_str());
        if !signature.is_intact() {
            brief += &format!(", signature of {signer} does not hold");
            let words = format!("the signature of {driver} by {signer} does not fit the file");
            say(&mut it, "signature-broken", of_driver(), None, at, &words);
            continue;
        }
        brief += &format!(", signed by {signer}");
        if let Some(signed) = signature.signed_at {
            let time = Time::universal(signed.seconds.saturating_mul(1_000_000));
            let words = format!("{driver} was signed by {signer}, as a timestamp proves");
            it.happen(time, Unit::Offset, at, Severity::Note, words);
        } else if let Some(last) = first_to_end(signature) {
            let seconds = last.not_after.seconds;
            let time = Time::universal(seconds.saturating_mul(1_000_000));
            let words = format!(
                "the certificate of {} ran out, and no timestamp says that {driver} was signed before",
                last.name
            );
            it.happen(time, Unit::Offset, at, Severity::Warning, words.clone());
            say(&mut it, "signature-ended", of_driver(), Some(time), at, &words);
        }
    }
    it.brief = brief;
    it
}

/// Where `TimeDateStamp` stands: four bytes behind the PE signature, to which `e_lfanew` leads.
fn stamp_at(data: &[u8]) -> u64 {
    let header = data.get(0x3c..).and_then(|rest| rest.first_chunk::<4>());
    header.map_or(0, |at| u64::from(u32::from_le_bytes(*at)).saturating_add(8))
}

/// The certificate of the chain that is valid for the shortest time. A root is trusted for itself.
fn first_to_end(signature: &Signature) -> Option<&Link> {
    let own = |link: &&Link| link.subject != link.issuer || signature.chain.len() == 1;
    signature.chain.iter().filter(own).min_by_key(|link| link.not_after.seconds)
}

fn say(
    it: &mut Evidence,
    name: &str,
    values: knowledge::messages::Values,
    time: Option<Time>,
    at: u64,
    words: &str,
) {
    let (name, words) = (name.to_owned(), words.to_owned());
    let fact = Fact { name, values, words, place: (String::new(), at), ..Fact::default() };
    it.say(Said { fact, time, unit: Unit::Offset, ids: Vec::new() });
}

//! Facts that the rules ask for (`knowledge::signing::FACTS`).

use super::link::{Link, RootKind, Trust};
use super::machine;
use super::one::Signature;
use super::stamp::Stamp;
use crate::image::ImageFacts;
use knowledge::signing::{Facts, rules};
use pe::ImportTarget;
use signatures::{Hash, Time};

/// The day from which on certificates are too new for cross-signing: 29 July 2015, 0:00 UTC.
const JULY_2015: Time = Time::of_seconds(1_438_128_000);

/// What is true of a driver whatever signs it.
pub(super) fn of_driver(image: &ImageFacts) -> Facts {
    let mut facts = Facts::new();
    facts.extend(machine(image.machine));
    let early = |target: &ImportTarget| matches!(target, ImportTarget::Name { name, .. } if name == "IoRegisterBootDriverCallback");
    let imports = image.imports.iter().flat_map(|module| &module.entries);
    if imports.map(|import| &import.target).any(early) {
        facts.insert("registers-early-launch");
    }
    if image.refuses_memory_integrity() {
        facts.insert("no-memory-integrity");
    }
    facts
}

/// What is true of one signature. `is_embedded` says that it lies in the file.
pub(super) fn of_signature(it: &Signature, is_embedded: bool, now: Time) -> Facts {
    let mut facts = Facts::from(["signed"]);
    let mut set = |fact: &'static str, is: bool| {
        if is {
            facts.insert(fact);
        }
    };
    set("intact", it.is_intact());
    set("embedded", is_embedded);
    let hash = it.measured.as_ref().map(|it| it.hash).or(it.hash);
    set("sha2", hash.is_none_or(|it| it != Hash::Sha1) || it.chain.iter().any(Link::is_sha2));
    set("timestamped", it.signed_at.is_some());
    set("expired", is_expired(&it.chain, it.signed_at, now));
    set("chain-broken", it.trust.kind == RootKind::Broken);
    set("named-only", it.trust.is_by_name());
    if let Some(fact) = it.trust.kind.fact() {
        set(fact, true);
    }
    let Some(signer) = it.chain.first() else { return facts };
    set("issued-before-2015-07-29", signer.not_before < JULY_2015);
    for usage in &rules().usages {
        let known = knowledge::signing::FACTS.iter().find(|(fact, _)| *fact == usage.fact);
        if let Some((fact, _)) = known {
            set(fact, signer.usages.iter().any(|it| it.oid == usage.oid));
        }
    }
    facts
}

/// Whether a certificate of the chain was not valid when it counts: at the proven time of signing; without one,
/// or for a signer marked for lifetime signing (SPEC, Timestamp Processing with Lifetime Signing Semantics), now.
fn is_expired(chain: &[Link], signed_at: Option<Time>, now: Time) -> bool {
    let lifetime = chain.first().is_some_and(Link::is_lifetime);
    let at = signed_at.filter(|_| !lifetime).unwrap_or(now);
    chain.iter().any(|link| at < link.not_before || at > link.not_after)
}

/// The earliest time that a stamp proves.
pub(super) fn proven(stamps: &[Stamp]) -> Option<Time> {
    stamps.iter().filter(|it| it.holds()).filter_map(|it| it.time).min()
}

/// Whether only names tell what a chain ends in.
impl Trust {
    pub(super) fn is_by_name(&self) -> bool {
        self.known.is_none()
            && matches!(self.kind, RootKind::Microsoft | RootKind::MicrosoftOther | RootKind::Cross)
    }
}

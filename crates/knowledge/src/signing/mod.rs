//! Which kernel drivers Windows loads, by their signature: rules kept as data in `knowledge/driver-signing.toml`.
//!
//! [`answers`] holds the facts of each signature of a driver against the rules, for every system in the file.
//! The rules come from public pages, which each names; nothing is guessed beyond them.

mod data;
#[cfg(test)]
mod tests;

pub use data::{CrossCertificate, KnownCertificate, Root, Rule, Rules, System, Then, Usage};

use std::collections::BTreeSet;
use std::sync::OnceLock;

static SOURCE: &str = include_str!("../../../../knowledge/driver-signing.toml");

/// Facts that the rules of the file may ask for: what a signature, and the driver, are. Systems have properties
/// of their own beside these.
pub const FACTS: &[(&str, &str)] = &[
    ("amd64", "the image is for x64"),
    ("i386", "the image is for 32-bit x86"),
    ("arm64", "the image is for ARM64"),
    ("signed", "there is a signature"),
    ("intact", "it fits the file, and the signer's key"),
    ("embedded", "it lies in the file"),
    ("sha2", "it needs SHA-2: for the digest of the file, or for a certificate"),
    ("timestamped", "a timestamp that holds tells when it was made"),
    (
        "expired",
        "a certificate of the chain was not valid then, or is not now where no timestamp tells",
    ),
    ("chain-broken", "a certificate of the chain is missing, or its signature is wrong"),
    ("microsoft", "the chain ends in a root of Microsoft's for drivers"),
    ("microsoft-other", "it ends in another root of Microsoft's"),
    ("cross", "it leads over a cross-certificate of Microsoft Code Verification Root"),
    ("commercial", "it ends in an authority that has a cross-certificate, which is not there"),
    ("test", "it ends in a root of Microsoft's for tests"),
    ("own-root", "it ends in a certificate that signs itself and is none of these"),
    ("issued-before-2015-07-29", "the signer's certificate was issued before that day"),
    (
        "named-only",
        "the chain leads to Microsoft by names only: no certificate of it is known by hash",
    ),
    ("whql", "the signer is marked for drivers that passed the tests"),
    ("attested", "the signer is marked for attestation"),
    ("windows", "the signer is marked for parts of Windows"),
    ("elam", "the signer is marked for early-launch antimalware"),
    ("registers-early-launch", "the driver imports IoRegisterBootDriverCallback"),
    ("no-memory-integrity", "it has sections that memory integrity refuses"),
];

/// Facts of a signature, or of a driver: names out of [`FACTS`].
pub type Facts = BTreeSet<&'static str>;

/// How a system takes a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It does not load it.
    Refused,
    /// The pages do not say.
    Unknown,
    /// It loads it if something is set so.
    Depends,
    /// It loads it.
    Loads,
}

impl Verdict {
    /// `loads`, `depends`, `unknown`, `refused`: as documents for programs say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Refused => "refused",
            Verdict::Unknown => "unknown",
            Verdict::Depends => "depends",
            Verdict::Loads => "loads",
        }
    }
}

/// What a system makes of a driver.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The system.
    pub system: &'static System,
    /// How it takes the driver.
    pub verdict: Verdict,
    /// Which of the signatures decides, as an index into those given.
    pub signature: usize,
    /// The rule that decides.
    pub rule: &'static Rule,
    /// Rules whose setting must be so as well.
    pub needs: Vec<&'static Rule>,
    /// What is to be told besides.
    pub notes: Vec<&'static Rule>,
}

impl Answer {
    /// What must be set so for the driver to be loaded.
    pub fn settings(&self) -> impl Iterator<Item = &'static str> {
        let own = self.rule.setting.as_deref().into_iter();
        own.chain(self.needs.iter().filter_map(|rule| rule.setting.as_deref()))
    }
}

/// The rules, parsed when first asked for.
///
/// # Panics
/// Never: a test parses the file.
pub fn rules() -> &'static Rules {
    static PARSED: OnceLock<Rules> = OnceLock::new();
    PARSED.get_or_init(|| {
        Rules::parse(SOURCE)
            .unwrap_or_else(|error| panic!("knowledge/driver-signing.toml: {error}"))
    })
}

/// What each system makes of a driver with these signatures, of which the best counts; the first of several
/// equal ones. An unsigned driver has one set of facts, without `signed`.
pub fn answers(signatures: &[Facts]) -> Vec<Answer> {
    let rules = rules();
    // What loads for tests only is told where no other signature says more: one of Microsoft's does, why not.
    let rank = |answer: &Answer| match answer.verdict {
        Verdict::Depends if answer.rule.then == Then::Testing => (Verdict::Refused, false),
        verdict => (verdict, signatures[answer.signature].contains("microsoft")),
    };
    let of = |system: &'static System| {
        let each = signatures.iter().enumerate();
        let mut each = each.map(|(index, facts)| rules.answer(system, index, facts));
        let first = each.next()?;
        Some(each.fold(first, |best, next| if rank(&next) > rank(&best) { next } else { best }))
    };
    rules.systems.iter().filter_map(of).collect()
}

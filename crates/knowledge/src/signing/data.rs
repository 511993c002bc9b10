//! `knowledge/driver-signing.toml`, read and checked.

use super::{Answer, FACTS, Facts, Verdict};
use serde::Deserialize;
use std::collections::BTreeMap;

/// All of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Pages of the public documentation, by the short names that rules use.
    pub pages: BTreeMap<String, String>,
    /// Roots by name.
    #[serde(rename = "root")]
    pub roots: Vec<Root>,
    /// Certificates known by hash.
    #[serde(rename = "known")]
    pub known: Vec<KnownCertificate>,
    /// Cross-certificates.
    pub cross: Cross,
    /// Extended key usages that say something of a driver.
    #[serde(rename = "usage")]
    pub usages: Vec<Usage>,
    /// Systems, oldest first.
    #[serde(rename = "system")]
    pub systems: Vec<System>,
    /// Rules in the order in which they are asked.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    /// What cannot be told from a file: clauses that follow "not looked at:".
    pub unknown: Vec<Unknown>,
}

/// Roots of a kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// `microsoft`, `microsoft-other`, `code-verification` or `test`.
    pub kind: String,
    /// Their common names.
    pub names: Vec<String>,
    /// Page that says so.
    pub page: String,
}

/// A certificate known by the hash of its `tbsCertificate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCertificate {
    /// Its common name.
    pub name: String,
    /// That hash, in the algorithm of its own signature: hexadecimal, lower case.
    pub tbs: String,
    /// Page that lists it.
    pub page: String,
}

/// The cross-certificates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cross {
    /// Page that listed them.
    pub page: String,
    /// Each.
    pub list: Vec<CrossCertificate>,
}

/// A cross-certificate: whom it is for, the day of its end (`YYYY-MM-DD`), SHA-1 of all of it.
#[derive(Debug, Deserialize)]
pub struct CrossCertificate(pub String, pub String, pub String);

/// What an extended key usage says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// The usage.
    pub oid: String,
    /// The fact that it makes.
    pub fact: String,
    /// What it is called.
    pub name: String,
    /// Page that tells of it.
    pub page: String,
}

/// A Windows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Stable name: kebab case.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Processors that it runs on: `amd64`, `i386`, `arm64`.
    pub machines: Vec<String>,
    /// Its properties, which rules ask for.
    pub is: Vec<String>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The driver is loaded.
    Loads,
    /// It is loaded if the rule's setting is so.
    Depends,
    /// Likewise, and that setting is for tests.
    Testing,
    /// It is not loaded.
    Refused,
    /// The pages do not say.
    Unknown,
    /// Adds its setting to a later decision that it is loaded.
    Needs,
    /// Is told besides.
    Note,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable name: kebab case.
    pub name: String,
    /// Facts and properties that must be there, or with `!` in front must not.
    #[serde(rename = "if")]
    pub when: Vec<String>,
    /// What it does.
    pub then: Then,
    /// What must be set so: a clause.
    pub setting: Option<String>,
    /// Why: sentences.
    pub says: String,
    /// What would mend it: sentences.
    pub remedy: Option<String>,
    /// Short names of the pages that it comes from.
    pub pages: Vec<String>,
}

/// What cannot be told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    /// A clause.
    pub says: String,
}

impl Rules {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// What is wrong with it, for whoever edits it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rules: Rules = toml::from_str(text).map_err(|error| error.to_string())?;
        rules.check()?;
        Ok(rules)
    }

    /// The address of a page.
    pub fn page(&self, name: &str) -> &str {
        self.pages.get(name).map_or("", String::as_str)
    }

    /// The kind of the root with this common name.
    pub fn root(&self, name: &str) -> Option<&Root> {
        self.roots.iter().find(|root| root.names.iter().any(|known| known == name))
    }

    /// The certificate with this hash of its `tbsCertificate`.
    pub fn known(&self, tbs: &str) -> Option<&KnownCertificate> {
        self.known.iter().find(|known| known.tbs == tbs)
    }

    /// The cross-certificate with this SHA-1.
    pub fn cross_certificate(&self, sha1: &str) -> Option<&CrossCertificate> {
        self.cross.list.iter().find(|cross| cross.2 == sha1)
    }

    /// Whether the authority of this name has a cross-certificate.
    pub fn is_cross_certified(&self, name: &str) -> bool {
        self.cross.list.iter().any(|cross| cross.0 == name)
    }

    pub(super) fn answer(
        &'static self,
        system: &'static System,
        signature: usize,
        facts: &Facts,
    ) -> Answer {
        let (mut needs, mut notes) = (Vec::new(), Vec::new());
        for rule in self.rules.iter().filter(|rule| holds(rule, system, facts)) {
            let verdict = match rule.then {
                Then::Needs => {
                    needs.push(rule);
                    continue;
                }
                Then::Note => {
                    notes.push(rule);
                    continue;
                }
                Then::Refused => Verdict::Refused,
                Then::Unknown => Verdict::Unknown,
                Then::Depends | Then::Testing => Verdict::Depends,
                Then::Loads if needs.is_empty() => Verdict::Loads,
                Then::Loads => Verdict::Depends,
            };
            if verdict == Verdict::Refused {
                needs.clear();
            }
            return Answer { system, verdict, signature, rule, needs, notes };
        }
        unreachable!("the last rule holds for everything: Rules::check")
    }

    fn check(&self) -> Result<(), String> {
        let known_page = |page: &str, of: &str| match self.pages.contains_key(page) {
            true => Ok(()),
            false => Err(format!("{of}: there is no page {page:?}")),
        };
        for root in &self.roots {
            known_page(&root.page, &root.kind)?;
        }
        for known in &self.known {
            known_page(&known.page, &known.name)?;
        }
        for usage in &self.usages {
            known_page(&usage.page, &usage.oid)?;
            if !FACTS.iter().any(|(fact, _)| *fact == usage.fact) {
                return Err(format!("{}: there is no fact {:?}", usage.oid, usage.fact));
            }
        }
        known_page(&self.cross.page, "cross")?;
        for rule in &self.rules {
            let name = &rule.name;
            if rule.pages.is_empty() {
                return Err(format!("{name}: it names no page"));
            }
            for page in &rule.pages {
                known_page(page, name)?;
            }
            for term in &rule.when {
                let term = term.strip_prefix('!').unwrap_or(term);
                let is_property =
                    self.systems.iter().any(|system| system.is.iter().any(|it| it == term));
                let is_fact = term == OTHER_MACHINE || FACTS.iter().any(|(fact, _)| *fact == term);
                if !is_property && !is_fact {
                    return Err(format!(
                        "{name}: {term:?} is neither a fact nor a property of a system"
                    ));
                }
            }
            let wants = matches!(rule.then, Then::Depends | Then::Testing | Then::Needs);
            if wants != rule.setting.is_some() {
                return Err(format!(
                    "{name}: a setting belongs to \"depends\", \"testing\" and \"needs\", and only there"
                ));
            }
        }
        match self.rules.last() {
            Some(last)
                if last.when.is_empty() && !matches!(last.then, Then::Needs | Then::Note) =>
            {
                Ok(())
            }
            _ => Err("the last rule must decide, and whatever the facts".to_owned()),
        }
    }
}

/// Made here, of the driver's machine and the system's.
const OTHER_MACHINE: &str = "other-machine";
const MACHINES: [&str; 3] = ["amd64", "i386", "arm64"];

fn holds(rule: &Rule, system: &System, facts: &Facts) -> bool {
    let is = |term: &str| match term {
        // A driver for a processor that is none of these runs nowhere.
        OTHER_MACHINE => !MACHINES.iter().any(|machine| {
            facts.contains(machine) && system.machines.iter().any(|it| it == machine)
        }),
        _ => facts.contains(term) || system.is.iter().any(|property| property == term),
    };
    rule.when.iter().all(|term| match term.strip_prefix('!') {
        Some(term) => !is(term),
        None => is(term),
    })
}

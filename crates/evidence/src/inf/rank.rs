//! Which driver Windows takes for a device: matches, their ranks, date and version.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/how-windows-ranks-driver-packages>

use super::Inf;
use super::date::{Date, DriverVersion};
use super::package::{Maker, Model, Models, Package};
use super::plan::{Plan, feature_score};
use super::target::System;
use std::cmp::Reverse;

/// How a driver package is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signature {
    /// By Microsoft, after its tests.
    Whql,
    /// By somebody whom the system trusts.
    Authenticode,
    /// Not at all.
    Unsigned,
}

impl Signature {
    /// What a log of SetupAPI calls the signer's score.
    /// <https://learn.microsoft.com/windows-hardware/drivers/install/driver-rank-information-in-the-setupapi-log>
    pub fn name(self) -> &'static str {
        match self {
            Signature::Whql => "WHQL",
            Signature::Authenticode => "Authenticode",
            Signature::Unsigned => "Not digitally signed",
        }
    }

    /// The signer's score. <https://learn.microsoft.com/windows-hardware/drivers/display/driver-matching-criteria>
    pub fn score(self) -> u32 {
        match self {
            Signature::Whql => 0x0D00_0005,
            Signature::Authenticode => 0x0F00_0000,
            Signature::Unsigned => 0x8000_0000,
        }
    }
}

/// What a device says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Hardware IDs, the most specific first.
    pub hardware: Vec<String>,
    /// Compatible IDs, likewise.
    pub compatible: Vec<String>,
}

/// An entry of an INF that fits a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which INF, by its place in the list that was given.
    pub package: usize,
    /// Name of the manufacturer.
    pub maker: String,
    /// What the device is called.
    pub description: String,
    /// The ID that fits, as the INF spells it.
    pub id: String,
    /// Install section, without a platform.
    pub install: String,
    /// Install section that is used.
    pub actual: String,
    /// How the package is signed.
    pub signature: Signature,
    /// SSGGTHHH: signature, feature and identifier. The lower the better.
    pub rank: u32,
    /// DriverVer; 00/00/0000 where there is none.
    pub date: Date,
    /// Its version.
    pub version: DriverVersion,
}

/// An entry that would fit the device, but is not for this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Which INF.
    pub package: usize,
    /// The ID.
    pub id: String,
    /// The Models section that has it.
    pub section: String,
    /// Why it does not count.
    pub why: String,
}

/// What came of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranking {
    /// Entries that fit, the one that Windows takes first.
    pub nodes: Vec<Node>,
    /// Those that do not count.
    pub elsewhere: Vec<Elsewhere>,
}

/// Matches that are kept, at most.
const MOST: usize = 10_000;

/// Where in a list an ID stands, in any case; positions beyond 0xFFF count as that.
fn position(list: &[String], id: &str) -> Option<u32> {
    let at = list.iter().position(|it| it.eq_ignore_ascii_case(id))?;
    Some(u32::try_from(at).unwrap_or(u32::MAX).min(0xFFF))
}

/// The identifier score of an entry, THHH, and which of its IDs gives it.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/identifier-score--windows-vista-and-later->
fn identifier(model: &Model, device: &Device) -> Option<(u32, String)> {
    let mut best: Option<(u32, String)> = None;
    for (index, id) in model.ids.iter().enumerate() {
        if id.value.is_empty() {
            continue;
        }
        // The first is the hardware ID; compatible ones count from 0 behind it.
        let own = index.checked_sub(1).map(|it| u32::try_from(it).unwrap_or(u32::MAX));
        let hardware = position(&device.hardware, &id.value);
        let compatible = position(&device.compatible, &id.value);
        let score = match (own, hardware, compatible) {
            (None, Some(at), _) => at,
            (Some(_), Some(at), _) => 0x1000 | at,
            (None, None, Some(at)) => 0x2000 | at,
            (Some(own), None, Some(at)) => {
                0x3000 | own.saturating_mul(0x100).saturating_add(at).min(0xFFF)
            }
            (_, None, None) => continue,
        };
        if best.as_ref().is_none_or(|(least, _)| score < *least) {
            best = Some((score, id.value.clone()));
        }
    }
    best
}

/// The signature score, SS. All trusted signatures count alike: AllSignersEqual is the default since
/// Windows 7. Without one, a section for NT is better than one that may be for Windows 9x.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/signature-score--windows-vista-and-later->
fn signature_score(signature: Signature, actual: &str) -> u32 {
    let low = actual.to_ascii_lowercase();
    let is_nt =
        low.rsplit('.').next().is_some_and(|last| last.starts_with("nt")) && low.contains('.');
    match signature {
        Signature::Whql | Signature::Authenticode => 0,
        Signature::Unsigned if is_nt => 0x80,
        Signature::Unsigned => 0xC0,
    }
}

struct Search<'a> {
    device: &'a Device,
    system: &'a System,
    ranking: Ranking,
}

impl Search<'_> {
    fn package(&mut self, index: usize, inf: &Inf, given: Signature) {
        // Without a catalog a package counts as unsigned.
        let named = inf.section("Version").is_some_and(|section| {
            let mut keys = section.entries.iter().filter_map(|entry| entry.key.as_ref());
            keys.any(|key| key.value.to_ascii_lowercase().starts_with("catalogfile"))
        });
        let signature = if named { given } else { Signature::Unsigned };
        let package = Package::of(inf);
        let chosen = package.on(self.system);
        let mut used: Vec<&str> = Vec::new();
        for (maker, models) in chosen {
            if used.contains(&models.section.as_str()) {
                continue;
            }
            used.push(&models.section);
            for model in models.devices.iter().flat_map(|all| all.iter()) {
                self.model(index, inf, (maker, models, model), signature);
            }
        }
        self.elsewhere(index, &package, &used);
    }

    fn model(
        &mut self,
        index: usize,
        inf: &Inf,
        (maker, models, model): (&Maker, &Models, &Model),
        signature: Signature,
    ) {
        let Some((score, id)) = identifier(model, self.device) else { return };
        let mut not = |why: String| {
            let section = models.section.clone();
            self.ranking.elsewhere.push(Elsewhere { package: index, id: id.clone(), section, why });
        };
        let architecture = self.system.architecture;
        let Some(actual) = inf.actual(&model.install.value, architecture) else {
            not(format!("there is no section [{}] for this system", model.install.value));
            return;
        };
        let excluded = actual.with_key("ExcludeId").flat_map(|entry| &entry.fields);
        let all = || self.device.hardware.iter().chain(&self.device.compatible);
        let mut excluded = excluded.filter(|it| all().any(|id| it.is(id)));
        if let Some(excluded) = excluded.next() {
            not(format!("[{}] excludes {}", actual.name, excluded.value));
            return;
        }
        if self.ranking.nodes.len() >= MOST {
            return;
        }
        let feature = actual.entry("FeatureScore").map(|entry| entry.text(0));
        let feature = feature.map_or(0xFF, |text| feature_score(text).unwrap_or(0xFF));
        let plan_ver = || {
            let whole = inf.section("Version").and_then(|section| section.entry("DriverVer"));
            actual.entry("DriverVer").or(whole)
        };
        let (date, version) = super::plan::driver_ver(plan_ver());
        let rank =
            signature_score(signature, &actual.name) << 24 | u32::from(feature) << 16 | score;
        self.ranking.nodes.push(Node {
            package: index,
            maker: maker.name.clone(),
            description: model.description.clone(),
            id,
            install: model.install.value.clone(),
            actual: actual.name.clone(),
            signature,
            rank,
            date: date.unwrap_or_default(),
            version: version.unwrap_or_default(),
        });
    }

    /// Entries of other systems that have an ID of the device.
    fn elsewhere(&mut self, index: usize, package: &Package, used: &[&str]) {
        for (_, models) in package.sections() {
            if used.contains(&models.section.as_str()) {
                continue;
            }
            for model in models.devices.iter().flat_map(|all| all.iter()) {
                let Some((_, id)) = identifier(model, self.device) else { continue };
                if self.ranking.elsewhere.len() < MOST {
                    let why = if models.target.fits(self.system) {
                        "another section of the manufacturer fits this system more closely"
                            .to_owned()
                    } else {
                        format!("it is for {}", models.target)
                    };
                    let section = models.section.clone();
                    self.ranking.elsewhere.push(Elsewhere { package: index, id, section, why });
                }
            }
        }
    }
}

/// Ranks what `packages` have for `device` on `system`, each signed as given if it names a catalog.
pub fn rank(packages: &[(&Inf, Signature)], device: &Device, system: &System) -> Ranking {
    let mut search = Search { device, system, ranking: Ranking::default() };
    for (index, (inf, signature)) in packages.iter().enumerate() {
        search.package(index, inf, *signature);
    }
    let mut ranking = search.ranking;
    // Windows Vista still puts Microsoft's signature before everything else.
    let by_signer = (system.major, system.minor) < (6, 1);
    ranking.nodes.sort_by_key(|it| {
        let signer = if by_signer { it.signature } else { Signature::Whql };
        (signer, it.rank, Reverse(it.date), Reverse(it.version), it.package)
    });
    ranking
}

impl Node {
    /// What installing it does.
    pub fn plan(&self, inf: &Inf, system: &System) -> Plan {
        Plan::of(inf, &self.actual, system.architecture)
    }
}

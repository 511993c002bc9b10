//! Which devices an INF is for: Manufacturer and Models sections.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-manufacturer-section>
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-models-section>

use super::Inf;
use super::lex::{Field, Position};
use super::target::{ARCH_TOKEN, System, Target};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One entry of a Models section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What the device is called.
    pub description: String,
    /// Name of its install section, without a platform.
    pub install: Field,
    /// Its hardware ID, then compatible ones. The first may be empty.
    pub ids: Vec<Field>,
    /// Where the entry stands.
    pub at: Position,
}

/// A Models section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// Its name, with its target.
    pub section: String,
    /// The systems that it is for; none given stands for x86, of any version.
    pub target: Target,
    /// Whether the Manufacturer section names that target.
    pub decorated: bool,
    /// Its devices; `None` where there is no such section.
    pub devices: Option<Arc<[Model]>>,
}

/// An entry of the Manufacturer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maker {
    /// Name of the manufacturer.
    pub name: String,
    /// Name of its Models sections, without a target.
    pub section: Field,
    /// Targets that are not of the form, each with its place.
    pub malformed: Vec<Field>,
    /// Its Models sections, the one without a target last.
    pub models: Vec<Models>,
}

/// What an INF says of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Entries of the Manufacturer section.
    pub makers: Vec<Maker>,
}

/// Models sections that were read: several manufacturers may share one.
type Read = HashMap<String, Option<Arc<[Model]>>>;

fn devices(inf: &Inf, section: &str, read: &mut Read) -> Option<Arc<[Model]>> {
    let low = section.to_lowercase();
    read.entry(low).or_insert_with(|| read_devices(inf, section)).clone()
}

fn read_devices(inf: &Inf, section: &str) -> Option<Arc<[Model]>> {
    let section = inf.section(section)?;
    let model = |entry: &super::Entry| {
        let install = entry.fields.first()?.clone();
        let description = entry.key.as_ref().map(|key| key.value.clone()).unwrap_or_default();
        let ids = entry.fields.iter().skip(1).cloned().collect();
        Some(Model { description, install, ids, at: entry.at })
    };
    Some(section.entries.iter().filter_map(model).collect())
}

impl Package {
    /// Reads the Manufacturer section, and those that it leads to.
    pub fn of(inf: &Inf) -> Package {
        let entries = inf.section("Manufacturer").map(|it| it.entries.as_slice());
        let mut makers = Vec::new();
        let mut read = Read::new();
        for entry in entries.unwrap_or_default() {
            // A name alone is that of the section as well.
            let Some(section) = entry.fields.first().cloned() else { continue };
            let name = entry.key.as_ref().unwrap_or(&section).value.clone();
            let (mut models, mut malformed) = (Vec::new(), Vec::new());
            for field in entry.fields.iter().skip(1).filter(|field| !field.value.is_empty()) {
                // Before the build puts a platform in, any will do to look at the rest.
                let token = field.value.to_ascii_lowercase().contains(ARCH_TOKEN);
                let parsed = Target::parse(&field.value);
                if token || parsed.is_none() {
                    malformed.push(field.clone());
                }
                let Some(target) = parsed else { continue };
                let name = format!("{}.{}", section.value, field.value);
                let devices = devices(inf, &name, &mut read);
                models.push(Models { section: name, target, decorated: true, devices });
            }
            if !section.value.is_empty() {
                let devices = devices(inf, &section.value, &mut read);
                let name = section.value.clone();
                let target = Target::default();
                models.push(Models { section: name, target, decorated: false, devices });
            }
            makers.push(Maker { name, section, malformed, models });
        }
        Package { makers }
    }

    /// Every Models section once: manufacturers may share one.
    pub fn sections(&self) -> Vec<(&Maker, &Models)> {
        let mut seen = HashSet::new();
        let all = self.makers.iter();
        all.flat_map(|maker| maker.models.iter().map(move |models| (maker, models)))
            .filter(|(_, models)| seen.insert(models.section.to_lowercase()))
            .collect()
    }

    /// The Models section that Windows uses of each manufacturer on `system`: the closest of those that fit.
    /// Where that section is not there, the manufacturer has no devices.
    pub fn on(&self, system: &System) -> Vec<(&Maker, &Models)> {
        let closest = |maker: &'_ Maker| {
            let fitting = maker.models.iter().enumerate().filter(|(_, it)| it.target.fits(system));
            fitting.max_by_key(|(_, it)| (it.target.closeness(), it.decorated)).map(|(at, _)| at)
        };
        let mut chosen = Vec::new();
        for maker in &self.makers {
            if let Some(models) = closest(maker).and_then(|at| maker.models.get(at)) {
                chosen.push((maker, models));
            }
        }
        chosen
    }
}

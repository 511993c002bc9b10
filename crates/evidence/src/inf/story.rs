//! All that an INF tells, put together for a reader.

use super::Inf;
use super::checks::check;
use super::date::Date;
use super::diagnostic::{Diagnostic, Severity};
use super::package::{Model, Package};
use super::plan::Plan;
use super::target::{Architecture, Target};
use std::collections::HashSet;
use std::sync::Arc;

/// Parts of plans that are kept, at most: sections may be installed by many others.
const MOST_PARTS: usize = 20_000;

/// The devices of one manufacturer on some systems.
#[derive(Clone, Debug)]
pub struct Devices {
    /// The manufacturer.
    pub maker: String,
    /// The section.
    pub section: String,
    /// The systems.
    pub target: Target,
    /// Its entries.
    pub models: Arc<[Model]>,
}

/// An INF, understood.
#[derive(Clone, Debug)]
pub struct Story {
    /// Devices that it is for; a section that several manufacturers share is told once.
    pub devices: Vec<Devices>,
    /// What each install section does.
    pub plans: Vec<Plan>,
    /// Whether plans were left out because there are so many.
    pub cut: bool,
    /// What is wrong, in the order of lines.
    pub wrong: Vec<Diagnostic>,
}

impl Story {
    /// Of `inf`; with `today` a date in the future is wrong.
    pub fn of(inf: &Inf, today: Option<Date>) -> Story {
        let package = Package::of(inf);
        let mut devices = Vec::new();
        for (maker, models) in package.sections() {
            let Some(all) = models.devices.clone() else { continue };
            devices.push(Devices {
                maker: maker.name.clone(),
                section: models.section.clone(),
                target: models.target,
                models: all,
            });
        }
        let mut story = Story { devices, plans: Vec::new(), cut: false, wrong: check(inf, today) };
        story.plan(inf);
        story
    }

    fn plan(&mut self, inf: &Inf) {
        let mut wanted = Vec::new();
        for devices in &self.devices {
            let architecture = devices.target.architecture.unwrap_or(Architecture::X86);
            let names = devices.models.iter().map(|model| model.install.value.as_str());
            wanted.extend(names.map(|name| (name, architecture)));
        }
        let fixed = ["DefaultInstall", "DefaultUninstall", "ClassInstall32"];
        let interfaces = inf.section("InterfaceInstall32").map(|it| it.entries.as_slice());
        for entry in interfaces.unwrap_or_default() {
            wanted.push((entry.text(0), Architecture::Amd64));
        }
        for architecture in [Architecture::Amd64, Architecture::Arm64, Architecture::X86] {
            wanted.extend(fixed.map(|name| (name, architecture)));
        }
        let (mut seen, mut parts) = (HashSet::new(), 0_usize);
        for (name, architecture) in wanted {
            let Some(actual) = inf.actual(name, architecture) else { continue };
            if !seen.insert(actual.name.to_lowercase()) {
                continue;
            }
            if parts > MOST_PARTS {
                self.cut = true;
                return;
            }
            let plan = Plan::of(inf, &actual.name, architecture);
            let services: usize = plan.services.iter().map(|it| it.registry.len()).sum();
            parts = parts
                .saturating_add(plan.copies.len())
                .saturating_add(plan.registry.len())
                .saturating_add(services)
                .saturating_add(1);
            self.plans.push(plan);
        }
    }

    /// How many of `wrong` are as bad as this.
    pub fn count(&self, severity: Severity) -> usize {
        self.wrong.iter().filter(|it| it.code.severity() == severity).count()
    }
}

//! An INF, as evidence: which drivers it installs for which devices.

use super::{Evidence, LinkKind, Said, Unit, file_of, values};
use evidence::inf::{Inf, Severity as Bad, Story};
use knowledge::messages::{Fact, Values};

/// Identifiers of devices that are compared with those of a log.
const MOST_IDS: usize = 5_000;

/// An INF, understood.
pub fn of_inf(file: &str, inf: &Inf, story: &Story) -> Evidence {
    let mut it = Evidence::new(file, "INF");
    let own = file_of(file);
    let models = story.devices.iter().flat_map(|devices| devices.models.iter());
    let ids: Vec<String> = models
        .flat_map(|model| &model.ids)
        .filter(|id| !id.value.is_empty())
        .take(MOST_IDS)
        .map(|id| id.value.to_ascii_lowercase())
        .collect();
    let errors = story.count(Bad::Error);
    let provider = inf.version("Provider").map(|it| it.value.clone()).unwrap_or_default();
    let version = story.plans.iter().find_map(|plan| plan.version);
    it.brief = format!("of {}", if provider.is_empty() { "nobody" } else { &provider });
    if let Some(version) = version {
        it.brief += &format!(", version {version}");
    }
    it.brief += &match errors {
        0 => ", no errors".to_owned(),
        1 => ", 1 error".to_owned(),
        errors => format!(", {errors} errors"),
    };
    let mut seen = Vec::new();
    for service in story.plans.iter().flat_map(|plan| &plan.services) {
        let driver = file_of(service.file());
        if !driver.ends_with(".sys") || seen.contains(&driver) || seen.len() >= 64 {
            continue;
        }
        let line = u64::from(service.at.line);
        it.link(LinkKind::Service, &service.name, &driver, Unit::Line, line);
        it.link(LinkKind::Inf, &own, &driver, Unit::Line, line);
        let said = values([
            ("inf", own.clone()),
            ("driver", driver.clone()),
            ("service", service.name.to_ascii_lowercase()),
        ]);
        let words = format!("{own} installs {driver} as service {}", service.name);
        say(&mut it, "inf", said, line, &words, ids.clone());
        seen.push(driver);
    }
    if seen.is_empty() {
        let words = format!("{own} installs no driver");
        say(&mut it, "inf", values([("inf", own.clone())]), 1, &words, ids);
    }
    let wrong = story.wrong.iter().find(|it| it.code.severity() == Bad::Error);
    if let Some(wrong) = wrong {
        let line = u64::from(wrong.at.line);
        let words = format!("{own} has an error: {}", wrong.code.name());
        say(&mut it, "inf-wrong", values([("inf", own.clone())]), line, &words, Vec::new());
    }
    it
}

fn say(it: &mut Evidence, name: &str, values: Values, line: u64, words: &str, ids: Vec<String>) {
    let (name, words) = (name.to_owned(), words.to_owned());
    let fact = Fact { name, values, words, place: (String::new(), line), ..Fact::default() };
    it.say(Said { fact, time: None, unit: Unit::Line, ids });
}

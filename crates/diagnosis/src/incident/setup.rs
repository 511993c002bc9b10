//! A log of SetupAPI, as evidence: which device was given which driver when, and what came of it.

use super::dump::BOOT;
use super::{Evidence, LinkKind, Mark, Said, Unit, clipped, file_of, values};
use crate::setup::{SetupLog, Story, file_name};
use evidence::setup_log::Stamp;
use evidence::system_log::Time;
use knowledge::messages::{Fact, Severity};

/// Drivers of one section that facts are made of.
const MOST_DRIVERS: usize = 16;
/// Identifiers of one device that are compared with those of INFs.
const MOST_IDS: usize = 64;
/// Microseconds by which files may differ over when a service was made.
const SERVICE_SLACK: i64 = 10_000_000;
/// The same for a start of Windows.
const BOOT_SLACK: i64 = 15_000_000;

/// A log, told with `Wanted::Incident`.
pub fn of_setup(file: &str, log: &SetupLog) -> Evidence {
    let mut it = Evidence::new(file, "log of SetupAPI");
    it.brief = match log.wrong {
        0 => format!("{} sections, nothing failed", log.sections),
        wrong => format!("{} sections, {wrong} of them failed", log.sections),
    };
    for stamp in &log.boot_times {
        if let Some(time) = local(stamp) {
            it.happen(time, Unit::Line, 0, Severity::Note, "Windows was started".to_owned());
            it.marks.push(Mark { key: BOOT.to_owned(), time, slack: BOOT_SLACK });
        }
    }
    for story in &log.stories {
        one(&mut it, story);
    }
    it
}

fn local(stamp: &Stamp) -> Option<Time> {
    Time::local(stamp.year, stamp.month, stamp.day, stamp.clock.millis)
}

fn time(text: Option<&String>) -> Option<Time> {
    local(&Stamp::parse(text?)?)
}

fn one(it: &mut Evidence, story: &Story) {
    let wrong = story.is_wrong();
    let cause = story.cause();
    let line = cause.map_or(story.line, |cause| cause.line);
    let (begun, ended) = (time(story.begun.as_ref()), time(story.ended.as_ref()));
    let mut words = story.title.clone();
    if !story.instance.is_empty() {
        words += &format!(" of {}", story.instance);
    }
    words += match story.outcome {
        _ if wrong => " failed",
        "success" => ", done",
        _ => ", without an end",
    };
    if let Some(cause) = cause {
        words += &format!(": {}", clipped(&cause.text, 160));
        if let Some(code) = cause.codes.first() {
            words += &format!(" (0x{:08x} {})", code.value, code.name);
        }
    }
    if let Some(time) = ended.or(begun) {
        let severity = if wrong { Severity::Error } else { Severity::Note };
        it.happen(time, Unit::Line, line, severity, words.clone());
    }
    let inf = file_of(file_name(&story.driver));
    let published = file_of(&story.published);
    let mut drivers: Vec<String> = Vec::new();
    let images = story.services.items.iter().map(|service| &service.image);
    for path in images.chain(&story.files.items) {
        // `C:\a.sys` out of `C:\a.sys to C:\b.sys` and the like.
        let word = path.split_whitespace().find(|word| file_of(word).ends_with(".sys"));
        let driver = word.map(file_of).unwrap_or_default();
        if !driver.is_empty() && !drivers.contains(&driver) && drivers.len() < MOST_DRIVERS {
            drivers.push(driver);
        }
    }
    it.link(LinkKind::Published, &published, &inf, Unit::Line, line);
    for service in &story.services.items {
        let driver = file_of(&service.image);
        if driver.ends_with(".sys") {
            it.link(LinkKind::Service, &service.name, &driver, Unit::Line, line);
        }
        if service.outcome == "created"
            && let Some(time) = ended.or(begun)
        {
            let key = format!("service {}", service.name.to_ascii_lowercase());
            // It was made at some time of the section.
            let spent = story.millis.and_then(|millis| i64::try_from(millis).ok()).unwrap_or(0);
            let slack = spent.saturating_mul(1_000).saturating_add(SERVICE_SLACK);
            it.marks.push(Mark { key, time, slack });
        }
    }
    for driver in &drivers {
        it.link(LinkKind::Inf, &inf, driver, Unit::Line, line);
    }
    let service =
        story.services.items.first().map(|service| service.name.clone()).unwrap_or_default();
    let code = cause.and_then(|cause| cause.codes.first());
    let unsigned = story.unsigned || story.no_catalog;
    let ids = story.hardware_ids.items.iter().chain(&story.compatible_ids.items);
    let ids: Vec<String> = ids.take(MOST_IDS).map(|id| id.to_ascii_lowercase()).collect();
    let name = if wrong { "setup-failed" } else { "setup-installed" };
    // A section that gives no device a driver says nothing of drivers.
    if inf.is_empty() && drivers.is_empty() && ids.is_empty() && !story.is_device {
        return;
    }
    let none = [String::new()];
    for driver in if drivers.is_empty() { &none[..] } else { &drivers[..] } {
        let said = values([
            ("inf", inf.clone()),
            ("driver", driver.clone()),
            ("service", service.to_ascii_lowercase()),
            ("device", story.instance.to_ascii_lowercase()),
            ("code", code.map(|code| format!("0x{:08x}", code.value)).unwrap_or_default()),
            ("signed", if unsigned { "no".to_owned() } else { String::new() }),
        ]);
        let fact = Fact {
            name: name.to_owned(),
            values: said,
            words: words.clone(),
            place: (String::new(), line),
            ..Fact::default()
        };
        it.say(Said { fact, time: ended.or(begun), unit: Unit::Line, ids: ids.clone() });
    }
}

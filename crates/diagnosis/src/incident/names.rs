//! Whose driver a fact is about: where a file names a service, an INF or a device only, others say which file
//! that is.

use super::{Evidence, LinkKind, Place, Said, Unit};
use knowledge::messages::{Fact, Values};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Drivers that one INF leads to, at most.
const MOST_DRIVERS: usize = 8;
/// Facts, at most; hostile files could make many.
const MOST_FACTS: usize = 20_000;

/// A fact with all that is known of its names.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// Index of its file.
    pub of: usize,
    pub said: Said,
    /// What its names were found by.
    pub by: Vec<Place>,
}

type Links<'e> = BTreeMap<(LinkKind, &'e str), Vec<(&'e str, &'e Place)>>;

/// All facts of `all`, with the names that others give them; and of the modules of dumps those that others name.
pub(super) fn resolve(all: &[Evidence]) -> Vec<Resolved> {
    let mut links = Links::new();
    for link in all.iter().flat_map(|it| &it.links) {
        let to = links.entry((link.kind, link.from.as_str())).or_default();
        if to.len() < MOST_DRIVERS && !to.iter().any(|(had, _)| *had == link.to) {
            to.push((link.to.as_str(), &link.place));
        }
    }
    published(all, &mut links);
    let mut found = Vec::new();
    for (of, it) in all.iter().enumerate() {
        for said in &it.said {
            one(of, said, &links, &mut found);
        }
    }
    devices(all, &mut found);
    modules(all, &mut found);
    found.truncate(MOST_FACTS);
    for resolved in &mut found {
        let place = &mut resolved.said.fact.place.0;
        if place.is_empty() {
            place.clone_from(&all[resolved.of].file);
        }
    }
    found
}

/// Windows calls an INF `oem7.inf`; which one at hand that is, the driver says that both install.
fn published<'e>(all: &'e [Evidence], links: &mut Links<'e>) {
    let is_oem = |inf: &str| {
        let number = inf.strip_prefix("oem").and_then(|rest| rest.strip_suffix(".inf"));
        number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let of_inf = || {
        let all = all.iter().flat_map(|it| &it.links);
        all.filter(|link| link.kind == LinkKind::Inf)
    };
    let mut own: BTreeMap<&str, &str> = BTreeMap::new();
    for link in of_inf().filter(|link| !is_oem(&link.from)) {
        own.entry(link.to.as_str()).or_insert(link.from.as_str());
    }
    for link in of_inf().filter(|link| is_oem(&link.from)) {
        if let Some(inf) = own.get(link.to.as_str()) {
            let to = links.entry((LinkKind::Published, link.from.as_str())).or_default();
            if to.is_empty() {
                to.push((inf, &link.place));
            }
        }
    }
}

fn one(of: usize, said: &Said, links: &Links<'_>, found: &mut Vec<Resolved>) {
    let mut resolved = Resolved { of, said: said.clone(), by: Vec::new() };
    let first = |kind: LinkKind, values: &Values, name: &str| {
        let to = links.get(&(kind, values.get(name)?.as_str()))?.first()?;
        Some((to.0.to_owned(), to.1.clone()))
    };
    let values = &mut resolved.said.fact.values;
    if let Some((inf, place)) = first(LinkKind::Published, values, "inf") {
        values.insert("inf".to_owned(), inf);
        resolved.by.push(place);
    }
    if values.contains_key("driver") {
        return found.push(resolved);
    }
    if let Some((driver, place)) = first(LinkKind::Service, values, "service") {
        values.insert("driver".to_owned(), driver);
        resolved.by.push(place);
        return found.push(resolved);
    }
    let inf = values.get("inf").cloned().unwrap_or_default();
    let Some(drivers) = links.get(&(LinkKind::Inf, inf.as_str())) else {
        return found.push(resolved);
    };
    for (driver, place) in drivers {
        let mut of_driver = resolved.clone();
        let values = &mut of_driver.said.fact.values;
        values.insert("driver".to_owned(), (*driver).to_owned());
        of_driver.by.push((*place).clone());
        found.push(of_driver);
    }
}

/// An INF and a section of a log that are about one device: facts of their own, with its identifier.
fn devices(all: &[Evidence], found: &mut Vec<Resolved>) {
    let mut made = Vec::new();
    for (inf_of, it) in all.iter().enumerate() {
        for inf in it.said.iter().filter(|said| said.fact.name == "inf" && !said.ids.is_empty()) {
            let ids: HashSet<&str> = inf.ids.iter().map(String::as_str).collect();
            for (of, other) in all.iter().enumerate() {
                let of_setup =
                    other.said.iter().filter(|said| said.fact.name.starts_with("setup-"));
                for setup in of_setup {
                    // That it is the INF of the section is told anyway.
                    let alike = |name: &str| {
                        let value = setup.fact.values.get(name);
                        value.is_some() && value == inf.fact.values.get(name)
                    };
                    let same = ["inf", "driver", "service"].into_iter().any(alike);
                    let id = setup.ids.iter().find(|id| ids.contains(id.as_str()));
                    let Some(id) = id.filter(|_| !same && made.len() < MOST_FACTS) else {
                        continue;
                    };
                    let values: Values = [("hardware".to_owned(), id.clone())].into();
                    let fact = |said: &Said, name: &str| {
                        let (name, values) = (name.to_owned(), values.clone());
                        let fact = Fact { name, values, ..said.fact.clone() };
                        Said { fact, ids: Vec::new(), ..said.clone() }
                    };
                    let by = Vec::new;
                    let said = fact(setup, "setup-device");
                    made.push(Resolved { of, said, by: by() });
                    let said = fact(inf, "inf-device");
                    made.push(Resolved { of: inf_of, said, by: by() });
                    break;
                }
            }
        }
    }
    found.append(&mut made);
}

/// Modules of dumps that an image of another file could be, or another file is about.
fn modules(all: &[Evidence], found: &mut Vec<Resolved>) {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut builds: BTreeSet<&str> = BTreeSet::new();
    for said in all.iter().flat_map(|it| &it.said).filter(|said| said.fact.name == "image") {
        named.extend(said.fact.values.get("driver").map(String::as_str));
        builds.extend(said.fact.values.get("build").map(String::as_str));
    }
    for (of, it) in all.iter().enumerate() {
        let wanted = |driver: &str, build: &str| {
            named.contains(driver) || !build.is_empty() && builds.contains(build)
        };
        for module in it.modules.iter().filter(|it| wanted(&it.driver, &it.build)) {
            let values =
                super::values([("driver", module.driver.clone()), ("build", module.build.clone())]);
            let words = format!(
                "{} was loaded: build {}",
                module.driver,
                if module.build.is_empty() { "not told" } else { &module.build }
            );
            let fact = Fact {
                name: "dump-module".to_owned(),
                values,
                words,
                place: (String::new(), module.at),
                ..Fact::default()
            };
            let time = it.said.first().and_then(|said| said.time);
            let said = Said { fact, time, unit: Unit::Offset, ids: Vec::new() };
            found.push(Resolved { of, said, by: Vec::new() });
        }
    }
}

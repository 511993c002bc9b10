//! The standard scenarios, all of them or as far as they suit a driver.

use super::Look;
use super::page::{Ink, Page};
use bench::{Standard, Suited};

/// Every standard scenario with what it is for.
pub fn scenarios_text(all: &[Standard], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let width = all.iter().map(|standard| standard.name.len()).max().unwrap_or(0) + 2;
    for standard in all {
        page.labelled(0, width, standard.name, standard.about);
    }
    page.finish()
}

/// The scenarios that suit a driver, by name, and the others with what the driver lacks.
pub fn suited_text(driver: &str, all: &[Suited], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let count: usize = all.iter().map(|suited| suited.names.len()).sum();
    let told = format!(" has {count} of the standard scenarios");
    page.wrapped(0, 0, &[(Ink::Strong, driver), (Ink::Plain, &told)]);
    let names = || all.iter().flat_map(|suited| &suited.names);
    let width = names().map(String::len).max().unwrap_or(0) + 2;
    for suited in all {
        for name in &suited.names {
            page.labelled(2, width, name, suited.standard.about);
        }
    }
    let others: Vec<&Suited> = all.iter().filter(|suited| suited.names.is_empty()).collect();
    if others.is_empty() {
        return page.finish();
    }
    page.blank();
    page.heading(0, &format!("Not for this driver, and what it lacks ({})", others.len()));
    let width = others.iter().map(|suited| suited.standard.name.len()).max().unwrap_or(0) + 2;
    for suited in others {
        page.labelled(2, width, suited.standard.name, &suited.lacks.join(", "));
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_suit_come_first_and_the_others_say_why_not() {
        let standard = |name| Standard {
            name,
            about: "Somebody does something.",
            needs: vec!["read or write".to_owned()],
            for_each: None,
            text: "",
        };
        let all = [
            Suited {
                standard: standard("control-{code}-twice"),
                names: vec!["control-1-twice".to_owned(), "control-2-twice".to_owned()],
                lacks: Vec::new(),
            },
            Suited {
                standard: standard("reload"),
                names: Vec::new(),
                lacks: vec!["unload".to_owned()],
            },
        ];
        let look = Look { colour: false, source: &|_, _| None };
        let text = suited_text("fifo.sys", &all, &look);
        assert!(text.starts_with("fifo.sys has 2 of the standard scenarios\n"), "{text}");
        assert!(text.contains("\n  control-2-twice  Somebody does something.\n"), "{text}");
        assert!(text.ends_with("lacks (1)\n  reload  unload\n"), "{text}");
        let listed = scenarios_text(&all.map(|suited| suited.standard), &look);
        assert!(listed.contains("\nreload                Somebody"), "{listed}");
    }
}

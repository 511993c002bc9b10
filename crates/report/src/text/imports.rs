//! A driver's imports, and how far the bench has them.

use super::Look;
use super::page::{Ink, Page};
use bench::{Import, Imports, Support};

/// Each import under what the bench has of it, worst first, and the share that it has.
pub fn imports_text(list: &Imports, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let [whole, partly, refused, missing] = list.counts();
    let all = list.imports.len();
    let share = format!("{} of {all} imports ({:.0}%)", whole + partly, list.share() * 100.0);
    let ink = if refused + missing == 0 { Ink::Good } else { Ink::Warn };
    let rest =
        if refused + missing == 0 { "" } else { "; calling another ends a run as unsupported" };
    page.wrapped(
        0,
        0,
        &[
            (Ink::Strong, &list.driver),
            (Ink::Plain, ": the bench has "),
            (ink, &share),
            (Ink::Plain, rest),
        ],
    );
    let width = list.imports.iter().map(|it| it.name.len()).max().unwrap_or(0).min(48) + 2;
    let mut group = |heading: &str, of: fn(&Import) -> bool| {
        let listed: Vec<&Import> = list.imports.iter().filter(|import| of(import)).collect();
        if listed.is_empty() {
            return;
        }
        page.blank();
        page.heading(0, &format!("{heading} ({})", listed.len()));
        for import in listed {
            let text = match import.support {
                Support::Partly(text) | Support::Refused(text) => text,
                Support::Whole | Support::Missing => &import.module,
            };
            let text = match import.importer == list.driver {
                true => text.to_owned(),
                false => format!("{text} (wanted by {})", import.importer),
            };
            page.labelled(2, width, &import.name, &text);
        }
    };
    group("Not implemented", |it| it.support == Support::Missing);
    group("Refused", |it| matches!(it.support, Support::Refused(_)));
    group("Implemented in part", |it| matches!(it.support, Support::Partly(_)));
    group("From images beside the driver", |it| it.by.is_some());
    group("Implemented", |it| it.support == Support::Whole && it.by.is_none());
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(name: &str, support: Support) -> Import {
        Import {
            importer: "fifo.sys".to_owned(),
            module: "ntoskrnl.exe".to_owned(),
            name: name.to_owned(),
            by: None,
            support,
            rank: None,
        }
    }

    #[test]
    fn the_worst_comes_first_and_the_share_is_told() {
        let imports = vec![
            import("KeSetEvent", Support::Whole),
            import("ZwFine", Support::Partly("nothing is stored")),
            import("ZwOpenSection", Support::Refused("no sections")),
            import("ZwNew", Support::Missing),
        ];
        let list = Imports { driver: "fifo.sys".to_owned(), imports };
        let look = Look { colour: false, source: &|_, _| None };
        let text = imports_text(&list, &look);
        assert!(text.starts_with("fifo.sys: the bench has 2 of 4 imports (50%);"), "{text}");
        let places: Vec<_> = ["ZwNew", "no sections", "nothing is stored", "KeSetEvent"]
            .iter()
            .map(|word| text.find(word))
            .collect();
        assert!(places.is_sorted() && places[0].is_some(), "{text}");
    }
}

//! Any bytes as an ELF file: what is in it, and what a loader would look for on its behalf.
#![no_main]

use libfuzzer_sys::fuzz_target;
use libraries::{Content, Files, Unread, Wish};
use std::collections::BTreeSet;

/// A root in which every library is the same file, and nothing else is.
struct Same<'a>(&'a [u8]);

impl Files for Same<'_> {
    fn read(&self, path: &str) -> Result<Content, Unread> {
        match self.real(path) {
            Some(_) => Ok(Box::new(self.0.to_vec())),
            None => Err(Unread::Absent),
        }
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn real(&self, path: &str) -> Option<String> {
        (path == "/a" || path.ends_with(".so")).then(|| path.to_owned())
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = libraries::Elf::read(data, &BTreeSet::from(["getpwnam".to_owned()]));
    let wish = Wish { folder: "/".to_owned(), ..Wish::default() };
    let Ok(survey) = libraries::program(&Same(data), "/a", &wish) else { return };
    let look = report::Look { colour: false, source: &|_, _| None };
    let wanted = report::LibrariesLook { all: true, tree: true };
    let surveys = [survey];
    let text = report::libraries_text(&surveys, wanted, &look);
    assert!(!text.contains('\u{1b}'));
    let _ = report::libraries_json(&surveys).expect("no input can cause that");
});

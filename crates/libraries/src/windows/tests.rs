//! Programs of Windows in made-up folders.

use super::{Place, Places, Unusable, WindowsSurvey, windows};
use crate::Refusal;
use crate::tests::Root;
use library_writer::Library;
use pe::Machine;

#[allow(dead_code, reason = "the tests of the reader use all of it")]
#[path = "../../../pe/src/library_writer.rs"]
mod library_writer;

const I386: u16 = 0x14c;
const AMD64: u16 = 0x8664;

fn library(machine: u16, imports: &[&'static str]) -> Vec<u8> {
    let mut it = Library::new(machine, 0x1000_0000);
    it.imports = imports.to_vec();
    it.exports = vec!["First"];
    it.file()
}

fn follow(root: &Root, system: Option<&Root>, path: &str) -> WindowsSurvey {
    let system = system.map(|it| it as &dyn crate::Files);
    windows(&Places { files: root, path, system, more: &[] }).unwrap()
}

#[test]
fn the_programs_folder_goes_before_the_systems_but_not_for_known_ones() {
    let mut root = Root::default();
    root.put(
        "/app/a.exe",
        &library(AMD64, &["B.dll", "KERNEL32.dll", "api-ms-win-core-file-l1-1-0.dll"]),
    );
    root.put("/app/b.DLL", &library(AMD64, &["a.exe", "version"]));
    root.put("/app/kernel32.dll", &library(I386, &[]));
    let mut system = Root::default();
    for name in ["kernel32.dll", "b.dll", "Version.dll"] {
        system.put(&format!("/WINDOWS/System32/{name}"), &library(AMD64, &["nowhere.dll"]));
    }
    let survey = follow(&root, Some(&system), "/app/a.exe");
    assert!(survey.is_good(), "{survey:?}");
    let places: Vec<&Place> = survey.modules.iter().skip(1).map(|it| &it.place).collect();
    assert_eq!(
        places,
        [
            &Place::File("/app/b.DLL".to_owned()),
            &Place::System("/WINDOWS/System32/kernel32.dll".to_owned()),
            &Place::ApiSet,
            &Place::System("/WINDOWS/System32/Version.dll".to_owned()),
        ]
    );
}

#[test]
fn a_library_for_another_processor_is_taken_and_does_not_fit() {
    let mut root = Root::default();
    root.put("/app/a.exe", &library(AMD64, &["b.dll", "c.dll"]));
    root.put("/app/b.dll", &library(I386, &[])).put("/app/c.dll", b"MZ nothing");
    let survey = follow(&root, None, "/app/a.exe");
    let taken: Vec<_> = survey.lacks.iter().map(|it| it.taken.clone().unwrap()).collect();
    assert_eq!(taken[0], Unusable::Machine("/app/b.dll".to_owned(), Machine::I386));
    assert!(matches!(&taken[1], Unusable::Broken(path, _) if path == "/app/c.dll"));
}

#[test]
fn programs_of_32_bits_have_a_folder_of_their_own() {
    let mut root = Root::default();
    root.put("/app/a.exe", &library(I386, &["x.dll", "y.dll"]));
    let mut system = Root::default();
    system.put("/Windows/SysWOW64/x.dll", &library(I386, &[]));
    system.put("/Windows/System32/x.dll", &library(AMD64, &[]));
    system.put("/Windows/System32/y.dll", &library(AMD64, &[]));
    let survey = follow(&root, Some(&system), "/app/a.exe");
    assert_eq!(survey.lacks.len(), 1);
    assert_eq!(survey.lacks[0].others, [("/Windows/System32/y.dll".to_owned(), Machine::Amd64)]);
}

#[test]
fn functions_that_are_not_exported_are_told() {
    let mut root = Root::default();
    root.put("/app/a.exe", &library(AMD64, &["b.dll", "winmm.dll", "VCRUNTIME140.dll"]));
    root.put("/app/b.dll", &Library::new(AMD64, 0x1000_0000).file());
    let survey = follow(&root, None, "/app/a.exe");
    // The writer imports by ordinal 1.
    assert_eq!(
        (survey.functions.len(), survey.functions[0].functions.as_slice()),
        (1, &["#1".to_owned()][..])
    );
    assert_eq!(survey.lacks.len(), 1);
    assert!(survey.lacks[0].from.unwrap().what.contains("Redistributable"));
}

#[test]
fn what_is_no_program_is_refused() {
    let mut root = Root::default();
    root.put("/a.exe", b"MZ");
    let places = Places { files: &root, path: "/a.exe", system: None, more: &[] };
    assert!(matches!(windows(&places), Err(Refusal::Input(_))));
}

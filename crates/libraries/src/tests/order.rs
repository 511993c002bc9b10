//! The order in which folders are looked into, and what is passed by.

use super::{Root, missing, paths};
use crate::writer::{Elf, cache};
use crate::{Level, Need, Outcome, Rule, Why};

const AMD64: u32 = 0x303;
const I386: u32 = 0x3;

#[test]
fn rpath_goes_before_library_path_and_runpath_behind_it() {
    for (rpath, runpath, first) in [
        (Some("/r"), None, "/r/liba.so"),
        (None, Some("/r"), "/l/liba.so"),
        // With a RUNPATH, RPATH counts for nothing.
        (Some("/r"), Some("/u"), "/l/liba.so"),
    ] {
        let mut root = Root::debian();
        let mut program = Elf::program(true).needs(&["liba.so"]);
        (program.rpath, program.runpath) = (rpath, runpath);
        root.elf("/bin/a", &program);
        for folder in ["/r", "/u", "/l", "/lib"] {
            root.elf(&format!("{folder}/liba.so"), &Elf::new(true));
        }
        let survey = root.survey_with("/bin/a", &[("LD_LIBRARY_PATH", "/none:/l")]);
        assert_eq!(paths(&survey), [first], "{rpath:?} {runpath:?}");
    }
}

#[test]
fn rpath_counts_for_libraries_of_libraries_and_runpath_does_not() {
    let mut root = Root::debian();
    for (rpath, runpath, found) in [(Some("/r"), None, true), (None, Some("/r"), false)] {
        let mut program = Elf::program(true).needs(&["liba.so"]);
        (program.rpath, program.runpath) = (rpath, runpath);
        root.elf("/bin/a", &program);
        root.elf("/r/liba.so", &Elf::new(true).needs(&["libb.so"]));
        root.elf("/r/libb.so", &Elf::new(true));
        let survey = root.survey("/bin/a");
        assert_eq!(missing(&survey).is_empty(), found);
        if !found {
            let lack = &survey.lacks[0];
            assert_eq!(
                (lack.by.as_slice(), lack.level),
                (&["/r/liba.so".to_owned()][..], Level::Fatal)
            );
            assert_eq!(lack.chain, ["a", "liba.so"]);
            assert_eq!(
                lack.elsewhere.len(),
                0,
                "the folder of a RUNPATH is none where libraries are kept"
            );
        }
    }
    // A library with a RUNPATH of its own does without the RPATH of the program.
    let mut program = Elf::program(true).needs(&["liba.so"]);
    program.rpath = Some("/r");
    root.elf("/bin/a", &program);
    let mut library = Elf::new(true).needs(&["libb.so"]);
    library.runpath = Some("/elsewhere");
    root.elf("/r/liba.so", &library);
    assert_eq!(missing(&root.survey("/bin/a")), ["libb.so"]);
}

#[test]
fn tokens_are_replaced() {
    let mut root = Root::debian();
    let mut program =
        Elf::program(true).needs(&["liba.so", "libb.so", "libc.so", "$ORIGIN/libd.so"]);
    program.runpath = Some("$ORIGIN/../lib:/opt/$LIB:/p/${PLATFORM}:/x/$ORIGINAL");
    root.elf("/opt/app/bin/real", &program).link("/bin/a", "/opt/app/bin/real");
    for path in [
        "/opt/app/lib/liba.so",
        "/opt/lib/x86_64-linux-gnu/libb.so",
        "/p/x86_64/libc.so",
        "/opt/app/bin/libd.so",
    ] {
        root.elf(path, &Elf::new(true));
    }
    let survey = root.survey("/bin/a");
    assert_eq!(missing(&survey), [] as [&str; 0]);
    assert_eq!(
        paths(&survey)[0],
        "/opt/app/bin/../lib/liba.so",
        "the program's own folder, without links"
    );
}

#[test]
fn the_cache_goes_before_the_default_folders() {
    let mut root = Root::debian();
    root.elf("/bin/a", &Elf::program(true).needs(&["liba.so", "libb.so"]));
    root.elf("/opt/liba.so", &Elf::new(true)).elf("/lib/liba.so", &Elf::new(true));
    root.elf("/lib/libb.so", &Elf::new(true));
    // What is no longer there, and what is for others, is passed by.
    root.put(
        "/etc/ld.so.cache",
        &cache(&[
            ("liba.so", "/opt/32/liba.so", I386, None),
            ("liba.so", "/opt/liba.so", AMD64, None),
            ("libb.so", "/opt/gone/libb.so", AMD64, None),
        ]),
    );
    assert_eq!(paths(&root.survey("/bin/a")), ["/opt/liba.so", "/lib/libb.so"]);
    let mut program = Elf::program(true).needs(&["liba.so", "libb.so"]);
    program.flags_1 = 0x800;
    root.elf("/bin/a", &program);
    let survey = root.survey("/bin/a");
    assert_eq!(paths(&survey), ["/opt/liba.so"], "the default folders are barred");
    assert_eq!(survey.lacks[0].elsewhere[0].why, Why::NotSearched);
}

#[test]
fn folders_for_better_processors_go_first() {
    let mut root = Root::debian();
    root.elf("/bin/a", &Elf::program(true).needs(&["liba.so", "libb.so"]));
    root.put(
        "/etc/ld.so.cache",
        &cache(&[
            ("liba.so", "/l/liba.so", AMD64, None),
            ("liba.so", "/l/glibc-hwcaps/x86-64-v2/liba.so", AMD64, Some("x86-64-v2")),
            ("liba.so", "/l/glibc-hwcaps/x86-64-v4/liba.so", AMD64, Some("x86-64-v4")),
        ]),
    );
    for path in
        ["/l/liba.so", "/l/glibc-hwcaps/x86-64-v2/liba.so", "/l/glibc-hwcaps/x86-64-v4/liba.so"]
    {
        root.elf(path, &Elf::new(true));
    }
    root.elf("/usr/lib/glibc-hwcaps/x86-64-v3/libb.so", &Elf::new(true));
    root.elf("/usr/lib/libb.so", &Elf::new(true));
    let found = ["/l/glibc-hwcaps/x86-64-v2/liba.so", "/usr/lib/glibc-hwcaps/x86-64-v3/libb.so"];
    assert_eq!(paths(&root.survey("/bin/a")), found);
}

#[test]
fn without_a_cache_the_configuration_counts() {
    let mut root = Root::debian();
    root.elf("/bin/a", &Elf::program(true).needs(&["liba.so"]));
    root.put("/etc/ld.so.conf", b"# a comment\ninclude ld.so.conf.d/*.conf\n");
    root.put("/etc/ld.so.conf.d/x.conf", b"/opt/x # why\n/opt/y=libc6\n");
    root.elf("/opt/y/liba.so", &Elf::new(true));
    let survey = root.survey("/bin/a");
    assert_eq!(paths(&survey), ["/opt/y/liba.so"]);
    assert!(survey.notes[0].contains("ldconfig"), "{:?}", survey.notes);
    // With a cache that lacks it, ldconfig was not run.
    root.put("/etc/ld.so.cache", &cache(&[]));
    let survey = root.survey("/bin/a");
    assert_eq!(survey.lacks[0].elsewhere[0].why, Why::NotInCache);
}

#[test]
fn another_class_is_passed_by_and_told() {
    let mut root = Root::debian();
    root.elf("/bin/a", &Elf::program(false).needs(&["liba.so"]));
    root.elf("/l/liba.so", &Elf::new(true));
    root.elf("/usr/lib/i386-linux-gnu/liba.so", &Elf::new(false));
    let wish = [("LD_LIBRARY_PATH", "/l")];
    assert_eq!(paths(&root.survey_with("/bin/a", &wish)), ["/usr/lib/i386-linux-gnu/liba.so"]);
    root.elf("/bin/b", &Elf::program(false).needs(&["libb.so"]));
    root.elf("/l/libb.so", &Elf::new(true))
        .elf("/usr/lib/x86_64-linux-gnu/libb.so", &Elf::new(true));
    let survey = root.survey_with("/bin/b", &wish);
    let lack = &survey.lacks[0];
    assert!(matches!(lack.tries[0].outcome, Outcome::PassedBy(abi) if abi == crate::Abi::AMD64));
    assert_eq!(lack.tries[0].rule, Rule::LibraryPath);
    assert_eq!(lack.elsewhere[0].path, "/usr/lib/x86_64-linux-gnu/libb.so");
    assert!(!survey.is_good());
}

#[test]
fn a_broken_file_ends_the_search() {
    let mut root = Root::debian();
    root.elf("/bin/a", &Elf::program(true).needs(&["liba.so"]));
    root.put("/l/liba.so", b"#!/bin/sh\n").elf("/lib/liba.so", &Elf::new(true));
    let survey = root.survey_with("/bin/a", &[("LD_LIBRARY_PATH", "/l")]);
    assert_eq!(survey.lacks[0].stopped().unwrap().0, "/l/liba.so");
    assert_eq!(paths(&survey), [] as [&str; 0]);
}

#[test]
fn one_file_under_two_names_is_loaded_once() {
    let mut root = Root::debian();
    let mut library = Elf::new(true);
    library.soname = Some("liba.so.1");
    root.elf("/lib/liba.so.1.2", &library);
    root.link("/lib/liba.so.1", "liba.so.1.2").link("/lib/libz.so", "liba.so.1");
    root.elf(
        "/bin/a",
        &Elf::program(true).needs(&["liba.so.1", "libz.so", "ld-linux-x86-64.so.2"]),
    );
    let survey = root.survey("/bin/a");
    assert_eq!(paths(&survey), ["/lib/liba.so.1", "/lib64/ld-linux-x86-64.so.2"]);
    assert_eq!(missing(&survey), [] as [&str; 0]);
}

#[test]
fn musl_takes_the_first_file_and_has_libc_in_itself() {
    let mut root = Root::default();
    root.elf("/lib/ld-musl-x86_64.so.1", &Elf::new(true));
    let mut program = Elf::program(true).needs(&["libc.so.6", "liba.so", "libb.so"]);
    program.interpreter = Some("/lib/ld-musl-x86_64.so.1");
    program.runpath = Some("/r");
    root.elf("/bin/a", &program);
    root.elf("/usr/local/lib/liba.so", &Elf::new(true).needs(&["libr.so"]));
    root.elf("/lib/libb.so", &Elf::new(false)).elf("/usr/lib/libb.so", &Elf::new(true));
    root.elf("/r/libr.so", &Elf::new(true));
    let survey = root.survey("/bin/a");
    // RUNPATH counts for libraries of libraries here.
    assert_eq!(paths(&survey), ["/usr/local/lib/liba.so", "/r/libr.so"]);
    assert_eq!(survey.lacks[0].stopped().unwrap().0, "/lib/libb.so");
    root.put("/etc/ld-musl-x86_64.path", b"/m\n/n:/usr/local/lib\n")
        .elf("/n/libb.so", &Elf::new(true));
    assert_eq!(missing(&root.survey("/bin/a")), [] as [&str; 0]);
}

#[test]
fn what_is_preloaded_in_the_wrong_class_is_told() {
    let mut root = Root::debian();
    root.elf("/bin/a", &Elf::program(false).needs(&["liba.so"]));
    root.elf("/usr/lib/i386-linux-gnu/liba.so", &Elf::new(false));
    root.elf("/usr/lib/x86_64-linux-gnu/libhook.so", &Elf::new(true));
    let survey = root.survey_with("/bin/a", &[("LD_PRELOAD", "libhook.so liba.so")]);
    assert_eq!((missing(&survey), &survey.lacks[0].need), (vec!["libhook.so"], &Need::Preload));
    assert_eq!(survey.lacks[0].level, Level::Feature);
}

#[test]
fn a_loader_that_is_not_there_is_the_first_thing_missing() {
    let mut root = Root::default();
    root.elf("/bin/a", &Elf::program(false));
    let survey = root.survey("/bin/a");
    assert_eq!(
        (missing(&survey), &survey.lacks[0].need),
        (vec!["/lib/ld-linux.so.2"], &Need::Interpreter)
    );
}

#[test]
fn versions_that_a_library_does_not_have_are_told() {
    let mut root = Root::debian();
    let mut program = Elf::program(true).needs(&["libc.so.6", "libold.so"]);
    program.wants = vec![
        ("libc.so.6", vec!["GLIBC_2.2.5", "GLIBC_2.38", "GLIBC_2.37", "?GLIBC_2.40"]),
        ("libold.so", vec!["OLD_1.0"]),
    ];
    root.elf("/bin/a", &program);
    let mut libc = Elf::new(true);
    libc.gives = vec!["libc.so.6", "GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.36"];
    root.elf("/lib/libc.so.6", &libc).elf("/lib/libold.so", &Elf::new(true));
    let survey = root.survey("/bin/a");
    assert_eq!(survey.versions.len(), 2);
    let lack = &survey.versions[0];
    assert_eq!(
        (lack.version.as_str(), lack.reaches.as_deref()),
        ("GLIBC_2.38", Some("GLIBC_2.36"))
    );
    assert_eq!(lack.more, ["GLIBC_2.37"], "a weak one may be missing");
    assert!(survey.versions[1].is_unversioned && !survey.is_good());
}

#[test]
fn names_beside_a_call_of_dlopen_may_be_asked_for() {
    let mut root = Root::debian();
    let mut program = Elf::program(false);
    program.imports = vec!["puts", "dlopen"];
    program.texts = vec!["libplug.so.1", "libhere.so", "no library", "lib%d.so"];
    root.elf("/bin/a", &program).elf("/lib/libhere.so", &Elf::new(false));
    root.elf("/usr/lib/x86_64-linux-gnu/libplug.so.1", &Elf::new(true));
    let survey = root.survey("/bin/a");
    assert_eq!(
        survey.maybe.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["libhere.so", "libplug.so.1"]
    );
    assert_eq!(survey.maybe[0].path.as_deref(), Some("/lib/libhere.so"));
    assert_eq!(survey.maybe[1].elsewhere[0].why, Why::OtherAbi);
    assert!(survey.is_good(), "a name that may be asked for is no finding");
    program.imports = vec!["puts"];
    root.elf("/bin/a", &program);
    assert!(root.survey("/bin/a").maybe.is_empty());
}

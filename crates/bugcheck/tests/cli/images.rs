//! `--with`: images beside the driver, in `test`, in `--imports` and in tokens.

use crate::run;
use crate::scratch::Scratch;

const DRIVER: &str = "drivers/buggy/pool-double-free-library/pool-double-free-library.sys";
const LIBRARY: &str = "drivers/beside/ring-library-twice/ring-library-twice.sys";

fn token() -> String {
    let ran = run(&["test", DRIVER, "--with", LIBRARY]);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""));
    assert!(ran.out.contains("error[pool-double-free]: ring-library-twice.sys frees"));
    assert!(ran.out.contains("/* BUG: Empty() has freed it */"), "the other image's source line");
    let line = ran.out.lines().find_map(|line| line.trim().strip_prefix("bugcheck replay "));
    line.unwrap().to_owned()
}

#[test]
fn a_token_names_the_images_and_replays_with_them() {
    let token = token();
    assert!(token.contains(LIBRARY), "{token}");
    let ran = run(&["replay", &token]);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""));
    assert!(ran.out.contains("ring-library-twice.sys frees a second time"), "{}", ran.out);
    // A copy elsewhere is taken for the one of its name, and has to be the same build.
    let copy = Scratch::new(
        "ring-library-twice.sys",
        &std::fs::read(crate::root().join(LIBRARY)).unwrap(),
    );
    let ran = run(&["replay", &token, "--with", copy.path()]);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""));
}

#[test]
fn an_image_that_is_missing_or_another_one_is_told() {
    let token = token();
    let gone = token.replace("ring-library-twice/ring", "nowhere/ring");
    let ran = run(&["replay", &gone]);
    assert_eq!(ran.status, 2);
    assert!(
        ran.error.contains("nowhere/ring-library-twice.sys: there is no such file"),
        "{}",
        ran.error
    );
    assert!(ran.error.contains("--with"), "{}", ran.error);
    let mut image = std::fs::read(crate::root().join(LIBRARY)).unwrap();
    image.push(0);
    let other = Scratch::new("ring-library-twice.sys", &image);
    let ran = run(&["replay", &token, "--with", other.path()]);
    assert_eq!(ran.status, 2);
    assert!(ran.error.contains("another build"), "{}", ran.error);
    let ran = run(&["replay", &token, "--with", DRIVER]);
    assert_eq!(ran.status, 2);
    assert!(ran.error.contains("made without an image called pool-double-free-library.sys"));
}

#[test]
fn imports_say_which_image_satisfies_them() {
    let ran = run(&["test", DRIVER, "--with", LIBRARY, "--imports"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.contains("From images beside the driver (4)\n"), "{}", ran.out);
    assert!(ran.out.contains("(wanted by ring-library-twice.sys)"), "{}", ran.out);
}

#[test]
fn a_place_that_there_is_not_is_refused() {
    let ran = run(&["test", DRIVER, "--with", &format!("{LIBRARY}:beneath")]);
    assert_eq!(ran.status, 2);
    assert!(ran.error.contains(":below or :above"), "{}", ran.error);
}

//! Scenarios as they are written: what is read, and what is said of what is wrong.

use super::*;
use crate::battery::{self, Abilities};
use crate::scenario::Step;
use crate::scenario_steps::Verb;
use kernel::io::request::{Pointer, Transfer, major};

const GOOD: &str = r#"
    name = "a"
    prepare = [{ open = "write", as = "f" }]
    order = ["x", "y"]
    [[actor]]
    repeat = 3
    parallel = 2
    steps = [
        { write = { hex = "01 02" }, file = "f", as = "x", expect = { status = "STATUS_SUCCESS" } },
        { read = 4, file = "f", as = "y", wait = false },
        { sleep = 5 },
        { pnp = "query-stop" },
        { ioctl = 0x22_2000, file = "f", in = { text = "hi" }, out = 8 },
    ]
"#;

fn everything() -> Abilities {
    Abilities::everything()
}

fn one(text: &str) -> crate::scenario::Scenario {
    read(text).unwrap().scenarios(&everything()).remove(0)
}

#[test]
fn a_scenario_is_read() {
    let name = read_own(GOOD).unwrap().name;
    assert!(name.starts_with("a.file-"), "{name}");
    let scenario = one(GOOD);
    assert_eq!(scenario.name, "a");
    assert_eq!(scenario.actors.len(), 2);
    assert_eq!(scenario.actors[0].1.len(), 15);
    let script = scenario.script.unwrap();
    assert_eq!(script.order, [2, 3]);
    assert_eq!(script.steps[1].data.as_deref(), Some(&[1, 2][..]));
    assert_eq!(script.steps[1].file, 1);
}

/// Each of several who do the same means its own handle.
#[test]
fn parallel_actors_have_handles_of_their_own() {
    let scenario = one(r#"
        name = "a"
        [[actor]]
        name = "user"
        parallel = 2
        steps = [{ open = "read", as = "mine" }, { close = "mine" }]
        [[actor]]
        name = "other"
        steps = [{ cancel = "mine" }]
    "#);
    let script = scenario.script.unwrap();
    let tags: Vec<(u16, Verb)> = script.steps.iter().map(|step| (step.tag, step.verb)).collect();
    assert!(
        matches!(
            tags[..],
            [(1, _), (2, Verb::Close(1)), (3, _), (4, Verb::Close(3)), (5, Verb::Cancel(1))]
        ),
        "{tags:?}"
    );
    assert_eq!(scenario.actors[1].0, "user 2");
}

#[test]
fn lists_and_control_codes_are_multiplied_out() {
    let scenario = one(r#"
        name = "a"
        [[actor]]
        steps = [
            { open = "write" },
            { ioctl = "code", for-each = "control-code", in = [1, 2], out = 3, in-pointer = ["null", "good"] },
        ]
    "#);
    let script = scenario.script.unwrap();
    let transfers: Vec<(u32, u64, u64, Pointer)> = script.steps[1..]
        .iter()
        .map(|step| match step.verb {
            Verb::Transfer(Transfer { code, input, output, pointers, .. }) => {
                (code, input, output, pointers.0)
            }
            verb => panic!("{verb:?}"),
        })
        .collect();
    assert_eq!(
        transfers,
        [
            (0x22_2000, 1, 3, Pointer::Null),
            (0x22_2000, 2, 3, Pointer::Good),
            (0x22_2007, 1, 3, Pointer::Null),
            (0x22_2007, 2, 3, Pointer::Good),
        ]
    );
}

#[test]
fn what_a_driver_lacks_is_left_out() {
    let written = read(
        r#"
        name = "x-{code}"
        needs = ["open", ["read", "write"]]
        for-each = "control-code"
        [[actor]]
        steps = [{ open = "write" }, { read = 1, needs = ["read"] }, { ioctl = "code" }]
        [[actor]]
        needs = ["read"]
        unless = ["write"]
        steps = []
    "#,
    )
    .unwrap();
    let majors = 1 << major::CREATE | 1 << major::WRITE | 1 << major::DEVICE_CONTROL;
    let driver = Abilities { majors, ..everything() };
    let scenarios = written.scenarios(&driver);
    let names: Vec<&str> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names, ["x-00222000", "x-00222007"]);
    assert_eq!(scenarios[1].actors.len(), 1);
    assert_eq!(scenarios[1].actors[0].1.len(), 2);
    let poor = Abilities { majors: 1 << major::CREATE, codes: Vec::new(), ..driver };
    assert!(written.scenarios(&poor).is_empty());
    assert_eq!(written.unmet(&poor), ["read or write", "control-code"]);
}

/// What can be wrong with a text, one of each.
#[test]
fn what_is_wrong_is_told_with_its_place_and_what_is_allowed() {
    let scenario = |step: &str| format!("name = \"a\"\n[[actor]]\nsteps = [{{ {step} }}]\n");
    let opened = |step: &str| scenario(&format!("open = \"read\", as = \"f\" }},\n{{ {step}"));
    for (text, line, column, word) in [
        ("name = \"a\"\n".to_owned(), 1, 1, "[[actor]]"),
        ("nome = \"a\"\n".to_owned(), 1, 1, "did you mean `name`?"),
        ("name = ".to_owned(), 1, 8, ""),
        ("[[actor]]\nsteps = []\n".to_owned(), 1, 1, "has a `name`"),
        ("name = \"a\"\nactor = 1\n".to_owned(), 2, 9, "[[actor]]"),
        ("name = \"a b\"\n[[actor]]\nsteps = []\n".to_owned(), 1, 8, "letters"),
        ("name = \"a-{code}\"\n[[actor]]\nsteps = []\n".to_owned(), 1, 8, "`for-each`"),
        (format!("for-each = \"control-code\"\n{}", scenario("sleep = 1")), 2, 8, "`{code}`"),
        (format!("at-most = 3\n{}", scenario("sleep = 1")), 1, 11, "`for-each`"),
        (format!("needs = [\"raed\"]\n{}", scenario("sleep = 1")), 1, 10, "mean `read`?"),
        (format!("filters = 1\n{}", scenario("sleep = 1")), 1, 11, "`true` or `false`"),
        (format!("order = [\"x\"]\n{}", scenario("sleep = 1")), 1, 10, "no step has an `as`"),
        ("name = \"a\"\n[[actor]]\n".to_owned(), 2, 1, "an actor has `steps`"),
        ("name = \"a\"\n[[actor]]\nsteps = 1\n".to_owned(), 3, 9, "is an array"),
        ("name = \"a\"\n[[actor]]\nsteps = [1]\n".to_owned(), 3, 10, "is a table"),
        ("name = \"a\"\n[[actor]]\nparallel = 9\nsteps = []\n".to_owned(), 3, 12, "1 to 8"),
        ("name = \"a\"\n[[actor]]\nrepeat = 0\nsteps = []\n".to_owned(), 3, 10, "1 to 1000"),
        (scenario("raed = 4"), 3, 12, "did you mean `read`?"),
        (scenario("quux = 4"), 3, 12, "there are `open`, "),
        (scenario("sleep = 4, quux = 4"), 3, 23, "it may have `open`"),
        (scenario("sleep = 4, as = \"x\""), 3, 28, "it has no details"),
        (scenario("as = \"x\""), 3, 10, "exactly one"),
        (scenario("read = 4"), 3, 10, "which handle?"),
        (scenario("open = \"rd\""), 3, 19, "mean `read`?"),
        (opened("read = 4, write = 4"), 4, 1, "exactly one"),
        (opened("read = 4, in = 4"), 4, 18, "no `in`"),
        (opened("read = -1"), 4, 10, "0 to"),
        (opened("read = \"4\""), 4, 10, "0 to"),
        (opened("read = []"), 4, 10, "1 to 64 places"),
        (opened("ioctl = 1, in = [1, 2], out = [1]"), 4, 33, "equally long"),
        (opened("ioctl = \"code\""), 4, 11, "give a number"),
        (opened("read = 4, for-each = \"control-code\""), 4, 24, "for `ioctl`"),
        (opened("read = 4, out-pointer = \"nul\""), 4, 27, "mean `null`?"),
        (opened("close = \"g\""), 4, 11, "nothing is called `g`; steps are called `f`"),
        (opened("read = 4, as = \"f\""), 4, 18, "already"),
        (opened("read = 4, as = \"x y\""), 4, 18, "letters"),
        (opened("read = 4, as = \"r\", file = \"r\""), 4, 30, "a handle"),
        (opened("read = 4, wait = 1"), 4, 20, "`true` or `false`"),
        (
            opened("read = 4, wait = false, expect = { status = 0 }"),
            4,
            36,
            "nobody waits for this step",
        ),
        (opened("read = 4, expect = { sttaus = 0 }"), 4, 24, "mean `status`?"),
        (
            opened("read = 4, expect = { status = \"STATUS_SUCESS\" }"),
            4,
            33,
            "mean `STATUS_SUCCESS`?",
        ),
        (opened("read = 4, expect = { status = -1 }"), 4, 33, "a name like"),
        (opened("write = { hex = \"0\" }"), 4, 19, "pairs"),
        (opened("write = { hex = \"00\", text = \"\" }"), 4, 11, "`text`, `hex` or `zeros`"),
        (opened("write = true"), 4, 11, "a number of bytes"),
        (scenario("pnp = \"stop\""), 3, 18, "`stop-start`"),
        (scenario("pnp = \"surprise-removel\""), 3, 18, "mean `surprise-removal`?"),
        (scenario("power = 5"), 3, 20, "is a string"),
    ] {
        let error = read(&text).err().unwrap_or_else(|| panic!("{text} is read"));
        assert!(error.problem.contains(word), "{text}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
    }
}

#[test]
fn a_scenario_has_no_end_of_steps_and_actors() {
    let many = "name = \"a\"\n[[actor]]\nrepeat = 1000\nsteps = [{ sleep = 1 }, { sleep = 1 }, \
                { sleep = 1 }, { sleep = 1 }, { sleep = 1 }]\n";
    assert!(read(many).unwrap_err().problem.contains("these are 5000"));
    let actor = "[[actor]]\nparallel = 3\nsteps = []\n";
    let crowd = format!("name = \"a\"\n{}", actor.repeat(3));
    assert_eq!(read(&crowd).unwrap_err().line, 8);
}

#[test]
fn the_standard_scenarios_are_read_and_listed() {
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/standard");
    let mut there: Vec<String> = std::fs::read_dir(&home)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut listed: Vec<String> =
        battery::FILES.iter().map(|(file, _)| format!("{file}.toml")).collect();
    there.sort();
    listed.sort();
    assert_eq!(there, listed, "scenarios/standard and the list in battery.rs");
    for ((file, _), written) in battery::FILES.iter().zip(battery::standard()) {
        assert_eq!(written.name.replace("{code}", "code"), *file);
        assert!(written.about.ends_with('.'), "{file}: `about` is a sentence");
        assert!(!written.scenarios(&everything()).is_empty(), "{file}: no driver gets it");
    }
}

/// Whoever is for the same thing takes turns.
#[test]
fn neighbours_take_turns() {
    let names: Vec<String> =
        battery::scenarios(&everything()).into_iter().map(|scenario| scenario.name).collect();
    let first = names.iter().position(|name| name == "control-00222000-cancel").unwrap();
    assert_eq!(names[first + 3], "control-00222000-close");
    assert_eq!(names[first + 4], "control-00222007-cancel");
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len());
}

/// Steps done before a scenario keep their own handles, and leave those of the scenario alone.
#[test]
fn a_preparation_comes_before_everything_else() {
    let text = r#"
        about = "Tells the driver something."
        prepare = [
            { open = "write", as = "f" },
            { write = 4, file = "f", as = "told" },
            { pnp = "query-stop" },
            { close = "f" },
        ]
    "#;
    let before = read_preparation(text).unwrap().scenario(&everything(), None);
    let scenario = one(GOOD).prepared(&before);
    assert!(scenario.name.starts_with("a.prepared-"), "{}", scenario.name);
    let own = one(GOOD).script.unwrap();
    let script = scenario.script.unwrap();
    let at = |step: &Step| match step {
        Step::Scripted { step } => usize::from(*step),
        other => panic!("{other:?}"),
    };
    let [open, write, Step::QueryStop, close, last] = &scenario.prepare[..] else {
        panic!("{:?}", scenario.prepare)
    };
    let tags = |step: &Step| (script.steps[at(step)].tag, script.steps[at(step)].file);
    assert!(own.steps.iter().all(|step| ![tags(open).0, tags(write).0].contains(&step.tag)));
    assert_eq!(tags(write).1, tags(open).0);
    assert!(matches!(script.steps[at(close)].verb, Verb::Close(tag) if tag == tags(open).0));
    assert_eq!(at(last), 0, "the scenario's own");
    assert_eq!(script.order, own.order);
}

#[test]
fn a_preparation_is_steps_and_nothing_else() {
    let problem = |text: &str| read_preparation(text).unwrap_err().problem;
    assert!(problem("about = 'x'").contains("`prepare`"));
    assert!(problem("prepare = []\nname = 'a'").contains("name"));
}

/// What is expected of a step that does not wait is seen by whoever waits for it.
#[test]
fn a_step_that_somebody_waits_for_may_have_expectations() {
    let scenario = one(r#"
        name = "a"
        [[actor]]
        steps = [{ wait-for = "x" }]
        [[actor]]
        steps = [
            { open = "read" },
            { read = 4, as = "x", wait = false, expect = { information = 4 } },
        ]
    "#);
    assert_eq!(scenario.script.unwrap().steps[2].expect.information, Some(4));
}

#[test]
fn steps_of_the_managers_are_told_apart() {
    let scenario =
        one("name = \"a\"\n[[actor]]\nsteps = [{ power = \"idle\" }, { pnp = \"questions\" }]\n");
    assert!(matches!(scenario.actors[0].1[..], [Step::Idle, Step::Ask]));
}

#[test]
fn the_usual_length_is_the_drivers() {
    let text = r#"
        name = "usual"
        [[actor]]
        name = "application"
        steps = [{ open = "read-write" }, { read = "usual" }, { write = ["usual", 7] }]
    "#;
    let driver = Abilities { lengths: [512, 64], ..everything() };
    let script = read(text).unwrap().scenarios(&driver).remove(0).script.unwrap();
    let lengths: Vec<u64> = script
        .steps
        .iter()
        .filter_map(|step| match step.verb {
            Verb::Transfer(transfer) => Some(transfer.output),
            _ => None,
        })
        .collect();
    assert_eq!(lengths, [512, 64, 7]);
    // Who was not asked gets a few words.
    assert_eq!(Abilities::default().usual(major::READ), 16);
}

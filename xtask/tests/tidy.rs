//! House rules, held by a test each. A message names the home of what it found in the wrong place.
//!
//! What the compiler or clippy can hold is not here: see `[workspace.lints]` in `Cargo.toml`, the
//! rooms' `clippy.toml`, and `crates/verifier/src/tests.rs` for the rules about rules.

use std::fs;
use std::path::Path;

/// Most lines of a file; most have a quarter of that.
const MOST_LINES: usize = 800;

/// Where `unsafe` may stand: coroutines over one world, a mapped file, and machine code run on the host.
const UNSAFE: &[&str] =
    &["crates/kernel/src/context.rs", "crates/mapped-file/src/", "crates/cpu/tests/differential/"];

/// Rooms that have no outside world: no files, clocks, environment, processes.
const WITHOUT_WORLD: &[&str] = &[
    "finding",
    "nt",
    "knowledge",
    "pe",
    "rebase",
    "evidence",
    "processes",
    "libraries",
    "dump-writer",
    "diagnosis",
    "listing",
    "symbols",
    "signatures",
    "schedule",
    "memory",
    "cpu",
    "devices",
    "kernel",
    "verifier",
    "report",
];

/// Rooms that know nothing of ours: neither NT nor each other.
const ALONE: &[&str] =
    &["finding", "nt", "pe", "evidence", "dump-writer", "schedule", "memory", "cpu", "devices"];

fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the repository")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of the repository but what is built, fetched or generated, as a path with slashes.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let inner = path.strip_prefix(root()).expect("below the root");
            let inner = inner.to_string_lossy().replace('\\', "/");
            let ignored =
                matches!(name.as_str(), ".git" | "target" | "corpus" | "artifacts" | "seeds");
            if ignored || entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { found.push(inner) }
        }
    }
    found.sort();
    assert!(found.len() > 100, "the repository was not found");
    found
}

fn ends_with_one_of(file: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| file.ends_with(ending))
}

/// Files that people write and read.
fn sources() -> Vec<(String, String)> {
    let wanted = [".rs", ".c", ".h", ".md", ".toml", ".ci/run"];
    let all = files().into_iter().filter(|file| ends_with_one_of(file, &wanted));
    all.map(|file| (file.clone(), read(&file))).collect()
}

fn rust() -> impl Iterator<Item = (String, String)> {
    sources().into_iter().filter(|(file, _)| file.ends_with(".rs"))
}

/// A line without its comment; good enough for sources that keep `//` out of their strings.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Crates in the order of DESIGN.md's table: each may depend on those before it.
fn rooms() -> Vec<String> {
    let design = read("DESIGN.md");
    let rows = design.lines().filter_map(|line| line.strip_prefix("| `crates/"));
    let rooms: Vec<String> =
        rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect();
    assert!(rooms.len() > 10, "DESIGN.md, Rooms, was not found");
    rooms
}

fn none(problems: &[String], home: &str) {
    assert!(problems.is_empty(), "{home}\n  {}", problems.join("\n  "));
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{file}: {lines} lines"))
        .collect();
    let home = format!(
        "A file of more than {MOST_LINES} lines wants splitting by object or family, as \
         crates/kernel/src/ke is:"
    );
    none(&long, &home);
}

#[test]
fn unsafe_stays_in_its_rooms() {
    let word = concat!("un", "safe");
    let marks = ["{", "fn ", "impl ", "extern ", "trait "].map(|next| format!("{word} {next}"));
    let allowed = format!("allow({word}_code)");
    let found: Vec<String> = rust()
        .filter(|(file, _)| !UNSAFE.iter().any(|room| file.starts_with(room)))
        .filter(|(_, text)| {
            text.lines().map(code).any(|line| {
                line.contains(&allowed) || marks.iter().any(|mark| line.contains(mark.as_str()))
            })
        })
        .map(|(file, _)| file)
        .collect();
    none(&found, &format!("Do without {word}, or move what needs it to one of {UNSAFE:?}:"));
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let mut found = Vec::new();
    for (file, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                found.push(format!("{file}:{}: {mark}", index + 1));
            }
        }
    }
    let home = "Finish it, or stop with Outcome::Unsupported where the driver asks for it (what is \
                missing for good belongs to README.md, Limits):";
    none(&found, home);
}

#[test]
fn every_source_says_what_it_is() {
    let silent: Vec<String> = rust()
        .filter(|(_, text)| !text.lines().take(4).any(|line| line.starts_with("//!")))
        .map(|(file, _)| file)
        .collect();
    none(&silent, "Begin the file with a `//!` line that says what it holds:");
}

#[test]
fn no_file_names_a_machine() {
    let folders = ["wo", "ro", "Us"].map(|start| match start {
        "wo" => format!("/{start}rk/"),
        "ro" => format!("/{start}ot/"),
        _ => format!("/{start}ers/"),
    });
    let wanted =
        [".rs", ".c", ".h", ".md", ".toml", ".txt", ".json", ".tsv", ".sys", ".pdb", "run"];
    let mut found = Vec::new();
    for file in files().iter().filter(|file| ends_with_one_of(file, &wanted)) {
        let bytes = fs::read(root().join(file)).expect("listed a moment ago");
        for folder in &folders {
            if bytes.windows(folder.len()).any(|window| window == folder.as_bytes()) {
                found.push(format!("{file}: {folder}"));
            }
        }
    }
    none(
        &found,
        "Paths are relative to the repository; drivers are built by `cargo xtask drivers`:",
    );
}

#[test]
fn the_map_lists_every_crate() {
    let rooms = rooms();
    let lost: Vec<String> = fs::read_dir(root().join("crates"))
        .expect("crates/")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !rooms.contains(name))
        .collect();
    none(&lost, "A crate is a room: give it a row in DESIGN.md, Rooms, below what it depends on:");
}

#[test]
fn rooms_depend_on_earlier_ones_only() {
    let mut wrong = Vec::new();
    let rooms = rooms();
    for (index, room) in rooms.iter().enumerate() {
        let manifest = read(&format!("crates/{room}/Cargo.toml"));
        let start = manifest.find("\n[dependencies]").expect("a list of dependencies");
        let rest = &manifest[start + 1..];
        let list = rest.find("\n[").map_or(rest, |end| &rest[..end]);
        let names = list.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        for name in names.filter(|name| rooms.iter().any(|room| room == name)) {
            let earlier = rooms[..index].iter().any(|room| room == name);
            if !earlier || ALONE.contains(&room.as_str()) {
                wrong.push(format!("crates/{room} depends on {name}"));
            }
        }
    }
    let home = "Dependencies go down the list of DESIGN.md, Rooms; what two rooms share belongs into \
                the earlier one:";
    none(&wrong, home);
}

#[test]
fn rooms_without_a_world_have_the_same_prohibitions() {
    let first = read(&format!("crates/{}/clippy.toml", WITHOUT_WORLD[0]));
    for room in WITHOUT_WORLD {
        let own = read(&format!("crates/{room}/clippy.toml"));
        assert!(
            own == first,
            "crates/{room}/clippy.toml differs from that of finding: keep them alike"
        );
    }
}

#[test]
fn paths_in_the_documents_exist() {
    let starts = ["crates/", "drivers/", "xtask/", "fuzz/", ".ci/"];
    let mut wrong = Vec::new();
    for document in ["README.md", "DESIGN.md", "CONTRIBUTING.md"] {
        // Every second part between fences is a sample.
        let prose: Vec<String> =
            read(document).split("\n```").step_by(2).map(str::to_owned).collect();
        for quoted in prose.join("\n").split('`').skip(1).step_by(2) {
            for word in quoted.split_whitespace() {
                let path = word.trim_end_matches(['/', '.', ',', ':']);
                // `rules/<rule>.rs` and `{a,b}.rs` stand for several files.
                let plain = !path.contains(['<', '*', '{']);
                let ours = starts.iter().any(|start| path.starts_with(start));
                if ours && plain && !root().join(path).exists() {
                    wrong.push(format!("{document}: {path}"));
                }
            }
        }
    }
    none(&wrong, "A document names what is no longer there; say what is:");
}

#[test]
fn the_readme_has_every_command() {
    let readme = read("README.md");
    for file in files() {
        let verb = file.strip_prefix("crates/bugcheck/src/commands/");
        if let Some(verb) = verb.and_then(|name| name.strip_suffix(".rs")) {
            // A verb of a verb lies in its folder.
            let verb = verb.replace('/', " ");
            let row = format!("| `bugcheck {verb}");
            assert!(readme.contains(&row), "README.md, Commands, has no row for `{verb}`");
        }
    }
}

#[test]
fn every_fuzz_target_is_told_and_run() {
    let (told, run) = (read("fuzz/README.md"), read(".ci/run"));
    for file in files() {
        let target = file.strip_prefix("fuzz/fuzz_targets/");
        if let Some(target) = target.and_then(|name| name.strip_suffix(".rs")) {
            assert!(told.contains(&format!("| `{target}` |")), "fuzz/README.md lacks {target}");
            assert!(run.contains(target), ".ci/run does not run {target}");
        }
    }
}

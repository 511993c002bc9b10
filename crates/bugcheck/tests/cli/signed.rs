//! `explain` on signed drivers, catalogs and packages. The files are made by `cargo xtask signatures --fixtures`;
//! nobody trusts their keys.

use crate::{Ran, command, golden, run, scratch::Scratch};
use std::path::{Path, PathBuf};

const HOME: &str = "crates/bugcheck/tests/signed";

fn file(name: &str) -> Vec<u8> {
    std::fs::read(crate::root().join(HOME).join(name)).unwrap()
}

fn json(path: &str, status: i32) -> serde_json::Value {
    let ran = run(&["explain", path, "--format", "json"]);
    assert_eq!(ran.status, status, "{path}: {}", ran.error);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

/// Explains a file of a folder, run in there: where a line breaks shall not depend on the folder's name.
fn explain_in(folder: &Path, name: &str) -> Ran {
    let output = command(&["explain", name]).current_dir(folder).output().unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

/// From the signatures on, as what stands before is told of by others.
fn signatures(text: &str) -> &str {
    &text[text.find("\n  Signature").unwrap() + 1..]
}

/// A folder with files of the package, some of them changed at a byte; removed at its end.
struct Package(PathBuf);

impl Package {
    fn new(name: &str, changed: &[(&str, usize)]) -> Package {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = folder.join(format!("signed-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["driver.sys", "driver.inf", "package.cat"] {
            let mut bytes = file(name);
            for (_, at) in changed.iter().filter(|(it, _)| *it == name) {
                bytes[*at] ^= 0x20;
            }
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        Package(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn signed_drivers_are_told_of() {
    for name in ["pages", "stamped", "countersigned", "expired", "dual"] {
        let driver = Scratch::new("driver.sys", &file(&format!("{name}.sys")));
        let ran = run(&["explain", driver.path()]);
        assert_eq!(ran.status, 0, "{name}: {}", ran.error);
        // Without a timestamp the present counts.
        let mut text = signatures(&ran.out).to_owned();
        if let Some(at) = text.find("when it was signed (20") {
            let digits = at + "when it was signed (".len();
            text.replace_range(digits..digits + 19, "YYYY-MM-DD hh:mm:ss");
        }
        golden::check(&format!("signed/{name}.sys.txt"), &text).unwrap();
    }
}

/// A byte of a page, one of a stamp, and one behind everything.
#[test]
fn damage_is_told_and_is_a_finding() {
    let mut page = file("pages.sys");
    page[0x450] ^= 0x20;
    let mut stamp = file("stamped.sys");
    // The last bytes but some zeros are the signature of the stamp.
    let end = stamp.iter().rposition(|byte| *byte != 0).unwrap();
    stamp[end - 20] ^= 0x20;
    let mut longer = file("stamped.sys");
    longer.extend([1; 16]);
    for (name, bytes) in [("page", page), ("stamp", stamp), ("longer", longer)] {
        let driver = Scratch::new("driver.sys", &bytes);
        let ran = run(&["explain", driver.path()]);
        assert_eq!(ran.status, 1, "{name}: {}", ran.error);
        golden::check(&format!("signed/damaged-{name}.txt"), signatures(&ran.out)).unwrap();
    }
}

#[test]
fn a_catalog_tells_its_members_and_what_lies_beside_it() {
    let package = Package::new("whole", &[]);
    let path = package.path("package.cat");
    let ran = explain_in(&package.0, "package.cat");
    assert_eq!(ran.status, 0, "{}", ran.error);
    golden::check("signed/package.cat.txt", &ran.out).unwrap();
    let told = json(&path, 0);
    assert_eq!((&told["format"], &told["version"]), (&"catalog".into(), &2.into()));
    assert_eq!(told["members"][0]["file"], "driver.sys");
    assert_eq!(
        (&told["members"][0]["kind"], &told["members"][1]["kind"]),
        (&"image".into(), &"file".into())
    );
    assert_eq!(told["members"][1]["algorithm"], "SHA-256");
    assert_eq!(told["members"][1]["attributes"][1]["value"], "2:10.0");
    assert_eq!(told["signing"]["signatures"][0]["signed_at"], "2024-02-03T10:13:20Z");
}

#[test]
fn a_driver_is_looked_for_in_the_catalog_beside_it_or_given() {
    let package = Package::new("driver", &[]);
    let (driver, catalog) = (package.path("driver.sys"), package.path("package.cat"));
    let ran = explain_in(&package.0, "driver.sys");
    assert_eq!(ran.status, 0, "{}", ran.error);
    golden::check("signed/driver.sys.txt", signatures(&ran.out)).unwrap();

    let alone = Scratch::new("driver.sys", &file("driver.sys"));
    assert_eq!(json(alone.path(), 0)["signing"]["loads"][0]["rule"], "unsigned");
    for given in [&catalog, package.0.to_str().unwrap()] {
        let ran = run(&["explain", alone.path(), "--catalog", given]);
        assert_eq!(ran.status, 0, "{}", ran.error);
        assert!(ran.out.contains("of the catalog"), "{}", ran.out);
    }
    // Whoever asks whether it is in there is told no by the exit status, too.
    let other = "drivers/clean/pnp-interrupt/pnp-interrupt.sys";
    let ran = run(&["explain", other, "--catalog", &catalog]);
    assert_eq!(ran.status, 1, "{}", ran.error);
    assert!(ran.out.contains("Not listed in "), "{}", ran.out);
    for wrong in [driver.as_str(), "crates"] {
        let ran = run(&["explain", other, "--catalog", wrong]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.error.contains("--catalog: "), "{}", ran.error);
    }
}

#[test]
fn a_package_is_held_against_its_catalog() {
    let whole = Package::new("inf", &[]);
    let path = whole.path("driver.inf");
    let ran = explain_in(&whole.0, "driver.inf");
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.error);
    golden::check("signed/driver.inf.txt", &ran.out).unwrap();
    let told = json(&path, 0);
    assert_eq!(told["packaged"][0]["catalog"], "package.cat");
    assert_eq!(told["packaged"][0]["inf"]["membership"], "listed");
    assert_eq!(told["packaged"][0]["files"][0]["membership"], "listed");

    // Another catalog, given: the INF is not in there, and whoever gives it wants to know.
    let other = "drivers/clean/pnp-interrupt/pnp-interrupt.inf";
    let ran = run(&["explain", other, "--catalog", &whole.path("package.cat")]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.error);
    assert!(ran.out.contains("not listed  pnp-interrupt.inf"), "{}", ran.out);
    let ran = run(&["explain", &path, "--catalog", &whole.path("package.cat")]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.error);

    let text = String::from_utf8(file("driver.inf")).unwrap();
    std::fs::write(&path, text.replace("02/03/2024", "03/03/2024")).unwrap();
    let ran = run(&["explain", &path]);
    assert_eq!(ran.status, 1);
    let from = ran.out.find("  Catalog package.cat").unwrap();
    let to = ran.out.find("\n  Signature").unwrap();
    golden::check("signed/driver.inf-changed.txt", &ran.out[from..to]).unwrap();
    std::fs::remove_file(whole.path("package.cat")).unwrap();
    let told = json(&path, 0);
    assert_eq!(told["packaged"][0]["unread"], "it does not lie beside the INF");
}

#[test]
fn a_changed_file_or_catalog_is_a_finding() {
    for (name, at, explained) in [
        ("driver.sys", 0x250, "package.cat"),
        ("driver.sys", 0x250, "driver.sys"),
        ("driver.sys", 0x250, "driver.inf"),
        ("driver.inf", 16, "package.cat"),
        ("package.cat", 90, "package.cat"),
        ("package.cat", 90, "driver.inf"),
        ("package.cat", 90, "driver.sys"),
    ] {
        let package = Package::new(&format!("{name}-{explained}"), &[(name, at)]);
        let ran = run(&["explain", &package.path(explained)]);
        let what = format!("{name} changed, {explained} explained: {}{}", ran.out, ran.error);
        assert_eq!(ran.status, 1, "{what}");
        let due = match (name, explained) {
            ("package.cat", _) => "it does not hold",
            (_, "driver.sys") => "Not as ",
            _ => "CHANGED",
        };
        assert!(ran.out.contains(due), "{what}");
    }
}

/// A catalog beside a driver that is none is told, and keeps nothing from being told.
#[test]
fn a_catalog_that_cannot_be_read_is_told() {
    let package = Package::new("broken", &[]);
    std::fs::write(package.path("package.cat"), b"no catalog").unwrap();
    for name in ["driver.sys", "driver.inf"] {
        let ran = run(&["explain", &package.path(name)]);
        assert_eq!(ran.status, 0, "{}", ran.error);
        let words: Vec<&str> = ran.out.split_whitespace().collect();
        assert!(words.join(" ").contains("this is no catalog that can be read"), "{}", ran.out);
    }
}

#[test]
fn real_catalogs_are_told_of() {
    let beside = crate::root().join("../shared/corpus");
    let corpus = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    for name in ["relic-hyperv.cat", "signify-oem89.cat"] {
        let path = corpus.join("signatures").join(name);
        let Ok(bytes) = std::fs::read(&path) else {
            println!("SKIPPED: {} is not there", path.display());
            continue;
        };
        // Alone, for what lies beside it is told as well.
        let copy = Scratch::new(name, &bytes);
        let ran = explain_in(Path::new(copy.path()).parent().unwrap(), name);
        assert_eq!(ran.status, 0, "{}", ran.error);
        golden::check(&format!("signed/{name}.txt"), &ran.out).unwrap();
    }
}

//! Lists the files of `knowledge/bugchecks` and `knowledge/messages`, so that an entry is added by adding its file.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads the sources; the crate does not"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "../../knowledge/bugchecks";
const MESSAGES: &str = "../../knowledge/messages";

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut found: Vec<(u32, String)> = Vec::new();
    for entry in fs::read_dir(FOLDER).expect("knowledge/bugchecks").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".toml") else { continue };
        let digits = stem.strip_prefix("0x").unwrap_or_default();
        let code = u32::from_str_radix(digits, 16);
        let code = code.unwrap_or_else(|_| panic!("{name}: name it after its code, 0xd1.toml"));
        println!("cargo::rerun-if-changed={FOLDER}/{name}");
        found.push((code, name));
    }
    found.sort();
    let mut list = String::from("&[\n");
    for (code, name) in found {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{FOLDER}/{name}\")");
        let _ = writeln!(list, "(0x{code:X}, \"{name}\", include_str!({path})),");
    }
    list.push(']');
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("bugchecks.rs"), list).expect("OUT_DIR can be written");
    fs::write(Path::new(&out).join("messages.rs"), messages()).expect("OUT_DIR can be written");
}

/// Name and text of each file, a folder deep.
fn messages() -> String {
    println!("cargo::rerun-if-changed={MESSAGES}");
    let mut names = Vec::new();
    for folder in fs::read_dir(MESSAGES).expect("knowledge/messages").flatten() {
        let area = folder.file_name().to_string_lossy().into_owned();
        println!("cargo::rerun-if-changed={MESSAGES}/{area}");
        for file in fs::read_dir(folder.path()).expect("a folder for each area").flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.ends_with(".toml") {
                println!("cargo::rerun-if-changed={MESSAGES}/{area}/{name}");
                names.push(format!("{area}/{name}"));
            }
        }
    }
    names.sort();
    let mut list = String::from("&[\n");
    for name in names {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{MESSAGES}/{name}\")");
        let _ = writeln!(list, "(\"{name}\", include_str!({path})),");
    }
    list.push(']');
    list
}

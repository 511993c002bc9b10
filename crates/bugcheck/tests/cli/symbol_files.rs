//! Images and PDBs from a symbol server, and names from map files: what `explain` makes of them.

use crate::scratch::Scratch;
use crate::{command, root};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use symbol_store::Key;

const NAME: &str = "null-pointer";

/// A symbol server on this machine: what it has, and what it was asked for.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn with(files: HashMap<String, Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                let path = first.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let (status, body) = match files.get(&path) {
                    Some(body) => ("200 OK", body.as_slice()),
                    None => ("404 Not Found", &[][..]),
                };
                log.lock().unwrap().push(path);
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap();
            }
        });
        Server { address, asked }
    }

    fn was_asked_for(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

/// A folder that goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = path.join(format!("symbols-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn file_of(name: &str, extension: &str) -> Vec<u8> {
    std::fs::read(root().join(format!("drivers/buggy/{name}/{name}.{extension}"))).unwrap()
}

/// Where a server keeps the driver's image and its PDB.
fn places() -> (String, String) {
    let file = file_of(NAME, "sys");
    let image = pe::Image::parse(&file).unwrap();
    let own = Key::image(&format!("{NAME}.sys"), image.timestamp(), image.size_of_image()).unwrap();
    let codeview = image.codeview().unwrap().unwrap();
    let pdb = Key::pdb(&codeview.path, codeview.guid, codeview.age).unwrap();
    (own.path(), pdb.path())
}

/// A small dump of the driver's crash.
fn dump() -> Scratch {
    let driver = format!("drivers/buggy/{NAME}/{NAME}.sys");
    let told = crate::run(&["test", &driver, "--format", "json"]);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    let dump = Scratch::new("small.dmp", b"");
    let token = told["findings"][0]["replay"].as_str().unwrap();
    assert_eq!(crate::run(&["replay", token, "--dump", dump.path()]).status, 1);
    dump
}

fn explained(dump: &Scratch, more: &[&str]) -> Value {
    let ran = crate::run(&[&["explain", dump.path(), "--format", "json"], more].concat());
    assert_eq!((ran.status, ran.error.as_str()), (1, ""));
    serde_json::from_str(&ran.out).unwrap()
}

/// What was said of the driver's image, and its innermost frame.
fn of_driver(told: &Value) -> (String, Value) {
    let name = format!("{NAME}.sys");
    let images = told["images"].as_array().unwrap();
    let image = images.iter().find(|image| image["module"] == name.as_str()).unwrap();
    let stack = told["stack"].as_array().unwrap();
    let frame = stack.iter().find(|frame| frame["spot"]["module"] == name.as_str()).unwrap();
    (image["outcome"].as_str().unwrap().to_owned(), frame["spot"].clone())
}

#[test]
fn image_and_pdb_of_a_server_give_function_and_line_and_are_kept() {
    let (dump, (image, pdb)) = (dump(), places());
    let files = [(image.clone(), file_of(NAME, "sys")), (pdb.clone(), file_of(NAME, "pdb"))];
    let server = Server::with(HashMap::from(files));
    let cache = Folder::new("kept");
    let path = format!("srv*{}*{}", cache.path(), server.address);
    for _ in 0..2 {
        let told = explained(&dump, &["--symbols", &path]);
        let (outcome, spot) = of_driver(&told);
        assert!(outcome.starts_with("with its PDB"), "{outcome}");
        // Our drivers have no time stamp, so that any of their size would have been taken.
        assert!(outcome.contains("only its size"), "{outcome}");
        let file = spot["file"].as_str().unwrap_or_default();
        assert!(file.ends_with("driver.c") && spot["line"].is_u64(), "{spot}");
        assert!(spot["function"].is_string(), "{spot}");
    }
    assert_eq!((server.was_asked_for(&image), server.was_asked_for(&pdb)), (1, 1));
}

/// The same path in the environment, as debuggers take it.
#[test]
fn the_environment_may_name_the_server() {
    let (dump, (image, pdb)) = (dump(), places());
    let files = [(image, file_of(NAME, "sys")), (pdb.clone(), file_of(NAME, "pdb"))];
    let server = Server::with(HashMap::from(files));
    let cache = Folder::new("environment");
    let path = format!("srv*{}*{}", cache.path(), server.address);
    let ran = command(&["explain", dump.path(), "--format", "json"])
        .env("_NT_SYMBOL_PATH", path)
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(of_driver(&told).0.starts_with("with its PDB"));
    assert_eq!(server.was_asked_for(&pdb), 1);
}

/// A server may have anything under a name: what is of another build is said to be so, and not used.
#[test]
fn files_of_another_build_are_told_and_not_used() {
    let (dump, (image, pdb)) = (dump(), places());
    let files = [(image.clone(), file_of(NAME, "sys")), (pdb, file_of("pool-overrun", "pdb"))];
    let server = Server::with(HashMap::from(files));
    let cache = Folder::new("other-pdb");
    let path = format!("srv*{}*{}", cache.path(), server.address);
    let (outcome, spot) = of_driver(&explained(&dump, &["--symbols", &path]));
    assert!(outcome.starts_with("without names; "), "{outcome}");
    assert!(outcome.contains("does not belong to this image"), "{outcome}");
    assert!(!outcome.contains(".;"), "{outcome}");
    assert_eq!((&spot["function"], &spot["file"]), (&Value::Null, &Value::Null));

    let server = Server::with(HashMap::from([(image, file_of("hang", "sys"))]));
    let cache = Folder::new("other-image");
    let path = format!("srv*{}*{}", cache.path(), server.address);
    let (outcome, _) = of_driver(&explained(&dump, &["--symbols", &path]));
    assert!(outcome.contains("another build"), "{outcome}");
}

#[test]
fn a_server_that_cannot_be_reached_is_told() {
    let dump = dump();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cache = Folder::new("unreached");
    let path = format!("srv*{}*http://{address}", cache.path());
    let (outcome, _) = of_driver(&explained(&dump, &["--symbols", &path]));
    assert!(outcome.contains(&format!("http://{address}: ")), "{outcome}");
}

#[test]
fn a_path_that_is_none_counts_only_where_it_was_asked_for() {
    let dump = dump();
    let ran = crate::run(&["explain", dump.path(), "--symbols", "svr*/x*/y"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.error.contains("--symbols: symbol path element"), "{}", ran.error);
    let mut command = command(&["explain", dump.path()]);
    let ran = command.env("_NT_SYMBOL_PATH", "svr*/x*/y").output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("_NT_SYMBOL_PATH is passed over"), "{said}");
    assert!(String::from_utf8(ran.stdout).unwrap().contains("To blame: null-pointer.sys"));
}

/// A map file beside the image gives names where there is no PDB, of either linker's form.
#[test]
fn a_map_file_beside_the_image_gives_names() {
    let dump = dump();
    let file = file_of(NAME, "sys");
    let image = pe::Image::parse(&file).unwrap();
    let (stamp, base) = (image.timestamp(), image.image_base());
    let bare = of_driver(&explained(&dump, &[])).1;
    let rva = bare["rva"].as_str().unwrap().trim_start_matches("0x");
    let rva = u32::from_str_radix(rva, 16).unwrap();
    let functions = image.functions().unwrap();
    let holds = |function: &&pe::Function| (function.begin..function.end).contains(&rva);
    let start = base + u64::from(functions.iter().find(holds).unwrap().begin);
    let microsoft = format!(
        " null-pointer\r\n\r\n Timestamp is {stamp:08x} (Tue Feb 14 13:00:00 2012)\r\n\r\n \
         Preferred load address is {base:016x}\r\n\r\n  Address         Publics by Value              \
         Rva+Base               Lib:Object\r\n\r\n \
         0001:00000000       NamedByMap                 {start:016x} f   driver.obj\r\n"
    );
    let gnu = format!(
        "Memory Configuration\n\nLinker script and memory map\n\n\
         \x20               0x{base:016x}                __image_base__ = 0x{base:x}\n\n\
         .text           0x{start:016x}      0x400\n \
         .text          0x{start:016x}      0x400 driver.o\n\
         \x20               0x{start:016x}                NamedByMap\n"
    );
    for (form, map) in [("microsoft", &microsoft), ("gnu", &gnu)] {
        let folder = Folder::new(form);
        std::fs::write(folder.0.join("null-pointer.sys"), &file).unwrap();
        std::fs::write(folder.0.join("null-pointer.map"), map).unwrap();
        let (outcome, spot) = of_driver(&explained(&dump, &["--images", folder.path()]));
        assert!(outcome.starts_with("with a map file"), "{form}: {outcome}");
        assert_eq!(spot["function"], "NamedByMap", "{form}");
    }
    let other = microsoft.replace(&format!("{stamp:08x}"), &format!("{:08x}", stamp ^ 1));
    let folder = Folder::new("other-map");
    std::fs::write(folder.0.join("null-pointer.sys"), &file).unwrap();
    std::fs::write(folder.0.join("null-pointer.map"), other).unwrap();
    let (outcome, spot) = of_driver(&explained(&dump, &["--images", folder.path()]));
    assert!(outcome.contains("the map file was written for another build"), "{outcome}");
    assert_eq!(spot["function"], Value::Null);
}

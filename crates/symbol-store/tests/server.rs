//! A symbol server of a few lines, asked over HTTP on this machine.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use symbol_store::{Key, SymbolPath};

/// A folder that goes away with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("symbol-store-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn put(&self, path: &str, content: &[u8]) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Answers requests for these files with 200, for others with 404; what was asked for.
fn serve(files: HashMap<String, Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/symbols", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            let path = first.split(' ').nth(1).unwrap().to_owned();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            log.lock().unwrap().push(path.clone());
            let (status, body) = match files.get(path.strip_prefix("/symbols/").unwrap()) {
                Some(body) => ("200 OK", body.as_slice()),
                None => ("404 Not Found", &b"no"[..]),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap();
        }
    });
    (address, asked)
}

fn key() -> Key {
    Key::pdb("fifo.pdb", *b"0123456789abcdef", 2).unwrap()
}

fn path(text: &str, default: &Path) -> SymbolPath {
    SymbolPath::parse(text, default).unwrap()
}

fn content(path: Option<PathBuf>) -> Vec<u8> {
    std::fs::read(path.expect("found")).unwrap()
}

#[test]
fn a_file_is_fetched_once_and_kept() {
    let cache = Scratch::new("fetched");
    let (url, asked) = serve(HashMap::from([(key().path(), b"pdb".to_vec())]));
    let path = path(&format!("srv*{}*{url}", cache.0.display()), &cache.0);
    for _ in 0..2 {
        let search = path.find(&key());
        assert_eq!(content(search.found), b"pdb");
    }
    assert_eq!(*asked.lock().unwrap(), [format!("/symbols/{}", key().path())]);
    let left: Vec<_> = std::fs::read_dir(cache.0.join("fifo.pdb")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing unfinished stays");
}

#[test]
fn cabinets_are_unpacked() {
    let cache = Scratch::new("packed");
    let mut builder = cab::CabinetBuilder::new();
    builder.add_folder(cab::CompressionType::MsZip).add_file("fifo.pdb");
    let mut writer = builder.build(std::io::Cursor::new(Vec::new())).unwrap();
    while let Some(mut file) = writer.next_file().unwrap() {
        file.write_all(&[7; 5000]).unwrap();
    }
    let packed = writer.finish().unwrap().into_inner();
    let name = format!("{}fifo.pd_", key().path().strip_suffix("fifo.pdb").unwrap());
    let (url, _) = serve(HashMap::from([(name, packed)]));
    let search = path(&url, &cache.0).find(&key());
    assert_eq!(content(search.found), [7; 5000]);
}

#[test]
fn a_damaged_cabinet_leaves_nothing_behind() {
    let cache = Scratch::new("damaged");
    let name = format!("{}fifo.pd_", key().path().strip_suffix("fifo.pdb").unwrap());
    let (url, _) = serve(HashMap::from([(name, b"MSCF and then nothing".to_vec())]));
    let search = path(&url, &cache.0).find(&key());
    assert_eq!(search.found, None);
    assert!(search.tried[0].contains("cabinet cannot be unpacked"), "{:?}", search.tried);
    let folder = cache.0.join(Path::new(&key().path()).parent().unwrap());
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn pointers_are_followed() {
    let cache = Scratch::new("pointer");
    cache.put("far.pdb", b"far");
    let pointer = format!("PATH:{}", cache.0.join("far.pdb").display());
    let name = format!("{}file.ptr", key().path().strip_suffix("fifo.pdb").unwrap());
    let (url, _) = serve(HashMap::from([(name, pointer.into_bytes())]));
    assert_eq!(content(path(&url, &cache.0).find(&key()).found), b"far");
}

#[test]
fn what_is_not_there_is_told_by_place() {
    let cache = Scratch::new("missing");
    let (url, _) = serve(HashMap::new());
    let text = format!("{};{url};http://127.0.0.1:9/none", cache.0.display());
    let search = path(&text, &cache.0).find(&key());
    assert_eq!(search.found, None);
    assert_eq!(search.tried.len(), 3, "{:?}", search.tried);
    assert!(search.tried[1].contains("it has no fifo.pdb/"), "{:?}", search.tried);
}

#[test]
fn folders_hold_files_by_name_or_as_a_store() {
    let home = Scratch::new("folders");
    home.put("build/fifo.pdb", b"built");
    home.put(&format!("store/fi/{}", key().path()), b"two tiers");
    home.put("store/index2.txt", b"");
    let build = home.0.join("build");
    let near = home.0.join("near");
    let store = home.0.join("store");
    assert_eq!(content(path(&build.display().to_string(), &near).find(&key()).found), b"built");
    let text = format!("srv*{}*{}", near.display(), store.display());
    let found = path(&text, &near).find(&key()).found;
    assert_eq!(found.as_deref(), Some(near.join(key().path()).as_path()), "a copy is kept nearby");
    assert_eq!(content(found), b"two tiers");
}

/// A server that does not answer is asked once: every request may wait for as long.
#[test]
fn a_server_that_cannot_be_reached_is_asked_once() {
    let cache = Scratch::new("unreached");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/symbols", listener.local_addr().unwrap());
    let accepted = std::thread::spawn(move || {
        drop(listener.accept().unwrap());
        listener.set_nonblocking(true).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        listener.accept().is_err()
    });
    let path = path(&url, &cache.0);
    for _ in 0..2 {
        let search = path.find(&key());
        assert_eq!((search.found, search.hindered.len()), (None, 1));
    }
    assert!(accepted.join().unwrap(), "asked again");
}

#[test]
fn what_a_server_lacks_hinders_nothing() {
    let cache = Scratch::new("lacking");
    let (url, _) = serve(HashMap::new());
    let search = path(&url, &cache.0).find(&key());
    assert_eq!((search.tried.len(), search.hindered.len()), (1, 0));
}

//! Which files there are: one for each name by which the driver's devices can be opened, and those that
//! somebody asked for.

use bench::live::Openable;
use devices::StreamInfo;
use std::str::FromStr;

/// A file that somebody asked for: `NAME=PATH`, such as `read_8=\\.\fifo_read_8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The file's name.
    pub name: String,
    /// By which name it is opened.
    pub path: String,
    /// It has no position.
    pub stream: bool,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<NamedFile, String> {
        let (name, path) = text.split_once('=').ok_or("a file is told as NAME=PATH")?;
        if name.is_empty() || name.contains(['/', '\0']) || matches!(name, "." | "..") {
            return Err(format!("`{name}` cannot be a file's name"));
        }
        if !path.starts_with('\\') {
            return Err(format!("`{path}` is no name of a device, such as \\\\.\\fifo"));
        }
        Ok(NamedFile { name: name.to_owned(), path: path.to_owned(), stream: false })
    }
}

/// A file, present or past.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// By which name it is opened.
    pub path: String,
    /// It has no position: neither reads nor writes say where.
    pub stream: bool,
    /// It is there.
    pub present: bool,
}

/// Most files, present and past: their numbers have 16 bits.
const MOST_FILES: usize = 0xfff0;

/// All files. A file keeps its number for good.
#[derive(Debug, Default)]
pub struct Files {
    nodes: Vec<Node>,
    named: Vec<NamedFile>,
    streams: Vec<StreamInfo>,
}

/// What can be a file's name, and nothing that a terminal takes for more than a name.
fn file_name(name: &str) -> Option<String> {
    let plain = |c: char| if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c };
    let mut name: String = name.chars().map(plain).collect();
    // NAME_MAX of limits.h.
    while name.len() > 255 {
        name.pop();
    }
    (!matches!(name.as_str(), "" | "." | "..")).then_some(name)
}

impl Files {
    /// Those that were asked for; others come with [`Files::update`]. Each of the device's streams is a
    /// file as well, of which the driver is asked as of a file below its device.
    pub fn new(named: &[NamedFile], streams: Vec<StreamInfo>) -> Files {
        Files { nodes: Vec::new(), named: named.to_vec(), streams }
    }

    /// Takes over what can be opened now.
    pub fn update(&mut self, openable: &[Openable]) {
        self.nodes.iter_mut().for_each(|node| node.present = false);
        let named = self.named.clone();
        for NamedFile { name, path, stream } in named {
            self.add(Some(name), &path, stream);
        }
        for known in openable {
            // Asked for by another name, it has that one.
            if !self.named.iter().any(|named| named.path.eq_ignore_ascii_case(&known.path)) {
                self.add(file_name(&known.name), &known.path, false);
            }
        }
        let Some(device) = openable.first() else { return };
        for stream in std::mem::take(&mut self.streams) {
            let path = format!("{}\\{}", device.path, stream.name);
            self.add(file_name(&stream.name), &path, !stream.seekable);
            self.streams.push(stream);
        }
    }

    fn add(&mut self, name: Option<String>, path: &str, stream: bool) {
        let Some(name) = name else { return };
        if self.nodes.len() == MOST_FILES {
            return;
        }
        let known = self.nodes.iter_mut().find(|node| node.name == name);
        match known {
            // The first one of a name has it.
            Some(node) if node.present => {}
            Some(node) => {
                node.present = true;
                node.stream = stream;
                path.clone_into(&mut node.path);
            }
            None => {
                let path = path.to_owned();
                self.nodes.push(Node { name, path, stream, present: true });
            }
        }
    }

    /// The number of the file of this name.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.nodes.iter().position(|node| node.present && node.name.as_bytes() == name)
    }

    /// A file by its number.
    pub fn get(&self, number: usize) -> Option<&Node> {
        self.nodes.get(number).filter(|node| node.present)
    }

    /// Those that are there, with their numbers.
    pub fn present(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench::live::Buffers;

    fn openable(name: &str) -> Openable {
        let path = format!("\\??\\{name}");
        Openable { name: name.to_owned(), path, buffers: Buffers::Buffered }
    }

    #[test]
    fn files_come_and_go_and_keep_their_numbers() {
        let named = "data=\\\\.\\card\\data".parse().expect("a file");
        let mut files = Files::new(&[named], Vec::new());
        files.update(&[openable("card"), openable("a/b\u{1b}[31m"), openable("..")]);
        let names: Vec<&str> = files.present().map(|(_, node)| node.name.as_str()).collect();
        assert_eq!(names, ["data", "card", "a_b_[31m"]);
        files.update(&[openable("new")]);
        assert_eq!((files.find(b"card"), files.find(b"new")), (None, Some(3)));
        files.update(&[openable("card")]);
        assert_eq!(files.find(b"card"), Some(1));
    }

    #[test]
    fn streams_are_files_below_the_device() {
        let card = devices::FifoCard::default();
        let streams = devices::FarSide::streams(&card);
        let mut files = Files::new(&[], streams);
        files.update(&[]);
        assert_eq!(files.present().count(), 0);
        files.update(&[openable("FifoCard0")]);
        files.update(&[openable("FifoCard0")]);
        assert_eq!(files.present().count(), 6);
        let memory = files.find(b"memory").and_then(|number| files.get(number)).expect("a file");
        assert_eq!((memory.path.as_str(), memory.stream), ("\\??\\FifoCard0\\memory", false));
        assert!(
            files
                .find(b"loop")
                .and_then(|number| files.get(number))
                .is_some_and(|file| file.stream)
        );
    }

    #[test]
    fn a_file_that_is_asked_for_is_told_by_name_and_path() {
        for bad in ["data", "=\\x", "a/b=\\x", "..=\\x", "data=card"] {
            assert!(bad.parse::<NamedFile>().is_err(), "{bad}");
        }
    }
}

//! Programs in made-up roots.

mod order;
mod packages;
mod plugins;
mod refused;
mod traces;

use crate::files::{Content, Files, Unread, folder};
use crate::writer::Elf;
use crate::{Survey, Wish};
use std::collections::BTreeMap;

/// A root in memory.
#[derive(Clone, Debug, Default)]
pub struct Root {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
}

impl Root {
    /// One with glibc's loaders, which have Debian's folders.
    pub fn debian() -> Root {
        let mut root = Root::default();
        for (path, is_wide, triplet) in [
            ("/lib64/ld-linux-x86-64.so.2", true, "x86_64-linux-gnu"),
            ("/lib/ld-linux.so.2", false, "i386-linux-gnu"),
        ] {
            let mut loader = Elf::new(is_wide).file();
            loader.extend(
                format!("/lib/{triplet}/\0/usr/lib/{triplet}/\0/lib/\0/usr/lib/\0").bytes(),
            );
            root.put(path, &loader);
        }
        root
    }

    pub fn put(&mut self, path: &str, bytes: &[u8]) -> &mut Root {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    pub fn elf(&mut self, path: &str, elf: &Elf) -> &mut Root {
        self.put(path, &elf.file())
    }

    pub fn link(&mut self, path: &str, to: &str) -> &mut Root {
        self.links.insert(path.to_owned(), to.to_owned());
        self
    }

    pub fn survey(&self, path: &str) -> Survey {
        self.survey_with(path, &[])
    }

    pub fn survey_with(&self, path: &str, environment: &[(&str, &str)]) -> Survey {
        let environment =
            environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let wish = Wish {
            environment: environment.collect(),
            folder: "/home".to_owned(),
            levels: vec!["x86-64-v3".to_owned(), "x86-64-v2".to_owned()],
            ..Wish::default()
        };
        crate::program(self, path, &wish).unwrap()
    }
}

impl Files for Root {
    fn read(&self, path: &str) -> Result<Content, Unread> {
        let real = self.real(path).ok_or(Unread::Absent)?;
        match self.files.get(&real) {
            Some(bytes) => Ok(Box::new(bytes.clone())),
            None => Err(Unread::Barred("it is a folder".to_owned())),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let Some(real) = self.real(folder) else { return Vec::new() };
        let start = format!("{}/", real.trim_end_matches('/'));
        let paths = self.files.keys().chain(self.links.keys());
        let inner = paths.filter_map(|path| path.strip_prefix(&start)?.split('/').next());
        let mut names: Vec<String> = inner.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    fn real(&self, path: &str) -> Option<String> {
        let mut path = crate::files::plain(path);
        for _ in 0..8 {
            // Links stand for whole paths, or for folders on the way.
            let hit = self
                .links
                .iter()
                .find(|(link, _)| path == **link || path.starts_with(&format!("{link}/")));
            let Some((link, to)) = hit else { break };
            let to =
                if to.starts_with('/') { to.clone() } else { format!("{}/{to}", folder(link)) };
            path = crate::files::plain(&format!("{to}{}", &path[link.len()..]));
        }
        let start = format!("{}/", path.trim_end_matches('/'));
        let there =
            self.files.contains_key(&path) || self.files.keys().any(|it| it.starts_with(&start));
        there.then_some(path)
    }
}

/// Where the libraries of a survey were found, the program left out.
pub fn paths(survey: &Survey) -> Vec<&str> {
    survey.libraries.iter().skip(1).map(|library| library.path.as_str()).collect()
}

/// What is missing.
pub fn missing(survey: &Survey) -> Vec<&str> {
    survey.lacks.iter().map(|lack| lack.what.as_str()).collect()
}

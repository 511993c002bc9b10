//! Which loader a program has, and where that looks by itself.

use crate::conf;
use crate::elf::{Abi, Class, Elf};
use crate::files::{Files, base};

/// Bytes of a loader that are looked through.
const MOST: usize = 16 << 20;

/// A loader that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loader {
    /// Where it is, or would be.
    pub path: String,
    /// How it looks.
    pub kind: Kind,
    /// Folders in which it looks last.
    pub folders: Vec<String>,
    /// Where these folders are from.
    pub source: Source,
    /// What `$LIB` stands for.
    pub lib: Option<String>,
}

/// Kinds of loaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// glibc's.
    Glibc,
    /// musl's.
    Musl,
}

impl Kind {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Glibc => "glibc",
            Kind::Musl => "musl",
        }
    }
}

/// Where the folders of a loader are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Out of the loader itself.
    Loader,
    /// Out of its configuration.
    Configuration,
    /// As it is built unless somebody says otherwise.
    Usual,
}

/// The loader of a program or library.
///
/// # Errors
/// The path of one that is neither glibc's nor musl's.
pub fn of(files: &dyn Files, elf: &Elf) -> Result<Loader, String> {
    let path = elf.interpreter.clone().unwrap_or_else(|| usual(elf));
    let name = base(&path);
    if let Some(architecture) = musl(name) {
        let (folders, told) = conf::musl_path(files, &path, architecture);
        let source = if told { Source::Configuration } else { Source::Usual };
        return Ok(Loader { path, kind: Kind::Musl, folders, source, lib: None });
    }
    // ld-linux-x86-64.so.2, ld-linux.so.2, ld64.so.1, ld.so.1, ld-2.31.so
    let glibc = name.starts_with("ld-linux") || name.starts_with("ld64.so") || name == "ld.so.1";
    let versioned = name.strip_prefix("ld-2.").is_some_and(|rest| rest.ends_with(".so"));
    if !glibc && !versioned {
        return Err(path);
    }
    let own = files.read(&path).ok().map(|content| within(content.get(..MOST).unwrap_or(&content)));
    let (folders, source) = match own.filter(|folders| !folders.is_empty()) {
        Some(folders) => (folders, Source::Loader),
        None => (defaults(files, elf.abi), Source::Usual),
    };
    // DL_DST_LIB is the folder of libraries below the root, and so the first of the defaults.
    let lib = folders.first().map(|folder| folder.trim_matches('/').to_owned());
    Ok(Loader { path, kind: Kind::Glibc, folders, source, lib })
}

/// The architecture in the name of musl's loader.
fn musl(name: &str) -> Option<&str> {
    name.strip_prefix("ld-musl-")?.split(".so").next()
}

/// The loader that programs of this kind have, for a library, which names none.
fn usual(elf: &Elf) -> String {
    let abi = elf.abi;
    let musl = elf.needed.iter().find_map(|name| name.strip_prefix("libc.musl-"));
    if let Some(architecture) = musl.and_then(|rest| rest.split(".so").next()) {
        return format!("/lib/ld-musl-{architecture}.so.1");
    }
    match abi.debian() {
        Some("amd64") => "/lib64/ld-linux-x86-64.so.2",
        Some("x32") => "/libx32/ld-linux-x32.so.2",
        Some("arm64") => "/lib/ld-linux-aarch64.so.1",
        Some("armhf") => "/lib/ld-linux-armhf.so.3",
        Some("armel") => "/lib/ld-linux.so.3",
        Some("riscv64") => "/lib/ld-linux-riscv64-lp64d.so.1",
        Some("ppc64el") => "/lib64/ld64.so.2",
        Some("s390x" | "powerpc") => "/lib/ld64.so.1",
        Some("loong64") => "/lib64/ld-linux-loongarch-lp64d.so.1",
        _ => "/lib/ld-linux.so.2",
    }
    .to_owned()
}

/// The list of folders that glibc's loader was built with: texts that begin and end with a slash, one behind the
/// other (`system_dirs`, elf/dl-load.c). The longest such row counts.
fn within(data: &[u8]) -> Vec<String> {
    let mut best: Vec<String> = Vec::new();
    for at in memchr::memmem::find_iter(data, b"/\0/") {
        // The start of the first text of the row.
        let before = data.get(at.saturating_sub(256)..at).unwrap_or_default();
        let Some(nul) = memchr::memrchr(0, before) else { continue };
        let start = at - (before.len() - nul - 1);
        let mut row = Vec::new();
        let mut rest = data.get(start..).unwrap_or_default();
        while row.len() < 16
            && let Some(end) = memchr::memchr(0, rest.get(..256.min(rest.len())).unwrap_or(rest))
        {
            let Some(text) = rest.get(..end).and_then(|text| std::str::from_utf8(text).ok()) else {
                break;
            };
            let folder = text.len() > 1 && text.starts_with('/') && text.ends_with('/');
            if !folder || !text.contains("lib") {
                break;
            }
            row.push(text.trim_end_matches('/').to_owned());
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        if row.len() > best.len() {
            best = row;
        }
    }
    best
}

/// Folders that distributions build it with: Debian's multiarch where that is used, else lib64 and lib.
fn defaults(files: &dyn Files, abi: Abi) -> Vec<String> {
    if let Some(triplet) = abi.triplet()
        && files.real(&format!("/usr/lib/{triplet}")).is_some()
    {
        let own = ["/lib/", "/usr/lib/"].map(|start| format!("{start}{triplet}"));
        return own.into_iter().chain(["/lib".to_owned(), "/usr/lib".to_owned()]).collect();
    }
    let wide = abi.class == Class::Bits64 && files.real("/usr/lib64").is_some();
    let names = if wide { ["/lib64", "/usr/lib64"] } else { ["/lib", "/usr/lib"] };
    names.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_own_list_is_found() {
        let mut data = b"\x7fELF....\0/etc/x/\0/dev\0".to_vec();
        data.extend(
            b"\0\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0\0",
        );
        let all = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"];
        assert_eq!(within(&data), all);
        assert!(within(b"nothing").is_empty());
        assert!(within(b"/\0/").is_empty());
    }
}

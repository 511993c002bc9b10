//! The files that libraries are looked for in. Whoever has a disk implements [`Files`].

use std::ops::Deref;

/// Bytes of a file.
pub type Content = Box<dyn Deref<Target = [u8]>>;

/// Why there is nothing to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// There is no such file.
    Absent,
    /// There is one, and it cannot be read: why.
    Barred(String),
}

/// Files below one root. Paths are absolute, and links are followed as if the root were `/`.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// That it is not there, or why it cannot be read.
    fn read(&self, path: &str) -> Result<Content, Unread>;

    /// Names in a folder, sorted; none of one that is not there.
    fn list(&self, folder: &str) -> Vec<String>;

    /// The path without links, if it leads to anything.
    fn real(&self, path: &str) -> Option<String>;

    /// A whole file as text, if it is there and no larger than `most` bytes.
    fn text(&self, path: &str, most: usize) -> Option<String> {
        let content = self.read(path).ok()?;
        (content.len() <= most).then(|| crate::text(&content))
    }
}

/// The folder of a path; `/` for a name in the root.
pub(crate) fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

/// The name at the end of a path.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path with `.`, `..` and doubled slashes taken out, as text: links are not looked at.
pub(crate) fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Files whose paths fit a pattern with `*`, `?` and `[...]` in its parts, in order of names (glob(7)). A part
/// without them is taken as it is.
pub(crate) fn glob(files: &dyn Files, pattern: &str) -> Vec<String> {
    /// Paths of one pattern.
    const MOST: usize = 4096;
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let wild = part.contains(['*', '?', '[']);
        let mut next = Vec::new();
        for folder in found {
            if !wild {
                next.push(format!("{folder}/{part}"));
                continue;
            }
            let names = files.list(if folder.is_empty() { "/" } else { &folder });
            let fits = names.into_iter().filter(|name| fits(part, name));
            next.extend(fits.map(|name| format!("{folder}/{name}")));
        }
        next.truncate(MOST);
        found = next;
    }
    found.retain(|path| files.real(path).is_some());
    found
}

/// Whether a name fits a pattern. A leading dot is fitted by a dot only.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // Where the last star was, and how much of the name it has taken.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') => {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            Some('[') => {
                if let Some((hit, length)) =
                    class(pattern.get(p + 1..).unwrap_or_default(), name[n])
                    && hit
                {
                    (p, n) = (p + 1 + length, n + 1);
                    continue;
                }
            }
            Some(c) if *c == name[n] => {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            _ => {}
        }
        let Some((at, taken)) = star else { return false };
        star = Some((at, taken + 1));
        (p, n) = (at + 1, taken + 1);
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

/// Whether `c` is in the class that begins behind a bracket, and how long that is.
fn class(rest: &[char], c: char) -> Option<(bool, usize)> {
    let not = matches!(rest.first(), Some('!' | '^'));
    let start = usize::from(not);
    // A bracket in the first place is an ordinary character.
    let end = rest.iter().skip(start + 1).position(|it| *it == ']')? + start + 1;
    let inside = rest.get(start..end)?;
    let mut hit = false;
    let mut at = 0;
    while let Some(from) = inside.get(at) {
        match (inside.get(at + 1), inside.get(at + 2)) {
            (Some('-'), Some(to)) => {
                hit |= (*from..=*to).contains(&c);
                at += 3;
            }
            _ => {
                hit |= *from == c;
                at += 1;
            }
        }
    }
    Some((hit != not, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_a_shell_fits_them() {
        for (pattern, name) in [
            ("*.conf", "a.conf"),
            ("a*b*c", "aXbYbc"),
            ("?x", "ax"),
            ("[a-c]1", "b1"),
            ("[!a-c]1", "d1"),
            ("[]]", "]"),
            (".*", ".a"),
            ("[", "["),
            ("a**", "a"),
        ] {
            assert!(fits(pattern, name) != (pattern == "["), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.conf", ".conf"), ("a*b", "abc"), ("?", ""), ("[a-c]", "d"), ("*", ".a")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn paths_are_made_plain() {
        assert_eq!(plain("/usr/lib/../lib//x/./y"), "/usr/lib/x/y");
        assert_eq!(plain("/../.."), "/");
        assert_eq!((folder("/a"), folder("/a/b"), base("/a/b")), ("/", "/a", "b"));
    }
}

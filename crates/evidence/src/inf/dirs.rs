//! Directory identifiers.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/using-dirids>

/// Identifiers and the directories that they stand for, on a system in its usual place.
const DIRECTORIES: &[(i64, &str)] = &[
    (1, "<source>"),
    (10, r"C:\Windows"),
    (11, r"C:\Windows\System32"),
    (12, r"C:\Windows\System32\drivers"),
    (13, "<driver store>"),
    (17, r"C:\Windows\INF"),
    (18, r"C:\Windows\Help"),
    (20, r"C:\Windows\Fonts"),
    (21, "<viewers>"),
    (23, "<color>"),
    (24, r"C:\"),
    (25, "<shared>"),
    (30, "<boot disk>"),
    (50, r"C:\Windows\System"),
    (51, "<spool>"),
    (52, "<spool drivers>"),
    (53, "<user profile>"),
    (54, "<loader>"),
    (55, "<print processors>"),
    (-1, ""),
    (65535, ""),
    (66000, "<printer driver>"),
    (66001, "<print processor>"),
    (66002, "<printer system32>"),
    (66003, "<printer color>"),
    (66004, "<printer web>"),
];

/// Shell folders: 16384 more than their CSIDL.
const SHELL: std::ops::RangeInclusive<i64> = 16384..=32767;
/// Identifiers that an installer defines for itself.
const OWN: std::ops::RangeInclusive<i64> = 32768..=65534;

/// The directory that `id` stands for. A name in `<>` is none of a fixed path.
pub fn directory(id: i64) -> Option<String> {
    if let Some((_, path)) = DIRECTORIES.iter().find(|(it, _)| *it == id) {
        return Some((*path).to_owned());
    }
    match id {
        16422 => Some(r"C:\Program Files".to_owned()),
        16425 => Some(r"C:\Windows\SysWOW64".to_owned()),
        16426 => Some(r"C:\Program Files (x86)".to_owned()),
        16427 => Some(r"C:\Program Files\Common Files".to_owned()),
        16428 => Some(r"C:\Program Files (x86)\Common Files".to_owned()),
        _ if SHELL.contains(&id) => Some(format!("<shell folder {:#x}>", id.saturating_sub(16384))),
        _ => None,
    }
}

/// Whether `id` is one that an installer may have defined.
pub(super) fn is_own(id: i64) -> bool {
    OWN.contains(&id) || (id > 65535 && directory(id).is_none())
}

/// A path that begins with `%id%`: the identifier, and the rest behind the backslash.
pub(super) fn split(path: &str) -> Option<(i64, &str)> {
    let (id, rest) = path.strip_prefix('%')?.split_once('%')?;
    Some((id.parse().ok()?, rest.trim_start_matches('\\')))
}

/// `folder` and what lies in it.
pub(super) fn join(folder: &str, rest: &str) -> String {
    let rest = rest.trim_start_matches('\\');
    if folder.is_empty() || rest.is_empty() {
        return format!("{folder}{rest}");
    }
    format!("{}\\{rest}", folder.trim_end_matches('\\'))
}

/// `path` with the directory that its identifier stands for.
pub(super) fn resolved(path: &str) -> String {
    let known = split(path).and_then(|(id, rest)| Some(join(&directory(id)?, rest)));
    known.unwrap_or_else(|| path.to_owned())
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/', '%']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_with_an_identifier() {
        assert_eq!(resolved(r"%12%\a.sys"), r"C:\Windows\System32\drivers\a.sys");
        assert_eq!(resolved(r"%13%\a.sys"), r"<driver store>\a.sys");
        assert_eq!(resolved(r"System32\a.sys"), r"System32\a.sys");
        assert_eq!(resolved(r"%24%\x"), r"C:\x");
        assert_eq!(file_name(r"%12%\sub\a.sys"), "a.sys");
        assert!(is_own(40000) && !is_own(66000) && !is_own(12) && is_own(70000));
    }
}

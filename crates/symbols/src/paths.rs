//! Paths that other machines recorded.

/// The last component of a Windows or Unix path, if it can serve as a file name anywhere.
pub(crate) fn file_name(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\', ':']).next()?;
    let is_harmless = !name.is_empty()
        && name != "."
        && name != ".."
        && name.len() <= 255
        && !name.chars().any(|c| c.is_control() || c == '\u{fffd}');
    is_harmless.then(|| name.to_string())
}

/// A path as reports show it: with forward slashes, whichever way the compiler wrote them.
pub(crate) fn forward(path: &str) -> String {
    path.replace('\\', "/")
}

/// Whether a file comes with the compiler or the kit, so that nobody looks for his bug there.
pub(crate) fn is_of_kit(path: &str) -> bool {
    const KITS: [&str; 5] = ["/usr/", "mingw", "windows kits", "program files", "lib/clang"];
    let path = forward(path).to_ascii_lowercase();
    KITS.iter().any(|kit| path.contains(kit))
}

/// `file` without the folder that the compiler ran in, where the path was relative to it.
pub(crate) fn relative_to<'a>(file: &'a str, folder: &str) -> &'a str {
    let folder = folder.trim_end_matches(['/', '\\']);
    let rest = file
        .strip_prefix(folder)
        .filter(|_| !folder.is_empty())
        .and_then(|rest| rest.strip_prefix(['/', '\\']))
        .filter(|rest| !rest.is_empty());
    let mut file = rest.unwrap_or(file);
    while let Some(rest) = file.strip_prefix("./").or_else(|| file.strip_prefix(".\\")) {
        file = rest;
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_component_of_a_path_is_believed() {
        assert_eq!(file_name(r"C:\build\x64\fifo.pdb").as_deref(), Some("fifo.pdb"));
        assert_eq!(file_name("/tmp/a/fifo.pdb").as_deref(), Some("fifo.pdb"));
        assert_eq!(file_name("fifo.pdb").as_deref(), Some("fifo.pdb"));
        assert_eq!(file_name("c:fifo.pdb").as_deref(), Some("fifo.pdb"));
        for hostile in ["", "/", "..", r"a\..", ".", "a/\0b", "x\n", &"y".repeat(300)] {
            assert_eq!(file_name(hostile), None, "{hostile:?}");
        }
    }

    #[test]
    fn slashes_lean_one_way() {
        assert_eq!(forward(r"drivers\fifo\driver.c"), "drivers/fifo/driver.c");
        assert_eq!(forward(r"c:\drv/a.c"), "c:/drv/a.c");
        assert_eq!(forward("a.c"), "a.c");
    }

    #[test]
    fn headers_of_kits_are_known() {
        for path in [
            "/usr/share/mingw-w64/include/ddk/wdm.h",
            r"C:\Program Files (x86)\Windows Kits\10\Include\10.0.26100.0\km\wdm.h",
            r"D:\EWDK\Program Files\Windows Kits\10\Include\10.0.22621.0\km\wdm.h",
        ] {
            assert!(is_of_kit(path), "{path}");
        }
        for path in ["drivers/include/driver.h", r"c:\src\fifo\include\queue.h", "wdm.c"] {
            assert!(!is_of_kit(path), "{path}");
        }
    }

    #[test]
    fn the_compilers_folder_is_dropped() {
        assert_eq!(relative_to("/home/me/drv/src/a.c", "/home/me/drv"), "src/a.c");
        assert_eq!(relative_to("/home/me/drv/src/a.c", "/home/me/drv/"), "src/a.c");
        assert_eq!(relative_to("/home/me/drv2/a.c", "/home/me/drv"), "/home/me/drv2/a.c");
        assert_eq!(relative_to("././drivers/a.c", "."), "drivers/a.c");
        assert_eq!(relative_to("/usr/include/wdm.h", ""), "/usr/include/wdm.h");
        assert_eq!(relative_to(r"c:\drv\a.c", r"c:\drv"), "a.c");
        assert_eq!(relative_to("/home/me", "/home/me"), "/home/me");
    }
}

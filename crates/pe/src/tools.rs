//! Which tool a product number stands for, in the Rich header of images and `@comp.id` of objects.
//!
//! Microsoft documents the numbers nowhere. They are those of dishather's "richprint", which has the names of
//! Microsoft's own list (`prodidUtc1900_C`, ...): from Visual Studio 2010 on each version has the same 18 tools in a
//! row, and before each its own.

use std::fmt;

/// Major and minor number of a version.
type Number = (u16, u16);

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// What it is.
    pub what: &'static str,
    /// Its version: major, minor.
    pub version: Option<Number>,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some((major, minor)) => write!(f, "{} {major}.{minor:02}", self.what),
            None => f.write_str(self.what),
        }
    }
}

/// The 18 tools of a version; the first seven have the linker's number, the others the compiler's.
const ROW: [&str; 18] = [
    "alias object",
    "profile converter",
    "resource converter",
    "exports",
    "import library",
    "linker",
    "assembler",
    "C compiler",
    "C++ compiler",
    "C compiler, from MSIL",
    "C++ compiler, from MSIL",
    "C compiler, /GL",
    "C++ compiler, /GL",
    "MSIL, /GL",
    "C compiler, instrumented for profiles",
    "C++ compiler, instrumented for profiles",
    "C compiler, optimised by profile",
    "C++ compiler, optimised by profile",
];
/// First number of a row, version of the linker, version of the compiler.
const ROWS: [(u16, Number, Number); 5] = [
    (0x0b5, (10, 10), (16, 10)),
    (0x0c7, (11, 0), (17, 0)),
    (0x0d9, (12, 0), (18, 0)),
    (0x0eb, (12, 10), (18, 10)),
    (0x0fd, (14, 0), (19, 0)),
];

/// The tool of a product number; `None` for one that is not known.
pub fn tool(product: u16) -> Option<Tool> {
    for (first, linker, compiler) in ROWS {
        let index = usize::from(product.wrapping_sub(first));
        if let Some(what) = ROW.get(index) {
            return Some(Tool { what, version: Some(if index < 7 { linker } else { compiler }) });
        }
    }
    let (what, version) = match product {
        0x00 => ("no tool that says so", None),
        0x01 => ("imports", None),
        0x5a => ("linker", Some((7, 10))),
        0x5c => ("exports", Some((7, 10))),
        0x5d => ("import library", Some((7, 10))),
        0x5e => ("resource converter", Some((7, 10))),
        0x0f => ("assembler", Some((7, 10))),
        0x5f => ("C compiler", Some((13, 10))),
        0x60 => ("C++ compiler", Some((13, 10))),
        0x63 => ("C compiler, /GL", Some((13, 10))),
        0x64 => ("C++ compiler, /GL", Some((13, 10))),
        0x6d => ("C compiler", Some((14, 0))),
        0x6e => ("C++ compiler", Some((14, 0))),
        0x71 => ("C compiler, /GL", Some((14, 0))),
        0x72 => ("C++ compiler, /GL", Some((14, 0))),
        0x78 => ("linker", Some((8, 0))),
        0x7a => ("exports", Some((8, 0))),
        0x7b => ("import library", Some((8, 0))),
        0x7c => ("resource converter", Some((8, 0))),
        0x7d => ("assembler", Some((8, 0))),
        0x83 => ("C compiler", Some((15, 0))),
        0x84 => ("C++ compiler", Some((15, 0))),
        0x89 => ("C compiler, /GL", Some((15, 0))),
        0x8a => ("C++ compiler, /GL", Some((15, 0))),
        0x91 => ("linker", Some((9, 0))),
        0x92 => ("exports", Some((9, 0))),
        0x93 => ("import library", Some((9, 0))),
        0x94 => ("resource converter", Some((9, 0))),
        0x95 => ("assembler", Some((9, 0))),
        0x97 => ("resources", None),
        0x9a => ("resource converter", Some((10, 0))),
        0x9b => ("exports", Some((10, 0))),
        0x9c => ("import library", Some((10, 0))),
        0x9d => ("linker", Some((10, 0))),
        0x9e => ("assembler", Some((10, 0))),
        0xaa => ("C compiler", Some((16, 0))),
        0xab => ("C++ compiler", Some((16, 0))),
        0xae => ("C compiler, /GL", Some((16, 0))),
        0xaf => ("C++ compiler, /GL", Some((16, 0))),
        _ => return None,
    };
    Some(Tool { what, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_list() {
        let named = |number| tool(number).map(|it| it.to_string());
        assert_eq!(named(0x104).as_deref(), Some("C compiler 19.00"));
        assert_eq!(named(0x105).as_deref(), Some("C++ compiler 19.00"));
        assert_eq!(named(0x102).as_deref(), Some("linker 14.00"));
        assert_eq!(named(0x103).as_deref(), Some("assembler 14.00"));
        assert_eq!(named(0x0ff).as_deref(), Some("resource converter 14.00"));
        assert_eq!(named(0x101).as_deref(), Some("import library 14.00"));
        assert_eq!(named(0x10e).as_deref(), Some("C++ compiler, optimised by profile 19.00"));
        assert_eq!(named(0x0ce).as_deref(), Some("C compiler 17.00"));
        assert_eq!(named(0x0bb).as_deref(), Some("assembler 10.10"));
        assert_eq!((named(0x10f), named(0x50)), (None, None));
    }
}

//! Names by address, and addresses by name, without lines.

use crate::{Location, SymbolKind};
use pe::{Function, Image};
use std::collections::HashMap;

/// An RVA and what is there.
pub(crate) type Named = (u32, String);

/// Functions and variables of an image, by address.
#[derive(Default)]
pub(crate) struct Names {
    /// By RVA, one name an RVA.
    functions: Vec<Named>,
    /// By RVA, one name an RVA.
    variables: Vec<Named>,
    by_name: HashMap<String, u32>,
    /// The function table, by `begin`: where functions start of which no name is known.
    table: Vec<Function>,
    /// Begin, end and whether it is code, for each section.
    sections: Vec<(u32, u32, bool)>,
    has_symbol_table: bool,
}

impl Names {
    /// Names of the COFF symbol table and of the exports.
    pub fn of_image(image: &Image<'_>, notes: &mut Vec<String>) -> Self {
        let mut names = Self::default();
        let mut usable = |what: &str, error: pe::Error| {
            notes.push(format!("the image's {what} cannot be used: {error}."));
        };
        for section in image.sections() {
            let end = section.rva.saturating_add(section.memory_size());
            names.sections.push((section.rva, end, section.is_code()));
        }
        names.table = image.functions().unwrap_or_else(|error| {
            usable("function table", error);
            Vec::new()
        });
        let mut symbols = image.coff_symbols().unwrap_or_else(|error| {
            usable("symbol table", error);
            Vec::new()
        });
        names.has_symbol_table = !symbols.is_empty();
        // Where several names share an address, the one that is a function and known outside goes first.
        symbols.sort_by_key(|s| (s.rva, !s.is_function, !s.is_external));
        names.add_by_section(symbols.into_iter().map(|s| (s.rva, s.name)));

        let exports = image.exports().unwrap_or_else(|error| {
            usable("export table", error);
            Vec::new()
        });
        let exports = exports.into_iter().filter(|e| e.forwarder.is_none());
        names.add_by_section(exports.filter_map(|e| Some((e.rva, e.name?))));
        names
    }

    /// Adds names; what is known already stays first.
    pub fn add(
        &mut self,
        functions: impl IntoIterator<Item = Named>,
        variables: impl IntoIterator<Item = Named>,
    ) {
        for (rva, name) in functions {
            self.by_name.entry(name.clone()).or_insert(rva);
            self.functions.push((rva, name));
        }
        self.variables.extend(variables);
        for list in [&mut self.functions, &mut self.variables] {
            list.sort_by_key(|(rva, _)| *rva);
            list.dedup_by_key(|(rva, _)| *rva);
        }
    }

    /// Adds names of code and data alike, told apart by the section they lie in; how many lie in one.
    pub fn add_by_section(&mut self, names: impl Iterator<Item = Named>) -> usize {
        let (code, data): (Vec<_>, Vec<_>) = names
            .filter_map(|named| Some((self.is_code(named.0)?, named)))
            .partition(|(is_code, _)| *is_code);
        let count = code.len() + data.len();
        self.add(code.into_iter().map(|(_, s)| s), data.into_iter().map(|(_, s)| s));
        count
    }

    /// What these names amount to when there are no lines.
    pub fn kind(&self) -> SymbolKind {
        match (self.has_symbol_table, self.functions.is_empty()) {
            (true, _) => SymbolKind::SymbolTable,
            (false, false) => SymbolKind::Exports,
            (false, true) => SymbolKind::None,
        }
    }

    pub fn function(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub fn functions(&self) -> impl Iterator<Item = (u32, &str)> {
        self.functions.iter().map(|(rva, name)| (*rva, name.as_str()))
    }

    pub fn variables(&self) -> impl Iterator<Item = (u32, &str)> {
        self.variables.iter().map(|(rva, name)| (*rva, name.as_str()))
    }

    pub fn variable(&self, rva: u32) -> Option<(&str, u32)> {
        let section = self.section(rva).filter(|(_, _, is_code)| !is_code)?;
        let (start, name) =
            nearest(&self.variables, rva, named).filter(|(start, _)| *start >= section.0)?;
        Some((name, rva - start))
    }

    /// The function at `rva` by the nearest name before it.
    pub fn locate(&self, rva: u32) -> Option<Location> {
        let (section, _, _) = self.section(rva).filter(|(_, _, is_code)| *is_code)?;
        let entry = self.entry(rva);
        let named = nearest(&self.functions, rva, named).filter(|(start, _)| {
            // A name that lies before the start of the function that `rva` is in is another function's.
            *start >= section && entry.is_none_or(|entry| *start >= entry)
        });
        let (function_rva, function) = match (named, entry) {
            (Some((start, name)), _) => (start, Some(name.to_string())),
            (None, Some(entry)) => (entry, None),
            (None, None) => return None,
        };
        let offset = rva - function_rva;
        Some(Location {
            function,
            function_rva,
            offset,
            file: None,
            line: None,
            inlined: Vec::new(),
        })
    }

    /// Start of the function named `name` that `rva` lies in, else of whatever function it lies in.
    pub fn start_of(&self, name: Option<&str>, rva: u32) -> u32 {
        let nearest = nearest(&self.functions, rva, named);
        match (nearest, self.entry(rva)) {
            (Some((start, found)), _) if name == Some(found) => start,
            (_, Some(entry)) => entry,
            (Some((start, _)), None) => start,
            (None, None) => rva,
        }
    }

    fn entry(&self, rva: u32) -> Option<u32> {
        let after = self.table.partition_point(|f| f.begin <= rva);
        self.table.get(after.checked_sub(1)?).filter(|f| f.contains(rva)).map(|f| f.begin)
    }

    fn section(&self, rva: u32) -> Option<(u32, u32, bool)> {
        self.sections.iter().copied().find(|(begin, end, _)| (*begin..*end).contains(&rva))
    }

    fn is_code(&self, rva: u32) -> Option<bool> {
        self.section(rva).map(|(_, _, is_code)| is_code)
    }
}

/// The last item of a list by RVA that starts at or before `rva`, as `view` sees it.
pub(crate) fn nearest<T>(
    list: &[T],
    rva: u32,
    view: impl Fn(&T) -> (u32, &String),
) -> Option<(u32, &str)> {
    let after = list.partition_point(|item| view(item).0 <= rva);
    let (start, name) = view(list.get(after.checked_sub(1)?)?);
    Some((start, name))
}

fn named((rva, name): &Named) -> (u32, &String) {
    (*rva, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names {
            table: vec![Function { begin: 0x1100, end: 0x1200, unwind: 0 }],
            sections: vec![(0x1000, 0x2000, true), (0x3000, 0x4000, false)],
            ..Names::default()
        };
        names.add(
            [(0x1040, "second".into()), (0x1010, "first".into()), (0x1010, "alias".into())],
            [(0x3010, "Count".into())],
        );
        names
    }

    #[test]
    fn the_nearest_name_before_an_address_counts() {
        let names = names();
        let at = |rva| names.locate(rva).map(|l| (l.function, l.function_rva, l.offset));
        assert_eq!(at(0x1010), Some((Some("first".into()), 0x1010, 0)));
        assert_eq!(at(0x103f), Some((Some("first".into()), 0x1010, 0x2f)));
        assert_eq!(at(0x1041), Some((Some("second".into()), 0x1040, 1)));
        assert_eq!(at(0x1150), Some((None, 0x1100, 0x50)), "not second + 0x110");
        assert_eq!(at(0x1000), None);
        assert_eq!(at(0x3010), None, "data");
    }

    #[test]
    fn names_lead_to_addresses_and_aliases_do_too() {
        let names = names();
        assert_eq!(names.function("second"), Some(0x1040));
        assert_eq!(names.function("alias"), Some(0x1010));
        assert_eq!(names.function("third"), None);
    }

    #[test]
    fn variables_lie_in_data_only() {
        let names = names();
        assert_eq!(names.variable(0x3018), Some(("Count", 8)));
        assert_eq!(names.variable(0x3000), None);
        assert_eq!(names.variable(0x1010), None);
    }
}

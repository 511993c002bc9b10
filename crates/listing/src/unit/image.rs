//! A unit of a PE image.

use super::{Area, Data, Unit};
use crate::driver::Driver;
use crate::isa::Isa;
use crate::names::{Kind, Names};
use pe::{Image, ImportTarget, RelocationKind};
use symbols::{SymbolKind, Symbols};

impl<'a> Unit<'a> {
    /// The code of an image, with what `symbols` know. `name` is its file's. `None` for a processor whose code
    /// is not disassembled.
    pub fn of_image(image: &Image<'a>, name: &str, symbols: &'a Symbols) -> Option<Self> {
        let isa = Isa::of(image.machine())?;
        let base = image.image_base();
        let mut problems = Vec::new();
        let mut areas: Vec<Area<'a>> = image
            .sections()
            .iter()
            .filter_map(|section| {
                Some(Area {
                    section: section.name.clone(),
                    start: base.checked_add(section.rva.into())?,
                    bytes: image.content(section),
                    size: section.memory_size().into(),
                    is_code: section.is_code(),
                    is_writable: section.is_writable(),
                    shown_from: 0,
                    file_offset: section.file_offset.into(),
                })
            })
            .collect();
        areas.sort_by_key(|area| area.start);
        let module = short(name).to_owned();
        let mut named: Vec<(u64, Box<str>, Kind)> = Vec::new();
        let mut add = |rva: u32, name: &str, kind| {
            named.extend(base.checked_add(rva.into()).map(|at| (at, name.into(), kind)));
        };
        imports(image, &mut problems, &mut add);
        symbols.functions().for_each(|(rva, name)| add(rva, name, Kind::Function));
        symbols.variables().for_each(|(rva, name)| add(rva, name, Kind::Data));
        image.sections().iter().for_each(|it| add(it.rva, &it.name, Kind::Start));
        let mut table = Vec::new();
        if isa == Isa::X86(64) {
            match image.functions() {
                Ok(all) => {
                    all.iter().for_each(|it| add(it.begin, "", Kind::Start));
                    let place = |rva: u32| base.checked_add(rva.into());
                    table
                        .extend(all.iter().filter_map(|it| Some(place(it.begin)?..place(it.end)?)));
                }
                Err(error) => problems.push(format!("The function table is not used: {error}.")),
            }
        }
        if image.entry_rva() != 0 {
            add(image.entry_rva(), "", Kind::Start);
        }
        let ends = areas
            .iter()
            .map(|it| (it.start, it.start.saturating_add(it.size.max(it.bytes.len() as u64))));
        let names = Names::new(ends.collect(), named);
        let fixups = fixups(image, base, &mut problems);
        let has_lines = matches!(symbols.kind(), SymbolKind::Pdb | SymbolKind::Dwarf);
        let mut unit = Self {
            name: name.to_owned(),
            module,
            isa,
            base,
            areas,
            names,
            driver: None,
            problems,
            data: tables_in_code(image, base),
            links: Vec::new(),
            fixups,
            table,
            symbols: Some(symbols),
            lines: has_lines.then_some(symbols),
        };
        unit.variables_in_code(symbols);
        if image.subsystem() == pe::Subsystem::Native && image.entry_rva() != 0 {
            unit.driver = Driver::read(&unit, image);
            unit.name_routines();
        }
        Some(unit)
    }

    /// Variables that lie in code end where the next name starts.
    fn variables_in_code(&mut self, symbols: &Symbols) {
        for (rva, _) in symbols.variables() {
            let Some(at) = self.base.checked_add(rva.into()) else { continue };
            if self.area_at(at).is_some_and(|it| it.is_code)
                && self.names.at(at).is_some_and(|it| it.kind == Kind::Data)
                && let Some(range) = self.function(at)
            {
                self.data.push(Data { range, width: 1, about: "variable" });
            }
        }
        self.data.sort_by_key(|it| it.range.start);
    }
}

/// Name without folders and ending, the kernel's as `nt`.
pub(crate) fn short(name: &str) -> &str {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let kernel = ["ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe"];
    if kernel.iter().any(|it| it.eq_ignore_ascii_case(name)) {
        return "nt";
    }
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

fn imports(image: &Image<'_>, problems: &mut Vec<String>, add: &mut impl FnMut(u32, &str, Kind)) {
    let both = [("Imports", image.imports()), ("Delay imports", image.delay_imports())];
    for (what, read) in both {
        let modules = read.unwrap_or_else(|error| {
            problems.push(format!("{what} have no names: {error}."));
            Vec::new()
        });
        for module in modules {
            let own = short(&module.name);
            for entry in &module.entries {
                let name = match &entry.target {
                    ImportTarget::Name { name, .. } => format!("{own}!{name}"),
                    ImportTarget::Ordinal(number) => format!("{own}!#{number}"),
                };
                add(entry.iat_rva, &name, Kind::Import);
            }
        }
    }
}

fn fixups(image: &Image<'_>, base: u64, problems: &mut Vec<String>) -> Option<Vec<u64>> {
    let all = image.relocations().unwrap_or_else(|error| {
        problems.push(format!("Relocations are not used: {error}."));
        Vec::new()
    });
    let whole = |kind| matches!(kind, RelocationKind::HighLow | RelocationKind::Dir64);
    let mut found: Vec<u64> = all
        .iter()
        .filter(|it| whole(it.kind))
        .filter_map(|it| base.checked_add(it.rva.into()))
        .collect();
    found.sort_unstable();
    (!found.is_empty()).then_some(found)
}

/// Directories that a linker put among the code, as old ones do.
fn tables_in_code(image: &Image<'_>, base: u64) -> Vec<Data> {
    image
        .directory_ranges()
        .into_iter()
        .filter(|(rva, _, _)| image.section_at(*rva).is_some_and(pe::Section::is_code))
        .filter_map(|(rva, size, about)| {
            let start = base.checked_add(rva.into())?;
            Some(Data { range: start..start.checked_add(size.into())?, width: 4, about })
        })
        .collect()
}

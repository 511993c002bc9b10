//! What an image tells: read as far as it can be read, and what is wrong with it as a driver.

use crate::crash::seconds_text;
use crate::driver_facts::{ForInf, for_inf, irql_routines};
use pe::{
    CodeView, DebugEntry, Export, Image, ImportModule, LoadConfig, Machine, Pogo, RichEntry,
    Section,
};
use pe::{ImportTarget, Subsystem, Version};

/// `IMAGE_GUARD_CF_INSTRUMENTED`: the code checks its indirect calls.
const GUARD_CF_INSTRUMENTED: u32 = 0x100;
/// A page, to which memory integrity wants sections aligned.
const PAGE: u32 = 0x1000;

/// What an image tells.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// Processor that it is for.
    pub machine: Machine,
    /// Whether it is PE32+.
    pub is_64bit: bool,
    /// Environment that it runs in.
    pub subsystem: Subsystem,
    /// Whether it is a driver, or the kernel itself: native, and without `ntdll.dll`.
    pub is_driver: bool,
    /// `TimeDateStamp`.
    pub timestamp: u32,
    /// The same as a time, UTC; `None` where it is absent or said to be a hash.
    pub time: Option<String>,
    /// Whether the image says that its time stamp is a hash.
    pub is_reproducible: bool,
    /// Address that it was linked for.
    pub base: u64,
    /// Bytes that it takes in memory.
    pub size: u32,
    /// RVA of its entry.
    pub entry: u32,
    /// Version of the linker.
    pub linker: [u8; 2],
    /// Oldest Windows that it is for.
    pub system: [u16; 2],
    /// Alignment of its sections in memory, in bytes.
    pub section_alignment: u32,
    /// Sections.
    pub sections: Vec<Section>,
    /// Imports by module.
    pub imports: Vec<ImportModule>,
    /// Delay-loaded imports by module.
    pub delay_imports: Vec<ImportModule>,
    /// Exports.
    pub exports: Vec<Export>,
    /// Its PDB.
    pub pdb: Option<CodeView>,
    /// Debug directory.
    pub debug: Vec<DebugEntry>,
    /// Load configuration.
    pub load_config: Option<LoadConfig>,
    /// Version resource.
    pub version: Option<Version>,
    /// Entries of the exception table; `None` for a processor whose table is not read.
    pub functions: Option<usize>,
    /// Base relocations; `None` where they cannot be read.
    pub relocations: Option<usize>,
    /// Bytes of the Authenticode signature in the file.
    pub signature: Option<u32>,
    /// `CheckSum` as the header has it.
    pub checksum: u32,
    /// What it should be.
    pub computed_checksum: u32,
    /// How it was optimised by the linker, and of what parts its sections are.
    pub pogo: Option<Pogo>,
    /// Whether its code may run with a shadow stack (`/CETCOMPAT`).
    pub is_cet_compatible: bool,
    /// Which ABIs its code has besides the one that the header names: `ARM64EC`, `ARM64X`, `CHPE`.
    pub hybrid: Option<&'static str>,
    /// Imports that raise or lower the IRQL, of a driver.
    pub irql: Vec<String>,
    /// What its INF has to agree with, of a driver.
    pub for_inf: Option<ForInf>,
    /// Whether the file ends before its sections do.
    pub is_cut: bool,
    /// Which tools made it.
    pub tools: Vec<RichEntry>,
    /// What is wrong with it, a sentence each.
    pub warnings: Vec<String>,
    /// Tables that could not be read.
    pub unread: Vec<pe::Error>,
}

impl ImageFacts {
    /// Whether the checksum is absent (`None`), or right or wrong.
    pub fn checksum_fits(&self) -> Option<bool> {
        (self.checksum != 0).then_some(self.checksum == self.computed_checksum)
    }

    /// Whether its code checks indirect calls (`/guard:cf`).
    pub fn has_flow_guard(&self) -> bool {
        self.load_config.as_ref().is_some_and(|it| it.guard_flags & GUARD_CF_INSTRUMENTED != 0)
    }

    /// Whether memory integrity (HVCI) refuses to load it, for what its sections are.
    pub fn refuses_memory_integrity(&self) -> bool {
        self.sections.iter().any(Section::is_writable_code)
            || !self.section_alignment.is_multiple_of(PAGE)
    }

    /// Its imports by family, most first.
    pub fn families(&self) -> Vec<(String, usize)> {
        let mut all: Vec<(String, usize)> = Vec::new();
        for import in self.imports.iter().flat_map(|module| &module.entries) {
            let family = match &import.target {
                ImportTarget::Name { name, .. } => family(name),
                ImportTarget::Ordinal(_) => "by ordinal".to_owned(),
            };
            match all.iter_mut().find(|(known, _)| *known == family) {
                Some((_, count)) => *count += 1,
                None => all.push((family, 1)),
            }
        }
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }
}

/// The family of a kernel routine, told by its name: `KeSetEvent` is of Ke, `memcpy` of the C run-time.
fn family(name: &str) -> String {
    let mut letters = name.chars();
    if !letters.next().is_some_and(|first| first.is_ascii_uppercase()) {
        return "C run-time".to_owned();
    }
    let rest: String = letters.take_while(char::is_ascii_lowercase).collect();
    // Fast calls have an f behind the family, or in Kf in its place.
    match (&name[..1], rest.as_str()) {
        ("I", "of") => "Io".to_owned(),
        ("O", "bf") => "Ob".to_owned(),
        ("E", "xf") => "Ex".to_owned(),
        ("K", "f") => "Ke".to_owned(),
        (first, rest) => format!("{first}{rest}"),
    }
}

/// Reads all of an image. A table that cannot be read is told, and the others are read all the same.
pub fn facts(image: &Image<'_>) -> ImageFacts {
    let mut unread = Vec::new();
    let imports = or_told(image.imports(), &mut unread);
    let is_reproducible = image.is_reproducible();
    let timestamp = image.timestamp();
    let is_hash = is_reproducible || timestamp == 0;
    let user = |module: &ImportModule| module.name.eq_ignore_ascii_case("ntdll.dll");
    let is_driver = image.subsystem() == Subsystem::Native && !imports.iter().any(user);
    let functions = or_told(image.function_count(), &mut unread);
    let version = or_told(image.version(), &mut unread);
    let load_config = or_told(image.load_config(), &mut unread);
    let has_metadata = load_config.as_ref().is_some_and(|it| it.chpe_metadata_va != 0);
    let irql = if is_driver { irql_routines(&imports) } else { Vec::new() };
    let for_inf = is_driver.then(|| for_inf(image, &imports, version.as_ref()));
    let mut facts = ImageFacts {
        machine: image.machine(),
        is_64bit: image.is_64bit(),
        subsystem: image.subsystem(),
        is_driver,
        timestamp,
        time: if is_hash { None } else { seconds_text(timestamp.into()) },
        is_reproducible,
        base: image.image_base(),
        size: image.size_of_image(),
        entry: image.entry_rva(),
        linker: image.linker_version(),
        system: image.system_version(),
        section_alignment: image.section_alignment(),
        sections: image.sections().to_vec(),
        imports,
        delay_imports: or_told(image.delay_imports(), &mut unread),
        exports: or_told(image.exports(), &mut unread),
        pdb: or_told(image.codeview(), &mut unread),
        debug: or_told(image.debug_entries(), &mut unread),
        pogo: or_told(image.pogo(), &mut unread),
        is_cet_compatible: image.extended_characteristics() & 1 != 0,
        hybrid: match (has_metadata, image.machine()) {
            (true, Machine::Amd64) => Some("ARM64EC"),
            (true, Machine::Arm64) => Some("ARM64X"),
            (true, Machine::I386) => Some("CHPE"),
            _ => None,
        },
        irql,
        for_inf,
        is_cut: !image.lost().is_empty(),
        load_config,
        version,
        functions,
        relocations: or_told(image.relocations().map(|all| Some(all.len())), &mut unread),
        signature: image.certificates().map(|(_, size)| size),
        checksum: image.checksum(),
        computed_checksum: image.computed_checksum(),
        tools: image.rich(),
        warnings: Vec::new(),
        unread,
    };
    // What is lost comes first: the rest follows from it.
    facts.unread.splice(0..0, image.lost().iter().cloned());
    facts.unread.dedup();
    facts.warnings = warnings(image, &facts);
    facts
}

fn or_told<T: Default>(read: Result<T, pe::Error>, unread: &mut Vec<pe::Error>) -> T {
    read.unwrap_or_else(|error| {
        unread.push(error);
        T::default()
    })
}

/// What keeps a driver from being loaded, or from being loaded everywhere.
///
/// <https://learn.microsoft.com/windows-hardware/drivers/driversecurity/implement-hvci-compatible-code>
/// and, for the checksum, "PE Format", CheckSum ("checked for validation at load time: all drivers, ..."), and
/// `/RELEASE` of the linker's options ("The operating system requires the checksum for device drivers").
fn warnings(image: &Image<'_>, facts: &ImageFacts) -> Vec<String> {
    let mut warnings = Vec::new();
    if !facts.is_driver {
        return warnings;
    }
    match facts.checksum_fits() {
        // Of half a file nothing follows.
        _ if facts.is_cut => {}
        Some(false) => warnings.push(format!(
            "The checksum {:#x} is wrong: it should be {:#x}. The file was changed after it was linked, or \
             damaged on its way. Windows checks it when it loads a driver.",
            facts.checksum, facts.computed_checksum
        )),
        None => warnings.push(
            "There is no checksum. Drivers are required to have one: link with /RELEASE.".to_owned(),
        ),
        Some(true) => {}
    }
    let both: Vec<&str> = facts
        .sections
        .iter()
        .filter(|section| section.is_writable_code())
        .map(|section| section.name.as_str())
        .collect();
    if !both.is_empty() {
        warnings.push(format!(
            "Memory integrity (HVCI) will not load it: writable and executable at once: {}.",
            both.join(", ")
        ));
    }
    if !image.section_alignment().is_multiple_of(PAGE) {
        warnings.push(format!(
            "Memory integrity (HVCI) will not load it: sections are aligned to {:#x} bytes, not to pages.",
            image.section_alignment()
        ));
    }
    if !facts.delay_imports.is_empty() {
        warnings.push("It has delay-loaded imports, which the kernel does not resolve.".to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_family() {
        let of = |names: &[&str]| names.iter().map(|name| family(name)).collect::<Vec<_>>();
        assert_eq!(of(&["KeSetEvent", "KfRaiseIrql"]), ["Ke", "Ke"]);
        assert_eq!(of(&["IofCallDriver", "IoAllocateIrp", "IoWMIRegistrationControl"]), ["Io"; 3]);
        assert_eq!(of(&["ObfDereferenceObject", "RtlInitUnicodeString"]), ["Ob", "Rtl"]);
        assert_eq!(of(&["memcpy", "_snprintf", "__C_specific_handler"]), ["C run-time"; 3]);
        assert_eq!(family("Ä"), "C run-time");
    }
}

//! Addresses that the loader and the compiler's run-time agree on ("PE Format", Load Configuration Layout).

use crate::error::{Error, Place};
use crate::headers::DirectoryIndex;
use crate::image::{Image, advance};

/// The part of the load configuration that a driver's loader acts on. Addresses are virtual, linked for
/// [`Image::image_base`]; 0 means that the image has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadConfig {
    /// Address of `__security_cookie`, which the loader sets to a random value.
    pub security_cookie_va: u64,
    /// Address of the pointer to the control flow guard's check function.
    pub guard_cf_check_pointer_va: u64,
    /// Address of the pointer to the control flow guard's dispatch function.
    pub guard_cf_dispatch_pointer_va: u64,
    /// Address of the table of valid indirect call targets.
    pub guard_cf_function_table_va: u64,
    /// Entries in that table.
    pub guard_cf_function_count: u64,
    /// `IMAGE_GUARD_*` flags.
    pub guard_flags: u32,
    /// Address of what tells ARM64 code from x86-64 code in an image that has both (`CHPEMetadataPointer`).
    pub chpe_metadata_va: u64,
}

impl Image<'_> {
    /// The load configuration, or `None` where the image has none (mingw-w64 links without).
    ///
    /// # Errors
    /// A directory that is not in the image.
    pub fn load_config(&self) -> Result<Option<LoadConfig>, Error> {
        let Some(directory) = self.directory(DirectoryIndex::LoadConfig) else {
            return Ok(None);
        };
        let at = self.file_offset(directory.rva).unwrap_or(directory.place.offset);
        // The structure grew with time; its first field says how much of it this linker knew.
        let from = Place::new(at, "load config Size");
        let size = self.u32_at(directory.rva, from)?;
        let wide = self.is_64bit();
        let field = |offset: u32, width: u32, name| -> Result<u64, Error> {
            if offset + width > size {
                return Ok(0);
            }
            let from = Place::new(at.saturating_add(u64::from(offset)), name);
            let rva = advance(directory.rva, offset, from)?;
            match width {
                8 => self.u64_at(rva, from),
                _ => self.u32_at(rva, from).map(u64::from),
            }
        };
        let va = |offset32: u32, offset64: u32, name| match wide {
            true => field(offset64, 8, name),
            false => field(offset32, 4, name),
        };
        let flags = field(if wide { 144 } else { 88 }, 4, "load config GuardFlags")?;
        Ok(Some(LoadConfig {
            security_cookie_va: va(60, 88, "load config SecurityCookie")?,
            guard_cf_check_pointer_va: va(72, 112, "load config GuardCFCheckFunctionPointer")?,
            guard_cf_dispatch_pointer_va: va(
                76,
                120,
                "load config GuardCFDispatchFunctionPointer",
            )?,
            guard_cf_function_table_va: va(80, 128, "load config GuardCFFunctionTable")?,
            guard_cf_function_count: va(84, 136, "load config GuardCFFunctionCount")?,
            guard_flags: (flags & 0xffff_ffff) as u32,
            chpe_metadata_va: va(124, 200, "load config CHPEMetadataPointer")?,
        }))
    }
}

/// Flags of [`LoadConfig::guard_flags`] with their names in `winnt.h`, less `IMAGE_GUARD_` ("PE Format", Load
/// Configuration Layout; the last two from the header of SDK 10.0.22000).
const FLAGS: [(u32, &str); 17] = [
    (0x100, "CF_INSTRUMENTED"),
    (0x200, "CFW_INSTRUMENTED"),
    (0x400, "CF_FUNCTION_TABLE_PRESENT"),
    (0x800, "SECURITY_COOKIE_UNUSED"),
    (0x1000, "PROTECT_DELAYLOAD_IAT"),
    (0x2000, "DELAYLOAD_IAT_IN_ITS_OWN_SECTION"),
    (0x4000, "CF_EXPORT_SUPPRESSION_INFO_PRESENT"),
    (0x8000, "CF_ENABLE_EXPORT_SUPPRESSION"),
    (0x1_0000, "CF_LONGJUMP_TABLE_PRESENT"),
    (0x2_0000, "RF_INSTRUMENTED"),
    (0x4_0000, "RF_ENABLE"),
    (0x8_0000, "RF_STRICT"),
    (0x10_0000, "RETPOLINE_PRESENT"),
    (0x40_0000, "EH_CONTINUATION_TABLE_PRESENT"),
    (0x80_0000, "XFG_ENABLED"),
    (0x100_0000, "CASTGUARD_PRESENT"),
    (0x200_0000, "MEMCPY_PRESENT"),
];

impl LoadConfig {
    /// Names of the flags that are set. The upper four bits are none: they tell the width of the table's entries.
    pub fn guard_names(&self) -> Vec<&'static str> {
        FLAGS
            .iter()
            .filter(|(flag, _)| self.guard_flags & flag != 0)
            .map(|(_, name)| *name)
            .collect()
    }
}

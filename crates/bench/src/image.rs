//! One image: read, laid out for its place, with its symbols.

use crate::driver::Refused;
use kernel::{Image, Import, Role, Section, image_base};
use symbols::Symbols;

/// An image at its place.
pub(crate) struct Mapped {
    pub name: String,
    pub path: String,
    pub hash: u32,
    pub image: Image,
    pub functions: Vec<pe::Function>,
    pub symbols: Symbols,
    pub exports: Vec<pe::Export>,
    /// Control codes in its code.
    pub codes: Vec<u32>,
    pub notes: Vec<String>,
}

/// The file name of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or("driver.sys")
}

/// The imports of an image, as the kernel wants them.
pub(crate) fn imports(image: &pe::Image<'_>) -> Result<Vec<Import>, pe::Error> {
    let mut imports = Vec::new();
    for module in image.imports()? {
        for entry in module.entries {
            let name = match entry.target {
                pe::ImportTarget::Name { name, .. } => name,
                pe::ImportTarget::Ordinal(number) => format!("#{number}"),
            };
            let module = module.name.clone();
            imports.push(Import { module, name, iat_rva: entry.iat_rva, address: None });
        }
    }
    Ok(imports)
}

impl Mapped {
    pub fn read(
        number: usize,
        path: &str,
        file: &[u8],
        pdb: Option<&[u8]>,
        role: Role,
    ) -> Result<Mapped, Refused> {
        let image = pe::check_driver(file).map_err(|error| Refused(format!("{error}.")))?;
        let bad = |error: pe::Error| Refused(format!("{error}."));
        let base = image_base(number);
        let bytes = image.map_at(base).map_err(bad)?;
        let functions = image.functions().map_err(bad)?;
        let imports = imports(&image).map_err(bad)?;
        // A driver whose exports nobody wants may have a broken table of them.
        let exports = match role {
            Role::Driver => image.exports().unwrap_or_default(),
            _ => image.exports().map_err(bad)?,
        };
        let config = image.load_config().map_err(bad)?;
        let rva =
            |va: u64| va.checked_sub(image.image_base()).and_then(|rva| u32::try_from(rva).ok());
        let sections = image
            .sections()
            .iter()
            .map(|section| Section {
                name: section.name.clone(),
                rva: section.rva,
                bytes: section.memory_size(),
                code: section.is_code(),
                writable: section.is_writable(),
                pageable: section.is_pageable(),
                discardable: section.is_discardable() && section.is_code(),
            })
            .collect();
        let name = file_name(path).to_owned();
        let (symbols, notes) = Symbols::load(file, pdb.map(<[u8]>::to_vec));
        let codes = crate::codes::control_codes(&image, &functions);
        let export = |name: &str| {
            let found = exports.iter().find(|export| export.name.as_deref() == Some(name))?;
            found.forwarder.is_none().then_some(found.rva)
        };
        Ok(Mapped {
            image: Image {
                name: name.clone(),
                base,
                entry: image.entry_rva(),
                headers: image.size_of_headers(),
                sections,
                imports,
                cookie: config.as_ref().and_then(|config| rva(config.security_cookie_va)),
                guard: match &config {
                    Some(config) => (
                        rva(config.guard_cf_check_pointer_va),
                        rva(config.guard_cf_dispatch_pointer_va),
                    ),
                    None => (None, None),
                },
                bytes,
                role,
                uses: 0,
                library: (export("DllInitialize"), export("DllUnload")),
            },
            name,
            path: path.to_owned(),
            hash: crate::token::image_hash(file),
            functions,
            symbols,
            exports,
            codes,
            notes,
        })
    }

    /// Offset in the image, if the address lies in it.
    pub fn rva(&self, address: u64) -> Option<u32> {
        let rva = address.checked_sub(self.image.base)?;
        u32::try_from(rva).ok().filter(|&rva| (rva as usize) < self.image.bytes.len())
    }
}

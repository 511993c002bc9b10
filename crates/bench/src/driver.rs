//! The driver under test.

use crate::report::{Device, Driver};
use finding::{Frame, Trust};
use kernel::{Image, Import, Section, World, image_base, map};
use pe::unwind::{self, Registers, Rip};
use std::fmt;
use std::rc::Rc;
use symbols::Symbols;

/// Most frames of a driver's call stack that are told.
const MOST_FRAMES: usize = 64;

/// A driver that the bench cannot run at all; one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// A driver, read. Cheap to share among threads.
pub(crate) struct Target {
    pub name: String,
    pub path: String,
    pub hash: u32,
    pub image: Image,
    pub functions: Vec<pe::Function>,
    pub symbols: Symbols,
    pub notes: Vec<String>,
    pub codes: Vec<u32>,
    pub device: Device,
}

impl Target {
    pub fn read(driver: &Driver) -> Result<Target, Refused> {
        let image =
            pe::check_driver(&driver.image).map_err(|error| Refused(format!("{error}.")))?;
        let bad = |error: pe::Error| Refused(format!("{error}."));
        let base = image_base(0);
        let bytes = image.map_at(base).map_err(bad)?;
        let functions = image.functions().map_err(bad)?;
        let mut imports = Vec::new();
        for module in image.imports().map_err(bad)? {
            for entry in module.entries {
                let name = match entry.target {
                    pe::ImportTarget::Name { name, .. } => name,
                    pe::ImportTarget::Ordinal(number) => format!("#{number}"),
                };
                let module = module.name.clone();
                imports.push(Import { module, name, iat_rva: entry.iat_rva });
            }
        }
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
        let name = driver.path.rsplit(['/', '\\']).next().unwrap_or("driver.sys").to_owned();
        let (symbols, notes) = Symbols::load(&driver.image, driver.pdb.clone());
        let codes = crate::codes::control_codes(&image, &functions);
        Ok(Target {
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
            },
            name,
            path: driver.path.clone(),
            hash: crate::token::image_hash(&driver.image),
            functions,
            symbols,
            notes,
            codes,
            device: driver.device.clone(),
        })
    }

    /// Offset in the image, if the address lies in it.
    pub fn rva(&self, address: u64) -> Option<u32> {
        let rva = address.checked_sub(self.image.base)?;
        u32::try_from(rva).ok().filter(|&rva| (rva as usize) < self.image.bytes.len())
    }

    /// One frame; `call` says that the address is a return address. With inlined calls, the
    /// innermost line of the driver's own sources counts.
    pub fn frame(&self, address: u64, call: bool) -> Frame {
        let trust = if call { Trust::Unwound } else { Trust::Context };
        let Some(rva) = self.rva(address) else {
            return Frame {
                module: if address >= map::KERNEL_CODE { "nt" } else { "?" }.to_owned(),
                rva: address,
                function: None,
                file: None,
                line: None,
                trust,
            };
        };
        let probe = if call { rva.saturating_sub(1) } else { rva };
        let found = self.symbols.locate(probe);
        let (function, file, line) = match &found {
            Some(location) => {
                let (function, file, line) = location.own();
                (function.map(str::to_owned), file.map(str::to_owned), line)
            }
            None => (None, None, None),
        };
        Frame { module: self.name.clone(), rva: u64::from(rva), function, file, line, trust }
    }

    /// `queue.c:120 FifoRead`, or `fifo.sys+0x1a40`; empty outside the driver.
    pub fn place(&self, address: u64, call: bool) -> String {
        if self.rva(address).is_none() {
            return String::new();
        }
        let frame = self.frame(address, call);
        match (&frame.file, frame.line, &frame.function) {
            (Some(file), Some(line), Some(function)) => format!("{file}:{line} {function}"),
            (Some(file), Some(line), None) => format!("{file}:{line}"),
            (_, _, Some(function)) => format!("{}+{:#x} {function}", self.name, frame.rva),
            _ => format!("{}+{:#x}", self.name, frame.rva),
        }
    }

    /// Walks the driver's frames from these registers to the kernel's call.
    pub fn unwind(&self, world: &World, gpr: &[u64; 16], rip: u64) -> Vec<u64> {
        let module = unwind::Module {
            base: self.image.base,
            functions: &self.functions,
            memory: &self.image.bytes,
        };
        let mut registers = Registers { rip, rsp: gpr[4], gpr: *gpr };
        let mut frames = Vec::new();
        let mut how = Rip::Exact;
        while frames.len() < MOST_FRAMES && self.rva(registers.rip).is_some() {
            frames.push(registers.rip);
            let mut read = |address: u64| {
                let mut word = [0; 8];
                let whole = world.bus.memory.view(address, &mut word) == 8;
                whole.then(|| u64::from_le_bytes(word))
            };
            if unwind::step(&module, &mut registers, how, &mut read).is_err() {
                break;
            }
            how = Rip::Return;
        }
        frames
    }

    pub fn unwinder(self: &Rc<Target>) -> kernel::Unwinder {
        let target = self.clone();
        Rc::new(move |world, gpr, rip| target.unwind(world, gpr, rip))
    }
}

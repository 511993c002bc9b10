//! The driver under test, and the images beside it.

use crate::image::Mapped;
use crate::installed::Installed;
use crate::report::{Device, Driver};
use crate::token::{InstalledToken, WithToken};
use finding::{Frame, Trust};
use kernel::{Role, World, map};
use pe::unwind::{self, Registers, Rip};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

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

/// A driver and the images beside it, read. Cheap to share among threads. What is asked of a target
/// without saying of which image is asked of the driver.
pub(crate) struct Target {
    driver: Mapped,
    /// The images beside it, image 1 first.
    pub others: Vec<Mapped>,
    pub notes: Vec<String>,
    pub codes: Vec<u32>,
    pub device: Device,
    pub installed: Option<Installed>,
}

impl Deref for Target {
    type Target = Mapped;

    fn deref(&self) -> &Mapped {
        &self.driver
    }
}

impl Target {
    pub fn read(driver: &Driver) -> Result<Target, Refused> {
        let first =
            Mapped::read(0, &driver.path, &driver.image, driver.pdb.as_deref(), Role::Driver)?;
        let mut images = vec![first];
        for (number, with) in (1..).zip(&driver.with) {
            let read =
                Mapped::read(number, &with.path, &with.image, with.pdb.as_deref(), with.role);
            images.push(read.map_err(|refused| Refused(format!("{}: {refused}", with.path)))?);
        }
        let mut notes = crate::link::link(&mut images)?;
        notes.splice(0..0, images.iter_mut().flat_map(|image| std::mem::take(&mut image.notes)));
        let mut codes = Vec::new();
        for image in images.iter().filter(|image| image.image.role != Role::Library) {
            codes.extend(
                image
                    .codes
                    .iter()
                    .filter(|code| !codes.contains(*code))
                    .copied()
                    .collect::<Vec<_>>(),
            );
        }
        let mut images = images.into_iter();
        let Some(first) = images.next() else { return Err(Refused("no image.".to_owned())) };
        let device = driver.device.clone();
        let installed = driver.installed.clone();
        notes.extend(installed.iter().flat_map(|it| it.notes.clone()));
        Ok(Target { driver: first, others: images.collect(), notes, codes, device, installed })
    }

    /// The driver, and then the images beside it.
    pub fn images(&self) -> impl Iterator<Item = &Mapped> {
        std::iter::once(&self.driver).chain(&self.others)
    }

    /// The INF that installed the driver, as tokens name it.
    pub fn installed_token(&self) -> Option<InstalledToken> {
        let told = |it: &Installed| InstalledToken {
            hash: it.hash,
            inf: it.inf.clone(),
            section: it.section.clone(),
        };
        self.installed.as_ref().map(told)
    }

    /// The images beside the driver, as tokens name them.
    pub fn with_token(&self) -> Vec<WithToken> {
        let told = |image: &Mapped| WithToken {
            hash: image.hash,
            role: image.image.role,
            path: image.path.clone(),
        };
        self.others.iter().map(told).collect()
    }

    /// The image that holds an address.
    pub fn at(&self, address: u64) -> Option<&Mapped> {
        self.images().find(|image| image.rva(address).is_some())
    }

    /// One frame; `call` says that the address is a return address. With inlined calls, the
    /// innermost line of the driver's own sources counts.
    pub fn frame(&self, address: u64, call: bool) -> Frame {
        let trust = if call { Trust::Unwound } else { Trust::Context };
        let found = self.at(address).and_then(|image| Some((image, image.rva(address)?)));
        let Some((image, rva)) = found else {
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
        let found = image.symbols.locate(probe);
        let (function, file, line) = match &found {
            Some(location) => {
                let (function, file, line) = location.own();
                (function.map(str::to_owned), file.map(str::to_owned), line)
            }
            None => (None, None, None),
        };
        Frame { module: image.name.clone(), rva: u64::from(rva), function, file, line, trust }
    }

    /// `queue.c:120 FifoRead`, or `fifo.sys+0x1a40`; empty outside the driver.
    pub fn place(&self, address: u64, call: bool) -> String {
        if self.at(address).is_none() {
            return String::new();
        }
        let frame = self.frame(address, call);
        match (&frame.file, frame.line, &frame.function) {
            (Some(file), Some(line), Some(function)) => format!("{file}:{line} {function}"),
            (Some(file), Some(line), None) => format!("{file}:{line}"),
            (_, _, Some(function)) => format!("{}+{:#x} {function}", frame.module, frame.rva),
            _ => format!("{}+{:#x}", frame.module, frame.rva),
        }
    }

    /// Walks the images' frames from these registers to the kernel's call.
    pub fn unwind(&self, world: &World, gpr: &[u64; 16], rip: u64) -> Vec<u64> {
        let mut registers = Registers { rip, rsp: gpr[4], gpr: *gpr };
        let mut frames = Vec::new();
        let mut how = Rip::Exact;
        while let Some(image) = self.at(registers.rip).filter(|_| frames.len() < MOST_FRAMES) {
            frames.push(registers.rip);
            let module = unwind::Module {
                base: image.image.base,
                functions: &image.functions,
                memory: &image.image.bytes,
            };
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

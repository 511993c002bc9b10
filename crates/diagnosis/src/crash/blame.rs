//! Which module is to blame, and on what grounds.

use super::origin::Origin;
use super::stack::StackFrame;
use super::view::{View, is_kernel, short};
use evidence::crash_dump::Dump;
use finding::Trust;
use knowledge::Explained;
use knowledge::bugcheck::Kind;
use knowledge::windows::{self, Role};
use serde::Serialize;

/// Who is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// File name of the module; `hardware` where no module is.
    pub module: String,
    /// The grounds: a sentence.
    pub why: String,
    /// How good the grounds are.
    pub confidence: Confidence,
    /// What the module is, where that is known; may be empty.
    pub about: String,
}

/// How good the grounds are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Nothing better was found.
    Low,
    /// It was at work there.
    Medium,
    /// Windows itself, or the registers, point at it.
    High,
}

/// Structures that lead from a request or a device to its driver: offsets on x64 and x86 of wdm.h.
struct Offsets {
    /// `IRP.Tail.Overlay.CurrentStackLocation`.
    irp_current_stack: u64,
    /// `IO_STACK_LOCATION.DeviceObject`.
    stack_device: u64,
    /// `DEVICE_OBJECT.DriverObject`.
    device_driver: u64,
    /// `DRIVER_OBJECT.DriverStart`.
    driver_start: u64,
}

const WIDE: Offsets =
    Offsets { irp_current_stack: 0xb8, stack_device: 0x28, device_driver: 0x8, driver_start: 0x18 };
const NARROW: Offsets =
    Offsets { irp_current_stack: 0x60, stack_device: 0x14, device_driver: 0x8, driver_start: 0xc };

pub(super) fn find(
    dump: &Dump<'_>,
    view: &View<'_>,
    explained: &Explained,
    origin: Option<&Origin>,
    stack: &[StackFrame],
) -> Option<Blame> {
    let found = named(dump, view, explained)
        .or_else(|| instruction(view, explained, origin))
        .or_else(|| object(view, explained));
    if let Some(found) = found {
        return Some(found);
    }
    if explained.is_hardware {
        let why =
            "this bug check tells of an error that the processor or a bus reported.".to_owned();
        let module = "hardware".to_owned();
        return Some(Blame { module, why, confidence: Confidence::Medium, about: String::new() });
    }
    on_stack(stack).or_else(|| code_parameter(view, explained))
}

fn blame(module: &str, why: String, confidence: Confidence) -> Blame {
    let about = windows::module(module).map(|fact| fact.about.to_owned()).unwrap_or_default();
    Blame { module: module.to_owned(), why, confidence, about }
}

fn role(module: &str) -> Role {
    if is_kernel(module) {
        return Role::Kernel;
    }
    windows::module(module).map_or(Role::Driver, |fact| fact.role)
}

/// Windows wrote down the driver itself, or a parameter is its name.
fn named(dump: &Dump<'_>, view: &View<'_>, explained: &Explained) -> Option<Blame> {
    if let Some(name) = dump.broken_driver().filter(|name| !name.is_empty()) {
        let why = "Windows wrote its name into the dump as the driver that failed.".to_owned();
        return Some(blame(&name, why, Confidence::High));
    }
    let texts = explained.parameters.iter().zip(1..).filter(|(it, _)| it.kind == Kind::Text);
    for (parameter, number) in texts {
        let Some(text) = view.text(parameter.value) else { continue };
        let name = text.rsplit(['\\', '/']).next().unwrap_or_default();
        let is_file =
            [".sys", ".dll", ".exe"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        if is_file {
            let why = format!("parameter {number} is its name.");
            return Some(blame(name, why, Confidence::High));
        }
    }
    None
}

/// The instruction that faulted lies in a driver, or where one was unloaded from.
fn instruction(view: &View<'_>, explained: &Explained, origin: Option<&Origin>) -> Option<Blame> {
    let faulted = origin.filter(|origin| origin.of_fault).map(|origin| origin.registers.pc);
    let codes = explained.parameters.iter().filter(|it| it.kind == Kind::Code).map(|it| it.value);
    for pc in faulted.into_iter().chain(codes) {
        if let Some(spot) = view.spot(pc, false) {
            let place = spot.text();
            match role(&spot.module) {
                Role::Driver => {
                    let why = format!("the instruction at {place} lies in it.");
                    return Some(blame(&spot.module, why, Confidence::High));
                }
                Role::Carrier => {
                    let why = format!(
                        "the instruction at {place} lies in it, though it passes on what other drivers hand it."
                    );
                    return Some(blame(&spot.module, why, Confidence::Medium));
                }
                Role::Kernel => continue,
            }
        }
        let mut gone = view.unloaded().iter();
        if let Some(gone) = gone.find(|it| (it.begin..it.end).contains(&pc)) {
            let why = format!(
                "{pc:#x} is where it was before it was unloaded: something still called it."
            );
            return Some(blame(&gone.name, why, Confidence::High));
        }
    }
    None
}

/// A parameter is a request or a device, and the dump holds enough to know whose.
fn object(view: &View<'_>, explained: &Explained) -> Option<Blame> {
    let offsets = if view.bits() == 64 { &WIDE } else { &NARROW };
    let at = |address: u64, offset: u64| view.pointer(address.checked_add(offset)?);
    let of_device = |device: u64| {
        let start = at(at(device, offsets.device_driver)?, offsets.driver_start)?;
        view.module(start)
    };
    // A request that is held says more than the device at the bottom of its stack.
    let ordered = [Kind::Irp, Kind::Device, Kind::Driver].into_iter().flat_map(|kind| {
        explained.parameters.iter().zip(1..).filter(move |(it, _)| it.kind == kind && it.value != 0)
    });
    for (parameter, number) in ordered {
        let value = parameter.value;
        let found = match parameter.kind {
            Kind::Irp => at(value, offsets.irp_current_stack)
                .and_then(|location| of_device(at(location, offsets.stack_device)?))
                .map(|module| (module, "the request's current stack location is its")),
            Kind::Device => of_device(value).map(|module| (module, "the device object is its")),
            _ => at(value, offsets.driver_start)
                .and_then(|start| view.module(start))
                .map(|module| (module, "the driver object is its")),
        };
        if let Some((module, what)) = found
            && role(module.name()) == Role::Driver
        {
            let why = format!("{what} (parameter {number}).");
            return Some(blame(module.name(), why, Confidence::High));
        }
    }
    None
}

/// The innermost driver on the stack; libraries that call drivers count only when there is none.
fn on_stack(stack: &[StackFrame]) -> Option<Blame> {
    let frames = || stack.iter().filter_map(|frame| Some((frame, frame.spot.as_ref()?)));
    let with = |wanted: Role| frames().find(|(_, spot)| role(&spot.module) == wanted);
    let (frame, spot) = with(Role::Driver).or_else(|| with(Role::Carrier))?;
    let place = spot.text();
    let (why, confidence) = match (frame.trust, role(&spot.module)) {
        (Trust::Scanned, _) => (
            format!(
                "the innermost word on the stack that looks like a return address into a driver is {place}; \
                 it may be left over from an earlier call."
            ),
            Confidence::Low,
        ),
        (_, Role::Carrier) => {
            let own = short(&spot.module);
            (
                format!(
                    "{place} is the innermost driver on the stack, though {own} only passes calls on."
                ),
                Confidence::Low,
            )
        }
        _ => (format!("{place} is the innermost driver on the stack."), Confidence::Medium),
    };
    Some(blame(&spot.module, why, confidence))
}

/// At least where the instruction was, even in the kernel.
fn code_parameter(view: &View<'_>, explained: &Explained) -> Option<Blame> {
    let mut codes = explained.parameters.iter().filter(|it| it.kind == Kind::Code);
    let spot = codes.find_map(|it| view.spot(it.value, false))?;
    let why = format!(
        "the instruction at {} lies in it, and no driver is on the stack; a driver may have damaged what it worked on.",
        spot.text()
    );
    Some(blame(&spot.module, why, Confidence::Low))
}

//! Which module is to blame, and on what grounds.

use super::origin::Origin;
use super::stack::StackFrame;
use super::view::{View, is_kernel, short};
use evidence::crash_dump::{Dump, Module};
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

/// Structures that lead from a request or a device to its driver: offsets on x64 and x86 of wdm.h. `Type`,
/// 16 bits, is the first field of all three kinds of object.
struct Offsets {
    /// `IRP.StackCount`; `IRP.CurrentLocation` is the next byte.
    irp_stack_count: u64,
    /// `IRP.Tail.Overlay.CurrentStackLocation`.
    irp_current_stack: u64,
    /// `IO_STACK_LOCATION.DeviceObject`.
    stack_device: u64,
    /// `DEVICE_OBJECT.DriverObject`.
    device_driver: u64,
    /// `DRIVER_OBJECT.DriverStart`.
    driver_start: u64,
}

const WIDE: Offsets = Offsets {
    irp_stack_count: 0x42,
    irp_current_stack: 0xb8,
    stack_device: 0x28,
    device_driver: 0x8,
    driver_start: 0x18,
};

/// `IO_TYPE_DEVICE`, `IO_TYPE_DRIVER` and `IO_TYPE_IRP` of wdm.h.
const DEVICE: u16 = 3;
const DRIVER: u16 = 4;
const IRP: u16 = 6;
const NARROW: Offsets = Offsets {
    irp_stack_count: 0x22,
    irp_current_stack: 0x60,
    stack_device: 0x14,
    device_driver: 0x8,
    driver_start: 0xc,
};

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
    on_stack(explained, stack).or_else(|| code_parameter(view, explained))
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
        if is_file && name.to_ascii_lowercase().ends_with(".exe") {
            // A process that ended is a victim as often as not.
            let why = format!("parameter {number} is its name; whoever ended it may be another.");
            return Some(blame(name, why, Confidence::Medium));
        }
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

/// A parameter is a request, a device or a driver, and the dump holds enough to know whose.
fn object(view: &View<'_>, explained: &Explained) -> Option<Blame> {
    let whose = |kind: Kind, value: u64| match kind {
        Kind::Irp => Some((holder(view, value)?, "the request's current stack location is its")),
        Kind::Device => Some((of_device(view, value)?, "the device object is its")),
        _ => Some((of_driver(view, value)?, "the driver object is its")),
    };
    // A request that is held says more than the device at the bottom of its stack.
    let ordered = [Kind::Irp, Kind::Device, Kind::Driver].into_iter().flat_map(|kind| {
        explained.parameters.iter().zip(1..).filter(move |(it, _)| it.kind == kind && it.value != 0)
    });
    for (parameter, number) in ordered {
        let Some((module, what)) = whose(parameter.kind, parameter.value) else { continue };
        if role(module.name()) != Role::Driver {
            continue;
        }
        let (why, confidence) = if parameter.kind == Kind::Device {
            // The physical device object is the bus driver's, whoever above it is at fault.
            let doubt = "another driver of its stack may be at fault";
            (format!("{what} (parameter {number}); {doubt}."), Confidence::Medium)
        } else {
            (format!("{what} (parameter {number})."), Confidence::High)
        };
        return Some(blame(module.name(), why, confidence));
    }
    None
}

fn pointer(view: &View<'_>, address: u64, offset: u64) -> Option<u64> {
    view.pointer(address.checked_add(offset)?)
}

fn offsets(view: &View<'_>) -> &'static Offsets {
    if view.bits() == 64 { &WIDE } else { &NARROW }
}

/// Whether `address` holds an object whose `Type` is `wanted`.
fn is_of(view: &View<'_>, address: u64, wanted: u16) -> bool {
    let mut bytes = [0; 2];
    view.read(address, &mut bytes) && u16::from_le_bytes(bytes) == wanted
}

fn of_driver<'d>(view: &View<'d>, driver: u64) -> Option<&'d Module> {
    let start = is_of(view, driver, DRIVER)
        .then(|| pointer(view, driver, offsets(view).driver_start))
        .flatten()?;
    view.module(start)
}

fn of_device<'d>(view: &View<'d>, device: u64) -> Option<&'d Module> {
    let driver = is_of(view, device, DEVICE)
        .then(|| pointer(view, device, offsets(view).device_driver))
        .flatten()?;
    of_driver(view, driver)
}

/// Who has a request. Before it is sent and after it is completed its current stack location lies behind
/// the last one, where there is something else.
fn holder<'d>(view: &View<'d>, irp: u64) -> Option<&'d Module> {
    let at = offsets(view);
    let mut counts = [0; 2];
    let is_irp = is_of(view, irp, IRP)
        && view.read(irp.checked_add(at.irp_stack_count)?, &mut counts)
        && (1..=counts[0]).contains(&counts[1]);
    let location = is_irp.then(|| pointer(view, irp, at.irp_current_stack)).flatten()?;
    of_device(view, pointer(view, location, at.stack_device)?)
}

/// Whether the stack is that of whoever noticed, and need not be that of whoever is at fault: a watchdog's
/// timer, a processor that waits for another, a limit that many routines used up together.
fn is_of_bystander(explained: &Explained) -> bool {
    const DRIVER_POWER_STATE_FAILURE: u32 = 0x9f;
    const CLOCK_WATCHDOG_TIMEOUT: u32 = 0x101;
    const DPC_WATCHDOG_VIOLATION: u32 = 0x133;
    match explained.code & 0x0fff_ffff {
        DRIVER_POWER_STATE_FAILURE => explained.parameters[0].value != 0x1,
        CLOCK_WATCHDOG_TIMEOUT => true,
        DPC_WATCHDOG_VIOLATION => explained.parameters[0].value == 1,
        _ => false,
    }
}

/// The innermost driver on the stack; libraries that call drivers count only when there is none.
fn on_stack(explained: &Explained, stack: &[StackFrame]) -> Option<Blame> {
    let frames = || stack.iter().zip(1..).filter_map(|it| Some((it.0, it.1, it.0.spot.as_ref()?)));
    let with = |wanted: Role| frames().find(|(_, _, spot)| role(&spot.module) == wanted);
    let (frame, depth, spot) = with(Role::Driver).or_else(|| with(Role::Carrier))?;
    let place = spot.text();
    // What was unwound from a frame that was scanned for is no surer than that.
    let scanned = stack[..depth].iter().any(|frame| frame.trust == Trust::Scanned);
    let (why, confidence) = if frame.trust == Trust::Scanned {
        (
            format!(
                "the innermost word on the stack that looks like a return address into a driver is {place}; \
                 it may be left over from an earlier call."
            ),
            Confidence::Low,
        )
    } else if scanned {
        (
            format!(
                "{place} is the innermost driver on the stack, as far as a word that was scanned for is the \
                 return address that it looks like."
            ),
            Confidence::Low,
        )
    } else if is_of_bystander(explained) {
        (
            format!(
                "{place} is the innermost driver on the stack, though this bug check shows the stack of who \
                 noticed, not of who is at fault."
            ),
            Confidence::Low,
        )
    } else if role(&spot.module) == Role::Carrier {
        let own = short(&spot.module);
        (
            format!(
                "{place} is the innermost driver on the stack, though {own} only passes calls on."
            ),
            Confidence::Low,
        )
    } else {
        (format!("{place} is the innermost driver on the stack."), Confidence::Medium)
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

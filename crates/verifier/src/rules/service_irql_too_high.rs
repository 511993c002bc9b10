//! ## What it does
//!
//! Forbids calling a kernel routine at an IRQL above its documented limit, and allocating or
//! freeing paged pool above APC_LEVEL.
//!
//! Limits are those of the WDK reference; a limit that it states with conditions is not held
//! against anybody here. Spin lock routines have `spinlock-wrong-irql`, waits have `wait-at-
//! dispatch`.
//!
//! Every service call comes by, so limits are kept in a table by the service's number, and nothing
//! at all is looked up at PASSIVE_LEVEL.
//!
//! ## Why is this bad?
//!
//! The routine may touch pageable memory, acquire a mutex or wait. Above its limit that works
//! until the day a page is not resident or the mutex is taken; then the machine stops in the
//! middle of the kernel.
//!
//! ## Example
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     IoCreateSymbolicLink(&LinkName, &DeviceName); /* PASSIVE_LEVEL only */
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! Instead:
//!
//! ```c
//!     IoCreateSymbolicLink(&LinkName, &DeviceName);
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Ext->Linked = TRUE;
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/managing-hardware-priorities>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/force-irql-checking>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/irql-rule-set--wdm->
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::service::Service;
use nt::bugcheck::DRIVER_VERIFIER_DETECTED_VIOLATION;
use nt::ddi::IrqlLimit;
use nt::irql::{APC_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL};
use std::sync::OnceLock;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "service-irql-too-high",
    summary: "Forbids calling a kernel routine at an IRQL above its documented limit, and \
        allocating or freeing paged pool above APC_LEVEL.",
    why: "The routine may touch pageable memory, acquire a mutex or wait. Above its limit \
        that works until the day a page is not resident or the mutex is taken; then the \
        machine stops in the middle of the kernel.",
    remedy: "Do the call before the spin lock is acquired or after it is released; from a DPC, \
        interrupt or completion routine queue a work item, which runs at PASSIVE_LEVEL. \
        Memory that is allocated or freed at DISPATCH_LEVEL must be nonpaged.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/managing-hardware-priorities",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/force-irql-checking",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/irql-rule-set--wdm-",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads",
    ],
    severity: Severity::Error,
    wants: &[Kind::Service, Kind::Free],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let irql = world.bus.irql;
    if irql == PASSIVE_LEVEL {
        return None;
    }
    match *event {
        Event::Service { service } => {
            let limit = limit(world, service);
            if irql > limit { Some(too_high(world, service, limit)) } else { paged(world, service) }
        }
        Event::Free { address, block: Some(block), .. } if block.paged && irql > APC_LEVEL => {
            let title =
                format!("{} frees paged pool at {}", words::driver(world), words::level(irql));
            let violation = Violation::new(&RULE, title);
            let violation = verifier(violation, 0x11, irql, [1, address]);
            Some(violation.at("allocated here", block.allocated).here("freed here"))
        }
        _ => None,
    }
}

/// Highest IRQL at which a service may be called.
#[inline]
fn limit(world: &World, service: &'static Service) -> u8 {
    static LIMITS: OnceLock<Vec<u8>> = OnceLock::new();
    let all = world.registry.all();
    let limits = LIMITS.get_or_init(|| all.iter().map(documented).collect());
    let offset = std::ptr::from_ref(service).addr().wrapping_sub(all.as_ptr().addr());
    match limits.get(offset / size_of::<Service>()) {
        Some(&limit) => limit,
        None => documented(service),
    }
}

/// What the reference says, for services that have no rule of their own.
fn documented(service: &Service) -> u8 {
    let name = service.name;
    let elsewhere = name.contains("SpinLock")
        || ["KeWait", "KeDelayExecution", "KeRaiseIrql", "KeLowerIrql", "KfRaise", "KfLower"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
    match service.irql_limit() {
        IrqlLimit::AtMost(limit) | IrqlLimit::Exactly(limit)
            if !elsewhere && !conditional(name) =>
        {
            limit
        }
        _ => HIGH_LEVEL,
    }
}

/// Routines whose pages lift the limit ("Otherwise ... any IRQL") when the data is not pageable;
/// touching it says so itself.
fn conditional(name: &str) -> bool {
    let bitmap = name.contains("Bit") || name.contains("RunClear");
    (name.starts_with("Rtl") && bitmap)
        || name.starts_with("ExAcquireRundownProtection")
        || name.starts_with("ExReleaseRundownProtection")
        || name == "KeReadStateEvent"
}

/// Kinds of violation that have numbers of their own; all others share one.
const KINDS: &[(&str, u64)] = &[
    ("ExAcquireFastMutex", 0x33),
    ("ExReleaseFastMutex", 0x34),
    ("MmProbeAndLockPages", 0x70),
    ("MmMapIoSpace", 0x73),
    ("MmMapLockedPages", 0x74),
    ("MmMapLockedPagesSpecifyCache", 0x76),
    ("MmUnlockPages", 0x78),
    ("MmUnmapLockedPages", 0x79),
    ("MmUnmapIoSpace", 0x7b),
    ("KeSetEvent", 0x80),
    ("KeEnterCriticalRegion", 0x11a),
    ("KeLeaveCriticalRegion", 0x11b),
];

fn too_high(world: &World, service: &Service, limit: u8) -> Violation {
    let irql = world.bus.irql;
    let name = service.name;
    let driver = words::driver(world);
    let (now, most) = (words::level(irql), words::level(limit));
    let title = format!("{driver} calls {name} at {now}; the limit is {most}");
    let violation = Violation::new(&RULE, title);
    let known = KINDS.iter().find(|kind| kind.0 == name).map(|kind| kind.1);
    let violation = match known {
        Some(kind) => verifier(violation, kind, irql, [words::register(world, 1), 0]),
        None if name.starts_with("Zw") => violation.bugcheck(
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            [
                (0xe6, "kind of violation: Zw routine above PASSIVE_LEVEL"),
                (words::caller(world), "address in the driver"),
                (u64::from(irql), "IRQL"),
                (0, "special kernel APCs"),
            ],
        ),
        None => verifier(violation, 0xe5, irql, [0, 0]),
    };
    let held = world.state.locks.iter().rfind(|held| held.owner == world.state.current);
    let violation = match held {
        Some(held) => violation.at("IRQL raised with a spin lock here", held.site),
        None => violation,
    };
    violation.here("called here")
}

/// An allocation from paged pool above APC_LEVEL.
fn paged(world: &World, service: &Service) -> Option<Violation> {
    let irql = world.bus.irql;
    if irql <= APC_LEVEL || !service.name.starts_with("ExAllocatePool") {
        return None;
    }
    let kind = words::register(world, 1);
    let paged = match service.name {
        "ExAllocatePool2" | "ExAllocatePool3" => kind & nt::pool::POOL_FLAG_PAGED != 0,
        _ => nt::pool::is_paged(kind as u32),
    };
    if !paged {
        return None;
    }
    let title = format!("{} allocates paged pool at {}", words::driver(world), words::level(irql));
    let last = [kind, words::register(world, 2)];
    Some(verifier(Violation::new(&RULE, title), 0x01, irql, last).here("allocated here"))
}

fn verifier(violation: Violation, kind: u64, irql: u8, [third, fourth]: [u64; 2]) -> Violation {
    let (third_meaning, fourth_meaning) = match kind {
        0x01 => ("pool type or flags", "bytes"),
        0x11 => ("pool type", "address of pool"),
        0xe5 => ("reserved", "reserved"),
        _ => ("first argument", "not used"),
    };
    violation.bugcheck(
        DRIVER_VERIFIER_DETECTED_VIOLATION,
        [
            (kind, "kind of violation"),
            (u64::from(irql), "IRQL"),
            (third, third_meaning),
            (fourth, fourth_meaning),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    fn service(world: &World, name: &str) -> &'static Service {
        world.registry.all().iter().find(|service| service.name == name).expect("a service")
    }

    #[test]
    fn limits_come_from_the_reference() {
        let world = World::new(2, &[]);
        for service in world.registry.all() {
            assert_eq!(limit(&world, service), documented(service), "{}", service.name);
        }
        assert_eq!(limit(&world, service(&world, "ExFreePoolWithTag")), 2);
        assert_eq!(limit(&world, service(&world, "KeReleaseSpinLock")), HIGH_LEVEL);
        assert_eq!(limit(&world, service(&world, "RtlSetBits")), HIGH_LEVEL);
    }

    #[test]
    fn above_the_limit_is_refused() {
        let mut world = World::new(2, &[]);
        world.state.current = 0;
        let service = service(&world, "ExAllocatePoolWithTag");
        for (irql, kind, bad) in [(0, 1, false), (2, 0x200, false), (2, 1, true), (3, 0x200, true)]
        {
            world.bus.irql = irql;
            world.cpus[0].gpr[1] = kind;
            assert_eq!(
                check(&Event::Service { service }, &world).is_some(),
                bad,
                "{irql} {kind:#x}"
            );
        }
    }
}

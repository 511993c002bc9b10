//! The standard battery: scenarios for whatever the driver registers.
//!
//! They are written as TOML in `scenarios/standard`, and read once a process. A driver gets those
//! whose needs it meets. What is not written there: every scenario ends with the winding down below,
//! which a scenario cannot leave out; and memory mode, races, and calls that fail are made from a
//! scenario, not written (`Scenario::in_memory_mode` and the like).

use crate::scenario::{Scenario, Step};
use crate::scenario_file::{self, Written};
use devices::Fault;
use kernel::io::notices::Notice;
use kernel::io::request::major;
use std::sync::LazyLock;

/// What may happen in the system, as scenarios call it.
pub(crate) const NOTICES: [(&str, Notice); 7] = [
    ("shutdown", Notice::Shutdown),
    ("process", Notice::Process),
    ("interface-change", Notice::PlugPlay),
    ("power-source", Notice::PowerState),
    ("power-setting", Notice::PowerSetting),
    ("registry", Notice::Registry),
    ("wmi", Notice::Wmi),
];

/// What a driver registers, seen at the baseline.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abilities {
    /// Bit `m`: a dispatch routine for major function `m`.
    pub majors: u32,
    pub pnp: bool,
    pub unloads: bool,
    /// A device that can be opened.
    pub opens: bool,
    /// Reads and writes come with the caller's own pointers.
    pub neither: bool,
    /// Idle detection is on.
    pub idles: bool,
    /// A wait/wake request is with the bus.
    pub wakes: bool,
    /// Its device is of another type than the physical device object.
    pub other_type: bool,
    /// It reports devices on a bus.
    pub children: bool,
    /// A service routine is connected to an interrupt line, which may be shared.
    pub line: bool,
    /// What may go wrong with the device, where a service routine is connected.
    pub faults: Vec<Fault>,
    /// A StartIo routine: requests wait in the device's queue.
    pub start_io: bool,
    /// What it registered to be told of, as [`NOTICES`] has them.
    pub notices: [bool; NOTICES.len()],
    pub codes: Vec<u32>,
    /// Bytes of a read, and of a write, that the driver takes; 0 where nobody asked it.
    pub lengths: [u64; 2],
}

/// A length in a scenario that is left to the driver.
pub(crate) const USUAL: u64 = u64::MAX;
/// Bytes of a transfer of usual length, unless the driver wants others.
pub(crate) const FEW: u64 = 16;

impl Abilities {
    /// Bytes of a read or write as this driver likes them.
    pub fn usual(&self, major: u8) -> u64 {
        match self.lengths[usize::from(major == major::WRITE)] {
            0 => FEW,
            bytes => bytes,
        }
    }

    pub fn has(&self, major: u8) -> bool {
        self.majors >> major & 1 != 0
    }

    /// Those of a driver that has everything; none of its codes is for the caller's own pointers but
    /// the last.
    pub fn everything() -> Abilities {
        Abilities {
            majors: u32::MAX,
            pnp: true,
            unloads: true,
            opens: true,
            neither: true,
            idles: true,
            wakes: true,
            other_type: true,
            children: true,
            line: true,
            faults: FAULTS.to_vec(),
            start_io: true,
            notices: [true; NOTICES.len()],
            codes: vec![0x22_2000, 0x22_2007],
            lengths: [FEW; 2],
        }
    }

    /// Whether it registered to be told of this.
    pub fn is_told_of(&self, notice: Notice) -> bool {
        NOTICES.iter().zip(self.notices).any(|(known, wanted)| known.1 == notice && wanted)
    }
}

/// Faults that a driver which uses its device is to cope with; the device may not have each.
pub(crate) const FAULTS: [Fault; 8] = [
    Fault::Ones,
    Fault::Stall,
    Fault::Storm(3),
    Fault::Short,
    Fault::Reordered,
    Fault::Late,
    Fault::Empty,
    Fault::Lost,
];

macro_rules! standard {
    ($($file:literal)*) => {
        /// Files of `scenarios/standard` and their texts, in the order in which they are tried.
        pub(crate) const FILES: &[(&str, &str)] = &[$((
            $file,
            include_str!(concat!("../../../scenarios/standard/", $file, ".toml")),
        )),*];
    };
}

// Simplest first. Neighbours with the same `for-each` take turns: all of them for the first control
// code, all for the second.
standard! {
    "load-unload"
    "reload"
    // One actor at a time.
    "open-close"
    "native-open"
    "write-lengths"
    "read-lengths"
    "control-lengths"
    "control-bad-codes"
    "internal-control-lengths"
    "internal-control-bad-codes"
    "control-code-bad-pointers"
    "control-code-unmapped"
    "control-code-protected"
    "control-code-overwritten"
    "read-bad-pointers"
    "read-unmapped"
    "write-bad-pointers"
    "write-unmapped"
    "end-of-file"
    "io-then-unload"
    "process-end"
    // Several actors on one handle and on two.
    "read-cancel"
    "read-close"
    "write-cancel"
    "write-write"
    "read-write"
    "write-then-read-write"
    "read-write-cancel"
    "read-write-twice"
    "two-handles"
    "read-write-close"
    "control-code-cancel"
    "control-code-twice"
    "control-code-write"
    "control-code-close"
    // The PnP and power managers against I/O in flight.
    "stop-start"
    "query-stop"
    "rebalance"
    "cancel-remove"
    "surprise-removal"
    "sleep-wake"
    "sleep-refused"
    "idle"
    "idle-sleep"
    "wake-by-device"
    "wake-twice"
    // The same device between filters of other drivers.
    "filtered-stop-start"
    "filtered-surprise-removal"
    "filtered-sleep-wake"
    // Requests in flight on one handle while the device is held twice: their order counts.
    "in-flight-query-stop"
    "in-flight-stop-start"
    "in-flight-answers"
    "in-flight-sleep"
    "in-flight-wake"
    "open-remove"
    "pnp-questions"
    "start-failure"
    "stop-start-remove"
    // Power requests at DISPATCH_LEVEL.
    "resident-sleep-wake"
    "resident-idle-sleep"
    // What is on a bus loses its drivers and gets them back.
    "control-code-disable"
    // Another device on the same interrupt line.
    "shared-line"
    "shared-line-surprise-removal"
    "shared-line-sleep-wake"
    // What may go wrong with the device itself.
    "device-reads-ones"
    "device-stalls"
    "device-storm"
    "device-ends-short"
    "device-ends-reordered"
    "device-ends-late"
    "device-sends-nothing"
    "device-takes-nothing"
    "device-loses-message"
    "device-interrupts-twice"
    "device-link-down"
    // What drivers register besides.
    "reads-cancel"
    "writes-cancel"
    "shutdown"
    "process"
    "process-unload"
    "interface-change"
    "interface-change-unload"
    "power-source"
    "power-source-unload"
    "power-setting"
    "power-setting-unload"
    "registry"
    "registry-unload"
    "wmi"
    "wmi-remove"
    "wmi-surprise-removal"
}

/// The battery for any driver, in the order of [`FILES`].
pub(crate) fn standard() -> &'static [Written] {
    static READ: LazyLock<Vec<Written>> = LazyLock::new(|| {
        let read = |&(file, text): &(&str, &str)| {
            scenario_file::read(text)
                .unwrap_or_else(|error| panic!("scenarios/standard/{file}.toml: {error}"))
        };
        FILES.iter().map(read).collect()
    });
    &READ
}

/// The scenarios for a driver.
pub(crate) fn scenarios(driver: &Abilities) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for group in standard().chunk_by(|one, next| one.each.is_some() && one.each == next.each) {
        let codes = group.iter().map(|written| written.codes(driver));
        let codes: Vec<_> = codes.max_by_key(Vec::len).unwrap_or_default();
        for code in codes {
            let suits = |written: &&Written| written.codes(driver).contains(&code);
            let suiting = group.iter().filter(suits);
            scenarios.extend(suiting.map(|written| written.scenario(driver, code)));
        }
    }
    scenarios.iter_mut().for_each(afterwards);
    scenarios
}

/// Whose process begins when another's has ended comes afterwards.
fn afterwards(scenario: &mut Scenario) {
    let ends = |actor: &(String, Vec<Step>)| actor.1.contains(&Step::EndProcess);
    if scenario.actors.iter().any(ends) {
        let (others, actors) = std::mem::take(&mut scenario.actors)
            .into_iter()
            .partition(|actor| actor.0 == "another process");
        scenario.actors = actors;
        scenario.wind_down.splice(0..0, others);
    }
}

/// How every scenario ends: actors that run one after another when nothing else can. Nobody removes
/// devices or unloads drivers once the system was shut down.
pub(crate) fn winding_down(driver: &Abilities, shut_down: bool) -> Vec<(String, Vec<Step>)> {
    let mut actors = vec![
        ("cancel everything".to_owned(), vec![Step::CancelAll]),
        ("close everything".to_owned(), vec![Step::CloseAll]),
    ];
    if shut_down {
        return actors;
    }
    if driver.pnp {
        actors.push(("PnP manager".to_owned(), vec![Step::Remove]));
    }
    if driver.unloads {
        actors.push(("unload".to_owned(), vec![Step::Unload]));
    }
    actors
}

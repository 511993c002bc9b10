//! The standard battery: scenarios for whatever the driver registers.

use crate::battery_registered::{self, Registrations};
use crate::scenario::{OWN, Scenario, Step, control, transfer};
use kernel::io::request::{OPEN_FOR_READ, OPEN_FOR_WRITE, Pointer, Transfer, major};
use kernel::po::system::Sleep;

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
    pub codes: Vec<u32>,
    pub registered: Registrations,
}

impl Abilities {
    pub fn has(&self, major: u8) -> bool {
        self.majors >> major & 1 != 0
    }
}

/// Lengths that every data path gets: none, one byte, odd, a few words, more than a page, more than 64 KiB.
const LENGTHS: [u64; 6] = [0, 1, 13, 64, 5000, 65_549];
/// Codes that no driver has: every transfer type of a function nobody uses.
pub(crate) const BAD_CODES: [u32; 4] = [0x0022_3ffc, 0x0022_3ffd, 0x0022_3ffe, 0x0022_3fff];
/// Control codes that get scenarios of their own.
const MOST_CODES: usize = 6;

/// Pointers that no driver may rely on.
const BAD_POINTERS: [Pointer; 4] =
    [Pointer::Null, Pointer::Unmapped, Pointer::System, Pointer::Short];
/// Scenarios that are also run with filters in the device's stack.
const FILTERED: [&str; 3] = ["stop-start", "surprise-removal", "sleep-wake"];

pub(crate) struct Battery {
    scenarios: Vec<Scenario>,
    pnp: bool,
    unloads: bool,
}

impl Battery {
    pub fn add(&mut self, name: &str, prepare: &[Step], actors: &[(&str, &[Step])]) {
        let own = |(name, steps): &(&str, &[Step])| ((*name).to_owned(), steps.to_vec());
        let mut wind_down = vec![
            ("cancel everything".to_owned(), vec![Step::CancelAll]),
            ("close everything".to_owned(), vec![Step::CloseAll]),
        ];
        if self.pnp {
            wind_down.push(("PnP manager".to_owned(), vec![Step::Remove]));
        }
        if self.unloads {
            wind_down.push(("unload".to_owned(), vec![Step::Unload]));
        }
        self.scenarios.push(Scenario {
            name: name.to_owned(),
            prepare: prepare.to_vec(),
            actors: actors.iter().map(own).collect(),
            wind_down,
            filters: false,
            memory: false,
            race: None,
            overtaking: None,
            fail_at: None,
            script: None,
        });
    }
}

/// The scenarios, simplest first.
pub(crate) fn scenarios(abilities: &Abilities) -> Vec<Scenario> {
    let mut battery =
        Battery { scenarios: Vec::new(), pnp: abilities.pnp, unloads: abilities.unloads };
    battery.add("load-unload", &[], &[("loader", &[])]);
    if abilities.unloads {
        let remove: &[Step] = if abilities.pnp { &[Step::Remove] } else { &[] };
        let steps = [remove, &[Step::Unload, Step::Reload]].concat();
        battery.add("reload", &[], &[("loader", &steps)]);
    }
    if abilities.opens {
        alone(&mut battery, abilities);
        together(&mut battery, abilities);
    }
    if abilities.pnp {
        plug_and_play(&mut battery, abilities);
    }
    battery_registered::add(&mut battery, abilities);
    battery.scenarios
}

const OPEN_READ: Step = Step::Open { access: OPEN_FOR_READ };
pub(crate) const OPEN_WRITE: Step = Step::Open { access: OPEN_FOR_WRITE };
const CLOSE: Step = Step::Close { file: OWN };

fn own(transfer: Transfer) -> Step {
    Step::StartAndCancel { file: OWN, transfer }
}

/// One actor at a time.
fn alone(battery: &mut Battery, abilities: &Abilities) {
    let twice = [OPEN_READ, CLOSE, OPEN_WRITE, CLOSE];
    battery.add("open-close", &[], &[("application", &twice)]);
    for (name, major, open) in
        [("write-lengths", major::WRITE, OPEN_WRITE), ("read-lengths", major::READ, OPEN_READ)]
    {
        if abilities.has(major) {
            let mut steps = vec![open];
            steps.extend(LENGTHS.map(|bytes| own(transfer(major, bytes))));
            steps.push(CLOSE);
            battery.add(name, &[], &[("application", &steps)]);
        }
    }
    for (name, major) in [
        ("control-lengths", major::DEVICE_CONTROL),
        ("internal-control-lengths", major::INTERNAL_DEVICE_CONTROL),
    ] {
        if !abilities.has(major) {
            continue;
        }
        let mut steps = vec![OPEN_WRITE];
        for &code in &abilities.codes {
            for (input, output) in [(0, 0), (1, 1), (13, 13), (64, 64), (0, 64), (64, 0)] {
                steps.push(own(control(major, code, input, output)));
            }
        }
        steps.push(CLOSE);
        battery.add(name, &[], &[("application", &steps)]);
        let mut steps = vec![OPEN_WRITE];
        for code in BAD_CODES {
            steps.push(own(control(major, code, 0, 0)));
            steps.push(own(control(major, code, 16, 16)));
        }
        steps.push(CLOSE);
        let name = name.replace("lengths", "bad-codes");
        battery.add(&name, &[], &[("application", &steps)]);
    }
    bad_pointers(battery, abilities);
    if abilities.has(major::SET_INFORMATION) || abilities.has(major::WRITE) {
        let steps = [OPEN_WRITE, Step::EndOfFile { file: OWN }, CLOSE];
        battery.add("end-of-file", &[], &[("application", &steps)]);
    }
    // The handle goes, and the driver, while what the requests set in motion is still under way.
    let mut steps = vec![OPEN_WRITE];
    if abilities.has(major::READ) {
        steps.push(Step::Start { file: OWN, transfer: transfer(major::READ, 16) });
    }
    if abilities.has(major::WRITE) {
        steps.push(Step::Start { file: OWN, transfer: transfer(major::WRITE, 16) });
    }
    for &code in abilities.codes.iter().take(MOST_CODES) {
        if abilities.has(major::DEVICE_CONTROL) {
            let transfer = control(major::DEVICE_CONTROL, code, 16, 16);
            steps.push(Step::Start { file: OWN, transfer });
        }
    }
    steps.extend([Step::Cancel { file: OWN }, CLOSE]);
    if battery.pnp {
        steps.push(Step::Remove);
    }
    steps.push(Step::Unload);
    battery.add("io-then-unload", &[], &[("application", &steps)]);
}

/// Requests whose pointers the driver gets as the application gave them.
fn bad_pointers(battery: &mut Battery, abilities: &Abilities) {
    let mut requests = Vec::new();
    if abilities.has(major::DEVICE_CONTROL) {
        let neither = abilities.codes.iter().filter(|&code| code & 3 == 3);
        for &code in neither.take(MOST_CODES) {
            let request = |input, output| control(major::DEVICE_CONTROL, code, input, output);
            requests.push((format!("control-{code:08x}"), [request(64, 64), request(16, 64)]));
        }
    }
    for (name, major) in [("read", major::READ), ("write", major::WRITE)] {
        if abilities.neither && abilities.has(major) {
            requests.push((name.to_owned(), [transfer(major, 64), transfer(major, 13)]));
        }
    }
    for (name, transfers) in requests {
        let mut steps = vec![OPEN_WRITE];
        for transfer in transfers {
            for bad in BAD_POINTERS {
                for pointers in [(bad, Pointer::Good), (Pointer::Good, bad)] {
                    steps.push(own(Transfer { pointers, ..transfer }));
                }
            }
        }
        steps.push(CLOSE);
        battery.add(&format!("{name}-bad-pointers"), &[], &[("application", &steps)]);
        let request = Step::Do { file: 0, transfer: transfers[0] };
        let actors = [("caller", &[request][..]), ("unmapper", &[Step::UnmapBuffers])];
        battery.add(&format!("{name}-unmapped"), &[OPEN_WRITE], &actors);
    }
}

/// Several actors on one handle and on two.
fn together(battery: &mut Battery, abilities: &Abilities) {
    let prepare = [OPEN_WRITE];
    let read = Step::Do { file: 0, transfer: transfer(major::READ, 16) };
    let write = Step::Do { file: 0, transfer: transfer(major::WRITE, 16) };
    let cancel = Step::Cancel { file: 0 };
    let close = Step::Close { file: 0 };
    let (reads, writes) = (abilities.has(major::READ), abilities.has(major::WRITE));
    if reads {
        battery.add("read-cancel", &prepare, &[("reader", &[read]), ("canceller", &[cancel])]);
        let start = Step::Start { file: 0, transfer: transfer(major::READ, 16) };
        let reader = ("reader", &[start, start, Step::Wait][..]);
        battery.add("read-close", &prepare, &[reader, ("closer", &[close])]);
    }
    if writes {
        battery.add("write-cancel", &prepare, &[("writer", &[write]), ("canceller", &[cancel])]);
        let pair = [("writer", &[write, write][..]), ("writer 2", &[write])];
        battery.add("write-write", &prepare, &pair);
    }
    if reads && writes {
        let pair = [("reader", &[read][..]), ("writer", &[write])];
        battery.add("read-write", &prepare, &pair);
        let warm = Step::StartAndCancel { file: 0, transfer: transfer(major::WRITE, 16) };
        let warm = [OPEN_WRITE, warm];
        battery.add("write-then-read-write", &warm, &pair);
        let three = [("reader", &[read][..]), ("writer", &[write]), ("canceller", &[cancel])];
        battery.add("read-write-cancel", &prepare, &three);
        let two = [("reader", &[read, read][..]), ("writer", &[write, write])];
        battery.add("read-write-twice", &prepare, &two);
        let open = Step::Do { file: OWN, transfer: transfer(major::WRITE, 16) };
        let other = ("second handle", &[OPEN_WRITE, open, CLOSE][..]);
        battery.add("two-handles", &prepare, &[("reader", &[read]), other]);
        let closing = [("reader", &[read][..]), ("writer", &[write, close])];
        battery.add("read-write-close", &prepare, &closing);
    }
    if !abilities.has(major::DEVICE_CONTROL) {
        return;
    }
    for &code in abilities.codes.iter().take(MOST_CODES) {
        let request = control(major::DEVICE_CONTROL, code, 64, 64);
        let step = Step::Do { file: 0, transfer: request };
        let name = format!("control-{code:08x}");
        battery.add(
            &format!("{name}-cancel"),
            &prepare,
            &[("caller", &[step]), ("canceller", &[cancel])],
        );
        battery.add(
            &format!("{name}-twice"),
            &prepare,
            &[("caller", &[step]), ("caller 2", &[step])],
        );
        if writes {
            battery.add(
                &format!("{name}-write"),
                &prepare,
                &[("caller", &[step]), ("writer", &[write])],
            );
        }
        battery.add(
            &format!("{name}-close"),
            &prepare,
            &[("caller", &[step]), ("closer", &[close])],
        );
    }
}

fn sleep(how: Sleep) -> Step {
    Step::Sleep { how }
}

/// The PnP manager against I/O in flight.
fn plug_and_play(battery: &mut Battery, abilities: &Abilities) {
    let manager = |steps: &[Step]| ("PnP manager".to_owned(), steps.to_vec());
    let mut io: Vec<(String, Vec<Step>)> = Vec::new();
    let one =
        |name: &str, transfer: Transfer| (name.to_owned(), vec![Step::Do { file: 0, transfer }]);
    if abilities.has(major::READ) {
        io.push(one("reader", transfer(major::READ, 16)));
    }
    if abilities.has(major::WRITE) {
        io.push(one("writer", transfer(major::WRITE, 16)));
    }
    if io.is_empty()
        && abilities.has(major::DEVICE_CONTROL)
        && let Some(&code) = abilities.codes.first()
    {
        io.push(one("caller", control(major::DEVICE_CONTROL, code, 64, 64)));
    }
    let prepare: &[Step] = if abilities.opens { &[OPEN_WRITE] } else { &[] };
    let mut verbs = vec![
        ("stop-start", vec![Step::StopStart]),
        ("query-stop", vec![Step::QueryStop]),
        ("rebalance", vec![Step::Rebalance]),
        ("cancel-remove", vec![Step::QueryRemove]),
        ("surprise-removal", vec![Step::Surprise]),
        ("sleep-wake", vec![sleep(Sleep::Through)]),
        ("sleep-refused", vec![sleep(Sleep::Refused)]),
    ];
    if abilities.idles {
        verbs.push(("idle", vec![Step::Idle]));
        verbs.push(("idle-sleep", vec![Step::Idle, sleep(Sleep::Through)]));
    }
    if abilities.wakes {
        verbs.push(("wake-by-device", vec![sleep(Sleep::ByDevice)]));
        verbs.push(("wake-twice", vec![sleep(Sleep::ByDevice), sleep(Sleep::ByDevice)]));
    }
    for (name, steps) in &verbs {
        let mut all = io.clone();
        all.push(manager(steps));
        let actors: Vec<(&str, &[Step])> =
            all.iter().map(|(name, steps)| (name.as_str(), steps.as_slice())).collect();
        battery.add(name, prepare, &actors);
    }
    // The same device between filters of other drivers.
    for (name, steps) in verbs.iter().filter(|(name, _)| FILTERED.contains(name)) {
        let mut all = io.clone();
        all.push(manager(steps));
        let actors: Vec<(&str, &[Step])> =
            all.iter().map(|(name, steps)| (name.as_str(), steps.as_slice())).collect();
        battery.add(&format!("filtered-{name}"), prepare, &actors);
        if let Some(last) = battery.scenarios.last_mut() {
            last.filters = true;
        }
    }
    // Requests in flight on one handle while the device is held twice: their order counts.
    let in_flight = io.first().and_then(|(_, steps)| match steps.first() {
        Some(&Step::Do { file, transfer }) => Some(Step::Start { file, transfer }),
        _ => None,
    });
    if let Some(start) = in_flight {
        let steps = [start, start, Step::WaitFirst, start, Step::Wait];
        let issuer = ("issuer", &steps[..]);
        let twice = ("PnP manager", &[Step::QueryStop, Step::QueryStop][..]);
        battery.add("in-flight-query-stop", prepare, &[issuer, twice]);
        let stop = ("PnP manager", &[Step::StopStart][..]);
        battery.add("in-flight-stop-start", prepare, &[issuer, stop]);
    }
    let mut opener = vec![OPEN_WRITE];
    if abilities.has(major::WRITE) {
        opener.push(Step::Do { file: OWN, transfer: transfer(major::WRITE, 16) });
    }
    opener.push(CLOSE);
    if abilities.opens {
        battery.add(
            "open-remove",
            &[],
            &[("application", &opener), ("PnP manager", &[Step::Remove])],
        );
    }
    battery.add("pnp-questions", &[], &[("PnP manager", &[Step::Ask])]);
    battery.add("start-failure", &[], &[("PnP manager", &[Step::Remove, Step::FailToStart])]);
    battery.add("stop-start-remove", &[], &[("PnP manager", &[Step::StopStart, Step::Remove])]);
}

//! A step, read: what it does, and its details.

use super::needs::{KEYS, needs};
use super::values::{
    Given, buffer, bytes, entries, flag, guess, is_usual, list, name, number, one_of, status, text,
};
use super::written::{Act, Draft, Item};
use super::{Id, Named, Problem, Reader, Value, bad, place};
use crate::battery::USUAL;
use crate::scenario::Step;
use crate::scenario_steps::{Expect, Verb};
use devices::Fault;
use kernel::io::notices::Notice;
use kernel::io::request::{MOST_BYTES, OPEN_FOR_READ, OPEN_FOR_WRITE, Pointer, Transfer, major};
use kernel::po::system::Sleep;
use std::sync::Arc;
use toml::de::DeValue;

/// Verbs whose value is a name: what they do.
const NAMED: &[(&str, &str, Step)] = &[
    ("pnp", "stop-start", Step::StopStart),
    ("pnp", "query-stop", Step::QueryStop),
    ("pnp", "rebalance", Step::Rebalance),
    ("pnp", "cancel-remove", Step::QueryRemove),
    ("pnp", "end-process", Step::EndProcess),
    ("pnp", "surprise-removal", Step::Surprise),
    ("pnp", "remove", Step::Remove),
    ("pnp", "questions", Step::Ask),
    ("pnp", "start-failure", Step::FailToStart),
    ("pnp", "unload", Step::Unload),
    ("pnp", "reload", Step::Reload),
    ("pnp", "cancel-all", Step::CancelAll),
    ("pnp", "close-all", Step::CloseAll),
    ("power", "sleep-wake", Step::Sleep { how: Sleep::Through }),
    ("power", "sleep-refused", Step::Sleep { how: Sleep::Refused }),
    ("power", "wake-by-device", Step::Sleep { how: Sleep::ByDevice }),
    ("power", "idle", Step::Idle),
    ("system", "shutdown", Step::Happen { notice: Notice::Shutdown }),
    ("system", "process", Step::Happen { notice: Notice::Process }),
    ("system", "interface-change", Step::Happen { notice: Notice::PlugPlay }),
    ("system", "power-source", Step::Happen { notice: Notice::PowerState }),
    ("system", "power-setting", Step::Happen { notice: Notice::PowerSetting }),
    ("system", "registry", Step::Happen { notice: Notice::Registry }),
    ("system", "wmi", Step::Happen { notice: Notice::Wmi }),
    ("wait-for-own", "all", Step::Wait),
    ("wait-for-own", "oldest", Step::WaitFirst),
    ("others", "first", Step::OthersFirst),
    ("buffers", "unmap", Step::UnmapBuffers),
    ("buffers", "protect", Step::ProtectBuffers),
    ("buffers", "overwrite", Step::OverwriteBuffers),
    ("ask", "file-type", Step::FileType),
    ("pnp", "disable-children", Step::DisableChildren),
    ("device", "reads-ones", Step::Fault { fault: Fault::Ones }),
    ("device", "stalls", Step::Fault { fault: Fault::Stall }),
    ("device", "storm", Step::Fault { fault: Fault::Storm(3) }),
    ("device", "ends-short", Step::Fault { fault: Fault::Short }),
    ("device", "ends-reordered", Step::Fault { fault: Fault::Reordered }),
    ("device", "ends-late", Step::Fault { fault: Fault::Late }),
    ("device", "sends-nothing", Step::Fault { fault: Fault::Empty }),
    ("device", "takes-nothing", Step::Fault { fault: Fault::Full }),
    ("device", "loses-interrupt", Step::Fault { fault: Fault::Lost }),
    ("device", "repeats-interrupt", Step::Fault { fault: Fault::Repeated }),
    ("device", "link-down", Step::Fault { fault: Fault::LinkDown }),
    ("device", "vanishes", Step::Fault { fault: Fault::Gone }),
    ("device", "recovers", Step::Fault { fault: Fault::None }),
    ("device", "other-interrupts", Step::SharedLine),
];

/// Requests that carry data.
const TRANSFERS: [&str; 4] = ["read", "write", "ioctl", "internal-ioctl"];

/// Access that a handle is opened with: its name and what is asked for.
const ACCESS: [(&str, u32); 3] = [
    ("read", OPEN_FOR_READ),
    ("write", OPEN_FOR_WRITE),
    ("read-write", OPEN_FOR_READ | OPEN_FOR_WRITE),
];

/// Where an application's pointer leads.
const POINTERS: [(&str, Pointer); 5] = [
    ("good", Pointer::Good),
    ("null", Pointer::Null),
    ("unmapped", Pointer::Unmapped),
    ("system", Pointer::System),
    ("short", Pointer::Short),
];

const VERBS: &[&str] = &[
    "open",
    "read",
    "write",
    "ioctl",
    "internal-ioctl",
    "end-of-file",
    "cancel",
    "wait-for",
    "wait-for-own",
    "close",
    "sleep",
    "others",
    "buffers",
    "ask",
    "pnp",
    "power",
    "system",
    "device",
];

const DETAILS: &[&str] = &[
    "as",
    "below",
    "file",
    "in",
    "out",
    "in-pointer",
    "out-pointer",
    "offset",
    "wait",
    "cancelled",
    "expect",
];

/// Longest name below a device, in bytes.
const MOST_NAME: usize = 255;

/// Most places of a list.
const MOST_PLACES: usize = 64;

/// The word for the control code of `for-each`.
const CODE: &str = "code";

impl Reader<'_> {
    pub(super) fn step(&mut self, value: &Value<'_>) -> Result<Item, Problem> {
        let allowed = [VERBS, DETAILS, KEYS].concat();
        let DeValue::Table(table) = value.get_ref() else {
            return bad(&value.span(), "a step is a table, like `{ read = 16 }`");
        };
        // A wrong verb is the likelier mistake where there is no right one.
        if let Some((key, _)) = table.iter().find(|(key, _)| !allowed.contains(&&key.get_ref()[..]))
            && !table.keys().any(|key| VERBS.contains(&&key.get_ref()[..]))
        {
            let wrong = key.get_ref();
            let guess = guess(wrong, VERBS.iter().copied());
            let problem = format!("no step is called `{wrong}`{guess}; there are {}", list(VERBS));
            return bad(&key.span(), problem);
        }
        let given = entries(value, "a step", &allowed)?;
        let verbs: Vec<_> = given.0.iter().filter(|(key, _)| VERBS.contains(key)).collect();
        let [&(verb, what)] = verbs[..] else {
            return bad(&value.span(), format!("a step has exactly one of {}", list(VERBS)));
        };
        let transfers = TRANSFERS.contains(&verb);
        let controls = verb.ends_with("ioctl");
        let fits = |key: &str| match key {
            "as" | "expect" => transfers || verb == "open",
            "below" => verb == "open",
            "in" | "in-pointer" => controls,
            "out" => controls,
            "offset" => transfers && !controls,
            "wait" | "cancelled" | "out-pointer" => transfers,
            _ => transfers || verb == "end-of-file",
        };
        if let Some((key, value)) =
            given.0.iter().find(|(key, _)| DETAILS.contains(key) && !fits(key))
        {
            let may: Vec<&str> = DETAILS.iter().copied().filter(|detail| fits(detail)).collect();
            let may = match may.is_empty() {
                true => "it has no details".to_owned(),
                false => format!("it may have {}", list(&may)),
            };
            return bad(&value.span(), format!("`{verb}` has no `{key}`; {may}"));
        }
        let (needs, each) = needs(&given)?;
        if let Some(value) = given.get("for-each").filter(|_| !controls) {
            return bad(&value.span(), "`for-each` of a step is for `ioctl` and `internal-ioctl`");
        }
        let mut item = Item { id: value.span().start, needs, each, acts: Vec::new() };
        if NAMED.iter().any(|named| named.0 == verb) {
            let named = || NAMED.iter().filter(|named| named.0 == verb);
            let index = one_of(what, &format!("`{verb}`"), named().map(|named| named.1))?;
            item.acts.extend(named().nth(index).map(|named| Act::Plain(named.2)));
            return Ok(item);
        }
        let line = place(self.text, value.span().start).0;
        let mut said = format!("`{verb}`");
        if let Some(called) = given.get("as") {
            let called = name(called, text(called, "`as`")?, "`as`")?;
            said = format!("{said} `{called}`");
        }
        let mut draft = Draft::new(format!("{said} (line {line})"));
        if let Some(value) = given.get("file") {
            draft.file = Some(self.handle(value)?);
        } else if (transfers || verb == "end-of-file") && !self.opened {
            let problem = "no step before this one, in these steps, opens a handle; give `file`";
            return bad(&value.span(), format!("which handle? {problem}"));
        }
        if let Some(value) = given.get("wait") {
            draft.waits = flag(value, "`wait`")?;
        }
        if let Some(value) = given.get("cancelled") {
            draft.cancelled = flag(value, "`cancelled`")?;
        }
        let called_as = given.get("as").map(|value| text(value, "`as`")).transpose()?;
        if let Some(value) = given.get("expect") {
            draft.expect = expect(value)?;
            let waited = called_as.is_some_and(|name| self.waited_for.contains(&name));
            if !draft.waits && !waited {
                let problem = "nobody waits for this step, so that nothing can be expected of it; \
                               give it a name with `as`, and use `wait-for`";
                return bad(&value.span(), problem);
            }
        }
        draft.verb = match verb {
            "open" => {
                self.opened = true;
                if let Some(value) = given.get("below") {
                    draft.data = Some(below(value)?);
                }
                Verb::Open(ACCESS[one_of(what, "`open`", ACCESS.iter().map(|known| known.0))?].1)
            }
            "cancel" => Verb::Cancel(self.named(what)?.step),
            "close" => Verb::Close(self.handle(what)?),
            "wait-for" => Verb::WaitFor(self.named(what)?.step),
            "end-of-file" => Verb::EndOfFile(number(what, "`end-of-file`", 0, i64::MAX as u64)?),
            "sleep" => Verb::Sleep(number(what, "`sleep`, in milliseconds,", 0, 3_600_000)?),
            _ => {
                let for_code = self.for_code || item.each.is_some();
                item.acts = self.transfers(verb, &given, for_code, &draft)?;
                return Ok(item);
            }
        };
        item.acts.push(Act::Scripted(draft));
        Ok(item)
    }

    /// A request that carries data, once for each place of its lists.
    fn transfers(
        &self,
        verb: &str,
        given: &Given<'_, '_>,
        for_code: bool,
        draft: &Draft,
    ) -> Result<Vec<Act>, Problem> {
        let mut acts = Vec::new();
        for index in 0..places(given)? {
            let at = |key: &str| {
                given.get(key).map(|value| match value.get_ref() {
                    DeValue::Array(values) => &values[index],
                    _ => value,
                })
            };
            let length = |key: &str| match at(key) {
                Some(value) if key == "read" && is_usual(value) => Ok(USUAL),
                Some(value) => number(value, &format!("`{key}`"), 0, MOST_BYTES),
                None => Ok(0),
            };
            let pointer = |key: &str| match at(key) {
                Some(value) => {
                    let index = one_of(value, &format!("`{key}`"), POINTERS.iter().map(|p| p.0))?;
                    Ok(POINTERS[index].1)
                }
                None => Ok(Pointer::Good),
            };
            let filled = |key: &str| match at(key) {
                Some(value) if key == "write" && is_usual(value) => Ok((USUAL, None)),
                Some(value) => buffer(value, &format!("`{key}`")),
                None => Ok((0, None)),
            };
            let mut draft = draft.clone();
            let mut transfer = Transfer {
                major: major::READ,
                code: 0,
                input: 0,
                output: 0,
                offset: match given.get("offset") {
                    Some(value) => number(value, "`offset`", 0, i64::MAX as u64)?,
                    None => 0,
                },
                pointers: (pointer("in-pointer")?, pointer("out-pointer")?),
            };
            match verb {
                "read" => transfer.output = length("read")?,
                "write" => {
                    transfer.major = major::WRITE;
                    (transfer.output, draft.data) = filled("write")?;
                }
                _ => {
                    transfer.major = match verb {
                        "ioctl" => major::DEVICE_CONTROL,
                        _ => major::INTERNAL_DEVICE_CONTROL,
                    };
                    (transfer.input, draft.data) = filled("in")?;
                    transfer.output = length("out")?;
                    let code = at(verb).map(|value| code(value, for_code)).transpose()?.flatten();
                    transfer.code = code.unwrap_or(0);
                    draft.for_code = code.is_none();
                }
            }
            draft.verb = Verb::Transfer(transfer);
            acts.push(Act::Scripted(draft));
        }
        Ok(acts)
    }

    /// The step that a name stands for.
    pub(super) fn named(&self, value: &Value<'_>) -> Result<&Named<'_>, Problem> {
        let wanted = text(value, "a name given with `as`")?;
        if let Some(found) = self.names.iter().find(|known| known.name == wanted) {
            return Ok(found);
        }
        let known: Vec<&str> = self.names.iter().map(|known| known.name).collect();
        let known = match known.is_empty() {
            true => "; no step has an `as`".to_owned(),
            false => {
                let guess = guess(wanted, known.iter().copied());
                format!("{guess}; steps are called {}", list(&known))
            }
        };
        bad(&value.span(), format!("nothing is called `{wanted}`{known}"))
    }

    /// The step that opens the handle of this name.
    fn handle(&self, value: &Value<'_>) -> Result<Id, Problem> {
        let named = self.named(value)?;
        if !named.opens {
            let name = named.name;
            let problem =
                format!("`{name}` is a request, and a handle that `open` makes is needed");
            return bad(&value.span(), problem);
        }
        Ok(named.step)
    }
}

/// How many places the lists of a step have: all the same number.
fn places(given: &Given<'_, '_>) -> Result<usize, Problem> {
    const LISTS: [&str; 8] =
        ["read", "write", "ioctl", "internal-ioctl", "in", "out", "in-pointer", "out-pointer"];
    let mut places = None;
    for (key, value) in given.0.iter().filter(|(key, _)| LISTS.contains(key)) {
        let DeValue::Array(values) = value.get_ref() else { continue };
        let count = values.len();
        if count == 0 || count > MOST_PLACES {
            return bad(&value.span(), format!("a list has 1 to {MOST_PLACES} places"));
        }
        if let Some(known) = places.filter(|&known| known != count) {
            let problem = format!(
                "the lists of a step are equally long: `{key}` has {count} places, another has {known}"
            );
            return bad(&value.span(), problem);
        }
        places = Some(count);
    }
    Ok(places.unwrap_or(1))
}

/// A control code; `None` for the one that `for-each` gives.
fn code(value: &Value<'_>, for_code: bool) -> Result<Option<u32>, Problem> {
    if !matches!(value.get_ref(), DeValue::String(_)) {
        let what = "a control code is `\"code\"`, for that of `for-each`, or";
        return Ok(Some(number(value, what, 0, u64::from(u32::MAX))? as u32));
    }
    one_of(value, "a control code that is no number", [CODE].into_iter())?;
    if !for_code {
        let problem = "`code` is the control code of `for-each`, which the scenario and this step \
                       are without; give a number or `for-each`";
        return bad(&value.span(), problem);
    }
    Ok(None)
}

/// A name below the device, as bytes; it goes to the driver with its backslash.
fn below(value: &Value<'_>) -> Result<Arc<[u8]>, Problem> {
    let name = text(value, "`below`")?;
    if !(1..=MOST_NAME).contains(&name.len()) || name.starts_with('\\') {
        let problem = format!(
            "`below` is a name of 1 to {MOST_NAME} letters, without the backslash in front of it"
        );
        return bad(&value.span(), problem);
    }
    Ok(name.as_bytes().into())
}

fn expect(value: &Value<'_>) -> Result<Expect, Problem> {
    let mut expect = Expect::default();
    for (key, value) in entries(value, "`expect`", &["status", "information", "data"])?.0 {
        match key {
            "status" => expect.status = Some(status(value)?),
            "information" => {
                expect.information = Some(number(value, "`information`", 0, u64::MAX)?);
            }
            _ => expect.data = Some(bytes(value, "`data`")?.into()),
        }
    }
    Ok(expect)
}

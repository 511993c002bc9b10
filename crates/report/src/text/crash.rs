//! A crash dump, explained: what happened and whose fault first, then what that rests on.

use super::page::{Ink, Page, clip};
use super::{Look, WIDTH, number};
use diagnosis::crash::{
    Blame, Code, Confidence, Crash, StackFrame, System, seconds_text, trust_text,
};
use evidence::crash_dump::{Exception, Lack, Module, Registers, Stamp, Unloaded};
use finding::Trust;

/// What is shown beyond the usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct CrashDetail {
    /// Every module, not only those that matter.
    pub modules: bool,
}

/// Most lines of modules, lacks and registers that are shown without being asked for.
const MOST_LACKS: usize = 12;

/// A crash dump as a page. `name` is the file.
pub fn crash_text(name: &str, it: &Crash, detail: CrashDetail, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    headline(&mut page, name, it);
    parameters(&mut page, it);
    whose(&mut page, it);
    match &it.bench {
        Some(bench) => {
            page.blank();
            page.heading(2, "The bench wrote this dump; its finding:");
            page.blank();
            super::finding::finding(&mut page, bench);
        }
        None => what_to_do(&mut page, it),
    }
    exception(&mut page, it.exception.as_ref(), it.system.machine);
    code(&mut page, &it.code);
    if let Some(origin) = &it.origin {
        registers(&mut page, &origin.registers, &origin.source);
    }
    stack(&mut page, &it.stack, it.blame.as_ref());
    system(&mut page, &it.system);
    let (modules_of, unloaded) = (&it.modules, &it.unloaded);
    let loaded =
        Loaded { modules: modules_of, unloaded, blame: it.blame.as_ref(), stack: &it.stack };
    modules(&mut page, &loaded, detail.modules);
    images(&mut page, &it.images);
    added(&mut page, it);
    missing(&mut page, &it.lacks);
    page.finish()
}

pub(super) fn headline(page: &mut Page<'_>, name: &str, it: &Crash) {
    let explained = &it.explained;
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, ": "), (Ink::Plain, it.system.kind)]);
    page.blank();
    page.line(0, &[(Ink::Bad, &format!("0x{:X} {}", explained.code, explained.name))]);
    if !explained.means.is_empty() {
        page.wrapped(2, 2, &[(Ink::Plain, &explained.means)]);
    }
    if let Some(sub) = &explained.sub_code {
        // A status comes sign-extended.
        let of = it.explained.parameters.get(sub.parameter.wrapping_sub(1));
        let is_status = of.is_some_and(|it| it.kind == knowledge::bugcheck::Kind::Status);
        let value = if is_status { sub.value & 0xffff_ffff } else { sub.value };
        let label = format!("0x{value:X}");
        page.wrapped(2, 4, &[(Ink::Warn, &label), (Ink::Plain, ": "), (Ink::Plain, &sub.meaning)]);
    }
}

fn parameters(page: &mut Page<'_>, it: &Crash) {
    page.blank();
    for (index, parameter) in it.explained.parameters.iter().enumerate() {
        let mut text = parameter.meaning.clone();
        // What an address is called says more than which half it lies in.
        let named = it.pointers.iter().find(|(number, _)| *number == index + 1);
        let rendered = named.map_or(&parameter.rendered, |(_, named)| named);
        if !rendered.is_empty() {
            text = format!("{text}: {rendered}");
        }
        let lead = format!("{}  0x{:<18X}", index + 1, parameter.value);
        page.labelled(2, lead.len(), &lead, &text);
    }
}

pub(super) fn whose(page: &mut Page<'_>, it: &Crash) {
    page.blank();
    match &it.blame {
        None => page.wrapped(2, 4, &[(Ink::Warn, "Nobody to blame is known"), (Ink::Plain, ".")]),
        Some(Blame { module, why, confidence, about }) => {
            let ink = if *confidence == Confidence::Low { Ink::Warn } else { Ink::Bad };
            let grounds = match confidence {
                Confidence::High => "",
                Confidence::Medium => " (likely)",
                Confidence::Low => " (a guess)",
            };
            page.wrapped(2, 4, &[(Ink::Plain, "To blame: "), (ink, module), (ink, grounds)]);
            if !about.is_empty() {
                page.wrapped(
                    4,
                    4,
                    &[(Ink::Plain, "What it is: "), (Ink::Plain, about), (Ink::Plain, ".")],
                );
            }
            if let Some(loaded) =
                it.modules.iter().find(|it| it.name().eq_ignore_ascii_case(module))
            {
                page.wrapped(
                    4,
                    4,
                    &[
                        (Ink::Plain, "Build: "),
                        (Ink::Plain, &stamp(loaded.stamp)),
                        (Ink::Plain, "."),
                    ],
                );
            }
            page.wrapped(4, 4, &[(Ink::Plain, "Because "), (Ink::Plain, why)]);
        }
    }
    page.wrapped(2, 4, &[(Ink::Plain, "Bucket:   "), (Ink::Strong, &it.bucket)]);
}

fn what_to_do(page: &mut Page<'_>, it: &Crash) {
    for (heading, text) in
        [("Where it comes from", &it.explained.cause), ("What to do", &it.explained.remedy)]
    {
        if !text.is_empty() {
            page.blank();
            page.heading(2, heading);
            page.paragraphs(4, text);
        }
    }
    page.blank();
    page.heading(2, "Read more");
    page.line(4, &[(Ink::Place, &it.explained.link)]);
}

pub(super) fn exception(page: &mut Page<'_>, record: Option<&Exception>, machine: &str) {
    let Some(record) = record else { return };
    page.blank();
    page.heading(2, "Exception");
    let name = knowledge::status_name(record.code).unwrap_or_default();
    page.wrapped(4, 6, &[(Ink::Plain, &format!("0x{:08X} ", record.code)), (Ink::Strong, name)]);
    page.wrapped(4, 6, &[(Ink::Plain, &format!("at 0x{:x}", record.address))]);
    // STATUS_ACCESS_VIOLATION and STATUS_IN_PAGE_ERROR say how and which address.
    if matches!(record.code, 0xC000_0005 | 0xC000_0006)
        && let [how, address, ..] = record.parameters[..]
    {
        let how = match how {
            0 => "read",
            1 => "write",
            8 => "execute",
            _ => "access",
        };
        let bits = if machine == "x86" { 32 } else { 64 };
        let where_to = knowledge::bugcheck::address(address, bits);
        page.wrapped(4, 6, &[(Ink::Plain, &format!("{how} of 0x{address:x}: {where_to}"))]);
    } else if !record.parameters.is_empty() {
        let all: Vec<String> = record.parameters.iter().map(|it| format!("0x{it:x}")).collect();
        page.wrapped(4, 6, &[(Ink::Plain, &format!("parameters {}", all.join(" ")))]);
    }
}

pub(super) fn code(page: &mut Page<'_>, it: &Code) {
    page.blank();
    page.heading(2, "Code");
    if let Some(why) = &it.why_not {
        page.wrapped(4, 4, &[(Ink::Faint, why)]);
    }
    for line in &it.instructions {
        let mark = if line.current { "> " } else { "  " };
        let lead = format!("{mark}{:016x}  {:<20} ", line.address, line.bytes);
        let ink = if line.current { Ink::Bad } else { Ink::Plain };
        page.line(4, &[(Ink::Faint, &lead), (ink, &line.text)]);
    }
    let width = it.operands.iter().map(|operand| operand.name.chars().count()).max().unwrap_or(0);
    for operand in &it.operands {
        let lead = format!("{:width$}  {:016x}  ", operand.name, operand.value);
        page.labelled(6, lead.chars().count(), &lead, &operand.about);
    }
}

pub(super) fn registers(page: &mut Page<'_>, registers: &Registers, source: &str) {
    page.blank();
    page.heading(2, "Registers");
    page.wrapped(4, 4, &[(Ink::Faint, "From "), (Ink::Faint, source), (Ink::Faint, ".")]);
    let narrow = registers.get("eip").is_some();
    let cells: Vec<String> = registers
        .all
        .iter()
        .map(|(name, value)| {
            if narrow {
                format!("{name:>6} {value:08x}")
            } else {
                format!("{name:>6} {value:016x}")
            }
        })
        .collect();
    for row in cells.chunks(if narrow { 5 } else { 3 }) {
        page.line(2, &[(Ink::Plain, &row.join("  "))]);
    }
}

pub(super) fn stack(page: &mut Page<'_>, stack: &[StackFrame], blame: Option<&Blame>) {
    page.blank();
    page.heading(2, "Call stack, innermost first");
    if stack.is_empty() {
        page.wrapped(4, 4, &[(Ink::Faint, "The dump holds no stack.")]);
    }
    for (index, frame) in stack.iter().enumerate() {
        stack_frame(page, index, frame, blame);
    }
    if stack.iter().any(|frame| frame.trust == Trust::Scanned) {
        let note = "Scanned frames are words on the stack that may be return addresses; some may be left over \
                    from earlier calls. --images with the modules' files, or --symbols, makes it exact.";
        page.wrapped(4, 4, &[(Ink::Faint, note)]);
    }
}

pub(super) fn stack_frame(
    page: &mut Page<'_>,
    index: usize,
    frame: &StackFrame,
    blame: Option<&Blame>,
) {
    let text = match &frame.spot {
        Some(spot) => spot.text(),
        None => format!("0x{:x}, in no module", frame.address),
    };
    let blamed = blame.zip(frame.spot.as_ref());
    let blamed =
        blamed.is_some_and(|(blame, spot)| blame.module.eq_ignore_ascii_case(&spot.module));
    let ink = if blamed { Ink::Bad } else { Ink::Plain };
    let lead = format!("{index:>3}  {:<9}  ", trust_text(frame.trust));
    let mut pieces = vec![(Ink::Faint, lead.as_str()), (ink, text.as_str())];
    let source = frame.spot.as_ref().and_then(|spot| {
        let file = spot.file.as_deref()?;
        Some(spot.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")))
    });
    if let Some(source) = &source {
        pieces.extend([(Ink::Plain, "  "), (Ink::Place, source.as_str())]);
    }
    page.line(2, &pieces);
    let line = frame.spot.as_ref().and_then(|spot| spot.file.as_deref().zip(spot.line));
    if blamed
        && let Some((file, line)) = line
        && let Some(text) = (page.look.source)(file, line)
    {
        let lead = format!("{line:>16} | ");
        let room = WIDTH - 4 - lead.len();
        let text = clip(text.replace('\t', "    ").trim_end(), room);
        page.line(4, &[(Ink::Faint, &lead), (Ink::Plain, &text)]);
    }
}

fn system(page: &mut Page<'_>, it: &System) {
    page.blank();
    page.heading(2, "System");
    let mut rows: Vec<(&str, String)> = Vec::new();
    let checked = if it.checked { ", checked build" } else { "" };
    let release = it.release.unwrap_or("a Windows that is not in the list");
    rows.push(("Windows", format!("{release}, build {}, {}{checked}", it.build, it.machine)));
    let mut processors = it.processors.to_string();
    if let Some(vendor) = it.processor_vendor {
        processors = format!("{processors} ({vendor})");
    }
    rows.push(("processors", processors));
    if let Some(product) = it.product {
        rows.push(("product", product.to_owned()));
    }
    if let Some(crashed) = &it.crashed {
        rows.push(("crashed", format!("{crashed} UTC")));
    }
    if let Some(seconds) = it.up_seconds {
        rows.push(("up", up_time(seconds)));
    }
    if let Some(process) = &it.process {
        let mut text = process.clone();
        if let Some(id) = it.process_id {
            text = format!("{text}, PID {id}");
        }
        if it.process_by_form {
            text.push_str(" (found by its form in the process block)");
        }
        rows.push(("process", text));
    }
    if let Some(flags) = it.verifier {
        let text = if flags == 0 { "off".to_owned() } else { knowledge::verifier_text(flags) };
        rows.push(("verifier", text));
    }
    if let Some(comment) = &it.comment {
        rows.push(("comment", comment.clone()));
    }
    for (label, text) in rows {
        page.labelled(4, 12, label, &text);
    }
}

fn up_time(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    match days {
        0 => format!("{hours}:{minutes:02}:{seconds:02}"),
        1 => format!("1 day {hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days} days {hours}:{minutes:02}:{seconds:02}"),
    }
}

fn stamp(stamp: Stamp) -> String {
    match stamp {
        Stamp::Time(seconds) => seconds_text(seconds.into()).unwrap_or_default(),
        Stamp::Hash(hash) => format!("reproducible, hash {hash:08x} instead of a time"),
        Stamp::Absent => "without a time stamp".to_owned(),
    }
}

/// What was loaded, and what had been.
pub(super) struct Loaded<'a> {
    pub modules: &'a [Module],
    pub unloaded: &'a [Unloaded],
    pub blame: Option<&'a Blame>,
    pub stack: &'a [StackFrame],
}

pub(super) fn modules(page: &mut Page<'_>, it: &Loaded<'_>, all: bool) {
    let matters = |module: &&Module| {
        let blamed = it.blame.is_some_and(|it| it.module.eq_ignore_ascii_case(module.name()));
        blamed || it.stack.iter().any(|frame| module.contains(frame.address))
    };
    let shown: Vec<&Module> = it.modules.iter().filter(|module| all || matters(module)).collect();
    page.blank();
    let count = number(it.modules.len() as u64);
    if all || shown.len() == it.modules.len() {
        page.heading(2, &format!("Modules: {count}"));
    } else {
        let note = " (those that matter; --modules shows all)";
        page.line(2, &[(Ink::Strong, &format!("Modules: {count}")), (Ink::Faint, note)]);
    }
    let width = shown.iter().map(|module| module.name().chars().count()).max().unwrap_or(0).min(40);
    for module in shown {
        let place = format!("{:016x} {:>8x}  ", module.base, module.size);
        let name = if module.name().is_empty() { "(unnamed)" } else { module.name() };
        let name = format!("{:width$}  ", clip(name, 40));
        page.line(
            4,
            &[(Ink::Faint, &place), (Ink::Plain, &name), (Ink::Faint, &stamp(module.stamp))],
        );
    }
    let hashes = it.modules.iter().filter(|module| matches!(module.stamp, Stamp::Hash(_))).count();
    if all && hashes * 3 > it.modules.len() {
        let note =
            "Many of these are reproducible builds, so a time may be a hash that looks like one.";
        page.wrapped(4, 4, &[(Ink::Faint, note)]);
    }
    if it.unloaded.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Unloaded before");
    for gone in it.unloaded {
        let place = format!("{:016x} {:>8x}  ", gone.begin, gone.end.saturating_sub(gone.begin));
        page.line(4, &[(Ink::Faint, &place), (Ink::Plain, &gone.name)]);
    }
}

/// Files that were used or missed.
pub(super) fn images(page: &mut Page<'_>, images: &[(String, String)]) {
    if images.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Images");
    for (name, what) in images.iter().filter(|(_, what)| what != "not found") {
        page.wrapped(4, 6, &[(Ink::Plain, name), (Ink::Plain, ": "), (Ink::Plain, what)]);
    }
    let missing = images.iter().filter(|(name, what)| what == "not found" && !name.is_empty());
    let missing: Vec<&str> = missing.map(|(name, _)| name.as_str()).collect();
    if !missing.is_empty() {
        let text = format!("not found: {}", missing.join(", "));
        page.wrapped(4, 6, &[(Ink::Faint, &text)]);
    }
}

fn added(page: &mut Page<'_>, it: &Crash) {
    if it.added.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Added by drivers");
    for added in &it.added {
        let size = number(added.size as u64);
        let text = format!("{}  {size:>7} bytes  {}", added.tag, added.begins);
        page.line(4, &[(Ink::Faint, &text)]);
    }
}

/// What the dump lacks.
pub(super) fn missing(page: &mut Page<'_>, lacks: &[Lack]) {
    if lacks.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Missing from the dump");
    for lack in lacks.iter().take(MOST_LACKS) {
        let text = format!("{} at {:#x}: {}", lack.part, lack.offset, lack.why);
        page.wrapped(4, 6, &[(Ink::Warn, &text)]);
    }
    if lacks.len() > MOST_LACKS {
        let more = format!("and {} more", lacks.len() - MOST_LACKS);
        page.line(4, &[(Ink::Faint, &more)]);
    }
}

//! A recorded run, line by line.

use crate::driver::Target;
use crate::image::Mapped;
use crate::report::TraceLine;
use kernel::{Did, Record};

/// Everything that happened. A service and what it returned share a line where nothing came between.
pub(crate) fn lines(target: &Target, records: &[Record]) -> Vec<TraceLine> {
    let mut lines: Vec<TraceLine> = Vec::with_capacity(records.len());
    let mut runs = String::new();
    for (index, record) in records.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| records.get(before));
        let text = named(target, &record.text);
        match (record.did, before.map(|before| before.did)) {
            (Did::Switch, _) => {
                lines.push(switch(&text, &runs));
                continue;
            }
            (Did::Answer(name), Some(Did::Call(called)))
                if name == called
                    && before.is_some_and(|before| before.context == record.context) =>
            {
                if let Some(line) = lines.last_mut() {
                    line.text.push_str(text.strip_prefix(name).unwrap_or(&text));
                }
                continue;
            }
            _ => {}
        }
        if runs != record.name
            && !record.name.is_empty()
            && !before.is_none_or(|before| before.did == Did::Switch)
        {
            lines.push(switch(&format!("--- then {}", record.name), &runs));
        }
        runs.clone_from(&record.name);
        lines.push(TraceLine {
            context: record.name.clone(),
            processor: record.processor,
            irql: record.irql,
            depth: record.depth,
            text,
            place: match record.did {
                Did::Leave(_) | Did::Location | Did::Irql => String::new(),
                _ => place(target, record),
            },
        });
    }
    lines
}

/// `--- point 5: DPC 2 preempted by reader`; it belongs to nobody.
fn switch(text: &str, runs: &str) -> TraceLine {
    let text = match text.split_once(": preempted by ") {
        Some((point, by)) if !runs.is_empty() => format!("{point}: {runs} preempted by {by}"),
        _ => text.to_owned(),
    };
    TraceLine {
        context: String::new(),
        processor: 0,
        irql: 0,
        depth: 0,
        text,
        place: String::new(),
    }
}

/// Where in the driver: `driver.c:43 DispatchWrite`, without folders; empty outside it.
pub(crate) fn place(target: &Target, record: &Record) -> String {
    let Some(&address) = record.stack.first() else { return String::new() };
    let place = target.place(address, !record.exact);
    match place.split_once(' ') {
        // The routine is named already.
        Some((file, _)) if matches!(record.did, Did::Enter(..)) => {
            file.rsplit('/').next().unwrap_or(file).to_owned()
        }
        Some((file, function)) => {
            let file = file.rsplit('/').next().unwrap_or(file);
            format!("{file} {function}")
        }
        None => place.rsplit('/').next().unwrap_or(&place).to_owned(),
    }
}

/// `text` with the names of the driver's functions and variables in place of `fifo.sys+0x1a40`.
pub(crate) fn named(target: &Target, text: &str) -> String {
    let own = named_by(text, &target.name, |rva| symbol(target, rva));
    target.others.iter().fold(own, |text, image| {
        // As debuggers write it, since names of two images may be alike.
        named_by(&text, &image.name, |rva| Some(format!("{}!{}", image.name, symbol(image, rva)?)))
    })
}

fn named_by(text: &str, module: &str, symbol: impl Fn(u32) -> Option<String>) -> String {
    let lead = format!("{module}+0x");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&lead) {
        let digits = at + lead.len();
        let count = rest[digits..].bytes().take_while(u8::is_ascii_hexdigit).count();
        let end = digits + count;
        let name = u32::from_str_radix(&rest[digits..end], 16).ok().and_then(&symbol);
        out.push_str(&rest[..at]);
        out.push_str(name.as_deref().unwrap_or(&rest[at..end]));
        rest = &rest[end..];
    }
    // The routine and its usual name are one.
    (out + rest).replace("DriverEntry DriverEntry(", "DriverEntry(")
}

fn symbol(target: &Mapped, rva: u32) -> Option<String> {
    let (name, offset) = match target.symbols.locate(rva) {
        Some(location) => (location.function?, location.offset),
        None => {
            let (name, offset) = target.symbols.variable(rva)?;
            // Of static variables some linkers keep only the start of the section.
            let is_linkers = name.starts_with("__") && !name.starts_with("__imp_");
            (Some(name.to_owned()).filter(|_| !is_linkers)?, offset)
        }
    };
    Some(if offset == 0 { name } else { format!("{name}+{offset:#x}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_names_where_there_are_any() {
        let symbol = |rva| (rva == 0x1080).then(|| "WriteDpc".to_owned());
        let text = "DPC fifo.sys+0x1080(0), fifo.sys+0x2000, fifo.sys+0xfffffffff, fifo.sys";
        let named = named_by(text, "fifo.sys", symbol);
        assert_eq!(named, "DPC WriteDpc(0), fifo.sys+0x2000, fifo.sys+0xfffffffff, fifo.sys");
    }

    #[test]
    fn a_switch_names_both_sides() {
        let line = switch("--- point 5: preempted by reader", "DPC 2");
        assert_eq!(line.text, "--- point 5: DPC 2 preempted by reader");
        assert_eq!(switch("--- point 0: then reader", "").text, "--- point 0: then reader");
    }
}

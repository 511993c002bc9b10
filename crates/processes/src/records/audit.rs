//! Logs of the audit daemon: SYSCALL records of calls that make, change and end processes, with EXECVE, CWD and
//! PROCTITLE of the same event, and ANOM_ABEND.
//!
//! Sources: auditd's "Audit Event Fields" and "Audit Record Types"; call numbers from Linux 6.1
//! (`arch/x86/entry/syscalls`, `include/uapi/asm-generic/unistd.h`).

use super::{Hint, Hosts, Kind, Record, event, lines, text};
use crate::event::base_name;
use crate::{Command, End, Event, How, Image, Start, Time, What};
use evidence::Error;
use std::collections::{BTreeMap, HashMap};

/// Events that are waited for at once: records of several may be mixed.
const OPEN: usize = 1024;
/// Arguments of one event that are kept, and bytes of all of them.
const ARGUMENTS: usize = 65_536;
const BYTES: usize = 1 << 21;

pub(super) fn takes(data: &[u8]) -> bool {
    lines(data.get(..data.len().min(1 << 14)).unwrap_or(data)).take(20).any(|(_, line)| {
        let line = text(line);
        Line::of(&line).is_some()
    })
}

/// A line: `node=HOST type=TYPE msg=audit(SECONDS.MILLIS:SERIAL): fields`.
struct Line<'a> {
    node: &'a str,
    kind: &'a str,
    time: Time,
    serial: u64,
    fields: &'a str,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Option<Line<'a>> {
        let (node, rest) = match line.strip_prefix("node=") {
            Some(rest) => rest.split_once(' ')?,
            None => ("", line),
        };
        let (kind, rest) = rest.strip_prefix("type=")?.split_once(' ')?;
        let (id, fields) = rest.trim_start().strip_prefix("msg=audit(")?.split_once("):")?;
        let (time, serial) = id.split_once(':')?;
        let (seconds, fraction) = time.split_once('.')?;
        let time = Time::from_seconds(seconds.parse().ok()?, crate::time::nanos(fraction)?);
        // Behind this character come the same fields in words.
        let fields = fields.split('\x1d').next().unwrap_or(fields);
        Some(Line { node, kind, time, serial: serial.parse().ok()?, fields })
    }

    fn field(&self, name: &str) -> Option<&'a str> {
        field(self.fields, name)
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.field(name)?.parse().ok()
    }
}

/// The value of `name=value`, its quotes still on.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = fields;
    loop {
        rest = rest.trim_start();
        let (key, behind) = rest.split_once('=')?;
        let key = key.rsplit(' ').next().unwrap_or(key);
        let end = match behind.strip_prefix('"') {
            Some(inner) => inner.find('"').map_or(behind.len(), |at| at + 2),
            None => behind.find(' ').unwrap_or(behind.len()),
        };
        let (value, next) = behind.split_at_checked(end)?;
        if key == name {
            return Some(value);
        }
        rest = next;
    }
}

/// A text of the log: in quotes as it is, otherwise in hexadecimal digits.
fn value(raw: &str) -> String {
    if let Some(inner) = raw.strip_prefix('"') {
        return inner.strip_suffix('"').unwrap_or(inner).to_owned();
    }
    let digits = raw.len().is_multiple_of(2)
        && !raw.is_empty()
        && raw.bytes().all(|b| b.is_ascii_hexdigit());
    if !digits {
        return if raw == "(null)" { String::new() } else { raw.to_owned() };
    }
    let nibble =
        |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok()).unwrap_or(0);
    let pairs = raw.as_bytes().chunks_exact(2);
    let bytes: Vec<u8> = pairs.map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a call does to processes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Exec,
    Fork,
    Exit,
}

/// By architecture (AUDIT_ARCH_*, linux/audit.h) and number.
fn call(arch: u64, number: u32) -> Option<Call> {
    match (arch, number) {
        (0xc000_003e, 59 | 322) | (0x4000_0003, 11 | 358) | (0xc000_00b7, 221 | 281) => {
            Some(Call::Exec)
        }
        (0xc000_003e, 56..=58) | (0x4000_0003, 2 | 120 | 190) | (0xc000_00b7, 220) => {
            Some(Call::Fork)
        }
        (0xc000_003e | 0x4000_0003 | 0xc000_00b7, 435) => Some(Call::Fork),
        (0xc000_003e, 231) | (0x4000_0003, 252) | (0xc000_00b7, 94) => Some(Call::Exit),
        _ => None,
    }
}

/// Flag of `clone` for a thread (linux/sched.h).
const CLONE_THREAD: u64 = 0x10000;

/// The records of one event, as far as they came.
#[derive(Default)]
struct Open {
    time: Option<Time>,
    syscall: Option<Syscall>,
    arguments: BTreeMap<u32, String>,
    count: u32,
    bytes: usize,
    cut: bool,
    title: Option<String>,
    folder: Option<String>,
}

struct Syscall {
    call: Call,
    pid: u32,
    parent: Option<u32>,
    user: Option<String>,
    result: Option<i64>,
    arguments: [u64; 2],
    name: String,
    path: Option<String>,
}

pub(super) fn read(data: &[u8], _: &Hint<'_>) -> Result<Record, Error> {
    let mut reader = Reader::default();
    let mut read = 0u64;
    for (_, line) in lines(data) {
        let line = text(line);
        let Some(line) = Line::of(&line) else {
            reader.strange += u64::from(!line.trim().is_empty() && !line.starts_with("----"));
            continue;
        };
        read += 1;
        reader.line(&line);
    }
    reader.close_all();
    let mut notes = Vec::new();
    if reader.strange > 0 {
        notes.push(format!("{} lines are no audit records.", reader.strange));
    }
    if reader.unknown_arch > 0 {
        let of = reader.unknown_arch;
        notes.push(format!(
            "{of} calls are of an architecture whose call numbers are not known here."
        ));
    }
    let saw = |wanted: Call| reader.calls.contains(&wanted);
    if saw(Call::Exec) && !saw(Call::Exit) {
        notes.push("ends are not in this log: only a rule for exit_group writes them.".to_owned());
    }
    if saw(Call::Exec) && !saw(Call::Fork) {
        let note = "forks are not in this log: a process is told of from its first program on.";
        notes.push(note.to_owned());
    }
    if reader.hosts.names.is_empty() {
        reader.hosts.number("");
    }
    Ok(Record { kind: Kind::Audit, events: reader.events, hosts: reader.hosts.names, read, notes })
}

#[derive(Default)]
struct Reader {
    open: BTreeMap<(u64, u16), Open>,
    hosts: Hosts,
    /// Processes that are there, with their parent.
    known: HashMap<(u16, u32), Option<u32>>,
    calls: Vec<Call>,
    events: Vec<Event>,
    strange: u64,
    unknown_arch: u64,
}

impl Reader {
    fn line(&mut self, line: &Line<'_>) {
        let host = self.hosts.number(line.node);
        if line.kind == "ANOM_ABEND" {
            // Written before the process ends; nothing else tells of the signal.
            if let (Some(pid), Some(signal)) = (line.number("pid"), line.number("sig")) {
                let how = How::Signal { number: u8::try_from(signal).unwrap_or(0), core: false };
                let name = line.field("comm").map(value);
                let path = line.field("exe").map(value);
                self.known.remove(&(host, pid));
                let end = End { how, name, path, ..End::default() };
                self.events.push(event(line.time, host, pid, What::End(Box::new(end))));
            }
            return;
        }
        if line.kind == "EOE" {
            self.close((line.serial, host));
            return;
        }
        if !matches!(line.kind, "SYSCALL" | "EXECVE" | "CWD" | "PROCTITLE") {
            return;
        }
        let open = self.open.entry((line.serial, host)).or_default();
        open.time = open.time.or(Some(line.time));
        match line.kind {
            "SYSCALL" => {
                let arch = line.field("arch").and_then(|arch| u64::from_str_radix(arch, 16).ok());
                let known = matches!(arch, Some(0xc000_003e | 0x4000_0003 | 0xc000_00b7));
                self.unknown_arch += u64::from(!known);
                open.syscall = arch.and_then(|arch| syscall(line, arch));
            }
            "EXECVE" => execve(line, open),
            "CWD" => open.folder = line.field("cwd").map(value),
            _ => open.title = line.field("proctitle").map(value),
        }
        if self.open.len() > OPEN
            && let Some(first) = self.open.keys().next().copied()
        {
            self.close(first);
        }
    }

    fn close_all(&mut self) {
        while let Some(first) = self.open.keys().next().copied() {
            self.close(first);
        }
    }

    fn close(&mut self, key: (u64, u16)) {
        let Some(open) = self.open.remove(&key) else { return };
        let (host, time) = (key.1, open.time.unwrap_or(Time::NONE));
        let Some(syscall) = &open.syscall else { return };
        if !self.calls.contains(&syscall.call) {
            self.calls.push(syscall.call);
        }
        let pid = syscall.pid;
        let what = match syscall.call {
            Call::Exec => {
                let start = Box::new(start(&open, syscall));
                let before = self.known.insert((host, pid), syscall.parent);
                // The same id with another parent is another process.
                let same =
                    before.is_some_and(|before| before == syscall.parent || before.is_none());
                (pid, if same { What::Exec(start) } else { What::Start(start) })
            }
            Call::Fork => {
                let child = syscall.result.and_then(|child| u32::try_from(child).ok());
                let Some(child) = child.filter(|child| *child > 0) else { return };
                // clone3 has its flags in memory, which the log does not show: a thread that looks like a process.
                if syscall.arguments[0] & CLONE_THREAD != 0 {
                    return;
                }
                self.known.insert((host, child), Some(pid));
                let image = Image { name: syscall.name.clone(), ..Image::default() };
                let user = syscall.user.clone();
                let start =
                    Start { parent: Some(pid), user, image, forked: true, ..Start::default() };
                (child, What::Start(Box::new(start)))
            }
            Call::Exit => {
                self.known.remove(&(host, pid));
                let code = u32::try_from(syscall.arguments[0] & 0xff).unwrap_or(0);
                let end = End {
                    how: How::Exit(code),
                    name: Some(syscall.name.clone()),
                    path: syscall.path.clone(),
                    user: syscall.user.clone(),
                    ..End::default()
                };
                (pid, What::End(Box::new(end)))
            }
        };
        self.events.push(event(time, host, what.0, what.1));
    }
}

fn syscall(line: &Line<'_>, arch: u64) -> Option<Syscall> {
    let call = call(arch, line.number("syscall")?)?;
    if call != Call::Exit && line.field("success") != Some("yes") {
        return None;
    }
    let argument = |name| {
        let raw = line.field(name).unwrap_or_default();
        u64::from_str_radix(raw, 16).unwrap_or(0)
    };
    let path = line.field("exe").map(value);
    let comm = line.field("comm").map(value);
    Some(Syscall {
        call,
        pid: line.number("pid")?,
        parent: line.number("ppid"),
        user: line.field("uid").map(str::to_owned),
        result: line.field("exit").and_then(|exit| exit.parse().ok()),
        arguments: [argument("a0"), argument("a1")],
        name: comm
            .or_else(|| path.as_deref().map(|path| base_name(path).to_owned()))
            .unwrap_or_default(),
        path,
    })
}

/// `argc=2 a0="cat" a1="/etc/hosts"`; a long one comes in pieces, `a1[0]=`, over several records.
fn execve(line: &Line<'_>, open: &mut Open) {
    if let Some(count) = line.number("argc") {
        open.count = count;
    }
    let mut rest = line.fields;
    while let Some((key, behind)) = rest.trim_start().split_once('=') {
        let end = match behind.strip_prefix('"') {
            Some(inner) => inner.find('"').map_or(behind.len(), |at| at + 2),
            None => behind.find(' ').unwrap_or(behind.len()),
        };
        let Some((raw, next)) = behind.split_at_checked(end) else { break };
        rest = next;
        let name = key.strip_prefix('a').map(|name| name.split('[').next().unwrap_or(name));
        let Some(index) = name.and_then(|name| name.parse::<u32>().ok()) else { continue };
        open.bytes = open.bytes.saturating_add(raw.len());
        if open.bytes > BYTES || open.arguments.len() >= ARGUMENTS {
            open.cut = true;
            return;
        }
        open.arguments.entry(index).or_default().push_str(&value(raw));
    }
}

fn start(open: &Open, syscall: &Syscall) -> Start {
    let command = if open.arguments.is_empty() {
        // The title has NULs between arguments, and is cut at 128 bytes.
        open.title
            .as_ref()
            .map(|title| Command::from_nul_separated(title.as_bytes(), title.len() < 128))
    } else {
        let complete = !open.cut && u32::try_from(open.arguments.len()) == Ok(open.count);
        Some(Command::from_arguments(open.arguments.values().map(String::as_str), complete))
    };
    let by_path = syscall.path.as_deref().map(|path| base_name(path).to_owned());
    Start {
        parent: syscall.parent,
        user: syscall.user.clone(),
        image: Image {
            name: by_path.unwrap_or_else(|| syscall.name.clone()),
            path: syscall.path.clone(),
            command,
            folder: open.folder.clone(),
        },
        ..Start::default()
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;

//! Crashes of the kernel and the like: blocks of lines that belong together, kept whole.

use super::{MOST_BLOCKS, Often, text};
use evidence::system_log::Record;
use knowledge::messages::shape;
use serde::Serialize;

/// Lines and bytes of a block that are kept.
const MOST_LINES: usize = 400;
const MOST_BYTES: usize = 0x1_0000;
/// Functions of the call trace that are named.
const MOST_CALLS: usize = 16;
/// Records of others that may stand between two lines of a block.
const MOST_BETWEEN: u32 = 200;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The kernel stopped for good.
    Panic,
    /// The kernel's own code went wrong: a bad address, a failed assertion.
    Oops,
    /// The processor or the memory reported an error.
    MachineCheck,
    /// A processor or a task does not get on.
    Lockup,
    /// No memory was left.
    OutOfMemory,
    /// The kernel found something that should not be, and went on.
    Warning,
    /// A call trace, printed for some other reason.
    Trace,
}

impl Kind {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Panic => "kernel panic",
            Kind::Oops => "kernel oops",
            Kind::MachineCheck => "hardware error",
            Kind::Lockup => "lock-up",
            Kind::OutOfMemory => "out of memory",
            Kind::Warning => "kernel warning",
            Kind::Trace => "call trace",
        }
    }
}

/// How a block begins: at the front of the message, or anywhere in it.
const FRONT: &[(&str, Kind)] = &[
    ("Kernel panic - not syncing", Kind::Panic),
    ("BUG: workqueue lockup", Kind::Lockup),
    ("BUG: soft lockup", Kind::Lockup),
    ("watchdog: BUG: soft lockup", Kind::Lockup),
    ("watchdog: Watchdog detected hard LOCKUP", Kind::Lockup),
    ("NMI watchdog: ", Kind::Lockup),
    ("INFO: rcu_", Kind::Lockup),
    ("rcu: INFO: rcu_", Kind::Lockup),
    ("INFO: task ", Kind::Lockup),
    ("BUG: ", Kind::Oops),
    ("Oops: ", Kind::Oops),
    ("Oops[#", Kind::Oops),
    ("Unable to handle kernel ", Kind::Oops),
    ("Internal error: ", Kind::Oops),
    ("general protection fault", Kind::Oops),
    ("kernel BUG at ", Kind::Oops),
    ("invalid opcode: ", Kind::Oops),
    ("divide error: ", Kind::Oops),
    ("stack segment: ", Kind::Oops),
    ("double fault: ", Kind::Oops),
    ("traps: PANIC", Kind::Panic),
    ("mce: [Hardware Error]", Kind::MachineCheck),
    ("[Hardware Error]: ", Kind::MachineCheck),
    ("------------[ cut here ]------------", Kind::Warning),
    ("WARNING: CPU: ", Kind::Warning),
    ("WARNING: at ", Kind::Warning),
    ("WARNING: possible ", Kind::Warning),
    ("INFO: possible ", Kind::Warning),
    ("INFO: suspicious RCU usage", Kind::Warning),
    ("UBSAN: ", Kind::Warning),
    ("Call Trace:", Kind::Trace),
    ("Call trace:", Kind::Trace),
];
const WITHIN: &[(&str, Kind)] = &[
    (" invoked oom-killer: ", Kind::OutOfMemory),
    ("}[Hardware Error]: ", Kind::MachineCheck),
    (": page allocation failure: order:", Kind::Warning),
];

/// How lines begin that go on with a block.
const GOES_ON: &[&str] = &[
    "Call Trace",
    "Call trace",
    "Backtrace",
    "Modules linked in",
    "Hardware name",
    "RIP",
    "RSP",
    "EIP",
    "ESP",
    "EFLAGS",
    "RAX",
    "RBX",
    "RDX",
    "RBP",
    "R08",
    "R10",
    "R13",
    "EAX",
    "ESI",
    "FS:",
    "CS:",
    "DS:",
    "CR2",
    "DR0",
    "DR3",
    "PKRU",
    "Code:",
    "Code ",
    "Stack",
    "Oops",
    "PGD",
    "PUD",
    "P4D",
    "PMD",
    "*pde",
    "*pdpt",
    "IP:",
    "IP ",
    "Internal error",
    "Process ",
    "Thread ",
    "Workqueue",
    "Tainted",
    "Last unloaded",
    "<",
    "[<",
    "? ",
    "---[",
    "===",
    "note: ",
    "Kernel panic",
    "Kernel Offset",
    "Rebooting in",
    "pc :",
    "lr :",
    "sp :",
    "x0",
    "x1",
    "x2",
    "pstate",
    "Unwind",
    "irq event stamp",
    "hardirqs",
    "softirqs",
    "ORIG_RAX",
    "general protection",
    "BUG: ",
    "#PF",
    "kernel BUG",
    "WARNING: ",
    "invalid opcode",
    "CPU: ",
    "CPU ",
    "PID: ",
    "Mem abort",
    "Data abort",
    "ESR =",
    "EC =",
    "SET =",
    "EA =",
    "ISV =",
    "CM =",
    "FSC =",
    "user pgtable",
    "Unable to handle",
    "SMP",
    "Dumping ftrace",
    "Kernel memory protection",
    "Supported:",
    "Not tainted",
    "RSI",
    "task: ",
    "traps:",
];
const LOCKUP: &[&str] = &[
    "task:",
    "Not tainted",
    "\"echo 0 >",
    "Sending NMI",
    "NMI backtrace",
    "Task dump",
    "rcu:",
    "(t=",
    "(detected by",
    "Blocked by",
    "Showing all locks",
    "INFO: NMI",
    "locks held",
    "Task ",
    "Possible ",
    "\t",
];
const OOM_ENDS: &[&str] = &[
    "Out of memory:",
    "Memory cgroup out of memory:",
    "oom-kill:",
    "Killed process",
    "oom_reaper:",
];

/// A block.
#[derive(Clone, Debug, Serialize)]
pub struct Block {
    /// What it is.
    pub kind: Kind,
    /// The line that says what has happened.
    pub title: String,
    /// How often there was one with this title and function, and when.
    #[serde(flatten)]
    pub often: Often,
    /// Function in which it happened, as the kernel says.
    pub function: Option<String>,
    /// The task that was running.
    pub task: Option<String>,
    /// What the kernel says of its taint; nothing if it is not tainted.
    pub taint: Option<String>,
    /// The innermost functions of the first call trace that are sure.
    pub calls: Vec<String>,
    /// Modules that have functions in it, the innermost first.
    pub modules: Vec<String>,
    /// The first such block, as it was written, without time and program.
    pub lines: Vec<String>,
    /// Lines that it had beyond.
    pub left_out: u64,
    /// Entry of the message, if one is known.
    pub known: Option<String>,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    often: Often,
    lines: Vec<String>,
    bytes: usize,
    left_out: u64,
    between: u32,
    /// Whether the last line has come.
    ended: bool,
}

/// Blocks, and the one under way.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Option<Open>,
    done: Vec<(u64, Block)>,
    /// Blocks that were not kept, for there were too many different ones.
    pub beyond: u64,
    /// Lines that lie in blocks.
    pub inside: u64,
}

fn is_kernel(record: &Record<'_>) -> bool {
    record.event.is_none() && (record.program == b"kernel" || record.program.is_empty())
}

fn kind(message: &[u8]) -> Option<Kind> {
    let of = |list: &[(&str, Kind)], has: &dyn Fn(&str) -> bool| {
        list.iter().find(|(word, _)| has(word)).map(|(_, kind)| *kind)
    };
    let front = of(FRONT, &|word| message.starts_with(word.as_bytes()));
    let within = || of(WITHIN, &|word| memchr::memmem::find(message, word.as_bytes()).is_some());
    let kind = front.or_else(within)?;
    let blocked = || memchr::memmem::find(message, b" blocked for more than ").is_some();
    let lockup = || memchr::memmem::find(message, b"LOCKUP").is_some();
    match () {
        () if message.starts_with(b"INFO: task ") && !blocked() => None,
        () if message.starts_with(b"NMI watchdog: ") && !lockup() && !has_soft(message) => None,
        () => Some(kind),
    }
}

fn has_soft(message: &[u8]) -> bool {
    memchr::memmem::find(message, b"soft lockup").is_some()
}

impl Blocks {
    /// Whether a message begins a block.
    pub fn is_one(record: &Record<'_>, message: &[u8]) -> bool {
        is_kernel(record) && kind(message).is_some()
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Begins a block.
    pub fn open(&mut self, source: u32, record: &Record<'_>, message: &[u8]) {
        self.close();
        let Some(kind) = kind(message) else { return };
        let mut often = Often { line: record.line, source, ..Often::default() };
        often.add(record.time, 1);
        let (lines, bytes) = (Vec::new(), 0);
        let mut open = Open { kind, often, lines, bytes, left_out: 0, between: 0, ended: false };
        open.keep(message);
        self.open = Some(open);
    }

    /// Whether a record goes on with the block under way, and is kept with it. Otherwise it ends, unless it is of
    /// another program.
    pub fn goes_on(&mut self, record: &Record<'_>, message: &[u8]) -> bool {
        let Some(open) = &mut self.open else { return false };
        let paused = || {
            let since = record.time?.since(&open.often.last?)?;
            Some(since > 10_000_000)
        };
        if open.ended && !message.starts_with(b"Kernel panic") || paused() == Some(true) {
            self.close();
            return false;
        }
        if !is_kernel(record) {
            open.between = open.between.saturating_add(1);
            if open.between > MOST_BETWEEN {
                self.close();
            }
            return false;
        }
        if !open.has(message) {
            self.close();
            return false;
        }
        open.often.last = record.time.or(open.often.last);
        open.keep(message);
        self.inside = self.inside.saturating_add(1);
        true
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let block = open.read();
        let function = block.function.as_deref().unwrap_or_default();
        let key = shape(block.title.as_bytes(), shape(function.as_bytes(), block.kind as u64));
        if let Some((_, had)) = self.done.iter_mut().find(|(own, _)| *own == key) {
            had.often.join(&block.often);
        } else if self.done.len() < MOST_BLOCKS {
            self.done.push((key, block));
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    /// All of them, in the order in which they came.
    pub fn finish(&mut self) -> Vec<Block> {
        self.close();
        std::mem::take(&mut self.done).into_iter().map(|(_, block)| block).collect()
    }
}

impl Open {
    fn keep(&mut self, message: &[u8]) {
        if self.lines.len() >= MOST_LINES || self.bytes >= MOST_BYTES {
            self.left_out = self.left_out.saturating_add(1);
        } else {
            let line = text(message, 1_000);
            self.bytes = self.bytes.saturating_add(line.len());
            self.lines.push(line);
        }
        let ends = message.starts_with(b"---[ end ");
        self.ended |= ends;
        // The line behind `cut here` says what it is.
        if self.lines.len() == 2
            && self.kind == Kind::Warning
            && let Some(kind) = kind(message)
        {
            self.kind = kind;
        }
        if message.starts_with(b"Kernel panic - not syncing") {
            self.kind = Kind::Panic;
        }
    }

    fn has(&self, message: &[u8]) -> bool {
        let trimmed = message.trim_ascii_start();
        let begins = |list: &[&str]| list.iter().any(|word| trimmed.starts_with(word.as_bytes()));
        let frame = || {
            let plus = memchr::memmem::find(message, b"+0x");
            plus.is_some_and(|at| memchr::memmem::find(&message[at..], b"/0x").is_some())
        };
        let hardware = memchr::memmem::find(message, b"[Hardware Error]").is_some();
        match self.kind {
            Kind::MachineCheck => hardware || trimmed.starts_with(b"mce: "),
            _ if hardware => false,
            Kind::OutOfMemory => {
                let ended = |line: &String| OOM_ENDS.iter().any(|word| line.starts_with(word));
                let last = self.lines.last().is_some_and(ended);
                !last || begins(OOM_ENDS)
            }
            Kind::Lockup => begins(GOES_ON) || begins(LOCKUP) || frame() || trimmed.is_empty(),
            Kind::Warning if self.lines.len() == 1 => true,
            _ => begins(GOES_ON) || frame() || trimmed.is_empty(),
        }
    }

    fn read(self) -> Block {
        let cut = self.lines.first().is_some_and(|line| line.starts_with("------------["));
        let title = self.lines.get(usize::from(cut)).or(self.lines.first());
        let title = title.map(|line| line.trim().to_owned()).unwrap_or_default();
        let find = |marks: &[&str]| {
            self.lines.iter().find_map(|line| {
                let at = marks.iter().find_map(|mark| Some(line.find(mark)? + mark.len()))?;
                line.get(at..)
            })
        };
        let comm = find(&["Comm: "]).map(|rest| {
            let end = [" Tainted: ", " Not tainted", " Kdump"]
                .iter()
                .filter_map(|it| rest.find(it))
                .min();
            rest[..end.unwrap_or(rest.len())].trim().to_owned()
        });
        let taint = find(&["Tainted: "]).map(|rest| {
            // Flags are capital letters and blanks; the release follows.
            let is_flag = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase());
            let flags = rest.split(' ').take_while(is_flag);
            let flags: String = flags.collect();
            if flags.is_empty() { rest.trim().to_owned() } else { flags }
        });
        let frames: Vec<&String> =
            self.lines.iter().filter(|line| symbol(line).is_some()).collect();
        let at = |line: &&String| {
            ["RIP: ", "RIP  ", "IP: ", "EIP: ", "pc : ", "PC is at ", "WARNING: "]
                .iter()
                .any(|it| line.contains(it))
        };
        let function = frames.iter().copied().find(at).and_then(|line| symbol(line));
        let mut calls = Vec::new();
        let mut modules: Vec<String> = Vec::new();
        let trace =
            self.lines.iter().position(|line| line.to_ascii_lowercase().contains("call trace"));
        let trace = trace.map_or(&[][..], |at| &self.lines[at + 1..]);
        for line in trace {
            if line.trim_start().starts_with("? ")
                || line.contains("] ? ")
                || line.contains("RIP: ")
            {
                continue;
            }
            let Some(function) = symbol(line) else { continue };
            if calls.len() < MOST_CALLS {
                calls.push(function.to_owned());
            }
            let module = line.rsplit_once(" [").and_then(|(_, rest)| rest.split([']', ' ']).next());
            if let Some(module) = module
                && modules.len() < MOST_CALLS
                && !modules.iter().any(|had| had == module)
            {
                modules.push(module.to_owned());
            }
        }
        Block {
            kind: self.kind,
            title,
            often: self.often,
            function: function.map(str::to_owned),
            task: comm,
            taint,
            calls,
            modules,
            lines: self.lines,
            left_out: self.left_out,
            known: None,
        }
    }
}

/// `name` of `name+0x12/0x34`.
fn symbol(line: &str) -> Option<&str> {
    let at = line.find("+0x")?;
    let rest = &line[at + 3..];
    let slash = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    if !rest[slash..].starts_with("/0x") {
        return None;
    }
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
    let start = line[..at].rfind(|c| !name(c)).map_or(0, |before| before + 1);
    line.get(start..at).filter(|name| !name.is_empty())
}

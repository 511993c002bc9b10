//! A line for each thing that happens: `START Mon Apr 16 22:04:07 2012: PID 1380, sstext3d.scr`.

use super::{exit_words, name, span};
use crate::escape;
use crate::number;
use processes::{Entry, Lost, Process, Time, Told};
use std::fmt::Write;

/// What a line may tell beyond the moment, the id and the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Id and name of the parent.
    Parent,
    /// User.
    User,
    /// Exit code or signal.
    Exit,
    /// How long it lived.
    Lived,
    /// Processor time.
    Cpu,
    /// Working folder.
    Folder,
    /// Container or control group.
    Container,
    /// Machine.
    Host,
    /// The identity that survives reuse of the id.
    Id,
    /// Full command line.
    Command,
}

impl Column {
    /// Every column, in the order in which they are told.
    pub const ALL: [Column; 10] = [
        Column::Parent,
        Column::User,
        Column::Exit,
        Column::Lived,
        Column::Cpu,
        Column::Folder,
        Column::Container,
        Column::Host,
        Column::Id,
        Column::Command,
    ];

    /// What a user calls it.
    pub fn word(self) -> &'static str {
        match self {
            Column::Parent => "parent",
            Column::User => "user",
            Column::Exit => "exit",
            Column::Lived => "lived",
            Column::Cpu => "cpu",
            Column::Folder => "folder",
            Column::Container => "container",
            Column::Host => "host",
            Column::Id => "id",
            Column::Command => "command",
        }
    }

    /// Its value for a process, if that is known and has a sense at this moment.
    fn value(self, process: &Process, stop: bool, look: &WatchLook<'_>) -> Option<String> {
        let (start, end) = (&process.start, process.end.as_ref());
        match self {
            Column::Parent => start.parent.map(|pid| match &start.parent_name {
                Some(name) => format!("{pid} {name}"),
                None => pid.to_string(),
            }),
            Column::User => start.user.clone(),
            Column::Exit => end.and_then(|end| exit_words(end.how)),
            Column::Lived => process.lived().filter(|_| stop).map(span),
            Column::Cpu => end.and_then(|end| end.cpu).map(span),
            Column::Folder => start.image.folder.clone(),
            Column::Container => start.container.clone(),
            Column::Host => Some(look.host(process).to_owned()).filter(|host| !host.is_empty()),
            Column::Id => Some(process.identity(look.host(process))),
            Column::Command => start.image.command.as_ref().map(|command| {
                let cut = if command.complete { "" } else { " ..." };
                format!("{}{cut}", command.text)
            }),
        }
    }
}

/// How lines shall look.
pub struct WatchLook<'a> {
    /// Whether to colour them.
    pub colour: bool,
    /// What they tell, in this order.
    pub columns: &'a [Column],
    /// Whether to indent names by who started whom.
    pub tree: bool,
    /// Seconds east of UTC at a moment.
    pub offset: &'a dyn Fn(Time) -> i32,
    /// Names of machines, by number.
    pub hosts: &'a [String],
}

impl WatchLook<'_> {
    /// The name of the machine that a process is of.
    pub(super) fn host(&self, process: &Process) -> &str {
        self.hosts.get(usize::from(process.host)).map_or("", String::as_str)
    }

    /// A moment as `ctime` writes it.
    pub(super) fn moment(&self, time: Time) -> String {
        if time.is_none() {
            return "(time not known)".to_owned();
        }
        time.civil((self.offset)(time)).to_string()
    }
}

/// Writes the line of an entry, with its end. What still runs at the end has none.
pub fn watch_line(out: &mut String, entry: &Entry<'_>, look: &WatchLook<'_>) {
    let (word, ink, process) = match entry.told {
        Told::Start(process) => ("START", "32", process),
        Told::Exec(process) => ("EXEC ", "36", process),
        Told::Stop(process) => ("STOP ", "2", process),
        Told::Vanished(process) => ("GONE ", "33", process),
        Told::Lost(lost) => return lost_line(out, entry.time, lost, look),
        Told::Open(_) => return,
    };
    head(out, word, ink, entry.time, look);
    let indent = if look.tree { usize::from(process.depth.min(40)) * 2 } else { 0 };
    let _ = write!(out, "{:indent$}PID {}, {}", "", process.pid, escape(name(process)));
    let stop = matches!(entry.told, Told::Stop(_));
    for column in look.columns {
        if let Some(value) = column.value(process, stop, look) {
            let _ = write!(out, ", {} {}", column.word(), escape(&value));
        }
    }
    match entry.told {
        Told::Stop(it) if !it.start_seen && it.started.is_none() => {
            out.push_str(" (its start was not seen)")
        }
        Told::Vanished(_) => {
            out.push_str(" (its end was not seen; another process has its id now)")
        }
        Told::Start(it) if !it.start_seen => {
            out.push_str(" (it was there before; its start was not seen)")
        }
        _ => {}
    }
    out.push('\n');
}

fn head(out: &mut String, word: &str, ink: &str, time: Time, look: &WatchLook<'_>) {
    let moment = look.moment(time);
    if look.colour {
        let _ = write!(out, "\x1b[{ink}m{word}\x1b[0m {moment}: ");
    } else {
        let _ = write!(out, "{word} {moment}: ");
    }
}

fn lost_line(out: &mut String, time: Time, lost: &Lost, look: &WatchLook<'_>) {
    head(out, "LOST ", "31", time, look);
    let _ = writeln!(out, "{} ({})", watch_lost_words(lost), escape(&lost.why));
}

/// `12 starts, 3 ends`; with `up to` where it may be less.
pub fn watch_lost_words(lost: &Lost) -> String {
    let mut parts = Vec::new();
    for (count, one, many) in [
        (lost.starts, "start", "starts"),
        (lost.execs, "program", "programs"),
        (lost.ends, "end", "ends"),
        (lost.unknown, "event of unknown kind", "events of unknown kind"),
    ] {
        if count > 0 {
            parts.push(format!("{} {}", number(count), if count == 1 { one } else { many }));
        }
    }
    match (parts.is_empty(), lost.at_most) {
        (true, _) => "nobody knows how many events".to_owned(),
        (false, true) => format!("up to {}", parts.join(", ")),
        (false, false) => parts.join(", "),
    }
}

//! What a source or a record tells: a start, another program, an end, a loss.

use crate::Time;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When; [`Time::NONE`] where the record has no times.
    pub time: Time,
    /// Machine, as the source numbers them. The same number is the same set of process ids.
    pub host: u16,
    /// Number of the source or file that told it.
    pub source: u16,
    /// Process id; of no meaning in a loss.
    pub pid: u32,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A process came to be, or was there when watching began.
    Start(Box<Start>),
    /// A process runs another program from now on (`execve`).
    Exec(Box<Start>),
    /// A process ended.
    End(Box<End>),
    /// The source lost something here.
    Lost(Lost),
}

/// A process at its start, as far as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// When it was made, in nanoseconds since the boot; identifies it together with its id.
    pub since_boot: Option<u64>,
    /// What the system calls it so that no other process has the same (Sysmon's ProcessGuid).
    pub guid: Option<Box<str>>,
    /// Whether it ran before watching began.
    pub before: bool,
    /// Whether it may yet run another program: a fork, whose name is still its parent's.
    pub forked: bool,
    /// Process id of its parent.
    pub parent: Option<u32>,
    /// Name or path of its parent, where the record has it.
    pub parent_name: Option<String>,
    /// User.
    pub user: Option<String>,
    /// Program.
    pub image: Image,
    /// Container, or control group.
    pub container: Option<String>,
}

/// A program that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// File name, without folders.
    pub name: String,
    /// Path of the file.
    pub path: Option<String>,
    /// Command line.
    pub command: Option<Command>,
    /// Working folder.
    pub folder: Option<String>,
}

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// On Windows as it was given; elsewhere arguments with blanks between, quoted where they have any.
    pub text: String,
    /// Whether it is all of it.
    pub complete: bool,
}

impl Command {
    /// From arguments. Those that a shell would cut or change stand in single quotes.
    pub fn from_arguments<'a>(
        arguments: impl IntoIterator<Item = &'a str>,
        complete: bool,
    ) -> Command {
        let mut text = String::new();
        for argument in arguments {
            if !text.is_empty() {
                text.push(' ');
            }
            let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%^".contains(c);
            if !argument.is_empty() && argument.chars().all(plain) {
                text.push_str(argument);
            } else {
                text.push('\'');
                text.push_str(&argument.replace('\'', r"'\''"));
                text.push('\'');
            }
        }
        Command { text, complete }
    }

    /// From arguments with a NUL behind each, as the kernel keeps them. Bytes that are no UTF-8 become U+FFFD.
    pub fn from_nul_separated(bytes: &[u8], complete: bool) -> Command {
        let text = String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes));
        if text.is_empty() {
            return Command { text: String::new(), complete };
        }
        Command::from_arguments(text.split('\0'), complete)
    }
}

/// The end of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// As in [`Start`]: an end with another one belongs to another process.
    pub since_boot: Option<u64>,
    /// As in [`Start`].
    pub guid: Option<Box<str>>,
    /// How it ended.
    pub how: How,
    /// Processor time of all its threads, nanoseconds.
    pub cpu: Option<u64>,
    /// Name, where the record has it.
    pub name: Option<String>,
    /// Path of its program, where the record has it.
    pub path: Option<String>,
    /// User, where the record has it.
    pub user: Option<String>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// It is not told.
    #[default]
    Unknown,
    /// With this exit code: 0 to 255 on Linux, an NTSTATUS or anything else on Windows.
    Exit(u32),
    /// By a signal of this number.
    Signal {
        /// Number.
        number: u8,
        /// Whether a core was dumped.
        core: bool,
    },
}

impl How {
    /// From what `wait` returns: a signal in the low seven bits, a flag for a core, the code above
    /// (wait(2)).
    pub fn from_wait_status(status: u32) -> How {
        match u8::try_from(status & 0x7f) {
            Ok(number) if number != 0 => How::Signal { number, core: status & 0x80 != 0 },
            _ => How::Exit(status >> 8 & 0xff),
        }
    }
}

/// What a source lost, between the event before and the one after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Starts.
    pub starts: u64,
    /// Programs run by processes that were there.
    pub execs: u64,
    /// Ends.
    pub ends: u64,
    /// Events of which nobody knows what they were.
    pub unknown: u64,
    /// Whether these are at most so many: the source counts other things with them.
    pub at_most: bool,
    /// Who says so, and of what: a clause.
    pub why: String,
}

impl Lost {
    /// All of it.
    pub fn total(&self) -> u64 {
        [self.starts, self.execs, self.ends, self.unknown]
            .iter()
            .fold(0, |a, b| a.saturating_add(*b))
    }
}

/// The last part of a path, of either system.
pub(crate) fn base_name(path: &str) -> &str {
    let path = path.trim_end_matches(['/', '\\']);
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stay_apart() {
        let of = |bytes: &[u8]| Command::from_nul_separated(bytes, true).text;
        assert_eq!(of(b"ls\0-l\0a b\0"), "ls -l 'a b'");
        assert_eq!(of(b"sh\0-c\0echo 'x'\0\0"), r"sh -c 'echo '\''x'\''' ''");
        assert_eq!(of(b""), "");
        assert_eq!(of(b"\xff\0"), "'\u{fffd}'");
    }

    #[test]
    fn wait_statuses() {
        assert_eq!(How::from_wait_status(0x0300), How::Exit(3));
        assert_eq!(How::from_wait_status(9), How::Signal { number: 9, core: false });
        assert_eq!(How::from_wait_status(0x8b), How::Signal { number: 11, core: true });
    }

    #[test]
    fn base_names_of_both_systems() {
        assert_eq!(base_name(r"C:\Windows\System32\cmd.exe"), "cmd.exe");
        assert_eq!(base_name("/usr/bin/ls"), "ls");
        assert_eq!(base_name("ls"), "ls");
    }
}

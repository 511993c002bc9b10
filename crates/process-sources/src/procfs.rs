//! What /proc tells of a process (proc(5)).

use crate::Machine;
use crate::machine::container;
use processes::{Command, Image, Start};
use std::fs;
use std::io::Read;

/// Clock ticks are told in hundredths of a second on every Linux of today (USER_HZ), nanoseconds each.
pub(crate) const TICK: u64 = 10_000_000;
/// Longest command line that is read.
const MOST: u64 = 1 << 20;
/// Flag of kernel threads (include/linux/sched.h).
const PF_KTHREAD: u64 = 0x0020_0000;

/// A process as /proc shows it.
pub(crate) struct Seen {
    pub start: Start,
    pub kernel_thread: bool,
}

/// Ids of all processes.
pub(crate) fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

/// The fields of /proc/PID/stat that are of use.
pub(crate) struct Stat {
    pub comm: String,
    pub parent: u32,
    pub flags: u64,
    /// Hundredths of a second since the boot.
    pub started: u64,
}

pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The name stands in brackets and may hold brackets and blanks itself.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let text = String::from_utf8_lossy(bytes);
    let (head, rest) = text.rsplit_once(')')?;
    let comm = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let parent = u32::try_from(number(1)?).ok()?;
    Some(Stat { comm, parent, flags: number(6)?, started: number(19)? })
}

/// Everything that is to be told of a process; what may not be seen is left out.
pub(crate) fn look(pid: u32, machine: &Machine) -> Option<Seen> {
    let stat = stat(pid)?;
    let kernel_thread = stat.flags & PF_KTHREAD != 0;
    let command = command(pid);
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let uid =
        fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|status| uid(&status));
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok();
    let start = Start {
        since_boot: Some(stat.started.saturating_mul(TICK)),
        parent: Some(stat.parent),
        user: uid.map(|uid| machine.user(uid)),
        image: Image {
            name: name(&stat.comm, path.as_deref()),
            path,
            command,
            folder: folder.map(|folder| folder.to_string_lossy().into_owned()),
        },
        container: group(&groups).and_then(container),
        ..Start::default()
    };
    Some(Seen { start, kernel_thread })
}

/// The kernel cuts names at 15 bytes; the path has all of it, unless it is that of an interpreter.
pub(crate) fn name(comm: &str, path: Option<&str>) -> String {
    let base = path.and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    if comm.is_empty() || base.starts_with(comm) && comm.len() >= 15 {
        base.to_owned()
    } else {
        comm.to_owned()
    }
}

pub(crate) fn command(pid: u32) -> Option<Command> {
    let mut bytes = Vec::new();
    let file = fs::File::open(format!("/proc/{pid}/cmdline")).ok()?;
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    let complete = (bytes.len() as u64) < MOST;
    (!bytes.is_empty()).then(|| Command::from_nul_separated(&bytes, complete))
}

/// The real user of `Uid:`.
fn uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The path in the hierarchy of version 2, which is number 0.
fn group(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// How many processes and threads were made since the boot (`processes` of /proc/stat).
pub(crate) fn forks() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("processes "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"7 (a) b (c) S 3 7 7 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 1 0 4711 0 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.comm.as_str(), stat.parent, stat.started), ("a) b (c", 3, 4711));
        assert!(parse_stat(b"7 (x").is_none());
    }

    #[test]
    fn names_that_the_kernel_cut_are_made_whole() {
        assert_eq!(
            name("systemd-journal", Some("/lib/systemd/systemd-journald")),
            "systemd-journald"
        );
        assert_eq!(name("script.sh", Some("/bin/dash")), "script.sh");
        assert_eq!(name("ls", None), "ls");
    }

    #[test]
    fn this_process_is_seen() {
        let machine = Machine::new();
        let seen = look(std::process::id(), &machine).expect("this process");
        assert!(seen.start.image.command.is_some() && !seen.kernel_thread);
        assert!(pids().contains(&std::process::id()));
    }
}

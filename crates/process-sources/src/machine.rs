//! The machine: its boot, its clock, its users, its control groups.

use processes::{Event, Time, What};
use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders of control groups that are looked through for one id.
const FOLDERS: usize = 20_000;
/// Where they are: version 2 alone, and beside version 1.
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// What all sources need to know of the machine.
pub struct Machine {
    /// Identity of its boot.
    pub boot: String,
    /// From the boot to 1970, nanoseconds.
    offset: i64,
    /// From the start of the monotonic clock to 1970: that clock stands still while the machine sleeps.
    monotonic: i64,
    users: HashMap<u32, String>,
    groups: RefCell<HashMap<u64, Option<String>>>,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine::new()
    }
}

impl Machine {
    /// Looks at the machine that this runs on.
    pub fn new() -> Machine {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let nanos = |clock| {
            let at = clock_gettime(clock);
            at.tv_sec.saturating_mul(1_000_000_000).saturating_add(at.tv_nsec)
        };
        let offset = nanos(ClockId::Realtime).saturating_sub(nanos(ClockId::Boottime));
        let monotonic = nanos(ClockId::Realtime).saturating_sub(nanos(ClockId::Monotonic));
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Machine {
            boot: boot.trim().to_owned(),
            offset,
            monotonic,
            users: users(&passwd),
            groups: RefCell::default(),
        }
    }

    /// The moment so many nanoseconds after the boot.
    pub fn at(&self, since_boot: u64) -> Time {
        Time(self.offset.saturating_add(i64::try_from(since_boot).unwrap_or(i64::MAX)))
    }

    /// The moment at which the monotonic clock tells so many nanoseconds.
    pub(crate) fn at_monotonic(&self, nanos: u64) -> Time {
        Time(self.monotonic.saturating_add(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }

    /// Now.
    pub fn now(&self) -> Time {
        let at = clock_gettime(ClockId::Boottime);
        let nanos = at.tv_sec.saturating_mul(1_000_000_000).saturating_add(at.tv_nsec);
        self.at(u64::try_from(nanos).unwrap_or(0))
    }

    pub(crate) fn event(&self, time: Time, pid: u32, what: What) -> Event {
        Event { time, host: 0, source: 0, pid, what }
    }

    /// The name of a user, or the number where there is none.
    pub(crate) fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    /// What the control group of that id is to a user.
    pub(crate) fn container(&self, id: u64) -> Option<String> {
        if let Some(known) = self.groups.borrow().get(&id) {
            return known.clone();
        }
        let path = GROUPS.iter().find_map(|root| find(Path::new(root), id));
        let name = path.and_then(|path| container(&path.to_string_lossy()));
        self.groups.borrow_mut().insert(id, name.clone());
        name
    }
}

/// The folder of a control group: its number is that of its inode.
fn find(root: &Path, id: u64) -> Option<PathBuf> {
    let mut folders = vec![root.to_path_buf()];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        looked += 1;
        if looked > FOLDERS {
            return None;
        }
        let about = fs::symlink_metadata(&folder).ok()?;
        if about.ino() == id && folder != root {
            return folder.strip_prefix(root).ok().map(|inner| Path::new("/").join(inner));
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    None
}

/// The container that a control group belongs to: the long hexadecimal id that container engines put into its
/// path, cut as they show it, or else the path itself. The root is none.
pub(crate) fn container(path: &str) -> Option<String> {
    let path = path.trim();
    for part in path.split('/').rev() {
        let digits = part.rsplit('-').next().unwrap_or(part);
        let digits = digits.strip_suffix(".scope").unwrap_or(digits);
        if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return digits.get(..12).map(str::to_owned);
        }
    }
    (!path.is_empty() && path != "/").then(|| path.to_owned())
}

fn users(passwd: &str) -> HashMap<u32, String> {
    let row = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((fields.nth(1)?.parse().ok()?, name))
    };
    let mut all = HashMap::new();
    for (uid, name) in passwd.lines().filter_map(row) {
        all.entry(uid).or_insert(name);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_by_their_control_group() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("/system.slice/docker-{id}.scope"),
            format!("/docker/{id}"),
            format!("/kubepods/besteffort/pod1/cri-containerd-{id}.scope"),
        ] {
            assert_eq!(container(&path).as_deref(), Some("0123456789ab"), "{path}");
        }
        assert_eq!(container("/user.slice").as_deref(), Some("/user.slice"));
        assert_eq!(container("/\n"), None);
    }

    #[test]
    fn users_by_number() {
        let users =
            users("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nbroken\nalice:x:1000:1000:::\n");
        assert_eq!((users[&0].as_str(), users[&1000].as_str(), users.len()), ("root", "alice", 2));
    }
}

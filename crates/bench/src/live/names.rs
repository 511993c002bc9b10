//! Names by which a driver's devices are opened.

use kernel::World;
use kernel::io::symbolic_link;
use nt::layout::device_object;

/// DO_BUFFERED_IO, DO_DIRECT_IO (wdm.h).
const BUFFERED: u32 = 0x4;
const DIRECT: u32 = 0x10;
/// Links that lead to links that lead to links: more is a circle.
const MOST_LINKS: usize = 8;

/// How a device's reads and writes pass their buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffers {
    /// Through a buffer of the kernel's.
    Buffered,
    /// As locked pages.
    Direct,
    /// As the application's address.
    Neither,
}

/// Something that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Openable {
    /// What one would call it as a file.
    pub name: String,
    /// The name to open it by.
    pub path: String,
    /// How its reads and writes pass their buffers.
    pub buffers: Buffers,
}

/// `\??\Name` for `\\.\Name`, `\DosDevices\Name` and the like.
fn canonical(name: &str) -> String {
    match name.strip_prefix("\\\\.\\").or_else(|| name.strip_prefix("\\\\?\\")) {
        Some(rest) => format!("\\??\\{rest}"),
        None => symbolic_link::canonical(name),
    }
}

/// What stands behind `prefix` in `name`, if it ends there or with a backslash.
fn behind<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let head = name.get(..prefix.len())?;
    let rest = &name[prefix.len()..];
    let whole = rest.is_empty() || rest.starts_with('\\');
    (head.eq_ignore_ascii_case(prefix) && whole).then_some(rest)
}

/// The device that a name means, and what stands behind the device's name. Links are followed.
pub(super) fn resolve(world: &World, name: &str, unnamed: u64) -> Option<(u64, String)> {
    let mut name = canonical(name);
    for _ in 0..MOST_LINKS {
        let links = world.state.links.iter().filter_map(|link| {
            Some((link.name.len(), format!("{}{}", link.target, behind(&name, &link.name)?)))
        });
        // The longest name counts.
        let Some((_, next)) = links.max_by_key(|(length, _)| *length) else { break };
        name = canonical(&next);
    }
    let interfaces = world.state.registered.interfaces.iter().filter(|known| known.enabled);
    for interface in interfaces {
        if let Some(rest) = behind(&name, &interface.link) {
            return Some((interface.pdo, rest.to_owned()));
        }
    }
    if let Some(rest) = behind(&name, UNNAMED).filter(|_| unnamed != 0) {
        return Some((unnamed, rest.to_owned()));
    }
    let devices = world.state.devices.iter().filter(|device| !device.deleted);
    let named = devices.filter_map(|device| {
        let known = device.name.as_deref()?;
        Some((known.len(), device.object, behind(&name, known)?.to_owned()))
    });
    let (_, object, rest) = named.max_by_key(|(length, ..)| *length)?;
    Some((object, rest))
}

/// Stands for the device that a driver made without a name and without an interface.
pub(super) const UNNAMED: &str = "\\Device\\(unnamed)";

fn buffers(world: &World, target: u64) -> Buffers {
    // The device on top says it.
    let mut top = target;
    for _ in 0..64 {
        match world.bus.memory.view64(top + device_object::ATTACHED_DEVICE) {
            0 => break,
            above => top = above,
        }
    }
    let flags = world.bus.memory.view64(top + device_object::FLAGS) as u32;
    if flags & BUFFERED != 0 {
        Buffers::Buffered
    } else if flags & DIRECT != 0 {
        Buffers::Direct
    } else {
        Buffers::Neither
    }
}

/// What can be opened now: links first, then device interfaces, then devices that have only a name.
/// `driver` is the driver under test, `unnamed` its device where that has neither.
pub(super) fn openable(world: &World, driver: u64, unnamed: u64) -> Vec<Openable> {
    let mut found: Vec<(u64, Openable)> = Vec::new();
    let mut add = |name: &str, path: &str| {
        if let Some((target, _)) = resolve(world, path, unnamed) {
            let entry = Openable {
                name: name.to_owned(),
                path: path.to_owned(),
                buffers: buffers(world, target),
            };
            if !found.iter().any(|(_, known)| known.name.eq_ignore_ascii_case(name)) {
                found.push((target, entry));
            }
        }
    };
    for link in &world.state.links {
        if let Some(name) = canonical(&link.name).strip_prefix("\\??\\") {
            add(name, &link.name);
        }
    }
    for interface in world.state.registered.interfaces.iter().filter(|known| known.enabled) {
        let name = interface.link.trim_start_matches("\\??\\");
        add(name, &interface.link);
    }
    let known: Vec<u64> = found.iter().map(|(target, _)| *target).collect();
    for device in &world.state.devices {
        if let Some(name) = &device.name
            && device.driver == driver
            && !device.deleted
            && !known.contains(&device.object)
            && let Some(last) = name.rsplit('\\').next()
            && let Some((target, _)) = resolve(world, name, unnamed)
        {
            let entry = Openable {
                name: last.to_owned(),
                path: name.to_string(),
                buffers: buffers(world, target),
            };
            found.push((target, entry));
        }
    }
    if found.is_empty() && unnamed != 0 {
        let (name, path) = ("device".to_owned(), UNNAMED.to_owned());
        found.push((unnamed, Openable { name, path, buffers: buffers(world, unnamed) }));
    }
    found.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_the_same_in_every_form() {
        for name in ["\\\\.\\Fifo", "\\DosDevices\\Fifo", "\\GLOBAL??\\Fifo", "\\??\\Fifo"] {
            assert_eq!(canonical(name), "\\??\\Fifo");
        }
        assert_eq!(behind("\\Device\\Fifo\\read_8", "\\device\\fifo"), Some("\\read_8"));
        assert_eq!(behind("\\Device\\Fifo", "\\Device\\Fifo"), Some(""));
        assert_eq!(behind("\\Device\\Fifo2", "\\Device\\Fifo"), None);
        assert_eq!(behind("\\Dev", "\\Device"), None);
    }
}

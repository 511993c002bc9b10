//! The object manager's name space: `\Device`, `\??` (also `\DosDevices`), links.

use super::device::unicode_string;
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use crate::state::Link;
use crate::world::World;
use nt::status;
use std::rc::Rc;

/// Parts of a name among which that of a device is looked for.
const MOST_PARTS: usize = 32;

/// `\DosDevices\X` and `\GLOBAL??\X` are `\??\X`.
pub fn canonical(name: &str) -> String {
    for prefix in ["\\DosDevices\\Global\\", "\\DosDevices\\", "\\GLOBAL??\\", "\\??\\"] {
        if let Some(head) = name.get(..prefix.len())
            && head.eq_ignore_ascii_case(prefix)
        {
            return format!("\\??\\{}", &name[prefix.len()..]);
        }
    }
    name.to_owned()
}

/// Makes a link.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocreatesymboliclink>
pub fn IoCreateSymbolicLink(cx: &mut Cx, link: u64, target: u64) -> Result<u32, Stop> {
    let name = canonical(&unicode_string(cx, link)?);
    let target = unicode_string(cx, target)?;
    if cx.state.links.iter().any(|link| link.name.eq_ignore_ascii_case(&name)) {
        return Ok(status::STATUS_OBJECT_NAME_COLLISION);
    }
    let made = cx.state.moment;
    cx.state.links.push(Link { name: Rc::from(name), target: Rc::from(target), made });
    Ok(status::STATUS_SUCCESS)
}

/// Makes a link that anybody may use.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-iocreateunprotectedsymboliclink>
pub fn IoCreateUnprotectedSymbolicLink(cx: &mut Cx, link: u64, target: u64) -> Result<u32, Stop> {
    IoCreateSymbolicLink(cx, link, target)
}

/// Removes a link.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodeletesymboliclink>
pub fn IoDeleteSymbolicLink(cx: &mut Cx, link: u64) -> Result<u32, Stop> {
    let name = canonical(&unicode_string(cx, link)?);
    let before = cx.state.links.len();
    cx.state.links.retain(|link| !link.name.eq_ignore_ascii_case(&name));
    Ok(if cx.state.links.len() == before {
        status::STATUS_OBJECT_NAME_NOT_FOUND
    } else {
        status::STATUS_SUCCESS
    })
}

/// The device that a name leads to.
pub fn find_device(world: &World, name: &str) -> Option<u64> {
    let mut name = canonical(name);
    for _ in 0..8 {
        let same = |other: &str| other.eq_ignore_ascii_case(&name);
        let devices = &world.state.devices;
        if let Some(found) =
            devices.iter().find(|d| !d.deleted && d.name.as_deref().is_some_and(same))
        {
            return Some(found.object);
        }
        let mut interfaces = world.state.registered.interfaces.iter();
        if let Some(found) = interfaces.find(|known| known.enabled && same(&known.link)) {
            return Some(found.pdo);
        }
        let link = world.state.links.iter().find(|link| same(&link.name))?;
        name = canonical(&link.target);
    }
    None
}

/// The device that a name leads to, and what stands behind the device's own: nothing, or a name of the
/// driver's own that begins with a backslash. The object manager goes through a name from its begin
/// and hands the rest to the first device that it comes to.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/controlling-device-namespace-access>
pub(crate) fn find_below<'n>(world: &World, name: &'n str) -> Option<(u64, &'n str)> {
    if let Some(device) = find_device(world, name) {
        return Some((device, ""));
    }
    let mut ends = name.match_indices('\\').skip(1).take(MOST_PARTS);
    ends.find_map(|(end, _)| Some((find_device(world, &name[..end])?, &name[end..])))
}

/// Gives the object of a named device: the top of its stack and a file object.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdeviceobjectpointer>
pub fn IoGetDeviceObjectPointer(
    cx: &mut Cx,
    name: u64,
    access: u32,
    file: u64,
    device: u64,
) -> Result<u32, Stop> {
    let name = unicode_string(cx, name)?;
    let Some((object, rest)) = find_below(cx, &name) else {
        return Ok(status::STATUS_OBJECT_NAME_NOT_FOUND);
    };
    match super::request::open_below(cx, object, rest, access)? {
        Ok(index) => {
            // The handle is closed at once; the reference to the file object is the caller's.
            let opened = cx.state.files[usize::from(index)];
            crate::ob::object::reference(cx, opened.object);
            super::request::close(cx, index)?;
            cx.write64(file, opened.object)?;
            let top = super::device::top_of_stack(cx, object);
            cx.write64(device, top)?;
            Ok(status::STATUS_SUCCESS)
        }
        Err(code) => Ok(code),
    }
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoCreateSymbolicLink),
        service!(IoCreateUnprotectedSymbolicLink),
        service!(IoDeleteSymbolicLink),
        service!(IoGetDeviceObjectPointer),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::run;

    #[test]
    fn what_stands_behind_a_devices_name_is_its_drivers() {
        run(|cx| {
            let driver = crate::io::device::make_driver(cx, "\\Driver\\Test", 0, 0, 0);
            let name = Some(Rc::from("\\Device\\Test"));
            let device = crate::io::device::make_device(cx, driver, 0, name, 0, 0, false);
            let device = device.ok_or(Stop::Run)?;
            let (name, target) = (Rc::from("\\??\\Link"), Rc::from("\\Device\\Test"));
            cx.state.links.push(Link { name, target, made: 0 });
            for (name, rest) in [
                ("\\Device\\Test", ""),
                ("\\device\\test\\", "\\"),
                ("\\Device\\Test\\A\\b", "\\A\\b"),
                ("\\DosDevices\\Link\\A", "\\A"),
            ] {
                assert_eq!(find_below(cx, name), Some((device, rest)), "{name}");
            }
            for name in ["", "\\", "\\Device", "\\Device\\Tes", "\\Device\\Test2\\A", "Test\\A"] {
                assert_eq!(find_below(cx, name), None, "{name}");
            }
            Ok(())
        });
    }
}

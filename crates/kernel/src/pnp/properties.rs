//! Properties of device objects that the registry sets, as an INF file puts them there: the type of the
//! physical device object, and characteristics of the whole stack.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/setting-device-object-properties-in-the-registry>

use crate::cm::hive::ENUM;
use crate::io::property::instance_path;
use crate::world::World;
use nt::layout::device_object;

/// FILE_REMOVABLE_MEDIA, FILE_READ_ONLY_DEVICE, FILE_FLOPPY_DISKETTE, FILE_WRITE_ONCE_MEDIA,
/// FILE_DEVICE_SECURE_OPEN (wdm.h): those that hold for a whole stack.
const OF_STACK: u32 = 0x0001 | 0x0002 | 0x0004 | 0x0008 | 0x0100;

/// A number among the settings of a device.
fn setting(world: &World, pdo: u64, name: &str) -> Option<u32> {
    let path = format!("{ENUM}\\{}", instance_path(world, pdo));
    let hive = &world.state.hive;
    let value = hive.value(hive.find(&path)?, name)?;
    value.data.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// Applies what is set, once all drivers have added their devices and before any starts. The type of
/// the physical device object is what applications see; those of other device objects stay, and
/// nobody asks for them.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive>
pub(crate) fn apply(world: &mut World, pdo: u64) {
    if let Some(kind) = setting(world, pdo, "DeviceType") {
        world.bus.memory.poke32(pdo + device_object::DEVICE_TYPE, kind);
    }
    let mut stack = vec![pdo];
    while let Some(&top) = stack.last()
        && stack.len() < 64
    {
        match world.bus.memory.peek64(top + device_object::ATTACHED_DEVICE) {
            0 => break,
            above => stack.push(above),
        }
    }
    let set = setting(world, pdo, "DeviceCharacteristics").unwrap_or(0);
    // Those of the physical device object count only where it is alone.
    let own = if stack.len() > 1 { &stack[1..] } else { &stack[..] };
    let all = own.iter().fold(set, |all, device| {
        all | world.bus.memory.peek32(device + device_object::CHARACTERISTICS)
    });
    for device in &stack {
        let place = device + device_object::CHARACTERISTICS;
        let before = world.bus.memory.peek32(place);
        world.bus.memory.poke32(place, before | all & OF_STACK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::Stop;
    use crate::rtl::test_machine::run;
    use std::rc::Rc;

    #[test]
    fn the_registry_says_what_type_applications_see() {
        run(|cx| {
            let pdo = crate::pnp::bus::make_pdo(cx).ok_or(Stop::Run)?;
            let kind = |cx: &crate::cx::Cx| cx.bus.memory.view64(pdo + device_object::DEVICE_TYPE);
            apply(cx, pdo);
            assert_eq!(kind(cx) as u32, nt::device_type::FILE_DEVICE_UNKNOWN);
            let path = format!("{ENUM}\\{}", instance_path(cx, pdo));
            let hive = Rc::make_mut(&mut cx.state.hive);
            let key = hive.create(&path);
            hive.set(key, "DeviceType", 4, vec![0x1b, 0, 0, 0]);
            hive.set(key, "DeviceCharacteristics", 4, vec![2, 0, 0, 0]);
            apply(cx, pdo);
            assert_eq!(kind(cx) as u32, nt::device_type::FILE_DEVICE_SERIAL_PORT);
            let set = cx.bus.memory.view64(pdo + device_object::CHARACTERISTICS);
            assert_eq!(set as u32 & OF_STACK, 0x102);
            Ok(())
        });
    }
}

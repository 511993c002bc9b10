//! Power settings: what drivers are told of when they register, and when one changes.

use crate::cx::{Cx, Stop};
use crate::io::notices;
use crate::io::registered::{Event, Notification};
use crate::ob::object::{self, Kind};
use crate::service;
use crate::service::Service;
use nt::status;
use std::rc::Rc;

/// A setting that is known here: its GUID as it lies in memory, its value, and another one.
struct Setting {
    guid: [u8; 16],
    now: u32,
    then: u32,
}

const fn guid(a: u32, b: u16, c: u16, d: [u8; 8]) -> [u8; 16] {
    let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]]
}

/// <https://learn.microsoft.com/windows/win32/power/power-setting-guids>
const SETTINGS: &[Setting] = &[
    // GUID_ACDC_POWER_SOURCE: mains, battery.
    Setting {
        guid: guid(0x5d3e_9a59, 0xe9d5, 0x4b00, [0xa6, 0xbd, 0xff, 0x34, 0xff, 0x51, 0x65, 0x48]),
        now: 0,
        then: 1,
    },
    // GUID_LIDSWITCH_STATE_CHANGE: open, closed.
    Setting {
        guid: guid(0xba3e_0f4d, 0xb817, 0x4094, [0xa2, 0xd1, 0xd5, 0x63, 0x79, 0xe6, 0xa0, 0xf3]),
        now: 1,
        then: 0,
    },
    // GUID_CONSOLE_DISPLAY_STATE: on, off.
    Setting {
        guid: guid(0x6fe6_9556, 0x704a, 0x47a0, [0x8f, 0x24, 0xc2, 0x8d, 0x93, 0x6f, 0xda, 0x47]),
        now: 1,
        then: 0,
    },
    // GUID_MONITOR_POWER_ON: on, off.
    Setting {
        guid: guid(0x0273_1015, 0x4510, 0x4526, [0x99, 0xe6, 0xe5, 0xa1, 0x7e, 0xbd, 0x1a, 0xea]),
        now: 1,
        then: 0,
    },
    // GUID_POWER_SAVING_STATUS: off, on.
    Setting {
        guid: guid(0xe009_58c0, 0xc213, 0x4ace, [0xac, 0x77, 0xfe, 0xcc, 0xed, 0x2e, 0xee, 0xa5]),
        now: 0,
        then: 1,
    },
];

/// Where the value lies behind a registration's GUID.
const VALUE: u64 = 16;

fn setting(cx: &mut Cx, handle: u64) -> Option<&'static Setting> {
    let mut guid = [0; 16];
    cx.bus.memory.peek(handle, &mut guid);
    SETTINGS.iter().find(|setting| setting.guid == guid)
}

fn tell(cx: &mut Cx, known: &Notification, value: u32) -> Result<(), Stop> {
    cx.bus.memory.poke32(known.handle + VALUE, value);
    let arguments = [known.handle, known.handle + VALUE, 4, known.context];
    notices::call(cx, known, &arguments).map(drop)
}

/// Registers for changes of a power setting; the routine is told its value at once.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-poregisterpowersettingcallback>
pub fn PoRegisterPowerSettingCallback(
    cx: &mut Cx,
    _device: u64,
    setting_at: u64,
    routine: u64,
    context: u64,
    place: u64,
) -> Result<u32, Stop> {
    let guid = cx.read_bytes(setting_at, 16)?;
    let Some(handle) = object::make(cx, Kind::Callback, 24) else { return Err(Stop::Run) };
    cx.bus.memory.poke(handle, &guid);
    let made = cx.state.moment;
    let event = Event::PowerSetting;
    let known = Notification { event, routine, context, handle, object: 0, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(known);
    cx.write64(place, handle)?;
    if let Some(setting) = setting(cx, handle) {
        tell(cx, &known, setting.now)?;
    }
    Ok(status::STATUS_SUCCESS)
}

/// Ends a registration; a routine that runs is waited for.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-pounregisterpowersettingcallback>
pub fn PoUnregisterPowerSettingCallback(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    let registered = Rc::make_mut(&mut cx.state.registered);
    if !registered.remove(Event::PowerSetting, |known| known.handle == handle) {
        return Ok(status::STATUS_INVALID_PARAMETER);
    }
    notices::wait_for_return(cx, handle)?;
    object::released(cx, handle)?;
    Ok(status::STATUS_SUCCESS)
}

/// Each setting that somebody registered for takes its other value and goes back.
pub(crate) fn change(cx: &mut Cx) -> Result<(), Stop> {
    let registered = cx.state.registered.clone();
    let all = registered.notifications.iter().filter(|known| known.event == Event::PowerSetting);
    for known in all {
        if let Some(setting) = setting(cx, known.handle) {
            tell(cx, known, setting.then)?;
            tell(cx, known, setting.now)?;
        }
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(PoRegisterPowerSettingCallback, partly "only power source, lid, display and power saving ever change"),
        service!(PoUnregisterPowerSettingCallback),
    ]
}

//! What happens in the system that drivers registered for, and the calls of their routines.
//!
//! A routine is called in the context that the reference says, at PASSIVE_LEVEL. Whoever takes a
//! registration back waits until its routine has returned everywhere else, where the reference
//! promises that.

use super::registered::{Event, Notification};
use super::request::{self, major};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ex::pool;
use crate::ke::dpc::wake_key;
use crate::ps::process::{CHILD, CHILD_ID, CHILD_THREAD_ID, SYSTEM_ID};
use crate::state::{BlockKind, Doing};
use crate::world::World;
use nt::layout::{
    device_interface_change_notification as interface_change, file_object,
    target_device_removal_notification as target_change,
};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The system shuts down.
    Shutdown,
    /// A process starts, with a thread and an image, and ends.
    Process,
    /// A device interface of a class that was asked for comes and goes; a target device is about to be
    /// removed, stays, and is removed after all.
    PlugPlay,
    /// The machine runs on battery for a while.
    PowerState,
    /// Power settings change and change back.
    PowerSetting,
    /// Somebody else uses the registry.
    Registry,
    /// WMI asks its providers for what they have.
    Wmi,
}

/// All kinds, with the events that belong to each.
const NOTICES: &[(Notice, &[Event])] = &[
    (Notice::Shutdown, &[Event::Shutdown]),
    (Notice::Process, &[Event::Process, Event::Thread, Event::Image]),
    (Notice::PlugPlay, &[Event::PlugPlay]),
    (Notice::PowerState, &[Event::Callback]),
    (Notice::PowerSetting, &[Event::PowerSetting]),
    (Notice::Registry, &[Event::Registry]),
    (Notice::Wmi, &[Event::Wmi]),
];

/// Whether a driver registered for this.
pub fn wanted(world: &World, notice: Notice) -> bool {
    let mut known = world.state.registered.notifications.iter();
    known.any(|known| {
        NOTICES.iter().any(|(kind, events)| *kind == notice && events.contains(&known.event))
            && (notice != Notice::PowerState || Some(known.object) == power_state(world))
    })
}

/// It happens.
pub fn happen(cx: &mut Cx, notice: Notice) -> Result<(), Stop> {
    match notice {
        Notice::Shutdown => shut_down(cx),
        Notice::Process => process(cx),
        Notice::PlugPlay => plug_and_play(cx),
        Notice::PowerState => power_source(cx),
        Notice::PowerSetting => crate::po::setting::change(cx),
        Notice::Registry => crate::cm::filter::somebody_uses_it(cx),
        Notice::Wmi => super::wmi_questions::ask_all(cx),
    }
}

/// Key of those who wait for a routine to return.
const RETURNED: u64 = 5;

impl Notification {
    /// What tells registrations apart.
    fn key(&self) -> u64 {
        if self.handle == 0 { self.routine } else { self.handle }
    }
}

/// Calls a routine, unless its registration is gone by now.
pub(crate) fn call(cx: &mut Cx, known: &Notification, arguments: &[u64]) -> Result<u64, Stop> {
    cx.point()?;
    if !cx.state.registered.notifications.iter().any(|it| it == known) {
        return Ok(0);
    }
    begin(cx, known.key());
    let answer = cx.call(Routine::Callback, known.routine, arguments)?;
    end(cx, known.key());
    Ok(answer)
}

/// From now on, whoever takes the registration of this key back waits.
pub(crate) fn begin(cx: &mut Cx, key: u64) {
    let mine = (cx.id(), key);
    cx.state.notifying.push(mine);
}

/// What began last is over.
pub(crate) fn end(cx: &mut Cx, key: u64) {
    let mine = (cx.id(), key);
    if let Some(index) = cx.state.notifying.iter().rposition(|it| *it == mine) {
        cx.state.notifying.remove(index);
    }
    wake_key(cx, RETURNED);
}

/// Waits until nothing that began for a key is under way, in this context neither: what would come
/// to its end behind this call never does.
pub(crate) fn wait_for_all(cx: &mut Cx, key: u64) -> Result<(), Stop> {
    while cx.state.notifying.iter().any(|&(_, known)| known == key) {
        cx.block(Doing::ForKey(RETURNED))?;
    }
    Ok(())
}

/// Waits until a routine, or that of a handle, runs in no other context.
pub(crate) fn wait_for_return(cx: &mut Cx, key: u64) -> Result<(), Stop> {
    let me = cx.id();
    while cx.state.notifying.iter().any(|&(context, known)| known == key && context != me) {
        cx.block(Doing::ForKey(RETURNED))?;
    }
    Ok(())
}

fn known(cx: &Cx, event: Event) -> Vec<Notification> {
    let all = cx.state.registered.notifications.iter();
    all.filter(|known| known.event == event).copied().collect()
}

/// Calls all routines of a kind inside a critical region, as those for processes are.
fn tell(
    cx: &mut Cx,
    event: Event,
    arguments: impl Fn(&Notification) -> [u64; 3],
) -> Result<(), Stop> {
    for known in known(cx, event) {
        cx.state.me().critical += 1;
        call(cx, &known, &arguments(&known))?;
        cx.state.me().critical -= 1;
    }
    Ok(())
}

/// IRP_MJ_SHUTDOWN for each device that was registered, the newest first; the registration is gone
/// with it. In which order they come is documented nowhere.
fn shut_down(cx: &mut Cx) -> Result<(), Stop> {
    while let Some(known) = known(cx, Event::Shutdown).last() {
        let device = known.object;
        let registered = std::rc::Rc::make_mut(&mut cx.state.registered);
        registered.remove(Event::Shutdown, |known| known.object == device);
        let top = super::device::top_of_stack(cx, device);
        let (index, at, _) = request::make(cx, top, None, major::SHUTDOWN, 0, true)?;
        request::send(cx, index, top, at)?;
        request::wait(cx, index)?;
    }
    Ok(())
}

pub(crate) fn object(cx: &mut Cx, bytes: u64) -> Result<u64, Stop> {
    match pool::allocate(cx, BlockKind::Object, false, bytes, 0) {
        Some(at) => {
            cx.bus.memory.fill(at, bytes, 0);
            Ok(at)
        }
        None => Err(Stop::Run),
    }
}

pub(crate) fn string(cx: &mut Cx, text: &str) -> Result<u64, Stop> {
    let at = object(cx, nt::layout::unicode_string::SIZE)?;
    let (bytes, buffer) = super::device::kernel_string(cx, text);
    cx.bus.memory.poke16(at, bytes);
    cx.bus.memory.poke16(at + 2, bytes + 2);
    cx.bus.memory.poke64(at + nt::layout::unicode_string::BUFFER, buffer);
    Ok(at)
}

/// What makes a routine for processes one of the extended kind, kept as its object.
pub(crate) const EXTENDED: u64 = 1;

/// PS_CREATE_NOTIFY_INFO (ntddk.h): size, flags, parent, creator, file, name, command line, status.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/ns-ntddk-_ps_create_notify_info>
fn create_information(cx: &mut Cx) -> Result<u64, Stop> {
    let at = object(cx, 0x48)?;
    let file = object(cx, file_object::SIZE)?;
    let name = string(cx, "\\??\\C:\\Windows\\System32\\notepad.exe")?;
    let line = string(cx, "notepad.exe")?;
    let creator = crate::ps::thread::PsGetCurrentThreadId(cx)?;
    let memory = &mut cx.bus.memory;
    memory.poke16(file, 5);
    memory.poke16(file + 2, file_object::SIZE as u16);
    for (offset, value) in [
        (0, 0x48),
        (8, 1),
        (0x10, SYSTEM_ID),
        (0x18, SYSTEM_ID),
        (0x20, creator),
        (0x28, file),
        (0x30, name),
        (0x38, line),
    ] {
        memory.poke64(at + offset, value);
    }
    Ok(at)
}

/// Where the status lies by which a routine refuses a process.
const CREATION_STATUS: u64 = 0x40;

/// A process starts and ends: its creation and its thread's are told in the creator's context, all
/// else in its own.
fn process(cx: &mut Cx) -> Result<(), Stop> {
    let information = create_information(cx)?;
    tell(cx, Event::Process, |known| match known.object {
        EXTENDED => [CHILD, CHILD_ID, information],
        _ => [SYSTEM_ID, CHILD_ID, 1],
    })?;
    let refused = cx.bus.memory.peek32(information + CREATION_STATUS) >= 0x8000_0000;
    if !refused {
        tell(cx, Event::Thread, |_| [CHILD_ID, CHILD_THREAD_ID, 1])?;
    }
    let bit = 1 << cx.id();
    cx.state.child_processes |= bit;
    if !refused {
        let name = string(cx, "\\Device\\HarddiskVolume1\\Windows\\System32\\notepad.exe")?;
        // IMAGE_INFO (ntddk.h): properties - addressing mode 3 -, base, selector, size, section.
        let image = object(cx, 0x28)?;
        cx.bus.memory.poke32(image, 3);
        cx.bus.memory.poke64(image + 8, 0x7ff6_0000_0000);
        cx.bus.memory.poke64(image + 0x18, 0x3_8000);
        tell(cx, Event::Image, |_| [name, CHILD_ID, image])?;
        tell(cx, Event::Thread, |_| [CHILD_ID, CHILD_THREAD_ID, 0])?;
    }
    tell(cx, Event::Process, |known| match known.object {
        EXTENDED => [CHILD, CHILD_ID, 0],
        _ => [SYSTEM_ID, CHILD_ID, 0],
    })?;
    cx.state.child_processes &= !bit;
    Ok(())
}

/// GUID_DEVICE_INTERFACE_ARRIVAL and so on (wdmguid.h) differ in their first word only.
fn event_guid(first: u32) -> [u8; 16] {
    let mut guid = [0; 16];
    guid[..4].copy_from_slice(&first.to_le_bytes());
    guid[4..]
        .copy_from_slice(&[0xf0, 0x46, 0xd0, 0x11, 0xb0, 0x8f, 0x00, 0x60, 0x97, 0x13, 0x05, 0x3f]);
    guid
}

const ARRIVAL: u32 = 0xcb3a_4004;
const REMOVAL: u32 = 0xcb3a_4005;
const QUERY_REMOVE: u32 = 0xcb3a_4006;
const REMOVE_CANCELLED: u32 = 0xcb3a_4007;
const REMOVE_COMPLETE: u32 = 0xcb3a_4008;

/// What a registration for PnP events keeps behind its handle: category and class.
pub(crate) const CATEGORY: u64 = 0;
pub(crate) const CLASS: u64 = 8;
pub(crate) const REGISTRATION: u64 = 24;
/// IO_NOTIFICATION_EVENT_CATEGORY (wdm.h).
pub(crate) const INTERFACE_CHANGE: u32 = 2;
pub(crate) const TARGET_CHANGE: u32 = 3;

/// Tells of an interface: one that comes, or goes.
pub(crate) fn interface(
    cx: &mut Cx,
    known: &Notification,
    link: &str,
    comes: bool,
) -> Result<(), Stop> {
    let at = object(cx, interface_change::SIZE)?;
    let name = string(cx, link)?;
    let mut class = [0; 16];
    cx.bus.memory.peek(known.handle + CLASS, &mut class);
    let memory = &mut cx.bus.memory;
    memory.poke16(at, 1);
    memory.poke16(at + 2, interface_change::SIZE as u16);
    memory.poke(at + interface_change::EVENT, &event_guid(if comes { ARRIVAL } else { REMOVAL }));
    memory.poke(at + interface_change::INTERFACE_CLASS_GUID, &class);
    memory.poke64(at + interface_change::SYMBOLIC_LINK_NAME, name);
    call(cx, known, &[at, known.context]).map(drop)
}

fn target(cx: &mut Cx, known: &Notification, event: u32) -> Result<(), Stop> {
    let at = object(cx, target_change::SIZE)?;
    let memory = &mut cx.bus.memory;
    memory.poke16(at, 1);
    memory.poke16(at + 2, target_change::SIZE as u16);
    memory.poke(at + target_change::EVENT, &event_guid(event));
    memory.poke64(at + target_change::FILE_OBJECT, known.object);
    call(cx, known, &[at, known.context]).map(drop)
}

/// Whether an event is one of those that the PnP manager reports itself.
pub(super) fn is_systems(event: &[u8]) -> bool {
    (ARRIVAL..=REMOVE_COMPLETE).any(|first| event_guid(first) == *event)
}

/// Tells those who registered for the device that is at the bottom of a file's stack of a change.
pub(super) fn tell_target(cx: &mut Cx, pdo: u64, change: u64) -> Result<(), Stop> {
    for known in known(cx, Event::PlugPlay) {
        if cx.bus.memory.peek32(known.handle + CATEGORY) != TARGET_CHANGE {
            continue;
        }
        let device = cx.bus.memory.view64(known.object + file_object::DEVICE_OBJECT);
        if super::device::bottom_of_stack(cx, device) == pdo {
            cx.bus.memory.poke64(change + target_change::FILE_OBJECT, known.object);
            call(cx, &known, &[change, known.context])?;
        }
    }
    pool::free(cx, change);
    Ok(())
}

fn plug_and_play(cx: &mut Cx) -> Result<(), Stop> {
    const LINK: &str = "\\??\\BENCH#OTHER#1#{00000000-0000-0000-0000-000000000000}";
    for known in known(cx, Event::PlugPlay) {
        match cx.bus.memory.peek32(known.handle + CATEGORY) {
            INTERFACE_CHANGE => {
                interface(cx, &known, LINK, true)?;
                interface(cx, &known, LINK, false)?;
            }
            TARGET_CHANGE => {
                for event in [QUERY_REMOVE, REMOVE_CANCELLED, QUERY_REMOVE, REMOVE_COMPLETE] {
                    target(cx, &known, event)?;
                }
            }
            // Hardware profiles have not changed since Windows 7.
            _ => {}
        }
    }
    Ok(())
}

/// The callback object \Callback\PowerState, if a driver opened it.
fn power_state(world: &World) -> Option<u64> {
    let mut named = world.state.named_events.iter();
    let found = named.find(|known| known.name.eq_ignore_ascii_case("\\Callback\\PowerState"))?;
    Some(found.object)
}

/// PO_CB_AC_STATUS (wdm.h).
const AC_STATUS: u64 = 1;

fn power_source(cx: &mut Cx) -> Result<(), Stop> {
    let Some(object) = power_state(cx) else { return Ok(()) };
    for on_mains in [0, 1] {
        crate::ex::callback::ExNotifyCallback(cx, object, AC_STATUS, on_mains)?;
    }
    Ok(())
}

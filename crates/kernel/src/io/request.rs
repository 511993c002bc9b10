//! What applications and the PnP manager ask of drivers: the way from a call to an IRP and back.

use super::call::IofCallDriver;
use super::{cancel, device, irp as packet, mdl};
use crate::boot::USER_BYTES;
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::live::Live;
use crate::map;
use crate::state::{BlockKind, Doing, File, Origin, Request};
use crate::world::World;
use nt::layout::{device_object, driver_object, file_object as file, unicode_string};
use nt::layout::{io_stack_location as location, irp};
use nt::status;

/// Key of those who wait for a file to have no request left.
pub(crate) const FILE_IDLE: u64 = 2;

/// IO_TYPE_FILE (wdm.h).
const TYPE_FILE: u16 = 5;
/// DO_BUFFERED_IO, DO_DIRECT_IO (wdm.h).
const BUFFERED: u32 = 0x4;
const DIRECT: u32 = 0x10;

/// FILE_DEVICE_CD_ROM, FILE_DEVICE_DISK, FILE_DEVICE_TAPE, FILE_DEVICE_VIRTUAL_DISK: a device of
/// these types has a volume parameter block, and who opens it comes to a file system's driver.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_device_object>
const MOUNTED: [u32; 4] = [0x02, 0x07, 0x1f, 0x24];

/// Major functions used here (wdm.h).
pub mod major {
    #![allow(missing_docs)] // the names are wdm.h's
    pub const CREATE: u8 = 0x00;
    pub const CLOSE: u8 = 0x02;
    pub const READ: u8 = 0x03;
    pub const WRITE: u8 = 0x04;
    pub const SET_INFORMATION: u8 = 0x06;
    pub const FLUSH_BUFFERS: u8 = 0x09;
    pub const DEVICE_CONTROL: u8 = 0x0e;
    pub const INTERNAL_DEVICE_CONTROL: u8 = 0x0f;
    pub const SHUTDOWN: u8 = 0x10;
    pub const CLEANUP: u8 = 0x12;
    pub const POWER: u8 = 0x16;
    pub const PNP: u8 = 0x1b;
}

/// Desired access of an open for writing, as a shell's `>` gives it.
pub const OPEN_FOR_WRITE: u32 = 0x0012_0196;
/// Desired access of an open for reading.
pub const OPEN_FOR_READ: u32 = 0x0012_0089;

/// Bytes of user memory in a run without an end.
const LIVE_USER_BYTES: u64 = 48 << 20;

/// Most bytes of one request's buffer.
pub const MOST_BYTES: u64 = 1 << 20;

/// Where a pointer leads that an application passes; the I/O manager looks at those only whose
/// buffers it copies or locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pointer {
    /// To as many bytes as the request says.
    #[default]
    Good,
    /// Nowhere: NULL.
    Null,
    /// To an address of the user half where nothing is.
    Unmapped,
    /// To an address of the system's half.
    System,
    /// To half as many bytes as the request says.
    Short,
}

/// User half and system half, in regions that nothing is mapped in.
const UNMAPPED: u64 = 0x0000_0042_0000_1000;
const SYSTEM: u64 = 0xffff_8042_0000_1000;

/// A data request.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// READ, WRITE, DEVICE_CONTROL or INTERNAL_DEVICE_CONTROL.
    pub major: u8,
    /// I/O control code.
    pub code: u32,
    /// Bytes in.
    pub input: u64,
    /// Bytes out; the length of a read or write.
    pub output: u64,
    /// Byte offset of a read or write.
    pub offset: u64,
    /// Where the pointers lead to bytes in and bytes out, for requests of which the driver gets them.
    pub pointers: (Pointer, Pointer),
}

/// A buffer in the application's memory, filled with a pattern.
fn user_buffer(world: &mut World, bytes: u64) -> u64 {
    if bytes == 0 {
        return 0;
    }
    if let Some(live) = &mut world.live {
        return match live.take_user(bytes) {
            Some(address) => lent(world, address, bytes),
            None => match user_room(world, Live::room(bytes), LIVE_USER_BYTES) {
                0 => 0,
                address => lent(world, address, bytes),
            },
        };
    }
    let address = user_room(world, bytes, USER_BYTES);
    if address == 0 {
        return 0;
    }
    world.bus.memory.set_valid(address, bytes, true);
    const PATTERN: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for from in (0..bytes).step_by(PATTERN.len()) {
        let here = (bytes - from).min(PATTERN.len() as u64);
        world.bus.memory.poke(address + from, &PATTERN[..here as usize]);
    }
    if let Some(data) = world.next_data.take() {
        world.bus.memory.poke(address, &data[..data.len().min(bytes as usize)]);
    }
    address
}

/// A buffer of a run without an end, with what comes from outside; else as it was left last.
fn lent(world: &mut World, address: u64, bytes: u64) -> u64 {
    world.bus.memory.set_valid(address, bytes, true);
    if let Some(live) = &mut world.live {
        live.lend(address, bytes);
        let data = std::mem::take(&mut live.data);
        world.bus.memory.poke(address, &data[..data.len().min(bytes as usize)]);
    }
    address
}

/// Address space of the application's that was never used; 0 when there is none left.
fn user_room(world: &mut World, bytes: u64, most: u64) -> u64 {
    let address = world.state.next_user;
    let end = address + bytes.next_multiple_of(64) + 64;
    if end > map::USER + most {
        let what = format!("more than {} MiB of application buffers in one run", most >> 20);
        world.end(crate::world::Outcome::Limit { what });
        return 0;
    }
    world.state.next_user = end;
    // Mapped when first used: most runs need a page or two.
    if !world.bus.memory.is_mapped(end - 1, 1) {
        let flags = memory::USER | memory::TRACKED | memory::NO_EXECUTE;
        world.bus.memory.map(address, end - address, flags, false);
    }
    address
}

/// What an application passes as the address of `bytes` bytes.
fn user_pointer(world: &mut World, bytes: u64, pointer: Pointer) -> u64 {
    match pointer {
        Pointer::Good => user_buffer(world, bytes),
        Pointer::Null => 0,
        Pointer::Unmapped => UNMAPPED,
        Pointer::System => SYSTEM,
        Pointer::Short => user_buffer(world, bytes / 2),
    }
}

/// The application gives all of its buffers back, whatever requests may still be under way.
pub fn unmap_buffers(cx: &mut Cx) -> Result<(), Stop> {
    cx.moment();
    cx.point()?;
    cx.note("the application frees its buffers");
    let bytes = cx.state.next_user - map::USER;
    cx.bus.memory.set_valid(map::USER, bytes, false);
    Ok(())
}

/// The application makes all of its buffers read-only; those that it makes later are not.
pub fn protect_buffers(cx: &mut Cx) -> Result<(), Stop> {
    cx.moment();
    cx.point()?;
    cx.note("the application makes its buffers read-only");
    let bytes = cx.state.next_user - map::USER;
    if bytes > 0 {
        let flags = memory::USER | memory::TRACKED | memory::NO_EXECUTE | memory::NO_WRITE;
        cx.bus.memory.set_flags(map::USER, bytes, flags);
        cx.state.next_user = cx.state.next_user.next_multiple_of(memory::PAGE_BYTES);
    }
    Ok(())
}

/// What an application that changes its buffers under a driver's hands leaves in each word of 32
/// bits: as a length more than most structures have, and less than what it passes.
const OTHERWISE: u32 = 0x100;

/// The application writes to all of its buffers, whatever requests may still be under way.
pub fn overwrite_buffers(cx: &mut Cx) -> Result<(), Stop> {
    cx.moment();
    cx.point()?;
    cx.note("the application writes to its buffers");
    let mut at = map::USER;
    while at < cx.state.next_user && cx.bus.memory.is_mapped(at, 4) {
        cx.bus.memory.poke32(at, OTHERWISE);
        at += 4;
    }
    Ok(())
}

/// Makes a packet for `target` with one call's bookkeeping; returns (request, packet, location).
pub(crate) fn make(
    cx: &mut Cx,
    target: u64,
    opened: Option<u16>,
    major: u8,
    minor: u8,
    from_kernel: bool,
) -> Result<(u16, u64, u64), Stop> {
    cx.moment();
    let locations = cx.bus.memory.peek8(target + device_object::STACK_SIZE).max(1);
    let known = cx.state.requests.len();
    let index = cx.live.as_mut().map_or(known as u16, |live| live.request(known));
    let origin = if from_kernel { Origin::Kernel(index) } else { Origin::Request(index) };
    let Some(at) = packet::make(cx, locations, origin) else { return Err(Stop::Run) };
    let by = cx.id();
    let tag = std::mem::take(&mut cx.next_tag);
    let request = Request {
        irp: at,
        file: opened,
        done: None,
        by,
        returned: None,
        buffer: 0,
        bytes: 0,
        system: 0,
        copy_back: 0,
        mdl: 0,
        waiter: None,
        sent: 0,
        back: 0,
        tag,
    };
    match cx.state.requests.get_mut(usize::from(index)) {
        Some(place) => *place = request,
        None => cx.state.requests.push(request),
    }
    let here = packet::first_location(at, locations);
    let thread = cx.state.me().thread;
    let memory = &mut cx.bus.memory;
    memory.poke8(here, major);
    memory.poke8(here + location::MINOR_FUNCTION, minor);
    memory.poke8(at + irp::REQUESTOR_MODE, u8::from(!from_kernel));
    memory.poke64(at + irp::TAIL_OVERLAY_THREAD, thread);
    if let Some(opened) = opened {
        let object = cx.state.files[usize::from(opened)].object;
        cx.state.files[usize::from(opened)].busy += 1;
        cx.bus.memory.poke64(here + location::FILE_OBJECT, object);
        cx.bus.memory.poke64(at + irp::TAIL_OVERLAY_ORIGINAL_FILE_OBJECT, object);
    }
    Ok((index, at, here))
}

pub(crate) fn send(cx: &mut Cx, index: u16, target: u64, at: u64) -> Result<(), Stop> {
    cx.point()?;
    cx.state.requests[usize::from(index)].sent = cx.moment();
    let status = IofCallDriver(cx, target, at)?;
    let now = cx.state.moment;
    let request = &mut cx.state.requests[usize::from(index)];
    request.returned = Some(status);
    request.back = now;
    Ok(())
}

/// Waits until a request is done: its status and information.
pub fn wait(cx: &mut Cx, index: u16) -> Result<(u32, u64), Stop> {
    loop {
        if let Some(done) = cx.state.requests[usize::from(index)].done {
            return Ok(done);
        }
        cx.block(Doing::ForRequest(index))?;
    }
}

/// Opens a device: the file's number, or the status of the refusal.
pub fn open(cx: &mut Cx, target: u64, access: u32) -> Result<Result<u16, u32>, Stop> {
    open_below(cx, target, "", access)
}

/// Opens what a device's driver has under a name: all that stands behind the device's own, with its
/// backslash, goes to the driver in the file object.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/controlling-device-namespace-access>
pub fn open_below(
    cx: &mut Cx,
    target: u64,
    name: &str,
    access: u32,
) -> Result<Result<u16, u32>, Stop> {
    if cx.state.pnp.closed {
        cx.next_tag = 0;
        // The PnP manager lets nobody in; which status it gives is not documented.
        return Ok(Err(status::STATUS_NO_SUCH_DEVICE));
    }
    // The type is that of the device that was opened: by the link of a device interface, that is
    // the physical device object, whatever the drivers above it call theirs.
    let kind = cx.bus.memory.peek32(target + device_object::DEVICE_TYPE);
    if MOUNTED.contains(&kind) {
        return cx.unsupported(format!(
            "opening a device of type {kind:#x}, on which the I/O manager mounts a file system"
        ));
    }
    // The I/O manager counts by the named device that is opened, whatever name stands behind its own;
    // what devices above it say of themselves has no effect.
    // <https://learn.microsoft.com/windows-hardware/drivers/kernel/specifying-exclusive-access-to-device-objects>
    let exclusive = cx.bus.memory.peek32(target + device_object::FLAGS) & device::EXCLUSIVE != 0;
    let opened = cx.bus.memory.peek32(target + device_object::REFERENCE_COUNT);
    if exclusive && opened != 0 {
        cx.next_tag = 0;
        return Ok(Err(status::STATUS_ACCESS_DENIED));
    }
    let top = device::top_of_stack(cx, target);
    let object = pool::allocate(cx, BlockKind::Object, false, file::SIZE, 0);
    let Some(object) = object else { return Err(Stop::Run) };
    let security = pool::allocate(cx, BlockKind::Object, false, 0x20, 0);
    let Some(security) = security else { return Err(Stop::Run) };
    let memory = &mut cx.bus.memory;
    memory.fill(object, file::SIZE, 0);
    memory.poke16(object, TYPE_FILE);
    memory.poke16(object + file::SIZE_FIELD, file::SIZE as u16);
    memory.poke64(object + file::DEVICE_OBJECT, target);
    memory.poke8(object + file::READ_ACCESS, u8::from(access & 1 != 0));
    memory.poke8(object + file::WRITE_ACCESS, u8::from(access & 2 != 0));
    file_name(cx, object, name)?;
    let options = cx.live.as_ref().map(|live| live.create_options);
    let memory = &mut cx.bus.memory;
    if options.is_some_and(|options| options & 0x20 != 0) {
        // FO_SYNCHRONOUS_IO, for FILE_SYNCHRONOUS_IO_NONALERT.
        memory.poke32(object + file::FLAGS, 2);
    }
    memory.fill(security, 0x20, 0);
    memory.poke32(security + nt::layout::io_security_context::DESIRED_ACCESS, access);
    device::reference(cx, target, 1);
    let tag = cx.next_tag;
    let file = File { object, device: target, open: false, closed: false, busy: 0, tag };
    let number = file_number(cx, file);
    let (index, at, here) = make(cx, top, Some(number), major::CREATE, 0, false)?;
    let memory = &mut cx.bus.memory;
    memory.poke64(here + location::PARAMETERS_CREATE_SECURITY_CONTEXT, security);
    // FILE_OPEN in the top byte; FILE_NON_DIRECTORY_FILE.
    memory.poke32(here + location::PARAMETERS_CREATE_OPTIONS, options.unwrap_or(1 << 24 | 0x40));
    memory.poke16(here + location::PARAMETERS_CREATE_SHARE_ACCESS, 3);
    send(cx, index, top, at)?;
    let (code, _) = wait(cx, index)?;
    if cx.live.is_some() {
        pool::free(cx, security);
    }
    if code >= 0x8000_0000 {
        free_name(cx, object);
        if cx.live.is_some() && crate::ob::object::pointers(cx, object) == 0 {
            pool::free(cx, object);
        }
        device::reference(cx, target, -1);
        cx.state.files[usize::from(number)].closed = true;
        return Ok(Err(code));
    }
    cx.state.files[usize::from(number)].open = true;
    Ok(Ok(number))
}

/// A number for a file that is being opened: a new one, or in a run without an end that of a file
/// which is closed.
fn file_number(cx: &mut Cx, file: File) -> u16 {
    if let Some(number) = cx.live.as_mut().and_then(|live| live.file()) {
        let kind = crate::ob::object::Kind::File(number);
        cx.state.objects.retain(|object| object.kind != kind);
        cx.state.files[usize::from(number)] = file;
        return number;
    }
    cx.state.files.push(file);
    (cx.state.files.len() - 1) as u16
}

/// Puts a name into a file object. Its storage is paged.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_file_object>
fn file_name(cx: &mut Cx, object: u64, name: &str) -> Result<(), Stop> {
    if name.is_empty() {
        return Ok(());
    }
    let text: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let Ok(bytes) = u16::try_from(text.len()) else {
        return cx.unsupported("a name of more than 32767 characters");
    };
    let buffer = pool::allocate(cx, BlockKind::Object, true, u64::from(bytes), 0);
    let Some(buffer) = buffer else { return Err(Stop::Run) };
    let memory = &mut cx.bus.memory;
    memory.poke(buffer, &text);
    memory.poke16(object + file::FILE_NAME, bytes);
    memory.poke16(object + file::FILE_NAME + 2, bytes);
    memory.poke64(object + file::FILE_NAME + unicode_string::BUFFER, buffer);
    Ok(())
}

/// The name ends with the file object.
fn free_name(cx: &mut Cx, object: u64) {
    let buffer = cx.bus.memory.peek64(object + file::FILE_NAME + unicode_string::BUFFER);
    if buffer != 0 {
        pool::free(cx, buffer);
    }
}

/// An application asks what kind of file it has open, as C run-times do in `open` and `fopen`. The I/O
/// manager tells the type of the device that was opened, without a request to its driver.
pub fn ask_type(cx: &mut Cx, opened: u16) -> Result<(), Stop> {
    cx.moment();
    cx.say(crate::event::Event::FileType { file: opened })
}

/// Starts a data request; it may be done or pending afterwards.
pub fn start(cx: &mut Cx, opened: u16, transfer: Transfer) -> Result<u16, Stop> {
    let target = cx.state.files[usize::from(opened)].device;
    let top = device::top_of_stack(cx, target);
    let (index, at, here) = make(cx, top, Some(opened), transfer.major, 0, false)?;
    let flags = cx.bus.memory.peek32(top + device_object::FLAGS);
    let output = transfer.output.min(MOST_BYTES);
    let input = transfer.input.min(MOST_BYTES);
    match transfer.major {
        major::READ | major::WRITE => {
            let neither = flags & (BUFFERED | DIRECT) == 0;
            let pointer = if neither { transfer.pointers.1 } else { Pointer::Good };
            let buffer = user_pointer(cx, output, pointer);
            let memory = &mut cx.bus.memory;
            memory.poke32(here + location::PARAMETERS_READ_LENGTH, output as u32);
            memory.poke64(here + location::PARAMETERS_READ_BYTE_OFFSET, transfer.offset);
            let reads = transfer.major == major::READ;
            if flags & BUFFERED != 0 {
                buffered(cx, index, at, buffer, if reads { 0 } else { output }, output, reads)?;
            } else if flags & DIRECT != 0 {
                direct(cx, index, at, buffer, output, reads)?;
            } else {
                cx.bus.memory.poke64(at + irp::USER_BUFFER, buffer);
            }
            note_buffer(cx, index, buffer, output);
        }
        major::FLUSH_BUFFERS => {}
        _ => control(cx, index, at, here, Transfer { input, output, ..transfer })?,
    }
    if cx.over {
        return Err(Stop::Run);
    }
    // Without a buffer to go to, it must not wait for somebody else's.
    cx.next_data = None;
    send(cx, index, top, at)?;
    Ok(index)
}

fn note_buffer(cx: &mut Cx, index: u16, buffer: u64, bytes: u64) {
    let request = &mut cx.state.requests[usize::from(index)];
    request.buffer = buffer;
    request.bytes = bytes;
}

/// Buffered I/O: a kernel buffer as large as the larger side, filled with the input.
fn buffered(
    cx: &mut Cx,
    index: u16,
    at: u64,
    buffer: u64,
    input: u64,
    room: u64,
    copies_back: bool,
) -> Result<(), Stop> {
    if room == 0 {
        return Ok(());
    }
    let system = pool::allocate(cx, BlockKind::Buffer, false, room, 0);
    let Some(system) = system else { return Err(Stop::Run) };
    cx.bus.memory.fill(system, room, pool::UNINITIALISED);
    cx.bus.memory.copy(buffer, system, input);
    cx.bus.memory.poke64(at + irp::ASSOCIATED_IRP_SYSTEM_BUFFER, system);
    let request = &mut cx.state.requests[usize::from(index)];
    request.system = system;
    request.copy_back = if copies_back { room } else { 0 };
    Ok(())
}

/// Direct I/O: an MDL with the buffer locked; none for zero bytes.
fn direct(
    cx: &mut Cx,
    index: u16,
    at: u64,
    buffer: u64,
    bytes: u64,
    write: bool,
) -> Result<(), Stop> {
    if bytes == 0 {
        return Ok(());
    }
    let Some(list) = mdl::make(cx, buffer, bytes) else { return Err(Stop::Run) };
    if mdl::lock(cx, list, write).is_none() {
        return Err(Stop::Run);
    }
    cx.bus.memory.poke64(at + irp::MDL_ADDRESS, list);
    cx.state.requests[usize::from(index)].mdl = list;
    Ok(())
}

fn control(cx: &mut Cx, index: u16, at: u64, here: u64, transfer: Transfer) -> Result<(), Stop> {
    let Transfer { code, input, output, .. } = transfer;
    let pointers = if code & 3 == 3 { transfer.pointers } else { Default::default() };
    let from = user_pointer(cx, input, pointers.0);
    let to = user_pointer(cx, output, pointers.1);
    let memory = &mut cx.bus.memory;
    memory
        .poke32(here + location::PARAMETERS_DEVICE_IO_CONTROL_OUTPUT_BUFFER_LENGTH, output as u32);
    memory.poke32(here + location::PARAMETERS_DEVICE_IO_CONTROL_INPUT_BUFFER_LENGTH, input as u32);
    memory.poke32(here + location::PARAMETERS_DEVICE_IO_CONTROL_IO_CONTROL_CODE, code);
    memory.poke64(at + irp::USER_BUFFER, to);
    note_buffer(cx, index, to, output);
    // Transfer type: METHOD_BUFFERED 0, METHOD_IN_DIRECT 1, METHOD_OUT_DIRECT 2, METHOD_NEITHER 3.
    match code & 3 {
        0 => buffered(cx, index, at, from, input, input.max(output), true)?,
        1 | 2 => {
            buffered(cx, index, at, from, input, input, false)?;
            direct(cx, index, at, to, output, code & 3 == 2)?;
        }
        _ => {
            let place = here + location::PARAMETERS_DEVICE_IO_CONTROL_TYPE3_INPUT_BUFFER;
            cx.bus.memory.poke64(place, from);
        }
    }
    if code & 3 == 0 {
        let request = &mut cx.state.requests[usize::from(index)];
        request.copy_back = output;
    }
    Ok(())
}

/// Tells a driver the new end of file, as Cygwin does when it writes.
pub fn set_end_of_file(cx: &mut Cx, opened: u16, end: u64) -> Result<(u32, u64), Stop> {
    let target = cx.state.files[usize::from(opened)].device;
    let top = device::top_of_stack(cx, target);
    let (index, at, here) = make(cx, top, Some(opened), major::SET_INFORMATION, 0, false)?;
    let buffer = user_buffer(cx, 8);
    cx.bus.memory.poke64(buffer, end);
    buffered(cx, index, at, buffer, 8, 8, false)?;
    let memory = &mut cx.bus.memory;
    memory.poke32(here + location::PARAMETERS_SET_FILE_LENGTH, 8);
    // FileEndOfFileInformation
    memory.poke32(here + location::PARAMETERS_SET_FILE_FILE_INFORMATION_CLASS, 20);
    send(cx, index, top, at)?;
    wait(cx, index)
}

/// Cancels a request that is not done.
pub fn cancel_request(cx: &mut Cx, index: u16) -> Result<(), Stop> {
    cx.moment();
    cx.point()?;
    let request = cx.state.requests[usize::from(index)];
    if request.done.is_some() {
        return Ok(());
    }
    if cx.recorder.is_some() {
        cx.note(&format!("CancelIo of IRP {:#x}", request.irp));
    }
    cancel::cancel(cx, request.irp)?;
    Ok(())
}

/// Closes a handle: CLEANUP at once, CLOSE when no request is left.
pub fn close(cx: &mut Cx, opened: u16) -> Result<(), Stop> {
    let number = usize::from(opened);
    if !cx.state.files[number].open {
        return Ok(());
    }
    cx.state.files[number].open = false;
    let target = cx.state.files[number].device;
    let top = device::top_of_stack(cx, target);
    let (index, at, _) = make(cx, top, Some(opened), major::CLEANUP, 0, false)?;
    send(cx, index, top, at)?;
    wait(cx, index)?;
    while cx.state.files[number].busy > 0 {
        cx.block(Doing::ForKey(FILE_IDLE))?;
    }
    release(cx, opened)
}

/// Sends CLOSE for a file whose handle is closed, unless somebody refers to its object.
pub(crate) fn release(cx: &mut Cx, opened: u16) -> Result<(), Stop> {
    let number = usize::from(opened);
    let file = cx.state.files[number];
    let object = file.object;
    if file.open || file.closed || file.busy > 0 || crate::ob::object::pointers(cx, object) > 0 {
        return Ok(());
    }
    if cx.irql() > 0 {
        return cx.unsupported("the last reference to a file, given back at raised IRQL");
    }
    let target = file.device;
    let top = device::top_of_stack(cx, target);
    let (index, at, _) = make(cx, top, Some(opened), major::CLOSE, 0, false)?;
    send(cx, index, top, at)?;
    wait(cx, index)?;
    // Not before: the PnP manager removes a device once no file is left on it.
    cx.state.files[number].closed = true;
    free_name(cx, object);
    pool::free(cx, object);
    device::reference(cx, target, -1);
    Ok(())
}

/// Sends a PnP request down a stack; `parameters` go to Parameters.Others in order.
pub fn pnp(cx: &mut Cx, target: u64, minor: u8, parameters: [u64; 4]) -> Result<u32, Stop> {
    let top = device::top_of_stack(cx, target);
    let (index, at, here) = make(cx, top, None, major::PNP, minor, true)?;
    let memory = &mut cx.bus.memory;
    memory.poke32(at + irp::IO_STATUS_STATUS, status::STATUS_NOT_SUPPORTED);
    for (slot, value) in (0..).zip(parameters) {
        memory.poke64(here + location::PARAMETERS + 8 * slot, value);
    }
    send(cx, index, top, at)?;
    let status = wait(cx, index)?.0;
    if changes_state(minor) {
        cx.pause()?;
    }
    Ok(status)
}

/// Whether a PnP request takes a device from one state to another. The PnP manager has much to do
/// between two of these, so whoever uses the device meets each state; after its mere questions it
/// goes on.
fn changes_state(minor: u8) -> bool {
    use crate::pnp::manager::minor::*;
    matches!(
        minor,
        START_DEVICE
            | QUERY_STOP_DEVICE
            | STOP_DEVICE
            | CANCEL_STOP_DEVICE
            | QUERY_REMOVE_DEVICE
            | CANCEL_REMOVE_DEVICE
            | SURPRISE_REMOVAL
    )
}

/// One line about a request on its way to a driver, with its stack of locations.
pub(crate) fn describe(world: &World, at: u64, target: u64, major: u8, minor: u8) -> String {
    let memory = &world.bus.memory;
    let number = world.state.irp(at).map_or(1, |record| record.number);
    let driver = memory.view64(target + device_object::DRIVER_OBJECT);
    let mut start = [0; 8];
    memory.view(driver + driver_object::DRIVER_START, &mut start);
    let start = u64::from_le_bytes(start);
    let module = world.modules.iter().find(|module| module.base == start);
    let module = module.map_or("the bus driver", |module| module.name.as_str());
    let device = world.state.devices.iter().find(|device| device.object == target);
    let name = match device.and_then(|device| device.name.clone()) {
        Some(name) => name.to_string(),
        None => format!("{target:#x}"),
    };
    let mut counts = [0; 2];
    memory.view(at + irp::STACK_COUNT, &mut counts);
    format!(
        "IRP {} {} to {module}, device {name}; location {} of {}",
        number,
        nt::irp::text(major, minor),
        u16::from(counts[0]) + 1 - u16::from(counts[1]).min(u16::from(counts[0])),
        counts[0],
    )
}
